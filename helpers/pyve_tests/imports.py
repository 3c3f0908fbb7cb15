"""Which files of a project depend on which, by what they import.

Nothing is executed: imports are read from the syntax trees, wherever in a file they stand. Names
that are made while a program runs are not seen; texts in a program that name a module or a file of
the project, as for ``mock.patch`` and ``subprocess``, are taken for imports.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import ast
import json
import os
import re
import warnings
from collections.abc import Iterable
from typing import Any

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?::[A-Za-z_][\w.]*)?\Z")
_NAME = re.compile(r"\.*[A-Za-z_]\w*(?:\.\w+)*\Z")
_FILE = re.compile(r"[\w./ -]*\w\.\w{1,8}\Z")
_IMPORTERS = {"import_module", "importorskip", "__import__", "run_module", "find_spec"}
_FORMAT = 1


def read_imports(source: bytes) -> dict[str, list[str]]:
    """Read what a program may import.

    Args:
        source: the text of a Python file.

    Returns:
        ``modules``: dotted names, relative ones with their dots in front; ``files``: names of files
        that its texts have. Both empty for what is no Python.
    """
    try:
        # (What the parser warns of is an error where the project's settings say so.)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"modules": [], "files": []}
    modules: set[str] = set()
    files: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            modules.add(base)
            joint = "" if base.endswith(".") else "."
            modules.update(base + joint + alias.name for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call):
            modules.update(_list_called(node))
        elif isinstance(node, ast.Assign):
            if any(isinstance(t, ast.Name) and t.id == "pytest_plugins" for t in node.targets):
                modules.update(text for text in _list_texts(node.value) if _NAME.match(text))
        elif isinstance(node, (ast.List, ast.Tuple)):
            texts = [_get_text(item) for item in node.elts]
            for option, name in zip(texts, texts[1:]):
                if option == "-m" and name and _NAME.match(name):
                    modules.update((name, name + ".__main__"))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200
        ):
            if _DOTTED.match(node.value):
                modules.add(node.value.replace(":", "."))
            if _FILE.match(node.value):
                files.add(os.path.basename(node.value))
    return {"modules": sorted(modules), "files": sorted(files)}


def _get_text(node: ast.AST) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def _list_texts(node: ast.AST) -> list[str]:
    return [text for text in map(_get_text, ast.walk(node)) if text]


def _list_called(node: ast.Call) -> list[str]:
    function = node.func
    name = getattr(function, "id", "") or getattr(function, "attr", "")
    if name in _IMPORTERS and node.args:
        text = _get_text(node.args[0])
        return [text] if _NAME.match(text) else []
    return []


class ImportGraph:
    """The Python files of a project, and what each depends on.

    Args:
        root: the folder of the project, absolute.
        files: its Python files, relative to root with "/"; files that are gone may be among them.
        memory: a file that keeps what was read of unchanged ones, or "".
    """

    def __init__(self, root: str, files: Iterable[str], memory: str = "") -> None:
        self.root = root
        self.files = sorted(set(files))
        self._packages = {os.path.dirname(f) for f in self.files if f.endswith("/__init__.py")}
        self._names: dict[str, set[str]] = {}
        for file in self.files:
            for name in self._list_names(file):
                self._names.setdefault(name, set()).add(file)
        self.read = self._read_all(memory)

    def _list_names(self, file: str) -> Iterable[str]:
        """List the names of a file as a module, from each folder that may be on sys.path."""
        parts = file[: -len(".py")].split("/")
        if parts[-1] == "__init__":
            parts.pop()
        start = len(parts) - 1
        while start > 0 and "/".join(parts[:start]) in self._packages:
            start -= 1
        for first in range(start + 1):
            if parts[first:]:
                yield ".".join(parts[first:])

    def _read_all(self, memory: str) -> dict[str, dict[str, list[str]]]:
        known = _load(memory)
        found: dict[str, Any] = {}
        for file in self.files:
            path = os.path.join(self.root, file)
            try:
                status = os.stat(path)
                stamp = "%d:%d:%d" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
                entry = known.get(file)
                if not (isinstance(entry, dict) and entry.get("stamp") == stamp):
                    with open(path, "rb") as stream:
                        entry = {"stamp": stamp, **read_imports(stream.read())}
            except OSError:
                entry = {"stamp": "", "modules": [], "files": []}
            found[file] = entry
        if memory and found != known:
            _store(memory, found)
        return found

    def resolve(self, file: str, name: str) -> set[str]:
        """Find the files of the project that the import of a name in a file executes."""
        level = len(name) - len(name.lstrip("."))
        name = name.lstrip(".")
        found: set[str] = set()
        if level:
            base = os.path.dirname(file)
            for _ in range(level - 1):
                base = os.path.dirname(base)
            place = base
            found |= self._get_module(place)
            for part in name.split(".") if name else []:
                place = place + "/" + part if place else part
                found |= self._get_module(place)
            return found
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            found |= self._names.get(".".join(parts[:end]), set())
        return found

    def _get_module(self, place: str) -> set[str]:
        names = (place + ".py", place + "/__init__.py")
        return {name for name in names if name in self.read}

    def list_dependencies(self, file: str) -> set[str]:
        """List the files that a file depends on directly: imports, and what pytest reads for it."""
        found: set[str] = set()
        for name in self.read[file]["modules"]:
            found |= self.resolve(file, name)
        for name in self.read[file]["files"]:
            if name.endswith(".py"):
                found.update(f for f in self.files if f == name or f.endswith("/" + name))
        folder = os.path.dirname(file)
        while True:
            for name in ("conftest.py", "__init__.py"):
                above = folder + "/" + name if folder else name
                # (Of __init__.py those count that make the folder of the file a package.)
                if above in self.read and (name == "conftest.py" or folder in self._packages):
                    found.add(above)
            if not folder:
                break
            folder = os.path.dirname(folder)
        found.discard(file)
        return found

    def find_dependents(self, changed: Iterable[str]) -> set[str]:
        """Find all files that depend on one of these, directly or not; these are among them."""
        users: dict[str, set[str]] = {}
        for file in self.files:
            for other in self.list_dependencies(file):
                users.setdefault(other, set()).add(file)
        found = {file for file in changed if file in self.read}
        waiting = list(found)
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if user not in found:
                    found.add(user)
                    waiting.append(user)
        return found


def _load(memory: str) -> dict[str, Any]:
    try:
        with open(memory, encoding="utf-8") as stream:
            document = json.load(stream)
    except (OSError, ValueError):
        return {}
    if isinstance(document, dict) and document.get("format") == _FORMAT:
        files = document.get("files")
        return files if isinstance(files, dict) else {}
    return {}


def _store(memory: str, files: dict[str, Any]) -> None:
    beside = "%s.%d.new" % (memory, os.getpid())
    try:
        os.makedirs(os.path.dirname(memory), exist_ok=True)
        with open(beside, "w", encoding="utf-8") as stream:
            json.dump({"format": _FORMAT, "files": files}, stream)
        os.replace(beside, memory)
    except OSError:
        # (It only saves time.)
        if os.path.exists(beside):
            os.unlink(beside)
