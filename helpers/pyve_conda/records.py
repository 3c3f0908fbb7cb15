"""Exact packages from a lock (conda-lock v1), or from a prefix that was made before."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pyve_conda.channels import expand_variables, split_archive_url
from pyve_conda.fetch import Item
from pyve_core import HelperError, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyve_files.lock import LockedPackage

ARCHIVE = re.compile(r".+-[^-]+-[^-]+\.(conda|tar\.bz2)")
DIGESTS = {"md5": 32, "sha256": 64}


def check_entry(name: str, version: str, url: str, source: str) -> None:
    """See that an entry's URL is that of a conda archive of the same package.

    Raises:
        HelperError: E_CONDA_LOCK.
    """
    file_name = unquote(split_archive_url(url)[2])
    if "://" not in url or not ARCHIVE.fullmatch(file_name):
        why = f"not the URL of a conda package: {redact(url)}"
    elif not file_name.lower().startswith(f"{name}-{version}-".lower()):
        why = f"{name} {version} has the URL of another package: {redact(url)}"
    else:
        return
    fix = "pyve init --force" if source.endswith(".json") else "pyve lock"
    raise HelperError("E_CONDA_LOCK", f"{source} is damaged at {name}", why, fix)


def check_hashes(name: str, md5: str | None, sha256: str | None, source: str) -> None:
    """See that the digests of a package are digests.

    Raises:
        HelperError: E_CONDA_LOCK.
    """
    for kind, digest, length in (("md5", md5, 32), ("sha256", sha256, 64)):
        if digest and not re.fullmatch(r"[0-9a-fA-F]{%d}" % length, digest):
            raise HelperError(
                "E_CONDA_LOCK",
                f"{source} is damaged at {name}",
                f"not a digest: {kind}: {digest}",
                "pyve lock",
            )


def select_packages(
    packages: Iterable[LockedPackage], platform: str, categories: Sequence[str]
) -> list[LockedPackage]:
    """Choose what is to be installed from the packages of a lock.

    Args:
        packages: those of all platforms; one of two categories is there twice.
        platform: the platform of the environment.
        categories: which ones beside ``main``.

    Returns:
        Each package once, by manager and name.
    """
    chosen: dict[tuple[str, str], LockedPackage] = {}
    wanted = {"main", *categories}
    for package in packages:
        if package.category in wanted and package.platform == platform:
            chosen.setdefault((package.manager, package.name), package)
    return [chosen[key] for key in sorted(chosen)]


def items_of_lock(packages: Iterable[LockedPackage], source: str) -> list[Item]:
    """Make items of the conda packages of a lock.

    Raises:
        HelperError: E_CONDA_LOCK, E_CONDA_CHANNEL (a variable in a URL is not set).
    """
    items = []
    for package in packages:
        if package.manager == "conda":
            url = expand_variables(package.url, os.environ)
            check_entry(package.name, package.version, url, source)
            check_hashes(package.name, package.md5, package.sha256, source)
            items.append(Item(url, package.md5.lower(), package.sha256.lower()))
    return items


def take_from(folders: Sequence[Path], items: Iterable[Item]) -> None:
    """Let archives be taken from folders, where they lie as in a channel: ``SUBDIR/ARCHIVE``."""
    for item in items:
        _, subdir, name = split_archive_url(item.url)
        for folder in folders:
            file = folder / subdir / unquote(name)
            if file.is_file():
                item.source = str(file)
                break


def pip_lines(packages: Iterable[LockedPackage], folders: Sequence[Path] = ()) -> list[str]:
    """Write the pip packages of a lock as lines of a requirements file, with their digests.

    What lies in one of the folders is taken from there.
    """
    lines = []
    for package in packages:
        if package.manager == "pip":
            kind = "sha256" if package.sha256 else "md5"
            url = expand_variables(package.url, os.environ)
            digest = package.sha256 or package.md5
            name = unquote(urlsplit(url).path).rpartition("/")[2]
            for folder in folders:
                if name and (folder / name).is_file():
                    url = (folder / name).absolute().as_uri()
                    break
            lines.append(f"{package.name} @ {url} --hash={kind}:{digest}")
    return lines


def items_of_prefix(prefix: Path) -> tuple[list[Item], str]:
    """Make items of the packages that are in a prefix.

    Returns:
        The items, and the platform that they are for ("" when all are for any platform).

    Raises:
        HelperError: E_CONDA_PREFIX.
    """
    items, platform = [], ""
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            url = str(record["url"])
            name, version = str(record["name"]), str(record["version"])
            subdir = str(record.get("subdir") or split_archive_url(url)[1])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HelperError(
                "E_CONDA_PREFIX", f"cannot read {path}", str(error), "pyve init --force"
            ) from error
        check_entry(name, version, url, str(path))
        if subdir != "noarch":
            platform = subdir
        md5, sha256 = (str(record.get(kind) or "") for kind in ("md5", "sha256"))
        items.append(Item(url, md5, sha256))
    if not items:
        raise HelperError(
            "E_CONDA_PREFIX",
            f"there is no conda environment in {prefix}",
            "it has no conda-meta/*.json",
            "pyve init --force",
        )
    return items, platform
