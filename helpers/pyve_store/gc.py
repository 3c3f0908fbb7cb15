"""Removing what no project uses from the store, while other commands are at work with it.

Nobody waits for it: ``pyve sync`` writes its record before it looks for an entry, and looks at the
end whether the entry is still there. This looks for records and links, moves the entry aside, looks
again, and puts it back when one has come.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.fixes import open_up
from pyve_store.disk import Ledger, Removal
from pyve_store.environments import clear_unused
from pyve_store.layout import (
    is_digest,
    list_dead,
    list_folders,
    list_keys,
    list_live,
    list_names,
    read_key,
    staging_name,
)
from pyve_store.owners import WRITER_SECONDS, Record, Use, find_use, read_records
from pyve_store.verify import POOL, read_small

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# What is kept of editable installs goes when it was not made anew for so long.
PROJECT_SECONDS = 90 * 86400
# recall/<lock>: what lib/store_hit.sh notes of a sync, among it the entry.
NOTED = re.compile(rb"^entry=(?:.*/)?([0-9a-f]{64})$", re.M)
# A folder of keys that is empty for so long is not one that is being filled.
EMPTY_SECONDS = 3600


@dataclass(frozen=True)
class Limits:
    """What is asked for.

    Attributes:
        size: how many bytes the store may take; None for as few as can be.
        age: how many seconds an environment stays that nobody uses; None for none.
    """

    size: int | None = None
    age: float | None = None


@dataclass(frozen=True)
class Candidate:
    """An entry, as gc sees it.

    Attributes:
        digest: its name.
        is_used: whether a project points at it.
        last: when it was last made, linked or let go of, in seconds since the epoch.
    """

    digest: str
    is_used: bool
    last: float


@dataclass
class Outcome:
    """What was done, or would be.

    Attributes:
        removed: digests of the entries that went.
        kept: digests of those that are used.
        spared: digests of those that nobody uses, and that the limits let stay.
        freed: bytes that the disk got back.
        held: bytes that stay, because environments made with ``--copy`` have them, too.
        size: bytes of the store afterwards.
        leftovers: how many folders of killed commands went.
        records: how many records of environments that are gone or use another entry went.
        files: how many files of the pool went that no entry has.
        keys: how many lines of the index went that led nowhere.
        cached: names of the cached environments, of tools and scripts, that went.
        failed: what could not be removed: path and reason.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)
    freed: int = 0
    held: int = 0
    size: int = 0
    leftovers: int = 0
    records: int = 0
    files: int = 0
    keys: int = 0
    cached: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def parse_size(text: str) -> int:
    """Read a size such as ``5G``, ``500M``, ``1.5GiB`` or ``2GB``, in bytes.

    Without B, and with iB, units are powers of 1024, as those of ``du -h``; with B alone of 1000.

    Raises:
        HelperError: E_USAGE_VALUE.
    """
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kKMGTP]?)(i?B)?", text)
    if not match or (match[3] == "iB" and not match[2]):
        raise HelperError(
            "E_USAGE_VALUE",
            "--max-size takes a size",
            f"given: {text}",
            "pyve store gc --max-size 5G",
        )
    base = 1000 if match[3] == "B" and match[2] else 1024
    return int(float(match[1]) * base ** " KMGTP".index(match[2].upper() or " "))


def parse_age(text: str) -> float:
    """Read a time such as ``30d``, ``12h``, ``2w``, ``90m`` or ``0d``, in seconds.

    Raises:
        HelperError: E_USAGE_VALUE.
    """
    match = re.fullmatch(r"([0-9]{1,6}) ?([smhdw])", text)
    if not match:
        raise HelperError(
            "E_USAGE_VALUE",
            "--older-than takes a time",
            [f"given: {text}", "s, m, h, d and w are seconds, minutes, hours, days and weeks"],
            "pyve store gc --older-than 30d",
        )
    return float(int(match[1]) * SECONDS[match[2]])


def choose_by_age(candidates: Iterable[Candidate], limits: Limits, now: float) -> list[str]:
    """Say which entries go whatever the size of the store: digests, the longest unused first.

    With an age, those that were unused for that long; with a size alone none; else all unused.
    """
    unused = sorted((one.last, one.digest) for one in candidates if not one.is_used)
    if limits.age is not None:
        age = limits.age
        # (What was let go of by this very run is later than its beginning.)
        return [digest for last, digest in unused if max(0.0, now - last) >= age]
    if limits.size is not None:
        return []
    return [digest for _, digest in unused]


