"""pyproject.toml: requirements in and out of [project] (PEP 621) and [dependency-groups] (PEP 735).

tomlkit reads the file and writes new texts and keys; where they go is a matter of position, so that
every other character stays. What comes out is read again and compared before it is given back.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tomlkit.exceptions import ParseError, TOMLKitError

from pyve_locks.brackets import Brackets, insert_item, remove_item
from pyve_locks.edit_common import (
    NAME,
    check_wish,
    choose_place,
    fail,
    find_replaced,
    line_of,
    merge,
    name_of,
    newline_of,
    read_requirement,
    write_requirement,
)
from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.toml_positions import Keys, Pair, Section, Value, list_pairs, read_sections
from pyve_locks.toml_tables import Form, create_pair, find_step, find_tables, remove_pair
from pyve_locks.toml_text import write_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = "pyproject.toml"
_SOURCES = ("tool", "uv", "sources")


@dataclass
class _Place:
    """A list of requirements.

    Attributes:
        keys: its keys, the last one as the file spells it.
        pair: where it is; None when it is not there.
        items: what is in it.
    """

    keys: Keys
    pair: Pair | None
    items: list[Any]


def add(text: str, wishes: Sequence[str], root: str, path: str = FILE) -> str:
    """Add requirements, or change those of the same name.

    Args:
        text: of the file.
        wishes: requirements (PEP 508).
        root: "" for [project].dependencies, ``extra:NAME`` or ``group:NAME``.
        path: how the user names the file.

    Returns:
        The new text.

    Raises:
        HelperError: E_MANIFEST.
    """
    file = _File(text, path)
    for wish in wishes:
        new = read_requirement(_check_form(check_wish(wish, path), path), path)
        file.add(new, wish, root)
    return file.text


def remove(text: str, names: Sequence[str], root: str, path: str = FILE) -> tuple[str, list[str]]:
    """Take out all requirements of some names; lists stay, also when nothing is left in them.

    Args:
        text, root, path: as for `add`.
        names: spelt in any way.

    Returns:
        The new text, and what was taken out, as it was written.

    Raises:
        HelperError: E_MANIFEST.
    """
    file = _File(text, path)
    removed: list[str] = []
    for name in names:
        removed += file.remove(name_of(name), root)
    return file.text, removed


def set_source(text: str, name: str, source: Mapping[str, Any] | None, path: str = FILE) -> str:
    """Say in [tool.uv.sources] where a distribution comes from.

    Args:
        text, path: as for `add`.
        name: of the distribution.
        source: as ``{"path": "../lib", "editable": True}``; None takes out what is said of it.

    Returns:
        The new text.

    Raises:
        HelperError: E_MANIFEST.
    """
    for value in (source or {}).values():
        if isinstance(value, str):
            check_wish(value, path)
    if not NAME.fullmatch(name):
        fail(path, f"'{name}' cannot be the name of a distribution")
    file = _File(text, path)
    file.set_source(name, source)
    return file.text


def _check_form(text: str, path: str) -> str:
    """Refuse what only requirements files have."""
    if text.startswith(("-", ".", "/", "~")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        fail(
            path,
            f"'{text}' has no name, and here a requirement has one",
            f"it is written as: name @ URL; a folder beside {path} goes into [tool.uv.sources]",
        )
    return text


class _File:
    """A file that is edited step by step; after each step it is read again."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.text = text
        self.data = self._parse(text)
        self.sections: list[Section] = []
        self._locate()

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            # What uv and pip read is TOML as the standard library knows it; both have to agree.
            strict = parse_toml(text)
            data: dict[str, Any] = tomlkit.parse(text).unwrap()
        except TomlError as error:
            fail(self.path, f"it cannot be read as TOML: {error}", (), error.line)
        except ParseError as error:
            fail(self.path, f"it cannot be read as TOML: {error}", (), error.line)
        except (TOMLKitError, RecursionError) as error:
            fail(self.path, f"it cannot be read as TOML: {error}")
        if not _is_same(strict, data):
            fail(self.path, "two parsers of TOML read it differently", "nothing was changed")
        return data

    def _locate(self) -> None:
        try:
            self.sections = read_sections(self.text)
        except (IndexError, ValueError, RecursionError) as error:
            fail(self.path, f"its tables cannot be told apart: {error}")

    def add(self, new: Requirement, wish: str, root: str) -> None:
        """Add one requirement."""
        place = self._find(root)
        self._check_dynamic(place, root)
        name = canonicalize_name(new.name)
        same: list[tuple[int, Requirement]] = []
        for index, item in enumerate(place.items):
            if isinstance(item, str):
                old = read_requirement(item, self.path, self._line(place, index))
                if canonicalize_name(old.name) == name:
                    same.append((index, old))
        lines = [self._line(place, index) for index, _ in same]
        index = find_replaced(new, same, self.path, lines)
        items = copy.deepcopy(place.items)
        if index >= 0:
            old = dict(same)[index]
            new = merge(old, new)
            if new == old:
                return
            written = write_requirement(new, f"{wish} {items[index]}", "'")
            items[index] = written
            text = self._replace(place, index, written)
        else:
            names = [name_of(item) if isinstance(item, str) else "" for item in items]
            index = choose_place(names, name)
            written = write_requirement(new, wish, "'")
            items.insert(index, written)
            text = self._insert(place, index, written)
        if read_requirement(written, self.path) != new:
            fail(self.path, f"'{wish}' cannot be written into it", "nothing was changed")
        self._accept(text, place.keys, items)

    def remove(self, name: str, root: str) -> list[str]:
        """Take out every requirement of a name."""
        removed: list[str] = []
        while True:
            place = self._find(root)
            found = [
                index
                for index, item in enumerate(place.items)
                if isinstance(item, str) and name and _own_name(item) == name
            ]
            if not found:
                return removed
            items = copy.deepcopy(place.items)
            removed.append(items.pop(found[0]))
            text = remove_item(self.text, self._brackets(place), found[0])
            self._accept(text, place.keys, items)

    def set_source(self, name: str, source: Mapping[str, Any] | None) -> None:
        """Say where uv has a distribution from, or take out what is said of it."""
        keys: Keys = (*_SOURCES, name)
        pairs = [p for path, p in list_pairs(self.sections) if self._is_alike(path, keys)]
        known: Any = self.data
        for key in _SOURCES:
            known = known.get(key, {}) if isinstance(known, dict) else known
        if not isinstance(known, dict):
            fail(self.path, f"[{'.'.join(_SOURCES)}] is no table")
        spelt = [key for key in known if name_of(key) == name_of(name)]
        if len(spelt) > 1 or len(spelt) != len(pairs):
            fail(
                self.path,
                f"what [{'.'.join(_SOURCES)}] says of {name} cannot be edited safely",
                f'write it on one line: {name} = {{ path = "..." }}',
            )
        if pairs:
            keys = (*_SOURCES, spelt[0])
        if source is None:
            if pairs:
                self._accept(remove_pair(self.text, self.sections, pairs[0]), keys, None)
            return
        written = write_value(source)
        if not pairs:
            text = create_pair(self.text, self.sections, keys, lambda inline, indent: written)
        elif known[spelt[0]] == source:
            return
        else:
            value = pairs[0].value
            text = self.text[: value.start] + written + self.text[value.end :]
        self._accept(text, keys, dict(source))

    def _accept(self, text: str, keys: Keys, value: Any) -> None:
        """Take a new text over when it says what is intended, and nothing else has changed.

        Args:
            text: the new one.
            keys: of the only value that is another.
            value: what it is now; None when it is gone, and with it tables that are empty.
        """
        wanted = copy.deepcopy(self.data)
        table = wanted
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[keys[-1]] = value
        try:
            found = [parse_toml(text), tomlkit.parse(text).unwrap()]
        except (TomlError, TOMLKitError, RecursionError):
            self._refuse(keys)
        data = copy.deepcopy(found[0])
        if value is None:
            for each in (wanted, *found):
                _prune(each, keys)
        if not all(_is_same(each, wanted) for each in found):
            self._refuse(keys)
        self.text, self.data = text, data
        self._locate()

    def _refuse(self, keys: Keys) -> NoReturn:
        fail(
            self.path,
            f"{'.'.join(keys)} is written in a way that cannot be edited safely",
            "nothing was changed; put each requirement on a line of its own",
        )

    # --- where things are

    def _find(self, root: str) -> _Place:
        kind, _, name = root.partition(":")
        if not root:
            keys: Keys = ("project", "dependencies")
        elif kind in ("extra", "group") and NAME.fullmatch(name):
            table = ("project", "optional-dependencies") if kind == "extra" else None
            keys = (*(table or ("dependency-groups",)), name)
        else:
            shown = {"extra": "an extra", "group": "a group"}.get(kind, "a place for requirements")
            fail(self.path, f"'{name or root}' cannot be the name of {shown}")
        if keys[0] == "project":
            self._check_project()
        pairs = [
            (found, pair)
            for found, pair in list_pairs(self.sections)
            if found == keys or (root and self._is_alike(found, keys))
        ]
        if len(pairs) > 1:
            lines = " and ".join(str(self._line_at(pair.start)) for _, pair in pairs)
            fail(
                self.path,
                f"{kind} {name} is there twice, in lines {lines}",
                "their names differ only in how they are spelt (PEP 503)",
            )
        if not pairs:
            self._check_tables(keys)
            return _Place(keys, None, [])
        keys, pair = pairs[0]
        value: Any = self.data
        for key in keys:
            value = value[key]
        if pair.value.items is None or not isinstance(value, list):
            fail(
                self.path,
                f"{'.'.join(keys)} is no list",
                'it is written as ["a", "b>=2"]',
                self._line_at(pair.value.start),
            )
        place = _Place(keys, pair, value)
        for index, item in enumerate(value):
            includes = isinstance(item, dict) and keys[0] == "dependency-groups"
            if not (isinstance(item, str) or includes):
                line = self._line(place, index)
                fail(self.path, f"an item of {'.'.join(keys)} is no requirement", (), line)
        return place

    @staticmethod
    def _is_alike(found: Keys, keys: Keys) -> bool:
        return found[:-1] == keys[:-1] and canonicalize_name(found[-1]) == canonicalize_name(
            keys[-1]
        )

    def _check_project(self) -> None:
        if not isinstance(self.data.get("project"), dict) or not find_tables(
            self.sections, ("project",)
        ):
            fail(
                self.path,
                "it has no table [project], so there is nothing that could depend on others",
                'it takes at least: [project], name = "..." and version = "..."; '
                "requirements of the tools alone can stand in a group",
            )

    def _check_tables(self, keys: Keys) -> None:
        """Complain when something above a list is no table."""
        value: Any = self.data
        for number, key in enumerate(keys[:-1], 1):
            value = value.get(key, {})
            if not isinstance(value, dict):
                start = [
                    pair.start for path, pair in list_pairs(self.sections) if path == keys[:number]
                ]
                start += [s.start for s in self.sections if s.path == keys[:number]]
                line = self._line_at(start[0]) if start else 0
                fail(self.path, f"[{'.'.join(keys[:number])}] is no table", (), line)

    def _check_dynamic(self, place: _Place, root: str) -> None:
        dynamic = self.data.get("project", {}).get("dynamic")
        key = "optional-dependencies" if root else "dependencies"
        if place.keys[0] == "project" and isinstance(dynamic, list) and key in dynamic:
            lines = [
                self._line_at(pair.start)
                for path, pair in list_pairs(self.sections)
                if path == ("project", "dynamic")
            ]
            fail(
                self.path,
                f"'{key}' is dynamic: the build backend tells it, and not this file",
                f"take '{key}' out of dynamic, or change it where the backend has it from",
                lines[0] if lines else 0,
            )

    def _line_at(self, offset: int) -> int:
        return line_of(self.text, offset)

    def _line(self, place: _Place, index: int) -> int:
        return self._line_at(self._values(place)[index].start)

    @staticmethod
    def _values(place: _Place) -> tuple[Value, ...]:
        return (place.pair.value.items or ()) if place.pair else ()

    def _brackets(self, place: _Place) -> Brackets:
        assert place.pair is not None
        value = place.pair.value
        spans = tuple((item.start, item.end) for item in self._values(place))
        return Brackets(value.start, value.end, spans)

    # --- one step

    def _replace(self, place: _Place, index: int, written: str) -> str:
        value = self._values(place)[index]
        quoted = _quote(written, self.text[value.start])
        return self.text[: value.start] + quoted + self.text[value.end :]

    def _insert(self, place: _Place, index: int, written: str) -> str:
        values = self._values(place)
        near = [self.text[value.start] for value in values if self.text[value.start] in "\"'"]
        quoted = _quote(written, near[min(index, len(near)) - 1] if near else '"')
        if place.pair is None:
            return create_pair(self.text, self.sections, place.keys, self._write_list(quoted))
        pair = place.pair
        # In an inline table everything stays in its line.
        inside = not any(pair in section.pairs for section in self.sections)
        brackets = self._brackets(place)
        return insert_item(
            self.text, brackets, index, quoted, find_step(self.sections, self.text), inside
        )

    def _write_list(self, item: str) -> Form:
        """Give how a list with one item is written."""

        def write(inline: bool, indent: str) -> str:
            newline, step = newline_of(self.text), find_step(self.sections, self.text)
            return f"[{item}]" if inline else f"[{newline}{indent}{step}{item},{newline}{indent}]"

        return write


def _prune(table: dict[str, Any], keys: Keys) -> None:
    """Take out a key without a value, and the tables above it that have nothing else in them."""
    inner = table.get(keys[0])
    if isinstance(inner, dict) and len(keys) > 1:
        _prune(inner, keys[1:])
    if inner is None or inner == {}:
        table.pop(keys[0], None)


def _own_name(item: str) -> str:
    """Give the name of a requirement, also of one that is faulty."""
    try:
        return str(canonicalize_name(Requirement(item).name))
    except (InvalidRequirement, RecursionError):
        return name_of(item)


def _quote(text: str, quote: str) -> str:
    """Write a text in quotes like those beside it."""
    literal = quote == "'" and "'" not in text
    return tomlkit.string(text, literal=literal).as_string()


def _is_same(one: Any, other: Any) -> bool:
    """Compare values; NaN is the same as NaN here."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other or (one != one and other != other))
