"""Requirements files in pip's format: lines in and out, and all others stay as they are.

What a line says is what pip's reference manual ("Requirements File Format") makes of it: lines that
end in a backslash go on, a comment begins at ``#`` with a blank before it, options stand behind a
requirement.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pyve_locks.edit_common import (
    check_wish,
    choose_place,
    fail,
    find_replaced,
    merge,
    name_of,
    newline_of,
    read_requirement,
    write_requirement,
)
from pyve_locks.requirement import ARCHIVES
from pyve_locks.requirements_file import list_lines, split_options

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "requirements.txt"
_COMMENT = re.compile(r"(^|\s+)#.*$", re.DOTALL)
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=|(?=[./]))(.*)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_WITH_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\]\s*)?@")
_EGG = re.compile(r"[#&]egg=([^&\[\s]+)")
_HASHES = re.compile(r"(--hash[= ][a-z0-9]+:[0-9a-fA-F]+\s*)+")
_CODING = re.compile(r"#.*?coding[:=]")


@dataclass(frozen=True)
class Line:
    """A requirement, as it stands in a file or is to be added.

    Attributes:
        text: all of it, with its options, without a comment.
        target: the part before the options; of an editable one with its ``-e``.
        name: normalised; "" when only a build would tell it.
        requirement: None for a path, a URL without a name, and what is editable.
    """

    text: str
    target: str
    name: str
    requirement: Requirement | None

    @property
    def has_hashes(self) -> bool:
        """Whether artifacts have to have one of some hashes."""
        return "--hash" in self.text[len(self.target) :]


@dataclass(frozen=True)
class _Entry:
    """A line of a file, continued ones as one.

    Attributes:
        number: of its first line, from 1.
        start, end: its offsets, with the end of its last line.
        target, whole: the offsets of the requirement, without and with its options.
        line: None for options and for what is empty or a comment.
        open: whether it ends in a backslash, and the file with it.
        raw: its characters.
        text: what it says.
    """

    number: int
    start: int
    end: int
    target: tuple[int, int]
    whole: tuple[int, int]
    line: Line | None
    open: bool
    raw: str
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether nothing but a comment stands there."""
        return not self.text and bool(self.raw.strip())


def add(text: str, wishes: Sequence[str], root: str, path: str = FILE) -> str:
    """Add lines, or change those of the same name.

    Args:
        text: of the file.
        wishes: requirements (PEP 508; hashes may stand behind), paths, URLs, ``-e`` with either.
        root: "" only; these files have neither extras nor groups.
        path: how the user names the file.

    Returns:
        The new text.

    Raises:
        HelperError: E_MANIFEST.
    """
    _check_root(root, path)
    for wish in wishes:
        text = _add_one(text, read_wish(check_wish(wish, path), path), path)
    return text


def remove(text: str, names: Sequence[str], root: str, path: str = FILE) -> tuple[str, list[str]]:
    """Take out all lines of some names.

    Args:
        text, root, path: as for `add`.
        names: spelt in any way; for what has no name, the path or URL as it stands in the file.

    Returns:
        The new text, and what was taken out, as it was written, without comments.

    Raises:
        HelperError: E_MANIFEST.
    """
    _check_root(root, path)
    removed: list[str] = []
    for wanted in names:
        name = name_of(wanted) if not is_place(wanted) else ""
        while True:
            entries = _read_entries(text, path, strict=False)
            lines = [(index, entry.line) for index, entry in enumerate(entries) if entry.line]
            found = [
                index
                for index, line in lines
                if (line.name == name if name else is_same_place(line.target, wanted))
            ]
            if not found:
                break
            removed.append(entries[found[0]].text)
            text = _cut(text, entries, found[0], path)
    return text, removed


def _check_root(root: str, path: str) -> None:
    if root:
        kind, _, name = root.partition(":")
        fail(
            path,
            f"a requirements file has no {kind} {name}",
            "extras and groups are in a pyproject.toml",
        )


def unmark(target: str) -> str:
    """Give what stands behind ``-e``."""
    editable = _EDITABLE.match(target)
    return editable.group(1).strip() if editable else target


def is_same_place(one: str, other: str) -> bool:
    """Tell whether two paths or URLs are the same, however lines write them, editable or not."""
    return _bare_place(one) == _bare_place(other)


def _bare_place(target: str) -> str:
    bare = unmark(target.strip())
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        bare = bare[1:-1]
    return bare if _SCHEME.match(bare) else posixpath.normpath(bare)


def is_place(text: str) -> bool:
    """Tell whether something is a path or a URL, and no requirement with a name."""
    if _WITH_URL.match(text) and not _SCHEME.match(text):
        return False
    bare = re.split(r"\s;|;\s", text, maxsplit=1)[0].strip()
    bare = re.sub(r"\s*\[[^\]]*\]$", "", bare)
    return bool(
        _SCHEME.match(bare)
        or bare.startswith((".", "/", "~"))
        or ("/" in bare and not re.search(r"[<>=!~]", bare))
        or bare.lower().endswith(ARCHIVES)
    )


