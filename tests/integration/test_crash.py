"""kill -9 at random moments: the old environment, or the new one, and nothing left behind."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from pyve_test_helpers import Pyve
from sync_user import start

KILLS = int(os.environ.get("PYVE_TEST_KILLS", "6"))


def leftovers(project: Path) -> list[str]:
    """Return what a killed Pyve may have left in the project."""
    found = [str(p) for p in project.rglob("*.pyve-new.*")]
    found += [str(p) for p in (project / ".pyve").glob("tmp*")]
    found += [str(p) for p in (project / ".pyve").glob("lock*")]
    return found


def environment_works(pyve: Pyve) -> bool:
    result = pyve("run", "python", "-m", "pip", "--version")
    return result.returncode == 0


def kill_at(pyve: Pyve, seconds: float, whole_group: bool, *args: str) -> None:
    process = start(pyve, *args)
    time.sleep(seconds)
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


@pytest.mark.slow
def test_a_killed_rebuild_leaves_the_old_environment_or_the_new_one(pyve: Pyve) -> None:
    pyve.init()
    started = time.monotonic()
    pyve.init("--force", "--yes")
    longest = (time.monotonic() - started) * 1.2
    moments = random.Random(20)
    for number in range(KILLS):
        moment = moments.uniform(0, longest)
        kill_at(pyve, moment, number % 2 == 0, "init", "--force", "--yes", "--no-direnv")
        # (It sees what is left, and puts the environment back.)
        doctor = pyve("doctor", "--fix", "--yes")
        assert doctor.returncode == 0, (number, moment, doctor.stdout, doctor.stderr)
        assert leftovers(pyve.project) == [], (number, moment)
        assert environment_works(pyve), (number, moment)


@pytest.mark.slow
def test_a_killed_first_init_leaves_no_environment_or_a_whole_one(pyve: Pyve) -> None:
    started = time.monotonic()
    pyve.init()
    longest = (time.monotonic() - started) * 1.2
    moments = random.Random(21)
    for number in range(max(KILLS // 2, 4)):
        pyve.ok("purge", "--yes")
        moment = moments.uniform(0, longest)
        kill_at(pyve, moment, number % 2 == 0, "init", "--no-direnv")
        doctor = pyve("doctor", "--fix", "--yes", "--only", "leftovers")
        assert doctor.returncode == 0, (moment, doctor.stdout)
        if (pyve.project / ".venv").exists():
            assert environment_works(pyve), (number, moment)
        else:
            assert "not initialized" in pyve("doctor").stdout
        assert leftovers(pyve.project) == [], (number, moment)
        # The next init finishes what was begun.
        pyve.init("--yes")
        assert pyve("doctor").returncode == 0
