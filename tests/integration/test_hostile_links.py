"""Links that lead out of a project, as a repository may bring them: nothing is written there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask

DISTRIBUTIONS = (make_wheel("alpha", "1.0"), make_wheel("beta", "1.0"))

FILES = (
    *(".pyve/config", ".pyve/state", ".pyve/lock", ".envrc", ".env", ".gitignore"),
    *(".python-version", ".tool-versions", "pylock.toml"),
)
FOLDERS = (".pyve", ".pyve/tmp", ".pyve/testenv", ".venv")
COMMANDS = (
    *(["sync"], ["init", "--yes"], ["config", "set", "store", "off"]),
    *(["doctor", "--fix", "--yes"], ["purge", "--yes"]),
)


def lead_out(user: Pyve, name: str, is_folder: bool, dangling: bool) -> Path:
    """Put a link into the place of a file or folder; its target, outside, has what was there."""
    path, outside = user.project / name, user.root / "outside"
    outside.mkdir()
    target = outside / "target"
    if not dangling:
        if path.exists():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
        elif is_folder:
            target.mkdir()
            (target / "mine").write_text("mine")
        else:
            target.write_text("mine\n")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return outside


def check(user: Pyve, outside: Path, name: str) -> None:
    before = snapshot(outside)
    for words in COMMANDS:
        said = user(*words)
        assert snapshot(outside) == before, f"{words} wrote through {name}: {said.stderr}"
        assert said.returncode in (0, 1, 2), (words, said.stderr)
        assert said.returncode != 1 or "doctor" in words or "[E_" in said.stderr, said.stderr
        assert "E_INTERNAL" not in said.stderr, (words, said.stderr)


@pytest.mark.parametrize("name", FILES + FOLDERS)
def test_nothing_is_written_through_a_link(name: str, user: Pyve) -> None:
    ask(user, "alpha")
    check(user, lead_out(user, name, name in FOLDERS, False), name)


@pytest.mark.parametrize("name", [".pyve", ".pyve/config", ".env", ".gitignore", "pylock.toml"])
def test_nor_is_anything_made_where_a_link_leads_to_nothing(name: str, user: Pyve) -> None:
    ask(user, "alpha")
    check(user, lead_out(user, name, name in FOLDERS, True), name)


@pytest.mark.parametrize("name", [".venv", ".pyve", ".pyve/config", "pylock.toml"])
def test_nor_in_a_project_that_was_in_use(name: str, user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("init", "--yes")
    user.ok("sync")
    outside = lead_out(user, name, name in FOLDERS, False)
    ask(user, "alpha", "beta")
    check(user, outside, name)
