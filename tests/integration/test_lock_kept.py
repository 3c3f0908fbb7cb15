"""pyve lock and sync where little is to be done: no Python starts, and yet nothing is missed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from lock_user import ask, configure, connect, make_index, text, versions
from pyve_test_helpers import Pyve, snapshot

NOWHERE = "/no/such/folder"


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalIndex]:
    """An index that no test changes."""
    with make_index() as index:
        index.add(make_wheel("greeter", "1.0", commands={"greet": "greeter:greet"}))
        yield index


@pytest.fixture
def user(pyve: Pyve, shared: LocalIndex) -> Pyve:
    """A project that is locked and synced."""
    connect(pyve, shared)
    ask(pyve, "beta")
    pyve.init()
    pyve.ok("lock")
    pyve.ok("sync")
    return pyve


def test_a_lock_that_was_synced_is_kept_without_a_toolchain(user: Pyve) -> None:
    before = snapshot(user.project, skip=("__pycache__",))
    said = user.ok("lock", PYVE_TOOLCHAIN=NOWHERE)
    assert said == "✓ pylock.toml is current and stays as it is\n"
    detail = user.json("lock", PYVE_TOOLCHAIN=NOWHERE)["detail"]
    assert (detail["changed"], detail["changes"], detail["platforms"]) == (False, [], [])
    assert snapshot(user.project, skip=("__pycache__",)) == before


def test_a_lock_that_was_damaged_since_is_made_anew(user: Pyve) -> None:
    whole = text(user)
    for damaged in (
        whole.replace("[[packages]]", "[packages]"),
        whole.replace('"alpha"', '"alpha'),
        whole + "<<<<<<< mine\n=======\n>>>>>>> theirs\n",
    ):
        user.write("pylock.toml", damaged)
        user.ok("lock")
        assert text(user) == whole


def test_what_is_asked_for_counts_all_the_same(user: Pyve) -> None:
    configure(user, "  platforms: [linux-64]")
    user.ok("lock")
    assert 'platforms = ["linux-64"]' in text(user)
    user.ok("lock", "--upgrade")
    user.ok("sync")
    ask(user, "beta", "ring")
    user.ok("lock")
    assert versions(user)["ring"] == "1.0"
    user.ok("sync")
    assert "is current" in user.ok("lock", PYVE_TOOLCHAIN=NOWHERE)
    user.ok("lock", "--platform", "osx-arm64")
    assert 'platforms = ["osx-arm64"]' in text(user)


def test_a_sync_that_changes_nothing_leaves_the_environment_alone(user: Pyve) -> None:
    # Other text, the same packages: what is noted is all that changes.
    inside = (user.venv / "pyvenv.cfg").stat().st_ino
    user.write("requirements.in", "# one\nbeta\n")
    user.ok("lock")
    assert "is what pylock.toml says" in user.ok("sync")
    assert (user.venv / "pyvenv.cfg").stat().st_ino == inside
    assert user.json("status")["detail"]["state"] == "consistent"
    assert not (user.project / ".pyve" / "tmp").exists()


def test_scripts_name_the_environment_and_not_where_it_was_made(user: Pyve) -> None:
    ask(user, "beta", "greeter")
    user.ok("sync")
    assert str(user.venv) in (user.venv / "bin" / "greet").read_text(encoding="utf-8")
    for script in (user.venv / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            assert ".pyve/tmp" not in script.read_text(encoding="utf-8"), script.name


def test_an_engine_that_there_is_not_is_refused_all_the_same(user: Pyve) -> None:
    user.fails("lock", "--engine", "mamba", code="E_ENGINE_UNKNOWN")


def test_what_was_synced_is_seen_by_content_and_not_by_time(user: Pyve) -> None:
    note = next(
        line
        for line in (user.venv / "pyve.state").read_text(encoding="utf-8").splitlines()
        if line.startswith("lock-files=")
    )
    assert note.endswith("  requirements.in")
    state = user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]
    assert (state["state"], state["lock"]["state"]) == ("consistent", "current")
    # The same size, the same times.
    file = user.project / "requirements.in"
    times = file.stat()
    kept = user.project / "kept"
    shutil.copy2(file, kept)
    for other in ("ring", "bet2"):
        file.write_text(file.read_text(encoding="utf-8").replace("beta", other), encoding="utf-8")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        state = user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]
        assert state["lock"]["state"] == "stale"
        shutil.copy2(kept, file)
        assert user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]["state"] == "consistent"
    (user.project / "pylock.toml").write_text(text(user) + "\n", encoding="utf-8")
    state = user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]
    assert (state["state"], state["lock"]["state"]) == ("needs-env", "current")


def test_without_the_note_status_knows_the_same(user: Pyve) -> None:
    noted = user.venv / "pyve.state"
    lines = noted.read_text(encoding="utf-8").splitlines()
    for last in ([], ["lock-files=0000  requirements.in"]):
        kept = [line for line in lines if not line.startswith("lock-files=")]
        noted.write_text("\n".join([*kept, *last, ""]), encoding="utf-8")
        assert user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]["state"] == "consistent"
        assert "is what pylock.toml says" in user.ok("sync", PYVE_TOOLCHAIN=NOWHERE)


def test_a_package_that_is_gone_is_missed(user: Pyve) -> None:
    # (From the store, none goes alone.)
    shutil.rmtree(user.venv)
    user.ok("sync", "--no-store")
    assert (user.venv / "pyve.packages").read_text(encoding="utf-8").count("beta-") == 1
    gone = next(user.venv.glob("lib/python3*/site-packages/beta-*.dist-info"))
    shutil.rmtree(gone)
    detail = user.json("status", PYVE_TOOLCHAIN=NOWHERE)["detail"]
    assert (detail["state"], detail["next"]) == ("needs-env", "pyve sync")
