"""From a manifest to a lock: by uv, for all platforms and Python versions at once, or by pip.

uv solves a project made for that, whose extras and groups are those of the manifest. One export of
its lock then has every package with a marker that tells for which environments, extras and groups
it is (PEP 751), so that all of them can be chosen when it is installed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks.lock_file import VERSION, LockFile, cannot_write, parse_lock
from pyve_locks.lock_text import parse_pylock
from pyve_locks.locked_package import Place, finish_package
from pyve_locks.made_project import (
    fixes_index,
    list_environments,
    make_project,
    names_index,
    python_range,
    split_root,
)
from pyve_locks.manifest import canonical, digest, raw_digest
from pyve_locks.step_back import Answer as UvAnswer
from pyve_locks.step_back import step_back
from pyve_locks.toml_lines import TomlError
from pyve_locks.uv_lock import choose_in_markers, read_edges, seed_lock
from pyve_locks.uv_run import run_uv, uv_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pyve_locks.manifest import Manifest
    from pyve_locks.uv_lock import Edges

__all__ = [
    "SolveOptions",
    "choose_python",
    "merge_preferences",
    "solve",
    "solve_or_explain",
]

# Of [tool.pyve] in a lock.
FORMAT = 1
CREATED_BY = "pyve"
DEFAULT_GROUPS = ("dev",)
# Stands for the index of a package whose lock names none: where it came from does not matter for
# which version is preferred.
_SOME_INDEX = "https://index.invalid/simple"


@dataclass(frozen=True)
class SolveOptions:
    """How to solve.

    Attributes:
        uv: path of uv, or its name on PATH.
        python: the Python versions to lock for, beside what the manifest says: a specifier, or a
            version such as 3.11, which means at least that. When neither says anything, those of
            the preferences, else at least the version of this interpreter.
        interpreter: path of the Python that builds what has no metadata; "" for what uv finds.
        platforms: conda's names, such as linux-64; () for all.
        upgrade: whether no pin of the preferences is kept.
        upgrade_names: names (in any spelling) whose pins are not kept.
        exclude_newer: nothing that was uploaded later: a date, a time or a duration; "" for any.
        prerelease: whether versions before a release are welcome.
        default_index: URL of the index; "" for what manifest and environment say.
        indexes: URLs of further indexes, asked before it.
        find_links: URLs, and absolute paths of folders, with distributions.
        no_index: whether only those are asked.
        offline: whether nothing but the cache may be asked.
        preferences: the lock that is there, or None. With conflict marks, the pins of both sides.
        environ: environment variables of uv; None for those of this process.
        pip: the command of pip, which solves in place of uv; () for uv.
        meanwhile: called while uv solves, each time; None for nothing.
    """

    uv: str = "uv"
    python: str = ""
    interpreter: str = ""
    platforms: tuple[str, ...] = ()
    upgrade: bool = False
    upgrade_names: tuple[str, ...] = ()
    exclude_newer: str = ""
    prerelease: bool = False
    default_index: str = field(default="", repr=False)
    indexes: tuple[str, ...] = field(default=(), repr=False)
    find_links: tuple[str, ...] = field(default=(), repr=False)
    no_index: bool = False
    offline: bool = False
    preferences: LockFile | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    meanwhile: Callable[[], object] | None = field(default=None, repr=False, compare=False)
    pip: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineAnswer:
    """What uv or pip answered.

    Attributes:
        packages: as ``uv export --format pylock.toml`` has them; see finish_package.
        edges: which depends on which.
        options: the Pythons and platforms that it is for.
        warnings: what was said about it.
    """

    packages: list[dict[str, Any]]
    edges: Edges
    options: SolveOptions
    warnings: tuple[str, ...] = ()


def solve(manifest: Manifest, root: Path, options: SolveOptions, workspace: Path) -> LockFile:
    """Solve a manifest.

    The lock depends on the manifest, the options and what the indexes have, and on nothing else.
    The project itself is not in it, unless the manifest asks for ``.``: whoever installs a lock
    chooses whether the project comes, too, and how.

    Args:
        manifest: what is asked for.
        root: the folder in which the lock will be: its paths count from there.
        options: how.
        workspace: an empty folder for uv's files, which the caller removes. It has to be for nobody
            else to read, since indexes with their credentials are written there.

    Returns:
        The lock; not written yet. Its ``warnings`` are what uv says about it.

    Raises:
        HelperError: E_RESOLVE_CONFLICT, E_RESOLVE_MISSING, E_RESOLVE_PYTHON, E_RESOLVE_BUILD,
            E_RESOLVE_ENGINE, E_INDEX, E_INDEX_AUTH, E_INDEX_OFFLINE, E_MANIFEST, E_PLATFORM,
            E_FILE_WRITE, E_DISK_FULL.
    """
    # Taken first: what changes while uv works makes the lock stale.
    fingerprint = raw_digest(root, manifest.files)
    kept = merge_preferences(options.preferences, root)
    options = replace(
        options,
        python=choose_python(manifest, options, kept),
        platforms=tuple(sorted(set(options.platforms))),
    )
    pins = _choose_pins(kept, options)
    place = Place(os.path.realpath(root), os.path.realpath(workspace))
    try:
        if options.pip:
            from pyve_locks.pip_engine import solve_by_pip

            answer: EngineAnswer = solve_by_pip(manifest, options, pins, workspace)
        else:
            answer = _solve_by_uv(manifest, options, pins, workspace, place.root)
    except OSError as error:
        raise cannot_write(workspace, error) from error
    found = [finish_package(p, place, answer.edges, manifest) for p in answer.packages]
    done = _assemble(manifest, answer.options, found, fingerprint)
    done.warnings = answer.warnings
    return done


def _solve_by_uv(
    manifest: Manifest,
    options: SolveOptions,
    pins: list[dict[str, Any]],
    workspace: Path,
    folder: str,
) -> EngineAnswer:
    """Solve by uv; see solve. Paths of pins count from the folder.

    Raises:
        OSError: a file in the workspace cannot be read or written.
    """
    words = ["--python", options.interpreter] if options.interpreter else []
    words += ["--offline"] if options.offline else []
    environ = os.environ if options.environ is None else options.environ
    env = uv_environment(environ, fixes_index(manifest, options), names_index(manifest, options))
    lock, seed = workspace / "uv.lock", ""
    if pins:
        places = list_environments(manifest, options.platforms)
        seed = seed_lock(pins, options.python, _SOME_INDEX, folder, places)

    def ask(asked: Manifest) -> UvAnswer:
        log: list[str] = []
        made = make_project(asked, options)
        (workspace / "pyproject.toml").write_text(made, encoding="utf-8")
        lock.unlink(missing_ok=True)
        if seed:
            lock.write_text(seed, encoding="utf-8")
        _, warnings = run_uv(options.uv, ["lock", *words], workspace, env, log, options.meanwhile)
        return UvAnswer(lock.read_text(encoding="utf-8"), tuple(log), warnings)

    uv = step_back(ask(manifest), manifest, _list_versions(pins), _try(ask))
    try:
        lock.write_text(choose_in_markers(uv.text), encoding="utf-8")
        words += ["--frozen", "--no-default-groups", "--no-emit-project", "--format", "pylock.toml"]
        # (A header repeats the command, and a path with a line end in it would end the comment.)
        words.append("--no-header")
        # (uv and this take about as long.)
        edges: Edges = {}
        exported, _ = run_uv(
            options.uv,
            ["export", *words],
            workspace,
            env,
            meanwhile=lambda: edges.update(read_edges(uv.text)),
        )
        answer = parse_pylock(exported)
    except (ValueError, TomlError) as error:
        raise HelperError("E_RESOLVE_ENGINE", "this uv is not understood", str(error)) from error
    python = str(answer.get("requires-python", options.python))
    packages = answer.get("packages", [])
    return EngineAnswer(packages, edges, replace(options, python=python), uv.warnings)


def solve_or_explain(
    manifest: Manifest,
    root: Path,
    options: SolveOptions,
    workspace: Path,
    adding: Iterable[str] = (),
) -> LockFile:
    """Do what ``solve`` does, and explain what has no solution.

    Args:
        manifest, root, options, workspace: see ``solve``.
        adding: names, in any spelling, that the command itself adds to the manifest. They are not
            in its files when it fails, and the fix is the same command with another requirement.

    Raises:
        HelperError: as ``solve`` does. With E_RESOLVE_CONFLICT, E_RESOLVE_MISSING, E_RESOLVE_PYTHON
            and E_RESOLVE_BUILD, why tells who wants what, which versions exist and the smallest
            change that gives a solution; fix is the command that makes it. It was tried.
    """
    try:
        return solve(manifest, root, options, workspace)
    except HelperError as error:
        # What explains is larger than all the rest, and most manifests have a solution.
        from pyve_locks.conflicts import explain

        told = explain(error, manifest, root, options, workspace, adding)
        if told is error:
            raise
        raise told from error


def choose_python(manifest: Manifest, options: SolveOptions, kept: LockFile | None) -> str:
    """Give the Python versions to lock for, as a specifier that is not empty."""
    python = python_range(manifest.requires_python, options.python)
    if not python and kept is not None:
        python = python_range(str(kept.get("requires-python", "")))
    return python or ">={}.{}".format(*sys.version_info)


def merge_preferences(lock: LockFile | None, root: Path) -> LockFile | None:
    """Give the pins that a lock has; with git's conflict marks, those of both sides.

    Where the sides differ about a package, both of its versions are preferred to others, and the
    solver takes what fits, the newer first.
    """
    if lock is None or not lock.conflicted:
        return lock
    merged = LockFile(lock)
    packages: list[dict[str, Any]] = []
    for side in lock.sides:
        try:
            found = parse_lock(side, root / "pylock.toml").packages
        except HelperError:
            continue
        packages += [package for package in found if package not in packages]
    merged["packages"] = packages
    return merged


def _choose_pins(kept: LockFile | None, options: SolveOptions) -> list[dict[str, Any]]:
    """Give the packages of a lock whose versions are to stay."""
    if kept is None or options.upgrade:
        return []
    moving = {canonicalize_name(name) for name in options.upgrade_names}
    return [p for p in kept.packages if canonicalize_name(p["name"]) not in moving]


def _list_versions(pins: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Give name -> versions of packages."""
    found: dict[str, set[str]] = {}
    for package in pins:
        name = str(canonicalize_name(package["name"]))
        found.setdefault(name, set()).add(str(package.get("version", "")))
    return found


