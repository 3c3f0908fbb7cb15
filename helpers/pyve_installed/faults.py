"""Distributions that are not whole, or that are there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyve_installed.distributions import (
    list_entries,
    matches_record,
    read_distribution,
    read_record,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyve_installed.distributions import Distribution


def find_damaged(folders: Iterable[Path]) -> Iterator[tuple[str, str, str, str]]:
    """Find distributions without their records, and what pip did not remove.

    Conda's packages need no RECORD: conda-meta has it.
    """
    for folder in folders:
        for entry in list_entries(folder):
            path = folder / entry
            if entry.startswith("~"):
                yield "leftover", entry, "", str(path)
            if not entry.endswith(".dist-info") or entry.startswith("~") or not path.is_dir():
                continue
            name, _, version = entry[: -len(".dist-info")].partition("-")
            distribution = read_distribution(path, True)
            if distribution is None or not distribution.whole:
                yield "no-metadata", name, version, str(path)
            elif not (path / "RECORD").is_file():
                installer = read_text(path / "INSTALLER").strip()
                if installer not in ("conda", "debian", "rpm"):
                    yield "no-record", distribution.shown, distribution.version, str(path)


def is_on_disk(distribution: Distribution) -> bool:
    """Tell whether every file of a distribution is as its RECORD says."""
    record = read_record(distribution)
    return bool(record) and all(
        matches_record(distribution.folder / path, digest)
        for path, (digest, _) in record.items()
        if not path.endswith(".pyc")
    )


def find_duplicates(distributions: Iterable[Distribution]) -> Iterator[list[str]]:
    """Find distributions that the environment has more than once."""
    by_name: dict[str, list[Distribution]] = {}
    for distribution in distributions:
        if distribution.own:
            by_name.setdefault(distribution.name, []).append(distribution)
    for name, group in sorted(by_name.items()):
        if len(group) > 1:
            stale = [d for d in group if not is_on_disk(d)]
            if len(stale) != len(group) - 1:
                stale = []
            versions = ", ".join(d.version for d in group)
            yield [name, versions, *(str(d.path) for d in stale)]
