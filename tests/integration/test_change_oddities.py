"""pyve add, remove and upgrade where it is not plain what is meant, or more than one is at work."""

from __future__ import annotations

import subprocess
import sys

import pytest
from code_cases import corrects
from distributions import make_wheel, write_source
from local_index import LocalIndex
from pyve_test_helpers import Pyve, find_pythons, python_version, series, snapshot
from sync_user import ask, installed

DISTRIBUTIONS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0")),
    make_wheel("beta", "1.0", ["alpha<2"]),
    make_wheel("delta", "1.0"),
    make_wheel("ring", "1.0"),
)
HERE = series(".".join(map(str, sys.version_info[:2])))
SECRET = "sUp3rs3cr3t"


@pytest.fixture
def user(user: Pyve) -> Pyve:
    """A user who asks for beta."""
    ask(user, "beta")
    return user


# --- groups and extras


@pytest.mark.parametrize("kind", ["group", "extra"])
def test_what_is_added_to_a_group_or_extra_is_there(user: Pyve, kind: str) -> None:
    user.ok("sync")
    assert "+ ring 1.0" in user.ok("add", f"--{kind}", "chimes", "ring")
    assert installed(user) == ["alpha 1.1", "beta 1.0", "ring 1.0"]
    # It stays when something else changes, and a plain sync is what it always was.
    user.ok("add", "delta")
    assert installed(user) == ["alpha 1.1", "beta 1.0", "delta 1.0", "ring 1.0"]
    assert "- ring 1.0" in user.ok("sync")
    assert user.json("sync", f"--{kind}", "chimes")["detail"]["added"] == ["ring 1.0"]


def test_the_group_dev_comes_back_when_it_was_left_out(user: Pyve) -> None:
    ask(user, "beta", more='[dependency-groups]\ndev = ["delta"]\n')
    user.ok("sync", "--no-dev")
    user.ok("add", "--dev", "ring")
    assert "ring 1.0" in installed(user)
    # Where it comes unasked, nothing more is remembered.
    user.ok("sync")
    user.ok("add", "--dev", "alpha")
    assert "selection=\n" in (user.venv / "pyve.state").read_text()


def test_the_environment_is_made_with_the_group(user: Pyve) -> None:
    user.ok("add", "--group", "chimes", "ring")
    assert installed(user) == ["alpha 1.1", "beta 1.0", "ring 1.0"]


def test_nothing_of_it_with_no_sync(user: Pyve) -> None:
    user.ok("add", "--no-sync", "--group", "chimes", "ring")
    assert not user.venv.exists()


# --- upgrade


def test_upgrade_says_what_the_manifest_keeps_back(user: Pyve) -> None:
    ask(user, "alpha==1.0", "delta>=1", "ring; python_version < '4'")
    user.ok("lock")
    out = user.ok("upgrade", "--no-sync", "alpha", "delta", "ring")
    assert out.splitlines() == [
        "INFO: alpha stays: the manifest asks for alpha==1",
        "✓ Nothing to upgrade",
    ]
    assert "alpha stays" in user.ok("upgrade", "--dry-run", "alpha")
    assert "stays" not in user.ok("upgrade", "--no-sync")


# --- paths


def test_a_folder_with_a_blank_is_added_shown_and_removed(user: Pyve) -> None:
    (user.project / "pyproject.toml").unlink()
    manifest = user.write("requirements.in", "delta\n")
    write_source(user.project / "my libs" / "tower", "tower", "1.0", ["ring"])
    user.ok("add", "--editable", "my libs/tower")
    assert manifest.read_text() == 'delta\n-e "./my libs/tower"\n'
    assert "ring 1.0" in installed(user)
    assert "my libs/tower" in user.ok("why", "tower")
    assert "tower" in user.ok("tree")
    assert "has all of it already" in user.ok("add", "--editable", "./my libs/tower/")
    assert "1 removed" in user.ok("remove", "--no-sync", "tower").replace("2 removed", "1 removed")
    assert manifest.read_text() == "delta\n"


