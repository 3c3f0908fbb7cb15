"""Pyve's own toolchain: made when it is needed, once, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pyve_test_helpers import TREE, WHEELHOUSE, Pyve, real_python, snapshot

WHEELS = WHEELHOUSE / "toolchain"
UV = TREE / ".dev" / "bin" / "uv"

# What a room of Pyve does: source lib, ask, and say what came of it.
ROOM = """
set -euo pipefail
PYVE_ROOT=$1 PYVE_COMMAND=init PYVE_VERBOSE=${VERBOSE-}
. "$PYVE_ROOT/lib/utils.sh"
. "$PYVE_ROOT/lib/helper.sh"
trap finish EXIT
trap 'interrupt; exit 130' INT
ensure_toolchain "$2" || exit 1
printf '%s\\n' "$TOOLCHAIN_PYTHON"
if (($# > 2)); then
  shift 2
  call_helper "$@" || exit
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    printf '%s=%s\\n' "${HELPER_KEYS[i]}" "${HELPER_VALUES[i]}"
  done
fi
"""


class Room:
    """A user whose toolchain is made in a place of its own, from the wheels of .dev."""

    def __init__(self, pyve: Pyve) -> None:
        self.pyve = pyve
        self.data = pyve.root / "data of 'user' $HOME"
        self.folder = self.data / "pyve" / "toolchain"
        self.tree = TREE
        pyve.env.pop("PYVE_TOOLCHAIN")
        pyve.env.update(
            XDG_DATA_HOME=str(self.data),
            PIP_FIND_LINKS=WHEELS.as_uri(),
            UV_FIND_LINKS=str(WHEELS),
            UV_OFFLINE="1",
            UV_CACHE_DIR=str(pyve.root / "cache of uv"),
        )
        self.uv = pyve.bin / "uv"
        self.uv.symlink_to(UV)
        # The wheels are for the interpreter that runs the tests, and for no other.
        assert any(WHEELS.glob("*.whl")), "no .dev/wheelhouse/toolchain: run `make dev`"

    def argv(self, *args: str) -> list[str]:
        """Return the command that asks for a toolchain, by default one with base."""
        return ["bash", "-c", ROOM, "pyve", str(self.tree), *(args or ("base",))]

    def __call__(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Ask for a toolchain, and then perhaps a helper."""
        return self.pyve.execute(*self.argv(*args), **env)

    def make(self, *args: str, **env: str) -> Path:
        """Ask for a toolchain, expect it, and return its interpreter."""
        result = self(*args, **env)
        assert result.returncode == 0, result.stderr
        return Path(result.stdout.splitlines()[0])

    def start(self, *args: str, **env: str) -> subprocess.Popen[str]:
        """Ask for a toolchain in a process group of its own."""
        return subprocess.Popen(
            self.argv(*args),
            cwd=self.pyve.project,
            env={**self.pyve.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def names(self) -> list[str]:
        """Return what is in the folder of toolchains."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def fails(self, code: str, *args: str, **env: str) -> str:
        """Ask for a toolchain, expect a diagnostic and nothing left, and return stderr."""
        result = self(*args, **env)
        assert result.returncode == 1, result.stdout
        assert f"[{code}]" in result.stderr, result.stderr
        assert "  fix: " in result.stderr or code == "E_DISK_FULL"
        assert not self.names()
        return result.stderr


@pytest.fixture
def room(pyve: Pyve) -> Room:
    """A user without a toolchain."""
    return Room(pyve)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is the case."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen in 30 seconds")


def slow_uv(room: Room) -> Path:
    """Put a uv on PATH that writes into the environment and never ends; return its sign of life."""
    sign = room.pyve.root / "uv is at work"
    room.uv.unlink()
    room.pyve.add_program(
        "uv",
        "#!/bin/sh\n"
        'folder=${4%/bin/python}; echo half >"$folder/half"\n'
        f"touch '{sign}'\n"
        "exec sleep 60\n",
    )
    return sign


def test_it_is_made_once_with_one_line_and_then_just_used(room: Room) -> None:
    manifest = room.pyve.write("environment.yml", "name: x\ndependencies:\n  - python=3.12\n")
    before = snapshot(room.pyve.project)
    asked = ("base", "base", "environment_file", "environment", "--file", str(manifest))
    first = room(*asked)
    assert first.returncode == 0, first.stderr
    assert first.stderr == "Preparing Pyve's own tools (once)\n"
    assert "name=x\n" in first.stdout
    assert "python==3.12\n" in first.stdout
    made = snapshot(room.folder)
    second = room(*asked, UV_FIND_LINKS="/nowhere", PATH=os.defpath)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == first.stdout
    assert snapshot(room.folder) == made, "using it changed it"
    assert snapshot(room.pyve.project) == before, "something was left in the project"


def test_it_holds_what_its_requirements_say_and_no_program(room: Room) -> None:
    python = room.make()
    assert python.parent.parent.parent == room.folder
    assert all(path.name.startswith("python") for path in python.parent.iterdir())
    code = "import yaml, packaging, sys; print(yaml.__with_libyaml__, sys.prefix)"
    result = room.pyve.execute(python, "-I", "-c", code)
    assert result.stdout.split(None, 1) == ["True", f"{python.parent.parent}\n"]
    assert list(python.parent.parent.rglob("yaml/__pycache__/*.pyc")), "every start would compile"


def test_the_one_for_locks_has_uv_and_no_other_program(room: Room) -> None:
    python = room.make("locks")
    names = {path.name for path in python.parent.iterdir()}
    assert {name for name in names if not name.startswith("python")} == {"uv"}
    said = subprocess.run([python.with_name("uv"), "--version"], capture_output=True, text=True)
    assert said.stdout.startswith("uv ")


def test_two_at_once_make_one(room: Room) -> None:
    started = [room.start() for _ in range(2)]
    results = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [status for _, status in results] == [0, 0], results
    assert len({out for (out, _), _ in results}) == 1
    assert sum("Preparing" in err for (_, err), _ in results) == 1, results
    assert len(room.names()) == 1


def test_kill_9_leaves_nothing_that_is_taken_for_a_toolchain(room: Room) -> None:
    sign = slow_uv(room)
    process = room.start()
    wait_for(sign.exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert room.names(), "it was killed too early to prove anything"
    room.uv.unlink()
    room.uv.symlink_to(UV)
    python = room.make()
    assert room.names() == [python.parent.parent.name]
    assert not (python.parent.parent / "half").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_and_no_process(room: Room, number: signal.Signals) -> None:
    sign = slow_uv(room)
    process = room.start()
    wait_for(sign.exists)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    try:
        process.communicate(timeout=30)
    finally:
        left = list_processes(process.pid)
        if left:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert not room.names()
    assert not left, "a process went on"


def list_processes(group: int) -> list[str]:
    """Return the processes of a group that are alive."""
    options = ["ps", "-A", "-o", "pgid=,stat=,args="]
    shown = subprocess.run(options, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in shown.splitlines()]
    return [" ".join(row) for row in rows if row[0] == str(group) and row[1][0] != "Z"]


def copy_pyve(room: Room, name: str) -> Path:
    """Make another Pyve, as far as toolchains need it."""
    tree = room.pyve.root / name
    for part in ("lib", "helpers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(TREE / part, tree / part, ignore=ignored)
    shutil.copy(TREE / "pyve.sh", tree)
    return tree


def test_other_requirements_are_another_toolchain_and_the_old_one_goes(room: Room) -> None:
    theirs = room.make()
    room.tree = copy_pyve(room, "my pyve")
    assert room.make() == theirs, "the same requirements are the same toolchain"
    file = room.tree / "helpers" / "requirements" / "base.txt"
    file.write_text(file.read_text() + "# newer\n")
    mine = room.make()
    assert mine != theirs
    assert mine.exists()
    assert theirs.exists(), "that of the other Pyve has to stay"
    file.write_text(file.read_text() + "# newest\n")
    newest = room.make()
    assert not mine.parent.parent.exists(), "my own old one has to go"
    assert theirs.exists()
    shutil.rmtree(newest.parent.parent)
    assert room.make() == newest


def test_that_of_a_version_that_is_gone_stays_while_it_fits(room: Room) -> None:
    """As after updates of Pyve with the same requirements."""
    room.tree = copy_pyve(room, "pyve 1")
    fits = room.make()
    file = room.tree / "helpers" / "requirements" / "base.txt"
    file.write_text(file.read_text() + "# other\n")
    other = room.make()
    # (Made by the same Pyve, and no longer current.)
    assert not fits.exists()
    gone = room.tree
    room.tree = copy_pyve(room, "pyve 2")
    fits = room.make()
    shutil.rmtree(room.tree)
    shutil.rmtree(gone)
    room.tree = copy_pyve(room, "pyve 3")
    room.make("locks")
    assert fits.exists() and not other.exists()


def test_it_is_made_anew_when_its_interpreter_is_gone(
    room: Room, second_python: Path, pyve: Pyve
) -> None:
    pyve.remove_pythons()
    pyve.add_python(second_python)
    first = room.make()
    assert first.resolve() == second_python.resolve()
    shutil.rmtree(second_python.parent.parent)
    pyve.remove_pythons()
    pyve.add_python(real_python())
    second = room.make()
    assert second.resolve() == Path(real_python())
    assert room.names() == [second.parent.parent.name]


def test_the_environment_of_a_project_is_never_what_it_is_made_with(room: Room) -> None:
    room.pyve.init()
    venv = room.pyve.venv
    conda = room.pyve.root / "conda env"
    (conda / "conda-meta").mkdir(parents=True)
    (conda / "bin").mkdir()
    (conda / "bin" / "python3.14").symlink_to("/bin/false")
    path = os.pathsep.join([str(conda / "bin"), str(venv / "bin"), room.pyve.env["PATH"]])
    python = room.make(PATH=path, VIRTUAL_ENV=str(venv), CONDA_PREFIX=str(conda))
    assert python.resolve() == Path(real_python())
    config = (python.parent.parent / "pyvenv.cfg").read_text()
    assert str(venv) not in config


def test_pip_makes_it_where_there_is_no_uv_and_settings_for_projects_do_not_reach_it(
    room: Room,
) -> None:
    room.uv.unlink()
    constraint = room.pyve.write("constraints.txt", "packaging==1.0\nPyYAML==1.0\n")
    (room.pyve.project / "yaml.py").write_text("raise SystemExit('the project was imported')\n")
    python = room.make(
        PIP_TARGET=str(room.pyve.root / "target"),
        PIP_USER="1",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_CONSTRAINT=str(constraint),
        PIP_NO_DEPS="1",
        PYTHONPATH=str(room.pyve.project),
        PYTHONHOME="/nowhere",
    )
    assert list(python.parent.parent.glob("lib/python3*/site-packages/yaml/__pycache__/*.pyc"))
    assert not (room.pyve.root / "target").exists()


def test_settings_of_uv_for_projects_do_not_reach_it(room: Room) -> None:
    room.pyve.write("pyproject.toml", '[tool.uv]\nno-index = true\nfind-links = ["/nowhere"]\n')
    room.pyve.write("uv.toml", 'constraint-dependencies = ["packaging==1.0"]\n')
    python = room.make(
        PIP_FIND_LINKS="file:///nowhere",
        UV_CONSTRAINT=str(room.pyve.write("constraints.txt", "packaging==1.0\n")),
        UV_PYTHON="/nowhere/python",
        PYTHONPATH=str(room.pyve.project),
    )
    assert list(python.parent.parent.glob("lib/python3*/site-packages/yaml"))


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_file_that_was_changed_is_refused(room: Room, tool: str) -> None:
    wheels = room.pyve.root / "wheels"
    wheels.mkdir()
    for wheel in [*WHEELS.glob("packaging-*.whl"), *WHEELS.glob("pyyaml-*.whl")]:
        shutil.copy(wheel, wheels)
    (packaging,) = wheels.glob("packaging-*.whl")
    with zipfile.ZipFile(packaging, "a") as archive:
        archive.writestr("evil.py", "")
    if tool == "pip":
        room.uv.unlink()
    said = room.fails("E_TOOLCHAIN_HASH", PIP_FIND_LINKS=wheels.as_uri(), UV_FIND_LINKS=str(wheels))
    assert "nothing was installed" in said


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_no_network_is_one_sentence_without_the_password_of_the_mirror(
    room: Room, tool: str
) -> None:
    if tool == "pip":
        room.uv.unlink()
    # Port 9 is discard, where nobody listens.
    mirror = "http://me:secret@127.0.0.1:9/simple"
    said = room.fails(
        "E_TOOLCHAIN_OFFLINE",
        PIP_NO_INDEX="",
        PIP_FIND_LINKS="",
        PIP_INDEX_URL=mirror,
        PIP_RETRIES="1",
        UV_FIND_LINKS="",
        UV_OFFLINE="0",
        UV_INDEX_URL=mirror,
        UV_HTTP_RETRIES="0",
    )
    assert "secret" not in said
    assert "index cannot be reached" in said


def test_an_index_without_the_files_is_told_so(room: Room) -> None:
    empty = room.pyve.root / "empty"
    empty.mkdir()
    room.uv.unlink()
    said = room.fails("E_TOOLCHAIN_WHEEL", PIP_FIND_LINKS=empty.as_uri())
    assert "packaging" in said


def test_a_full_disk_is_told_so(room: Room) -> None:
    room.pyve.add_program(
        "uv",
        "#!/bin/sh\necho 'error: failed to copy: No space left on device (os error 28)'\nexit 2\n",
    )
    said = room.fails("E_DISK_FULL")
    assert "there is no space left" in said
    assert "make room there" in said


@pytest.mark.parametrize("place", ["/proc/pyve", "{file}/toolchain"])
def test_a_folder_that_cannot_be_written_is_told_so(room: Room, place: str) -> None:
    if place.startswith("/proc") and not os.path.isdir("/proc/self"):
        pytest.skip("NOT TESTED: this system has no /proc")
    place = place.format(file=room.pyve.write("a file", ""))
    said = room.fails("E_DATA_WRITE", PYVE_TOOLCHAIN=place)
    assert place in said
    assert "PYVE_TOOLCHAIN names another folder" in said


def test_what_does_not_work_in_the_end_is_no_toolchain(room: Room) -> None:
    # An installer that installs nothing.
    room.uv.unlink()
    room.pyve.add_program("uv", "#!/bin/sh\nexit 0\n")
    assert "No module named 'yaml'" in room.fails("E_TOOLCHAIN_BROKEN")


@pytest.mark.parametrize("command", ["environment", "lock"])
def test_a_helpers_diagnostic_reaches_the_user(room: Room, toolchain: Path, command: str) -> None:
    file = room.pyve.write("environment.yml", "name: x\nname: y\n")
    result = room(
        "base",
        *("base", "environment_file", command, "--file", str(file)),
        PYVE_TOOLCHAIN=str(toolchain.parents[2]),
    )
    assert result.returncode == 1
    assert "line 2, column 1: the key 'name' is here twice" in result.stderr
    assert "  why: the first is in line 1" in result.stderr


@pytest.mark.parametrize("python", ["3.10", "3.14"])
def test_all_extras_have_the_same_pins(python: str) -> None:
    pins: dict[str, set[str]] = {}
    for file in (TREE / "helpers" / "requirements").glob("*.txt"):
        for line in file.read_text().splitlines():
            if line[:1].isalnum():
                pin = Requirement(line.rstrip("\\"))
                here = {"python_version": python, "python_full_version": f"{python}.0"}
                if pin.marker is None or pin.marker.evaluate(here):
                    pins.setdefault(pin.name, set()).add(str(pin.specifier))
    assert len(pins) > 50
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}
