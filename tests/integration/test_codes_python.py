"""Each code of pyve python: brought about and mended."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_cases import bring, brings, corrects
from python_archives import Archives, use_archives
from pyve_test_helpers import Pyve, other_python, python_version, real_python, series, snapshot

pytestmark = pytest.mark.venv

HERE = series(python_version())


@pytest.fixture
def archives(pyve: Pyve) -> Archives:
    """A list of downloads, and a mirror with another Python than the tests' own."""
    made = use_archives(pyve)
    made.add(other_python())
    return made


def python_folder(pyve: Pyve) -> Path:
    """Return where uv keeps interpreters."""
    return pyve.home / ".local/share/uv/python"


def installed(pyve: Pyve) -> list[str]:
    """Return the names of what uv has installed."""
    return [path.name for path in python_folder(pyve).glob("cpython-*")]


@brings("E_PYTHON_DIGEST")
def test_an_archive_with_another_digest(pyve: Pyve, archives: Archives) -> None:
    wish = series(python_version(other_python()))
    good = archives.archive(other_python()).read_bytes()
    other = archives.archive(other_python()).with_name("other")
    archives.archive(real_python()).parent.mkdir(exist_ok=True)
    archives.add(real_python())
    other.write_bytes(archives.archive(real_python()).read_bytes())
    for data in (other.read_bytes(), b"an error page", good[:300]):
        archives.archive(other_python()).write_bytes(data)
        pyve.write(".pyve/config", f"python:\n  mirror: {archives.mirror}\n")
        failure = bring(pyve, "E_PYTHON_DIGEST", "python", "install", wish)
        failure.says("nothing was installed", archives.mirror)
        assert installed(pyve) == []
        assert failure.fixes[0].text == "pyve config unset python.mirror"
        failure.apply()
        # (It comes from the place of uv now, out of reach here: a mended mirror is as good.)
        archives.archive(other_python()).write_bytes(good)
        failure.check_gone(UV_PYTHON_INSTALL_MIRROR=archives.mirror)
        pyve.ok("python", "remove", wish)


@brings("E_PYTHON_DIGEST")
def test_an_archive_without_a_digest(pyve: Pyve, archives: Archives) -> None:
    archives.add(other_python(), sha256=None)
    wish = series(python_version(other_python()))
    words = ("python", "install", wish, "--mirror", archives.mirror)
    failure = bring(pyve, "E_PYTHON_DIGEST", *words)
    failure.says("no SHA-256")
    assert installed(pyve) == []
    fix = f"env -u UV_PYTHON_DOWNLOADS_JSON_URL pyve python install {wish}"
    assert failure.fixes[0].text == fix
    # (uv's own list is for archives that are not here.)
    archives.add(other_python())
    failure.check_gone()
    archives.list_file.write_text("no list")
    bring(pyve, "E_PYTHON_DIGEST", *words, "--reinstall").says("no list of downloads")


@brings("E_PYTHON_OFFLINE")
def test_no_network(pyve: Pyve, archives: Archives) -> None:
    wish = series(python_version(other_python()))
    for more in ((), ("--offline",)):
        failure = bring(pyve, "E_PYTHON_OFFLINE", "python", "install", wish, *more)
        failure.by_hand("--mirror file:///folder")
        assert installed(pyve) == []
    failure.check_gone(UV_PYTHON_INSTALL_MIRROR=archives.mirror)
    assert installed(pyve)


@brings("E_PYTHON_INSTALL")
def test_what_uv_may_not_fetch_or_does_not_know(pyve: Pyve, archives: Archives) -> None:
    wish = series(python_version(other_python()))
    words = ("python", "install", wish, "--mirror", archives.mirror)
    failure = bring(pyve, "E_PYTHON_INSTALL", *words, UV_PYTHON_DOWNLOADS="never")
    assert failure.fixes[0].text == f"env UV_PYTHON_DOWNLOADS=manual pyve python install {wish}"
    # What uv leaves half done is cleared away.
    archives.add(other_python(), whole=False)
    bring(pyve, "E_PYTHON_INSTALL", *words).says("its messages are above")
    assert installed(pyve) == []
    archives.add(other_python())
    failure.apply(UV_PYTHON_INSTALL_MIRROR=archives.mirror)
    failure.check_gone()
    corrects(pyve, "E_PYTHON_INSTALL", "python", "install", "3.97").says("knows no Python 3.97")
    # A manager that is not here is not replaced by another one.
    bring(pyve, "E_PYTHON_INSTALL", "python", "install", "3.97", "--manager", "asdf").says("asdf")
    bring(pyve, "E_USAGE_VALUE", "python", "list", "--manager", "conda").says("pyenv")
    bring(pyve, "E_USAGE_VALUE", "python", "install", "--mirror", "ftp://x/").says("ftp://x/")
    bring(pyve, "E_USAGE_CONFLICT", "python", "list", "--force").says("use, remove")


