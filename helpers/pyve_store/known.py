"""Bytecode that the store has already, made for other environments of the same Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_store.layout import LayoutError, is_digest, list_names, parse_entry, parse_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["list_bytecode"]

# So many environments are read; each has some 20,000 files.
_MOST = 3
_CODE = re.compile(r"site/((?:.*/)?)__pycache__/([^/]+)\.[^./]+\.pyc")


def list_bytecode(
    store: Path, python: str, identities: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """List sources and their bytecode in the pool.

    Args:
        store: the folder of the store.
        python: the interpreter's id.
        identities: of the packages that are wanted.

    Yields:
        The path of a source below the folder of packages, its SHA-256, that of its bytecode.
    """
    left = set(identities)
    there = {}
    for digest in filter(is_digest, list_names(store / "envs")):
        entry = store / "envs" / digest
        try:
            fields = parse_entry((entry / "entry").read_bytes())
            text = (entry / "distributions").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        if fields.get("python") == python and fields.get("bytecode") == "relative":
            there[entry] = left.intersection(line.partition(" ")[0] for line in text.splitlines())
    for _ in range(_MOST):
        best = max(there, key=lambda entry: len(there[entry] & left), default=None)
        if best is None or not there[best] & left:
            return
        left -= there.pop(best)
        try:
            lines = {line.path: line.sha256 for line in parse_files((best / "files").read_bytes())}
        except (OSError, LayoutError):
            continue
        for path, sha256 in lines.items():
            match = _CODE.fullmatch(path)
            source = f"{match.group(1)}{match.group(2)}.py" if match else ""
            if source and f"site/{source}" in lines:
                yield source, lines[f"site/{source}"], sha256
