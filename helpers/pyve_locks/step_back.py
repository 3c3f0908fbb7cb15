"""Answers of uv that have a distribution far older than need be, and better ones in their place.

uv holds on to what it decided first, and steps back whatever comes later. That may end with a
version from before a distribution had any dependencies, where one step back of the other would do.

What uv considered stands in its log; so the newest version that was allowed is known without asking
an index, and nothing else is done where nothing is suspicious.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyve_locks.requirement import Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pyve_locks.manifest import Manifest

__all__ = ["Answer", "is_far", "step_back"]

# Solutions beside the first one that are looked at.
MOST_TRIALS = 5
# Of two versions with the same first number: this much between their second ones is far.
FAR = 10
_SELECTED = re.compile(r"\bSelecting: ([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)")
_LOCKED = re.compile(r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = \{ registry')
_UPLOADED = re.compile(r'upload-time = "(\d{4})-(\d\d)-')
_SPLIT = re.compile(r"\bSolving split \(markers: (.*?)\) \(requires-python")
_UPPER = ("<", "<=", "==", "===", "~=")

# A name, and the marker of the environments for which uv solved apart ("" for all).
Place = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """What uv answered.

    Attributes:
        text: of uv.lock.
        log: which versions it selected on the way, in its own words.
        warnings: what it says about it.
    """

    text: str
    log: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def is_far(version: Version, newest: Version) -> bool:
    """Tell whether a version is far behind another one.

    It is when it has a lower epoch or first number ("major"), or, where these are the same, a
    second number that is lower by 10 or more (as those of calendars and of long series of releases
    are). Dates do not count: many indexes have none.
    """
    ours, theirs = (version.epoch, *_pad(version)[:1]), (newest.epoch, *_pad(newest)[:1])
    if ours != theirs:
        return ours < theirs
    return _pad(newest)[1] - _pad(version)[1] >= FAR


def _pad(version: Version) -> tuple[int, ...]:
    return (*version.release, 0, 0, 0)[:3]


def read_selected(log: Iterable[str]) -> dict[Place, list[Version]]:
    """Read which versions of each distribution uv selected, if only for a while, in order."""
    found: dict[Place, list[Version]] = {}
    split = ""
    for line in log:
        # (Most of thousands of lines say something else.)
        begun = _SPLIT.search(line) if "Solving split" in line else None
        if begun:
            split = begun.group(1)
        for name, text in _SELECTED.findall(line) if "Selecting: " in line else ():
            version = _read(text)
            if version is not None:
                found.setdefault((str(canonicalize_name(name)), split), []).append(version)
    return found


@dataclass(frozen=True)
class _Locked:
    """What a lock of uv has of indexes.

    Attributes:
        versions: where -> version.
        blocks: name and version -> what the lock says of it.
    """

    versions: dict[Place, Version]
    blocks: dict[tuple[str, Version], str]

    @cached_property
    def years(self) -> dict[tuple[str, Version], int]:
        """Tell how old each is.

        Returns:
            Name and version -> by how many years the newest file of any distribution is newer than
            the newest of this version; 0 where the index does not say.
        """
        dates = {
            key: max(
                (12 * int(year) + int(month) for year, month in _UPLOADED.findall(block)), default=0
            )
            for key, block in self.blocks.items()
        }
        newest = max(dates.values(), default=0)
        return {key: (newest - date) // 12 if date else 0 for key, date in dates.items()}

    def by_name(self) -> dict[str, str]:
        """Give name -> versions, as people read them."""
        found: dict[str, set[Version]] = {}
        for (name, _), version in self.versions.items():
            found.setdefault(name, set()).add(version)
        return {name: " and ".join(map(str, sorted(all_))) for name, all_ in found.items()}


def read_locked(answer: Answer, selected: Mapping[Place, list[Version]]) -> _Locked:
    """Read a lock of uv, and where each version of it is for.

    Args:
        answer: it.
        selected: what ``read_selected`` gives of its log.
    """
    blocks: dict[tuple[str, Version], str] = {}
    for block in answer.text.split("\n[[package]]\n")[1:]:
        head = _LOCKED.match(block)
        version = _read(head.group(2)) if head else None
        if head is not None and version is not None:
            blocks[head.group(1), version] = block
    locked = {
        place: versions[-1]
        for place, versions in selected.items()
        if (place[0], versions[-1]) in blocks
    }
    return _Locked(locked, blocks)


def _read(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None


class _Judge:
    """Compares answers to a manifest."""

    def __init__(self, manifest: Manifest, kept: Mapping[str, set[str]]) -> None:
        self.kept = kept
        self.seen: dict[Place, set[Version]] = {}
        wishes = [one for found in manifest.roots.values() for one in found]
        self.direct = {wish.name for wish in wishes}
        limits = (*manifest.constraint_requirements, *manifest.override_requirements)
        self.limited = {wish.name for wish in (*wishes, *limits) if has_upper_bound(wish)}
        sources = manifest.uv.get("sources")
        self.limited |= {str(canonicalize_name(name)) for name in sources or ()}

    def see(self, answer: Answer) -> _Locked:
        """Take notice of what uv selected; give what it locked."""
        selected = read_selected(answer.log)
        for place, versions in selected.items():
            self.seen.setdefault(place, set()).update(versions)
        return read_locked(answer, selected)

    def newest(self, place: Place) -> Version:
        """Give the newest version that uv selected where it has locked one."""
        return max(self.seen[place])

    def list_far(self, locked: _Locked) -> list[Place]:
        """Give what is far behind though nobody asks for that; the project's own wishes first."""
        far = [
            (name, split)
            for (name, split), version in locked.versions.items()
            if name not in self.limited
            and str(version) not in self.kept.get(name, ())
            and is_far(version, self.newest((name, split)))
        ]
        return sorted(far, key=lambda place: (place[0] not in self.direct, place))

    def rate(self, locked: _Locked) -> tuple[int, ...]:
        """Rate a solution: the lower, the better; what the project itself asks for comes first."""
        steps = {
            place: sum(one > version for one in self.seen.get(place, ()))
            for place, version in locked.versions.items()
        }
        behind = [place for place, count in steps.items() if count]
        mine = [place for place in behind if place[0] in self.direct]
        return tuple(
            number
            for places in (mine, behind)
            for number in (
                max((locked.years[p[0], locked.versions[p]] for p in places), default=0),
                sum(steps[place] for place in places),
            )
        )


