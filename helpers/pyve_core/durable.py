"""Putting a file in the place of another: neither a kill nor a power cut leaves half of it."""

from __future__ import annotations

import os
from pathlib import Path


def staging_folder(path: Path) -> Path:
    """Say where to write what is then moved to a path, in one step.

    Returns:
        The folder that the environment variable PYVE_STAGE names, which is that of the command
        that waits for this one: when that command was killed and another one has begun, the folder
        is gone, and what was meant for the project does not get there any more. Without the
        variable, or on another file system: the folder of the path.
    """
    stage = os.environ.get("PYVE_STAGE", "")
    if os.path.isabs(stage):
        try:
            if os.stat(path.parent).st_dev == os.stat(os.path.dirname(stage)).st_dev:
                return Path(stage)
        except OSError:
            pass
    return path.parent


def replace_durably(part: Path, path: Path) -> None:
    """Move a whole file to its place; what it holds, and that it is there, is on the disk then.

    Raises:
        OSError: nothing was moved.
    """
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(part, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # (Not every file system does it for folders.)
    finally:
        os.close(descriptor)
