"""Projects of conda: environment.yml, conda-lock.yml, and an environment made from it.

What of it an index of Python has, has an answer in a venv; compilers, CUDA and other languages have
none. Of an environment that is there, it is certain which package is which distribution: its
records (``conda-meta``) list the metadata that each brought.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_files.environment import read_environment, split_name
from pyve_files.lock import read_lock
from pyve_installed.distributions import read_distribution
from pyve_locks.conda_names import is_no_distribution, to_distribution
from pyve_locks.migrate_constraints import specifier_of
from pyve_locks.migrate_model import Found
from pyve_locks.migrate_poetry_project import name_of_folder, valid_name
from pyve_locks.migrate_requirements import carry
from pyve_locks.requirements_file import RequirementsReader

if TYPE_CHECKING:
    from pyve_files.environment import Environment
    from pyve_locks.requirement import Place

__all__ = ["FILES", "LOCK", "read_conda"]

FILES = ("environment.yml", "environment.yaml")
LOCK = "conda-lock.yml"
# conda's name -> that of markers (PEP 508).
_PLATFORMS = {"linux-64": "linux", "osx-64": "darwin", "win-64": "win32"}
_SEEDS = ("pip", "python", "python_abi")


def read_conda(root: Path, name: str) -> Found:
    """Read a project of conda.

    Args:
        root: the project.
        name: of its environment.yml, relative to it.

    Raises:
        HelperError: E_ENVIRONMENT_FILE, E_ENVIRONMENT_FILE_READ, E_MANIFEST.
    """
    return _Conda(root, name).read()


class _PipSection(RequirementsReader):
    """Reads the lines for pip of an environment.yml, where they stand."""

    def __init__(self, root: Path, name: str, environment: Environment) -> None:
        super().__init__(root, {})
        self.name = name
        self.rows = {environment.lines.get(line, 0): line for line in environment.pip}
        last = max(self.rows, default=0)
        self.text = "\n".join(self.rows.get(number, "") for number in range(1, last + 1))

    def _load(self, file: str, place: Place | None) -> str:
        return self.text if file == self.name else super()._load(file, place)


class _Conda:
    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.environment = read_environment(os.path.join(root, name))
        self.found = Found("conda", root, [name])
        self.installed = _read_records(root)
        self.markers = self._read_selectors()

    def read(self) -> Found:
        """Read all of it."""
        said, found = self.environment, self.found
        name = said.name if valid_name(said.name) else name_of_folder(self.root)
        found.project = {"name": name, "version": "0"}
        found.roots[""] = []
        for spec in said.dependencies:
            self._read_spec(spec, said.lines.get(spec, 0))
        reader = _PipSection(self.root, self.name, said)
        if said.pip:
            reader.read(self.name)
            reader.found.files.remove(self.name)
            found.files += reader.found.files
            carry(found, reader.found, "", set(), {self.name: reader.rows})
        if said.variables:
            names = ", ".join(said.variables)
            found.note(f"the variables {names} are not carried over: .env is for them", self.name)
        for warning in said.warnings:
            found.note(warning)
        self._read_pins()
        return found

    def _read_selectors(self) -> dict[str, str]:
        """Tell which dependencies are for some platforms only, by micromamba's selectors."""
        path = os.path.join(self.root, self.name)
        on = {name: set(read_environment(path, p).dependencies) for p, name in _PLATFORMS.items()}
        markers = {}
        for spec in self.environment.dependencies:
            names = [name for name, specs in on.items() if spec in specs]
            if len(names) < len(on):
                markers[spec] = " or ".join(f"sys_platform == '{name}'" for name in names)
        return markers

    def _read_spec(self, spec: str, line: int) -> None:
        found = self.found
        name, rest = split_name(spec)
        if not name:
            found.refuse(spec, f"{spec} is a file of conda", self.name, line)
            return
        channel = spec.rpartition("::")[0]
        if name in ("pip", "python_abi"):
            return
        try:
            version, exact = _read_version(rest, found, name, (self.name, line))
        except ValueError as error:
            found.refuse(name, f"{name}: {error}", self.name, line)
            return
        if not exact:
            found.note(f"'{spec}' has gaps that {version} does not have", self.name, line)
        if name == "python":
            found.requires_python = version
            return
        target, is_known = self._find(name)
        if not target:
            said = f"{name} is no distribution of Python: a venv has no answer to it"
            found.refuse(name, said, self.name, line)
            return
        if not is_known:
            said = f"{name} of conda is taken for the distribution {target}, which is not known"
            found.note(said, self.name, line)
        if channel and channel not in ("conda-forge", "defaults", "main", "anaconda"):
            found.note(f"{name} came from the channel {channel}", self.name, line)
        behind = f"; {self.markers[spec]}" if spec in self.markers else ""
        found.add("", f"{target}{version}{behind}", self.name, line)

    def _find(self, name: str) -> tuple[str, bool]:
        """Give the distribution that a package is; the environment knows better than any list."""
        if name in self.installed:
            brought = [one for one, _ in self.installed[name]]
            if not brought or is_no_distribution(name):
                # (A package that only asks for others, as pytorch-gpu, brings nothing itself.)
                return to_distribution(name)
            likely = to_distribution(name)[0]
            return (likely if likely in brought else brought[0]), True
        return to_distribution(name)

    def _read_pins(self) -> None:
        """Take the versions of the lock, else of the environment."""
        found = self.found
        if os.path.isfile(os.path.join(self.root, LOCK)):
            try:
                lock = read_lock(os.path.join(self.root, LOCK))
            except HelperError as error:
                found.note(f"no version of {LOCK} is kept: {error}", LOCK)
                return
            found.files.append(LOCK)
            for package in lock.packages:
                name = package.name
                if package.manager == "conda":
                    name = "" if name in _SEEDS else self._find(name)[0]
                if name:
                    found.pin(name, package.version)
            return
        for some in self.installed.values():
            for name, version in some:
                if name not in _SEEDS:
                    found.pin(name, version)


