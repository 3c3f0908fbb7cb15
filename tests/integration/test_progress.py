"""Long work: the line that moves on a terminal, what a pipe gets, and Ctrl-C in its midst."""

from __future__ import annotations

import os
import re
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from package_index import PackageIndex
from pyve_test_helpers import TREE, Pyve, find_program, need_wheelhouse, snapshot
from terminal import Terminal, open_pyve

pytestmark = pytest.mark.venv

REQUIREMENTS = "h11\nuvicorn\n"


@pytest.fixture(params=["pip", "uv"])
def tool(request: pytest.FixtureRequest, pyve: Pyve) -> str:
    """Which of the two installs; uv is preferred when it is on PATH."""
    if request.param == "uv":
        uv = TREE / ".dev/bin/uv"
        (pyve.bin / "uv").symlink_to(uv if uv.exists() else find_program("uv"))
    need_wheelhouse()
    return str(request.param)


def moving(terminal: Terminal) -> str:
    """The line that the cursor is in."""
    return terminal.visible[terminal.cursor[0]]


def wait_for_hold(terminal: Terminal, index: PackageIndex, shown: str) -> None:
    """Wait until the index holds a wheel back, and the line says what is being done."""
    terminal.wait_until(index.reached.is_set, what="the index was not asked")
    terminal.wait_for(shown)


# --- what is shown


def test_one_line_moves_and_then_goes(pyve: Pyve, tool: str) -> None:
    pyve.write("requirements.txt", REQUIREMENTS)
    with (
        PackageIndex("uvicorn") as index,
        open_pyve(pyve, "init", "--no-direnv", "--deps", columns=60, **index.env) as terminal,
    ):
        wait_for_hold(terminal, index, "Installing requirements.txt")
        if tool == "pip":
            terminal.wait_for("uvicorn")
        terminal.wait_for("2 s")
        assert moving(terminal).startswith("Installing requirements.txt")
        assert moving(terminal).endswith("2 s")
        assert len(terminal.lines) == 1
        index.go_on.set()
        assert terminal.wait() == 0
        assert "Installing" not in terminal.text
        assert "✓ Installed requirements.txt" in terminal.lines
        assert terminal.is_sane
        assert terminal.is_cursor_shown
    assert pyve.ok("run", "python", "-c", "import uvicorn, h11; print(1)") == "1\n"


def test_pip_says_which_of_how_many(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", "# three\nh11\n\nclick\nuvicorn\n")
    with (
        PackageIndex("click") as index,
        open_pyve(pyve, "init", "--no-direnv", "--deps", **index.env) as terminal,
    ):
        wait_for_hold(terminal, index, "Installing requirements.txt: downloading click-")
        assert "(2 of 3), " in moving(terminal)
        index.go_on.set()
        assert terminal.wait() == 0


def test_the_line_is_cut_to_the_width_and_follows_it(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", REQUIREMENTS)
    with (
        PackageIndex("uvicorn") as index,
        open_pyve(pyve, "init", "--no-direnv", "--deps", columns=40, **index.env) as terminal,
    ):
        wait_for_hold(terminal, index, "Installing requirements.txt:")
        terminal.wait_for("..., 1 s")
        assert len(moving(terminal)) == 39
        assert len(terminal.lines) == 1
        terminal.resize(80, 24)
        terminal.wait_for("Installing requirements.txt: downloading uvicorn-")
        index.go_on.set()
        assert terminal.wait() == 0


def test_the_program_s_own_words_come_when_it_fails(pyve: Pyve, tool: str) -> None:
    pyve.write("requirements.txt", "starlette\nno-such-distribution-anywhere==1\n")
    with (
        PackageIndex() as index,
        open_pyve(pyve, "init", "--no-direnv", "--deps", columns=120, **index.env) as terminal,
    ):
        assert terminal.wait() == 1
        lines = terminal.lines
        (at,) = [i for i, line in enumerate(lines) if line.startswith("ERROR: the requirements")]
        assert "no-such-distribution-anywhere" in "\n".join(lines[:at])
        assert "its own words are above" in "\n".join(lines[at:])
    assert not pyve.venv.exists()


def test_a_pipe_gets_plain_lines(pyve: Pyve, tool: str) -> None:
    pyve.write("requirements.txt", REQUIREMENTS)
    result = pyve("init", "--no-direnv", "--deps")
    assert result.returncode == 0
    assert "INFO: Installing requirements.txt\n" in result.stdout
    assert "✓ Installed requirements.txt\n" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (["--quiet"], {}),
        ([], {"CI": "1"}),
        ([], {"TERM": "dumb"}),
        ([], {"TERM": None}),
    ],
)
def test_where_nothing_moves(pyve: Pyve, words: list[str], env: dict[str, str | None]) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", REQUIREMENTS)
    with open_pyve(pyve, "init", "--no-direnv", "--deps", *words, **env) as terminal:
        assert terminal.wait() == 0
        assert "\r\x1b" not in terminal.raw.replace("\r\n", "\n")
        assert "\x1b[K" not in terminal.raw
        assert ("INFO: Installing requirements.txt" in terminal.text) == (not words)


