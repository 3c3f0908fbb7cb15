"""pyve mcp, spoken to by the client of the official SDK: what it offers, and what it answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from code_cases import brings
from distributions import make_wheel
from local_index import LocalIndex
from mcp_session import ALL, Session, gone, list_children, project, session, shared
from processes import is_alive
from pyve_test_helpers import TREE, Pyve, need_wheelhouse, snapshot
from sync_user import ask, use_index

__all__ = ["project", "session", "shared"]

READERS = [
    *("config", "doctor", "explain", "export", "migrate", "outdated", "profile"),
    *("python", "schema", "status", "tree", "validate", "why"),
]
WRITERS = [
    *("add", "init", "lock", "prefetch", "python-version", "remove", "sync", "testenv"),
    *("tool", "upgrade"),
]
RUNNERS = ["fmt", "imports", "lint", "run", "test", "typecheck", "x"]


def names(listed: dict[str, Any]) -> list[str]:
    """Return the names of the tools."""
    return [tool["name"] for tool in listed["tools"]]


# --- handshake and lists


@pytest.mark.parametrize("mode, version", [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_handshake_says_what_is_served(pyve: Pyve, mode: str, version: str) -> None:
    with Session(pyve, mode=mode) as session:
        info = session.ask("info")
    assert info["version"] == version
    assert info["server"] == {"name": "pyve", "title": "Pyve", "version": "2.0.0"}
    assert "tools" in info["capabilities"]
    assert "resources" in info["capabilities"]
    assert "status" in info["instructions"]


def test_tools_are_listed_as_they_are_allowed(pyve: Pyve, session: Session) -> None:
    with Session(pyve) as reader:
        assert names(reader.ask("tools")) == READERS
    with Session(pyve, "--allow-write") as writer:
        assert sorted(names(writer.ask("tools"))) == sorted(READERS + WRITERS)
    assert sorted(names(session.ask("tools"))) == sorted(READERS + WRITERS + RUNNERS)


def test_a_tool_says_what_it_takes_and_does(session: Session) -> None:
    tools = {tool["name"]: tool for tool in session.ask("tools")["tools"]}
    for tool in tools.values():
        assert tool["title"]
        assert tool["description"].startswith(tool["title"])
        assert tool["inputSchema"]["additionalProperties"] is False
        assert "directory" in tool["inputSchema"]["properties"]
        assert tool["outputSchema"]["required"]
    init = tools["init"]["inputSchema"]["properties"]
    assert init["backend"]["enum"] == ["venv", "micromamba", "auto"]
    assert init["force"]["type"] == "boolean"
    assert init["python_version"]["type"] == "string"
    assert tools["lock"]["inputSchema"]["properties"]["platform"]["type"] == "array"
    run = tools["run"]["inputSchema"]
    assert run["required"] == ["command"]
    assert run["properties"]["argument"]["type"] == "array"
    assert run["properties"]["timeout"]["maximum"] == 3600
    assert run["properties"]["max_output"]["default"] == 20000
    hints = {name: tool["annotations"] for name, tool in tools.items()}
    assert hints["status"]["readOnlyHint"] is True
    assert hints["status"]["openWorldHint"] is False
    assert hints["init"]["readOnlyHint"] is False
    assert hints["init"]["destructiveHint"] is True
    assert hints["init"]["idempotentHint"] is True
    assert hints["lock"]["destructiveHint"] is False
    assert hints["run"]["destructiveHint"] is True
    assert hints["run"]["openWorldHint"] is True


def test_an_option_that_writes_needs_the_right_to(pyve: Pyve) -> None:
    with Session(pyve) as session:
        (doctor,) = [tool for tool in session.ask("tools")["tools"] if tool["name"] == "doctor"]
        assert doctor["annotations"]["readOnlyHint"] is True
        assert "only" in doctor["inputSchema"]["properties"]
        assert "fix" not in doctor["inputSchema"]["properties"]
        said = session.refused("E_MCP_WRITE", "doctor", fix=True)
    assert said["message"] == "fix of the tool doctor is not allowed here"
    with Session(pyve, "--allow-write") as session:
        (doctor,) = [tool for tool in session.ask("tools")["tools"] if tool["name"] == "doctor"]
        assert doctor["annotations"]["readOnlyHint"] is False
        assert "fix" in doctor["inputSchema"]["properties"]
        # What is never offered is never taken.
        assert "report" not in doctor["inputSchema"]["properties"]
        session.refused("E_MCP_ARGUMENT", "doctor", report="x")


def test_a_new_command_is_a_tool_by_its_header(pyve: Pyve) -> None:
    tree = pyve.root / "tree"
    tree.mkdir()
    for name in ("helpers", "docs"):
        (tree / name).symlink_to(TREE / name)
    shutil.copy(TREE / "pyve.sh", tree)
    shutil.copytree(TREE / "lib", tree / "lib")
    (tree / "lib" / "commands" / "greet.sh").write_text(
        "# Summary: Greet somebody\n"
        "# Group: Environment\n"
        "# Agent: write idempotent\n"
        "# Agent: run --loudly\n"
        "# Usage: pyve greet NAME... [--with WORD] [--loudly]\n"
        "# Argument: WORD hello|bye\n"
        "# Option: --with WORD  What to say\n"
        "# Option: --loudly     Shout\n"
        "# Exit: 0 done\n"
        "# States: any -> the same\n\n"
        "cmd_greet() {\n"
        "  need utils cli\n"
        '  parse_options "$@" || return 1\n'
        '  answer said "$opt_with ${ARGS[*]}"\n'
        "}\n"
    )
    pyve.tree = tree
    with Session(pyve) as session:
        assert names(session.ask("tools")) == READERS
        session.refused("E_MCP_WRITE", "greet")
    with Session(pyve, "--allow-write") as session:
        (tool,) = [tool for tool in session.ask("tools")["tools"] if tool["name"] == "greet"]
        properties = tool["inputSchema"]["properties"]
        assert tool["title"] == "Greet somebody"
        assert tool["annotations"]["idempotentHint"] is True
        assert tool["inputSchema"]["required"] == ["name"]
        assert sorted(properties) == ["directory", "name", "timeout", "with"]
        assert properties["with"] == {"enum": ["hello", "bye"], "description": "What to say"}
        session.refused("E_MCP_RUN", "greet", loudly=True)
        order = {"name": ["Ada", "--loudly"], "with": "hello"}
        result = session.ask("call", name="greet", arguments=order, progress=False)
    assert result["structuredContent"]["detail"] == {"said": "hello Ada --loudly"}


# --- every tool, once


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index with what the project asks for."""
    wheels = [make_wheel("alpha", "1.0"), make_wheel("beta", "1.0", ["alpha"])]
    for name in ("ruff", "mypy"):
        files = {f"{name}/__init__.py": "def main():\n    print('talk')\n"}
        wheels.append(make_wheel(name, "1.0", files=files, commands={name: f"{name}:main"}))
    with LocalIndex(*wheels, make_wheel("tiny", "1.0")) as served:
        yield served


