"""A folder in memory, where tests work that write much and keep nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from processes import is_alive

PLACE = Path("/dev/shm")


def choose_folder(least: int) -> Path:
    """Return a folder in memory, where there is one with so many bytes free, else the usual one."""
    if PLACE.is_dir() and os.access(PLACE, os.W_OK | os.X_OK):
        free = os.statvfs(PLACE)
        if free.f_bavail * free.f_frsize >= least:
            return PLACE
    return Path(tempfile.gettempdir())


def make_own(folder: Path, name: str) -> Path:
    """Make a folder of this process in it, and remove those of processes that were killed."""
    for left in folder.glob(f"{name}-*-*"):
        pid = left.name[len(name) + 1 :].partition("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            remove(left)
    return Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=folder))


def remove(folder: Path) -> None:
    """Remove a folder, and what is read-only in it, as far as this user may."""
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["rm", "-rf", str(folder)], stderr=subprocess.DEVNULL, check=False)


def link_file(source: str, target: str) -> str:
    """Make a hard link, or a copy where the target is on another file system (for ``copytree``)."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