def test_json_keeps_stdout_for_the_document(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", REQUIREMENTS)
    script = f'"{TREE / "pyve.sh"}" init --no-direnv --deps --json >document'
    with (
        PackageIndex("uvicorn") as index,
        Terminal(["sh", "-c", script], env={**pyve.env, **index.env}, cwd=pyve.project) as terminal,
    ):
        wait_for_hold(terminal, index, "uvicorn")
        index.go_on.set()
        assert terminal.wait() == 0
    text = (pyve.project / "document").read_text()
    assert text.startswith('{"version": 1')
    assert text.count("\n") == 1
    assert "\\u001b" not in text


def test_quick_work_shows_no_line(pyve: Pyve) -> None:
    pyve.init()
    with open_pyve(pyve, "init", "--update", "--no-direnv") as terminal:
        assert terminal.wait() == 0
        assert "\x1b[K" not in terminal.raw


def test_verbose_shows_what_the_program_says(pyve: Pyve, tool: str) -> None:
    pyve.write("requirements.txt", REQUIREMENTS)
    result = pyve("init", "--no-direnv", "--deps", "--verbose")
    assert result.returncode == 0
    assert "Successfully installed" in result.stderr or "Installed 3 packages" in result.stderr


# --- Ctrl-C


def press_ctrl_c(terminal: Terminal) -> None:
    terminal.press("ctrl-c")


def send_term(terminal: Terminal) -> None:
    os.kill(terminal.pid, signal.SIGTERM)


@pytest.mark.parametrize(("stop", "status"), [(press_ctrl_c, 130), (send_term, 143)])
@pytest.mark.parametrize("words", [["init", "--no-direnv", "--deps"], ["init", "--force", "--yes"]])
def test_an_interrupted_first_install_leaves_nothing(
    pyve: Pyve, tool: str, words: list[str], stop: Callable[[Terminal], None], status: int
) -> None:
    pyve.write("requirements.txt", REQUIREMENTS)
    if "--force" in words:
        words = [*words, "--deps", "--no-direnv"]
        pyve.init()
        pyve.add_module(pyve.venv, "treasure.py")
    before = snapshot(pyve.project)
    with PackageIndex("uvicorn") as index, open_pyve(pyve, *words, **index.env) as terminal:
        wait_for_hold(terminal, index, "Installing requirements.txt")
        stop(terminal)
        assert terminal.wait() == status
        assert terminal.processes() == []
        assert terminal.is_sane
        assert terminal.is_cursor_shown
        assert terminal.lines == (["Cancelled."] if status == 130 else ["Terminated"])
    assert snapshot(pyve.project) == before


@pytest.mark.parametrize("words", [["init", "--update", "--no-direnv", "--deps"], ["testenv"]])
def test_an_interrupted_install_leaves_the_old_environment(
    pyve: Pyve, tool: str, words: list[str]
) -> None:
    pyve.write("requirements.txt", "h11\n")
    pyve.init("--deps")
    pyve.ok("testenv", "--install", "-r", "requirements.txt")
    pyve.write("requirements.txt", REQUIREMENTS)
    if words == ["testenv"]:
        words = ["testenv", "--install", "-r", "requirements.txt"]
    before = snapshot(pyve.project)
    with PackageIndex("uvicorn") as index, open_pyve(pyve, *words, **index.env) as terminal:
        wait_for_hold(terminal, index, "Installing requirements.txt")
        # Meanwhile the old one works.
        assert pyve.ok("run", "python", "-c", "import h11; print(1)") == "1\n"
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
        assert terminal.processes() == []
        assert terminal.lines == ["Cancelled."]
    assert snapshot(pyve.project) == before
    assert pyve("doctor").returncode == 0


def make_broken_wheel(folder: Path) -> None:
    """Make a wheel that needs click, and that fails only when its files are being unpacked."""
    folder.mkdir()
    info = "broken-1.0.dist-info"
    files = {
        "broken.py": "text = 'find me'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n"
        "Requires-Dist: click\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / "broken-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    path.write_bytes(path.read_bytes().replace(b"find me", b"lost it"))


def test_a_failure_in_the_midst_leaves_the_old_environment(pyve: Pyve, tool: str) -> None:
    pyve.write("requirements.txt", "broken\n")
    pyve.init()
    make_broken_wheel(pyve.root / "wheels")
    pyve.env["PIP_FIND_LINKS"] += f" {(pyve.root / 'wheels').as_uri()}"
    pyve.env.update(UV_NO_INDEX="1", UV_FIND_LINKS=pyve.env["PIP_FIND_LINKS"].replace(" ", ","))
    before = snapshot(pyve.project)
    stderr = pyve.fails("init", "--update", "--no-direnv", "--deps", code="E_INSTALL_REQUIREMENTS")
    # (The words of pip and of uv.)
    assert re.search("bad crc|crc.?32", stderr, re.IGNORECASE), stderr
    # click, which comes first, is not left behind.
    assert snapshot(pyve.project) == before


def test_an_install_that_goes_through_takes_the_place_of_the_old_environment(
    pyve: Pyve, tool: str
) -> None:
    pyve.write("requirements.txt", "uvicorn\n")
    pyve.init()
    pyve.add_module(pyve.venv, "treasure.py")
    pyve.init("--update", "--deps")
    assert pyve.ok("run", "python", "-c", "import treasure, uvicorn; print(1)") == "1\n"
    # Scripts name the place, not the copy that was worked on.
    assert pyve.ok("run", "uvicorn", "--version").startswith("Running uvicorn")
    for script in (pyve.venv / "bin").iterdir():
        assert b".pyve/tmp" not in script.read_bytes()[:300]
    assert not (pyve.project / ".pyve/tmp").exists()


def test_an_environment_behind_a_link_stays_where_it_is(pyve: Pyve, tmp_path: Path) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", "uvicorn\n")
    pyve.init()
    elsewhere = tmp_path / "elsewhere"
    pyve.venv.rename(elsewhere)
    pyve.venv.symlink_to(elsewhere)
    pyve.init("--update", "--deps")
    assert pyve.venv.is_symlink()
    assert pyve.ok("run", "python", "-c", "import uvicorn; print(1)") == "1\n"


def test_ctrl_c_while_a_template_is_made(pyve: Pyve, tmp_path: Path) -> None:
    templates = tmp_path / "templates of my own"
    env: dict[str, str | None] = {"PYVE_TEMPLATES": str(templates)}
    with open_pyve(pyve, "init", "--no-direnv", **env) as terminal:
        terminal.wait_for("Preparing Python")
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
        assert terminal.processes() == []
        assert terminal.lines == ["Cancelled."]
    assert list(templates.iterdir()) == []
    assert snapshot(pyve.project) == {}


def test_an_interpreter_that_is_being_installed(pyve: Pyve) -> None:
    pyve.add_program(
        "pyenv",
        '#!/bin/sh\ncase "$*" in\n"install --list") echo 3.99.1 ;;\n"install -s 3.99.1")\n'
        '  echo "Downloading Python-3.99.1.tar.xz..." >&2\n  sleep 600 ;;\nesac\n',
    )
    (pyve.home / ".pyenv/versions").mkdir(parents=True)
    with open_pyve(pyve, "init", "--python-version", "3.99.1") as terminal:
        terminal.wait_for(
            "Installing Python 3.99.1 with pyenv: Downloading Python-3.99.1.tar.xz, 1 s"
        )
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
        assert terminal.processes() == []
        assert terminal.lines[-1] == "Cancelled."
        assert "Downloading" not in terminal.text
    assert snapshot(pyve.project) == {}


def test_a_shell_loop_stops_at_ctrl_c(pyve: Pyve) -> None:
    """A command that only exits with 130 would let the loop go on."""
    pyve.init()
    script = f'for i in 1 2 3; do echo "round $i"; "{TREE / "pyve.sh"}" init; done; echo after'
    with Terminal(["bash", "-c", script], env=pyve.env, cwd=pyve.project) as terminal:
        terminal.wait_for("Choice [1]:")
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
        assert "round 2" not in terminal.text
        assert "after" not in terminal.text


def test_ctrl_c_is_told_to_a_program_too(pyve: Pyve) -> None:
    pyve.init()
    script = f'"{TREE / "pyve.sh"}" init --json 2>&1 >document'
    with Terminal(["bash", "-c", script], env=pyve.env, cwd=pyve.project) as terminal:
        terminal.wait_for("Choice [1]:")
        terminal.press("ctrl-c")
        assert terminal.wait() == 130
    text = (pyve.project / "document").read_text()
    assert '"exit_code": 130' in text
    assert '"E_CANCELLED"' in text
