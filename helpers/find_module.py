"""Say where a module would be imported from, without importing it (`pyve imports find`).

Usage: find_module.py --project DIR [--json] NAME

Run by the environment's own interpreter, 3.9 or newer, as `pyve run python` would be: with its
.pth files, PYTHONPATH and, first, the current folder. Of the module, and of the packages above it,
nothing is executed. Answers with ``text`` or ``detail.KEY``, ``file``, and ``hidden``: what is
hidden by a file of the project, a line each.
"""

# ruff: noqa: E402 # (what is imported later has to come from the right place)

from __future__ import annotations

import os
import sys

FOLDERS = list(sys.path)
if __name__ == "__main__":
    # A file of the project, which PYTHONPATH may name, can have the name of a module that is used
    # here: it is not to be executed.
    _standard = os.path.dirname(os.__file__)
    _helpers = os.path.dirname(os.path.abspath(__file__))
    sys.path[:0] = [_helpers, _standard, os.path.join(_standard, "lib-dynload")]

import difflib
import importlib.machinery
import json
import pkgutil
import sysconfig
from importlib import metadata
from typing import Any
from urllib.parse import unquote

from pyve_core import Answer, HelperError, parse_options, run_helper
from pyve_imports.names import guess_distribution


def list_folders() -> list[str]:
    """Give sys.path as `python -c` would have it."""
    if getattr(sys.flags, "safe_path", False):
        return list(FOLDERS)
    return [os.getcwd(), *FOLDERS[1:]]


class Place:
    """Where a module is.

    Attributes:
        kind: built-in, frozen, standard library, distribution, project, other, or namespace (a
            folder without ``__init__.py``; it has several files).
        files: its file, for a namespace its folders; empty for what is in the interpreter.
        distribution: name and version of what has installed it, or ``""``.
        below: where its submodules are; ``None`` when it is no package.
    """

    def __init__(self, spec: importlib.machinery.ModuleSpec, finder: Finder) -> None:
        locations = spec.submodule_search_locations
        self.below = list(locations) if locations is not None else None
        origin = spec.origin or ""
        self.distribution = ""
        if origin in ("built-in", "frozen"):
            # (From 3.11 on a frozen module of the standard library knows its file.)
            file = getattr(spec.loader_state, "filename", None)
            self.kind, self.files = ("standard library", [file]) if file else (origin, [])
        elif spec.loader is None or not spec.has_location:
            self.kind, self.files = "namespace", list(self.below or ([origin] if origin else []))
        else:
            self.files = [origin]
            self.kind, self.distribution = finder.classify(origin)

    def describe(self) -> str:
        """Say it in a few words."""
        if self.kind == "namespace":
            return "namespace package, in " + ", ".join(self.files)
        if not self.files:
            return f"{self.kind}: part of the interpreter"
        what = {
            "distribution": self.distribution,
            "project": "a file of the project",
            "other": "of no distribution that is known",
        }.get(self.kind, self.kind)
        return f"{self.files[0]}  ({what})"

    def to_detail(self) -> dict[str, Any]:
        """Give it for programs."""
        return {
            "kind": self.kind,
            "files": self.files,
            "distribution": self.distribution or None,
        }


class Finder:
    """Looks for modules in the folders of this interpreter."""

    def __init__(self, project: str, folders: list[str]) -> None:
        self.folders = folders
        self._project = os.path.realpath(project)
        paths = sysconfig.get_paths()
        self._standard = [os.path.realpath(paths[name]) for name in ("stdlib", "platstdlib")]
        self._sites = [os.path.realpath(paths[name]) for name in ("purelib", "platlib")]

    def classify(self, file: str) -> tuple[str, str]:
        """Give the kind of a file, and the distribution that has installed it."""
        owner = self.find_owner(file)
        if owner:
            return "distribution", owner
        real = os.path.realpath(file)
        is_installed = "site-packages" in real or "dist-packages" in real
        if not is_installed and any(is_inside(real, folder) for folder in self._standard):
            return "standard library", ""
        inside = is_inside(real, self._project)
        if inside and not any(is_inside(real, site) for site in self._sites):
            return "project", ""
        return "other", ""

    def find_owner(self, file: str) -> str:
        """Give ``NAME VERSION`` of the distribution whose RECORD has the file, or ``""``."""
        real = os.path.realpath(file)
        for folder in dict.fromkeys(self.folders):
            root = os.path.realpath(folder or ".")
            if not is_inside(real, root):
                continue
            relative = os.path.relpath(real, root)
            for distribution in metadata.distributions(path=[folder]):
                record = distribution.read_text("RECORD") or ""
                if f"\n{relative}," in "\n" + record or f'\n"{relative}",' in "\n" + record:
                    return f"{distribution.metadata['Name']} {distribution.version}"
        return self._find_linked_owner(real)

    def _find_linked_owner(self, real: str) -> str:
        """Give the distribution that is installed as a link to its source (PEP 660), or ``""``."""
        for distribution in metadata.distributions(path=self.folders):
            try:
                origin = json.loads(distribution.read_text("direct_url.json") or "{}")
            except ValueError:
                continue
            url = str(origin.get("url", ""))
            if origin.get("dir_info", {}).get("editable") and url.startswith("file://"):
                source = os.path.realpath(unquote(url[len("file://") :]))
                if is_inside(real, source) and source != self._project:
                    return f"{distribution.metadata['Name']} {distribution.version}, editable"
        return ""

    def find(self, name: str) -> Place | None:
        """Give the place that an import would take: each finder of Python is asked in its turn."""
        parts = name.split(".")
        path: list[str] | None = None
        place = None
        for count in range(1, len(parts) + 1):
            whole = ".".join(parts[:count])
            spec = self._ask(whole, path) if path is not None or count == 1 else None
            if spec is None:
                # Such as os.path: the interpreter has it under that name.
                spec = getattr(sys.modules.get(whole), "__spec__", None)
            if spec is None:
                return None
            place = Place(spec, self)
            path = place.below
        return place

    def _ask(self, name: str, path: list[str] | None) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if find_spec is None:
                continue
            if finder is importlib.machinery.PathFinder:
                spec = find_spec(name, self.folders if path is None else path)
            else:
                spec = find_spec(name, path)
            if spec is not None:
                found: importlib.machinery.ModuleSpec = spec
                return found
        return None

    def find_all(self, name: str) -> list[Place]:
        """Give each place that has the module at the top, in the order of the folders."""
        places = []
        for finder in (importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter):
            spec = finder.find_spec(name)
            if spec is not None:
                places.append(Place(spec, self))
        for folder in dict.fromkeys(self.folders):
            spec = importlib.machinery.PathFinder.find_spec(name, [folder])
            if spec is not None and spec.loader is not None:
                places.append(Place(spec, self))
        return places

    def list_names(self) -> list[str]:
        """Give the names of all modules at the top."""
        names = {module.name for module in pkgutil.iter_modules(self.folders)}
        return sorted(names | set(sys.builtin_module_names))


