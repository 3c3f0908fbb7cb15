"""The shell hook in shells with odd settings, and with projects that have odd names and values."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from pyve_test_helpers import Pyve
from shells import READY, SHELLS, Shell, hook_line, make_plain_project, quote

every_shell = pytest.mark.parametrize("name", SHELLS)


# --- odd shells


SETTINGS = {
    "bash": [
        "set -eu",
        "IFS=/e.; shopt -s extglob nocasematch nullglob failglob; set -f",
        "set -o noclobber; shopt -u sourcepath promptvars; set -o posix; CDPATH=/",
        "set -a; PROMPT_COMMAND+=(true 'true;')",
        "PROMPT_COMMAND+=$'\\ntrue; '; set -T; trap 'true' DEBUG ERR RETURN",
    ],
    "zsh": [
        "setopt errexit nounset",
        "setopt ksharrays shwordsplit globsubst kshglob nullglob",
        "setopt noclobber errreturn noequals posixbuiltins warncreateglobal",
        "IFS=/e.; setopt nocasematch cshnullglob rcquotes; CDPATH=/",
        "setopt sh_glob ignore_braces posix_identifiers allexport",
        "unsetopt bare_glob_qual multibyte function_argzero",
        "function TRAPZERR { true }; setopt typeset_silent pipefail",
    ],
    "fish": ["set -g IFS /e.; set -g CDPATH /; set -g status_noted 1"],
}


@pytest.mark.parametrize(
    ("name", "setting"), [(name, text) for name, texts in SETTINGS.items() for text in texts]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_shells_settings_do_not_matter(pyve: Pyve, name: str, setting: str, when: str) -> None:
    folder = make_plain_project(pyve, "Some.where's else", dotenv="A='b  c'\nB=*\n")
    lines = [setting + "\n", hook_line(name)]
    setup = "".join(lines if when == "before" else reversed(lines))
    with Shell(name, pyve, setup=setup) as shell:
        before = shell.environment()
        shell.cd(folder)
        assert shell.venv() == str(folder / ".venv")
        there = shell.environment()
        assert there[b"A"] == b"b  c"
        assert there[b"B"] == b"*"
        shell.run("cd /")
        after = shell.environment()
        # With allexport, the hook's own variables are exported, too.
        assert {key: after[key] for key in after if b"_pyve" not in key} == {
            key: before[key] for key in before if b"_pyve" not in key
        }
        assert shell.said() == []


@pytest.mark.parametrize(
    ("name", "setting"), [("bash", "shopt -s nocasematch\n"), ("zsh", ""), ("fish", "")]
)
def test_a_change_of_case_is_a_change(pyve: Pyve, name: str, setting: str) -> None:
    folder = make_plain_project(pyve, "some", dotenv="A=x\n")
    with Shell(name, pyve, setup=setting + hook_line(name), cwd=folder) as shell:
        assert shell.environment()[b"A"] == b"x"
        stamp = pyve.home / ".local/state/pyve/trust/stamp"
        kept = stamp.read_text()
        # The shell sees all of it at once, and not a file that nobody trusts yet.
        os.kill(shell.pid, signal.SIGSTOP)
        (folder / ".env").write_text("A=X\n")
        pyve.ok("hook", "--trust", cwd=folder)
        # Only the case has changed.
        stamp.write_text(kept)
        os.kill(shell.pid, signal.SIGCONT)
        shell.run("true")
        assert shell.environment()[b"A"] == b"X"


@every_shell
def test_the_status_of_the_last_command_survives(pyve: Pyve, name: str) -> None:
    pyve.init()
    setup = {
        "bash": "PROMPT_COMMAND='seen+=\" $?\"'\n",
        "zsh": 'function note_status { seen+=" $?" }; precmd_functions+=(note_status)\n',
        "fish": f"function fish_prompt; set -ga seen $status; printf '{READY} '; end\n",
    }[name]
    show = "echo $seen" if name == "fish" else 'echo "$seen"'
    fail = "sh -c 'exit 7'"
    with Shell(name, pyve, setup=setup + hook_line(name)) as shell:
        # The hook enters at this prompt.
        shell.type(f"cd {quote(name, pyve.project)}; {fail}\r")
        shell.run("echo status=$?" if name == "bash" else "echo status=$status", show)
        assert "status=7" in shell.said()
        assert "7" in shell.said()[-1].split()


# --- odd projects


NAMES = [
    "two  words",
    "it's",
    'say "hi"',
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "!wow !!",
    "-dash",
    "ünï ☃",
    "back\\slash",
    "$HOME ${x}",
    "100% %s %n %{",
    "two\nlines\n",
    "tab\tand \x1b[31mred",
    "*?[a]",
    "~",
    "#hash",
    "{a,b}",
    "\\",
    "(x)",
]


@every_shell
def test_projects_of_any_name_are_entered_and_left(pyve: Pyve, name: str) -> None:
    folders = [make_plain_project(pyve, text) for text in NAMES]
    # Not every name can be typed.
    go = "read -z x <folder; cd -- $x"
    if name != "fish":
        go = 'x=$(cat folder; echo x); cd -- "${x%x}"'
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.root) as shell:
        before = shell.environment()
        for text, folder in zip(NAMES, folders):
            (pyve.root / "folder").write_text(str(folder))
            shell.run(go, "true")
            there = shell.environment()
            assert there[b"VIRTUAL_ENV"] == os.fsencode(folder / ".venv")
            assert there[b"PYVE_ENV_NAME"] == os.fsencode(text)
            shown = "".join(char for char in text if char.isprintable())
            assert shell.prompt() == f"(venv:{shown}) "
            shell.run("cd ..")
            assert shell.environment() == before, text
    assert not list(pyve.root.rglob("pwned"))


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "\\'; touch pwned; \\'",
    '"; touch pwned; "',
    "\nx=1; touch pwned\n",
    "(touch pwned)",
    "\x1b]0;title\x07",
    "%(#.$(touch pwned).$(touch pwned))",
    "${(e):-$(touch pwned)}",
    "\\$(touch pwned)",
]


def make_hostile_project(user: Pyve, name: str, text: str) -> Path:
    """Make a project that has the text wherever a value may be."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    dotenv = f"A='{text}'\nB=\"{text}\"\nexport C={text}\n"
    config = f'prompt:\n  format: "{escaped}"\nname: "{escaped}"\n'
    return make_plain_project(user, name, dotenv=dotenv, config=config)


