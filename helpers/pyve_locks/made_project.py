"""The uv project that stands for a manifest while it is solved: the user's own is never touched."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks.local_project import read_name, read_toml, take
from pyve_locks.toml_text import write_table, write_value
from pyve_locks.uv_run import MADE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyve_locks.manifest import Manifest
    from pyve_locks.requirement import Requirement
    from pyve_locks.solve import SolveOptions

__all__ = [
    "fixes_index",
    "list_environments",
    "list_sources",
    "make_project",
    "names_index",
    "python_range",
    "split_root",
]

# conda's names of platforms, which Pyve uses everywhere -> markers (PEP 508).
PLATFORMS = {
    "linux-64": ("linux", "x86_64"),
    "linux-aarch64": ("linux", "aarch64"),
    "linux-ppc64le": ("linux", "ppc64le"),
    "linux-s390x": ("linux", "s390x"),
    "linux-armv7l": ("linux", "armv7l"),
    "osx-64": ("darwin", "x86_64"),
    "osx-arm64": ("darwin", "arm64"),
    "win-64": ("win32", "AMD64"),
    "win-arm64": ("win32", "ARM64"),
}
# Of [tool.uv]: taken over by other means, or of no use to a project that is not the user's.
_NOT_COPIED = frozenset(("workspace", "default-groups", "index-url", "extra-index-url"))
_IS_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def split_root(root: str) -> tuple[str, str]:
    """Split the key of a manifest's root into its kind ("", "extra", "group") and a name."""
    kind, _, name = root.partition(":")
    return kind, str(canonicalize_name(name))


def python_range(*texts: str) -> str:
    """Join limits of Python: specifiers, or a version such as 3.11, which means at least that.

    Returns:
        One specifier; "" when all are empty.

    Raises:
        HelperError: E_RESOLVE_PYTHON for a text that is none, or when no Python is in all of them.
    """
    joined = SpecifierSet()
    for text in filter(None, texts):
        try:
            joined &= SpecifierSet(f">={text}" if text[0].isdigit() else text)
        except ValueError as error:
            raise HelperError(
                "E_RESOLVE_PYTHON", f"'{text}' does not limit Python", "a limit is such as >=3.10"
            ) from error
    found = ",".join(sorted(str(specifier) for specifier in joined))
    if joined.is_unsatisfiable():
        why = f"the limits {' and '.join(filter(None, texts))} exclude each other: change one"
        where = "they are requires-python of the project, and lock.python of .pyve/config"
        raise HelperError("E_RESOLVE_PYTHON", f"no Python is {found}", [why, where])
    return found


def list_environments(manifest: Manifest, platforms: Iterable[str]) -> list[str]:
    """Give the environments to lock for, as markers; none for all.

    Raises:
        HelperError: E_PLATFORM.
    """
    markers = []
    for platform in platforms:
        if platform not in PLATFORMS:
            raise HelperError(
                "E_PLATFORM", f"'{platform}' is not a platform", f"known: {', '.join(PLATFORMS)}"
            )
        system, machine = PLATFORMS[platform]
        markers.append(f"sys_platform == '{system}' and platform_machine == '{machine}'")
    said = manifest.uv.get("environments", [])
    return markers or [str(marker) for marker in ([said] if isinstance(said, str) else said)]