def test_every_tool_answers_with_its_document(
    pyve: Pyve, index: LocalIndex, tmp_path: Path
) -> None:
    need_wheelhouse()
    wheelhouse = pyve.env["PIP_FIND_LINKS"]
    use_index(pyve, index, tmp_path / "uv cache")
    pyve.env["PIP_FIND_LINKS"] = pyve.env["UV_FIND_LINKS"] = wheelhouse
    ask(pyve, "beta")
    pyve.ok("lock")
    pyve.write("test_one.py", "def test_one():\n    print('seen')\n")
    calls: dict[str, dict[str, Any]] = {
        "add": {"requirement": ["tiny"], "dry_run": True},
        "fmt": {"argument": ["--check"]},
        "init": {"no_direnv": True},
        "imports": {"action": "find", "name": "json"},
        "lint": {},
        "config": {},
        "doctor": {},
        "explain": {"code": "E_ENV_MISSING"},
        "export": {"format": ["constraints"], "output": "constraints.txt"},
        "lock": {"check": True},
        "migrate": {},
        "outdated": {},
        "prefetch": {"dir": "wheels"},
        "profile": {"action": "list"},
        "python": {"action": "which"},
        "python-version": {},
        "remove": {"name": ["beta"], "dry_run": True},
        "run": {"command": "python", "argument": ["-c", "print('hello')"]},
        "schema": {},
        "status": {},
        "sync": {},
        "upgrade": {"no_sync": True},
        "testenv": {"install": True},
        "test": {"pytest_argument": ["-q"]},
        "tool": {"action": "list"},
        "tree": {"name": ["beta"], "svg": "beta.svg"},
        "validate": {},
        "typecheck": {},
        "why": {"name": "alpha"},
        "x": {"tool": "ruff", "argument": ["--version"]},
    }
    with Session(pyve, *ALL) as session:
        listed = session.ask("tools")
        assert sorted(calls) == sorted(names(listed)), "a tool without a call here"
        documents = {name: session.call(name, **arguments) for name, arguments in calls.items()}
    for name, document in documents.items():
        assert document["version"] == 1
        assert document["command"] == name
    failed = {name for name, document in documents.items() if document["status"] == "error"}
    assert failed == set(), [documents[name]["diagnostics"] for name in failed]
    assert documents["run"]["detail"]["stdout"] == "hello\n"
    assert "1 passed" in documents["test"]["detail"]["stdout"]
    assert documents["init"]["detail"]
    assert (pyve.venv / "bin" / "python").exists()


