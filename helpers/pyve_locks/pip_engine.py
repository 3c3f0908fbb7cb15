"""From a manifest to a lock by pip, where there is no uv: for this machine and its Python only.

pip answers for the interpreter that it runs in, and one file of each distribution. All extras and
groups are solved together; what each of them brings is found out from the metadata that pip read.
"""

from __future__ import annotations

import os
import platform as machine
import re
import shlex
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyve_core import HelperError
from pyve_core.fixes import quote, remake_toolchain, repeat
from pyve_locks.made_project import PLATFORMS, list_indexes, list_sources, split_root
from pyve_locks.pip_engine_report import find_reach, list_edges, make_package, mark, read_nodes
from pyve_locks.pip_engine_run import is_about_versions, pip_environment, run_pip, write_direct
from pyve_locks.requirement import strip_credentials
from pyve_locks.solve import EngineAnswer
from pyve_locks.uv_find import has_uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyve_locks.manifest import Manifest
    from pyve_locks.pip_engine_report import Node, Wish
    from pyve_locks.requirement import Requirement
    from pyve_locks.solve import SolveOptions

__all__ = ["PipAnswer", "ask_pip", "find_platform", "read_indexes", "solve_by_pip"]

# How often what is kept from the old lock may be in the way before all of it goes.
MOST_DROPS = 10
_UV_CAN = "uv can: Pyve's toolchain has one, or it is on PATH"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class PipAnswer(EngineAnswer):
    """What pip answered; with ``nodes``: name -> what was chosen."""

    nodes: dict[str, Node] = field(default_factory=dict)


def find_platform() -> str:
    """Give conda's name of this machine.

    Raises:
        HelperError: E_PLATFORM, for one that Pyve has no name for.
    """
    here = (sys.platform, machine.machine())
    for name, found in PLATFORMS.items():
        if found == here:
            return name
    raise HelperError(
        "E_PLATFORM",
        f"there is no name for this machine ({' '.join(here)}), and pip locks for no other",
        "uv locks for all machines at once",
    )


def solve_by_pip(
    manifest: Manifest, options: SolveOptions, pins: Iterable[Mapping[str, Any]], workspace: Path
) -> PipAnswer:
    """Solve a manifest by pip.

    Args:
        manifest: what is asked for.
        options: how.
        pins: packages of the old lock, whose versions are kept where they fit.
        workspace: an empty folder, for nobody else to read.

    Raises:
        HelperError: see solve.
    """
    kept = _choose_pins(manifest, pins)
    check_wish(manifest, options)
    for count in range(MOST_DROPS + 1):
        try:
            return ask_pip(manifest, options, workspace, kept)
        except HelperError as error:
            if "(from versions: none)" in " ".join(error.why):
                # Only when it tells all that it does, it tells of an index that did not answer.
                try:
                    return ask_pip(manifest, options, workspace, kept, "-vv")
                except HelperError as told:
                    if told.code.startswith("E_INDEX"):
                        raise
            if not kept or not is_about_versions(error):
                raise
            blamed = _find_blamed(error, kept) if count < MOST_DROPS - 1 else set(kept)
            kept = {name: version for name, version in kept.items() if name not in blamed}
    raise AssertionError("without pins, pip answers or fails")


def check_wish(manifest: Manifest, options: SolveOptions) -> None:
    """Refuse what only uv can do.

    Raises:
        HelperError: E_RESOLVE_ENGINE, E_PLATFORM.
    """
    here = find_platform()
    others = [name for name in options.platforms if name != here]
    why = []
    if others:
        why.append(f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} asked for, too")
    if manifest.override_requirements:
        why.append("the project overrides requirements of others, which pip cannot")
    if manifest.uv.get("conflicts"):
        why.append("[tool.uv] says which extras exclude each other; pip solves all of them at once")
    for name, sources in list_sources(manifest).items():
        if any("index" in one for one in sources if isinstance(one, dict)):
            why.append(f"{name} is from an index of its own, and pip asks all of them for all")
    places = find_places(manifest, options)
    more = places.get("PIP_EXTRA_INDEX_URL") or _find_configured(options, places)
    if more and "PIP_NO_INDEX" not in places:
        why.append(
            f"there is a further index ({strip_credentials(more.split()[0])}): pip takes the newest"
            " version of all of them, whoever uploaded it, and uv the first that has the name"
        )
    if why:
        raise HelperError(
            "E_RESOLVE_ENGINE",
            f"pip locks for this machine only ({here})" if others else "pip cannot lock this",
            [*why, _UV_CAN],
            _with_uv(),
        )


