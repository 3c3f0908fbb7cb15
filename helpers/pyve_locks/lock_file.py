"""``pylock.toml``: reading, and writing the same bytes for the same content.

Source: PEP 751, file format version 1.0.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_core.fixes import let_read, move_away
from pyve_core.merge_marks import split_sides
from pyve_locks.lock_text import parse_pylock, write_artifact
from pyve_locks.toml_lines import TomlError
from pyve_locks.toml_text import write_key, write_table
from pyve_locks.whole_file import cannot_write, refuse_link, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "LIMIT",
    "LockFile",
    "cannot_write",
    "format_lock",
    "parse_lock",
    "read_lock",
    "read_merged_lock",
    "write_lock",
]

# Bytes. A lock of 500 packages with all their wheels has about 3 MB.
LIMIT = 16 * 1024 * 1024
VERSION = "1.0"

_ARTIFACT = ("name", "upload-time", "url", "path", "size", "hashes")
_TOP = (
    "lock-version",
    "environments",
    "requires-python",
    "extras",
    "dependency-groups",
    "default-groups",
    "created-by",
)
_PACKAGE = (
    "name",
    "version",
    "marker",
    "requires-python",
    "dependencies",
    "vcs",
    "directory",
    "archive",
    "index",
    "sdist",
    "wheels",
    "attestation-identities",
)
_PYVE = (
    "version",
    "manifest-sha256",
    "files-sha256",
    "files",
    "engine",
    "platforms",
    "exclude-newer",
    "manifest",
)
_PARTS = {
    "vcs": ("type", "url", "path", "requested-revision", "commit-id", "subdirectory"),
    "directory": ("path", "editable", "subdirectory"),
    "archive": ("url", "path", "size", "upload-time", "hashes", "subdirectory"),
    "sdist": _ARTIFACT,
    "wheels": _ARTIFACT,
    "dependencies": ("name", "version", "vcs", "directory", "archive", "index"),
}


class LockFile(dict[str, Any]):
    """What stands in a lock: the keys are those of PEP 751, the values as TOML has them.

    Attributes:
        sides: where git left conflict marks, the file as each of the two sides has it; the content
            is then that of the first. Empty otherwise.
        warnings: what is to be said about a lock that was just made, such as yanked versions.
    """

    sides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def conflicted(self) -> bool:
        """Whether git left conflict marks in the file."""
        return bool(self.sides)

    @property
    def packages(self) -> list[dict[str, Any]]:
        """The table of each package, in the order of the file."""
        found: list[dict[str, Any]] = self.get("packages", [])
        return found

    @property
    def pyve(self) -> dict[str, Any]:
        """What Pyve keeps in the lock: ``[tool.pyve]``; empty when another tool wrote it."""
        found = self.get("tool", {}).get("pyve", {})
        return found if isinstance(found, dict) else {}


def read_lock(path: Path) -> LockFile:
    """Read a lock.

    Args:
        path: the ``pylock.toml``.

    Raises:
        HelperError: E_LOCK_FILE (it is no lock; with line and column), E_LOCK_FILE_READ,
            E_LOCK_MISSING.
    """
    try:
        if path.exists() and not path.is_file():
            # (Reading a pipe would not end.)
            raise HelperError(
                "E_LOCK_FILE_READ", f"cannot read {path}", "it is not a file", move_away(path)
            )
        with open(path, "rb") as stream:
            data = stream.read(LIMIT + 1)
    except FileNotFoundError as error:
        raise HelperError("E_LOCK_MISSING", f"there is no {path}", "", "pyve lock") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise HelperError("E_LOCK_FILE_READ", f"cannot read {path}", why, let_read(path)) from error
    if len(data) > LIMIT:
        raise _refuse(path, "it is larger than any lock")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise _refuse(path, "it is not UTF-8", line, column) from error
    return parse_lock(text, path)


def read_merged_lock(path: Path) -> LockFile:
    """Read a lock that is to be installed: one without git's conflict marks.

    Args:
        path: the ``pylock.toml``.

    Raises:
        HelperError: as read_lock; E_LOCK_FILE also when a merge has left both sides in it.
    """
    lock = read_lock(path)
    if lock.conflicted:
        raise HelperError(
            "E_LOCK_FILE",
            f"{path.name} has git's conflict marks in it",
            "a merge has left both sides in it; pyve lock makes one of them",
            "pyve lock",
        )
    return lock


def parse_lock(text: str, path: Path) -> LockFile:
    """Read the text of a lock.

    Args:
        text: it, also with git's conflict marks.
        path: where it stands, for messages.

    Raises:
        HelperError: E_LOCK_FILE. A side of a conflict that is no lock is left out, and it is
            raised when none is one.
    """
    sides = split_sides(text)
    if not sides:
        return _parse(text, path)
    locks: list[LockFile] = []
    failure = None
    for side in sides:
        try:
            locks.append(_parse(side, path))
        except HelperError as error:
            failure = failure or error
    if failure is not None and not locks:
        raise failure
    locks[0].sides = sides
    return locks[0]


def _parse(text: str, path: Path) -> LockFile:
    try:
        lock = LockFile(parse_pylock(text))
    except TomlError as error:
        said = str(error)
        raise _refuse(path, said[:1].lower() + said[1:], error.line, error.column) from error
    version = lock.get("lock-version")
    if not isinstance(version, str):
        raise _refuse(path, "it has no lock-version, as every lock of PEP 751 has")
    if version.partition(".")[0] != "1":
        raise _refuse(path, f"its lock-version is {version}, and this reads {VERSION}")
    for key in ("extras", "dependency-groups", "default-groups"):
        names = lock.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _refuse(path, f"{key} is no list of names")
    packages = lock.get("packages")
    if not isinstance(packages, list):
        raise _refuse(path, "it has no list of packages")
    for number, package in enumerate(packages, 1):
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            raise _refuse(path, f"package {number} has no name", *_find_package(text, number))
        # These go into command lines, other files and onto terminals.
        for key, form in (("name", _NAME), ("version", _VERSION)):
            value = package.get(key, "0")
            if isinstance(value, str) and not form.fullmatch(value):
                why = f"{value!r} is no {key} of a package"
                raise _refuse(path, why, *_find_package(text, number))
        for key, kind in (("version", str), ("marker", str), ("wheels", list), ("sdist", dict)):
            if not isinstance(package.get(key, kind()), kind):
                name = package["name"]
                raise _refuse(
                    path, f"{key} of {name} is no {_KINDS[kind]}", *_find_package(text, number)
                )
    if not isinstance(lock.get("tool", {}), dict):
        raise _refuse(path, "tool is no table")
    return lock


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", re.ASCII)
_KINDS = {str: "string", list: "array", dict: "table"}


def _find_package(text: str, number: int) -> tuple[int, int]:
    """Give line and column of the header of a package."""
    for line, content in enumerate(text.split("\n"), 1):
        number -= content.strip() == "[[packages]]"
        if not number:
            return line, 1
    return 1, 1


def _refuse(path: Path, why: str, line: int = 0, column: int = 0) -> HelperError:
    place = f"{path}:{line}:{column}" if line else str(path)
    return HelperError("E_LOCK_FILE", f"{place} is not what a lock should be", why, "pyve lock")


def format_lock(lock: Mapping[str, Any]) -> str:
    """Write a lock as text, the same for the same content.

    Keys come in the order of PEP 751, but for ``tool``: it stands before the packages, so that what
    Pyve wants to know of a lock is at its beginning. Packages are sorted by name, version and
    marker; each artifact has a line.
    """
    lines = _format_table(lock, _TOP, skip=("packages", "tool"))
    if not lock.get("packages"):
        lines.append("packages = []")
    for name in sorted(lock.get("tool", {})):
        table = lock["tool"][name]
        lines += ["", f"[tool.{write_key(name)}]", *_format_table(table, _PYVE)]
    packages = lock.get("packages", ())
    written = [(p, ["", "[[packages]]", *_format_table(p, _PACKAGE)]) for p in packages]
    for _, more in sorted(written, key=_package_order):
        lines += more
    return "\n".join([*lines, ""])


def _package_order(written: tuple[Mapping[str, Any], list[str]]) -> tuple[Any, ...]:
    from packaging.version import Version

    package, lines = written
    text = str(package.get("version", ""))
    try:
        key: tuple[Any, ...] = (1, Version(text))
    except ValueError:
        key = (0, text)
    return (package["name"], *key, str(package.get("marker", "")), lines)


def _format_table(
    table: Mapping[str, Any], order: Iterable[str], skip: Iterable[str] = ()
) -> list[str]:
    keys = [key for key in _order_keys(table, order) if key not in skip]
    return write_table({key: _order_part(key, table[key]) for key in keys})


def _order_keys(table: Mapping[str, Any], order: Iterable[str]) -> list[str]:
    """Give the keys that are known in their order, then the others by name."""
    known = [key for key in order if key in table]
    return known + sorted(key for key in table if key not in known)


def _order_part(key: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_order_part(key, item) for item in value]
    if not isinstance(value, dict):
        return value
    written = write_artifact(value) if key in ("sdist", "wheels") else None
    if written is not None:
        return written
    keys = _order_keys(value, _PARTS.get(key, ()))
    return {name: _order_part(name, value[name]) for name in keys}


def write_lock(lock: Mapping[str, Any], path: Path) -> bool:
    """Write a lock: what was there before, or all of the new one.

    A file that is there keeps its mode; a new one gets 0644 less the umask. Of a link that stays in
    the folder, the file that it leads to is replaced.

    Args:
        lock: what to write.
        path: where to.

    Returns:
        Whether anything changed. The file is left alone when it has these bytes already.

    Raises:
        HelperError: E_FILE_LINK, E_FILE_WRITE, E_DISK_FULL.
    """
    refuse_link(path)
    return write_whole(path, format_lock(lock).encode("utf-8"))
