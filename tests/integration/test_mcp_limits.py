"""What pyve mcp refuses, where it works, and what it logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from code_cases import brings
from mcp_session import ALL, Session, gone, log_of, project, session, shared, wait_for
from pyve_test_helpers import Pyve, mode, snapshot

__all__ = ["project", "session", "shared"]

# --- refusals


@brings("E_MCP_WRITE", "E_MCP_RUN")
def test_what_is_not_allowed_is_refused_and_says_how_to_allow_it(project: Pyve) -> None:
    before = snapshot(project.project, skip=(".pyve/mcp",))
    with Session(project, name="claude-code") as session:
        said = session.refused("E_MCP_WRITE", "init", force=True)
        assert said["message"] == "the tool init is not allowed here"
        assert "without --allow-write" in said["why"][0]
        fix = said["fix"][0]["command"]
        assert fix == ["pyve", "mcp", "install", "claude-code", "--allow-write"]
        said = session.refused("E_MCP_RUN", "run", command="touch", argument=["made"])
        fix = said["fix"][0]["command"]
        assert fix[-2:] == ["--allow-write", "--allow-run"]
    with Session(project, "--allow-write") as session:
        session.refused("E_MCP_RUN", "test")
        said = session.refused("E_MCP_RUN", "run", command="touch", argument=["made"])
    assert snapshot(project.project, skip=(".pyve/mcp",)) == before
    # A client that Pyve does not know is told how the server is started.
    with Session(project) as session:
        said = session.refused("E_MCP_RUN", "run", command="true")
    fix = said["fix"][0]["command"]
    assert fix == ["pyve", "mcp", "--allow-write", "--allow-run"]
    with Session(project, *fix[2:]) as session:
        assert session.call("run", command="true")["status"] == "ok"
        assert session.call("python-version")["status"] == "ok"
    gone("E_MCP_WRITE", "E_MCP_RUN")


@brings("E_MCP_TOOL")
def test_a_tool_that_does_not_exist_is_an_error_of_the_protocol(session: Session) -> None:
    error = session.end_call(session.begin_call("statsu"))["error"]
    assert error["code"] == -32602
    assert "E_MCP_TOOL" in error["message"]
    assert error["data"]["code"] == "E_MCP_TOOL"
    assert "status" in error["data"]["why"][0]
    # A command that is no tool.
    assert "error" in session.end_call(session.begin_call("purge"))
    assert session.call("status")
    gone("E_MCP_TOOL")


@brings("E_MCP_ARGUMENT")
@pytest.mark.parametrize(
    "name, arguments, why",
    [
        ("status", {"directry": "x"}, "there is no 'directry': did you mean 'directory'?"),
        ("init", {"backend": "nix"}, "backend has to be one of venv, micromamba, auto"),
        ("init", {"force": "yes"}, "force has to be of the type boolean"),
        ("init", {"python_version": 3.12}, "python_version has to be of the type string"),
        ("init", {"python_version": ""}, "python_version is empty"),
        ("run", {}, "'command' is missing"),
        ("run", {"command": "true", "timeout": 0}, "timeout has to be at least 1"),
        ("run", {"command": "true", "timeout": 99999}, "timeout has to be at most 3600"),
        ("run", {"command": "a\0b"}, "command has characters that no command can be given"),
        (
            "run",
            {"command": "true", "argument": ["a", 1]},
            "argument.1 has to be of the type string",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    shared: tuple[Pyve, Session],
    name: str,
    arguments: dict[str, Any],
    why: str,
) -> None:
    user, session = shared
    said = session.refused("E_MCP_ARGUMENT", name, **arguments)
    assert why in said["why"]
    fix = said["fix"][0]["command"]
    assert session.call("status")
    assert user(*fix[1:]).returncode == 0
    gone("E_MCP_ARGUMENT")


@brings("E_MCP_CHILD")
def test_a_command_that_gives_no_answer_is_told(session: Session) -> None:
    document = session.call("run", command="true", argument=["x" * 200_000] * 20)
    assert document["diagnostics"][0]["code"] == "E_MCP_CHILD"
    assert "Argument list too long" in document["diagnostics"][0]["why"][0]
    # Pyve is killed.
    code = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    document = session.call("run", command="python", argument=["-c", code])
    assert document["diagnostics"][0]["code"] == "E_MCP_CHILD"
    assert "status 137" in document["diagnostics"][0]["message"]
    assert session.call("run", command="true")["status"] == "ok"
    gone("E_MCP_CHILD")


def test_a_failure_of_pyve_comes_back_as_it_is(pyve: Pyve) -> None:
    with Session(pyve, *ALL) as session:
        said = session.refused("E_ENV_MISSING", "run", command="true")
        assert said["fix"][0]["command"][0] == "pyve"
        document = session.call("explain", code="E_NO_SUCH_CODE")
    assert document["status"] == "error"
    assert document["diagnostics"]


def test_a_command_that_is_not_there_ends_with_127(session: Session) -> None:
    document = session.call("run", command="no-such-command")
    assert document["exit_code"] == 127
    assert [item["code"] for item in document["diagnostics"]] == ["E_COMMAND_NOT_FOUND"]


# --- folders


@brings("E_MCP_ROOT")
@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_a_folder_outside_of_the_roots_is_refused(project: Pyve, era: str) -> None:
    other = project.root / "other"
    (other / "inner").mkdir(parents=True)
    (project.project / "way out").symlink_to(other)
    (project.project / "inner").mkdir()
    with Session(project, roots=[project.project], mode=era) as session:
        outside = ["..", str(other), "inner/../..", "way out", "way out/inner", "/", "a\0b"]
        for place in outside[:-1]:
            said = session.refused("E_MCP_ROOT", "status", directory=place)
            assert str(project.project) in " ".join(said["why"])
        session.refused("E_MCP_ARGUMENT", "status", directory=outside[-1])
        session.refused("E_MCP_ROOT", "status", directory="no such folder")
        for place in ("", ".", "inner", str(project.project)):
            arguments = {"directory": place} if place else {}
            assert session.call("status", **arguments)["status"] != "error", place
    gone("E_MCP_ROOT")


def test_the_start_folder_is_what_there_is_without_roots(project: Pyve) -> None:
    other = project.root / "other"
    other.mkdir()
    with Session(project) as session:
        said = session.refused("E_MCP_ROOT", "status", directory=str(other))
        assert said["why"][0] == f"the server was started in {project.project}"
        assert said["fix"][0]["command"] == ["pyve", "-C", str(other), "mcp"]
        assert session.call("status")["status"] != "error"
    with Session(project, cwd=other) as session:
        session.refused("E_MCP_ROOT", "status", directory=str(project.project))


def test_a_project_that_begins_above_a_root_is_outside(project: Pyve) -> None:
    inner = project.project / "src"
    inner.mkdir()
    before = snapshot(project.project, skip=(".pyve/mcp",))
    with Session(project, *ALL, roots=[inner]) as session:
        said = session.refused("E_MCP_ROOT", "python-version", ver="3.12")
        assert f"the project is {project.project}" in said["why"]
        session.refused("E_MCP_ROOT", "run", command="touch", argument=["made"])
    assert snapshot(project.project, skip=(".pyve/mcp",)) == before


def test_links_in_a_project_do_not_lead_out(project: Pyve) -> None:
    root = project.root / "root"
    root.mkdir()
    before = snapshot(project.project)
    with Session(project, *ALL, roots=[root]) as session:
        (root / ".venv").symlink_to(project.venv)
        said = session.refused("E_MCP_ROOT", "init", update=True, yes=True)
        assert said["message"].startswith(f"{root}/.venv leads out")
        assert f"it leads to {project.venv}" in said["why"]
        # Who only looks changes nothing there.
        assert session.call("status")["status"] != "error"
        (root / ".venv").unlink()
        (root / ".pyve").symlink_to(project.project / ".pyve")
        session.refused("E_MCP_ROOT", "python-version", ver="3.12")
        (root / ".pyve").unlink()
        (root / ".pyve").mkdir()
        (root / ".pyve" / "config").symlink_to(project.project / ".pyve" / "config")
        session.refused("E_MCP_ROOT", "config")
        session.refused("E_MCP_ROOT", "init", force=True, yes=True)
    assert snapshot(project.project) == before


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_roots_may_change(project: Pyve, era: str) -> None:
    other = project.root / "other"
    other.mkdir()
    with Session(project, roots=[project.project], mode=era) as session:
        session.refused("E_MCP_ROOT", "status", directory=str(other))
        # (Since 2026-07-28 the server asks each time.)
        session.ask("roots", roots=[other.as_uri()], notify=era == "legacy")
        wait_for(lambda: session.call("status", directory=str(other))["exit_code"] == 0)
        session.refused("E_MCP_ROOT", "status", directory=str(project.project))
        # The first of several is where tools work unless they are told.
        session.ask(
            "roots",
            roots=[project.project.as_uri(), other.as_uri()],
            notify=era == "legacy",
        )
        wait_for(lambda: session.call("status", directory=str(project.project))["exit_code"] == 0)
        assert session.call("config")["detail"]["config_file"]
        assert session.call("status", directory=str(other))["status"] != "error"


def test_roots_that_are_no_folders_here_give_nothing(project: Pyve) -> None:
    uris = [(project.root / "gone").as_uri(), "file://else/where"]
    with Session(project, roots=uris) as session:
        said = session.refused("E_MCP_ROOT", "status")
        assert said["message"] == "there is no folder that this server may work in"
    # A client may have no folder open: it names none.
    with Session(project, roots=[]) as session:
        assert session.call("status")["status"] != "error"


def test_a_root_is_a_uri(project: Pyve) -> None:
    folder = project.root / "a b%20c #ü"
    folder.mkdir()
    uri = folder.as_uri()
    assert "%20" in uri
    assert "%25" in uri
    roots = [uri, "file://localhost" + project.project.as_uri().removeprefix("file://") + "/"]
    with Session(project, roots=roots) as session:
        assert session.call("status")["detail"]["state"] == "uninitialized"
        assert session.call("status", directory=str(folder))["status"] != "error"
        assert session.call("status", directory=str(project.project))["status"] != "error"
        session.refused("E_MCP_ROOT", "status", directory=str(project.home))


def test_the_root_of_the_file_system_is_no_confinement(project: Pyve) -> None:
    with Session(project, cwd=Path("/")) as session:
        said = session.refused("E_MCP_ROOT", "status", directory=str(project.project))
        assert "it was started in /" in said["why"][0]


# --- the log


def test_each_call_is_logged_without_secrets(project: Pyve) -> None:
    secret = "hunter2-hunter2"
    url = f"https://ada:{secret}@example.org/simple"
    with Session(project, *ALL, name="a client") as session:
        session.call("status")
        session.refused("E_MCP_ARGUMENT", "status", nothing=url)
        session.call("run", command="sh", argument=["-c", "exit 3", url])
        session.refused("E_MCP_ROOT", "status", directory="/")
    entries = log_of(project)
    assert [entry["tool"] for entry in entries] == ["status", "status", "run", "status"]
    assert [entry["outcome"] for entry in entries] == ["done", "refused", "done", "refused"]
    assert [entry["exit_code"] for entry in entries] == [0, 1, 3, 1]
    assert entries[1]["codes"] == ["E_MCP_ARGUMENT"]
    assert entries[2]["arguments"]["command"] == "sh"
    assert {entry["client"] for entry in entries} == {"a client"}
    assert entries[0]["directory"] == str(project.project)
    assert all(entry["time"].endswith("Z") and entry["duration_ms"] >= 0 for entry in entries)
    path = project.project / ".pyve" / "mcp.jsonl"
    assert mode(path) == 0o600
    assert secret not in path.read_text()
    ignored = project.project / ".gitignore"
    assert ".pyve/mcp*.jsonl" in ignored.read_text().splitlines()


def test_a_project_that_init_has_made_is_logged(pyve: Pyve) -> None:
    """Made as people make it: with all the files that Pyve keeps for itself."""
    pyve.ok("init")
    with Session(pyve, *ALL) as session:
        session.call("status")
        session.call("init", update=True)
    assert [entry["tool"] for entry in log_of(pyve)] == ["status", "init"]
    pyve.ok("init", "--update")
    (pyve.project / ".pyve" / "mcp.old.jsonl").write_text("{}\n")
    # And the other way around: the server was there first.
    pyve.ok("purge", "--yes")
    assert not (pyve.project / ".pyve").exists()
    with Session(pyve, *ALL) as session:
        session.call("init")
    assert [entry["exit_code"] for entry in log_of(pyve)] == [0]
    pyve.ok("init", "--force", "--yes")
    assert len(log_of(pyve)) == 1


def test_secrets_of_a_project_elsewhere_are_not_logged(project: Pyve) -> None:
    """The server starts outside of it, and its .env changes while the server runs."""
    first, second = "first-canary-value", "second-canary-value"
    with Session(project, *ALL, roots=[project.project], cwd=project.home) as session:
        project.write(".env", f"A='{first}'\n")
        session.call("run", command="true", argument=[first])
        project.write(".env", f"A='{second}'\n")
        session.call("run", command="true", argument=[second])
        said = session.refused("E_MCP_ROOT", "status", directory=f"/{second}")
    assert second not in str(said["why"]) + said["message"]
    text = (project.project / ".pyve" / "mcp.jsonl").read_text()
    assert text.count('["***"]') == 2
    assert "canary" not in text


def test_nothing_is_logged_outside_of_the_roots(project: Pyve) -> None:
    root = project.root / "root"
    root.mkdir()
    with Session(project, roots=[root]) as session:
        session.refused("E_MCP_ROOT", "status", directory=str(project.project))
    with Session(project, cwd=project.project / ".pyve") as session:
        session.refused("E_MCP_ROOT", "status")
    assert log_of(project) == []
    log = project.home / ".local" / "state" / "pyve" / "mcp.jsonl"
    assert len(log.read_text().splitlines()) == 2


def test_two_servers_write_one_log(project: Pyve) -> None:
    with Session(project, *ALL) as one, Session(project, *ALL) as two:
        calls = [
            (session, session.begin_call("run", command="true", argument=[str(number)]))
            for number in range(5)
            for session in (one, two)
        ]
        for session, call in calls:
            assert session.end_call(call)["result"]["isError"] is False
        # What changes the project is done by one after the other.
        inits = [
            (session, session.begin_call("init", force=True, no_direnv=True))
            for session in (one, two)
        ]
        for session, call in inits:
            document = session.end_call(call)["result"]["structuredContent"]
            assert document["exit_code"] == 0, document
    assert len(log_of(project)) == 12
    assert project.prefix() == str(project.venv)


def test_a_log_that_cannot_be_written_stops_nothing(project: Pyve) -> None:
    (project.project / ".pyve" / "mcp.jsonl").mkdir()
    with Session(project) as session:
        assert session.call("status")["exit_code"] == 0
    assert not list((project.project / ".pyve" / "mcp.jsonl").iterdir())


def test_a_log_is_not_written_through_a_link(project: Pyve) -> None:
    target = project.root / "target"
    target.write_text("old")
    (project.project / ".pyve" / "mcp.jsonl").symlink_to(target)
    with Session(project) as session:
        assert session.call("status")["exit_code"] == 0
    assert target.read_text() == "old"
