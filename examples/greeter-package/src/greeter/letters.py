"""Letters from a text with blanks and a table of values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping

_BLANK = re.compile(r"\{([^{}]+)\}")


class MissingColumn(ValueError):
    """The text has a blank for which the table has no column."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace every ``{column}`` in the text by its value.

    Raises:
        MissingColumn: when there is no value of that name.
    """

    def value_of(match: re.Match[str]) -> str:
        column = match.group(1).strip()
        if column not in values:
            known = ", ".join(sorted(values)) or "none"
            raise MissingColumn(f"no column {column!r} in the table (there are: {known})")
        return values[column]

    return _BLANK.sub(value_of, text)


def write_letters(text: str, table: Iterable[str]) -> Iterator[str]:
    """Yield one filled text for each row of a CSV table whose first line names the columns."""
    for row in csv.DictReader(table):
        yield fill(text, {k: v or "" for k, v in row.items() if k is not None})
