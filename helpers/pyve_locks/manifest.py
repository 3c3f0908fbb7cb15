"""What a project asks for: its manifest, and the fingerprint that ties a lock to it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_locks.compare import compare
from pyve_locks.local_project import LocalProjects, relate_url, show_path
from pyve_locks.pyproject import FILE, UV_KEYS, Pyproject
from pyve_locks.requirement import Requirement, strip_credentials
from pyve_locks.requirements_file import PipOptions, RequirementsReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "Manifest",
    "canonical",
    "compare",
    "digest",
    "raw_digest",
    "read_manifest",
    "read_manifest_of",
]

REQUIREMENTS_FILES = ("requirements.in", "requirements.txt")
VERSION = 1
_LISTS = ("constraint-dependencies", "override-dependencies")


@dataclass(frozen=True)
class Manifest:
    """What a project asks for.

    Attributes:
        files: all that was read, relative to the project, POSIX, in the order of reading.
        name: of the project, normalised; None when the manifest has no [project].
        requires_python: as ``<4,>=3.9``; "" for any.
        roots: what is asked for: ``""`` by default, ``"extra:NAME"``, ``"group:NAME"``; without
            repetitions.
        constraint_requirements: which limit versions: -c, constraint-dependencies of [tool.uv].
        override_requirements: which replace what packages ask for: override-dependencies.
        options: of requirements files.
        uv: what else of [tool.uv] changes the answer, as it is written; it may hold credentials.
        local: what local folders and archives ask for; see ``LocalProjects.found``.
        is_project: whether [project] of pyproject.toml is the manifest.
        root: the project's folder, absolute.
    """

    files: tuple[str, ...]
    name: str | None
    requires_python: str
    roots: dict[str, tuple[Requirement, ...]]
    constraint_requirements: tuple[Requirement, ...] = ()
    override_requirements: tuple[Requirement, ...] = ()
    options: PipOptions = field(default_factory=PipOptions)
    uv: dict[str, Any] = field(default_factory=dict, repr=False)
    local: dict[str, list[str]] = field(default_factory=dict, repr=False)
    is_project: bool = False
    root: str = ""

    @property
    def constraints(self) -> tuple[str, ...]:
        """Constraints as PEP 508 texts, with credentials: do not show them."""
        return self._write(self.constraint_requirements)

    @property
    def overrides(self) -> tuple[str, ...]:
        """Overrides as PEP 508 texts, with credentials: do not show them."""
        return self._write(self.override_requirements)

    def _write(self, requirements: Iterable[Requirement]) -> tuple[str, ...]:
        from pathlib import Path

        return tuple(dict.fromkeys(one.pep508(Path(self.root)) for one in requirements))


def _canonical_texts(requirements: Iterable[Requirement]) -> list[str]:
    return sorted({requirement.canonical() for requirement in requirements})


def read_manifest(
    root: Path,
    environ: Mapping[str, str] | None = None,
    edited: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Read what a project asks for.

    pyproject.toml with [project] wins, else requirements.in, else requirements.txt. Groups and
    [tool.uv] of a pyproject.toml count also where it has no [project].

    Args:
        root: the project's folder.
        environ: the variables of which ``${NAME}`` is expanded in requirements files; by default
            those of this process.
        edited: name -> what it is to hold, of files that are to be read as they will be.

    Raises:
        HelperError: E_MANIFEST, with file and line; E_MANIFEST_MISSING.
    """
    environ = os.environ if environ is None else environ
    edited = edited or {}

    def is_there(name: str) -> bool:
        return name in edited or os.path.lexists(os.path.join(root, name))

    project = Pyproject(root, environ, edited) if is_there(FILE) else None
    reader = RequirementsReader(root, environ, edited)
    if project is None or not project.has_project:
        for name in REQUIREMENTS_FILES:
            if is_there(name):
                reader.read(name)
                break
        else:
            if project is None or not project.has_groups:
                raise HelperError(
                    "E_MANIFEST_MISSING",
                    "nothing here says what the project needs",
                    "there is neither a pyproject.toml with [project] or [dependency-groups],"
                    " nor a requirements.in or requirements.txt",
                )
    if project is None:
        return _finish(Manifest((), None, "", {}, root=os.path.abspath(root)), reader)
    if project.has_project:
        return read_manifest_of(project, root)
    return _finish(_read_tables(project, root), reader, project)


def read_manifest_of(project: Pyproject, root: Path) -> Manifest:
    """Give what a pyproject.toml with [project] asks for.

    Raises:
        HelperError: E_MANIFEST.
    """
    return _finish(_read_tables(project, root), project.reader, project)


def _read_tables(project: Pyproject, root: Path) -> Manifest:
    """Give what the tables of a pyproject.toml say."""
    uv = project.read_uv()
    return Manifest(
        files=(),
        name=project.read_name() if project.has_project else None,
        requires_python=project.read_requires_python(),
        roots=project.read_roots(),
        constraint_requirements=tuple(project.read_uv_list(_LISTS[0], uv)),
        override_requirements=tuple(project.read_uv_list(_LISTS[1], uv)),
        uv={**{key: uv[key] for key in UV_KEYS if key in uv}, **_take_tables(uv)},
        is_project=project.has_project,
        root=os.path.abspath(root),
    )


