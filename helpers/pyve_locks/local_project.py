"""Local folders and archives that a manifest asks for; nothing of them is run."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_core.fixes import quote as fix_quote
from pyve_locks.toml_lines import TomlError, parse_toml

LIMIT = 8 * 1024 * 1024
# Why nothing of the manifest may be outside of the project.
WHY_INSIDE = "whoever has the project alone could not lock it: keep a copy of it inside"
_LOCAL_URL = re.compile(r"((?:\w+\+)?file):(?://(?:localhost)?(?=/))?([^@#]+)(.*)$", re.DOTALL)
PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
# Build backends that take metadata from their own tables.
_BUILDERS = ("flit", "hatch", "maturin", "pdm", "poetry", "scikit-build", "setuptools")


def is_outside(root: str | os.PathLike[str], file: str) -> bool:
    """Tell whether a file, which may be a link, is outside of the project."""
    real, real_root = (os.path.realpath(path) for path in (os.path.join(root, file), root))
    return not f"{real}/".startswith(f"{real_root.rstrip('/')}/")


def check_inside(root: str | os.PathLike[str], file: str) -> None:
    """Refuse a file of the project that is a link to one outside, as an included one is refused.

    Raises:
        HelperError: E_MANIFEST.
    """
    if is_outside(root, file):
        old, new = fix_quote(file), fix_quote(f"{file}.copy")
        raise HelperError(
            "E_MANIFEST",
            f"{file} is a link to a file outside of the project",
            WHY_INSIDE,
            f"sh -c {fix_quote(f'cp -p {old} {new} && mv -f {new} {old}')}",
        )


def read_small(path: str) -> str:
    """Read a file of a local project; "" when it cannot be, or is too large for one."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LIMIT:
            return ""
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def read_toml(folder: str) -> dict[str, Any]:
    """Read the pyproject.toml of a local project; {} when it has none, or a damaged one."""
    try:
        return parse_toml(read_small(os.path.join(folder, "pyproject.toml")))
    except TomlError:
        return {}


def read_project(folder: str) -> dict[str, Any]:
    """Read ``[project]`` of a local project; {} when it has none, or that is damaged."""
    project = read_toml(folder).get("project")
    return project if isinstance(project, dict) else {}


