"""The log of what agents did: a line of JSON for each call, only ever added to, and bounded."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from typing import Any

from pyve_core.redaction import gather_secrets, replace_secrets

# A log that has grown so large, in bytes, makes room for a new one; one old one is kept.
LARGEST = 1_000_000
_LONGEST_TEXT = 300

Json = Any


def shorten(value: Json, secrets: list[str]) -> Json:
    """Give a value without secrets, and without long texts."""
    if isinstance(value, str):
        text = replace_secrets(value, secrets)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    if isinstance(value, list):
        return [shorten(item, secrets) for item in value[:100]]
    if isinstance(value, dict):
        items = list(value.items())[:100]
        return {shorten(str(name), secrets): shorten(item, secrets) for name, item in items}
    return value


def find_log(project: str) -> str:
    """Give the path of the log: in the project's .pyve, or the user's where there is none."""
    folder = os.path.join(project, ".pyve") if project else ""
    # A link could lead out of the project.
    if folder and os.path.isdir(folder) and not os.path.islink(folder):
        return os.path.join(folder, "mcp.jsonl")
    state = os.environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        home = os.environ.get("HOME", "")
        if not home.startswith("/"):
            return ""
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "pyve", "mcp.jsonl")


def write_entry(project: str, entry: dict[str, Json]) -> None:
    """Add an entry to the log of a project. A log that cannot be written stops nothing."""
    with contextlib.suppress(OSError, ValueError):
        path = find_log(project)
        if path:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            # (The server outlives many a .env.)
            secrets = gather_secrets(dict(os.environ), project or "/")
            line = json.dumps(shorten({"time": now, **entry}, secrets), ensure_ascii=True) + "\n"
            _append(path, line.encode("ascii"))


def _append(path: str, line: bytes) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.fchmod(descriptor, 0o600)
        os.write(descriptor, line)
        if status.st_size + len(line) > LARGEST:
            # Another server may have done so already: its new log is not the old one.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                os.replace(path, f"{path[: -len('.jsonl')]}.old.jsonl")
    finally:
        os.close(descriptor)