def _take_tables(uv: dict[str, Any]) -> dict[str, Any]:
    """Give what is no requirement in lists of [tool.uv]: tables that limit it to a package."""
    found = {}
    for key in _LISTS:
        items = uv.get(key)
        tables = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
        if tables:
            found[key] = tables
    return found


def _finish(
    manifest: Manifest, reader: RequirementsReader, project: Pyproject | None = None
) -> Manifest:
    """Add what requirements files and local projects say."""
    found = reader.found
    roots = dict(manifest.roots)
    if not manifest.is_project:
        roots[""] = tuple(dict.fromkeys(found.requirements))
    constraints = (*found.constraints, *manifest.constraint_requirements)
    local = LocalProjects(manifest.root)
    for requirement in (*constraints, *(one for some in roots.values() for one in some)):
        # What a variable leads to is elsewhere on another machine.
        if requirement.path and not requirement.shown:
            local.add(requirement.path)
    if project is not None:
        local.add_sources(project.data)
    files = (*(project.files if project else ()), *found.files, *local.files)
    for file in files:
        # Else no list of digests that a shell makes of them would be the same as raw_digest's.
        if not re.fullmatch(r"[^\\\n\r\udc80-\udcff]+", file):
            raise HelperError(
                "E_MANIFEST",
                f"the name of a file has a backslash, a line break or a broken letter: {file!a}",
            )
    return replace(
        manifest,
        files=tuple(dict.fromkeys(files)),
        roots=roots,
        constraint_requirements=tuple(dict.fromkeys(constraints)),
        options=found.options,
        local={path: sorted(set(asked)) for path, asked in local.found.items()},
    )


def canonical(manifest: Manifest) -> str:
    """Write a manifest in one way, as JSON: the same for all files that ask for the same.

    Without comments, order, blanks, quotes, file names and credentials.

    Returns:
        ``{"constraints":[...],"local":{...},"name":...,"options":{...},"overrides":[...],
        "requires-python":...,"roots":{"":["idna>=3"],"group:dev":[...]},"uv":{...},"version":1}``;
        what is empty is left out, but for roots.
    """
    options = manifest.options
    written: dict[str, Any] = {
        "index-url": options.index_url.shown if options.index_url else "",
        "extra-index-url": [source.shown for source in options.extra_index_urls],
        "find-links": [source.shown for source in options.find_links],
        "no-index": options.no_index,
        "pre": options.pre,
        "prefer-binary": options.prefer_binary,
        "no-binary": [*options.no_binary],
        "only-binary": [*options.only_binary],
    }
    whole: dict[str, Any] = {
        "name": manifest.name,
        "requires-python": manifest.requires_python,
        "constraints": _canonical_texts(manifest.constraint_requirements),
        "overrides": _canonical_texts(manifest.override_requirements),
        "options": {key: value for key, value in written.items() if value},
        "uv": tidy(manifest.uv, manifest.root),
        "local": {
            path: [tidy(text, manifest.root) for text in asked]
            for path, asked in manifest.local.items()
        },
    }
    shown = {key: value for key, value in whole.items() if value}
    # A group that asks for nothing is a group that can be selected.
    shown["roots"] = {root: _canonical_texts(found) for root, found in manifest.roots.items()}
    shown["version"] = VERSION
    return json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tidy(value: Any, root: str) -> Any:
    """Make JSON of TOML: without credentials, local places relative to the project, dates as texts.

    Args:
        value: what TOML says.
        root: the project.
    """
    if isinstance(value, dict):
        return {key: tidy(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [tidy(item, root) for item in value]
    if isinstance(value, str):
        value = relate_url(value, root)
        if os.path.isabs(value):
            return show_path(os.path.relpath(value, root).replace(os.sep, "/"))
        return strip_credentials(value)
    return value if isinstance(value, (bool, int, float)) else str(value)


def digest(manifest: Manifest) -> str:
    """Give the sha256 of the canonical manifest, in hexadecimal digits."""
    return hashlib.sha256(canonical(manifest).encode()).hexdigest()


def raw_digest(root: Path, files: Iterable[str]) -> str:
    """Give a sha256 over the bytes of files: what ``sha256sum FILES | sha256sum`` gives in root.

    A file that is not there, or cannot be read, has no line; so the digest is another one.

    Args:
        root: the project's folder.
        files: relative to it, in this order.
    """
    whole = hashlib.sha256()
    for name in files:
        try:
            with open(os.path.join(root, name), "rb") as stream:
                line = f"{hashlib.sha256(stream.read()).hexdigest()}  {name}\n"
        except OSError:
            continue
        whole.update(line.encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
