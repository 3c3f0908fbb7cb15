"""Where the distributions of an environment are, and what their metadata says."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# The file that leads to an entry of Pyve's store.
STORE_PTH = "_pyve_store.pth"


@dataclass
class Distribution:
    """One installed distribution.

    Attributes:
        name: normalised (PEP 503).
        shown: the name as the project writes it.
        path: its ``.dist-info`` or ``.egg-info``.
        folder: the folder that it is in.
        requires: the requirements, as written.
        requires_python: a set of version specifiers, or "".
        own: whether it is in the environment itself.
        whole: whether its metadata can be read.
    """

    name: str
    shown: str
    version: str
    path: Path
    folder: Path
    requires: list[str] = field(default_factory=list)
    requires_python: str = ""
    own: bool = True
    whole: bool = True


def normalize(name: str) -> str:
    """Write the name of a distribution as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_text(path: Path) -> str:
    """Return the text of a file, or "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def list_entries(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; none when it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


# --- where to look


def find_site_folders(prefix: Path) -> list[Path]:
    """Return the site-packages folders of an environment, each once."""
    found: dict[str, Path] = {}
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for library in ("lib", "lib64"):
        folders = [prefix / library / minor / "site-packages"]
        if not folders[0].is_dir():
            folders = sorted((prefix / library).glob("python3*/site-packages"))
        for folder in folders:
            if folder.is_dir():
                found.setdefault(os.path.realpath(folder), folder)
    return list(found.values())


def read_pth(path: Path) -> Iterator[tuple[str, str]]:
    """Read a ``.pth`` file as ``site`` does.

    Yields:
        ("import", the line) or ("path", a folder that exists).
    """
    for line in read_text(path).splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(("import ", "import\t")):
            yield "import", line.rstrip()
        else:
            folder = os.path.join(path.parent, line.rstrip())
            if os.path.isdir(folder):
                yield "path", folder


def list_pth_files(folder: Path) -> list[Path]:
    """Return the ``.pth`` files that ``site`` reads; not those that are hidden."""
    return [folder / n for n in list_entries(folder) if n.endswith(".pth") and n[0] != "."]


def find_shared_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of Pyve's store from which an environment has its packages.

    They come after the environment's own: what pip has installed goes first.
    """
    found = []
    for folder in folders:
        for _, value in read_pth(folder / STORE_PTH):
            found.append(Path(value))
    return found


def find_linked_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that ``.pth`` files add to the path, but for those of the store."""
    found: dict[str, Path] = {}
    known = {os.path.realpath(folder) for folder in folders}
    for folder in folders:
        for path in list_pth_files(folder):
            if path.name == STORE_PTH:
                continue
            for kind, value in read_pth(path):
                if kind == "path" and os.path.realpath(value) not in known:
                    found.setdefault(os.path.realpath(value), Path(value))
    return list(found.values())


def find_base_folders(prefix: Path) -> list[Path]:
    """Return the folders of the base interpreter that the environment lets in (PEP 405)."""
    text = read_text(prefix / "pyvenv.cfg")
    if not re.search(r"^include-system-site-packages\s*=\s*true\s*$", text, re.M | re.I):
        return []
    import site

    folders = [Path(path) for path in site.getsitepackages([sys.base_prefix])]
    folders += [Path(site.getusersitepackages())]
    return [folder for folder in folders if folder.is_dir()]


# --- what is there


def read_distribution(path: Path, own: bool) -> Distribution | None:
    """Read the metadata of one distribution.

    Args:
        path: a ``.dist-info`` folder, or an ``.egg-info`` folder or file.
        own: whether it is in the environment itself.

    Returns:
        None for what is no distribution. Without metadata, name and version are those of the path.
    """
    if path.name.endswith(".dist-info"):
        head = read_text(path / "METADATA")
    elif path.is_dir():
        head = read_text(path / "PKG-INFO")
    else:
        head = read_text(path)
    head = re.split(r"\r?\n\r?\n", head, maxsplit=1)[0]
    fields: dict[str, list[str]] = {}
    for key, value in re.findall(
        r"^(Name|Version|Requires-Dist|Requires-Python):[ \t]*(.*?)[ \t\r]*$", head, re.M
    ):
        fields.setdefault(key, []).append(value)
    stem = path.name.rpartition(".")[0]
    name, _, version = stem.partition("-")
    whole = bool(fields.get("Name") and fields.get("Version"))
    if not name or name.startswith(("~", ".")):
        return None
    shown = fields["Name"][0] if whole else name
    return Distribution(
        name=normalize(shown),
        shown=shown,
        version=fields["Version"][0] if whole else version.partition("-py")[0],
        path=path,
        folder=path.parent,
        requires=fields.get("Requires-Dist", []),
        requires_python=fields.get("Requires-Python", [""])[0],
        own=own,
        whole=whole,
    )


def list_distributions(folder: Path, own: bool) -> list[Distribution]:
    """Read all distributions of a folder."""
    found = []
    for entry in list_entries(folder):
        if entry.endswith((".dist-info", ".egg-info")):
            distribution = read_distribution(folder / entry, own)
            if distribution:
                found.append(distribution)
    return found


def list_installed(prefix: Path) -> list[Distribution]:
    """Read all distributions of an environment: its own, and those that it has from the store.

    One that pip has installed over one of the store's hides that.
    """
    folders = find_site_folders(prefix)
    found = [one for folder in folders for one in list_distributions(folder, True)]
    own = {one.name for one in found}
    for folder in find_shared_folders(folders):
        found += [one for one in list_distributions(folder, True) if one.name not in own]
    return found


def read_record(distribution: Distribution) -> dict[str, tuple[str, str]]:
    """Return what RECORD says: path -> hash, size; "" where it says nothing."""
    import csv

    text = read_text(distribution.path / "RECORD")
    rows = [row for row in csv.reader(text.splitlines()) if row and row[0]]
    return {
        row[0]: (row[1] if len(row) > 1 else "", row[2] if len(row) > 2 else "") for row in rows
    }


def matches_record(path: Path, digest: str) -> bool:
    """Tell whether a file has the digest that RECORD says; without one it does."""
    import base64
    import hashlib

    kind, _, value = digest.partition("=")
    if not value:
        return path.exists()
    try:
        found = hashlib.new(kind, path.read_bytes()).digest()
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == value.rstrip("=")
