"""Asking servers: who to be, and which certificates to trust; requests and urllib3 do the rest.

That is proxies, redirects (a login is not sent on to another host), ~/.netrc, and asking again.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, IncompleteRead
from urllib3.util import Retry

from pyve_core import count_things
from pyve_core.errors import redact

if TYPE_CHECKING:
    from pyve_locks.logins import Logins

__all__ = ["FAILURES", "LOCKED", "Page", "explain", "find_path", "open_session", "read_page"]

# What asking, and reading an answer, may raise.
FAILURES = (OSError, ValueError, HTTPError)
# The statuses of those who want to know who asks.
LOCKED = (401, 403, 407)
# Those that may be others a moment later; and how long a server may have that moment last.
_PASSING = (408, 425, 429, *range(500, 600))
_LONGEST = 60


class _Adapter(HTTPAdapter):
    """Trusts the certificates of the system; where it has none, those that come with requests."""

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Say what the connection trusts; REQUESTS_CA_BUNDLE has been heard already."""
        super().cert_verify(conn, url, verify, cert)
        if verify is True and _has_certificates():
            # (Then urllib3 takes what OpenSSL knows, as SSL_CERT_FILE and SSL_CERT_DIR say.)
            conn.ca_certs = None


def _has_certificates() -> bool:
    known = ssl.get_default_verify_paths()
    return bool(known.cafile) or (bool(known.capath) and any(Path(known.capath).glob("*")))


def open_session(logins: Logins, retries: int = 0) -> Session:
    """Give a session to ask with. It is for one thread, and leaves files alone.

    Args:
        logins: who to be.
        retries: how often to ask again when nobody answers, or not now (Retry-After is heeded).
            The last answer is given, whatever it is.
    """
    session = Session()
    session.auth = logins
    session.headers.update({"User-Agent": "pyve", "Accept-Encoding": "identity"})
    patience = Retry(
        retries,
        backoff_factor=0.5,
        status_forcelist=_PASSING,
        raise_on_status=False,
        retry_after_max=_LONGEST,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(max_retries=patience))
    return session


class Page(NamedTuple):
    """An answer.

    Attributes:
        status: 200 when all is well.
        url: where it came from in the end, without a login.
        kind: its media type.
        content: what was read of it.
    """

    status: int
    url: str
    kind: str
    content: bytes


def read_page(url: str, logins: Logins, accept: str, seconds: float, largest: int) -> Page:
    """Read a page of an index.

    Args:
        url: a ``file:`` URL, too.
        logins: who to be.
        accept: the media types that do.
        seconds: how long the server may be silent.
        largest: so many bytes are read at most.

    Raises:
        FAILURES: as explain() explains them.
    """
    path = find_path(url)
    if path:
        with open(path, "rb") as stream:
            return Page(200, url, "", stream.read(largest))
    with open_session(logins) as session:
        answer = session.get(url, headers={"Accept": accept}, timeout=seconds, stream=True)
        content = answer.raw.read(largest, decode_content=True)
    return Page(answer.status_code, answer.url, answer.headers.get("Content-Type", ""), content)


def explain(error: BaseException) -> str:
    """Say what is at the bottom of a failure: it is wrapped by each that it came through."""
    if isinstance(error, IncompleteRead):
        size = count_things(error.partial + error.expected, "byte")
        return f"it broke off after {error.partial} of {size}"
    below = error.__cause__ or error.__context__
    return explain(below) if below else redact(str(error)) or type(error).__name__


def find_path(url: str) -> str:
    """Give the path of a ``file:`` URL; "" for other URLs."""
    parts = urlsplit(url)
    return url2pathname(parts.path) if parts.scheme == "file" else ""
