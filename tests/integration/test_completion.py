"""Completion in real bash, zsh and fish on a real terminal, after a real installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from pyve_test_helpers import TREE, Pyve, find_program
from shells import SHELLS, find_shell
from terminal import Terminal

READY = "READY>"
every_shell = pytest.mark.parametrize("name", SHELLS)
with_descriptions = pytest.mark.parametrize("name", ["zsh", "fish"])

# The user's own start-up files, without what differs from machine to machine. Candidates are
# listed at the first Tab.
RC = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
PLAIN = {
    "bash": f"PS1='{READY} '\nbind 'set enable-bracketed-paste off' 2>/dev/null\n"
    "bind 'set show-all-if-ambiguous on'\nbind 'set bell-style none'\n",
    "zsh": f"PS1='{READY} '\nunsetopt prompt_sp prompt_cr list_ambiguous beep\n"
    "unset zle_bracketed_paste\n",
    "fish": "function fish_greeting; end\nfunction fish_title; end\n"
    f"function fish_prompt; printf '%s ' '{READY}'; end\nset -g fish_autosuggestion_enabled 0\n",
}
COMPINIT = "autoload -Uz compinit && compinit -u\n"
BASH_COMPLETION = (
    os.environ.get("PYVE_TEST_BASH_COMPLETION", ""),
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/share/bash-completion/bash_completion",
)


class Line:
    """An interactive shell, and the line that is typed in it."""

    def __init__(self, name: str, user: Pyve, argv: list[str], **env: str) -> None:
        self.name = name
        self.terminal = Terminal(
            [find_shell(name), *argv],
            env={**user.env, "SHELL": find_shell(name), **env},
            cwd=user.project,
            columns=120,
            rows=40,
        )
        self.terminal.wait_for(READY)

    def _clear(self) -> None:
        """Drop what is typed, and all that is on the screen."""
        # To the end of the line, and all of it away.
        self.terminal.type("\x05\x15clear; echo cle''ared\r")
        self.terminal.wait_until(
            lambda: [line for line in self.terminal.visible if line] == ["cleared", READY],
            what="a clear screen",
        )

    @property
    def typed(self) -> str:
        """The line as it stands, with its blanks at the end, as far as the cursor has come."""
        for row, text in reversed(list(enumerate(self.terminal.visible))):
            if text.startswith(READY):
                line = text[len(READY) + 1 :]
                cursor_row, column = self.terminal.cursor
                return line.ljust(column - len(READY) - 1) if cursor_row == row else line
        return ""

    def complete(self, start: str, expected: str) -> None:
        """Type the beginning of a line and Tab; the line then is ``expected``."""
        self._clear()
        self.terminal.type(start + "\t")
        self.terminal.wait_until(lambda: self.typed == expected, what=f"{start!r} -> {expected!r}")

    def list(self, start: str, *parts: str) -> str:
        """Type the beginning of a line and Tab; all the parts are then on the screen. Return it."""
        self._clear()
        self.terminal.type(start + "\t")
        self.terminal.wait_until(
            lambda: all(part in "\n".join(self.terminal.visible) for part in parts),
            what=f"{parts} below {start!r}",
        )
        return "\n".join(self.terminal.visible)

    def stay(self, start: str) -> None:
        """Type the beginning of a line and Tab; nothing changes, and nothing is said."""
        self._clear()
        self.terminal.type(start + "\tx")
        self.terminal.wait_until(lambda: self.typed == f"{start}x", what=f"{start!r} and x")
        said = [line for line in self.terminal.visible if line and not line.startswith(READY)]
        assert said == ["cleared"]

    def run(self, command: str) -> None:
        """Run a command, and wait for its end."""
        self._clear()
        self.terminal.type(command + "; echo en''ded\r")
        self.terminal.wait_for("\nended")


Open = Callable[..., Line]


@pytest.fixture
def user(make_pyve: Callable[[str], Pyve]) -> Pyve:
    """A user with a project in which there is much to complete, and no Python that may start."""
    user = make_pyve("my project")
    user.remove_pythons()
    trap = f"#!/bin/sh\nprintf '%s\\n' \"$0 $*\" >>'{user.root}/started'\n"
    for name in ("python", "python3", "python3.10", "pyenv", "asdf", "mise", "uv", "direnv"):
        user.add_program(name, trap)
    for version in ("3.12.99", "3.13.98"):
        folder = user.home / ".pyenv/versions" / version / "bin"
        folder.mkdir(parents=True)
        (folder / "python3").write_text(trap)
        (folder / "python3").chmod(0o755)
    for name in (".venv", "my env", 'it\'s "$x" é', "colon:a"):
        user.write(f"{name}/pyvenv.cfg", "home = /usr/bin\nversion = 3.12.99\n")
    for name in ("tool-one", "tool-two"):
        user.write(f".venv/bin/{name}", trap).chmod(0o755)
    user.write(".pyve/config", "backend: venv\nvenv:\n  directory: .venv\n")
    user.write("requirements of me.txt", "")
    user.write("sub folder/inner.txt", "")
    return user


@pytest.fixture
def open_line(user: Pyve) -> Iterator[Open]:
    """Installs Pyve as a user of a shell does, and opens that shell."""
    opened: list[Line] = []

    def open_shell(
        name: str,
        before: str | None = None,
        after: str = "",
        *,
        installed: bool = True,
        **env: str,
    ) -> Line:
        """Open the shell.

        Args:
            name: bash, zsh or fish.
            before: lines of the start-up file before Pyve's; what makes completion work in a
                zsh, if it is None.
            after: lines after Pyve's.
            installed: whether Pyve is installed first.
            env: more environment variables.
        """
        program = find_shell(name)
        rc = user.home / RC[name]
        rc.parent.mkdir(parents=True, exist_ok=True)
        if before is None:
            before = COMPINIT if name == "zsh" else ""
        rc.write_text(PLAIN[name] + before)
        if installed:
            user.ok("self", "install", SHELL=program)
        with rc.open("a") as file:
            file.write(after)
        argv = {"bash": ["--noprofile", "-i"], "zsh": ["-d", "-i"], "fish": ["-i"]}[name]
        opened.append(Line(name, user, argv, **env))
        return opened[-1]

    yield open_shell
    for line in opened:
        line.terminal.close()


def started(user: Pyve) -> list[str]:
    """Return the command lines of the programs that should not have been started."""
    file = user.root / "started"
    lines = file.read_text().splitlines() if file.exists() else []
    # What fish does of its own accord in a new HOME.
    return [line for line in lines if "create_manpage_completions" not in line]


def quoted(name: str, text: str) -> str:
    """Return the text as the shell's completion writes it: with backslashes."""
    return "".join(f"\\{char}" if char in " '\"$" else char for char in text)


