"""pyve sync when the index fails: the environment is what it was, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from code_cases import bring, brings
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from lock_user import drop_uv
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask, installed, start

RING = make_wheel("ring", "1.0", files={"ring/data.bin": "x" * 100_000})
BUILT = make_sdist("built", "1.0")
DISTRIBUTIONS = (make_wheel("alpha", "1.0"), make_wheel("beta", "1.0"), RING, BUILT)
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"tampered": True}, "E_INDEX"),
    ({"truncated": True}, "E_INDEX"),
    ({"short": True}, "E_INDEX"),
    ({"dropped": True}, "E_INDEX"),
    ({"content": b""}, "E_INDEX"),
    ({"content": b"<html>log in</html>", "content_type": "text/html"}, "E_INDEX"),
    ({"status": 500}, "E_INDEX"),
    ({"status": 404}, "E_INDEX"),
    ({"status": 401}, "E_INDEX_AUTH"),
    ({"status": 403}, "E_INDEX_AUTH"),
    ({"redirect": "http://127.0.0.1:9/ring.whl"}, "E_INDEX"),
]


@pytest.fixture
def user(user: Pyve) -> Pyve:
    """A user with an environment, whose lock then gets another package."""
    ask(user, "alpha")
    user.ok("sync")
    return user


def look(user: Pyve) -> dict[str, str]:
    """Return all of the project, byte for byte."""
    return snapshot(user.project, skip=("__pycache__",))


@pytest.mark.parametrize("file", [RING.filename, BUILT.filename])
def test_each_fault_leaves_all_as_it_was(
    user: Pyve, index: LocalIndex, file: str, tmp_path: Path
) -> None:
    package = file.partition("-")[0]
    ask(user, "alpha", package)
    user.ok("lock")
    before = look(user)
    for number, (fault, code) in enumerate(FAULTS):
        cache = str(tmp_path / f"cache {number}")
        index.add_fault(file, **fault)
        stderr = user.fails("sync", code=code, UV_CACHE_DIR=cache)
        assert look(user) == before, fault
        assert "Traceback" not in stderr
        index.clear_faults()
    assert user.ok("run", "python", "-c", "import alpha; print('works')") == "works\n"
    user.ok("sync")
    assert installed(user) == sorted(["alpha 1.0", f"{package} 1.0"])


def test_an_index_that_lies_leaves_all_as_it_was(user: Pyve, index: LocalIndex) -> None:
    ask(user, "alpha", "ring")
    index.add_fault(RING.filename, wrong_hash=True)
    user.ok("lock")
    before = look(user)
    assert "ring" in user.fails("sync", code="E_INDEX")
    assert look(user) == before


@pytest.mark.parametrize("is_first", [True, False])
def test_ctrl_c_leaves_all_as_it_was(user: Pyve, index: LocalIndex, is_first: bool) -> None:
    ask(user, "alpha", "ring")
    user.ok("lock")
    if is_first:
        shutil.rmtree(user.venv)
    before = look(user)
    fault = index.add_fault(RING.filename, hold=True)
    child = start(user, "sync")
    assert fault.reached.wait(60)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(60) != 0
    assert look(user) == before
    index.clear_faults()
    user.ok("sync")
    assert installed(user) == ["alpha 1.0", "ring 1.0"]


def test_a_server_that_is_gone(user: Pyve) -> None:
    ask(user, "alpha", "ring")
    user.ok("lock")
    lock = user.project / "pylock.toml"
    text = lock.read_text()
    lock.write_text(text.replace("http://127.0.0.1:", "http://127.0.0.2:"))
    before = look(user)
    user.fails("sync", code="E_INDEX")
    assert look(user) == before


@brings("E_INDEX_OFFLINE")
def test_offline_says_what_is_missing_and_how_to_get_it(user: Pyve, tmp_path: Path) -> None:
    ask(user, "alpha", "ring")
    user.ok("lock")
    user.env["UV_CACHE_DIR"] = str(tmp_path / "another cache")
    before = look(user)
    failure = bring(user, "E_INDEX_OFFLINE", "sync", "--offline").says("ring")
    assert look(user) == before
    failure.apply()
    failure.check_gone()
    assert "pyve prefetch" in user.ok("explain", "E_INDEX_OFFLINE")


def test_a_full_disk_is_told_as_such(user: Pyve, tmp_path: Path) -> None:
    ask(user, "alpha", "ring")
    user.ok("lock")
    real = Path(user.bin / "uv").resolve()
    drop_uv(user)
    user.add_program(
        "uv",
        '#!/bin/sh\ncase " $* " in\n*" sync "*)\n'
        "  echo 'error: Failed to install: ring-1.0-py3-none-any.whl (ring==1.0)' >&2\n"
        "  echo '  Caused by: No space left on device (os error 28)' >&2\n  exit 2 ;;\nesac\n"
        f'exec "{real}" "$@"\n',
    )
    before = look(user)
    user.fails("sync", code="E_DISK_FULL")
    assert look(user) == before
