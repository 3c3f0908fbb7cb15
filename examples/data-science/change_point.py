"""Find the year after which the mean of a yearly series changed.

Usage: python change_point.py TABLE.csv

The table has a column of years and one of values. The change is where two means fit best (least
squares). How surprising it is, is told by a permutation test: in how many of 2,000 series with the
same values in random order two means fit at least as well.
"""

from __future__ import annotations

import csv
import sys

import numpy as np

SHUFFLES = 2000


def read_series(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return years and values of a table whose first line names its two columns."""
    with open(path, newline="", encoding="utf-8") as table:
        rows = list(csv.reader(table))[1:]
    return np.array([int(row[0]) for row in rows]), np.array([float(row[1]) for row in rows])


def gains(values: np.ndarray) -> np.ndarray:
    """Return, for each split after 1 .. n-1 values, how much of the squared error it takes away.

    Args:
        values: one series, or one in each row.
    """
    count = values.shape[-1]
    before = np.arange(1, count)
    deviation = np.cumsum(values - values.mean(axis=-1, keepdims=True), axis=-1)[..., :-1]
    return deviation**2 * count / (before * (count - before))


def find_change(values: np.ndarray) -> int:
    """Return how many values come before the change."""
    return int(gains(values).argmax()) + 1


def chance(values: np.ndarray, seed: int = 0) -> float:
    """Return the share of shuffled series that two means fit at least as well as this one."""
    shuffled = np.random.default_rng(seed).permuted(np.tile(values, (SHUFFLES, 1)), axis=1)
    as_good = (gains(shuffled).max(axis=1) >= gains(values).max()).sum()
    return (as_good + 1) / (SHUFFLES + 1)


def main(arguments: list[str]) -> int:
    """Print the change; return 1 when there is no table to read, or too little in it."""
    if len(arguments) != 1:
        print("Usage: python change_point.py TABLE.csv", file=sys.stderr)
        return 1
    try:
        years, values = read_series(arguments[0])
    except (OSError, ValueError, IndexError) as error:
        print(f"change_point: {error}", file=sys.stderr)
        return 1
    if len(values) < 2:
        print("change_point: a series needs two values or more", file=sys.stderr)
        return 1
    split = find_change(values)
    print(f"{len(values)} years, {years[0]} to {years[-1]}")
    print(f"The mean changed after {years[split - 1]}:")
    print(f"  {values[:split].mean():.1f} before, {values[split:].mean():.1f} since")
    print(f"By chance, with probability {chance(values):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
