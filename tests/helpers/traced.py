"""What a program executes, by strace: file, arguments and environment of each execve."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyve_test_helpers import Pyve, find_program

_CALL = re.compile(
    r'execve\((?P<file>"[^"]*"), (?P<argv>\[.*?\]), (?P<env>\[.*\])\) = 0$', re.MULTILINE
)
# Every process has its own.
OWN = {"_", "SHLVL", "PWD", "OLDPWD"}


@dataclass(frozen=True)
class Executed:
    """One execve that went well.

    Attributes:
        program: the file.
        argv: the arguments, the name of the program first.
        env: the environment, without what every process has of its own.
    """

    program: str
    argv: list[str]
    env: dict[str, str]


def trace(pyve: Pyve, *words: str, **options: Any) -> list[Executed]:
    """Run ``pyve WORDS`` under strace; return what was executed, in order.

    Args:
        pyve: the user.
        words: the command.
        options: as for Pyve: cwd, answer, environment variables.
    """
    log = pyve.root / "strace.log"
    # -xx: every text in hexadecimal digits, which Python reads as strace wrote them.
    result = pyve.execute(
        find_program("strace"),
        *("-f", "-v", "-xx", "-s", "1000000", "-e", "trace=execve", "-o", str(log)),
        *pyve.command(*words),
        **options,
    )
    if "ptrace" in result.stderr:
        pytest.skip(f"NOT TESTED: strace may not trace here: {result.stderr}")
    return read_log(log)


def read_log(log: Path) -> list[Executed]:
    """Return the calls of a log of strace that went well."""
    found = []
    for match in _CALL.finditer(log.read_text(encoding="ascii")):
        pairs = [text.partition("=") for text in _texts(match["env"])]
        env = {name: value for name, _, value in pairs if name not in OWN}
        found.append(Executed(_texts(match["file"])[0], _texts(match["argv"]), env))
    return found


def _texts(source: str) -> list[str]:
    """Return the texts of a C literal, or of a list of them."""
    raw = ast.literal_eval(re.sub(r'"([^"]*)"', r'b"\1"', source))
    return [item.decode() for item in ([raw] if isinstance(raw, bytes) else raw)]
