"""What is locked, what the manifest allows by now, and what is the newest there is."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pyve_locks.graph import graph_of, sort_key
from pyve_locks.made_project import fixes_index, make_project, names_index
from pyve_locks.outdated_text import Outdated
from pyve_locks.requirement import Requirement as Wish
from pyve_locks.solve import SolveOptions, solve
from pyve_locks.uv_run import run_uv, uv_environment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyve_locks.graph import Graph
    from pyve_locks.lock_file import LockFile
    from pyve_locks.manifest import Manifest

_LIMITS = ("constraint-dependencies", "override-dependencies", "environments")


def find_outdated(manifest: Manifest, lock: LockFile, options: SolveOptions) -> list[Outdated]:
    """Ask the indexes.

    Args:
        manifest: what the project asks for.
        lock: what is locked.
        options: those with which it is locked again.

    Returns:
        Those that are outdated, sorted by name. What comes from no index is left out.

    Raises:
        HelperError: those of solve.
    """
    graph = graph_of(lock)
    locked = _versions(graph)
    if not locked:
        return []
    with tempfile.TemporaryDirectory(prefix="pyve-outdated-") as folder:
        places = [Path(folder) / name for name in ("allowed", "newest")]
        for place in places:
            place.mkdir(mode=0o700)
        root = Path(manifest.root)
        upgraded = solve(manifest, root, replace(options, upgrade=True), places[0])
        python = str(upgraded.get("requires-python", options.python))
        newest = find_newest(locked, manifest, replace(options, python=python), places[1])
    allowed = _versions(graph_of(upgraded))
    wishes: dict[str, list[str]] = {}
    for wish in graph.wishes:
        wishes.setdefault(graph.nodes[wish.node].name, []).append(wish.text)
    found = [
        Outdated(
            name,
            version,
            allowed.get(name, ""),
            max(newest.get(name, ""), allowed.get(name, ""), key=sort_key),
            tuple(dict.fromkeys(wishes.get(name, ()))),
        )
        for name, version in sorted(locked.items())
    ]
    return [one for one in found if sort_key(one.newest) > sort_key(one.locked)]


def find_newest(
    names: Iterable[str], manifest: Manifest, options: SolveOptions, workspace: Path
) -> dict[str, str]:
    """Ask for the newest versions of distributions, each by itself.

    Args:
        names: of the distributions.
        manifest: which says what indexes there are.
        options: as for solve; ``python`` is not empty.
        workspace: an empty folder that the caller removes, for nobody else to read.

    Returns:
        The version of each name.

    Raises:
        HelperError: E_RESOLVE_MISSING, E_INDEX, and others of run_uv.
    """
    free = replace(
        manifest,
        roots={"": ()},
        constraint_requirements=(),
        override_requirements=(),
        uv={key: value for key, value in manifest.uv.items() if key not in _LIMITS},
    )
    if options.pip:
        from pyve_locks.pip_engine import ask_pip

        asked = replace(free, roots={"": tuple(Wish(name) for name in sorted(names))})
        nodes = ask_pip(asked, options, workspace, None, "--no-deps").nodes
        return {name: node.version for name, node in nodes.items()}
    (workspace / "pyproject.toml").write_text(make_project(free, options), encoding="utf-8")
    (workspace / "names.in").write_text("".join(f"{n}\n" for n in sorted(names)), encoding="utf-8")
    environ = os.environ if options.environ is None else options.environ
    env = uv_environment(environ, fixes_index(manifest, options), names_index(manifest, options))
    words = ["pip", "compile", "names.in", "--no-deps", "--no-header", "--no-annotate"]
    words += ["--python", options.interpreter] if options.interpreter else []
    words += ["--offline"] if options.offline else []
    text, _ = run_uv(options.uv, words, workspace, env)
    found = {}
    for line in text.splitlines():
        if line and line[0].isalnum() and "==" in line:
            requirement = Requirement(line)
            version = str(requirement.specifier).removeprefix("==")
            found[str(canonicalize_name(requirement.name))] = version
    return found


def _versions(graph: Graph) -> dict[str, str]:
    """Give the highest version of each distribution that is from an index."""
    found: dict[str, str] = {}
    for node in graph.nodes:
        if node.version and not node.origin:
            found[node.name] = max(found.get(node.name, ""), node.version, key=sort_key)
    return found
