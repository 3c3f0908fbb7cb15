"""Under any umask: nothing is there for everybody to write, and what is private is so."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve
from sync_user import ask, installed

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("tool", "1.0", files={"tool-1.0.data/data/share/tool.txt": "x"}),
)


@pytest.fixture(params=[0o000, 0o077], ids=["000", "077"])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of the user, for as long as the test lasts."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def walk(*roots: Path) -> Iterator[tuple[Path, int]]:
    """Give all files and folders below, with their modes; no links."""
    for root in roots:
        for folder, folders, files in os.walk(root):
            for name in (*folders, *files):
                path = Path(folder, name)
                if not path.is_symlink():
                    yield path, stat.S_IMODE(path.stat().st_mode)


def world_writable(*roots: Path) -> list[str]:
    return [f"{path} {mode:o}" for path, mode in walk(*roots) if mode & 0o002]


def check_private(user: Pyve, mask: int) -> None:
    """What may hold secrets is the user's alone, under 077 all that Pyve writes.

    (An environment has the modes of its template, which others may have to read: the folder of the
    project is what keeps people out.)
    """
    assert stat.S_IMODE((user.project / ".env").stat().st_mode) == 0o600
    trust = user.home / ".local" / "state" / "pyve" / "trust"
    assert stat.S_IMODE(trust.stat().st_mode) == 0o700
    if mask == 0o077:
        names = (".envrc", ".gitignore", ".pyve", ".pyve/config", ".pyve/state")
        for path in (user.project / name for name in names):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_nothing_is_for_everybody_to_write_and_all_of_it_works(user: Pyve, mask: int) -> None:
    # Templates, toolchain's bytecode and store are made under this umask, too.
    user.env["PYVE_TEMPLATES"] = str(user.home / "templates")
    user.project.chmod(0o755)
    own = [user.project, user.home]
    ask(user, "alpha", "tool")
    (user.project / "pyproject.toml").chmod(0o644)
    user.ok("init", "--yes")
    check_private(user, mask)
    assert world_writable(*own) == []
    user.ok("sync")
    user.ok("add", "--no-sync", "tool>=1")
    user.ok("config", "set", "prompt.show", "true")
    user.ok("sync")
    assert world_writable(*own) == []
    assert {"alpha 1.0", "tool 1.0"} <= set(installed(user))
    # (Neither can the group write into the store, which the store's own commands would refuse.)
    assert "every file is as it was" in user.ok("store", "verify")
    user.ok("status")
    user.ok("doctor", "--only", "lock-stale")
    # A command of the user's has the user's umask.
    assert int(user.ok("run", "sh", "-c", "umask"), 8) == mask
    user.ok("run", "touch", "made")
    assert stat.S_IMODE((user.project / "made").stat().st_mode) == 0o666 & ~mask
    # Another project, from what is there by now.
    second = user.root / "second project"
    second.mkdir(mode=0o755)
    for name in ("pyproject.toml", "pylock.toml"):
        (second / name).write_bytes((user.project / name).read_bytes())
        (second / name).chmod(0o644)
    user.ok("sync", "--frozen", cwd=second)
    user.ok("run", "python", "-c", "import alpha, tool", cwd=second)
    assert world_writable(second, user.home) == []
    for project in (second, user.project):
        user.ok("purge", "--yes", cwd=project)
        assert not (project / ".venv").exists()
