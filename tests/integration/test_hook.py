"""The shell hook in real shells on a real terminal: entering, leaving, and staying out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
from pyve_test_helpers import TREE, Pyve, find_program
from shells import SHELLS, Shell, hook_line, make_plain_project, quote

every_shell = pytest.mark.parametrize("name", SHELLS)

# Values that a careless hook loses or changes, under names that a careless hook uses itself.
ODD = {
    "ODD_LINES": "one\n\ntwo\n\n",
    "ODD_QUOTES": 'it\'s "said" `touch pwned` $(touch pwned) $HOME ${HOME}',
    "ODD_PERCENT": "%25 %0A 100% %s %",
    "ODD_BACKSLASHES": "a\\nb \\\\ \\' \\",
    "ODD_BLANKS": "  in and out\t ",
    "ODD_CONTROL": "\x1b[31m\x07\r\x7f\x01",
    "ODD_UNICODE": "ünï ☃ 🐍",
    "ODD_BYTES": "\udcff\udc80 x \udce2\udc82",
    "ODD_EMPTY": "",
    "ODD_DASH": "-n",
    "PYTHONHOME": "/no where\nat 'all'",
    "VIRTUAL_ENV": "/some where/else",
    "VIRTUAL_ENV_PROMPT": "$(touch pwned)\\",
    "PYVE_ENV_NAME": "-left over%0A",
    "VERSION": "5",
    "REPLY": "yes",
    "CHANGES": "none",
    "TRUST_ENV": "mine",
    "DOTENV_NAMES": "mine",
    "name": "a\nb",
    "line": "%",
    "text": "'",
    "venv": "v\n",
    "_name": "1",
    "_i": "2",
    "_root": "3",
    "_value": "4",
    "_place": "5",
}


# --- coming and going


@every_shell
def test_leaving_restores_every_variable_byte_by_byte(pyve: Pyve, name: str) -> None:
    # (direnv does not bring REPLY into the environment; so does the hook not.)
    changed = [key for key in ODD if key != "REPLY" and not key.startswith("VIRTUAL")]
    dotenv = "".join(f"{key}='inside'\n" for key in changed)
    odd = make_plain_project(pyve, "odd", dotenv=dotenv)
    plain = make_plain_project(pyve, "plain")
    with Shell(name, pyve, setup=hook_line(name), env=ODD) as shell:
        before = shell.environment()
        for key, value in ODD.items():
            assert before[os.fsencode(key)] == os.fsencode(value)
        shell.cd(odd)
        there = shell.environment()
        assert there[b"VIRTUAL_ENV"] == os.fsencode(odd / ".venv")
        for key in changed:
            assert there[os.fsencode(key)] == b"inside", key
        shell.cd(plain)
        there = shell.environment()
        assert b"PYTHONHOME" not in there
        assert there[b"ODD_BYTES"] == before[b"ODD_BYTES"]
        shell.run("cd /")
        assert shell.environment() == before
        assert shell.said() == []
    assert not list(pyve.root.rglob("pwned"))


@every_shell
def test_nested_projects_projects_in_a_row_and_subfolders(pyve: Pyve, name: str) -> None:
    outer = make_plain_project(pyve, "outer", dotenv="WHERE=outer\nONLY_OUTER=1\n")
    inner = make_plain_project(pyve, "outer/sub/inner", dotenv="WHERE=inner\n")
    other = make_plain_project(pyve, "other")
    (inner / "deep/down").mkdir(parents=True)
    with Shell(name, pyve, setup=hook_line(name)) as shell:
        before = shell.environment()
        assert shell.venv() == ""
        shell.cd(outer)
        assert shell.venv() == str(outer / ".venv")
        assert shell.prompt() == "(venv:outer) "
        in_outer = shell.environment()
        shell.run("cd sub")
        assert shell.environment() == in_outer
        shell.run("cd inner")
        assert shell.venv() == str(inner / ".venv")
        assert shell.prompt() == "(venv:inner) "
        assert b"ONLY_OUTER" not in shell.environment()
        shell.run("cd deep/down", "cd ../..")
        assert shell.venv() == str(inner / ".venv")
        shell.run("cd ..")
        assert shell.environment() == in_outer
        shell.cd(other)
        assert shell.venv() == str(other / ".venv")
        assert b"WHERE" not in shell.environment()
        shell.cd(inner / "deep")
        assert shell.venv() == str(inner / ".venv")
        shell.run("cd /")
        assert shell.environment() == before
        assert shell.prompt() == ""
        assert shell.said() == []


@every_shell
def test_a_shell_within_leaves_as_the_first_one_does(pyve: Pyve, name: str) -> None:
    pyve.write(".env", "FROM_ENV='two words'\n")
    pyve.init()
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.project) as shell:
        there = shell.environment()
        assert there[b"FROM_ENV"] == b"two words"
        shell.run("cd /")
        before = shell.environment()
        assert b"FROM_ENV" not in before
        shell.cd(pyve.project)
        options: dict[str, list[str]] = {
            "bash": ["--rcfile", f"{pyve.home}/.bashrc"],
            "zsh": ["-d"],
            "fish": [],
        }
        words = [quote(name, word) for word in (shell.program, *options[name], "-i")]
        shell.run(" ".join(words))
        assert shell.environment() == {**there, b"SHLVL": b"2"}
        assert shell.prompt() == "(venv:my project) "
        shell.run("cd /")
        assert shell.environment() == {**before, b"SHLVL": b"2"}
        shell.run("exit")
        assert shell.environment() == there


@every_shell
def test_init_enters_and_purge_leaves_without_a_cd(pyve: Pyve, name: str) -> None:
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.project) as shell:
        before = shell.environment()
        assert shell.venv() == ""
        words = pyve.command("-q", "init", "--no-direnv")
        shell.run(" ".join(quote(name, word) for word in words))
        assert shell.venv() == str(pyve.venv)
        assert shell.prompt() == "(venv:my project) "
        pyve.write(".env", "ADDED=1\n")
        shell.run("true")
        assert len(shell.said()) == 1
        pyve.ok("hook", "--trust")
        shell.run("true")
        assert shell.environment()[b"ADDED"] == b"1"
        pyve.ok("purge", "--yes")
        shell.run("true")
        assert shell.environment() == before
        assert shell.prompt() == ""


# --- trust


@every_shell
def test_a_changed_project_is_left_and_that_is_said_once(pyve: Pyve, name: str) -> None:
    pyve.init()
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.project) as shell:
        there = shell.environment()
        config = pyve.project / ".pyve/config"
        for file, text in (
            (config, config.read_text() + "# a note\n"),
            (pyve.project / ".env", "A=1\n"),
        ):
            said = len(shell.said())
            file.write_text(text)
            shell.run("true")
            assert shell.venv() == ""
            shell.run("true", "cd .pyve", "cd ..")
            (line,) = shell.said()[said:]
            assert str(pyve.project) in line
            assert "changed" in line
            assert line.endswith("pyve hook --trust")
            pyve.ok("hook", "--trust")
            shell.run("true")
            assert shell.venv() == str(pyve.venv)
        assert shell.environment() == {
            **there,
            b"A": b"1",
            **{key: value for key, value in shell.environment().items() if b"PYVE_HOOK" in key},
        }


@every_shell
def test_distrust_leaves_and_trust_enters(pyve: Pyve, name: str) -> None:
    pyve.init()
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.project) as shell:
        assert shell.venv() == str(pyve.venv)
        assert "not enter" in pyve.ok("hook", "--distrust")
        shell.run("true")
        assert shell.venv() == ""
        (line,) = shell.said()
        assert "is not trusted yet" in line
        assert "was not trusted" in pyve.ok("hook", "--distrust")
        pyve.ok("hook", "--trust")
        shell.run("true")
        assert shell.venv() == str(pyve.venv)


@every_shell
def test_a_clone_and_a_moved_project_are_not_entered_unasked(pyve: Pyve, name: str) -> None:
    pyve.write(".env", "SECRET=1\n")
    pyve.init()
    clone = pyve.root / "clone"
    shutil.copytree(pyve.project, clone, symlinks=True)
    moved = pyve.root / "moved"
    with Shell(name, pyve, setup=hook_line(name)) as shell:
        before = shell.environment()
        shell.cd(clone)
        assert shell.environment() == before
        assert len(shell.said()) == 1
        shell.cd(pyve.project)
        assert shell.venv() == str(pyve.venv)
        # The shell is in it while another process moves it.
        pyve.project.rename(moved)
        shell.cd(moved)
        assert shell.environment() == before
        assert str(moved) in shell.said()[-1]
        pyve.ok("init", "--update", "--no-direnv", cwd=moved)
        shell.run("true")
        assert shell.venv() == str(moved / ".venv")
        assert shell.prompt() == "(venv:moved) "


@every_shell
def test_an_env_file_that_cannot_be_read_is_named_and_the_rest_is_entered(
    pyve: Pyve, name: str
) -> None:
    pyve.write(".env", "GOOD=1\nnot a line of it\n")
    pyve.init()
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.project) as shell:
        assert shell.venv() == str(pyve.venv)
        assert b"GOOD" not in shell.environment()
        shell.run("true")
        (line,) = shell.said()
        assert "line 2 of .env" in line
        assert "not a line of it" not in line


# --- what else may happen


@every_shell
def test_without_pyve_the_hook_is_silent(pyve: Pyve, name: str) -> None:
    app = pyve.root / "an app"
    app.mkdir()
    shutil.copy(TREE / "pyve.sh", app)
    shutil.copytree(TREE / "lib", app / "lib")
    folder = make_plain_project(pyve, "some")
    other = make_plain_project(pyve, "other")
    with Shell(name, pyve, setup=hook_line(name, app / "pyve.sh")) as shell:
        shell.cd(folder)
        assert shell.venv() == str(folder / ".venv")
        shutil.rmtree(app)
        shell.cd(other)
        shell.run("cd /", "true")
        assert shell.said() == []


@pytest.mark.parametrize("setting", ["", "setopt ksharrays\n"])
def test_other_hooks_of_zsh_stay(pyve: Pyve, setting: str) -> None:
    setup = (
        "mine_a() { true }; mine_b() { true }\n"
        f"{setting}precmd_functions=(mine_a mine_b)\nchpwd_functions=(mine_a mine_b)\n"
        + hook_line("zsh")
        + hook_line("zsh")
        + "unsetopt ksharrays\n"
    )
    with Shell("zsh", pyve, setup=setup) as shell:
        shell.run("print -r -- $precmd_functions / $chpwd_functions")
        assert shell.said() == [
            "_pyve_hook mine_a mine_b _pyve_prompt_hook / _pyve_hook mine_a mine_b"
        ]


@every_shell
def test_loading_the_hook_twice_is_as_loading_it_once(pyve: Pyve, name: str) -> None:
    folder = make_plain_project(pyve, "some")
    with Shell(name, pyve, setup=hook_line(name) * 2, cwd=folder) as shell:
        shell.run(hook_line(name).rstrip())
        assert shell.venv() == str(folder / ".venv")
        assert shell.prompt() == "(venv:some) "
        shell.run("cd /")
        assert shell.prompt() == ""


class TracedShell(Shell):
    """A shell of which strace writes down the processes that it starts."""

    def __init__(self, name: str, user: Pyve, **options: Any) -> None:
        self._log = user.root / "strace.log"
        strace = find_program("strace")
        calls = "trace=execve,fork,vfork,clone,?clone3"
        self.prefix = [strace, "-f", "-qq", "-o", str(self._log), "-e", calls]
        if subprocess.run([*self.prefix, "true"], capture_output=True).returncode != 0:
            pytest.skip("NOT TESTED: strace may not be used here")
        # In a new HOME, fish starts a process that makes these in the background.
        (user.home / ".local/share/fish/generated_completions").mkdir(parents=True)
        super().__init__(name, user, **options)

    def count_processes(self) -> int:
        """Return how many the shell, and what it started, has started so far."""
        self.run()
        started = re.compile(r"\b(v?fork|clone3?)\(")
        return sum(
            1
            for line in self._log.read_text(errors="replace").splitlines()
            if started.search(line) and "CLONE_THREAD" not in line
        )


@every_shell
def test_no_process_while_nothing_changes(pyve: Pyve, name: str) -> None:
    folder = make_plain_project(pyve, "some", dotenv="A=1\n")
    (folder / "sub").mkdir()
    unknown = pyve.root / "not trusted"
    shutil.copytree(folder, unknown)
    with TracedShell(name, pyve, setup=hook_line(name)) as shell:
        count = shell.count_processes()
        shell.run("true", "cd /", "cd /tmp", "cd /usr", "true")
        assert shell.count_processes() == count
        shell.cd(folder)
        entered = shell.count_processes()
        assert entered > count
        shell.run("true", "cd sub", "true", "cd ..", "true", "true")
        assert shell.count_processes() == entered
        assert shell.venv() == str(folder / ".venv")
        shell.cd(unknown)
        count = shell.count_processes()
        shell.run("true", "cd sub", "cd ..", "true")
        assert shell.count_processes() == count
