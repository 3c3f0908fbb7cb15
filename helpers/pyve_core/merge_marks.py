"""Files in which git left the marks of a merge conflict.

Source: git-merge(1), "How conflicts are presented".
"""

from __future__ import annotations

import re

__all__ = ["split_sides"]

_MARK = re.compile(r"(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)(?: |$)|=======$")


def split_sides(text: str) -> tuple[str, ...]:
    """Give a file with conflict marks as each of the two sides has it; nothing without marks.

    The common ancestor that ``merge.conflictStyle = diff3`` writes belongs to neither.
    """
    if "<<<<<<<" not in text or ">>>>>>>" not in text:
        return ()
    sides: tuple[list[str], list[str]] = ([], [])
    inside, is_marked = "", False
    for line in text.splitlines():
        mark = line[:7] if _MARK.match(line) else ""
        if mark == "<<<<<<<" and not inside:
            inside, is_marked = mark, True
        elif mark in ("|||||||", "=======") and inside in ("<<<<<<<", "|||||||"):
            inside = mark
        elif mark == ">>>>>>>" and inside == "=======":
            inside = ""
        else:
            if inside in ("", "<<<<<<<"):
                sides[0].append(line)
            if inside in ("", "======="):
                sides[1].append(line)
    if not is_marked:
        return ()
    return "\n".join([*sides[0], ""]), "\n".join([*sides[1], ""])
