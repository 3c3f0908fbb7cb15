"""Whether nobody but its owner can write into the store: what is in it is run by all projects."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.fixes import quote

if TYPE_CHECKING:
    from pathlib import Path

# What is written into; what is below is 0555, and verify looks at it.
FOLDERS = ("", "envs", "keys", "recall", "files", "projects", "owners", "tmp")
OTHERS = stat.S_IWGRP | stat.S_IWOTH


def find_danger(store: Path) -> tuple[str, str, bool] | None:
    """Say what makes a store unsafe.

    Returns:
        The folder, the reason in words, and whether its mode is all that is wrong with it; None
        when nothing is, or there is no store.
    """
    me = os.geteuid()
    for place in (store.parent, *(store / name if name else store for name in FOLDERS)):
        try:
            status = os.stat(place)
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            return str(place), "it is no folder", False
        if status.st_uid not in (me, 0):
            return str(place), f"it belongs to another user (uid {status.st_uid})", False
        if status.st_mode & OTHERS and place != store.parent:
            who = "everybody" if status.st_mode & stat.S_IWOTH else "its group"
            return str(place), f"{who} can write in it", status.st_uid == me
        if place == store.parent and status.st_mode & OTHERS and not status.st_mode & stat.S_ISVTX:
            # (Who can write there can put another store in its place.)
            who = "everybody" if status.st_mode & stat.S_IWOTH else "its group"
            return str(place), f"{who} can write in it", status.st_uid == me
        if place != store.parent and place.is_symlink():
            return str(place), "it is a link to another folder", False
    return None


def check_store(store: Path) -> None:
    """See that a store is one that can be trusted.

    Raises:
        HelperError: E_STORE_UNSAFE.
    """
    danger = find_danger(store)
    if danger is None:
        return
    place, reason, is_mode = danger
    why = [
        f"{place}: {reason}",
        "programs of all projects are run from the store, so nobody else may write there",
    ]
    if not is_mode:
        why.append("name another folder in PYVE_STORE, or move this one away")
    fix = f"chmod -R go-w {quote(store.parent)}" if is_mode else ""
    raise HelperError("E_STORE_UNSAFE", "the store can be changed by others", why, fix)
