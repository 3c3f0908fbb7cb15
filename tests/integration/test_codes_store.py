"""Each code about the shared store: brought about, mended, gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from code_cases import Failure, bring, brings, mends
from distributions import make_wheel
from made_store import add_to, take_from, write_into
from pyve_test_helpers import Pyve, obey_modes
from sync_user import ask

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0", files={"alpha/data.txt": "data\n" * 500}),
    make_wheel("beta", "1.0"),
)


def store_of(pyve: Pyve) -> Path:
    return pyve.home / ".cache" / "pyve" / "store"


def entry_of(pyve: Pyve) -> Path:
    (entry,) = (store_of(pyve) / "v1" / "envs").iterdir()
    return entry


def doctor_mends(pyve: Pyve, check: str, code: str, **options: Any) -> str:
    """See that doctor finds a fault by this check, and that --fix mends it; return what it said."""
    document = pyve.json("doctor", "--only", check, **options)
    (diagnostic,) = document["diagnostics"]
    assert diagnostic["code"] == code and diagnostic["why"]
    assert diagnostic["fix"][0]["automatic"]
    said = pyve.ok("doctor", "--only", check, "--fix", "--yes", **options)
    assert f"✓ {check}: mended" in said
    words = ("doctor", "--only", check)
    Failure(pyve, code, words, options, diagnostic, document, "", []).check_gone()
    return f"{diagnostic['message']}\n" + "\n".join(diagnostic["why"])


@brings("E_STORE_DAMAGED")
def test_a_file_of_the_store_has_changed(shop: Pyve) -> None:
    write_into(entry_of(shop) / "site/alpha/data.txt", b"D")
    failure = mends(shop, "E_STORE_DAMAGED", "store", "verify")
    failure.says("site/alpha/data.txt", "changed")
    write_into(entry_of(shop) / "site/alpha/data.txt", b"D")
    said = doctor_mends(shop, "store-damaged", "E_STORE_DAMAGED")
    assert "site/alpha/data.txt" in said


@brings("W_STORE_BYTECODE")
def test_root_has_run_something_that_writes_bytecode(shop: Pyve) -> None:
    add_to(entry_of(shop) / "site/alpha/__pycache__", "__init__.cpython-311-pytest-8.4.pyc")
    failure = mends(shop, "W_STORE_BYTECODE", "store", "verify")
    assert failure.document["exit_code"] == 0
    failure.says("pytest-8.4.pyc", "as root")
    # doctor notes it, and finds no fault.
    add_to(entry_of(shop) / "site/alpha/__pycache__", "__init__.cpython-311.opt-1.pyc")
    assert "bytecode" in shop.ok("doctor", "--only", "store-damaged")


@brings("E_STORE_GONE")
def test_the_store_was_removed(shop: Pyve) -> None:
    shutil.rmtree(store_of(shop))
    failure = mends(shop, "E_STORE_GONE", "run", "python", "-c", "import alpha")
    assert failure.fixes[0].text == "pyve sync"
    shutil.rmtree(store_of(shop))
    doctor_mends(shop, "store-gone", "E_STORE_GONE")
    shop.ok("run", "python", "-c", "import alpha")


@brings("E_STORE_PLACE")
def test_there_is_no_home(shop: Pyve) -> None:
    failure = bring(shop, "E_STORE_PLACE", "store", "info", HOME="", XDG_CACHE_HOME="")
    failure.says("HOME")
    failure.apply()
    failure.check_gone(HOME=str(shop.home))


@brings("E_STORE_PLACE")
def test_the_store_is_said_to_be_in_a_relative_folder(shop: Pyve) -> None:
    failure = bring(shop, "E_STORE_PLACE", "store", "gc", PYVE_STORE="here")
    failure.says("PYVE_STORE")
    failure.apply()
    failure.check_gone(PYVE_STORE=None)


@brings("E_STORE_REPAIR", "W_STORE_DROPPED")
@pytest.mark.parametrize("damage", ["entry", "pylock.toml", "python"])
def test_what_tells_how_to_mend_is_damaged_itself(shop: Pyve, damage: str) -> None:
    entry = entry_of(shop)
    if damage == "python":
        text = (entry / "entry").read_text()
        write_into(entry / "entry", text.replace("interpreter=/", "interpreter=!").encode())
        take_from(entry / "site/alpha/data.txt")
        write_into(_pool_of(shop, b"data\n" * 500), b"D")
    else:
        write_into(entry / damage, b"#")
    failure = bring(shop, "E_STORE_REPAIR", "store", "repair")
    assert failure.fixes[0].text == "pyve store repair --drop"
    dropped = bring(shop, "W_STORE_DROPPED", "store", "repair", "--drop")
    dropped.says(str(shop.venv))
    failure.check_gone()
    shop.fails("run", "python", "-c", "import alpha", code="E_STORE_GONE")
    dropped.apply()
    dropped.check_gone()
    shop.ok("run", "python", "-c", "import alpha")


def _pool_of(pyve: Pyve, data: bytes) -> Path:
    (path,) = (
        path for path in (store_of(pyve) / "v1" / "files").glob("*/*") if path.read_bytes() == data
    )
    return path


@brings("E_STORE_UNKNOWN")
@pytest.mark.parametrize("word", ["0123456789", "0", "../../etc", "-- -rf"])
def test_a_digest_is_mistyped(shop: Pyve, word: str) -> None:
    failure = bring(shop, "E_STORE_UNKNOWN", "store", "verify", *word.split())
    shown = failure.apply().stdout
    assert entry_of(shop).name[:12] in shown
    failure = bring(shop, "E_STORE_UNKNOWN", "store", "repair", "ffffffffffff")
    failure.args = ("store", "repair", entry_of(shop).name[:12])
    failure.check_gone()


@brings("E_STORE_UNSAFE")
@pytest.mark.parametrize("command", ["store verify", "store gc"])
def test_others_can_write_into_the_store(shop: Pyve, command: str) -> None:
    (store_of(shop) / "v1" / "envs").chmod(0o777)
    failure = bring(shop, "E_STORE_UNSAFE", *command.split())
    assert failure.fixes[0].text == f"chmod -R go-w '{store_of(shop)}'"
    failure.apply()
    failure.check_gone()
    (store_of(shop) / "v1" / "owners").chmod(0o770)
    assert "owners" in doctor_mends(shop, "store-unsafe", "E_STORE_UNSAFE")


@brings("E_STORE_UNSAFE")
def test_the_store_belongs_to_somebody_else(shop: Pyve, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("NOT TESTED: giving a folder away takes root")
    os.chown(store_of(shop) / "v1", 65534, 65534)
    (found,) = shop.json("doctor", "--only", "store-unsafe")["diagnostics"]
    assert found["code"] == "E_STORE_UNSAFE" and not found["fix"]
    failure = bring(shop, "E_STORE_UNSAFE", "store", "gc")
    failure.by_hand("another user", "PYVE_STORE")
    failure.check_gone(PYVE_STORE=str(tmp_path / "own store"))


@brings("E_STORE_WRITE")
def test_the_store_cannot_be_changed(shop: Pyve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "before", obey_modes())
    shutil.rmtree(shop.venv)
    envs = store_of(shop) / "v1" / "envs"
    envs.chmod(0o500)
    failure = bring(shop, "E_STORE_WRITE", "store", "gc").says("Permission denied", str(envs))
    failure.apply()
    failure.check_gone()
    assert list(envs.iterdir()) == []


@brings("W_STORE_OWNER")
def test_a_project_was_copied_with_its_environment(shop: Pyve) -> None:
    copy = shop.root / "copy"
    shutil.copytree(shop.project, copy, symlinks=True)
    doctor_mends(shop, "store-owner", "W_STORE_OWNER", cwd=copy)
    shutil.rmtree(shop.project)
    assert "In use: 1 environment" in shop.ok("store", "gc", cwd=copy)


@brings("W_STORE_SIZE")
def test_projects_use_more_than_the_store_may_take(shop: Pyve) -> None:
    failure = bring(shop, "W_STORE_SIZE", "store", "gc", "--max-size", "1K")
    assert failure.document["exit_code"] == 0
    failure.by_hand("pyve purge", "projects use all of that")
    shop.ok("purge", "--yes")
    failure.args = ("store", "gc", "--max-size", "9M")
    failure.check_gone()


@brings("W_STORE_UNUSABLE")
def test_the_folder_of_the_store_cannot_be_written(user: Pyve) -> None:
    user.before = obey_modes()
    cache = user.home / ".cache"
    (cache / "pyve" / "store").mkdir(parents=True)
    (cache / "pyve" / "store").chmod(0o500)
    ask(user, "alpha")
    user.ok("lock")
    failure = bring(user, "W_STORE_UNUSABLE", "sync")
    failure.by_hand("Permission denied", str(cache))
    user.ok("run", "python", "-c", "import alpha")
    (cache / "pyve" / "store").chmod(0o700)
    shutil.rmtree(user.venv)
    failure.check_gone()
    assert entry_of(user).is_dir()


def test_an_option_for_another_word_is_refused(shop: Pyve) -> None:
    said = shop.fails("store", "info", "--dry-run", code="E_USAGE_CONFLICT")
    assert "--dry-run is for pyve store gc" in said
    for words in ("gc --max-size 5X", "gc --older-than 30"):
        shop.fails("store", *words.split(), code="E_USAGE_VALUE")
    shop.fails("store", "info", "more", code="E_USAGE_ARGUMENT")
    shop.fails("store", "vrify", code="E_USAGE_COMMAND")