def find_last(entry: Path, written: float) -> float:
    """Say when an entry was last made, linked or let go of.

    The status of its token changes with each link that comes or goes, so that an environment that
    was removed counts, too.
    """
    times = [written]
    for name in ("token", "entry"):
        try:
            status = os.lstat(entry / name)
        except OSError:
            continue
        times.append(status.st_ctime if name == "token" else status.st_mtime)
    return max(times)


class Collector:
    """One run of gc."""

    def __init__(
        self, store: Path, limits: Limits, dry_run: bool, now: float, cache: Path | None = None
    ) -> None:
        self.store = store
        self.cache = cache
        self.limits = limits
        self.dry_run = dry_run
        self.now = now
        self.ledger = Ledger()
        self.removal = Removal()
        self.outcome = Outcome()
        # Folders that would be gone by now, if this were no dry run.
        self.leaving: list[str] = []

    def run(self) -> Outcome:
        """Do it, or find out what would be done."""
        outcome = self.outcome
        self.ledger.add(str(self.store), str(self.store / "files"))
        for place in list_dead(self.store):
            outcome.leftovers += self.drop(place)
        if self.cache:
            # (First, as they use what is in the store.)
            age, now = self.limits.age, self.now
            outcome.cached = clear_unused(self.cache, now, age, self.drop_cached, self.dry_run)
        self.clear_records()
        candidates = self.list_candidates()
        outcome.kept = [one.digest for one in candidates if one.is_used]
        for digest in choose_by_age(candidates, self.limits, self.now):
            self.remove_entry(digest)
        if self.limits.size is not None:
            self.shrink(candidates, self.limits.size)
        gone = {*outcome.removed, *outcome.kept}
        outcome.spared = [one.digest for one in candidates if one.digest not in gone]
        self.sweep_pool()
        self.clear_keys()
        self.clear_projects()
        return self.conclude()

    def conclude(self) -> Outcome:
        """Count what has come of it."""
        outcome = self.outcome
        if self.dry_run:
            outcome.size = self.ledger.total
            outcome.files = self.ledger.swept
        else:
            now = Ledger()
            now.add(str(self.store))
            outcome.size = now.total
            outcome.freed = self.removal.freed
            outcome.failed = self.removal.failed
        return outcome

    def drop(self, place: Path) -> bool:
        """Remove something, or count it off; say whether it is gone."""
        freed, held = self.ledger.drop(str(place))
        self.outcome.held += held
        if self.dry_run:
            self.outcome.freed += freed
            return True
        return self.removal.remove(str(place))

    def drop_cached(self, place: Path) -> bool:
        """Remove something outside of the store, or count it off; say whether it is gone."""
        freed = self.ledger.drop_outside(str(place))
        if self.dry_run:
            self.outcome.freed += freed
            self.leaving.append(f"{place}{os.sep}")
            return True
        return self.removal.remove(str(place))

    def is_leaving(self, record: Record) -> bool:
        """Tell whether what a record names would be gone by now, if this were no dry run."""
        return record.state == "here" and record.path.startswith(tuple(self.leaving))

    def find_rest(self, digest: str) -> tuple[Use, bool]:
        """Say who uses an entry, but for what would be gone by now; and whether links would go."""
        use = find_use(self.store, digest)
        leaving = [record for record in use.records if self.is_leaving(record)]
        linked = len({record.path for record in leaving if record.linked})
        staying = tuple(record for record in use.records if record not in leaving)
        return replace(use, records=staying, links=use.links - linked), linked > 0

    def clear_records(self) -> None:
        """Remove the records that say nothing any more."""
        for group in read_records(self.store).values():
            for record in group:
                age = self.limits.age
                is_old = age is not None and self.now - record.written >= age
                is_away = record.state == "away" and is_old
                if record.is_stale or is_away or self.is_leaving(record):
                    self.outcome.records += self.drop(record.file)

    def list_candidates(self) -> list[Candidate]:
        """List the entries, with what is known of their use."""
        found = []
        for digest in filter(is_digest, list_names(self.store / "envs")):
            use, is_let_go = self.find_rest(digest)
            # (Each link that goes is a time when it was let go of.)
            last = self.now if is_let_go else find_last(self.store / "envs" / digest, use.last)
            found.append(Candidate(digest, use.is_used, last))
        return found

    def shrink(self, candidates: Sequence[Candidate], size: int) -> None:
        """Remove what nobody uses, the longest unused first, until the store is small enough."""
        unused = sorted((one.last, one.digest) for one in candidates if not one.is_used)
        for _, digest in unused:
            if digest not in self.outcome.removed and self.ledger.total > size:
                self.remove_entry(digest)

    def remove_entry(self, digest: str) -> None:
        """Remove an entry, unless a project has come to it meanwhile."""
        entry = self.store / "envs" / digest
        if self.dry_run:
            self.drop(entry)
            self.outcome.removed.append(digest)
            return
        if find_use(self.store, digest).is_used:
            self.outcome.kept.append(digest)
            return
        # (No folder is made for it: the disk may be full.)
        aside = self.store / "tmp" / staging_name()
        try:
            # Only root may move a folder that is read-only to another one.
            os.chmod(entry, 0o755)
            os.rename(entry, aside)
        except FileNotFoundError:
            # Another gc was quicker.
            self.outcome.removed.append(digest)
            return
        if find_use(self.store, digest, aside).is_used and put_back(aside, entry):
            self.outcome.kept.append(digest)
            return
        self.drop(aside)
        self.outcome.removed.append(digest)

    def sweep_pool(self) -> None:
        """Remove the files of the pool that no entry has.

        Not while an environment is being made: its files may be in the pool, and not yet in it.
        """
        if self.dry_run:
            loose = [one for one in self.ledger.inodes.values() if one.pool and one.names == 1]
            for inode in loose:
                if inode.links <= 1:
                    self.drop(Path(inode.pool))
            return
        for folder in list_folders(self.store / "files"):
            if is_being_filled(self.store):
                return
            for name in list_names(folder):
                self.sweep(folder / name)

    def sweep(self, path: Path) -> None:
        """Remove a file of the pool that has no other name."""
        try:
            if os.lstat(path).st_nlink > 1 or not POOL.fullmatch(path.name):
                return
        except OSError:
            return
        self.outcome.files += self.removal.remove(str(path))

    def clear_keys(self) -> None:
        """Remove what leads to no entry from the index."""
        gone = self.outcome.removed if self.dry_run else ()
        for path in list_keys(self.store):
            digest = read_key(path)
            if not digest or digest in gone or not (self.store / "envs" / digest).is_dir():
                self.outcome.keys += self.drop(path)
        for name in list_names(self.store / "recall"):
            path = self.store / "recall" / name
            if self.is_forgotten(path, gone):
                self.outcome.keys += self.drop(path)
        if self.dry_run:
            return
        for folder, _, _ in os.walk(self.store / "keys", topdown=False):
            self.clear_empty(Path(folder))

    def is_forgotten(self, path: Path, gone: Collection[str]) -> bool:
        """Tell whether what a sync has noted for the next one names no entry any more."""
        try:
            if ".new." in path.name:
                return self.now - os.lstat(path).st_mtime >= WRITER_SECONDS
            match = NOTED.search(read_small(path))
        except OSError:
            return False
        digest = match[1].decode() if match else ""
        return digest in gone or not (self.store / "envs" / digest / "entry").exists()

    def clear_empty(self, folder: Path) -> None:
        """Remove a folder of the index that has been empty for a while."""
        try:
            if folder.name != "keys" and self.now - os.lstat(folder).st_mtime >= EMPTY_SECONDS:
                os.rmdir(folder)
        except OSError:
            # (It has files.)
            return

    def clear_projects(self) -> None:
        """Remove what was kept of editable installs, when it is old."""
        age = PROJECT_SECONDS if self.limits.age is None else self.limits.age
        for name in list_names(self.store / "projects"):
            path = self.store / "projects" / name
            try:
                last = os.lstat(path).st_mtime
            except OSError:
                continue
            if self.now - last >= age:
                self.drop(path)


