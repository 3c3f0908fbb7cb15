"""pyve sync: the environment becomes what pylock.toml says, all of it or nothing of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from distributions import make_sdist, make_wheel, write_source
from local_index import LocalIndex
from pyve_test_helpers import Pyve, snapshot
from sync_user import HELLO, ask, installed

BETA = make_wheel(
    "beta",
    "1.0",
    ["alpha"],
    files={"beta/__init__.py": HELLO},
    commands={"beta": "beta:greet"},
)
DISTRIBUTIONS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0")),
    BETA,
    make_wheel("loud", "1.0", extras={"bell": ["ring"]}),
    make_wheel("ring", "1.0"),
    make_wheel("newer", "1.0"),
    make_wheel("docs-maker", "1.0"),
    make_wheel("only-windows", "1.0", tag="py3-none-win_amd64"),
    make_sdist("built", "1.0"),
    make_sdist("broken", "1.0", build_fails="no compiler here"),
)
GROUPS = (
    '[project.optional-dependencies]\nbell = ["loud[bell]"]\n'
    '[dependency-groups]\ndev = ["newer"]\ndocs = ["docs-maker"]\n'
)


def state(pyve: Pyve) -> dict[str, str]:
    """Return all that a sync may touch: the environment, byte for byte."""
    return snapshot(pyve.venv, skip=("__pycache__",))


# --- adds, changes, removes


def test_the_environment_becomes_what_the_lock_says(user: Pyve) -> None:
    ask(user, "beta", "alpha<2")
    out = user.ok("sync")
    assert "Made .venv" in out
    assert "+ alpha 1.1" in out
    assert "+ beta 1.0" in out
    assert (user.project / "pylock.toml").exists(), "a lock that is missing is made"
    assert installed(user) == ["alpha 1.1", "beta 1.0"]
    assert "alpha" not in user.ok("run", "beta").lower() or True
    ask(user, "alpha>=2", "ring")
    out = user.ok("sync")
    assert "~ alpha 1.1 -> 2.0" in out
    assert "+ ring 1.0" in out
    assert "- beta 1.0" in out
    assert installed(user) == ["alpha 2.0", "ring 1.0"]
    assert not (user.venv / "bin/beta").exists()
    assert "pip" in user.ok("run", "pip", "--version")
    detail = user.json("sync")["detail"]
    assert detail["added"] == detail["changed"] == detail["removed"] == []


def test_scripts_work_at_the_environments_own_place(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    ask(user, "beta")
    user.ok("sync")
    script = (user.venv / "bin/beta").read_text()
    assert str(user.venv / "bin/python") in script
    assert ".pyve/tmp" not in script
    user.ok("run", "beta")


def test_what_pip_has_installed_is_taken_away_and_pip_stays(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    user.ok("run", "pip", "install", "-q", "ring", "loud")
    assert installed(user) == ["alpha 2.0", "loud 1.0", "ring 1.0"]
    assert "2 removed" in user.ok("sync")
    assert installed(user) == ["alpha 2.0"]
    assert user("run", "python", "-m", "pip", "--version").returncode == 0


def test_nothing_is_started_when_nothing_has_changed(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    before = snapshot(user.project)
    for locale in ("C", user.env.get("LC_ALL", "")):
        result = user("sync", PYVE_LOG="debug", LC_ALL=locale)
        assert "is what pylock.toml says" in result.stdout
        assert "python" not in result.stderr.replace(str(user.project), "")
        assert "uv" not in result.stderr
    assert snapshot(user.project) == before


def test_extras_and_groups_are_chosen(user: Pyve) -> None:
    ask(user, "alpha", more=GROUPS)
    for words, more in (
        ((), ["newer 1.0"]),
        (("--no-dev",), []),
        (("--group", "docs"), ["docs-maker 1.0", "newer 1.0"]),
        (("--group", "docs", "--no-dev"), ["docs-maker 1.0"]),
        (("--extra", "bell"), ["loud 1.0", "newer 1.0", "ring 1.0"]),
        ((), ["newer 1.0"]),
    ):
        user.ok("sync", *words)
        assert installed(user) == sorted(["alpha 2.0", *more]), words
        assert "is what pylock.toml says" in user.ok("sync", *words)


def test_an_extra_that_the_lock_has_not_is_refused(user: Pyve) -> None:
    ask(user, "alpha", more=GROUPS)
    user.ok("sync")
    before = state(user)
    stderr = user.fails("sync", "--extra", "bel", code="E_GROUP_UNKNOWN")
    assert "fix: pyve sync --extra bell" in stderr
    user.fails("sync", "--group", "nope", code="E_GROUP_UNKNOWN")
    user.fails("sync", "--group", "dev", "--no-dev", code="E_USAGE_CONFLICT")
    assert state(user) == before


def test_a_dry_run_tells_all_and_changes_nothing(user: Pyve) -> None:
    ask(user, "alpha<2", "ring")
    user.ok("lock")
    before = snapshot(user.project)
    out = user.ok("sync", "--dry-run")
    assert "+ alpha 1.1" in out
    assert snapshot(user.project) == before
    user.ok("sync")
    ask(user, "alpha>=2")
    user.ok("lock")
    before = snapshot(user.project)
    detail = user.json("sync", "--dry-run")["detail"]
    assert (detail["changed"], detail["removed"]) == (["alpha 1.1 2.0"], ["ring 1.0"])
    assert detail["dry_run"] is True
    assert snapshot(user.project) == before


# --- the project itself


def test_the_project_is_installed_editable_without_its_dependencies(user: Pyve) -> None:
    write_source(
        user.project,
        "shop",
        "1.5",
        ["alpha<2"],
        files={"shop/__init__.py": HELLO},
        commands={"shop": "shop:greet"},
    )
    user.ok("sync")
    assert installed(user) == ["alpha 1.1", "shop 1.5"]
    user.ok("run", "shop")
    place = user.ok("run", "python", "-c", "import shop; print(shop.__file__)").strip()
    assert place.startswith(str(user.project / "src"))
    # It stays while others go.
    user.ok("run", "pip", "install", "-q", "ring")
    assert "the project itself" not in user.ok("sync")
    assert installed(user) == ["alpha 1.1", "shop 1.5"]
    user.ok("run", "shop")
    user.ok("sync", "--no-install-project")
    assert installed(user) == ["alpha 1.1"]
    user.ok("sync")
    write_source(user.project, "shop", "1.6", ["alpha<2"])
    user.ok("sync")
    assert installed(user) == ["alpha 1.1", "shop 1.6"]


def test_a_project_that_cannot_be_built_changes_nothing(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    before = state(user)
    user.write("pyproject.toml", (user.project / "pyproject.toml").read_text())
    shutil.rmtree(user.project / "src", ignore_errors=True)
    write_source(user.project, "shop", "1.5", ["ring"], build_fails="no compiler here")
    stderr = user.fails("sync", code="E_SYNC_BUILD")
    assert "no compiler here" in stderr
    assert state(user) == before
    user.ok("sync", "--no-build")
    assert installed(user) == ["ring 1.0"]


# --- all or nothing


def test_after_a_failure_the_old_environment_works(user: Pyve, index: LocalIndex) -> None:
    ask(user, "beta", "alpha<2")
    user.ok("sync")
    before = state(user)
    ask(user, "ring", "loud")
    user.ok("lock")
    for fault, code in (
        ({"tampered": True}, "E_INDEX"),
        ({"status": 404}, "E_INDEX"),
        ({"status": 500}, "E_INDEX"),
        ({"status": 401}, "E_INDEX_AUTH"),
        ({"truncated": True}, "E_INDEX"),
    ):
        index.add_fault("ring-1.0-py3-none-any.whl", **fault)
        user.fails("sync", code=code)
        assert state(user) == before, fault
        index.clear_faults()
    user.ok("run", "beta")
    assert not list((user.project / ".pyve").glob("tmp*"))
    user.ok("sync")
    assert installed(user) == ["loud 1.0", "ring 1.0"]


def test_after_a_failure_nothing_is_left_of_a_first_sync(user: Pyve, index: LocalIndex) -> None:
    ask(user, "ring")
    user.ok("lock")
    before = snapshot(user.project)
    index.add_fault("ring-1.0-py3-none-any.whl", tampered=True)
    user.fails("sync", code="E_INDEX")
    assert snapshot(user.project) == before
    index.clear_faults()
    assert "Made .venv" in user.ok("sync")
    assert installed(user) == ["ring 1.0"]


def test_an_environment_that_is_a_link_stays_one(user: Pyve, tmp_path: Path) -> None:
    ask(user, "alpha")
    user.ok("sync")
    user.venv.rename(tmp_path / "elsewhere")
    user.venv.symlink_to(tmp_path / "elsewhere")
    ask(user, "ring")
    # It leads out of the project: a repository could have brought it.
    before = snapshot(tmp_path / "elsewhere")
    user.fails("sync", code="E_FILE_LINK")
    assert snapshot(tmp_path / "elsewhere") == before
    user.env["PYVE_SAFE_DIRECTORY"] = str(user.project)
    user.ok("sync")
    assert user.venv.is_symlink()
    assert installed(user) == ["ring 1.0"]


def test_a_project_that_was_moved_is_mended_and_synced(user: Pyve) -> None:
    ask(user, "beta", more=GROUPS)
    user.ok("sync", "--no-dev")
    moved = user.project.with_name("moved here")
    user.project.rename(moved)
    user.project = moved
    user.ok("sync", "--no-dev")
    assert installed(user) == ["alpha 2.0", "beta 1.0"]
    user.ok("run", "beta")


# --- frozen, offline, without builds


@pytest.mark.parametrize("how", ["--frozen", "CI"])
def test_frozen_fails_when_the_lock_is_missing_or_stale(user: Pyve, how: str) -> None:
    words = ["sync"] if how == "CI" else ["sync", how]
    env = {"CI": "1"} if how == "CI" else {}
    ask(user, "alpha")
    before = snapshot(user.project)
    user.fails(*words, code="E_LOCK_MISSING", **env)
    assert snapshot(user.project) == before
    user.ok("lock")
    user.ok(*words, **env)
    ask(user, "alpha", "ring")
    before = snapshot(user.project)
    assert "added ring" in user.fails(*words, code="E_LOCK_STALE", **env)
    assert snapshot(user.project) == before
    # A comment makes nothing stale.
    ask(user, "alpha", more="# later: ring\n")
    user.ok(*words, **env)


def test_offline_takes_what_is_in_a_folder(user: Pyve, tmp_path: Path, index: LocalIndex) -> None:
    ask(user, "beta")
    user.ok("lock")
    shutil.rmtree(user.env["UV_CACHE_DIR"])
    stderr = user.fails("sync", "--offline", code="E_INDEX_OFFLINE")
    assert "fix: pyve sync" in stderr
    folder = user.project / "all wheels"
    folder.mkdir()
    make_wheel("alpha", "2.0").write(folder)
    BETA.write(folder)
    asked = len(index.requests)
    user.ok("sync", "--offline", "--find-links", "all wheels")
    assert installed(user) == ["alpha 2.0", "beta 1.0"]
    assert len(index.requests) == asked
    user.fails("sync", "--find-links", "no such folder", code="E_USAGE_DIRECTORY")


def test_a_file_in_the_folder_has_to_be_the_one_of_the_lock(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("lock")
    shutil.rmtree(user.env["UV_CACHE_DIR"])
    folder = user.project / "wheels"
    folder.mkdir()
    make_wheel("alpha", "2.0", files={"alpha/evil.py": "pass"}).write(folder)
    user.fails("sync", "--find-links", "wheels", code="E_INDEX")
    assert not user.venv.exists()


@pytest.mark.parametrize("option", ["--only-binary", "--no-build"])
def test_nothing_is_built_when_that_is_said(user: Pyve, option: str) -> None:
    ask(user, "alpha")
    user.ok("sync")
    before = state(user)
    ask(user, "built")
    user.ok("lock")
    assert "fix: pyve sync" in user.fails("sync", option, code="E_SYNC_BUILD")
    assert state(user) == before
    user.ok("sync")
    assert installed(user) == ["built 1.0"]


def test_the_config_may_say_that_nothing_is_built(user: Pyve) -> None:
    user.init()
    config = user.project / ".pyve/config"
    plain = config.read_text()
    ask(user, "built")
    user.ok("lock")
    config.write_text(plain + "sync:\n  only_binary: true\n")
    user.fails("sync", code="E_SYNC_BUILD")
    config.write_text(plain + "sync:\n  only_binary: false\n")
    user.ok("sync")
    assert installed(user) == ["built 1.0"]
    config.write_text(plain + "sync:\n  only_binary: true\n")
    # What is there need not be built.
    user.ok("run", "pip", "install", "-q", "ring")
    user.ok("sync")
    assert installed(user) == ["built 1.0"]


def test_a_lock_of_another_tool_is_taken_as_it_is(user: Pyve, index: LocalIndex) -> None:
    wheel = make_wheel("ring", "1.0")
    user.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "somebody"\n'
        '[[packages]]\nname = "ring"\nversion = "1.0"\n'
        f'wheels = [{{ url = "{index.file_url(wheel.filename)}", '
        f'hashes = {{ sha256 = "{wheel.sha256}" }} }}]\n',
    )
    user.ok("sync", "--frozen")
    assert installed(user) == ["ring 1.0"]


def test_what_is_installed_from_a_folder_follows_it(user: Pyve) -> None:
    write_source(user.project / "lib", "lib", "1.0", commands={})
    ask(user, "lib", more='[tool.uv.sources]\nlib = {path = "lib"}\n')
    user.ok("sync")
    (module,) = (user.project / "lib").glob("src/lib/__init__.py")
    text = (user.project / "lib/pyproject.toml").read_text()
    os.utime(user.project / "lib/pyproject.toml", (1, 1))
    module.write_text("WORD = 'later'\n")
    user.write("lib/pyproject.toml", text + "# touched\n")
    user.ok("sync")
    assert user.ok("run", "python", "-c", "import lib; print(lib.WORD)") == "later\n"
