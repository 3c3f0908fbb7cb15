"""What a lock changes in an environment that is there.

Source: PEP 751; recording installed projects (PEP 376, PEP 627).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_installed.distributions import list_distributions
from pyve_locks.sync import Changes
from pyve_store.owners import read_state

if TYPE_CHECKING:
    from collections.abc import Collection

    from pyve_store.digest import Choice

__all__ = ["compare", "read_installed"]


def read_installed(environment: Path) -> dict[str, tuple[str, str]]:
    """Give what is in an environment: name -> version, and identity where the store knows it.

    What is installed on top of the store comes first.
    """
    found: dict[str, tuple[str, str]] = {}
    try:
        named = read_state(os.fspath(environment))
    except OSError:
        named = ""
    own: set[str] = set()
    if named:
        entry = Path(named)
        try:
            text = (entry / "distributions").read_text(encoding="utf-8")
        except OSError:
            text = ""
        for line in text.splitlines():
            identity, _, rest = line.partition(" ")
            name, _, version = rest.partition(" ")
            found[name] = (version, identity)
        copied = entry / "copy"
        for folder in copied.glob("lib/*/site-packages"):
            own |= {one.name for one in list_distributions(folder, True)}
    for folder in environment.glob("lib/*/site-packages"):
        for one in list_distributions(folder, True):
            same = one.name in own and found.get(one.name, ("",))[0] == one.version
            if not same:
                found[one.name] = (one.version, "")
    return found


def compare(environment: str, choice: Choice, project: Collection[str]) -> Changes:
    """Say what a lock changes.

    Args:
        environment: the folder; "" for none.
        choice: what the lock comes to.
        project: names that are not looked at: those of the project itself.
    """
    before = read_installed(Path(environment)) if os.path.isdir(environment or "?") else {}
    after = {one.name: (one.version or "?", one.identity) for one in choice.packages}
    # (Nobody knows whether a folder has changed.)
    after.update({name: (before.get(name, ("?", ""))[0], "") for name in choice.local})
    added = [f"{name} {after[name][0]}" for name in sorted(after) if name not in before]
    removed = [
        f"{name} {before[name][0]}"
        for name in sorted(before)
        if name not in after and name not in project
    ]
    changed = []
    for name in sorted(after):
        if name in before and name not in choice.local:
            (old, was), (new, now) = before[name], after[name]
            is_same = was == now if was else new in (old, "?")
            if not is_same:
                changed.append(f"{name} {old} {new}")
    return Changes(tuple(added), tuple(changed), tuple(removed))