def _name_place(text: str) -> str:
    """Give the normalised name of what a path or URL leads to; "" when it does not tell."""
    egg = _EGG.search(text)
    if egg:
        return name_of(unquote(egg.group(1)))
    bare = re.split(r"\s;|;\s", text, maxsplit=1)[0].strip()
    try:
        file = unquote(urlsplit(bare).path).rpartition("/")[2]
        if file.endswith(".whl"):
            return str(parse_wheel_filename(file)[0])
        return str(parse_sdist_filename(file)[0])
    except ValueError:  # neither, or not even a URL
        return ""


def read_line(text: str, path: str, number: int, strict: bool = True) -> Line | None:
    """Read what a line says; None for options. Faulty ones are let through when not strict."""
    editable = _EDITABLE.match(text)
    if editable:
        inner = editable.group(1)
        named = _WITH_URL.match(inner)
        name = name_of(inner) if named and not _SCHEME.match(inner) else _name_place(inner)
        return Line(text, text, name, None)
    target, _ = split_options(text)
    if not target:
        return None
    if is_place(target):
        return Line(text, target, _name_place(target), None)
    if "${" in target or not strict:
        try:
            requirement = Requirement(target)
        except (InvalidRequirement, RecursionError):
            return Line(text, target, name_of(target), None)
    else:
        requirement = read_requirement(target, path, number)
    return Line(text, target, canonicalize_name(requirement.name), requirement)


def read_wish(wish: str, path: str) -> Line:
    """Read what is to be added.

    Raises:
        HelperError: E_MANIFEST: it is no requirement, or has options other than hashes.
    """
    line = read_line(wish, path, 0)
    if line is None or wish.endswith("\\"):
        fail(path, f"'{wish}' is no requirement", "options are written into the file by hand")
    options = wish[len(line.target) :].strip()
    if options and not (_HASHES.fullmatch(options) and line.requirement):
        fail(path, f"'{options}' cannot stand behind a requirement here", "--hash=sha256:... can")
    if _COMMENT.search(wish):
        fail(path, f"'{wish}' has a comment in it", "a requirement is added without one")
    return line


# --- lines of a file


def _read_entries(text: str, path: str, strict: bool = True) -> list[_Entry]:
    """Take a file apart; its lines are joined as pip does it."""
    entries: list[_Entry] = []
    lines = text.splitlines(keepends=True)
    at = 0
    number = 0
    while number < len(lines):
        first, start = number, at
        joined = ""
        places: list[int] = []
        goes_on = True
        while goes_on and number < len(lines):
            raw = lines[number]
            bare = raw.splitlines()[0]
            is_comment = bool(re.match(r"(^|\s+)#", bare))
            goes_on = bare.endswith("\\") and not is_comment
            part = bare.strip("\\") if goes_on else bare
            shift = at + (len(bare) - len(bare.lstrip("\\")) if goes_on else 0)
            if is_comment:
                joined, places = joined + " ", [*places, at]
            joined += part
            places += range(shift, shift + len(part))
            at += len(raw)
            number += 1
        content = _COMMENT.sub("", joined)
        said = content.strip()
        line = read_line(said, path, first + 1, strict) if said else None
        begin = len(content) - len(content.lstrip())

        def locate(length: int, begin: int = begin, places: list[int] = places) -> tuple[int, int]:
            return (places[begin], places[begin + length - 1] + 1) if length else (0, 0)

        entries.append(
            _Entry(
                number=first + 1,
                start=start,
                end=at,
                target=locate(len(line.target) if line else 0),
                whole=locate(len(said) if line else 0),
                line=line,
                open=goes_on,
                raw=text[start:at],
                text=said,
            )
        )
    return entries


def _indent(entry: _Entry) -> int:
    return len(entry.raw) - len(entry.raw.lstrip(" \t"))


def _find_end(entries: list[_Entry], index: int, least: int = 0) -> int:
    """Find what stands below an entry: indented comments, as pip-compile writes them.

    Args:
        entries: of the file.
        index: the place of the entry.
        least: how many blanks comments have before them at least, to be counted.

    Returns:
        The place of the first entry behind them.
    """
    behind = index + 1
    while behind < len(entries) and entries[behind].is_comment and _indent(entries[behind]) > least:
        behind += 1
    return behind


