"""Mending environments of the store: what is wrong is taken from the pool, or fetched again.

An environment is mended beside its place and exchanged with what was there, in one step where the
system can; whoever uses it has the old one or the whole new one. Its token stays the same file, so
that the projects that use it still count.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pyve_core import HelperError
from pyve_installed.distributions import STORE_PTH
from pyve_store.disk import Removal
from pyve_store.gc import cannot_change
from pyve_store.layout import (
    FileLine,
    format_entry,
    format_files,
    is_digest,
    list_dead,
    list_names,
    pool_path,
    staging_name,
)
from pyve_store.owners import find_use
from pyve_store.place import (
    link_or_copy,
    list_files,
    move,
    put_into_pool,
    swap,
    writable,
    write_file,
)
from pyve_store.records import find_packages, list_records, source_of
from pyve_store.verify import (
    PARTS,
    Fault,
    Hashes,
    hash_file,
    mode_of_folder,
    read_list,
    verify_entry,
    verify_keys,
    verify_pool,
)

# What stands beside the packages, and is made of all of them.
SUMMARIES = ("packages", "distributions", "scripts")
# The two names of the token; see owners.py.
TOKENS = ("token", "tree/pyve.token")
# Faults that are mended in place.
IN_PLACE = ("mode", "extra", "bytecode")


class Maker(Protocol):
    """What makes files of an environment again."""

    def make(self, fields: Mapping[str, str], lock: Path, names: Collection[str], to: Path) -> Path:
        """Fetch packages and lay them out as in an entry, with bytecode; none for all of them.

        Args:
            fields: the description of the entry.
            lock: the lock that it was made from.
            names: the packages.
            to: an empty folder for it.

        Returns:
            The folder that is laid out.

        Raises:
            HelperError: they cannot be had.
        """

    def compile(self, fields: Mapping[str, str], sources: Collection[str], folder: Path) -> None:
        """Compile sources, given relative to ``folder``, which is laid out as an entry.

        Raises:
            HelperError: the interpreter is gone.
        """


@dataclass
class Mended:
    """What was done for an environment.

    Attributes:
        digest: its name.
        fetched: packages that were fetched again.
        files: how many files were replaced, added or removed.
        adopted: packages that were built anew, and came out other than before.
    """

    digest: str
    fetched: list[str] = field(default_factory=list)
    files: int = 0
    adopted: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What was done for the store.

    Attributes:
        mended: what was done for environments.
        others: how many files of the pool and the index were mended or removed.
        dropped: digests of environments that were removed, as they cannot be mended.
        projects: environments of projects that used them.
        failure: why the first one that cannot be mended cannot be.
    """

    mended: list[Mended] = field(default_factory=list)
    others: int = 0
    dropped: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    failure: HelperError | None = None


