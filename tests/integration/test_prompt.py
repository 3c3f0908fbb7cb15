"""The environment in front of the prompt, as a person sees it: bash, zsh and fish on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyve_test_helpers import TREE, Pyve, find_program
from shells import READY, SHELLS, Shell, direnv_line, hook_line, make_project, quote

every_shell = pytest.mark.parametrize("name", SHELLS)


def installed_line(name: str) -> str:
    """Return the line that ``pyve self install`` writes into a start-up file, in effect."""
    return f"source {quote(name, TREE / 'lib/shell' / f'init.{name}')}\n"


# What may be in a start-up file, in any order.
WAYS = {
    "hook": lambda name: hook_line(name),
    "hook, installed": lambda name: hook_line(name) + installed_line(name),
    "installed, hook": lambda name: installed_line(name) + hook_line(name),
    "installed, direnv": lambda name: installed_line(name) + direnv_line(name),
    "direnv, installed": lambda name: direnv_line(name) + installed_line(name),
    "all": lambda name: installed_line(name) + direnv_line(name) + hook_line(name),
    "all, turned round": lambda name: hook_line(name) + direnv_line(name) + installed_line(name),
}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A user with projects that differ in what their config says about the prompt."""
    root = tmp_path_factory.mktemp("prompt")
    pyve = Pyve(root, template_cache)
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    for name, config in {
        "plain": "",
        "formatted": 'prompt:\n  format: "[{env_name} by {backend}]"\n',
        "hidden": "prompt:\n  show: false\n",
        "100% $(touch pwned) \\w": 'prompt:\n  format: "`{env_name}`!"\n',
    }.items():
        # direnv fails in folders whose name has a $.
        direnv = ("--no-direnv",) if "$" in name else ("--allow",)
        make_project(pyve, name, *direnv, config=config)
    yield pyve
    shutil.rmtree(root, ignore_errors=True)


@every_shell
@pytest.mark.parametrize("way", WAYS)
def test_the_prefix_is_shown_once_and_goes(user: Pyve, name: str, way: str) -> None:
    with Shell(name, user, setup=WAYS[way](name), env={"DIRENV_LOG_FORMAT": ""}) as shell:
        assert shell.prompt() == ""
        shell.cd(user.root / "plain")
        assert shell.prompt() == "(venv:plain) "
        shell.run("true", "cd .venv")
        assert shell.prompt() == "(venv:plain) "
        shell.cd(user.root / "formatted")
        assert shell.prompt() == "[formatted by venv] "
        shell.cd(user.root / "hidden")
        assert shell.prompt() == ""
        assert b"VIRTUAL_ENV" in shell.environment()
        shell.cd(user.root / "plain")
        assert shell.prompt() == "(venv:plain) "
        shell.run("cd /")
        assert shell.prompt() == ""


@every_shell
def test_a_prefix_is_shown_as_it_is(user: Pyve, name: str) -> None:
    folder = user.root / "100% $(touch pwned) \\w"
    with Shell(name, user, setup=hook_line(name), cwd=folder) as shell:
        assert shell.prompt() == "`100% $(touch pwned) \\w`! "
    assert not list(user.root.rglob("pwned"))


@every_shell
def test_other_backends_are_shown_by_the_variable(user: Pyve, name: str) -> None:
    put = "set -gx {} {}" if name == "fish" else "export {}={}"
    with Shell(name, user, setup=installed_line(name)) as shell:
        shell.run(put.format("PYVE_PROMPT_PREFIX", "'(micromamba:data) '"))
        assert shell.prompt() == "(micromamba:data) "


@pytest.mark.parametrize(
    ("name", "other"),
    [(name, other) for name in SHELLS for other in ("VIRTUAL_ENV_DISABLE_PROMPT", "starship")]
    + [("zsh", "powerlevel10k")],
)
def test_the_prefix_stays_away_where_it_is_not_wanted(user: Pyve, name: str, other: str) -> None:
    """starship and powerlevel10k show VIRTUAL_ENV_PROMPT by themselves."""
    env = {}
    setup = ""
    if other == "VIRTUAL_ENV_DISABLE_PROMPT":
        env[other] = "1"
    elif other == "starship":
        # As `starship init` has it, with a prompt that shows what starship would.
        put = "set -gx STARSHIP_SHELL fish" if name == "fish" else f"STARSHIP_SHELL={name}"
        setup = f"{put}\n"
    else:
        setup = "p10k() { true }\n"
    shown = {
        "bash": f"PS1='via $VIRTUAL_ENV_PROMPT {READY} '\n",
        "zsh": f"setopt prompt_subst; PS1='via $VIRTUAL_ENV_PROMPT {READY} '\n",
        "fish": f"function fish_prompt; printf 'via %s {READY} ' \"$VIRTUAL_ENV_PROMPT\"; end\n",
    }[name]
    setup = shown + setup + hook_line(name) + installed_line(name)
    with Shell(name, user, setup=setup, env=env, cwd=user.root / "plain") as shell:
        assert shell.prompt() == "via plain "
        shell.run("cd /")
        assert shell.prompt() == "via  "
