"""`pyve shell`: the user's own shell in the environment, whatever its start-up files do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyve_test_helpers import TREE, Pyve, find_program
from shells import (
    SHELLS,
    Shell,
    direnv_line,
    find_shell,
    hook_line,
    make_project,
    parse_environment,
    quote,
    write_start_file,
)

every_shell = pytest.mark.parametrize("name", SHELLS)
DOTENV = "FROM_ENV='two  words'\nODD='100% $x `y` \\n'\nLINES_OF=\"a\\nb\\n\"\nVERSION=7\nname=n\n"

# Start-up files that get in the way.
RUDE = {
    "bash": """set -u
export PATH=/rude/bin:$PATH VIRTUAL_ENV=/rude VIRTUAL_ENV_PROMPT=rude
export FROM_ENV=rude PYTHONHOME=/rude
cd /usr; HISTFILE=~/my_history; IFS=/; shopt -s nocasematch; set -f
echo "rude greeting"
return 3
""",
    "zsh": """export PATH=/rude/bin:$PATH VIRTUAL_ENV=/rude VIRTUAL_ENV_PROMPT=rude
export FROM_ENV=rude PYTHONHOME=/rude
cd /usr; HISTFILE=~/my_history; IFS=/; setopt ksharrays nounset shwordsplit noclobber
print "rude greeting"
return 3
""",
    "fish": """set -gx PATH /rude/bin $PATH
set -gx VIRTUAL_ENV /rude; set -gx VIRTUAL_ENV_PROMPT rude
set -gx FROM_ENV rude; set -gx PYTHONHOME /rude
cd /usr
echo "rude greeting"
return 3
""",
}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A user with two projects, which the tests do not change."""
    root = tmp_path_factory.mktemp("shell")
    pyve = Pyve(root, template_cache)
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    make_project(pyve, "it's my project", "--allow", dotenv=DOTENV)
    make_project(pyve, "other", dotenv="OTHER=1\nname=o\n")
    yield pyve
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def project(user: Pyve) -> Path:
    return user.root / "it's my project"


def open_pyve_shell(name: str, user: Pyve, cwd: Path, *args: str, **options: Any) -> Shell:
    """Start `pyve shell` on a terminal."""
    return Shell(name, user, cwd=cwd, argv=user.command("shell", *args), **options)


def line_of(shell: Shell, user: Pyve, *args: str) -> str:
    """Return the line that one types for `pyve shell`."""
    return " ".join(quote(shell.name, word) for word in user.command("shell", *args))


# What names of Pyve's own are left in the new shell.
ADDED = {b"PYVE_BACKEND", b"PYVE_ENV_NAME", b"PYVE_PROMPT_PREFIX", b"PYVE_SHELL"}


def added(environment: dict[bytes, bytes], user: Pyve) -> set[bytes]:
    """Return the variables with names of Pyve's that the user does not have."""
    own = {key for key in environment if key.lower().lstrip(b"_").startswith(b"pyve")}
    return own - {key.encode() for key in user.env}


def check_inside(shell: Shell, project: Path) -> dict[bytes, bytes]:
    environment = shell.environment()
    venv = os.fsencode(project / ".venv")
    assert environment[b"PATH"].startswith(venv + b"/bin:")
    assert environment[b"VIRTUAL_ENV"] == venv
    assert environment[b"VIRTUAL_ENV_PROMPT"] == os.fsencode(project.name)
    assert environment[b"FROM_ENV"] == b"two  words"
    assert environment[b"ODD"] == b"100% $x `y` \\n"
    assert environment[b"LINES_OF"] == b"a\nb\n"
    assert environment[b"VERSION"] == b"7"
    assert environment[b"name"] == b"n"
    assert b"PYTHONHOME" not in environment
    return environment