def make_project(manifest: Manifest, options: SolveOptions) -> str:
    """Write a pyproject.toml for uv that asks for what a manifest asks for.

    It may hold credentials, so its folder is for nobody else to read. The project has the name and
    version of the user's, so that distributions that depend on it find it; it is not built. Where
    only building tells the version, any would be wrong for some of those: what depends on the
    project then counts as if it did not, and the made project has another name.

    Args:
        manifest: what is asked for.
        options: the same that is solved with; its ``python`` is not empty.

    Raises:
        HelperError: E_MANIFEST (a requirement whose name is not known), E_PLATFORM.
    """
    version, hidden = _read_version(manifest), _hidden_name(manifest)
    project: dict[str, Any] = {
        "name": MADE_NAME if hidden else manifest.name or MADE_NAME,
        "version": version or "0",
        "requires-python": options.python,
    }
    lists: dict[str, dict[str, list[str]]] = {"": {}, "extra": {}, "group": {}}
    for root, requirements in manifest.roots.items():
        kind, name = split_root(root)
        written = [
            replace(one, name=MADE_NAME, specifier="") if one.name == hidden else one
            for one in requirements
        ]
        lists[kind][name] = [_write(requirement, manifest.root) for requirement in written]
    project["dependencies"] = lists[""].get("", [])
    tables = {
        "project": project,
        "project.optional-dependencies": lists["extra"],
        "dependency-groups": lists["group"],
        "tool.uv": _uv_settings(manifest, options),
        # Without this, uv looks for a workspace in the folders above.
        "tool.uv.workspace": {},
    }
    lines: list[str] = []
    for name, table in tables.items():
        lines += [f"[{name}]", *write_table(table), ""]
    return "\n".join(lines)


def _read_version(manifest: Manifest) -> str:
    found = read_toml(manifest.root) if manifest.is_project else {}
    version = take(found, "project", "version")
    return version if isinstance(version, str) else ""


def _hidden_name(manifest: Manifest) -> str | None:
    """Give the name of a project whose version is not known; None where nothing may need it."""
    return manifest.name if manifest.name and not _read_version(manifest) else None


def _write(requirement: Requirement, root: str) -> str:
    from pathlib import Path

    written = requirement
    try:
        # What is editable says so in the sources, by name.
        if requirement.editable and requirement.path:
            written = replace(requirement, path="", fragment="", specifier="")
        return written.pep508(Path(root))
    except ValueError as error:
        where = f"{requirement.file}, line {requirement.line}" if requirement.line else "a source"
        shown = requirement.canonical()
        tells = f"a name before it tells: NAME @ {shown}"
        if requirement.editable:
            tells = "a pyproject.toml in it tells, with [project] and a name"
        raise HelperError(
            "E_MANIFEST", f"{where}: what {shown} leads to has no name that is known", tells
        ) from error


def _all_requirements(manifest: Manifest) -> Iterator[Requirement]:
    for requirements in manifest.roots.values():
        yield from requirements


def _uv_settings(manifest: Manifest, options: SolveOptions) -> dict[str, Any]:
    """Give [tool.uv] of the made project."""
    from pathlib import Path

    root, said, hidden = Path(manifest.root), manifest.options, _hidden_name(manifest)
    settings = {key: value for key, value in manifest.uv.items() if key not in _NOT_COPIED}
    settings["package"] = False
    settings["sources"] = list_sources(manifest)
    settings["index"] = list_indexes(manifest, options)
    links = [_place(link, root) for link in _as_list(manifest.uv.get("find-links"))]
    links += [_place(source.use, root) for source in said.find_links]
    settings["find-links"] = list(dict.fromkeys([*options.find_links, *links]))
    for key, requirements in (
        ("constraint-dependencies", manifest.constraint_requirements),
        ("override-dependencies", manifest.override_requirements),
    ):
        tables = [item for item in _as_list(manifest.uv.get(key)) if isinstance(item, dict)]
        wanted = [requirement for requirement in requirements if requirement.name != hidden]
        settings[key] = [*(requirement.pep508(root) for requirement in wanted), *tables]
    if hidden:
        # (Nothing is in a Python that is none.)
        settings["override-dependencies"].append(f"{hidden}; python_version < '0'")
        settings["conflicts"] = [
            [{**item, **({"package": MADE_NAME} if "package" in item else {})} for item in items]
            for items in settings.get("conflicts", [])
        ]
    settings["environments"] = list_environments(manifest, options.platforms)
    if options.no_index or said.no_index:
        settings["no-index"] = True
    if options.prerelease or said.pre:
        settings["prerelease"] = "allow"
    if options.exclude_newer:
        settings["exclude-newer"] = options.exclude_newer
    if ":all:" in said.only_binary:
        settings["no-build"] = True
    elif said.only_binary:
        settings["no-build-package"] = list(said.only_binary)
    configured = {r.name: r.config_settings for r in _all_requirements(manifest)}
    for name, values in configured.items():
        if values:
            known = settings.setdefault("config-settings-package", {})
            known[name] = dict(value.partition("=")[::2] for value in values)
    return {key: value for key, value in settings.items() if value not in ([], {}, "")}


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _place(where: str, root: Any) -> str:
    """Make a path that counts from the project absolute; URLs stay."""
    return where if _IS_URL.match(where) else os.path.normpath(os.path.join(root, where))


