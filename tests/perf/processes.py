"""Count the processes that a command starts, with strace."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from timing import BenchError, Command

# A finished call, or the second half of one that strace had to interrupt.
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$")
FORKS = ("clone", "clone3", "fork", "vfork")


@dataclass(frozen=True)
class ProcessCount:
    """What strace saw of one command.

    Attributes:
        forks: processes that were started, threads left out.
        programs: base names of the programs that were executed, in order, the first included.
    """

    forks: int
    programs: list[str]

    def after_bash(self) -> list[str]:
        """Return the programs that were executed after bash had started."""
        if "bash" not in self.programs:
            return self.programs
        return self.programs[self.programs.index("bash") + 1 :]


def count_processes(trace: str) -> ProcessCount:
    """Read the output of ``strace -f -e trace=process``."""
    forks = 0
    programs: list[str] = []
    # Process number: the beginning of a call whose end comes later.
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        found = CALL.match(line)
        if not found:
            continue
        pid, name, rest = found.groups()
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest
            continue
        if " resumed>" in line:
            rest = begun.pop(pid, "") + rest
        if name in FORKS and "CLONE_THREAD" not in rest and re.search(r"= [1-9]\d*$", rest):
            forks += 1
        elif name == "execve" and rest.endswith("= 0"):
            path = re.match(r'"((?:[^"\\]|\\.)*)"', rest)
            programs.append(os.path.basename(path.group(1)) if path else "?")
    return ProcessCount(forks, programs)


def summarize(programs: list[str]) -> str:
    """Write a list of programs as ``2 cp, mv``, the order of their first use kept."""
    counts = Counter(programs)
    return ", ".join(f"{n} {name}" if n > 1 else name for name, n in counts.items()) or "-"


def trace_command(strace: str, command: Command, log: Path) -> ProcessCount:
    """Run a command below strace and count.

    Raises:
        BenchError: when the command fails, or strace may not trace.
    """
    if command.prepare:
        command.prepare()
    done = subprocess.run(
        [strace, "-f", "-qq", "-e", "trace=process", "-o", str(log), *command.argv],
        cwd=command.folder,
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"strace {command.label}: status {done.returncode}\n{done.stderr}")
    return count_processes(log.read_text(encoding="utf-8", errors="replace"))
