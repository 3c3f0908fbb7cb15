"""From dependencies to exact packages."""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyve_conda.cache_folders import make_index
from pyve_conda.channels import Channels, Wanted, split_archive_url, strip_credentials
from pyve_conda.failures import explain_channel, probe_host
from pyve_core import HelperError, progress
from pyve_core.fixes import repeat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRIORITIES = ("strict", "flexible", "disabled")
# That of conda, mamba and micromamba.
DEFAULT_PRIORITY = "flexible"
SOLVE_MINUTES = 15
# Seconds for one request for (a part of) the index of a channel.
REQUEST_SECONDS = 180
SHOWN_VERSIONS = 5


@dataclass(frozen=True)
class Question:
    """What a solution is wanted for.

    Attributes:
        specs: the dependencies, as match specifications.
        channels: names or URLs, highest priority first.
        platform: conda's name of it.
        priority: one of PRIORITIES.
        offline: whether the network may not be used.
        cache: where indexes are kept.
        folder: what relative channels are relative to.
        is_for_lock: whether other machines have to agree.
        source: the file that asks, for people.
        kept: records (py-rattler's) that are to stay, as far as that is possible.
        extra_virtual: virtual packages that come instead of those of the platform, or None.
    """

    specs: Sequence[str]
    channels: Sequence[str]
    platform: str
    cache: Path
    priority: str = DEFAULT_PRIORITY
    offline: bool = False
    folder: str = "."
    is_for_lock: bool = False
    source: str = "environment.yml"
    kept: Sequence[Any] = field(default=())
    extra_virtual: Sequence[Any] | None = None


def make_client(timeout: int | None = None) -> Any:
    """Give the client for all requests; it knows .netrc, proxies and the store of credentials."""
    from rattler.networking import (
        AuthenticationMiddleware,
        Client,
        GCSMiddleware,
        OciMiddleware,
        S3Middleware,
    )

    middlewares = [AuthenticationMiddleware(), OciMiddleware(), GCSMiddleware(), S3Middleware()]
    return Client(middlewares, user_agent="pyve", timeout=timeout)


def request_seconds() -> int:
    """Give the seconds that one request may take: PYVE_CONDA_TIMEOUT, or REQUEST_SECONDS."""
    text = os.environ.get("PYVE_CONDA_TIMEOUT", "")
    return int(text) if text.isdigit() and int(text) > 0 else REQUEST_SECONDS


def has_proxy() -> bool:
    """Tell whether requests go through a proxy, so that probing a host says nothing."""
    names = ("https_proxy", "http_proxy", "all_proxy")
    return any(os.environ.get(name) or os.environ.get(name.upper()) for name in names)


def check_hosts(urls: Sequence[str]) -> None:
    """See at once, and not after minutes, that a host cannot be reached.

    Raises:
        HelperError: E_CONDA_NETWORK.
    """
    if has_proxy():
        return
    hosts: dict[str, str] = {}
    for url in urls:
        if url.startswith(("http://", "https://")):
            hosts.setdefault(url.split("/")[2].rpartition("@")[2], url)
    for url in hosts.values():
        why = probe_host(url)
        if why:
            raise HelperError(
                "E_CONDA_NETWORK",
                "a channel does not answer",
                [why, strip_credentials(url)],
                repeat(),
            )


