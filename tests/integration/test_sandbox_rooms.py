"""The sandbox of the commands that start programs of others: pyve x, and pyve test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import Pyve, need_wheelhouse
from sandbox_cell import ENGINES, need_engine
from sync_user import use_index

SECRET = "the-loot"
# Reaches for what is in the home folder, and for the index that it came from.
THIEF = """import os, sys, urllib.request
def main() -> int:
    for reach in (read, fetch):
        try:
            print(reach(sys.argv[1:]))
        except OSError as error:
            print(reach.__name__, "refused")
    return 5
def read(words):
    return open(words[0]).read()
def fetch(words):
    return urllib.request.urlopen(words[1], timeout=5).status
"""


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """An index that has the tool."""
    tool = make_wheel(
        "thief", "1.0", files={"thief/cli.py": THIEF}, commands={"thief": "thief.cli:main"}
    )
    with LocalIndex(tool) as served:
        yield served


@pytest.fixture(scope="module")
def user(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, index: LocalIndex
) -> Iterator[Pyve]:
    """A user with a secret at home, and a project with a test environment."""
    need_wheelhouse()
    pyve = Pyve(tmp_path_factory.mktemp("rooms"), template_cache)
    pyve.init()
    pyve.ok("testenv", "--install", "pytest")
    use_index(pyve, index, pyve.root / "uv cache")
    (pyve.home / "secret").write_text(SECRET)
    yield pyve
    shutil.rmtree(pyve.root, ignore_errors=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tool_in_a_sandbox_has_neither_home_nor_network(
    user: Pyve, index: LocalIndex, engine: str
) -> None:
    need_engine(engine)
    words = ("thief", str(user.home / "secret"), f"{index.url}thief/")
    open_ = user("x", *words)
    assert (open_.returncode, open_.stdout) == (5, f"{SECRET}\n200\n"), open_.stderr
    for _ in ("made just now", "made before"):
        held = user("x", "--sandbox", "--sandbox-engine", engine, *words)
        assert (held.returncode, held.stdout) == (5, "read refused\nfetch refused\n"), held.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_tests_in_a_sandbox_have_neither_home_nor_network(
    user: Pyve, index: LocalIndex, engine: str
) -> None:
    need_engine(engine)
    place = f"{index.url}thief/"
    user.write(
        "test_reach.py",
        "import urllib.request\n"
        f"def test_read(): assert open({str(user.home / 'secret')!r}).read() == {SECRET!r}\n"
        f"def test_fetch(): urllib.request.urlopen({place!r}, timeout=5)\n"
        "def test_own(tmp_path): (tmp_path / 'a').write_text('b')\n",
    )
    words = ("-q", "-p", "no:cacheprovider")
    assert user("test", *words).returncode == 0
    held = user("test", "--sandbox", "--sandbox-engine", engine, *words)
    assert held.returncode == 1, held.stderr
    assert "2 failed, 1 passed" in held.stdout, held.stdout
