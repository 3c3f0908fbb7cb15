"""A conda-lock.yml as a graph, of conda packages and those of pip together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pyve_locks.graph import Graph, Node, Wish, node_key
from pyve_locks.origins import File
from pyve_locks.requirement import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyve_files.environment import Environment
    from pyve_files.lock import Lock as CondaLock


def build_conda_graph(
    lock: CondaLock, manifests: Iterable[Environment] = (), platform: str = ""
) -> Graph:
    """Make the graph of a ``conda-lock.yml``, of conda packages and those of pip together.

    Args:
        lock: the whole file.
        manifests: the environment.yml files that it was made from.
        platform: the one to look at, as ``linux-64``; "" for all, side by side.

    What a package of pip needs may be a package of conda. What only conda itself provides
    (``__glibc``), or nobody, has no entry.
    """
    from pyve_files.environment import split_name

    packages = [item for item in lock.packages if platform in ("", item.platform)]
    pairs = []
    for item in packages:
        digest = f"sha256:{item.sha256}" if item.sha256 else f"md5:{item.md5}"
        file = item.url.partition("#")[0].partition("?")[0].rpartition("/")[2]
        is_pip = item.manager == "pip"
        node = Node(
            name=canonicalize_name(item.name) if is_pip else item.name,
            version=item.version,
            manager=item.manager,
            platform=item.platform,
            files=(File(file, digest, strip_credentials(item.url)),),
        )
        pairs.append((node, item))
    pairs.sort(key=lambda pair: (node_key(pair[0]), pair[0].files))
    index: dict[tuple[str, str, str], list[int]] = {}
    for number, (node, _) in enumerate(pairs):
        key = (node.platform, node.manager, canonicalize_name(node.name))
        index.setdefault(key, []).append(number)

    def find(platform: str, manager: str, name: str) -> list[int]:
        plain = canonicalize_name(name)
        found = index.get((platform, manager, plain), [])
        if not found and manager == "pip":
            found = index.get((platform, "conda", plain), [])
        return found

    requires = []
    for number, (node, item) in enumerate(pairs):
        names = [text.split()[0] for text in item.dependencies if text.split()]
        found = {other for name in names for other in find(node.platform, node.manager, name)}
        requires.append(tuple(sorted(found - {number})))
    wishes: set[Wish] = set()
    unmet: set[tuple[str, str]] = set()
    platforms = sorted({item.platform for item in packages})
    for manifest in manifests:
        asked = [("conda", text, split_name(text)[0]) for text in manifest.dependencies]
        asked += [("pip", text, _pip_name(text)) for text in manifest.pip]
        for manager, text, name in asked:
            if not name:
                continue
            met = [number for place in platforms for number in find(place, manager, name)]
            wishes.update(Wish("", text, number) for number in met)
            if not met:
                unmet.add(("", text))
    nodes = tuple(pair[0] for pair in pairs)
    return Graph(nodes, tuple(requires), tuple(sorted(wishes)), tuple(sorted(unmet)))


def _pip_name(line: str) -> str:
    try:
        return Requirement(line.partition(" --")[0].partition(" #")[0].strip()).name
    except (InvalidRequirement, RecursionError):
        return ""