@every_shell
def test_the_environment_has_the_last_word(user: Pyve, project: Path, name: str) -> None:
    with open_pyve_shell(name, user, project, setup=RUDE[name]) as shell:
        assert "rude greeting" in shell.text
        check_inside(shell, project)
        assert shell.prompt() == "(venv:it's my project) "
        shell.run("command -v python", 'echo "$HISTFILE"', "cd /")
        assert str(project / ".venv/bin/python") in shell.said()
        if name != "fish":
            assert f"{user.home}/my_history" in shell.said()
        check_inside(shell, project)
        assert shell.prompt() == "(venv:it's my project) "
        shell.type("exit 7\r")
        assert shell.wait() == 7
        assert shell.is_sane


@every_shell
def test_hooks_in_the_start_up_files_do_not_take_it_away(
    user: Pyve, project: Path, name: str
) -> None:
    setup = direnv_line(name) + hook_line(name)
    with open_pyve_shell(name, user, project, setup=setup, env={"DIRENV_LOG_FORMAT": ""}) as shell:
        check_inside(shell, project)
        assert shell.prompt() == "(venv:it's my project) "
        shell.cd(user.root / "other")
        there = check_inside(shell, project)
        assert b"OTHER" not in there
        shell.run("cd /")
        assert check_inside(shell, project) == there
        assert shell.prompt() == "(venv:it's my project) "
        assert shell.said() == ["In the environment of it's my project; exit leads back."]


@every_shell
def test_it_opens_from_a_shell_that_a_hook_has_brought_into_a_project(
    user: Pyve, project: Path, name: str
) -> None:
    """That project's variables are gone in the new shell, and back after it."""
    setup = direnv_line(name) + hook_line(name)
    other = user.root / "other"
    with Shell(name, user, setup=setup, env={"DIRENV_LOG_FORMAT": ""}) as shell:
        outside = shell.environment()
        for start in (other, project):
            shell.cd(start)
            before = shell.environment()
            words = ["-C", str(project), "shell"]
            shell.run(" ".join(quote(name, word) for word in user.command(*words)))
            there = check_inside(shell, project)
            assert b"OTHER" not in there
            shell.run("cd /")
            there = check_inside(shell, project)
            assert not [key for key in there if key.startswith((b"DIRENV_D", b"PYVE_HOOK"))]
            assert there[b"PATH"].count(os.fsencode(project / ".venv/bin")) == 1
            assert there[b"PATH"].endswith(outside[b"PATH"])
            shell.run("exit")
            assert shell.environment() == before


@every_shell
def test_a_prompt_that_is_not_wanted_is_not_shown(user: Pyve, project: Path, name: str) -> None:
    env = {"VIRTUAL_ENV_DISABLE_PROMPT": "1"}
    with open_pyve_shell(name, user, project, env=env) as shell:
        check_inside(shell, project)
        assert shell.prompt() == ""
        shell.press("ctrl-c")
        shell.run("true")
        shell.press("ctrl-d")
        assert shell.wait() == 0


@pytest.mark.parametrize("exported", [True, False])
def test_zsh_finds_its_files_where_zdotdir_says(
    user: Pyve, project: Path, tmp_path: Path, exported: bool
) -> None:
    """ZDOTDIR may be in the environment, or be set in ~/.zshenv."""
    find_shell("zsh")
    folder = tmp_path / "zsh files"
    write_start_file("zsh", folder, "export PATH=/rude/bin:$PATH; echo from there\n")
    (folder / ".zshenv").write_text("export SEEN=1\n" if exported else "")
    (user.home / ".zshenv").write_text("" if exported else f"ZDOTDIR='{folder}'\n")
    try:
        env = {"ZDOTDIR": str(folder)} if exported else {}
        with open_pyve_shell("zsh", user, project, env=env) as shell:
            assert shell.prompt() == "(venv:it's my project) "
            there = check_inside(shell, project)
            assert there.get(b"ZDOTDIR") == (os.fsencode(folder) if exported else None)
            assert there.get(b"SEEN") == (b"1" if exported else None)
            shell.run('echo "<$ZDOTDIR>"', "[[ -o global_rcs ]] && echo with all files")
            assert "with all files" in shell.said()
            assert f"<{folder}>" in shell.said()
            assert "from there" in shell.said()
            assert added(there, user) == ADDED
    finally:
        (user.home / ".zshenv").unlink()
    # What zsh and others keep beside its files is not kept in Pyve's folder.
    assert set(os.listdir(TREE / "lib/shell/zsh")) == {".zshenv", ".zshrc"}