@brings("E_PYTHON_LIMIT")
def test_a_python_that_the_project_excludes(pyve: Pyve) -> None:
    pyve.add_python(other_python())
    wish = series(python_version(other_python()))
    pyve.write("pyproject.toml", f'[project]\nname = "a"\nrequires-python = "=={HERE}.*"\n')
    before = snapshot(pyve.project)
    failure = corrects(pyve, "E_PYTHON_LIMIT", "python", "use", wish, fix=f"pyve python use {HERE}")
    failure.says(f"=={HERE}.*", "pyproject.toml")
    # Before one is looked for, or installed.
    bring(pyve, "E_PYTHON_LIMIT", "python", "use", "3.91")
    assert (pyve.project / ".python-version").read_text() == f"{python_version()}\n"
    (pyve.project / ".python-version").unlink()
    assert set(before) <= set(snapshot(pyve.project))
    # A lock that another tool made is not changed.
    (pyve.project / "pyproject.toml").unlink()
    lock = 'lock-version = "1.0"\ncreated-by = "hand"\n'
    lock += f'requires-python = "=={HERE}.*"\npackages = []\n'
    pyve.write("pylock.toml", lock)
    failure = bring(pyve, "E_PYTHON_LIMIT", "python", "use", wish)
    failure.by_hand("pylock.toml", "another one")
    assert not (pyve.project / ".python-version").exists()
    pyve.write("pylock.toml", lock.replace(f"=={HERE}.*", ">=3.9"))
    failure.check_gone()


@brings("E_PYTHON_PACKAGES")
def test_packages_that_nothing_names(pyve: Pyve) -> None:
    pyve.add_python(other_python())
    wish = series(python_version(other_python()))
    pyve.init("--python-version", HERE)
    pyve.add_module(pyve.venv, "byhand-1.0.dist-info/METADATA", "Name: byhand\nVersion: 1.0\n")
    before = snapshot(pyve.venv)
    failure = bring(pyve, "E_PYTHON_PACKAGES", "python", "use", wish).says("byhand")
    assert snapshot(pyve.venv) == before
    assert failure.fixes[0].text == "pyve add --no-sync -- byhand"
    failure.apply(1)
    assert python_version(pyve.venv / "bin/python") == python_version(other_python())
    failure.check_gone()


@brings("E_PYTHON_USED")
def test_a_python_that_a_project_has(pyve: Pyve) -> None:
    place = pyve.add_managed_python("uv", other_python())
    version = python_version(other_python())
    project = pyve.root / "another project"
    project.mkdir()
    pyve.init("--python-version", version, cwd=project)
    # uv as far as this is about it.
    pyve.add_program("uv", f'#!/bin/sh\n[ "$2" = uninstall ] && rm -rf \'{place.parent}\'/"$3"\n')
    failure = bring(pyve, "E_PYTHON_USED", "python", "remove", version)
    failure.says(str(project / ".venv"))
    assert place.exists()
    failure.apply()
    assert not place.exists()
    failure.check_gone(others=("E_PYTHON_MISSING",))


@brings("E_PYTHON_SEVERAL")
def test_two_managers_have_the_same_python(pyve: Pyve) -> None:
    version = python_version(other_python())
    places = [pyve.add_managed_python(manager, other_python()) for manager in ("pyenv", "mise")]
    pyve.add_program("pyenv", f"#!/bin/sh\nrm -rf '{places[0].parent}'/\"$3\"\n")
    pyve.add_program("mise", f"#!/bin/sh\nrm -rf '{places[1]}'\n")
    wish = series(version)
    fix = f"pyve python remove --manager pyenv {version}"
    failure = bring(pyve, "E_PYTHON_SEVERAL", "python", "remove", wish).says("pyenv", "mise")
    assert failure.fixes[0].text == fix
    failure.apply()
    assert not places[0].exists()
    failure.check_gone()
    assert not places[1].exists()


@brings("E_PYTHON_SYSTEM")
def test_a_python_of_the_system(pyve: Pyve) -> None:
    failure = bring(pyve, "E_PYTHON_SYSTEM", "python", "remove", HERE)
    failure.by_hand(str(pyve.bin / f"python{HERE}"))
    pyve.remove_pythons()
    failure.check_gone(others=("E_PYTHON_MISSING",))


@brings("E_PYTHON_REMOVE")
def test_a_python_whose_manager_has_gone(pyve: Pyve) -> None:
    version = python_version(other_python())
    place = pyve.add_managed_python("pyenv", other_python())
    failure = bring(pyve, "E_PYTHON_REMOVE", "python", "remove", version).says("pyenv", str(place))
    assert failure.fixes[0].risk == "destructive"
    failure.apply()
    assert not place.exists()
    failure.check_gone(others=("E_PYTHON_MISSING",))
