"""Comparing the store with what it says of itself: every byte, every name, every mode."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyve_installed.claims import is_bytecode
from pyve_store.disk import walk
from pyve_store.layout import (
    FileLine,
    LayoutError,
    is_digest,
    list_folders,
    list_keys,
    list_names,
    parse_entry,
    parse_files,
    read_key,
)

# What stands beside the files that are listed, and says of them what they are.
UNLISTED = ("entry", "files")
# What an entry may have, also empty.
PARTS = ("site", "tree", "copy", "bin")
# files/<aa>/<sha256>, and with .x where the file is a program
POOL = re.compile(r"([0-9a-f]{64})(\.x)?")
LONGEST = 64 << 20
WORDS = {
    "changed": "its bytes are not those that were put there",
    "missing": "it is not there",
    "extra": "nothing of the store put it there",
    "bytecode": "bytecode that Python, as root or with another setting, has added",
    "mode": "it has another mode",
    "kind": "it is no file",
    "owner": "it belongs to another user",
    "unreadable": "it cannot be read",
    "list": "the list of files is not the one that the entry was made with",
    "entry": "the description of the entry cannot be used",
    "key": "it leads to an environment of another Python, or is no digest",
}


@dataclass(frozen=True)
class Fault:
    """Something that is not as it should be.

    Attributes:
        entry: the digest of the environment, or "" for the pool and the index.
        path: relative to the environment, or to the store.
        kind: one of WORDS.
        expected: digest or mode, or "".
        found: digest or mode, or "".
    """

    entry: str
    path: str
    kind: str
    expected: str = ""
    found: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether nothing that a project uses is other than it should be."""
        return self.kind == "bytecode"


def hash_file(path: str) -> str:
    """Give the SHA-256 of a file; links are not followed."""
    digest = hashlib.sha256()
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        for part in iter(lambda: stream.read(1 << 18), b""):
            digest.update(part)
    return digest.hexdigest()


class Hashes:
    """Digests of files, each inode read once, on all cores.

    Entries share most of their files: what is linked is not read again.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def read(self, files: Sequence[tuple[str, os.stat_result]]) -> None:
        """Read files ahead, several at once."""
        from concurrent.futures import ThreadPoolExecutor

        wanted = {(status.st_dev, status.st_ino): path for path, status in files}
        wanted = {key: path for key, path in wanted.items() if key not in self._known}
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for key, digest in zip(wanted, pool.map(self._hash, wanted.values(), chunksize=64)):
                self._known[key] = digest

    @staticmethod
    def _hash(path: str) -> str:
        try:
            return hash_file(path)
        except OSError as error:
            return f"!{error.strerror or error}"

    def get(self, path: str, status: os.stat_result) -> str:
        """Give the digest of a file, or ``!`` and why it cannot be read."""
        key = (status.st_dev, status.st_ino)
        if key not in self._known:
            self._known[key] = self._hash(path)
        return self._known[key]


def read_small(path: Path) -> bytes:
    """Read a file of the store that describes others.

    Raises:
        OSError: it cannot be read, is no file, or far too long.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(0, "it is no file")
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise OSError(0, "it is far too long")
    return data


def read_list(entry: Path) -> tuple[dict[str, FileLine], Mapping[str, str], list[Fault]]:
    """Read what an entry says of itself.

    Returns:
        The files by path, the description, and what is wrong with them.
    """
    digest = entry.name
    fields: Mapping[str, str] = {}
    try:
        fields = parse_entry(read_small(entry / "entry"))
    except (OSError, LayoutError):
        return {}, {}, [Fault(digest, "entry", "entry")]
    try:
        data = read_small(entry / "files")
    except OSError:
        return {}, fields, [Fault(digest, "files", "list")]
    expected, found = fields.get("files-sha256", ""), hashlib.sha256(data).hexdigest()
    if expected != found:
        return {}, fields, [Fault(digest, "files", "list", expected, found)]
    try:
        return {line.path: line for line in parse_files(data)}, fields, []
    except LayoutError:
        return {}, fields, [Fault(digest, "files", "list")]


def mode_of_folder(path: str) -> int:
    """Say which mode a folder of an entry has: those of tree/ are copied into projects."""
    return 0o755 if path.partition("/")[0] == "tree" else 0o555


