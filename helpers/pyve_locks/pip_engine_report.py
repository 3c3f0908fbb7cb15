"""What pip's installation report says, as packages of a lock (PEP 751) and as a graph.

Source: pip's installation report, version 1; PEP 508 (markers, extras), PEP 610 (origins).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from pyve_core import HelperError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyve_locks.uv_lock import Edges

__all__ = ["Node", "Wish", "find_reach", "list_edges", "make_package", "mark", "read_nodes"]

# The name of a distribution, and its extras.
Wish = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Node:
    """A distribution that pip chose.

    Attributes:
        name: normalised.
        version: as its metadata has it.
        requires: its requirements.
        item: what the report has of it.
    """

    name: str
    version: str
    requires: tuple[Parsed, ...]
    item: dict[str, Any]

    def list_wishes(self, extras: Iterable[str], environment: Mapping[str, str]) -> list[Wish]:
        """Give what it needs in an environment, with some of its extras."""
        found = []
        for wish in self.requires:
            tried = [{**environment, "extra": extra} for extra in ("", *extras)]
            if wish.marker is None or any(wish.marker.evaluate(one) for one in tried):
                found.append((str(canonicalize_name(wish.name)), tuple(sorted(wish.extras))))
        return found


def read_nodes(report: Mapping[str, Any]) -> dict[str, Node]:
    """Read a report.

    Returns:
        Name -> what is chosen of it.

    Raises:
        HelperError: E_RESOLVE_ENGINE, for a report of another form; E_INDEX, for metadata that
            cannot be read.
    """
    nodes = {}
    try:
        for item in report["install"]:
            metadata = item["metadata"]
            name = str(canonicalize_name(metadata["name"]))
            wishes = tuple(Parsed(text) for text in metadata.get("requires_dist", ()))
            nodes[name] = Node(name, str(metadata["version"]), wishes, item)
    except (InvalidRequirement, RecursionError) as error:
        raise HelperError(
            "E_INDEX", f"the metadata of {name} cannot be read", str(error)
        ) from error
    except (KeyError, TypeError) as error:
        raise HelperError("E_RESOLVE_ENGINE", "this pip is not understood", repr(error)) from error
    return nodes


def find_reach(
    nodes: Mapping[str, Node], wishes: Iterable[Wish], environment: Mapping[str, str]
) -> set[str]:
    """Find what some wishes bring.

    Args:
        nodes: all that is chosen.
        wishes: where to begin.
        environment: for markers (PEP 508).
    """
    seen: set[Wish] = set()
    found = set()
    ways = deque(wishes)
    while ways:
        name, extras = ways.popleft()
        if (name, extras) in seen or name not in nodes:
            continue
        seen.add((name, extras))
        found.add(name)
        ways.extend(nodes[name].list_wishes(extras, environment))
    return found


def list_edges(nodes: Mapping[str, Node], environment: Mapping[str, str]) -> Edges:
    """Give what depends on what; extras count where somebody asks for them."""
    extras: dict[str, set[str]] = {}
    for node in nodes.values():
        extras.setdefault(node.name, set()).update(node.item.get("requested_extras", ()))
    found: dict[str, set[str]] = {}
    is_new = True
    while is_new:
        is_new = False
        for node in nodes.values():
            for name, more in node.list_wishes(sorted(extras[node.name]), environment):
                if name not in nodes:
                    continue
                found.setdefault(node.name, set()).add(name)
                if not extras[name].issuperset(more):
                    extras[name].update(more)
                    is_new = True
    return {
        (node.name, node.version): [{"name": name} for name in sorted(found.get(node.name, ()))]
        for node in nodes.values()
    }


def mark(name: str, reach: Mapping[tuple[str, str], set[str]]) -> str:
    """Give the marker of a package: by which extras and groups it comes.

    Args:
        name: of the package.
        reach: kind ("", "extra", "group") and name of a root -> what it brings.

    Returns:
        "" for what always comes, or what no root brings.
    """
    if name in reach.get(("", ""), ()):
        return ""
    sets = {"extra": "extras", "group": "dependency_groups"}
    return " or ".join(
        f"'{root}' in {sets[kind]}"
        for (kind, root), found in sorted(reach.items())
        if name in found
    )


def make_package(node: Node, editable: bool, marker: str) -> dict[str, Any]:
    """Write what was chosen as a package of PEP 751, as ``uv export`` does.

    Args:
        node: it.
        editable: whether it was asked for with ``-e``.
        marker: of the package; "" for none.

    Raises:
        HelperError: E_RESOLVE_ENGINE.
    """
    info = node.item.get("download_info", {})
    url = str(info.get("url", ""))
    package: dict[str, Any] = {"name": node.name}
    if marker:
        package["marker"] = marker
    inside = {"subdirectory": info["subdirectory"]} if info.get("subdirectory") else {}
    if "dir_info" in info:
        path = unquote(urlsplit(url).path)
        is_editable = editable or info["dir_info"].get("editable", False)
        return {**package, "directory": {"path": path, "editable": is_editable, **inside}}
    if "vcs_info" in info:
        vcs = info["vcs_info"]
        table = {"type": vcs["vcs"], "url": url, "commit-id": vcs["commit_id"], **inside}
        if vcs.get("requested_revision"):
            table["requested-revision"] = vcs["requested_revision"]
        return {**package, "version": node.version, "vcs": table}
    hashes = dict(info.get("archive_info", {}).get("hashes", {}))
    artifact = {"url": url, "hashes": hashes}
    package["version"] = node.version
    if node.item.get("is_direct"):
        return {**package, "archive": {**artifact, **inside}}
    if urlsplit(url).path.endswith(".whl"):
        return {**package, "wheels": [artifact]}
    return {**package, "sdist": artifact}
