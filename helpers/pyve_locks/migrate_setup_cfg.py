"""Projects of setuptools that are declared in setup.cfg.

Source: "Configuring setuptools using setup.cfg files", and "pyproject.toml" of its manual. What
[project] has no words for (packages, package data) setuptools still reads in setup.cfg.
"""

from __future__ import annotations

import configparser
import os
import re
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_locks.local_project import read_name
from pyve_locks.migrate_model import Found, first_line, read_text
from pyve_locks.migrate_poetry_project import name_of_folder, people, valid_name
from pyve_locks.migrate_requirements import find_files, read_pins

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "is_setup_cfg", "read_setup_cfg"]

FILE = "setup.cfg"
_FILE = re.compile(r"file:\s*(.*)$", re.DOTALL)
_DYNAMIC = ("tool", "setuptools", "dynamic")


def is_setup_cfg(root: Path) -> bool:
    """Tell whether setup.cfg declares a distribution, and not only settings of other tools."""
    if not os.path.isfile(os.path.join(root, FILE)):
        return False
    try:
        parser = _parse(root)
    except HelperError:
        return True
    options = {key.replace("-", "_") for key in parser["options"]} if "options" in parser else set()
    return bool(
        options & {"install_requires", "python_requires", "packages", "py_modules"}
        or "options.extras_require" in parser
        or parser.get("metadata", "name", fallback="")
    )


