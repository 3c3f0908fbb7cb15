"""Projects of PDM: [tool.pdm] of pyproject.toml, and pdm.lock.

Source: "PDM's pyproject reference" and "Manage dependencies" of its manual. The dependencies of
the project are in [project] already.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pyve_locks.edit_common import name_of
from pyve_locks.migrate_model import Found, ToolTable, normalize, read_locked
from pyve_locks.migrate_poetry_project import name_of_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "LOCK", "is_pdm", "read_pdm"]

FILE = "pyproject.toml"
LOCK = "pdm.lock"
_KEYS = ("dev-dependencies", "source", "resolution", "overrides", "allow_prereleases")
_LOCAL = re.compile(r"(?:(?P<name>[^@\s\[]+)\s*(?P<extras>\[[^\]]*\])?\s*@\s*)?file:/*(?P<path>.*)")


def is_pdm(data: dict[str, Any]) -> bool:
    """Tell whether a pyproject.toml has anything of PDM that a lock depends on."""
    tool = data.get("tool")
    pdm = tool.get("pdm") if isinstance(tool, dict) else None
    return isinstance(pdm, dict) and any(key in pdm for key in _KEYS)


def read_pdm(root: Path) -> Found:
    """Read a project of PDM.

    Raises:
        HelperError: E_MANIFEST.
    """
    return _Pdm(root, "pdm").read()


class _Pdm(ToolTable):
    def read(self) -> Found:
        """Read all of it."""
        found = self.found
        if "project" not in self.file.data:
            found.project["name"] = name_of_folder(self.root)
            found.project["version"] = "0"
            found.roots[""] = []
        groups = []
        for group, texts in self.table("dev-dependencies").items():
            groups.append(group)
            found.roots.setdefault(f"group:{group}", [])
            for number, text in enumerate(texts if isinstance(texts, list) else []):
                self._read_line(f"group:{group}", str(text), ("dev-dependencies", group, number))
        # PDM installs all of these, and uv only dev, unless it is told.
        known = list(self.file.table("dependency-groups"))
        wanted = list(dict.fromkeys([*known, *groups]))
        if wanted and wanted != ["dev"]:
            found.uv["default-groups"] = wanted
        if groups:
            self.note(
                "[tool.pdm] stays; groups that are in both places are edited in both",
                "dev-dependencies",
            )
        self.keep_from_build("distribution")
        self._move_local()
        self._read_sources()
        self._read_resolution()
        read_lock(self.root, found)
        return found

    def _move_local(self) -> None:
        """Have [tool.uv.sources] say where folders are that [project] has by PDM's variable."""
        project = self.file.table("project")
        listed = {"": project.get("dependencies", [])}
        for extra, texts in project.get("optional-dependencies", {}).items():
            listed[f"extra:{extra}"] = texts
        for root, texts in listed.items():
            for number, text in enumerate(texts):
                if "${PROJECT_ROOT}" not in str(text):
                    continue
                scratch = Found("pdm", self.root)
                keys = ("project", "dependencies", number) if not root else ("project",)
                self._read_into(scratch, root, str(text), self.file.line(*keys))
                self.found.sources = {**scratch.sources, **self.found.sources}
                self.found.unanswered += scratch.unanswered
                moved = [(name_of(str(text)), new) for new in scratch.roots.get(root, [])]
                self.found.moved.setdefault(root, []).extend(moved)

    def _read_line(self, root: str, text: str, keys: tuple[str | int, ...]) -> None:
        self._read_into(self.found, root, text, self.line(*keys))

    def _read_into(self, found: Found, root: str, text: str, line: int) -> None:
        bare = re.sub(r"^(?:-e|--editable)\s+", "", text.strip())
        editable = bare != text.strip()
        local = _LOCAL.match(bare)
        if local:
            place, _, fragment = local.group("path").partition("#")
            place, _, marker = place.partition(" ;")
            egg = re.search(r"(?:^|&)egg=([^&\[]+)", fragment)
            name = local.group("name") or (egg.group(1) if egg else "")
            place = unquote(place).replace("${PROJECT_ROOT}", "").lstrip("/")
            if "${PROJECT_ROOT}" not in local.group("path"):
                place = f"/{place}"
            rest = (local.group("extras") or "") + (f"; {marker.strip()}" if marker else "")
            found.add_path(root, name, place, editable, rest, FILE, line)
            return
        vcs = re.match(r"(git\+\S+?)#(?:.*&)?egg=([^&\s\[]+)", bare)
        if vcs:
            found.note(f"{vcs.group(2)} comes from a repository, and is not editable", FILE, line)
            url = found.clean(vcs.group(1), vcs.group(2), FILE, line)
            found.add(root, f"{vcs.group(2)} @ {url}", FILE, line)
            return
        name = name_of(bare)
        found.add(root, found.clean(bare, name, FILE, line), FILE, line)

    def _read_sources(self) -> None:
        sources = self.tool.get("source", [])
        for number, one in enumerate(sources if isinstance(sources, list) else []):
            name, url, line = str(one.get("name", "")), one.get("url"), self.line("source", number)
            if not url:
                continue
            if one.get("type", "index") == "find_links":
                shown = self.found.clean(str(url), name, FILE, line)
                self.found.uv.setdefault("find-links", []).append(shown)
            else:
                # The source "pypi" takes the place of PDM's own.
                self.found.add_index(name, str(url), FILE, line, default=name.lower() == "pypi")
            for key in ("include_packages", "exclude_packages"):
                if one.get(key):
                    said = f"{key} of the source {name} has no like in [tool.uv]"
                    self.found.note(f"{said}; [tool.uv.sources] names single ones", FILE, line)
            if one.get("verify_ssl") is False:
                self.found.note(f"verify_ssl = false of {name} is not carried over", FILE, line)

    def _read_resolution(self) -> None:
        found = self.found
        overrides = self.table("resolution", "overrides")
        overrides = overrides or self.table("overrides")
        written = []
        for name, value in overrides.items():
            text = str(value).strip()
            if re.match(r"(https?|git\+\w+|file)://?", text):
                url = found.clean(text, name, FILE, self.line("resolution", "overrides", name))
                written.append(f"{name} @ {url}")
            elif text in ("", "*"):
                written.append(name)
            else:
                written.append(name + (text if re.match(r"[<>=!~]", text) else f"=={text}"))
        if written:
            found.uv["override-dependencies"] = written
        resolution = self.table("resolution")
        if resolution.get("allow-prereleases", self.tool.get("allow_prereleases")) is True:
            found.uv["prerelease"] = "allow"
        if resolution.get("excludes"):
            found.uv["exclude-dependencies"] = [normalize(str(n)) for n in resolution["excludes"]]
        for key in ("respect-source-order",):
            if resolution.get(key):
                line = self.line("resolution", key)
                found.note(f"{key} is left out: uv always asks in the order given", FILE, line)


def read_lock(root: Path, found: Found) -> None:
    """Read what pdm.lock pins; nothing when there is none."""
    for package in read_locked(root, LOCK, found):
        name, version = str(package.get("name", "")), str(package.get("version", ""))
        if package.get("git"):
            vcs = {
                "type": "git",
                "url": found.clean(str(package["git"]), name, LOCK, 0),
                "commit-id": str(package.get("revision", "")),
            }
            if package.get("ref"):
                vcs["requested-revision"] = str(package["ref"])
            if package.get("subdirectory"):
                vcs["subdirectory"] = str(package["subdirectory"])
            found.pin(name, version, vcs)
        elif not any(package.get(key) for key in ("path", "url", "editable")):
            found.pin(name, version)
