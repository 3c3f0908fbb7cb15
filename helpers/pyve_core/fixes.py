"""Commands that diagnostics of helpers propose: each mends what it is proposed for."""

from __future__ import annotations

import os
import sys

from pyve_core.errors import HelperError


def quote(path: object) -> str:
    """Write a path as one word of a shell."""
    import shlex

    return shlex.quote(str(path))


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
