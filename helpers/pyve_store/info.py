"""What the store holds, what it takes on the disk, and who uses it."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from pyve_store.disk import Ledger, size_of, walk
from pyve_store.gc import find_last
from pyve_store.layout import LayoutError, is_digest, list_dead, list_names, parse_entry
from pyve_store.owners import Use, find_use
from pyve_store.verify import list_foreign, read_small


@dataclass
class Environment:
    """An environment of the store.

    Attributes:
        digest: its name.
        fields: what its description says; empty when that cannot be read.
        size: bytes on the disk, each file once, its folders with it.
        alone: bytes of it that no other environment of the store has.
        files: how many files it has.
        use: who uses it.
        last: when it was last made, linked or let go of, in seconds since the epoch.
    """

    digest: str
    fields: dict[str, str]
    size: int
    alone: int
    files: int
    use: Use
    last: float

    @property
    def packages(self) -> int:
        """How many packages are in it."""
        count = self.fields.get("packages", "")
        return int(count) if count.isdecimal() else 0


@dataclass
class Store:
    """The store.

    Attributes:
        place: its folder.
        size: bytes on the disk, as ``du`` says.
        environments: by digest.
        loose: bytes of files of the pool that no environment of the store has.
        leftovers: folders of killed commands.
        foreign: names in it that are none of it.
    """

    place: Path
    size: int = 0
    environments: list[Environment] = field(default_factory=list)
    loose: int = 0
    leftovers: int = 0
    foreign: list[str] = field(default_factory=list)

    @property
    def saved(self) -> int:
        """Bytes that projects save: those that would be there if each had all of its own."""
        total = 0
        for one in self.environments:
            users = max(len(one.use.environments) + one.use.elsewhere, 1)
            total += users * one.size
        return max(0, total - self.size)


def read_fields(entry: Path) -> dict[str, str]:
    """Read the description of an entry; empty when it cannot be used."""
    try:
        return parse_entry(read_small(entry / "entry"))
    except (OSError, LayoutError):
        return {}


def look_at_store(store: Path) -> Store:
    """Look at all of it; nothing is changed."""
    ledger = Ledger()
    ledger.add(str(store), str(store / "files"))
    result = Store(store, ledger.total)
    inside: dict[tuple[int, int], int] = {}
    parts: dict[str, tuple[dict[tuple[int, int], int], int, int]] = {}
    digests = sorted(filter(is_digest, list_names(store / "envs")))
    for digest in digests:
        inodes: dict[tuple[int, int], int] = {}
        folders = files = 0
        for _, status in walk(str(store / "envs" / digest)):
            if stat.S_ISDIR(status.st_mode):
                folders += size_of(status)
            else:
                files += 1
                inodes[(status.st_dev, status.st_ino)] = size_of(status)
        parts[digest] = (inodes, folders, files)
        for key in inodes:
            inside[key] = inside.get(key, 0) + 1
    for digest in digests:
        inodes, folders, files = parts[digest]
        entry = store / "envs" / digest
        use = find_use(store, digest)
        alone = folders + sum(size for key, size in inodes.items() if inside[key] == 1)
        size = folders + sum(inodes.values())
        result.environments.append(
            Environment(
                digest, read_fields(entry), size, alone, files, use, find_last(entry, use.last)
            )
        )
    loose = [(key, one) for key, one in ledger.inodes.items() if one.pool and key not in inside]
    result.loose = sum(one.size for _, one in loose)
    result.leftovers = len(list_dead(store))
    result.foreign = list_foreign(store)
    return result


def format_time(seconds: float) -> str:
    """Write a time as ISO 8601, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def format_size(size: int) -> str:
    """Write bytes as ``du -h`` would, in powers of 1024: 512 bytes, 3.4 MiB."""
    value, unit = float(size), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def show(path: str) -> str:
    """Write a path in one line, without control characters."""
    home = os.environ.get("HOME", "")
    if home.startswith("/") and path.startswith(home.rstrip("/") + "/"):
        path = "~" + path[len(home.rstrip("/")) :]
    return "".join(char if char.isprintable() else "?" for char in path)
