"""What a lock of conda prefers: where git left conflict marks, the pins of both sides.

Or the versions that another tool had locked.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core.merge_marks import split_sides

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["find_preferred", "read_preferred", "read_sides", "read_versions", "write_preferred"]


def read_sides(path: Path) -> list[Any]:
    """Read both sides of a lock, as conda-lock reads one.

    Returns:
        Those of its sides that are locks; nothing when there are no marks in it.
    """
    from conda_lock.lockfile import parse_conda_lock_file

    found = []
    for text in split_sides(path.read_text(encoding="utf-8", errors="replace")):
        with tempfile.TemporaryDirectory(prefix="pyve-lock-") as folder:
            file = Path(folder) / path.name
            file.write_text(text, encoding="utf-8")
            try:
                found.append(parse_conda_lock_file(file))
            except Exception:  # conda-lock raises many kinds for a damaged file
                continue
    return found


def write_preferred(sides: Iterable[Any], path: Path, moving: Collection[str] = ()) -> None:
    """Write down which packages of conda are preferred, for ``read_preferred``.

    Args:
        sides: of the lock.
        path: of a file for the engine: a JSON object of lists of URLs by platform.
        moving: names of packages that may have any version.
    """
    urls: dict[str, list[str]] = {}
    for side in sides:
        for package in side.package:
            known = urls.setdefault(package.platform, [])
            if package.manager == "conda" and package.name not in moving:
                known.append(package.url)
    path.write_text(json.dumps(urls), encoding="utf-8")


def read_preferred(path: str, platform: str) -> list[str]:
    """Give the URLs of the packages that are preferred for a platform."""
    if not path:
        return []
    urls: list[str] = json.loads(Path(path).read_text(encoding="utf-8")).get(platform, [])
    return urls


def read_versions(path: str) -> dict[str, list[str]]:
    """Give the versions that are preferred: a JSON object of lists by the name of the package."""
    if not path:
        return {}
    versions: dict[str, list[str]] = json.loads(Path(path).read_text(encoding="utf-8"))
    return versions


async def find_preferred(
    solver: Any, urls: Iterable[str], versions: Mapping[str, Sequence[str]]
) -> list[Any]:
    """Find the records of what is preferred, of each name the newest that is there.

    Args:
        solver: a ``Solver``, which knows the channels.
        urls: of archives.
        versions: of packages, by name.
    """
    from rattler import Version

    from pyve_conda.channels import split_archive_url

    names, wanted = set(versions), set()
    same: dict[str, list[Any]] = {name: [] for name in versions}
    for name, texts in versions.items():
        for text in texts:
            with suppress(Exception):  # that of rattler's, for what is no version of conda's
                same[name].append(Version(text))
    for url in urls:
        *_, file = split_archive_url(url)
        wanted.add(file)
        names.add(file.rpartition("-")[0].rpartition("-")[0])
    best: dict[str, Any] = {}
    for record in await solver.query(sorted(names)):
        name, now = record.name.normalized, best.get(record.name.normalized)
        is_wanted = record.version in same.get(name, ()) or (
            split_archive_url(record.url)[2] in wanted
        )
        if is_wanted and (
            now is None or (record.version, record.build_number) > (now.version, now.build_number)
        ):
            best[name] = record
    return list(best.values())
