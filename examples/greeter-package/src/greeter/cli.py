"""The ``greeter`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from greeter.letters import MissingColumn, write_letters


def main(argv: Sequence[str] | None = None) -> int:
    """Print the letters; return 1 when the table and the text do not go together."""
    parser = argparse.ArgumentParser(prog="greeter", description=__doc__)
    parser.add_argument("text", help="the letter, with blanks such as {name}")
    parser.add_argument("table", help="CSV file; its first line names the columns")
    options = parser.parse_args(argv)
    try:
        with open(options.table, newline="", encoding="utf-8") as table:
            for letter in write_letters(options.text, table):
                print(letter)
    except (MissingColumn, OSError) as error:
        print(f"greeter: {error}", file=sys.stderr)
        return 1
    return 0
