"""pyve mcp over time: progress, cancellation, and how it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from mcp_session import (
    ALL,
    PATIENCE,
    Session,
    list_children,
    list_group,
    log_of,
    project,
    session,
    shared,
    wait_for,
)
from package_index import PackageIndex
from processes import is_alive
from pyve_test_helpers import Pyve, need_wheelhouse, snapshot

__all__ = ["project", "session", "shared"]

# --- progress and cancellation


def test_progress_is_told_to_a_client_that_asks(pyve: Pyve) -> None:
    with Session(pyve, "--allow-write") as session:
        document = session.call("init", progress=True, no_direnv=True)
    counts = [count for count, _, _ in document["progress"]]
    assert counts == sorted(set(counts))
    assert len(counts) >= 2
    said = [message for _, _, message in document["progress"]]
    assert all(said)
    told = [event["message"] for event in document["events"]]
    assert set(told) <= set(said)


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_cancelling_an_install_leaves_the_old_environment(project: Pyve, era: str) -> None:
    need_wheelhouse()
    project.write("requirements.txt", "iniconfig\n")
    skipped = (".pyve/mcp", ".pyve/tmp")
    with PackageIndex("iniconfig") as index:
        before = snapshot(project.project, skip=skipped)
        with Session(project, *ALL, mode=era, **index.env) as session:
            call = session.begin_call("init", deps=True, update=True, no_direnv=True)
            assert index.reached.wait(PATIENCE)
            (group,) = list_children(session.server)
            assert len(list_group(group)) > 1
            session.ask("cancel", target=call)
            assert session.end_call(call)["error"]["message"] == "cancelled"
            wait_for(lambda: not list_group(group))
            assert wait_for(
                lambda: [entry["outcome"] for entry in log_of(project)] == ["cancelled"]
            )
            assert snapshot(project.project, skip=skipped) == before
            assert not list((project.project / ".pyve").glob("tmp/*"))
            # The server goes on, and so does the work.
            index.go_on.set()
            document = session.call("init", deps=True, update=True, no_direnv=True)
            assert document["status"] != "error", document
            document = session.call("run", command="python", argument=["-c", "import iniconfig"])
            assert document["status"] == "ok"


def test_cancelling_ends_a_command_that_does_not_want_to(project: Pyve) -> None:
    script = "trap '' INT TERM; touch begun; while :; do sleep 1; done"
    with Session(project, *ALL) as session:
        call = session.begin_call("run", command="sh", argument=["-c", script])
        wait_for((project.project / "begun").exists)
        (group,) = list_children(session.server)
        session.ask("cancel", target=call)
        assert session.call("status")["exit_code"] == 0
        # It has some seconds to end; none of them when the client leaves.
        session.close()
        wait_for(lambda: not list_group(group))
        assert not is_alive(session.server)


# --- the end


def begin_sleep(session: Session, project: Pyve) -> int:
    """Begin a call that takes long; return the group of its processes."""
    session.begin_call("run", command="sh", argument=["-c", "touch begun; sleep 600; :"])
    wait_for((project.project / "begun").exists)
    (group,) = list_children(session.server)
    return group


def test_the_end_of_the_client_is_the_end_of_all(project: Pyve) -> None:
    with Session(project, *ALL) as session:
        group = begin_sleep(session, project)
        session.close()
        assert not list_group(group)
        assert not is_alive(session.server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_server_and_commands(project: Pyve, number: signal.Signals) -> None:
    with Session(project, *ALL) as session:
        group = begin_sleep(session, project)
        os.kill(session.server, number)
        wait_for(lambda: not list_group(group))
        wait_for(lambda: not is_alive(session.server))
        assert [entry["outcome"] for entry in log_of(project)] == ["cancelled"]


def test_a_client_that_crashes_leaves_nothing_behind(project: Pyve) -> None:
    session = Session(project, *ALL)
    group = begin_sleep(session, project)
    session.kill()
    wait_for(lambda: not list_group(group))
    wait_for(lambda: not is_alive(session.server))
    session.close()


# --- over time


@pytest.mark.slow
def test_a_hundred_calls_leave_no_trace(project: Pyve) -> None:
    with Session(project, *ALL) as session:

        def look() -> tuple[int, int, int]:
            status = Path(f"/proc/{session.server}/status").read_text()
            memory = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
            files = len(os.listdir(f"/proc/{session.server}/fd"))
            return files, len(list_children(session.server)), int(memory.split()[1])

        if not Path("/proc/self/status").exists():
            pytest.skip("NOT TESTED: there is no /proc")

        def round_of_calls() -> None:
            session.call("status")
            session.call("explain", code="E_ENV_MISSING")
            session.call("run", command="true")
            session.refused("E_MCP_ROOT", "status", directory="/")
            session.ask("read", uri="pyve://config")

        round_of_calls()
        files, children, memory = look()
        for _ in range(20):
            round_of_calls()
        files_then, children_then, memory_then = look()
    assert children == children_then == 0
    assert files_then <= files
    # Kilobytes.
    assert memory_then - memory < 15_000


def test_calls_at_the_same_time_do_not_disturb_each_other(session: Session) -> None:
    calls = [
        session.begin_call("run", command="sh", argument=["-c", f"echo {number}"])
        for number in range(20)
    ]
    for number, call in enumerate(calls):
        result = session.end_call(call)["result"]
        detail = result["structuredContent"]["detail"]
        assert detail["stdout"] == f"{number}\n", result["structuredContent"]