def is_being_filled(store: Path) -> bool:
    """Tell whether another process makes or removes an environment."""
    own = f"{os.getpid()}."
    return any(not path.name.startswith(own) for path in list_live(store))


def cannot_change(store: Path, error: OSError) -> HelperError:
    """Give the diagnostic of a store that cannot be written."""
    place = error.filename or store
    return HelperError(
        "E_STORE_WRITE",
        "the store cannot be changed",
        f"{error.strerror or error}: {place}",
        open_up(os.path.dirname(str(place))),
    )


def put_back(aside: Path, entry: Path) -> bool:
    """Put an entry back in its place; not where it was made anew meanwhile."""
    try:
        os.rename(aside, entry)
        os.chmod(entry, 0o555)
    except OSError:
        return not os.path.lexists(aside)
    return True


def collect(store: Path, limits: Limits, dry_run: bool, cache: Path | None = None) -> Outcome:
    """Remove what no project uses.

    Args:
        store: the folder of the store.
        limits: how much, and how old.
        dry_run: only find out.
        cache: Pyve's cache folder, whose unused environments go, too; None to leave them.

    Raises:
        HelperError: E_STORE_WRITE.
    """
    try:
        return Collector(store, limits, dry_run, time.time(), cache).run()
    except OSError as error:
        raise cannot_change(store, error) from error
