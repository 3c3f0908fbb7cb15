"""What Pyve's helpers share: one kind of failure, and one way to answer.

A helper is ``def main(argv: list[str]) -> Answer`` and, at its end::

    if __name__ == "__main__":
        sys.exit(run_helper(main))

Standard library only, and little of it, because every helper pays for what is imported here.
"""

from __future__ import annotations

from pyve_core.answers import Answer, Value, count_things, progress, run_helper
from pyve_core.errors import HelperError, redact
from pyve_core.options import Options, parse_options

__all__ = [
    "Answer",
    "HelperError",
    "Options",
    "Value",
    "count_things",
    "parse_options",
    "progress",
    "redact",
    "run_helper",
]
