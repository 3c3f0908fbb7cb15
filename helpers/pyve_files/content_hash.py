"""The content hash that conda-lock records, told without conda-lock.

A lock holds for each of its platforms the SHA-256 of what it was made from: channels, specs, and
the virtual packages that were assumed. The format is that of conda-lock's ``content_hash.py``,
which its authors keep stable, because every change would make all locks stale. Forms of specs that
only the whole of conda understands are not guessed at: they are ``Unsupported``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlparse, urlunparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyve_files.environment import Environment

Spec = dict[str, Any]
VirtualPackages = list[tuple[str, str, str]]  # name, version, build string

ARCHITECTURES = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "osx-64": "x86_64",
    "osx-arm64": "arm64",
    "win-64": "x86_64",
}
# The versions of glibc that releases of conda-lock assume, the newest first.
GLIBC = ("2.28", "2.17")
CUDA = ("11.4", "")
MARKERS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "osx": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
_OTHER_MARKERS = re.compile(
    r"\b(python_version|python_full_version|platform_machine|platform_release|platform_version"
    r"|platform_python_implementation|implementation_name|implementation_version|extra)\b"
)
# conda-build's selectors in comments: those of the platform alone.
_SELECTORS = {
    "linux-64": {"linux64", "unix", "linux"},
    "linux-aarch64": {"aarch64", "unix", "linux"},
    "linux-ppc64le": {"ppc64le", "unix", "linux"},
    "osx-64": {"osx64", "osx", "unix"},
    "osx-arm64": {"arm64", "osx", "unix"},
    "win-64": {"win", "win64"},
}
_SELECTOR_LINE = re.compile(r"(.+?)\s*(#.*)\[([^\[\]]+)\](?(2)[^\(\)]*)$")
_TOKEN = re.compile(r"(.*)(/t/\$?\{?[a-zA-Z0-9-_]*\}?)(/.*)")


class Unsupported(Exception):
    """A form of a file for which the content hash can be told by conda-lock only."""


def filter_lines(text: str, platform: str) -> str:
    """Leave out the lines of an environment.yml that a comment reserves for other platforms."""
    lines = []
    for line in text.splitlines():
        match = _SELECTOR_LINE.match(line)
        left_out = line.lstrip().startswith("#") or (
            match is not None and match.group(3) not in _SELECTORS[platform]
        )
        # An empty line, so that places stay what they are.
        lines.append("" if left_out else line)
    return "\n".join(lines)


# --- channels


def find_variable(value: str) -> str:
    """Give the environment variable that a part of a channel's URL stands for, or ""."""
    if value.startswith("$"):
        return value.lstrip("$").strip("{}")
    if value and (value in os.environ.values() or unquote(value) in os.environ.values()):
        # conda-lock would write the variable's name for it; which of several is its own affair.
        raise Unsupported("a part of a channel's URL is the value of an environment variable")
    return ""


def describe_channel(channel: str) -> dict[str, Any]:
    """Give what conda-lock makes of a channel: secrets are names of environment variables."""
    if "://" not in channel:
        return {"url": channel, "used_env_vars": []}
    try:
        parts = urlparse(channel)
        port = parts.port
    except ValueError as error:
        raise Unsupported(f"the URL of a channel cannot be read: {error}") from error
    user, password = parts.username or "", parts.password or ""
    host = parts.hostname or ""
    if port:
        host = f"{host}:{port}"
    user_variable, password_variable = find_variable(user), find_variable(password)
    if user_variable or password_variable:
        user = f"${{{user_variable}}}" if user_variable else user
        password = f"${{{password_variable}}}" if password_variable else password
        login = f"{user}:{password}" if password else user
        parts = parts._replace(netloc=f"{login}@{host}" if user else host)
    variables = {user_variable, password_variable}
    match = _TOKEN.search(parts.path)
    if match and match.group(2)[3:]:
        variable = find_variable(match.group(2)[3:])
        variables.add(variable)
        if variable:
            path = _TOKEN.sub(rf"\1/t/${{{variable}}}\3", parts.path)
            parts = parts._replace(path=path)
    return {"url": urlunparse(parts), "used_env_vars": sorted(variables - {""})}


