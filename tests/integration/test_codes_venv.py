"""Each code about usage, the project, its environment and what runs in it: seen and mended."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import pytest
from code_cases import bring, brings, corrects, mends
from pyve_test_helpers import (
    Pyve,
    need_wheelhouse,
    obey_modes,
    other_python,
    python_version,
    series,
)

pytestmark = pytest.mark.venv

# Runs a command, waits for its question, and presses Ctrl-C.
CANCEL = """
import signal, subprocess, sys
pipe = subprocess.PIPE
child = subprocess.Popen(sys.argv[1:], stdin=pipe, stdout=pipe, stderr=pipe)
seen = b""
while not seen.endswith(b"]: "):
    part = child.stderr.read(1)
    if not part:
        sys.exit("no question: %r" % seen)
    seen += part
child.send_signal(signal.SIGINT)
out, talk = child.communicate()
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(seen + talk)
sys.exit(130)
"""


@pytest.fixture
def project(pyve: Pyve) -> Pyve:
    """A user whose project has an environment."""
    pyve.init()
    return pyve


# --- the command line


@brings("E_USAGE_COMMAND")
@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["confg"], "pyve config"),
        (["helf", "init"], "pyve help init"),
        (["xyzzy"], "pyve help"),
        (["self", "completoins", "bash"], "pyve self completions bash"),
        (["self", "xyzzy"], "pyve help self"),
        (["help", "confg"], "pyve help config"),
    ],
)
def test_the_command_that_was_meant(pyve: Pyve, words: list[str], fix: str) -> None:
    corrects(pyve, "E_USAGE_COMMAND", *words, fix=fix)


@brings("E_USAGE_COMMAND")
def test_the_words_behind_a_command_stay(project: Pyve) -> None:
    words = ["rnu", "python", "-c", "print('a b')"]
    corrects(project, "E_USAGE_COMMAND", *words, fix=r"pyve run python -c 'print('\''a b'\'')'")


@brings("E_USAGE_OPTION")
@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["init", "--no-dirnev", ".my venv"], "pyve init --no-direnv '.my venv'"),
        (["config", "--qiet"], "pyve config --quiet"),
        (["config", "--xyzzy"], "pyve help config"),
        (["run", "--xyzzy", "true"], "pyve help run"),
    ],
)
def test_the_option_that_was_meant(pyve: Pyve, words: list[str], fix: str) -> None:
    if ".my venv" in words:
        words, fix = [*words[:-1], ".venv2"], fix.replace("'.my venv'", ".venv2")
    corrects(pyve, "E_USAGE_OPTION", *words, fix=fix)


@brings("E_USAGE_VALUE")
@pytest.mark.parametrize(
    ("word", "fix"), [("--env-name", "help init"), ("--engine=", ""), ("--yes=1", "init --yes")]
)
def test_the_value_of_an_option(pyve: Pyve, word: str, fix: str) -> None:
    failure = corrects(pyve, "E_USAGE_VALUE", "init", word, fix=fix and f"pyve {fix}")
    failure.says(word.split("=")[0])


@brings("E_USAGE_ARGUMENT")
def test_a_word_too_many(pyve: Pyve) -> None:
    failure = corrects(pyve, "E_USAGE_ARGUMENT", "config", "one", fix="pyve config")
    failure.says("'one'")


@brings("E_USAGE_CHOICE")
def test_an_answer_that_is_no_choice(project: Pyve) -> None:
    failure = bring(project, "E_USAGE_CHOICE", "init", answer="9\n")
    failure.by_hand("9", "from 1 to 3")
    failure.check_gone(answer="1\n")


@brings("E_USAGE_CHOICE")
def test_a_format_that_there_is_not(pyve: Pyve) -> None:
    corrects(pyve, "E_USAGE_CHOICE", "--format=xml", "config", fix="pyve help").says("xml")


@brings("E_USAGE_CONFLICT")
@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["init", "--force", "--update"], "pyve init --update"),
        (["init", "--allow", "--no-direnv"], "pyve init --allow"),
        (["hook", "--trust", "--distrust"], "pyve hook --trust"),
        (["testenv"], "pyve testenv --init"),
        (["testenv", "--init", "-r", "x"], "pyve testenv --install -r x"),
    ],
)
def test_options_that_exclude_each_other(project: Pyve, words: list[str], fix: str) -> None:
    project.write("x", "")
    project.add_program("direnv", "#!/bin/sh\n")
    corrects(project, "E_USAGE_CONFLICT", *words, fix=fix)


@brings("E_USAGE_DIRECTORY")
def test_a_folder_that_cannot_be_entered(pyve: Pyve) -> None:
    failure = bring(pyve, "E_USAGE_DIRECTORY", "-C", "sub folder", "config")
    failure.by_hand("sub folder")
    (pyve.project / "sub folder").mkdir()
    failure.check_gone()


@brings("E_USAGE_SHELL")
@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["hook"], "pyve hook bash"),
        (["hook", "zhs"], "pyve hook zsh"),
        (["hook", "elvish"], "pyve help hook"),
        (["self", "completions"], "pyve self completions bash"),
        (["self", "completions", "zhs"], "pyve self completions zsh"),
    ],
)
def test_a_shell_by_its_name(pyve: Pyve, words: list[str], fix: str) -> None:
    corrects(pyve, "E_USAGE_SHELL", *words, fix=fix)


@brings("E_CODE_UNKNOWN")
def test_a_code_that_there_is_not(pyve: Pyve) -> None:
    fix = "pyve explain E_ENV_MISSING"
    corrects(pyve, "E_CODE_UNKNOWN", "explain", "E_ENV_MISING", fix=fix).says("E_ENV_MISING")
    corrects(pyve, "E_CODE_UNKNOWN", "explain", "E_XYZZY", fix="pyve explain")


@brings("E_BACKEND_UNKNOWN")
def test_a_backend_that_there_is_not(pyve: Pyve) -> None:
    failure = corrects(
        pyve, "E_BACKEND_UNKNOWN", "init", "--backend", "banana", fix="pyve init --backend venv"
    )
    failure.says("banana", "micromamba")


@brings("E_VENV_NAME")
@pytest.mark.parametrize("command", ["init", "purge"])
@pytest.mark.parametrize("name", ["a/b", ".git", ""])
def test_a_name_that_no_environment_can_have(pyve: Pyve, command: str, name: str) -> None:
    failure = corrects(pyve, "E_VENV_NAME", command, name, fix=f"pyve {command} .venv")
    failure.says(name)


# --- the project


@brings("E_NOT_INITIALIZED")
@pytest.mark.parametrize("words", [["init", "--update"], ["hook", "--trust"]])
def test_a_folder_that_is_no_project(pyve: Pyve, words: list[str]) -> None:
    mends(pyve, "E_NOT_INITIALIZED", *words, fix="pyve init").says(str(pyve.project))


@brings("E_PATH_COLON")
def test_a_folder_with_a_colon(make_pyve: Callable[[str], Pyve]) -> None:
    pyve = make_pyve("a:b")
    failure = bring(pyve, "E_PATH_COLON", "init")
    failure.by_hand(str(pyve.project), "another name")
    pyve.project = pyve.project.rename(pyve.root / "a b")
    failure.check_gone()


@brings("E_SYNCED_DIR")
def test_a_folder_of_a_cloud_drive(make_pyve: Callable[[str], Pyve]) -> None:
    pyve = make_pyve("Dropbox")
    corrects(pyve, "E_SYNCED_DIR", "init", fix="pyve init --allow-synced-dir").says("Dropbox")
    assert pyve.prefix() == str(pyve.venv)


@brings("E_CONFIG_VALUE")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("backend: venv", "backend: banana"),
        ("directory: .venv", "directory: ../elsewhere"),
        ("show: true", "show: perhaps"),
    ],
)
def test_a_value_of_the_config(project: Pyve, right: str, wrong: str) -> None:
    config = project.project / ".pyve/config"
    text = config.read_text() + "prompt:\n  show: true\n"
    config.write_text(text.replace(right, wrong))
    failure = bring(project, "E_CONFIG_VALUE", "init", "--update")
    failure.by_hand(wrong.split(": ")[1], "in the file")
    config.write_text(text)
    failure.check_gone()


@brings("E_CONFIG_FORM")
def test_a_section_in_one_line(project: Pyve) -> None:
    config = project.project / ".pyve/config"
    version = series(python_version())
    config.write_text(f'backend: venv\npython: {{version: "{version}"}}\n')
    failure = bring(project, "E_CONFIG_FORM", "python-version", version)
    failure.by_hand("python", "in one line")
    config.write_text(f'backend: venv\npython:\n  version: "{version}"\n')
    failure.check_gone()


@brings("E_CONFIG_READ")
def test_a_config_that_cannot_be_read(project: Pyve) -> None:
    project.before = obey_modes()
    (project.project / ".pyve/config").chmod(0)
    mends(project, "E_CONFIG_READ", "init", "--update")


# --- the environment


@brings("E_ENV_MISSING")
@pytest.mark.parametrize("words", [["run", "true"], ["test", "--version"], ["testenv", "--init"]])
def test_a_project_that_was_cloned(project: Pyve, words: list[str]) -> None:
    """Its config is there, and the environment is not."""
    need_wheelhouse()
    shutil.rmtree(project.venv)
    failure = bring(project, "E_ENV_MISSING", *words).says(str(project.venv))
    assert failure.fixes[0].text == "pyve init --update"
    failure.apply()
    if words[0] == "test":
        project.ok("testenv", "--install")
    failure.check_gone()


@brings("E_ENV_MISSING")
def test_a_folder_without_an_environment(pyve: Pyve) -> None:
    mends(pyve, "E_ENV_MISSING", "run", "true", fix="pyve init")


@brings("E_ENV_MISSING")
def test_an_environment_that_is_missed_from_a_folder_below(project: Pyve) -> None:
    shutil.rmtree(project.venv)
    (project.project / "src").mkdir()
    fix = f"pyve -C '{project.project}' init --update"
    mends(project, "E_ENV_MISSING", "run", "true", fix=fix, cwd=project.project / "src")


@brings("E_INTERPRETER_GONE")
@pytest.mark.parametrize("words", [["run", "true"], ["init", "--update"]])
def test_an_environment_whose_interpreter_is_gone(project: Pyve, words: list[str]) -> None:
    link = project.venv / "bin/python"
    while link.is_symlink() and not os.readlink(link).startswith("/"):
        link = link.parent / os.readlink(link)
    link.unlink()
    link.symlink_to(project.root / "gone")
    failure = bring(project, "E_INTERPRETER_GONE", *words).says(str(project.venv))
    assert failure.fixes[0].text == "pyve init --force"
    assert failure.fixes[0].risk == "destructive"
    failure.apply(answer="y\n")
    failure.check_gone()


@brings("W_ENV_MOVED")
def test_a_project_that_was_moved(project: Pyve) -> None:
    old = project.project
    project.project = old.rename(project.root / "moved here")
    mends(project, "W_ENV_MOVED", "run", "true", fix="pyve init --update").says(str(old))


@brings("E_ENV_PYTHON")
def test_an_environment_with_another_python(project: Pyve) -> None:
    other = other_python()
    project.add_python(other)
    shutil.rmtree(project.project / ".pyve")
    wish = series(python_version(other))
    failure = mends(project, "E_ENV_PYTHON", "init", "--python-version", wish)
    failure.says(python_version(), wish)


@brings("E_ENV_RESTORE")
def test_an_environment_that_cannot_be_put_back(project: Pyve) -> None:
    shutil.rmtree(project.testenv.parent)
    project.testenv.parent.write_text("in the way")
    (project.project / ".pyve/tmp/old.testenv.999999999").mkdir(parents=True)
    failure = mends(project, "E_ENV_RESTORE", "init", "--update")
    failure.says("old.testenv.999999999", str(project.testenv))
    assert (project.project / ".pyve/testenv.old").read_text() == "in the way"


@brings("E_VENV_FOREIGN")
def test_a_folder_that_is_no_environment(pyve: Pyve) -> None:
    kept = pyve.write("build/kept", "")
    corrects(pyve, "E_VENV_FOREIGN", "init", "build", fix="pyve init .venv-pyve").says("build")
    corrects(pyve, "E_VENV_FOREIGN", "purge", "build", fix="pyve purge .venv")
    assert kept.exists()


@brings("E_UPDATE_FOLDER")
def test_an_update_in_another_folder(project: Pyve) -> None:
    failure = bring(project, "E_UPDATE_FOLDER", "init", "--update", "env").says(".venv", "env")
    failure.apply(answer="y\n")
    failure.check_gone()
    assert (project.project / "env/pyvenv.cfg").is_file()


@brings("E_UPDATE_PYTHON")
def test_an_update_to_another_python(project: Pyve) -> None:
    other = other_python()
    project.add_python(other)
    wish = series(python_version(other))
    failure = bring(project, "E_UPDATE_PYTHON", "init", "--update", "--python-version", wish)
    failure.says(python_version(), wish)
    failure.apply(answer="y\n")
    failure.check_gone()


# --- running


@brings("E_RUN_COMMAND")
def test_run_without_a_command(project: Pyve) -> None:
    corrects(project, "E_RUN_COMMAND", "run", fix="pyve run python")


@brings("E_COMMAND_NOT_FOUND")
def test_a_command_that_is_not_installed(project: Pyve) -> None:
    need_wheelhouse()
    failure = mends(project, "E_COMMAND_NOT_FOUND", "run", "pytest", "--version")
    failure.says("'pytest'", str(project.venv))


@brings("E_COMMAND_NOT_FOUND")
def test_a_misspelt_command_is_not_installed_but_corrected(project: Pyve) -> None:
    failure = bring(project, "E_COMMAND_NOT_FOUND", "run", "pyhton3", "-c", "print('a b')")
    assert [fix.text for fix in failure.fixes] == ["pyve run python3 -c 'print('\\''a b'\\'')'"]
    failure.apply()
    assert "did you mean 'python3'?" in failure.why
    # No distribution has such a name.
    for name in ("a\nb", "a b c"):
        assert bring(project, "E_COMMAND_NOT_FOUND", "run", name).fixes == []
    failure.count_as_gone()


@brings("E_COMMAND_NOT_FOUND")
def test_a_command_by_a_path_that_is_wrong(project: Pyve) -> None:
    failure = bring(project, "E_COMMAND_NOT_FOUND", "run", "./tool.sh")
    failure.by_hand("./tool.sh", str(project.project))
    project.write("tool.sh", "#!/bin/sh\n").chmod(0o755)
    failure.check_gone()


@brings("E_COMMAND_NOT_EXECUTABLE")
def test_a_command_without_permission(project: Pyve) -> None:
    project.write("a tool.sh", "#!/bin/sh\n")
    mends(project, "E_COMMAND_NOT_EXECUTABLE", "run", "./a tool.sh").says("./a tool.sh")
    path = project.write("tools/tool", "#!/bin/sh\n")
    folders = os.pathsep.join([str(path.parent), project.env["PATH"]])
    mends(project, "E_COMMAND_NOT_EXECUTABLE", "run", "tool", PATH=folders).says("tool")


@brings("E_COMMAND_NOT_EXECUTABLE")
def test_what_is_no_program_gets_no_permission_proposed(project: Pyve) -> None:
    for name, why in (("data.csv", "does not begin as"), ("folder", "it is a folder")):
        path = project.project / name
        path.mkdir() if name == "folder" else path.write_text("1,2\n")
        failure = bring(project, "E_COMMAND_NOT_EXECUTABLE", "run", f"./{name}")
        failure.by_hand(why)
        assert failure.fixes == []
    failure.count_as_gone()


@brings("E_PYTEST_MISSING")
def test_a_test_environment_without_pytest(project: Pyve) -> None:
    need_wheelhouse()
    words = ("test", "--version")
    mends(project, "E_PYTEST_MISSING", *words, fix="pyve testenv --install")


@brings("E_FILE_MISSING")
def test_requirements_that_are_not_there(project: Pyve) -> None:
    project.write("requirements-dev.txt", "")
    words = ("testenv", "--install", "-r", "requirement-dev.txt")
    fix = "pyve testenv --install -r requirements-dev.txt"
    corrects(project, "E_FILE_MISSING", *words, fix=fix).says("requirement-dev.txt")


@brings("E_INSTALL_REQUIREMENTS")
@pytest.mark.parametrize(
    "words",
    [["init", "--deps"], ["init", "--update", "--deps"], ["testenv", "--install", "-r", "x"]],
)
def test_requirements_while_there_is_no_network(pyve: Pyve, words: list[str]) -> None:
    need_wheelhouse()
    if words != ["init", "--deps"]:
        pyve.init()
    pyve.write("requirements.txt", "iniconfig\n")
    pyve.write("x", "iniconfig\n")
    nowhere = pyve.root.as_uri()
    failure = bring(pyve, "E_INSTALL_REQUIREMENTS", *words, PIP_FIND_LINKS=nowhere)
    failure.says("pip install", "status 1", "requirements.txt" if "init" in words else "x")
    assert failure.fixes[0].argv == ["pyve", *words]
    failure.apply(PIP_FIND_LINKS=pyve.env["PIP_FIND_LINKS"])
    environment = pyve.venv if "init" in words else pyve.testenv
    assert list(environment.glob("lib/python3*/site-packages/iniconfig"))
    failure.check_gone(PIP_FIND_LINKS=None)


# --- shells


@brings("E_SHELL_MISSING")
def test_a_shell_that_there_is_not(project: Pyve) -> None:
    corrects(project, "E_SHELL_MISSING", "shell", "xyzzy", fix="pyve shell bash").says("xyzzy")


@brings("E_SHELL_NESTED")
def test_a_shell_in_a_shell(project: Pyve) -> None:
    failure = bring(project, "E_SHELL_NESTED", "shell", "bash", PYVE_SHELL=str(project.project))
    failure.by_hand("exit leads back")
    failure.check_gone(PYVE_SHELL=None)


@brings("E_SHELL_START")
def test_a_shell_that_does_not_run(project: Pyve) -> None:
    project.add_program("mysh", f"#!{project.root}/gone\n")
    corrects(project, "E_SHELL_START", "shell", "mysh", fix="pyve shell bash").says("mysh")


@brings("E_CANCELLED")
def test_a_command_that_is_cancelled(project: Pyve) -> None:
    project.before = (sys.executable, "-c", CANCEL)
    failure = bring(project, "E_CANCELLED", "init")
    failure.by_hand()
    assert failure.document["exit_code"] == 130
    project.before = ()
    failure.check_gone()
