"""Try lazy imports with a program, and measure what they gain (`pyve imports lazy`).

Usage: lazy_imports.py --pyve PROGRAM --folder DIR --runs N --rest LINE [--json] NAME...
    -- WORDS...

WORDS are what stands behind `pyve run`, LINE is the same for a shell. Answers with ``text`` or
``detail.KEY``.
"""

from __future__ import annotations

import json
import sys

from pyve_core.answers import Answer, run_helper
from pyve_core.options import parse_options
from pyve_imports.lazy import Program, format_trial


def main(argv: list[str]) -> Answer:
    """Try the modules."""
    at = argv.index("--")
    options = parse_options(argv[:at], "pyve folder runs rest", "json")
    pyve = [options.get("pyve"), "run"]
    program = Program(
        pyve, argv[at + 1 :], options.get("folder"), options.words, options.get("rest")
    )
    trial = program.try_out(int(options.get("runs")))
    if not options.has("json"):
        return {"text": format_trial(trial)}
    detail = {
        "eager_ms": round(trial.eager * 1000, 3),
        "lazy_ms": round(trial.lazy * 1000, 3),
        "gain_ms": round((trial.eager - trial.lazy) * 1000, 3),
        "runs": int(options.get("runs")),
        "modules": [{"name": name, "state": state} for name, state in trial.states.items()],
    }
    return {"detail": {key: json.dumps(value) for key, value in detail.items()}}


if __name__ == "__main__":
    sys.exit(run_helper(main))
