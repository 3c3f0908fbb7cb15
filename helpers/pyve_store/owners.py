"""Who uses the environments of the store: records, and hard links of their tokens.

An environment says in ``pyve.state`` which entry it was made from, has a hard link of the entry's
token, and is named by a record below ``owners/``. The record tells where it was made; the number of
links tells how many there are, also of those that were moved since. Where a link is not possible
(another file system) the record alone counts.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_store.layout import is_running

if TYPE_CHECKING:
    from collections.abc import Iterable

# owners/<digest>.<pid>.<random>
RECORD = re.compile(r"([0-9a-f]{64})\.([0-9]{1,10})\.[A-Za-z0-9._-]{1,80}")
# A process number is used again, so a record is not kept for longer than this because of it.
WRITER_SECONDS = 24 * 3600
# Below these, each folder is a disk that may be taken out: what was on it is away, not gone.
VOLUMES = ("/media/*/*", "/run/media/*/*", "/Volumes/*", "/mnt/*", "/net/*")
# Where no link can be, a project that was moved cannot be told from one that was removed: for so
# long it counts as moved.
UNLINKED_SECONDS = 30 * 24 * 3600
LONGEST_RECORD = 8192


@dataclass(frozen=True)
class Record:
    """A line of ``owners/``.

    Attributes:
        file: the record.
        digest: the entry.
        path: the environment that it names, or "" for one that is not written yet.
        state: ``here`` (it uses the entry), ``other`` (it uses another one, or none), ``gone``,
            ``away`` (it is on a disk that is not in place, or was moved on another one),
            ``unknown`` (it cannot be read) or ``coming`` (the process that wrote the record is
            still at work).
        linked: whether the environment has a link of the entry's token.
        written: when, in seconds since the epoch.
    """

    file: Path
    digest: str
    path: str
    state: str
    linked: bool
    written: float

    @property
    def is_stale(self) -> bool:
        """Whether the record says nothing any more."""
        return self.state in ("other", "gone")


@dataclass(frozen=True)
class Use:
    """Who uses an entry.

    Attributes:
        records: those that name it.
        links: how many links of its token there are outside of the entry.
    """

    records: tuple[Record, ...]
    links: int

    @property
    def is_used(self) -> bool:
        """Whether anything points at the entry, as far as can be told."""
        return self.links > 0 or any(not record.is_stale for record in self.records)

    @property
    def environments(self) -> list[str]:
        """The environments that are known to use it, sorted."""
        return sorted({record.path for record in self.records if record.state == "here"})

    @property
    def elsewhere(self) -> int:
        """How many more there are that no record tells the place of: moved ones."""
        known = {record.path for record in self.records if record.state == "here" and record.linked}
        return max(0, self.links - len(known))

    @property
    def last(self) -> float:
        """When a record of it was last written, 0.0 without one."""
        return max((record.written for record in self.records), default=0.0)


def count_links(entry: Path) -> int:
    """Say how many environments have a link of an entry's token; 0 when it has none."""
    try:
        token = os.lstat(entry / "token")
    except OSError:
        return 0
    own = 1
    with suppress(OSError):
        own += os.path.samestat(token, os.lstat(entry / "tree" / "pyve.token"))
    return max(0, token.st_nlink - own)


def read_state(environment: str) -> str:
    """Give the entry that an environment names in its ``pyve.state``, "" when it names none.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    path = os.path.join(environment, "pyve.state")
    try:
        with open(path, "rb") as stream:
            data = stream.read(1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.lexists(environment):
            raise
        return ""
    for line in data.split(b"\n"):
        if line.startswith(b"store="):
            return os.fsdecode(line[6:])
    return ""


def is_away(path: str, volumes: Iterable[str] = VOLUMES) -> bool:
    """Tell whether a path that is not there is on a disk that is not in place.

    Args:
        path: absolute.
        volumes: patterns of the folders that disks appear at, with ``*`` for one name.
    """
    parts = path.split("/")
    for pattern in volumes:
        wanted = pattern.split("/")
        if len(parts) <= len(wanted):
            continue
        if all(want in ("*", part) for want, part in zip(wanted, parts)):
            place = "/".join(parts[: len(wanted)])
            return not os.path.ismount(place)
    return False


def judge(environment: str, entry: Path) -> tuple[str, bool]:
    """Say what has become of the environment that a record names, and whether it has a link.

    Returns:
        ``here``, ``other``, ``gone``, ``away`` or ``unknown``; see Record.
    """
    if not environment.startswith("/"):
        return "gone", False
    try:
        named = read_state(environment)
    except (FileNotFoundError, NotADirectoryError):
        return ("away" if is_away(environment) else "gone"), False
    except OSError:
        return "unknown", False
    if not named or os.path.realpath(named) != os.path.realpath(entry):
        return "other", False
    try:
        linked = os.path.samestat(
            os.lstat(os.path.join(environment, "pyve.token")), os.lstat(entry / "token")
        )
    except OSError:
        linked = False
    return "here", linked


def read_record(file: Path, store: Path, now: float | None = None) -> Record | None:
    """Read one record; None for what is none, or is gone."""
    match = RECORD.fullmatch(file.name)
    if not match:
        return None
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            data = stream.read(LONGEST_RECORD)
            written = os.fstat(stream.fileno()).st_mtime
    except OSError:
        return None
    digest = match[1]
    line, end, rest = data.partition(b"\n")
    path = os.fsdecode(line) if end and b"\0" not in line else ""
    if "\\n" in path and not os.path.lexists(path):
        # (A line end in the name of a folder is written so.)
        path = path.replace("\\n", "\n")
    state, linked = judge(path, store / "envs" / digest)
    age = (time.time() if now is None else now) - written
    if state != "here" and age < WRITER_SECONDS and is_running(int(match[2])):
        state = "coming"
    elif state == "gone" and b"linked=0" in rest.split(b"\n") and age < UNLINKED_SECONDS:
        state = "away"
    return Record(file, digest, path, state, linked, written)


def read_records(store: Path, digest: str = "") -> dict[str, list[Record]]:
    """Read all records, or those of one entry: digest -> records, by the names of their files."""
    found: dict[str, list[Record]] = {}
    try:
        names = sorted(os.listdir(store / "owners"))
    except OSError:
        return found
    for name in names:
        if name.startswith(digest):
            record = read_record(store / "owners" / name, store)
            if record:
                found.setdefault(record.digest, []).append(record)
    return found


def find_use(store: Path, digest: str, entry: Path | None = None) -> Use:
    """Say who uses an entry, as it is now.

    Args:
        store: the folder of the store.
        digest: the entry.
        entry: where it is, when it was moved aside.
    """
    records = read_records(store, digest).get(digest, [])
    return Use(tuple(records), count_links(entry or store / "envs" / digest))