def _read_version(rest: str, found: Found, name: str, place: tuple[str, int]) -> tuple[str, bool]:
    """Write the version of a match specification of conda as a specifier (PEP 440).

    Args:
        rest: what stands behind the name: ``=1.2``, ``>=1,<2``, ``==1.2=py310_0``, ``1.2.*``.
        found: where a build that is left out is noted.
        name: of the package.
        place: file and line.

    Returns:
        As `specifier_of`.

    Raises:
        ValueError: it is not understood.
    """
    brackets = re.match(r"\[(.*)\]$", rest.strip())
    if brackets:
        match = re.search(r"version\s*=\s*['\"]?([^'\"\]]+)['\"]?", brackets.group(1))
        if not match or re.search(r"\b(url|md5|sha256)\b", brackets.group(1)):
            raise ValueError(f"'{rest}' names a file of conda")
        rest = match.group(1)
    rest = rest.strip()
    # A build behind the version: "=1.2=py310_0", "==1.2=0", "1.2 py310_0".
    build = re.match(r"((?:==?\s*|\s*)[^\s=<>!~|,]+)(?:\s*=\s*|\s+)([^=<>!~|,\s]+)$", rest)
    if build and re.match(r"[=\d]", rest):
        rest = build.group(1)
        found.note(f"{name}: the build {build.group(2)} is conda's alone", *place)
    alternatives = []
    for alternative in rest.split("|"):
        words = []
        for word in alternative.split(","):
            match = re.match(r"(==|=|!=|<=|>=|<|>|~=)?\s*(\S*)$", word.strip())
            if not match:
                raise ValueError(f"'{rest}' is no version")
            operator, version = match.group(1) or "", match.group(2)
            if version in ("", "*"):
                continue
            version = re.sub(r"(?<=\d)\*$", ".*", version)
            if operator == "=" and not version.endswith("*"):
                version += ".*"
            operator = "==" if operator in ("", "=") else operator
            words.append(operator + version)
        alternatives.append(",".join(words))
    return specifier_of(" || ".join(alternatives))


def _read_records(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Read which conda package brought which distributions, of the project's one environment."""
    records = sorted(Path(root, ".pyve", "envs").glob("*/conda-meta/*.json"))
    found: dict[str, list[tuple[str, str]]] = {}
    if len({path.parent for path in records}) != 1:
        return found
    for path in records:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            name, files = str(record["name"]), list(record["files"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        brought = found.setdefault(name, [])
        for file in files:
            folder = re.match(r"(.*\.(?:dist|egg)-info)/(?:METADATA|PKG-INFO)$", str(file))
            one = folder and read_distribution(path.parent.parent / folder.group(1), own=True)
            if one:
                brought.append((one.name, one.version))
    return found
