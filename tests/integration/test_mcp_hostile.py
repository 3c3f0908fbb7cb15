"""pyve mcp, spoken to by a client that means no good: malformed, huge, deep, and of wrong types."""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import json
import os
from typing import Any

from hostile_texts import CANARY, VALUES, WORDS, broken, config, twisted
from hypothesis import given
from mcp_session import RawSession, project
from pyve_test_helpers import Pyve

__all__ = ["project"]

CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {
        "name": "explain",
        "arguments": {"code": "E_LOCK_STALE", "directory": "."},
        "_meta": {"progressToken": 1},
    },
}
READ: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 8,
    "method": "resources/read",
    "params": {"uri": "pyve://none"},
}
LIST: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 9,
    "method": "tools/list",
    "params": {"cursor": "x"},
}
NOTE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "method": "notifications/cancelled",
    "params": {"requestId": 7},
}
GOOD = (CALL, READ, LIST, NOTE)
DEEP = 100_000


class Client:
    """Sends anything, and sees that the server still answers."""

    def __init__(self, server: RawSession) -> None:
        self.server = server
        self.number = 1000

    def write(self, data: bytes) -> None:
        """Write bytes as they are, whatever the encoding of the stream."""
        stream: Any = self.server.process.stdin
        stream.buffer.write(data)
        stream.flush()

    def send(self, data: bytes) -> None:
        """Send a line, and a question behind it, which is answered."""
        self.write(data.replace(b"\n", b" ") + b"\n")
        self.number += 1
        assert self.server.request(self.number, "ping")["result"] == {}


def test_messages_that_are_none_are_dropped(project: Pyve) -> None:
    lines = [
        *(
            b"\xff\xfe",
            b"\x00",
            b"null",
            b"1",
            b'""',
            b"[]",
            b"[1]",
            b"{}",
            b"NaN",
            b"{" * DEEP,
            b"[" * DEEP,
            b"9" * 5000,
        ),
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":'
        + b'{"a":' * DEEP
        + b"1"
        + b"}" * DEEP
        + b"}",
        *(
            b'{"jsonrpc":"2.0","id":' + id_ + b',"method":"ping"}'
            for id_ in (b"1e400", b"9" * 5000, b"{}", b"[1]", b"null", b"true")
        ),
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":99,"result":{}}',
        b'{"jsonrpc":"2.0","id":99,"error":{"code":"x"}}',
        b'{"jsonrpc":"2.0","id":5,"method":"no/such","params":[1]}',
        b'{"jsonrpc":"2.0","id":5,"method":"initialize","params":{"protocolVersion":[],"capabilities":1}}',
    ]
    with RawSession(project) as server:
        server.greet("2024-11-05")
        client = Client(server)
        for line in lines:
            client.send(line)
    assert server.process.returncode == 0
    assert "Traceback" not in server.said()


def test_what_hypothesis_makes_of_messages_is_answered_or_dropped(project: Pyve) -> None:
    before = sorted(path.name for path in project.root.iterdir())
    with RawSession(project) as server:
        server.greet("2024-11-05")
        client = Client(server)
        config(120)(given(broken(*map(json.dumps, GOOD)))(client.send))()
        config(120)(given(twisted(*GOOD))(lambda new: client.send(json.dumps(new).encode())))()
    assert server.process.returncode == 0
    assert "Traceback" not in server.said()
    # (The log of what the server said is this test's own.)
    assert sorted(path.name for path in project.root.iterdir() if path.name != "raw.log") == before
    assert not list(project.root.rglob(CANARY))


def test_arguments_of_tools_are_words_and_nothing_else(project: Pyve) -> None:
    """Each hostile value for each argument of the tools that read: refused, or a word for the command."""
    with RawSession(project) as server:
        server.greet("2024-11-05")
        number = 10
        every = 1 if os.environ.get("PYVE_FUZZ") else 9
        for name, key in (
            ("explain", "code"),
            ("status", "directory"),
            ("why", "name"),
            ("config", "timeout"),
        ):
            for value in [*WORDS, *VALUES][number % 7 :: every]:
                number += 1
                call = {"name": name, "arguments": {key: value}}
                message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
                server.send(json.dumps(message))
                while (answer := server.read()).get("id") != number:
                    pass
                assert "Traceback" not in json.dumps(answer)
                assert "E_INTERNAL" not in json.dumps(answer), (call, answer)
    assert server.process.returncode == 0
    assert not list(project.root.rglob(CANARY))


def test_a_line_without_an_end_costs_no_memory(project: Pyve) -> None:
    with RawSession(project) as server:
        server.greet("2024-11-05")
        client = Client(server)
        for _ in range(100):
            client.write(b'{"a": "' * 142_857)
        # What is left of it is no message, whatever it looks like.
        client.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}' * 3 + b"\n")
        client.send(b"")
        used = find_peak(server.process.pid)
        assert used is None or used < 250_000, used
    assert server.process.returncode == 0


def find_peak(pid: int) -> int | None:
    """Give the most memory that a process and its children have had, in KiB; None where that cannot be told."""
    peak = None
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            pids = [pid, *map(int, stream.read().split())]
        for one in pids:
            with open(f"/proc/{one}/status", encoding="ascii") as stream:
                for line in stream:
                    if line.startswith("VmHWM:"):
                        peak = max(peak or 0, int(line.split()[1]))
    except OSError:
        return None
    return peak