class Repair:
    """One environment that is being mended."""

    def __init__(self, store: Path, digest: str, maker: Maker) -> None:
        self.store = store
        self.entry = store / "envs" / digest
        self.new = store / "tmp" / staging_name()
        self.maker = maker
        self.hashes = Hashes()
        self.done = Mended(digest)
        self.lines: dict[str, FileLine] = {}
        self.fields: dict[str, str] = {}
        self.bad: dict[str, str] = {}

    def run(self, faults: Sequence[Fault]) -> Mended:
        """Mend it.

        Raises:
            HelperError: E_STORE_REPAIR, or what the maker raises; what was damaged still is then.
        """
        self.mend_in_place(faults)
        if all(fault.kind in IN_PLACE for fault in faults):
            self.done.files = len(faults)
            return self.done
        try:
            self.read()
            self.lay_out()
            self.finish()
        finally:
            Removal().remove(str(self.new))
        return self.done

    def mend_in_place(self, faults: Sequence[Fault]) -> None:
        """Set modes, and remove what is too much."""
        # (From above: below a folder without permissions nothing can be done.)
        for fault in sorted(faults, key=lambda fault: fault.path):
            path = self.entry / fault.path
            if fault.kind == "mode":
                os.chmod(path, int(fault.expected, 8))
            elif fault.kind in ("extra", "bytecode"):
                with writable(path.parent):
                    Removal().remove(str(path))
                self.remove_hollow(path.parent)

    def remove_hollow(self, folder: Path) -> None:
        """Remove a folder that nothing is left in, and those above it for which that holds then."""
        while folder.parent != self.entry and not any(folder.iterdir()):
            with writable(folder.parent):
                folder.rmdir()
            folder = folder.parent

    def read(self) -> None:
        """Find out what is good."""
        lines, fields, wrong = read_list(self.entry)
        self.fields = dict(fields)
        if wrong and wrong[0].kind == "entry":
            raise cannot_repair(self.entry, "its description, the file entry, is damaged")
        self.lines = self.read_anew(wrong[0]) if wrong else lines
        faults = verify_entry(self.entry, self.hashes, lines=self.lines)
        self.mend_in_place(faults)
        self.bad = {one.path: one.kind for one in faults if one.kind not in IN_PLACE}
        self.done.files = len(faults) + len(wrong)
        if "pylock.toml" in self.bad:
            raise cannot_repair(self.entry, "the lock that it was made from is damaged")

    def read_anew(self, fault: Fault) -> dict[str, FileLine]:
        """List the files as they are, where the list is damaged.

        Raises:
            HelperError: E_STORE_REPAIR: they are not those that the entry was made with.
        """
        lines = list_files(self.entry, self.hashes)
        data = format_files(lines.values())
        if hashlib.sha256(data).hexdigest() != self.fields.get("files-sha256"):
            raise cannot_repair(self.entry, f"{fault.path} is damaged, and another file, too")
        return lines

    def lay_out(self) -> None:
        """Make the environment beside its place, with what has to be had again."""
        os.mkdir(self.new, 0o755)
        for name in PARTS:
            if (self.entry / name).is_dir():
                os.mkdir(self.new / name, 0o755)
        self.take_token()
        wanted = [path for path, line in self.lines.items() if not self.take(path, line)]
        # (Bytecode of what is copied into projects comes with its package.)
        codes = [p for p in wanted if p.startswith("site/") and source_of(p) in self.lines]
        others = [path for path in wanted if path not in codes]
        if others:
            # (Packages come with their bytecode.)
            self.fetch(others, codes)
        codes = [p for p in codes if p in self.lines and not os.path.lexists(self.new / p)]
        if codes:
            self.compile(codes)

    def take_token(self) -> None:
        """Link the token, so that the environments that have it still count; or make a new one."""
        names = [name for name in TOKENS if name in self.lines]
        good = [self.entry / name for name in names if name not in self.bad]
        for name in names:
            (self.new / name).parent.mkdir(parents=True, exist_ok=True)
            if good:
                os.link(good[0], self.new / name)
            else:
                write_file(self.new / name, b"", 0o444)
                good.append(self.new / name)

    def take(self, path: str, line: FileLine) -> bool:
        """Take a file that is good into the new environment, from the old one or the pool."""
        target = self.new / path
        if path in TOKENS:
            return True
        if line.is_link or (path in self.bad and path.endswith(f"/{STORE_PTH}")):
            return self.write_own(path, line)
        places = [] if path in self.bad else [self.entry / path]
        if is_pooled(path):
            places.append(pool_path(self.store, line.sha256, line.mode == "555"))
        for place in places:
            if self.is_good(place, line):
                target.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(place, target)
                return True
        if self.bad.get(path) == "owner":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.entry / path, target, follow_symlinks=False)
            return True
        return False

    def write_own(self, path: str, line: FileLine) -> bool:
        """Make what leads into the entry, when it is as it was."""
        target = self.new / path
        text = str(self.entry / "bin" / target.name) if line.is_link else f"{self.entry}/site\n"
        if hashlib.sha256(os.fsencode(text)).hexdigest() != line.sha256:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        if line.is_link:
            os.symlink(text, target)
        else:
            write_file(target, os.fsencode(text), 0o444)
        return True

    def is_good(self, place: Path, line: FileLine) -> bool:
        """Tell whether a file has the bytes of a line; its mode is then set."""
        try:
            status = os.lstat(place)
            if status.st_uid not in (os.geteuid(), 0) or not stat.S_ISREG(status.st_mode):
                return False
            if self.hashes.get(str(place), status) != line.sha256:
                return False
            if f"{status.st_mode & 0o7777:o}" != line.mode:
                os.chmod(place, int(line.mode, 8))
        except OSError:
            return False
        return True

    def fetch(self, paths: Sequence[str], codes: Sequence[str]) -> None:
        """Fetch the packages of files that are damaged, and take what is needed of them."""
        names = self.choose_packages(paths)
        folder = self.new.with_name(staging_name())
        try:
            os.mkdir(folder, 0o755)
            lock = self.entry / "pylock.toml"
            part = self.maker.make(self.fields, lock, names, folder)
            found = list_files(part, Hashes())
            owners = find_packages(part, found, ())
            old = find_packages(self.entry, self.lines, self.bad)
            lost = [path for path in paths if not same(found.get(path), self.lines[path])]
            other = {old.get(path, "") for path in lost}
            if "" in other:
                raise cannot_repair(self.entry, f"{show(lost)} did not come out as it was")
            for path in (*paths, *codes):
                if same(found.get(path), self.lines[path]):
                    move(part / path, self.new / path)
            for name in sorted(other):
                self.adopt(name, part, found, owners, old)
        finally:
            Removal().remove(str(folder))
        self.done.fetched = sorted(names) or sorted(set(list_records(found).values()))
        self.done.adopted = sorted(other)

    def choose_packages(self, paths: Iterable[str]) -> list[str]:
        """Say which packages have to be fetched for files; none for all of them."""
        owners = find_packages(self.entry, self.lines, self.bad)
        names: set[str] = set()
        for path in paths:
            if path in owners:
                names.add(owners[path])
                continue
            lost = {name for record, name in list_records(self.lines).items() if record in self.bad}
            if path in SUMMARIES or not lost:
                return []
            names |= lost
        return sorted(names)

    def adopt(
        self,
        name: str,
        folder: Path,
        found: Mapping[str, FileLine],
        owners: Mapping[str, str],
        old: Mapping[str, str],
    ) -> None:
        """Take all files of a package that was built anew, in place of those that there were."""
        for path in [path for path in self.lines if old.get(path) == name]:
            del self.lines[path]
            (self.new / path).unlink(missing_ok=True)
        for path, line in found.items():
            if owners.get(path) == name:
                move(folder / path, self.new / path)
                self.lines[path] = line

    def compile(self, paths: Collection[str]) -> None:
        """Make bytecode anew; where it comes out in other bytes, those are listed."""
        sources = sorted({source_of(path) for path in paths})
        for path in paths:
            (self.new / path).parent.mkdir(parents=True, exist_ok=True)
        self.maker.compile(self.fields, sources, self.new)
        for path in paths:
            place = self.new / path
            if not place.is_file():
                raise cannot_repair(self.entry, f"{show([path])} cannot be compiled")
            os.chmod(place, 0o444)
            line = self.lines[path]
            self.lines[path] = line._replace(
                sha256=hash_file(str(place)), size=place.stat().st_size
            )

    def finish(self) -> None:
        """List what there is, see that it is right, and put it in its place."""
        from pyve_store.fill import flush

        for path, line in self.lines.items():
            if not line.is_link and path not in TOKENS:
                os.chmod(self.new / path, int(line.mode, 8))
        data = format_files(self.lines.values())
        write_file(self.new / "files", data, 0o444)
        # (The digest of the list stays the last line.)
        self.fields.pop("files-sha256", None)
        self.fields["bytes"] = str(sum(line.size for line in self.lines.values()))
        self.fields["count"] = str(len(self.lines))
        self.fields["files-sha256"] = hashlib.sha256(data).hexdigest()
        write_file(self.new / "entry", format_entry(self.fields), 0o444)
        for folder, _, _ in os.walk(self.new):
            if folder != str(self.new):
                os.chmod(folder, mode_of_folder(os.path.relpath(folder, self.new)))
        left = verify_entry(self.new, Hashes())
        if left:
            raise cannot_repair(self.entry, f"{show([left[0].path])} is still wrong afterwards")
        self.fill_pool()
        # What is in its place after a power cut has to be whole.
        flush(self.new)
        swap(self.new, self.entry)
        os.chmod(self.entry, 0o555)

    def fill_pool(self) -> None:
        """Put the files that are good here into the pool, in place of damaged ones."""
        for path, line in self.lines.items():
            if line.is_link or not is_pooled(path):
                continue
            place = pool_path(self.store, line.sha256, line.mode == "555")
            try:
                if os.path.samestat(os.lstat(place), os.lstat(self.new / path)):
                    continue
            except OSError:
                pass
            if not self.is_good(place, line):
                put_into_pool(self.new / path, place)


