"""pyve validate: one line each, and the exit codes 0, 1 and 2."""

from __future__ import annotations

import pytest
from pyve_test_helpers import Pyve, snapshot

pytestmark = pytest.mark.venv


def test_a_healthy_project_gives_0_and_a_line_for_each_part(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    result = pyve("--validate")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert all(line.startswith("✓ ") for line in lines)
    for part in (
        "Structure",
        "Version: 2.0.0",
        "Backend: venv",
        "Environment",
        "Python: 3.",
        ".env",
    ):
        assert sum(part in line for line in lines) >= 1, part
    assert snapshot(pyve.project) == before


def test_it_works_from_any_subfolder(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / "a/b").mkdir(parents=True)
    assert pyve("validate", cwd=pyve.project / "a/b").returncode == 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (".pyve", "Missing .pyve directory"),
        (".pyve/config", "Missing .pyve/config"),
        (".venv", "Virtual environment not found"),
        (".venv/bin/python", "missing Python executable"),
    ],
)
def test_what_is_missing_is_an_error_with_its_name(pyve: Pyve, damage: str, message: str) -> None:
    pyve.init()
    pyve.execute("rm", "-rf", damage)
    stderr = pyve("validate").stderr
    assert message in stderr
    assert "fix: pyve init" in stderr
    assert pyve("validate").returncode == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('pyve_version: "2.0.0"\n', "No backend specified"),
        ("backend: banana\n", "Unknown backend"),
        ("backend: micromamba\n", "Missing environment.yml"),
        ("backend: venv\nvenv:\n  directory: ../x\n", "../x"),
    ],
)
def test_a_wrong_config_is_an_error(pyve: Pyve, config: str, message: str) -> None:
    pyve.init()
    pyve.write(".pyve/config", config)
    result = pyve("validate")
    assert result.returncode == 1
    assert message in result.stderr


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "not a program\n"])
def test_an_interpreter_that_does_not_run_is_an_error(pyve: Pyve, text: str) -> None:
    pyve.init()
    python = pyve.venv / "bin/python"
    python.unlink()
    python.write_text(text)
    python.chmod(0o755)
    result = pyve("validate")
    assert result.returncode == 1
    assert "does not run" in result.stderr


def test_warnings_alone_give_2(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").unlink()
    result = pyve("validate")
    assert result.returncode == 2
    assert "WARNING" in result.stderr
    assert ".env" in result.stderr
    pyve.write(".env", "").chmod(0o644)
    result = pyve("validate")
    assert result.returncode == 2
    assert "fix: chmod 600 .env" in result.stderr


@pytest.mark.parametrize(("version", "word"), [("1.1.3", "1.1.3"), ("99.0", "newer")])
def test_another_version_of_pyve_is_a_warning_that_can_be_silenced(
    pyve: Pyve, version: str, word: str
) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace("2.0.0", version))
    result = pyve("validate")
    assert result.returncode == 2
    assert word in result.stderr
    assert pyve("validate", PYVE_SKIP_VERSION_CHECK="1").returncode == 0


def test_a_warning_never_hides_an_error(pyve: Pyve) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace("2.0.0", "1.0.0"))
    (pyve.project / ".env").unlink()
    pyve.execute("rm", "-rf", ".venv")
    result = pyve("validate")
    assert result.returncode == 1
    assert "ERROR" in result.stderr
    assert "WARNING" in result.stderr


def test_a_python_that_the_config_did_not_ask_for_is_a_warning(pyve: Pyve) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace('version: "3.', 'version: "3.9'))
    assert pyve("validate").returncode == 2
    assert pyve("doctor").returncode == 2


def test_mending_as_it_says_makes_it_well(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    (fix,) = pyve.json("validate")["diagnostics"][0]["fix"]
    pyve.execute(*fix["command"])
    assert pyve("validate").returncode == 0