@every_shell
def test_words_are_completed_and_no_python_is_started(
    user: Pyve, open_line: Open, name: str
) -> None:
    line = open_line(name)
    blank = quoted(name, "requirements of me.txt")
    for start, expected in (
        ("pyve ini", "pyve init "),
        ("pyve -q --json doc", "pyve -q --json doctor "),
        ("pyve -C .. ini", "pyve -C .. init "),
        ("pyve -C sub", "pyve -C sub\\ folder/"),
        ("pyve --verb", "pyve --verbose "),
        ("pyve init --backe", "pyve init --backend "),
        ("pyve init --backend mic", "pyve init --backend micromamba "),
        ("pyve init --backend=mic", "pyve init --backend=micromamba "),
        ("pyve init --python-version 3.12", "pyve init --python-version 3.12.99 "),
        ("pyve purge my", "pyve purge my\\ env "),
        ("pyve help python-", "pyve help python-version "),
        ("pyve hook z", "pyve hook zsh "),
        ("pyve self comp", "pyve self completions "),
        ("pyve testenv --install -r requ", f"pyve testenv --install -r {blank} "),
        ("pyve testenv --requirement=requ", f"pyve testenv --requirement={blank} "),
        ("pyve testenv -r sub\\ folder/i", "pyve testenv -r sub\\ folder/inner.txt "),
        ("pyve test requ", f"pyve test {blank} "),
        ("pyve run tool-o", "pyve run tool-one "),
        ("pyve run tool-one --x requ", f"pyve run tool-one --x {blank} "),
        ("pyve run -- pyve purge my", "pyve run -- pyve purge my\\ env "),
        ("echo a; pyve doc", "echo a; pyve doctor "),
        ("X=1 pyve doc", "X=1 pyve doctor "),
        ("~/.local/bin/pyve doc", "~/.local/bin/pyve doctor "),
    ):
        line.complete(start, expected)
    assert started(user) == []


