"""A lock as a tree: what the manifest asks for, and below it what that needs; or the other way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyve_locks.graph import describe_root, find_nodes
from pyve_locks.selection import describe_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyve_core import Value
    from pyve_locks.graph import Graph

# A tree that is deeper is nothing that anybody reads, and no real lock has one.
MOST_LEVELS = 100


@dataclass
class Branch:
    """A package in a tree, or a root of the manifest.

    Attributes:
        name, version, marker, platform, manager: of the entry; a root has only a name.
        node: number of the entry; -1 for a root.
        root: "", "extra:NAME" or "group:NAME", of a root and of what stands for one.
        requirement: what the manifest asks for, where it does.
        repeated: what is below it stands at another place of the tree.
        children: what it needs, or, turned round, what needs it.
    """

    name: str
    version: str = ""
    marker: str = ""
    platform: str = ""
    manager: str = ""
    node: int = -1
    root: str = ""
    requirement: str = ""
    repeated: bool = False
    children: list[Branch] = field(default_factory=list)


class _Planter:
    """Makes trees of one graph; below each package once, then "repeated"."""

    def __init__(self, graph: Graph, up: bool, depth: int | None) -> None:
        self.graph = graph
        self.up = up
        self.depth = MOST_LEVELS if depth is None else min(depth, MOST_LEVELS)
        self.is_cut = depth is not None
        # How many levels of a package were shown already.
        self.shown: dict[int, int] = {}
        entries = Counter(node.name for node in graph.nodes)
        self.forked = {name for name, count in entries.items() if count > 1}

    def make(self, number: int, requirement: str = "") -> Branch:
        node = self.graph.nodes[number]
        # Elsewhere, the marker says no more than those of what needs it.
        marker = node.marker if node.name in self.forked else ""
        return Branch(
            node.name, node.version, marker, node.platform, node.manager, number, "", requirement
        )

    def grow(self, branch: Branch, level: int) -> Branch:
        """Put below a branch what belongs there.

        Args:
            branch: of a package, at ``level`` (0 is the top).
            level: the levels below ``depth`` are left out.
        """
        number = branch.node
        others = (self.graph.needed_by if self.up else self.graph.requires)[number]
        wishes = [wish for wish in self.graph.wishes if wish.node == number] if self.up else []
        left = self.depth - level
        if left <= 0 or not (others or wishes):
            return branch
        if self.shown.get(number, 0) >= left:
            branch.repeated = True
            return branch
        self.shown[number] = left if self.is_cut else MOST_LEVELS
        for wish in wishes:
            name = _name_manifest(self.graph)
            branch.children.append(Branch(name, root=wish.root, requirement=wish.text))
        branch.children += [self.grow(self.make(other), level + 1) for other in others]
        return branch


def tree(
    graph: Graph, names: Sequence[str] = (), invert: bool = False, depth: int | None = None
) -> list[Branch]:
    """Make the trees of a lock.

    Args:
        graph: the lock's, with the roots that are wanted (``Graph.choose``).
        names: the distributions to begin with; without, a tree for each root of the manifest,
            and a last one, without a name, for what nothing leads to from there. Turned round,
            those that need nothing.
        invert: show what needs a package, not what it needs.
        depth: how many levels to show below the top, >= 0; None for all, at most 100.

    Returns:
        The trees. What is below a package is shown once; it is then ``repeated``.

    Raises:
        HelperError: E_PACKAGE_UNKNOWN.
    """
    planter = _Planter(graph, invert, depth)
    if names:
        found = [number for name in names for number in find_nodes(graph, name, "tree")]
        return [planter.grow(planter.make(number), 0) for number in dict.fromkeys(found)]
    if invert:
        return [planter.grow(planter.make(number), 0) for number in _find_ends(graph)]
    trees = []
    for root in sorted({wish.root for wish in graph.wishes}):
        top = Branch(describe_root(root) or _name_manifest(graph), root=root)
        if planter.depth > 0:
            for wish in graph.wishes:
                if wish.root == root:
                    branch = planter.make(wish.node, wish.text)
                    top.children.append(planter.grow(branch, 1))
        trees.append(top)
    loose = graph.find_loose()
    if loose:
        top = Branch("")
        starts = _cover(graph, loose)
        if planter.depth > 0:
            top.children = [planter.grow(planter.make(number), 1) for number in starts]
        trees.append(top)
    return trees


def _name_manifest(graph: Graph) -> str:
    return graph.name or graph.manifest or "the manifest"


def _cover(graph: Graph, numbers: Sequence[int]) -> list[int]:
    """Find entries from which all others of them can be reached: those that nobody needs first."""
    within = set(numbers)
    starts = [n for n in numbers if not within.intersection(graph.needed_by[n])]
    return _add_circles(graph, starts, numbers, False)


def _find_ends(graph: Graph) -> list[int]:
    """Find entries that need nothing; of a circle that needs nothing else, the first."""
    ends = [number for number, others in enumerate(graph.requires) if not others]
    return _add_circles(graph, ends, range(len(graph.nodes)), True)


def _add_circles(graph: Graph, starts: list[int], numbers: Iterable[int], up: bool) -> list[int]:
    """Add as many entries as it takes to reach all of some: of each circle at an end, one."""
    added: list[int] = []
    distance = graph.reach(starts, up)
    for number in numbers:
        if distance[number] < 0:
            added.append(number)
            distance = graph.reach([*starts, *added], up)
    for number in [*added]:
        others = [other for other in added if other != number]
        if graph.reach(others, up)[number] >= 0:
            added = others
    return starts + added


def format_tree(trees: Iterable[Branch], utf8: bool = True) -> str:
    """Write trees for people, with an end of line behind each line.

    Args:
        trees: what ``tree`` gave.
        utf8: whether the terminal can show lines; otherwise they are of ASCII characters.
    """
    text = "".join(f"{line}\n" for top in trees for line in _list_lines(top, utf8))
    if any(_has_repeated(top) for top in trees):
        text += "(*) what is below it is shown at another place\n"
    return text


def _has_repeated(branch: Branch) -> bool:
    return branch.repeated or any(_has_repeated(child) for child in branch.children)


def _list_lines(top: Branch, utf8: bool) -> Iterator[str]:
    fork, last, bar = (
        ("\u251c\u2500\u2500 ", "\u2514\u2500\u2500 ", "\u2502   ")
        if utf8
        else ("|-- ", "`-- ", "|   ")
    )
    yield _describe(top)
    todo = [(child, "", child is top.children[-1]) for child in reversed(top.children)]
    while todo:
        branch, indent, is_last = todo.pop()
        yield f"{indent}{last if is_last else fork}{_describe(branch)}"
        below = indent + ("    " if is_last else bar)
        children = branch.children
        todo += [(child, below, child is children[-1]) for child in reversed(children)]


def _describe(branch: Branch) -> str:
    if branch.node < 0:
        if branch.requirement:
            root = describe_root(branch.root)
            return f"{branch.name}{f' ({root})' if root else ''}: {branch.requirement}"
        return branch.name or "nothing that the lock records leads to these from the manifest"
    text = f"{branch.name} {branch.version}".rstrip()
    if branch.platform:
        text += f" [{branch.platform}]"
    if branch.requirement not in ("", branch.name):
        text += f" ({branch.requirement})"
    place = describe_place(branch.marker)
    if place:
        text += f" ; {place}"
    return f"{text} (*)" if branch.repeated else text


def tree_answer(trees: Iterable[Branch], invert: bool = False) -> list[Value]:
    """Give trees for programs.

    Args:
        trees: what ``tree`` gave.
        invert: what it was given.

    Returns:
        Of each branch its name, what else it has of version, manager, platform, marker,
        requirement, root and repeated, and its ``dependencies``; turned round its ``dependents``.
    """
    return [_branch_answer(branch, invert) for branch in trees]


def _branch_answer(branch: Branch, invert: bool) -> Value:
    answer: dict[str, Value] = {"name": branch.name}
    if branch.node < 0:
        answer["root"] = branch.root
    for key in ("version", "manager", "platform", "marker", "requirement"):
        if getattr(branch, key):
            answer[key] = getattr(branch, key)
    if branch.repeated:
        answer["repeated"] = True
    answer["dependents" if invert else "dependencies"] = tree_answer(branch.children, invert)
    return answer
