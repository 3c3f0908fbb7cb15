"""Changes of a manifest that may give it a solution, the smallest first."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pyve_core import HelperError
from pyve_locks.conflict_trials import CONSTRAINT, OVERRIDE, Unit, list_units, with_units
from pyve_locks.index_data import read_file_name
from pyve_locks.known_names import guess_names
from pyve_locks.loosen import how_far, loosen, next_above
from pyve_locks.made_project import python_range
from pyve_locks.requirement import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyve_locks.conflict_trials import Trial, Trials
    from pyve_locks.conflict_words import Words
    from pyve_locks.manifest import Manifest
    from pyve_locks.solve import SolveOptions

__all__ = ["Change", "Conflict", "apply_change", "list_changes", "solve_alone"]

# Systems of wheels, as the beginning of their platform -> sys_platform of markers (PEP 508).
_SYSTEMS = {
    "win": "win32",
    "macosx": "darwin",
    "manylinux": "linux",
    "musllinux": "linux",
    "linux": "linux",
}


@dataclass(frozen=True)
class Conflict:
    """A part of a manifest that has no solution.

    Attributes:
        core: requirements of which none can be left out of it.
        error: what uv says about them.
        words: the same, read.
    """

    core: tuple[Unit, ...]
    error: HelperError
    words: Words


@dataclass(frozen=True)
class Change:
    """A change of what is asked for.

    Attributes:
        units: requirements -> what they become; None for those that go.
        python: what requires-python becomes, or "".
        options: how to solve now, where that changes.
        option: the words of the command line that say so.
        size: the smaller, the better.
    """

    units: tuple[tuple[Unit, Requirement | None], ...] = ()
    python: str = ""
    options: SolveOptions | None = None
    option: tuple[str, ...] = ()
    size: tuple[int, ...] = ()


def apply_change(
    change: Change, manifest: Manifest, options: SolveOptions
) -> tuple[Manifest, SolveOptions]:
    """Give the manifest and the options after a change."""
    # What an included group brings is there more than once.
    changed = {_identify(unit): new for unit, new in change.units}
    kept = []
    for unit in list_units(manifest):
        new = changed.get(_identify(unit), unit.requirement)
        if new is not None:
            kept.append(Unit(unit.root, new))
    if change.python:
        options = replace(options, python=change.python)
        manifest = replace(manifest, requires_python=change.python)
    if change.options:
        options = replace(change.options, python=options.python)
    return with_units(manifest, kept), options


def _identify(unit: Unit) -> tuple[object, ...]:
    """Give what is the same for a requirement in several groups, of which one includes another."""
    wish = unit.requirement
    return wish, wish.file, wish.line, unit.root if unit.root in (CONSTRAINT, OVERRIDE) else ""


def list_changes(
    trials: Trials,
    manifest: Manifest,
    options: SolveOptions,
    conflict: Conflict,
    kept: frozenset[str],
) -> Iterator[Change]:
    """Give changes that may solve a conflict, the smallest first; nobody has tried them yet.

    Args:
        trials: to find out what would be taken.
        manifest: the whole one.
        options: how it is solved.
        conflict: what excludes each other.
        kept: names that are not to go.
    """
    finder = _Finder(trials, manifest, options, conflict)
    yield from finder.list_names()
    found = [*finder.list_versions(), *finder.list_options(), *finder.list_limits()]
    yield from sorted(found, key=lambda change: change.size)
    yield from finder.list_all_versions()
    yield from finder.list_markers()
    if conflict.error.code != "E_RESOLVE_BUILD":
        for unit in reversed(conflict.core):
            if unit.requirement.name not in kept:
                yield Change(((unit, None),))


class _Finder:
    """Makes changes for one conflict."""

    def __init__(
        self, trials: Trials, whole: Manifest, options: SolveOptions, conflict: Conflict
    ) -> None:
        self.trials = trials
        self.whole = whole
        self.manifest = with_units(whole, conflict.core)
        self.options = options
        self.conflict = conflict
        self.words = conflict.words

    def solve(self, *pairs: tuple[Unit, Requirement], words: tuple[str, ...] = ()) -> Trial:
        """Solve the core with some requirements replaced."""
        manifest, options = apply_change(Change(pairs), self.manifest, self.options)
        return self.trials.solve(manifest, options, *words)

    def specified(self) -> list[Unit]:
        """Give the requirements that limit versions."""
        return [unit for unit in self.conflict.core if unit.requirement.specifier]

    def list_names(self) -> Iterator[Change]:
        """Names that may have been meant."""
        for unit in self.conflict.core:
            wish = unit.requirement
            if wish.name in self.words.missing and not (wish.url or wish.path):
                for name in self.guess(wish.name):
                    yield Change(((unit, replace(wish, name=name)),))

    def guess(self, name: str) -> list[str]:
        """Guess what a name means, by what the project and its own indexes have."""
        from pyve_locks.index_data import list_names
        from pyve_locks.places import list_places
        from pyve_locks.uv_run import no_index, uv_environment

        known = {unit.requirement.name for unit in list_units(self.whole)} - set(self.words.missing)
        lock = self.options.preferences
        known.update(str(package["name"]) for package in (lock.packages if lock else ()))
        environ = os.environ if self.options.environ is None else self.options.environ
        if not (self.options.offline or no_index(uv_environment(environ))):
            for place in list_places(self.whole, self.options):
                known.update(list_names(place))
        return guess_names(name, sorted(known))

    def list_versions(self) -> Iterator[Change]:
        """Other versions of one requirement."""
        for number, unit in enumerate(self.specified()):
            wish = unit.requirement
            free = self.solve((unit, replace(wish, specifier="")))
            for version in free.versions.get(wish.name, ()):
                if not SpecifierSet(wish.specifier).contains(version, prereleases=True):
                    version = self.nearest(unit, version)
                    far, is_below = how_far(wish.specifier, version)
                    is_apart = int(unit.root in (CONSTRAINT, OVERRIDE))
                    size = (1, far + is_below, is_apart, number)
                    pairs = [
                        (other, _let_in(other, version)) for other in self.alike(unit, version)
                    ]
                    yield Change(((unit, _let_in(unit, version)),), size=size)
                    if len(pairs) > 1:
                        yield Change(tuple(pairs), size=(*size, 1))
                    break

    def alike(self, unit: Unit, version: Version) -> Iterator[Unit]:
        """Give all requirements of the same distribution that exclude a version."""
        for other in list_units(self.whole):
            wish = other.requirement
            allowed = SpecifierSet(wish.specifier)
            is_same = wish.name == unit.requirement.name
            if is_same and not allowed.contains(version, prereleases=True):
                yield other

    def nearest(self, unit: Unit, version: Version) -> Version:
        """Give the lowest version that solves, of those above what a requirement allows."""
        above = next_above(unit.requirement.specifier, version)
        if not above:
            return version
        wish = replace(unit.requirement, specifier=above)
        low = self.solve((unit, wish), words=("--resolution", "lowest-direct"))
        return min(low.versions.get(wish.name, (version,)))

    def list_all_versions(self) -> Iterator[Change]:
        """Other versions of all requirements at once."""
        units = self.specified()
        if len(units) < 2:
            return
        free = self.solve(*((unit, replace(unit.requirement, specifier="")) for unit in units))
        pairs = []
        for unit in units:
            wish = unit.requirement
            for version in free.versions.get(wish.name, ())[:1]:
                pairs.append((unit, _let_in(unit, version)))
        changed = tuple((unit, new) for unit, new in pairs if new != unit.requirement)
        if free.is_solved and changed:
            yield Change(changed)

    def list_options(self) -> Iterator[Change]:
        """Options of the command."""
        options, said = self.options, " ".join(self.conflict.error.why)
        if options.exclude_newer:
            later = replace(options, exclude_newer="")
            low = self.trials.solve(self.manifest, later, "--resolution", "lowest-direct")
            date = max(low.uploads.values(), default="")
            if low.is_solved and date:
                date = _next_second(date)
                new = replace(options, exclude_newer=date)
                yield Change(options=new, option=("--exclude-newer", date), size=(0, 1))
        if not options.prerelease and "re-release" in said:
            new = replace(options, prerelease=True)
            # All of the project may get pre-releases then.
            yield Change(options=new, option=("--pre",), size=(1, 2, 1))

    def list_limits(self) -> Iterator[Change]:
        """A higher lower limit of Python."""
        for limit in self.words.limits:
            if not limit.startswith(">"):
                continue
            lower = re.sub(r">=?[\d.]+,?", "", self.options.python).strip(",")
            try:
                joined = python_range(lower, limit)
            except HelperError:
                continue
            if joined != self.options.python:
                release = Version(re.findall(r"\d[\d.]*", limit)[0]).release[:2]
                yield Change(python=joined, size=(0, 2, *release))

    def list_markers(self) -> Iterator[Change]:
        """Markers, for what is not for all environments."""
        markers = [self.systems(name) for name in self.words.unusable]
        lower = [limit[2:] for limit in self.words.limits if limit.startswith(">=")]
        markers += [f"python_full_version >= '{version}'" for version in lower]
        for unit in self.conflict.core:
            # What has a marker already would be left with nothing.
            if unit.root not in (CONSTRAINT, OVERRIDE) and not unit.requirement.marker:
                for marker in filter(None, markers):
                    yield Change(((unit, unit.requirement.when(marker)),))

    def systems(self, name: str) -> str:
        """Give the marker of the systems for which a distribution has wheels; "" for all."""
        files = solve_alone(self.trials, self.manifest, name).files.get(name, [])
        return " or ".join(f"sys_platform == '{name}'" for name in read_systems(files))


def solve_alone(trials: Trials, manifest: Manifest, name: str) -> Trial:
    """Solve for one distribution, in any version and for all platforms."""
    settings = {key: value for key, value in manifest.uv.items() if key != "environments"}
    alone = with_units(replace(manifest, uv=settings), [Unit("", Requirement(name))])
    if "" not in alone.roots:
        alone = replace(alone, roots={"": (Requirement(name),), **alone.roots})
    options = replace(trials.options, platforms=())
    return trials.solve(alone, options, "--prerelease", "allow")


def _let_in(unit: Unit, version: Version) -> Requirement:
    """Give a requirement that allows a version, too."""
    wish = unit.requirement
    return replace(wish, specifier=loosen(wish.specifier, version))


def read_systems(files: Iterable[str]) -> list[str]:
    """Give the systems, as sys_platform has them, that wheels are for; [] for all."""
    found = set()
    for file in files:
        read = read_file_name(file)
        for platform in read[1].platforms if read else ():
            if platform == "any":
                return []
            found.add(_SYSTEMS.get(re.split(r"[\d_]", platform)[0], ""))
    return sorted(found - {""})


def _next_second(date: str) -> str:
    from datetime import datetime, timedelta, timezone

    read = datetime.fromisoformat(date.replace("Z", "+00:00").partition(".")[0].partition("+")[0])
    return (read + timedelta(seconds=1)).replace(tzinfo=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
