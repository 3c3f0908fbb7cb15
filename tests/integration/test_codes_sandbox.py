"""Each code about the sandbox: seen, and gone once what it says was done."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, corrects
from pyve_test_helpers import Pyve
from sandbox_cell import make_environment, need_engine, system_python

pytestmark = [pytest.mark.venv, pytest.mark.linux]


@pytest.fixture
def project(pyve: Pyve, tmp_path: Path) -> Iterator[Pyve]:
    """A user whose project has an environment."""
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT TESTED: the sandbox of Linux")
    need_engine("landlock")
    make_environment(pyve.project, system_python())
    pyve.env["PYVE_SANDBOX_ENGINE"] = "landlock"
    yield pyve


@brings("E_SANDBOX_OPTION")
@pytest.mark.parametrize("option", ["--ro", "--net", "--audit"])
def test_an_option_without_a_sandbox(project: Pyve, option: str) -> None:
    failure = bring(project, "E_SANDBOX_OPTION", "run", option, "true")
    failure.by_hand(option, "--sandbox")
    failure.args = ("run", "--sandbox", option, "true")
    failure.check_gone()


@brings("E_SANDBOX_LIMIT")
@pytest.mark.parametrize("words", [["--memory", "much"], ["--time", "0"], ["--processes", "2G"]])
def test_a_limit_that_is_none(project: Pyve, words: list[str]) -> None:
    corrects(project, "E_SANDBOX_LIMIT", "run", "--sandbox", *words, "true")


@brings("E_SANDBOX_PATH")
def test_a_path_that_is_not_there(project: Pyve) -> None:
    failure = bring(
        project, "E_SANDBOX_PATH", "run", "--sandbox", "--allow-write", "not there", "true"
    )
    failure.by_hand("not there")
    (project.project / "not there").mkdir()
    failure.check_gone()


@brings("E_SANDBOX_PROJECT")
def test_a_project_that_is_the_home_folder(project: Pyve) -> None:
    failure = bring(
        project, "E_SANDBOX_PROJECT", "run", "--sandbox", "true", HOME=str(project.project)
    )
    failure.by_hand("home folder")
    failure.check_gone(HOME=str(project.home))


@brings("E_SANDBOX_ENGINE")
def test_an_engine_that_is_not_there(project: Pyve) -> None:
    broken = project.add_program(
        "broken-bwrap", "#!/bin/sh\necho 'bwrap: not permitted' >&2\nexit 1\n"
    )
    project.env.update(PYVE_SANDBOX_ENGINE="bubblewrap", PYVE_BWRAP=str(broken))
    failure = bring(project, "E_SANDBOX_ENGINE", "run", "--sandbox", "touch", "started")
    failure.by_hand("bwrap: not permitted")
    assert not (project.project / "started").exists()
    failure.check_gone(PYVE_SANDBOX_ENGINE="landlock")
    assert (project.project / "started").exists()


@brings("E_SANDBOX_DESCRIPTOR")
def test_stdin_that_is_a_folder(project: Pyve) -> None:
    # (A folder cannot be what the helpers of the tests give as stdin.)
    usual = project.command
    words = ["/bin/sh", "-c", 'exec "$@" <"$HOME"', "-", *usual()]
    project.command = lambda *args: [*words, *args]  # type: ignore[method-assign]
    failure = bring(project, "E_SANDBOX_DESCRIPTOR", "run", "--sandbox", "true")
    failure.by_hand("stdin")
    project.command = usual  # type: ignore[method-assign]
    failure.check_gone()


@brings("E_SANDBOX_COMMAND")
def test_a_command_that_is_not_in_the_sandbox(project: Pyve) -> None:
    tool = project.add_program("tool-outside", "#!/bin/sh\nexit 0\n")
    failure = bring(project, "E_SANDBOX_COMMAND", "run", "--sandbox", str(tool))
    assert failure.document["exit_code"] == 126
    failure.by_hand("not open")
    failure.args = ("run", "--sandbox", "--allow-read", str(project.bin), str(tool))
    failure.check_gone()


@brings("E_SANDBOX_TIME")
def test_a_command_that_takes_too_long(project: Pyve) -> None:
    failure = bring(project, "E_SANDBOX_TIME", "run", "--sandbox", "--time", "1", "sleep", "30")
    assert failure.document["exit_code"] == 128 + 15
    failure.by_hand("--time")
    failure.args = ("run", "--sandbox", "--time", "60", "sleep", "0")
    failure.check_gone()


@brings("E_SANDBOX_PYTHON")
def test_no_interpreter_outside_of_the_project(project: Pyve) -> None:
    # A tree whose system has no Python: the places that are looked at are its own.
    tree = project.root / "tree"
    shutil.copytree(project.tree / "lib", tree / "lib")
    shutil.copytree(project.tree / "helpers", tree / "helpers")
    shutil.copy(project.tree / "pyve.sh", tree)
    module = tree / "lib" / "sandbox.sh"
    folders = "/usr /usr/local /opt/homebrew /run/current-system/sw"
    assert folders in module.read_text()
    module.write_text(module.read_text().replace(folders, "/not/there"))
    project.tree = tree
    failure = bring(project, "E_SANDBOX_PYTHON", "run", "--sandbox", "true")
    assert failure.fixes[0].argv[:3] == ["pyve", "python", "install"]
    # (What that brings, without a network.)
    project.add_managed_python("pyenv", system_python())
    failure.check_gone()
