"""Which tool a project is managed with, by its files; and the project as Pyve itself reads it."""

from __future__ import annotations

import difflib
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.fixes import repeat
from pyve_locks.lock_file import read_lock
from pyve_locks.manifest import read_manifest
from pyve_locks.migrate_conda import FILES, read_conda
from pyve_locks.migrate_model import Found, TomlFile
from pyve_locks.migrate_pdm import is_pdm, read_pdm
from pyve_locks.migrate_pipfile import FILE as PIPFILE
from pyve_locks.migrate_pipfile import read_pipfile
from pyve_locks.migrate_poetry import is_poetry, read_poetry
from pyve_locks.migrate_poetry_project import name_of_folder
from pyve_locks.migrate_requirements import find_files, read_requirements
from pyve_locks.migrate_setup_cfg import FILE as SETUP
from pyve_locks.migrate_setup_cfg import is_setup_cfg, read_setup_cfg
from pyve_locks.migrate_venv import read_venv
from pyve_locks.pyproject import FILE

if TYPE_CHECKING:
    from pathlib import Path

    from pyve_locks.manifest import Manifest

__all__ = ["SOURCES", "Candidate", "choose_source", "find_sources", "read_source"]

SOURCES = ("pipfile", "poetry", "pdm", "setup.cfg", "conda", "pyproject", "requirements", "venv")
# Where one of these is, those behind it were made from it, or say less.
_WEAK = ("requirements", "venv")


@dataclass(frozen=True)
class Candidate:
    """A kind of project that the files speak for.

    Attributes:
        source: one of SOURCES.
        file: that speaks for it.
    """

    source: str
    file: str


def find_sources(root: Path, folder: str) -> list[Candidate]:
    """Find what the files of a project speak for, in the order of SOURCES.

    Args:
        root: the project.
        folder: of its environment, relative to it.

    Raises:
        HelperError: E_MANIFEST: pyproject.toml is no TOML.
    """
    found: dict[str, str] = {}

    def has(name: str) -> bool:
        return os.path.isfile(os.path.join(root, name))

    if has(PIPFILE):
        found["pipfile"] = PIPFILE
    if has(FILE):
        data = TomlFile(root, FILE).data
        if is_poetry(data):
            found["poetry"] = FILE
        if is_pdm(data):
            found["pdm"] = FILE
        if not found.keys() & {"poetry", "pdm"} and "project" in data:
            found["pyproject"] = FILE
    if is_setup_cfg(root):
        found["setup.cfg"] = SETUP
    for name in FILES:
        if has(name):
            found.setdefault("conda", name)
    files = find_files(root)
    if files:
        found["requirements"] = (files.get("") or next(iter(files.values())))[0]
    if has(f"{folder}/pyvenv.cfg"):
        found["venv"] = f"{folder}/pyvenv.cfg"
    return [Candidate(source, found[source]) for source in SOURCES if source in found]


def choose_source(
    candidates: list[Candidate], wanted: str, target: str
) -> tuple[Candidate, list[str]]:
    """Choose what to migrate from.

    Args:
        candidates: as `find_sources` gives them.
        wanted: what the user names; "" for what is there.
        target: pyproject, requirements or conda.

    Returns:
        It, and what is to be said about the others.

    Raises:
        HelperError: E_MIGRATE_SOURCE.
    """
    listed = [f"{one.source}: {one.file}" for one in candidates]
    if wanted:
        if wanted == target:
            raise HelperError(
                "E_MIGRATE_SOURCE",
                f"source and target are both {target}",
                "what is there is read as it is",
                "pyve lock",
            )
        if wanted not in SOURCES:
            close = difflib.get_close_matches(wanted, SOURCES, 1, 0.5)
            known = [one.source for one in candidates if one.source != target]
            better = close[0] if close else known[0] if known else ""
            raise HelperError(
                "E_MIGRATE_SOURCE",
                f"pyve migrate knows no source '{wanted}'",
                f"there are {', '.join(SOURCES)}",
                name_source(better) if better else "pyve help migrate",
            )
        chosen = [one for one in candidates if one.source == wanted]
        if not chosen:
            raise HelperError(
                "E_MIGRATE_SOURCE",
                f"nothing here is of the source {wanted}",
                ["found: " + ", ".join(listed)] if listed else ["no source was found at all"],
                [name_source(one.source) for one in candidates if one.source != target],
            )
        return chosen[0], []
    # What Pyve reads already is a source for other targets only, and so is the target's own kind.
    own = {"pyproject": "pyproject", "requirements": "requirements", "conda": "conda"}[target]
    choice = [one for one in candidates if one.source != own]
    strong = [one for one in choice if one.source not in _WEAK]
    weak = [one for one in choice if one.source in _WEAK]
    if target == "pyproject" and any(one.source == own for one in candidates) and not strong:
        return next(one for one in candidates if one.source == own), []
    if len(strong) > 1 or not choice:
        if not choice:
            raise HelperError(
                "E_MIGRATE_SOURCE",
                f"there is nothing here to migrate to {target}",
                [f"found: {', '.join(listed)}"]
                if listed
                else [
                    "no file of a tool, no requirements and no environment was found",
                    "a setup.py is a program, which is not run for that",
                ],
                "pyve lock" if candidates else "pyve init",
            )
        raise HelperError(
            "E_MIGRATE_SOURCE",
            "several tools say what this project needs, and it is not clear which counts",
            listed,
            [name_source(one.source) for one in strong],
        )
    winner = (strong or weak)[0]
    others = [one for one in choice if one is not winner]
    notes = [
        f"{one.file} is left alone: {winner.file} says it; --from {one.source} takes it"
        for one in others
    ]
    return winner, notes