def verify_entry(
    entry: Path,
    hashes: Hashes,
    lines: Mapping[str, FileLine] | None = None,
) -> list[Fault]:
    """Compare an environment of the store with its list.

    Args:
        entry: ``envs/<digest>``.
        hashes: digests that are known already.
        lines: what is to be there, when it is not to be read from the list.

    Returns:
        The faults, sorted by path; none when the entry has gone meanwhile.
    """
    digest = entry.name
    faults: list[Fault] = []
    listed = lines
    if listed is None:
        listed, _, faults = read_list(entry)
    if faults:
        return faults if os.path.lexists(entry) else []
    top = os.fspath(entry)
    seen: set[str] = set()
    blocked: list[str] = []
    files: list[tuple[str, str, os.stat_result]] = []
    folders = {name for path in listed for name in _folders_of(path)}
    for path, status in walk(top):
        name = os.path.relpath(path, top)
        if path == top or name in UNLISTED:
            continue
        seen.add(name)
        if stat.S_ISDIR(status.st_mode):
            wanted = mode_of_folder(name)
            if name in listed:
                faults.append(Fault(digest, name, "kind"))
            elif name not in folders and name not in PARTS:
                faults += [Fault(digest, name, "extra")] if not _has_names(path) else []
            elif status.st_mode & 0o7777 != wanted:
                mode = f"{status.st_mode & 0o7777:o}"
                faults.append(Fault(digest, name, "mode", f"{wanted:o}", mode))
                if not os.access(path, os.R_OK | os.X_OK):
                    # (What is in it cannot be told.)
                    blocked.append(f"{name}/")
        elif name not in listed:
            kind = "bytecode" if is_bytecode(name) and stat.S_ISREG(status.st_mode) else "extra"
            faults.append(Fault(digest, name, kind))
        else:
            files.append((name, path, status))
    for name in listed.keys() - seen:
        if not name.startswith(tuple(blocked)):
            faults.append(Fault(digest, name, "missing", listed[name].sha256))
    hashes.read([(path, status) for _, path, status in files if stat.S_ISREG(status.st_mode)])
    for name, path, status in files:
        faults += judge_file(digest, listed[name], path, status, hashes)
    if not os.path.lexists(entry / "entry"):
        # Removed by gc meanwhile.
        return []
    return sorted(faults, key=lambda fault: (fault.path, fault.kind))


def judge_file(
    digest: str, line: FileLine, path: str, status: os.stat_result, hashes: Hashes
) -> list[Fault]:
    """Compare one file with its line."""
    if line.is_link:
        return judge_link(digest, line, path, status)
    if not stat.S_ISREG(status.st_mode):
        return [Fault(digest, line.path, "kind")]
    faults = []
    if status.st_uid not in (os.geteuid(), 0):
        faults.append(Fault(digest, line.path, "owner", "", str(status.st_uid)))
    mode = f"{status.st_mode & 0o7777:o}"
    if mode != line.mode:
        faults.append(Fault(digest, line.path, "mode", line.mode, mode))
    found = hashes.get(path, status)
    if found.startswith("!"):
        faults.append(Fault(digest, line.path, "unreadable", line.sha256, found[1:]))
    elif found != line.sha256:
        faults.append(Fault(digest, line.path, "changed", line.sha256, found))
    return faults


def judge_link(digest: str, line: FileLine, path: str, status: os.stat_result) -> list[Fault]:
    """Compare a symbolic link with its line."""
    if not stat.S_ISLNK(status.st_mode):
        return [Fault(digest, line.path, "kind")]
    try:
        found = hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    except OSError:
        return [Fault(digest, line.path, "missing", line.sha256)]
    return [] if found == line.sha256 else [Fault(digest, line.path, "changed", line.sha256, found)]


def _folders_of(path: str) -> Iterable[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _has_names(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def verify_pool(store: Path, hashes: Hashes) -> list[Fault]:
    """Compare the files of the pool with their names."""
    faults, files = [], []
    for folder in list_folders(store / "files"):
        for name in list_names(folder):
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            match = POOL.fullmatch(name)
            if not match or not stat.S_ISREG(status.st_mode) or name[:2] != folder.name:
                faults.append(Fault("", os.path.relpath(path, store), "extra"))
            else:
                files.append((path, match[1], "555" if match[2] else "444", status))
    hashes.read([(path, status) for path, _, _, status in files])
    for path, expected, mode, status in files:
        name = os.path.relpath(path, store)
        line = FileLine(expected, mode, status.st_size, name)
        if os.path.lexists(path):
            faults += judge_file("", line, path, status, hashes)
    return faults


def verify_keys(store: Path) -> list[Fault]:
    """See that no line of the index leads to an environment that is for another Python.

    What leads nowhere is no fault: the environment is looked for, and the line written anew.
    """
    faults = []
    for path in list_keys(store):
        name = os.path.relpath(path, store)
        digest = read_key(path)
        if not is_digest(digest):
            faults.append(Fault("", name, "key"))
            continue
        try:
            fields = parse_entry(read_small(store / "envs" / digest / "entry"))
        except (OSError, LayoutError):
            continue
        if fields.get("python") != path.parent.name:
            faults.append(Fault("", name, "key", fields.get("python", ""), path.parent.name))
    return faults


def list_foreign(store: Path) -> list[str]:
    """List what is in the store and is none of it: it is not touched, and not verified."""
    known = {"envs", "keys", "files", "projects", "owners", "recall", "tmp"}
    found = [name for name in list_names(store) if name not in known]
    found += [f"envs/{name}" for name in list_names(store / "envs") if not is_digest(name)]
    return found


def verify_store(store: Path, digests: Sequence[str] = ()) -> tuple[list[str], list[Fault]]:
    """Compare the store, or some of its environments, with what they say of themselves.

    Args:
        store: the folder of the store.
        digests: the environments; none for all of them, the pool and the index.

    Returns:
        The digests of the environments that were looked at, and the faults.
    """
    hashes = Hashes()
    names = digests or sorted(filter(is_digest, list_names(store / "envs")))
    faults = [fault for name in names for fault in verify_entry(store / "envs" / name, hashes)]
    if not digests:
        faults += verify_pool(store, hashes)
        faults += verify_keys(store)
    return list(names), faults
