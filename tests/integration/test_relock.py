"""One manifest and one index give one pylock.toml: on every machine, on every day, to the byte."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel, write_source
from local_index import LocalIndex
from lock_user import WHEELS, configure, connect
from pyve_test_helpers import TREE, Pyve

PYPROJECT = """\
[project]
name = "shop"
version = "1.5"
requires-python = ">=3.9"
dependencies = ["beta", "dated", "near", "ring; sys_platform == 'win32'"]

[project.optional-dependencies]
old = ["dated<2"]
web = ["ring"]

[dependency-groups]
dev = ["tomlish"]
docs = ["dated>=2", {include-group = "dev"}]

[tool.uv]
conflicts = [[{extra = "old"}, {group = "docs"}]]

[tool.uv.sources]
near = {path = "libs/near", editable = true}
"""
FILES = ("pyproject.toml", "libs/near", "other/file.txt", ".pyve/config")


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    wheels = [make_wheel("tomlish", "1.0"), make_wheel("dated", "1.0"), make_wheel("dated", "2.0")]
    with LocalIndex(*WHEELS, *wheels) as served:
        yield served


def write_project(user: Pyve, reverse: bool = False) -> None:
    """Write the project; the files come into their folders in this order or in the other."""
    for name in reversed(FILES) if reverse else FILES:
        if name == "pyproject.toml":
            user.write(name, PYPROJECT)
        elif name == "libs/near":
            for place in ("b", "a") if reverse else ("a", "b"):
                user.write(f"libs/near/src/{place}.txt", "")
            write_source(user.project / name, "near", "1.0", ["alpha<2"])
        elif name == ".pyve/config":
            platforms = ["linux-64", "win-64", "osx-arm64"]
            listed = ", ".join(reversed(platforms) if reverse else platforms)
            configure(user, f"  platforms: [{listed}]", "  cooldown: 7d")
        else:
            user.write(name, "")


class Machine:
    """A user on a machine of their own, with the project.

    Attributes:
        user: who works there.
    """

    def __init__(self, root: Path, cache: Path, index: LocalIndex, **how: str) -> None:
        """Make it.

        Args:
            root: a folder of its own.
            cache: of templates.
            index: the index.
            how: umask, project (the folder's name), reverse ("1": files in the other order), and
                environment variables.
        """
        root.mkdir(parents=True, exist_ok=True)
        umask = how.pop("umask", "022")
        reverse = how.pop("reverse", "")
        self.user = connect(Pyve(root, cache, how.pop("project", "shop")), index)
        self.user.before = ("sh", "-c", f'umask {umask}; exec "$@"', "sh")
        self.user.env.update(UV_CACHE_DIR=str(self.user.home / "uv"), **how)
        write_project(self.user, bool(reverse))

    def lock(self, *words: str, **env: str) -> bytes:
        """Lock, and return the bytes of the lock."""
        self.user.ok("lock", *words, **env)
        return (self.user.project / "pylock.toml").read_bytes()


@pytest.fixture
def first(tmp_path: Path, template_cache: Path, index: LocalIndex) -> Iterator[Machine]:
    yield Machine(tmp_path / "first", template_cache, index, TZ="UTC", LC_ALL="C")
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_another_machine_gives_the_same_bytes(
    first: Machine, tmp_path: Path, template_cache: Path, index: LocalIndex
) -> None:
    lock = first.lock()
    assert str(tmp_path).encode() not in lock
    # Another disk, where folders are listed in another order.
    memory = Path("/dev/shm")
    other = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    try:
        machines = [
            Machine(
                tmp_path / "a very/deep/place of another user",
                template_cache,
                index,
                umask="077",
                project="wörk shop",
                reverse="1",
                TZ="Pacific/Kiritimati",
                LC_ALL="C.UTF-8",
                PYTHONHASHSEED="1",
                COLUMNS="20",
                FORCE_COLOR="1",
                XDG_CONFIG_HOME=str(tmp_path / "config"),
            ),
            Machine(
                other,
                template_cache,
                index,
                umask="002",
                reverse="1",
                TZ="America/St_Johns",
                LANG="tr_TR.UTF-8",
                PYTHONHASHSEED="4294967295",
                UV_CONCURRENT_DOWNLOADS="1",
                UV_LINK_MODE="copy",
            ),
        ]
        for machine in machines:
            assert machine.lock() == lock
        # From a folder of the project.
        deep = machines[0].user.project / "libs/near"
        machines[0].user.ok("lock", "--upgrade", cwd=deep)
        assert machines[0].lock() == lock
    finally:
        shutil.rmtree(other)


@pytest.mark.parametrize("cache", ["warm", "cold", "none"])
def test_an_old_lock_and_the_cache_change_nothing(first: Machine, cache: str) -> None:
    lock = first.lock()
    user = first.user
    if cache == "cold":
        shutil.rmtree(user.env["UV_CACHE_DIR"])
    elif cache == "none":
        user.env["UV_NO_CACHE"] = "1"
    assert first.lock("--upgrade") == lock
    (user.project / "pylock.toml").unlink()
    assert first.lock() == lock
    # A whole detour leads back to it.
    user.write("pyproject.toml", PYPROJECT.replace('"beta", ', ""))
    assert first.lock() != lock
    user.write("pyproject.toml", PYPROJECT)
    assert first.lock() == lock
    (user.project / "pylock.toml").write_bytes(lock.replace(b"1.1", b"1.0"))
    user.write("pyproject.toml", PYPROJECT + "# later\n")
    later = first.lock("--upgrade")
    user.write("pyproject.toml", PYPROJECT)
    assert first.lock("--upgrade") == lock != later


def test_an_environment_changes_nothing(first: Machine) -> None:
    lock = first.lock()
    first.user.ok("sync")
    assert first.lock("--upgrade") == lock
    os.utime(first.user.project / "pyproject.toml", (10**9, 10**9))
    assert first.lock("--upgrade") == lock


def find_clock() -> str:
    """Return the library that shows programs another time, or skip by name."""
    folders = ("/usr/lib", "/usr/local/lib", "/opt")
    found = [os.environ.get("LIBFAKETIME", "")]
    for folder in folders:
        found += map(str, Path(folder).glob("*/faketime/libfaketimeMT.so.1"))
        found += map(str, Path(folder).glob("faketime/libfaketimeMT.so.1"))
    for path in found:
        if path and os.path.exists(path):
            return path
    pytest.skip("NOT TESTED: this machine has no libfaketime (Debian: apt-get install libfaketime)")


@pytest.mark.linux
@pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is preloaded as on Linux")
def test_another_day_gives_the_same_bytes(first: Machine, index: LocalIndex) -> None:
    clock = {"LD_PRELOAD": find_clock(), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    lock = first.lock()
    for day in ("-200d", "+1d", "+400d"):
        env = {**clock, "FAKETIME": day}
        assert first.lock("--upgrade", **env) == lock, day
        (first.user.project / "pylock.toml").unlink()
        assert first.lock(**env) == lock, day
    # And the clock is seen: what came out last week is too young today, and old enough in a year.
    young = make_wheel("dated", "3.0")
    index.add(young, upload_time=time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime()))
    try:
        assert first.lock("--upgrade") == lock
        assert b'"3.0"' in first.lock("--upgrade", **clock, FAKETIME="+400d")
    finally:
        index.remove(young.filename)


def test_nothing_of_this_machine_or_day_is_in_the_lock(first: Machine, tmp_path: Path) -> None:
    text = first.lock().decode()
    words = [str(tmp_path), str(TREE), os.uname().nodename, str(first.user.home), "/.dev/"]
    for word in words:
        assert word not in text, word
