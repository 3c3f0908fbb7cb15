"""pyve doctor: what it looks at, what it says, and the exit codes 0, 1 and 2."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from code_cases import brings, corrects
from pyve_test_helpers import Pyve, find_program, python_version, snapshot

pytestmark = pytest.mark.venv


def test_a_healthy_environment_gives_0_and_says_what_is_there(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    result = pyve("doctor")
    assert (result.returncode, result.stderr) == (0, "")
    for line in (
        "✓ Backend: venv",
        "✓ Environment: .venv",
        "✓ Name: my project",
        f"✓ Python: {python_version()}",
        "✓ .env: mode 600",
    ):
        assert line in result.stdout.splitlines(), line
    for part in ("✓ pip: ", "Lock: ", "direnv: ", "Test runner: "):
        assert part in result.stdout, part
    assert "✗" not in result.stdout
    assert "⚠" not in result.stdout
    assert snapshot(pyve.project) == before


def test_without_an_environment_it_gives_1_and_the_command_to_type(pyve: Pyve) -> None:
    result = pyve("doctor")
    assert result.returncode == 1
    assert "not initialized" in result.stdout
    assert "fix: pyve init" in result.stdout
    assert snapshot(pyve.project) == {}


def test_it_works_from_any_subfolder(pyve: Pyve) -> None:
    pyve.init()
    deep = pyve.project / "a" / "b"
    deep.mkdir(parents=True)
    assert pyve.ok("doctor", cwd=deep) == pyve.ok("doctor")


def test_an_interpreter_is_found_dead_by_executing_it(pyve: Pyve) -> None:
    pyve.init()
    python = pyve.venv / "bin/python"
    for target, part in (
        ("/usr/opt/python@3.12/bin/python3.12", "/usr/opt/python@3.12/bin/python3.12 is gone"),
        ("python3.99", "is gone"),
    ):
        python.unlink()
        python.symlink_to(target)
        result = pyve("doctor")
        assert result.returncode == 1
        assert part in result.stdout
        assert "fix: pyve init --force" in result.stdout
    python.unlink()
    python.write_text("#!/bin/sh\necho 'Illegal instruction' >&2\nexit 132\n")
    python.chmod(0o755)
    result = pyve("doctor")
    assert result.returncode == 1
    assert "Illegal instruction" in result.stdout


def test_a_missing_pip_is_a_warning(pyve: Pyve) -> None:
    pyve.init()
    # (Where pip is, inside or shared, is no concern of a user; that it does not run is.)
    pyve.add_module(pyve.venv, "pip/__init__.py", "raise ImportError('broken')\n")
    result = pyve("doctor")
    assert result.returncode == 2
    assert "⚠ pip" in result.stdout
    pyve.init("--force", "--yes")
    assert pyve("doctor").returncode == 0


def test_an_env_file_that_others_can_read_is_a_warning(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o640)
    result = pyve("doctor")
    assert result.returncode == 2
    assert "⚠ .env" in result.stdout
    assert "fix: chmod 600 .env" in result.stdout
    pyve.init("--update")
    assert pyve("doctor").returncode == 0


def test_an_error_is_not_hidden_by_a_warning(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    (pyve.venv / "bin/python").unlink()
    result = pyve("doctor")
    assert result.returncode == 1
    assert "✗" in result.stdout
    assert "⚠ .env" in result.stdout


def test_it_counts_packages_and_names_version_file_and_lock(pyve: Pyve) -> None:
    pyve.init()
    before = pyve.json("doctor")["events"]
    (pyve.site_packages / "thing-1.0.dist-info").mkdir()
    pyve.write("pylock.toml", "")
    pyve.write(".python-version", python_version())
    # (That it is not whole is another matter.)
    out = pyve("doctor").stdout
    (count,) = (e["message"] for e in before if re.match(r"Packages: \d", e["message"]))
    assert f"✓ Packages: {int(count.split()[1]) + 1}" in out
    assert "pylock.toml" in out
    assert "✓ Version file: .python-version" in out


def test_it_says_whether_direnv_and_pytest_are_there(pyve: Pyve) -> None:
    pyve.init()
    out = pyve.ok("doctor")
    assert "direnv: not installed" in out
    assert "without pytest" in out
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    pyve.add_module(pyve.testenv, "pytest/__init__.py")
    out = pyve.ok("doctor")
    assert "direnv: installed, but there is no .envrc" in out
    assert "with pytest" in out
    pyve.ok("init", "--update", "--allow")
    assert "✓ direnv: .envrc is there" in pyve.ok("doctor")


def test_a_recorded_version_of_pyve_that_differs_is_a_warning(pyve: Pyve) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace("2.0.0", "1.1.3"))
    result = pyve("doctor")
    assert result.returncode == 2
    assert "1.1.3" in result.stdout
    assert "fix: pyve init --update" in result.stdout


def test_quiet_shows_only_what_is_wrong(pyve: Pyve) -> None:
    pyve.init()
    assert pyve.ok("-q", "doctor") == ""
    (pyve.project / ".env").chmod(0o644)
    lines = pyve("-q", "doctor").stdout.splitlines()
    assert [line[:6] for line in lines] == ["⚠ .env", "    wh", "    fi"]


def test_what_files_are_called_gives_no_orders_to_the_terminal(pyve: Pyve) -> None:
    pyve.init()
    link = pyve.venv / "bin/a\n\x1b[2Kb"
    link.symlink_to("nowhere")
    result = pyve("doctor", "--fix", answer="n\n")
    assert result.returncode == 2
    assert "\x1b" not in result.stdout + result.stderr
    assert "⚠ Links: .venv/bin/a??[2Kb leads nowhere [links-dangling]" in result.stdout
    (fix,) = {line[9:] for line in result.stdout.splitlines() if line.startswith("    fix: ")}
    assert f"links-dangling: run it? {fix} [y/N]" in result.stderr
    # It works all the same, pasted and for programs.
    (item,) = pyve.json("doctor")["diagnostics"]
    assert item["fix"][0]["command"] == ["rm", ".venv/bin/a\n\x1b[2Kb"]
    assert pyve.execute("bash", "-c", fix).returncode == 0
    assert not link.is_symlink()


@pytest.mark.parametrize("end", ["\n", "", "\n\n"], ids=["line end", "none", "two"])
def test_what_direnv_may_load_is_known_as_direnv_knows_it(pyve: Pyve, end: str) -> None:
    pyve.init()
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    pyve.write(".envrc", f"PATH_add .venv/bin{end}")
    only = ("doctor", "--only", "direnv-allowed")
    assert pyve(*only).returncode == 2
    assert pyve.json("status")["detail"]["direnv"]["allowed"] is False
    pyve.execute("direnv", "allow")
    assert pyve(*only).returncode == 0
    assert pyve.json("status")["detail"]["direnv"]["allowed"] is True


def test_verbose_names_each_check_that_found_nothing(pyve: Pyve) -> None:
    pyve.init()
    usual = pyve.ok("doctor").splitlines()
    lines = pyve.ok("doctor", "--verbose").splitlines()
    assert [line for line in lines if ": nothing found (" not in line] == usual
    assert "· links-dangling: nothing found (links in its bin that lead nowhere)" in lines


def test_fix_clears_what_a_killed_command_left_and_puts_the_environment_back(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    # As after a kill -9 between the two steps of a swap.
    dead = 2**22 - 3
    (pyve.project / ".pyve/tmp").mkdir()
    pyve.venv.rename(pyve.project / f".pyve/tmp/old.venv.{dead}")
    (pyve.project / f".pyve/tmp/new.venv.{dead}").mkdir()
    (pyve.project / ".pyve/lock").symlink_to(f"{dead}:1")
    pyve.write(f".pyve/config.pyve-new.{dead}", "half")
    killed = snapshot(pyve.project)
    assert pyve("doctor").returncode == 1
    # It only looks.
    assert snapshot(pyve.project) == killed
    result = pyve("doctor", "--fix", "--yes")
    assert result.returncode == 0, result.stdout
    assert snapshot(pyve.project) == before


def test_a_running_commands_files_are_not_cleared(pyve: Pyve) -> None:
    stat = Path("/proc/self/stat")
    if not stat.exists():
        pytest.skip("NOT TESTED: no /proc to read a process's start time from")
    pyve.init()
    fields = stat.read_text().rsplit(") ", 1)[1].split()
    (pyve.project / ".pyve/tmp/new.venv.1").mkdir(parents=True)
    (pyve.project / ".pyve/lock").symlink_to(f"{os.getpid()}:{fields[19]}")
    before = snapshot(pyve.project)
    assert pyve("doctor").returncode == 0
    assert pyve.prefix() == str(pyve.venv)
    assert snapshot(pyve.project) == before


def test_fix_waits_for_a_command_that_changes_the_project(pyve: Pyve) -> None:
    stat = Path("/proc/self/stat")
    if not stat.exists():
        pytest.skip("NOT TESTED: no /proc to read a process's start time from")
    pyve.init()
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace("backend: venv", "backend: vnev"))
    broken = config.read_text()
    lock = pyve.project / ".pyve/lock"
    lock.symlink_to(f"{os.getpid()}:{stat.read_text().rsplit(') ', 1)[1].split()[19]}")
    with subprocess.Popen(
        pyve.command("doctor", "--fix", "--yes"),
        env=pyve.env,
        cwd=pyve.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        while "Waiting for another Pyve" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        assert config.read_text() == broken
        lock.unlink()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "backend: venv\n" in config.read_text()
    assert not lock.is_symlink()


@pytest.mark.linux
def test_doctor_runs_in_a_project_that_cannot_be_written(pyve: Pyve) -> None:
    setpriv = find_program("setpriv") if os.geteuid() == 0 else ""
    pyve.init()
    before = snapshot(pyve.project)
    folders = [pyve.project, pyve.project / ".pyve", pyve.venv]
    for folder in folders:
        folder.chmod(0o555)
    try:
        for words in (["doctor"], ["validate"], ["config"], ["run", "true"]):
            command = pyve.command(*words)
            if setpriv:
                drop = "-dac_override,-dac_read_search"
                command = [setpriv, f"--inh-caps={drop}", f"--bounding-set={drop}", *command]
            result = pyve.execute(*command)
            assert result.returncode == 0, (words, result.stdout, result.stderr)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert snapshot(pyve.project) == before


def test_the_other_backend_can_be_asked_for(pyve: Pyve) -> None:
    pyve.init()
    pyve.write("environment.yml", "name: other\ndependencies: [python]\n")
    lines = pyve("doctor", "--backend", "venv").stdout.splitlines()
    assert "✓ Environment: .venv" in lines
    other = pyve("doctor", "--backend", "micromamba")
    assert other.returncode == 1
    assert "✓ Environment: .venv" not in other.stdout
    assert "[environment-missing]" in other.stdout
    found = pyve.json("doctor", "--backend", "micromamba", "--only", "environment-missing")
    commands = [fix["command"] for item in found["diagnostics"] for fix in item["fix"]]
    assert commands
    assert all(words[-2:] == ["--backend", "micromamba"] for words in commands), commands
    # The config says venv, as before.
    assert pyve("doctor", "--only", "environment-missing").returncode == 0


@brings("E_BACKEND_UNKNOWN")
def test_a_backend_that_there_is_not(pyve: Pyve) -> None:
    pyve.init()
    corrects(pyve, "E_BACKEND_UNKNOWN", "doctor", "--backend", "vemv")
