"""Runs a command of Pyve's with one fault in it: inject.c, built when it is first needed."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().with_name("inject.c")

# What can happen at a call. One with "+" happens at all later calls, too: a disk stays full.
KILLS = ("kill", "kill-first")
SIGNALS = ("int", "term", "hup")
ERRORS = ("ENOSPC", "ENOSPC+", "EROFS", "EROFS+", "EACCES", "EIO", "EXDEV", "EXDEV+")
# Without any injection: a small file system with so many blocks left.
FULL_DISK = "full disk"
FAULTS = (*KILLS, *SIGNALS, *ERRORS, FULL_DISK)

# What a call can fail with, as inject.c has it.
MASKS = {"ENOSPC": 1, "EROFS": 2, "EACCES": 4, "EXDEV": 8, "EIO": 16}

# Calls are counted up to here when the question is how many there are.
NEVER = 1_000_000_000


class CannotInject(Exception):
    """This machine cannot do it; the text says why."""


@dataclass(frozen=True)
class Call:
    """One call that changes the file system.

    Attributes:
        number: 1 for the first.
        faults: what it can fail with, as inject.c has it.
        name: of the call.
        path: what it is about.
        second: where it goes, of a link or a renaming.
        program: who made it.
    """

    number: int
    faults: int
    name: str
    path: str
    second: str
    program: str


@dataclass(frozen=True)
class Result:
    """What happened.

    Attributes:
        status: exit status as a shell has it; 125 when the command could not be run.
        stdout, stderr: what it said.
        calls: how many calls could have gone wrong so.
        is_reached: whether the n-th came.
        is_hung: whether it did not end by itself.
        where: name, path and program of the call, for a person.
        log: the calls, when they were asked for.
    """

    status: int
    stdout: str
    stderr: str
    calls: int
    is_reached: bool
    is_hung: bool
    where: str
    log: tuple[Call, ...] = ()


@functools.cache
def build() -> Path:
    """Return the program, built and tried.

    Raises:
        CannotInject: another system or machine, no compiler, or nothing may be traced.
    """
    if not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "AMD64"):
        raise CannotInject("system calls are traced on Linux and x86-64 only")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotInject("there is no C compiler")
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    program = SOURCE.parents[2] / ".dev" / "faults" / f"inject-{digest}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.with_name(f"inject.{os.getpid()}")
        words = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(fresh), str(SOURCE)]
        made = subprocess.run(words, capture_output=True, text=True)
        if made.returncode != 0:
            raise CannotInject(f"{compiler} failed: {made.stderr}")
        fresh.rename(program)
    with tempfile.TemporaryDirectory() as place:
        report = Path(place, "report")
        words = [str(program), "-r", str(report), "--", "sh", "-c", 'echo x >"$1"', "sh"]
        tried = subprocess.run([*words, f"{place}/x"], capture_output=True, text=True)
        if tried.returncode != 0 or "calls=2\n" not in report.read_text():
            raise CannotInject(f"processes cannot be traced here: {tried.stderr.strip()}")
    return program


def count_calls(log: tuple[Call, ...], fault: str) -> int:
    """Return how many of these calls can go wrong so."""
    mask = MASKS.get(fault.rstrip("+"))
    return sum(1 for call in log if mask is None or call.faults & mask)


def run_with_fault(
    argv: list[str],
    fault: str,
    number: int,
    *,
    cwd: Path,
    env: dict[str, str],
    seconds: int = 120,
    wants_log: bool = False,
) -> Result:
    """Run a command, and let the call of a number go wrong.

    Args:
        argv: the command.
        fault: one of FAULTS, or "count".
        number: of the call, from 1; 0 to count only.
        cwd: where it runs.
        env: its variables.
        seconds: after which it is ended.
        wants_log: whether all calls are listed.

    Raises:
        CannotInject: see build.
    """
    with tempfile.TemporaryDirectory(prefix="pyve-fault-") as place:
        report, log = Path(place, "report"), Path(place, "log")
        words = [str(build()), "-f", fault, "-n", str(number or NEVER), "-t", str(seconds)]
        words += [*(("-l", str(log)) if wants_log else ()), "-r", str(report), "--", *argv]
        done = subprocess.run(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=900
        )
        text = report.read_text(errors="replace") if report.exists() else ""
        said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        if "status" not in said:
            raise CannotInject(f"{words}: {done.stderr.decode(errors='replace')}")
        calls = []
        if wants_log:
            for line in log.read_text(errors="replace").splitlines():
                first, mask, name, path, second, program = line.split("\t")
                calls.append(Call(int(first), int(mask), name, path, second, program))
        where = " ".join(said.get(key, "") for key in ("call", "path", "program"))
        return Result(
            int(said["status"]),
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
            int(said["calls"]),
            said["reached"] == "1",
            said["hung"] == "1",
            where.strip(),
            tuple(calls),
        )
