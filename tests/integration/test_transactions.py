"""One command at a time changes a project, and each changes all that it is to, or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings
from distributions import make_sdist, make_wheel
from processes import is_alive
from pyve_test_helpers import TREE, Pyve, snapshot
from sync_user import ask, installed

# What builds a project: it says that it was reached, and does not mind being asked to stop.
DISTRIBUTIONS = [
    make_wheel("idna", "3.4"),
    make_wheel("idna", "3.10"),
    make_wheel("iniconfig", "2.0"),
    make_sdist("slow", "1.0"),
]
STUBBORN = """import os, signal, subprocess, sys, time
def build_wheel(*_arguments, **_more):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    code = "import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(120)"
    child = subprocess.Popen([sys.executable, "-c", code])
    with open(os.environ["REACHED"] + ".part", "w") as stream:
        stream.write(f"{os.getpid()} {child.pid}")
    os.rename(os.environ["REACHED"] + ".part", os.environ["REACHED"])
    time.sleep(120)
build_editable = build_wheel
"""


def identity(process: int) -> str:
    """Return what stands in a lock for a process of this machine."""
    script = '. "$1/lib/project_lock.sh"; process_identity "$2"; me=$REPLY; find_machine; '
    script += 'printf %s "$me:$REPLY:sync"'
    argv = ["/bin/bash", "-c", script, "-", str(TREE), str(process)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def another(pyve: Pyve) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process have the lock of the project."""
    with subprocess.Popen(["sleep", "300"]) as other:
        (pyve.project / ".pyve").mkdir(exist_ok=True)
        (pyve.project / ".pyve/lock").symlink_to(identity(other.pid))
        yield other
        other.kill()


@pytest.fixture
def project(user: Pyve) -> Pyve:
    """A project that is locked and synced, with nothing but the lock's packages."""
    ask(user, "idna==3.4")
    user.write("pyproject.toml", read(user, "pyproject.toml") + "[tool.uv]\npackage = false\n")
    user.ok("init", "--no-direnv")
    user.ok("sync")
    return user


def read(pyve: Pyve, name: str) -> str:
    """Return the text of a file of the project."""
    return (pyve.project / name).read_text(encoding="utf-8")


def leftovers(pyve: Pyve) -> list[str]:
    """Return what no command may leave in a project."""
    top = pyve.project
    places = [*top.glob(".pyve/lock*"), *top.glob(".pyve/tmp*"), *top.glob("**/*.pyve-new.*")]
    return sorted(str(path.relative_to(top)) for path in places)


# --- one at a time


@brings("E_PROJECT_BUSY")
def test_with_no_wait_a_project_that_is_busy_is_a_failure(project: Pyve) -> None:
    before = snapshot(project.project)
    with another(project) as other:
        failure = bring(project, "E_PROJECT_BUSY", "add", "iniconfig", "--no-wait")
        failure.says(f"pyve sync (process {other.pid})", "--no-wait")
        assert project("--no-wait", "purge", "--yes").returncode == 1
        project.env["PYVE_NO_WAIT"] = "1"
        said = project("lock", "--upgrade").stderr
        assert "E_PROJECT_BUSY" in said and "env -u PYVE_NO_WAIT pyve lock --upgrade" in said
        # What only reads goes on.
        project.ok("run", "python", "-c", "pass")
        project.ok("status")
        del project.env["PYVE_NO_WAIT"]
        (project.project / ".pyve/lock").unlink()
        assert snapshot(project.project) == before
    failure.apply()
    failure.check_gone()
    assert "iniconfig 2.0" in installed(project)


