"""Commands that diagnostics of helpers propose: each mends what it is proposed for."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from pyve_core.errors import HelperError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def quote(path: object) -> str:
    """Write a path or another word as one of a shell, by single quotes and backslashes only."""
    import shlex

    return shlex.quote(str(path)).replace("'\"'\"'", "'\\''")


def repeat(*unset: str) -> str:
    """Give the command of Pyve for which the helper was started.

    Args:
        unset: environment variables that it is to do without.
    """
    again = os.environ.get("PYVE_AGAIN") or "pyve init"
    names = "".join(f" -u {name}" for name in unset)
    return f"env{names} {again}" if names else again


def repeat_without(option: str) -> str:
    """Give the same command without a flag."""
    return " ".join(word for word in repeat().split(" ") if word != option)


def repeat_with(changes: Mapping[str, Sequence[str]]) -> str:
    """Give the same command with other words in it.

    Args:
        changes: word -> what stands in its place; nothing for no word. The value in
            ``--option=value`` is one, too, and with it goes its option.
    """
    import shlex

    words: list[str] = []
    for word in shlex.split(repeat()):
        option, equals, value = word.partition("=")
        if word in changes:
            words += changes[word]
        elif equals and value in changes and option.startswith("-"):
            words += [f"{option}={right}" for right in changes[value][:1]]
        else:
            words.append(word)
    return " ".join(map(quote, words))


def repeat_without_value(value: str) -> str:
    """Give the same command without the option that has this value."""
    import shlex

    words: list[str] = []
    for word in shlex.split(repeat()):
        if word == value and words and words[-1].startswith("-"):
            words.pop()
        elif not (word.startswith("-") and word.partition("=")[2] == value):
            words.append(word)
    return " ".join(map(quote, words))


def remake_toolchain() -> list[str]:
    """Give the command that removes the toolchain that runs this; it is then made anew."""
    if os.path.isfile(os.path.join(sys.prefix, "complete")):
        return [f"rm -rf {quote(sys.prefix)}"]
    return []


def missing_engine(message: str, error: ImportError) -> HelperError:
    """Give the diagnostic of a part that a toolchain should have."""
    return HelperError("E_ENGINE_MISSING", message, str(error), remake_toolchain())


def open_up(path: object) -> list[str]:
    """Give the command that makes it possible to write a file, or into a folder, that cannot be.

    What is there of the path gets permission, or goes out of the way when no folder. Empty when no
    command does it.
    """
    place = os.path.abspath(str(path))
    while place != "/" and not os.path.lexists(place):
        place = os.path.dirname(place)
    mode = os.stat(place).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return []
    if place != os.path.abspath(str(path)) and not os.path.isdir(place):
        return [move_away(place)]
    if os.access(place, os.W_OK) or os.stat(place).st_uid != os.geteuid():
        return []
    return [f"chmod u+rwX {quote(place)}"]


def let_read(path: object) -> list[str]:
    """Give the command that makes it possible to read a file that cannot be; or none."""
    place = os.path.abspath(str(path))
    if not os.path.isfile(place) or os.access(place, os.R_OK):
        return []
    return [f"chmod u+r {quote(place)}"] if os.stat(place).st_uid == os.geteuid() else []


def move_away(path: object) -> str:
    """Give the command that takes what is in the way to a name that is free."""
    place = os.path.abspath(str(path))
    old, count = f"{place}.old", 1
    while os.path.lexists(old):
        count += 1
        old = f"{place}.old{count}"
    return f"mv {quote(place)} {quote(old)}"
