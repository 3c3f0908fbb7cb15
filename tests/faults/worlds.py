"""A user with home, project, caches and temporary files below one folder, put back in no time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from conda_project import CondaUser
from memory_folder import choose_folder
from pyve_test_helpers import Pyve
from snapshots import take_snapshot

# What the user's folders may hold or not hold, as they like: caches, and what is in them.
CACHES = (
    r"world/uv cache(/.*)?",
    r"world/conda packages(/.*)?",
    r"world/home of user/\.cache/uv(/.*)?",
    r"world/interpreters(/.*)?",
    r"world/tools of .*",
    r"world/templates/[^/]*[0-9]/.*",
    # Made by whatever starts a Python, or looks into an environment.
    r".*/__pycache__(/.*)?",
    r".*/pyve\.activation",
    # It says when trust was last given or taken.
    r"world/home of user/.*/trust/stamp",
)

# The store: it may hold more than a project needs. Something unfinished is in tmp.
STORE = (r"world/home of user/\.cache(/pyve(/store(/v1(/(?!tmp).*)?)?)?)?",)


class World:
    """One user's files, and what they were at moments that were kept.

    Attributes:
        folder: holds all of it.
        root: what the user has.
        user: the user.
    """

    def __init__(self, folder: Path, channel: Any = None, tree: Path | None = None) -> None:
        """Make the user, with an empty project.

        Args:
            folder: must not exist; best in memory.
            channel: for the conda backend, its channels.
            tree: the Pyve to run; that of the tests by default.
        """
        self.folder = folder
        self.root = folder / "world"
        (self.root / "templates").mkdir(parents=True)
        (self.root / "tmp").mkdir()
        if channel is None:
            self.user = Pyve(self.root, self.root / "templates")
        else:
            self.user = CondaUser(self.root, self.root / "templates", channel)
        if tree is not None:
            self.user.tree = tree
        self.user.world = self
        self.user.env.update(
            TMPDIR=str(self.root / "tmp"),
            UV_CACHE_DIR=str(self.root / "uv cache"),
            UV_HTTP_RETRIES="0",
        )

    def kept(self, name: str) -> Path:
        """Return where the moment of a name is kept, or would be."""
        return self.folder / f"kept {name}"

    def keep(self, name: str) -> None:
        """Remember what is there now: ``restore`` brings it back."""
        shutil.rmtree(self.kept(name), ignore_errors=True)
        self._copy(self.root, self.kept(name))

    def restore(self, name: str, is_apart: bool = False) -> None:
        """Bring back what was there at ``keep``.

        Args:
            name: of the moment.
            is_apart: files have no hard links to what is kept: the store counts them.
        """
        subprocess.run(["rm", "-rf", str(self.root)], check=True)
        self._copy(self.kept(name), self.root, "-a" if is_apart else "-al")

    def _copy(self, source: Path, target: Path, how: str = "-al") -> None:
        # The files are the same ones: nothing of Pyve writes into a file in place, and who plays a
        # scene sees to that (look_at_kept).
        subprocess.run(["cp", how, str(source), str(target)], check=True)

    def fill_disk(self, blocks: int) -> None:
        """Take all space of the file system but so many blocks."""
        with open(self.folder / "ballast", "wb") as file:
            free = os.fstatvfs(file.fileno())
            size = (free.f_bavail - blocks) * free.f_frsize
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)

    def make_room(self) -> None:
        """Give the space back."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def look(self, is_store: bool = False) -> dict[str, str]:
        """Return a snapshot of what counts; of the store only what it has of unfinished things.

        Args:
            is_store: all of the store counts.
        """
        left_out = (r"kept .*", *CACHES, *(STORE if not is_store else ()))
        return take_snapshot(self.folder, left_out)

    def look_at_kept(self, name: str) -> dict[str, str]:
        """Return a snapshot of what ``keep`` remembers."""
        return take_snapshot(self.kept(name), (r".*/trust/stamp", r"uv cache(/.*)?"))

    def remove(self) -> None:
        """Remove all of it."""
        subprocess.run(["chmod", "-R", "u+rwX", str(self.folder)], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def choose_place() -> Path:
    """Return a folder for worlds: in memory where there is such a place, else the usual one."""
    return choose_folder(2_000_000_000)