def test_a_command_says_whom_it_waits_for(project: Pyve) -> None:
    with another(project) as other:
        waiting = subprocess.Popen(
            project.command("purge", "--yes"),
            cwd=project.project,
            env=project.env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert line == f"Waiting for pyve sync (process {other.pid}) to finish.\n"
        assert project.venv.exists()
        (project.project / ".pyve/lock").unlink()
        assert waiting.wait() == 0
        waiting.stderr.close()
    assert not project.venv.exists()


@pytest.mark.parametrize("where", ["machine", "container"])
def test_a_lock_of_another_machine_is_never_taken_over(project: Pyve, where: str) -> None:
    # (A process that is gone, as far as this machine can tell.)
    _pid, start, machine, boot, first, command = identity(os.getpid()).split(":")
    if where == "machine":
        machine = "elsewhere"
    else:
        first = f"{first}1"
    text = ":".join(["999999999", start, machine, boot, first, command])
    (project.project / ".pyve/lock").symlink_to(text)
    said = project("purge", "--yes", "--no-wait").stderr
    place = "on elsewhere" if where == "machine" else "of another container"
    assert "E_PROJECT_BUSY" in said and f"process 999999999 {place}" in said
    assert f"rm '{project.project}/.pyve/lock'" in said
    assert os.readlink(project.project / ".pyve/lock") == text
    doctor = project("doctor")
    assert doctor.returncode == 0 and "another Pyve (process 999999999)" in doctor.stdout
    # After another start of this machine nothing of that time runs.
    (project.project / ".pyve/lock").unlink()
    text = f"999999999:{start}:{identity(os.getpid()).split(':')[2]}:00000000:{first}:sync"
    (project.project / ".pyve/lock").symlink_to(text)
    project.ok("purge", "--yes", "--no-wait")


def test_a_project_is_not_kept_busy_by_a_lock_of_another_project(project: Pyve) -> None:
    other = project.project.with_name("other")
    other.mkdir()
    with another(project):
        project.ok("init", "--no-direnv", "--no-wait", cwd=other)
    assert (other / ".venv").exists()


# --- signals


@pytest.mark.parametrize(
    ("number", "group"),
    [
        (signal.SIGINT, True),
        (signal.SIGTERM, True),
        (signal.SIGTERM, False),
        (signal.SIGHUP, True),
        (signal.SIGHUP, False),
    ],
)
def test_a_signal_ends_all_children_and_leaves_what_was_there(
    project: Pyve, number: signal.Signals, group: bool
) -> None:
    table = '[build-system]\nrequires = []\nbuild-backend = "stubborn"\nbackend-path = ["."]\n'
    project.write("lib/stubborn.py", STUBBORN)
    project.write("lib/pyproject.toml", f'{table}[project]\nname = "shop-lib"\nversion = "1"\n')
    project.env["REACHED"] = str(project.root / "reached")
    before = snapshot(project.project)
    process = subprocess.Popen(
        project.command("add", "--json", "./lib"),
        cwd=project.project,
        env=project.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    reached = Path(project.env["REACHED"])
    while not reached.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    builders = [int(word) for word in reached.read_text().split()]
    (os.killpg if group else os.kill)(process.pid, number)
    out, said = process.communicate()
    assert process.returncode == -number, said
    document = json.loads(out)
    assert [item["code"] for item in document["diagnostics"]] == ["E_CANCELLED"]
    assert document["status"] == "error" and "E_INTERNAL" not in said
    assert not any(is_alive(builder) for builder in builders)
    assert snapshot(project.project) == before
    assert leftovers(project) == []


# --- killed


def state_of(pyve: Pyve) -> tuple[str, str, tuple[str, ...]]:
    """Return what the project asks for, what is locked, and what is installed."""
    found = installed(pyve) if pyve.venv.exists() else []
    return read(pyve, "pyproject.toml"), read(pyve, "pylock.toml"), tuple(found)


@pytest.mark.slow
def test_an_addition_that_is_killed_is_all_there_or_not_at_all(project: Pyve) -> None:
    old = state_of(project)
    started = time.monotonic()
    project.ok("add", "iniconfig")
    longest = (time.monotonic() - started) * 1.1
    new = state_of(project)
    assert old != new
    moments = random.Random(7)
    for number in range(int(os.environ.get("PYVE_TEST_KILLS", "8"))):
        project.ok("remove", "iniconfig")
        process = subprocess.Popen(
            project.command("add", "iniconfig"),
            cwd=project.project,
            env=project.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moments.uniform(longest / 3, longest))
        # With or without what it has started.
        (os.killpg if number % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        # Any command makes it whole again.
        project.ok("run", "python", "-c", "pass")
        while any(is_mine(pid, project) for pid in os.listdir("/proc") if pid.isdigit()):
            time.sleep(0.05)
        found = state_of(project)
        assert found in (old, new), (number, found)
        assert leftovers(project) == [], number
        assert "consistent" in project.ok("status", "--json")
        if found == old:
            project.ok("add", "iniconfig")


def is_mine(process: str, pyve: Pyve) -> bool:
    """Tell whether a process, which a killed command may have left, works for the user."""
    try:
        data = Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return False
    return f"HOME={pyve.home}\0".encode() in data


@pytest.mark.parametrize("words", [("init", "--no-direnv"), ("purge", "--yes"), ("sync",)])
def test_what_is_killed_at_the_end_of_its_work_is_all_undone(
    project: Pyve, words: tuple[str, ...]
) -> None:
    if words[0] == "init":
        project.ok("purge", "--yes")
    elif words[0] == "sync":
        (project.project / "pylock.toml").unlink()
        project.ok("purge", "--yes")
    before = snapshot(project.project)
    # Its last steps: what commits the change kills instead.
    tree = copy_tree_with_a_kill(project)
    killed = subprocess.run(
        [str(tree / "pyve.sh"), *words],
        cwd=project.project,
        env=project.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed
    assert snapshot(project.project) != before
    doctor = project("doctor", "--fix", "--yes", "--only", "leftovers")
    assert doctor.returncode == 0, doctor.stdout
    assert snapshot(project.project) == before
    assert leftovers(project) == []


def copy_tree_with_a_kill(pyve: Pyve) -> Path:
    """Make a Pyve that is killed when it would commit a change."""
    tree = pyve.root / "killed pyve"
    tree.mkdir()
    for path in TREE.iterdir():
        if path.name not in (".git", "lib", "pyve.sh"):
            (tree / path.name).symlink_to(path)
    (tree / "pyve.sh").write_bytes((TREE / "pyve.sh").read_bytes())
    (tree / "pyve.sh").chmod(0o755)
    (tree / "lib").mkdir()
    for path in (TREE / "lib").iterdir():
        if path.name != "journal.sh":
            (tree / "lib" / path.name).symlink_to(path)
    text = (TREE / "lib/journal.sh").read_text(encoding="utf-8")
    changed = text.replace('  if ! rm -f "$_change_folder/list"', "  kill -9 $$; if ! :", 1)
    assert changed != text
    (tree / "lib/journal.sh").write_text(changed, encoding="utf-8")
    return tree


# --- many at once

# How long, in seconds, eight processes give commands.
BOUND = float(os.environ.get("PYVE_TEST_CROWD", "8"))
COMMANDS = (
    ("init", "--no-direnv", "--yes"),
    ("sync",),
    ("sync", "--frozen"),
    ("add", "iniconfig"),
    ("remove", "iniconfig"),
    ("run", "python", "-c", "pass"),
    ("purge", "--yes"),
    ("store", "gc"),
)
# What a command may fail with in some order: it came after a purge, or after another removal. All
# others succeed in every order.
ALLOWED = {"remove": ("E_PACKAGE_UNKNOWN", "E_MANIFEST"), "run": ("E_ENV_MISSING",)}


@pytest.mark.slow
def test_eight_processes_at_once_give_what_some_order_would(project: Pyve) -> None:
    end = time.monotonic() + BOUND
    wrong: list[str] = []
    done: dict[str, int] = {}

    def work(number: int) -> None:
        order = random.Random(number)
        while time.monotonic() < end and not wrong:
            words = order.choice(COMMANDS)
            result = project(*words)
            done[words[0]] = done.get(words[0], 0) + 1
            said = result.stdout + result.stderr
            codes = ALLOWED.get(words[0], ())
            fine = result.returncode == 0 or any(code in said for code in codes)
            # (What a purge takes away under a program that has just been started is gone.)
            fine = fine or (words[0] == "run" and not said.startswith("ERROR"))
            fine = fine and (words[0] == "run" or "Traceback" not in said)
            if not fine or "E_INTERNAL" in said:
                wrong.append(f"{words}: {result.returncode}\n{said}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert set(done) == {words[0] for words in COMMANDS}
    assert leftovers(project) == []
    # Manifest, lock and environment are of one order.
    asked = "iniconfig" in read(project, "pyproject.toml")
    assert ("iniconfig" in read(project, "pylock.toml")) == asked, done
    project.ok("lock", "--check")
    project.ok("init", "--no-direnv", "--yes")
    project.ok("sync")
    expected = ["idna 3.4", "iniconfig 2.0"] if asked else ["idna 3.4"]
    assert [line for line in installed(project) if line.split()[0] != "pip"] == expected
    doctor = project("doctor")
    assert doctor.returncode == 0, doctor.stdout
