"""Find files with the same content below a folder.

Usage: python duplicates.py [folder]

Prints each group of equal files, largest first, and how many bytes the extra copies take.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator


def files_below(folder: str) -> Iterator[str]:
    """Yield the regular files below a folder, without following links."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def digest(path: str) -> str:
    """Return the SHA-256 digest of a file's content."""
    result = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            result.update(block)
    return result.hexdigest()


def find_duplicates(folder: str) -> list[tuple[int, list[str]]]:
    """Return (size in bytes, paths) of each group of equal files that are not empty."""
    by_size: dict[int, list[str]] = defaultdict(list)
    for path in files_below(folder):
        by_size[os.path.getsize(path)].append(path)
    groups = []
    for size, same_size in by_size.items():
        if size == 0 or len(same_size) == 1:
            continue
        by_digest: dict[str, list[str]] = defaultdict(list)
        for path in same_size:
            by_digest[digest(path)].append(path)
        groups += [(size, sorted(paths)) for paths in by_digest.values() if len(paths) > 1]
    return sorted(groups, key=lambda group: (-group[0], group[1]))


def main(arguments: list[str]) -> int:
    """Print the groups; return 1 when the folder is not there."""
    folder = arguments[0] if arguments else "."
    if not os.path.isdir(folder):
        print(f"duplicates: no such folder: {folder}", file=sys.stderr)
        return 1
    wasted = 0
    for size, paths in find_duplicates(folder):
        wasted += size * (len(paths) - 1)
        print(f"{size} bytes, {len(paths)} times:")
        for path in paths:
            print(f"  {path}")
    print(f"{wasted} bytes in extra copies")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
