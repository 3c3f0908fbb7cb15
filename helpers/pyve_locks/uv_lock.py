"""uv's own lock: what is read from it, and written into it, on the way to a ``pylock.toml``.

Source: uv's lock format, version 1. Artifacts, sources and markers come from ``uv export``; here
are the edges of the graph, and the choice of extras and groups.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pyve_locks.toml_lines import parse_toml
from pyve_locks.toml_text import write_table, write_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Edges", "choose_in_markers", "name_choices", "read_edges", "seed_lock"]

# (name, version) of a package -> what it depends on, as ``dependencies`` of PEP 751 has it.
# The version is "" where only the metadata of a source tree tells it.
Edges = dict[tuple[str, str], list[dict[str, str]]]

_PACKAGE = "\n[[package]]\n"
_ROOT = 'source = { virtual = "." }\n'
_ARTIFACTS = re.compile(r"^wheels = \[\n(?:    .*\n)*\]\n|^sdist = \{.*\n", re.MULTILINE)
# What uv writes for an extra or group that excludes another: its kind, the length of the name of
# the distribution, and both names.
_CONFLICT = re.compile(r"extra (==|!=) '(extra|group)-(\d+)-([^'\"]*)'")
_CHOICE = re.compile(r"'(extra|group):([^'\"]*)' (in|not in) platform_version")
_KINDS = {
    "optional-dependencies": "extra",
    "dev-dependencies": "group",
}
_SETS = {"extra": "extras", "group": "dependency_groups"}


def _choice(kind: str, name: str, is_chosen: bool = True) -> str:
    # uv knows neither `extras` nor `dependency_groups` in markers, which PEP 751 brought. A
    # variable that it cannot know anything about stands for them, and uv joins and simplifies.
    return f"'{kind}:{name}' {'in' if is_chosen else 'not in'} platform_version"


def name_choices(marker: str) -> str:
    """Write extras and groups in a marker, as choose_in_markers wrote them, as PEP 751 does."""
    return _CHOICE.sub(lambda m: f"'{m.group(2)}' {m.group(3)} {_SETS[m.group(1)]}", marker)


def choose_in_markers(text: str) -> str:
    """Make what extras and groups ask for depend on markers, so that one export has all of it.

    Args:
        text: a lock that uv wrote for a project that is no distribution itself.

    Returns:
        The same lock, in which the project has no extras and groups, but dependencies with markers
        that name_choices understands; conflicts between them have become markers, too.

    Raises:
        ValueError: it is not written as uv does.
    """
    text = _CONFLICT.sub(_replace_conflict, text)
    head, *blocks = text.split(_PACKAGE)
    at = [number for number, block in enumerate(blocks) if _ROOT in block]
    if len(at) != 1 or not head.startswith("version = 1\n"):
        raise ValueError("uv's lock has another form than is known")
    root = parse_toml(f"[[package]]\n{blocks[at[0]]}")["package"][0]
    edges = list(root.get("dependencies", ()))
    for key, kind in _KINDS.items():
        for name, found in root.get(key, {}).items():
            edges += [_under(edge, _choice(kind, name)) for edge in found]
    kept = {key: root[key] for key in ("name", "version", "source") if key in root}
    lines = write_table({**kept, "dependencies": _join(edges)})
    # A dependency may ask for the project with an extra.
    if "optional-dependencies" in root:
        lines += ["", "[package.optional-dependencies]"]
        lines += write_table(root["optional-dependencies"])
    blocks[at[0]] = "\n".join([*lines, ""])
    return _PACKAGE.join([head, *blocks])


def _replace_conflict(found: re.Match[str]) -> str:
    operator, kind, length, names = found.groups()
    return _choice(kind, names[int(length) + 1 :], operator == "==")


def _under(edge: Mapping[str, Any], condition: str) -> dict[str, Any]:
    marker = edge.get("marker")
    return {**edge, "marker": f"({marker}) and {condition}" if marker else condition}


def _join(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # Where extras and groups exclude each other, the project itself and one of these may ask for
    # the same under the same condition, which is an error for uv.
    joined: dict[str, dict[str, Any]] = {}
    for edge in edges:
        rest = {key: value for key, value in edge.items() if key != "marker"}
        found = joined.setdefault(repr(sorted(rest.items())), dict(edge))
        if "marker" not in edge or "marker" not in found:
            found.pop("marker", None)
        elif found["marker"] != edge["marker"]:
            found["marker"] = f"({found['marker']}) or ({edge['marker']})"
    return list(joined.values())


def read_edges(text: str) -> Edges:
    """Read which package depends on which; the project itself is left out.

    What an extra of a package brings counts as its own, since a lock has it only where somebody
    asks for that extra.

    Args:
        text: a lock that uv wrote.
    """
    packages = parse_toml(_ARTIFACTS.sub("", text)).get("package", [])
    roots = {p["name"]: p for p in packages if p.get("source") == {"virtual": "."}}
    edges: Edges = {}
    for package in packages:
        if package["name"] in roots:
            continue
        wanted = list(package.get("dependencies", ()))
        for more in package.get("optional-dependencies", {}).values():
            wanted += more
        found = edges.setdefault((package["name"], package.get("version", "")), [])
        # Of the project, what its extra brings is asked for; the rest is there anyway.
        for edge in list(wanted):
            more = roots.get(edge["name"], {}).get("optional-dependencies", {})
            for extra in edge.get("extra", ()):
                wanted += more.get(extra, ())
        for edge in wanted:
            kept = {key: edge[key] for key in ("name", "version") if key in edge}
            if kept not in found and kept["name"] not in roots:
                found.append(kept)
        found.sort(key=lambda kept: (kept["name"], kept.get("version", "")))
    return edges


def seed_lock(
    packages: list[dict[str, Any]],
    requires_python: str,
    registry: str,
    folder: str,
    environments: list[str],
) -> str:
    """Write a lock for uv that says nothing but which versions and commits to prefer.

    Args:
        packages: of a ``pylock.toml``.
        requires_python: a specifier that is not empty.
        registry: the URL of an index for packages whose lock names none.
        folder: from which paths of repositories count; absolute.
        environments: markers of those to lock for; none for all. (Without them uv, when a limit of
            time is given, too, would write other markers than it does without any lock.)
    """
    lines = ["version = 1", f"requires-python = {write_value(requires_python)}"]
    if environments:
        lines.append(f"resolution-markers = {write_value(environments)}")
    # Two of the same are an error for uv.
    blocks: dict[str, None] = {}
    for package in packages:
        name, version = str(canonicalize_name(package["name"])), package.get("version")
        sources: list[dict[str, str]] = []
        vcs = package.get("vcs")
        if isinstance(vcs, dict) and vcs.get("type") == "git":
            sources = [{"git": url} for url in _list_git_urls(vcs, folder)]
        elif version and ("wheels" in package or "sdist" in package):
            sources = [{"registry": package.get("index") or registry}]
        for source in sources:
            table = {"name": name, "version": version or "0", "source": source}
            blocks["\n".join(["", "[[package]]", *write_table(table)])] = None
    return "\n".join([*lines, *blocks, ""])


def _list_git_urls(vcs: Mapping[str, Any], folder: str) -> Iterator[str]:
    """Give a locked commit in the ways in which uv may have been asked for it."""
    from pathlib import Path
    from urllib.parse import quote

    url = str(vcs.get("url") or Path(folder, str(vcs.get("path", ""))).resolve().as_uri())
    commit = str(vcs.get("commit-id", ""))
    inside = f"subdirectory={quote(str(vcs['subdirectory']))}" if vcs.get("subdirectory") else ""
    wanted = vcs.get("requested-revision")
    for reference in ("rev", "branch", "tag") if wanted else ("",):
        query = "&".join(
            part for part in (inside, reference and f"{reference}={quote(str(wanted))}") if part
        )
        yield f"{url}{'?' if query else ''}{query}#{commit}"