@every_shell
def test_names_are_typed_so_that_the_shell_reads_them_back(open_line: Open, name: str) -> None:
    line = open_line(name)
    odd = 'it\'s "$x" é'
    for start in ("pyve purge it", 'pyve purge "it', "pyve purge 'it", "pyve purge i"):
        line._clear()
        line.terminal.type(f"{start}\t")
        line.terminal.wait_until(lambda: "é" in line.typed, what="the name")
        # To the start of the line.
        line.terminal.type("\x01printf '<%s>' \r")
        line.terminal.wait_for(f"<pyve><purge><{odd}>")
    colon = "colon\\:a" if name == "zsh" else "colon:a"
    line.complete("pyve purge col", "pyve purge colon:a ")
    line.complete("pyve purge colon:", "pyve purge colon:a ")
    assert colon.replace("\\", "") in line.typed
    # In the middle of a line.
    line._clear()
    line.terminal.type("pyve ini -q\x1b[D\x1b[D\x1b[D\t")
    line.terminal.wait_until(lambda: line.typed.split() == ["pyve", "init", "-q"], what="init -q")


@with_descriptions
def test_descriptions_are_on_the_screen(open_line: Open, name: str) -> None:
    line = open_line(name)
    line.list("pyve in", "Make the project's environment", "Install Pyve for this user")
    line.list("pyve init --", "Install requirements*.txt and the project itself")
    line.list("pyve init --backend=", "A conda environment, made by micromamba")
    screen = line.list("pyve init --python-version 3", "3.12.99", "3.13.98", "pyenv")
    assert screen.index("3.13.98") < screen.index("3.12.99")
    line.list("pyve purge ", "my env", "Python 3.12.99")
    line.list("pyve run ", "tool-one", "tool-two", ".venv/bin")


def test_bash_lists_the_candidates_in_the_order_of_the_answer(open_line: Open) -> None:
    line = open_line("bash")
    screen = line.list("pyve init --python-version 3", "3.12.99", "3.13.98")
    assert "pyenv" not in screen
    version = subprocess.run(["bash", "-c", "echo $BASH_VERSION"], capture_output=True, text=True)
    if tuple(map(int, version.stdout.split(".")[:2])) >= (4, 4):
        assert screen.index("3.13.98") < screen.index("3.12.99")
    line.list("pyve run ", "tool-one", "tool-two")


def test_zsh_follows_the_rules_of_the_user(open_line: Open) -> None:
    line = open_line("zsh", COMPINIT + "zstyle ':completion:*' matcher-list 'm:{A-Z}={a-z}'\n")
    line.complete("pyve INI", "pyve init ")
    line.complete("pyve init --BACKE", "pyve init --backend ")
    line.complete("pyve init --backend=MIC", "pyve init --backend=micromamba ")


@with_descriptions
def test_after_the_command_the_shell_completes_as_for_that_command(
    open_line: Open, name: str
) -> None:
    own = {
        "zsh": "_tool() { local -a o; o=('--colour:Bright and shiny' --colder:Brr)\n"
        "_describe tool o }\ncompdef _tool tool-one\n",
        "fish": "complete -c tool-one -l colour -d 'Bright and shiny'\n"
        "complete -c tool-one -l colder -d Brr\n",
    }[name]
    line = open_line(name, after=own)
    line.list("pyve run tool-one --col", "Bright and shiny")
    line.complete("pyve -C . run -- tool-one --colo", "pyve -C . run -- tool-one --colour ")


BASH_OWN = """
_tool() {
  if [[ $2 == late* ]]; then complete -F _later tool-one; return 124; fi
  COMPREPLY=($(compgen -W "--colour= $1:$3:${COMP_WORDS[COMP_CWORD]}:$COMP_CWORD" -- "$2"))
}
_later() { COMPREPLY=(later); }
complete -o nospace -F _tool tool-one
"""


