"""What a program executes, by strace: file, arguments and environment of each execve."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyve_test_helpers import Pyve, find_program, snapshot

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


def explain(pyve: Pyve, *words: str, **options: Any) -> dict[str, Any]:
    """Return the plan of a command."""
    document = json.loads(pyve("--json", "explain", *words, **options).stdout)
    plan: dict[str, Any] = document["detail"]["plan"]
    return plan


def foresee(pyve: Pyve, plan: dict[str, Any], env: dict[str, str], hidden: str = "") -> Executed:
    """Return what a plan says will be executed, from the environment where Pyve is called."""
    after = {name: value for name, value in {**pyve.env, **env}.items() if name not in OWN}
    after["PATH"] = ":".join([*plan["path_front"], after["PATH"], *plan["path_back"]])
    for item in plan["sets"]:
        after[item["name"]] = hidden if item["value"] == "(hidden)" else item["value"]
    for name in plan["unsets"]:
        del after[name]
    return Executed(plan["program"], plan["argv"], after)


def agree(pyve: Pyve, *words: str, hidden: str = "", **options: Any) -> dict[str, Any]:
    """See that a command does what explain says of it; return the plan."""
    before = snapshot(pyve.root)
    plan = explain(pyve, *words, **options)
    assert snapshot(pyve.root) == before, "explain has written something"
    env = {name: value for name, value in options.items() if name not in {"cwd", "answer"}}
    # (A script of the environment may be one of sh that executes Python.)
    done = [call for call in trace(pyve, *words, **options) if call.argv == plan["argv"]]
    assert done and done[0] == foresee(pyve, plan, env, hidden)
    assert plan["folder"] == str(options.get("cwd", pyve.project))
    return plan


def _texts(source: str) -> list[str]:
    """Return the texts of a C literal, or of a list of them."""
    raw = ast.literal_eval(re.sub(r'"([^"]*)"', r'b"\1"', source))
    return [item.decode() for item in ([raw] if isinstance(raw, bytes) else raw)]
