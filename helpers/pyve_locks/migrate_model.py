"""What another tool's files say a project needs, in the terms of Pyve's manifests.

Each module ``migrate_<source>`` reads one kind of project into a `Found`; `migrate_targets` and
`migrate_pyproject` write it. Nothing is run, and nothing is written here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyve_core import HelperError, redact
from pyve_locks.edit_common import write_requirement
from pyve_locks.local_project import LIMIT, check_inside, read_name, read_small
from pyve_locks.requirement import strip_credentials
from pyve_locks.toml_lines import TomlError, find_lines, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "Found",
    "Note",
    "TomlFile",
    "ToolTable",
    "join_markers",
    "normalize",
    "read_locked",
    "read_text",
]

# What stands in a text for a secret.
_HIDDEN = "***"
_LOGIN = re.compile(r"^(?P<scheme>[A-Za-z0-9+.-]+://)(?P<login>[^/?#@]*)@")


@dataclass(frozen=True)
class Note:
    """What is to be said about a migration.

    Attributes:
        text: it, without secrets.
        file, line: where the reason stands; "" and 0 where that is not one place.
        name: of what has no answer; "" for what was carried over.
    """

    text: str
    file: str = ""
    line: int = 0
    name: str = ""

    def __str__(self) -> str:
        """Write it with its place: ``Pipfile, line 3: ...``."""
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.text}" if place else self.text


@dataclass
class Found:
    """What a project needs, as its files say.

    Attributes:
        source: the kind of the files: ``poetry``, ``pipfile``, ...
        root: the project.
        files: those that were read, relative to it.
        project: keys of [project], but for dependencies, extras and requires-python.
        dynamic: what the build backend adds to it (PEP 621).
        requires_python: a specifier, "" for any.
        roots: requirements (PEP 508) by root: "", ``extra:NAME``, ``group:NAME``.
        sources: [tool.uv.sources], for local folders and for indexes of single distributions.
        indexes: [[tool.uv.index]], in the order in which they are asked.
        uv: further keys of [tool.uv].
        tables: further tables of pyproject.toml by their path, such as ``build-system``.
        pins: what was locked: name, version, and for a repository vcs, as in pylock.toml.
        moved: by root, names whose requirement is to be another one, and that.
        in_place: whether the files are the pyproject.toml itself.
        notes: what could not be carried over as it was.
        unanswered: what could not be carried over at all.
    """

    source: str
    root: Path
    files: list[str] = field(default_factory=list)
    project: dict[str, Any] = field(default_factory=dict)
    dynamic: list[str] = field(default_factory=list)
    requires_python: str = ""
    roots: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    indexes: list[dict[str, Any]] = field(default_factory=list)
    uv: dict[str, Any] = field(default_factory=dict)
    tables: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    pins: list[dict[str, Any]] = field(default_factory=list)
    moved: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    in_place: bool = False
    notes: list[Note] = field(default_factory=list)
    unanswered: list[Note] = field(default_factory=list)

    def note(self, text: str, file: str = "", line: int = 0) -> None:
        """Remember what is to be said."""
        note = Note(redact(text), file, line)
        if note not in self.notes:
            self.notes.append(note)

    def refuse(self, name: str, text: str, file: str = "", line: int = 0) -> None:
        """Remember what has no answer in the target."""
        self.unanswered.append(Note(redact(text), file, line, name))

    def add(self, root: str, text: str, file: str = "", line: int = 0) -> None:
        """Add a requirement; one that is none has no answer."""
        asked = self.roots.setdefault(root, [])
        if _HIDDEN in text:
            self.refuse(text, f"{text} does not work without its token", file, line)
            return
        try:
            written = write_requirement(Parsed(text), text, "'")
        except (InvalidRequirement, RecursionError) as error:
            self.refuse(text, f"'{text}' is no requirement: {first_line(error)}", file, line)
            return
        if written not in asked:
            asked.append(written)

    def add_path(
        self, root: str, name: str, path: str, editable: bool, rest: str, file: str, line: int
    ) -> None:
        """Add a folder or an archive: a requirement has a name, and uv its place.

        Args:
            root: where to.
            name: as the files say; what the folder itself says counts before it.
            path: relative to the project.
            editable: whether it is to be.
            rest: extras before, marker behind, as `parts` writes them.
            file, line: where it stands.
        """
        full = os.path.normpath(os.path.join(self.root, path))
        if os.path.realpath(full) == os.path.realpath(self.root):
            self.note("the project itself is installed by pyve sync, not asked for", file, line)
            self.roots.setdefault(root, [])
            return
        name = (read_name(full) if os.path.isdir(full) else "") or name
        if not name:
            self.refuse(path, f"nothing says which distribution {path} is", file, line)
            return
        relative = os.path.relpath(full, self.root).replace(os.sep, "/")
        self.sources[name] = {"path": relative, **({"editable": True} if editable else {})}
        self.add(root, f"{name}{rest}", file, line)

    def add_git(
        self, root: str, name: str, table: Mapping[str, Any], rest: str, file: str, line: int
    ) -> None:
        """Add a distribution that is had from a git repository.

        Args:
            root: where to.
            name: of the distribution.
            table: ``git``; ``rev``, ``tag``, ``branch`` or ``ref``; ``subdirectory``.
            rest: extras, and a marker behind ``;``.
            file, line: where it stands.
        """
        url = re.sub(r"^git\+", "", str(table["git"]))
        short = re.match(r"^(?!\w+://)(?:([^@/\s]+)@)?([^:/\s]+):(.+)$", url)
        if short:
            url = f"ssh://{short.group(1) or 'git'}@{short.group(2)}/{short.group(3)}"
        url = self.clean(url, name, file, line)
        for key in ("rev", "tag", "branch", "ref"):
            if table.get(key):
                url += f"@{quote(str(table[key]), safe='/')}"
                break
        if table.get("subdirectory"):
            url += f"#subdirectory={quote(str(table['subdirectory']), safe='/')}"
        extras, _, marker = rest.partition(";")
        self.add(
            root, f"{name}{extras} @ git+{url}" + (f" ;{marker}" if marker else ""), file, line
        )

    def clean(self, url: str, what: str, file: str, line: int) -> str:
        """Take what is secret out of a URL, and say so; ``${NAME}`` is none."""
        login = _LOGIN.match(url)
        if login and "${" in login.group("login"):
            return url
        shown = strip_credentials(url)
        if shown != url:
            self.note(
                f"the password or token in the URL of {what} was left out: keep it in ~/.netrc",
                file,
                line,
            )
        return shown

    def add_index(
        self, name: str, url: str, file: str, line: int, *, default: bool = False, **more: Any
    ) -> str:
        """Add an index; its login stays out, as uv takes it from the environment.

        Args:
            name: of the index, as the files have it.
            url: of it.
            file, line: where it stands.
            default: whether it takes the place of uv's own.
            more: further keys of [[tool.uv.index]].

        Returns:
            The name that it has for uv.
        """
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name) or f"index{len(self.indexes) + 1}"
        login = _LOGIN.match(url)
        shown = strip_credentials(url)
        if login:
            parts = urlsplit(login.group("scheme") + url[login.end() :])
            shown = strip_credentials(urlunsplit(parts))
            words = re.sub(r"[^A-Za-z0-9]", "_", name).upper()
            said = [part for part in login.group("login").split(":") if part.startswith("${")]
            was = f" (it was {' and '.join(said)})" if said else ""
            self.note(
                f"the login of the index {name} is not written down{was}:"
                f" uv takes it from UV_INDEX_{words}_USERNAME and UV_INDEX_{words}_PASSWORD,"
                " ~/.netrc or the keyring",
                file,
                line,
            )
        if _HIDDEN in shown:
            self.refuse(name, f"{shown} does not work without its token", file, line)
            return name
        if "${" in shown:
            self.note(f"uv does not expand the variables in the URL of {name}", file, line)
        index: dict[str, Any] = {"name": name, "url": shown, **more}
        if default:
            index["default"] = True
        if index not in self.indexes:
            self.indexes.append(index)
        return name

    def pin(self, name: str, version: str, vcs: Mapping[str, str] | None = None) -> None:
        """Remember what was locked."""
        found: dict[str, Any] = {"name": normalize(name)}
        if version:
            try:
                found["version"] = str(Version(version))
            except ValueError:
                return
        if vcs:
            found["vcs"] = dict(vcs)
        elif not version:
            return
        else:
            # A lock of PEP 751 has at least a list of files; none is known here.
            found["wheels"] = []
        if found not in self.pins:
            self.pins.append(found)


class TomlFile:
    """A TOML file of another tool.

    Attributes:
        name: relative to the project.
        data: what it says.

    Raises:
        HelperError: E_MANIFEST.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        text = read_text(root, name)
        try:
            self.data = parse_toml(text)
        except TomlError as error:
            place = f"{name}, line {error.line}"
            said = f"{error} (column {error.column})"
            raise HelperError("E_MANIFEST", f"{place}: it is no TOML", said) from error
        self._text = text
        self._lines: dict[tuple[str | int, ...], int] | None = None

    def line(self, *keys: str | int) -> int:
        """Give the line of a value, or of the nearest above it; 0 for none."""
        if self._lines is None:
            self._lines = find_lines(self._text)
        path = keys
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def table(self, *keys: str) -> dict[str, Any]:
        """Give the table at some keys; {} when there is none.

        Raises:
            HelperError: E_MANIFEST: something else is there.
        """
        value: Any = self.data
        for number, key in enumerate(keys, 1):
            value = value.get(key, {})
            if not isinstance(value, dict):
                place = f"{self.name}, line {self.line(*keys[:number])}"
                raise HelperError("E_MANIFEST", f"{place}: {'.'.join(keys[:number])} is no table")
        found: dict[str, Any] = value
        return found


