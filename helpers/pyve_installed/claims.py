"""What the distributions of a folder claim to have, and what is there.

Source: recording installed projects (PEP 376, PEP 627), entry points.

Standard library only.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pyve_installed.distributions import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "Claim",
    "Row",
    "Tree",
    "is_bytecode",
    "is_reserved",
    "is_script_name",
    "list_scripts",
    "read_claims",
    "show",
    "walk",
]

# How much of a text from a file is shown.
_WIDTH = 100
# A RECORD has about 100 bytes a file.
_MOST_RECORD = 64 * 1024 * 1024
# What the environment itself has; below its folder.
_RESERVED = re.compile(
    r"pyvenv\.cfg|pyve\.[^/]*|conda-meta(/.*)?"
    r"|(bin|Scripts)/(pythonw?[0-9.]*[dmtu]*(-config)?(\.exe)?|activate(\.(csh|fish|nu|ps1|bat|xsh))?"
    r"|Activate\.ps1|activate_this\.py|deactivate(\.bat|\.nu)?)",
    re.IGNORECASE,
)
_SECTION = re.compile(r"\[\s*(.*?)\s*\]")


class Row(NamedTuple):
    """A row of a RECORD: whose it is, the hash as written, the size as written."""

    owner: Claim
    digest: str
    size: str


@dataclass(eq=False)
class Claim:
    """A distribution and what it claims to have.

    Attributes:
        name: normalised.
        shown: name and version, as its folder has them.
        info: the name of its ``.dist-info`` folder.
        rows: path below site-packages ("../../../bin/x" for others) -> its row.
        faults: what is wrong with RECORD itself.
    """

    name: str
    shown: str
    info: str
    rows: dict[str, Row] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Tree(NamedTuple):
    """What is below site-packages: files, with their size in bytes (-1: a link), and links."""

    files: dict[str, int]
    links: list[str]


def show(text: str) -> str:
    """Give a text from a file in one line that no terminal obeys."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 3]}..."


def walk(site: Path) -> Tree:
    """List all files below a folder, without following links to folders."""
    tree = Tree({}, [])
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(os.path.join(site, folder)) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.is_symlink():
                    tree.links.append(path)
                    tree.files[path] = -1
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(f"{path}/")
                else:
                    tree.files[path] = entry.stat(follow_symlinks=False).st_size
    return tree


def read_claims(site: Path, prefix: Path) -> list[Claim]:
    """Read what all distributions of a folder claim, by the names of their ``.dist-info`` folders.

    Args:
        site: the folder of packages.
        prefix: the environment, for RECORDs with absolute paths.
    """
    try:
        entries = sorted(os.listdir(site))
    except OSError:
        return []
    claims = []
    for entry in entries:
        if entry.endswith(".dist-info") and (site / entry).is_dir():
            name, _, version = entry[: -len(".dist-info")].partition("-")
            claim = Claim(normalize(name), f"{name} {version}".strip(), entry)
            _read_record(site, prefix, claim)
            claims.append(claim)
    return claims


def _read_record(site: Path, prefix: Path, claim: Claim) -> None:
    path = site / claim.info / "RECORD"
    try:
        if path.stat().st_size > _MOST_RECORD:
            claim.faults.append("its RECORD is too long to be one")
            return
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", "") or str(error)
        claim.faults.append(f"its RECORD cannot be read: {reason}")
        return
    for row in rows:
        if not row or not row[0]:
            continue
        place = os.path.normpath(row[0])
        if os.path.isabs(place):
            inside = os.path.relpath(place, site)
            if not os.path.relpath(place, prefix).startswith(".."):
                place = inside
        found = Row(claim, row[1] if len(row) > 1 else "", row[2] if len(row) > 2 else "")
        before = claim.rows.setdefault(place, found)
        if before is not found and before.digest != found.digest:
            claim.faults.append(f"RECORD has {show(place)} twice, with different hashes")


def list_scripts(text: str) -> Iterator[tuple[int, str]]:
    """Read the names of scripts from entry_points.txt, with the number of their lines."""
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t\r")
        head = _SECTION.fullmatch(line)
        if head:
            section = head.group(1)
        elif line and line[0] not in "#;" and section in ("console_scripts", "gui_scripts"):
            yield number, re.split(r"[=:]", line, maxsplit=1)[0].rstrip()


def is_bytecode(path: str) -> bool:
    """Tell whether a path is one that Python writes bytecode to (PEP 3147)."""
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2] == "__pycache__" and name.endswith(".pyc")


def is_script_name(name: str) -> bool:
    """Tell whether a program in ``bin`` may have the name."""
    if name in ("", ".", "..") or name.startswith("-") or re.search(r"[/\\\x00-\x1f]", name):
        return False
    return not is_reserved(f"bin/{name}")


def is_reserved(path: str) -> bool:
    """Tell whether a path below the environment's folder is that of a file which makes it one."""
    return _RESERVED.fullmatch(path) is not None
