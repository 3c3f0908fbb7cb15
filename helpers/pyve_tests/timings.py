"""How long tests took: kept beside the test environment, or in files of the user's.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any


class TimingsError(Exception):
    """A file has no durations of tests."""


def read_timings(path: str) -> dict[str, float]:
    """Read the durations of tests.

    Args:
        path: a file that write_timings wrote; one with the document of ``pyve --json test``; or a
            folder with such files (``*.json``), of which a later one, by name, goes first.

    Returns:
        Seconds, >= 0, by the id of the test. Empty where the path is not there.

    Raises:
        TimingsError: a file cannot be read, or is something else.
    """
    try:
        if os.path.isdir(path):
            seconds: dict[str, float] = {}
            for name in sorted(os.listdir(path)):
                if name.endswith(".json"):
                    seconds.update(read_timings(os.path.join(path, name)))
            return seconds
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TimingsError("%s cannot be read: %s" % (path, error.strerror)) from None
    except (ValueError, RecursionError) as error:
        raise TimingsError("%s holds no durations of tests: %s" % (path, error)) from None
    try:
        return dict(_list_timings(document))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TimingsError("%s holds no durations of tests" % path) from None


def _list_timings(document: Any) -> list[tuple[str, float]]:
    if "detail" in document:
        tests = [(test["id"], test["seconds"]) for test in document["detail"]["tests"]]
    else:
        tests = list(document["seconds"].items())
    found = []
    for name, value in tests:
        value = float(value)
        if not 0 <= value < 1e9:
            raise ValueError(value)
        found.append((str(name), value))
    return found


def write_timings(path: str, seconds: Mapping[str, float]) -> None:
    """Write durations, in seconds by the id of the test, in one step."""
    text = json.dumps({"version": 1, "seconds": seconds}, sort_keys=True, indent=0) + "\n"
    beside = "%s.%d.new" % (path, os.getpid())
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    try:
        with open(beside, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(beside, path)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def learn_timings(path: str, measured: Mapping[str, float], roots: Sequence[str]) -> None:
    """Add what a run has measured to a file; tests of files that are gone are dropped.

    Args:
        path: the file; what is no file of durations is written anew.
        measured: seconds by the id of the test.
        roots: folders that ids may be relative to: which one that is depends on where tests are
            started.
    """
    if not measured:
        return
    try:
        seconds = read_timings(path)
    except TimingsError:
        seconds = {}
    seconds.update(measured)
    there: dict[str, bool] = {}
    kept = {}
    for name, value in seconds.items():
        file = name.split("::")[0]
        if file not in there:
            there[file] = "::" not in name or any(
                os.path.exists(os.path.join(root, file)) for root in roots
            )
        if there[file] or name in measured:
            kept[name] = round(value, 4)
    write_timings(path, kept)
