"""Solving parts and variants of a manifest, to find out what a conflict consists of."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from pyve_core import HelperError
from pyve_locks.made_project import fixes_index, make_project, names_index
from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.uv_run import run_uv, uv_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyve_locks.conflict_words import Edge
    from pyve_locks.manifest import Manifest
    from pyve_locks.requirement import Requirement
    from pyve_locks.solve import SolveOptions

__all__ = ["CONSTRAINT", "EXPLAINED", "OVERRIDE", "Tired", "Trial", "Trials", "Unit", "find_core"]

CONSTRAINT, OVERRIDE = "constraint", "override"
# What other requirements may mend.
EXPLAINED = frozenset(
    ("E_RESOLVE_CONFLICT", "E_RESOLVE_MISSING", "E_RESOLVE_PYTHON", "E_RESOLVE_BUILD")
)
# A trial takes uv some 0.1 s, when it has asked the indexes once.
MOST_TRIALS = 120
MOST_SECONDS = 60.0


class Tired(Exception):
    """There were as many trials as there may be."""


@dataclass(frozen=True)
class Unit:
    """One requirement of a manifest.

    Attributes:
        root: "", "extra:NAME", "group:NAME", CONSTRAINT or OVERRIDE.
        requirement: what it is.
    """

    root: str
    requirement: Requirement


def list_units(manifest: Manifest) -> list[Unit]:
    """Give all requirements of a manifest."""
    units = [Unit(root, one) for root, found in manifest.roots.items() for one in found]
    units += [Unit(CONSTRAINT, one) for one in manifest.constraint_requirements]
    return units + [Unit(OVERRIDE, one) for one in manifest.override_requirements]


def with_units(manifest: Manifest, units: Iterable[Unit]) -> Manifest:
    """Give the same manifest with other requirements; its extras and groups stay."""
    units = list(units)

    def of(root: str) -> tuple[Requirement, ...]:
        return tuple(unit.requirement for unit in units if unit.root == root)

    return replace(
        manifest,
        roots={root: of(root) for root in manifest.roots},
        constraint_requirements=of(CONSTRAINT),
        override_requirements=of(OVERRIDE),
    )


@dataclass(frozen=True)
class Trial:
    """What came out.

    Attributes:
        error: why there is no solution, or None.
        versions: name -> versions, the newest first.
        registries: name -> the index, without credentials, or the folder that it is from.
        files: name -> names of its files.
        uploads: name -> when its newest file was uploaded (RFC 3339), "" when that is not said.
        edges: who depends on what, where pip solved.
    """

    error: HelperError | None = None
    versions: dict[str, tuple[Version, ...]] = field(default_factory=dict)
    registries: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()

    @property
    def is_solved(self) -> bool:
        """Whether there is a solution."""
        return self.error is None

    @property
    def is_stuck(self) -> bool:
        """Whether there is none for a reason that lies in the requirements."""
        return self.error is not None and self.error.code in EXPLAINED


class Trials:
    """Solves again and again, and remembers what came out."""

    def __init__(self, options: SolveOptions, folder: Path) -> None:
        """Prepare.

        Args:
            options: with ``python`` not empty.
            folder: not there yet, in one that is for nobody else to read.
        """
        self.options = options
        self.folder = folder
        self.known: dict[tuple[str, ...], Trial] = {}
        self.end = time.monotonic() + MOST_SECONDS

    def solve(self, manifest: Manifest, options: SolveOptions | None = None, *words: str) -> Trial:
        """Solve.

        Args:
            manifest: what is asked for.
            options: others than usual.
            words: arguments more for uv.

        Raises:
            Tired: it would be one too many.
        """
        options = options or self.options
        try:
            made = make_project(manifest, options)
        except HelperError as error:
            return Trial(error)
        key = (made, options.interpreter, *words)
        if key not in self.known:
            if len(self.known) >= MOST_TRIALS or time.monotonic() > self.end:
                raise Tired
            self.known[key] = self._run(made, manifest, options, words)
        return self.known[key]

    def _run(
        self, made: str, manifest: Manifest, options: SolveOptions, words: Sequence[str]
    ) -> Trial:
        place = self.folder / str(len(self.known))
        environ = os.environ if options.environ is None else options.environ
        env = uv_environment(
            environ, fixes_index(manifest, options), names_index(manifest, options)
        )
        if options.pip:
            from pyve_locks.pip_engine_words import try_pip

            place.mkdir(mode=0o700, parents=True)
            return try_pip(manifest, options, place, words)
        whole = ["lock", *words]
        whole += ["--python", options.interpreter] if options.interpreter else []
        whole += ["--offline"] if options.offline else []
        try:
            place.mkdir(mode=0o700, parents=True)
            (place / "pyproject.toml").write_text(made, encoding="utf-8")
            run_uv(options.uv, whole, place, env)
            return _read((place / "uv.lock").read_text(encoding="utf-8"))
        except HelperError as error:
            return Trial(error)
        except (OSError, TomlError) as error:
            return Trial(HelperError("E_RESOLVE_ENGINE", "uv cannot lock this", str(error)))


def _read(text: str) -> Trial:
    """Read uv's lock."""
    trial = Trial()
    for package in parse_toml(text).get("package", ()):
        name, source = package["name"], package.get("source", {})
        if "virtual" in source:
            continue
        version = Version(package.get("version", "0"))
        trial.versions[name] = tuple(sorted((*trial.versions.get(name, ()), version), reverse=True))
        trial.registries[name] = str(source.get("registry", ""))
        artifacts = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        places = [str(one.get("url") or one.get("path", "")) for one in artifacts]
        trial.files.setdefault(name, []).extend(place.rsplit("/", 1)[-1] for place in places)
        dates = [str(one.get("upload-time", "")) for one in artifacts]
        trial.uploads[name] = max([trial.uploads.get(name, ""), *dates])
    return trial


def find_core(trials: Trials, manifest: Manifest, names: frozenset[str]) -> list[Unit]:
    """Find requirements that have no solution together, and have one when any of them is left out.

    By QuickXplain: Junker, "Preferred explanations and relaxations for over-constrained problems"
    (2004).

    Args:
        trials: to solve with.
        manifest: one without a solution.
        names: of distributions that uv names; the requirements that begin the search.

    Returns:
        In the order of the manifest; [] when there is no solution even without any.
    """
    units = list_units(manifest)

    def is_stuck(some: Sequence[Unit]) -> bool:
        return trials.solve(with_units(manifest, some)).is_stuck

    def explain(known: list[Unit], has_new: bool, rest: list[Unit]) -> list[Unit]:
        if has_new and is_stuck(known):
            return []
        if len(rest) == 1:
            return rest
        half = len(rest) // 2
        first, second = rest[:half], rest[half:]
        found = explain([*known, *first], bool(first), second)
        return explain([*known, *found], bool(found), first) + found

    named = [unit for unit in units if unit.requirement.name in names]
    if named and is_stuck(named):
        units = named
    if not units or is_stuck([]):
        return []
    core = explain([], False, units)
    return [unit for unit in units if unit in core]
