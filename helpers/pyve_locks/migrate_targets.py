"""What a project needs, written as requirements.in or environment.yml."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet

from pyve_core import HelperError
from pyve_core.fixes import move_away
from pyve_locks.conda_names import to_conda
from pyve_locks.edit_common import name_of
from pyve_locks.export import python_for_conda, write_environment
from pyve_locks.local_project import show_path
from pyve_locks.migrate_model import Found, TomlFile, normalize
from pyve_locks.migrate_pyproject import write_pyproject
from pyve_locks.migrate_setup_cfg import FILE as SETUP
from pyve_locks.migrate_setup_cfg import is_setup_cfg
from pyve_locks.pyproject import FILE
from pyve_locks.toml_lines import parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TARGETS", "write_conda", "write_requirements", "write_target"]

TARGETS = ("pyproject", "requirements", "conda")
_HEAD = "# What this project needs, one requirement a line.\n"
_REQUIREMENTS = "requirements.in"
_CONSTRAINTS = "constraints.in"
_ENVIRONMENT = "environment.yml"
# What conda's match specifications write as PEP 440 does.
_PLAIN = re.compile(r"(==|!=|<=|>=|<|>|~=)\d+(\.\d+)*(\.\*)?")


def write_target(found: Found, target: str) -> dict[str, str]:
    """Write what was found.

    Args:
        found: it; what has no answer in the target is noted in it.
        target: one of TARGETS.

    Returns:
        File -> what it is to hold.

    Raises:
        HelperError: E_MIGRATE_TARGET: a file says something else already. E_MANIFEST.
    """
    try:
        SpecifierSet(found.requires_python)
    except ValueError:
        said = f"'{found.requires_python}' does not limit Python"
        found.refuse("python", said, found.files[0])
        found.requires_python = ""
    if target == "pyproject":
        text = _read(found, FILE) or ""
        new = write_pyproject(text, found)
        _see_builder(text, found)
        return {FILE: new}
    if target == "conda":
        return {_ENVIRONMENT: _keep(found, _ENVIRONMENT, write_conda(found))}
    return _write_requirement_files(found)


def _see_builder(text: str, found: Found) -> None:
    """Refuse to write [project] where setuptools has all of it from its own files."""
    name = "setup.py" if (found.root / "setup.py").is_file() else SETUP
    is_built = name == "setup.py" or is_setup_cfg(found.root)
    if found.source == "setup.cfg" or not is_built or "project" in parse_toml(text):
        return
    found.refuse(
        name,
        f"beside [project], what {name} says of the distribution does not count any more:"
        " --to requirements leaves it as it is",
        name,
    )


def _read(found: Found, name: str) -> str | None:
    """Give the text of a file, with its line ends; None when it is not there.

    Raises:
        HelperError: E_MANIFEST.
    """
    try:
        with open(os.path.join(found.root, name), encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise HelperError("E_MANIFEST", f"{name} cannot be read", str(error)) from error


def _keep(found: Found, name: str, text: str) -> str:
    """See that a file says this, or is not there yet."""
    there = _read(found, name)
    if there is not None and there.split() != text.split():
        raise HelperError(
            "E_MIGRATE_TARGET",
            f"{name} is there already, and says something else",
            "nothing was changed",
            move_away(found.root / name),
        )
    return text if there is None else there


# --- requirements


def _write_requirement_files(found: Found) -> dict[str, str]:
    if os.path.isfile(os.path.join(found.root, FILE)):
        data = TomlFile(found.root, FILE).data
        if "project" in data:
            raise HelperError(
                "E_MIGRATE_TARGET",
                f"{FILE} has [project], which counts before any requirements file",
                "a requirements.txt for other tools is written by pyve export",
                "pyve export --format requirements --output requirements.txt",
            )
    files = {_REQUIREMENTS: _keep(found, _REQUIREMENTS, write_requirements(found))}
    constraints = found.uv.get("constraint-dependencies", [])
    if constraints:
        text = "".join(f"{one}\n" for one in constraints)
        files[_CONSTRAINTS] = _keep(found, _CONSTRAINTS, text)
    groups = {key: texts for key, texts in found.roots.items() if key.startswith("group:")}
    if groups:
        # (Groups have their place in pyproject.toml also without [project].)
        rest = Found(found.source, found.root, found.files, in_place=found.in_place)
        rest.roots = groups
        names = {normalize(Parsed(text).name) for some in groups.values() for text in some}
        rest.sources = {n: s for n, s in found.sources.items() if normalize(n) in names}
        text = _read(found, FILE) or ""
        files[FILE] = write_pyproject(text, rest, project=False)
    return files


def write_requirements(found: Found) -> str:
    """Write requirements.in; extras have no place there."""
    lines = [_HEAD]
    for index in found.indexes:
        if index.get("explicit"):
            said = f"the index {index['name']} is for single distributions, which pip has no word"
            found.note(f"{said} for: it is asked for all")
        option = "--index-url" if index.get("default") else "--extra-index-url"
        lines.append(f"{option} {index['url']}\n")
    lines += [f"--find-links {link}\n" for link in found.uv.get("find-links", [])]
    if found.uv.get("no-index"):
        lines.append("--no-index\n")
    if found.uv.get("prerelease") == "allow":
        lines.append("--pre\n")
    if found.uv.get("constraint-dependencies"):
        lines.append(f"-c {_CONSTRAINTS}\n")
    for text in found.uv.get("override-dependencies", []):
        found.refuse(text, f"the override {text} has no like in requirements files")
    for name in found.uv.get("prerelease-package", {}):
        found.refuse(name, f"pre-releases of {name} alone have no like in requirements files")
    lines += [f"{line}\n" for line in _list_lines(found, found.roots.get("", []))]
    for key in found.roots:
        if key.startswith("extra:"):
            found.refuse(key[6:], f"the extra {key[6:]} has no place in requirements.in")
    if found.requires_python:
        said = f"Python {found.requires_python} has no place in {_REQUIREMENTS}"
        found.note(f"{said}: lock.python of .pyve/config is for that")
    return "".join(lines)


def _list_lines(found: Found, texts: Iterable[str]) -> list[str]:
    """Write requirements as pip reads them, with folders where they are."""
    lines = []
    for text in texts:
        parsed = Parsed(text)
        source = found.sources.get(parsed.name)
        if not isinstance(source, dict) or "path" not in source:
            lines.append(text)
            continue
        extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
        marker = f" ; {parsed.marker}" if parsed.marker else ""
        place = f"{show_path(source['path'])}{extras}{marker}"
        lines.append(f"-e {place}" if source.get("editable") else place)
    return lines


# --- conda


def write_conda(found: Found) -> str:
    """Write an environment.yml.

    From conda comes what is known to have the same name there, and from pip all else, which is what
    the project asked for anyway: so every requirement is answered by what it meant.
    """
    chosen = ["", *(f"group:{name}" for name in found.uv.get("default-groups", ["dev"]))]
    conda: list[str] = []
    pip: list[str] = []
    for key, texts in found.roots.items():
        if key not in chosen:
            kind, _, name = key.partition(":")
            found.note(f"the {kind} {name} is left out: an environment.yml is one set")
            continue
        for text in texts:
            spec = _to_spec(text, found)
            if spec:
                conda.append(spec)
            else:
                pip += _list_pip(found, text)
    pinned = {pin["name"] for pin in found.pins}
    names = sorted({name_of(line) for line in pip} & pinned)
    if names:
        said = "are not kept: conda's lock solves the section for pip anew"
        found.note(f"the versions of {', '.join(names)}, and of what only pip needs for it, {said}")
    python = python_for_conda(found.requires_python)
    dependencies: list[Any] = [python, *dict.fromkeys(conda), "pip"]
    if pip:
        dependencies.append({"pip": list(dict.fromkeys(pip))})
    for key in ("constraint-dependencies", "override-dependencies"):
        for text in found.uv.get(key, []):
            said = key.partition("-")[0]
            found.refuse(text, f"the {said} {text} has no like in an environment.yml")
    name = str(found.project.get("name", ""))
    text = write_environment(name, ["conda-forge"], dependencies)
    if found.indexes and pip:
        # (conda-lock's; options of pip among the requirements are none of its words.)
        text += "pip-repositories:\n" + "".join(f"  - {one['url']}\n" for one in found.indexes)
    return text


def _list_pip(found: Found, text: str) -> list[str]:
    """Write a requirement for the section for pip; a folder that is not editable has no answer."""
    lines = _list_lines(found, [text])
    if lines[0].startswith("-e "):
        found.note(f"{text} is editable, so conda's lock does not have it")
    elif lines[0] != text:
        found.refuse(text, f"{lines[0]} is a folder or a file, which conda's lock cannot have")
        return []
    return lines


def _to_spec(text: str, found: Found) -> str:
    """Write a requirement for conda; "" for what only pip can answer."""
    parsed = Parsed(text)
    name = to_conda(parsed.name)
    if not name or parsed.extras or parsed.url or parsed.marker or parsed.name in found.sources:
        return ""
    parts = sorted(map(str, parsed.specifier), reverse=True)
    if not all(_PLAIN.fullmatch(part) for part in parts):
        return ""
    joined = ",".join(parts)
    if len(parts) == 1 and joined.startswith("==") and joined.endswith(".*"):
        joined = f"={joined[2:-2]}"
    return name + joined
