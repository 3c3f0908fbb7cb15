"""Wheels, sdists and source trees made at test time: real ones, and the same bytes every time.

    wheel = make_wheel("greeter", "1.0", ["idna>=3"], extras={"loud": ["bell"]})
    wheel.write(folder)                       # folder/greeter-1.0-py3-none-any.whl
    sdist = make_sdist("greeter", "1.0")      # builds offline, with a backend of its own
    write_source(folder, "greeter", "1.0")    # the same as a source tree, for path and VCS tests

Every distribution installs a module of its own name, with ``__version__``. The bytes do not depend
on the machine: nothing is compressed, and no time and no user is in it. See ``local_index`` for an
index that serves them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union

import build_backend
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

Files = Mapping[str, Union[str, bytes]]


@dataclass(frozen=True)
class Distribution:
    """A wheel or an sdist. ``dataclasses.replace`` makes one that lies.

    Attributes:
        name: as its metadata spells it.
        version: normalised (PEP 440).
        filename: the base name of the file.
        content: the file.
        metadata: the core metadata; what an index hands out beside a wheel (PEP 658).
        requires_python: a specifier, "" when it says none.
    """

    name: str
    version: str
    filename: str
    content: bytes
    metadata: bytes
    requires_python: str = ""

    @property
    def project(self) -> str:
        """The name as an index spells it (PEP 503)."""
        return str(canonicalize_name(self.name))

    @property
    def sha256(self) -> str:
        """The digest of the file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel, not an sdist."""
        return self.filename.endswith(".whl")

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, which is made, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.content)
        return path


@dataclass(frozen=True)
class _Plan:
    """What a distribution shall be, with all that was left out filled in."""

    name: str
    version: str
    requires: tuple[str, ...]
    requires_python: str
    extras: dict[str, tuple[str, ...]]
    files: dict[str, bytes]
    tag: str
    entry_points: str


def _plan(
    name: str,
    version: str,
    requires: Iterable[str] = (),
    requires_python: str = "",
    extras: Mapping[str, Iterable[str]] | None = None,
    files: Files | None = None,
    tag: str = "py3-none-any",
    *,
    commands: Mapping[str, str] | None = None,
) -> _Plan:
    """Check and normalise what a maker was given; nonsense raises what packaging raises.

    Args:
        name: of the distribution, in any spelling.
        version: any version of PEP 440.
        requires: requirements (PEP 508), with markers.
        requires_python: a specifier.
        extras: the requirements of each extra.
        files: more files, by their paths in the wheel; they also replace ``<module>/__init__.py``.
        tag: Python, ABI and platform; compressed tags such as py2.py3-none-any too.
        commands: console scripts, such as {"greet": "greeter:main"}.
    """
    module = build_backend.escape(name)
    normal = str(Version(version))
    wanted = (extras or {}).items()
    contents: dict[str, str | bytes] = {
        f"{module}/__init__.py": f'"""The distribution {name}."""\n\n__version__ = "{normal}"\n'
    }
    contents.update(files or {})
    scripts = [f"{command} = {target}\n" for command, target in sorted((commands or {}).items())]
    return _Plan(
        name,
        normal,
        tuple(str(Requirement(line)) for line in requires),
        str(SpecifierSet(requires_python)),
        {extra: tuple(str(Requirement(line)) for line in lines) for extra, lines in wanted},
        {path: d.encode() if isinstance(d, str) else d for path, d in contents.items()},
        tag,
        "[console_scripts]\n" + "".join(scripts) if scripts else "",
    )


def _with_extra(requirement: str, extra: str) -> str:
    """Return a requirement that holds for one extra only."""
    parsed = Requirement(requirement)
    condition = f'extra == "{extra}"'
    marker = f"({parsed.marker}) and {condition}" if parsed.marker else condition
    parsed.marker = None
    # A URL ends at a blank (PEP 508).
    return f"{parsed} ; {marker}"


def _core_metadata(plan: _Plan, dynamic: Sequence[str] = ()) -> bytes:
    """Return METADATA or PKG-INFO (core metadata 2.2: PEP 643)."""
    lines = ["Metadata-Version: 2.2", f"Name: {plan.name}", f"Version: {plan.version}"]
    lines += [f"Dynamic: {field}" for field in dynamic]
    lines.append(f"Summary: The distribution {plan.name}, for tests")
    if plan.requires_python:
        lines.append(f"Requires-Python: {plan.requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in plan.requires]
    for extra, requirements in plan.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_with_extra(line, extra)}" for line in requirements]
    return ("\n".join(lines) + "\n").encode()


def _sdist_metadata(plan: _Plan, dynamic: bool) -> bytes:
    """Return PKG-INFO; a dynamic one leaves to the build what it would need (PEP 643)."""
    if not dynamic:
        return _core_metadata(plan)
    silent = replace(plan, requires=(), requires_python="", extras={})
    return _core_metadata(silent, ("Requires-Dist", "Requires-Python", "Provides-Extra"))


def make_wheel(name: str, version: str, *what: Any, build: str = "", **more: Any) -> Distribution:
    """Make a wheel.

    Args:
        name, version, what, more: see ``_plan``.
        build: a build number, such as "1".
    """
    plan = _plan(name, version, *what, **more)
    metadata = _core_metadata(plan)
    filename, content = build_backend.pack_wheel(
        plan.name, plan.version, metadata, plan.files, plan.tag, plan.entry_points, build
    )
    return Distribution(name, plan.version, filename, content, metadata, plan.requires_python)


def _project_table(plan: _Plan) -> str:
    """Return [project] and [project.optional-dependencies], as TOML (PEP 621)."""

    def string(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    def array(values: Iterable[str]) -> str:
        return "[" + ", ".join(string(value) for value in values) + "]"

    lines = ["[project]", f"name = {string(plan.name)}", f"version = {string(plan.version)}"]
    if plan.requires_python:
        lines.append(f"requires-python = {string(plan.requires_python)}")
    lines.append(f"dependencies = {array(plan.requires)}")
    if plan.extras:
        lines += ["", "[project.optional-dependencies]"]
        lines += [f"{string(extra)} = {array(needs)}" for extra, needs in plan.extras.items()]
    return "\n".join(lines) + "\n"


def _source_files(
    plan: _Plan, build_requires: Sequence[str], fails: str, dynamic: bool
) -> dict[str, bytes]:
    """Return the files of a source tree, by their paths in it."""
    needs = ", ".join(json.dumps(line) for line in build_requires)
    pyproject = (
        f'[build-system]\nrequires = [{needs}]\nbuild-backend = "build_backend"\n'
        'backend-path = ["backend"]\n'
    )
    if not dynamic:
        pyproject += "\n" + _project_table(plan)
    settings = {
        "name": plan.name,
        "version": plan.version,
        "tag": plan.tag,
        "entry_points": plan.entry_points,
        "fails": fails,
    }
    return {
        "pyproject.toml": pyproject.encode(),
        "backend/METADATA": _core_metadata(plan),
        "backend/PKG-INFO": _sdist_metadata(plan, dynamic),
        "backend/build_backend.py": Path(build_backend.__file__).read_bytes(),
        "backend/settings.json": (json.dumps(settings, indent=1, sort_keys=True) + "\n").encode(),
        **{f"src/{path}": content for path, content in plan.files.items()},
    }


def make_sdist(
    name: str,
    version: str,
    *what: Any,
    build_requires: Sequence[str] = (),
    build_fails: str = "",
    dynamic: bool = False,
    **more: Any,
) -> Distribution:
    """Make an sdist (PEP 625) with a build backend in itself, so that it builds offline.

    Args:
        name, version, what, more: see ``_plan``; of the wheel that is built of it.
        build_requires: what [build-system] asks for, from the index.
        build_fails: what the backend says before it fails; it works when this is "".
        dynamic: whether the sdist does not say its dependencies (PEP 643), so that a resolver has
            to build it.
    """
    plan = _plan(name, version, *what, **more)
    sources = _source_files(plan, build_requires, build_fails, dynamic)
    metadata = sources["backend/PKG-INFO"]
    filename, content = build_backend.pack_sdist(
        plan.name, plan.version, {**sources, "PKG-INFO": metadata}
    )
    return Distribution(name, plan.version, filename, content, metadata, plan.requires_python)


def write_source(
    folder: Path,
    *what: Any,
    build_requires: Sequence[str] = (),
    build_fails: str = "",
    dynamic: bool = False,
    **more: Any,
) -> Path:
    """Write a source tree: what is in the sdist, for tests of path, editable and VCS requirements.

    Args:
        folder: where; it is made. The other arguments are those of ``make_sdist``.

    Returns:
        The folder.
    """
    plan = _plan(*what, **more)
    for path, content in _source_files(plan, build_requires, build_fails, dynamic).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder
