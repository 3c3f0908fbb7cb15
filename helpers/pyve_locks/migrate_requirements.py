"""Projects with requirements files, and what pip's format says elsewhere, too.

``requirements.txt`` (or ``.in``) is what the project needs; ``requirements-dev.txt``,
``dev-requirements.txt`` and ``requirements/dev.txt`` become the group dev. Where there is a
``.in`` beside a ``.txt``, the latter was compiled from it, and is a lock: it has the pins.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed

from pyve_core import HelperError
from pyve_locks.migrate_model import Found
from pyve_locks.migrate_poetry_project import name_of_folder
from pyve_locks.requirement import Place
from pyve_locks.requirements_file import RequirementsReader, decode, list_lines, split_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyve_locks.requirement import Requirement
    from pyve_locks.requirements_file import Requirements

__all__ = ["carry", "find_files", "read_pins", "read_requirements"]

_MAIN = ("", "base", "common", "main", "requirements", "core")
_NAME = re.compile(
    r"(?:requirements(?:[-_.](?P<behind>[A-Za-z0-9][A-Za-z0-9_-]*))?"
    r"|(?P<before>[A-Za-z0-9][A-Za-z0-9_-]*)[-_.]requirements)\.(?P<kind>in|txt)$"
)
_INSIDE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)\.(?P<kind>in|txt)$")
_GROUPS = {"development": "dev", "develop": "dev", "tests": "test", "testing": "test"}


def find_files(root: Path) -> dict[str, list[str]]:
    """Find the requirements files of a project.

    Returns:
        By group ("" for what the project itself needs) the files, a ``.in`` before its ``.txt``.
        Constraints are no group.
    """
    found: dict[str, list[str]] = {}
    for folder in ("", "requirements"):
        try:
            names = sorted(os.listdir(os.path.join(root, folder) if folder else root))
        except OSError:
            continue
        for name in names:
            match = (_INSIDE if folder else _NAME).match(name)
            path = f"{folder}/{name}" if folder else name
            if not match or not os.path.isfile(os.path.join(root, path)):
                continue
            said = match.groupdict()
            group = (said.get("name") or said.get("behind") or said.get("before") or "").lower()
            if group in ("constraints", "lock"):
                continue
            group = "" if group in _MAIN else _GROUPS.get(group, group.replace(".", "-"))
            found.setdefault(group, []).append(path)
    for files in found.values():
        # Beside one at the top, those of the folder are others' parts.
        files.sort(key=lambda path: (path.count("/"), not path.endswith(".in"), path))
    return found


def read_requirements(root: Path) -> Found:
    """Read a project with requirements files.

    Raises:
        HelperError: E_MANIFEST.
    """
    found = Found("requirements", root)
    found.project = {"name": name_of_folder(root), "version": "0"}
    found.roots[""] = []
    files = find_files(root)
    main: set[str] = set()
    for group in sorted(files):
        # (Without a variable: what it stands for is elsewhere on another machine.)
        reader = RequirementsReader(root, {})
        chosen = files[group][0]
        reader.read(chosen)
        compiled = [path for path in files[group][1:] if _stem(path) == _stem(chosen)]
        for path in files[group][1:]:
            if path not in compiled and path not in reader.found.files:
                found.note(f"{path} is left alone: {chosen} is taken", path)
        if not group:
            main = {*reader.found.files, *compiled}
        found.files += [path for path in reader.found.files if path not in found.files]
        root_name = f"group:{group}" if group else ""
        found.roots.setdefault(root_name, [])
        carry(found, reader.found, root_name, main if group else set())
        if not group:
            _check_python(found)
        for path in compiled or [chosen]:
            read_pins(found, path)
    # pip installs what it is told, and uv the group dev unasked.
    return found


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _check_python(found: Found) -> None:
    name = ".python-version"
    try:
        text = (found.root / name).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return
    if len(text) == 1 and re.fullmatch(r"3\.\d+(\.\d+)?", text[0]):
        found.requires_python = f">={'.'.join(text[0].split('.')[:2])}"
        found.note(f"requires-python is {found.requires_python}, as {name} says", name, 1)


def carry(
    found: Found,
    said: Requirements,
    root: str,
    known: set[str],
    texts: Mapping[str, dict[int, str]] | None = None,
) -> None:
    """Take over what requirements files say.

    Args:
        found: where to.
        said: it.
        root: of the requirements.
        known: files whose requirements the project needs anyway, for they are in the main one.
        texts: lines of what is no requirements file, by its name and their numbers.
    """
    lines = {path: _read_lines(found.root, path) for path in said.files}
    lines.update(texts or {})
    for one in said.requirements:
        if one.file not in known:
            _carry_one(found, one, root, lines)
    if any(one.hashes for one in said.requirements):
        found.note("hashes are the index's: the lock has those of all files", said.files[0])
    constraints = []
    for one in said.constraints:
        constraints.append(_written(one, lines) or one.canonical())
    if constraints:
        listed = found.uv.setdefault("constraint-dependencies", [])
        listed += [text for text in constraints if text not in listed]
    _carry_options(found, said)


def _read_lines(root: Path, path: str) -> dict[int, str]:
    try:
        with open(os.path.join(root, path), "rb") as stream:
            data = stream.read()
    except OSError:
        return {}
    return dict(list_lines(decode(data, Place(root, path, 0))))


def _written(one: Requirement, lines: dict[str, dict[int, str]]) -> str:
    """Give a requirement as it is written, when it is one of PEP 508; else ""."""
    text = split_options(lines.get(one.file, {}).get(one.line, ""))[0]
    try:
        parsed = Parsed(text)
    except (InvalidRequirement, RecursionError):
        return ""
    return "" if parsed.url else text


def _carry_one(found: Found, one: Requirement, root: str, lines: dict[str, dict[int, str]]) -> None:
    file, line = one.file, one.line
    extras = f"[{','.join(one.extras)}]" if one.extras else ""
    if one.path:
        if one.shown:
            found.note(f"the path of {one.name or one.path} has a variable", file, line)
        rest = f"{extras}; {one.marker}" if one.marker else extras
        found.add_path(root, one.name, one.path, one.editable, rest, file, line)
    elif one.url:
        shown = found.clean(one.url, one.name or one.shown, file, line)
        if not one.name:
            found.refuse(shown, f"nothing says which distribution {shown} is", file, line)
            return
        if one.editable:
            found.note(f"{one.name} comes from a repository, and is not editable", file, line)
        base, _, fragment = shown.partition("#")
        kept = [part for part in fragment.split("&") if part and not part.startswith("egg=")]
        url = f"{base}#{'&'.join(kept)}" if kept else base
        behind = f" ; {one.marker}" if one.marker else ""
        found.add(root, f"{one.name}{extras} @ {url}{behind}", file, line)
    else:
        found.add(root, _written(one, lines) or one.canonical(), file, line)
    for value in one.config_settings:
        key, _, text = value.partition("=")
        found.uv.setdefault("config-settings-package", {}).setdefault(one.name, {})[key] = text


def _carry_options(found: Found, said: Requirements) -> None:
    options, file = said.options, said.files[0] if said.files else ""
    for number, source in enumerate(options.extra_index_urls, 1):
        name = "extra" if number == 1 else f"extra{number}"
        found.add_index(name, source.use, file, 0)
    if options.index_url:
        found.add_index("main", options.index_url.use, file, 0, default=True)
    for source in options.find_links:
        listed = found.uv.setdefault("find-links", [])
        link = found.clean(source.use, "--find-links", file, 0)
        listed += [link] if link not in listed else []
    if options.no_index:
        found.uv["no-index"] = True
    if options.pre:
        found.uv["prerelease"] = "allow"
    for key, names in (("no-binary", options.no_binary), ("no-build", options.only_binary)):
        if ":all:" in names:
            found.uv[key] = True
        elif names:
            found.uv[f"{key}-package"] = sorted({*found.uv.get(f"{key}-package", ()), *names})
    if options.prefer_binary:
        found.note("--prefer-binary is left out: uv takes the newest version", file)
    if options.trusted_hosts:
        hosts = ", ".join(options.trusted_hosts)
        found.note(f"--trusted-host {hosts} is left out: UV_INSECURE_HOST is for that", file)


def read_pins(found: Found, path: str) -> None:
    """Read the versions that a requirements file says exactly, and forget them when it cannot be.

    Args:
        found: where to.
        path: relative to the project.
    """
    reader = RequirementsReader(found.root, {})
    try:
        reader.read(path)
    except HelperError as error:
        found.note(f"no version of {path} is kept: {error}", path)
        return
    found.files += [file for file in reader.found.files if file not in found.files]
    lines = {name: _read_lines(found.root, name) for name in reader.found.files}
    for one in reader.found.requirements:
        written = _written(one, lines)
        specifiers = list(Parsed(written).specifier) if written else []
        if len(specifiers) == 1 and specifiers[0].operator in ("==", "==="):
            version = specifiers[0].version
            if not version.endswith(".*"):
                found.pin(one.name, version)
