"""Where what is in the store, and how its small files are written.

Below the store's folder ``v1``:

    envs/<digest>/              one environment, see fill.py
    keys/<lock>/<python>/<selection>   the digest, by the SHA-256 of a pylock.toml; can be rebuilt
    recall/<lock>               what lib/store_hit.sh notes of a sync for the next one
    files/<aa>/<sha256>[.x]     the pool: each file once, however many environments have it
    projects/<name>/            editable installs of projects, see project.py
    owners/<digest>.<...>       who uses what, see owners.py
    tmp/<pid>.<start>.<host>-<random>/   what is being made, or on its way out

Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyve_core.answers import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "FORMAT",
    "FileLine",
    "LayoutError",
    "StoreUnusable",
    "clear_dead",
    "entry_path",
    "format_entry",
    "format_files",
    "is_alive",
    "is_digest",
    "is_running",
    "list_dead",
    "list_folders",
    "list_keys",
    "list_live",
    "list_names",
    "make_folder",
    "make_staging",
    "parse_entry",
    "parse_files",
    "pool_path",
    "read_key",
    "remove_tree",
    "staging_name",
    "write_key",
]

# Changes when what an environment of the store holds changes: the others are then not found.
FORMAT = 1
# What was begun on another machine, which shares the store by a network: nobody here can tell
# whether it is still at work. In seconds.
FOREIGN_SECONDS = 7 * 86400

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TMP = re.compile(r"([0-9]{1,10})\.([0-9]{1,20})\.([0-9a-f]{8})-[A-Za-z0-9_]+")
_LINE = re.compile(r"([0-9a-f]{64}) (444|555|120000) (0|[1-9][0-9]{0,15}) (.+)")
_ESCAPE = re.compile(r"\\(\\|n|t|x[0-9a-f]{2})")
_KEY = re.compile(r"[a-z][a-z0-9-]*")
_LINK = "120000"


class LayoutError(ValueError):
    """A small file of the store is not what it should be; the text says how."""


class StoreUnusable(Exception):
    """The store cannot be used for this; the text says why. There are environments without it."""


class FileLine(NamedTuple):
    """A line of ``files``.

    Attributes:
        sha256: of the bytes, or of the text of a link, in hexadecimal.
        mode: ``444``, ``555`` for a program, ``120000`` for a link.
        size: bytes.
        path: relative to the environment; ``os.fsdecode`` has made it.
    """

    sha256: str
    mode: str
    size: int
    path: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == _LINK


def is_digest(text: str) -> bool:
    """Tell whether a text is the name of an environment: 64 hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def entry_path(store: Path, digest: str) -> Path:
    """Give the folder of an environment."""
    return store / "envs" / digest


def pool_path(store: Path, sha256: str, is_program: bool) -> Path:
    """Give the place of a file in the pool."""
    return store / "files" / sha256[:2] / (f"{sha256}.x" if is_program else sha256)


# --- small files


def format_files(lines: Iterable[FileLine]) -> bytes:
    """Write ``files``: a line each, sorted by path."""
    text = "".join(
        f"{line.sha256} {line.mode} {line.size} {escape_line(line.path)}\n"
        for line in sorted(lines, key=lambda line: line.path)
    )
    return text.encode("utf-8", "surrogateescape")


def parse_files(data: bytes) -> list[FileLine]:
    """Read ``files``.

    Raises:
        LayoutError: a line is none, or names a place that is not below the environment.
    """
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        match = _LINE.fullmatch(line)
        if match:
            digest, mode, size, path = match.groups()
            if "\\" in path:
                path = _ESCAPE.sub(_unescape, path)
            if path.startswith("/") or ".." in path.split("/"):
                raise LayoutError(f"{path!r} leads out")
            found.append(FileLine(digest, mode, int(size), path))
        elif line:
            raise LayoutError(f"{line[:100]!r} is no line of it")
    return found


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    named = {"\\": "\\", "n": "\n", "t": "\t"}.get(code)
    return chr(int(code[1:], 16)) if named is None else named


def format_entry(fields: Mapping[str, str]) -> bytes:
    """Write ``entry``: ``key=value`` lines."""
    text = "".join(f"{key}={escape_line(value)}\n" for key, value in fields.items())
    return text.encode("utf-8", "surrogateescape")


def parse_entry(data: bytes) -> dict[str, str]:
    """Read ``entry``.

    Raises:
        LayoutError: it is none, or one of another format.
    """
    fields = {}
    text = data.decode("utf-8", "surrogateescape")
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals and _KEY.fullmatch(key):
            fields[key] = _ESCAPE.sub(_unescape, value)
        elif line:
            raise LayoutError(f"{line[:100]!r} is no line of it")
    if fields.get("format") != str(FORMAT) or not is_digest(fields.get("files-sha256", "")):
        raise LayoutError("it is of another format, or cut short")
    return fields


