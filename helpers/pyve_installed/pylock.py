"""An environment against its ``pylock.toml`` (PEP 751)."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from pyve_installed.distributions import normalize, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyve_installed.distributions import Distribution

# What environments have without anybody having locked it.
SEEDS = frozenset({"pip", "setuptools", "wheel"})


def load_toml(path: Path, folders: Iterable[Path]) -> dict[str, Any]:
    """Read a TOML file, by the standard library or, before 3.11, by what pip brings.

    Raises:
        ValueError: it is no TOML; says where.
        ImportError: nothing here can read TOML.
        OSError: it cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    name = "tomllib"
    if sys.version_info < (3, 11):
        name = find_tomli(folders)
    __import__(name)
    loaded: dict[str, Any] = sys.modules[name].loads(text)
    return loaded


def find_tomli(folders: Iterable[Path]) -> str:
    """Put the first folder with a tomli on the path, and return what to import."""
    for folder in folders:
        for package in ("tomli", "pip/_vendor/tomli"):
            if (folder / package).is_dir():
                sys.path.append(str(folder))
                return package.replace("/", ".")
    raise ImportError("no tomli")


def select_locked(lock: dict[str, Any], judge: Any) -> tuple[dict[str, str], set[str]]:
    """Choose the packages of a ``pylock.toml`` (PEP 751) that are for this interpreter.

    Packages of extras and dependency groups may be there or not.

    Returns:
        Name -> version ("" when the lock does not say), and all names of the lock.
    """
    wanted: dict[str, str] = {}
    names: set[str] = set()
    for package in lock.get("packages", ()):
        name = normalize(str(package["name"]))
        names.add(name)
        marker = str(package.get("marker", ""))
        if re.search(r"\b(extras|dependency_groups)\b", marker) or (marker and judge is None):
            continue
        if marker:
            try:
                if not judge[0].Requirement(f"x; {marker}").marker.evaluate({"extra": ""}):
                    continue
            except Exception:  # a marker of a later specification
                continue
        wanted[name] = str(package.get("version", ""))
    return wanted, names


def is_same_version(one: str, other: str, judge: Any) -> bool:
    """Tell whether two versions are the same (PEP 440); a local part that is not locked is."""
    if one == other:
        return True
    try:
        return judge is not None and judge[1].SpecifierSet(f"=={one}").contains(
            other, prereleases=True
        )
    except ValueError:
        return False


def find_drift(
    wanted: dict[str, str],
    names: set[str],
    distributions: Iterable[Distribution],
    project: str,
    judge: Any,
) -> Iterator[tuple[str, str, str, str]]:
    """Compare an environment with its lock.

    Args:
        wanted: what select_locked chose.
        names: all names of the lock.
        distributions: the environment's own.
        project: the project's folder; the project itself may be installed without being locked.
        judge: what find_judge found.
    """
    installed: dict[str, Distribution] = {}
    for distribution in distributions:
        if distribution.own:
            installed.setdefault(distribution.name, distribution)
    for name, version in sorted(wanted.items()):
        found = installed.get(name)
        if found is None:
            yield "missing", name, version, ""
        elif version and not is_same_version(version, found.version, judge):
            yield "version", name, version, found.version
    for name, found in sorted(installed.items()):
        if name not in names and name not in SEEDS and not is_project(found, project):
            yield "extra", name, "", found.version


def is_project(distribution: Distribution, project: str) -> bool:
    """Tell whether a distribution is the project itself, or in its folder (PEP 610)."""
    import json
    from urllib.parse import unquote, urlsplit

    try:
        direct = json.loads(read_text(distribution.path / "direct_url.json"))
        url = urlsplit(str(direct["url"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    place = os.path.realpath(unquote(url.path))
    root = os.path.realpath(project)
    return url.scheme == "file" and bool(project) and (f"{place}/").startswith(f"{root}/")
