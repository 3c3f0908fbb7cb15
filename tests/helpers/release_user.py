"""A user who updates an installation of Pyve: releases, a server of them, kills at any step.

document = update(user, offered)              # offered: a fixture, the folder of release 9.1.0
with serve(offered, certificate) as server:   # server.url, .short, .held, .elsewhere
status = kill_at(user, 3, "self", "update", "--from", str(offered))
"""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from json_documents import check
from pyve_test_helpers import Pyve, find_program
from releases import Makers, run

NEXT = "9.1.0"
KILLER = """#!/bin/bash
# A program that ends all of Pyve before or after what it does, at the n-th such moment.
tick() {{
  count=$(($(cat '{root}/count') + 1))
  echo "$count" >'{root}/count'
  ((count != {moment})) || kill -9 -- -"$(cat '{root}/group')"
}}
tick
'{real}' "$@" || exit
tick
"""
STEPS = ("mv", "ln", "rm", "mkdir", "sync", "chmod")


@pytest.fixture(scope="module")
def makers(tmp_path_factory: pytest.TempPathFactory) -> Makers:
    """Those who make the releases of this module."""
    return Makers(tmp_path_factory.mktemp("makers"))


@pytest.fixture
def offered(user: Pyve, makers: Makers) -> Path:
    """A copy of release 9.1.0 in a folder with an ugly name; a test may change it."""
    return makers.copy(NEXT, user.root / "the 'new' release 50%20#?$(x)")


def update(user: Pyve, source: Path | str, *words: str, **env: str) -> dict[str, Any]:
    """Update, expect success, and return the document."""
    done = user("--json", "self", "update", "--from", str(source), *words, **env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    check(document)
    return dict(document["detail"])


def nothing_left(user: Pyve) -> None:
    """See that no file of an update in progress is there."""
    data = user.home / ".local/share/pyve"
    assert sorted(path.name for path in data.iterdir()) == ["app", "install.state", "versions"]
    assert not list((data / "versions").glob(".*"))


class Handler(SimpleHTTPRequestHandler):
    """Serves files; of those in ``server.short``, half; those in ``server.held`` when told."""

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name in self.server.held:  # type: ignore[attr-defined]  ours
            self.server.asked.set()  # type: ignore[attr-defined]
            self.server.go_on.wait(60)  # type: ignore[attr-defined]
        if self.server.elsewhere:  # type: ignore[attr-defined]
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere + self.path)  # type: ignore[attr-defined]
            self.end_headers()
            return
        if name not in self.server.short:  # type: ignore[attr-defined]
            super().do_GET()
            return
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve(folder: Path, certificate: Path | None) -> Iterator[Any]:
    """Serve a folder on 127.0.0.1, over https with a certificate; ``server.url`` is where."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.short, server.held, server.elsewhere = set(), set(), ""
    server.asked, server.go_on = threading.Event(), threading.Event()
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    server.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    run(find_program("openssl"), *words, "-keyout", folder / "key", "-out", folder / "cert")
    (folder / "both").write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return folder / "both"


def kill_at(user: Pyve, moment: int, *words: str) -> int:
    """Run pyve, and kill it at a moment, if there are so many (0: never); return its status."""
    (user.root / "count").write_text("0")
    start = 'echo $$ >"$1"; shift; exec "$@"'
    argv = ["bash", "-c", start, "-", str(user.root / "group"), *user.command(*words)]
    for name in STEPS:
        text = KILLER.format(root=user.root, real=find_program(name), moment=moment)
        user.add_program(name, text)
    child = subprocess.Popen(
        argv,
        env=user.env,
        cwd=user.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    status = child.wait()
    for name in STEPS:
        (user.bin / name).unlink()
    return status
