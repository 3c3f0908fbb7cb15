"""Processes, as tests look at them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def is_alive(process: int) -> bool:
    """Tell whether a process runs: it is there, and does not only wait to be waited for."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout.strip()) and not shown.stdout.strip().startswith("Z")


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process that leads a group, and all of the group, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
