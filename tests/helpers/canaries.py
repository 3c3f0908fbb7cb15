"""Secrets that a test plants everywhere, and the search for them in all that Pyve says and writes.

Each of them has the word CANARY in it, so that also a part of one is found.
"""

from __future__ import annotations

import base64
import functools
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from package_index import PackageIndex
from pyve_test_helpers import WHEELHOUSE, Pyve

WORD = "canary"
# User and password, as they are and as they stand in URLs.
LOGIN = ("canary-user", "canary/p@ss:word!")
URL_LOGIN = "canary-user:canary%2Fp%40ss%3Aword!"
ENVIRONMENT = {
    "FOO_TOKEN": "canary-foo-token",
    "X_PASSWORD": "canary x&\"pass\" *[a-z]? 'word' \\1 $HOME",
    "A_SECRET": "a-canary",
    "B_KEY": "--\nfirst-line-of-canary\nsecond-line-of-canary\n--\n",
    "CANARY_FREE_KEY": "longer-than-a-canary",
    "PIP_EXTRA_INDEX_URL": f"http://{URL_LOGIN}@127.0.0.1:1/simple",
    "UV_EXTRA_INDEX_URL": f"http://{URL_LOGIN}@127.0.0.1:1/simple",
    "DATABASE_URL": "postgres://someone:canary-db-password@127.0.0.1:1/db",
}
DOTENV = """\
# A comment.
PLAIN=canary-plain
export QUOTED="canary \\"quoted\\" with blanks"
SINGLE='canary $HOME single'
URL=https://someone:canary-url-password@example.org/x
EXPANDED=${PLAIN}-and-more
"""
NETRC = f"machine 127.0.0.1\n  login {LOGIN[0]}\n  password canary-netrc-password\n"
PIP_CONF = f"[global]\nextra-index-url = http://{URL_LOGIN}@127.0.0.1:1/simple\n"
REQUIREMENT = f"h11 @ http://{URL_LOGIN}@127.0.0.1:1/h11-0.16.0-py3-none-any.whl"
CHANNEL = f"http://{URL_LOGIN}@127.0.0.1:1/t/tk-canary/channel"


def plant(user: Pyve) -> set[Path]:
    """Put secrets into the environment, the home and the project of a user.

    Returns:
        The files that hold them, which no search shall look at.
    """
    user.env.update(ENVIRONMENT)
    planted = {
        user.home / ".netrc": NETRC,
        user.home / ".config" / "pip" / "pip.conf": PIP_CONF,
        user.home / ".local" / ".env": "MINE=canary-of-the-user\n",
        user.project / ".env": DOTENV,
        user.project / "notes.txt": "no " + WORD,
    }
    for path, text in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    return set(planted)


def find(content: bytes) -> list[bytes]:
    """Return the lines of a text that hold a part of a secret, however it is written."""
    return [line for line in content.splitlines() if any(form in line for form in forms())]


@functools.cache
def forms() -> tuple[bytes, ...]:
    """Return the ways in which a secret may be written."""
    word = WORD.encode()
    # As base64 has it, at each of three places; the outer characters depend on neighbours.
    coded = [base64.b64encode(b"x" * skip + word + b"xx") for skip in (0, 1, 2)]
    return (word, b"2Fp%40ss", b"p@ss:word", *(code[2:8] for code in coded))


def find_in_files(folders: list[Path], ignored: set[Path]) -> list[str]:
    """Return the files below the folders, with the line, that hold a part of a secret."""
    found = []
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                path = Path(place, name)
                if path in ignored or path.is_symlink() or not path.is_file():
                    continue
                lines = find(path.read_bytes())
                found += [f"{path}: {line[:200]!r}" for line in lines[:1]]
    return found


class LockedIndex(PackageIndex):
    """A package index that wants user and password of everybody.

    Attributes:
        login: what it wants; others get the status 401.
        asked: how often it answered to the right login.
    """

    def __init__(self, login: tuple[str, str] = LOGIN) -> None:
        super().__init__()
        self.login = login
        self.asked = 0
        index = self
        open_handler = self._server.RequestHandlerClass
        wanted = "Basic " + base64.b64encode(":".join(login).encode()).decode()

        class Handler(open_handler):  # type: ignore[misc, valid-type]
            def do_GET(self: BaseHTTPRequestHandler) -> None:
                if self.headers.get("Authorization") == wanted:
                    index.asked += 1
                    super().do_GET()  # type: ignore[misc]
                    return
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET

        assert isinstance(self._server, ThreadingHTTPServer)
        self._server.RequestHandlerClass = Handler

    def url_for(self, login: str) -> str:
        """The address with user and password as a URL has them."""
        return self.url.replace("://", f"://{login}@")


__all__ = [
    "CHANNEL",
    "DOTENV",
    "ENVIRONMENT",
    "LOGIN",
    "NETRC",
    "REQUIREMENT",
    "URL_LOGIN",
    "WHEELHOUSE",
    "LockedIndex",
    "find",
    "find_in_files",
    "plant",
]
