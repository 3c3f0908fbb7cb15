"""What the tests of the conda backend share: a web server, and Pyve's modules without a room."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from pyve_test_helpers import TREE

STAND_IN = TREE / "tests" / "helpers" / "micromamba.bash"

# Reads a module as pyve.sh does, and runs code: bash -c DRIVER - TREE MODULE CODE [ARG]...
DRIVER = """set -euo pipefail
PYVE_ROOT=$1 PYVE_COMMAND=demo PYVE_JSON="" PYVE_QUIET="" PYVE_VERBOSE=${PYVE_VERBOSE-} PYVE_YES=""
. "$PYVE_ROOT/lib/output.sh"
trap finish EXIT
trap 'interrupt; exit 130' INT
. "$PYVE_ROOT/lib/$2.sh"
_code=$3
shift 3
eval "$_code"
"""


def driver(module: str, code: str, *args: str) -> list[str]:
    """Return the argument vector that runs code with a module of lib/ read."""
    return ["bash", "-c", DRIVER, "-", str(TREE), module, code, *args]


class WebServer:
    """A server on this machine that answers as the test says.

    Attributes:
        url: where it is, without a slash at the end.
        answers: what each path gets: status, header lines, body, and how many bytes of the body are
            sent before the connection is closed (None: all).
        requests: the header lines of each request, with "path" as one of them.
    """

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        """Start it.

        Args:
            tls: certificate and key, for https.
        """
        self.answers: dict[str, tuple[int, dict[str, str], bytes, int | None]] = {}
        self.requests: list[dict[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append({"path": self.path, **dict(self.headers.items())})
                answer = outer.answers.get(self.path, (404, {}, b"<html>Not Found</html>", None))
                status, headers, body, sent = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body[:sent])
                self.close_connection = True

            def log_message(self, *_args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if tls:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def answer(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        sent: int | None = None,
    ) -> str:
        """Set what a path gets, and return its URL. A header that is "" is not sent."""
        self.answers[path] = (status, headers or {}, body, sent)
        return self.url + path

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def web_server(tls: tuple[Path, Path] | None = None) -> Iterator[WebServer]:
    """A server for the length of a with statement."""
    server = WebServer(tls)
    try:
        yield server
    finally:
        server.close()


def link_tools(folder: Path, names: str) -> Path:
    """Make a folder with links to these programs of the machine, as far as it has them."""
    folder.mkdir(exist_ok=True)
    for name in names.split():
        path = shutil.which(name)
        if path is not None:
            (folder / name).symlink_to(os.path.realpath(path))
    return folder
