"""[project] (PEP 621) from what Poetry says about a distribution in [tool.poetry]."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidName, canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

    from pyve_locks.migrate_model import Found, TomlFile

__all__ = ["name_of_folder", "people", "read_project"]

_PERSON = re.compile(r"\s*(?P<name>[^<>]*?)\s*(?:<(?P<email>[^<>]+)>)?\s*$")
_URLS = ("homepage", "repository", "documentation")


def name_of_folder(root: Path) -> str:
    """Give a name for a project that has none: that of its folder."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.resolve().name).strip("-")
    return name.lower() or "project"


def people(texts: Any) -> list[dict[str, str]]:
    """Read authors, as ``Ada <ada@example.org>``."""
    found = []
    for text in texts if isinstance(texts, list) else []:
        match = _PERSON.match(str(text))
        if match:
            found.append({key: value for key, value in match.groupdict().items() if value})
    return found


def valid_name(name: str) -> bool:
    """Tell whether a text can be the name of a distribution."""
    try:
        canonicalize_name(name, validate=True)
    except InvalidName:
        return False
    return True


def read_project(file: TomlFile, tool: dict[str, Any], found: Found) -> None:
    """Write [project] from [tool.poetry], where it says the same."""
    project = found.project
    name = str(tool.get("name", ""))
    project["name"] = name if valid_name(name) else name_of_folder(found.root)
    if name != project["name"] and name:
        found.note(
            f"'{name}' cannot be the name of a project", file.name, file.line("tool", "poetry")
        )
    versioning = file.table("tool", "poetry-dynamic-versioning")
    if versioning.get("enable") is True:
        found.dynamic.append("version")
    else:
        project["version"] = str(tool.get("version", "0"))
    for key in ("description", "readme"):
        _copy_text(file, tool, key, found)
    if tool.get("license"):
        project["license"] = {"text": str(tool["license"])}
    for key in ("authors", "maintainers"):
        if people(tool.get(key)):
            project[key] = people(tool[key])
    for key in ("keywords", "classifiers"):
        if isinstance(tool.get(key), list) and tool[key]:
            project[key] = [str(item) for item in tool[key]]
    urls = {key: str(tool[key]) for key in _URLS if tool.get(key)}
    urls.update({key: str(value) for key, value in file.table("tool", "poetry", "urls").items()})
    if urls:
        project["urls"] = urls
    _read_scripts(file, found)
    plugins = file.table("tool", "poetry", "plugins")
    if plugins:
        project["entry-points"] = {
            group: {name: str(value) for name, value in table.items()}
            for group, table in plugins.items()
            if isinstance(table, dict)
        }


def _copy_text(file: TomlFile, tool: dict[str, Any], key: str, found: Found) -> None:
    value = tool.get(key)
    if isinstance(value, str) and value:
        found.project[key] = value
    elif isinstance(value, list) and value:
        # [project] has one readme; Poetry may join several.
        found.dynamic.append(key)
        line = file.line("tool", "poetry", key)
        found.note(f"{key} is made of several files, by Poetry alone", file.name, line)


def _read_scripts(file: TomlFile, found: Found) -> None:
    scripts: dict[str, str] = {}
    for name, value in file.table("tool", "poetry", "scripts").items():
        table = value if isinstance(value, dict) else {"reference": value}
        reference = table.get("reference", table.get("callable"))
        if isinstance(reference, str) and table.get("type", "console") == "console":
            scripts[name] = reference
        else:
            line = file.line("tool", "poetry", "scripts", name)
            found.note(f"the script {name} is a file, which Poetry alone installs", file.name, line)
    if scripts:
        found.project["scripts"] = scripts
