"""A folder for HOME and TMPDIR of a command, where there is no file system of its own for them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from pyve_sandbox.system import O_PATH, PLATFORM

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Scratch"]

_PREFIX = "pyve-sandbox-"


class Scratch:
    """Makes the folder, and removes it; the next one removes what a killed one has left.

    Attributes:
        folder: it; ``home`` and ``tmp`` are in it.
    """

    def __init__(self) -> None:
        """Begin without a folder."""
        self.folder = self.home = self.tmp = ""
        self._guard = -1

    def __enter__(self) -> Scratch:
        """Make the folder."""
        root = os.path.realpath(tempfile.gettempdir())
        _clear(root)
        self.folder = tempfile.mkdtemp(prefix=_PREFIX, dir=root)
        # Locked as long as this process lives.
        self._guard = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._guard, fcntl.LOCK_EX)
        self.home = os.path.join(self.folder, "home")
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.home, 0o700)
        os.mkdir(self.tmp, 0o700)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        _remove(self.folder)
        os.close(self._guard)


def _clear(root: str) -> None:
    """Remove the folders of this user whose process is gone."""
    for name in os.listdir(root):
        if not name.startswith(_PREFIX):
            continue
        folder = os.path.join(root, name)
        with contextlib.suppress(OSError):
            if os.lstat(folder).st_uid == os.getuid():
                # (The command can have taken that away, too.)
                _make_readable(folder)
            guard = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(guard).st_uid == os.getuid():
                    fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(folder)
            finally:
                os.close(guard)


def _remove(folder: str) -> None:
    """Remove a folder, also when it, or what is in it, was made unreadable."""
    with contextlib.suppress(OSError):
        _make_readable(folder)
    for place, folders, _ in os.walk(folder):
        for name in folders:
            with contextlib.suppress(OSError):
                _make_readable(os.path.join(place, name))
    shutil.rmtree(folder, ignore_errors=True)


def _make_readable(path: str) -> None:
    """Give a folder a mode; what a link leads to keeps its own, whoever puts the link there when.

    Raises:
        OSError: it is no folder.
    """
    if PLATFORM == "darwin":
        os.chmod(path, 0o700, follow_symlinks=False)
        return
    place = os.open(path, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)
