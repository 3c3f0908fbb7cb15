"""The environment of the test runner, and pyve test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pyve_test_helpers import Pyve, need_wheelhouse, real_python, snapshot

pytestmark = pytest.mark.venv

FAKE_PYTEST = """\
import os, sys
print("pytest stand-in", sys.argv[1:], os.getcwd())
sys.exit(int(os.environ.get("FAKE_STATUS", "0")))
"""


def has(environment: Path, name: str) -> bool:
    return bool(list(environment.glob(f"lib/*/site-packages/{name}")))


def add_fake_pytest(pyve: Pyve) -> None:
    """Put a stand-in for pytest, at once installed, into the test environment."""
    pyve.add_module(pyve.testenv, "pytest/__init__.py")
    pyve.add_module(pyve.testenv, "pytest/__main__.py", FAKE_PYTEST)


# --- testenv


def test_testenv_is_made_purged_and_made_again(pyve: Pyve) -> None:
    pyve.init()
    assert (pyve.testenv / "bin/python").exists()
    assert "Removed" in pyve.ok("testenv", "--purge")
    assert not (pyve.project / ".pyve/testenv").exists()
    assert pyve.prefix() == str(pyve.venv)
    assert "no test environment" in pyve.ok("testenv", "--purge")
    pyve.ok("testenv", "--init")
    pyve.add_module(pyve.testenv, "treasure.py")
    before = snapshot(pyve.project)
    assert "is there" in pyve.ok("testenv", "--init")
    assert snapshot(pyve.project) == before
    for word in ("purge", "init"):
        pyve.ok("testenv", word)


def test_testenv_needs_an_environment_of_the_project(pyve: Pyve) -> None:
    for words in (["testenv", "--init"], ["testenv", "--install"], ["test"]):
        assert "fix: pyve init" in pyve.fails(*words, code="E_ENV_MISSING")
    assert snapshot(pyve.project) == {}


def test_testenv_works_from_a_subfolder(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / "deep").mkdir()
    pyve.ok("testenv", "--purge", cwd=pyve.project / "deep")
    pyve.ok("testenv", "--init", cwd=pyve.project / "deep")
    assert (pyve.testenv / "bin/python").exists()
    assert list((pyve.project / "deep").iterdir()) == []


def test_testenv_installs_from_a_file_of_the_users_choice(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    pyve.write("deep/test tools.txt", "iniconfig\n")
    pyve.ok("testenv", "--install", "-r", "test tools.txt", cwd=pyve.project / "deep")
    assert has(pyve.testenv, "iniconfig")
    assert not has(pyve.testenv, "pytest")
    assert not has(pyve.venv, "iniconfig")
    pyve.write("bad.txt", "no-such-distribution-anywhere\n")
    stderr = pyve.fails("testenv", "--install", "-r", "bad.txt", code="E_INSTALL_REQUIREMENTS")
    assert "no-such-distribution-anywhere" in stderr


def test_the_test_environment_is_made_anew_when_the_projects_interpreter_changes(
    pyve: Pyve, second_python: Path
) -> None:
    pyve.init()
    add_fake_pytest(pyve)
    pyve.ok("test")
    pyve.remove_pythons()
    pyve.add_python(second_python)
    shutil.rmtree(pyve.venv)
    pyve.init("--update")
    code = "import sys; print(sys.base_prefix)"
    result = pyve.execute(pyve.testenv / "bin/python", "-c", code)
    assert result.stdout == f"{second_python.parent.parent}\n"
    assert not has(pyve.testenv, "pytest")


def test_a_broken_test_environment_is_made_anew(pyve: Pyve) -> None:
    pyve.init()
    (pyve.testenv / "bin/python").unlink()
    assert "⚠ Test runner" in pyve("doctor").stdout
    pyve.ok("testenv", "--init")
    assert pyve("doctor").returncode == 0
    result = pyve.execute(pyve.testenv / "bin/python", "-m", "pip", "--version")
    assert result.stdout.startswith("pip "), result.stderr


# --- test


@pytest.mark.parametrize("answer", ["", "n\n", "\n"])
def test_without_pytest_and_without_a_yes_nothing_is_installed(pyve: Pyve, answer: str) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    stderr = pyve.fails("test", answer=answer, code="E_PYTEST_MISSING")
    assert "[y/N]" in stderr
    assert "fix: pyve testenv --install" in stderr
    assert snapshot(pyve.project) == before


@pytest.mark.slow
def test_pytest_is_installed_when_asked_and_runs_with_the_projects_packages(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    pyve.add_module(pyve.venv, "only_in_project.py", "answer = 42\n")
    pyve.write(
        "tests/test_it.py",
        "import os, sys\nimport only_in_project\n\n"
        "def test_answer():\n    assert only_in_project.answer == 42\n\n"
        "def test_place():\n    assert sys.prefix.endswith('.pyve/testenv/venv')\n"
        "    assert os.environ['VIRTUAL_ENV'] == sys.prefix\n",
    )
    result = pyve("test", "-q", PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "2 passed" in result.stdout
    assert "[y/N]" not in result.stderr
    assert has(pyve.testenv, "pytest")
    assert not has(pyve.venv, "pytest")
    # pytest's exit codes and arguments are its own.
    pyve.write("tests/test_bad.py", "def test_no():\n    assert False\n")
    assert pyve("test", "-q").returncode == 1
    assert pyve("test", "-q", "-k", "nothing").returncode == 5
    assert pyve("test", "--no-such-option").returncode == 4
    assert pyve("test", "no/such/file.py").returncode == 4
    assert "1 passed" in pyve.ok("test", "-q", "tests/test_it.py::test_answer")
    assert "1 passed" in pyve.ok(
        "test", "-q", "test_it.py::test_answer", cwd=pyve.project / "tests"
    )
    assert "usage: " in pyve.ok("test", "--", "--help")
    assert "pyve test" in pyve.ok("test", "--help")
    # No network, no installing: the second time it just starts.
    before = snapshot(pyve.testenv)
    pyve.ok("test", "-q", "tests/test_it.py", PIP_FIND_LINKS="/nowhere")
    assert snapshot(pyve.testenv) == before
    # And it still works when the project was moved.
    old = pyve.project
    pyve.project = pyve.root / "moved"
    old.rename(pyve.project)
    pyve.init("--update")
    result = pyve("test", "-q", "tests/test_it.py", PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    assert result.returncode == 0, (result.stdout, result.stderr)


@pytest.mark.slow
def test_in_ci_the_tools_of_requirements_dev_are_installed_unasked(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    pyve.write("requirements-dev.txt", "pytest\nh11\n")
    pyve.write("test_it.py", "import h11\n\ndef test_it():\n    pass\n")
    pyve.ok("testenv", "--purge")
    result = pyve("test", "-q", CI="true")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "1 passed" in result.stdout
    assert "[y/N]" not in result.stderr
    assert has(pyve.testenv, "h11")


@pytest.mark.slow
def test_a_yes_from_a_pipe_installs_pytest(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    pyve.write("test_it.py", "def test_it():\n    pass\n")
    result = pyve("test", "-q", answer="y\n")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "1 passed" in result.stdout


def test_requirements_dev_without_pytest_end_in_a_clear_error(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    pyve.write("requirements-dev.txt", "iniconfig\n")
    stderr = pyve.fails("test", CI="1", code="E_PYTEST_MISSING")
    assert "requirements-dev.txt" in stderr


def test_an_install_that_fails_is_an_error_and_no_test_run(pyve: Pyve) -> None:
    pyve.init()
    stderr = pyve.fails("test", CI="1", PIP_FIND_LINKS="/nowhere", code="E_INSTALL_REQUIREMENTS")
    assert "fix: " in stderr


@pytest.mark.parametrize("status", [0, 1, 5, 77])
def test_pytests_exit_code_is_handed_back(pyve: Pyve, status: int) -> None:
    pyve.init()
    add_fake_pytest(pyve)
    words = ["-k", "a b", "", "$x", "--json"]
    result = pyve("test", *words, FAKE_STATUS=str(status))
    assert result.returncode == status
    assert result.stdout == f"pytest stand-in {words} {pyve.project}\n"


def test_pytest_takes_the_place_of_pyve(pyve: Pyve) -> None:
    pyve.init()
    add_fake_pytest(pyve)
    pyve.add_module(pyve.testenv, "pytest/__main__.py", "import os\nprint(os.getpid())\n")
    process = subprocess.Popen(
        pyve.command("test"),
        cwd=pyve.project,
        env=pyve.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert int(process.communicate(timeout=60)[0]) == process.pid


def test_pytest_among_the_projects_own_packages_is_good_enough(pyve: Pyve) -> None:
    pyve.init()
    pyve.add_module(pyve.venv, "pytest/__init__.py")
    pyve.add_module(pyve.venv, "pytest/__main__.py", FAKE_PYTEST)
    assert "stand-in" in pyve.ok("test")


def test_test_makes_a_missing_test_environment(pyve: Pyve) -> None:
    pyve.init()
    pyve.ok("testenv", "--purge")
    pyve.add_module(pyve.venv, "pytest/__init__.py")
    pyve.add_module(pyve.venv, "pytest/__main__.py", FAKE_PYTEST)
    assert pyve.ok("test").startswith("pytest stand-in")
    assert (pyve.testenv / "bin/python").exists()


def test_the_interpreter_of_both_environments_is_the_same(pyve: Pyve) -> None:
    pyve.init()
    for environment in (pyve.venv, pyve.testenv):
        assert os.path.realpath(environment / "bin/python") == real_python()
