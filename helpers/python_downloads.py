"""Take those Pythons out of a list of downloads that cannot be verified.

Usage: python_downloads.py LIST CHECKED

LIST is a list of python-build-standalone as uv reads it (``download-metadata.json``): an object
that has, for each key such as ``cpython-3.12.4-linux-x86_64-gnu``, an object with ``url`` and
``sha256``. CHECKED gets the entries whose ``sha256`` is one. Prints how many were left out.
Runs in any Python from 3.7 on, without its site-packages.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def keep_verifiable(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that have a SHA-256 of 64 hexadecimal digits.

    Args:
        entries: the list: key -> what is known of the download.

    Raises:
        ValueError: the list is none.
    """
    if not isinstance(entries, dict) or not all(isinstance(one, dict) for one in entries.values()):
        raise ValueError("it is not an object of objects")
    return {
        key: one for key, one in entries.items() if _SHA256.fullmatch(str(one.get("sha256") or ""))
    }


def main(source: str, target: str) -> int:
    """Copy the list from one file to another; return the exit code."""
    try:
        with open(source, encoding="utf-8") as file:
            entries = json.load(file)
        kept = keep_verifiable(entries)
        with open(target, "w", encoding="utf-8") as file:
            json.dump(kept, file)
    except (OSError, ValueError, RecursionError) as error:
        print(str(error) or type(error).__name__)
        return 1
    print(len(entries) - len(kept))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
