"""Writes what was tried, and how much of it was survived, into a table of Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

BEGIN = "<!-- counts: written by tests/faults/run.py --write -->"
END = "<!-- end of counts -->"
# The columns: faults of the kinds of injector.FAULTS, each with and without "+".
COLUMNS = (
    ("kill -9", ("kill", "kill-first")),
    ("Ctrl-C, TERM, HUP", ("int", "term", "hup")),
    ("ENOSPC", ("ENOSPC", "ENOSPC+")),
    ("EROFS", ("EROFS", "EROFS+")),
    ("EACCES", ("EACCES",)),
    ("EIO", ("EIO",)),
    ("EXDEV", ("EXDEV", "EXDEV+")),
    ("full disk", ("full disk",)),
)


def format_table(results: Iterable[dict[str, Any]]) -> str:
    """Return the table: a line for each scene, in the order of the first results.

    Args:
        results: of the trials, as run.py keeps them; those that were not reached do not count.
    """
    rows: dict[str, dict[str, tuple[int, int]]] = {}
    for result in results:
        if not result["state"]:
            continue
        column = next(name for name, faults in COLUMNS if result["fault"] in faults)
        row = rows.setdefault(result["scene"], {})
        for name in (column, "all"):
            tried, survived = row.get(name, (0, 0))
            row[name] = (tried + 1, survived + (not result["problems"]))
    names = [*(name for name, _ in COLUMNS), "all"]
    lines = [
        "| command | backend | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    sums = dict.fromkeys(names, (0, 0))
    for scene, row in sorted(rows.items(), key=_order):
        command, _, backend = scene.partition(":")
        cells = []
        for name in names:
            tried, survived = row.get(name, (0, 0))
            sums[name] = (sums[name][0] + tried, sums[name][1] + survived)
            cells.append(f"{survived} of {tried}" if tried else "")
        lines.append(f"| {command} | {backend} | " + " | ".join(cells) + " |")
    cells = [f"{survived} of {tried}" for tried, survived in sums.values()]
    lines.append("| **all** | | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _order(item: tuple[str, Any]) -> tuple[bool, str]:
    command, _, backend = item[0].partition(":")
    return backend != "venv", command


def write_table(page: Path, results: Path, digest: str) -> None:
    """Put the table of the results into a page, between its two marks.

    Args:
        page: the Markdown file.
        results: the file of run.py.
        digest: results of another Pyve than this one do not count.
    """
    found = [json.loads(line) for line in results.read_text().splitlines()]
    latest = {(one["scene"], one["fault"], one["number"]): one for one in found}
    now = [one for one in latest.values() if one["digest"] == digest]
    at_calls = [one for one in now if one["fault"] != "full disk"]
    possible = sum({(one["scene"], one["fault"]): one["calls"] for one in at_calls}.values())
    tried = sum(1 for one in at_calls if one["state"])
    full = sum(1 for one in now if one["state"]) - tried
    table = (
        f"On this state of the tree: {tried} trials at calls, of {possible} that the commands and"
        f" faults in the table allow, and {full} with a full disk.\n\n{format_table(now)}"
    )
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
