"""Keys in and out of the tables of a TOML text, by position."""

from __future__ import annotations

import re
from collections.abc import Callable

import tomlkit

from pyve_locks.brackets import Brackets, remove_item
from pyve_locks.edit_common import indent_at, newline_of, starts_line
from pyve_locks.toml_positions import Keys, Pair, Section, list_pairs

# Writes a value: whether it stands in an inline table, and how far its line is indented.
Form = Callable[[bool, str], str]

_STEP = "    "
_LINE_END = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)")


def find_step(sections: list[Section], text: str) -> str:
    """Give how far the items of the first list with a line each are indented; else four blanks."""
    for _, pair in list_pairs(sections):
        for value in pair.value.items or ():
            step = indent_at(text, value.start)
            if step and starts_line(text, value.start):
                return step
    return _STEP


def find_tables(sections: list[Section], keys: Keys) -> list[Section | Pair]:
    """Give what a table is made of: its header, or else keys with dots, or an inline table."""
    headers = [section for section in sections if section.path == keys and not section.is_list]
    if headers:
        return [*headers]
    found: list[Section | Pair] = []
    for section in sections:
        for pair in [] if section.is_list else section.pairs:
            path = section.path + pair.keys
            dotted = len(path) > len(keys) > len(section.path) and path[: len(keys)] == keys
            if dotted or (path == keys and pair.value.pairs is not None):
                found.append(pair)
    return found


def create_pair(text: str, sections: list[Section], keys: Keys, write: Form) -> str:
    """Write a key that is not there yet, in the way in which its table is written.

    Args:
        text: the whole file.
        sections: what `read_sections` found in it.
        keys: all parts of the key.
        write: gives the value.

    Returns:
        The new text.
    """
    table, name = keys[:-1], tomlkit.key(keys[-1]).as_string()
    while table:
        inline = _find_inline(sections, table)
        if inline:
            return _create_inline(text, inline, name, write)
        parts = find_tables(sections, table)
        if parts and (table == keys[:-1] or isinstance(parts[-1], Pair)):
            return _create_below(text, sections, parts[-1], table, name, write)
        if parts:
            break
        # Where a table above it is written with dots, or inline, so is its own.
        table, name = table[:-1], f"{tomlkit.key(table[-1]).as_string()}.{name}"
    return _create_table(text, sections, keys, write)


def remove_pair(text: str, sections: list[Section], pair: Pair) -> str:
    """Take a key out, with its line; a header below which nothing is left goes with it.

    Args:
        text: the whole file.
        sections: what `read_sections` found in it.
        pair: one of its keys.

    Returns:
        The new text.
    """
    for section in sections:
        if pair in section.pairs:
            start = text.rfind("\n", 0, pair.start) + 1
            end = _find_line_end(text, pair.value.end)
            head_end = _find_line_end(text, section.end)
            if section.path and len(section.pairs) == 1 and head_end == start:
                start = text.rfind("\n", 0, section.start) + 1
                # With the empty line that was written before it.
                start -= len(_match(r"(?<=\n)\r?\n$", text[:start]))
            before, behind = text[:start], text[end:]
            if not behind and not text.endswith("\n"):
                before = before[: len(before) - len(_match(r"\r?\n$", before))]
            return before + behind
    for _, table in list_pairs(sections):
        pairs = table.value.pairs or ()
        if pair in pairs:
            spans = tuple((inner.start, inner.value.end) for inner in pairs)
            brackets = Brackets(table.value.start, table.value.end, spans)
            return remove_item(text, brackets, pairs.index(pair))
    return text


def _match(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group() if match else ""


def _find_inline(sections: list[Section], keys: Keys) -> Pair | None:
    for path, pair in list_pairs(sections):
        if path == keys and pair.value.pairs is not None:
            return pair
    return None


def _create_inline(text: str, table: Pair, name: str, write: Form) -> str:
    pairs = table.value.pairs or ()
    written = f"{name} = {write(True, '')}"
    if pairs:
        end = pairs[-1].value.end
        return f"{text[:end]}, {written}{text[end:]}"
    return f"{text[: table.value.start]}{{ {written} }}{text[table.value.end :]}"


def _create_below(
    text: str, sections: list[Section], last: Section | Pair, table: Keys, name: str, write: Form
) -> str:
    """Write a key behind the last one of its table."""
    indent, equals = "", " = "
    pairs = [last] if isinstance(last, Pair) else last.pairs
    for pair in pairs[-1:]:
        indent = indent_at(text, pair.start)
        equals = "=" if text[pair.ends[-1] : pair.value.start] == "=" else equals
    if isinstance(last, Pair):
        section = next(section for section in sections if last in section.pairs)
        # The dots before the name, as they are written in the line above.
        count = len(table) - len(section.path)
        name = f"{text[last.start : last.ends[count - 1]]}.{name}"
        end = last.value.end
    else:
        end = last.last
    return _put_behind(text, end, f"{indent}{name}{equals}{write(False, indent)}")


def _create_table(text: str, sections: list[Section], keys: Keys, write: Form) -> str:
    """Write a table behind those that it belongs to, or at the end."""
    newline = newline_of(text)
    *table, name = (tomlkit.key(key).as_string() for key in keys)
    lines = f"[{'.'.join(table)}]{newline}{name} = {write(False, '')}"
    last = _find_neighbour(sections, keys[:-1])
    if last.last:
        return _put_behind(text, last.last, newline + lines)
    # Nothing but comments, perhaps.
    blank = newline if text.strip() and not text.endswith(newline * 2) else ""
    return _put_behind(text, len(text), blank + lines)


def _find_neighbour(sections: list[Section], table: Keys) -> Section:
    """Give the last section of the same kind: of the same tool, or of the project."""
    for length in range(len(table) - 1, 0, -1):
        own = [section for section in sections if section.path[:length] == table[:length]]
        if own and table[:length] != ("tool",):
            return own[-1]
    own = [section for section in sections if section.path[:1] == ("project",)]
    return own[-1] if own and table[0] != "tool" else sections[-1]


def _find_line_end(text: str, end: int) -> int:
    match = _LINE_END.match(text, end)
    return match.end() if match else end


def _put_behind(text: str, end: int, lines: str) -> str:
    """Write lines behind the line that a place is in."""
    newline = newline_of(text)
    end = _find_line_end(text, end)
    before, behind = text[:end], text[end:]
    if before and not before.endswith("\n"):
        return before + newline + lines
    return before + lines + newline + behind
