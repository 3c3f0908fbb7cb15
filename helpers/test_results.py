"""Tell what runs of `pyve test` came to.

Usage:
    test_results.py [--discover | --table] [--junit FILE]
        (--label TEXT --status N --results FILE --part FILE)...

For each run: what it is called ("" for a single one), its exit status, the file of records that
pyve_tests wrote while it went on, and its JUnit file ("" for none; they become one with --junit).
Needs the standard library only, and runs in the test environment's own interpreter.

The answer has "text" for people (--discover: the ids of the tests; --table: a row for each run) and
"detail.KEY": a JSON text for each key of the document.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pyve_core import Answer, HelperError, parse_options, redact, run_helper
from pyve_tests.junit import merge_files
from pyve_tests.records import describe_broken_off

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


class Run:
    """One run.

    Attributes:
        label: what it is called, such as a version of Python.
        status: its exit status.
        tests: the last record of each test, in the order in which they came.
        found: the tests that were found, where none was run.
        notes: what was noted about the choice of tests.
        seconds: how long the tests took together.
    """

    def __init__(self, label: str, status: int, lines: Sequence[str]) -> None:
        self.label = label
        self.status = status
        self.notes: dict[str, Any] = {}
        self.found: list[dict[str, Any]] = []
        tests: dict[str, dict[str, Any]] = {}
        # (An ordered set: with pytest-xdist there are several at a time.)
        started: dict[str, None] = {}
        for line in lines:
            try:
                record = json.loads(line)
                kind = record.pop("type")
                name = str(record.get("id", ""))
            except (ValueError, AttributeError, KeyError):
                # (The last line of a run that was killed.)
                continue
            if kind == "started":
                started[name] = None
            elif kind == "test":
                tests[name] = record
                started.pop(name, None)
            elif kind == "found":
                self.found.append(record)
            elif kind == "end":
                if record.get("enough"):
                    started.clear()
                self.notes = {key: record[key] for key in ("shard", "changed") if key in record}
        for name in started:
            tests[name] = describe_unended(name)
        self.tests = list(tests.values())
        self.seconds = round(sum(test["seconds"] for test in self.tests), 3)

    def count(self) -> dict[str, int]:
        """Count the tests by their outcome."""
        counts = dict.fromkeys(OUTCOMES, 0)
        for test in self.tests:
            counts[test["outcome"]] += 1
        return counts


def describe_unended(name: str) -> dict[str, Any]:
    """Give the record of a test that never ended, as after a crash."""
    file = name.split("::")[0] if "::" in name else None
    return {
        "id": name,
        "outcome": "error",
        "seconds": 0.0,
        "file": file,
        "line": None,
        "attempts": 1,
        "reason": None,
        "failure": describe_broken_off(file),
    }


def clean(value: Any) -> Any:
    """Take secrets out of all texts of a value, and what UTF-8 cannot hold (half of a pair)."""
    if isinstance(value, str):
        return redact(value.encode("utf-8", "backslashreplace").decode("utf-8"))
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return value


def draw_table(runs: Sequence[Run]) -> str:
    """Draw a row for each run."""
    rows: list[tuple[str, ...]] = [("python", "result", *OUTCOMES[:4], "seconds")]
    for run in runs:
        counts = run.count()
        # (One that is no failure has none: pytest's, unless it is strict.)
        surprises = sum(t["outcome"] == "xpassed" and t["failure"] is not None for t in run.tests)
        counts["failed"] += surprises
        counts["passed"] += counts["xfailed"] + counts["xpassed"] - surprises
        result = {0: "passed", 1: "failed", 5: "no tests"}.get(run.status, f"exit {run.status}")
        numbers = [str(counts[name]) for name in OUTCOMES[:4]]
        rows.append((run.label, result, *numbers, f"{run.seconds:.2f}"))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:2], widths)]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def describe(runs: Sequence[Run], discover: bool) -> dict[str, Any]:
    """Give what the document says of runs."""
    labelled = any(run.label for run in runs)
    if discover:
        return {"discovered": clean([test for run in runs for test in run.found]), **runs[0].notes}
    counts = dict.fromkeys(OUTCOMES, 0)
    tests = []
    for run in runs:
        for name, number in run.count().items():
            counts[name] += number
        tests += [{**test, "python": run.label} if labelled else test for test in run.tests]
    seconds = round(sum(run.seconds for run in runs), 3)
    detail = {"tests": clean(tests), "counts": counts, "seconds": seconds, **runs[0].notes}
    if labelled:
        detail["pythons"] = [
            {
                "python": run.label,
                "exit_code": run.status,
                "counts": run.count(),
                "seconds": run.seconds,
            }
            for run in runs
        ]
    return detail


def read_lines(path: str) -> list[str]:
    """Read the records of a run, which may have ended before there were any."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def main(argv: list[str]) -> Answer:
    """Read the records, and tell."""
    options = parse_options(argv, "label status results part junit", "discover table")
    labels = options.get_all("label")
    runs = [
        Run(label, int(status), read_lines(file))
        for label, status, file in zip(
            labels, options.get_all("status"), options.get_all("results")
        )
    ]
    if options.get("junit", ""):
        file = options.get("junit")
        try:
            merge_files(file, list(zip(labels, options.get_all("part"))))
        except OSError as error:
            raise HelperError(
                "E_FILE_WRITE", f"cannot write {file}", f"{error.strerror}: the tests were run"
            ) from None
    text = ""
    if options.has("discover"):
        text = "".join(f"{clean(test['id'])}\n" for run in runs for test in run.found)
    elif options.has("table"):
        text = draw_table(runs)
    detail = describe(runs, options.has("discover"))
    return {
        "text": text,
        "detail": {key: json.dumps(value, ensure_ascii=False) for key, value in detail.items()},
    }


if __name__ == "__main__":
    sys.exit(run_helper(main))