def write_key(store: Path, lock: str, python: str, name: str, digest: str) -> None:
    """Note in the index which environment a lock comes to; one that says it already stays.

    Args:
        store: the folder of the store.
        lock: the SHA-256 of the ``pylock.toml``.
        python: the interpreter's id.
        name: what was chosen, as one name of a file.
        digest: the environment's.

    Raises:
        OSError: it cannot be written.
    """
    path = store / "keys" / lock / python / name
    if read_key(path) == digest:
        return
    make_folder(path.parent)
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "w", encoding="ascii") as stream:
        stream.write(f"{digest}\n")
    os.chmod(fresh, 0o600)
    os.replace(fresh, path)


def read_key(path: Path) -> str:
    """Give the digest that a file of the index has, or "" when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline(100).rstrip("\n")
    except OSError:
        return ""


def list_keys(store: Path) -> list[Path]:
    """List the files of the index."""
    return [
        place / name
        for lock in list_folders(store / "keys")
        for place in list_folders(lock)
        for name in list_names(place)
    ]


# --- folders


def list_names(folder: Path) -> list[str]:
    """List what is in a folder, sorted; nothing when there is none."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def list_folders(folder: Path) -> list[Path]:
    """List the folders in a folder, sorted; links are none."""
    found = []
    for name in list_names(folder):
        try:
            if stat.S_ISDIR(os.lstat(folder / name).st_mode):
                found.append(folder / name)
        except OSError:
            continue
    return found


def make_folder(folder: Path) -> None:
    """Make a folder of the store, and those above it, for nobody else.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        make_folder(folder.parent)
    try:
        # (Never for others; and a umask that takes more away has no say in it.)
        folder.mkdir(0o700)
        folder.chmod(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise


def remove_tree(folder: Path) -> None:
    """Remove a folder, also one whose folders cannot be written to. What is gone is fine."""

    def open_up(top: str) -> None:
        try:
            os.chmod(top, 0o700)
            with os.scandir(top) as entries:
                inside = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return
        for path in inside:
            open_up(path)

    if os.path.islink(folder):
        os.unlink(folder)
        return
    if os.path.lexists(folder):
        open_up(os.fspath(folder))
        shutil.rmtree(folder, ignore_errors=True)


# --- what is being made


def make_staging(store: Path) -> Path:
    """Make a folder below ``tmp`` that is this process's own.

    Raises:
        OSError: it cannot be made.
    """
    make_folder(store / "tmp")
    return Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=store / "tmp"))


def staging_name() -> str:
    """Give a name below ``tmp`` that is this process's own, and free."""
    return f"{_own_prefix()}{os.urandom(8).hex()}"


def _own_prefix() -> str:
    return f"{os.getpid()}.{_read_start(os.getpid())}.{_host()}-"


def is_alive(name: str, now: float = 0.0, changed: float = 0.0) -> bool:
    """Tell whether who made a folder below ``tmp`` may still be at work.

    Args:
        name: of the folder.
        now: the time, in seconds since the epoch; 0: as it is.
        changed: when the folder was last changed.
    """
    match = _TMP.fullmatch(name)
    if not match:
        return False
    pid, start, host = int(match.group(1)), match.group(2), match.group(3)
    if host != _host():
        return (now or time.time()) - changed < FOREIGN_SECONDS
    if not is_running(pid):
        return False
    found = _read_start(pid)
    return "0" in (start, found) or start == found


def _read_start(pid: int) -> str:
    """Give when a process was started, in the clock of the system.

    Source: proc(5), /proc/PID/stat, fields 3 and 22.

    Returns:
        "0" where that is not told, and "" for one that has ended, and only waits for its parent.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # (The name of the program, in brackets, may have anything in it.)
            fields = stream.read().rpartition(b")")[2].split()
            return "" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except (OSError, IndexError, ValueError):
        return "0"


def is_running(pid: int) -> bool:
    """Tell whether a process of this number is there, and has not ended."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        # (It is another user's.)
        return True
    return _read_start(pid) != ""


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _list_tmp(store: Path) -> Iterator[tuple[Path, bool]]:
    for name in list_names(store / "tmp"):
        path = store / "tmp" / name
        try:
            changed = os.lstat(path).st_mtime
        except OSError:
            continue
        yield path, is_alive(name, changed=changed)


def list_live(store: Path) -> list[Path]:
    """List the folders below ``tmp`` that somebody may be working on."""
    return [path for path, lives in _list_tmp(store) if lives]


def list_dead(store: Path) -> list[Path]:
    """List what is below ``tmp`` and nobody works on any more."""
    return [path for path, lives in _list_tmp(store) if not lives]


def clear_dead(store: Path) -> None:
    """Remove what processes that are gone have left below ``tmp``."""
    for path in list_dead(store):
        remove_tree(path)
