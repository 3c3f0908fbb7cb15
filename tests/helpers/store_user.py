"""Filling a shared store from wheels that lie in a folder: no network, no project of Pyve's.

user = StoreUser(tmp_path)
answer = user.fill(make_wheel("alpha", "1.0"), own=["alpha"])
entry = Path(answer["entry"])
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from distributions import Distribution

import store_environment
from pyve_core import run_helper  # noqa: F401 (helpers are found)
from pyve_store.layout import FileLine, parse_files

PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
VERSION = ".".join(map(str, sys.version_info[:3]))
HELPER = Path(store_environment.__file__)
INNER = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def write_lock(root: Path, *wheels: Distribution, more: str = "", **markers: str) -> Path:
    """Write a ``pylock.toml`` that names these wheels in a folder beside it."""
    lines = ['lock-version = "1.0"', 'created-by = "tests"', more]
    for wheel in wheels:
        path = wheel.write(root / "wheels")
        marker = markers.get(wheel.name)
        lines += ["[[packages]]", f'name = "{wheel.project}"', f'version = "{wheel.version}"']
        lines += [f'marker = "{marker}"'] if marker else []
        lines += [
            f'wheels = [{{ path = "wheels/{path.name}", '
            f'hashes = {{ sha256 = "{wheel.sha256}" }} }}]'
        ]
    lock = root / "pylock.toml"
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lock


class StoreUser:
    """A project, and a store.

    Attributes:
        root: the project's folder.
        store: the store's.
    """

    def __init__(self, place: Path) -> None:
        self.root = place / "project"
        self.root.mkdir(parents=True)
        self.store = place / "store" / "v1"

    def words(self, action: str, options: Mapping[str, Any]) -> list[str]:
        """Give the arguments of the helper; a list repeats its option."""
        given = {
            "store": self.store,
            "root": self.root,
            "python": PYTHON,
            "python-id": f"cpython-{VERSION}-0123abcd",
            "python-version": VERSION,
            "implementation": "cpython",
            "platform": "tests",
            "key": "default",
            "project": "none",
            **{key.replace("_", "-"): value for key, value in options.items()},
        }
        words = [action, "--offline"]
        for key, value in given.items():
            if value is True:
                words.append(f"--{key}")
            else:
                for one in value if isinstance(value, (list, tuple)) else [value]:
                    words += [f"--{key}", str(one)]
        return words

    def run(self, action: str, **options: Any) -> dict[str, Any]:
        """Let the helper answer."""
        return dict(store_environment.main(self.words(action, options)))

    def start(self, action: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start the helper as a process of its own."""
        command = [sys.executable, str(HELPER), "--format", "lines", *self.words(action, options)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def fill(self, *wheels: Distribution, **options: Any) -> dict[str, Any]:
        """Write a lock of these wheels, and fill the store with it."""
        write_lock(self.root, *wheels)
        return self.run("fill", **options)

    def entry(self, *wheels: Distribution, **options: Any) -> Path:
        """Fill the store, and give the environment in it."""
        answer = self.fill(*wheels, **options)
        assert "entry" in answer, answer
        return Path(answer["entry"])


def read_list(entry: Path) -> dict[str, FileLine]:
    """Read what an environment says of its files, by path."""
    return {line.path: line for line in parse_files((entry / "files").read_bytes())}


def judge(entry: Path) -> list[str]:
    """List what is not as an environment says."""
    faults, listed = [], read_list(entry)
    there = {
        os.path.relpath(os.path.join(top, name), entry)
        for top, _, names in os.walk(entry)
        for name in names
    }
    faults += sorted(there ^ {*listed, "files", "entry"})
    for path in there & set(listed):
        line, place = listed[path], entry / path
        if line.is_link:
            data, mode = os.fsencode(os.readlink(place)), "120000"
        else:
            data, mode = place.read_bytes(), f"{place.stat().st_mode & 0o7777:o}"
        if (hashlib.sha256(data).hexdigest(), mode, len(data)) != line[:3]:
            faults.append(path)
    for top, _, _ in os.walk(entry):
        inside = os.path.relpath(top, entry)
        wanted = 0o755 if inside.split(os.sep)[0] == "tree" else 0o555
        if os.stat(top).st_mode & 0o7777 != wanted:
            faults.append(f"{inside}/")
    return faults


def left_over(store: Path) -> list[str]:
    """List what is below ``tmp``, and files of the pool that nobody has."""
    loose = [str(one) for one in store.glob("files/*/*") if one.stat().st_nlink < 2]
    return [*map(str, store.glob("tmp/*")), *loose]


def names(folder: Path) -> Iterable[str]:
    """List the files below a folder, without bytecode."""
    found = [os.path.relpath(one, folder) for one in folder.rglob("*") if one.is_file()]
    return sorted(one for one in found if not one.endswith(".pyc"))


@pytest.fixture
def user(tmp_path: Path, caches: Path, monkeypatch: pytest.MonkeyPatch) -> StoreUser:
    """A project and a store, with a cache of uv that all tests of the module fill."""
    monkeypatch.setenv("UV_CACHE_DIR", str(caches / "uv"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return StoreUser(tmp_path)
