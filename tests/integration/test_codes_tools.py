"""Each code about tools: brought about, mended, gone."""

from __future__ import annotations

import shlex
from typing import Any

from code_cases import Failure, bring, brings, corrects, mends
from distributions import make_wheel
from pyve_test_helpers import Pyve

MAIN: dict[str, Any] = {
    "files": {"greeter/__init__.py": "__version__ = '1'\ndef main(): print('hello')\n"}
}
DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("greeter", "1.0", commands={"greet": "greeter:main"}, **MAIN),
    make_wheel("greeter", "2.0", commands={"greet": "greeter:main", "bow": "greeter:main"}, **MAIN),
)


def on_path(user: Pyve) -> str:
    return f"{user.env['PATH']}:{user.home}/.local/bin"


@brings("E_TOOL_COMMAND")
def test_the_command_is_called_otherwise(user: Pyve) -> None:
    failure = corrects(
        user,
        "E_TOOL_COMMAND",
        "x",
        "greeter@1",
        "two words",
        fix="pyve x --from greeter@1 greet 'two words'",
    )
    failure.says("greeter brings no command 'greeter'", "it brings: greet")
    user.ok("tool", "install", "greeter@1")
    words = ("tool", "run", "--from", "greeter", "gret", "--json")
    corrects(user, "E_TOOL_COMMAND", *words, fix="pyve tool run --from greeter greet --json")


@brings("E_TOOL_UNKNOWN")
def test_a_tool_that_is_not_installed(user: Pyve) -> None:
    user.env["PATH"] = on_path(user)
    user.ok("tool", "install", "greeter")
    corrects(user, "E_TOOL_UNKNOWN", "tool", "upgrade", "greter", fix="pyve tool upgrade greeter")
    user.ok("tool", "remove", "greeter")
    mends(user, "E_TOOL_UNKNOWN", "tool", "upgrade", "greeter", fix="pyve tool install greeter")


@brings("E_TOOL_LINK", "W_TOOL_LINK", "W_TOOL_PATH")
def test_something_else_is_there(user: Pyve) -> None:
    commands = user.home / ".local/bin"
    commands.mkdir(parents=True)
    for name in ("greet", "bow"):
        (commands / name).write_text("mine\n")
    mends(user, "E_TOOL_LINK", "tool", "install", "greeter<2", PATH=on_path(user))
    failure = bring(user, "W_TOOL_PATH", "tool", "install", "greeter<2")
    (line,) = [why for why in failure.diagnostic["why"] if "export PATH" in why]
    failure.by_hand(str(commands))
    said = user.execute("sh", "-c", f'{line.partition(": ")[2]}; echo "$PATH"').stdout.strip()
    failure.check_gone(PATH=said)
    mends(user, "W_TOOL_LINK", "tool", "install", "greeter", PATH=said)
    assert sorted(path.name for path in commands.iterdir()) == [
        "bow",
        "bow.old",
        "greet",
        "greet.old",
    ]


@brings("W_TOOL_BROKEN")
def test_the_python_of_a_tool_is_gone(user: Pyve) -> None:
    user.ok("tool", "install", "greeter")
    for link in user.home.glob(".local/share/pyve/tools/greeter/venv/bin/python3.*"):
        link.unlink()
        link.symlink_to(user.root / "gone")
    user.init()
    said = user("doctor", "--only", "installed-tools")
    assert said.returncode == 2 and "greeter does not work" in said.stdout + said.stderr
    mends(user, "W_TOOL_BROKEN", "tool", "list", fix="pyve tool upgrade --reinstall greeter")
    assert "1 installed" in user.ok("doctor", "--only", "installed-tools")


@brings("E_CACHE_PLACE")
def test_there_is_no_place(user: Pyve) -> None:
    failure = bring(user, "E_CACHE_PLACE", "x", "greeter@1", HOME="", XDG_CACHE_HOME="")
    failure.says("HOME is not set")
    assert shlex.split(failure.fixes[0].text)[0] == "env"
    again = bring(user, "E_CACHE_PLACE", "tool", "list", HOME="")
    assert isinstance(again, Failure)
    again.check_gone(HOME=str(user.home))