def is_pooled(path: str) -> bool:
    """Tell whether the pool has a file of this place."""
    return "/" in path and path not in TOKENS and not path.endswith(f"/{STORE_PTH}")


def same(found: FileLine | None, line: FileLine) -> bool:
    """Tell whether a file came out as it was."""
    return found is not None and found.sha256 == line.sha256 and found.is_link == line.is_link


def show(paths: Iterable[str]) -> str:
    """Write the first path in one line."""
    first = next(iter(paths), "a file")
    return "".join(char if char.isprintable() else "?" for char in first)


def cannot_repair(entry: Path, why: str) -> HelperError:
    """Give the diagnostic of an environment that cannot be mended."""
    return HelperError(
        "E_STORE_REPAIR",
        f"the environment {entry.name[:12]} of the store cannot be repaired",
        [why, "--drop removes it; pyve sync in its projects makes it anew"],
        "pyve store repair --drop",
    )


def mend_others(store: Path, faults: Iterable[Fault]) -> int:
    """Mend the pool and the index, where no environment has what is wrong.

    Returns:
        How many files were mended or removed.
    """
    count = 0
    for fault in faults:
        path = store / fault.path
        if fault.kind == "mode":
            os.chmod(path, int(fault.expected, 8))
        elif not Removal().remove(str(path)):
            continue
        count += 1
    return count