def is_inside(path: str, folder: str) -> bool:
    """Tell whether a path is below a folder."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def list_modules_of(name: str, folders: list[str]) -> tuple[str, list[str]]:
    """Give name and version of an installed distribution, and its modules at the top."""
    try:
        found = next(iter(metadata.Distribution.discover(name=name, path=folders)))
    except (StopIteration, ValueError):
        return "", []
    modules: dict[str, None] = {}
    for line in (found.read_text("RECORD") or "").splitlines():
        first = line.split(",")[0].strip('"')
        if first.endswith(".py") and not first.startswith(("..", "/")):
            modules[first.split("/")[0].partition(".")[0]] = None
    return f"{found.metadata['Name']} {found.version}", list(modules)


def fail_unknown(name: str, finder: Finder) -> HelperError:
    """Give the diagnostic for a module that is not there."""
    first = name.partition(".")[0]
    whole, modules = list_modules_of(first, finder.folders)
    why = [
        f"it is in none of the {len(finder.folders)} folders of sys.path, nor in the interpreter"
    ]
    if finder.find(first) is not None and first != name:
        why = [f"{first} is there, and has no such module"]
        return HelperError("E_IMPORTS_UNKNOWN", f"no module {name} can be imported", why)
    if modules and first not in modules:
        why.append(f"{whole} is installed; its modules: {', '.join(modules)}")
        fix = f"pyve imports find {modules[0]}"
    else:
        near = difflib.get_close_matches(first, finder.list_names(), 1, 0.75)
        if near:
            why.append(f"did you mean '{near[0]}'?")
            fix = f"pyve imports find {near[0]}"
        else:
            fix = f"pyve add {guess_distribution(first)}"
    return HelperError("E_IMPORTS_UNKNOWN", f"no module {name} can be imported", why, fix)


def main(argv: list[str]) -> Answer:
    """Find the module."""
    options = parse_options(argv, "project", "json")
    (name,) = options.words
    finder = Finder(options.get("project"), list_folders())
    if not all(part.isidentifier() for part in name.split(".")):
        raise HelperError(
            "E_IMPORTS_NAME", f"{name!r} is no name of a module", "it is written as in: import a.b"
        )
    place = finder.find(name)
    if place is None:
        raise fail_unknown(name, finder)
    others = [] if "." in name else finder.find_all(name)
    hidden = [other for other in others if other.files and other.files != place.files]
    if place.kind == "namespace":
        hidden = []
    # (A module of the interpreter that has a file, too, hides nothing.)
    clash = place.kind == "project" and [
        other.describe() for other in hidden if other.kind in ("standard library", "distribution")
    ]
    answer: dict[str, Any] = {"hidden": clash or []}
    if options.has("json"):
        detail = {**place.to_detail(), "name": name, "hides": [x.to_detail() for x in hidden]}
        answer["detail"] = {key: json.dumps(value) for key, value in detail.items()}
    else:
        lines = [f"{name}: {place.describe()}"]
        lines += [f"  hides {other.describe()}" for other in hidden]
        answer["text"] = "\n".join([*lines, ""])
    answer["file"] = place.files[0] if place.files else ""
    return answer


if __name__ == "__main__":
    sys.exit(run_helper(main))