def test_after_the_command_bash_completes_as_for_that_command(open_line: Open) -> None:
    line = open_line("bash", after=BASH_OWN)
    line.complete("pyve run tool-one --col", "pyve run tool-one --colour=")
    line.complete(
        "pyve -C . run -- tool-one a b too", "pyve -C . run -- tool-one a b tool-one:b:too:3"
    )
    line.complete("pyve run tool-one late", "pyve run tool-one later ")


@pytest.mark.parametrize("how", ["with our line", "by itself"])
def test_with_bash_completion(user: Pyve, open_line: Open, how: str) -> None:
    script = next((path for path in BASH_COMPLETION if path and os.path.isfile(path)), None)
    if script is None:
        pytest.skip("NOT TESTED: bash-completion is not on this machine")
    # bash-completion 2.11 does not find the files of a user whose HOME has a blank in it.
    home = user.root / "home"
    user.home.rename(home)
    user.home = home
    user.env["HOME"] = str(home)
    after = f". '{script}'\n"
    if how == "by itself":
        after += "complete -r pyve pyve.sh\nunset -f _pyve\n"
    line = open_line("bash", after=after + BASH_OWN)
    line.complete("pyve ini", "pyve init ")
    line.complete("pyve init --backend=mic", "pyve init --backend=micromamba ")
    line.complete("pyve purge colon:", "pyve purge colon:a ")
    line.complete("pyve purge my", "pyve purge my\\ env ")
    line.complete("pyve --json run tool-one --col", "pyve --json run tool-one --colour=")


@pytest.mark.parametrize(
    "settings",
    [
        "set -u",
        "IFS=:; set -f",
        "shopt -s nullglob failglob nocasematch",
        "set -o posix",
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]/}",
        "alias pyve='pyve -q'",
    ],
)
def test_bash_with_other_settings(open_line: Open, settings: str) -> None:
    line = open_line("bash", after=settings + "\n")
    line.complete("pyve ini", "pyve init ")
    line.complete("pyve init --backend=mic", "pyve init --backend=micromamba ")
    line.complete("pyve purge my", "pyve purge my\\ env ")
    line.complete("pyve purge colon:", "pyve purge colon:a ")
    line.complete(
        "pyve testenv --requirement=requ",
        "pyve testenv --requirement=requirements\\ of\\ me.txt ",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (COMPINIT, ""),
        ("", COMPINIT),
        ("", "autoload -Uz compinit && compinit -C\n"),
        (COMPINIT, "setopt ksh_arrays sh_word_split nounset warn_create_global\n"),
        ("setopt ksh_arrays sh_word_split nounset warn_create_global\n", COMPINIT),
    ],
    ids=["before", "after", "with an old dump", "odd options", "odd options first"],
)
def test_zsh_knows_pyve_wherever_compinit_runs(
    user: Pyve, open_line: Open, before: str, after: str
) -> None:
    user.execute(find_shell("zsh"), "-f", "-c", COMPINIT)
    assert (user.home / ".zcompdump").exists()
    line = open_line("zsh", before, after)
    line.complete("pyve ini", "pyve init ")
    line.complete("pyve init --backend=mic", "pyve init --backend=micromamba ")
    line.complete("pyve purge my", "pyve purge my\\ env ")


def test_zsh_without_compinit_is_left_alone(open_line: Open) -> None:
    line = open_line("zsh", "")
    line.stay("pyve ini")
    # It may come later.
    line.run(COMPINIT.strip())
    line.complete("pyve ini", "pyve init ")


@every_shell
def test_the_completion_that_a_user_has_already_stays(
    user: Pyve, open_line: Open, name: str
) -> None:
    own = {
        "bash": "complete -W mine pyve\n",
        "zsh": COMPINIT + "_mine() { compadd mine }; compdef _mine pyve\n",
        "fish": "",
    }[name]
    if name == "fish":
        folder = user.home / ".config/fish/completions"
        folder.mkdir(parents=True)
        (folder / "pyve.fish").write_text("complete -c pyve -f -a mine\n")
    line = open_line(name, own)
    line.complete("pyve m", "pyve mine ")


