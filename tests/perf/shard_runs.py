"""Measure how evenly tests are dealt to shards.

A suite of 2,000 small tests runs once, which records how long each takes; then each of four shards
runs by itself. What counts is how long the tests of a shard took then, as its results say.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from lock_scenes import copy_toolchain, link_uv
from peers import ROOT
from timing import BenchError, Command, Group, Ratio

FILES = 80
TESTS = 25
SHARDS = 4
ROUNDS = 3
# Of the longest shard to the mean.
BUDGET = 1.1
# Most tests take next to no time, a few much more: from 0.2 to 40 milliseconds.
TEXT = """import time

import pytest


@pytest.mark.parametrize("number", range({count}))
def test_one(number):
    time.sleep(0.0002 + 0.04 * ((number * 31 + {file} * 17) % 101 / 100) ** 12)
"""
LONGEST, MEAN = "the longest shard", "the mean of the shards"


class Shards(Group):
    """A suite, and its shards; what is sampled is the running time of their tests."""

    def __init__(self, bench: Any) -> None:
        super().__init__(f"shards of {FILES * TESTS} tests, by recorded durations", ROUNDS, 0)
        self.bench = bench
        self.env = {
            **bench.env,
            "PATH": f"{link_uv(bench)}:{bench.env['PATH']}",
            "PYVE_TOOLCHAIN": str(copy_toolchain(bench)),
            "PYVE_TEST_AUTO_INSTALL_PYTEST": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(ROOT / ".dev/wheelhouse"),
            "UV_FIND_LINKS": str(ROOT / ".dev/wheelhouse"),
        }
        self.project = bench.make_project("project with tests", "--no-direnv")
        (self.project / "tests").mkdir()
        for number in range(FILES):
            text = TEXT.format(count=TESTS, file=number)
            path = self.project / "tests" / f"test_part{number}.py"
            path.write_text(text, encoding="utf-8")
        labels = [f"shard {number}/{SHARDS}" for number in range(1, SHARDS + 1)]
        self.commands = [
            Command(label, (), self.project, self.env)
            for label in ("all tests", *labels, LONGEST, MEAN)
        ]
        self.ratios = [Ratio(LONGEST, MEAN, BUDGET)]

    def measure(self, log: Path) -> None:
        """Fill ``samples``: how long the tests of each line took, in nanoseconds.

        Raises:
            BenchError: a command failed, or the shards are not together the suite.
        """
        timings = str(self.project / "timings.json")
        everything = self.run(log, "--timings", timings)
        taken: list[list[float]] = [[sum(everything.values())], *([] for _ in range(SHARDS))]
        for _ in range(self.rounds):
            names: list[str] = []
            for number in range(1, SHARDS + 1):
                part = self.run(log, "--timings", timings, "--shard", f"{number}/{SHARDS}")
                names += part
                taken[number].append(sum(part.values()))
            if sorted(names) != sorted(everything) or len(names) != FILES * TESTS:
                raise BenchError("the shards are not together the suite")
        usual = [statistics.median(seconds) for seconds in taken[1:]]
        taken += [[max(usual)], [statistics.fmean(usual)]]
        self.samples = {
            command.label: [round(value * 1e9) for value in seconds]
            for command, seconds in zip(self.commands, taken)
        }

    def run(self, log: Path, *words: str) -> dict[str, float]:
        """Run tests, and give the seconds that each took, by its id."""
        argv = [self.bench.pyve, "--json", "test", *words]
        script = [self.bench.bash, "-c", 'exec "$@" 2>"$0"', str(log), *argv]
        document = json.loads(self.bench.read(script, self.project, self.env))
        return {test["id"]: test["seconds"] for test in document["detail"]["tests"]}
