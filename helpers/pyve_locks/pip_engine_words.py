"""What pip says when there is no solution, read as the same facts that uv's report has.

Source: the messages of pip's resolver (pip 23 to 26); it tells the last step of a conflict only, so
that the way there is read from the metadata of what was chosen without the conflict.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pyve_core import HelperError
from pyve_locks.conflict_trials import Trial, with_units
from pyve_locks.conflict_words import PYTHON, Edge, Words, name_of
from pyve_locks.index_data import list_files
from pyve_locks.pip_engine import ask_pip, find_platform
from pyve_locks.pip_engine_run import read_ignored
from pyve_locks.places import list_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyve_locks.conflict_trials import Trials, Unit
    from pyve_locks.manifest import Manifest
    from pyve_locks.pip_engine import PipAnswer
    from pyve_locks.solve import SolveOptions

__all__ = ["read_conflict", "read_pip_words", "try_pip"]

_DEPENDS = re.compile(r"^\s+(\S+) \S+ depends on (.+?)$", re.MULTILINE)
_ASKED = re.compile(
    r"satisfies the requirement (.+?) (?:\(from ([^()]*?)\) )?\(from versions: ([^()]*)\)"
)
_YANKED = re.compile(r"Ignored the following yanked versions: (.*)")


def read_pip_words(lines: Iterable[str]) -> Words:
    """Read the lines of pip's report."""
    text = "\n".join(lines)
    names = frozenset(name_of(word) for word in re.findall(r"[A-Za-z0-9][\w.\[\]-]*", text))
    edges: dict[Edge, None] = {}
    for parent, wants in _DEPENDS.findall(text):
        edges[_edge(parent, wants)] = None
    flat = " ".join(text.split())
    asked = _ASKED.search(flat)
    if not asked:
        return Words(tuple(edges), names=names)
    wants, way, there = asked.groups()
    name = name_of(wants)
    for parent, child in zip(steps := (way or "").split("->"), [wants, *steps]):
        if parent:
            edges[_edge(parent, child)] = None
    limits = [limit for version, limit in read_ignored(flat) if _fits(version, wants)]
    for limit in limits:
        edges[Edge(name, PYTHON, f"Python{limit}")] = None
    yanked = _YANKED.search(text)
    was = [v for v in (yanked.group(1).split(", ") if yanked else ()) if _fits(v, wants)]
    is_there = there != "none" or bool(limits) or bool(was)
    return Words(
        tuple(edges),
        missing=() if is_there else (name,),
        available={name: there} if there != "none" and not limits else {},
        yanked={name: ""} if was and not limits else {},
        limits=tuple(dict.fromkeys(limits)),
        names=names,
    )


def _edge(parent: str, wants: str) -> Edge:
    # "extra == ..." tells what is in brackets already.
    wants = re.sub(r"\s*(;|and)\s*extra == [\"'][^\"']*[\"']", "", wants).strip()
    return Edge(name_of(parent), name_of(wants), wants)


def _fits(version: str, wants: str) -> bool:
    try:
        return Requirement(wants).specifier.contains(version, prereleases=True)
    except (InvalidRequirement, InvalidVersion, RecursionError):
        return True


def try_pip(manifest: Manifest, options: SolveOptions, folder: Path, words: Sequence[str]) -> Trial:
    """Solve a part or a variant of a manifest; see Trials.

    Args:
        manifest, options: what, and how.
        folder: an empty one, for nobody else to read.
        words: the arguments for uv, of which pip knows those about pre-releases.
    """
    if "--resolution" in words:
        return Trial(HelperError("E_RESOLVE_ENGINE", "pip looks for the newest versions only"))
    if "--prerelease" in words:
        options = replace(options, prerelease=True)
    try:
        answer = ask_pip(manifest, options, folder)
    except HelperError as error:
        return Trial(error)
    trial = Trial(edges=_list_edges(answer))
    for name, node in answer.nodes.items():
        url = str(node.item.get("download_info", {}).get("url", ""))
        trial.versions[name] = (Version(node.version),)
        trial.files[name] = [unquote(urlsplit(url).path.rsplit("/", 1)[-1])]
    return trial


def _list_edges(answer: PipAnswer) -> tuple[Edge, ...]:
    """Give what chosen distributions say that they depend on here."""
    found: dict[Edge, None] = {}
    for node in answer.nodes.values():
        there = {edge["name"] for edge in answer.edges.get((node.name, node.version), ())}
        for wish in node.requires:
            edge = _edge(node.name, str(wish))
            if edge.child in there:
                found[edge] = None
    return tuple(found)


def read_conflict(
    trials: Trials, manifest: Manifest, core: Iterable[Unit], error: HelperError
) -> Words:
    """Read what pip says about requirements that exclude each other, and how it comes to that.

    Args:
        trials: to find out what each of them brings alone.
        manifest: the whole one.
        core: the requirements.
        error: what pip says about them.
    """
    words = read_pip_words(error.why)
    known = {(edge.parent, edge.child) for edge in words.edges}
    more: dict[Edge, None] = {}
    for unit in core:
        for edge in trials.solve(with_units(manifest, [unit])).edges:
            if (edge.parent, edge.child) not in known:
                more[edge] = None
    words = replace(words, edges=(*words.edges, *more))
    wants = _ASKED.search(" ".join(" ".join(error.why).split()))
    if wants and not words.limits and not words.yanked:
        name = name_of(wants.group(1))
        if _has_files(trials.options, manifest, name, wants.group(1)):
            return replace(words, missing=(), available={}, unusable={name: find_platform()})
    return words


def _has_files(options: SolveOptions, manifest: Manifest, name: str, wants: str) -> bool:
    """Tell whether an index has files that would fit, so that they are not for this machine."""
    # What is too new for a limit of time is there, too.
    if options.offline or options.exclude_newer:
        return False
    try:
        specifier = Requirement(wants).specifier
    except (InvalidRequirement, RecursionError):
        return False
    for place in list_places(manifest, options):
        for file in list_files(place, name):
            if not file.is_yanked and specifier.contains(file.version):
                return True
    return False
