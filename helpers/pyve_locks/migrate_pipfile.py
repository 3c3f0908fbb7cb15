"""Projects of Pipenv: Pipfile, and Pipfile.lock.

Source: the Pipfile specification, and "Specifying Packages" of Pipenv's manual.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_locks.migrate_model import Found, TomlFile, join_markers, read_text
from pyve_locks.migrate_poetry_project import name_of_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "LOCK", "read_pipfile"]

FILE = "Pipfile"
LOCK = "Pipfile.lock"
_OTHERS = ("source", "requires", "scripts", "pipenv")
_ROOTS = {"packages": "", "dev-packages": "group:dev"}
# What PEP 508 lets a marker compare: Pipfiles have these as keys.
_MARKERS = (
    *("os_name", "sys_platform", "platform_machine", "platform_python_implementation"),
    *("platform_release", "platform_system", "platform_version", "python_version"),
    *("python_full_version", "implementation_name", "implementation_version"),
)


def read_pipfile(root: Path) -> Found:
    """Read a project of Pipenv.

    Raises:
        HelperError: E_MANIFEST.
    """
    return _Pipfile(root).read()


class _Pipfile:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = TomlFile(root, FILE)
        self.found = Found("pipfile", root, [FILE])
        self.indexes: dict[str, str] = {}
        self.first = ""

    def read(self) -> Found:
        """Read all of it."""
        found = self.found
        found.project = {"name": name_of_folder(self.root), "version": "0"}
        found.roots[""] = []
        self._read_requires()
        self._read_sources()
        for category in self.file.data:
            if category in _OTHERS:
                continue
            root = _ROOTS.get(category, f"group:{category}")
            found.roots.setdefault(root, [])
            for name, value in self.file.table(category).items():
                self._read_package(root, name, value, self.file.line(category, name))
        if self.file.table("pipenv").get("allow_prereleases") is True:
            found.uv["prerelease"] = "allow"
        if self.file.table("scripts"):
            names = ", ".join(self.file.table("scripts"))
            line = self.file.line("scripts")
            found.note(f"[scripts] ({names}) are run by Pipenv alone, and stay there", FILE, line)
        self._read_lock()
        return found

    def _read_requires(self) -> None:
        requires = self.file.table("requires")
        full, short = requires.get("python_full_version"), requires.get("python_version")
        said = str(full or short or "").strip()
        if not said or said == "*":
            return
        line = self.file.line("requires")
        if re.match(r"[<>=!~]", said):
            self.found.requires_python = said
        elif re.fullmatch(r"\d+(\.\d+)*", said):
            exact = full or said.count(".") > 1
            self.found.requires_python = f"=={said}" if exact else f"=={said}.*"
        else:
            self.found.refuse("python", f"'{said}' is no version of Python", FILE, line)

    def _read_sources(self) -> None:
        sources = self.file.data.get("source", [])
        for number, one in enumerate(sources if isinstance(sources, list) else []):
            name, url, line = (
                str(one.get("name", "")),
                one.get("url"),
                self.file.line("source", number),
            )
            if not url:
                continue
            # Pipenv asks the first for all, and another only for what names it.
            more = {"explicit": True} if self.indexes else {}
            known = self.found.add_index(
                name, str(url), FILE, line, default=not self.indexes, **more
            )
            self.first = self.first or known
            self.indexes[name] = known
            if one.get("verify_ssl") is False:
                self.found.note(f"verify_ssl = false of {known} is not carried over", FILE, line)

    def _read_package(self, root: str, name: str, value: Any, line: int) -> None:
        table = value if isinstance(value, dict) else {"version": value}
        found = self.found
        try:
            marker = self._marker(table)
        except ValueError as error:
            found.refuse(name, f"{name}: {error}", FILE, line)
            return
        extras = table.get("extras", [])
        listed = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
        rest = f"{listed}; {marker}" if marker else listed
        editable = table.get("editable") is True
        if "git" in table:
            found.add_git(root, name, table, rest, FILE, line)
            if editable:
                found.note(f"{name} comes from a repository, and is not editable", FILE, line)
            return
        for other in ("hg", "svn", "bzr"):
            if other in table:
                found.refuse(name, f"{name} comes from {other}, which uv does not know", FILE, line)
                return
        place = str(table.get("path", table.get("file", "")))
        if re.match(r"\w+://", place) and not place.startswith("file://"):
            url = found.clean(place, name, FILE, line)
            behind = f" ; {marker}" if marker else ""
            found.add(root, f"{name}{listed} @ {url}{behind}", FILE, line)
        elif place:
            place = re.sub(r"^file://(localhost)?", "", place)
            found.add_path(root, name, place, editable, rest, FILE, line)
        else:
            behind = f"; {marker}" if marker else ""
            found.add(root, f"{name}{listed}{_version(table)}{behind}", FILE, line)
            self._set_index(name, str(table.get("index", "")), line)

    def _set_index(self, name: str, index: str, line: int) -> None:
        known = self.indexes.get(index, "")
        if known and known != self.first:
            self.found.sources[name] = {"index": known}
        elif index and not known:
            said = f"{name} comes from '{index}', and no [[source]] has that name"
            self.found.note(said, FILE, line)

    def _marker(self, table: dict[str, Any]) -> str:
        """Join all that says where a package is for.

        Raises:
            ValueError: it is no marker.
        """
        given = [str(table.get("markers") or "")]
        for key in _MARKERS:
            if key in table:
                said = str(table[key]).strip()
                words = said if re.match(r"[<>=!~]|in |not ", said) else f"== '{said}'"
                given.append(f"{key} {words}")
        return join_markers(*given)

    def _read_lock(self) -> None:
        if not os.path.isfile(os.path.join(self.root, LOCK)):
            return
        text = read_text(self.root, LOCK)
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            message = f"{LOCK}, line {line}: it is no JSON"
            raise HelperError("E_MANIFEST", message, str(error)) from error
        self.found.files.append(LOCK)
        for category, packages in data.items() if isinstance(data, dict) else ():
            if category == "_meta" or not isinstance(packages, dict):
                continue
            for name, package in packages.items():
                self._pin(name, package if isinstance(package, dict) else {})

    def _pin(self, name: str, package: dict[str, Any]) -> None:
        version = str(package.get("version", ""))
        if package.get("git"):
            vcs = {
                "type": "git",
                "url": self.found.clean(str(package["git"]), name, LOCK, 0),
                "commit-id": str(package.get("ref", "")),
            }
            asked = self.file.table("packages").get(name)
            asked = asked or self.file.table("dev-packages").get(name)
            wanted = asked.get("ref") if isinstance(asked, dict) else None
            if wanted:
                vcs["requested-revision"] = str(wanted)
            self.found.pin(name, "", vcs)
        elif version.startswith("==") and not package.get("path"):
            self.found.pin(name, version.lstrip("="))


def _version(table: dict[str, Any]) -> str:
    """Give the specifier of a package: a bare version means that one."""
    said = str(table.get("version", "*")).strip()
    if said in ("", "*"):
        return ""
    return said if re.match(r"[<>=!~]", said) else f"=={said}"
