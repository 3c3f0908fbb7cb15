"""Projects of Poetry: [tool.poetry] of pyproject.toml, and poetry.lock.

Source: "The pyproject.toml file", "Dependency specification" and "Repositories" of Poetry's manual
(versions 1 and 2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet

from pyve_locks.migrate_constraints import marker_of, specifier_of
from pyve_locks.migrate_model import Found, ToolTable, join_markers, normalize, read_locked
from pyve_locks.migrate_poetry_project import read_project

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "LOCK", "is_poetry", "read_poetry"]

FILE = "pyproject.toml"
LOCK = "poetry.lock"
_PLATFORMS = {"linux", "darwin", "win32"}


def is_poetry(data: dict[str, Any]) -> bool:
    """Tell whether a pyproject.toml has anything of Poetry that a lock depends on."""
    tool = data.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    if not isinstance(poetry, dict):
        return False
    keys = ("dependencies", "dev-dependencies", "group", "source", "extras")
    project = data.get("project")
    return not isinstance(project, dict) or any(key in poetry for key in keys)


def read_poetry(root: Path) -> Found:
    """Read a project of Poetry.

    Raises:
        HelperError: E_MANIFEST.
    """
    return _Poetry(root).read()


class _Poetry(ToolTable):
    def __init__(self, root: Path) -> None:
        super().__init__(root, "poetry")
        self.project = self.file.table("project")
        self.prereleases: dict[str, str] = {}
        # Optional dependencies, by the extras that they are for.
        self.optional: dict[str, list[tuple[str, int]]] = {}

    def read(self) -> Found:
        """Read all of it."""
        found = self.found
        if "project" not in self.file.data:
            read_project(self.file, self.tool, found)
        dynamic = self.project.get("dynamic", [])
        if not isinstance(dynamic, list):
            dynamic = []
        python = self.table("dependencies").get("python")
        if isinstance(python, str) and "requires-python" not in self.project:
            found.requires_python = self._python(python)
        is_said = "dependencies" in self.project and "dependencies" not in dynamic
        self._read_main(is_said)
        if "optional-dependencies" not in self.project:
            self._read_extras()
        self._read_groups()
        self._read_sources()
        self.keep_from_build("package-mode")
        if self.prereleases:
            found.uv["prerelease-package"] = self.prereleases
        self._read_build()
        read_lock(self.root, found)
        stays = [key for key in ("dependencies", "dev-dependencies", "group") if key in self.tool]
        if stays:
            self.note(
                "[tool.poetry] stays, and Poetry reads [project] before it:"
                " poetry lock, once, if it is still used"
            )
        return found

    def _python(self, text: str) -> str:
        try:
            specifier, exact = specifier_of(text)
        except ValueError as error:
            keys = ("dependencies", "python")
            self.found.refuse("python", str(error), FILE, self.line(*keys))
            return ""
        if not exact:
            self.note(f"python = '{text}' has gaps; {specifier} has none", "dependencies", "python")
        return specifier

    def _read_main(self, is_said: bool) -> None:
        for name, value in self.table("dependencies").items():
            if normalize(name) == "python":
                continue
            keys = ("dependencies", name)
            if not is_said:
                self._read_dependency("", name, value, keys)
                continue
            # [project] says what; this only where from.
            for one in value if isinstance(value, list) else [value]:
                self._read_source(name, one, keys)
        if not is_said:
            self.found.roots.setdefault("", [])

    def _read_source(self, name: str, value: Any, keys: tuple[str | int, ...]) -> None:
        if not isinstance(value, dict):
            return
        if "path" in value:
            scratch = Found("poetry", self.root)
            editable = bool(value.get("develop"))
            scratch.add_path("", name, str(value["path"]), editable, "", FILE, self.line(*keys))
            self.found.sources.update(scratch.sources)
        elif "source" in value:
            self._set_index(name, str(value["source"]), "", keys)
        if value.get("allow-prereleases") is True:
            self.prereleases[normalize(name)] = "allow"

    def _read_dependency(
        self, root: str, name: str, value: Any, keys: tuple[str | int, ...]
    ) -> None:
        if isinstance(value, list):
            for number, one in enumerate(value):
                self._read_dependency(root, name, one, (*keys, number))
            return
        table = {"version": value} if isinstance(value, str) else value
        line = self.line(*keys)
        if not isinstance(table, dict):
            self.found.refuse(name, f"what {name} is set to is no requirement", FILE, line)
            return
        try:
            version, exact = specifier_of(str(table.get("version", "*")))
            marker = self._marker(table)
        except ValueError as error:
            self.found.refuse(name, f"{name}: {error}", FILE, line)
            return
        if not exact:
            said = table["version"]
            self.note(f"{name}: '{said}' has gaps that {version} does not have", *keys)
        extras = table.get("extras", [])
        listed = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
        if table.get("optional") is True and not root:
            for extra in self._extras_of(name):
                self._put(f"extra:{extra}", name, table, (listed, version, marker), keys)
            if not self._extras_of(name):
                self.note(f"{name} is optional, and in no extra: it is left out", *keys)
            return
        self._put(root, name, table, (listed, version, marker), keys)

    def _extras_of(self, name: str) -> list[str]:
        return [
            extra
            for extra, names in self.table("extras").items()
            if isinstance(names, list) and normalize(name) in map(normalize, map(str, names))
        ]

    def _put(
        self,
        root: str,
        name: str,
        table: dict[str, Any],
        parts: tuple[str, str, str],
        keys: tuple[str | int, ...],
    ) -> None:
        """Write one requirement in the way that its table asks for."""
        extras, version, marker = parts
        line, found = self.line(*keys), self.found
        rest = f"{extras}; {marker}" if marker else extras
        if "git" in table:
            found.add_git(root, name, table, rest, FILE, line)
            if table.get("develop"):
                self.note(f"{name} comes from a repository, and cannot be editable", *keys)
        elif "path" in table:
            place = str(table["path"])
            if table.get("subdirectory"):
                place = f"{place}/{table['subdirectory']}"
            editable = bool(table.get("develop"))
            found.add_path(root, name, place, editable, rest, FILE, line)
        elif "url" in table:
            url = found.clean(str(table["url"]), name, FILE, line)
            found.add(root, f"{name}{extras} @ {url}" + (f" ; {marker}" if marker else ""))
        elif "file" in table:
            found.add_path(root, name, str(table["file"]), False, rest, FILE, line)
        else:
            behind = f"; {marker}" if marker else ""
            found.add(root, f"{name}{extras}{version}{behind}", FILE, line)
            if table.get("source"):
                self._set_index(name, str(table["source"]), marker, keys)
        if table.get("allow-prereleases") is True:
            self.prereleases[normalize(name)] = "allow"

    def _set_index(self, name: str, source: str, marker: str, keys: tuple[str | int, ...]) -> None:
        """Say that a distribution comes from one index."""
        named = re.sub(r"[^A-Za-z0-9._-]+", "-", source)
        known = self.tool.get("source", [])
        urls = {str(one.get("name", "")).lower() for one in known if one.get("url")}
        if source.lower() not in urls:
            if source.lower() != "pypi":
                self.note(f"{name} comes from '{source}', and no source has that name", *keys)
            return
        entry: dict[str, Any] = {"index": named, **({"marker": marker} if marker else {})}
        old = self.found.sources.get(name)
        if old is None or old == entry:
            self.found.sources[name] = entry
        else:
            listed = old if isinstance(old, list) else [old]
            self.found.sources[name] = [*listed, entry]

    def _marker(self, table: dict[str, Any]) -> str:
        """Join what says where a dependency is for.

        Raises:
            ValueError: it is no marker.
        """
        given = [str(table.get("markers") or "")]
        if table.get("python"):
            given.append(marker_of(str(table["python"])))
        if table.get("platform"):
            names = [name for name in re.split(r"\s*\|\|?\s*", str(table["platform"])) if name]
            known = [f"sys_platform == '{n}'" for n in names if n in _PLATFORMS]
            if len(known) != len(names):
                raise ValueError(f"'{table['platform']}' is no platform")
            given.append(" or ".join(known))
        return join_markers(*given)

    def _read_extras(self) -> None:
        for extra in self.table("extras"):
            self.found.roots.setdefault(f"extra:{extra}", [])

    def _read_groups(self) -> None:
        groups: dict[str, dict[str, Any]] = {}
        if self.table("dev-dependencies"):
            groups["dev"] = {}
            for name, value in self.table("dev-dependencies").items():
                self._read_dependency("group:dev", name, value, ("dev-dependencies", name))
        for group, table in self.table("group").items():
            if not isinstance(table, dict):
                continue
            groups[group] = table
            self.found.roots.setdefault(f"group:{group}", [])
            inside = self.table("group", group, "dependencies")
            for name, value in inside.items():
                keys = ("group", group, "dependencies", name)
                self._read_dependency(f"group:{group}", name, value, keys)
        for group, table in groups.items():
            for other in table.get("include-groups", []):
                for text in self.found.roots.get(f"group:{other}", []):
                    self.found.add(f"group:{group}", text)
        # Poetry installs every group that is not optional, and uv only dev, unless it is told.
        wanted = [group for group, table in groups.items() if table.get("optional") is not True]
        if groups and wanted != ["dev"]:
            self.found.uv["default-groups"] = wanted

    def _read_sources(self) -> None:
        sources = self.tool.get("source", [])
        if not isinstance(sources, list):
            return
        primary = [one for one in sources if _priority(one) in ("default", "primary")]
        keeps_own = any(not one.get("url") for one in primary)
        for number, one in enumerate(sources):
            name, priority = str(one.get("name", "")), _priority(one)
            if not one.get("url"):
                if priority == "explicit":
                    self.note("uv asks its own index for all, and not only where told", "source")
                continue
            line = self.line("source", number)
            is_default = one is (primary[-1] if primary else None) and not keeps_own
            more = {"explicit": True} if priority == "explicit" else {}
            self.found.add_index(name, str(one["url"]), FILE, line, default=is_default, **more)
            if priority in ("secondary", "supplemental"):
                said = f"the source {name} is {priority} to Poetry; uv asks it before the default"
                self.note(said, "source", number)

    def _read_build(self) -> None:
        """Say it when the build backend does not read [project]."""
        build = self.file.table("build-system")
        backend = str(build.get("build-backend", ""))
        if not backend.startswith("poetry") or "project" in self.file.data:
            return
        if self.tool.get("package-mode") is False:
            return
        line = self.file.line("build-system")
        if backend.startswith("poetry.masonry"):
            self.found.note(
                "this build backend reads [tool.poetry] alone, which stays;"
                " poetry.core.masonry.api of poetry-core>=2 reads [project]",
                FILE,
                line,
            )
            return
        for text in build.get("requires", []):
            match = re.match(r"poetry[-_.]core\s*(.*)$", str(text))
            try:
                old = match and "2.99" not in SpecifierSet(match.group(1))
            except ValueError:
                old = False
            if old:
                said = f"{text} is too old for [project], and builds from [tool.poetry]"
                self.found.note(f"{said}, which stays; poetry-core>=2 reads [project]", FILE, line)


def _priority(source: dict[str, Any]) -> str:
    if source.get("default") is True:
        return "default"
    if source.get("secondary") is True:
        return "secondary"
    return str(source.get("priority", "primary")).lower()


def read_lock(root: Path, found: Found) -> None:
    """Read what poetry.lock pins; nothing when there is none."""
    for package in read_locked(root, LOCK, found):
        source = package.get("source", {})
        name, version = str(package.get("name", "")), str(package.get("version", ""))
        kind = source.get("type", "")
        if kind == "git":
            vcs = {
                "type": "git",
                "url": found.clean(str(source.get("url", "")), name, LOCK, 0),
                "commit-id": str(source.get("resolved_reference", "")),
            }
            for key, said in (("requested-revision", "reference"), ("subdirectory",) * 2):
                if source.get(said) and source[said] != "HEAD":
                    vcs[key] = str(source[said])
            found.pin(name, version, vcs)
        elif kind in ("", "legacy"):
            found.pin(name, version)