def take(data: Any, *keys: str) -> Any:
    """Give the value at some keys of tables in tables, None when it is not there."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def read_name(folder: str) -> str:
    """Tell the name of the distribution that a folder builds, without running anything of it.

    By ``[project]`` of pyproject.toml (PEP 621), else ``[metadata]`` of setup.cfg, else a text that
    setup.py calls ``setup(name=...)`` with.

    Returns:
        The normalised name; "" when only a build tells.
    """
    name = read_project(folder).get("name")
    if not isinstance(name, str):
        name = _read_setup_cfg(os.path.join(folder, "setup.cfg"))
    name = name or _read_setup_py(os.path.join(folder, "setup.py"))
    return str(canonicalize_name(name)) if name else ""


def _read_setup_cfg(path: str) -> str:
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_small(path))
    except configparser.Error:
        return ""
    return parser.get("metadata", "name", fallback="")


def _read_setup_py(path: str) -> str:
    import ast

    try:
        tree = ast.parse(read_small(path))
    except (SyntaxError, ValueError, RecursionError):
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(node.func, ast.Name):
            called = node.func.id
        for keyword in node.keywords:
            if called == "setup" and keyword.arg == "name":
                value = keyword.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return value.value
    return ""


def show_path(path: str) -> str:
    """Write a relative path so that it is seen to be one."""
    return path if path in (".", "..") or path.startswith("../") else f"./{path}"


def relate_url(url: str, root: str) -> str:
    """Write a URL of a local place, as ``file:///a`` or ``git+file:///a@main``, without the root.

    Returns:
        ``./b`` for ``file:`` and ``git+file:./b@main`` for repositories; other URLs as they are.
    """
    found = _LOCAL_URL.match(url)
    if not found or "${" in url:
        return url
    scheme, path, rest = found.groups()
    full = os.path.normpath(os.path.join(root, unquote(path)))
    shown = show_path(os.path.relpath(full, root).replace(os.sep, "/"))
    return f"{scheme}:{quote(shown)}{rest}" if "+" in scheme else f"{shown}{rest}"


class LocalProjects:
    """Reads what local folders and archives ask for, since the lock depends on that, too.

    Attributes:
        found: path relative to the project -> what it asks for: requirements, as text, those of an
            extra with its marker; ``Python>=3.9``; of files that only a build or a reader of
            archives understands, ``setup.py sha256:...``.
        files: the files that were read, relative to the project.

    Args:
        root: the project.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.found: dict[str, list[str]] = {}
        self.files: list[str] = []

    def add(self, path: str) -> None:
        """Read a folder or archive, and those that its own manifest leads to.

        Args:
            path: relative to the project.
        """
        if path in self.found:
            return
        full = os.path.join(self.root, path)
        if os.path.isfile(full):
            self.found[path] = [self._hash(path)]
            return
        if not os.path.isdir(full):
            return
        asked: list[str] = []
        self.found[path] = asked
        data = read_toml(full)
        names = [name for name in PROJECT_FILES if os.path.isfile(os.path.join(full, name))]
        project = take(data, "project")
        if isinstance(project, dict):
            asked += [self._show(text, path) for text in _list_requirements(project)]
            if not project.get("dynamic"):
                names = names[:1]
        for name in names:
            file = name if path == "." else f"{path}/{name}"
            if name != "pyproject.toml":
                asked.append(self._hash(file))
                continue
            self.files.append(file)
            if not isinstance(project, dict):
                asked.append(_hash_builder(data))
        self.add_sources(data, path)

    def add_sources(self, data: dict[str, Any], path: str = ".") -> None:
        """Read what [tool.uv] of a manifest, and its ``file:`` URLs, lead to.

        Args:
            data: its pyproject.toml.
            path: its folder, relative to the project.
        """
        sources = take(data, "tool", "uv", "sources")
        for source in sources.values() if isinstance(sources, dict) else ():
            for one in source if isinstance(source, list) else [source]:
                if isinstance(one, dict) and isinstance(one.get("path"), str):
                    self.add(self._relate(path, one["path"]))
        for text in _list_requirements(data.get("project")):
            url = _read_url(text)
            if url.startswith("file:"):
                self.add(self._relate(path, unquote(urlsplit(url).path)))
        members = take(data, "tool", "uv", "workspace", "members")
        for pattern in members if isinstance(members, list) else ():
            whole = os.path.join(glob.escape(os.path.join(self.root, path)), str(pattern))
            for folder in sorted(glob.glob(whole)):
                if os.path.isfile(os.path.join(folder, "pyproject.toml")):
                    self.add(self._relate(".", folder))

    def _show(self, text: str, path: str) -> str:
        """Write a requirement with its ``file:`` URL relative to the project."""
        url = _read_url(text)
        return text.replace(url, relate_url(url, self.root)) if url else text

    def _relate(self, path: str, target: str) -> str:
        full = os.path.normpath(os.path.join(self.root, path, target))
        return os.path.relpath(full, self.root).replace(os.sep, "/")

    def _hash(self, path: str) -> str:
        whole = hashlib.sha256()
        try:
            with open(os.path.join(self.root, path), "rb") as stream:
                for block in iter(lambda: stream.read(1 << 20), b""):
                    whole.update(block)
        except OSError:
            return f"{os.path.basename(path)} cannot be read"
        self.files.append(path)
        return f"{os.path.basename(path)} sha256:{whole.hexdigest()}"


def _list_requirements(project: Any) -> list[str]:
    """Give what [project] asks for, as texts in `packaging`'s way of writing."""
    found: list[str] = []
    if not isinstance(project, dict):
        return found
    extras = project.get("optional-dependencies")
    wanted = {"": project.get("dependencies")}
    wanted.update(extras if isinstance(extras, dict) else {})
    for extra, texts in wanted.items():
        for text in texts if isinstance(texts, list) else ():
            try:
                shown = str(Parsed(str(text)))
            except (InvalidRequirement, RecursionError):
                shown = str(text)
            found.append(f"{shown} (extra {canonicalize_name(extra)})" if extra else shown)
    if project.get("requires-python"):
        found.append(f"Python{project['requires-python']}")
    return found


def _hash_builder(data: dict[str, Any]) -> str:
    """Give a digest of what in a pyproject.toml without [project] is for building."""
    tools = {name: take(data, "tool", name) for name in _BUILDERS}
    text = json.dumps([data.get("build-system"), tools], sort_keys=True, default=str)
    return f"pyproject.toml sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _read_url(text: str) -> str:
    try:
        return Parsed(text.partition(" (extra ")[0]).url or ""
    except (InvalidRequirement, RecursionError):
        return ""
