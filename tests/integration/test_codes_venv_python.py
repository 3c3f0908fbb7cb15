"""Each code about interpreters: brought about and mended."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from code_cases import bring, brings, corrects, mends
from pyve_test_helpers import (
    Pyve,
    copy_interpreter,
    other_python,
    python_version,
    real_python,
    series,
    snapshot,
)

pytestmark = pytest.mark.venv

HERE = series(python_version())

# Says what it can install, and does, unless there is no network.
PYENV = """#!/bin/sh
case "$*" in
  "install --list") echo {version} ;;
  "install "*)
    [ ! -e {root}/offline ] || {{ echo "no network" >&2; exit 1; }}
    mkdir -p "$HOME/.pyenv/versions/{version}/bin"
    ln -sf {python} "$HOME/.pyenv/versions/{version}/bin/python3" ;;
  *) exit 1 ;;
esac
"""

# Debian keeps a wheel of pip for every Python; with this zipfile an interpreter cannot read it.
BLIND_ZIPFILE = """
import importlib.util, os, sys
folder = [os.path.dirname({path!r})]
spec = importlib.util.spec_from_file_location("real", {path!r}, submodule_search_locations=folder)
real = sys.modules["real"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
BadZipFile = real.BadZipFile
class ZipFile(real.ZipFile):
    def __init__(self, file, *args, **options):
        if "python-wheels" in str(file):
            raise BadZipFile(file)
        super().__init__(file, *args, **options)
"""


def add_pyenv(pyve: Pyve) -> None:
    """Put a pyenv on PATH that "installs" the tests' interpreter."""
    root = str(pyve.root).replace(" ", "\\ ")
    text = PYENV.format(version=python_version(), python=real_python(), root=root)
    pyve.add_program("pyenv", text)


def break_python(pyve: Pyve, version: str) -> Path:
    """Put an interpreter that does not run where pyenv keeps them."""
    broken = pyve.root / "broken"
    broken.write_text("#!/bin/sh\necho 'libpython is gone' >&2\nexit 1\n")
    broken.chmod(0o755)
    return pyve.add_managed_python("pyenv", broken, version)


@brings("E_PYTHON_MISSING")
def test_a_version_that_is_not_here(pyve: Pyve) -> None:
    fix = f"pyve init --python-version {HERE}"
    words = ("init", "--python-version", "3.91")
    corrects(pyve, "E_PYTHON_MISSING", *words, fix=fix).says("3.91", "--python-version", HERE)
    pyve.ok("purge")
    words = ("python-version", "3.91")
    corrects(pyve, "E_PYTHON_MISSING", *words, fix=f"pyve python-version {HERE}")


@brings("E_PYTHON_MISSING")
def test_a_version_of_a_file_that_is_not_here(pyve: Pyve) -> None:
    pyve.write(".tool-versions", "python 3.91\n")
    fix = f"pyve init --force --python-version {HERE}"
    failure = mends(pyve, "E_PYTHON_MISSING", "init", "--force", fix=fix, answer="y\n")
    failure.says("3.91", ".tool-versions")
    assert pyve.prefix() == str(pyve.venv)


@brings("E_PYTHON_MISSING")
def test_a_machine_without_python(pyve: Pyve) -> None:
    pyve.remove_pythons()
    for name in ("apt-get", "brew"):
        program = f"#!/bin/sh\n[ \"$1\" = install ] && ln -s {real_python()} '{pyve.bin}/python3'\n"
        pyve.add_program(name, program)
    pyve.add_program("sudo", '#!/bin/sh\nexec "$@"\n')
    mends(pyve, "E_PYTHON_MISSING", "init").says("found: none")


@brings("E_PYTHON_BROKEN")
def test_a_broken_python_of_a_manager(pyve: Pyve) -> None:
    pyve.remove_pythons()
    add_pyenv(pyve)
    break_python(pyve, python_version())
    words = ("init", "--python-version", HERE)
    fix = f"pyve python install {python_version()}"
    mends(pyve, "E_PYTHON_BROKEN", *words, fix=fix).says(HERE, "libpython is gone")


@brings("E_PYTHON_BROKEN")
def test_a_broken_python_without_its_manager(pyve: Pyve) -> None:
    break_python(pyve, "3.97.1")
    words = ("init", "--python-version", "3.97")
    fix = f"pyve init --python-version {HERE}"
    corrects(pyve, "E_PYTHON_BROKEN", *words, fix=fix).says("3.97.1", "libpython is gone")


@brings("E_PYTHON_BROKEN")
def test_a_broken_python_by_its_path(pyve: Pyve) -> None:
    place = break_python(pyve, "mine")
    pyve.write(".python-version", "mine\n")
    fix = f"pyve init --force --python-version {HERE}"
    failure = mends(pyve, "E_PYTHON_BROKEN", "init", "--force", fix=fix, answer="y\n")
    failure.says(str(place), "libpython is gone", ".python-version")


@brings("E_PYTHON_TOO_OLD")
def test_a_python_that_is_too_old(pyve: Pyve) -> None:
    words = ("init", "--python-version", "3.6")
    fix = f"pyve init --python-version {HERE}"
    corrects(pyve, "E_PYTHON_TOO_OLD", *words, fix=fix).says("3.6", "3.9", "--python-version")


@brings("E_PYTHON_INSTALL")
def test_an_installation_that_fails(pyve: Pyve) -> None:
    pyve.remove_pythons()
    add_pyenv(pyve)
    (pyve.root / "offline").touch()
    failure = bring(pyve, "E_PYTHON_INSTALL", "init", "--python-version", python_version())
    failure.says(python_version(), "pyenv install", "status 1")
    (pyve.root / "offline").unlink()
    failure.apply()
    failure.check_gone()


@brings("E_PYTHON_VERSION_INVALID")
def test_a_version_that_is_none(pyve: Pyve) -> None:
    code = "E_PYTHON_VERSION_INVALID"
    words = ("init", "--python-version", "three")
    corrects(pyve, code, *words, fix=f"pyve init --python-version {HERE}").says("'three'", "3.N")
    pyve.ok("purge")
    words = ("python-version", "three")
    corrects(pyve, code, *words, fix=f"pyve python-version {HERE}").says("'three'")


@brings("E_PYTHON_VERSION_INVALID")
def test_a_file_with_a_version_that_is_none(pyve: Pyve) -> None:
    pyve.write(".python-version", "banana\n")
    fix = f"pyve init --force --python-version {HERE}"
    words = ("init", "--force")
    failure = mends(pyve, "E_PYTHON_VERSION_INVALID", *words, fix=fix, answer="y\n")
    failure.says(".python-version", "banana")


@brings("E_PYTHON_VERSION_INVALID")
def test_a_requires_python_that_cannot_be_read(pyve: Pyve) -> None:
    pyve.write("pyproject.toml", '[project]\nrequires-python = "three or more"\n')
    failure = bring(pyve, "E_PYTHON_VERSION_INVALID", "init")
    failure.by_hand("three or more", "pyproject.toml", "'>=3.9'")
    pyve.write("pyproject.toml", '[project]\nrequires-python = ">=3.9"\n')
    failure.check_gone()


@brings("W_PYTHON_REQUIRES")
@pytest.mark.parametrize("wish", ["<3.9", "three or more"])
def test_a_requires_python_that_is_not_met(pyve: Pyve, wish: str) -> None:
    pyve.write(".python-version", HERE)
    pyve.write("pyproject.toml", f'[project]\nrequires-python = "{wish}"\n')
    failure = bring(pyve, "W_PYTHON_REQUIRES", "python-version")
    failure.by_hand(wish, ".python-version")
    pyve.write("pyproject.toml", '[project]\nrequires-python = ">=3.9"\n')
    failure.check_gone()


# --- interpreters that are not whole


def use_only(pyve: Pyve, *without: str) -> Path:
    """Let the only interpreter be one that lacks modules; returns its standard library."""
    names = (*without, *(f"{name}.py" for name in without))
    python = copy_interpreter(pyve.root / "bare", without=names)
    pyve.remove_pythons()
    pyve.add_python(python)
    return python.parent.parent / "lib" / python.name


def complete(library: Path, name: str) -> None:
    """Put a module of the real standard library where it is missing, or another one is."""
    (library / f"{name}.py").unlink(missing_ok=True)
    real = Path(os.path.realpath(os.__file__)).parent
    for path in (real / name, real / f"{name}.py"):
        if path.exists():
            (library / path.name).symlink_to(path)


@brings("E_PIP_MISSING")
def test_a_python_without_pip(pyve: Pyve) -> None:
    library = use_only(pyve, "ensurepip", "zipfile")
    (library / "zipfile.py").write_text(BLIND_ZIPFILE.format(path=zipfile.__file__))
    failure = bring(pyve, "E_PIP_MISSING", "init")
    failure.by_hand(python_version(), "ensurepip", "install this Python whole")
    assert snapshot(pyve.project) == {}
    complete(library, "ensurepip")
    complete(library, "zipfile")
    failure.check_gone()


@brings("E_VENV_MISSING")
def test_a_python_without_venv(pyve: Pyve) -> None:
    use_only(pyve, "venv")
    other = other_python()
    pyve.add_python(other)
    fix = f"pyve init --python-version {series(python_version(other))}"
    failure = corrects(pyve, "E_VENV_MISSING", "init", "--python-version", HERE, fix=fix)
    failure.says(python_version(), str(pyve.root / "bare"))


@brings("E_VENV_MISSING", "E_TEMPLATE", "E_DISK_FULL")
@pytest.mark.parametrize(
    ("code", "text", "advice"),
    [
        ("E_VENV_MISSING", "", "install this Python whole"),
        ("E_TEMPLATE", "raise RuntimeError('it is damaged')", "install this Python anew"),
        ("E_DISK_FULL", "raise OSError(28, 'No space left on device')", "make room on the disk"),
    ],
)
def test_a_python_that_makes_no_environment(pyve: Pyve, code: str, text: str, advice: str) -> None:
    library = use_only(pyve, "venv")
    if text:
        (library / "venv.py").write_text(text)
    failure = bring(pyve, code, "init", "--python-version", HERE)
    failure.by_hand(advice, "it is damaged" if code == "E_TEMPLATE" else "")
    assert snapshot(pyve.project) == {}
    complete(library, "venv")
    failure.check_gone()


@brings("E_DATA_WRITE")
def test_a_file_in_the_way_of_templates(pyve: Pyve) -> None:
    blocked = pyve.root / "in the way"
    blocked.write_text("")
    templates = str(blocked / "templates")
    failure = mends(pyve, "E_DATA_WRITE", "init", PYVE_TEMPLATES=templates)
    failure.says(templates, "PYVE_TEMPLATES")
