"""The lock taken as it is, by pyve run and pyve test: with --frozen, and in CI."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_cases import bring, brings
from conda_channel import CondaChannel
from conda_project import CondaUser
from distributions import make_wheel
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask

DISTRIBUTIONS = (make_wheel("alpha", "1.0"), make_wheel("ring", "1.0"))
SAY = ("python", "-c", "print('ran')")
STAND_IN = "import sys\nprint('tested', *sys.argv[1:])\n"


@pytest.fixture
def user(user: Pyve) -> Pyve:
    """A user with an environment that was synced."""
    ask(user, "alpha")
    user.ok("sync")
    return user


def make_testenv(user: Pyve) -> None:
    """Make a test environment with a module that stands in for pytest."""
    user.ok("testenv", "--init")
    (site,) = (user.project / ".pyve/testenv/venv").glob("lib/python3*/site-packages")
    (site / "pytest.py").write_text(STAND_IN)
    (site / "pytest-9.0.dist-info").mkdir()
    (site / "pytest-9.0.dist-info/METADATA").write_text("Name: pytest\nVersion: 9.0\n")


@brings("E_LOCK_STALE")
def test_in_ci_a_stale_lock_is_a_failure(user: Pyve) -> None:
    assert user.ok("run", *SAY, CI="1") == "ran\n"
    ask(user, "alpha", "ring")
    before = snapshot(user.project)
    assert user.ok("run", *SAY) == "ran\n"
    for said in ("true", "1"):
        stderr = user.fails("run", *SAY, code="E_LOCK_STALE", CI=said)
        assert "added ring" in stderr
        assert "--no-frozen" in stderr
    for said in ("", "0", "false"):
        assert user.ok("run", *SAY, CI=said) == "ran\n", said
    assert user.ok("run", "--no-frozen", *SAY, CI="1") == "ran\n"
    assert snapshot(user.project) == before
    assert "--no-frozen" not in user.fails("run", "--frozen", *SAY, code="E_LOCK_STALE", CI="1")
    failure = bring(user, "E_LOCK_STALE", "run", "--frozen", "true")
    failure.apply()
    user.ok("sync")
    failure.check_gone()


def test_a_comment_makes_nothing_stale(user: Pyve) -> None:
    ask(user, "alpha", more="# later: ring\n")
    assert user.ok("run", *SAY, CI="1") == "ran\n"


def test_the_command_gets_no_child_and_no_open_file_of_pyve(user: Pyve) -> None:
    look = (
        "import os, time\n"
        "time.sleep(0.2)\n"
        "print(sorted(os.listdir('/dev/fd')))\n"
        "try:\n    print(os.waitpid(-1, os.WNOHANG))\n"
        "except ChildProcessError:\n    print('no child')\n"
    )
    plain = user.ok("run", "python", "-c", look)
    assert "no child" in plain
    for _ in range(5):
        assert user.ok("run", "--frozen", "python", "-c", look) == plain


@brings("E_ENV_OUTDATED")
def test_the_environment_of_another_lock_is_a_failure(user: Pyve) -> None:
    ask(user, "alpha", "ring")
    user.ok("lock")
    assert user.ok("run", *SAY) == "ran\n"
    user.fails("run", *SAY, code="E_ENV_OUTDATED", CI="1")
    (user.project / "sub").mkdir()
    user.fails("-C", "sub", "run", *SAY, code="E_ENV_OUTDATED", CI="1")
    failure = bring(user, "E_ENV_OUTDATED", "run", "--frozen", "true")
    failure.apply()
    failure.check_gone()
    assert user.ok("run", *SAY, CI="1") == "ran\n"


@brings("E_ENV_OUTDATED")
def test_the_environment_that_was_never_synced_is_a_failure(user: Pyve) -> None:
    user.init("--force", "--yes")
    assert user.ok("run", *SAY) == "ran\n"
    said = user.fails("run", *SAY, code="E_ENV_OUTDATED", CI="1")
    assert "was never synced with pylock.toml" in said
    assert user.ok("run", "--no-frozen", *SAY, CI="1") == "ran\n"
    failure = bring(user, "E_ENV_OUTDATED", "run", "--frozen", "true")
    failure.apply()
    failure.check_gone()
    # The lock of another tool says nothing of that.
    user.init("--force", "--yes")
    user.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "other"\npackages = []\n')
    assert user.ok("run", *SAY, CI="1") == "ran\n"


@brings("E_LOCK_MISSING")
def test_a_project_without_lock_runs_in_ci_unless_frozen(user: Pyve) -> None:
    (user.project / "pylock.toml").unlink()
    assert user.ok("run", *SAY, CI="1") == "ran\n"
    failure = bring(user, "E_LOCK_MISSING", "run", "--frozen", "true")
    failure.apply()
    failure.check_gone()


def test_what_is_run_sees_nothing_of_the_check(user: Pyve) -> None:
    show = "import os; print(*sorted(f'{k}={v}' for k, v in os.environ.items()), sep='\\n')"
    words = ("python", "-c", show)
    folder = user.project / "sub"
    folder.mkdir()
    plain = user.ok("-C", "sub", "run", "--no-frozen", *words, CI="1", OLDPWD="/")
    assert user.ok("-C", "sub", "run", "--frozen", *words, CI="1", OLDPWD="/") == plain
    assert f"PWD={folder}" in plain.splitlines()
    frozen = {"frozen": "mine", "status": "mine", "here": "mine"}
    assert "here=mine" in user.ok("run", *words, CI="1", **frozen).splitlines()


def test_in_ci_nothing_is_started_for_a_lock_that_is_current(user: Pyve) -> None:
    logged = user("run", "true", CI="1", PYVE_LOG="debug").stderr
    started = [line for line in logged.splitlines() if "python" in line or "uv" in line]
    assert [line for line in started if "exec" not in line and "sha" not in line] == []


def test_tests_are_not_run_with_a_stale_lock(user: Pyve) -> None:
    make_testenv(user)
    assert "tested -q" in user.ok("test", "-q", CI="1")
    ask(user, "ring")
    assert "tested -q" in user.ok("test", "-q")
    assert "tested -q" in user.ok("test", "--no-frozen", "-q", CI="1")
    user.fails("test", "-q", code="E_LOCK_STALE", CI="1")
    user.fails("test", "--frozen", "-q", code="E_LOCK_STALE")
    user.ok("lock")
    user.fails("test", "-q", code="E_ENV_OUTDATED", CI="1")
    user.ok("sync")
    assert "tested -q" in user.ok("test", "--frozen", "--", "-q", CI="1")
    # What follows is pytest's.
    assert "tested -- --frozen" in user.ok("test", "--", "--", "--frozen", CI="1")
    (user.project / "pylock.toml").unlink()
    assert "tested" in user.ok("test", CI="1")
    user.fails("test", "--frozen", code="E_LOCK_MISSING")


def test_sync_in_ci_can_be_told_to_make_the_lock(user: Pyve) -> None:
    ask(user, "ring")
    assert "--no-frozen" in user.fails("sync", code="E_LOCK_STALE", CI="1")
    words = ("sync", "--extra", "a b", "--frozen", "--no-frozen")
    assert "fix: pyve sync --extra 'a b' --frozen\n" in user.fails(*words, code="E_USAGE_CONFLICT")
    for option in ("--frozen", "--locked"):
        assert "--no-frozen" not in user.fails("sync", option, code="E_LOCK_STALE", CI="1")
    user.ok("sync", "--no-frozen", CI="1")
    user.ok("sync", "--locked", CI="1")
    user.ok("run", "true", CI="1")


@pytest.mark.micromamba
def test_conda_projects_are_held_to_their_lock_too(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> None:
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater <1.1")
    user.ok("lock")
    user.ok("sync")
    words = ("run", "sh", "-c", "echo ran")
    assert user.ok(*words, CI="1") == "ran\n"
    user.manifest("libwater")
    assert user.ok(*words) == "ran\n"
    user.fails(*words, code="E_LOCK_STALE", CI="1")
    assert "--no-frozen" in user.fails("sync", code="E_LOCK_STALE", CI="1")
    assert user.ok("run", "--no-frozen", *words[1:], CI="1") == "ran\n"
    user.ok("lock")
    assert "libwater 1.1" in user.fails(*words, code="E_ENV_OUTDATED", CI="1")
    user.ok("sync")
    assert user.ok("run", "--frozen", *words[1:]) == "ran\n"
    (user.project / "conda-lock.yml").unlink()
    assert user.ok(*words, CI="1") == "ran\n"
    user.fails("run", "--frozen", *words[1:], code="E_LOCK_MISSING")