# --- specs for conda


def normalize_version(version: str) -> str:
    """Write a version constraint as conda does: ``1.2*`` is ``1.2.*``, also in parts of it."""
    if re.search(r"[()^$]", version):
        raise Unsupported(f"the version '{version}' has parentheses or a regular expression")
    groups = []
    for group in version.split("|"):
        parts = []
        for part in group.split(","):
            part = part.strip()
            if not part or part.endswith("**"):
                raise Unsupported(f"the version '{version}' is unusual")
            if part[0] in "=<>!~":
                if not re.match(r"(==|!=|<=|>=|~=|=|<|>)(?![=<>!~])\S+$", part):
                    raise Unsupported(f"the version '{version}' is unusual")
            elif part[-1] == "*" and part != "*" and "*" not in part[:-1] and part[-2:] != ".*":
                part = part[:-1] + ".*"
            parts.append(part)
        groups.append(",".join(parts))
    return "|".join(groups)


def parse_conda_spec(spec: str, category: str) -> Spec:
    """Take a spec apart as conda's MatchSpec does.

    Raises:
        Unsupported: it has brackets, a URL, a subdir, or other things that are rare.
    """
    if re.search(r"[\[\]()#@^$]| if ", spec) or spec.endswith((".conda", ".tar.bz2")):
        raise Unsupported(f"'{spec}' is written in a rare form")
    head, _, rest = spec.rpartition(":")
    channel = None
    if head:
        channel = head[:-1]
        if not head.endswith(":") or not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]*$", channel):
            raise Unsupported(f"'{spec}' names a channel in a rare form")
        if channel in ("local", "defaults"):
            raise Unsupported(f"'{spec}' names a channel that means several")
    match = re.match(r"([^ =<>!~]+)?([><!=~ ].+)?", rest)
    name, constraint = match.groups() if match else (None, None)
    if not name or "*" in name:
        raise Unsupported(f"'{spec}' has no plain name")
    version, build = "", None
    constraint = (constraint or "").strip()
    if constraint:
        parts = re.search(
            r"((?:.+?)[^><!,|]?)(?:(?<![=!|,<>~])(?:[ =])([^-=,|<>~]+?))?$", constraint
        )
        if parts is None:
            raise Unsupported(f"'{spec}' is written in a rare form")
        version, build = parts.groups()
        build = build.strip() if build else None
        version = version.replace(" ", "")
        if version in ("=", "=="):
            raise Unsupported(f"'{spec}' has no version behind its {version}")
        if version[0] == "=":
            tail = version[1:]
            if version[:2] == "==" and build is None:
                version = version[2:]
            elif not any(char in tail for char in "=,|"):
                version = tail if build is not None or tail[-1] == "*" else tail + "*"
        version = normalize_version(version)
    return {
        **describe_dependency(name.lower(), "conda", category),
        "version": version,
        "build": build or None,
        "conda_channel": channel,
        "hash": None,
    }


# --- requirements for pip


def describe_dependency(name: str, manager: str, category: str) -> Spec:
    """Give what all kinds of dependencies have."""
    return {"name": name, "manager": manager, "category": category, "extras": [], "markers": None}


def is_wanted(marker: str | None, platform: str) -> bool:
    """Evaluate a marker (PEP 508) as far as the platform alone decides it."""
    if marker is None:
        return True
    from packaging.markers import InvalidMarker, Marker

    try:
        parsed = Marker(marker)
    except (InvalidMarker, RecursionError) as error:
        raise Unsupported(f"the marker '{marker}' cannot be read") from error
    known = re.search(r"\b(sys_platform|platform_system|os_name)\b", marker)
    if _OTHER_MARKERS.search(marker):
        if known:
            raise Unsupported(f"the marker '{marker}' mixes the platform with other things")
        # It is not known before it is solved: conda-lock keeps it.
        return True
    return bool(parsed.evaluate(dict(MARKERS[platform.partition("-")[0]])))