def _add_one(text: str, wish: Line, path: str) -> str:
    entries = _read_entries(text, path)
    same = [
        (index, entry, entry.line)
        for index, entry in enumerate(entries)
        if entry.line
        and (
            entry.line.name == wish.name
            if wish.name
            else not entry.line.requirement and is_same_place(entry.line.target, wish.target)
        )
    ]
    if any(line.text.split() == wish.text.split() for _, _, line in same):
        return text
    is_editable = bool(_EDITABLE.match(wish.target))
    if not wish.name and any(bool(_EDITABLE.match(o.target)) == is_editable for _, _, o in same):
        return text
    numbers = [entry.number for _, entry, _ in same]
    known = [(index, line.requirement) for index, _, line in same if line.requirement]
    if wish.requirement and len(known) == len(same):
        index = find_replaced(wish.requirement, known, path, numbers)
        if index >= 0:
            return _change(text, entries, index, wish, path)
    elif len(same) > 1:
        fail(
            path,
            f"{wish.name or wish.target} is here more than once "
            f"(lines {', '.join(map(str, numbers))}), and it is not clear which is meant",
            "remove the name first",
        )
    elif same:
        return _change(text, entries, same[0][0], wish, path)
    return _insert(text, entries, wish, path)


def _change(text: str, entries: list[_Entry], index: int, wish: Line, path: str) -> str:
    """Put a requirement in the place of another; its comment stays."""
    entry = entries[index]
    old = entry.line
    assert old is not None
    written = wish.target
    options = wish.text[len(wish.target) :].strip()
    if old.requirement and wish.requirement:
        new = merge(old.requirement, wish.requirement)
        written = write_requirement(new, f"{wish.target} {old.target}")
        _check_written(written, new, wish, path)
        if new == old.requirement:
            if not options or options.split() == old.text[len(old.target) :].split():
                return text
            written = old.target
    if options:
        start, end = entry.whole
        written += f" {options}"
        said = written
    else:
        if old.has_hashes:
            fail(
                path,
                f"{old.name} has hashes, and they fit no other version",
                "add it with its hashes, or remove it first",
                entry.number,
            )
        start, end = entry.target
        said = written + old.text[len(old.target) :]
    wanted = [said if place == index else other.text for place, other in enumerate(entries)]
    return _check(text[:start] + written + text[end:], wanted, path)


def _insert(text: str, entries: list[_Entry], wish: Line, path: str) -> str:
    """Write a new line."""
    newline = newline_of(text)
    written = wish.text
    if wish.requirement:
        written = write_requirement(wish.requirement, wish.target)
        _check_written(written, wish.requirement, wish, path)
        hashes = re.findall(r"--hash[= ](\S+)", wish.text[len(wish.target) :])
        written += "".join(f" \\{newline}    --hash={value}" for value in hashes)
    known = [index for index, entry in enumerate(entries) if entry.line]
    names = [_sort_name(entries[index]) for index in known]
    place = choose_place(names, wish.name if wish.requirement else "")
    if not known:
        index = len(entries)
    elif place:
        index = _find_end(entries, known[place - 1])
    else:
        index = _find_front(entries, known[0])
    before = entries[index - 1] if index else None
    if before and before.open:
        fail(path, "it ends in a backslash, and nothing follows", (), before.number)
    offset = before.end if before else 0
    # Where the last line has no end, it has none afterwards, either.
    at_end = before is not None and not _has_end(before.raw)
    lines = newline + written if at_end else written + newline
    said = [line for _, line in list_lines(written)]
    wanted = [entry.text for entry in entries]
    wanted[index:index] = said
    return _check(text[:offset] + lines + text[offset:], wanted, path)


def _has_end(raw: str) -> bool:
    """Tell whether the last line of a text has an end."""
    return raw.splitlines()[-1] != raw.splitlines(keepends=True)[-1]


def _sort_name(entry: _Entry) -> str:
    """Give the name that an entry is in alphabetical order by; "" for paths and the like."""
    return entry.line.name if entry.line and entry.line.requirement else ""


def _find_front(entries: list[_Entry], first: int) -> int:
    """Find the place before an entry and the comments above it, but not before all else."""
    index = first
    while index and entries[index - 1].is_comment:
        index -= 1
    # What is indented would seem to belong to the new line.
    while index < first and _indent(entries[index]):
        index += 1
    moves_coding = any(
        _CODING.match(entry.raw) and entry.number <= 2 for entry in entries[index:first]
    )
    return first if index == 0 or moves_coding else index


def _cut(text: str, entries: list[_Entry], index: int, path: str) -> str:
    behind = _find_end(entries, index, _indent(entries[index]))
    start, end = entries[index].start, entries[behind - 1].end
    before = text[:start]
    if end == len(text) and not _has_end(text):
        before = re.sub(r"(\r\n|\n|\r)$", "", before)
    wanted = [entry.text for place, entry in enumerate(entries) if place != index]
    return _check(before + text[end:], wanted, path)


def _check_written(written: str, new: Requirement, wish: Line, path: str) -> None:
    if read_requirement(written, path) != new:
        fail(path, f"'{wish.target}' cannot be written into it", "nothing was changed")


def _check(text: str, wanted: list[str], path: str) -> str:
    """Give a new text when pip makes of it what is intended."""
    if [line for _, line in list_lines(text)] != [line for line in wanted if line]:
        fail(
            path,
            "it is written in a way that cannot be edited safely",
            "nothing was changed; put each requirement on a line of its own",
        )
    return text
