"""Say where the start-up time of a Python program goes (`pyve imports time`).

Usage: import_times.py --top N [--svg FILE] [--title TEXT] [--json] -- COMMAND...

The command runs with PYTHONPROFILEIMPORTTIME, which is ``python -X importtime`` for each Python
that it starts. What it prints is passed on to stderr. Answers with ``code`` (how it ended), and
``text`` or ``detail.KEY``; ``has_none`` when it failed, and no Python has told of an import.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyve_core.answers import Answer, run_helper
from pyve_core.errors import HelperError, redact
from pyve_core.options import Options, parse_options
from pyve_imports.flame import draw_flame
from pyve_imports.times import Module, Reader, add_up, format_table, total_time, walk


def run_command(argv: list[str], reader: Reader) -> int:
    """Run a command; give its exit code, 128 + n when signal n has ended it."""
    env = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    # These two are for this helper alone.
    for name in ("PYVE_AGAIN", "PYVE_VERBOSE"):
        env.pop(name, None)
    # Ctrl-C ends the command, such as a server, and not the measurement.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    process = subprocess.Popen(argv, env=env, stdin=0, stdout=2, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for raw in process.stderr:
        line = raw.decode("utf-8", "surrogateescape")
        left = reader.take(line)
        if left:
            os.write(2, left.encode("utf-8", "surrogateescape"))
    status = process.wait()
    return 128 - status if status < 0 else status


def list_modules(modules: list[Module]) -> list[dict[str, Any]]:
    """Give all modules for programs, in the order in which they were imported."""
    return [
        {
            "name": module.name,
            "self_us": module.own,
            "cumulative_us": module.total,
            "depth": depth,
            "imported_by": by or None,
        }
        for module, depth, by in walk(modules)
    ]


def answer(options: Options, reader: Reader, code: int) -> Answer:
    """Give the answer for what was read."""
    processes = reader.finish()
    if not processes and code:
        return {"code": code, "has_none": True}
    if not processes:
        raise HelperError(
            "E_IMPORTS_NOTHING",
            "the command has imported nothing that Python tells of",
            [
                f"it ended with status {code}",
                "it starts no Python, or one that takes no environment variables (-E, -I)",
            ],
        )
    modules = [module for process in processes for module in process]
    result: dict[str, Any] = {"code": code}
    if options.has("svg"):
        title = f"{total_time(modules) / 1000:.0f} ms for the imports of "
        title += redact(options.get("title", "the command"))
        picture = draw_flame(modules, title, getattr(sys, "stdlib_module_names", ()))
        if options.get("svg") == "-":
            result["text"] = picture
        else:
            from pyve_locks.whole_file import write_whole

            path = Path(options.get("svg"))
            result["changed"] = write_whole(path, picture.encode())
    if options.has("json"):
        detail = {
            "total_us": total_time(modules),
            "processes": len(processes),
            "packages": [
                {
                    "name": package.name,
                    "self_us": package.own,
                    "cumulative_us": package.total,
                    "modules": package.count,
                }
                for package in add_up(modules)
            ],
            "modules": list_modules(modules),
        }
        result["detail"] = {key: json.dumps(value) for key, value in detail.items()}
    elif options.get("svg", "") != "-":
        result["text"] = format_table(processes, int(options.get("top")))
    return result


def main(argv: list[str]) -> Answer:
    """Run the command and say what it has imported."""
    at = argv.index("--")
    options = parse_options(argv[:at], "top svg title", "json")
    reader = Reader()
    code = run_command(argv[at + 1 :], reader)
    return answer(options, reader, code)


if __name__ == "__main__":
    sys.exit(run_helper(main))