def parse_pip_line(line: str, category: str) -> Spec:
    """Take a requirement apart as conda-lock does.

    Raises:
        Unsupported: it is an option, or a path.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    marker = None
    if ";" in line:
        line, marker = (part.strip() for part in line.rsplit(";", 1))
    if line.startswith(("git+", "https://", "ssh://")):
        name = line.split("/")[-1].split("@")[0]
        line = f"{name[:-4] if name.endswith('.git') else name} @ {line}"
    given_hash = None
    if line.count(" --hash=") == 1:
        line, given_hash = line.split(" --hash=")
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError) as error:
        raise Unsupported(f"the line for pip '{line}' is no requirement by name") from error
    spec = describe_dependency(canonicalize_name(requirement.name), "pip", category)
    spec["markers"] = marker
    url = requirement.url
    if url is None:
        version = ",".join(sorted(str(requirement.specifier).replace("===", "==").split(",")))
        spec["extras"] = sorted(requirement.extras)
        return {
            **spec,
            "version": version or "*",
            "build": None,
            "conda_channel": None,
            "hash": given_hash,
        }
    if url.startswith("git+"):
        return {**spec, **parse_git_url(url)}
    if url.startswith(("https://", "ssh://")):
        url, fragment = urldefrag(url)
        spec["extras"] = sorted(requirement.extras)
        return {**spec, "url": url, "hashes": [fragment.replace("=", ":")]}
    raise Unsupported(f"the line for pip '{line}' is a path")


def parse_git_url(url: str) -> Spec:
    """Take a URL of pip's for a git repository apart, as conda-lock does."""
    url = url[:-4] if url.endswith(".git") else url
    url = url[4:]
    revision, subdirectory = None, None
    if "@" in url:
        url, revision = url.rsplit("@", 1)
        if url.count("@") > 1:
            raise Unsupported("a URL of a git repository has several @")
    if revision and "#subdirectory=" in revision:
        revision, subdirectory = revision.split("#subdirectory=")
    return {"source": url, "vcs": "git", "rev": revision, "subdirectory": subdirectory}


# --- virtual packages


def list_virtual_packages(platform: str, glibc: str, cuda: str) -> VirtualPackages:
    """Give the virtual packages that conda-lock assumes."""
    packages = [("__unix", "0", ""), ("__archspec", "1", ARCHITECTURES[platform])]
    if platform.startswith("linux-"):
        packages += [("__linux", "5.10", ""), ("__glibc", glibc, "")]
    elif platform.startswith("osx-"):
        packages.append(("__osx", "11.0", ""))
    else:
        packages[0] = ("__win", "0", "")
    if cuda and not platform.startswith("osx-"):
        packages.append(("__cuda", cuda, ""))
    return packages


def describe_virtual_packages(
    packages: VirtualPackages, platform: str, with_number: bool
) -> dict[str, Any]:
    """Give the repodata of the channel that conda-lock makes up for them.

    Args:
        packages: what is in it.
        platform: its subdir.
        with_number: whether build strings end in the number of the build, as they once did.
    """
    entries = {}
    for name, version, build_string in packages:
        build = "0"
        if build_string:
            build = f"{build_string}_0" if with_number else build_string
        entries[f"{name}-{version}-{build}.tar.bz2"] = {
            "name": name,
            "version": version,
            "build_string": build_string,
            "build_number": 0,
            "build": build,
            "noarch": "",
            "depends": [],
            "timestamp": 1577854800000,
            "package_type": "virtual_system",
            "subdir": platform,
        }
    return {
        "noarch": {"info": {"subdir": "noarch"}, "packages": {}},
        platform: {"info": {"subdir": platform}, "packages": entries},
    }


def list_virtual_variants(platform: str, own: VirtualPackages | None) -> Iterator[dict[str, Any]]:
    """Give what conda-lock may have assumed: what it does today first, then what it once did.

    Args:
        platform: the platform.
        own: the packages of the project's virtual-packages.yml, where it has one.
    """
    if own is None:
        bases = [list_virtual_packages(platform, *pair) for pair in itertools.product(GLIBC, CUDA)]
    else:
        bases = [own]
    for packages in bases:
        choices = [packages]
        if platform == "osx-64" and ("__osx", "11.0", "") in packages:
            # conda-lock lists macOS 10.15, too, unless the project has its own list.
            choices.insert(int(own is not None), [*packages, ("__osx", "10.15", "")])
        for choice in choices:
            for with_number in (True, False):
                yield describe_virtual_packages(choice, platform, with_number)


