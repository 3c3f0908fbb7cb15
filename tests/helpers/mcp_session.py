"""Sessions with `pyve mcp`: with the client of the official SDK, or with lines written by hand."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import code_cases
import json_documents
import pytest
from pyve_test_helpers import TREE, Pyve

__all__ = [
    "ALL",
    "PATIENCE",
    "RawSession",
    "Session",
    "gone",
    "list_children",
    "list_group",
    "log_of",
    "mcp_python",
    "project",
    "session",
    "shared",
    "wait_for",
]

# What gives all rights.
ALL = ("--allow-write", "--allow-run")

DRIVER = Path(__file__).with_name("mcp_driver.py")
# Longer than anything here takes; it only ends a test that hangs.
PATIENCE = 120


@functools.cache
def mcp_python() -> str:
    """Return the interpreter of Pyve's toolchain that has the SDK."""
    made = subprocess.run(
        [TREE / "scripts" / "make-test-toolchain.sh", "mcp"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return made.stdout.strip()


def wait_for(condition: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def list_group(group: int) -> list[str]:
    """Return the command lines of the living processes of a group."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    found = []
    for line in listed.stdout.splitlines():
        number, state, args = line.split(None, 2)
        if int(number) == group and not state.startswith("Z"):
            found.append(args)
    return found


def list_children(process: int) -> list[int]:
    """Return the living children of a process."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == process and not row[2].startswith("Z")]


class Session:
    """A client of the SDK, connected to a server that works in the project; a context manager.

    Attributes:
        server: the process number of the server.
    """

    def __init__(
        self,
        pyve: Pyve,
        *flags: str,
        roots: Sequence[str | Path] | None = None,
        mode: str = "auto",
        name: str = "test",
        cwd: Path | None = None,
        **env: str | None,
    ) -> None:
        self._next = 0
        self._answers: dict[int, dict[str, Any]] = {}
        mark = pyve.root / "server.pid"
        merged = {**pyve.env, **env}
        merged = {key: value for key, value in merged.items() if value is not None}
        start = {
            "command": "/bin/sh",
            "args": ["-c", 'echo $$ >"$0"; exec "$@"', str(mark), *pyve.command("mcp", *flags)],
            "cwd": str(cwd or pyve.project),
            "env": merged,
            "roots": None if roots is None else [as_uri(root) for root in roots],
            "mode": mode,
            "name": name,
        }
        self._driver = subprocess.Popen(
            [mcp_python(), "-E", "-s", "-B", str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(pyve.root / "server.log").open("w"),
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(pyve.home)},
        )
        self._log = pyve.root / "server.log"
        self._write(start)
        self._wait(0)
        self.server = int(mark.read_text())

    def _write(self, message: dict[str, Any]) -> None:
        assert self._driver.stdin is not None
        self._driver.stdin.write(json.dumps(message) + "\n")
        self._driver.stdin.flush()

    def _wait(self, number: int) -> dict[str, Any]:
        assert self._driver.stdout is not None
        while number not in self._answers:
            line = self._driver.stdout.readline()
            assert line, f"the client has ended:\n{self.said()}"
            message = json.loads(line)
            self._answers[message.pop("id")] = message
        return self._answers.pop(number)

    def said(self) -> str:
        """Return what the server and the client said on stderr."""
        return self._log.read_text()

    def begin(self, do: str, **order: Any) -> int:
        """Order something; return its number."""
        self._next += 1
        self._write({"id": self._next, "do": do, **order})
        return self._next

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Order something, and return the result, which is no error of the protocol."""
        answer = self._wait(self.begin(do, **order))
        assert "result" in answer, f"{answer}\n{self.said()}"
        result: dict[str, Any] = answer["result"]
        return result

    def begin_call(self, name: str, /, progress: bool = False, **arguments: Any) -> int:
        """Call a tool; return the number of the call."""
        return self.begin("call", name=name, arguments=arguments, progress=progress)

    def end_call(self, number: int) -> dict[str, Any]:
        """Wait for a call; return what became of it, with "result" or "error"."""
        return self._wait(number)

    def call(self, name: str, /, progress: bool = False, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and return its document; "progress" of it is what came in between."""
        result = self.ask("call", name=name, arguments=arguments, progress=progress)
        document: dict[str, Any] = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == document
        assert result["isError"] == (document["status"] == "error"), result
        json_documents.check(document)
        if progress:
            document["progress"] = result["progress"]
        return document

    def refused(self, code: str, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool, see that it fails with one diagnostic, and return that."""
        document = self.call(name, **arguments)
        assert document["status"] == "error"
        assert [item["code"] for item in document["diagnostics"]] == [code], document
        diagnostic: dict[str, Any] = document["diagnostics"][0]
        return diagnostic

    def close(self) -> None:
        """End the client as clients do: it closes the server's stdin."""
        if self._driver.poll() is None:
            self._write({"do": "close", "id": -1})
            self._driver.wait(PATIENCE)
        for stream in (self._driver.stdin, self._driver.stdout, self._driver.stderr):
            if stream is not None:
                stream.close()

    def kill(self) -> None:
        """End the client as if it had crashed."""
        self._driver.kill()
        self._driver.wait(PATIENCE)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def as_uri(root: str | Path) -> str:
    """Return the URI of a folder; a text is one already."""
    return root if isinstance(root, str) else root.as_uri()


class RawSession:
    """A server, and lines of JSON written by hand; a context manager.

    Attributes:
        process: the server.
        notes: the messages of the server that answer nothing.
    """

    def __init__(self, pyve: Pyve, *flags: str, cwd: Path | None = None, **env: str) -> None:
        self.notes: list[dict[str, Any]] = []
        self._log = pyve.root / "raw.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                pyve.command("mcp", *flags),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=cwd or pyve.project,
                env={**pyve.env, **env},
            )

    def said(self) -> str:
        """Return what the server said on stderr."""
        return self._log.read_text()

    def send(self, message: dict[str, Any] | str) -> None:
        """Write a line."""
        text = message if isinstance(message, str) else json.dumps(message)
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """Read a line, which has to be a message."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server has ended:\n{self.said()}"
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def request(self, number: int, method: str, **params: Any) -> dict[str, Any]:
        """Ask for something, and return the answer."""
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == number and "method" not in message:
                return message
            self.notes.append(message)

    def greet(self, version: str, **capabilities: Any) -> dict[str, Any]:
        """Shake hands, and return what the server says of itself."""
        answer = self.request(
            0,
            "initialize",
            protocolVersion=version,
            capabilities=capabilities,
            clientInfo={"name": "by hand", "version": "0"},
        )
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        result: dict[str, Any] = answer["result"]
        return result

    def __enter__(self) -> RawSession:
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


# --- fixtures, and what else tests share


@pytest.fixture
def project(pyve: Pyve) -> Pyve:
    """A user with an environment."""
    pyve.init()
    return pyve


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path
) -> Iterator[tuple[Pyve, Session]]:
    """A user with an environment, and a session with all rights: tests leave both as they are."""
    root = tmp_path_factory.mktemp("shared")
    user = Pyve(root, template_cache)
    user.init()
    with Session(user, *ALL) as session:
        yield user, session
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def session(shared: tuple[Pyve, Session]) -> Session:
    """A session with all rights in a project that stays as it is."""
    return shared[1]


def log_of(pyve: Pyve) -> list[dict[str, Any]]:
    """Return the entries of the project's log."""
    path = pyve.project / ".pyve" / "mcp.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def gone(*codes: str) -> None:
    """Say that a test has seen codes come and go by its own means."""
    code_cases._gone.update(codes)
