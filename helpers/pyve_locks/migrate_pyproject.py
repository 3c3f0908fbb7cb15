"""A pyproject.toml that says what another tool's files said: made, or edited in place.

What is there stays to the byte; [project] (PEP 621), [dependency-groups] (PEP 735) and [tool.uv]
are put in. The text that comes out was read again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed

from pyve_core import HelperError
from pyve_core.fixes import move_away
from pyve_locks.brackets import Brackets, remove_item
from pyve_locks.edit import add_requirements, remove_requirements, set_source
from pyve_locks.edit_common import newline_of
from pyve_locks.requirement import normalize_specifier
from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.toml_positions import list_pairs, read_sections
from pyve_locks.toml_tables import create_pair, remove_pair
from pyve_locks.toml_text import write_key, write_table, write_value

if TYPE_CHECKING:
    from pyve_locks.migrate_model import Found

__all__ = ["FILE", "write_pyproject"]

FILE = "pyproject.toml"
_TABLES = ("urls", "scripts", "gui-scripts")
_SOURCES = ("tool", "uv", "sources")


def write_pyproject(text: str, found: Found, project: bool = True) -> str:
    """Write what was found into a pyproject.toml.

    Args:
        text: of the file; "" when it is not there.
        found: it.
        project: whether [project] is to be there.

    Returns:
        The new text; the same when all of it is there.

    Raises:
        HelperError: E_MIGRATE_TARGET: the file says something else already. E_MANIFEST.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text[len(mark) :]
    newline = newline_of(text)
    data = _parse(text)
    if not project:
        pass
    elif "project" in data:
        text = _complete(text, data, found)
    else:
        text = _insert(text, _write_project(found), newline)
    for root, pairs in found.moved.items():
        for name, new in pairs:
            text, _ = remove_requirements(text, "pyproject", [name], root)
            text = add_requirements(text, "pyproject", [new], root)
    text = _write_groups(text, data, found)
    for path, table in found.tables.items():
        text = _write_table(text, path, table, found)
    text = _write_uv(text, found)
    _parse(text)
    return mark + text


