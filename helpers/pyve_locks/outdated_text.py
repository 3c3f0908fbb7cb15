"""Telling what is outdated, to people and to programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyve_core import Answer


@dataclass(frozen=True)
class Outdated:
    """A distribution of which there is a newer version than the one that is locked.

    Attributes:
        name: normalised; for conda, where only some of the locked platforms are, with these.
        locked: its version in the lock; the highest, when there are several.
        allowed: what it would be if everything was upgraded; "" when it would not be needed.
        newest: the newest for the project's Python, or for the platform of conda, whatever the
            manifest says.
        requirements: what the manifest asks for of it; () when only a dependency needs it.
    """

    name: str
    locked: str
    allowed: str
    newest: str
    requirements: tuple[str, ...] = ()


def format_outdated(found: Iterable[Outdated]) -> str:
    """Write it for people: a line for each, below a line of titles."""
    rows = [("package", "locked", "allowed", "newest", "asked for")]
    for one in found:
        asked = ", ".join(one.requirements) or "(indirect)"
        rows.append((one.name, one.locked, one.allowed or "-", one.newest, asked))
    if len(rows) == 1:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def outdated_answer(found: Iterable[Outdated]) -> list[Mapping[str, object]]:
    """Give it for programs: name, locked, allowed, newest, direct and requirements of each."""
    return [
        {
            "name": one.name,
            "locked": one.locked,
            "allowed": one.allowed or None,
            "newest": one.newest,
            "direct": bool(one.requirements),
            "requirements": [*one.requirements],
        }
        for one in found
    ]


def give_outdated(found: Sequence[Outdated]) -> Answer:
    """Answer with it: text, json, upgradable (names) and count."""
    return {
        "text": format_outdated(found),
        "json": json.dumps(outdated_answer(found)),
        "upgradable": [one.name for one in found if one.allowed not in ("", one.locked)],
        "count": len(found),
    }
