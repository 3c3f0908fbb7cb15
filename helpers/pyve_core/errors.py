"""The one exception of the helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from pyve_core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

Texts = Union[str, "Sequence[str]"]

__all__ = ["HelperError", "Texts", "list_texts", "redact"]


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
