"""Each code of pyve python: brought about and mended."""

from __future__ import annotations

import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
        pyve.ok("python", "remove", wish, answer="y\n")


@brings("E_PYTHON_DIGEST")
def test_an_archive_without_a_digest(pyve: Pyve, archives: Archives) -> None:
    archives.add(other_python(), sha256=None)
    wish = series(python_version(other_python()))
    words = ("python", "install", wish, "--mirror", archives.mirror)
    failure = bring(pyve, "E_PYTHON_DIGEST", *words)
    failure.says("no SHA-256")
    assert installed(pyve) == []
    fix = f"env -u UV_PYTHON_DOWNLOADS_JSON_URL pyve python install {wish} --mirror "
    assert failure.fixes[0].text.startswith(fix)
    # (uv's own list is for archives that are not here.)
    archives.add(other_python())
    failure.check_gone()
    archives.list_file.write_text("no list")
    bring(pyve, "E_PYTHON_DIGEST", *words, "--reinstall").says("no list of downloads")
    # A list that a uv.toml names is no variable to unset.
    settings = pyve.home / ".config/uv/uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'python-downloads-json-url = "{archives.list_file.as_uri()}"\n')
    del pyve.env["UV_PYTHON_DOWNLOADS_JSON_URL"]
    failure = bring(pyve, "E_PYTHON_DIGEST", *words, "--reinstall")
    assert failure.fixes[0].text.startswith("env UV_NO_CONFIG=1 pyve python install")
    bring(pyve, "E_PYTHON_INSTALL", "python", "install", "3.97", UV_NO_CONFIG="1")


@brings("E_PYTHON_OFFLINE")
def test_no_network(pyve: Pyve, archives: Archives) -> None:
    wish = series(python_version(other_python()))
    for more in ((), ("--offline",)):
        failure = bring(pyve, "E_PYTHON_OFFLINE", "python", "install", wish, *more)
        failure.by_hand("--mirror file:///folder")
        assert installed(pyve) == []
    no_network = "the network is not to be used"
    bring(pyve, "E_PYTHON_OFFLINE", "python", "use", wish, "--offline").says(no_network)
    far = {"UV_PYTHON_DOWNLOADS_JSON_URL": "https://127.0.0.1:9/list.json"}
    words = ("python", "install", wish, "--offline")
    failure_of_list = bring(pyve, "E_PYTHON_OFFLINE", *words, **far).says(no_network)
    assert failure_of_list.fixes[0].argv[:3] == ["env", "-u", "UV_PYTHON_DOWNLOADS_JSON_URL"]
    # Another manager would ask the network.
    pyve.add_program("pyenv", "#!/bin/sh\nexit 3\n")
    bring(pyve, "E_USAGE_CONFLICT", "python", "use", wish, "--offline").says("pyenv")
    (pyve.bin / "pyenv").unlink()
    failure.check_gone(UV_PYTHON_INSTALL_MIRROR=archives.mirror)
    assert installed(pyve)


class Refusal(BaseHTTPRequestHandler):
    """Answers with the status that is the first part of the path."""

    def do_GET(self) -> None:
        """Refuse."""
        self.send_error(int(self.path.split("/")[1]))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@brings("E_PYTHON_OFFLINE")
def test_a_mirror_that_refuses(pyve: Pyve, archives: Archives) -> None:
    words = ("python", "install", series(python_version(other_python())))
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            host = f"127.0.0.1:{server.server_port}"
            mirror = f"http://somebody:secret@{host}/403"
            failure = bring(pyve, "E_PYTHON_OFFLINE", *words, UV_PYTHON_INSTALL_MIRROR=mirror)
            failure.says(f"{host} answers 403 Forbidden")
            assert "secret" not in failure.stderr + str(failure.document)
            mirror = f"http://{host}/404"
            failed = bring(pyve, "E_PYTHON_INSTALL", *words, "--mirror", mirror)
            failed.says(f"{mirror} does not have")
        finally:
            server.shutdown()
    failure.check_gone(UV_PYTHON_INSTALL_MIRROR=archives.mirror)
    # uv as far as this is about it.
    said = "error: Failed to download `https://mirror.test/x`\n  cause: "
    said += "invalid peer certificate: UnknownIssuer"
    pyve.add_program("uv", f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    failure = bring(pyve, "E_PYTHON_OFFLINE", "python", "install", "3.97")
    failure.says("the certificate of mirror.test is not one")
    assert failure.fixes[0].argv[:3] == ["env", "UV_SYSTEM_CERTS=1", "UV_NATIVE_TLS=1"]


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
    text = "error: Permission denied (os error 13)"
    pyve.add_program("uv", f"#!/bin/sh\necho '{text}' >&2\nexit 1\n")
    bring(pyve, "E_FILE_WRITE", "python", "install", "3.97").says(str(pyve.home / ".local"))
    # One that is made anew stays until the new one has come.
    place = pyve.add_managed_python("asdf", other_python())
    (pyve.home / ".asdf/plugins/python").mkdir(parents=True)
    program = f"#!/bin/sh\nmkdir -p '{place}/bin' && touch '{place}/new'"
    program += f" && ln -s '{other_python()}' '{place}/bin/python3' && exit "
    words = ("python", "install", python_version(other_python()), "--reinstall")
    pyve.add_program("asdf", f"{program} 1\n")
    bring(pyve, "E_PYTHON_INSTALL", *words).says("asdf install", "status 1")
    assert (place / "bin/python3").exists() and not (place / "new").exists()
    pyve.add_program("asdf", f"{program} 0\n")
    pyve.ok(*words)
    assert (place / "new").exists() and os.listdir(place.parent) == [place.name]


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
    # An environment may hold a copy of the program.
    copied = pyve.project / ".venv"
    (copied / "bin").mkdir(parents=True)
    (copied / "bin/python").write_text("")
    (copied / "pyvenv.cfg").write_text(f"home = {place}/bin\n")
    bring(pyve, "E_PYTHON_USED", "python", "remove", version).says(str(copied))
    shutil.rmtree(copied)
    failure.apply(answer="y\n")
    assert not place.exists()
    failure.check_gone(others=("E_PYTHON_MISSING",))


@brings("E_PYTHON_SEVERAL")
def test_two_managers_have_the_same_python(pyve: Pyve) -> None:
    version = python_version(other_python())
    places = [pyve.add_managed_python(manager, other_python()) for manager in ("pyenv", "mise")]
    # (pyenv in its usual place, which is not on PATH here.)
    program = pyve.add_program("pyenv", f"#!/bin/sh\nrm -rf '{places[0].parent}'/\"$3\"\n")
    (pyve.home / ".pyenv/bin").mkdir()
    program.rename(pyve.home / ".pyenv/bin/pyenv")
    pyve.add_program("mise", f"#!/bin/sh\nrm -rf '{places[1]}'\n")
    wish = series(version)
    fix = f"pyve python remove --manager pyenv {version}"
    failure = bring(pyve, "E_PYTHON_SEVERAL", "python", "remove", wish).says("pyenv", "mise")
    assert failure.fixes[0].text == fix
    failure.apply(answer="y\n")
    assert not places[0].exists()
    failure.check_gone(answer="y\n")
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
    words = ("python", "remove", version, "--yes")
    failure = bring(pyve, "E_PYTHON_REMOVE", *words).says("pyenv", str(place))
    assert failure.fixes[0].risk == "destructive"
    failure.apply()
    assert not place.exists()
    failure.check_gone(others=("E_PYTHON_MISSING",))
