"""The one exception of the helpers, and keeping secrets out of what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

Texts = Union[str, "Sequence[str]"]

_LOGIN = re.compile(r"(?<=://)[^/\s'\"]*@")
_TOKEN = re.compile(r"(://[^\s'\"]*?/t/)[^/\s'\"]+")
_QUERY = re.compile(
    r"([?&](?:access_|auth_|api_)?(?:token|key|password|secret|signature)=)[^&\s'\"]+", re.I
)


class HelperError(Exception):
    """A failure that a person can do something about.

    Attributes:
        code: its name in the registry of codes, ``E_...``.
        message: what is wrong, in one line.
        why: the reasons, a line each.
        fix: command lines that mend it.
    """

    def __init__(self, code: str, message: str, why: Texts = (), fix: Texts = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = list_texts(why)
        self.fix = list_texts(fix)


def list_texts(texts: Texts) -> list[str]:
    """Give a list, also for a single text; empty texts are left out."""
    if isinstance(texts, str):
        texts = [texts]
    return [text for text in texts if text]


def redact(text: str) -> str:
    """Replace what may be secret in the URLs of a text by ``***``.

    That is: user and password, the token of a conda channel (``/t/TOKEN/``), and the parameters of
    a query that are named like a token or a password.
    """
    text = _TOKEN.sub(r"\1***", _LOGIN.sub("***@", text))
    return _QUERY.sub(r"\1***", text)
