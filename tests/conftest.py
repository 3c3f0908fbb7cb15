"""Fixtures of all tests in Python."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[1]

# The tests import what they share, and the helpers, as these import each other.
sys.path[:0] = [str(TREE / "tests" / "helpers"), str(TREE / "helpers")]

from memory_folder import choose_folder, make_own, remove  # noqa: E402  it is found since the line above

# Tests write much and keep nothing: in memory all of them take a tenth less time.
ROOM = 6_000_000_000
_made: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let temporary folders be in memory, where it has room and nobody has chosen another place."""
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        folder = choose_folder(ROOM)
        if str(folder) != tempfile.gettempdir():
            _made.append(make_own(folder, "pyve-tests"))
            config.option.basetemp = str(_made[0] / "all")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove them."""
    while _made:
        remove(_made.pop())


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
