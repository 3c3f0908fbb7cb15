"""pyve mcp, spoken to by lines of JSON written by hand, in the words of older revisions."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from mcp_session import ALL, PATIENCE, RawSession, list_children, log_of, project, wait_for
from pyve_test_helpers import Pyve

__all__ = ["project"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
def test_an_older_revision_is_served(project: Pyve, version: str) -> None:
    with RawSession(project, *ALL) as server:
        hello = server.greet(version)
        assert hello["protocolVersion"] == version
        assert hello["serverInfo"]["name"] == "pyve"
        assert server.request(1, "ping")["result"] == {}
        tools = server.request(2, "tools/list")["result"]["tools"]
        assert {"status", "init", "run"} <= {tool["name"] for tool in tools}
        assert all(tool["inputSchema"]["type"] == "object" for tool in tools)
        answer = server.request(3, "tools/call", name="config", arguments={})["result"]
        assert answer["isError"] is False
        # Such clients read the text.
        document = json.loads(answer["content"][0]["text"])
        assert document["command"] == "config"
        assert document["status"] == "ok"
        answer = server.request(4, "tools/call", name="run", arguments={"command": "false"})
        assert answer["result"]["isError"] is True
        uris = [item["uri"] for item in server.request(5, "resources/list")["result"]["resources"]]
        assert "pyve://status" in uris
        contents = server.request(6, "resources/read", uri="pyve://status")["result"]["contents"]
        assert json.loads(contents[0]["text"])["command"] == "status"
        assert server.request(7, "tools/call", name="nothing")["error"]["code"] == -32602
        assert server.request(8, "resources/read", uri="pyve://nothing")["error"]
        assert server.request(9, "no/such")["error"]["code"] == -32601
        assert server.request(10, "tools/call")["error"]["code"] == -32602
        assert server.notes == []
    assert server.process.returncode == 0
    assert server.said() == ""


def test_an_unknown_revision_gets_one_that_is_known(pyve: Pyve) -> None:
    with RawSession(pyve) as server:
        assert re.match(r"20\d\d-\d\d-\d\d", server.greet("1999-01-01")["protocolVersion"])


def test_progress_and_cancellation_in_an_older_revision(project: Pyve) -> None:
    with RawSession(project, *ALL) as server:
        server.greet("2024-11-05")
        server.send(
            {
                "jsonrpc": "2.0",
                "id": "a",
                "method": "tools/call",
                "params": {
                    "name": "run",
                    "arguments": {"command": "sh", "argument": ["-c", "touch begun; sleep 600; :"]},
                    "_meta": {"progressToken": "token"},
                },
            }
        )
        wait_for((project.project / "begun").exists)
        (group,) = list_children(server.process.pid)
        server.send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": "a", "reason": "enough"},
            }
        )
        wait_for(lambda: group not in list_children(server.process.pid))
        # A call that was cancelled is not answered; others are.
        answer = server.request(
            2,
            "tools/call",
            name="init",
            arguments={"update": True, "no_direnv": True},
            _meta={"progressToken": 7},
        )
        assert answer["result"]["isError"] is False
        told = [note["params"] for note in server.notes]
        assert {note["method"] for note in server.notes} == {"notifications/progress"}
        mine = [params for params in told if params["progressToken"] == 7]
        assert [params["progress"] for params in mine] == list(range(1, len(mine) + 1))
        assert all(params["message"] for params in mine)


def test_the_client_is_asked_for_its_roots(project: Pyve) -> None:
    other = project.root / "other"
    other.mkdir()
    with RawSession(project) as server:
        server.greet("2024-11-05", roots={"listChanged": True})

        def call(number: int, folder: Path, roots: list[str] | None) -> dict[str, object]:
            """Call a tool; answer roots/list when it comes, if it is to come."""
            server.send(
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "tools/call",
                    "params": {"name": "status", "arguments": {"directory": str(folder)}},
                }
            )
            message = server.read()
            if roots is not None:
                assert message["method"] == "roots/list"
                listed = [{"uri": uri, "name": "x"} for uri in roots]
                server.send({"jsonrpc": "2.0", "id": message["id"], "result": {"roots": listed}})
                message = server.read()
            assert message["id"] == number
            document: dict[str, object] = message["result"]["structuredContent"]
            return document

        def codes(document: dict[str, object]) -> list[str]:
            """Return the codes of the errors."""
            found = document["diagnostics"]
            assert isinstance(found, list)
            return [item["code"] for item in found if item["level"] == "error"]

        assert codes(call(1, other, [project.project.as_uri()])) == ["E_MCP_ROOT"]
        # It is asked once.
        assert codes(call(2, project.project, None)) == []
        changed = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}
        server.send(changed)
        server.request(3, "ping")
        assert codes(call(4, project.project, [other.as_uri()])) == ["E_MCP_ROOT"]
        assert codes(call(5, other, None)) == []


def test_roots_that_change_while_they_are_asked_for_are_asked_for_again(project: Pyve) -> None:
    other = project.root / "other"
    other.mkdir()
    with RawSession(project) as server:
        server.greet("2024-11-05", roots={"listChanged": True})

        def call(number: int) -> None:
            params = {"name": "status", "arguments": {"directory": str(other)}}
            server.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})

        def answer(*roots: str) -> dict[str, object]:
            asked = server.read()
            assert asked["method"] == "roots/list"
            server.send({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
            listed = [{"uri": uri} for uri in roots]
            server.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": listed}})
            result: dict[str, object] = server.read()["result"]
            return result

        call(1)
        assert answer(project.project.as_uri())["isError"] is True
        call(2)
        # What names no folder gives none, not even that of the start.
        assert answer("file://[x")["isError"] is True
        call(3)
        assert answer("file://[x", "https://example.org/", other.as_uri())["isError"] is False


def test_a_client_that_cannot_say_its_roots_has_the_start_folder(project: Pyve) -> None:
    with RawSession(project) as server:
        server.greet("2024-11-05", roots={})
        for number, folder, is_error in ((1, ".", False), (2, "..", True)):
            server.send(
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "tools/call",
                    "params": {"name": "config", "arguments": {"directory": folder}},
                }
            )
            message = server.read()
            if number == 1:
                assert message["method"] == "roots/list"
                server.send(
                    {
                        "jsonrpc": "2.0",
                        "id": message["id"],
                        "error": {"code": -32601, "message": "?"},
                    }
                )
                message = server.read()
            assert message["result"]["isError"] is is_error


def test_what_is_no_message_does_not_end_the_server(project: Pyve) -> None:
    with RawSession(project) as server:
        for line in ("", "no JSON", "[]", "{}", '{"jsonrpc":"2.0"}', "\x00", '"' * 100_000):
            server.send(line)
        server.greet("2024-11-05")
        server.send("{" * 1000)
        assert server.request(1, "tools/call", name="config")["result"]["isError"] is False


def test_nothing_is_served_before_the_handshake(project: Pyve) -> None:
    with RawSession(project) as server:
        assert "error" in server.request(1, "tools/call", name="config", arguments={})
        server.greet("2024-11-05")
        assert server.request(2, "tools/call", name="config")["result"]


def test_a_client_that_leaves_at_once_leaves_no_server(pyve: Pyve) -> None:
    server = RawSession(pyve)
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(PATIENCE) == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read() == ""
    server.process.stdout.close()
    assert server.said() == ""


def test_streams_that_are_of_no_use_end_the_server_without_a_traceback(pyve: Pyve) -> None:
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *pyve.command("mcp")],
        cwd=pyve.project,
        env=pyve.env,
        capture_output=True,
        text=True,
    )
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, "", "")
    if not Path("/dev/full").exists():
        pytest.skip("NOT TESTED: there is no /dev/full")
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            pyve.command("mcp"),
            cwd=pyve.project,
            env=pyve.env,
            stdin=subprocess.PIPE,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps(hello) + "\n")
    process.stdin.flush()
    said = process.stderr.read()
    assert process.wait(PATIENCE) == 1
    process.stdin.close()
    process.stderr.close()
    assert said == "ERROR: mcp_server.py failed [E_HELPER]\n  why: No space left on device\n"


def test_a_client_that_does_not_listen_ends_the_server_quietly(project: Pyve) -> None:
    server = RawSession(project)
    server.greet("2024-11-05")
    assert server.process.stdout is not None
    assert server.process.stdin is not None
    server.process.stdout.close()
    server.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
    assert server.process.wait(PATIENCE) == 0
    assert "Traceback" not in server.said()
    server.process.stdin.close()


def test_a_client_that_does_not_read_is_left(project: Pyve) -> None:
    """It leaves while more is said than a pipe takes."""
    server = RawSession(project, *ALL)
    server.greet("2024-11-05")
    assert server.process.stdin is not None
    assert server.process.stdout is not None
    params = {"name": "schema", "arguments": {}}
    for number in range(1, 9):
        server.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
    wait_for(lambda: len(log_of(project)) == 8)
    server.process.stdin.close()
    server.process.stdout.close()
    assert server.process.wait(PATIENCE) == 0
    assert server.said() == ""


def test_what_tools_print_is_not_in_the_protocol(project: Pyve) -> None:
    """A start-up file of Python, and one of bash, that print something."""
    folder = project.root / "start-up"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("print('from Python')\n")
    (folder / "bash.sh").write_text("printf 'from bash\\n'\n")
    noisy = {"PYTHONPATH": str(folder), "PYTHONSTARTUP": str(folder / "sitecustomize.py")}
    with RawSession(project, *ALL, **noisy) as server:
        server.greet("2024-11-05")
        answer = server.request(1, "tools/call", name="doctor", arguments={})
        assert answer["result"]["structuredContent"]["command"] == "doctor"
        answer = server.request(
            2, "tools/call", name="run", arguments={"command": "python", "argument": ["-c", ""]}
        )
        assert answer["result"]["structuredContent"]["detail"]["stdout"] == "from Python\n"
