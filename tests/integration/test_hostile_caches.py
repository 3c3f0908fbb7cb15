"""What comes from a cache: verified by its digest, or not used when it is somebody else's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from code_cases import bring, brings
from distributions import make_wheel
from memory_folder import link_file
from pyve_test_helpers import Pyve
from sync_user import ask, installed

DISTRIBUTIONS = (make_wheel("alpha", "1.0"),)
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
SOMEBODY = 12345


def forget(user: Pyve) -> None:
    """Leave nothing but the manifest, the lock and uv's cache."""
    user.ok("purge", "--yes")
    for folder in (
        user.home / ".cache" / "pyve",
        user.home / ".local" / "share" / "pyve" / "store",
    ):
        if folder.exists():
            for path in (folder, *folder.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
            shutil.rmtree(folder)


def find_cached(user: Pyve, name: str) -> Path:
    """Find a module in uv's cache, as it was unpacked there."""
    (found,) = Path(user.env["UV_CACHE_DIR"]).glob(f"archive-v0/*/{name}")
    return found


@pytest.mark.parametrize("change", ["changed", "longer", "added"])
def test_what_was_changed_in_uvs_cache_is_not_used(change: str, user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    cached = find_cached(user, "alpha/__init__.py")
    forget(user)
    text = cached.read_text()
    if change == "changed":
        cached.write_text(text.replace("1", "2"))
    elif change == "longer":
        cached.write_text(text + "import os\n")
    else:
        (cached.parent / "more.py").write_text("import os\n")
    stderr = user.fails("sync", code="E_PACKAGE_RECORD")
    assert "alpha 1.0: " in stderr
    assert not user.venv.exists()
    assert change == "added" or "uv cache clean alpha" in stderr
    user.execute("uv", "cache", "clean", "alpha", cwd=user.project)
    user.ok("sync")
    assert installed(user) == ["alpha 1.0"]


@ROOT
@brings("E_CACHE_UNSAFE")
def test_a_template_of_another_user_is_not_used(pyve: Pyve) -> None:
    pyve.env["PYVE_TEMPLATES"] = str(pyve.root / "templates")
    pyve.ok("init", "--yes")
    pyve.ok("purge", "--yes")
    (template,) = (pyve.root / "templates").iterdir()
    os.chown(template, SOMEBODY, -1)
    failure = bring(pyve, "E_CACHE_UNSAFE", "init", "--yes").says(str(SOMEBODY), "PYVE_TEMPLATES")
    assert not pyve.venv.exists()
    failure.apply()
    assert pyve.venv.exists()
    pyve.ok("purge", "--yes")
    os.chown(template, 0, -1)
    failure.check_gone()


@ROOT
def test_a_toolchain_of_another_user_is_not_used(user: Pyve) -> None:
    ask(user, "alpha")
    copy = user.root / "tools"
    shutil.copytree(user.env["PYVE_TOOLCHAIN"], copy, symlinks=True, copy_function=link_file)
    user.env["PYVE_TOOLCHAIN"] = str(copy)
    user.ok("lock")
    (user.project / "pylock.toml").unlink()
    for folder in copy.iterdir():
        os.chown(folder, SOMEBODY, -1)
    stderr = user.fails("lock", code="E_CACHE_UNSAFE")
    assert f"fix: env PYVE_TOOLCHAIN={copy}.0 pyve lock" in stderr
    assert not (user.project / "pylock.toml").exists()
    for folder in copy.iterdir():
        os.chown(folder, 0, -1)
    user.ok("lock")


@ROOT
def test_what_another_user_remembers_of_an_interpreter_is_asked_anew(pyve: Pyve) -> None:
    pyve.ok("init", "--yes")
    memory = pyve.home / ".cache" / "pyve" / "interpreters"
    before = sorted(memory.iterdir())
    assert before
    for path in before:
        path.write_text(path.read_text().replace("venv=1", "venv="))
        os.chown(path, SOMEBODY, -1)
    pyve.ok("purge", "--yes")
    pyve.ok("init", "--yes")
    assert all(path.stat().st_uid == 0 for path in memory.iterdir())
