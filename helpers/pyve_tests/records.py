"""What is noted of a run while it goes on: a line of JSON for each thing that happens.

Lines, so that a run that is killed, or that crashes, leaves what is known of it by then.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
import os
from typing import Any

# How much of the words of a failure is kept, in characters.
LONGEST_TEXT = 20000

BROKEN_OFF = "the run ended while this test was going on"


class Recorder:
    """Writes the file of a run; without a path it writes nothing."""

    def __init__(self, path: str) -> None:
        # (It stays open for the run.)
        self._stream = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115
        self._owner = os.getpid()

    def write(self, kind: str, **values: Any) -> None:
        """Write a line. A process that a test has forked writes none."""
        if self._stream is not None and os.getpid() == self._owner:
            line = json.dumps({"type": kind, **values}, default=str)
            self._stream.write(line + "\n")
            self._stream.flush()

    def close(self) -> None:
        """End the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def describe_failure(file: str | None, line: int | None, message: str, text: str) -> dict[str, Any]:
    """Give a failure as it is told.

    Args:
        file: the path where it happened, or None.
        line: the number of the line there, counted from 1, or None.
        message: what went wrong, of which the first line counts.
        text: all that there is to say.
    """
    if len(text) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        text = text[:half] + "\n...\n" + text[-half:]
    return {"file": file, "line": line, "message": message[:2000], "text": text}


def describe_broken_off(file: str | None) -> dict[str, Any]:
    """Give the failure of a test that never ended, as after a crash, or Ctrl-C."""
    return describe_failure(file, None, BROKEN_OFF, BROKEN_OFF)


def shorten_path(path: str, root: str) -> str:
    """Give a path relative to a folder, when it is in it."""
    absolute = os.path.abspath(path)
    if absolute.startswith(root.rstrip(os.sep) + os.sep):
        return os.path.relpath(absolute, root)
    return absolute
