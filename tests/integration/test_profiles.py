"""Profiles: what each of their parts does to a command, and pyve profile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask

pytestmark = pytest.mark.venv

DISTRIBUTIONS = (make_wheel("alpha", "1.0"), make_wheel("checker", "1.0"))

# What a Python says of itself.
SHOW = (
    "import json, os, sys; print(json.dumps([sys.flags.dev_mode, sys.flags.bytes_warning, "
    "sys.flags.no_user_site, sys.flags.hash_randomization, dict(os.environ), sys.argv, "
    "sys.prefix]))"
)


class Seen:
    """A Python that was run with a profile."""

    def __init__(self, pyve: Pyve, *words: str, command: tuple[str, ...] = (), **env: str) -> None:
        answer = json.loads(pyve.ok("run", *words, *(command or ("python", "-c", SHOW)), **env))
        self.dev, self.bytes, self.no_user, self.random, self.env, self.argv, prefix = answer
        self.prefix = Path(prefix)


def test_the_given_profiles_have_effects_and_the_config_goes_before_them(pyve: Pyve) -> None:
    pyve.init()
    plain = Seen(pyve)
    assert (plain.dev, plain.bytes, plain.no_user, plain.random) == (False, 0, 0, 1)
    dev = Seen(pyve, "--profile", "dev")
    assert (dev.dev, dev.bytes, dev.env["PYVE_PROFILE"]) == (True, 1, "dev")
    assert dev.env["PYTHONUNBUFFERED"] == "1"
    bench = Seen(pyve, PYVE_PROFILE="bench")
    assert (bench.dev, bench.no_user, bench.random) == (False, 1, 0)
    # The option goes before the variable; prod takes the checks back that somebody has set.
    prod = Seen(pyve, "--profile=prod", PYVE_PROFILE="dev", PYTHONDEVMODE="1")
    assert (prod.dev, prod.bytes, prod.env["PYTHONFAULTHANDLER"]) == (False, 0, "1")
    assert prod.prefix == pyve.venv, "a project without groups has one environment"
    assert Seen(pyve, PYVE_PROFILE="").env.keys() - plain.env.keys() == {"PYVE_PROFILE"}
    # A script of the environment gets the flags, too, and one with a name as a program has not.
    pyve.add_console_script("shown", SHOW)
    script = Seen(pyve, "--profile", "dev", command=("shown", "a b"))
    assert (script.dev, script.bytes, script.argv[1:]) == (True, 1, ["a b"])
    assert Path(script.argv[0]).name == "shown"
    (pyve.venv / "bin/shown").write_text(f"#!{pyve.venv}/bin/python3.13t\n{SHOW}\n")
    assert Seen(pyve, "--profile", "dev", command=("shown",)).dev is True
    # A program that is only called like Python is none.
    other = pyve.venv / "bin/python3-config"
    other.write_text('#!/bin/sh\necho "$@"\n')
    other.chmod(0o755)
    assert pyve.ok("run", "--profile", "dev", "python3-config", "--includes") == "--includes\n"
    for key, *values in (
        ("dev.flags", "-X utf8=0"),
        ("dev.env.PYTHONDEVMODE", "0"),
        ("dev.env.EMPTY", "$HOME `x` \\n"),
        ("web.env_file", "deep/web.env"),
        ("web.env.B", "config"),
    ):
        pyve.ok("config", "set", "--", f"run.profiles.{key}", *values)
    pyve.write("deep/web.env", "A=file\nB=file\nC=${A}-$HERE\nPATH=/nowhere\nPYVE_JSON=1\n")
    dev = Seen(pyve, "--profile", "dev")
    assert (dev.bytes, dev.env["EMPTY"]) == (0, "$HOME `x` \\n")
    (pyve.project / "deep/er").mkdir()
    web = pyve.ok(
        *("run", "--profile", "web", "sh", "-c", 'echo "$A $B $C"; command -v python'),
        cwd=pyve.project / "deep/er",
        HERE="caller",
        A="caller",
    )
    assert web == f"file config file-caller\n{pyve.venv}/bin/python\n"
    # A profile belongs to commands; a plain one has nothing of it.
    assert Seen(pyve).env == plain.env


def test_the_groups_of_a_profile_come_from_the_lock_and_the_environment_stays(user: Pyve) -> None:
    groups = '[dependency-groups]\ndev = ["checker"]\n'
    ask(user, "alpha", more=groups)
    user.ok("lock")
    user.ok("sync")
    code = ("-c", "import alpha, importlib.util as u, sys; print(u.find_spec('checker') is None)")
    assert user.ok("run", "python", *code) == "False\n"
    environment = snapshot(user.venv)
    document = json.loads(user("--json", "explain", "run", "--profile", "prod", "python").stdout)
    plan = document["detail"]["plan"]
    assert "made from pylock.toml" in plan["steps"][0]
    # (Where its Python will be is not where PATH has one now.)
    assert plan["program"] is None and plan["interpreter"] is None
    chosen = [
        i["value"] for i in plan["considered"] if i["subject"] == "environment" and i["chosen"]
    ]
    assert chosen == [plan["environment"]["path"]]
    assert not list(user.home.glob(".cache/pyve/environments/*/venv"))
    # What is made on the way is not for everybody to write; the command sees nothing of that.
    inner = "import os; print(oct(os.umask(0)), 'PYVE_AGAIN' in os.environ)"
    words = user.command("run", "--profile", "prod", "python", "-c", inner)
    first = user.execute("sh", "-c", 'umask 0; "$@"', "sh", *words)
    assert (first.returncode, first.stdout) == (0, "0o0 False\n"), first.stderr
    assert user.ok("run", "--profile", "prod", "python", *code) == "True\n"
    (made,) = user.home.glob(".cache/pyve/environments/*/venv")
    files = [made, *(path for path in made.rglob("*") if not path.is_symlink())]
    assert not [path for path in files if path.stat().st_mode & 0o002]
    # The second time there is nothing to be made, and no network.
    again = Seen(user, "--profile", "prod", UV_OFFLINE="1", PIP_NO_INDEX="1")
    assert again.prefix == made == Path(again.env["VIRTUAL_ENV"])
    assert snapshot(user.venv) == environment
    # An environment that has what the profile asks for is taken as it is.
    user.ok("sync", "--no-dev")
    assert Seen(user, "--profile", "prod").prefix == user.venv
    user.ok("config", "set", "run.profiles.dev.groups", "dev")
    assert user.ok("run", "--profile", "dev", "python", *code) == "False\n"


def test_a_profile_may_start_the_command_again_when_files_change(pyve: Pyve) -> None:
    pyve.init()
    pyve.ok("config", "set", "run.profiles.dev.watch", "true")
    plan = json.loads(pyve("--json", "explain", "run", "--profile", "dev", "true").stdout)
    reasons = {item["subject"]: item["value"] for item in plan["detail"]["plan"]["considered"]}
    assert reasons["watch"] == "on"
    # (What watches starts Pyve anew, and says that it does.)
    seen = Seen(pyve, "--profile", "dev", PYVE_WATCHED="1")
    assert seen.dev


def test_profile_list_show_and_diff(pyve: Pyve) -> None:
    before = snapshot(pyve.root)
    assert "bench" in pyve.ok("profile", "list"), "also where there is no project"
    assert snapshot(pyve.root) == before
    pyve.init()
    pyve.ok("config", "set", "run.profiles.dev.env.LOG", "debug")
    pyve.ok("config", "set", "run.profiles.night.groups", "none")
    before = snapshot(pyve.project)
    found = pyve.json("profile", "list", PYVE_PROFILE="night")["detail"]["profiles"]
    assert [(item["name"], item["given"], item["active"]) for item in found] == [
        *[("dev", True, False), ("prod", True, False), ("bench", True, False)],
        ("night", False, True),
    ]
    dev = {item["field"]: (item["value"], item["source"]) for item in found[0]["fields"]}
    assert dev["env.LOG"] == ("debug", "config")
    assert dev["env.PYTHONDEVMODE"] == ("1", "given")
    shown = pyve.ok("profile", "show", "dev").splitlines()
    assert "env.LOG = debug" in shown[2] and shown[2].endswith("(config)")
    assert pyve.json("profile", "show", "night")["detail"]["fields"] == [
        {"field": "groups", "value": "none", "source": "config"}
    ]
    assert pyve.ok("profile", "diff", "dev", "prod").splitlines() == [
        "- env.PYTHONDEVMODE = 1",
        '+ env.PYTHONDEVMODE = ""',
        "- env.LOG = debug",
        "- flags = -b",
        "+ env.PYTHONFAULTHANDLER = 1",
        "+ groups = none",
    ]
    assert pyve.ok("profile", "diff", "night") == "+ groups = none\n"
    # A config may come from anywhere: what a terminal would obey is not shown.
    config = pyve.project / ".pyve/config"
    text = config.read_text()
    config.write_text(text.replace("LOG: debug", "LOG: \x1b[31mdebug"))
    for words in (["list"], ["show", "dev"], ["diff", "dev", "prod"]):
        out = pyve.ok("profile", *words)
        assert "?[31mdebug" in out and "\x1b" not in out
    config.write_text(text)
    assert pyve.ok("profile", "diff", "dev", "dev") == "No difference.\n"
    changes = pyve.json("profile", "diff", "prod", "night")["detail"]
    assert (changes["from"], changes["to"], len(changes["changes"])) == ("prod", "night", 3)
    assert pyve.json("profile", "diff", "night")["detail"]["from"] is None
    pyve.fails("profile", "show", code="E_USAGE_ARGUMENT")
    pyve.fails("profile", "diff", "dev", "x", code="E_PROFILE_UNKNOWN")
    assert snapshot(pyve.project) == before
