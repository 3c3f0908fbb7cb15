"""The folders of the package cache."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from pyve_conda.failures import full_disk
from pyve_core import HelperError

if TYPE_CHECKING:
    from pathlib import Path


def make_cache(root: Path) -> None:
    """Make the folder of the cache, when it is missing, so that only its owner looks into it.

    A folder that is there already is somebody's choice, and stays as it is.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_index(root: Path) -> Path:
    """Make the folder for indexes of channels, in the cache.

    An index says where it came from, with the user and the password of that URL. So nobody else
    looks into the folder, unless the cache is one that a group may write: that one is shared on
    purpose.

    Raises:
        HelperError: E_CONDA_CACHE, E_DISK_FULL.
    """
    index = root / "index"
    try:
        make_cache(root)
        index.mkdir(mode=0o700, exist_ok=True)
        is_shared = root.stat().st_mode & stat.S_IWGRP
    except OSError as error:
        raise explain_cache(error, root) from error
    if not is_shared:
        with contextlib.suppress(OSError):
            os.chmod(index, 0o700)
    return index


def explain_cache(error: OSError, root: Path) -> HelperError:
    """Give the diagnostic of a cache that cannot be made or written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full_disk(str(root))
    return HelperError(
        "E_CONDA_CACHE",
        f"the package cache cannot be written: {root}",
        [error.strerror or str(error), "PYVE_CONDA_CACHE names another folder for it"],
        make_usable(root),
    )


def make_usable(root: Path) -> list[str]:
    """Give the commands that make it possible to write to the cache, or to do without it."""
    from pyve_core.fixes import open_up, repeat

    if os.environ.get("PYVE_CONDA_CACHE"):
        return [repeat("PYVE_CONDA_CACHE")]
    return open_up(root)
