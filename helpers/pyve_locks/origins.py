"""Where a package of a ``pylock.toml`` comes from, and the files that it has (PEP 751)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pyve_locks.requirement import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# In the order in which pip's hash-checking mode prefers them; it knows no others.
STRONG_HASHES = ("sha256", "sha384", "sha512")


def table(package: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give a table of a package, empty when it has none."""
    value = package.get(key)
    return value if isinstance(value, dict) else {}


def is_project(package: Mapping[str, Any]) -> bool:
    """Tell whether it is the project itself: the folder that the lock is in."""
    path = table(package, "directory").get("path")
    folder = posixpath.normpath(posixpath.join(str(path), str(_subdirectory(package))))
    return path is not None and folder == "."


def _subdirectory(package: Mapping[str, Any]) -> str:
    for key in ("vcs", "directory", "archive"):
        if table(package, key).get("subdirectory"):
            return str(table(package, key)["subdirectory"])
    return ""


def vcs_url(package: Mapping[str, Any]) -> str:
    """Give ``git+https://example.org/x@COMMIT``, or "" when it is from no repository.

    A repository that is a folder beside the lock has its path in place of the URL.
    """
    vcs = table(package, "vcs")
    if not vcs:
        return ""
    where = strip_credentials(str(vcs.get("url") or vcs.get("path", "")))
    kind = str(vcs.get("type", "git"))
    if not where.startswith(f"{kind}+"):
        where = f"{kind}+{where}"
    return f"{where}@{vcs.get('commit-id', '')}"


def describe_origin(package: Mapping[str, Any]) -> str:
    """Say where it comes from: a URL, with the commit, or a path; "" for an index."""
    inside = _subdirectory(package)
    behind = f"#subdirectory={inside}" if inside else ""
    if vcs_url(package):
        return vcs_url(package) + behind
    for key in ("directory", "archive"):
        part = table(package, key)
        if part:
            return strip_credentials(str(part.get("url") or part.get("path", ""))) + behind
    return ""


def list_artifacts(package: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the tables of an archive, an sdist and the wheels, in this order."""
    for key in ("archive", "sdist"):
        if table(package, key):
            yield table(package, key)
    for wheel in package.get("wheels") or ():
        if isinstance(wheel, dict):
            yield wheel


def file_name(artifact: Mapping[str, Any]) -> str:
    """Give the name of an artifact's file."""
    if artifact.get("name"):
        return str(artifact["name"])
    if artifact.get("path"):
        return str(artifact["path"]).replace("\\", "/").rpartition("/")[2]
    return unquote(urlsplit(str(artifact.get("url", ""))).path).rpartition("/")[2]


def strong_hash(artifact: Mapping[str, Any]) -> str:
    """Give the hash that an installer is to check, as ``sha256:HEX``, or "" when there is none."""
    hashes = table(artifact, "hashes")
    for kind in STRONG_HASHES:
        if hashes.get(kind):
            return f"{kind}:{str(hashes[kind]).lower()}"
    return ""


@dataclass(frozen=True, order=True)
class File:
    """A file of a package.

    Attributes:
        name: of the file.
        digest: what an installer checks, as ``sha256:HEX``; "" when the lock has none.
        url: where it is, without user and password; "" for one beside the lock.
    """

    name: str
    digest: str
    url: str = ""


def list_files(package: Mapping[str, Any]) -> tuple[File, ...]:
    """Give the files of a package, sorted by name."""
    return tuple(
        sorted(
            File(
                file_name(artifact),
                strong_hash(artifact),
                strip_credentials(str(artifact.get("url") or "")),
            )
            for artifact in list_artifacts(package)
        )
    )
