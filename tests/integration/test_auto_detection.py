"""Which backend a project gets: the flag, the config, its files, the default."""

from __future__ import annotations

import pytest
from pyve_test_helpers import Pyve, snapshot


@pytest.mark.parametrize(
    ("files", "detected"),
    [
        ([], "none"),
        (["pyproject.toml"], "venv"),
        (["requirements.txt"], "venv"),
        (["environment.yml"], "micromamba"),
        (["conda-lock.yml"], "micromamba"),
        (["environment.yml", "requirements.txt"], "ambiguous"),
        (["conda-lock.yml", "pyproject.toml"], "ambiguous"),
        (["app.py"], "none"),
    ],
)
def test_config_says_what_the_files_speak_for(pyve: Pyve, files: list[str], detected: str) -> None:
    for name in files:
        pyve.write(name, "")
    lines = dict(line.split(":", 1) for line in pyve.ok("config").splitlines())
    assert lines["Backend (detected)"].strip() == detected
    assert pyve.json("config")["detail"]["detected_backend"] == detected


@pytest.mark.venv
@pytest.mark.parametrize("files", [[], ["pyproject.toml"], ["requirements.txt"], ["app.py"]])
def test_a_python_project_gets_a_venv(pyve: Pyve, files: list[str]) -> None:
    for name in files:
        pyve.write(name, "")
    result = pyve("init", "--no-direnv")
    assert (result.returncode, result.stderr) == (0, "")
    assert "backend: venv\n" in (pyve.project / ".pyve/config").read_text()


@pytest.mark.parametrize(
    ("name", "code"), [("environment.yml", "E_ENVIRONMENT_FILE"), ("conda-lock.yml", "E_LOCK_FILE")]
)
def test_a_conda_project_is_not_given_a_venv_silently(pyve: Pyve, name: str, code: str) -> None:
    pyve.write(name, "name: x\ndependencies: 5\n")
    before = snapshot(pyve.project)
    stderr = pyve.fails("init", code=code)
    assert f"ERROR: {name}, line " in stderr
    assert "  why: " in stderr or "  fix: " in stderr
    assert snapshot(pyve.project) == before
    pyve.init("--backend", "venv")
    assert pyve.prefix() == str(pyve.venv)


@pytest.mark.venv
def test_files_for_both_backends_give_a_venv_with_a_warning(pyve: Pyve) -> None:
    pyve.write("environment.yml", "name: x\n")
    pyve.write("requirements.txt", "")
    result = pyve("init", "--no-direnv")
    assert result.returncode == 0
    assert "WARNING" in result.stderr
    assert "environment.yml" in result.stderr
    assert "requirements.txt" in result.stderr
    assert pyve.prefix() == str(pyve.venv)
    # The answer is in the config now: no second warning.
    assert "WARNING" not in pyve("init", "--no-direnv", "--yes").stderr


@pytest.mark.venv
def test_a_flag_decides_without_a_warning(pyve: Pyve) -> None:
    pyve.write("environment.yml", "name: x\n")
    pyve.write("requirements.txt", "")
    result = pyve("init", "--no-direnv", "--backend", "venv")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.venv
def test_auto_asks_the_files(pyve: Pyve) -> None:
    pyve.write("requirements.txt", "")
    pyve.init("--backend", "auto")
    assert "backend: venv\n" in (pyve.project / ".pyve/config").read_text()


def test_a_backend_in_the_config_wins_over_the_files(pyve: Pyve) -> None:
    pyve.write(".pyve/config", "backend: micromamba\n")
    pyve.write("requirements.txt", "")
    before = snapshot(pyve.project)
    stderr = pyve.fails("init", "--yes", code="E_ENV_FILE_MISSING")
    assert "the micromamba backend makes the environment from one of them" in stderr
    assert ".pyve/envs" in pyve.fails("run", "true", code="E_ENV_MISSING")
    assert snapshot(pyve.project) == before


@pytest.mark.parametrize(
    "config", ["backend: banana\n", "backend: venv\nvenv:\n  directory: ../outside\n"]
)
def test_a_config_with_nonsense_stops_init_before_it_does_anything(pyve: Pyve, config: str) -> None:
    pyve.write(".pyve/config", config)
    before = snapshot(pyve.root)
    pyve.fails("init", "--yes")
    pyve.fails("init", "--force", "--yes")
    assert snapshot(pyve.root) == before


@pytest.mark.parametrize("name", ["../outside", "/etc", "a/../../outside", "$(touch pwned)", "-rf"])
def test_a_config_cannot_lead_purge_or_run_out_of_the_project(pyve: Pyve, name: str) -> None:
    outside = pyve.root / "outside"
    outside.mkdir()
    (outside / "pyvenv.cfg").write_text("")
    pyve.write(".pyve/config", f"backend: venv\nvenv:\n  directory: '{name}'\n")
    before = snapshot(pyve.root)
    pyve.fails("purge", code="E_VENV_NAME")
    assert snapshot(pyve.root) == before


def test_a_config_is_data_and_never_code(pyve: Pyve) -> None:
    pyve.write(
        ".pyve/config",
        "backend: venv\nevil: $(touch pwned)\n`touch pwned`: x\nvenv:\n  directory: .venv\n"
        "python:\n  version: '$(touch pwned)'\n",
    )
    for words in (["config"], ["doctor"], ["validate"], ["run", "true"], ["python-version"]):
        pyve(*words)
    pyve("init", "--yes")
    assert not list(pyve.root.rglob("pwned"))
