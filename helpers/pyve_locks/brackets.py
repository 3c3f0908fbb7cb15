"""Lists in brackets, as TOML and YAML write them, edited by position.

Each function changes one item of a list and leaves every other character where it is: comments,
line ends, indentation, and whether the last item has a comma behind it. What `insert_item` writes,
`remove_item` takes away again to the byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyve_locks.edit_common import indent_at, newline_of, starts_line

# What may stand behind an item in its line: a comma, a comment, the end of the line.
_TAIL = re.compile(r"[ \t]*(,)?[ \t]*(?:#[^\n]*)?\r?\n")
_HEAD = re.compile(r"[ \t]*(?:#[^\n]*)?\r?\n")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True)
class Brackets:
    """A list in a text.

    Attributes:
        start, end: the offsets of ``[`` and behind ``]``.
        items: the offsets of each item, without what stands around it.
    """

    start: int
    end: int
    items: tuple[tuple[int, int], ...]


def insert_item(
    text: str, found: Brackets, place: int, item: str, step: str = "    ", one_line: bool = False
) -> str:
    """Put an item into a list.

    Args:
        text: the whole file.
        found: the list.
        place: the place that it will have, 0 to the number of items.
        item: how it is written.
        step: how far items are indented, where no other item shows it.
        one_line: whether a list without any item stays in its line.

    Returns:
        The new text.
    """
    if not found.items:
        return _fill(text, found, item, step, one_line)
    newline = newline_of(text)
    indent = _find_indent(text, found, place, step)
    if place == 0:
        start = found.items[0][0]
        head = _HEAD.match(text, found.start + 1)
        if head:
            return f"{text[: head.end()]}{indent}{item},{newline}{text[head.end() :]}"
        return text[:start] + item + _find_separator(text, found, 0) + text[start:]
    start, end = found.items[place - 1]
    last = place == len(found.items)
    tail = _TAIL.match(text, end)
    comma = _find_comma(text, found, place - 1)
    separator = _find_separator(text, found, place - 2 if last else place - 1)
    leads = "\n" in separator.partition(",")[0]
    if tail and tail.group(1):
        return f"{text[: tail.end()]}{indent}{item},{newline}{text[tail.end() :]}"
    if tail and last and comma < 0 and not leads:
        behind = text[end : tail.end()]
        return f"{text[:end]},{behind}{indent}{item}{newline}{text[tail.end() :]}"
    return text[:end] + separator + item + text[end:]


def remove_item(text: str, found: Brackets, place: int) -> str:
    """Take an item out of a list, with the comment behind it in its line.

    Args:
        text: the whole file.
        found: the list.
        place: that of the item, from 0.

    Returns:
        The new text.
    """
    start, end = found.items[place]
    comma = _find_comma(text, found, place)
    tail = _TAIL.match(text, end)
    last = place == len(found.items) - 1
    # With the comma in front, an item goes together with the line that its comma is in.
    leads = bool(place) and "\n" in _find_separator(text, found, place - 1).partition(",")[0]
    if starts_line(text, start) and tail and (tail.group(1) or (comma < 0 and not leads)):
        line = text.rfind("\n", 0, start) + 1
        before, behind = text[:line], text[tail.end() :]
        if comma < 0 and place:
            other = _find_comma(text, found, place - 1)
            before = text[:other] + text[other + 1 : line]
        left = text[found.start + 1 : line] + text[tail.end() : found.end - 1]
        if len(found.items) == 1 and comma >= 0 and re.fullmatch(r"[ \t]*\r?\n[ \t]*", left):
            return f"{text[: found.start]}[]{text[found.end :]}"
        return before + behind
    if not last and _is_clean(text, found, place) and (not place or starts_line(text, start)):
        return text[:start] + text[found.items[place + 1][0] :]
    if place and _is_clean(text, found, place - 1):
        return text[: found.items[place - 1][1]] + text[end:]
    if place:
        other = _find_comma(text, found, place - 1)
        before = text[:other] + text[other + 1 : start].rstrip(" \t")
        return before + text[end:]
    behind = text[end : comma if comma >= 0 else end] + text[comma + 1 if comma >= 0 else end :]
    before = text[:start]
    if last and not text[found.start + 1 : start].strip(" \t"):
        behind = behind.lstrip(" \t") if behind.lstrip(" \t").startswith("]") else behind
    return before + (behind if last else behind.lstrip(" \t"))


def _fill(text: str, found: Brackets, item: str, step: str, one_line: bool) -> str:
    newline = newline_of(text)
    inner = text[found.start + 1 : found.end - 1]
    base = indent_at(text, found.start)
    if "\n" in inner:
        line = found.start + 2 + inner.rfind("\n")
        comments = [match.start() for match in _COMMENT.finditer(inner)]
        indent, comma = base + step, ""
        if comments:
            comma = ","
            place = found.start + 1 + comments[-1]
            indent = indent_at(text, place) if starts_line(text, place) else indent
        return f"{text[:line]}{indent}{item}{comma}{newline}{text[line:]}"
    if one_line or inner:
        written = f"[{inner}{item}{inner}]"
    else:
        written = f"[{newline}{base}{step}{item},{newline}{base}]"
    return text[: found.start] + written + text[found.end :]


def _find_indent(text: str, found: Brackets, place: int, step: str) -> str:
    """Give the indentation of a new line: that of a neighbour which has a line of its own."""
    order = [place, place - 1, *range(len(found.items))]
    for other in order:
        if 0 <= other < len(found.items) and starts_line(text, found.items[other][0]):
            return indent_at(text, found.items[other][0])
    return indent_at(text, found.start) + step


def _gap(text: str, found: Brackets, place: int) -> tuple[int, int]:
    """Give the offsets of what stands behind an item, up to the next one or the bracket."""
    behind = found.items[place + 1][0] if place + 1 < len(found.items) else found.end - 1
    return found.items[place][1], behind


def _find_comma(text: str, found: Brackets, place: int) -> int:
    """Give the offset of the comma behind an item; -1 when it has none."""
    start, end = _gap(text, found, place)
    # Comments may have commas in them.
    bare = _COMMENT.sub(lambda match: " " * len(match.group()), text[start:end])
    return start + bare.index(",") if "," in bare else -1


def _is_clean(text: str, found: Brackets, place: int) -> bool:
    """Tell whether there is no comment between an item and the next."""
    start, end = _gap(text, found, place)
    return "#" not in text[start:end]


def _find_separator(text: str, found: Brackets, place: int) -> str:
    """Give what separates an item from the next, to be written once more."""
    if 0 <= place < len(found.items) - 1 and _is_clean(text, found, place):
        start, end = _gap(text, found, place)
        return text[start:end]
    return ", "
