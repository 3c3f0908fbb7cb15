"""A package index on this machine, whose answers a test can hold back."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pyve_test_helpers import WHEELHOUSE


def normalize(name: str) -> str:
    """Return the name of a distribution as an index spells it (PEP 503)."""
    return name.lower().replace("_", "-").replace(".", "-")


class PackageIndex:
    """Serves the wheels of .dev/wheelhouse as PEP 503 says; a context manager.

    Attributes:
        held: base names of wheels, or their beginnings; half of such a wheel is sent, and the
            rest when ``go_on`` is set.
        reached: set when half of a held wheel has been sent.
        go_on: see ``held``.
    """

    def __init__(self, *held: str) -> None:
        self.held = held
        self.reached = threading.Event()
        self.go_on = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = [part for part in self.path.split("/") if part]
                if len(parts) == 2 and parts[0] == "simple":
                    self.answer(index.page(parts[1]).encode(), "text/html")
                elif len(parts) == 2 and (WHEELHOUSE / parts[1]).is_file():
                    self.answer(
                        (WHEELHOUSE / parts[1]).read_bytes(),
                        "application/octet-stream",
                        parts[1].startswith(index.held) if index.held else False,
                    )
                else:
                    self.send_error(404)

            do_HEAD = do_GET

            def answer(self, content: bytes, kind: str, is_held: bool = False) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command == "HEAD":
                    return
                half = len(content) // 2
                self.wfile.write(content[:half])
                if is_held:
                    self.wfile.flush()
                    index.reached.set()
                    index.go_on.wait(60)
                self.wfile.write(content[half:])

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except (BrokenPipeError, ConnectionResetError):
                    """The client was interrupted: that is what tests do."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def page(self, name: str) -> str:
        """Return the links to the wheels of a distribution."""
        files = sorted(path.name for path in Path(WHEELHOUSE).glob("*.whl"))
        wanted = [file for file in files if normalize(file.split("-")[0]) == name]
        return "".join(f'<a href="/files/{file}">{file}</a>\n' for file in wanted)

    @property
    def url(self) -> str:
        """The address, for PIP_INDEX_URL and UV_INDEX_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple/"

    @property
    def env(self) -> dict[str, str | None]:
        """What makes pip and uv ask this index, and keep nothing of it."""
        return {
            "PIP_INDEX_URL": self.url,
            "PIP_NO_INDEX": None,
            "PIP_FIND_LINKS": None,
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
            "UV_INDEX_URL": self.url,
            "UV_NO_CACHE": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def __enter__(self) -> PackageIndex:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class IndexWithDigests(PackageIndex):
    """A package index that says the digests of its files."""

    def page(self, name: str) -> str:
        """Return the links to the wheels of a distribution."""

        def add_digest(found: re.Match[str]) -> str:
            data = (WHEELHOUSE / found.group(2)).read_bytes()
            return f'{found.group(1)}#sha256={hashlib.sha256(data).hexdigest()}"'

        return re.sub(r'(href="/files/([^"]*))"', add_digest, super().page(name))
