"""pyve add, remove, upgrade and outdated: manifest, lock and environment, all of it or nothing."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from code_cases import bring, brings, corrects
from conda_channel import CondaChannel
from conda_project import CondaUser
from distributions import make_sdist, make_wheel, write_source
from local_index import LocalIndex
from lock_user import versions
from pyve_test_helpers import Pyve, snapshot
from sync_user import start

DISTRIBUTIONS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0")),
    make_wheel("beta", "1.0", ["alpha<2"]),
    make_wheel("gamma", "1.0", ["alpha>=2"]),
    make_wheel("delta", "1.0"),
    make_wheel("ring", "1.0", extras={"bell": ["alpha"]}),
    make_sdist("broken", "1.0", build_fails="no compiler here"),
)
PYPROJECT = """\
# Ours.
[project]
name = "shop"  # the shop
version = "1.0"
requires-python = ">=3.9"
dependencies = [
    "beta",  # for the counter
]

[dependency-groups]
dev = ["ring"]
"""


def detail(user: Pyve, *words: str) -> dict[str, Any]:
    """Run a command with --json, expect success, and return its detail."""
    document = json.loads(user.ok("--json", *words))
    found: dict[str, Any] = document["detail"]
    return found


def read(user: Pyve, name: str) -> str:
    """Return the text of a file of the project, with its line ends."""
    return (user.project / name).read_bytes().decode()


# --- add


def test_the_first_requirement_of_a_project_makes_a_manifest(user: Pyve) -> None:
    told = user.ok("add", "--no-sync", "beta")
    assert read(user, "requirements.in").splitlines()[1:] == ["beta"]
    assert versions(user) == {"alpha": "1.1", "beta": "1.0"}
    assert "added alpha 1.1" in told


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (("alpha>=1,<2",), "dependencies = [\n", 'dependencies = [\n    "alpha>=1,<2",\n'),
        (("beta>=1",), '"beta",  # for', '"beta>=1",  # for'),
        (("--dev", "alpha"), 'dev = ["ring"]', 'dev = ["alpha", "ring"]'),
        (
            ("--group", "docs", "alpha"),
            'dev = ["ring"]\n',
            'dev = ["ring"]\ndocs = [\n    "alpha",\n]\n',
        ),
    ],
)
def test_a_requirement_goes_into_pyproject_and_the_rest_stays(
    user: Pyve, words: tuple[str, ...], old: str, new: str
) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("add", "--no-sync", *words)
    assert read(user, "pyproject.toml") == PYPROJECT.replace(old, new)


def test_an_extra_is_made(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("add", "--no-sync", "--extra", "loud", "ring[bell]")
    assert 'loud = [\n    "ring[bell]",\n]\n' in read(user, "pyproject.toml")
    assert 'extras = ["loud"]' in read(user, "pylock.toml")


def test_line_ends_and_links_stay(user: Pyve) -> None:
    real = user.write("shared/what.toml", "")
    real.write_bytes(PYPROJECT.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (user.project / "pyproject.toml").symlink_to("shared/what.toml")
    user.ok("add", "--no-sync", "ring")
    assert (user.project / "pyproject.toml").is_symlink()
    assert real.read_bytes().count(b"\r\n") == real.read_bytes().count(b"\n")
    assert b'"ring",\r\n' in real.read_bytes()
    assert real.stat().st_mode & 0o777 == 0o640


def test_what_is_in_an_included_file_is_changed_there(user: Pyve) -> None:
    user.write("requirements.in", "-r more/base.in\nring\n")
    user.write("more/base.in", "alpha<2  # why\n")
    user.ok("add", "--no-sync", "alpha>=2")
    assert read(user, "more/base.in") == "alpha>=2  # why\n"
    assert read(user, "requirements.in") == "-r more/base.in\nring\n"
    user.ok("remove", "--no-sync", "alpha")
    assert read(user, "more/base.in") == ""


@pytest.mark.parametrize("manifest", ["pyproject.toml", "requirements.in"])
def test_a_folder_beside_the_project_is_added_from_where_the_user_is(
    user: Pyve, manifest: str
) -> None:
    write_source(user.root / "the library", "library", "2.0", ["ring"])
    user.write(manifest, PYPROJECT if manifest == "pyproject.toml" else "")
    user.write(".pyve/config", "backend: venv\n")
    (user.project / "below").mkdir()
    user.ok("add", "--no-sync", "--editable", "../../the library", cwd=user.project / "below")
    text = read(user, manifest)
    if manifest == "pyproject.toml":
        assert '    "library",\n' in text
        assert 'library = { path = "../the library", editable = true }' in text.replace(
            "{path", "{ path"
        ).replace("true}", "true }")
    else:
        assert '-e "../the library"\n' in text
    assert {"library", "ring"} <= set(versions(user))
    if manifest == "pyproject.toml":
        user.ok("remove", "--no-sync", "Library")
        assert read(user, manifest) == PYPROJECT


def test_a_repository_is_added_with_its_commit_in_the_lock(user: Pyve) -> None:
    place = user.root / "library"
    write_source(place, "library", "2.0")
    author = ("-c", "user.email=me@example.org", "-c", "user.name=me")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        assert user.execute("git", "-C", place, *words).returncode == 0
    commit = user.execute("git", "-C", place, "rev-parse", "HEAD").stdout.strip()
    user.write("pyproject.toml", PYPROJECT)
    url = f"git+file://{place}"
    user.fails("add", "--no-sync", url.replace(" ", "%20"), code="E_MANIFEST")
    user.ok("add", "--no-sync", f"{url}#egg=library")
    assert f'"library @ {url}"' in read(user, "pyproject.toml")
    assert f'commit-id = "{commit}"' in read(user, "pylock.toml")


def test_dry_run_shows_the_change_and_makes_none(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("lock")
    before = snapshot(user.project)
    shown = user.ok("add", "--dry-run", "--dev", "delta")
    assert '-dev = ["ring"]\n+dev = ["delta", "ring"]\n' in shown
    assert "added delta 1.0" in shown
    gone = user.ok("remove", "--dry-run", "beta")
    assert '-    "beta",  # for the counter\n' in gone
    assert "removed beta 1.0" in gone
    found = detail(user, "add", "--dry-run", "--dev", "delta")
    assert found["dry_run"] is True
    assert found["files"] == ["pyproject.toml"]
    assert shown.startswith(found["diff"])
    assert "added delta 1.0" in found["locked"]
    assert found["locked"] == detail(user, "add", "--no-sync", "--dev", "delta")["locked"]
    user.ok("remove", "--no-sync", "--dev", "delta")
    assert snapshot(user.project) == before


def test_dry_run_of_what_has_no_solution_says_so_and_changes_nothing(user: Pyve) -> None:
    user.write("requirements.in", "-r more.txt\n")
    user.write("more.txt", "beta\n")
    before = snapshot(user.project)
    said = user.fails("add", "--dry-run", "nothing-there", code="E_RESOLVE_MISSING")
    assert "why: to be added: nothing-there" in said
    assert "added beta" in user.ok("add", "--dry-run", "ring")
    assert snapshot(user.project) == before


def test_what_is_there_already_changes_nothing(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("lock")
    before = snapshot(user.project)
    assert "has all of it already" in user.ok("add", "--no-sync", "beta")
    assert snapshot(user.project) == before


# --- all or nothing


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "gamma"), "E_RESOLVE_CONFLICT"),
        (("add", "nothing-there"), "E_RESOLVE_MISSING"),
        (("add", "alpha", "no requirement"), "E_MANIFEST"),
        (("remove", "beta", "nope"), "E_PACKAGE_UNKNOWN"),
    ],
)
def test_after_a_failure_every_file_is_what_it_was(
    user: Pyve, words: tuple[str, ...], code: str, locked: bool
) -> None:
    user.write("pyproject.toml", PYPROJECT)
    if locked:
        user.ok("lock")
    before = snapshot(user.project)
    user.fails(*words, code=code)
    assert snapshot(user.project) == before


def test_after_a_failed_sync_every_file_is_what_it_was(user: Pyve) -> None:
    user.init()
    user.write(
        "pyproject.toml", PYPROJECT.replace("[project]", "[tool.uv]\npackage = false\n[project]")
    )
    user.ok("lock")
    before = snapshot(user.project, (".pyve/tmp",))
    # It can be locked, and not be built.
    assert user("add", "broken").returncode == 1
    assert snapshot(user.project, (".pyve/tmp",)) == before


def test_what_a_failed_sync_made_is_gone(user: Pyve) -> None:
    assert user("add", "broken").returncode == 1
    assert snapshot(user.project) == {}


@brings("E_RESOLVE_MISSING")
def test_a_name_that_is_misspelt_is_corrected(user: Pyve) -> None:
    corrects(user, "E_RESOLVE_MISSING", "add", "--no-sync", "betta", fix="pyve add --no-sync beta")
    assert versions(user) == {"alpha": "1.1", "beta": "1.0"}


def test_a_manifest_that_was_made_is_gone_after_a_failure(user: Pyve) -> None:
    user.fails("add", "nothing-there", code="E_RESOLVE_MISSING")
    assert list(user.project.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_broken_off_leaves_every_file_as_it_was(
    user: Pyve, index: LocalIndex, number: signal.Signals
) -> None:
    user.write("pyproject.toml", PYPROJECT)
    before = snapshot(user.project)
    fault = index.add_fault("gamma", hold=True)
    try:
        process = start(user, "add", "--no-sync", "gamma")
        assert fault.reached.wait(60)
        assert read(user, "pyproject.toml") != PYPROJECT
        process.send_signal(number)
        fault.go_on.set()
        assert process.wait(60) != 0
    finally:
        index.clear_faults()
    assert snapshot(user.project) == before


@pytest.mark.parametrize("changed", [False, True])
def test_what_a_killed_command_changed_is_put_back_by_the_next(
    user: Pyve, index: LocalIndex, changed: bool
) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("lock")
    before = snapshot(user.project)
    fault = index.add_fault("gamma", hold=True)
    try:
        process = start(user, "add", "--no-sync", "gamma")
        assert fault.reached.wait(60)
        process.kill()
        process.wait()
        assert "gamma" in read(user, "pyproject.toml")
        if changed:
            # Somebody goes on with it: that is not lost.
            user.write("pyproject.toml", PYPROJECT.replace("Ours", "Mine"))
            before = snapshot(user.project, (".pyve",))
        user("run", "true")
        assert snapshot(user.project) == before
    finally:
        index.clear_faults()


# --- remove


def test_a_requirement_is_removed_from_everywhere_or_one_place(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT.replace('["ring"]', '["ring", "Beta"]'))
    user.ok("remove", "--no-sync", "--dev", "beta")
    assert read(user, "pyproject.toml") == PYPROJECT
    user.ok("add", "--no-sync", "--dev", "beta")
    found = detail(user, "remove", "--no-sync", "BETA")
    assert "beta" not in read(user, "pyproject.toml").lower()
    assert found["locked"] == ["removed alpha 1.1", "removed beta 1.0"]
    assert versions(user) == {"ring": "1.0"}


@brings("E_PACKAGE_INDIRECT")
def test_what_only_a_dependency_needs_is_not_removed(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT)
    user.ok("lock")
    before = snapshot(user.project)
    failure = bring(user, "E_PACKAGE_INDIRECT", "remove", "alpha")
    failure.says("beta 1.0 -> alpha 1.1")
    assert snapshot(user.project) == before
    # That takes away what the project asks for, and so is nothing to do unseen.
    assert [(fix.text, fix.risk) for fix in failure.fixes] == [("pyve remove beta", "destructive")]
    user.ok("remove", "--no-sync", "beta")
    failure.check_gone(others=("E_PACKAGE_UNKNOWN",))


def test_a_name_that_is_not_there_gets_another(user: Pyve) -> None:
    user.write("pyproject.toml", PYPROJECT)
    assert "fix: pyve remove beta" in user.fails("remove", "betta", code="E_PACKAGE_UNKNOWN")
    said = user.fails("remove", "--dev", "beta", code="E_PACKAGE_UNKNOWN")
    assert "it is in the default dependencies" in said
    said = user.fails("remove", "--group", "docs", "ring", code="E_PACKAGE_UNKNOWN")
    assert "fix: pyve remove --group dev ring" in said


# --- upgrade, outdated


def test_upgrade_moves_what_the_manifest_allows(user: Pyve) -> None:
    user.write("requirements.in", "alpha<2\nring\n")
    user.ok("lock")
    user.write("requirements.in", "alpha\nring\n")
    user.ok("lock")
    assert versions(user)["alpha"] == "1.1", "what is locked stays"
    before = snapshot(user.project)
    assert "alpha 1.1 -> 2.0" in user.ok("upgrade", "--dry-run")
    assert detail(user, "upgrade", "--dry-run", "ring")["locked"] == []
    assert snapshot(user.project) == before
    user.ok("upgrade", "--no-sync", "ring")
    assert versions(user)["alpha"] == "1.1"
    user.ok("upgrade", "--no-sync", "Alpha")
    assert versions(user)["alpha"] == "2.0"
    assert "Nothing to upgrade" in user.ok("upgrade", "--no-sync")
    assert "fix: pyve upgrade ring" in user.fails("upgrade", "rinng", code="E_PACKAGE_UNKNOWN")


def test_outdated_tells_what_is_allowed_and_what_there_is(user: Pyve) -> None:
    user.write("requirements.in", "alpha<1.1\n")
    user.ok("lock")
    user.write("requirements.in", "alpha<2\nring\n")
    user.ok("lock")
    before = snapshot(user.project)
    found = detail(user, "outdated")
    assert found == {
        "packages": [
            {
                "name": "alpha",
                "locked": "1.0",
                "allowed": "1.1",
                "newest": "2.0",
                "direct": True,
                "requirements": ["alpha<2"],
            }
        ],
        "upgradable": ["alpha"],
    }
    line = user.ok("outdated").splitlines()[1]
    assert line.split() == ["alpha", "1.0", "1.1", "2.0", "alpha<2"]
    assert snapshot(user.project) == before
    user.write("requirements.in", "alpha\n")
    user.ok("upgrade", "--no-sync")
    assert "the newest" in user.ok("outdated")


# --- with the environment


def test_add_and_remove_change_the_environment_too(user: Pyve) -> None:
    user.init()
    found = detail(user, "add", "beta")
    assert found["added"] == ["alpha 1.1", "beta 1.0"]
    user.ok("run", "python", "-c", "import alpha, beta")
    found = detail(user, "remove", "beta")
    assert found["removed"] == ["alpha 1.1", "beta 1.0"]
    user.ok("run", "python", "-m", "pip", "--version")
    assert user("run", "python", "-c", "import beta").returncode == 1


def test_add_makes_the_environment_that_is_missing(user: Pyve) -> None:
    user.ok("add", "ring")
    user.ok("run", "python", "-c", "import ring")


# --- conda


@pytest.fixture
def conda_user(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> Iterator[CondaUser]:
    """A user with a project for conda."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.micromamba
