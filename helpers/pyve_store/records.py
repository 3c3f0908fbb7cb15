"""To which package each file of an environment of the store belongs, by its RECORDs (PEP 376)."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from pyve_installed.claims import is_bytecode
from pyve_installed.distributions import normalize

# Below site/, tree/ and copy/: what is relative to site-packages, and what to the environment.
_SITE = re.compile(r"(?:site|(?:tree|copy)/lib/python[0-9.]+/site-packages)/(.+)")
_REST = re.compile(r"(?:tree|copy)/(.+)|(bin/.+)")
_RECORD = re.compile(r"site-packages/([^/]+)\.dist-info/RECORD")
# A place whose depth is that of site-packages in an environment.
_DEEP = "lib/python/site-packages/"


def place_of(path: str) -> str:
    """Say where a file of an entry is in an environment: ``site-packages/...``, ``bin/...``.

    Returns:
        "" for what is in no environment, such as the list of files.
    """
    match = _SITE.fullmatch(path)
    if match:
        return f"site-packages/{match[1]}"
    match = _REST.fullmatch(path)
    return (match[1] or match[2]) if match else ""


def name_of_record(path: str) -> str:
    """Give the name of the package whose RECORD this file of an entry is, "" when it is none."""
    match = _RECORD.fullmatch(place_of(path))
    return normalize(match[1].partition("-")[0]) if match else ""


def resolve(path: str) -> str:
    """Say where in an environment a line of RECORD leads, as place_of does; "" for out of it."""
    if posixpath.isabs(path):
        return ""
    whole = posixpath.normpath(_DEEP + path)
    if whole.startswith(_DEEP):
        return f"site-packages/{whole[len(_DEEP) :]}"
    return "" if whole.startswith("../") else whole


def source_of(path: str) -> str:
    """Give the source of a file of bytecode (PEP 3147), "" when it is none."""
    if not is_bytecode(path):
        return ""
    folder, _, name = path.rpartition("/")
    return f"{folder.rpartition('/')[0]}/{name.partition('.')[0]}.py"


def read_rows(record: Path) -> list[str]:
    """Give the paths that a RECORD lists."""
    text = record.read_text(encoding="utf-8", errors="surrogateescape")
    return [row[0] for row in csv.reader(text.splitlines()) if row]


def find_packages(folder: Path, listed: Collection[str], bad: Collection[str]) -> dict[str, str]:
    """Say to which package each file of an environment belongs, by the RECORDs that are whole.

    Args:
        folder: the environment.
        listed: the paths in it.
        bad: those that are damaged.

    Returns:
        path -> name; what no record names is left out.
    """
    owners: dict[str, str] = {}
    infos: dict[str, str] = {}
    for path in listed:
        name = name_of_record(path)
        if not name:
            continue
        infos[path[: -len("RECORD")]] = name
        if path not in bad:
            for place in filter(None, map(resolve, read_rows(folder / path))):
                owners.setdefault(place, name)
    found = {}
    for path in listed:
        for wanted in (path, source_of(path)):
            place = place_of(wanted) if wanted else ""
            if place in owners:
                found[path] = owners[place]
                break
        else:
            for info, name in infos.items():
                if path.startswith(info):
                    found[path] = name
    return found


def list_records(listed: Iterable[str]) -> dict[str, str]:
    """List the RECORDs of an environment: path -> name of the package."""
    named = ((path, name_of_record(path)) for path in listed)
    return {path: name for path, name in named if name}
