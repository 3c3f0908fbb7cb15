"""Which processes a process has below it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["count_tasks", "end_descendants", "list_descendants"]


def list_descendants(pid: int) -> list[int]:
    """Give the ids of all processes below one, also of those that ended and were not noted."""
    parents = _read_parents()
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def _read_parents() -> dict[int, int]:
    """Give the parent of each process that can be seen."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stream:
                # (The name of the program stands in brackets, and may have any byte in it.)
                parents[int(name)] = int(stream.read().rpartition(b")")[2].split()[1])
    return parents


def count_tasks(pids: Iterable[int]) -> int:
    """Give the number of threads of processes."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def end_descendants(pid: int) -> None:
    """Kill all processes below one, until there are none that live."""
    for _ in range(100):
        found = list_descendants(pid)
        for child in found:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        is_left = False
        while True:
            try:
                done, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not done:
                is_left = True
                break
        if not is_left:
            return
