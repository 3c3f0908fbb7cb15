"""What a user has on disk, so that two moments can be compared: old, or new, or neither."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

# What differs from one run of a command to the next, although the same was done.
_CHANGING = (
    # Names and numbers of processes, and moments.
    (re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"), b"<time>"),
    (re.compile(rb"^change=.*$", re.MULTILINE), b"change=<process>"),
    (re.compile(rb'("(?:link_time|timestamp|mtime|made|duration_ms)":\s*)[0-9.]+'), rb"\1<time>"),
)
# Names that are drawn by lot: each is "<what it is about>.<process>.<number>".
_DRAWN = re.compile(r"(/owners/[0-9a-f]{64})\.[0-9.]+$")
_digests: dict[tuple[int, int, int], str] = {}


def digest_file(path: Path, status: os.stat_result) -> str:
    """Return the digest of a file's content, without what changes from run to run.

    A file is known again by its number, time and size: worlds are made of hard links.
    """
    key = (status.st_ino, status.st_mtime_ns, status.st_size)
    if key not in _digests:
        content = path.read_bytes()
        if len(content) < 1_000_000:
            for pattern, text in _CHANGING:
                content = pattern.sub(text, content)
        _digests[key] = hashlib.sha256(content).hexdigest()[:20]
    return _digests[key]


def take_snapshot(root: Path, left_out: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what is below a folder: path -> kind, mode and digest.

    Args:
        root: the folder.
        left_out: patterns (regular expressions, of the whole path below root) of what does not
            count; a folder that does not count is not entered.
    """
    pattern = re.compile("|".join(f"(?:{one})" for one in left_out) or r"(?!)")
    found: dict[str, str] = {}
    pending = [root]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = os.path.relpath(entry.path, root)
                if pattern.fullmatch(name):
                    continue
                name = _DRAWN.sub(r"\1", name)
                status = entry.stat(follow_symlinks=False)
                mode = f"{stat.filemode(status.st_mode)}"
                if entry.is_symlink():
                    found[name] = f"{mode} -> {os.readlink(entry.path)}"
                elif entry.is_dir():
                    found[name] = mode
                    pending.append(Path(entry.path))
                elif entry.is_file():
                    found[name] = f"{mode} {digest_file(Path(entry.path), status)}"
                else:
                    found[name] = mode
    return found


def compare(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return how two snapshots differ, a line for each path, at most eight of them."""
    lines: list[str] = []
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            # Of a folder that is there in one of them only, not all that is in it.
            if lines and name.startswith(lines[-1].rsplit(": ", 1)[0] + "/"):
                continue
            lines.append(f"{name}: {wanted.get(name, 'nothing')} | {found.get(name, 'nothing')}")
    return lines if len(lines) <= 8 else [*lines[:8], f"and {len(lines) - 8} more"]
