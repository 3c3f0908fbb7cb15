"""pyproject.toml as a manifest: [project] (PEP 621), [dependency-groups] (PEP 735), [tool.uv]."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from packaging.utils import InvalidName, canonicalize_name

from pyve_core.merge_marks import split_sides
from pyve_locks.local_project import LIMIT, check_inside
from pyve_locks.requirement import (
    Place,
    Requirement,
    explain,
    normalize_specifier,
    parse_requirement,
)
from pyve_locks.requirements_file import RequirementsReader
from pyve_locks.toml_lines import Path as Keys
from pyve_locks.toml_lines import TomlError, find_lines, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "pyproject.toml"
UV_FILE = "uv.toml"
# Keys of [tool.uv] by which another lock comes out.
UV_KEYS = (
    *("sources", "index", "index-url", "extra-index-url", "no-index", "find-links"),
    *("index-strategy", "conflicts", "environments", "required-environments", "prerelease"),
    *("prerelease-package", "resolution", "fork-strategy", "exclude-newer", "workspace"),
    *("exclude-newer-package", "exclude-dependencies", "dependency-metadata", "no-sources"),
    *("no-sources-package", "no-build", "no-build-package", "no-binary", "no-binary-package"),
    *("build-constraint-dependencies", "extra-build-dependencies", "config-settings"),
    *("config-settings-package", "no-build-isolation", "no-build-isolation-package"),
    *("extra-build-variables", "torch-backend", "minimum-libc-version", "dependency-groups"),
    *("default-groups", "package"),
)
# These stay in [tool.uv] also where there is a uv.toml, which takes the place of all others.
_UV_PROJECT_KEYS = {"conflicts", "workspace", "sources", "package", "default-groups"} | {
    "dependency-groups",
    "dev-dependencies",
}


class Pyproject:
    """Reads one pyproject.toml.

    Args:
        root: the project, in which it is.
        environ: the variables of which ``${NAME}`` is expanded in files that it names.
        edited: name -> what it is to hold, of files that are not to be read as they are.

    Raises:
        HelperError: E_MANIFEST, from here and from all methods.
    """

    def __init__(
        self, root: Path, environ: Mapping[str, str], edited: Mapping[str, bytes] | None = None
    ) -> None:
        self.root = root
        self.environ = environ
        self.files = [FILE]
        self.data, self.text = load_table(root, FILE, (edited or {}).get(FILE))
        self._lines: dict[Keys, int] | None = None
        self.project = self.take_table(("project",))
        self.has_project = "project" in self.data
        self.has_groups = bool(self.take_table(("dependency-groups",)))
        # What setuptools takes from requirements files.
        self.reader = RequirementsReader(root, environ, edited)

    def place(self, *keys: str | int) -> Place:
        """Say where a value stands, or the nearest above it that can be told."""
        if self._lines is None:
            self._lines = find_lines(self.text)
        path: Keys = keys
        while path and path not in self._lines:
            path = path[:-1]
        return Place(self.root, FILE, self._lines.get(path, 0))

    def take(self, keys: Keys) -> Any:
        """Give the value at some keys, None when it is not there."""
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def take_table(self, keys: Keys) -> dict[str, Any]:
        """Give the table at some keys, {} when it is not there."""
        value = self.take(keys)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.place(*keys).fail(f"[{_name(keys)}] is no table")
        return value

    def take_texts(self, keys: Keys) -> list[str]:
        """Give the list of texts at some keys, [] when it is not there."""
        value = self.take(keys)
        if value is None:
            return []
        if not isinstance(value, list):
            self.place(*keys).fail(f"{_name(keys)} is no list", 'it is written as ["a", "b>=2"]')
        for number, text in enumerate(value):
            if not isinstance(text, str):
                self.place(*keys, number).fail(f"an item of {_name(keys)} is no text")
        return value

    def take_requirements(self, keys: Keys) -> list[Requirement]:
        """Give the list of requirements at some keys."""
        return [
            parse_requirement(text, self.place(*keys, number))
            for number, text in enumerate(self.take_texts(keys))
        ]

    def read_name(self) -> str:
        """Give the normalised name of the project."""
        name = self.project.get("name")
        if not isinstance(name, str):
            self.place("project", "name").fail("[project] has no name", 'it needs: name = "..."')
        try:
            return str(canonicalize_name(name, validate=True))
        except InvalidName:
            self.place("project", "name").fail(
                f"'{name}' cannot be the name of a project",
                "it has letters and digits, and between them also . _ and -",
            )

    def read_requires_python(self) -> str:
        """Give requires-python, normalised, "" for any."""
        keys = ("project", "requires-python")
        value = self.take(keys)
        if value is None:
            if "requires-python" in self.dynamic():
                self.place("project", "dynamic").fail(
                    "requires-python is dynamic, so only a build of the project tells it",
                    'write it into [project], as requires-python = ">=3.9"',
                )
            return ""
        if not isinstance(value, str):
            self.place(*keys).fail("requires-python is no text")
        try:
            return normalize_specifier(value)
        except ValueError as error:
            self.place(*keys).fail(f"'{value}' does not limit Python", *explain(error))

    def dynamic(self) -> list[str]:
        """Give the fields that the build backend adds (PEP 621)."""
        return self.take_texts(("project", "dynamic"))

    def read_roots(self) -> dict[str, tuple[Requirement, ...]]:
        """Give what the project, its extras and its groups ask for.

        The extras of the project itself that one of them names are resolved, and so are includes.
        """
        roots = {"": self._read_dependencies(), **self._read_extras()}
        roots.update(self._read_groups())
        if self.has_project:
            roots = _Selves(self, self.read_name(), roots).resolve()
        return {root: tuple(dict.fromkeys(found)) for root, found in roots.items()}

    def _is_dynamic(self, field: str) -> bool:
        if field not in self.dynamic():
            return False
        if field in self.project:
            self.place("project", field).fail(
                f"{field} is written here, and dynamic, too",
                "PEP 621 allows one of both",
            )
        return True

    def _read_dependencies(self) -> list[Requirement]:
        if not self._is_dynamic("dependencies"):
            return self.take_requirements(("project", "dependencies"))
        keys = ("tool", "setuptools", "dynamic", "dependencies")
        return self._follow(keys, "dependencies")

    def _read_extras(self) -> dict[str, list[Requirement]]:
        keys: Keys = ("project", "optional-dependencies")
        if not self._is_dynamic("optional-dependencies"):
            names = self._name_all(keys, "an extra")
            return {
                f"extra:{name}": self.take_requirements((*keys, key)) for name, key in names.items()
            }
        keys = ("tool", "setuptools", "dynamic", "optional-dependencies")
        if not self.take_table(keys):
            self._follow(keys, "optional-dependencies")
        names = self._name_all(keys, "an extra")
        return {
            f"extra:{name}": self._follow((*keys, key), "optional-dependencies")
            for name, key in names.items()
        }

    def _name_all(self, keys: Keys, kind: str) -> dict[str, str]:
        """Give normalised name -> name as written of the extras or groups."""
        names: dict[str, str] = {}
        for key in self.take_table(keys):
            try:
                name = str(canonicalize_name(key, validate=True))
            except InvalidName:
                self.place(*keys, key).fail(f"'{key}' cannot be the name of {kind}")
            if name in names:
                self.place(*keys, key).fail(f"'{names[name]}' and '{key}' are the same name")
            names[name] = key
        return names

    def _follow(self, keys: Keys, field: str) -> list[Requirement]:
        """Read what setuptools is told to take from files ("Dynamic Metadata" of its manual).

        Of other dynamic fields, as uv does it, only a build of the project would tell.
        """
        value = self.take(keys)
        files = value.get("file") if isinstance(value, dict) else None
        files = [files] if isinstance(files, str) else files
        if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
            self.place("project", "dynamic").fail(
                f"{field} is dynamic, so only a build of the project tells it",
                "a lock is made from what is written, without running the project's code",
                f"write {field} into [project], or let setuptools read it from a file:"
                f" [tool.setuptools.dynamic] {field} = {{file = ...}}",
            )
        place, before = self.place(*keys), len(self.reader.found.requirements)
        for file in files:
            self.reader.read(self.reader.include(file, place), place=place)
        return self.reader.found.requirements[before:]

    def _read_groups(self) -> dict[str, list[Requirement]]:
        names = self._name_all(("dependency-groups",), "a group")
        groups: dict[str, list[Requirement]] = {}
        for name in names:
            self._read_group(name, names, groups, ())
        roots = {f"group:{name}": found for name, found in groups.items()}
        keys = ("tool", "uv", "dev-dependencies")
        if self.take(keys) is not None:
            roots["group:dev"] = [*roots.get("group:dev", []), *self.take_requirements(keys)]
        return roots

    def _read_group(
        self,
        name: str,
        names: dict[str, str],
        groups: dict[str, list[Requirement]],
        within: tuple[str, ...],
    ) -> list[Requirement]:
        """Read a group, and those that it includes, into groups."""
        if name in groups:
            return groups[name]
        keys: Keys = ("dependency-groups", names[name])
        value = self.take(keys)
        if not isinstance(value, list):
            self.place(*keys).fail(f"group '{names[name]}' is no list")
        found: list[Requirement] = []
        for number, item in enumerate(value):
            place = self.place(*keys, number)
            if isinstance(item, str):
                found.append(parse_requirement(item, place))
                continue
            other = item.get("include-group") if isinstance(item, dict) and len(item) == 1 else None
            if not isinstance(other, str):
                place.fail(
                    f"an item of group '{names[name]}' is neither a requirement nor an include",
                    'an include is written as {include-group = "name"} (PEP 735)',
                )
            included = str(canonicalize_name(other))
            if included not in names:
                place.fail(f"there is no group '{other}'", *_list("groups", names.values()))
            if included in (*within, name):
                chain = (*within, name, included)
                place.fail("groups include each other", " -> ".join(chain[chain.index(included) :]))
            found += self._read_group(included, names, groups, (*within, name))
        groups[name] = list(dict.fromkeys(found))
        return groups[name]

    def read_uv(self) -> dict[str, Any]:
        """Give what of [tool.uv], and of a uv.toml, changes the answer; as it is written."""
        table = self.take_table(("tool", "uv"))
        if os.path.isfile(os.path.join(self.root, UV_FILE)):
            settings, _ = load_table(self.root, UV_FILE)
            self.files.append(UV_FILE)
            kept = {key: value for key, value in table.items() if key in _UV_PROJECT_KEYS}
            table = {**settings, **kept}
        return table

    def read_uv_list(self, key: str, table: dict[str, Any]) -> list[Requirement]:
        """Give the texts of a list in what read_uv gave, as requirements.

        Tables among them, by which uv limits what a package asks for, stay there.
        """
        value = table.get(key, [])
        keys: Keys = ("tool", "uv", key)
        inside = self.take(keys) is value
        if not isinstance(value, list):
            place = self.place(*keys) if inside else Place(self.root, UV_FILE, 0)
            place.fail(f"{key} is no list", 'it is written as ["a", "b>=2"]')
        found = []
        for number, item in enumerate(value):
            place = self.place(*keys, number) if inside else Place(self.root, UV_FILE, 0)
            if isinstance(item, str):
                found.append(parse_requirement(item, place))
            elif not isinstance(item, dict):
                place.fail(f"an item of {key} is no text")
        return found


class _Selves:
    """Resolves requirements by which a project asks for itself, with extras.

    ``all = ["this[dev,test]"]`` is what dev and test ask for. In a group it is, in addition, what
    the project asks for. Circles add nothing.
    """

    def __init__(self, file: Pyproject, name: str, roots: dict[str, list[Requirement]]) -> None:
        self.file = file
        self.name = name
        self.roots = roots

    def resolve(self) -> dict[str, list[Requirement]]:
        return {root: self._expand(root) for root in self.roots}

    def _expand(self, first: str) -> list[Requirement]:
        found: list[Requirement] = []
        # Roots and the markers under which they are asked for, as long as they lead to new ones.
        waiting = [(first, "")]
        for root, marker in waiting:
            for requirement in self.roots[root]:
                if requirement.name != self.name:
                    found.append(requirement.when(marker))
                    continue
                inner = requirement.when(marker).marker
                if root.startswith("group:") and ("", inner) not in waiting:
                    waiting.append(("", inner))
                for extra in requirement.extras:
                    pair = (f"extra:{extra}", inner)
                    if pair[0] not in self.roots:
                        self._fail(requirement, extra)
                    if pair not in waiting:
                        waiting.append(pair)
        return found

    def _fail(self, requirement: Requirement, extra: str) -> NoReturn:
        place = Place(self.file.root, requirement.file, requirement.line)
        extras = [root[6:] for root in self.roots if root.startswith("extra:")]
        place.fail(f"the project has no extra '{extra}'", *_list("extras", extras))


def load_table(root: Path, name: str, edited: bytes | None = None) -> tuple[dict[str, Any], str]:
    """Read a TOML file of the project.

    Args:
        root: the project.
        name: of the file.
        edited: what it is to hold, where it is not to be read.

    Returns:
        What it says, and its text.

    Raises:
        HelperError: E_MANIFEST.
    """
    place = Place(root, name, 0)
    if edited is None and os.path.exists(os.path.join(root, name)):
        check_inside(root, name)
    data = _load(os.path.join(root, name), place) if edited is None else edited
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        replace(place, line=line).fail("the text is not UTF-8", "TOML is always UTF-8")
    try:
        return parse_toml(text), text
    except TomlError as error:
        place = replace(place, line=error.line)
        if split_sides(text):
            place.fail("git left the marks of a merge in it", "take what is right of both sides")
        place.fail("it is no TOML", f"{error} (column {error.column})")


def _load(path: str, place: Place) -> bytes:
    if not os.path.isfile(path):
        place.fail("it is no file")
    try:
        if os.path.getsize(path) > LIMIT:
            place.fail(f"it is larger than {LIMIT >> 20} MiB")
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        place.fail("it cannot be read", error.strerror or str(error))


def _name(keys: Keys) -> str:
    return ".".join(str(key) for key in keys)


def _list(what: str, names: Any) -> list[str]:
    names = sorted(names)
    return [f"{what}: {', '.join(names)}"] if names else []