def test_a_conda_project_is_changed_with_its_lock(conda_user: CondaUser) -> None:
    before = read(conda_user, "environment.yml")
    conda_user.ok("add", "--no-sync", "teapot")
    assert read(conda_user, "environment.yml") == before + "  - teapot\n"
    assert "teapot" in read(conda_user, "conda-lock.yml")
    found = detail(conda_user, "remove", "--no-sync", "teapot")
    assert found["files"] == ["environment.yml"]
    assert read(conda_user, "environment.yml") == before
    assert "teapot" not in read(conda_user, "conda-lock.yml")


@pytest.mark.micromamba
def test_the_environment_of_conda_is_what_the_lock_says_then(conda_user: CondaUser) -> None:
    assert detail(conda_user, "add", "teapot")["files"] == ["environment.yml"]
    assert "teapot" in conda_user.records()
    conda_user.ok("remove", "teapot")
    assert set(conda_user.records()) == {"libwater"}


@pytest.mark.micromamba
def test_the_last_dependency_of_a_conda_project_can_be_removed(conda_user: CondaUser) -> None:
    conda_user.ok("remove", "--no-sync", "libwater")
    text = (conda_user.project / "environment.yml").read_text()
    assert text.endswith("dependencies: []\n")
    conda_user.ok("add", "--no-sync", "teapot")
    conda_user.ok("lock", "--check")


@pytest.mark.micromamba
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "teapot", "libwater>=1.1"), "E_CONDA_CONFLICT"),
        (("add", "libwtaer"), "E_CONDA_MISSING"),
        (("add", "--dev", "teapot"), "E_USAGE_CONFLICT"),
        (("add", "--pre", "teapot"), "E_USAGE_CONFLICT"),
        (("remove", "libwatr"), "E_PACKAGE_UNKNOWN"),
        (("upgrade", "libwater"), "E_LOCK_MISSING"),
    ],
)
def test_a_conda_project_is_what_it_was_after_a_failure(
    conda_user: CondaUser, words: tuple[str, ...], code: str
) -> None:
    before = snapshot(conda_user.project)
    conda_user.fails(*words, code=code)
    assert snapshot(conda_user.project) == before
