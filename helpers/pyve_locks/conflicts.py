"""A manifest without a solution: who wants what, and the smallest change that would give one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks.conflict_changes import Change, Conflict, apply_change, list_changes
from pyve_locks.conflict_text import Story, tell
from pyve_locks.conflict_trials import EXPLAINED, Tired, Trials, find_core, list_units, with_units
from pyve_locks.conflict_words import read_words
from pyve_locks.pip_engine_run import is_about_versions
from pyve_locks.pip_engine_words import read_conflict, read_pip_words
from pyve_locks.solve import choose_python, merge_preferences

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyve_locks.manifest import Manifest
    from pyve_locks.solve import SolveOptions

__all__ = ["explain"]

# Conflicts that have nothing to do with each other, which are looked for.
MOST_CONFLICTS = 8


def explain(
    error: HelperError,
    manifest: Manifest,
    root: Path,
    options: SolveOptions,
    workspace: Path,
    adding: Iterable[str] = (),
) -> HelperError:
    """Explain why a manifest has no solution; see solve.solve_or_explain.

    Returns:
        The same error, where nothing more can be said than uv says.
    """
    # A repository that is not there, or a Python, is no question of versions.
    is_asked = error.code == "E_RESOLVE_BUILD" or "No solution found" in " ".join(error.why)
    if options.pip:
        is_asked = is_asked or is_about_versions(error)
    if error.code not in EXPLAINED or not is_asked:
        return error
    kept = merge_preferences(options.preferences, root)
    options = replace(
        options,
        python=choose_python(manifest, options, kept),
        platforms=tuple(sorted(set(options.platforms))),
        preferences=kept,
    )
    added = frozenset(str(canonicalize_name(name)) for name in adding)
    trials = Trials(options, workspace / "trials")
    conflicts: list[Conflict] = []
    changes: list[Change] = []
    is_solved = False
    changed, how = manifest, options
    try:
        while True:
            trial = trials.solve(changed, how)
            is_solved = trial.error is None
            if trial.error is None or len(conflicts) == MOST_CONFLICTS:
                break
            trials.options = how
            conflict = _find_conflict(trials, changed, trial.error)
            if conflict is None:
                break
            conflicts.append(conflict)
            change = _find_change(trials, changed, how, conflict, added)
            if change is None:
                break
            changes.append(change)
            changed, how = apply_change(change, changed, how)
    except Tired:
        pass
    if not conflicts:
        return error
    return tell(
        Story(manifest, options, trials, tuple(conflicts), tuple(changes), is_solved, added)
    )


def _find_conflict(trials: Trials, manifest: Manifest, error: HelperError) -> Conflict | None:
    if error.code not in EXPLAINED:
        return None
    read = read_pip_words if trials.options.pip else read_words
    core = find_core(trials, manifest, read(error.why).names)
    if not core:
        return None
    # Of nothing else than what excludes each other, uv says less, and to the point.
    said = trials.solve(with_units(manifest, core)).error
    if said is None:
        return None
    if trials.options.pip:
        return Conflict(tuple(core), said, read_conflict(trials, manifest, core, said))
    return Conflict(tuple(core), said, read_words(said.why))


def _find_change(
    trials: Trials,
    manifest: Manifest,
    options: SolveOptions,
    conflict: Conflict,
    added: frozenset[str],
) -> Change | None:
    """Find the smallest change that gives a solution to all, else one that ends this conflict."""
    core = with_units(manifest, conflict.core)
    second = None
    for change in list_changes(trials, manifest, options, conflict, added):
        if trials.solve(*apply_change(change, manifest, options)).is_solved:
            return change
        if second is None and len(list_units(manifest)) > len(conflict.core):
            small = apply_change(change, core, options)
            second = change if trials.solve(*small).is_solved else None
    return second
