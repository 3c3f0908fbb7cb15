"""Making a conda environment is killed, interrupted, or done by two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser, find_fixes
from pyve_test_helpers import snapshot
from terminal import open_pyve

pytestmark = pytest.mark.micromamba

# What builds the project: it says that it was reached, and waits.
BACKEND = """import os, time
def build_editable(*_arguments, **_more):
    open("reached", "w").close()
    while not os.path.exists("go on"):
        time.sleep(0.01)
    raise SystemExit("told to fail")
"""


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with an empty project."""
    yield CondaUser(tmp_path, template_cache, conda_channel)
    shutil.rmtree(tmp_path, ignore_errors=True)


def write_slow_distribution(user: CondaUser) -> None:
    """Make the project a distribution whose installation waits for a file "go on", and fails."""
    table = '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
    user.write("pyproject.toml", f'{table}[project]\nname = "slow"\nversion = "1"\n')
    user.write("slow.py", BACKEND)


def start_and_wait(user: CondaUser, *args: str) -> subprocess.Popen[str]:
    """Start Pyve in a session of its own, and wait until it installs the pip: section."""
    process = subprocess.Popen(
        user.command(*args),
        env=user.env,
        cwd=user.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not (user.project / "reached").exists():
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(process.communicate()[0])
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("mode", ["first", "force"])
def test_a_killed_init_is_cleared_by_the_next_command(user: CondaUser, mode: str) -> None:
    if mode == "force":
        user.manifest("python", "greeter", "pip")
        user.init()
    write_slow_distribution(user)
    user.manifest("python", pip=("-e .",))
    words = ["--force", "--yes", "--backend", "micromamba", "--no-direnv"]
    process = start_and_wait(user, "init", *words)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert user.conda.exists()
    stderr = user.fails("run", "python", "-c", "print(1)")
    assert find_fixes(stderr)
    assert user("doctor").returncode == 1
    assert user("validate").returncode == 1
    user.manifest("python", "greeter", "pip")
    out = user.init("--yes", "--backend", "micromamba")
    assert ("is kept" in out) == (mode == "force")
    assert user("run", "greet").returncode == 0
    assert user("doctor").returncode in (0, 2)
    assert user.leftovers() == []


def test_ctrl_c_while_it_is_made_leaves_the_old_one(user: CondaUser) -> None:
    user.manifest("python", "greeter", "pip")
    user.init()
    before = snapshot(user.conda)
    write_slow_distribution(user)
    user.manifest("python", pip=("-e .",))
    with open_pyve(user, "init", "--force", "--yes") as terminal:
        terminal.wait_until((user.project / "reached").exists)
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
    assert snapshot(user.conda) == before
    assert user.leftovers() == []


def test_two_inits_at_once_make_one_environment(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    processes = [
        subprocess.Popen(
            user.command("init", "--no-direnv", "--yes"),
            env=user.env,
            cwd=user.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sorted("is kept" in out for out, _ in said) == [False, True], said
    assert user("run", "greet").returncode == 0
    assert user.leftovers() == []
