"""Removing cached environments, of tools and scripts, that were not used for a while.

They lie beside the store, in ``environments/<digest>`` of Pyve's cache (see lib/cached_env.sh): the
time of the file ``used`` is that of the last use. What they have in the store is free when they
are gone. ``checkouts/<digest>``, sources that were taken out of a repository, are kept in the same
way.

Nobody waits: who uses one writes its time first and looks at it then; this moves it aside, looks at
the time once more, and puts it back when that is new.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_store.layout import is_running, list_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How long one stays that nobody uses, in seconds, when no age is asked for.
UNUSED_SECONDS = 30 * 86400
# One that is being made is left alone for so long, in seconds.
MAKING_SECONDS = 86400
LONGEST_MEMO = 65536
FOLDERS = ("environments", "checkouts")
NAME = re.compile(r"[0-9a-f]{16,64}(-[0-9a-f]{8,64})?")
BEING_WRITTEN = re.compile(r"\.new\.[0-9]{1,10}$")
ASIDE = re.compile(r"\.gone\.([0-9]{1,10})\..{1,100}")


def find_last_use(place: Path) -> tuple[float, bool]:
    """Say when one was last used, in seconds since the epoch, and whether it was ever whole.

    Of one that was never whole it is the time when something was last done there; 0.0 when it is
    gone.
    """
    for name in ("used", ".pyve", ""):
        try:
            return os.lstat(place / name).st_mtime, name == "used"
        except OSError:
            continue
    return 0.0, False


def is_unused(place: Path, now: float, age: float) -> bool:
    """Tell whether one may go.

    Args:
        place: its folder.
        now: the time, in seconds since the epoch.
        age: for how many seconds it has not been used.
    """
    last, is_whole = find_last_use(place)
    if not is_whole or os.path.lexists(place / ".pyve" / "lock"):
        return now - last >= MAKING_SECONDS
    return now - last >= age


def list_unused(cache: Path, now: float, age: float) -> Iterator[Path]:
    """Give the folders that may go.

    Args:
        cache: Pyve's cache folder, in which ``environments`` is.
        now: the time, in seconds since the epoch.
        age: for how many seconds they have not been used.
    """
    for kind in FOLDERS:
        for name in list_names(cache / kind):
            place = cache / kind / name
            if NAME.fullmatch(name) and not place.is_symlink() and is_unused(place, now, age):
                yield place


def list_left(cache: Path) -> Iterator[Path]:
    """Give what killed commands were removing."""
    for kind in FOLDERS:
        for name in list_names(cache / kind):
            match = ASIDE.fullmatch(name)
            if match and (int(match[1]) == os.getpid() or not is_running(int(match[1]))):
                yield cache / kind / name


def clear_unused(
    cache: Path, now: float, age: float | None, drop: Callable[[Path], bool], dry_run: bool
) -> list[str]:
    """Remove what was not used for a while.

    Args:
        cache: Pyve's cache folder, in which ``environments`` is.
        now: the time, in seconds since the epoch.
        age: for how many seconds it has not been used; None for 30 days.
        drop: removes a folder, and says whether it is gone.
        dry_run: only find out; ``drop`` then counts.

    Returns:
        The names of those that went.
    """
    limit = UNUSED_SECONDS if age is None else age
    gone = []
    leaving: tuple[bytes, ...] = ()
    for place in list_unused(cache, now, limit):
        if dry_run:
            leaving += (os.fsencode(place) + b"/",)
            drop(place)
        elif not move_aside(place, now, limit):
            continue
        gone.append(place.name)
    for place in [*list_left(cache), *list_stale_memos(cache, leaving)]:
        drop(place)
    return gone


def list_stale_memos(cache: Path, leaving: tuple[bytes, ...] = ()) -> Iterator[Path]:
    """Give the memos of warm starts that lead nowhere any more.

    Args:
        cache: Pyve's cache folder.
        leaving: what paths begin with that count as gone.

    Those of tools name a program (lib/tool_warm.sh), those of scripts have the folder of their
    environment in the first line (lib/script_metadata.sh).
    """
    for kind, form in (("environments/.tools", rb"(?m)^program=(.*)$"), ("scripts", rb"(.*)")):
        for name in list_names(cache / kind):
            path = cache / kind / name
            if BEING_WRITTEN.search(name):
                yield path
                continue
            try:
                with open(path, "rb") as stream:
                    match = re.search(form, stream.read(LONGEST_MEMO))
            except OSError:
                continue
            if (
                not match
                or b"\0" in match[1]
                or (match[1] + b"/").startswith(leaving)
                or not os.path.lexists(match[1])
            ):
                yield path


def move_aside(place: Path, now: float, age: float) -> bool:
    """Take one out of its place, unless it has come into use meanwhile."""
    aside = place.with_name(f".gone.{os.getpid()}.{place.name}")
    try:
        os.rename(place, aside)
    except OSError:
        # (Another gc was quicker, or the folder cannot be written, which hurts nobody.)
        return False
    if is_unused(aside, now, age):
        return True
    try:
        os.rename(aside, place)
    except OSError:
        # It was made anew meanwhile.
        return True
    return False
