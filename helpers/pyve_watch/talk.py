"""What the watcher says: lines for people on stderr, events for programs."""

from __future__ import annotations

import json
import os
import re
import sys

from pyve_core.errors import HelperError, redact

# What a terminal would obey, or is no text: names of files may hold anything.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Give a text without secrets, that a terminal shows as one line."""
    return _CONTROL.sub("?", redact(text))


class Talk:
    """Says what happens.

    Attributes:
        events: everything said, without what is only for people.
        warnings: the diagnostics that were no failures.
    """

    def __init__(self, form: str, is_quiet: bool) -> None:
        """Take the form: text, json, or jsonl: with an event on file 9 for each line."""
        self._form = form
        self._is_quiet = is_quiet
        self.events: list[str] = []
        self.warnings: list[HelperError] = []

    def say(self, text: str) -> None:
        """Say what happens."""
        text = clean(text)
        self.events.append(text)
        if self._form == "jsonl":
            event = {"version": 1, "event": "step", "level": "info", "message": text}
            os.write(9, (json.dumps(event) + "\n").encode())
        if not self._is_quiet:
            self._write(f"INFO: {text}\n")

    def warn(self, warning: HelperError) -> None:
        """Say what should be mended; the program that has started this one says it in JSON."""
        self.warnings.append(warning)
        if self._form == "text":
            self.show("WARNING", warning)

    def show(self, label: str, error: HelperError) -> None:
        """Write a diagnostic as people read it."""
        lines = [f"{label}: {error.message} [{error.code}]"]
        lines += [f"  why: {text}" for text in error.why] + [f"  fix: {text}" for text in error.fix]
        self._write("".join(clean(line) + "\n" for line in lines))

    def clear(self) -> bool:
        """Clear the screen, and what has been scrolled off; False where stdout is none."""
        if self._form != "text" or not os.isatty(1):
            return False
        os.write(1, b"\x1b[H\x1b[2J\x1b[3J")
        return True

    def _write(self, text: str) -> None:
        if os.isatty(2):
            # The command may have changed what an end of line does there.
            text = text.replace("\n", "\r\n")
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            # Whoever reads is gone, and the work goes on.
            pass