class Solver:
    """Answers one question."""

    def __init__(self, question: Question) -> None:
        """Read channels and dependencies.

        Raises:
            HelperError: E_CONDA_SPEC, E_CONDA_CHANNEL, E_CONDA_CACHE, E_DISK_FULL.
        """
        from rattler import Gateway, SourceConfig

        self.question = question
        self.channels = Channels(question.channels, question.folder)
        self.wanted = [self.channels.read_spec(text) for text in question.specs]
        self.channels.add_missing(self.wanted)
        action = "force-cache-only" if question.offline else "cache-or-fetch"
        self.gateway = Gateway(
            cache_dir=make_index(question.cache),
            default_config=SourceConfig(cache_action=action),
            client=make_client(request_seconds()),
        )

    async def solve(self) -> list[Any]:
        """Find the packages.

        Returns:
            Records of py-rattler, by name.

        Raises:
            HelperError: E_CONDA_MISSING, E_CONDA_CONFLICT, E_CONDA_CHANNEL, E_CONDA_NETWORK,
                E_CONDA_AUTH, E_CONDA_OFFLINE, E_DISK_FULL.
        """
        from rattler.exceptions import FetchRepoDataError, GatewayError, IoError, SolverError

        progress("solving")
        if not self.question.offline:
            check_hosts(self.channels.urls)
        # What a dependency excludes, the gateway does not even read. That is quicker, but then it
        # does not see that a channel has the package, which is what strict priority is about.
        is_strict = self.question.priority == "strict" and len(self.channels.sources) > 1
        try:
            try:
                records = await self._solve(by_constraint=is_strict)
            except SolverError as error:
                raise await self._explain(str(error), is_strict) from error
        except (GatewayError, FetchRepoDataError, IoError, OSError) as error:
            cache = str(self.question.cache)
            raise explain_channel(str(error), self.question.offline, cache) from error
        return sorted(records, key=lambda record: str(record.name.normalized))

    async def _solve(self, by_constraint: bool) -> list[Any]:
        from rattler import ChannelPriority, solve

        question = self.question
        virtual = question.extra_virtual
        if virtual is None:
            from pyve_conda.virtual import virtual_packages

            virtual = virtual_packages(question.platform, question.is_for_lock)
        specs = [item.root if by_constraint else item.spec for item in self.wanted]
        constraints = [item.spec for item in self.wanted if item.spec is not item.root]
        return list(
            await solve(
                self.channels.sources,
                specs,
                gateway=self.gateway,
                platforms=[question.platform, "noarch"],
                virtual_packages=virtual,
                locked_packages=list(question.kept),
                timeout=datetime.timedelta(minutes=SOLVE_MINUTES),
                channel_priority=getattr(ChannelPriority, question.priority.capitalize()),
                constraints=constraints if by_constraint else None,
                channel_relations="disabled",
            )
        )

    async def _explain(self, text: str, was_by_constraint: bool) -> HelperError:
        """Turn the solver's failure into a diagnostic."""
        from rattler.exceptions import SolverError

        for item in self.wanted:
            found = await self._explain_missing(item)
            if found is not None:
                return found
        if not was_by_constraint:
            try:
                await self._solve(by_constraint=True)
            except SolverError as error:
                text = str(error)
        source = self.question.source
        if re.search(r"timed? ?out|timeout", text, re.IGNORECASE):
            why = [f"no solution within {SOLVE_MINUTES} minutes"]
        else:
            why = tidy_explanation(text, source)
        return HelperError(
            "E_CONDA_CONFLICT",
            f"the dependencies in {source} do not go together",
            [*why, f"change or take out one of them in {source}"],
        )

    async def _query(self, name: str, platforms: Sequence[str]) -> list[Any]:
        answer = await self.gateway.query(
            self.channels.sources,
            list(platforms),
            [name],
            recursive=False,
            channel_relations="disabled",
        )
        return [record for records in answer for record in records]

    async def query(self, names: Sequence[str]) -> list[Any]:
        """Give the records that the channels have of packages, for the platform.

        Raises:
            HelperError: as for ``solve``.
        """
        from rattler.exceptions import FetchRepoDataError, GatewayError, IoError

        platforms = [self.question.platform, "noarch"]
        try:
            return [record for name in names for record in await self._query(name, platforms)]
        except (GatewayError, FetchRepoDataError, IoError, OSError) as error:
            cache = str(self.question.cache)
            raise explain_channel(str(error), self.question.offline, cache) from error

    async def _explain_missing(self, item: Wanted) -> HelperError | None:
        """Give a diagnostic when the channels have nothing for a dependency, else None."""
        source, platform = self.question.source, self.question.platform
        records = await self._query(item.name, [platform, "noarch"])
        if item.name.startswith("__"):
            return None
        hidden = self._explain_priority(item, records)
        if hidden is not None or any(item.spec.matches(record) for record in records):
            return hidden
        shown = ", ".join(strip_credentials(url) for url in self.channels.urls)
        why = [f"{source} asks for {item.text}", f"channels: {shown}"]
        if records:
            records.sort(key=lambda record: record.version, reverse=True)
            versions = list(dict.fromkeys(str(record.version) for record in records))
            there = ", ".join(versions[:SHOWN_VERSIONS])
            more = (
                f" and {len(versions) - SHOWN_VERSIONS} more" if versions[SHOWN_VERSIONS:] else ""
            )
            why.insert(1, f"there are: {there}{more}")
            message = f"no {item.name} in the channels fits"
        else:
            message = f"no package {item.name} in the channels for {platform}"
            why += await self._find_elsewhere(item.name)
        return HelperError("E_CONDA_MISSING", message, why)

    def _explain_priority(self, item: Wanted, records: Sequence[Any]) -> HelperError | None:
        """Give a diagnostic when strict priority is what hides a fitting package."""
        having = {str(record.channel) for record in records}
        order = [url for url in (f"{url}/" for url in self.channels.urls) if url in having]
        fitting = [record for record in records if item.spec.matches(record)]
        is_first = any(record.channel == order[0] for record in fitting) if order else True
        if self.question.priority != "strict" or not fitting or is_first:
            return None
        here, there = (strip_credentials(url) for url in (order[0], str(fitting[0].channel)))
        return HelperError(
            "E_CONDA_CONFLICT",
            f"channel priority hides what fits {item.text}",
            [
                f"{there} has {item.name} {fitting[0].version}",
                f"{here} comes first and has {item.name}, so it alone is asked for that",
                f"in {self.question.source}, channel_priority: flexible allows it, or another "
                "order of the channels",
            ],
        )

    async def _find_elsewhere(self, name: str) -> list[str]:
        """Say where a package is instead, or what it may have been meant to be."""
        import difflib

        from rattler.exceptions import GatewayError

        try:
            if not self.question.offline:
                others = ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]
                found = await self._query(name, others)
                if found:
                    platforms = sorted({str(record.subdir) for record in found})
                    return [f"it is there for {', '.join(platforms)}"]
            names = await self.gateway.names(
                self.channels.sources,
                [self.question.platform, "noarch"],
                channel_relations="disabled",
            )
            near = difflib.get_close_matches(name, sorted(n.normalized for n in names), 1, 0.75)
        except (GatewayError, OSError):
            return []
        return [f"did you mean {near[0]}?"] if near else []