# --- the hash


def list_specs(environments: list[Environment], platform: str) -> list[Spec]:
    """Give all specs for one platform in conda-lock's order, each name once."""
    specs: dict[tuple[str, str], Spec] = {}
    for environment in environments:
        category = environment.category or "main"
        found = [parse_conda_spec(spec, category) for spec in environment.dependencies]
        for line in environment.pip:
            if line.startswith("-e "):
                continue
            spec = parse_pip_line(line, category)
            if is_wanted(spec["markers"], platform):
                found.append(spec)
        if environment.has_pip_section:
            found.append({**parse_conda_spec("pip", "main"), "version": "*"})
        for spec in found:
            specs[spec["manager"], spec["name"]] = spec
    return [specs[key] for key in sorted(specs)]


def hash_content(content: dict[str, Any]) -> str:
    """Hash a JSON document in its canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_old_version(version: str) -> str:
    """Write the version of a requirement for pip as conda-lock 2 did."""
    parts = []
    for part in version.split(","):
        pieces = part[2:].split(".")
        if part.startswith("~=") and len(pieces) > 1 and all(piece.isdigit() for piece in pieces):
            upper = [pieces[0], str(int(pieces[1]) + 1), *("0" for _ in pieces[2:])]
            parts += [f">={'.'.join(pieces)}", f"<{'.'.join(upper)}"]
        else:
            parts.append(part.replace("==", "="))
    return ",".join(sorted(parts))


def write_specs(specs: list[Spec], manner: str) -> list[Spec]:
    """Write specs as a release of conda-lock does, or did.

    Args:
        specs: with all fields of today.
        manner: ``today``; ``3.0``, before it left out new fields that are null; ``2.5``; ``2.0``.
    """
    if manner == "3.0":
        return specs
    new = {"markers", "subdirectory", *(["hash"] if manner == "2.0" else [])}
    written = []
    for spec in specs:
        spec = {key: value for key, value in spec.items() if value is not None or key not in new}
        if manner != "today" and spec["manager"] == "pip" and "version" in spec:
            spec["version"] = write_old_version(spec["version"])
        written.append(spec)
    return written


def list_content_hashes(
    environments: list[Environment],
    channels: list[str],
    platform: str,
    own_virtual_packages: VirtualPackages | None = None,
) -> Iterator[str]:
    """Give the hashes that say that a lock is current: what conda-lock would record today first.

    Args:
        environments: what each source of the lock says, for this platform.
        channels: those of the lock.
        platform: the platform.
        own_virtual_packages: those of the project's virtual-packages.yml.

    Raises:
        Unsupported: it takes conda-lock to tell.
    """
    if platform not in ARCHITECTURES:
        raise Unsupported(f"conda-lock has no platform {platform}")
    described = [describe_channel(channel) for channel in channels]
    specs = list_specs(environments, platform)
    variants = list(list_virtual_variants(platform, own_virtual_packages))
    repositories = [
        repository for environment in environments for repository in environment.pip_repositories
    ]
    # pydantic 2 writes JSON without blanks; pydantic 1, which conda-lock had until 2.5, with them.
    for separators in ((",", ":"), (", ", ": ")):
        head: dict[str, Any] = {
            "channels": [
                json.dumps(item, separators=separators, ensure_ascii=False) for item in described
            ]
        }
        if repositories:
            head["pip_repositories"] = [
                json.dumps({"url": url}, separators=separators, ensure_ascii=False)
                for url in repositories
            ]
        for manner in ("today", "3.0", "2.5", "2.0"):
            head["specs"] = write_specs(specs, manner)
            for variant in variants:
                yield hash_content({**head, "virtual_package_hash": variant})