@every_shell
def test_without_a_terminal_it_reads_commands(user: Pyve, project: Path, name: str) -> None:
    program = find_shell(name)
    folder = project / ".venv/lib"
    start = write_start_file(name, user.home, "")
    (user.home / ".zshenv").write_text("export PATH=/rude/bin:$PATH VIRTUAL_ENV=/rude\n")
    try:
        done = user("shell", cwd=folder, answer="env -0\nexit 5\n", SHELL=program)
    finally:
        (user.home / ".zshenv").unlink()
        start.unlink()
    assert done.returncode == 5
    assert done.stderr == ""
    there = parse_environment(done.stdout.encode())
    assert there[b"VIRTUAL_ENV"] == os.fsencode(project / ".venv")
    assert there[b"PATH"].startswith(os.fsencode(project / ".venv/bin:"))
    assert there[b"FROM_ENV"] == b"two  words"
    assert there[b"SHELL"] == os.fsencode(program)
    # Nothing of how Pyve did it is left over.
    assert added(there, user) == ADDED
    assert b"ZDOTDIR" not in there


def test_a_shell_may_be_named(user: Pyve, project: Path) -> None:
    done = user("shell", "sh", cwd=project, answer="echo $0 $VIRTUAL_ENV_PROMPT\n")
    assert done.stdout.endswith("sh it's my project\n")
    path = find_program("sh")
    done = user("shell", path, cwd=project, answer="echo $FROM_ENV; exit 3\n")
    assert (done.returncode, done.stdout) == (3, "two words\n")


@pytest.mark.parametrize("word", ["no-such-shell", "/no/such/shell", "/usr", "/etc/passwd"])
def test_a_shell_that_is_not_there_is_named(user: Pyve, project: Path, word: str) -> None:
    said = user.fails("shell", word, cwd=project, code="E_SHELL_MISSING")
    assert f"there is no shell '{word}'" in said
    assert "why: it is not" in said
    said = user.fails("shell", cwd=project, code="E_SHELL_MISSING", SHELL=word)
    assert "why: SHELL names it\n" in said
    user.fails("shell", "sh", "zsh", cwd=project)
    user.fails("shell", "--fast", cwd=project)


def test_a_shell_that_does_not_start_is_named(user: Pyve, project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    user.fails("shell", str(broken), cwd=project, code="E_SHELL_START")


def test_without_an_environment_it_says_what_to_type(pyve: Pyve) -> None:
    assert "pyve init" in pyve.fails("shell")
    pyve.init()
    shutil.rmtree(pyve.venv)
    assert "fix: pyve init" in pyve.fails("shell")


def test_it_does_not_open_twice_for_one_project(user: Pyve, project: Path) -> None:
    word = quote("bash", user.command()[0])
    done = user("shell", "sh", cwd=project, answer=f"{word} shell sh\necho status=$?\n")
    assert "[E_SHELL_NESTED]" in done.stderr
    assert "exit leads back" in done.stderr
    assert done.stdout == "status=1\n"
    other = quote("bash", str(user.root / "other"))
    lines = f"{word} -C {other} shell sh <<'X'\necho $VIRTUAL_ENV_PROMPT $OTHER\nX\n"
    done = user("shell", "sh", cwd=project, answer=lines)
    assert done.stderr == ""
    assert done.stdout == "other 1\n"