def tidy_explanation(text: str, source: str) -> list[str]:
    """Make the solver's explanation fit for a person.

    Args:
        text: what py-rattler says.
        source: the file that asks.

    Returns:
        Its lines. What was asked for is named as such, and nothing is said twice.
    """
    lines, seen = [], set()
    text = text.replace("Cannot solve the request because of: ", "")
    has_head = text.startswith("The following packages are incompatible")
    for line in text.splitlines()[has_head:]:
        if has_head:
            line = re.sub(r"^([├└]─ |[│ ]  )", "", line)
        line = re.sub(r'\[channel="[^"]*"\]', "", line).rstrip().rstrip(".")
        line = re.sub(r"(?<=[\w.-]) \*(?= |$)", "", line)
        found = re.search(r"the constraint (.*) cannot be fulfilled", line)
        if found:
            line = f"{source} asks for {found.group(1)}"
        key = re.sub(r"^[\s│├└─]+", "", line)
        if not key or (found and line in seen):
            continue
        seen.add(line)
        lines.append(line)
    return lines


def describe_record(record: Any, with_depends: bool = False) -> dict[str, Any]:
    """Give a record of py-rattler as a part of an answer, without secrets in it."""
    url = strip_credentials(record.url)
    channel, subdir, _ = split_archive_url(url)
    result = {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "subdir": subdir,
        "channel": channel,
        "url": url,
        "md5": record.md5.hex() if record.md5 else "",
        "sha256": record.sha256.hex() if record.sha256 else "",
    }
    if with_depends:
        result.update(
            size=record.size or 0,
            depends=list(record.depends),
            constrains=list(record.constrains),
        )
    return result
