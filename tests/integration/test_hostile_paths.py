"""Projects, homes and stores whose paths have everything in them that a path may have."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import Pyve
from sync_user import ask, installed, use_index

DISTRIBUTIONS = (
    make_wheel(
        "greeter",
        "1.0",
        commands={"greet": "greeter:main"},
        files={
            "greeter/__init__.py": "def main() -> None:\n    print('hello')\n",
        },
    ),
    make_wheel("alpha", "1.0"),
)

# A colon is the one that cannot be: PATH has no way to write it.
NAMES = {
    "shell": '$(touch executed) `touch executed` ${HOME} it\'s "q" a;b&&c|d>e<f #!g ~root \\n a=b',
    "patterns": "  [a-z]* ?{x,y} 100%s %n  ",
    "dash": "-rf",
    "option": "--help",
    "newline": "two\nlines\tand \x1b[31mred",
    "carriage return": "a\rb",
    "nfc": unicodedata.normalize("NFC", "Zoë-Ångström"),
    "nfd": unicodedata.normalize("NFD", "Zoë-Ångström"),
    "longest": "n" * 255,
    "longest wide": "é" * 127,
}


def no_trace(pyve: Pyve) -> bool:
    """Tell whether nothing was executed that a path had in it."""
    return not list(pyve.root.rglob("executed"))


@pytest.mark.parametrize("kind", NAMES)
def test_a_project_works_at_any_path(
    kind: str,
    make_pyve: Callable[[str], Pyve],
    index: LocalIndex,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pyve = use_index(make_pyve(NAMES[kind]), index, tmp_path_factory.getbasetemp() / "uv cache")
    ask(pyve, "greeter")
    pyve.ok("init", "--yes")
    assert (
        pyve.ok("run", "python", "-c", "import sys; print(sys.prefix != sys.base_prefix)")
        == "True\n"
    )
    pyve.ok("sync")
    assert pyve.ok("run", "greet") == "hello\n"
    assert installed(pyve) == ["greeter 1.0"]
    # The long way of run.
    assert pyve.ok("run", "--", str(pyve.project / ".venv" / "bin" / "greet")) == "hello\n"
    assert pyve.json("status")["detail"]["state"] == "consistent"
    assert pyve.ok("lock", "--check") == "✓ pylock.toml is current\n"
    assert pyve("doctor").returncode in (0, 2)
    assert pyve.ok("-C", str(pyve.project), "run", "greet", cwd=pyve.root) == "hello\n"
    pyve.ok("purge", "--yes")
    assert not {".venv", ".pyve"} & set(os.listdir(pyve.project))
    assert no_trace(pyve)


@pytest.mark.parametrize("kind", ["shell", "patterns", "dash", "nfd", "longest wide"])
def test_home_and_store_work_at_any_path(kind: str, user: Pyve) -> None:
    home = user.root / NAMES[kind]
    home.mkdir(exist_ok=True)
    user.env.update(HOME=str(home))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "PYVE_STORE"):
        user.env.pop(name, None)
    ask(user, "greeter")
    user.ok("sync")
    assert user.ok("run", "greet") == "hello\n"
    # A second one, from the store.
    second = user.root / "second"
    second.mkdir()
    for name in ("pyproject.toml", "pylock.toml"):
        shutil.copy(user.project / name, second)
    user.ok("sync", "--frozen", cwd=second)
    assert user.ok("run", "greet", cwd=second) == "hello\n"
    assert no_trace(user)


@pytest.mark.parametrize("kind", ["newline"])
def test_a_store_whose_path_has_a_line_end_is_not_used(kind: str, user: Pyve) -> None:
    user.env["PYVE_STORE"] = str(user.root / NAMES[kind])
    ask(user, "greeter")
    user.ok("sync")
    assert user.ok("run", "greet") == "hello\n"
    assert not (user.project / ".venv" / "pyve.token").exists()
    assert no_trace(user)


def test_unicode_forms_are_different_folders_and_none_is_changed(
    make_pyve: Callable[[str], Pyve],
) -> None:
    pyve = make_pyve(NAMES["nfc"])
    other = pyve.root / NAMES["nfd"]
    try:
        other.mkdir()
    except FileExistsError:
        pytest.skip("this file system has one name for both forms")
    pyve.ok("init", "--yes")
    prefix = pyve.ok("run", "python", "-c", "import sys; print(sys.prefix)").rstrip("\n")
    assert Path(prefix) == pyve.project / ".venv"
    assert not list(other.iterdir())


@pytest.mark.parametrize("length", [60, 250])
def test_first_lines_that_are_too_long_for_the_system(
    length: int,
    make_pyve: Callable[[str], Pyve],
    index: LocalIndex,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # Linux reads 255 bytes of it, older ones 127, and none of them a blank.
    pyve = use_index(make_pyve("p" * length), index, tmp_path_factory.getbasetemp() / "uv cache")
    ask(pyve, "greeter")
    pyve.ok("sync")
    script = pyve.project / ".venv" / "bin" / "greet"
    first = script.read_bytes().splitlines()[0]
    assert len(first) <= 127
    assert pyve.execute(str(script), cwd=pyve.root).stdout == "hello\n"


def test_files_with_hostile_names_beside_the_manifest_do_no_harm(user: Pyve) -> None:
    for name in NAMES.values():
        if "/" not in name:
            (user.project / name).write_text("x")
    ask(user, "alpha")
    before = {name: (user.project / name).read_text() for name in NAMES.values()}
    user.ok("init", "--yes")
    user.ok("sync")
    assert user("doctor").returncode in (0, 2)
    user.ok("purge", "--yes")
    assert {name: (user.project / name).read_text() for name in NAMES.values()} == before
    assert no_trace(user)
