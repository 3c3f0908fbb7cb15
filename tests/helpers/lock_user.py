"""Users with projects of the venv backend that are locked, and an index for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from memory_folder import link_file
from pyve_test_helpers import TREE, Pyve

from pyve_locks.lock_file import LockFile, read_lock

WHEELS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0", "3.0rc1")),
    make_wheel("beta", "1.0", ["alpha<2"]),
    make_wheel("gamma", "1.0", ["alpha>=2"]),
    make_wheel("ring", "1.0"),
)


def make_index() -> LocalIndex:
    """Make an index, not served yet."""
    index = LocalIndex(*WHEELS)
    index.add(make_wheel("dated", "1.0"), upload_time="2024-01-01T00:00:00Z")
    index.add(make_wheel("dated", "2.0"), upload_time="2024-06-01T00:00:00Z")
    index.add(make_wheel("pulled", "1.0"), yanked="it eats files")
    index.add(make_sdist("broken", "1.0", dynamic=True, build_fails="no compiler here"))
    return index


def connect(pyve: Pyve, index: LocalIndex) -> Pyve:
    """Let a user have uv, and this index only."""
    if not (pyve.bin / "uv").exists():
        (pyve.bin / "uv").symlink_to(TREE / ".dev" / "bin" / "uv")
    pyve.env.update(index.env)
    return pyve


def drop_uv(pyve: Pyve) -> None:
    """Take uv away: that on PATH, and that of Pyve's toolchain, of which the user gets a copy."""
    (pyve.bin / "uv").unlink()
    copy = pyve.home / "toolchain"
    names = shutil.ignore_patterns("uv", "uvx", "__pycache__")
    place = pyve.env["PYVE_TOOLCHAIN"]
    shutil.copytree(place, copy, symlinks=True, ignore=names, copy_function=link_file)
    pyve.env["PYVE_TOOLCHAIN"] = str(copy)


def ask(pyve: Pyve, *requirements: str) -> None:
    """Let the project ask for these."""
    pyve.write("requirements.in", "".join(f"{one}\n" for one in requirements))


def configure(pyve: Pyve, *lines: str) -> None:
    """Write the config: lines of its section lock."""
    pyve.write(".pyve/config", "\n".join(["backend: venv", "lock:", *lines, ""]))


def read(pyve: Pyve) -> LockFile:
    """Read the lock."""
    return read_lock(pyve.project / "pylock.toml")


def text(pyve: Pyve) -> str:
    """Return the lock as it is written."""
    return (pyve.project / "pylock.toml").read_text(encoding="utf-8")


def versions(pyve: Pyve) -> dict[str, str]:
    """Return name -> version of what is locked."""
    return {package["name"]: package.get("version", "") for package in read(pyve).packages}


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalIndex]:
    """An index that no test changes."""
    with make_index() as index:
        yield index


@pytest.fixture
def own() -> Iterator[LocalIndex]:
    """An index for one test."""
    with make_index() as index:
        yield index


@pytest.fixture
def user(pyve: Pyve, shared: LocalIndex) -> Pyve:
    """A project that asks for beta, and is set up for the venv backend."""
    pyve.write(".pyve/config", "backend: venv\n")
    ask(pyve, "beta")
    return connect(pyve, shared)
