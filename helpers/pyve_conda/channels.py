"""Channels and match specifications, from the words of environment.yml to what py-rattler takes.

Sources: conda's documentation, "Channels" and "Package match specifications"; CEP 29 (MatchSpec).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyve_core import HelperError, redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The parts of conda's group of channels "defaults", as the alias of channels has them.
DEFAULTS = ("main", "r")
DEFAULT_CHANNEL = "conda-forge"

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Wanted:
    """A dependency that was asked for.

    Attributes:
        text: as it was written.
        name: the package.
        spec: the whole match specification (py-rattler's MatchSpec).
        root: the same package and channel in any version.
        channel: the channel that it names (py-rattler's Channel), or None.
    """

    text: str
    name: str
    spec: Any
    root: Any
    channel: Any


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$NAME`` and ``${NAME}`` in the URL of a channel.

    Raises:
        HelperError: E_CONDA_CHANNEL when a variable is not set.
    """

    def replace(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        if name not in variables:
            raise HelperError(
                "E_CONDA_CHANNEL",
                f"the environment variable {name} is not set",
                [
                    f"a channel names it: {redact(text)}",
                    f"export {name} with its value, and try again",
                ],
            )
        return variables[name]

    return _VARIABLE.sub(replace, text) if "://" in text else text


class Channels:
    """The channels of an environment, highest priority first."""

    def __init__(self, names: Sequence[str], folder: str) -> None:
        """Find out what the names stand for.

        Args:
            names: names, URLs or paths.
            folder: what relative paths are relative to.

        Raises:
            HelperError: E_CONDA_CHANNEL.
        """
        from rattler import ChannelConfig

        alias = os.environ.get("CONDA_CHANNEL_ALIAS", "")
        if alias:
            self._config = ChannelConfig(alias.rstrip("/") + "/", os.path.abspath(folder))
        else:
            self._config = ChannelConfig(root_dir=os.path.abspath(folder))
        self.names = list(dict.fromkeys(names))
        self._single: list[Any] = []
        self.sources: list[Any] = []
        for name in self.names:
            self.sources.append(self._source(name))

    def _channel(self, name: str) -> Any:
        from rattler import Channel
        from rattler.exceptions import InvalidChannelError

        text = expand_variables(name, os.environ)
        try:
            return Channel(text, self._config)
        except (InvalidChannelError, ValueError) as error:
            raise HelperError(
                "E_CONDA_CHANNEL",
                f"not a channel: {redact(name)}",
                [str(error).splitlines()[0], "mend it in environment.yml: a name or a URL"],
            ) from error

    def _source(self, name: str) -> Any:
        from rattler import MultiSource

        if name == "defaults":
            parts = [self._channel(part) for part in DEFAULTS]
            self._single += parts
            return MultiSource("defaults", parts)
        found = re.fullmatch(r"pkgs/(main|r|msys2|pro)", name)
        channel = self._channel(found.group(1) if found else name)
        self._single.append(channel)
        return channel

    @property
    def urls(self) -> list[str]:
        """The URL of each channel, without a slash at its end. May hold secrets."""
        return [channel.base_url.rstrip("/") for channel in self._single]

    def find(self, name: str) -> Any:
        """Find the channel that a dependency names: one of these, or another."""
        for channel in self._single:
            if name.rstrip("/") in (channel.base_url.rstrip("/"), channel.name):
                return channel
        if "://" not in name:
            ends = [
                c
                for c in self._single
                if urlsplit(c.base_url).path.rstrip("/").endswith("/" + name)
            ]
            if len(ends) == 1:
                return ends[0]
        return self._channel(name)

    def read_spec(self, text: str) -> Wanted:
        """Read a dependency.

        Raises:
            HelperError: E_CONDA_SPEC, E_CONDA_CHANNEL.
        """
        from rattler import MatchSpec
        from rattler.exceptions import InvalidMatchSpecError

        rest, channel, subdir = text.strip(), None, ""
        found = re.match(r"([^\[\s]+|[^\[]*://[^\[]*)::(?=[A-Za-z0-9_])", rest)
        if found:
            rest = rest[found.end() :]
            name, subdir = split_subdir(found.group(1))
            if name == "defaults" and "defaults" in self.names:
                rest = "defaults::" + rest
            elif name != "*":
                channel = self.find(name)
        try:
            spec = MatchSpec(with_parts(rest, channel, subdir))
            name = str(spec.name.normalized)
            root = spec if "url=" in str(spec) else MatchSpec(with_parts(name, channel, subdir))
            if rest.startswith("defaults::"):
                root = MatchSpec("defaults::" + name)
        except (InvalidMatchSpecError, ValueError, AttributeError) as error:
            raise HelperError(
                "E_CONDA_SPEC",
                f"not a dependency that conda knows: {redact(text)}",
                [
                    str(error).splitlines()[0],
                    "mend it in environment.yml: name, name=1.2 or channel::name",
                ],
            ) from error
        return Wanted(text, name, spec, root, channel)

    def add_missing(self, wanted: Sequence[Wanted]) -> None:
        """Add the channels that dependencies name and the list does not have, as conda does."""
        for item in wanted:
            if item.channel is not None and item.channel.base_url.rstrip("/") not in self.urls:
                self._single.append(item.channel)
                self.sources.append(item.channel)


def with_parts(text: str, channel: Any, subdir: str) -> str:
    """Write a channel and a platform in front of a match specification."""
    if subdir:
        text = f"{text}[subdir={subdir}]" if "[" not in text else text[:-1] + f",subdir={subdir}]"
    return f"{channel.base_url.rstrip('/')}::{text}" if channel is not None else text


def split_subdir(name: str) -> tuple[str, str]:
    """Split the platform off a channel: "conda-forge/linux-64" is ("conda-forge", "linux-64")."""
    head, _, tail = name.rstrip("/").rpartition("/")
    is_platform = tail == "noarch" or re.fullmatch(
        r"(linux|osx|win|freebsd|emscripten|wasi)-\w+", tail
    )
    return (head, tail) if head and is_platform else (name, "")


def strip_credentials(url: str) -> str:
    """Take user, password and token out of a URL, as conda does before it writes one down."""
    parts = urlsplit(url)
    path = re.sub(r"^/t/[^/]+(?=/)", "", parts.path)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path).geturl()


def split_archive_url(url: str) -> tuple[str, str, str]:
    """Split the URL of an archive into channel, platform and file name."""
    head, _, file_name = url.partition("#")[0].rpartition("/")
    channel, _, subdir = head.rpartition("/")
    return channel, subdir, file_name
