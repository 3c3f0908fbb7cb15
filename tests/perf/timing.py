"""Time processes from outside, in turn, and compare their medians."""

from __future__ import annotations

import gc
import os
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class BenchError(Exception):
    """A command that is measured, or that prepares for it, did not do its work."""


@dataclass(frozen=True)
class Command:
    """One line of the table.

    Attributes:
        label: what the table calls it.
        argv: the program (absolute path) and its arguments.
        folder: the working directory.
        env: the whole environment of the process.
        prepare: called before each round, outside the measured time.
        rounds: how often at most, for what takes seconds; 0 for as often as its group.
        limit: seconds after which it is ended, and is left out; 0: never.
    """

    label: str
    argv: Sequence[str]
    folder: Path
    env: Mapping[str, str]
    prepare: Callable[[], None] | None = None
    rounds: int = 0
    limit: int = 0


@dataclass(frozen=True)
class Ratio:
    """What is asked of one line of the table in terms of another one of its group.

    Attributes:
        of: the label that is judged.
        to: the label that it is compared with.
        budget: the largest ratio that is fine; None for a ratio that is only told.
        above: a label whose median is first taken off both sides, or "".
        less: a label whose median is first taken off the side that is judged, or "".
    """

    of: str
    to: str
    budget: float | None
    above: str = ""
    less: str = ""


@dataclass
class Group:
    """Commands that are measured in turn, so that drift of the machine hits all alike."""

    title: str
    rounds: int
    warmup: int
    commands: list[Command] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    samples: dict[str, list[int]] = field(default_factory=dict)
    stopped: list[Command] = field(default_factory=list)

    def compare(
        self, ratio: Ratio, middle: Callable[[Sequence[int]], float] = statistics.median
    ) -> float | None:
        """Return the value of a ratio, or None when one of its sides was not measured.

        Args:
            ratio: what to compare.
            middle: makes one number of the times of a command: the median, or ``min``.
        """
        labels = (ratio.of, ratio.to, ratio.above or ratio.to, ratio.less or ratio.to)
        if not all(self.samples.get(label) for label in labels):
            return None
        base = middle(self.samples[ratio.above]) if ratio.above else 0.0
        below = middle(self.samples[ratio.to]) - base
        more = middle(self.samples[ratio.less]) if ratio.less else 0.0
        return (middle(self.samples[ratio.of]) - base - more) / below if below > 0 else None

    def measure(self, log: Path) -> None:
        """Fill ``samples``: nanoseconds of every round of every command.

        What did not end within its limit is left out, and is in ``stopped``.

        Args:
            log: a file that takes the standard error of the commands.

        Raises:
            BenchError: when a command ends with another status than 0.
        """
        self.samples = {command.label: [] for command in self.commands}
        self.stopped = []
        gc.disable()
        try:
            for turn in range(-self.warmup, self.rounds):
                for command in self.commands:
                    if command.rounds and not 0 <= turn < command.rounds:
                        continue
                    if command.prepare:
                        command.prepare()
                    nanoseconds = run_timed(command, log)
                    if turn >= 0:
                        self.samples[command.label].append(nanoseconds)
        finally:
            gc.enable()
        for command in self.commands:
            if command.limit and max(self.samples[command.label], default=0) >= command.limit * 1e9:
                self.stopped.append(command)
                self.samples[command.label] = []


def wait_for(pid: int, seconds: int) -> tuple[int, bool]:
    """Wait until a process has ended, and end it after so many seconds; 0 for no limit.

    Returns:
        Its status, as waitpid gives it, and whether it had to be ended.
    """
    end = time.monotonic() + seconds
    while seconds:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status, False
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1], True
        time.sleep(0.01)
    return os.waitpid(pid, 0)[1], False


def run_timed(command: Command, log: Path) -> int:
    """Run a command once with its output thrown away; return its wall time in nanoseconds.

    posix_spawn copies no memory of this process, so that its size does not matter. The clock
    runs from before the spawn until the process has been waited for.

    Raises:
        BenchError: when the command ends with another status than 0.
    """
    out = os.open(os.devnull, os.O_RDWR)
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [
        (os.POSIX_SPAWN_DUP2, out, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, errors, 2),
    ]
    argv = list(command.argv)
    os.chdir(command.folder)
    try:
        start = time.perf_counter_ns()
        pid = os.posix_spawn(argv[0], argv, command.env, file_actions=actions)
        status, is_late = wait_for(pid, command.limit)
        nanoseconds = time.perf_counter_ns() - start
    finally:
        os.close(out)
        os.close(errors)
    code = os.waitstatus_to_exitcode(status)
    if code != 0 and not is_late:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise BenchError(f"{command.label}: exit status {code}\n{said}")
    return nanoseconds
