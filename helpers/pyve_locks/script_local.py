"""What is on this machine of what a script, or ``--with``, asks for: folders, whose files change.

An environment that was made from such a folder is another one when the folder has changed, and not
the one that is kept for the same metadata.
"""

from __future__ import annotations

import hashlib
import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_locks.local_project import PROJECT_FILES, LocalProjects
from pyve_locks.requirement import MissingPlace, Place, is_place, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyve_locks.manifest import Manifest

__all__ = ["digest_local", "name_place"]

# Folders that are no code; and those that building makes beside what says how to build. (Elsewhere
# a package may be called so.)
_ASIDE = frozenset(("__pycache__", "node_modules"))
_BUILT = frozenset(("build", "dist"))
_BUILDS = frozenset(PROJECT_FILES)
# So many files of a folder are looked at.
_LIMIT = 20_000


def name_place(wish: str, folder: Path) -> str:
    """Give a path or a URL, which ``--with`` takes too, as a requirement with a name (PEP 508).

    Args:
        wish: what was asked for; one with a name is given back as it is.
        folder: from which paths count.

    Raises:
        HelperError: E_MANIFEST: nothing is there, or nothing tells its name.
    """
    if not is_place(wish, folder):
        return wish
    try:
        found = parse_line(wish, wish, Place(folder, "--with", 0))
    except MissingPlace as error:
        here = f"a path counts from the current folder, {folder}"
        raise HelperError(error.code, error.message, here) from error
    try:
        return found.pep508(folder)
    except ValueError as error:
        tells = f"a name before it tells: --with 'NAME @ {found.canonical()}'"
        raise HelperError(
            "E_MANIFEST", f"--with: nobody knows the name of {wish}", tells
        ) from error


def digest_local(manifest: Manifest, additions: list[str], folder: Path) -> str:
    """Give a sha256 over all on this machine that an environment depends on; "" for nothing.

    Args:
        manifest: of the script.
        additions: requirements of ``--with``.
        folder: from which paths of ``--with`` count.
    """
    added = LocalProjects(str(folder))
    added.add_sources({"project": {"dependencies": additions}})
    linked = {
        one.path for several in manifest.roots.values() for one in several if one.editable
    } | _list_editable(manifest)
    whole = hashlib.sha256()
    for root, found in ((str(manifest.root), manifest.local), (str(folder), added.found)):
        for path, asked in sorted(found.items()):
            place = os.path.normpath(os.path.join(root, path))
            lines = [place, *sorted(asked)]
            # (What is linked is not copied.)
            if root != str(manifest.root) or path not in linked:
                lines += _list_files(place)
            whole.update("\0".join([*lines, "\n"]).encode("utf-8", "surrogateescape"))
    return whole.hexdigest() if manifest.local or added.found else ""


def _list_editable(manifest: Manifest) -> set[str]:
    """Give the paths of sources that are installed editable."""
    sources = manifest.uv.get("sources")
    found = set()
    for source in sources.values() if isinstance(sources, dict) else ():
        for one in source if isinstance(source, list) else [source]:
            if isinstance(one, dict) and one.get("editable") and isinstance(one.get("path"), str):
                found.add(os.path.normpath(one["path"]))
    return found


def _list_files(folder: str) -> Iterable[str]:
    """Give a line for each file: its path, size in bytes, and time of its last change in ns."""
    return sorted(islice(_walk(folder), _LIMIT))


def _walk(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        aside = _ASIDE if _BUILDS.isdisjoint(files) else _ASIDE | _BUILT
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in aside
            and not name.endswith(".egg-info")
            and not os.path.exists(os.path.join(here, name, "pyvenv.cfg"))
        )
        for name in files:
            path = os.path.join(here, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            yield f"{os.path.relpath(path, folder)} {status.st_size} {status.st_mtime_ns}"