def _try(ask: Callable[[Manifest], UvAnswer]) -> Callable[[Manifest], UvAnswer | None]:
    """Make what gives None where there is no answer."""

    def tried(manifest: Manifest) -> UvAnswer | None:
        try:
            return ask(manifest)
        except HelperError:
            return None

    return tried


def _assemble(
    manifest: Manifest, options: SolveOptions, packages: list[dict[str, Any]], fingerprint: str
) -> LockFile:
    """Make the lock of its packages."""
    roots = [split_root(key) for key in manifest.roots]
    groups = _names(roots, "group")
    lock = LockFile({"lock-version": VERSION})
    for key, value in (
        ("environments", list_environments(manifest, options.platforms)),
        ("requires-python", options.python),
        ("extras", _names(roots, "extra")),
        ("dependency-groups", groups),
        ("default-groups", _default_groups(manifest, groups)),
    ):
        if value:
            lock[key] = value
    pyve: dict[str, Any] = {
        "version": FORMAT,
        "manifest-sha256": digest(manifest),
        "files-sha256": fingerprint,
        "files": list(manifest.files),
        "engine": "pip" if options.pip else "uv",
        "platforms": list(options.platforms),
        "exclude-newer": options.exclude_newer,
        "manifest": canonical(manifest),
    }
    lock["created-by"] = CREATED_BY
    lock["tool"] = {"pyve": {key: value for key, value in pyve.items() if value}}
    lock["packages"] = packages
    return lock


def _default_groups(manifest: Manifest, groups: Iterable[str]) -> list[str]:
    """Give the groups that come unasked: those that [tool.uv] names, else ``dev``."""
    said = manifest.uv.get("default-groups", DEFAULT_GROUPS)
    if said == "all":
        return list(groups)
    wanted = {str(canonicalize_name(name)) for name in said}
    return [name for name in groups if name in wanted]


def _names(roots: Iterable[tuple[str, str]], wanted: str) -> list[str]:
    return sorted(name for kind, name in roots if kind == wanted)
