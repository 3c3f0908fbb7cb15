"""Splitting tests into parts of about equal running time.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What running a test costs beside the time that is measured for it, in seconds: where tests take
# next to no time, their number counts.
COST_OF_A_TEST = 0.0005

# Durations are added up as whole microseconds: sums of fractions depend on the order, and so would
# the parts, where plugins shuffle tests.
_UNIT = 1_000_000

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
    # (By ids: the paths of files differ between machines.)
    runs = sorted(sorted(names) for names in files.values())
    known = {name: round(seconds[name] * _UNIT) for name in places if name in seconds}
    if known:
        cost = round(COST_OF_A_TEST * _UNIT)
        usual = sum(known.values()) // len(known)
        parts = _split_by_time(runs, {n: known.get(n, usual) + cost for n in places}, count)
    else:
        parts = _split_by_name(runs, count)
    return [sorted(index for name in part for index in places[name]) for part in parts]


def _split_by_time(
    files: Sequence[Sequence[str]], weights: Mapping[str, int], count: int
) -> list[list[str]]:
    limit = int(LARGEST_SHARE * sum(weights.values()) / count)
    units: list[tuple[int, Sequence[str]]] = []
    for names in files:
        units += _cut_file(names, weights, limit)
    units.sort(key=lambda unit: (-unit[0], unit[1][0]))
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for weight, names in units:
        lightest = min(range(count), key=lambda part: (loads[part], part))
        parts[lightest] += names
        loads[lightest] += weight
    return parts


def _cut_file(
    names: Sequence[str], weights: Mapping[str, int], limit: int
) -> list[tuple[int, Sequence[str]]]:
    """Cut the tests of a file into runs of neighbours that are no heavier than the limit."""
    units: list[tuple[int, Sequence[str]]] = []
    run: list[str] = []
    load = 0
    for name in names:
        if run and load + weights[name] > limit:
            units.append((load, run))
            run, load = [], 0
        run.append(name)
        load += weights[name]
    units.append((load, run))
    return units


def _split_by_name(files: Sequence[Sequence[str]], count: int) -> list[list[str]]:
    ordered = [name for names in files for name in names]
    ends = [len(ordered) * part // count for part in range(count + 1)]
    return [ordered[start:end] for start, end in zip(ends, ends[1:])]