def list_indexes(manifest: Manifest, options: SolveOptions) -> list[dict[str, Any]]:
    """Give the indexes in the order in which they are asked; the default comes last."""
    uv, said, root = manifest.uv, manifest.options, manifest.root
    indexes: list[dict[str, Any]] = [{"url": url} for url in options.indexes]
    indexes += [
        {**index, "url": _place(str(index["url"]), root)}
        for index in _as_list(uv.get("index"))
        if isinstance(index, dict) and "url" in index
    ]
    further = [str(url) for url in _as_list(uv.get("extra-index-url"))]
    further += [source.use for source in said.extra_index_urls]
    indexes += [{"url": _place(url, root)} for url in further]
    default = options.default_index or str(uv.get("index-url", ""))
    if said.index_url and not options.default_index:
        default = said.index_url.use
    if default:
        indexes = [index for index in indexes if not index.get("default")]
        indexes.append({"url": _place(default, root), "default": True})
    return indexes


def fixes_index(manifest: Manifest, options: SolveOptions) -> bool:
    """Tell whether the environment cannot change the index, for an option or a file fixes it."""
    return bool(options.default_index or manifest.options.index_url)


def names_index(manifest: Manifest, options: SolveOptions) -> bool:
    """Tell whether manifest or options name an index; [tool.uv] yields to uv's own variables."""
    return any(index.get("default") for index in list_indexes(manifest, options))


def list_sources(manifest: Manifest) -> dict[str, Any]:
    """Give the sources of distributions, with paths that do not count from the project."""
    sources: dict[str, Any] = {}
    given = manifest.uv.get("sources")
    for name, value in (given if isinstance(given, dict) else {}).items():
        if canonicalize_name(name) == manifest.name:
            # What the project asks of itself: its extras.
            if not _hidden_name(manifest):
                sources[str(manifest.name)] = {"workspace": True}
            continue
        found = [_move_source(name, one, manifest) for one in _as_list(value)]
        sources[str(canonicalize_name(name))] = found
    for requirement in _all_requirements(manifest):
        if requirement.editable and requirement.path:
            place = _place(requirement.path, manifest.root)
            place = os.path.join(place, _subdirectory(requirement.fragment))
            sources[requirement.name] = [{"path": place, "editable": True}]
    return sources


def _subdirectory(fragment: str) -> str:
    found = re.search(r"(?:^|&)subdirectory=([^&]*)", fragment)
    return found.group(1) if found else ""


def _move_source(name: str, source: Any, manifest: Manifest) -> Any:
    if not isinstance(source, dict):
        return source
    if source.get("workspace") is True:
        rest = {key: value for key, value in source.items() if key in ("marker", "extra", "group")}
        return {**rest, "path": _find_member(name, manifest), "editable": True}
    if "path" in source:
        return {**source, "path": _place(str(source["path"]), manifest.root)}
    return source


def _find_member(name: str, manifest: Manifest) -> str:
    """Find the folder of a member of the user's uv workspace."""
    from glob import escape, glob

    workspace = manifest.uv.get("workspace")
    workspace = workspace if isinstance(workspace, dict) else {}
    for pattern in workspace.get("members", []):
        for folder in sorted(glob(os.path.join(escape(manifest.root), str(pattern)))):
            if read_name(folder) == canonicalize_name(name):
                return folder
    raise HelperError(
        "E_MANIFEST",
        f"pyproject.toml: no member of the workspace is called {name}",
        f"tool.uv.sources has {name} = {write_value({'workspace': True})}",
    )
