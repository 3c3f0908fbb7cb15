"""A user who runs tests: the tests, and what is told of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from json_documents import check
from processes import is_alive, kill_group
from pyve_test_helpers import Pyve

OUTCOMES = """\
import os, sys, unittest
import pytest

def helper():
    raise ValueError("the value of the helper")

def test_good():
    print("what a test prints")

def test_bad():
    helper()

@pytest.mark.skip(reason="not today")
def test_skipped():
    pass

@pytest.mark.xfail(reason="known")
def test_xfailed():
    assert False

@pytest.mark.xfail
def test_xpassed():
    pass

@pytest.fixture
def broken():
    raise OSError("no fixture")

def test_error(broken):
    pass

def test_no_fixture(no_such_fixture):
    pass

@pytest.fixture
def broken_after():
    yield
    raise OSError("no tear-down")

def test_skipped_before(broken_after):
    pytest.skip("skipped before")

def test_error_after(broken_after):
    pytest.xfail("known")

@pytest.fixture
def skipping_after():
    yield
    pytest.skip("too late")

def test_bad_before(skipping_after):
    assert False

def test_odd_text():
    assert "\\ud800\\udcff\\x00" == 1

class TestCase(unittest.TestCase):
    def test_method(self):
        self.assertTrue(True)

    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertLess(number, 2)

@pytest.mark.parametrize("text", ["a b", "é", "x/y::z"])
def test_text(text):
    pass
"""

FLAKY = """\
import pathlib
count = pathlib.Path(__file__).with_name("count")

def test_flaky():
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    assert len(count.read_text()) > 2

def test_later():
    pass
"""


LONG = """\
import os, pathlib, time

def test_short():
    pass

def test_long():
    pathlib.Path("begun-%d" % os.getpid()).touch()
    time.sleep(99)
"""

UNITTESTS = """\
import time, unittest
class Cases(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number): self.assertLess(number, 2)
    def test_skips_a_part(self):
        with self.subTest(number=1): self.skipTest("a part")
    @unittest.skip("not today")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_xfailed(self): self.fail()
    @unittest.expectedFailure
    def test_xpassed(self): pass
    def test_slow(self):
        try: time.sleep(50)
        except Exception: pass
class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no class")
    def test_never(self): pass
"""


def run_json(pyve: Pyve, *words: str, **options: Any) -> dict[str, Any]:
    """Run ``pyve --json test`` and return its detail; the document has to be valid."""
    result = pyve("--json", "test", *words, **options)
    document = json.loads(result.stdout)
    check(document, "document")
    assert document["exit_code"] == result.returncode, result.stderr
    left = {p.name for p in (pyve.project / ".pyve/testenv/results").iterdir()}
    assert left <= {"durations.json", "imports.json"}
    detail: dict[str, Any] = document["detail"]
    return {**detail, "exit_code": document["exit_code"]}


def break_off(
    pyve: Pyve, count: int, number: signal.Signals, *words: str, **variables: str
) -> tuple[int, str]:
    """Run LONG, and send a signal when ``count`` processes are at it: INT to all, others to Pyve.

    Returns:
        The exit status, and what is on stdout. None of the processes is left.
    """
    with subprocess.Popen(
        pyve.command(*words),
        cwd=pyve.project,
        env={**pyve.env, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            begun: list[Path] = []
            for _ in range(1000):
                begun = list(pyve.project.glob("begun-*"))
                if len(begun) == count:
                    break
                time.sleep(0.05)
            assert len(begun) == count
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
            said, _ = process.communicate(timeout=60)
            for path in begun:
                path.unlink()
                assert not is_alive(int(path.name.split("-")[1]))
        finally:
            kill_group(process)
    return process.returncode, said


def by_name(detail: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tests of a document by the last part of their ids."""
    return {test["id"].split("::", 1)[-1]: test for test in detail["tests"]}


def discover(pyve: Pyve, *words: str) -> list[str]:
    """Return what pyve test --discover lists."""
    return pyve.ok("test", "--discover", *words).splitlines()


def add_suite(pyve: Pyve) -> None:
    """Write 60 small tests in five files, of which some are known to be slow."""
    for file in range(5):
        tests = "".join(f"def test_{n}(): pass\n" for n in range(12))
        pyve.write(f"tests/test_{file}.py", tests)
