"""Fill a letter's blanks from the rows of a table."""

from greeter.letters import MissingColumn, fill, write_letters

__all__ = ["MissingColumn", "fill", "write_letters"]
