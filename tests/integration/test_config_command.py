"""pyve config get, set and unset; and whose config counts at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from code_cases import bring, brings, corrects
from pyve_test_helpers import TREE, Pyve, snapshot

from pyve_mcp.headers import read_rooms
from pyve_mcp.tools import make_tools

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
SOMEBODY = 12345


def config(pyve: Pyve) -> str:
    return (pyve.project / ".pyve" / "config").read_text()


def test_values_are_set_got_and_removed(pyve: Pyve) -> None:
    pyve.write(".pyve/config", "# mine\nbackend: venv\n")
    assert pyve.ok("config", "set", "sync.allow_startup", "b", "a") == (
        "✓ sync.allow_startup: b, a\n"
    )
    assert pyve.ok("config", "get", "sync.allow_startup") == "b\na\n"
    pyve.ok("config", "set", "store", "off")
    pyve.ok("config", "set", "sync.only_binary", "true")
    assert config(pyve).startswith("# mine\nbackend: venv\n")
    assert pyve.json("config", "get", "store")["detail"] == {"key": "store", "value": "off"}
    assert pyve.json("config")["detail"]["values"]["sync.allow_startup"] == "b\na"
    pyve.ok("config", "unset", "sync.allow_startup")
    pyve.ok("config", "unset", "sync.only_binary")
    assert pyve.ok("config", "unset", "sync.only_binary").startswith("INFO: The config does not")
    pyve.ok("config", "unset", "store")
    assert config(pyve) == "# mine\nbackend: venv\n"


def test_a_fix_works_where_there_is_no_config_yet(pyve: Pyve) -> None:
    pyve.ok("config", "set", "sync.allow_startup", "coverage")
    assert config(pyve) == "sync:\n  allow_startup:\n    - coverage\n"
    assert not (pyve.project / ".pyve" / "lock").is_symlink()


@brings("E_CONFIG_KEY")
def test_a_key_that_there_is_not(pyve: Pyve) -> None:
    wrong = ["config", "set", "sync.allow_startups", "a"]
    corrects(pyve, "E_CONFIG_KEY", *wrong, fix="pyve config set sync.allow_startup a")
    assert "allow_startup:\n    - a\n" in config(pyve)


@brings("E_CONFIG_UNSET")
def test_a_key_that_is_not_set(pyve: Pyve) -> None:
    failure = bring(pyve, "E_CONFIG_UNSET", "config", "get", "store")
    failure.by_hand("the default")
    pyve.ok("config", "set", "store", "off")
    failure.check_gone()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["set", "store", "of"], "E_CONFIG_VALUE"),
        (["set", "store", "on", "off"], "E_USAGE_ARGUMENT"),
        (["set", "store"], "E_USAGE_ARGUMENT"),
        (["set"], "E_USAGE_ARGUMENT"),
        (["get"], "E_USAGE_ARGUMENT"),
        (["get", "store", "backend"], "E_USAGE_ARGUMENT"),
        (["set", "sync", "x"], "E_CONFIG_KEY"),
        (["set", "sync.own", "a", "../x"], "E_CONFIG_VALUE"),
        (["set", "sync.own", "-rf", "--", "-rf"], "E_USAGE_OPTION"),
        (["set", "--", "sync.own", "-rf"], "E_CONFIG_VALUE"),
        (["set", "venv.directory", "../out"], "E_CONFIG_VALUE"),
        (["set", "prompt.format", "a\nbackend: x"], "E_CONFIG_VALUE"),
        (["sat", "store", "off"], "E_USAGE_ARGUMENT"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    pyve: Pyve, words: list[str], code: str
) -> None:
    pyve.write(".pyve/config", "backend: venv\n")
    before = snapshot(pyve.project)
    pyve.fails("config", *words, code=code)
    assert snapshot(pyve.project) == before


def test_agents_may_get_and_not_set() -> None:
    tool = make_tools(read_rooms(TREE / "lib" / "commands"))["config"]
    (action,) = (one for one in tool.parameters if one.name == "action")
    assert action.schema["enum"] == ["get"]


def test_a_project_that_the_hook_may_enter_stays_one(pyve: Pyve) -> None:
    pyve.init("--yes")
    pyve.ok("config", "set", "store", "off")
    assert "not trusted" not in pyve("hook", "status").stderr
    pyve.write(".pyve/config", config(pyve) + "# by hand\n")
    pyve.ok("config", "set", "store", "on")


# --- whose config it is


def give(path: Path, user: int) -> None:
    """Give a file to a user, and not what a link points to."""
    os.chown(path, user, -1, follow_symlinks=False)


@ROOT
@brings("E_CONFIG_UNSAFE")
@pytest.mark.parametrize("name", [".pyve", ".pyve/config"])
def test_a_project_of_another_user_is_used_only_by_leave(pyve: Pyve, name: str) -> None:
    pyve.write(".pyve/config", "backend: venv\n")
    give(pyve.project / name, SOMEBODY)
    failure = bring(pyve, "E_CONFIG_UNSAFE", "config").says(str(SOMEBODY), "you are 0")
    assert failure.fixes[0].text.startswith("env PYVE_SAFE_DIRECTORY=")
    failure.apply()
    pyve.env["PYVE_SAFE_DIRECTORY"] = f"/nowhere:{pyve.project}"
    failure.check_gone()
    for allowed in ("*", f"{pyve.root}/*", f"{pyve.project}/"):
        pyve.env["PYVE_SAFE_DIRECTORY"] = allowed
        pyve.ok("config")
    for other in ("", f"{pyve.project}x", f"{pyve.root}", "/nowhere/*", f"{pyve.project}/sub"):
        pyve.env["PYVE_SAFE_DIRECTORY"] = other
        pyve.fails("config", code="E_CONFIG_UNSAFE")
    # Who calls root by sudo is root for this.
    pyve.env["SUDO_UID"] = str(SOMEBODY)
    pyve.ok("config")
    pyve.env["SUDO_UID"] = str(SOMEBODY + 1)
    pyve.fails("config", code="E_CONFIG_UNSAFE")


@ROOT
def test_every_command_that_uses_a_project_refuses_it(pyve: Pyve) -> None:
    pyve.init("--yes")
    pyve.write("x.py", "")
    give(pyve.project / ".pyve" / "config", SOMEBODY)
    (pyve.project / "sub").mkdir()
    before = snapshot(pyve.project)
    for words in (
        *([], ["status"], ["run", "true"], ["sync"], ["lock"], ["add", "x"], ["purge", "--yes"]),
        *(["init"], ["doctor"], ["test"], ["shell"], ["mcp", "--root", "."], ["prefetch", "d"]),
    ):
        said = pyve(*words)
        assert said.returncode == 1, words
        assert said.stderr.count("ERROR") == 1, f"{words}: {said.stderr}"
        assert "[E_CONFIG_UNSAFE]" in said.stderr, words
    for words in (["-C", str(pyve.project / "sub"), "run", "true"], ["run", "true"]):
        assert "[E_CONFIG_UNSAFE]" in pyve(*words, cwd=pyve.project / "sub").stderr
    # A folder given behind the command is looked at as well.
    assert "[E_CONFIG_UNSAFE]" in pyve("status", "-C", str(pyve.project), cwd=pyve.root).stderr
    assert snapshot(pyve.project) == before
    for words in (["help"], ["version"], ["explain", "E_CONFIG_UNSAFE"], ["self"]):
        pyve.ok(*words)
    # init never looks above its folder.
    shutil.rmtree(pyve.project / ".venv")
    pyve.ok("init", "--yes", "--no-direnv", cwd=pyve.project / "sub")


@ROOT
def test_an_environment_of_another_user_is_not_entered(pyve: Pyve) -> None:
    pyve.init("--yes")
    pyve.ok("run", "true")
    give(pyve.project / ".venv", SOMEBODY)
    for words in (["run", "true"], ["test"], ["shell"]):
        assert "[E_CONFIG_UNSAFE]" in pyve(*words).stderr
    pyve.env["PYVE_SAFE_DIRECTORY"] = str(pyve.project)
    pyve.ok("run", "true")


@brings("E_CONFIG_UNSAFE")
@pytest.mark.parametrize("name", [".pyve", ".pyve/config"])
def test_what_everybody_can_write_is_not_used(pyve: Pyve, name: str) -> None:
    pyve.write(".pyve/config", "backend: venv\n")
    path = pyve.project / name
    path.chmod(path.stat().st_mode | 0o002)
    pyve.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "me"\npackages = []\n')
    before = snapshot(pyve.project)
    pyve.fails("sync", code="E_CONFIG_UNSAFE")
    assert snapshot(pyve.project) == before
    failure = bring(pyve, "E_CONFIG_UNSAFE", "config").says("everybody", name)
    assert failure.fixes[0].text.startswith("chmod o-w ")
    failure.apply()
    failure.check_gone()
    # A group may: many have one for each user, or one for a team.
    path.chmod(path.stat().st_mode | 0o020)
    failure.check_gone()


def test_a_folder_with_the_sticky_bit_may_be_for_all(pyve: Pyve) -> None:
    pyve.write(".pyve/config", "backend: venv\n")
    (pyve.project / ".pyve").chmod(0o1777)
    pyve.ok("config")
