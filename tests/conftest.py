"""Fixtures of all tests in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[1]

# The tests import what they share, and the helpers, as these import each other.
sys.path[:0] = [str(TREE / "tests" / "helpers"), str(TREE / "helpers")]


@pytest.fixture(scope="session")
def toolchain() -> Path:
    """The interpreter of Pyve's own toolchain, with all extras: one for all tests, only read.

    PYVE_TOOLCHAIN of every user of the tests leads to it. This fixture is for tests that need it:
    it is made when it is missing, from .dev/wheelhouse/toolchain.
    """
    made = subprocess.run(
        [TREE / "scripts" / "make-test-toolchain.sh"], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(made.stdout.strip())
