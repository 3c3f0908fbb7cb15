"""Pyve's one answer for programs, where the server itself has something to say."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any

from pyve_core import HelperError
from pyve_core.redaction import gather_secrets, replace_secrets

Document = dict[str, Any]


def make_diagnostic(error: HelperError, folder: str = "") -> dict[str, Any]:
    """Write a failure as Pyve does in its answers, without the secrets of a folder's project."""
    secrets = gather_secrets(dict(os.environ), folder or "/")
    return {
        "code": error.code,
        "level": "error",
        "message": replace_secrets(error.message, secrets),
        "why": [replace_secrets(text, secrets) for text in error.why],
        "fix": [
            {"command": shlex.split(text), "risk": "safe", "automatic": False} for text in error.fix
        ],
        "context": {},
    }


def make_document(command: str, error: HelperError, folder: str = "") -> Document:
    """Write the answer of a command that was not started, or gave no answer."""
    return {
        "version": 1,
        "command": command,
        "status": "error",
        "exit_code": 1,
        "duration_ms": 0,
        "detail": {},
        "events": [],
        "diagnostics": [make_diagnostic(error, folder)],
    }


def add_failure(document: Document, error: HelperError, folder: str) -> None:
    """Add a failure to an answer."""
    document["status"] = "error"
    document["exit_code"] = document["exit_code"] or 1
    document["diagnostics"].append(make_diagnostic(error, folder))


def read_message(line: bytes) -> dict[str, Any] | None:
    """Read a line of --format=jsonl; None when it is none."""
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def describe_event(event: dict[str, Any]) -> str:
    """What an event says to a person who waits, or ""."""
    if event.get("event") == "diagnostic":
        event = event.get("diagnostic", {})
    parts = [event.get("message"), event.get("step")]
    return ": ".join(part for part in parts if part and isinstance(part, str))


def is_envelope(value: object) -> bool:
    """Tell whether a value is an answer of Pyve, with all that its readers count on."""
    return isinstance(value, dict) and {
        "version",
        "command",
        "status",
        "exit_code",
        "detail",
        "events",
        "diagnostics",
    } <= set(value)


def last_line(text: str) -> str:
    """The last line that says something, without the codes of terminals."""
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "")
