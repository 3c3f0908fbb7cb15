"""What `pyve test` asks for, and choosing tests by it, for both backends.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from .changed import Changes, find_changes
from .shards import split_tests
from .timings import learn_timings, read_timings


class Request:
    """What was asked for.

    Args:
        text: JSON; in it, paths are relative to the project where they are Pyve's own, and to the
            current folder where they are the user's.
        root: the folder of the project, absolute.

    Attributes:
        root: the folder of the project, absolute.
        results: the file for the lines of records, or "".
        shard: which part of how many, counted from 1, or None.
        changed: the commit to compare with, or "".
        timings: where durations are read from, or "".
        learn: where durations are kept, or "".
        memory: where imports are kept, or "".
        discover: nothing is run.
        timeout: the longest time of a test in seconds, 0 without a limit (for unittest).
        junit: the file for JUnit's XML, or "" (for unittest).
    """

    def __init__(self, text: str, root: str) -> None:
        values: dict[str, Any] = json.loads(text)
        self.root = root
        self.results = self._find(values.get("results", ""))
        self.changed: str = values.get("changed", "")
        self.timings = find_own(values.get("timings", ""))
        self.learn = find_own(values.get("learn", ""))
        self.memory = self._find(values.get("memory", ""))
        self.discover = bool(values.get("discover"))
        self.timeout = float(values.get("timeout") or 0)
        self.junit = find_own(values.get("junit", ""))
        self.shard: tuple[int, int] | None = None
        if values.get("shard"):
            index, _, count = values["shard"].partition("/")
            self.shard = (int(index), int(count))

    def _find(self, path: str) -> str:
        """Give the path of a file below the project."""
        return os.path.join(self.root, path) if path else ""


def find_own(path: str) -> str:
    """Give a path of the user's as it is meant now: tests may go to other folders."""
    return os.path.abspath(path) if path else ""


class Selection:
    """Which tests are chosen, and how that came.

    Raises:
        TimingsError: the file of durations is none.

    Attributes:
        total: how many tests there were before.
        kept: how many are chosen.
        notes: what is noted of it, for the record.
    """

    def __init__(self, request: Request, affected: dict[str, Any] | None = None) -> None:
        self._request = request
        self._affected = affected
        self.total = self.kept = 0
        self.notes: dict[str, Any] = {}
        # (Before anything is collected, so that a file that is none is told once.)
        self._seconds = read_timings(request.timings) if request.timings else {}

    def find_affected(self) -> dict[str, Any] | None:
        """Find out, once, what --changed affects; None without it.

        Returns:
            "files": paths of what is affected, None for all; "known": paths of the files whose
            imports are known; "revision"; "count": how many files were changed. Paths are bytes:
            it is sent to other processes, and execnet takes no text that is no UTF-8.

        Raises:
            ChangedError: git cannot say.
        """
        if self._request.changed and self._affected is None:
            changes: Changes = find_changes(
                self._request.root, self._request.changed, self._request.memory
            )
            self._affected = {
                "files": encode(changes.affected),
                "known": encode(changes.known),
                "revision": changes.revision,
                "count": len(changes.files),
            }
        return self._affected

    def choose(self, tests: Sequence[tuple[str, str]]) -> list[int]:
        """Choose tests.

        Args:
            tests: for each its id, and the path of its file.

        Returns:
            The indexes of those chosen, in ascending order.

        Raises:
            ChangedError: git cannot say what has changed.
        """
        self.total = len(tests)
        chosen = list(range(len(tests)))
        affected = self.find_affected()
        if affected is not None:
            if affected["files"] is not None:
                files, python = decode(affected["files"]), decode(affected["known"])
                chosen = [i for i in chosen if is_affected(tests[i][1], files, python)]
            self.notes["changed"] = {
                "revision": affected["revision"],
                "files": affected["count"],
                "all": affected["files"] is None,
                "tests": len(chosen),
                "of": len(tests),
            }
        if self._request.shard is not None:
            index, count = self._request.shard
            among = [tests[i] for i in chosen]
            known = {name: self._seconds[name] for name, _ in among if name in self._seconds}
            part = split_tests(among, known, count)[index - 1]
            self.notes["shard"] = {
                "index": index,
                "count": count,
                "by": "durations" if known else "name",
                "tests": len(part),
                "of": len(chosen),
            }
            chosen = [chosen[i] for i in part]
        self.kept = len(chosen)
        return chosen

    def describe(self) -> list[str]:
        """Say what was chosen, a line for each way."""
        return describe_notes(self.notes)

    @property
    def is_emptied(self) -> bool:
        """There were tests, and none of them is chosen: that is no failure."""
        return self.total > 0 and self.kept == 0


def encode(paths: set[str] | None) -> list[bytes] | None:
    """Give paths as the system has them, sorted; None for None."""
    return None if paths is None else sorted(map(os.fsencode, paths))


def decode(paths: list[bytes]) -> set[str]:
    """Give what was encoded."""
    return set(map(os.fsdecode, paths))


def is_affected(path: str, files: set[str], known: set[str]) -> bool:
    """Tell whether the tests of a file may be affected.

    Args:
        path: the file, absolute.
        files: what is affected, as absolute paths; empty when nothing has changed.
        known: the files of which it is known what they import. Of others, such as texts with
            doctests and what git ignores, it is not: any change may affect them.
    """
    folder, name = os.path.split(path)
    paths = {os.path.realpath(path), os.path.join(os.path.realpath(folder), name)}
    if paths & files:
        return True
    return bool(files) and not paths & known


def describe_notes(notes: dict[str, Any]) -> list[str]:
    """Say what the notes of a selection say."""
    lines = []
    changed = notes.get("changed")
    if changed:
        which = "all" if changed["all"] else changed["tests"]
        lines.append(
            "%s of %d tests may be affected by what has changed since %s (%d files)"
            % (which, changed["of"], changed["revision"][:12], changed["files"])
        )
    shard = notes.get("shard")
    if shard:
        lines.append(
            "shard %d of %d: %d of %d tests, by %s"
            % (shard["index"], shard["count"], shard["tests"], shard["of"], shard["by"])
        )
    return lines


def keep_timings(request: Request, measured: dict[str, float], rootdir: str) -> None:
    """Keep what a run has measured, where that is wanted, and say so when that cannot be.

    Args:
        request: what was asked for.
        measured: seconds by the id of the test.
        rootdir: the folder that ids are relative to.
    """
    if request.learn and measured:
        try:
            learn_timings(request.learn, measured, (rootdir, request.root))
        except OSError as error:
            sys.stderr.write(
                "pyve: the durations of tests cannot be kept in %s: %s\n"
                % (request.learn, error.strerror)
            )
