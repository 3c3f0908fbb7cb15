"""environment.yml: what an environment is asked to hold.

The format is conda's (``conda env create``), with the keys that conda-lock and micromamba add.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyve_files.nodes import YamlFile

if TYPE_CHECKING:
    import yaml

    Node = yaml.nodes.Node

LIMIT = 1024 * 1024
CODE = "E_ENVIRONMENT_FILE"
KEYS = (
    *("name", "channels", "dependencies", "prefix", "variables", "channel_priority"),
    # conda-lock's
    *("platforms", "category", "pip-repositories", "allow-pypi-requests"),
)
PRIORITIES = {"strict", "flexible", "disabled", "true", "false"}
# micromamba's "sel(unix): name".
_SELECTOR = re.compile(r"sel\((\w+)\)$")
_SELECTED = {
    "linux": ("linux", "unix"),
    "osx": ("osx", "unix"),
    "win": ("win",),
    "emscripten": ("emscripten", "unix"),
    "wasi": ("wasi",),
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
# [channel[/subdir]:[namespace]:]name, then a version, a build or brackets.
_SPEC = re.compile(
    r"(?:.*:)?\s*(?P<name>[A-Za-z0-9_][A-Za-z0-9_.+*-]*|\*)(?P<rest>[\s=<>!~\[(@].*)?$", re.S
)


@dataclass
class Environment:
    """What an environment.yml says.

    Attributes:
        name, prefix, channel_priority: "" when it does not say.
        channels: as written, without ``nodefaults``; they may hold secrets.
        nodefaults: whether ``nodefaults`` was among them.
        dependencies: specs for conda, as written.
        pip: lines for pip, in their order: requirements, options, paths, URLs.
        has_pip_section: also when it is empty.
        variables: environment variables of the environment.
        platforms: those that a lock is made for.
        category: of all dependencies in a lock.
        lines: the line of each dependency and of each line for pip.
        warnings: what is probably a mistake.
    """

    name: str = ""
    prefix: str = ""
    channel_priority: str = ""
    channels: list[str] = field(default_factory=list)
    nodefaults: bool = False
    dependencies: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    has_pip_section: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    category: str = ""
    pip_repositories: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def split_name(spec: str) -> tuple[str, str]:
    """Take a spec for conda apart, without its channel.

    Returns:
        The name in lower case, and what stands behind it ("" for a URL of a package, too).
    """
    match = _SPEC.match(spec)
    if match is None or spec.startswith(("http://", "https://", "file://")):
        return "", ""
    return match.group("name").lower(), (match.group("rest") or "").strip()


class EnvironmentReader:
    """Reads one file."""

    def __init__(self, path: str, platform: str = "") -> None:
        """Read the file's text.

        Args:
            path: where it is.
            platform: conda's name of the machine that it is read for; "" leaves out nothing.
        """
        self.file = YamlFile(path, CODE, LIMIT)
        self.selectors = _SELECTED.get(platform.partition("-")[0])

    def read(self, text: str | None = None) -> Environment:
        """Give what the file says.

        Args:
            text: what to read instead, line by line the same.

        Raises:
            HelperError: E_ENVIRONMENT_FILE, with line and column.
        """
        file = self.file
        root = file.compose(text)
        if root is None or file.is_null(root):
            file.fail_at(1, 1, "it is empty", "it takes at least the key 'dependencies'")
        keys = file.read_mapping(root, "the file")
        result = Environment()
        for name in ("name", "prefix", "category"):
            if name in keys and not file.is_null(keys[name][1]):
                setattr(result, name, file.read_text(keys[name][1], f"'{name}'"))
        self._read_priority(keys, result)
        if "channels" in keys:
            self._read_channels(keys["channels"][1], result)
        for key in ("platforms", "pip-repositories"):
            if key in keys:
                items = file.read_list(keys[key][1], f"'{key}'")
                setattr(
                    result,
                    key.replace("-", "_"),
                    [file.read_text(item, f"an item of '{key}'") for item in items],
                )
        if "variables" in keys:
            self._read_variables(keys["variables"][1], result)
        if "dependencies" in keys:
            example = "python=3.12"
            for item in file.read_list(keys["dependencies"][1], "'dependencies'", example):
                self._read_dependency(item, result)
        else:
            result.warnings.append(
                f"{file.path}: it has no key 'dependencies', so nothing is in it"
            )
        self._warn_of_keys({name: pair[0] for name, pair in keys.items()}, result)
        return result

    def _read_priority(self, keys: dict[str, tuple[Node, Node]], result: Environment) -> None:
        if "channel_priority" not in keys or self.file.is_null(keys["channel_priority"][1]):
            return
        node = keys["channel_priority"][1]
        value = self.file.read_text(node, "'channel_priority'").lower()
        if value not in PRIORITIES:
            self.file.fail(
                node,
                f"'channel_priority' is '{value}'",
                "it is one of strict, flexible and disabled",
            )
        result.channel_priority = {"true": "flexible", "false": "disabled"}.get(value, value)

    def _read_channels(self, node: Node, result: Environment) -> None:
        for item in self.file.read_list(node, "'channels'", "conda-forge"):
            channel = self.file.read_text(item, "a channel")
            if not channel or re.search(r"\s", channel):
                self.file.fail(item, "a channel is a name or a URL, without blanks")
            if channel == "nodefaults":
                result.nodefaults = True
            elif channel not in result.channels:
                result.channels.append(channel)

    def _read_variables(self, node: Node, result: Environment) -> None:
        for name, (key, value) in self.file.read_mapping(node, "'variables'").items():
            if not _VARIABLE.match(name):
                self.file.fail(
                    key,
                    f"'{name}' cannot be the name of an environment variable",
                    "letters, digits and _ can be in it, and no digit at its start",
                )
            text = "" if self.file.is_null(value) else self.file.read_text(value, f"'{name}'")
            result.variables[name] = text

    def _read_dependency(self, node: Node, result: Environment) -> None:
        file = self.file
        if not file.is_mapping(node):
            spec = file.read_text(node, "a dependency")
            self._check_spec(node, spec)
            result.dependencies.append(spec)
            result.lines.setdefault(spec, node.start_mark.line + 1)
            return
        for name, (key, value) in file.read_mapping(node, "a dependency").items():
            selector = _SELECTOR.match(name)
            if name == "pip":
                self._read_pip(value, result)
            elif selector:
                if self.selectors is None or selector.group(1) in self.selectors:
                    self._read_dependency(value, result)
            elif file.is_null(value):
                file.fail(
                    key,
                    f"'{name}:' has a colon behind it, and nothing else",
                    f"a dependency is written as:  - {name}",
                )
            else:
                file.fail(
                    key,
                    f"'{name}:' is no part of conda's format",
                    ["of other package managers it knows only 'pip:'", "a version: name=1.2"],
                )

    def _read_pip(self, node: Node, result: Environment) -> None:
        result.has_pip_section = result.has_pip_section or not self.file.is_null(node)
        for item in self.file.read_list(node, "'pip'", "requests"):
            if self.file.is_mapping(item):
                self.file.fail(
                    item, "a line for pip has keys", 'with ": " in it, it needs quotes around it'
                )
            line = self.file.read_text(item, "a line for pip")
            if not line or "\n" in line:
                self.file.fail(item, "a line for pip is one line of text")
            result.pip.append(line)
            result.lines.setdefault(line, item.start_mark.line + 1)

    def _check_spec(self, node: Node, spec: str) -> None:
        if spec.startswith(("http://", "https://", "file://", "/", "./", "../")):
            return
        if not spec or _SPEC.match(spec) is None:
            self.file.fail(
                node,
                f"'{spec}' is no dependency that conda understands"
                if spec
                else "a dependency is empty",
                "it is written as:  - name  or  - name>=1.2,<2  or  - channel::name=1.2",
            )
        rest = split_name(spec)[1]
        if ";" in rest or "===" in rest:
            self.file.fail(
                node,
                f"'{spec}' is written for pip",
                "conda has no markers; what only pip understands belongs below '- pip:'",
            )

    def _warn_of_keys(self, keys: dict[str, Node], result: Environment) -> None:
        for name, node in keys.items():
            if name in KEYS or name.startswith(("x-", "_")):
                continue
            import difflib

            close = difflib.get_close_matches(name, KEYS, 1, 0.75)
            place = f"{self.file.path}, line {node.start_mark.line + 1}: "
            meant = f"; did you mean '{close[0]}'?" if close else ""
            result.warnings.append(
                f"{place}the key '{name}' is not known, and has no effect{meant}"
            )


def read_environment(path: str, platform: str = "") -> Environment:
    """Read an environment.yml.

    Args:
        path: where it is.
        platform: conda's name of the machine that it is for, as ``linux-64``; "" for any.

    Raises:
        HelperError: E_ENVIRONMENT_FILE, with line and column; E_ENVIRONMENT_FILE_READ.
    """
    return EnvironmentReader(path, platform).read()