def test_resources_are_read(project: Pyve) -> None:
    with Session(project) as session:
        listed = session.ask("resources")["resources"]
        uris = [resource["uri"] for resource in listed]
        assert uris == [
            f"pyve://{name}" for name in ("status", "config", "lock", "doctor", "schema")
        ]
        assert all(resource["description"] for resource in listed)
        contents = {}
        for uri in uris:
            (content,) = session.ask("read", uri=uri)["contents"]
            assert content["uri"] == uri
            assert content["mimeType"] == "application/json"
            contents[uri] = json.loads(content["text"])
    for name in ("status", "config", "lock", "doctor"):
        assert contents[f"pyve://{name}"]["command"] == name
    assert contents["pyve://schema"] == json.loads(
        (TREE / "docs" / "schema" / "pyve-v1.json").read_text()
    )


def test_what_is_read_changes_nothing(project: Pyve) -> None:
    with Session(project) as session:
        # (The log is begun.)
        session.call("status")
        before = snapshot(project.project, skip=(".pyve/mcp.jsonl",))
        for name in READERS:
            session.call(name, **({"name": "alpha"} if name == "why" else {}))
        for name in ("status", "config", "lock", "doctor", "schema"):
            session.ask("read", uri=f"pyve://{name}")
    assert snapshot(project.project, skip=(".pyve/mcp.jsonl",)) == before


def test_a_project_that_was_never_begun_gets_no_file(pyve: Pyve) -> None:
    with Session(pyve) as session:
        session.call("status")
        session.call("doctor")
        session.refused("E_MCP_WRITE", "init")
    assert list(pyve.project.iterdir()) == []
    log = pyve.home / ".local" / "state" / "pyve" / "mcp.jsonl"
    assert [json.loads(line)["tool"] for line in log.read_text().splitlines()] == [
        "status",
        "doctor",
        "init",
    ]


# --- what run hands back


def test_the_streams_of_a_command_come_back_apart(session: Session) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    document = session.call("run", command="python", argument=["-c", code])
    assert document["exit_code"] == 7
    assert document["status"] == "error"
    detail = document["detail"]
    assert detail["stdout"] == "out\n"
    assert "err\n" in detail["stderr"]
    assert detail["stdout_left_out"] == detail["stderr_left_out"] == 0


def test_beginning_and_end_of_much_output_are_kept(session: Session) -> None:
    code = "print('begin'); print('x' * 5_000_000); print('end')"
    document = session.call("run", command="python", argument=["-c", code], max_output=1000)
    detail = document["detail"]
    assert detail["stdout"].startswith("begin\nxxx")
    assert detail["stdout"].endswith("xxx\nend\n")
    assert detail["stdout_left_out"] == 5_000_011 - 1000
    assert f"[... {5_000_011 - 1000} bytes left out ...]" in detail["stdout"]
    assert len(detail["stdout"]) < 1100


def test_arguments_reach_the_command_as_they_are(session: Session) -> None:
    words = ["--json", "-C", "a b", "$HOME", "é\n'\"", "", "--", "-x"]
    code = "import sys, json; print(json.dumps(sys.argv[1:]))"
    document = session.call("run", command="python", argument=["-c", code, *words])
    assert json.loads(document["detail"]["stdout"]) == words


def test_a_command_has_nothing_to_read(session: Session) -> None:
    document = session.call("run", command="cat")
    assert document["status"] == "ok"
    assert document["detail"]["stdout"] == ""


@brings("E_MCP_TIMEOUT")
def test_a_command_that_takes_too_long_is_ended(session: Session) -> None:
    script = "echo begun; sleep 600; :"
    arguments = {"command": "sh", "argument": ["-c", script]}
    document = session.call("run", timeout=4, **arguments)
    assert [item["code"] for item in document["diagnostics"]] == ["E_MCP_TIMEOUT"]
    assert document["detail"]["stdout"] == "begun\n"
    assert list_children(session.server) == []
    # A longer time is the remedy.
    arguments["argument"] = ["-c", script.replace("600", "0")]
    assert session.call("run", timeout=60, **arguments)["status"] == "ok"
    gone("E_MCP_TIMEOUT")


def test_what_a_command_leaves_running_is_ended_with_it(session: Session) -> None:
    document = session.call(
        "run", command="sh", argument=["-c", "sleep 600 & echo $!; trap '' TERM; exit 0"]
    )
    process = int(document["detail"]["stdout"])
    assert document["status"] == "ok"
    assert not is_alive(process)
