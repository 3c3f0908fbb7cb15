"""What of an environment can be shared, and what each project has to have for itself.

A distribution is copied into each project

* that the config names (``sync.own``),
* that executes code at each start of Python in a way that depends on its place, or is a start-up
  module itself,
* that writes into its own folder, as far as its sources tell (writes.py),
* whose compiled modules look for libraries outside of the folder of packages,
* that shares a package, in the sense of a folder with an ``__init__.py``, with one of these.

Lines of ``.pth`` files that only import what is shared stand in the project, too, and no more.

Source: the module ``site``; namespace packages (PEP 420, ``pkgutil``); ELF and Mach-O, where the
places that a library is looked for in are texts that begin with ``$ORIGIN`` or ``@loader_path``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyve_installed.claims import Claim, read_claims
from pyve_installed.distributions import normalize
from pyve_installed.start_files import is_start_file, read_start_lines
from pyve_store.writes import find_writes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from pyve_store.pool import Found

__all__ = ["Kinds", "classify"]

# A line of a .pth file that has one of these asks where it stands.
_PLACE = re.compile(r"sitedir|_getframe|__file__|site-packages|dirname")
# An __init__.py that only makes room for the same package of other distributions.
_NAMESPACE = re.compile(rb"extend_path|declare_namespace")
_LARGEST_NAMESPACE = 4096
_LIBRARY = re.compile(r"\.(so|dylib)(\.[0-9.]+)?$")
_LOOKS = re.compile(rb"(?:\$ORIGIN|\$\{ORIGIN\}|@loader_path)((?:/[A-Za-z0-9_.+-]+)*)")


@dataclass
class Kinds:
    """What was found of the distributions of an environment.

    Attributes:
        own: those that are to be copied: normalised name -> why.
        copied: the paths of all their files, relative to the folder of packages.
        both: the paths of those that a shared distribution has as well.
        startup: the paths of start-up files that are to run, though their distribution is shared.
        versions: normalised name -> version, of all.
    """

    own: dict[str, str] = field(default_factory=dict)
    copied: set[str] = field(default_factory=set)
    both: set[str] = field(default_factory=set)
    startup: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


def classify(site: Path, found: Mapping[str, Found], wanted: Collection[str]) -> Kinds:
    """Say what can be shared.

    Args:
        site: the folder of packages.
        found: all files below it.
        wanted: the names of ``sync.own``.

    Returns:
        What cannot be, with the bytecode that belongs to it.
    """
    claims = read_claims(site, site)
    kinds = Kinds(versions={one.name: one.shown.partition(" ")[2] for one in claims})
    names = {normalize(name) for name in wanted}
    owners: dict[str, list[Claim]] = {}
    for claim in claims:
        for path in claim.rows:
            if path in found:
                owners.setdefault(path, []).append(claim)
        if claim.name in names:
            kinds.own[claim.name] = "the config names it (sync.own)"
    _find_startup(site, found, owners, kinds)
    _find_lookers(site, found, owners, kinds)
    for path, why in find_writes(site, [path for path, one in found.items() if one.is_suspect]):
        for claim in owners.get(path, []):
            kinds.own.setdefault(claim.name, f"{path} {why}")
    if kinds.own:
        _add_companions(site, found, claims, kinds)
        own = {claim.info for claim in claims if claim.name in kinds.own}
        for path, of in owners.items():
            if all(claim.info in own for claim in of):
                kinds.copied.add(path)
            elif any(claim.info in own for claim in of):
                kinds.both.add(path)
        # (An installer's notes may stand in no RECORD.)
        kinds.copied |= {path for path in found if path.partition("/")[0] in own}
        kinds.copied |= {found[path].bytecode for path in kinds.copied if found[path].bytecode}
    kinds.startup = [path for path in kinds.startup if path not in kinds.copied]
    return kinds


def _find_startup(
    site: Path, found: Mapping[str, Found], owners: Mapping[str, list[Claim]], kinds: Kinds
) -> None:
    """Find what is executed at each start."""
    for path in sorted(found):
        name = path.partition("/")[0]
        if not is_start_file(name) or path.endswith(".pyc"):
            continue
        if path.endswith(".pth") and "/" not in path:
            lines = list(read_start_lines(site / path))
            why = ""
            if any(line.kind != "code" for line in lines):
                why = "adds folders to the path"
            elif any(_PLACE.search(line.text) for line in lines):
                why = "asks where it stands"
            if not why:
                kinds.startup.append(path)
                continue
        else:
            why = "is executed at each start of Python"
        for claim in owners.get(path, []):
            kinds.own.setdefault(claim.name, f"{path} {why}")


def _find_lookers(
    site: Path, found: Mapping[str, Found], owners: Mapping[str, list[Claim]], kinds: Kinds
) -> None:
    """Find compiled modules that look for libraries beside the folder of packages."""
    for path in found:
        if not _LIBRARY.search(path):
            continue
        for place in read_places(site / path):
            if posixpath.normpath(posixpath.join(posixpath.dirname(path), place)).startswith(".."):
                for claim in owners.get(path, []):
                    why = f"{path} looks for libraries outside of site-packages"
                    kinds.own.setdefault(claim.name, why)


def read_places(library: Path) -> list[str]:
    """List where a library looks for others, relative to its own folder."""
    data = library.read_bytes()
    found = set()
    for word in (b"ORIGIN", b"@loader_path"):
        # (A pattern takes ten times as long for what is not there.)
        start = data.find(word)
        while start >= 0:
            match = _LOOKS.match(data, max(start - 2, 0)) or _LOOKS.match(data, max(start - 1, 0))
            match = match or _LOOKS.match(data, start)
            if match:
                found.add(match.group(1).decode("ascii").lstrip("/"))
            start = data.find(word, start + len(word))
    return sorted(found)


def _add_companions(
    site: Path, found: Mapping[str, Found], claims: list[Claim], kinds: Kinds
) -> None:
    """Add what has to be where one that is copied is."""
    rooms: dict[str, set[str]] = {}
    reached: dict[str, set[str]] = {}
    namespaces: dict[str, bool] = {}
    for claim in claims:
        for path in claim.rows:
            if path not in found:
                continue
            for room in _list_rooms(site, path, found, namespaces):
                rooms.setdefault(room, set()).add(claim.name)
            if claim.name in kinds.own and path.endswith("-nspkg.pth"):
                # What it makes of a namespace has one folder only.
                for top in re.findall(r"'sitedir'\], \*\('(\w+)'", (site / path).read_text()):
                    reached.setdefault(f"{top}/", set()).add(claim.name)
    for claim in claims:
        for path in claim.rows:
            top = f"{path.partition('/')[0]}/"
            if top in reached:
                reached[top].add(claim.name)
    groups = [names for names in (*rooms.values(), *reached.values()) if len(names) > 1]
    grown = True
    while grown:
        grown = False
        for names in groups:
            own = sorted(names.intersection(kinds.own))
            for name in names.difference(kinds.own) if own else ():
                kinds.own[name] = f"it shares a package with {own[0]}, which is copied"
                grown = True


def _list_rooms(
    site: Path, path: str, found: Mapping[str, Found], namespaces: dict[str, bool]
) -> Iterator[str]:
    """Give the outermost package that a file is in, unless it is a namespace."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth])
        init = f"{folder}/__init__.py"
        if init not in found:
            continue
        if init not in namespaces:
            is_small = found[init].size <= _LARGEST_NAMESPACE
            namespaces[init] = is_small and bool(_NAMESPACE.search((site / init).read_bytes()))
        if not namespaces[init]:
            yield folder
            return
