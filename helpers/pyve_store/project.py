"""Editable installs of a project itself, kept so that its other folders need no build.

    projects/<name>/texts     its files below site-packages, in one text
    projects/<name>/scripts   its scripts, see scripts.py
    projects/<name>/tops      the modules and packages at its top when it was built

The folder of the project is written as a mark in them. That is done only where nothing but that
folder makes a difference: a static ``[project]`` table, a build backend that is known, no hooks,
files that are all text, and a path that is written the same everywhere.

Source: PEP 517, PEP 621, PEP 660; the backends' own documentation.
"""

from __future__ import annotations

import csv
import glob
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_store.layout import make_folder, make_staging, remove_tree
from pyve_store.pool import list_tree
from pyve_store.scripts import format_scripts, is_text, split_script

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["can_keep", "has_project", "keep_project", "list_tops"]

_FILE_MARK = b"\x1e"
_PLACE_MARK = b"\x1f"
_PATH = re.compile(r"/[A-Za-z0-9/._-]+")
# Backends, and the tables in which a project tells them to do something of its own.
_BACKENDS = {
    "hatchling.build": (("hatch", "build", "hooks"), ("hatch", "metadata", "hooks")),
    "flit_core.buildapi": (),
    "setuptools.build_meta": (("setuptools", "ext-modules"), ("setuptools", "cmdclass")),
    "poetry.core.masonry.api": (("poetry", "build"),),
    "pdm.backend": (("pdm", "build", "custom-hook"), ("pdm", "build", "run-setuptools")),
    "uv_build": (),
}
_TOPS = ("*.py", "*/__init__.py", "src/*.py", "src/*/__init__.py")
_LARGEST = 1 << 20


def list_tops(root: Path) -> str:
    """List the modules and packages at the top of a project, as a shell's patterns give them."""
    place = glob.escape(os.fspath(root))
    found = [
        os.path.relpath(path, root)
        for pattern in _TOPS
        for path in sorted(glob.glob(os.path.join(place, pattern)), key=os.fsencode)
    ]
    return "".join(f"{path}\n" for path in found)


def can_keep(root: Path) -> bool:
    """Tell whether what is installed of a project depends on its folder only."""
    from pyve_locks.toml_lines import TomlError, parse_toml

    if not _PATH.fullmatch(os.fspath(root)) or os.path.realpath(root) != os.fspath(root):
        return False
    if (root / "setup.py").exists() or (root / "setup.cfg").exists():
        return False
    if (root / "hatch_build.py").exists() or (root / "pdm_build.py").exists():
        return False
    try:
        content = parse_toml((root / "pyproject.toml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, TomlError):
        return False
    project, system = _table(content, "project"), _table(content, "build-system")
    hooks = _BACKENDS.get(str(system.get("build-backend", "")))
    if hooks is None or "backend-path" in system or not project.get("version"):
        return False
    if project.get("dynamic"):
        return False
    tool = _table(content, "tool")
    return not any(_has(tool, path) for path in hooks)


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _has(content: dict[str, Any], path: Collection[str]) -> bool:
    found: Any = content
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return False
        found = found[key]
    return True


def has_project(store: Path, name: str, root: Path) -> bool:
    """Tell whether the install of a project is kept, and still is what it would be."""
    try:
        tops = (store / "projects" / name / "tops").read_bytes()
    except OSError:
        return False
    return tops == os.fsencode(list_tops(root))


def keep_project(
    store: Path,
    name: str,
    root: Path,
    pythons: Collection[str],
    install: Callable[[Path], None],
) -> bool:
    """Install a project, and keep that; after can_keep.

    Args:
        store: the folder of the store.
        name: below ``projects``.
        root: the project's folder.
        pythons: the paths by which scripts name the interpreter.
        install: installs the project, editable, below the folder that it gets.

    Returns:
        False when it turns out that it cannot be kept.

    Raises:
        HelperError: as ``install``.
        OSError: the store cannot be written to.
    """
    work = make_staging(store)
    try:
        tops = list_tops(root)
        prefix = work / "unpacked"
        prefix.mkdir()
        install(prefix)
        texts = read_install(prefix, root, pythons)
        if texts is None or list_tops(root) != tops:
            return False
        made = work / "project"
        made.mkdir()
        for file, data in (("texts", texts[0]), ("scripts", texts[1]), ("tops", os.fsencode(tops))):
            (made / file).write_bytes(data)
            (made / file).chmod(0o444)
        # (A folder that moves to another one has to be writable.)
        made.chmod(0o755)
        make_folder(store / "projects")
        target = store / "projects" / name
        if os.path.lexists(target):
            os.rename(target, work / "before")
        os.rename(made, target)
        return True
    finally:
        remove_tree(work)


def read_install(prefix: Path, root: Path, pythons: Collection[str]) -> tuple[bytes, bytes] | None:
    """Read what was installed below a folder, with marks in it.

    Returns:
        The texts of ``texts`` and ``scripts``; None when it is more than what they can hold.
    """
    files, odd = list_tree(prefix)
    texts: dict[str, bytes] = {}
    scripts: dict[str, bytes] = {}
    if odd:
        return None
    for path in sorted(files):
        if path == ".lock":
            continue
        match = re.fullmatch(r"lib/[^/]+/site-packages/([A-Za-z0-9_.+/-]+)", path)
        is_script = re.fullmatch(r"bin/[A-Za-z0-9_.+-]+", path)
        if not (match or is_script) or files[path].st_size > _LARGEST:
            return None
        data = (prefix / path).read_bytes()
        if not is_text(data):
            return None
        if match:
            texts[match.group(1)] = data
        else:
            body = split_script(data, pythons)
            if body is None:
                return None
            scripts[path[len("bin/") :]] = body
    place = os.fsencode(root)
    marked = set()
    for path, data in texts.items():
        # (A longer path that begins with this one is another one.)
        found = re.sub(re.escape(place) + rb"(?=[/'\"\r\n]|$)", _PLACE_MARK, data)
        if place in found:
            return None
        if found != data:
            marked.add(path)
            texts[path] = found
    for path in texts:
        if path.endswith(".dist-info/RECORD"):
            texts[path] = _forget(texts[path], marked)
    if any(place in body for body in scripts.values()):
        return None
    joined = b"".join(_FILE_MARK + os.fsencode(path) + b"\n" + data for path, data in texts.items())
    return joined, format_scripts(scripts)


def _forget(record: bytes, marked: Collection[str]) -> bytes:
    """Take the hashes of files that are not the same everywhere out of a RECORD."""
    rows = list(csv.reader(record.decode("utf-8").splitlines()))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        is_other = bool(row) and (row[0] in marked or row[0].startswith(".."))
        writer.writerow([row[0], "", ""] if is_other else row)
    return out.getvalue().encode("utf-8")