def test_a_token_behind_a_url_is_not_written(user: Pyve, index: LocalIndex) -> None:
    url = f"{index.file_url(DISTRIBUTIONS[-1].filename)}?token={SECRET}"
    before = snapshot(user.project)
    for more in ([], ["--json"]):
        result = user("add", f"ring @ {url}", *more)
        assert result.returncode == 1
        assert SECRET not in result.stdout + result.stderr
        assert "has a password or token in it" in result.stdout + result.stderr
    assert snapshot(user.project, skip=(".pyve",)) == before


@pytest.mark.parametrize(
    "word",
    ["--index-url=x", "-r other.txt", "$(touch made)", "`touch made`", "a\nb", "@@@", "a;b", "ä"],
)
def test_words_that_are_no_requirement_change_nothing(user: Pyve, word: str) -> None:
    user.ok("lock")
    before = snapshot(user.project)
    said = user.fails("add", "--", word, code="E_MANIFEST")
    assert "\nb'" not in said
    assert snapshot(user.project, skip=(".pyve",)) == before


# --- at the same time


def test_each_of_two_that_add_at_once_is_done(user: Pyve) -> None:
    user.ok("sync")
    running = [
        subprocess.Popen(
            user.command("add", name),
            cwd=user.project,
            env=user.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in ("ring", "delta")
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert installed(user) == ["alpha 1.1", "beta 1.0", "delta 1.0", "ring 1.0"]
    assert user.json("status")["detail"]["state"] == "consistent"


# --- words of other tools


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("ring@1.0", "ring==1.0"),
        ("ring@latest", "ring"),
        ("ring[x] @ ^1.0", "'ring[x]>=1.0,<2'"),
        ("ring=1.0", "ring==1.0"),
        ("ring 1.0; python_version > '3'", ""),
    ],
)
def test_how_other_tools_write_it_is_put_right(user: Pyve, word: str, right: str) -> None:
    fix = right and f"pyve add --no-sync {right}"
    corrects(user, "E_MANIFEST", "add", "--no-sync", word, fix=fix)
    assert "ring 1.0" in user.ok("tree")


def test_a_path_behind_the_at_is_no_version(user: Pyve) -> None:
    write_source(user.project / "1.0", "tower", "1.0")
    user.ok("add", "--no-sync", "tower@1.0")
    assert "tower" in user.ok("tree")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-e ./my libs"], "E_USAGE_OPTION"),
        (["--editable ./my libs"], "E_USAGE_OPTION"),
        (["--", "-e ./my libs"], "E_MANIFEST"),
    ],
)
def test_an_option_and_its_path_are_two_words(user: Pyve, words: list[str], code: str) -> None:
    write_source(user.project / "my libs", "tower", "1.0")
    said = user.fails("add", "--no-sync", *words, code=code)
    assert "'./my libs'" in said
    assert "fix: pyve add --no-sync --editable './my libs'\n" in said
    user.ok("add", "--no-sync", "--editable", "./my libs")


def test_what_only_others_need_goes_with_them(user: Pyve) -> None:
    user.ok("lock")
    said = user.fails("remove", "--no-sync", "alpha", code="E_PACKAGE_INDIRECT")
    assert "fix: pyve remove beta\n" in said
    user.ok("remove", "--no-sync", "beta")
    assert "alpha" not in user.ok("tree")


def test_one_package_is_not_several(user: Pyve) -> None:
    ask(user, "ring")
    user.ok("lock")
    assert "it has 1 package\n" in user.fails("why", "quite-another", code="E_PACKAGE_UNKNOWN")
    words = ("lock", "--upgrade", "quite-another")
    assert "it has 1 package\n" in user.fails(*words, code="E_PACKAGE_UNKNOWN")


# --- which Python, where nothing says it


def test_the_first_lock_is_for_the_python_that_the_environment_gets(user: Pyve) -> None:
    others = [python for python in find_pythons() if series(python_version(python)) != HERE]
    if not others:
        pytest.skip("only one Python here")
    wanted = series(python_version(others[0]))
    (user.project / "pyproject.toml").unlink()
    user.add_managed_python("pyenv", others[0])
    user.write(".python-version", f"{wanted}\n")
    user.ok("add", "ring")
    assert f'requires-python = ">={wanted}"' in (user.project / "pylock.toml").read_text()
    assert installed(user) == ["ring 1.0"]
