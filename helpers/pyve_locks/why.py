"""Why a package is in a lock: every way that leads to it from the manifest."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyve_locks.graph import Wish, describe_root, find_nodes
from pyve_locks.selection import describe_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyve_core import Value
    from pyve_locks.graph import Graph

# A graph of a few hundred packages may have millions.
MOST_CHAINS = 100
MOST_STEPS = 100_000
_FEW_REMOVED = 3


@dataclass(frozen=True)
class Chain:
    """One way from the manifest to a package.

    Attributes:
        wish: where it begins.
        nodes: numbers of entries; the first is what the wish names, the last the package.
    """

    wish: Wish
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Why:
    """The reasons for which a package is in a lock.

    Attributes:
        node: its number.
        chains: the shortest first, then by name.
        complete: False when there are more, or may be, than were looked for.
    """

    node: int
    chains: tuple[Chain, ...]
    complete: bool


def why(graph: Graph, node: int, limit: int = MOST_CHAINS) -> Why:
    """Find all simple paths from the manifest to a package.

    Args:
        graph: the lock's.
        node: number of the package.
        limit: how many paths to give at most, >= 1.

    Paths grow backwards from the package, that one first which can become the shortest (A*, with
    the distance from the manifest as the bound): Hart, Nilsson and Raphael (1968).
    """
    wishes: dict[int, list[Wish]] = {}
    for wish in graph.wishes:
        wishes.setdefault(wish.node, []).append(wish)
    distance = graph.reach(wishes)
    chains: list[Chain] = []
    heap: list[tuple[int, tuple[int, ...]]] = []
    if distance[node] >= 0:
        heap.append((distance[node] + 1, (node,)))
    steps = 0
    while heap and len(chains) <= limit and steps < MOST_STEPS:
        steps += 1
        length, path = heapq.heappop(heap)
        if length == len(path):
            chains.extend(Chain(wish, path) for wish in wishes.get(path[0], ()))
        for other in graph.needed_by[path[0]]:
            if distance[other] >= 0 and other not in path:
                heapq.heappush(heap, (len(path) + 1 + distance[other], (other, *path)))
    return Why(node, tuple(chains[:limit]), not heap and len(chains) <= limit)


def explain(graph: Graph, name: str, limit: int = MOST_CHAINS) -> list[Why]:
    """Tell why a distribution is in the lock, for each of its entries.

    Args:
        graph: the lock's.
        name: of the distribution.
        limit: how many paths to give at most for each entry, >= 1.

    Raises:
        HelperError: E_PACKAGE_UNKNOWN.
    """
    return [why(graph, node, limit) for node in find_nodes(graph, name, "why")]


def format_why(graph: Graph, reasons: Iterable[Why], utf8: bool = True) -> str:
    """Write it for people, a line for each path, with an end of line behind each."""
    return "".join(f"{line}\n" for reason in reasons for line in _list_lines(graph, reason, utf8))


def _list_lines(graph: Graph, reason: Why, utf8: bool) -> Iterator[str]:
    node = graph.nodes[reason.node]
    where = describe_place(node.marker)
    platform = f" [{node.platform}]" if node.platform else ""
    yield f"{node.label}{platform}" + (f" ; {where}" if where else "")
    arrow = " \u2192 " if utf8 else " -> "
    for chain in reason.chains:
        root = describe_root(chain.wish.root)
        steps = [graph.nodes[number].label for number in chain.nodes]
        if chain.wish.text != graph.nodes[chain.nodes[0]].name:
            # A limit, an extra or a marker: more than the name, which comes next.
            steps.insert(0, chain.wish.text)
        yield "  " + (f"{root}: " if root else "") + arrow.join(steps)
    if not reason.complete:
        yield f"  and more: these are the {len(reason.chains)} shortest"
    elif not reason.chains:
        yield "  nothing that the lock records leads to it from the manifest"


def propose_removal(graph: Graph, nodes: Iterable[int], name: str) -> str:
    """Give the command that makes the lock do without a package that only others need.

    Args:
        graph: the lock's.
        nodes: numbers of the package.
        name: its name.

    Returns:
        ``pyve remove`` of what the manifest asks for and leads to it; ``pyve why`` where that is
        much.
    """
    distance = graph.reach(nodes, up=True)
    names = sorted({graph.nodes[one.node].name for one in graph.wishes if distance[one.node] >= 0})
    if not 0 < len(names) <= _FEW_REMOVED:
        return f"pyve why {name}"
    return f"pyve remove {' '.join(names)}"


def why_answer(graph: Graph, reasons: Iterable[Why]) -> list[Value]:
    """Give it for programs.

    Returns:
        For each entry: name, version, manager, platform, marker, direct, complete, and paths; of
        each path root ("", "extra:x", "group:y"), requirement, and packages (name, version), from
        what the manifest names to the entry itself.
    """
    answer: list[Value] = []
    for reason in reasons:
        node = graph.nodes[reason.node]
        paths: list[Value] = []
        for chain in reason.chains:
            steps = [graph.nodes[number] for number in chain.nodes]
            paths.append(
                {
                    "root": chain.wish.root,
                    "requirement": chain.wish.text,
                    "packages": [{"name": step.name, "version": step.version} for step in steps],
                }
            )
        answer.append(
            {
                "name": node.name,
                "version": node.version,
                "manager": node.manager,
                "platform": node.platform,
                "marker": node.marker,
                "direct": reason.node in graph.direct,
                "complete": reason.complete,
                "paths": paths,
            }
        )
    return answer
