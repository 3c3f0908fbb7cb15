"""Where in a text the keys, tables and lists of TOML stand, to the character.

tomlkit keeps a file as it is, but what it changes it lays out anew: commas behind the last item,
comments and blanks around an item do not survive ``append`` and ``remove``. So a list is edited
where it stands, and the parsers tell whether that came out right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyve_locks.toml_lines import parse_toml

Keys = tuple[str, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_TEXT = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""", re.DOTALL
)
_BARE = re.compile(r"[^\s\[\]{}=,.\"'#]+")
# A date may have a blank before its time.
_OTHER = re.compile(r"\d{4}-\d\d-\d\d[ ]\d\d:[^\s,\]}#]+|[^\s,\]}#]+")


@dataclass(frozen=True)
class Value:
    """A value.

    Attributes:
        start, end: its offsets.
        items: of an array, in its order; None for what is none.
        pairs: of an inline table; None for what is none.
    """

    start: int
    end: int
    items: tuple[Value, ...] | None = None
    pairs: tuple[Pair, ...] | None = None


@dataclass(frozen=True)
class Pair:
    """A key with its value.

    Attributes:
        keys: the parts of the key, as they are meant.
        ends: the offset behind each part, as it is written.
        start: the offset of the key.
        value: what it is set to.
    """

    keys: Keys
    ends: tuple[int, ...]
    start: int
    value: Value


@dataclass
class Section:
    """What stands below a header, or above the first one.

    Attributes:
        path: the parts of the header; () above the first one.
        is_list: of ``[[header]]``.
        start, end: the offsets of the header; 0 and 0 above the first one.
        pairs: in their order.
    """

    path: Keys
    is_list: bool
    start: int
    end: int
    pairs: list[Pair] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The offset behind its last value, or behind its header."""
        return self.pairs[-1].value.end if self.pairs else self.end


def read_sections(text: str) -> list[Section]:
    """Find everything in a text.

    Args:
        text: TOML that parsers read.

    Returns:
        The sections in their order; the first is what stands above all headers.
    """
    return _Reader(text).read()


class _Reader:
    """Goes through a text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> list[Section]:
        sections = [Section((), False, 0, 0)]
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                sections.append(self._read_header())
            else:
                sections[-1].pairs.append(self._read_pair())
            self._skip(_SPACE)
        return sections

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            # Valid TOML has something here; without this, a mistake would go on for ever.
            raise ValueError(f"nothing known at offset {self.at}")
        self.at = match.end()
        return match.group()

    def _take(self, mark: str) -> bool:
        found = self.text.startswith(mark, self.at)
        self.at += len(mark) if found else 0
        return found

    def _read_header(self) -> Section:
        start = self.at
        is_list = self._take("[[")
        if not is_list:
            self._take("[")
        self._skip(_BLANK)
        keys, _ = self._read_keys()
        self._take("]]" if is_list else "]")
        return Section(keys, is_list, start, self.at)

    def _read_keys(self) -> tuple[Keys, tuple[int, ...]]:
        keys: list[str] = []
        ends: list[int] = []
        while True:
            if self.text[self.at] in "\"'":
                keys.append(next(iter(parse_toml(f"{self._skip(_TEXT)} = 0"))))
            else:
                keys.append(self._skip(_BARE))
            ends.append(self.at)
            self._skip(_BLANK)
            if not self._take("."):
                return tuple(keys), tuple(ends)
            self._skip(_BLANK)

    def _read_pair(self) -> Pair:
        start = self.at
        keys, ends = self._read_keys()
        self._take("=")
        self._skip(_BLANK)
        return Pair(keys, ends, start, self._read_value())

    def _read_value(self) -> Value:
        start = self.at
        if self._take("["):
            items = []
            while not self._is_at_end("]"):
                items.append(self._read_value())
            return Value(start, self.at, items=tuple(items))
        if self._take("{"):
            pairs = []
            while not self._is_at_end("}"):
                pairs.append(self._read_pair())
            return Value(start, self.at, pairs=tuple(pairs))
        self._skip(_TEXT if self.text[self.at] in "\"'" else _OTHER)
        return Value(start, self.at)

    def _is_at_end(self, mark: str) -> bool:
        """Go to the next item, or behind the end."""
        self._skip(_SPACE)
        if self._take(","):
            self._skip(_SPACE)
        return self._take(mark)


def list_pairs(sections: list[Section]) -> list[tuple[Keys, Pair]]:
    """Give every key in tables, with its whole path; those in ``[[lists]]`` are left out."""
    found: list[tuple[Keys, Pair]] = []

    def add(path: Keys, pair: Pair) -> None:
        path += pair.keys
        found.append((path, pair))
        for inner in pair.value.pairs or ():
            add(path, inner)

    for section in sections:
        if not section.is_list:
            for pair in section.pairs:
                add(section.path, pair)
    return found
