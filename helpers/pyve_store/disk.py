"""What folders take on the disk, as ``du`` counts it, and removing them for good."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# POSIX, <sys/stat.h>: st_blocks counts blocks of 512 bytes wherever Pyve runs.
BLOCK = 512


def size_of(status: os.stat_result) -> int:
    """Give the bytes that an inode takes on the disk."""
    return status.st_blocks * BLOCK


def walk(place: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give every path at and below a place with its status; links are not followed.

    What vanishes meanwhile, or is in a folder that cannot be read, is left out.
    """
    try:
        status = os.lstat(place)
    except OSError:
        return
    yield place, status
    if not stat.S_ISDIR(status.st_mode):
        return
    try:
        with os.scandir(place) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return
    for name in names:
        yield from walk(os.path.join(place, name))


def remove_empty(place: Path) -> None:
    """Remove folders without a file below a folder.

    A folder is enough for ``import`` (PEP 420), and for a distribution without metadata.
    """
    for top, _, files in os.walk(place, topdown=False):
        if not files and top != os.fspath(place):
            with suppress(OSError):
                os.rmdir(top)


@dataclass
class Inode:
    """A file, by whatever names.

    Attributes:
        size: bytes on the disk.
        names: how many names it has among what was counted.
        links: how many names it has anywhere.
        pool: its name in the pool, or "".
    """

    size: int
    names: int
    links: int
    pool: str = ""


@dataclass
class Ledger:
    """What a folder takes: each inode once, as ``du`` counts.

    Attributes:
        inodes: what is not a folder, by device and number.
        folders: bytes of the folders themselves.
        swept: how many files of the pool went by ``drop``.
    """

    inodes: dict[tuple[int, int], Inode] = field(default_factory=dict)
    folders: int = 0
    swept: int = 0

    def add(self, place: str, pool: str = "") -> None:
        """Count all that is at and below a place; ``pool`` is the pool's folder, if it has one."""
        inside = pool and pool + os.sep
        for path, status in walk(place):
            if stat.S_ISDIR(status.st_mode):
                self.folders += size_of(status)
                continue
            key = (status.st_dev, status.st_ino)
            inode = self.inodes.get(key)
            if inode is None:
                inode = self.inodes[key] = Inode(size_of(status), 0, status.st_nlink)
            inode.names += 1
            if inside and path.startswith(inside):
                inode.pool = path

    @property
    def total(self) -> int:
        """What ``du`` would say, in bytes."""
        return self.folders + sum(inode.size for inode in self.inodes.values())

    def drop(self, place: str) -> tuple[int, int]:
        """Count off all that is at and below a place, as if it were removed.

        A file of the pool that no environment has any more goes with it; not one that copies of
        environments (``--copy``) have, which costs nothing more.

        Returns:
            Bytes that the disk gets back, and bytes that it does not, because of such copies.
        """
        freed = held = 0
        for _, status in walk(place):
            if stat.S_ISDIR(status.st_mode):
                self.folders -= size_of(status)
                freed += size_of(status)
                continue
            key = (status.st_dev, status.st_ino)
            inode = self.inodes.get(key)
            if inode is None:
                continue
            inode.names -= 1
            inode.links -= 1
            if inode.pool and inode.names == inode.links == 1:
                inode.names = inode.links = 0
            self.swept += bool(inode.pool) and inode.names <= 0
            if inode.links <= 0:
                freed += inode.size
            elif inode.names == bool(inode.pool):
                held += inode.size
            if inode.names <= 0:
                del self.inodes[key]
        return freed, held

    def drop_outside(self, place: str) -> int:
        """Count off what is at and below a place that was not counted, as if it were removed.

        Returns:
            Bytes that the disk gets back.
        """
        freed = 0
        for _, status in walk(place):
            inode = self.inodes.get((status.st_dev, status.st_ino))
            if inode:
                inode.links -= 1
            elif stat.S_ISDIR(status.st_mode) or status.st_nlink <= 1:
                freed += size_of(status)
        return freed


@dataclass
class Removal:
    """What was removed so far.

    Attributes:
        freed: bytes that the disk got back.
        failed: what could not be removed: path and reason.
    """

    freed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def remove(self, place: str) -> bool:
        """Remove a file or a folder with all that is in it; links are not followed.

        What another process removes meanwhile is fine.

        Returns:
            Whether it is gone.
        """
        try:
            status = os.lstat(place)
            if stat.S_ISDIR(status.st_mode):
                return self._remove_folder(place, status)
            self._unlink(place, status)
        except FileNotFoundError:
            return True
        except OSError as error:
            self.failed.append((place, error.strerror or str(error)))
            return False
        return True

    def _remove_folder(self, place: str, status: os.stat_result) -> bool:
        if status.st_mode & 0o700 != 0o700:
            # (Folders of the store are read-only, and only root may do without.)
            os.chmod(place, 0o700)
        with os.scandir(place) as entries:
            names = [entry.name for entry in entries]
        whole = True
        for name in names:
            whole = self.remove(os.path.join(place, name)) and whole
        if whole:
            os.rmdir(place)
            self.freed += size_of(status)
        return whole

    def _unlink(self, place: str, status: os.stat_result) -> None:
        os.unlink(place)
        if status.st_nlink <= 1:
            self.freed += size_of(status)
