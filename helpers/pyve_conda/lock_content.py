"""What is in a conda-lock.yml, as conda-lock has it in memory, and writing the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError, redact
from pyve_core.durable import replace_durably, staging_folder
from pyve_core.fixes import move_away, open_up

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_spec(dependency: Any) -> str:
    """Write a dependency of conda-lock as a match specification."""
    channel = f"{dependency.conda_channel}::" if dependency.conda_channel else ""
    version = dependency.version or ("*" if dependency.build else "")
    return f"{channel}{dependency.name} {version} {dependency.build or ''}".strip()


def check_digests(content: Any) -> None:
    """See that every package of a lock has a digest.

    Raises:
        HelperError: E_CONDA_HASH.
    """
    for package in content.package:
        if not (package.hash.sha256 or package.hash.md5):
            raise HelperError(
                "E_CONDA_HASH",
                f"there is no digest of {package.name} {package.version}",
                [
                    redact(package.url),
                    "its channel or index gives none; take it from another one",
                ],
            )


def versions_of(content: Any, platforms: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the version of each package by platform and name."""
    packages = content.package if content is not None else ()
    return {
        (package.platform, package.name): str(package.version)
        for package in packages
        if package.platform in platforms
    }


def describe_changes(
    before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> list[str]:
    """Say which versions have changed, once for all platforms.

    Returns:
        Lines such as ``added idna 3.4``, ``idna 3.4 -> 3.5`` and ``removed idna 3.5``.
    """
    lines = set()
    for key in {**before, **after}:
        old, new = before.get(key, ""), after.get(key, "")
        if old != new:
            verb = "" if old and new else "added " if new else "removed "
            arrow = " -> " if old and new else ""
            lines.add(f"{verb}{key[1]} {old}{arrow}{new}")
    return sorted(lines)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of another; the mode stays.

    Raises:
        HelperError: E_CONDA_WRITE, E_DISK_FULL.
    """
    from pyve_conda.failures import full_disk, is_full_disk

    path = Path(os.path.realpath(path))
    # (A name of which the next command knows that it is a leftover.)
    part = staging_folder(path) / f".{path.name}.pyve-new.{os.getpid()}"
    try:
        mode = path.stat().st_mode & 0o7777 if path.exists() else None
        part.write_bytes(data)
        if mode is not None:
            part.chmod(mode)
        replace_durably(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if is_full_disk(str(error)):
            raise full_disk(str(path)) from error
        in_the_way = [move_away(path)] if path.is_dir() else open_up(path.parent)
        raise HelperError(
            "E_CONDA_WRITE",
            f"cannot write {path}",
            [
                error.strerror or str(error),
                "it has to be a file, in a folder that you may write to",
            ],
            in_the_way,
        ) from error