def name_source(source: str) -> str:
    """Give the command that was given, with another source."""
    words = shlex.split(repeat())
    while "--from" in words[:-1]:
        at = words.index("--from")
        del words[at : at + 2]
    words = [word for word in words if not word.startswith("--from=")]
    return shlex.join([*words, "--from", source])


def read_source(root: Path, chosen: Candidate) -> Found:
    """Read what a project says.

    Raises:
        HelperError: E_MANIFEST; of conda also E_ENVIRONMENT_FILE and E_ENVIRONMENT_FILE_READ.
    """
    try:
        if chosen.source == "conda":
            return read_conda(root, chosen.file)
        if chosen.source == "venv":
            return read_venv(root, os.path.dirname(chosen.file))
        readers = {
            "pipfile": read_pipfile,
            "poetry": read_poetry,
            "pdm": read_pdm,
            "setup.cfg": read_setup_cfg,
            "requirements": read_requirements,
            "pyproject": _read_own,
        }
        return readers[chosen.source](root)
    except (AttributeError, TypeError, KeyError) as error:
        raise HelperError(
            "E_MANIFEST", f"{chosen.file} is not as its tool writes it", str(error)
        ) from error


def _read_own(root: Path) -> Found:
    """Read the project as `pyve lock` does, for other targets."""
    manifest = read_manifest(root, {})
    found = Found("pyproject", root, list(manifest.files), in_place=True)
    found.project = {"name": manifest.name or name_of_folder(root)}
    found.requires_python = manifest.requires_python
    for name, asked in manifest.roots.items():
        found.roots[name] = []
        for one in asked:
            extras = f"[{','.join(one.extras)}]" if one.extras else ""
            rest = f"{extras}; {one.marker}" if one.marker else extras
            if one.path:
                found.add_path(name, one.name, one.path, one.editable, rest, one.file, one.line)
            else:
                found.add(name, one.canonical(), one.file, one.line)
    _read_own_sources(manifest, found)
    for key, some in (
        ("constraint-dependencies", manifest.constraint_requirements),
        ("override-dependencies", manifest.override_requirements),
    ):
        if some:
            found.uv[key] = [one.canonical() for one in some]
    if os.path.isfile(os.path.join(root, "pylock.toml")):
        try:
            lock = read_lock(root / "pylock.toml")
        except HelperError as error:
            found.note(f"no version of pylock.toml is kept: {error}", "pylock.toml")
        else:
            found.files.append("pylock.toml")
            for package in lock.packages:
                if package.get("version") and "vcs" not in package:
                    found.pin(package["name"], str(package["version"]))
    return found


def _read_own_sources(manifest: Manifest, found: Found) -> None:
    """Take over folders of [tool.uv.sources]; what else [tool.uv] says, only uv knows."""
    sources = manifest.uv.get("sources", {})
    for name, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and "path" in source:
            found.sources[name] = source
        elif isinstance(source, dict) and "git" in source:
            for asked in found.roots.values():
                asked[:] = [text for text in asked if text != name]
            found.add_git("", name, source, "", FILE, 0)
    for key in manifest.uv:
        if key not in ("sources", "package", "default-groups"):
            found.note(f"{key} of [tool.uv] is uv's alone, and is not carried over", FILE)