def drop_entry(store: Path, digest: str) -> list[str]:
    """Remove an environment, whoever uses it; say who did."""
    users = find_use(store, digest).environments
    entry, aside = store / "envs" / digest, store / "tmp" / staging_name()
    os.chmod(entry, 0o755)
    os.rename(entry, aside)
    Removal().remove(str(aside))
    return users


def repair_store(store: Path, digests: Sequence[str], maker: Maker, drop: bool) -> Outcome:
    """Mend what verify_store finds.

    Args:
        store: the folder of the store.
        digests: the environments; none for all of them, the pool and the index.
        maker: fetches and compiles.
        drop: whether to remove environments that cannot be mended.

    Raises:
        HelperError: E_STORE_WRITE.
    """
    outcome = Outcome()
    try:
        for place in list_dead(store):
            Removal().remove(str(place))
        for digest in digests or [name for name in list_names(store / "envs") if is_digest(name)]:
            faults = verify_entry(store / "envs" / digest, Hashes())
            if faults:
                mend_entry(store, digest, faults, maker, drop, outcome)
        if not digests:
            outcome.others += mend_others(store, verify_pool(store, Hashes()))
            outcome.others += mend_others(store, verify_keys(store))
    except OSError as error:
        raise cannot_change(store, error) from error
    return outcome


def mend_entry(
    store: Path, digest: str, faults: Sequence[Fault], maker: Maker, drop: bool, outcome: Outcome
) -> None:
    """Mend an environment, or see what else can be done."""
    try:
        outcome.mended.append(Repair(store, digest, maker).run(faults))
    except HelperError as error:
        # (What a network that is away cannot fetch is no reason to throw anything away.)
        if not drop or error.code != "E_STORE_REPAIR":
            outcome.failure = outcome.failure or error
            return
        outcome.projects += drop_entry(store, digest)
        outcome.dropped.append(digest)
