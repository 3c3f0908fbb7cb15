"""The words for bubblewrap: a file system, processes, and a network, that have only what is open.

Source: bwrap(1).
"""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

from pyve_core.errors import HelperError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyve_sandbox.places import Places
    from pyve_sandbox.profile import Profile

__all__ = ["TMP", "find_bubblewrap", "list_between", "make_words"]

# Where it is looked for: never in what a project can put on PATH.
_FOLDERS = (
    *("/usr/bin", "/usr/local/bin", "/bin", "/run/wrappers/bin", "/run/current-system/sw/bin"),
)
TMP = ("/tmp", "/var/tmp")
_SIZED = (0, 7)


def find_bubblewrap(named: str = "") -> str:
    """Give the path of bubblewrap, "" when there is none.

    Args:
        named: a path that the user names.

    Raises:
        HelperError: E_SANDBOX_ENGINE, when somebody else could have put it there.
    """
    for path in [named] if named else [os.path.join(folder, "bwrap") for folder in _FOLDERS]:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode) or not os.access(path, os.X_OK):
            continue
        if status.st_uid not in (0, os.getuid()) or status.st_mode & 0o022:
            raise HelperError(
                "E_SANDBOX_ENGINE",
                f"{path} is not used: others than you and root can write it",
            )
        return path
    return ""


def make_words(
    program: str, profile: Profile, places: Places, inside: Sequence[str], filter_from: int = -1
) -> list[str]:
    """Give the command line.

    Args:
        program: the path of bubblewrap.
        profile: what was asked for.
        places: what is open.
        inside: what is executed within.
        filter_from: a descriptor to read a filter of calls from, for bubblewrap's own process that
            the command can see; -1 for none.
    """
    words = [program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent"]
    words += [] if profile.net else ["--unshare-net"]
    words += ["--seccomp", str(filter_from)] if filter_from >= 0 else []
    words += ["--proc", "/proc", "--dev", "/dev"]
    size = []
    if profile.memory and _read_version(program) >= _SIZED:
        # (What is in these folders is in memory.)
        size = ["--size", str(profile.memory)]
    mounts = _list_mounts(places, size)
    for path in list_between(places):
        mounts[path] = ["--bind", path, path]
    mounts["/dev/shm"] = mounts.get("/dev/shm", [*size, "--tmpfs", "/dev/shm"])
    for path in sorted(mounts, key=lambda one: (one.count("/") if one != "/" else 0, one)):
        words += mounts[path]
    # (They are in memory, too, and of no size.)
    words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*words, "--chdir", profile.folder, "--", *inside]


def _list_mounts(places: Places, size: Sequence[str] = ()) -> dict[str, list[str]]:
    """Give the words for each path where something is mounted.

    Args:
        places: what is open.
        size: the words that limit what is in memory.
    """
    mounts: dict[str, list[str]] = {}
    for folder in (*TMP, places.home):
        if folder:
            mounts[folder] = [*size, "--tmpfs", folder]
    for place in places.open:
        real = place.real
        if real not in mounts or place.writes or mounts[real][-2] == "--tmpfs":
            mounts[real] = ["--bind" if place.writes else "--ro-bind", real, real]
        if places.needs_link(place):
            # (A second mount would have no part in what is mounted within the first one.)
            mounts[place.path] = ["--symlink", real, place.path]
    for place in places.guarded:
        mounts[place.real] = ["--ro-bind", place.real, place.real]
    return mounts


def list_between(places: Places) -> set[str]:
    """Give the folders between what can be written and what in it cannot.

    A mount cannot be moved away, but the folder that it is in can, and another one be put there:
    unless that is a mount, too.
    """
    mounts = _list_mounts(places)
    found = set()
    for path, words in mounts.items():
        above = os.path.dirname(path)
        between = set()
        while words[0] == "--ro-bind" and above not in (mounts.keys() | {"/"}):
            between.add(above)
            above = os.path.dirname(above)
        if mounts.get(above, [""])[0] == "--bind":
            found |= between
    return found


def _read_version(program: str) -> tuple[int, ...]:
    """Give the version of bubblewrap; () when it does not say."""
    try:
        said = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).stdout
        return tuple(int(part) for part in said.split()[-1].split(b".")[:2])
    except (OSError, ValueError, IndexError):
        return ()
