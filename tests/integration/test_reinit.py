"""init where something is there already: the menu, --update, --force, and what they may touch."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyve_test_helpers import Pyve, other_python, python_version, series, snapshot

pytestmark = pytest.mark.venv

MENU = "What would you like to do?"


def mark(pyve: Pyve) -> None:
    """Put a package into both environments, by which one sees whether they were made anew."""
    pyve.add_module(pyve.venv, "treasure.py")
    pyve.add_module(pyve.testenv, "treasure.py")


def marked(environment: Path) -> bool:
    return bool(list(environment.glob("lib/*/site-packages/treasure.py")))


# --- the menu


@pytest.mark.parametrize("answer", ["1\n", "\n", "  1  \n", "1"])
def test_the_menu_updates_by_default(pyve: Pyve, answer: str) -> None:
    pyve.init()
    mark(pyve)
    result = pyve("init", "--no-direnv", answer=answer)
    assert result.returncode == 0
    assert MENU in result.stderr
    for line in ("1. Update", "2. Purge and re-initialize", "3. Cancel"):
        assert line in result.stderr
    assert "✓ Updated .venv" in result.stdout
    assert marked(pyve.venv)
    assert marked(pyve.testenv)


def test_the_menu_purges_and_makes_anew_on_2(pyve: Pyve) -> None:
    pyve.init()
    mark(pyve)
    pyve.init(answer="2\n")
    assert not marked(pyve.venv)
    assert not marked(pyve.testenv)
    assert pyve("doctor").returncode == 0


def test_the_menu_cancels_on_3_and_at_the_end_of_input(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    for answer in ("3\n", ""):
        result = pyve("init", answer=answer)
        assert result.returncode == 0
        assert "cancelled" in result.stdout
        assert snapshot(pyve.project) == before


def test_another_answer_to_the_menu_is_an_invalid_choice(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    for answer in ("4", "yes", "force", "$(touch pwned)", "12", "-1", "*"):
        assert f"Invalid choice: {answer}" in pyve.fails("init", answer=f"{answer}\n")
    assert snapshot(pyve.project) == before


@pytest.mark.parametrize(("words", "env"), [(["--yes"], {}), (["-y"], {}), ([], {"CI": "true"})])
def test_without_a_dialogue_init_updates(pyve: Pyve, words: list[str], env: dict[str, str]) -> None:
    pyve.init()
    mark(pyve)
    result = pyve("init", "--no-direnv", *words, answer="2\n", **env)
    assert result.returncode == 0
    assert MENU not in result.stderr
    assert marked(pyve.venv)


# --- force


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "maybe\ny\n", "y"])
def test_force_asks_and_makes_anew_on_yes(pyve: Pyve, answer: str) -> None:
    pyve.init()
    mark(pyve)
    result = pyve("init", "--no-direnv", "--force", answer=answer)
    assert result.returncode == 0
    assert "Force re-initialization" in result.stderr
    assert "Continue? [y/N]" in result.stderr
    assert not marked(pyve.venv)
    assert not marked(pyve.testenv)


def test_force_changes_nothing_on_any_other_answer(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    for answer in ("n\n", "N\n", "no\n", "\n", "\ny\n", "", "maybe\nmaybe\nmaybe\ny\n"):
        result = pyve("init", "--force", answer=answer)
        assert result.returncode == 0
        assert "cancelled" in result.stdout
        assert snapshot(pyve.project) == before


@pytest.mark.parametrize(
    ("words", "env"), [(["--yes"], {}), ([], {"CI": "1"}), ([], {"PYVE_FORCE_YES": "1"})]
)
def test_force_does_not_ask_when_told_not_to(
    pyve: Pyve, words: list[str], env: dict[str, str]
) -> None:
    pyve.init()
    mark(pyve)
    result = pyve("init", "--no-direnv", "--force", *words, answer="n\n", **env)
    assert result.returncode == 0
    assert "Continue?" not in result.stderr
    assert not marked(pyve.venv)


def test_force_without_anything_there_is_a_first_init(pyve: Pyve) -> None:
    result = pyve("init", "--no-direnv", "--force")
    assert result.returncode == 0
    assert "Continue?" not in result.stderr
    assert pyve.prefix() == str(pyve.venv)


def test_force_mends_an_environment_that_is_broken(pyve: Pyve) -> None:
    pyve.init()
    (pyve.venv / "bin/python").unlink()
    pyve.fails("run", "true", code="E_INTERPRETER_GONE")
    pyve.fails("init", "--update", code="E_INTERPRETER_GONE")
    pyve.init("--force", "--yes")
    assert pyve.prefix() == str(pyve.venv)


def test_force_with_another_directory_removes_the_old_one(pyve: Pyve) -> None:
    pyve.init()
    pyve.init("--force", "--yes", "other.d")
    assert not pyve.venv.exists()
    assert pyve.prefix() == str(pyve.project / "other.d")
    assert pyve("doctor").returncode == 0


WISHES = [
    (["--python-version", "3.99"], "E_PYTHON_MISSING"),
    (["--python-version", "3.1"], "E_PYTHON_TOO_OLD"),
    (["--python-version", "banana"], "E_PYTHON_VERSION_INVALID"),
    (["--backend", "micromamba"], "E_ENV_FILE_MISSING"),
    (["--backend", "banana"], "E_BACKEND_UNKNOWN"),
    (["--deps"], "E_INSTALL_REQUIREMENTS"),
    ([".git"], "E_VENV_NAME"),
    (["taken"], "E_VENV_FOREIGN"),
]


def test_force_with_a_wish_that_cannot_be_met_touches_nothing(pyve: Pyve) -> None:
    pyve.ok("init")
    mark(pyve)
    pyve.write("requirements.txt", "no-such-distribution-anywhere==1\n")
    pyve.write("taken/file", "")
    before = snapshot(pyve.project)
    for words, code in WISHES:
        stderr = pyve.fails("init", "--force", "--yes", *words, code=code)
        assert "fix: " in stderr
        assert snapshot(pyve.project) == before, words
    assert pyve.ok("run", "python", "-c", "import treasure; print(1)") == "1\n"


def test_force_without_any_interpreter_left_keeps_the_old_environment(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    pyve.remove_pythons()
    pyve.fails("init", "--force", "--yes", code="E_PYTHON_MISSING")
    assert snapshot(pyve.project) == before
    assert pyve.prefix() == str(pyve.venv)


# --- update


def test_update_keeps_the_packages_and_puts_back_what_is_missing(pyve: Pyve) -> None:
    pyve.ok("init")
    mark(pyve)
    for name in (".env", ".envrc", ".gitignore"):
        (pyve.project / name).unlink()
    text = (pyve.project / ".pyve/config").read_text()
    pyve.write(".pyve/config", text.replace("2.0.0", "1.1.3"))
    assert pyve("validate").returncode == 2
    pyve.ok("init", "--update")
    assert marked(pyve.venv)
    assert (pyve.project / ".pyve/config").read_text() == text
    for name in (".env", ".envrc", ".gitignore"):
        assert (pyve.project / name).exists()
    assert pyve("validate").returncode == 0


def test_update_makes_a_missing_environment(pyve: Pyve) -> None:
    pyve.write(".pyve/config", 'pyve_version: "1.1.3"\nbackend: venv\nvenv:\n  directory: env.d\n')
    pyve.init("--update")
    assert pyve.prefix() == str(pyve.project / "env.d")


def test_update_without_a_config_does_nothing(pyve: Pyve) -> None:
    stderr = pyve.fails("init", "--update", code="E_NOT_INITIALIZED")
    assert "fix: pyve init" in stderr
    assert snapshot(pyve.project) == {}


@pytest.mark.parametrize(("words", "env"), [(["--update"], {}), ([], {"CI": "1"})])
def test_update_refuses_to_change_the_backend(
    pyve: Pyve, words: list[str], env: dict[str, str]
) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    stderr = pyve.fails("init", *words, "--backend", "micromamba", **env)
    assert "Cannot update in-place" in stderr
    assert "fix: pyve init --force --backend micromamba" in stderr
    assert snapshot(pyve.project) == before


def test_update_refuses_another_directory_and_another_python(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    assert "Cannot update in-place" in pyve.fails("init", "--update", "other.d")
    stderr = pyve.fails("init", "--update", "--python-version", "3.99")
    assert "Cannot update in-place" in stderr
    assert "--force --python-version 3.99" in stderr
    assert snapshot(pyve.project) == before
    pyve.init("--update", "--python-version", series(python_version()), ".venv")


def test_the_backend_of_the_config_wins_over_files_that_came_later(pyve: Pyve) -> None:
    pyve.init()
    pyve.write("environment.yml", "name: x\n")
    pyve.init("--update")
    pyve.init("--force", "--yes")
    assert pyve.prefix() == str(pyve.venv)


def test_an_environment_with_another_python_is_not_silently_kept(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".pyve/config").unlink()
    stderr = pyve.fails("init", "--python-version", "3.99", code="E_ENV_PYTHON")
    assert "fix: pyve init --force --python-version 3.99" in stderr


def test_force_changes_the_python_of_both_environments(pyve: Pyve) -> None:
    other = other_python()
    version = python_version(other)
    pyve.init()
    pyve.add_python(other)
    pyve.init("--force", "--yes", "--python-version", version)
    assert pyve.execute(pyve.venv / "bin/python", "--version").stdout == f"Python {version}\n"
    assert pyve.execute(pyve.testenv / "bin/python", "--version").stdout == f"Python {version}\n"
    assert pyve.ok("run", "pip", "--version").rstrip().endswith(f"(python {series(version)})")
    assert f'version: "{version}"' in (pyve.project / ".pyve/config").read_text()
    # The next time the config is the wish.
    pyve.init("--force", "--yes")
    assert pyve.execute(pyve.venv / "bin/python", "--version").stdout == f"Python {version}\n"


def test_init_says_yes_to_update_when_a_new_flag_comes_with_it(pyve: Pyve) -> None:
    pyve.ok("init", "--no-direnv")
    assert not (pyve.project / ".envrc").exists()
    pyve.ok("init", "--update")
    assert (pyve.project / ".envrc").exists()