@every_shell
def test_what_a_project_says_is_never_executed(pyve: Pyve, name: str) -> None:
    folders = [
        make_hostile_project(pyve, f"hostile {number}", text) for number, text in enumerate(HOSTILE)
    ]
    with Shell(name, pyve, setup=hook_line(name), cwd=pyve.root) as shell:
        for folder in folders:
            shell.cd(folder)
            assert shell.venv() == str(folder / ".venv")
        shell.run("cd /")
        assert "\x1b]0;title" not in shell.raw
    assert not list(pyve.root.rglob("pwned"))


@every_shell
def test_a_project_that_changes_path_and_home_is_left_again(pyve: Pyve, name: str) -> None:
    """What a project sets does not lead Pyve itself to other programs, or to other records."""
    odd = make_plain_project(
        pyve,
        "odd",
        dotenv="PATH=/nowhere\nHOME=/nowhere/home\nXDG_STATE_HOME=/nowhere/state\nA=1\n",
    )
    plain = make_plain_project(pyve, "plain")
    with Shell(name, pyve, setup=hook_line(name)) as shell:
        before = shell.environment()
        shell.cd(odd)
        there = shell.environment()
        assert there[b"PATH"] == b"/nowhere"
        assert there[b"HOME"] == b"/nowhere/home"
        shell.cd(plain)
        assert shell.venv() == str(plain / ".venv")
        assert shell.environment()[b"HOME"] == before[b"HOME"]
        shell.cd(odd)
        assert shell.environment() == there
        (odd / ".env").write_text("PATH=/elsewhere\n")
        shell.run("true")
        assert shell.environment() == before
        pyve.ok("hook", "--trust", cwd=odd)
        shell.run("true")
        assert shell.environment()[b"PATH"] == b"/elsewhere"
        shell.run("cd /")
        assert shell.environment() == before
        assert len(shell.said()) == 1


SPECIAL = (
    "status argv pipestatus path cdpath fpath manpath psvar options functions history hostname "
    "version umask fish_pid FISH_VERSION fish_user_paths USERNAME GID EGID HISTCMD TTY LINES "
    "COLUMNS HISTSIZE ZSH_VERSION BASH_VERSION PPID IFS PS2 PS4 FUNCNAME signals watch words "
    "precmd_functions"
)


@every_shell
def test_names_that_mean_something_to_the_shell_do_no_harm(pyve: Pyve, name: str) -> None:
    lines = "".join(f"{word}=x\n" for word in SPECIAL.split())
    special = make_plain_project(pyve, "special", dotenv=f"{lines}LAST=1\n")
    with Shell(name, pyve, setup=hook_line(name)) as shell:
        before = shell.environment()
        shell.run("id -u")
        shell.cd(special)
        there = shell.environment()
        assert there[b"LAST"] == b"1"
        assert there[b"PATH"].endswith(before[b"PATH"])
        assert os.fsencode(special / ".venv/bin") in there[b"PATH"].split(b":")
        shell.run("id -u", "cd /")
        assert shell.environment() == before
        # Assigning USERNAME would make another user of a root's zsh.
        assert shell.said() == [str(os.getuid())] * 2
