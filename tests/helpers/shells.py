"""Interactive shells for tests: bash, zsh and fish on a terminal, and what is in their environment.

with Shell("zsh", user, setup=hook_line("zsh")) as shell:
    shell.cd(project)
    assert shell.venv() == str(project / ".venv")
    assert shell.prompt() == "(venv:my project) "
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyve_test_helpers import TREE, Pyve, find_program
from terminal import Terminal

if TYPE_CHECKING:
    from typing_extensions import Self

SHELLS = ("bash", "zsh", "fish")
PYVE = TREE / "pyve.sh"
READY = "READY>"

# A prompt that does not depend on the machine, and nothing that would be written to the screen
# besides what commands say.
PLAIN = {
    "bash": f"PS1='{READY} '\nbind 'set enable-bracketed-paste off' 2>/dev/null\n",
    "zsh": f"PS1='{READY} '\nunsetopt prompt_sp prompt_cr\nunset zle_bracketed_paste\n",
    "fish": "function fish_greeting; end\n"
    f"function fish_prompt; printf '%s ' '{READY}'; end\n"
    "function fish_title; end\nset -g fish_autosuggestion_enabled 0\n",
}
START = {
    "bash": [".bashrc", "--noprofile", "--rcfile", "{rc}", "-i"],
    # Without the machine's own /etc/zsh/zshrc.
    "zsh": [".zshrc", "-d", "-i"],
    "fish": [".config/fish/config.fish", "-i"],
}
# What every command changes.
VOLATILE = {b"_", b"PWD", b"OLDPWD"}
# Where the shell leaves notes for the test.
NOTES = b"PYVE_TEST_NOTES"

_numbers = itertools.count()


def find_shell(name: str) -> str:
    """Return the path of a shell; skips, by name, when this machine does not have it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"NOT TESTED: {name} is not on this machine")
    return path


def quote(name: str, text: str | os.PathLike[str]) -> str:
    """Return the text as one word of the shell."""
    text = os.fspath(text)
    if name == "fish":
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"


def hook_line(name: str, program: str | os.PathLike[str] = PYVE) -> str:
    """Return the line of a start-up file that loads Pyve's hook."""
    if name == "fish":
        return f"{quote(name, program)} hook fish | source\n"
    return f'eval "$({quote(name, program)} hook {name})"\n'


def direnv_line(name: str) -> str:
    """Return the line of a start-up file that loads direnv's hook."""
    return "direnv hook fish | source\n" if name == "fish" else f'eval "$(direnv hook {name})"\n'


def parse_environment(data: bytes) -> dict[bytes, bytes]:
    """Return the variables of an ``env -0``, without those that every command changes."""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if entry)
    return {key: value for key, _, value in pairs if key not in VOLATILE}


def write_start_file(name: str, home: Path, setup: str) -> Path:
    """Write the file that the interactive shell reads first."""
    rc = home / START[name][0]
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(PLAIN[name] + setup)
    return rc


def make_project(
    user: Pyve, name: str, *args: str, dotenv: str | bytes = "", config: str = ""
) -> Path:
    """Make a project beside the user's own, with an environment.

    Args:
        user: whose project.
        name: its folder; may have folders above it.
        args: more arguments of ``pyve init``; without any, no .envrc is written.
        dotenv: what its .env holds.
        config: lines to be added to its config, before it is recorded as trusted.
    """
    folder = user.root / name
    folder.mkdir(parents=True)
    if dotenv:
        data = dotenv.encode() if isinstance(dotenv, str) else dotenv
        (folder / ".env").write_bytes(data)
        (folder / ".env").chmod(0o600)
    if config:
        (folder / ".pyve").mkdir()
        (folder / ".pyve/config").write_text(config)
    user.ok("init", *(args or ("--no-direnv",)), *(["--update"] if config else []), cwd=folder)
    return folder