def has_upper_bound(wish: Requirement) -> bool:
    """Tell whether a requirement is not for any newer version, or for one place."""
    if wish.url or wish.path:
        return True
    return any(clause.operator in _UPPER for clause in SpecifierSet(wish.specifier))


def step_back(
    first: Answer,
    manifest: Manifest,
    kept: Mapping[str, set[str]],
    solve: Callable[[Manifest], Answer | None],
) -> Answer:
    """Look for a better answer where uv's has a distribution that is far behind; see is_far.

    Each such distribution that has no upper bound in the manifest gets a lower one, at the newest
    version that uv selected on the way: first all such together, then one by one, those that the
    project asks for itself before others. A solution is better than another one when, of what the
    project asks for itself and could not have in the newest version, the oldest is fewer years
    behind the rest; then when there are fewer releases in all (which uv selected on the way) above
    those that it has; then when the same is true of all that is locked. The first one stays when
    none is better. What is kept from an older lock is not suspicious, so that an answer that was
    chosen once stays.

    Args:
        first: uv's answer.
        manifest: what was asked for.
        kept: name -> versions that the old lock has.
        solve: answers a manifest; None when it has no solution.

    Returns:
        The best of at most 6 answers, with a warning that says what was done.
    """
    judge = _Judge(manifest, kept)
    best, locked = first, judge.see(first)
    start = locked
    far = judge.list_far(locked)
    suspects = {name for name, _ in far}
    bounds: dict[Place, Requirement] = {}
    at, trials = locked, 0
    while far:
        found = None
        # (One alone is the same as all of one.)
        for places in [far, *([place] for place in far)][: len(far) if len(far) == 1 else None]:
            if found is None and trials < MOST_TRIALS:
                trials += 1
                more = {p: _bound(p, at.versions[p], judge.newest(p)) for p in places}
                limits = (*manifest.constraint_requirements, *{**bounds, **more}.values())
                found = solve(replace(manifest, constraint_requirements=limits))
                bounds = {**bounds, **more} if found else bounds
        if found is None:
            break
        # What is better in one split may show only now what another one could have.
        at = judge.see(found)
        if judge.rate(at) < judge.rate(locked):
            best, locked = found, at
        far = [place for place in judge.list_far(at) if place[0] in suspects]
    if best is first:
        return first
    said = _describe(sorted(suspects), start.by_name(), locked.by_name())
    return replace(best, warnings=(*best.warnings, said))


def _bound(place: Place, version: Version, newest: Version) -> Requirement:
    """Give the lower bound: the first number of the newest version, or the first two."""
    name, split = place
    epoch, major, minor = newest.epoch, *_pad(newest)[:2]
    lowest = f"{epoch}!{major}" if epoch else f"{major}"
    if (version.epoch, _pad(version)[0]) == (epoch, major):
        lowest += f".{minor}"
    specifier = f">={newest if newest.is_prerelease else lowest}"
    return Requirement(name, specifier=specifier, marker=split)


def _describe(suspects: Iterable[str], start: dict[str, str], end: dict[str, str]) -> str:
    """Say which versions are taken in place of uv's first ones."""
    parts = [
        f"{name} {end[name]} instead of {start[name]}" if name in end else f"no {name}"
        for name in suspects
        if end.get(name) != start[name]
    ]
    said = f"uv's first answer was far behind what is allowed; taken: {', '.join(parts)}"
    others = sorted(n for n in end if n in start and end[n] != start[n] and n not in suspects)
    if others:
        back = ", ".join(f"{name} {end[name]} instead of {start[name]}" for name in others)
        said += f", for which it has {back}"
    return said
