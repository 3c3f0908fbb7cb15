"""conda-lock.yml, version 1: what was resolved, for every platform.

Source: conda-lock's schema ``conda-lock-v1``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pyve_core import HelperError
from pyve_files.nodes import YamlFile

if TYPE_CHECKING:
    import yaml

    Node = yaml.nodes.Node

LIMIT = 32 * 1024 * 1024
CODE = "E_LOCK_FILE"
# conda-lock writes the packages last: what stands before them can be read alone.
_PACKAGES = re.compile(r"^package:", re.MULTILINE)
# That of a package.
_PLATFORM = re.compile(r"^  platform: ['\"]?([a-z0-9]+-[a-z0-9_]+)['\"]?\r?$", re.MULTILINE)


@dataclass
class LockedPackage:
    """One package of a lock, for one platform."""

    name: str
    version: str
    manager: str
    platform: str
    url: str
    md5: str
    sha256: str
    build: str
    category: str
    optional: bool
    dependencies: list[str]


@dataclass
class Lock:
    """What a conda-lock.yml says.

    Attributes:
        platforms: those that it was made for.
        channels: as written; parts that were secret are names of environment variables.
        sources: the files that it was made from, relative to its folder.
        content_hash: by platform, what conda-lock recorded about the sources.
        packages: empty when only the head was read.
    """

    platforms: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    content_hash: dict[str, str] = field(default_factory=dict)
    packages: list[LockedPackage] = field(default_factory=list)


def find_platforms(path: str) -> list[str]:
    """Give the platforms of a lock, also with git's conflict marks: of both sides.

    Raises:
        HelperError: E_LOCK_FILE, E_LOCK_FILE_READ.
    """
    from pyve_core.merge_marks import split_sides

    file = LockFile(path, CODE, LIMIT)
    if not split_sides(file.text):
        return read_lock(path, packages=False).platforms
    return sorted(set(_PLATFORM.findall(file.text)))


def find_build(url: str, name: str, version: str) -> str:
    """Give the build string in the file name of a conda package, or "" when it has none."""
    file = unquote(urlsplit(url).path).rpartition("/")[2]
    for suffix in (".conda", ".tar.bz2"):
        if file.endswith(suffix) and file.startswith(f"{name}-{version}-"):
            return file[len(name) + len(version) + 2 : -len(suffix)]
    return ""


class LockFile(YamlFile):
    """A conda-lock.yml, which is made anew when it is wrong."""

    def find_fix(self) -> list[str]:
        """Give the command that makes it anew, for the platforms that can be made out in it."""
        platforms = dict.fromkeys(_PLATFORM.findall(getattr(self, "text", "")))
        words = "".join(f" --platform {platform}" for platform in platforms)
        return [f"pyve lock{words or f' --platform {_this_platform()}'}"]


def _this_platform() -> str:
    system, machine = os.uname().sysname, os.uname().machine
    names = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64", "arm64": "aarch64"}
    if system == "Darwin":
        return "osx-arm64" if machine == "arm64" else "osx-64"
    return f"linux-{names.get(machine, machine)}"


class LockReader:
    """Reads one file."""

    def __init__(self, path: str) -> None:
        self.file = LockFile(path, CODE, LIMIT)

    def read_head(self) -> Lock:
        """Give all but the packages."""
        match = _PACKAGES.search(self.file.text)
        if match:
            try:
                keys = self._read_keys(self.file.text[: match.start()])
                if "metadata" in keys and "version" in keys:
                    return self._read_metadata(keys)
            except HelperError:
                # It is written in another manner, or wrong: the whole file tells.
                pass
        return self._read_metadata(self._read_keys(None))

    def read(self) -> Lock:
        """Give all of it."""
        keys = self._read_keys(None)
        lock = self._read_metadata(keys)
        if "package" not in keys:
            self.file.fail_at(1, 1, "it has no packages", "the key 'package' is missing")
        for item in self.file.read_list(keys["package"][1], "'package'"):
            lock.packages.append(self._read_package(item))
        return lock

    def _read_keys(self, text: str | None) -> dict[str, tuple[Node, Node]]:
        root = self.file.compose(text)
        if root is None or self.file.is_null(root):
            self.file.fail_at(1, 1, "it is empty")
        return self.file.read_mapping(root, "the file")

    def _read_metadata(self, keys: dict[str, tuple[Node, Node]]) -> Lock:
        file = self.file
        if "version" not in keys:
            file.fail_at(1, 1, "it does not look like a lock of conda-lock: it has no 'version'")
        version = file.read_text(keys["version"][1], "'version'")
        if version != "1":
            file.fail(
                keys["version"][1],
                f"it is a lock of version {version}",
                "Pyve reads version 1, which conda-lock writes",
            )
        if "metadata" not in keys:
            file.fail_at(1, 1, "it does not look like a lock of conda-lock: it has no 'metadata'")
        data = file.read_mapping(keys["metadata"][1], "'metadata'")
        lock = Lock()
        for name in ("platforms", "sources"):
            if name in data:
                items = file.read_list(data[name][1], f"'{name}'")
                setattr(
                    lock, name, [file.read_text(item, f"an item of '{name}'") for item in items]
                )
        if "channels" in data:
            for item in file.read_list(data["channels"][1], "'channels'"):
                if file.is_mapping(item):
                    parts = file.read_mapping(item, "a channel")
                    if "url" not in parts:
                        file.fail(item, "a channel has no 'url'")
                    lock.channels.append(file.read_text(parts["url"][1], "'url'"))
                else:
                    lock.channels.append(file.read_text(item, "a channel"))
        if "content_hash" in data:
            for name, (_, value) in file.read_mapping(data["content_hash"][1], "hash").items():
                if not file.is_null(value):
                    lock.content_hash[name] = file.read_text(value, "a hash").lower()
        if not lock.platforms:
            file.fail(keys["metadata"][0], "it is made for no platform", "'platforms' is empty")
        return lock

    def _read_package(self, node: Node) -> LockedPackage:
        file = self.file
        parts = file.read_mapping(node, "a package")

        def get(name: str, needed: bool = False) -> str:
            if name in parts and not file.is_null(parts[name][1]):
                text = file.read_text(parts[name][1], f"'{name}'")
                if text or not needed:
                    return text
            if needed:
                file.fail(node, f"a package has no '{name}'")
            return ""

        name, version, url = get("name", True), get("version", True), get("url", True)
        manager = get("manager", True)
        if manager not in ("conda", "pip"):
            file.fail(node, f"the package {name} is for '{manager}', not for conda or pip")
        hashes: dict[str, str] = {}
        if "hash" in parts:
            for kind, (_, value) in file.read_mapping(parts["hash"][1], "'hash'").items():
                if not file.is_null(value):
                    hashes[kind] = file.read_text(value, "a hash").lower()
        if not (hashes.get("sha256") or hashes.get("md5")):
            file.fail(node, f"the package {name} has no hash", "it could not be checked")
        depends = []
        if "dependencies" in parts:
            for other, (_, value) in file.read_mapping(
                parts["dependencies"][1], "'dependencies'"
            ).items():
                spec = "" if file.is_null(value) else file.read_text(value, "a version")
                depends.append(f"{other} {spec}".strip())
        build = get("build")
        if not build and manager == "conda":
            build = find_build(url, name, version)
        return LockedPackage(
            name=name,
            version=version,
            manager=manager,
            platform=get("platform", True),
            url=url,
            md5=hashes.get("md5", ""),
            sha256=hashes.get("sha256", ""),
            build=build,
            category=get("category") or "main",
            optional=get("optional").lower() == "true",
            dependencies=depends,
        )


def read_lock(path: str, packages: bool = True) -> Lock:
    """Read a conda-lock.yml.

    Args:
        path: where it is.
        packages: whether the packages are wanted; without them a large lock is read at once.

    Raises:
        HelperError: E_LOCK_FILE, with line and column; E_LOCK_FILE_READ.
    """
    reader = LockReader(path)
    return reader.read() if packages else reader.read_head()
