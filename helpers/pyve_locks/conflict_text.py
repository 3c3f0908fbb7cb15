"""What a person reads when a manifest has no solution."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_locks.conflict_changes import solve_alone
from pyve_locks.conflict_fixes import list_commands
from pyve_locks.conflict_trials import CONSTRAINT, OVERRIDE, Tired
from pyve_locks.conflict_words import PYTHON, find_chain
from pyve_locks.graph import describe_root
from pyve_locks.index_data import IndexFile, list_files
from pyve_locks.places import find_place, list_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyve_locks.conflict_changes import Change, Conflict
    from pyve_locks.conflict_trials import Trials, Unit
    from pyve_locks.manifest import Manifest
    from pyve_locks.solve import SolveOptions

__all__ = ["Story", "tell"]

# Versions, and platforms of wheels, that are shown: they fit on a line.
SHOWN = 5


@dataclass(frozen=True)
class Story:
    """All that was found out.

    Attributes:
        manifest: what was asked for.
        options: how it was solved.
        trials: what was tried.
        conflicts: what has no solution.
        changes: what mends it, in the same order.
        is_solved: whether there is a solution after all changes.
        added: names that the command adds.
    """

    manifest: Manifest
    options: SolveOptions
    trials: Trials
    conflicts: tuple[Conflict, ...]
    changes: tuple[Change, ...]
    is_solved: bool
    added: frozenset[str]


def tell(story: Story) -> HelperError:
    """Give the diagnostic."""
    why: list[str] = []
    for conflict in story.conflicts:
        why += _list_reasons(story, conflict)
    fix: list[str] = []
    # Of an option that was raised again and again, the last value is the one that solves.
    last = {change.option[0]: change for change in story.changes if change.option}
    changes = [c for c in story.changes if not c.option or last[c.option[0]] is c]
    if story.is_solved and changes:
        sentences = [text for change in changes for text in _describe(story, change)]
        gone = any(new is None for change in changes for _, new in change.units)
        gone = gone and story.conflicts[0].error.code == "E_RESOLVE_CONFLICT"
        only = "no other versions solve it; " if gone else ""
        why.append(f"{only}the smallest change that gives a solution: {'; '.join(sentences)}")
        fix = list_commands(story.manifest, changes, story.added)
    first = story.conflicts[0]
    return HelperError(first.error.code, _title(story, first), list(dict.fromkeys(why)), fix)


def _title(story: Story, conflict: Conflict) -> str:
    words, code = conflict.words, conflict.error.code
    target = _find_target(conflict)
    names = list(dict.fromkeys(unit.requirement.name for unit in conflict.core))
    if code == "E_RESOLVE_BUILD" or not target:
        return conflict.error.message
    if code == "E_RESOLVE_PYTHON":
        needs = " and ".join(f"Python {limit}" for limit in words.limits)
        return f"{target} needs {needs}, and the project is for {story.options.python}"
    if target in words.missing:
        return f"there is no distribution called {target}"
    if target in words.unusable:
        places = ", ".join(story.options.platforms) or words.unusable[target]
        return f"{target} has no wheel for {places}, and no source distribution"
    if target in _list_yanked(conflict):
        return f"every version of {target} that fits was yanked"
    if target in words.nothing and story.options.exclude_newer:
        return f"every version of {target} is newer than {story.options.exclude_newer} allows"
    if code == "E_RESOLVE_MISSING":
        wants = _list_wants(conflict).get(target, [])
        wanted = [text for text in wants if text != target] or [target]
        return f"there is no version of {target} that fits {' and '.join(wanted)}"
    if len(names) == 1:
        return f"{names[0]} is asked for in versions that exclude each other"
    if target in names:
        names = [*(name for name in names if name != target), "the project"]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} need versions of {target} that exclude each other"


def _list_wants(conflict: Conflict) -> dict[str, list[str]]:
    """Give what is wanted of each distribution."""
    wants: dict[str, list[str]] = {}
    for unit in conflict.core:
        wants.setdefault(unit.requirement.name, []).append(unit.requirement.canonical())
    for edge in conflict.words.edges:
        wants.setdefault(edge.child, []).append(edge.wants)
    return {name: list(dict.fromkeys(texts)) for name, texts in wants.items()}


def _list_yanked(conflict: Conflict) -> list[str]:
    """Give the names of which nothing else is said than that versions were yanked.

    Where others of their versions need something, that is the cause.
    """
    needy = {edge.parent for edge in conflict.words.edges}
    return [name for name in conflict.words.yanked if name not in needy]


def _find_target(conflict: Conflict) -> str:
    """Find the distribution that it is about; "" when that is not plain."""
    words = conflict.words
    if conflict.error.code == "E_RESOLVE_PYTHON":
        needy = [edge.parent for edge in words.edges if edge.child == PYTHON]
        return (needy or [unit.requirement.name for unit in conflict.core] or [""])[0]
    for found in (words.missing, words.unusable, _list_yanked(conflict), words.nothing):
        if found:
            return next(iter(found))
    if conflict.error.code == "E_RESOLVE_MISSING" and (words.available or words.absent):
        return next(iter((*words.available, *words.absent)))
    best, most = "", 1
    for name, texts in _list_wants(conflict).items():
        reached = [
            unit
            for unit in conflict.core
            if unit.requirement.name == name or find_chain(words, unit.requirement.name, name)
        ]
        if len(texts) > 1 and len(reached) >= most:
            best, most = name, len(reached)
    return best


def _place(story: Story, unit: Unit) -> str:
    """Tell where a requirement stands; what the command adds is in no file when it has failed."""
    wish = unit.requirement
    place = wish.file or "pyproject.toml"
    if wish.name in story.added and unit.root not in (CONSTRAINT, OVERRIDE):
        place = "to be added"
    elif wish.line:
        place += f", line {wish.line}"
    if unit.root in (CONSTRAINT, OVERRIDE):
        return f"{place}, {unit.root}"
    return f"{place}, {describe_root(unit.root)}" if unit.root else place


def _list_reasons(story: Story, conflict: Conflict) -> Iterator[str]:
    """Give who wants what, and what there is."""
    words, target = conflict.words, _find_target(conflict)
    goal = PYTHON if conflict.error.code == "E_RESOLVE_PYTHON" else target
    is_plain = bool(target)
    for unit in conflict.core:
        wish = unit.requirement
        chain = [] if wish.name == goal else find_chain(words, wish.name, goal)
        steps = [wish.canonical(), *(edge.wants for edge in chain)]
        is_plain = is_plain and (bool(chain) or wish.name == target)
        yield f"{_place(story, unit)}: {' -> '.join(steps)}"
    if conflict.error.code == "E_RESOLVE_PYTHON":
        yield f"the project is for Python {story.options.python}"
    if target and target not in words.missing:
        yield from _list_available(story, conflict, target)
    for name, reason in words.yanked.items():
        yield f"{name} was yanked" + (f": {reason}" if reason else "")
    if not is_plain or conflict.error.code == "E_RESOLVE_BUILD":
        yield from conflict.error.why
    for line in conflict.error.why:
        hint = re.match(r"\s*hint: (.*exclude-newer.*|.*credentials.*|.*re-release.*)", line)
        if hint and is_plain:
            yield hint.group(1).split(" Consider ")[0]


def _list_available(story: Story, conflict: Conflict, target: str) -> Iterator[str]:
    """Give the versions that there are; and the platforms, where these matter."""
    files = _find_files(story, target)
    if not files:
        said = conflict.words.available.get(target)
        if said:
            yield f"there is {target} {said}"
        return
    good = sorted({file.version for file in files if not file.is_yanked}, reverse=True)
    final = [version for version in good if not version.is_prerelease]
    # Those of a version that is out are of no use.
    early = [one for one in good if one.is_prerelease and (not final or one > final[0])]
    for kind, versions in (("there is", final), ("before a release, there is", early)):
        if versions:
            left = len(versions) - SHOWN
            more = f" and {left} older {'one' if left == 1 else 'ones'}" if left > 0 else ""
            yield f"{kind} {target} {', '.join(map(str, versions[:SHOWN]))}{more}"
    if target in conflict.words.unusable:
        newest = [file for file in files if file.version == good[0]] if good else []
        platforms = sorted({one for file in newest for one in file.platforms})
        shown = f"{', '.join(platforms[:SHOWN])}{', ...' if len(platforms) > SHOWN else ''}"
        yield f"{target} {good[0] if good else ''} has wheels for {shown}"


def _find_files(story: Story, name: str) -> Sequence[IndexFile]:
    """Ask the index, from which a distribution comes, which files of it there are."""
    if story.options.pip and not story.options.offline:
        # It does not say which of the indexes it took something from.
        asked = (list_files(p, name) for p in list_places(story.manifest, story.options))
        return next(filter(None, asked), ())
    found = ""
    for trial in story.trials.known.values():
        found = found or trial.registries.get(name, "")
    if not found:
        try:
            found = solve_alone(story.trials, story.manifest, name).registries.get(name, "")
        except Tired:
            return ()
    place = find_place(found, story.manifest, story.options) if found else ""
    if not place or (story.options.offline and "://" in place):
        return ()
    return list_files(place, name)


def _describe(story: Story, change: Change) -> Iterator[str]:
    """Say what a change is."""
    if change.python:
        yield f"Python {story.options.python} becomes {change.python}"
    if change.option:
        yield f"the option {' '.join(change.option)}"
    for unit, new in change.units:
        old = unit.requirement.canonical()
        what = f"{old} becomes {new.canonical()}" if new else f"{old} is removed"
        yield f"{what} ({_place(story, unit)})"
