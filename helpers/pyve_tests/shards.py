"""Splitting tests into parts of about equal running time.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What running a test costs beside the time that is measured for it, in seconds: where tests take
# next to no time, their number counts.
COST_OF_A_TEST = 0.0005

# The tests of a file stay together while they take no more than this share of a part's time: so no
# part is off by more, and fixtures of a file are mostly made once.
LARGEST_SHARE = 0.05


def split_tests(
    tests: Sequence[tuple[str, str]], seconds: Mapping[str, float], count: int
) -> list[list[int]]:
    """Split tests into parts, the same on every machine that has the same tests and durations.

    Args:
        tests: for each test its id, and the file that it is in; an id may come twice.
        seconds: how long tests took when they were last run, in seconds, >= 0, by id. Tests that
            are not in it are taken for average ones. Empty: all tests count alike, by name.
        count: number of parts, >= 1.

    Returns:
        ``count`` lists of indexes into ``tests``, each in ascending order. Together they hold
        every index exactly once, and tests of the same id are in the same part.

    Longest first, each to the lightest part: Graham (1969), within 4/3 of the best split. Ties go
    by name. Without durations: runs of equal length of the tests, sorted by name.
    """
    places: dict[str, list[int]] = {}
    files: dict[str, list[str]] = {}
    for index, (name, file) in enumerate(tests):
        if name not in places:
            files.setdefault(file, []).append(name)
        places.setdefault(name, []).append(index)
    known = [seconds[name] for name in places if name in seconds]
    if known:
        parts = _split_by_time(files, seconds, sum(known) / len(known), count)
    else:
        parts = _split_by_name(files, count)
    return [sorted(index for name in part for index in places[name]) for part in parts]


def _split_by_time(
    files: Mapping[str, Sequence[str]], seconds: Mapping[str, float], usual: float, count: int
) -> list[list[str]]:
    weights = {
        name: seconds.get(name, usual) + COST_OF_A_TEST
        for names in files.values()
        for name in names
    }
    limit = LARGEST_SHARE * sum(weights.values()) / count
    units: list[tuple[float, str, list[str]]] = []
    for file, names in files.items():
        weight = sum(weights[name] for name in names)
        if weight <= limit:
            units.append((weight, file, list(names)))
        else:
            units += _cut_file(names, weights, limit)
    units.sort(key=lambda unit: (-unit[0], unit[1]))
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for weight, _, names in units:
        lightest = min(range(count), key=lambda part: (loads[part], part))
        parts[lightest] += names
        loads[lightest] += weight
    return parts


def _cut_file(
    names: Sequence[str], weights: Mapping[str, float], limit: float
) -> list[tuple[float, str, list[str]]]:
    """Cut the tests of a file into runs of neighbours that are no heavier than the limit."""
    units: list[tuple[float, str, list[str]]] = []
    run: list[str] = []
    load = 0.0
    for name in sorted(names):
        if run and load + weights[name] > limit:
            units.append((load, run[0], run))
            run, load = [], 0.0
        run.append(name)
        load += weights[name]
    units.append((load, run[0], run))
    return units


def _split_by_name(files: Mapping[str, Sequence[str]], count: int) -> list[list[str]]:
    ordered = [name for file in sorted(files) for name in sorted(files[file])]
    ends = [len(ordered) * part // count for part in range(count + 1)]
    return [ordered[start:end] for start, end in zip(ends, ends[1:])]
