"""What changed between two locks: for people, for programs, and for a pull request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from packaging.version import Version

from pyve_locks.graph import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyve_core import Value
    from pyve_locks.graph import Graph, Node

# How far a change goes: the first is the furthest.
STEPS = ("major", "minor", "patch", "origin", "files", "where")
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Change:
    """What happened to one distribution.

    Attributes:
        kind: "added", "removed" or "changed".
        name: normalised.
        manager: "pip" or "conda".
        direct: whether the manifest names it (the old one, when it was removed).
        old, new: its entries before and after; several when they depend on the platform.
        step: of a change, how far it goes: "major", "minor" or "patch" by the version; with the
            same version "origin" (another repository, commit, URL or path), "files" (other files,
            or with other hashes), or "where" (other platforms, extras or groups).
        way: "up" or "down" by the version, else "".
        replaced: files of the same name that have another hash now.
    """

    kind: str
    name: str
    manager: str
    direct: bool
    old: tuple[Node, ...]
    new: tuple[Node, ...]
    step: str = ""
    way: str = ""
    replaced: tuple[str, ...] = ()


def diff(old: Graph | None, new: Graph | None) -> list[Change]:
    """Compare two locks.

    Args:
        old, new: their graphs, with the roots of the manifests that they were made from; None for
            no lock.

    Returns:
        The changes: what was added, removed, changed, each sorted by name.
    """
    before, after = _group(old), _group(new)
    changes = []
    for key in sorted(before.keys() | after.keys()):
        name, manager = key
        was, old_direct = before.get(key, ((), False))
        now, new_direct = after.get(key, ((), False))
        if not was:
            changes.append(Change("added", name, manager, new_direct, (), now))
        elif not now:
            changes.append(Change("removed", name, manager, old_direct, was, ()))
        else:
            step, way = _measure(was, now)
            replaced = _find_replaced(was, now)
            if step:
                changes.append(
                    Change("changed", name, manager, new_direct, was, now, step, way, replaced)
                )
    order = list(_SIGNS)
    return sorted(changes, key=lambda change: order.index(change.kind))


def _group(graph: Graph | None) -> dict[tuple[str, str], tuple[tuple[Node, ...], bool]]:
    found: dict[tuple[str, str], tuple[tuple[Node, ...], bool]] = {}
    if graph is not None:
        direct = graph.direct
        for number, node in enumerate(graph.nodes):
            nodes, is_direct = found.get((node.name, node.manager), ((), False))
            found[node.name, node.manager] = ((*nodes, node), is_direct or number in direct)
    return found


def _measure(old: Sequence[Node], new: Sequence[Node]) -> tuple[str, str]:
    """Say how far it is from some entries of a distribution to others, and which way."""
    was, now = _versions(old), _versions(new)
    if was != now:
        # The highest that is gone against the highest that has come.
        one = ([version for version in was if version not in now] or was)[-1]
        other = ([version for version in now if version not in was] or now)[-1]
        before, after = sort_key(one), sort_key(other)
        is_same = before[0] and before[:2] == after[:2]  # written otherwise: 1.0 and 1.0.0
        way = "" if is_same or before == after else "up" if after > before else "down"
        return _compare(one, other), way
    if {node.origin for node in old} != {node.origin for node in new}:
        return "origin", ""
    if _digests(old) != _digests(new):
        return "files", ""
    places = [{(n.version, n.platform, n.marker) for n in nodes} for nodes in (old, new)]
    return ("where", "") if places[0] != places[1] else ("", "")


def _versions(nodes: Iterable[Node]) -> list[str]:
    return sorted({node.version for node in nodes}, key=sort_key)


def _compare(old: str, new: str) -> str:
    """Name the first part of the release in which two versions differ (PEP 440)."""
    if old == new:
        return ""
    try:
        one, other = Version(old), Version(new)
    except ValueError:
        # Of conda there are others: "2026a", "9e".
        one_parts, other_parts = _numbers(old), _numbers(new)
    else:
        one_parts = [one.epoch, *one.release]
        other_parts = [other.epoch, *other.release]
    pairs = zip_longest(one_parts, other_parts, fillvalue=0)
    first = next((i for i, pair in enumerate(pairs) if pair[0] != pair[1]), 3)
    return ("major", "major", "minor")[first] if first < 3 else "patch"


def _numbers(version: str) -> list[int]:
    return [0, *(int(number) for number in re.findall(r"[0-9]+", version, re.A))]


def _digests(nodes: Iterable[Node]) -> dict[tuple[str, str], str]:
    """Give the hash of each file, by platform and name.

    In a channel of conda, files of different platforms may have the same name.
    """
    return {(node.platform, file.name): file.digest for node in nodes for file in node.files}


def _find_replaced(old: Iterable[Node], new: Iterable[Node]) -> tuple[str, ...]:
    """Find files of the same name and kind of hash, but with another hash."""
    was = _digests(old)
    found = set()
    for (platform, name), digest in _digests(new).items():
        before = was.get((platform, name), "")
        same_kind = before.partition(":")[0] == digest.partition(":")[0]
        if before and digest and same_kind and before != digest:
            found.add(name)
    return tuple(sorted(found))


def count_changes(changes: Iterable[Change]) -> str:
    """Count changes in words: "2 added, 1 removed, 3 changed"."""
    kinds = [change.kind for change in changes]
    words = [f"{kinds.count(kind)} {kind}" for kind in _SIGNS if kind in kinds]
    return ", ".join(words) or "no changes"


def _show(nodes: Iterable[Node], others: Iterable[Node]) -> str:
    """Write the versions of some entries, with where they come from if that is not an index.

    Those that the other side has as well are left out, unless nothing would be left.
    """
    own = [(node.version, node.origin) for node in nodes]
    there = {(node.version, node.origin) for node in others}
    left = [pair for pair in own if pair not in there] or own
    texts = [f"{version} from {origin}" if origin else version for version, origin in left]
    return ", ".join(dict.fromkeys(text.strip() for text in texts))


def _note(change: Change) -> str:
    words = []
    if change.kind == "changed":
        named = {"origin": "another origin", "files": "other files", "where": "used elsewhere"}
        words.append(named.get(change.step, change.step) + (" down" * (change.way == "down")))
    words.append("direct" if change.direct else "indirect")
    if change.manager == "conda":
        words.append("conda")
    if change.replaced:
        words.append("same name, another hash: " + ", ".join(change.replaced))
    return ", ".join(words)


def format_diff(changes: Sequence[Change], utf8: bool = True) -> str:
    """Write changes for people, a line each below a line that counts them."""
    lines = [count_changes(changes)]
    width = max((len(change.name) for change in changes), default=0)
    for change in changes:
        old, new = _show(change.old, change.new), _show(change.new, change.old)
        arrow = "\u2192" if utf8 else "->"
        versions = f"{old} {arrow} {new}" if old and new and old != new else new or old
        line = f"{_SIGNS[change.kind]} {change.name:{width}}  {versions}  ({_note(change)})"
        lines.append(_CONTROL.sub(" ", line))
    return "".join(f"{line}\n" for line in lines)


def format_markdown(changes: Sequence[Change]) -> str:
    """Write changes as a table of GitHub Flavored Markdown.

    Whatever a lock says stands in code spans: it cannot become a link, a mention, an image, HTML
    or another cell.
    """
    lines = [f"**{count_changes(changes)}**"]
    if changes:
        lines += ["", "| | Package | Old | New | |", "| --- | --- | --- | --- | --- |"]
    for change in changes:
        cells = [
            change.kind,
            code_span(change.name),
            code_span(_show(change.old, change.new)),
            code_span(_show(change.new, change.old)),
            _note(Change(**{**change.__dict__, "replaced": ()})),
        ]
        if change.replaced:
            files = " ".join(map(code_span, change.replaced))
            cells[-1] += f", **same name, another hash**: {files}"
        lines.append("| " + " | ".join(cells) + " |")
    return "".join(f"{line}\n" for line in lines)


def code_span(text: str) -> str:
    """Write a text as code in a cell of a table.

    Source: GitHub Flavored Markdown, "Code spans" (a longer fence than any run of backticks in the
    text), and "Tables" (a bar needs a backslash, in code, too).
    """
    text = _CONTROL.sub(" ", text).strip()
    if not text:
        return ""
    runs: Iterator[str] = (match.group() for match in re.finditer("`+", text))
    fence = "`" * (max(map(len, runs), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    # A backslash in front of a bar would take the place of the one put there.
    text = text.replace("\\|", "\\ |").replace("|", "\\|")
    return f"{fence}{pad}{text}{pad}{fence}"


def diff_answer(changes: Iterable[Change]) -> Mapping[str, Value]:
    """Give changes for programs: lists ``added``, ``removed`` and ``changed``.

    Returns:
        Of each change: name, manager, direct, old and new (version, origin, marker, platform of
        each entry), and of those that changed step, way and replaced.
    """
    answer: dict[str, list[Value]] = {kind: [] for kind in _SIGNS}
    for change in changes:
        item: dict[str, Value] = {
            "name": change.name,
            "manager": change.manager,
            "direct": change.direct,
            "old": [_entry(node) for node in change.old],
            "new": [_entry(node) for node in change.new],
        }
        if change.kind == "changed":
            item.update(step=change.step, way=change.way, replaced=list(change.replaced))
        answer[change.kind].append(item)
    return answer


def _entry(node: Node) -> Value:
    return {key: getattr(node, key) for key in ("version", "origin", "marker", "platform")}