@every_shell
def test_printed_completions_work_without_an_installation(
    user: Pyve, open_line: Open, name: str
) -> None:
    program = TREE / "pyve.sh"
    user.add_program("pyve", f"#!/bin/sh\nexec '{program}' \"$@\"\n")
    load = {
        "bash": "source <(pyve self completions bash)\n",
        "zsh": COMPINIT + "source <(pyve self completions zsh)\n",
        "fish": "pyve self completions fish | source\n",
    }[name]
    line = open_line(name, load, installed=False)
    line.complete("pyve ini", "pyve init ")
    line.complete("pyve init --backend=mic", "pyve init --backend=micromamba ")


def test_zsh_reads_the_printed_completions_from_fpath(user: Pyve, open_line: Open) -> None:
    user.add_program("pyve", f"#!/bin/sh\nexec '{TREE / 'pyve.sh'}' \"$@\"\n")
    folder = user.home / "functions"
    folder.mkdir()
    (folder / "_pyve").write_text(user.ok("self", "completions", "zsh"))
    line = open_line("zsh", f"fpath=('{folder}' $fpath)\n" + COMPINIT, installed=False)
    line.complete("pyve ini", "pyve init ")
    line.complete("pyve purge my", "pyve purge my\\ env ")


def test_fish_reads_the_link_in_the_data_folder(user: Pyve, open_line: Open) -> None:
    user.ok("self", "install", SHELL=find_shell("fish"))
    (user.home / ".config/fish/conf.d/pyve.fish").unlink()
    path = f"fish_add_path -g {str(user.home / '.local/bin')!r}\n"
    line = open_line("fish", path, installed=False)
    line.complete("pyve init --backe", "pyve init --backend ")


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_the_pyve_that_is_typed_is_asked(user: Pyve, open_line: Open, name: str) -> None:
    tree = user.project / "checkout"
    tree.mkdir()
    shutil.copytree(TREE / "lib", tree / "lib")
    shutil.copy2(TREE / "pyve.sh", tree)
    (tree / "lib/commands/zebra.sh").write_text(
        "# Summary: Be striped\n# Group: Agents\n# Usage: pyve zebra\n\ncmd_zebra() { :; }\n"
    )
    line = open_line(name)
    line.complete("checkout/pyve.sh zeb", "checkout/pyve.sh zebra ")
    line.stay("pyve zeb")


@every_shell
def test_after_uninstall_an_open_shell_is_quiet(user: Pyve, open_line: Open, name: str) -> None:
    loaded, fresh = open_line(name), open_line(name)
    loaded.complete("pyve ini", "pyve init ")
    user.ok("self", "uninstall", "--yes")
    for line in (loaded, fresh):
        line.stay("pyve ini")
        line.stay("pyve init --backend=")


@every_shell
def test_no_process_when_a_shell_starts(user: Pyve, name: str) -> None:
    program = find_shell(name)
    strace = find_program("strace")
    if not sys.platform.startswith("linux") or strace is None:
        pytest.skip("NOT TESTED: strace is not on this machine")
    rc = user.home / RC[name]
    counts = []
    for installed in (False, True):
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text(COMPINIT if name == "zsh" else "")
        if installed:
            user.ok("self", "install", SHELL=program)
        for _ in range(2):
            # Once before, for what a shell does at its very first start.
            trace = user.root / "trace"
            argv = [strace, "-f", "-qq", "-e", "trace=process", "-o", trace, program]
            argv += {"bash": ["--noprofile"], "zsh": ["-d"], "fish": []}[name]
            user.execute(*argv, "-i", "-c", "true")
            text = trace.read_text(errors="replace")
        counts.append(
            sum(
                "execve(" in row or ("clone" in row and "CLONE_VM" not in row)
                for row in text.splitlines()
            )
        )
    assert counts[0] == counts[1]


def test_man_finds_the_page(user: Pyve) -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("NOT TESTED: man is not on this machine")
    user.ok("self", "install")
    path = f"{user.home}/.local/bin:/usr/bin:/bin"
    found = user.execute(man, "-w", "pyve", PATH=path)
    page = user.home / ".local/share/man/man1/pyve.1"
    assert page.is_symlink() and page.samefile(found.stdout.strip()), found.stderr
    shown = user.execute(man, "pyve", PATH=path, MANPAGER="cat", MANWIDTH="80")
    assert "SYNOPSIS" in shown.stdout
