"""One package of ``uv export``, as it stands in Pyve's lock: PEP 751, section ``packages``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks.origins import file_name, list_artifacts
from pyve_locks.requirement import strip_credentials
from pyve_locks.uv_lock import name_choices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyve_locks.manifest import Manifest
    from pyve_locks.uv_lock import Edges

__all__ = ["Place", "clean_url", "finish_package"]

_ALL = ":all:"
# A URL without any of these has nothing to hide.
_SUSPECT = re.compile(r"[@?;#]|/t/")


@dataclass(frozen=True)
class Place:
    """Where paths count from. Both are absolute, without links in them.

    Attributes:
        root: the folder of the lock.
        workspace: the folder of the made project.
    """

    root: str
    workspace: str

    def relative(self, path: str) -> str:
        """Give a path of the made project, absolute or not, as it counts from the lock (POSIX)."""
        full = os.path.normpath(os.path.join(self.workspace, path))
        # A link on the way to the project may stand in it; one inside of the project stays.
        real = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
        found = full if f"{full}/".startswith(f"{self.root}/") else real
        return os.path.relpath(found, self.root).replace(os.sep, "/")


def clean_url(url: str) -> str:
    """Take user, password, and what of a query is a token, out of a URL."""
    if not _SUSPECT.search(url):
        return url
    parts = urlsplit(strip_credentials(url))
    kept = [part for part in parts.query.split("&") if not part.endswith("=***")]
    return urlunsplit(parts._replace(query="&".join(kept)))


def finish_package(
    package: dict[str, Any], place: Place, edges: Edges, manifest: Manifest
) -> dict[str, Any]:
    """Make the table of a package for the lock.

    Args:
        package: as ``uv export --format pylock.toml`` has it.
        place: where paths count from.
        edges: what it depends on.
        manifest: its limits to hashes and kinds of files.

    Returns:
        A new table: paths relative to the lock, no credential, a sha256 for each artifact, markers
        with extras and groups.

    Raises:
        HelperError: E_INDEX (an artifact without sha256), E_RESOLVE_MISSING (no artifact is left).
    """
    done = dict(package)
    name = str(canonicalize_name(package["name"]))
    done["name"] = name
    if "marker" in done:
        done["marker"] = name_choices(done["marker"])
    for key in ("vcs", "directory", "archive", "sdist"):
        if key in done:
            done[key] = _move(done[key], place)
    if "wheels" in done:
        done["wheels"] = [_move(wheel, place) for wheel in done["wheels"]]
    if "directory" in done and not done["directory"].get("editable", True):
        del done["directory"]["editable"]
    if "index" in done:
        done["index"] = clean_url(done["index"])
        if done["index"].startswith("file:"):
            # A folder of files, whose absolute path tells nothing elsewhere.
            del done["index"]
    found = _depends_on(name, str(package.get("version", "")), edges)
    if found:
        done["dependencies"] = found
    _choose_files(done, manifest)
    for artifact in list_artifacts(done):
        if not artifact.get("hashes", {}).get("sha256"):
            raise HelperError(
                "E_INDEX",
                f"there is no sha256 of {file_name(artifact)}",
                "a lock has one of every file",
            )
    return done


def _move(table: dict[str, Any], place: Place) -> dict[str, Any]:
    done = dict(table)
    url = str(done.get("url", ""))
    if url.startswith("file:"):
        del done["url"]
        done["path"] = unquote(urlsplit(url).path)
    elif url:
        done["url"] = clean_url(url)
    if "path" in done:
        done["path"] = place.relative(done["path"])
    return done


def _depends_on(name: str, version: str, edges: Edges) -> list[dict[str, str]]:
    """Give the edges of a package; of one without a version, those of all that has its name."""
    if (name, version) in edges:
        return edges[name, version]
    found: list[dict[str, str]] = []
    for (other, _), wanted in edges.items():
        if other == name:
            found += [edge for edge in wanted if edge not in found]
    return found


def _choose_files(package: dict[str, Any], manifest: Manifest) -> None:
    """Leave out files that the manifest does not allow: --hash, --no-binary, --only-binary."""
    name = package["name"]
    if "wheels" not in package and "sdist" not in package:
        return
    options = manifest.options
    if _names(options.no_binary, name):
        package.pop("wheels", None)
    if _names(options.only_binary, name):
        package.pop("sdist", None)
    asked = [
        requirement
        for requirements in manifest.roots.values()
        for requirement in requirements
        if requirement.name == name and requirement.hashes
    ]
    allowed = {value for requirement in asked for value in requirement.hashes}
    if allowed:
        if "sdist" in package and not _has_hash(package["sdist"], allowed):
            del package["sdist"]
        wheels = [wheel for wheel in package.get("wheels", ()) if _has_hash(wheel, allowed)]
        package.pop("wheels", None)
        if wheels:
            package["wheels"] = wheels
    if "wheels" in package or "sdist" in package:
        return
    shown = f"{name} {package.get('version', '')}".rstrip()
    why = ["--no-binary or --only-binary leaves out all there is"]
    if asked:
        why = [
            f"{requirement.file}, line {requirement.line}: {_short(requirement.canonical())}"
            for requirement in asked
        ]
    raise HelperError("E_RESOLVE_MISSING", f"no file of {shown} is allowed", why)


def _names(names: Iterable[str], name: str) -> bool:
    return any(found in (_ALL, name) for found in names)


def _short(text: str) -> str:
    return re.sub(r"(:[0-9a-f]{12})[0-9a-f]+", r"\1...", text)


def _has_hash(artifact: dict[str, Any], allowed: set[str]) -> bool:
    """Tell whether an artifact has one of the hashes; one that is not known cannot be told."""
    hashes = artifact.get("hashes", {})
    return any(f"{kind}:{value}".lower() in allowed for kind, value in hashes.items())
