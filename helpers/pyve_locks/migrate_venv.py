"""What is installed in an environment that nobody wrote down.

Source: "Recording installed projects" (PEP 376: REQUESTED; PEP 610: direct_url.json).
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.version import Version

from pyve_installed.distributions import list_installed, read_text
from pyve_locks.migrate_model import Found, normalize
from pyve_locks.migrate_poetry_project import name_of_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyve_installed.distributions import Distribution

__all__ = ["find_python", "read_venv"]

# They come with an environment.
_SEEDS = ("pip", "setuptools", "wheel", "distribute", "pkg-resources")


def find_python(environment: Path) -> str:
    """Give the version of an environment's Python, as ``3.12.1``; "" when nothing says it."""
    text = read_text(environment / "pyvenv.cfg")
    match = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", text, re.M)
    return match.group(1) if match else ""


def read_venv(root: Path, folder: str) -> Found:
    """Read what an environment has.

    Args:
        root: the project.
        folder: of the environment, relative to it.

    Raises:
        HelperError: E_MANIFEST.
    """
    found = Found("venv", root, [f"{folder}/pyvenv.cfg"])
    found.project = {"name": name_of_folder(root), "version": "0"}
    found.roots[""] = []
    environment = root / folder
    python = find_python(environment)
    if python:
        found.requires_python = f">={'.'.join(python.split('.')[:2])}"
    known: dict[str, Distribution] = {}
    for one in list_installed(environment):
        known.setdefault(one.name, one)
    for name in choose_roots(known, python):
        _add(found, known[name], folder)
    for one in known.values():
        direct = read_direct(one)
        vcs = direct.get("vcs_info", {})
        if vcs.get("vcs") == "git" and vcs.get("commit_id"):
            url = found.clean(str(direct.get("url", "")), one.name, folder, 0)
            pin = {"type": "git", "url": url, "commit-id": str(vcs["commit_id"])}
            if vcs.get("requested_revision"):
                pin["requested-revision"] = str(vcs["requested_revision"])
            found.pin(one.name, one.version, pin)
        elif not direct and one.name not in _SEEDS and one.whole:
            found.pin(one.name, one.version)
    return found


def read_direct(one: Distribution) -> dict[str, Any]:
    """Read what says where a distribution was had from, when it was no index; {} else."""
    try:
        said = json.loads(read_text(one.path / "direct_url.json") or "{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def choose_roots(known: dict[str, Distribution], python: str) -> list[str]:
    """Tell what was asked for: what no other one needs, or what is marked so.

    The mark REQUESTED says nothing where all have it, as after installing from a list. Where some
    need each other in a circle, the first of them stands for it.

    Args:
        known: what is installed, by name.
        python: its version.
    """
    needs = {name: _read_needs(one, python) for name, one in known.items()}
    extras: dict[str, set[str]] = {name: set() for name in known}
    edges: dict[str, set[str]] = {name: set() for name in known}
    grown = True
    while grown:
        grown = False
        for name, wishes in needs.items():
            for wish in wishes:
                target = normalize(wish.name)
                if target not in known or not _holds(wish, extras[name], python):
                    continue
                more = {*map(normalize, wish.extras)} - extras[target]
                if more or target not in edges[name]:
                    extras[target] |= more
                    edges[name].add(target)
                    grown = True
    needed = {target for name, some in edges.items() for target in some if target != name}
    free = {name for name in known if name not in _SEEDS}
    marked = {name for name in free if (known[name].path / "REQUESTED").exists()}
    roots = {name for name in free if name not in needed or read_direct(known[name])}
    if marked != free:
        roots |= marked
    # (What a seed needs came with it.)
    reached = _reach({*roots, *(name for name in _SEEDS if name in known)}, edges)
    for name in sorted(free):
        if name not in reached:
            roots.add(name)
            reached |= _reach({name}, edges)
    return sorted(roots)


def _read_needs(one: Distribution, python: str) -> list[Parsed]:
    found = []
    for text in one.requires:
        try:
            found.append(Parsed(text))
        except (InvalidRequirement, RecursionError):
            continue
    return found


def _holds(wish: Parsed, extras: Iterable[str], python: str) -> bool:
    if wish.marker is None:
        return True
    place: dict[str, str] = {}
    if python:
        place["python_full_version"] = python if python.count(".") > 1 else f"{python}.0"
        place["python_version"] = ".".join(python.split(".")[:2])
    return any(wish.marker.evaluate({**place, "extra": extra}) for extra in ("", *extras))


def _reach(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    return reached


def _add(found: Found, one: Distribution, folder: str) -> None:
    """Add what was asked for, from where it was had."""
    direct, name = read_direct(one), one.name
    url = str(direct.get("url", ""))
    parts = urlsplit(url)
    inside = str(direct.get("subdirectory", ""))
    vcs = direct.get("vcs_info", {})
    if vcs:
        if vcs.get("vcs") != "git":
            said = f"{name} comes from {vcs.get('vcs')}, which uv does not know"
            found.refuse(name, said, folder)
            return
        table = {"git": url, "rev": vcs.get("requested_revision"), "subdirectory": inside}
        found.add_git("", name, table, "", folder, 0)
    elif parts.scheme == "file":
        place = os.path.join(unquote(parts.path), inside)
        if not os.path.exists(place):
            found.refuse(name, f"{name} was installed from {place}, which is gone", folder)
            return
        editable = bool(direct.get("dir_info", {}).get("editable"))
        full = os.path.relpath(os.path.realpath(place), os.path.realpath(found.root))
        found.add_path("", name, full, editable, "", folder, 0)
    elif url:
        found.add("", f"{name} @ {found.clean(url, name, folder, 0)}", folder)
    elif not one.whole:
        found.refuse(name, f"{name} has no metadata that can be read", folder)
    else:
        try:
            is_early = Version(one.version).is_prerelease
        except ValueError:
            found.refuse(name, f"'{one.version}' of {name} is no version", folder)
            return
        # An index has it only for who asks for such a version.
        found.add("", f"{one.shown}>={one.version}" if is_early else one.shown, folder)