def _find_configured(options: SolveOptions, places: Mapping[str, str]) -> str:
    """Find the further indexes that pip's own configuration files name, which count, too."""
    import subprocess

    environ = os.environ if options.environ is None else options.environ
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return ""
    done = subprocess.run(
        [*options.pip, "config", "list", "--disable-pip-version-check"],
        env=pip_environment(environ, places),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    found = re.search(r"^(?!:env:)[\w-]+\.extra-index-url='([^']+)'", done.stdout, re.MULTILINE)
    return found.group(1).replace("\\n", " ").strip() if found else ""


def _with_uv() -> list[str]:
    """Give the command that has uv lock in pip's place: a toolchain without one is made anew."""
    if not has_uv():
        return remake_toolchain()
    words = shlex.split(repeat())
    if "lock" not in words[:2]:
        return ["pyve lock --engine uv"]
    for number, word in enumerate(words):
        if word == "--engine":
            words[number : number + 2] = []
        elif word.startswith("--engine="):
            words[number : number + 1] = []
    return [" ".join(quote(word) for word in [*words, "--engine", "uv"])]


def ask_pip(
    manifest: Manifest,
    options: SolveOptions,
    folder: Path,
    kept: Mapping[str, str] | None = None,
    *more: str,
) -> PipAnswer:
    """Ask pip once.

    Args:
        manifest: what is asked for.
        options: how.
        folder: a folder for nobody else to read.
        kept: name -> version that is to be.
        more: arguments for pip.
    """
    roots = {split_root(root): list(_list_wishes(manifest, root)) for root in manifest.roots}
    lines = [_write(wish, manifest) for wishes in roots.values() for wish in wishes]
    limits = [_write(replace(one, extras=()), manifest) for one in manifest.constraint_requirements]
    limits += [f"{name}=={version}" for name, version in (kept or {}).items()]
    _write_lines(folder / "asked.txt", lines)
    _write_lines(folder / "limits.txt", limits)
    words = ["-r", "asked.txt", "-c", "limits.txt", *_list_words(manifest, options), *more]
    places = find_places(manifest, options)
    environ = os.environ if options.environ is None else options.environ
    try:
        report, warnings = run_pip(options.pip, words, folder, pip_environment(environ, places))
    except HelperError as error:
        if options.offline and error.code in ("E_RESOLVE_MISSING", "E_RESOLVE_CONFLICT", "E_INDEX"):
            message = "pip keeps nothing for a time without network but folders of distributions"
            raise HelperError("E_INDEX_OFFLINE", message, error.why) from error
        raise
    nodes = read_nodes(report)
    itself = nodes.get(manifest.name or "") if manifest.is_project else None
    if itself is not None and not itself.item.get("is_direct"):
        raise HelperError(
            "E_RESOLVE_ENGINE",
            f"something depends on {manifest.name}, which is this project",
            ["pip takes another distribution of that name, from an index", _UV_CAN],
            _with_uv(),
        )
    environment = {key: str(value) for key, value in report.get("environment", {}).items()}
    _check_python(options.python, environment)
    wanted: dict[tuple[str, str], list[Wish]] = {
        root: [
            (wish.name, wish.extras)
            for wish in wishes
            if not wish.marker or Marker(wish.marker).evaluate(environment)
        ]
        for root, wishes in roots.items()
    }
    reach = {root: find_reach(nodes, found, environment) for root, found in wanted.items()}
    editable = {w.name for wishes in roots.values() for w in wishes if w.editable}
    packages = [
        make_package(nodes[name], name in editable, mark(name, reach)) for name in sorted(nodes)
    ]
    version = ".".join(environment.get("python_full_version", "").split(".")[:2])
    options = replace(options, python=f"=={version}.*", platforms=(find_platform(),))
    edges = list_edges(nodes, environment)
    return PipAnswer(packages, edges, options, warnings, nodes)


def _check_python(limit: str, environment: Mapping[str, str]) -> None:
    """See that pip's Python is one that is to be locked for."""
    version = environment.get("python_full_version", "")
    if not SpecifierSet(limit).contains(version, prereleases=True):
        lowest = re.search(r">=\s*(3\.\d+)", limit)
        raise HelperError(
            "E_RESOLVE_PYTHON",
            f"pip locks for the Python that it runs in ({version}), and the lock is for {limit}",
            "uv locks for all Pythons at once, and pip in an environment of one of them",
            [f"pyve init --force --python-version {lowest.group(1)}"] if lowest else [],
        )


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)), encoding="utf-8")


