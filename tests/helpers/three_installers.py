"""One lock, three environments: made by Pyve, by uv and by pip, and compared file by file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from lock_user import read
from pyve_test_helpers import TREE, Pyve

UV = TREE / ".dev" / "bin" / "uv"
# Each installer writes these in its own way, or not at all.
OWN_FILES = {
    "INSTALLER",
    "RECORD",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    "uv_build.json",
}

# Name -> version, where it is from, and path -> digest of each file.
Installed = dict[str, tuple[str, Any, dict[str, str]]]


def list_files(distribution: Distribution) -> dict[str, str]:
    """Return path -> digest of what RECORD names; of scripts, which have a shebang, the path."""
    found = {}
    for file in distribution.files or ():
        if file.name in OWN_FILES or file.suffix == ".pyc":
            continue
        digest = f"{file.hash.mode}={file.hash.value}" if file.hash else ""
        found[str(file)] = "" if "bin" in file.parts else digest
        assert distribution.locate_file(file).exists(), file  # type: ignore[attr-defined]
    return found


def list_installed(environment: Path) -> Installed:
    """Return what is installed in an environment, but for what it came with."""
    (folder,) = environment.glob("lib/python3.*/site-packages")
    found: Installed = {}
    for one in distributions(path=[str(folder)]):
        direct = json.loads(one.read_text("direct_url.json") or "null")
        if direct:
            # pip ends the URL of a folder with "/", uv that of a repository; uv tells no digest.
            direct["url"] = direct["url"].rstrip("/")
            direct["archive_info"] = "archive_info" in direct
        name = one.metadata["Name"].lower().replace("_", "-")
        found[name] = (one.version, direct, list_files(one))
    return found


def complete(user: Pyve, selection: tuple[str, ...]) -> list[str]:
    """Add the groups that come unasked: with a group named, uv and pip leave them out."""
    named = [one for one in selection if one.startswith("group:")]
    unasked = [f"group:{name}" for name in read(user).get("default-groups", [])] if named else []
    return sorted({*selection, *unasked})


def install_by_uv(user: Pyve, *selection: str) -> Installed:
    """Make an environment by ``uv pip sync``; ``selection``: ``extra:NAME``, ``group:NAME``."""
    place = user.root / "by uv"
    shutil.rmtree(place, ignore_errors=True)
    run(user, UV, "venv", "-q", "--python", sys.executable, place)
    chosen = complete(user, selection)
    words = [word for one in chosen for word in (f"--{one[:5]}", one[6:])]
    run(user, UV, "pip", "sync", "-q", "--python", place, "pylock.toml", *words)
    return list_installed(place)


def install_by_pip(user: Pyve, *selection: str, options: tuple[str, ...] = ()) -> Installed:
    """Make an environment by ``pip install -r pylock.toml``; see install_by_uv."""
    place = user.root / "by pip"
    shutil.rmtree(place, ignore_errors=True)
    run(user, UV, "venv", "-q", "--python", sys.executable, place)
    extras = ",".join(one[6:] for one in selection if one.startswith("extra:"))
    words = ["-r", f"pylock.toml[{extras}]" if extras else "pylock.toml"]
    for one in complete(user, selection):
        if one.startswith("group:"):
            words += ["--group", f"pylock.toml:{one[6:]}"]
    pip = (sys.executable, "-m", "pip", "--python", place, "install", "-q", "--no-compile")
    run(user, *pip, *options, *words)
    return list_installed(place)


def install_by_pyve(user: Pyve, *selection: str) -> Installed:
    """Make the project's environment by ``pyve sync``; see install_by_uv."""
    words = [word for one in selection for word in (f"--{one[:5]}", one[6:])]
    user.ok("sync", "--frozen", "--no-store", *words)
    return list_installed(user.venv)


def run(user: Pyve, *words: str | os.PathLike[str]) -> None:
    """Run a program as the user, and expect success."""
    result = user.execute(*(os.fspath(word) for word in words))
    assert result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"


def assert_three_equal(user: Pyve, *selection: str, pip: tuple[str, ...] = ()) -> dict[str, str]:
    """Install the project's pylock.toml by Pyve, uv and pip; the environments have to be equal.

    Args:
        user: whose project it is.
        selection: ``extra:NAME``, ``group:NAME``.
        pip: options that pip needs for this lock.

    Returns:
        Name -> version of what is installed.
    """
    lock = (user.project / "pylock.toml").read_bytes()
    by_pyve = install_by_pyve(user, *selection)
    by_uv = install_by_uv(user, *selection)
    by_pip = install_by_pip(user, *selection, options=pip)
    for name, other in (("uv", by_uv), ("pip", by_pip)):
        differences = [
            (key, by_pyve.get(key), other.get(key))
            for key in sorted({*by_pyve, *other})
            if by_pyve.get(key) != other.get(key)
        ]
        assert not differences, f"Pyve and {name} differ: {differences}"
    assert (user.project / "pylock.toml").read_bytes() == lock
    return {name: version for name, (version, _, _) in by_pyve.items()}
