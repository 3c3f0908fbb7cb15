"""TOML with the lines on which its values stand, which `tomllib` does not tell."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Union

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pyve_locks.toml_positions import Pair

# Keys of tables and indexes of arrays, from the top.
Path = tuple[Union[str, int], ...]

_PLACE = re.compile(r"\s*\(at line (\d+), column (\d+)\)|\s*\(at end of document\)")


class TomlError(ValueError):
    """A text that is no TOML.

    Attributes:
        line, column: where, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML 1.0, by the standard library or, before Python 3.11, by tomli.

    Raises:
        TomlError: it is none.
    """
    try:
        loaded: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = _PLACE.search(said)
        lines = text.split("\n")
        line, column = len(lines), len(lines[-1]) + 1
        if place and place.group(1):
            line, column = int(place.group(1)), int(place.group(2))
        raise TomlError(_PLACE.sub("", said), line, column) from None
    except RecursionError:
        raise TomlError("its values are nested too deeply", 1, 1) from None
    except ValueError:
        # Python makes no integer of more than 4300 digits.
        raise TomlError("a number has too many digits", 1, 1) from None
    return loaded


def find_lines(text: str) -> dict[Path, int]:
    """Find the lines of all keys and values.

    Args:
        text: TOML that parse_toml reads.

    Returns:
        ``{("project", "dependencies", 0): 7, ...}``: of a value the line on which it begins, of a
        table the line of its header. Lines count from 1.
    """
    from pyve_locks.toml_positions import Value, read_sections

    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}

    def mark(path: Path, offset: int) -> None:
        lines.setdefault(path, bisect_right(starts, offset))

    def mark_value(path: Path, value: Value) -> None:
        mark(path, value.start)
        for number, item in enumerate(value.items or ()):
            mark_value((*path, number), item)
        for pair in value.pairs or ():
            mark_pair(path, pair)

    def mark_pair(path: Path, pair: Pair) -> None:
        for key in pair.keys[:-1]:
            path = (*path, key)
            mark(path, pair.start)
        mark_value((*path, pair.keys[-1]), pair.value)

    for section in read_sections(text):
        table: Path = ()
        for number, key in enumerate(section.path, 1):
            table = (*table, key)
            mark(table, section.start)
            if section.is_list and number == len(section.path):
                counts[table] = counts.get(table, -1) + 1
            if table in counts:
                table = (*table, counts[table])
                mark(table, section.start)
        for pair in section.pairs:
            mark_pair(table, pair)
    return lines
