"""build.sandbox: what a package executes when it is built is confined, or is not executed."""

from __future__ import annotations

import json
import os
import sys
import tarfile
from pathlib import Path

import pytest
from pyve_test_helpers import WHEELHOUSE, Pyve
from sandbox_cell import ENGINES, need_engine

pytestmark = [pytest.mark.venv, pytest.mark.linux]

# A backend of its own (PEP 517) that needs nothing: it tries to get out, and says in the wheel what
# came of it.
BACKEND = """
import base64, hashlib, json, os, socket, subprocess, sys, zipfile
def digest(text):
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
NAME = "nosy-1.0.dist-info"
META = "Metadata-Version: 2.1\\nName: nosy\\nVersion: 1.0\\n"
def attempt(act):
    try: return str(act())
    except Exception as error: return ""
def look():
    home = %(home)r
    open("made-by-hook", "w").close()
    return json.dumps({
        "home": attempt(lambda: open(home + "/secret").read()),
        "network": attempt(lambda: socket.create_connection(("127.0.0.1", %(port)d), 2)),
        "variable": os.environ.get("TEST_SECRET", ""),
        "login": os.environ.get("UV_INDEX", "") + os.environ.get("UV_FIND_LINKS", ""),
        "project": attempt(lambda: open(%(project)r + "/requirements.in").read()),
        "child": subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True,
            text=True).stdout.strip(),
        "sandbox": os.environ.get("PYVE_SANDBOX", ""),
    })
def get_requires_for_build_wheel(settings=None): return []
def prepare_metadata_for_build_wheel(folder, settings=None):
    os.mkdir(os.path.join(folder, NAME))
    with open(os.path.join(folder, NAME, "METADATA"), "w") as stream: stream.write(META)
    return NAME
def build_wheel(folder, settings=None, metadata=None):
    files = {"nosy.py": "SEEN = " + look(), NAME + "/METADATA": META,
        NAME + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    lines = [name + ",sha256=" + digest(text) + "," + str(len(text))
        for name, text in files.items()]
    files[NAME + "/RECORD"] = "\\n".join([*lines, NAME + "/RECORD,,", ""])
    with zipfile.ZipFile(os.path.join(folder, "nosy-1.0-py3-none-any.whl"), "w") as wheel:
        for name, text in files.items(): wheel.writestr(name, text)
    return "nosy-1.0-py3-none-any.whl"
"""


@pytest.fixture
def project(pyve: Pyve, tmp_path: Path) -> Pyve:
    """A project that asks for a package that has to be built."""
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT TESTED: the sandbox of Linux")
    links, source = tmp_path / "links", tmp_path / "nosy-1.0"
    links.mkdir()
    source.mkdir()
    (pyve.home / "secret").write_text("loot")
    told = {"home": str(pyve.home), "port": 9, "project": str(pyve.project)}
    (source / "backend.py").write_text(BACKEND % told)
    (source / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'nosy'\nversion = '1.0'\n"
    )
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: nosy\nVersion: 1.0\n")
    with tarfile.open(links / "nosy-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)
    pyve.env.update(
        UV_FIND_LINKS=f"{links},{WHEELHOUSE}",
        UV_NO_INDEX="1",
        UV_CACHE_DIR=str(tmp_path / "cache of uv"),
        TEST_SECRET="loot",
    )
    del pyve.env["PIP_FIND_LINKS"]
    pyve.init()
    pyve.write("requirements.in", "nosy\n")
    config = pyve.project / ".pyve" / "config"
    config.write_text(f"{config.read_text()}build:\n  sandbox: on\n")
    return pyve


@pytest.mark.parametrize(
    ("engine", "store"), [("bubblewrap", "on"), ("landlock", "off")], ids=ENGINES
)
def test_a_hook_that_looks_around_sees_nothing(project: Pyve, engine: str, store: str) -> None:
    need_engine(engine)
    project.env["PYVE_SANDBOX_ENGINE"] = engine
    config = project.project / ".pyve" / "config"
    config.write_text(f"{config.read_text()}store: {store}\n")
    project.ok("lock")
    project.ok("sync")
    told = project.ok("run", "python", "-c", "import json, nosy; print(json.dumps(nosy.SEEN))")
    seen = json.loads(told)
    empty = dict.fromkeys(("home", "network", "variable", "login", "project"), "")
    assert seen == {**empty, "child": "42", "sandbox": engine}
    # The environment is as one that was made without a sandbox.
    config_of_venv = (project.venv / "pyvenv.cfg").read_text()
    assert "pyve-build-" not in config_of_venv
    for link in (project.venv / "bin").glob("python*"):
        assert link.exists() and "pyve-build-" not in os.readlink(link)


def test_without_a_sandbox_nothing_is_built(project: Pyve) -> None:
    broken = project.add_program("broken-bwrap", "#!/bin/sh\necho 'bwrap: no' >&2\nexit 1\n")
    project.env.update(PYVE_SANDBOX_ENGINE="bubblewrap", PYVE_BWRAP=str(broken))
    failed = project("sync")
    project.ok("lock", PYVE_BUILD_SANDBOX="off")
    failed = project("sync")
    assert failed.returncode == 1, failed.stdout
    assert "E_SANDBOX_ENGINE" in failed.stderr and "bwrap: no" in failed.stderr
    project.env["PYVE_BWRAP"] = str(project.bin / "none")
    assert "[E_SANDBOX_ENGINE]" in project.fails("sync")
    # What is built without one says so.
    project.ok("sync", PYVE_BUILD_SANDBOX="off")
    told = project.ok("run", "python", "-c", "import nosy; print(nosy.SEEN['home'])")
    assert told.strip() == "loot"


def test_no_way_around_the_sandbox(project: Pyve) -> None:
    need_engine("landlock")
    project.ok("lock")
    # Without isolation, uv would build with the environment that it changes.
    settings = project.project / "uv.toml"
    for line in ("no-build-isolation = true", 'no-build-isolation-package = ["nosy"]', ""):
        settings.write_text(f"{line}\n")
        env = {} if line else {"UV_NO_BUILD_ISOLATION": "1"}
        assert "no-build-isolation" in project.fails("sync", **env)
    # Without a lock nothing is built, whatever a requirements file says.
    for line in ("-e ../nosy-1.0", "--no-binary nosy\nnosy"):
        project.write("more.txt", f"{line}\n")
        told = project.fails("testenv", "--install", "-r", "more.txt")
        assert "[E_SANDBOX_OPTION]" in told, told
    assert not (project.project.parent / "nosy-1.0" / "made-by-hook").exists()
    # What says inside of a sandbox that this is one is the caller's to set, too.
    env = {"PYVE_SANDBOX_ENGINE": "landlock", "PYVE_SANDBOX": "landlock"}
    project.ok("sync", UV_COMPILE_BYTECODE="1", **env)
    told = project.ok("run", "python", "-c", "import json, nosy; print(json.dumps(nosy.SEEN))")
    seen = json.loads(told)
    assert (seen["home"], seen["child"], seen["sandbox"]) == ("", "42", "landlock")


def test_a_switch_that_says_neither_builds_nothing(project: Pyve) -> None:
    assert "[E_SANDBOX_OPTION]" in project.fails("lock", PYVE_BUILD_SANDBOX="yes")
