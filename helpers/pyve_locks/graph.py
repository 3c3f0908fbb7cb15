"""Who needs what: a lock as a graph, from what the manifest asks for down to the last package."""

from __future__ import annotations

import json
import posixpath
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyve_core import HelperError, count_things
from pyve_locks.origins import File, describe_origin, is_project, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyve_locks.manifest import Manifest

    # Canonical requirements by "", "extra:NAME" and "group:NAME".
    Roots = Mapping[str, Iterable[str]]

# Of a canonical requirement, what stands behind it.
_OPTIONS = re.compile(r" (?:--hash|-C)=.*$", re.DOTALL)


@dataclass(frozen=True)
class Node:
    """One entry of a lock.

    Attributes:
        name: normalised (PEP 503); of conda, as the lock has it.
        version: "" when the lock records none.
        manager: "pip" or "conda".
        platform: conda's name of the platform that it is for; "" for all.
        marker: when it is installed (PEP 751); "" for always.
        origin: URL or path when it comes from no index.
        files: what can be installed of it, sorted by name.
    """

    name: str
    version: str = ""
    manager: str = "pip"
    platform: str = ""
    marker: str = ""
    origin: str = ""
    files: tuple[File, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, for people."""
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True, order=True)
class Wish:
    """What the manifest asks for, and an entry of the lock that meets it.

    Attributes:
        root: "", "extra:NAME" or "group:NAME".
        text: the requirement.
        node: number of the entry.
    """

    root: str
    text: str
    node: int


@dataclass
class Graph:
    """A lock, and what its manifest asks for.

    Attributes:
        nodes: sorted by name, version, platform, manager and marker.
        wishes: sorted by root, text and node.
        requires: for each node, the numbers of those that it needs, ascending.
        needed_by: for each node, the numbers of those that need it, ascending.
        unmet: root and text of what the manifest asks for and the lock does not hold.
        name: of the project, or "".
        other_wishes: those of roots that were not chosen.
        manifest: the file that asks for what is asked for by default, or "".
    """

    nodes: tuple[Node, ...]
    requires: tuple[tuple[int, ...], ...]
    wishes: tuple[Wish, ...] = ()
    unmet: tuple[tuple[str, str], ...] = ()
    name: str = ""
    other_wishes: tuple[Wish, ...] = ()
    manifest: str = ""
    needed_by: tuple[tuple[int, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Turn the edges round, too."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for number, others in enumerate(self.requires):
            for other in others:
                found[other].append(number)
        self.needed_by = tuple(map(tuple, found))

    @property
    def direct(self) -> frozenset[int]:
        """The entries that the manifest names itself."""
        return frozenset(wish.node for wish in self.wishes)

    def choose(self, roots: Iterable[str]) -> Graph:
        """Give the same graph with the wishes of some roots only ("", "extra:x", "group:y")."""
        wanted = set(roots)
        wishes = sorted({*self.wishes, *self.other_wishes})
        return Graph(
            self.nodes,
            self.requires,
            tuple(wish for wish in wishes if wish.root in wanted),
            tuple(pair for pair in self.unmet if pair[0] in wanted),
            self.name,
            tuple(wish for wish in wishes if wish.root not in wanted),
            self.manifest,
        )

    def reach(self, starts: Iterable[int], up: bool = False, depth: int | None = None) -> list[int]:
        """Find what can be reached from some entries, those included.

        Args:
            starts: numbers of entries.
            up: towards those that need them, instead of what they need.
            depth: how many steps to go; None for all the way.

        Returns:
            For each node the least number of steps, -1 when it is out of reach.
        """
        distance = [-1] * len(self.nodes)
        queue = deque(sorted(set(starts)))
        for start in queue:
            distance[start] = 0
        edges = self.needed_by if up else self.requires
        while queue:
            number = queue.popleft()
            if distance[number] == depth:
                continue
            for other in edges[number]:
                if distance[other] < 0:
                    distance[other] = distance[number] + 1
                    queue.append(other)
        return distance

    def find_loose(self) -> list[int]:
        """Find the entries that nothing leads to from the manifest, as far as the lock says.

        Those of roots that were not chosen are none of them.
        """
        distance = self.reach(wish.node for wish in (*self.wishes, *self.other_wishes))
        return [number for number, steps in enumerate(distance) if steps < 0]


def describe_root(root: str) -> str:
    """Name a root for people: "extra web", "group dev", or "" for what is always asked for."""
    return root.replace(":", " ", 1)


def sort_key(version: str) -> tuple[bool, Version, str]:
    """Order versions (PEP 440); what is no version comes first."""
    try:
        return True, Version(version), version
    except ValueError:
        return False, Version("0"), version


def node_key(node: Node) -> tuple[Any, ...]:
    """Order entries: by name, version, platform, manager and marker."""
    version = sort_key(node.version)
    return node.name, version, node.platform, node.manager, node.marker, node.origin


def graph_of(
    lock: Mapping[str, Any], manifest: Manifest | None = None, files: bool = True
) -> Graph:
    """Make the graph of a ``pylock.toml``.

    Args:
        lock: the file, as tomllib gives it.
        manifest: what it was made from; None for what it says itself about that.
        files: whether the nodes are to tell their files, of which there are many.

    Raises:
        HelperError: E_LOCK_FILE; E_MANIFEST, when what it says is no requirement.
    """
    if manifest is None:
        name, roots = recorded_roots(lock)
        return build_graph(lock, roots, name, files)
    roots = {root: [item.canonical() for item in items] for root, items in manifest.roots.items()}
    graph = build_graph(lock, roots, manifest.name or "", files)
    graph.manifest = graph.manifest or _find_main_file(manifest.files)
    return graph


def recorded_roots(lock: Mapping[str, Any]) -> tuple[str, Roots]:
    """Give the project's name and what its manifest asked for when the lock was made.

    Without ``[tool.pyve]``, as in a lock of another tool, both are empty.

    Raises:
        HelperError: E_LOCK_FILE.
    """
    tool = lock.get("tool", {})
    pyve = tool.get("pyve", {}) if isinstance(tool, dict) else {}
    text = pyve.get("manifest", "{}") if isinstance(pyve, dict) else "{}"
    try:
        manifest = json.loads(text)
        roots = {root: [*map(str, texts)] for root, texts in manifest.get("roots", {}).items()}
        return str(manifest.get("name") or ""), roots
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _wrong_lock("'manifest' of [tool.pyve] is not what Pyve writes") from error


def build_graph(lock: Mapping[str, Any], roots: Roots, name: str = "", files: bool = True) -> Graph:
    """Make the graph of a ``pylock.toml``.

    Args:
        lock: the file, as tomllib gives it.
        roots: the requirements of the manifest, as its canonical form has them.
        name: of the project. That it needs itself, with extras, is resolved; that it is in the
            lock is not shown.
        files: see graph_of.

    Raises:
        HelperError: E_LOCK_FILE, when packages have no name, or need what the lock does not hold.

    Source: PEP 751, "packages.dependencies": each entry has as many keys of the package meant as
    it takes to tell it from others. When it fits several all the same, all are taken.
    """
    name = canonicalize_name(name)
    tables = list(read_packages(lock))
    own = [item for item in tables if is_project(item)]
    names_of_project: set[str] = {canonicalize_name(item["name"]) for item in own} | ({name} - {""})
    pairs = sorted(
        ((_make_node(item, files), item) for item in tables if item not in own),
        key=lambda pair: node_key(pair[0]),
    )
    by_name: dict[str, list[int]] = {}
    for number, (node, _) in enumerate(pairs):
        by_name.setdefault(node.name, []).append(number)
    requires = []
    for number, (node, item) in enumerate(pairs):
        found: set[int] = set()
        for wanted in item.get("dependencies") or ():
            found.update(_match_dependency(node, wanted, by_name, pairs, names_of_project))
        requires.append(tuple(sorted(found - {number})))  # an extra may need its own package
    nodes = tuple(pair[0] for pair in pairs)
    wishes, unmet = _match_wishes(_expand_roots(roots, names_of_project), nodes, by_name)
    return Graph(
        nodes, tuple(requires), wishes, unmet, name, manifest=_find_main_file(_list_files(lock))
    )


def _list_files(lock: Mapping[str, Any]) -> list[str]:
    """Give the files that a lock of Pyve was made from; [] when it names none."""
    tool = lock.get("tool")
    pyve = tool.get("pyve") if isinstance(tool, dict) else None
    listed = pyve.get("files") if isinstance(pyve, dict) else None
    return [*map(str, listed)] if isinstance(listed, list) else []


def _find_main_file(files: Iterable[str]) -> str:
    """Choose the one of the manifest's files that asks for what is asked for by default."""
    files = list(files)
    # (Groups may be in a pyproject.toml beside it.)
    mains = [name for name in files if name in ("requirements.in", "requirements.txt")]
    return next(iter([*mains, *files]), "")


def read_packages(lock: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the packages of a ``pylock.toml``, as far as it can be read.

    Raises:
        HelperError: E_LOCK_FILE, when the names of packages, or of what they need, are missing.
    """
    packages = lock.get("packages", [])
    if not isinstance(packages, list):
        raise _wrong_lock("'packages' is no list of tables")
    for item in packages:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise _wrong_lock("a package has no 'name'")
        needs = item.get("dependencies", [])
        if not isinstance(needs, list) or not all(
            isinstance(need, dict) and isinstance(need.get("name"), str) for need in needs
        ):
            raise _wrong_lock(f"'dependencies' of {item['name']} is no list of tables with names")
        yield item


def _wrong_lock(why: str) -> HelperError:
    return HelperError("E_LOCK_FILE", "the lock does not hold together", why, "pyve lock")


def _make_node(item: Mapping[str, Any], files: bool) -> Node:
    return Node(
        name=canonicalize_name(item["name"]),
        version=str(item.get("version", "")),
        marker=str(item.get("marker", "")),
        origin=describe_origin(item),
        files=list_files(item) if files else (),
    )


def _match_dependency(
    node: Node,
    wanted: Mapping[str, Any],
    by_name: Mapping[str, list[int]],
    pairs: Sequence[tuple[Node, Mapping[str, Any]]],
    names_of_project: set[str],
) -> Iterable[int]:
    name = canonicalize_name(wanted["name"])
    rest = {key: value for key, value in wanted.items() if key != "name"}
    found = [number for number in by_name.get(name, ()) if _fits(rest, pairs[number][1])]
    if not found and name not in names_of_project:
        version = f" {wanted['version']}" if "version" in wanted else ""
        raise _wrong_lock(f"{node.label} needs {name}{version}, which is not in it")
    return found


def _fits(wanted: Any, there: Any) -> bool:
    """Tell whether all that is wanted is there, key by key."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(key in there and _fits(value, there[key]) for key, value in wanted.items())
    return bool(wanted == there)


@dataclass(frozen=True)
class _Asked:
    """A requirement of a manifest, as far as it says which package is meant."""

    text: str
    name: str = ""
    extras: frozenset[str] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    place: str = ""


def _read_asked(text: str) -> _Asked:
    """Take a canonical requirement apart: PEP 508 with paths, "-e" in front, options behind."""
    text = _OPTIONS.sub("", text)
    plain = text[3:] if text.startswith("-e ") else text
    try:
        # (A path behind @ may have blanks in it, as no URL does.)
        found = Requirement(plain.partition(" @ ")[0])
    except (InvalidRequirement, RecursionError) as error:
        place = plain.partition(" ;")[0].partition("[")[0].strip()
        if place != "." and not place.startswith(("./", "../", "/")) and "://" not in place:
            message = f"'{text}' is no requirement"
            raise HelperError("E_MANIFEST", message, str(error).splitlines()[0]) from error
        return _Asked(text, place=posixpath.normpath(place) if "://" not in place else place)
    extras = frozenset(canonicalize_name(extra) for extra in found.extras)
    return _Asked(text, canonicalize_name(found.name), extras, found.specifier)


def _expand_roots(roots: Roots, own: set[str]) -> dict[str, list[_Asked]]:
    """Read requirements, and put what an extra stands for where the project names itself."""
    plain = {root: [_read_asked(text) for text in texts] for root, texts in roots.items()}
    result: dict[str, list[_Asked]] = {}
    for root, requirements in plain.items():
        todo = deque(requirements)
        seen: set[str] = set()
        result[root] = []
        while todo:
            asked = todo.popleft()
            if asked.place == "." or asked.name in own:
                for extra in sorted(asked.extras - seen):
                    seen.add(extra)
                    todo.extend(plain.get(f"extra:{extra}", ()))
            else:
                result[root].append(asked)
    return result


def _match_wishes(
    roots: Mapping[str, Iterable[_Asked]],
    nodes: Sequence[Node],
    by_name: Mapping[str, list[int]],
) -> tuple[tuple[Wish, ...], tuple[tuple[str, str], ...]]:
    by_place: dict[str, list[int]] = {}
    for number, node in enumerate(nodes):
        place = node.origin if "://" in node.origin else posixpath.normpath(node.origin or "/")
        by_place.setdefault(place, []).append(number)
    wishes: set[Wish] = set()
    unmet: set[tuple[str, str]] = set()
    for root, requirements in roots.items():
        for asked in requirements:
            there = by_place.get(asked.place, []) if asked.place else by_name.get(asked.name, [])
            # Of several versions, each for other platforms, those that were asked for here. An
            # override may have brought another than any that was.
            fitting = [number for number in there if _meets(asked, nodes[number])]
            wishes.update(Wish(root, asked.text, number) for number in fitting or there)
            if not there:
                unmet.add((root, asked.text))
    return tuple(sorted(wishes)), tuple(sorted(unmet))


def _meets(asked: _Asked, node: Node) -> bool:
    try:
        return asked.specifier.contains(node.version, prereleases=True)
    except ValueError:
        return False


def find_nodes(graph: Graph, name: str, command: str = "why") -> list[int]:
    """Find the entries of a distribution: several when its version depends on the platform.

    Args:
        graph: where to look.
        name: as a person writes it.
        command: the command of Pyve that was asked, for the message.

    Raises:
        HelperError: E_PACKAGE_UNKNOWN, with names that are written almost like it.
    """
    import difflib

    wanted = canonicalize_name(name.strip())
    found = [n for n, node in enumerate(graph.nodes) if canonicalize_name(node.name) == wanted]
    if found:
        return found
    if wanted == graph.name:
        why = "nothing in the lock needs it; it is what needs the others"
        raise HelperError("E_PACKAGE_UNKNOWN", f"'{name}' is the project itself", why, "pyve tree")
    names = sorted({node.name for node in graph.nodes})
    close = difflib.get_close_matches(wanted, names, 3, 0.7)
    message = f"'{name}' is not in the lock"
    if close:
        fixes = [f"pyve {command} {other}" for other in close]
        raise HelperError("E_PACKAGE_UNKNOWN", message, "it has " + ", ".join(close), fixes)
    has = f"it has {count_things(len(names), 'package')}"
    raise HelperError("E_PACKAGE_UNKNOWN", message, has, "pyve tree")