class ToolTable:
    """A pyproject.toml in which another tool has a table of its own.

    Attributes:
        root: the project.
        file: the pyproject.toml.
        keys: where the table is: ("tool", "pdm").
        tool: the table.
        found: what the project needs; empty at first.

    Raises:
        HelperError: E_MANIFEST.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.file = TomlFile(root, "pyproject.toml")
        self.keys = ("tool", name)
        self.tool = self.table()
        self.found = Found(name, root, [self.file.name], in_place=True)

    def table(self, *keys: str) -> dict[str, Any]:
        """Give a table below that of the tool; see TomlFile."""
        return self.file.table(*self.keys, *keys)

    def line(self, *keys: str | int) -> int:
        """Give the line of a value below the table of the tool; see TomlFile."""
        return self.file.line(*self.keys, *keys)

    def note(self, text: str, *keys: str | int) -> None:
        """Remember what is to be said about such a value."""
        self.found.note(text, self.file.name, self.line(*keys))

    def keep_from_build(self, key: str) -> None:
        """Have uv build nothing where a value is false; with a build-system it would."""
        if self.tool.get(key) is False and "build-system" in self.file.data:
            self.found.uv["package"] = False


def read_locked(root: Path, name: str, found: Found) -> list[dict[str, Any]]:
    """Give the packages of a lock in TOML, and remember that it was read; [] when there is none.

    Raises:
        HelperError: E_MANIFEST.
    """
    if not (root / name).is_file():
        return []
    found.files.append(name)
    packages: list[dict[str, Any]] = TomlFile(root, name).data.get("package", [])
    return packages


def read_text(root: Path, name: str) -> str:
    """Read a file of the project.

    Raises:
        HelperError: E_MANIFEST.
    """
    path = os.path.join(root, name)
    if os.path.isfile(path) and os.path.getsize(path) > LIMIT:
        raise HelperError(
            "E_MANIFEST", f"{name} is larger than {LIMIT >> 20} MiB", "it may be another file"
        )
    text = read_small(path)
    if not text and (not os.path.isfile(path) or not os.access(path, os.R_OK)):
        raise HelperError("E_MANIFEST", f"{name} cannot be read", "it is no file that can be read")
    check_inside(root, name)
    return text


def normalize(name: str) -> str:
    """Write the name of a distribution as PEP 503 does."""
    return str(canonicalize_name(name))


def first_line(error: Exception) -> str:
    """Give what an exception says, without the picture of its place."""
    return str(error).split("\n")[0]


def join_markers(*markers: str) -> str:
    """Join markers (PEP 508), all of which have to hold; "" for none.

    Raises:
        ValueError: one is no marker.
    """
    given = [marker for marker in markers if marker]
    try:
        for marker in given:
            Marker(marker)
    except (InvalidMarker, RecursionError) as error:
        raise ValueError(first_line(error)) from error
    if len(given) < 2:
        return "".join(given)
    return " and ".join(f"({one})" if " or " in one else one for one in given)