def make_plain_project(
    user: Pyve, name: str, *, dotenv: str | bytes = "", config: str = ""
) -> Path:
    """Make a project that may be entered, but without a real environment: that takes less time."""
    folder = user.root / name
    (folder / ".pyve").mkdir(parents=True)
    (folder / ".pyve/config").write_text("backend: venv\n" + config)
    (folder / ".env").write_bytes(dotenv.encode() if isinstance(dotenv, str) else dotenv)
    user.ok("hook", "--trust", cwd=folder)
    return folder


class Shell(Terminal):
    """An interactive shell on a terminal.

    Attributes:
        name: bash, zsh or fish.
        program: its path.
        prefix: words that the shell is started with.
    """

    prefix: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        user: Pyve,
        *,
        setup: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        argv: Sequence[str] = (),
        columns: int = 400,
    ) -> None:
        """Start the shell as the user.

        Args:
            name: bash, zsh or fish.
            user: whose HOME and variables it has.
            setup: lines of the shell's start-up file.
            cwd: where it starts; the user's HOME by default.
            env: more variables; a name with None is not set.
            argv: what starts it, when not its own program.
            columns: width of the terminal.
        """
        program = find_shell(name)
        rc = write_start_file(name, user.home, setup)
        self.name = name
        self.program = program
        self._notes = user.root / "notes"
        self._notes.mkdir(exist_ok=True)
        self._typed: set[str] = set()
        super().__init__(
            argv or [*self.prefix, program, *(word.format(rc=rc) for word in START[name][1:])],
            env={
                **user.env,
                "SHELL": program,
                NOTES.decode(): str(self._notes),
                **(env or {}),
            },
            cwd=cwd or user.home,
            columns=columns,
        )
        self.wait_for(READY)

    def __enter__(self) -> Self:
        return self

    def run(self, *lines: str) -> None:
        """Type each line, and wait until the prompt after the last one has been worked out."""
        for line in lines:
            self.type(line + "\r")
            self._typed.add(line)
        self._note()

    def cd(self, folder: Path | str) -> None:
        """Go into a folder."""
        self.run(f"cd {quote(self.name, folder)}")

    def environment(self) -> dict[bytes, bytes]:
        """Return what a program sees that is started now."""
        environment = parse_environment(self._note("env", "-0"))
        del environment[NOTES]
        return environment

    def venv(self) -> str:
        """Return the path of the environment that the shell is in, "" for none."""
        environment = self.environment()
        venv = environment.get(b"VIRTUAL_ENV", b"")
        if venv:
            folders = environment[b"PATH"].split(b":")
            assert folders[0] == venv + b"/bin"
            assert folders.count(folders[0]) == 1
        return os.fsdecode(venv)

    def prompt(self) -> str:
        """Return what stands in front of the shell's own prompt."""
        self.run()
        # After the note's command line, only a new prompt ends like this.
        return self.wait_until(self._read_prompt, what="a prompt").removesuffix(READY)

    def said(self) -> list[str]:
        """Return the lines that came onto the screen, without prompts and what was typed."""
        self.run()
        typed = (READY, f"${NOTES.decode()}")
        return [
            line
            for line in self.lines
            if line and line not in self._typed and not any(part in line for part in typed)
        ]

    def _read_prompt(self) -> str | None:
        lines = self.lines
        return lines[-1] if lines and lines[-1].endswith(READY) else None

    def _note(self, program: str = "", option: str = "") -> bytes:
        """Have the shell write what the program says into a new file, and return it."""
        name = f"{os.getpid()}-{next(_numbers)}"
        file, done = self._notes / name, self._notes / f"{name}.done"
        words = f'{find_program(program)} {option} >"$PYVE_TEST_NOTES/{name}"; ' if program else ""
        self.type(f'{words}: >"$PYVE_TEST_NOTES/{name}.done"\r')
        self.wait_until(done.exists, what=f"the end of {words}")
        self.read(0)
        done.unlink()
        if not program:
            return b""
        data = file.read_bytes()
        file.unlink()
        return data
