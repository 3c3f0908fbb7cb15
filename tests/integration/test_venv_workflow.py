"""The life of an environment: made, used, made again, removed; and the files around it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pyve_test_helpers import (
    Pyve,
    find_program,
    mode,
    python_version,
    real_python,
    series,
    snapshot,
)

pytestmark = pytest.mark.venv

TEMPLATE = """\
# macOS only
.DS_Store

# Python build and test artifacts
__pycache__
*.egg-info
.coverage
coverage.xml
htmlcov/
.pytest_cache/

# Pyve virtual environment
"""


# --- life cycle


def test_a_project_goes_from_nothing_to_an_environment_and_back_to_nothing(pyve: Pyve) -> None:
    pyve.write("app.py", "print('hello')\n")
    before = snapshot(pyve.project)
    out = pyve.init()
    assert f"✓ Made .venv with Python {python_version()}" in out
    assert pyve.ok("run", "python", "app.py") == "hello\n"
    assert pyve("doctor").returncode == 0
    assert pyve("validate").returncode == 0
    assert pyve.ok("run", "python", "-m", "pip", "list").startswith("Package")
    out = pyve.ok("purge")
    assert "✓ Removed" in out
    after = snapshot(pyve.project)
    assert after.pop(".gitignore")
    assert after == before
    # What is left is the cache, and the stamp beside the records of trust.
    assert {path.name for path in pyve.home.iterdir()} <= {".cache", ".local"}
    assert [p.name for p in (pyve.home / ".local/state/pyve/trust").iterdir()] == ["stamp"]


def test_the_environment_has_the_layout_of_pep_405(pyve: Pyve) -> None:
    pyve.init()
    settings = (pyve.venv / "pyvenv.cfg").read_text()
    assert "home = " in settings
    assert "include-system-site-packages = false" in settings
    home = next(line for line in settings.splitlines() if line.startswith("home"))
    assert os.path.isdir(home.split(" = ", 1)[1])
    for name in ("python", "python3", f"python{series(python_version())}", "pip"):
        result = pyve.execute(pyve.venv / "bin" / name, "--version")
        assert result.returncode == 0, name
    for name in ("activate", "activate.csh", "activate.fish"):
        assert (pyve.venv / "bin" / name).is_file()
    code = "import sys; print(sys.prefix != sys.base_prefix, sys.prefix)"
    result = pyve.execute(pyve.venv / "bin" / "python", "-c", code)
    assert result.stdout == f"True {pyve.venv}\n"


def test_pip_of_the_environment_installs_into_it_and_into_no_other(
    pyve: Pyve, tmp_path: Path
) -> None:
    pyve.init()
    pyve.write("thing/setup.py", "from setuptools import setup\nsetup(name='thing')\n")
    other = tmp_path / "other project"
    other.mkdir()
    pyve.init(cwd=other)
    before = snapshot(other)
    # A file of pip itself is changed in one environment: the other, and the next, must not see it.
    pyve.ok("run", "python", "-m", "pip", "install", "--quiet", "iniconfig")
    pyve.ok("run", "python", "-m", "pip", "install", "--quiet", "--force-reinstall", "pip")
    assert snapshot(other) == before
    assert "iniconfig" in pyve.ok("run", "pip", "list")
    assert "iniconfig" not in pyve.ok("run", "pip", "list", cwd=other)
    pyve.ok("run", "python", "-m", "pip", "uninstall", "-y", "--quiet", "pip")
    assert pyve.ok("run", "pip", "--version", cwd=other).startswith("pip ")


def test_an_environment_outlives_the_cache_of_the_user(pyve: Pyve) -> None:
    del pyve.env["PYVE_TEMPLATES"]
    pyve.init()
    before = pyve.ok("doctor")
    shutil.rmtree(pyve.home / ".cache", ignore_errors=True)
    assert pyve.ok("doctor") == before
    assert pyve.ok("run", "pip", "--version").startswith("pip ")
    # What Pyve keeps for the user may go, too: then it says so, and what it says mends it
    # without losing a package.
    pyve.add_module(pyve.venv, "treasure.py")
    shutil.rmtree(pyve.home / ".local", ignore_errors=True)
    assert pyve.prefix() == str(pyve.venv)
    doctor = pyve("doctor")
    if pyve("run", "python", "-m", "pip", "--version").returncode:
        assert doctor.returncode == 2
        assert "⚠ pip" in doctor.stdout
        assert "fix: pyve init --update" in doctor.stdout
        pyve.init("--update")
    assert pyve.ok("run", "python", "-m", "pip", "--version").startswith("pip ")
    assert pyve.ok("run", "python", "-c", "import treasure; print(1)") == "1\n"
    assert pyve("doctor").returncode == 0


def test_init_installs_nothing_unasked(pyve: Pyve) -> None:
    pyve.copy_example("greeter-package")
    pyve.write("requirements.txt", "iniconfig\n")
    pyve.init()
    packages = json.loads(pyve.ok("run", "pip", "list", "--format", "json"))
    assert [package["name"] for package in packages] == ["pip"]


def test_init_with_deps_and_nothing_to_install_says_so_and_succeeds(pyve: Pyve) -> None:
    assert "nothing to install" in pyve.init("--deps")


def test_a_failing_install_leaves_no_half_made_environment(pyve: Pyve) -> None:
    pyve.write("requirements.txt", "no-such-distribution-anywhere==1\n")
    stderr = pyve.fails("init", "--deps", "--no-direnv", code="E_INSTALL_REQUIREMENTS")
    assert "fix: " in stderr
    assert sorted(path.name for path in pyve.project.iterdir()) == ["requirements.txt"]


def test_deps_go_through_uv_when_it_is_there(pyve: Pyve) -> None:
    pyve.write("requirements.txt", "iniconfig\n")
    pyve.write("requirements-dev.txt", "pluggy\n")
    log = pyve.root / "uv.log"
    pyve.add_program("uv", f"#!/bin/sh\nprintf '<%s>' \"$@\" >>'{log}'\n")
    pyve.init("--deps")
    words = log.read_text()
    assert words.startswith("<pip><install>")
    assert "<-r><./requirements.txt>" in words
    assert "<--python><" in words


def test_another_venv_directory_can_be_named_and_is_remembered(pyve: Pyve) -> None:
    pyve.init("envs.d")
    assert pyve.prefix() == str(pyve.project / "envs.d")
    assert not pyve.venv.exists()
    assert "directory: envs.d" in (pyve.project / ".pyve/config").read_text()
    assert "envs.d" in (pyve.project / ".gitignore").read_text().splitlines()
    pyve.init("--force", "--yes")
    assert pyve.prefix() == str(pyve.project / "envs.d")
    pyve.ok("purge")
    assert not (pyve.project / "envs.d").exists()
    assert "envs.d" not in (pyve.project / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".git", ".gitignore", ".tool-versions", ".python-version", ".envrc"),
        *(".pyve", "..", "a b", "a/b", "/tmp/x", "$(id)", ""),
    ],
)
def test_a_reserved_or_impossible_venv_directory_is_refused_and_nothing_is_made(
    pyve: Pyve, name: str
) -> None:
    pyve.fails("init", name, code="E_VENV_NAME")
    pyve.fails("purge", name, code="E_VENV_NAME")
    assert snapshot(pyve.project) == {}


def test_a_folder_that_is_no_environment_is_neither_used_nor_removed(pyve: Pyve) -> None:
    pyve.write(".venv/important.txt", "mine\n")
    before = snapshot(pyve.project)
    pyve.fails("init", "--no-direnv", code="E_VENV_FOREIGN")
    pyve.fails("init", "--no-direnv", "--force", "--yes", code="E_VENV_FOREIGN")
    assert snapshot(pyve.project) == before
    pyve.write(".pyve/config", "backend: venv\n")
    before = snapshot(pyve.project)
    pyve.fails("purge", code="E_VENV_FOREIGN")
    assert snapshot(pyve.project) == before


def test_an_environment_of_another_tool_is_kept_with_its_packages(pyve: Pyve) -> None:
    result = pyve.execute("python3", "-m", "venv", "--without-pip", ".venv")
    if result.returncode:
        pytest.skip(f"NOT TESTED: the standard library's venv fails here: {result.stderr}")
    pyve.add_module(pyve.venv, "treasure.py", "")
    assert "is there already" in pyve.init()
    assert pyve.ok("run", "python", "-c", "import treasure; print('kept')") == "kept\n"


def test_an_environment_that_is_a_link_is_removed_without_what_it_points_to(
    pyve: Pyve, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    pyve.init(cwd=other)
    pyve.venv.symlink_to(other / ".venv")
    before = snapshot(other)
    pyve.init()
    pyve.ok("purge")
    assert not os.path.lexists(pyve.venv)
    assert snapshot(other) == before


# --- both spellings


@pytest.mark.parametrize("words", [["init"], ["--init"], ["-i"]])
def test_init_has_three_spellings(pyve: Pyve, words: list[str]) -> None:
    pyve.ok(*words, "--no-direnv")
    assert pyve.prefix() == str(pyve.venv)


@pytest.mark.parametrize("words", [["purge"], ["--purge"], ["-p"]])
def test_purge_has_three_spellings(pyve: Pyve, words: list[str]) -> None:
    pyve.init()
    pyve.ok(*words)
    assert not pyve.venv.exists()


@pytest.mark.parametrize(
    "spellings",
    [
        (["config"], ["--config"], ["-c"]),
        (["help"], ["--help"], ["-h"]),
        (["version"], ["--version"], ["-v"]),
        (["validate"], ["--validate"]),
        (["doctor"], ["--doctor"]),
        (["python-version"], ["--python-version"]),
        (["help", "init"], ["init", "--help"], ["init", "-h"], ["--init", "--help"]),
        (["help", "run"], ["run", "--help"], ["run", "-h"]),
        (["help", "purge"], ["-p", "--help"]),
        (["help", "test"], ["test", "--help"]),
        (["help", "python-version"], ["--python-version", "--help"]),
    ],
)
def test_every_spelling_of_a_command_answers_the_same(
    pyve: Pyve, spellings: tuple[list[str], ...]
) -> None:
    results = [pyve(*words) for words in spellings]
    assert results[0].stdout + results[0].stderr != ""
    for result in results[1:]:
        assert (result.returncode, result.stdout) == (results[0].returncode, results[0].stdout)
    assert snapshot(pyve.project) == {}


COMMANDS = (
    *("init", "purge", "config", "validate", "doctor", "run", "test", "testenv"),
    *("python-version", "self"),
)


def test_help_names_every_command_and_each_has_help(pyve: Pyve) -> None:
    overview = pyve.ok("help")
    for name in COMMANDS:
        assert name in overview.split(), name
        assert f"pyve {name}" in pyve.ok("help", name)
    stderr = pyve.fails("help", "no-such-thing", code="E_USAGE_COMMAND")
    assert "pyve help" in stderr


def test_the_help_of_init_names_all_of_its_options(pyve: Pyve) -> None:
    text = pyve.ok("init", "--help")
    for option in (
        *("--python-version", "--backend", "--local-env", "--no-direnv"),
        *("--force", "--update", "--deps", "--yes"),
    ):
        assert option in text
    assert "--keep-testenv" in pyve.ok("purge", "--help")


# --- global options


def test_the_folder_option_works_on_another_project(pyve: Pyve, tmp_path: Path) -> None:
    pyve.ok("-C", str(pyve.project), "init", "--no-direnv", cwd=tmp_path)
    script = "import os; print(os.getcwd())"
    out = pyve.ok("-C", str(pyve.project), "run", "python", "-c", script, cwd=tmp_path)
    assert out == f"{pyve.project}\n"
    stderr = pyve.fails("-C", "nowhere", "init", code="E_USAGE_DIRECTORY")
    assert "nowhere" in stderr
    pyve.fails("-C", code="E_USAGE_DIRECTORY")


def test_quiet_says_nothing_when_all_is_well_and_everything_when_not(pyve: Pyve) -> None:
    result = pyve("-q", "init", "--no-direnv")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert "Invalid choice" in pyve.fails("-q", "init", answer="9\n")


def test_verbose_names_the_interpreter_that_was_chosen(pyve: Pyve) -> None:
    result = pyve("-v", "init", "--no-direnv")
    assert result.returncode == 0
    assert str(Path(os.path.realpath(pyve.bin / "python3"))) in result.stderr


# --- what was mistyped does nothing


UNKNOWN_COMMANDS: list[tuple[list[str], str]] = [
    (["innit"], "init"),
    (["--innit"], "init"),
    (["prge"], "purge"),
    (["docter"], "doctor"),
    (["--prugee"], "purge"),
    (["tesenv", "--init"], "testenv"),
    (["--jsn", "status"], "--json"),
    (["--quite", "init"], "--quiet"),
    (["xyzzy"], ""),
    (["../init"], ""),
    (["INIT"], ""),
    (["-x"], ""),
    (["-"], ""),
]


def test_an_unknown_command_does_nothing_and_asks_what_was_meant(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.root)
    for words, meant in UNKNOWN_COMMANDS:
        stderr = pyve.fails(*words, code="E_USAGE_COMMAND")
        assert f"did you mean '{meant}'?" in stderr or not meant, words
    assert snapshot(pyve.root) == before


WRONG_OPTIONS: list[tuple[list[str], str | None]] = [
    (["init", "--forse"], "--force"),
    (["init", "--no-direnb"], "--no-direnv"),
    (["init", "--updaet"], "--update"),
    (["init", "--python-verion", "3.11"], "--python-version"),
    (["purge", "--keep-testnev"], "--keep-testenv"),
    (["testenv", "--instal"], "--install"),
    (["doctor", "--fix-it-all"], ""),
    (["validate", "--strict-ish"], ""),
    (["config", "--sett"], ""),
    (["version", "--wrong"], ""),
    (["help", "--wrong"], ""),
    (["python-version", "--wrong"], ""),
    (["install", "--wrong"], ""),
    (["uninstall", "--wrong"], ""),
    (["self", "--wrong"], ""),
    (["self", "install", "--wrong"], ""),
    (["run", "--wrong", "true"], ""),
    (["init", "--force=yes"], None),
    (["init", "--python-version"], None),
    (["init", "--backend"], None),
    (["init", "one", "two"], None),
    (["purge", "one", "two"], None),
    (["doctor", "extra"], None),
    (["validate", "extra"], None),
    (["init", "--force", "--update"], None),
    (["init", "--python-version", "latest"], None),
    (["init", "--python-version", "2.7"], None),
    (["init", "--backend", "conda"], None),
    (["testenv"], None),
    (["testenv", "--init", "--purge"], None),
    (["testenv", "-r", "x.txt"], None),
    (["testenv", "--install", "-r", "no-such-file.txt"], None),
    (["python-version", "three"], None),
]


def test_a_wrong_option_does_nothing_at_all(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.root)
    for words, meant in WRONG_OPTIONS:
        stderr = pyve.fails(*words, answer="y\n2\n")
        assert stderr.startswith("ERROR: "), words
        if meant is not None:
            assert "E_USAGE_OPTION" in stderr, words
        if meant:
            assert f"did you mean '{meant}'?" in stderr, words
    assert snapshot(pyve.root) == before


# --- .gitignore


def test_gitignore_begins_with_the_template_and_ends_with_what_pyve_made(pyve: Pyve) -> None:
    pyve.init()
    text = (pyve.project / ".gitignore").read_text()
    assert text.startswith(TEMPLATE)
    lines = text.splitlines()
    section = lines[lines.index("# Pyve virtual environment") :]
    for name in (".venv", ".env", ".envrc", ".pyve/testenv", ".pyve/envs"):
        assert section.count(name) == 1, name


def test_git_sees_the_config_and_the_locks_but_nothing_that_is_generated(pyve: Pyve) -> None:
    git = find_program("git")
    pyve.execute(git, "init", "-q")
    pyve.ok("init")
    for name in ("pylock.toml", "conda-lock.yml", "environment.yml"):
        pyve.write(name, "")
    pyve.write("__pycache__/x.pyc", "")
    pyve.write(".pyve/tmp/left", "")
    pyve.write(".pyve/envs/x/left", "")
    status = pyve.execute(git, "status", "--porcelain", "-uall").stdout.split("\n")
    found = sorted(line[3:] for line in status if line)
    assert found == [
        ".gitignore",
        ".pyve/config",
        "conda-lock.yml",
        "environment.yml",
        "pylock.toml",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "*.log\n\n\n# mine\nbuild/\n",
        "no line end",
        "\n\n*.log\n\n\n",
        ".venv\n__pycache__\nmine\n",
        "# Pyve virtual environment\nmine\n.venv\n\n# other\nlast\n",
        "caf\u00e9/\n!keep me \n  indented\n\\#literal\n",
    ],
)
def test_the_users_lines_of_gitignore_stay_in_order_and_are_never_doubled(
    pyve: Pyve, text: str
) -> None:
    path = pyve.write(".gitignore", text)
    path.chmod(0o640)
    pyve.init()
    lines = path.read_text().splitlines()
    assert mode(path) == 0o640
    for name in (".venv", ".env", ".envrc", "__pycache__", ".DS_Store"):
        assert lines.count(name) == 1, name
    generated = (*TEMPLATE.splitlines(), ".venv")
    users = [line for line in text.splitlines() if line and line not in generated]
    position = -1
    for line in users:
        assert lines.count(line) == 1
        assert lines.index(line) > position
        position = lines.index(line)
    once = path.read_bytes()
    pyve.init("--update")
    assert path.read_bytes() == once


def test_the_users_blank_lines_of_gitignore_stay(pyve: Pyve) -> None:
    text = "a\n\n\nb\n\n# c\n\nd\n"
    path = pyve.write(".gitignore", text)
    pyve.init()
    assert path.read_text().endswith(text)


def test_purge_takes_only_its_lines_out_of_gitignore(pyve: Pyve) -> None:
    pyve.write(".gitignore", "*.log\n\n# mine\nbuild/\n")
    pyve.init()
    path = pyve.project / ".gitignore"
    expected = [
        line for line in path.read_text().splitlines() if line not in (".venv", ".env", ".envrc")
    ]
    pyve.ok("purge")
    assert path.read_text().splitlines() == expected


def test_a_gitignore_that_is_a_link_out_of_the_project_is_not_written_through(
    pyve: Pyve, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("theirs\n")
    (pyve.project / ".gitignore").symlink_to(target)
    pyve("init", "--no-direnv")
    assert target.read_text() == "theirs\n"


# --- .env


def test_env_is_made_empty_and_for_the_owner_only(pyve: Pyve) -> None:
    pyve.init()
    path = pyve.project / ".env"
    assert path.read_bytes() == b""
    assert mode(path) == 0o600


def test_local_env_copies_the_template_of_the_user(pyve: Pyve) -> None:
    template = pyve.home / ".local" / ".env"
    template.parent.mkdir()
    template.write_bytes(b"A=1\r\nB='x y'\n\xff\n")
    template.chmod(0o644)
    pyve.init("--local-env")
    path = pyve.project / ".env"
    assert path.read_bytes() == template.read_bytes()
    assert mode(path) == 0o600


def test_local_env_without_a_template_warns_and_makes_an_empty_file(pyve: Pyve) -> None:
    result = pyve("init", "--no-direnv", "--local-env")
    assert result.returncode == 0
    assert "WARNING" in result.stderr
    assert ".local/.env" in result.stderr
    assert (pyve.project / ".env").read_bytes() == b""
    assert mode(pyve.project / ".env") == 0o600


def test_an_env_file_that_is_there_keeps_its_content(pyve: Pyve) -> None:
    (pyve.home / ".local").mkdir()
    (pyve.home / ".local" / ".env").write_text("OTHER=1\n")
    pyve.write(".env", "SECRET=hunter2\n").chmod(0o644)
    out = pyve.init("--local-env")
    assert (pyve.project / ".env").read_text() == "SECRET=hunter2\n"
    assert "It keeps its content" in out
    assert "hunter2" not in out
    assert mode(pyve.project / ".env") == 0o600
    pyve.init("--force", "--yes")
    assert (pyve.project / ".env").read_text() == "SECRET=hunter2\n"
    for words in (["doctor"], ["validate"], ["config"], ["purge"]):
        result = pyve(*words)
        assert "hunter2" not in result.stdout + result.stderr
    assert (pyve.project / ".env").read_text() == "SECRET=hunter2\n"


@pytest.mark.parametrize(("text", "stays"), [("", False), ("\n", True), ("A=1\n", True)])
def test_purge_removes_env_only_when_it_has_no_bytes(pyve: Pyve, text: str, stays: bool) -> None:
    pyve.init()
    pyve.write(".env", text)
    out = pyve.ok("purge")
    assert (pyve.project / ".env").exists() == stays
    assert ("Kept .env" in out) == stays
    # A secret that stays must not become visible to git.
    assert (".env" in (pyve.project / ".gitignore").read_text().splitlines()) == stays


# --- .envrc


def test_envrc_sets_the_variables_and_runs_nothing(pyve: Pyve) -> None:
    pyve.ok("init")
    text = (pyve.project / ".envrc").read_text()
    for name in (
        *("PYVE_BACKEND", "PYVE_ENV_NAME", "PYVE_PROMPT_PREFIX", "VIRTUAL_ENV"),
        *("VIRTUAL_ENV_PROMPT", "UV_PROJECT_ENVIRONMENT", "ASDF_PYTHON_PLUGIN_DISABLE_RESHIM"),
    ):
        assert f"export {name}=" in text
    assert "PATH_add" in text
    assert "watch_file" not in text
    assert "unset PYTHONHOME" in text
    assert "source " not in text
    assert "PS1" not in text
    assert "$(" not in text
    assert "`pyve purge`" in text.splitlines()[0]


def test_no_direnv_makes_no_envrc(pyve: Pyve) -> None:
    pyve.ok("init", "--no-direnv")
    assert not (pyve.project / ".envrc").exists()


def test_a_users_envrc_is_kept_through_init_force_and_purge(pyve: Pyve) -> None:
    pyve.write(".envrc", "export MINE=1\n").chmod(0o664)
    assert ".envrc is there already" in pyve.ok("init")
    pyve.ok("init", "--force", "--yes")
    out = pyve.ok("purge")
    assert "Kept .envrc" in out
    assert (pyve.project / ".envrc").read_text() == "export MINE=1\n"
    assert mode(pyve.project / ".envrc") == 0o664


def test_a_generated_envrc_that_was_changed_is_kept(pyve: Pyve) -> None:
    pyve.ok("init")
    path = pyve.project / ".envrc"
    text = path.read_text() + "export MINE=1\n"
    path.write_text(text)
    assert ".envrc is there already" in pyve.ok("init", "--update")
    assert "Kept .envrc" in pyve.ok("purge")
    assert path.read_text() == text


@pytest.mark.requires_direnv
@pytest.mark.parametrize("name", ["my project", "it's my ünï #1 & co"])
def test_direnv_itself_enters_the_environment(pyve: Pyve, name: str) -> None:
    direnv = find_program("direnv")
    project = pyve.root / name
    if project != pyve.project:
        project.mkdir()
    pyve.ok("init", cwd=project)
    (project / ".env").write_text("FROM_ENV='a b'\n")
    pyve.execute(direnv, "allow", cwd=project)
    code = (
        "import os, sys; print(sys.prefix); print(os.environ['VIRTUAL_ENV'])\n"
        "print(os.environ['FROM_ENV']); print(os.environ['PYVE_PROMPT_PREFIX'])\n"
        "print(os.environ['PYVE_BACKEND'], os.environ['PYVE_ENV_NAME'])\n"
        "print(os.environ['UV_PROJECT_ENVIRONMENT'], 'PYTHONHOME' in os.environ)"
    )
    result = pyve.execute(
        direnv, "exec", project, "python", "-c", code, cwd=project, PYTHONHOME="/x"
    )
    venv = str(project / ".venv")
    assert result.stdout.splitlines() == [
        venv,
        venv,
        "a b",
        f"(venv:{name}) ",
        f"venv {name}",
        f"{venv} False",
    ], result.stderr


def test_an_envrc_executes_nothing_of_the_projects_name(pyve: Pyve) -> None:
    # By bash, as direnv does it; some versions of direnv themselves execute parts of a path.
    name = "$(touch pwned) `touch pwned` \"; touch pwned; ' & \\"
    project = pyve.root / name
    project.mkdir()
    pyve.ok("init", cwd=project)
    script = (
        "PATH_add() { PATH=$1:$PATH; }; watch_file() { :; }; dotenv() { :; }; . ./.envrc\n"
        'printf "%s\\n" "$VIRTUAL_ENV" "$PYVE_PROMPT_PREFIX" "$VIRTUAL_ENV_PROMPT"\n'
        'python -c "import sys; print(sys.prefix)"'
    )
    result = pyve.execute("bash", "-eu", "-c", script, cwd=project)
    venv = str(project / ".venv")
    assert result.stdout.splitlines() == [venv, f"(venv:{name}) ", name, venv], result.stderr
    assert not list(pyve.root.rglob("pwned"))


# --- .pyve/config


def test_the_config_says_what_was_made(pyve: Pyve) -> None:
    pyve.init()
    text = (pyve.project / ".pyve/config").read_text()
    assert text == (
        'pyve_version: "2.0.0"\nbackend: venv\n\nvenv:\n  directory: .venv\n\n'
        f'python:\n  version: "{series(python_version())}"\n'
    )


def test_comments_and_unknown_keys_of_the_config_survive(pyve: Pyve) -> None:
    pyve.write(
        ".pyve/config",
        "# of the team\nteam: 'the \"A\" team'   # keep\nbackend: venv\n\nvenv:\n"
        '  directory: env.d  # not .venv\n  extra: "a: b # c"\n\nlist:\n  - one\n  - two\n',
    )
    pyve.init("--yes")
    text = (pyve.project / ".pyve/config").read_text()
    for part in (
        "# of the team\n",
        "team: 'the \"A\" team'   # keep\n",
        "  directory: env.d  # not .venv\n",
        '  extra: "a: b # c"\n',
        "list:\n  - one\n  - two\n",
        'pyve_version: "2.0.0"\n',
    ):
        assert part in text, part
    assert pyve.prefix() == str(pyve.project / "env.d")
    pyve.init("--yes")
    assert (pyve.project / ".pyve/config").read_text() == text


def test_config_shows_what_is_in_force(pyve: Pyve) -> None:
    pyve.init()
    out = pyve.ok("config")
    for part in ("2.0.0", "3.14.3", ".venv", "venv", str(pyve.project / ".pyve/config")):
        assert part in out
    (pyve.project / "deep/er").mkdir(parents=True)
    assert pyve.ok("config", cwd=pyve.project / "deep/er") == out


# --- again


def test_a_second_init_changes_no_byte(pyve: Pyve) -> None:
    pyve.ok("init")
    before = snapshot(pyve.project)
    pyve.ok("init", "--yes")
    pyve.ok("init", "--update")
    pyve.ok("init", CI="1")
    assert snapshot(pyve.project) == before


def test_init_after_purge_makes_the_same_files(pyve: Pyve) -> None:
    pyve.ok("init")
    first = snapshot(pyve.project)
    pyve.ok("purge")
    pyve.ok("init")
    second = snapshot(pyve.project)
    assert list(first) == list(second)
    assert first == second


def test_purge_on_nothing_succeeds_and_does_nothing(pyve: Pyve) -> None:
    pyve.write("app.py", "")
    pyve.write(".env", "")
    before = snapshot(pyve.project)
    assert "nothing to remove" in pyve.ok("purge")
    assert snapshot(pyve.project) == before


def test_purge_keeps_the_test_environment_when_asked(pyve: Pyve) -> None:
    pyve.init()
    pyve.add_module(pyve.testenv, "treasure.py")
    out = pyve.ok("purge", "--keep-testenv")
    assert "Kept the test environment" in out
    assert not pyve.venv.exists()
    assert list(pyve.testenv.glob("lib/*/site-packages/treasure.py"))
    pyve.init()
    assert list(pyve.testenv.glob("lib/*/site-packages/treasure.py"))
    pyve.ok("purge")
    assert not (pyve.project / ".pyve").exists()


def test_purge_keeps_what_others_put_into_dot_pyve(pyve: Pyve) -> None:
    pyve.init()
    pyve.write(".pyve/notes.txt", "mine\n")
    assert "notes.txt" in pyve.ok("purge")
    assert (pyve.project / ".pyve/notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("name", [".python-version", ".tool-versions"])
def test_a_version_file_that_pyve_did_not_write_is_kept(pyve: Pyve, name: str) -> None:
    version = python_version()
    text = version if name == ".python-version" else f"nodejs 20.1.0\npython {version}\n"
    path = pyve.write(name, text)
    pyve.init()
    pyve.init("--force", "--yes")
    assert f"Kept {name}" in pyve.ok("purge")
    assert path.read_text() == text


def test_a_version_file_is_written_for_the_manager_and_removed_by_purge(pyve: Pyve) -> None:
    pyve.remove_pythons()
    pyve.add_managed_python("pyenv", real_python())
    pyve.init()
    assert (pyve.project / ".python-version").read_text() == f"{python_version()}\n"
    assert "Removed .python-version" in pyve.ok("purge")
    assert not (pyve.project / ".python-version").exists()


# --- two at once


def test_two_inits_at_once_both_succeed(pyve: Pyve) -> None:
    for round_number in range(3):
        words = ["init", "--no-direnv"] + (["--force", "--yes"] if round_number else ["--yes"])
        processes = [
            subprocess.Popen(
                pyve.command(*words),
                cwd=pyve.project,
                env=pyve.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        outputs = [process.communicate(timeout=120) for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], outputs
        assert pyve.prefix() == str(pyve.venv)
        assert pyve("doctor").returncode == 0
        left = sorted(path.name for path in (pyve.project / ".pyve").iterdir())
        assert left == ["config", "testenv"]


# --- one document for programs


SUCCESSES = [
    ["version"],
    ["help"],
    ["help", "init"],
    ["config"],
    ["init", "--no-direnv"],
    ["init", "--no-direnv", "--yes"],
    ["init", "--no-direnv", "--force", "--yes"],
    ["doctor"],
    ["validate"],
    ["python-version"],
    ["testenv", "--init"],
    ["testenv", "--purge"],
    ["purge"],
    ["purge"],
]
FAILURES = [
    ["doctor"],
    ["validate"],
    ["run", "true"],
    ["run"],
    ["test"],
    ["testenv", "--init"],
    ["testenv"],
    ["init", "--update"],
    ["init", "--nonsense"],
    ["init", "--python-version", "3.99"],
    ["init", "--backend", "micromamba"],
    ["purge", ".git"],
    ["python-version", "3.99"],
    ["help", "nonsense"],
    ["version", "nonsense"],
    ["config", "nonsense"],
    ["self", "nonsense"],
    ["nonsense"],
]


def check_envelope(result: subprocess.CompletedProcess[str], name: str) -> None:
    document = json.loads(result.stdout)
    assert set(document) - {"trace_id"} == {
        *("version", "command", "status", "exit_code", "duration_ms"),
        *("detail", "events", "diagnostics"),
    }
    assert document["version"] == 1
    assert document["command"] == name
    assert document["exit_code"] == result.returncode
    assert isinstance(document["duration_ms"], int)
    assert document["duration_ms"] >= 0
    failed = result.returncode not in (0, 2)
    assert (document["status"] == "error") == failed
    if failed:
        assert any(item["level"] == "error" for item in document["diagnostics"])
    for item in document["diagnostics"]:
        assert set(item) == {"code", "level", "message", "why", "fix", "context"}
        assert item["code"][:2] in ("E_", "W_")
        assert item["code"] != "E_INTERNAL"
        for fix in item["fix"]:
            assert fix["command"]
            assert all(isinstance(word, str) for word in fix["command"])
            assert fix["risk"] in ("safe", "destructive")


def test_json_is_one_document_on_stdout_for_every_command_that_succeeds(pyve: Pyve) -> None:
    for words in SUCCESSES:
        result = pyve("--json", *words)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        check_envelope(result, words[0])
    for arguments in (
        ["config", "--json"],
        ["--format=json", "config"],
        ["config", "--format=json"],
    ):
        check_envelope(pyve(*arguments), "config")


@pytest.mark.parametrize("words", FAILURES, ids=" ".join)
def test_json_is_one_document_on_stdout_for_every_command_that_fails(
    pyve: Pyve, words: list[str]
) -> None:
    result = pyve("--json", *words)
    assert result.returncode == 1, (result.stdout, result.stderr)
    check_envelope(result, words[0])


def test_json_escapes_what_a_path_may_hold(pyve: Pyve) -> None:
    project = pyve.root / 'a "b" \\c\td\x01é'
    project.mkdir()
    result = pyve("--json", "init", "--no-direnv", cwd=project)
    assert json.loads(result.stdout)["detail"]["environment"] == str(project / ".venv")


def test_json_of_doctor_and_validate_carries_their_findings(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    for name in ("doctor", "validate"):
        document = pyve.json(name)
        assert (document["status"], document["exit_code"]) == ("warning", 2)
        (item,) = document["diagnostics"]
        assert item["level"] == "warning"
        assert item["fix"][0]["command"] == ["chmod", "600", ".env"]


def test_the_tree_works_through_a_chain_of_links_and_without_being_on_path(pyve: Pyve) -> None:
    first = pyve.root / "first link"
    second = pyve.root / "second"
    first.symlink_to(Path(pyve.command()[0]))
    second.symlink_to("first link")
    assert pyve.execute(second, "--version").stdout == "pyve 2.0.0\n"
    assert shutil.which("pyve", path=pyve.env["PATH"]) is None
