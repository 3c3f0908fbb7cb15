"""pyve lock by pip, where there is no uv or pip is asked for, and by uv again."""

from __future__ import annotations

import sys

import pytest
from code_cases import bring
from lock_user import ask, drop_uv, read, shared, text, user, versions
from pyve_test_helpers import TREE, Pyve, snapshot
from sync_user import installed

__all__ = ["shared", "user"]

HERE = ".".join(map(str, sys.version_info[:2]))


def test_without_uv_pip_locks_for_this_machine_and_says_so(user: Pyve) -> None:
    drop_uv(user)
    said = user("lock")
    assert said.returncode == 0, said.stderr
    assert "there is no uv, so pip has solved: the lock is for " in said.stderr
    lock = read(user)
    assert versions(user) == {"alpha": "1.1", "beta": "1.0"}
    assert (lock.pyve["engine"], lock["requires-python"]) == ("pip", f"=={HERE}.*")
    assert len(lock.pyve["platforms"]) == len(lock["environments"]) == 1
    before = snapshot(user.project)
    assert user.ok("lock") == "✓ pylock.toml is current and stays as it is\n"
    assert user.ok("lock", "--check") == "✓ pylock.toml is current\n"
    assert snapshot(user.project) == before
    # Nothing is said twice.
    ask(user, "beta", "ring")
    assert "pip" not in user("lock").stderr
    assert versions(user) == {"alpha": "1.1", "beta": "1.0", "ring": "1.0"}


def test_the_same_versions_whichever_solves(user: Pyve) -> None:
    ask(user, "beta", "ring", "dated")
    user.ok("lock")
    by_uv = versions(user)
    assert read(user).pyve["engine"] == "uv"
    said = user("lock", "--engine", "pip")
    assert "pip has solved: the lock is for " in said.stderr
    assert "the lock before it was for more" in said.stderr
    assert (versions(user), read(user).pyve["engine"]) == (by_uv, "pip")
    # With uv there, it stays until uv is asked for, or there is something to solve.
    user.ok("lock")
    assert read(user).pyve["engine"] == "pip"
    user.ok("lock", "--engine", "uv")
    lock = read(user)
    assert (versions(user), lock.pyve["engine"]) == (by_uv, "uv")
    assert "platforms" not in lock.pyve
    assert "environments" not in lock
    assert lock["requires-python"] == f">={HERE}"


def test_the_config_names_the_engine(user: Pyve) -> None:
    user.write(".pyve/config", "backend: venv\nlock:\n  engine: pip\n")
    said = user("lock")
    assert (said.returncode, "pip" in said.stderr) == (0, False), said.stderr
    assert read(user).pyve["engine"] == "pip"
    user.ok("lock", "--engine", "uv")
    assert read(user).pyve["engine"] == "uv"


def test_what_is_locked_stays_and_moves_when_it_is_named(user: Pyve) -> None:
    drop_uv(user)
    ask(user, "alpha==1.0", "ring")
    user.ok("lock")
    ask(user, "alpha", "ring")
    user.ok("lock")
    assert versions(user) == {"alpha": "1.0", "ring": "1.0"}
    # What does not fit any more goes, and nothing else.
    ask(user, "gamma", "ring")
    user.ok("lock")
    assert versions(user) == {"alpha": "2.0", "gamma": "1.0", "ring": "1.0"}
    ask(user, "alpha<2", "ring")
    user.ok("lock")
    ask(user, "alpha", "ring")
    user.ok("lock", "--upgrade", "alpha")
    assert versions(user) == {"alpha": "2.0", "ring": "1.0"}


def test_what_is_outdated_and_upgraded(user: Pyve) -> None:
    drop_uv(user)
    ask(user, "alpha==1.0", "dated")
    user.ok("lock")
    ask(user, "alpha<2", "dated")
    said = user.ok("outdated")
    line = next(line for line in said.splitlines() if "alpha" in line)
    assert ("1.0" in line, "1.1" in line, "2.0" in line, "dated" in said) == (
        True,
        True,
        True,
        False,
    )


def test_a_conflict_is_explained_and_mended(user: Pyve) -> None:
    drop_uv(user)
    ask(user, "alpha>=1,<2", "gamma")
    before = snapshot(user.project)
    failure = bring(user, "E_RESOLVE_CONFLICT", "lock")
    failure.says("gamma -> alpha>=2", "alpha 2.0, 1.1, 1.0")
    assert [fix.text for fix in failure.fixes] == ["pyve add 'alpha>=1,<3'"]
    assert snapshot(user.project) == before


def test_of_an_environment_its_own_pip_solves(user: Pyve) -> None:
    user.ok("init", "--no-direnv")
    drop_uv(user)
    user.ok("lock")
    assert read(user).pyve["engine"] == "pip"
    state = user.ok("status", "--json")
    assert '"needs-lock"' not in state


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--platform", "win-64"), "win-64 is asked for, too"),
        (("--index", "https://example.org/simple"), "whoever uploaded it"),
    ],
)
def test_what_pip_cannot_is_refused_and_uv_mends_it(
    user: Pyve, words: tuple[str, ...], says: str
) -> None:
    failure = bring(user, "E_RESOLVE_ENGINE", "lock", "--engine", "pip", *words)
    failure.says(says)
    assert [fix.text for fix in failure.fixes] == [f"pyve lock {' '.join(words)} --engine uv"]
    assert not (user.project / "pylock.toml").exists()
    if words[0] == "--platform":
        failure.apply()
        assert read(user).pyve["platforms"] == ["win-64"]


def test_overrides_are_refused(user: Pyve) -> None:
    (user.project / "requirements.in").unlink()
    user.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\ndependencies = ["beta"]\n'
        '[tool.uv]\noverride-dependencies = ["alpha>=2"]\n',
    )
    said = user("lock", "--engine", "pip")
    assert (said.returncode, "overrides" in said.stderr) == (1, True)


def test_an_engine_of_another_backend(user: Pyve) -> None:
    failure = bring(user, "E_ENGINE_UNKNOWN", "lock", "--engine", "mamba")
    failure.says("auto, uv and pip")
    failure.apply()
    assert "packages" in text(user)


def test_without_uv_pip_syncs_what_it_has_locked(user: Pyve) -> None:
    drop_uv(user)
    ask(user, "beta", "ring")
    user.ok("lock")
    user.ok("sync")
    assert installed(user) == ["alpha 1.1", "beta 1.0", "ring 1.0"]
    assert user.ok("sync", "--dry-run").count("\n") == 1
    state = {path: path.stat().st_ino for path in (user.project / ".venv").rglob("*.py")}
    user.ok("sync")
    assert {path: path.stat().st_ino for path in state} == state
    ask(user, "gamma")
    user.ok("lock")
    user.ok("sync")
    assert installed(user) == ["alpha 2.0", "gamma 1.0"]
    # And what uv has locked.
    (user.bin / "uv").symlink_to(TREE / ".dev" / "bin" / "uv")
    ask(user, "beta")
    user.ok("lock")
    assert read(user).pyve["engine"] == "uv"
    (user.bin / "uv").unlink()
    user.ok("sync")
    assert installed(user) == ["alpha 1.1", "beta 1.0"]