def _list_wishes(
    manifest: Manifest, root: str, seen: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Give the requirements of a root; the extras of the project itself that it names, too."""
    extras = {split_root(key)[1]: key for key in manifest.roots if key.startswith("extra:")}
    for wish in manifest.roots.get(root, ()):
        is_self = manifest.is_project and wish.name == manifest.name and not wish.url
        if not is_self:
            yield _find_source(wish, manifest)
            continue
        for key in ("", *(extras[name] for name in wish.extras if name in extras)):
            if key and key not in seen:
                for more in _list_wishes(manifest, key, seen | {root, key}):
                    yield more.when(wish.marker)


def _find_source(wish: Requirement, manifest: Manifest) -> Requirement:
    """Give a requirement with a source of [tool.uv] as one for what that leads to."""
    sources = list_sources(manifest).get(wish.name, [])
    plain = [one for one in sources if isinstance(one, dict) and "marker" not in one]
    if plain and not (wish.url or wish.path):
        return replace(wish, **_follow(plain[0], manifest))
    return wish


def _write(wish: Requirement, manifest: Manifest) -> str:
    """Write a requirement for pip."""
    try:
        return write_direct(wish.pep508(Path(manifest.root)))
    except ValueError as error:
        where = f"{wish.file}, line {wish.line}" if wish.line else "a requirement"
        raise HelperError(
            "E_MANIFEST", f"{where}: what {wish.canonical()} is called is not known", str(error)
        ) from error


def _follow(source: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Give the fields of a requirement for a source of [tool.uv]."""
    inside = f"subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
    if "path" in source:
        path = os.path.relpath(str(source["path"]), manifest.root)
        editable = source.get("editable") is True
        return {"path": path, "fragment": inside, "specifier": "", "editable": editable}
    if "git" in source:
        revision = next(
            (f"@{source[key]}" for key in ("rev", "tag", "branch") if key in source), ""
        )
        url = str(source["git"])
        url = url if url.startswith("git+") else f"git+{url}"
        return {"url": f"{url}{revision}{'#' if inside else ''}{inside}", "specifier": ""}
    if "url" in source:
        return {"url": f"{source['url']}{'#' if inside else ''}{inside}", "specifier": ""}
    return {}


def _list_words(manifest: Manifest, options: SolveOptions) -> list[str]:
    """Give the options of pip."""
    said = manifest.options
    words = ["--pre"] if options.prerelease or said.pre else []
    if options.exclude_newer:
        words += ["--uploaded-prior-to", read_time(options.exclude_newer)]
    if said.only_binary:
        words += ["--only-binary", ",".join(said.only_binary)]
    if said.no_binary:
        words += ["--no-binary", ",".join(said.no_binary)]
    for host in said.trusted_hosts:
        words += ["--trusted-host", host]
    return words


def read_time(text: str, now: float | None = None) -> str:
    """Give a limit of time as pip takes it: a date, a time, or how long ago (``7d``, ``P30D``).

    Args:
        text: as ``--exclude-newer`` has it.
        now: in seconds since 1970; None for the time of this machine.

    Returns:
        RFC 3339.
    """
    import time
    from datetime import datetime, timezone

    if re.match(r"\d{4}-", text):
        # A date means all of the day, as for uv.
        if len(text) == 10:
            day = datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() + 86400
            return datetime.fromtimestamp(day, timezone.utc).isoformat().replace("+00:00", "Z")
        return text.replace(" ", "T")
    ago = sum(
        float(number) * _SECONDS[unit.lower()]
        for number, unit in re.findall(r"(\d+(?:\.\d+)?) ?([smhdwSMHDW])", text)
    )
    then = datetime.fromtimestamp((time.time() if now is None else now) - ago, timezone.utc)
    return then.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def find_places(manifest: Manifest, options: SolveOptions) -> dict[str, str]:
    """Give pip's variables for where distributions are: the same places that uv would ask."""
    environ = os.environ if options.environ is None else options.environ
    indexes = list_indexes(manifest, options)
    default = [str(one["url"]) for one in indexes if one.get("default")]
    is_fixed = bool(options.default_index or manifest.options.index_url)
    said, further = read_indexes(environ)
    is_uvs = bool(_first(environ, "UV_DEFAULT_INDEX", "UV_INDEX_URL"))
    if said and (not default or (is_uvs and not is_fixed)):
        default = [said]
    more = [str(one["url"]) for one in indexes if not one.get("default")] + further
    links = _find_links(manifest, options)
    links += (
        environ.get("UV_FIND_LINKS", "").split(",")
        if environ.get("UV_FIND_LINKS")
        else (environ.get("PIP_FIND_LINKS", "").split())
    )
    no_index = options.no_index or manifest.options.no_index or options.offline
    no_index = no_index or _first(environ, "UV_NO_INDEX", "PIP_NO_INDEX").lower() in (
        *("1", "true", "yes", "on"),
    )
    found = {
        "PIP_INDEX_URL": " ".join(default),
        "PIP_EXTRA_INDEX_URL": " ".join(dict.fromkeys(more)),
        "PIP_FIND_LINKS": " ".join(dict.fromkeys(filter(None, links))),
        "PIP_NO_INDEX": "1" if no_index else "",
    }
    return {key: value for key, value in found.items() if value}


def read_indexes(environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Give the index that variables of uv, else of pip, name ("" for none), and further ones."""
    default = _first(environ, "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL").split()[:1]
    words = _first(environ, "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL").split()
    return _strip_name(default[0]) if default else "", [_strip_name(word) for word in words]


def _find_links(manifest: Manifest, options: SolveOptions) -> list[str]:
    said = manifest.uv.get("find-links", [])
    given = [*options.find_links, *([said] if isinstance(said, str) else said)]
    given += [source.use for source in manifest.options.find_links]
    root = manifest.root
    # (A blank divides the words of a variable.)
    return [
        link if "://" in link else Path(os.path.normpath(os.path.join(root, link))).as_uri()
        for link in map(str, given)
    ]


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _strip_name(word: str) -> str:
    """Give the URL of an index that may have a name: NAME=URL."""
    return word if "://" in word.split("=")[0] else word.rpartition("=")[2]


def _choose_pins(manifest: Manifest, pins: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give what can be kept: what is from an index, and fits what the project itself asks for."""
    kept = {}
    wishes = [wish for found in manifest.roots.values() for wish in found]
    for package in pins:
        name, version = str(canonicalize_name(package["name"])), str(package.get("version", ""))
        if not version or not ("wheels" in package or "sdist" in package):
            continue
        mine = [wish for wish in wishes if wish.name == name]
        try:
            Version(version)
            fits = all(
                SpecifierSet(wish.specifier).contains(version, prereleases=True) for wish in mine
            )
        except ValueError:
            continue
        # Of several versions, one fits here; which one is not known.
        if fits and not any(wish.url or wish.path for wish in mine) and name not in kept:
            kept[name] = version
    return kept


def _find_blamed(error: HelperError, kept: Mapping[str, str]) -> set[str]:
    """Find what is in the way of a solution: what pip says it was limited to, else all it names."""
    text = "\n".join(error.why)
    limited = re.findall(r"requested \(constraint\) ([A-Za-z0-9._-]+?)[=<>!~ ]", text)
    names = {str(canonicalize_name(name)) for name in limited} & set(kept)
    if not names:
        words = {str(canonicalize_name(word)) for word in re.findall(r"[A-Za-z0-9][\w.-]*", text)}
        names = words & set(kept)
    return names or set(kept)