def _parse(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except TomlError as error:
        message = f"{FILE}, line {error.line}: it cannot be edited"
        raise HelperError("E_MANIFEST", message, str(error)) from error


def _differs(what: str, why: str, found: Found) -> HelperError:
    return HelperError(
        "E_MIGRATE_TARGET",
        f"{FILE} says {what} already, and not what {found.files[0]} says",
        [why, "one of both has to go; nothing was changed"],
        move_away(found.root / FILE),
    )


# --- [project]


def _write_project(found: Found) -> list[str]:
    """Write [project] with its tables."""
    project = dict(found.project)
    tables = {key: project.pop(key) for key in _TABLES if key in project}
    points = project.pop("entry-points", {})
    rest = {key: project.pop(key) for key in list(project) if key not in ("name", "version")}
    readable = ("description", "readme", "license", "authors", "maintainers")
    ordered = {**project, **{key: rest.pop(key) for key in readable if key in rest}, **rest}
    if found.requires_python:
        ordered["requires-python"] = found.requires_python
    if found.dynamic:
        ordered["dynamic"] = sorted(set(found.dynamic))
    lines = ["[project]", *write_table(ordered)]
    if "" in found.roots:
        lines += _write_list("dependencies", found.roots[""])
    extras = {key[6:]: texts for key, texts in found.roots.items() if key.startswith("extra:")}
    if extras:
        lines += ["", "[project.optional-dependencies]"]
        for name, texts in extras.items():
            lines += _write_list(name, texts)
    for key, table in tables.items():
        lines += ["", f"[project.{key}]", *write_table(table)]
    for group, table in points.items():
        lines += ["", f"[project.entry-points.{write_key(group)}]", *write_table(table)]
    return lines


def _write_list(name: str, texts: list[str]) -> list[str]:
    """Write a list of requirements, one a line."""
    if not texts:
        return [f"{write_key(name)} = []"]
    items = (f"    {write_value(text)}," for text in texts)
    return [f"{write_key(name)} = [", *items, "]"]


def _insert(text: str, lines: list[str], newline: str) -> str:
    """Put tables before the first one of a tool, with the comment above that; else at the end."""
    block = newline.join([*lines, ""])
    for section in read_sections(text):
        if section.path[:1] != ("tool",):
            continue
        start = text.rfind("\n", 0, section.start) + 1
        while start:
            above = text.rfind("\n", 0, start - 1) + 1
            if not text[above:start].lstrip().startswith("#"):
                break
            start = above
        return text[:start] + block + newline + text[start:]
    if text and not text.endswith("\n"):
        text += newline
    blank = newline if text.strip() else ""
    return text + blank + block


def _complete(text: str, data: dict[str, Any], found: Found) -> str:
    """Put into [project] what it does not say."""
    project = data["project"]
    dynamic = project.get("dynamic", [])
    for root, texts in found.roots.items():
        kind, _, name = root.partition(":")
        if kind == "group":
            continue
        there = project.get("dependencies")
        if kind == "extra":
            there = project.get("optional-dependencies", {}).get(name)
        if there is not None:
            if not _is_same(there, texts):
                what = f"the extra {name}" if kind else "what the project depends on"
                raise _differs(what, _compare(there, texts), found)
            continue
        field = "optional-dependencies" if kind else "dependencies"
        if field in dynamic:
            text = _make_static(text, field)
        if not texts and kind:
            text = _create(text, ("project", "optional-dependencies", name), [])
        elif texts:
            text = add_requirements(text, "pyproject", texts, root)
    if found.requires_python:
        said = project.get("requires-python")
        if said is None and "requires-python" not in dynamic:
            text = _create(text, ("project", "requires-python"), found.requires_python)
        elif said is not None and normalize_specifier(str(said)) != normalize_specifier(
            found.requires_python
        ):
            found.note(f"requires-python stays {said}, not {found.requires_python}", FILE)
    return text


def _create(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Write a key that is not there yet."""
    written = write_value(value)
    return create_pair(text, read_sections(text), keys, lambda inline, indent: written)


def _is_same(there: Any, texts: list[str]) -> bool:
    return _canonical(there) == _canonical(texts)


def _canonical(texts: Any) -> set[str]:
    found = set()
    for text in texts if isinstance(texts, list) else []:
        try:
            found.add(str(Parsed(str(text))).lower().replace("_", "-"))
        except (InvalidRequirement, RecursionError):
            found.add(str(text))
    return found


def _compare(there: Any, texts: list[str]) -> str:
    old, new = _canonical(there), _canonical(texts)
    only = ", ".join(sorted(new - old)) or "nothing"
    more = ", ".join(sorted(old - new)) or "nothing"
    return f"it lacks {only}, and has {more} beside"


def _make_static(text: str, field: str) -> str:
    """Take a field out of ``dynamic`` of [project]."""
    sections = read_sections(text)
    for path, pair in list_pairs(sections):
        if path != ("project", "dynamic"):
            continue
        values = pair.value.items or ()
        names = [parse_toml(f"x = {text[one.start : one.end]}")["x"] for one in values]
        if names == [field]:
            return remove_pair(text, sections, pair)
        spans = tuple((one.start, one.end) for one in values)
        return remove_item(
            text, Brackets(pair.value.start, pair.value.end, spans), names.index(field)
        )
    return text


# --- groups and tables


def _write_groups(text: str, data: dict[str, Any], found: Found) -> str:
    groups = {key[6:]: texts for key, texts in found.roots.items() if key.startswith("group:")}
    known = data.get("dependency-groups", {})
    new = {name: texts for name, texts in groups.items() if name not in known}
    for name, texts in groups.items():
        if name in new:
            continue
        there = [one for one in known[name] if isinstance(one, str)]
        if not found.in_place and not _is_same(there, texts):
            raise _differs(f"the group {name}", _compare(there, texts), found)
        lacking = [one for one in texts if not _canonical([one]) & _canonical(there)]
        if lacking:
            text = add_requirements(text, "pyproject", lacking, f"group:{name}")
    if not known and new:
        lines = ["[dependency-groups]"]
        for name, texts in new.items():
            lines += _write_list(name, texts)
        newline = newline_of(text)
        return _insert(text, lines, newline)
    for name, texts in new.items():
        if texts:
            text = add_requirements(text, "pyproject", texts, f"group:{name}")
        else:
            text = _create(text, ("dependency-groups", name), [])
    return text


def _write_table(text: str, path: tuple[str, ...], table: dict[str, Any], found: Found) -> str:
    """Write a table; what is there stays, and keys that it lacks are added."""
    there: Any = _parse(text)
    for key in path:
        there = there.get(key, {}) if isinstance(there, dict) else {}
    if there and path == ("build-system",):
        return text
    for key, value in table.items():
        if isinstance(there, dict) and key in there:
            if there[key] != value:
                said = f"{'.'.join(path)}.{key} stays {there[key]}, not {value}"
                found.note(said, FILE)
            continue
        text = _create(text, (*path, key), value)
    return text


def _write_uv(text: str, found: Found) -> str:
    if found.uv:
        text = _write_table(text, ("tool", "uv"), found.uv, found)
    for name, source in found.sources.items():
        text = _write_source(text, name, source, found)
    for index in found.indexes:
        text = _write_index(text, index, found)
    return text


def _write_source(text: str, name: str, source: Any, found: Found) -> str:
    there = _parse(text).get("tool", {}).get("uv", {}).get("sources", {})
    if name in there:
        if there[name] != source:
            found.note(f"[tool.uv.sources] says where {name} comes from already", FILE)
        return text
    if isinstance(source, dict):
        return set_source(text, name, source)
    return _create(text, (*_SOURCES, name), source)


def _write_index(text: str, index: dict[str, Any], found: Found) -> str:
    known = _parse(text).get("tool", {}).get("uv", {}).get("index", [])
    if index in known:
        return text
    if any(one.get("name") == index["name"] for one in known if isinstance(one, dict)):
        found.note(f"[[tool.uv.index]] says which index {index['name']} is already", FILE)
        return text
    sections = read_sections(text)
    inline = [pair for path, pair in list_pairs(sections) if path == ("tool", "uv", "index")]
    if inline:
        end = inline[0].value.end - 1
        comma = ", " if inline[0].value.items else ""
        behind = re.sub(r",\s*$", "", text[:end])
        return f"{behind}{comma}{write_value(index)}{text[end:]}"
    newline = newline_of(text)
    lines = ["[[tool.uv.index]]", *write_table(index), ""]
    block = newline.join(lines)
    if text and not text.endswith("\n"):
        text += newline
    return f"{text}{newline if text.strip() else ''}{block}"
