"""A user whose environments come from an index on loopback, by the uv of the tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_index import LocalIndex
from lock_user import connect
from pyve_test_helpers import Pyve

HELLO = "def greet() -> None:\n    print('hello')\n"
# (What pip has installed over a package of the store goes first; the pip of the template does not
# count.)
_LIST = (
    "from importlib.metadata import distributions as d; import sys;"
    "paths = [p for p in sys.path if '.venv' in p or p.endswith('/site')];"
    "found = {x.name: x.version for x in reversed(list(d(path=paths)))};"
    "print(*sorted(n + ' ' + v for n, v in found.items()), sep='\\n')"
)


def use_index(pyve: Pyve, index: LocalIndex, cache: Path) -> Pyve:
    """Give a user an index, uv on PATH, and a cache for it."""
    pyve.env.update(UV_CACHE_DIR=str(cache), UV_HTTP_RETRIES="0")
    return connect(pyve, index)


def ask(pyve: Pyve, *requirements: str, more: str = "", python: str = ">=3.9") -> None:
    """Write a pyproject.toml that asks for these."""
    listed = ", ".join(f'"{text}"' for text in requirements)
    pyve.write(
        "pyproject.toml",
        f'[project]\nname = "shop"\nversion = "1.5"\nrequires-python = "{python}"\n'
        f"dependencies = [{listed}]\n{more}",
    )


def installed(pyve: Pyve) -> list[str]:
    """Return "name version" of what is in the environment."""
    return pyve.ok("run", "python", "-c", _LIST).split("\n")[:-1]


def start(pyve: Pyve, *words: str) -> subprocess.Popen[bytes]:
    """Start pyve in a process group of its own, as a terminal does, with nobody to listen."""
    return subprocess.Popen(
        pyve.command(*words),
        cwd=pyve.project,
        env=pyve.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[LocalIndex]:
    """An index of what a module has in DISTRIBUTIONS."""
    with LocalIndex(*request.module.DISTRIBUTIONS) as index:
        yield index


@pytest.fixture
def index(served: LocalIndex) -> Iterator[LocalIndex]:
    """The index of DISTRIBUTIONS, without faults of the test before."""
    yield served
    served.clear_faults()


@pytest.fixture
def user(pyve: Pyve, index: LocalIndex, tmp_path: Path) -> Pyve:
    """A user with the index, uv, and an empty cache of it."""
    return use_index(pyve, index, tmp_path / "uv cache")


@pytest.fixture
def shop(user: Pyve) -> Pyve:
    """A user whose project has alpha, and what that needs, from the store."""
    ask(user, "alpha")
    user.ok("lock")
    user.ok("sync")
    return user