def _parse(root: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=", ":"))
    # (Names of extras have capitals.)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(read_text(root, FILE), FILE)
    except configparser.Error as error:
        line = getattr(error, "lineno", 0)
        place = f"{FILE}, line {line}" if line else FILE
        raise HelperError("E_MANIFEST", f"{place}: it is no INI file", first_line(error)) from error
    return parser


def read_setup_cfg(root: Path) -> Found:
    """Read a project that setup.cfg declares.

    Raises:
        HelperError: E_MANIFEST.
    """
    return _SetupCfg(root).read()


class _SetupCfg:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.parser = _parse(root)
        self.text = read_text(root, FILE)
        self.found = Found("setup.cfg", root, [FILE])
        self.dynamic: dict[str, Any] = {}

    def line(self, section: str, key: str) -> int:
        """Give the line of a key; 0 when it is not found."""
        inside = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\[([^\]]+)\]", line)
            if header:
                inside = header.group(1).strip()
            elif inside == section and re.match(rf"{re.escape(key)}\s*[=:]", line):
                return number
        return 0

    def get(self, section: str, key: str) -> tuple[str, int]:
        """Give the value of a key, which may be spelt with hyphens; and its line."""
        if section in self.parser:
            for name, value in self.parser[section].items():
                if name.replace("-", "_").lower() == key:
                    return (value or "").strip(), self.line(section, name)
        return "", 0

    def read(self) -> Found:
        """Read all of it."""
        found = self.found
        self._read_metadata()
        found.requires_python = self.get("options", "python_requires")[0]
        found.roots[""] = []
        self._read_list("options", "install_requires", "", "dependencies")
        extras = self.parser["options.extras_require"] if self._has_extras() else {}
        for name, value in extras.items():
            extra = name.strip()
            found.roots.setdefault(f"extra:{extra}", [])
            line = self.line("options.extras_require", name)
            if _FILE.match(value.strip()):
                said = f"the extra {extra} is read from {value.strip()}: write it into [project]"
                found.refuse(extra, said, FILE, line)
                continue
            for text in _split(value):
                found.add(f"extra:{extra}", text, FILE, line)
        self._read_entry_points()
        if self.dynamic:
            found.tables[_DYNAMIC] = self.dynamic
        self._read_build()
        for files in find_files(self.root).values():
            for path in files:
                read_pins(found, path)
        return found

    def _has_extras(self) -> bool:
        return "options.extras_require" in self.parser

    def _read_list(self, section: str, key: str, root: str, field: str) -> None:
        value, line = self.get(section, key)
        match = _FILE.match(value)
        if match:
            # setuptools reads it when it builds, and Pyve when it locks.
            self.found.dynamic.append(field)
            self.dynamic[field] = {"file": _commas(match.group(1))}
            del self.found.roots[root]
            return
        for text in _split(value):
            self.found.add(root, text, FILE, line)

    def _read_metadata(self) -> None:
        project, found = self.found.project, self.found
        name, line = self.get("metadata", "name")
        name = name or read_name(str(self.root))
        project["name"] = name if valid_name(name) else name_of_folder(self.root)
        if name != project["name"]:
            said = f"[metadata] has no name that can be one; it is {project['name']} now"
            found.note(said, FILE, line)
        self._read_version()
        description, _ = self.get("metadata", "description")
        if description:
            project["description"] = " ".join(description.split())
        self._read_readme()
        licence, _ = self.get("metadata", "license")
        if licence:
            project["license"] = {"text": licence}
        for role in ("author", "maintainer"):
            person = self.get("metadata", role)[0]
            address = self.get("metadata", f"{role}_email")[0]
            if person or address:
                written = f"{person} <{address}>" if address else person
                project[f"{role}s"] = people([written])
        for key in ("keywords", "classifiers"):
            value, _ = self.get("metadata", key)
            match = _FILE.match(value)
            if match:
                found.dynamic.append(key)
                self.dynamic[key] = {"file": _commas(match.group(1))}
            elif value:
                project[key] = _commas(value) if key == "keywords" else _split(value)
        urls = {}
        if self.get("metadata", "url")[0]:
            urls["Homepage"] = self.get("metadata", "url")[0]
        for one in _split(self.get("metadata", "project_urls")[0]):
            label, _, url = one.partition("=")
            urls[label.strip()] = url.strip()
        if urls:
            project["urls"] = urls

    def _read_version(self) -> None:
        value, line = self.get("metadata", "version")
        for kind in ("attr", "file"):
            if value.startswith(f"{kind}:"):
                self.found.dynamic.append("version")
                self.dynamic["version"] = {kind: value.partition(":")[2].strip()}
                said = f"the version is dynamic: setuptools takes it from {value}"
                self.found.note(said, FILE, line)
                return
        if value:
            self.found.project["version"] = value
        else:
            # setup.py, or a plugin of setuptools, says it.
            self.found.dynamic.append("version")
            self.found.note("no version is here: it is dynamic, so a build has to tell it", FILE)

    def _read_readme(self) -> None:
        value, _ = self.get("metadata", "long_description")
        kind, _ = self.get("metadata", "long_description_content_type")
        match = _FILE.match(value)
        files = _commas(match.group(1)) if match else []
        if len(files) == 1 and not kind and files[0].lower().endswith((".md", ".rst")):
            self.found.project["readme"] = files[0]
        elif len(files) == 1:
            self.found.project["readme"] = {"file": files[0], "content-type": kind or "text/plain"}
        elif files:
            self.found.dynamic.append("readme")
            self.dynamic["readme"] = {"file": files, "content-type": kind or "text/x-rst"}
        elif value:
            self.found.project["readme"] = {"text": value, "content-type": kind or "text/x-rst"}

    def _read_entry_points(self) -> None:
        value, _ = self.get("options", "entry_points")
        match = _FILE.match(value)
        if match:
            self.found.dynamic.append("entry-points")
            self.dynamic["entry-points"] = {"file": _commas(match.group(1))}
        section = "options.entry_points"
        for group, texts in self.parser[section].items() if section in self.parser else ():
            table = {}
            for one in _split(texts):
                name, _, reference = one.partition("=")
                table[name.strip()] = reference.strip()
            key = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}.get(group)
            if key:
                self.found.project[key] = table
            else:
                self.found.project.setdefault("entry-points", {})[group] = table

    def _read_build(self) -> None:
        setup, line = self.get("options", "setup_requires")
        requires = ["setuptools>=61", *_split(setup)]
        build: dict[str, Any] = {"requires": requires, "build-backend": "setuptools.build_meta"}
        script = os.path.join(self.root, "setup.py")
        if os.path.isfile(script):
            # Without a name of it, the backend is the one that setup.py was written for.
            del build["build-backend"]
            if re.search(r"(install|extras|python)_requires", read_text(self.root, "setup.py")):
                said = "what setup.py asks for is not read, and does not count beside [project]"
                self.found.refuse("setup.py", said, "setup.py")
        self.found.tables[("build-system",)] = build
        tests, line = self.get("options", "tests_require")
        for text in _split(tests):
            self.found.add("group:test", text, FILE, line)


def _split(value: str) -> list[str]:
    """Read a list, one item a line, or in one line with semicolons ("list-semi")."""
    value = value.strip()
    lines = value.splitlines() if "\n" in value else re.split(r";(?![^;]*['\"=<>]\s*['\"])", value)
    found = []
    for line in lines:
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        if text:
            found.append(text)
    return found


def _commas(value: str) -> list[str]:
    """Read a list, one item a line, or in one line with commas."""
    parts = value.splitlines() if "\n" in value.strip() else value.split(",")
    return [part.strip().rstrip(",") for part in parts if part.strip()]
