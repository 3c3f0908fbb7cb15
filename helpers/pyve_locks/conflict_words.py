"""What uv says when there is no solution, read as facts: who depends on what, and what is there.

Source: the reports of uv's PubGrub resolver (uv 0.13). What it concludes is left out; only what it
concludes from is a fact.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Edge", "Words", "find_chain", "name_of", "read_words"]

PYTHON = "python"
_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_SPECIFIER = r"(?:[<>=!~]=?=?[^\s,|`]+(?:,[<>=!~]=?=?[^\s,|`]+)*)?"
_ONE = rf"{_NAME}(?:\[[^\]]*\])?(?:\{{[^}}]*\}})?{_SPECIFIER}"
_PACKAGE = rf"{_ONE}(?:\|{_ONE})*"
_END = r"(?=,? we can conclude| and |, and |\.(?: |$)|\s*$)"
_EDGE = re.compile(rf"({_ONE}) depends? on ({_PACKAGE}){_END}(?: and ({_PACKAGE}){_END})?")
_LIST = re.compile(r"(?:one|any|all) of:((?:\n\s{3,}\S+)+)\n?")
_NOT_NAMES = frozenset(("your", "all", "only", "the", "any", "one", "we", "there", "because"))


@dataclass(frozen=True)
class Edge:
    """One distribution that depends on another one.

    Attributes:
        parent: its name, normalised.
        child: the name of the other one; ``python`` for Python.
        wants: which versions of it, such as ``alpha<2``.
    """

    parent: str
    child: str
    wants: str


@dataclass(frozen=True)
class Words:
    """What is said.

    Attributes:
        edges: who depends on what.
        missing: names that no index has.
        available: name -> what is said to be there, such as ``1.0`` or ``<=2.0``.
        unusable: name -> the environment (a marker, or other words) that no file of it fits.
        yanked: name -> the reason, which may be "".
        absent: names of which a version is wanted that there is not.
        nothing: names of which no version is left, by a limit of time.
        limits: versions of Python, such as ``>=3.13``, that something needs.
        names: all that may be a name.
    """

    edges: tuple[Edge, ...]
    missing: tuple[str, ...] = ()
    available: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    yanked: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


def name_of(text: str) -> str:
    """Give the normalised name that a requirement, or a package with a version, begins with."""
    found = re.match(_NAME, text)
    return str(canonicalize_name(found.group())) if found else ""


def _tidy(wants: str) -> str:
    """Write what is wanted as a requirement: uv puts the marker into braces, behind the name."""
    return re.sub(r"\{([^}]*)\}([^|]*)", r"\2; \1", wants).replace("|", " or ")


def _list_names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(name_of, found)))


def read_words(lines: Iterable[str]) -> Words:
    """Read the lines of uv's report."""
    text = _LIST.sub(lambda m: "|".join(m.group(1).split()) + " ", "\n".join(lines))
    names = frozenset(str(canonicalize_name(name)) for name in re.findall(_NAME, text))
    flat = re.sub(r",? ?we can conclude that .*?\.(?= |$)", ".", " ".join(text.split()))
    flat = re.sub(r"hint: .*", "", flat)
    edges: dict[Edge, None] = {}
    for found in _EDGE.finditer(flat):
        parent = name_of(found.group(1))
        for wants in filter(None, found.groups()[1:]):
            # "your project depends on": what the project asks for is known better from its files.
            if parent != "project" and name_of(wants) not in _NOT_NAMES:
                edges[Edge(parent, name_of(wants), _tidy(wants))] = None
    said = re.finditer(rf"only ({_NAME})({_SPECIFIER}) is available", flat)
    available = {name_of(one.group(1)): one.group(2).replace("==", "") for one in said}
    unusable = re.finditer(
        rf"({_NAME}){_SPECIFIER} has no (`[^`]*`-compatible|usable) wheels", flat
    )
    yanked = re.finditer(rf"({_NAME}){_SPECIFIER} was yanked(?: \(reason: (.*?)\))?", flat)
    missing = re.findall(rf"({_NAME}) (?:was|were) not found", flat)
    absent = re.findall(rf"there (?:is|are) no versions? of ({_NAME})==", flat)
    nothing = re.findall(rf"there (?:is|are) no versions? of ({_NAME})(?![\w.<>=!~-])", flat)
    limits = re.findall(r"Python((?:[<>=!~]=?\d+(?:\.\d+)*(?:\.\*)?,?)+)(?<!,)", flat)
    return Words(
        tuple(edges),
        _list_names(missing),
        available,
        {name_of(one.group(1)): one.group(2).partition("`-")[0].strip("`") for one in unusable},
        {name_of(one.group(1)): one.group(2) or "" for one in yanked},
        _list_names(absent),
        _list_names(nothing),
        tuple(dict.fromkeys(limits)),
        names,
    )


def find_chain(words: Words, start: str, target: str) -> list[Edge]:
    """Find the shortest way from one distribution to what another one wants of a third.

    Returns:
        Its steps; [] when it is not said.
    """
    ways: deque[list[Edge]] = deque([[]])
    seen = {start}
    while ways:
        way = ways.popleft()
        at = way[-1].child if way else start
        if way and at == target:
            return way
        for edge in words.edges:
            if edge.parent == at and (edge.child not in seen or edge.child == target):
                seen.add(edge.child)
                ways.append([*way, edge])
    return []
