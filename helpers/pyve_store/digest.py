"""Which packages a lock comes to for an interpreter, and the name of their environment.

Source: PEP 751 (markers, extras, dependency groups), PEP 508 (environment markers).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks.origins import list_artifacts, strong_hash, table
from pyve_locks.requirement import strip_credentials
from pyve_locks.selection import find_groups, select
from pyve_store.layout import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyve_locks.lock_file import LockFile

__all__ = ["Choice", "Interpreter", "Package", "choose", "marker_environment"]

# What an interpreter of another kind says of itself (PEP 508).
_ASK = """
import json, os, platform, sys
i = sys.implementation.version
v = "%d.%d.%d" % i[:3] + ("" if i[3] == "final" else i[3][0] + str(i[4]))
print(json.dumps(dict(
    implementation_name=sys.implementation.name, implementation_version=v,
    platform_python_implementation=platform.python_implementation(),
    python_full_version=platform.python_version())))
"""


@dataclass(frozen=True)
class Interpreter:
    """The Python that an environment is for.

    Attributes:
        path: of the base interpreter.
        ident: a name that stands for exactly this installation.
        version: such as ``3.11.7``.
        implementation: ``cpython``, ``pypy``.
        platform: what else an environment depends on, in the caller's words.
    """

    path: str
    ident: str
    version: str
    implementation: str
    platform: str


@dataclass(frozen=True)
class Package:
    """A package of a lock.

    Attributes:
        name: normalised.
        version: "" where the lock has none.
        identity: SHA-256 of what it is made from.
        table: of the lock.
    """

    name: str
    version: str
    identity: str
    table: Mapping[str, Any]


@dataclass
class Choice:
    """What a lock comes to.

    Attributes:
        packages: those that can be shared, sorted by name.
        local: the names of those that are made from folders.
        folders: their tables.
        unpinned: the names of those of which the lock has no hash, or no commit.
        fits: whether the lock says that it is for this interpreter.
        digest: the name of the environment.
    """

    packages: list[Package] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    folders: list[Mapping[str, Any]] = field(default_factory=list)
    unpinned: list[str] = field(default_factory=list)
    fits: bool = True
    digest: str = ""


def marker_environment(python: Interpreter) -> dict[str, str]:
    """Give what the markers of an environment are compared with.

    Raises:
        HelperError: E_SYNC, when the interpreter does not say what it is.
    """
    system = os.uname()
    found = {
        "implementation_name": python.implementation,
        "implementation_version": python.version,
        "os_name": os.name,
        "platform_machine": system.machine,
        "platform_release": system.release,
        "platform_system": system.sysname,
        "platform_version": system.version,
        "python_full_version": python.version,
        "platform_python_implementation": "CPython",
        "sys_platform": sys.platform,
    }
    if python.implementation != "cpython":
        found.update(_ask(python.path))
    found["python_version"] = ".".join(found["python_full_version"].split(".")[:2])
    return found


def _ask(python: str) -> dict[str, str]:
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-B", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        said: dict[str, str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HelperError("E_SYNC", f"{python} does not say what it is", str(error)) from error
    return said


def choose(
    lock: LockFile,
    python: Interpreter,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    settings: Mapping[str, Iterable[str]] | None = None,
) -> Choice:
    """Choose the packages of a lock, and name their environment.

    Args:
        lock: its default groups are those that come unasked.
        python: the interpreter.
        extras: those wanted.
        groups: those wanted; none for the default ones.
        settings: lists of names that make another environment of the same packages; only names
            of packages that are chosen count.

    Raises:
        HelperError: E_GROUP_UNKNOWN, E_LOCK_FILE, E_SYNC.
    """
    environment = marker_environment(python)
    choice = Choice(fits=_fits(lock, environment))
    for package, left in select(lock, extras, find_groups(lock, groups) if groups else None):
        if left and not _holds(left, environment):
            continue
        name = str(canonicalize_name(package["name"]))
        if table(package, "directory"):
            choice.local.append(name)
            choice.folders.append(package)
            continue
        if not _is_pinned(package):
            choice.unpinned.append(name)
        version = str(package.get("version", ""))
        choice.packages.append(Package(name, version, _identify(package), package))
    names = {package.name for package in choice.packages}
    chosen = {
        key: sorted(names.intersection(canonicalize_name(one) for one in values))
        for key, values in (settings or {}).items()
    }
    whole = {
        "format": FORMAT,
        "python": python.ident,
        "platform": python.platform,
        "packages": [(one.name, one.version, one.identity) for one in choice.packages],
        "settings": {key: found for key, found in chosen.items() if found},
    }
    choice.digest = _digest(whole)
    return choice


def _holds(marker: str, environment: Mapping[str, str]) -> bool:
    try:
        return bool(Marker(marker).evaluate(dict(environment)))
    except InvalidMarker as error:
        raise HelperError("E_LOCK_FILE", f"'{marker}' is no marker", "", "pyve lock") from error


def _fits(lock: LockFile, environment: Mapping[str, str]) -> bool:
    try:
        limit = SpecifierSet(str(lock.get("requires-python") or ""))
    except InvalidSpecifier:
        return False
    places = [str(marker) for marker in lock.get("environments") or ()]
    if not limit.contains(environment["python_full_version"], prereleases=True):
        return False
    return not places or any(_holds(one, environment) for one in places)


def _is_pinned(package: Mapping[str, Any]) -> bool:
    """Tell whether its files can only be the same."""
    vcs = table(package, "vcs")
    if vcs:
        return bool(vcs.get("commit-id"))
    files = list(list_artifacts(package))
    return bool(files) and all(strong_hash(one) for one in files)


def _identify(package: Mapping[str, Any]) -> str:
    """Give a digest of what a package is made from, and of what it then says of its origin."""
    origin: dict[str, Any] = {}
    for key in ("vcs", "archive"):
        part = table(package, key)
        if part:
            # (PEP 610: where it came from stands in its direct_url.json.)
            where = strip_credentials(str(part.get("url") or part.get("path") or ""))
            names = ("type", "commit-id", "requested-revision", "subdirectory")
            origin[key] = {"where": where, **{one: str(part.get(one, "")) for one in names}}
    return _digest(
        {
            "name": str(canonicalize_name(package["name"])),
            "version": str(package.get("version", "")),
            "origin": origin,
            "files": sorted(strong_hash(one) for one in list_artifacts(package)),
        }
    )


def _digest(content: Mapping[str, Any]) -> str:
    """Give the SHA-256 of the canonical JSON of a value."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
