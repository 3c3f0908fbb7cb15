"""pyve explain COMMAND: what would be executed, compared with what strace sees of the real run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve, snapshot
from sandbox_cell import need_engine
from traced import agree, explain, trace

GREETER = "def main() -> None:\n    print('hello')\n"
DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel(
        "greeter",
        "1.0",
        files={"greeter/cli.py": GREETER},
        commands={"greeter": "greeter.cli:main"},
    ),
)

pytestmark = [
    pytest.mark.venv,
    pytest.mark.linux,
    pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: strace is for Linux"),
]


def test_a_run_is_what_was_foreseen(pyve: Pyve) -> None:
    pyve.init()
    deep = pyve.project / "deep"
    deep.mkdir()
    strange = {"ODD": "a\nb 100% 'x' \"y\"", "PYTHONHOME": "/nowhere", "VIRTUAL_ENV": "/other"}
    plan = agree(pyve, "run", "python", "-c", "pass", "a b", "-x", cwd=deep, **strange)
    assert plan["program"] == str(pyve.venv / "bin/python")
    assert plan["interpreter_file"] == str((pyve.venv / "bin/python").resolve())
    assert plan["environment"] == {"path": str(pyve.venv), "backend": "venv"}
    assert plan["unsets"] == ["PYTHONHOME"]
    considered = [(item["subject"], item["value"], item["chosen"]) for item in plan["considered"]]
    assert ("environment", str(pyve.venv), True) in considered
    assert ("environment", "/other", False) in considered
    # A console script, whose interpreter is that of its first line; and a program of the machine.
    assert agree(pyve, "run", "--", "pip", "--version")["interpreter"] == f"{pyve.venv}/bin/python"
    assert agree(pyve, "run", "true")["interpreter"] is None
    # A PATH that is part of a folder's name; and a script that asks env for its Python.
    plan = agree(pyve, "run", "sh", "-c", "true", PATH="/bin")
    assert (plan["path_front"], plan["path_back"]) == ([str(pyve.venv / "bin")], [])
    script = pyve.venv / "bin/by-env"
    script.write_text("#!/usr/bin/env -S python3 -I\n")
    script.chmod(0o755)
    assert explain(pyve, "run", "by-env")["interpreter"] == f"{pyve.venv}/bin/python3"


def test_a_profile_is_foreseen_but_for_its_secrets(pyve: Pyve) -> None:
    pyve.init()
    pyve.ok("config", "set", "run.profiles.web.env_file", "web.env")
    pyve.ok("config", "set", "run.profiles.web.env.MODE", "fast")
    pyve.ok("config", "set", "--", "run.profiles.web.flags", "-X dev", "-Wignore")
    pyve.write("web.env", "WEB_PASSWORD='correct horse'\n")
    plan = agree(pyve, "run", "--profile", "web", "pip", "--version", hidden="correct horse")
    assert plan["argv"][1:5] == ["-X", "dev", "-W", "ignore"]
    assert plan["profile"] == "web"
    shown = pyve.ok("explain", "run", "--profile=web", "pip")
    assert "WEB_PASSWORD=(hidden)" in shown and "correct horse" not in shown
    assert "MODE=fast" in shown
    # What is no Python gets no flags, and that is said.
    plan = agree(pyve, "run", "true", PYVE_PROFILE="bench")
    assert "flags" in [item["subject"] for item in plan["considered"] if not item["chosen"]]


def test_scripts_tools_and_sandboxes_are_foreseen_when_they_are_there(user: Pyve) -> None:
    user.init()
    user.write("plain.py", "print('plain')\n")
    user.write("block.py", "# /// script\n# dependencies = ['alpha']\n# ///\nimport alpha\n")
    shutil.copy(user.project / "block.py", user.project / "window.pyw")
    for words in (("run", "block.py", "a b"), ("x", "greeter", "--help")):
        before = snapshot(user.root)
        plan = explain(user, *words)
        assert snapshot(user.root) == before, "explain has made or fetched something"
        assert plan["steps"] and not Path(plan["environment"]["path"]).exists()
        assert plan["program"] is None
        assert user(*words).returncode == 0
        again = agree(user, *words)
        assert not again["steps"]
        assert (again["argv"], again["environment"]) == (plan["argv"], plan["environment"])
    # (It has nothing of the project's environment.)
    agree(user, "run", "window.pyw")
    agree(user, "run", "plain.py")
    agree(user, "run", "-m", "json.tool", "--help")
    need_engine("landlock")
    plan = agree(user, "run", "--sandbox", "--sandbox-engine", "landlock", "python", "plain.py")
    assert plan["sandbox"] and plan["argv"][-2:] == ["python", "plain.py"]


def test_nothing_is_executed_and_a_failure_is_that_of_the_run(pyve: Pyve) -> None:
    pyve.init()
    marker = pyve.project / "marker"
    (pyve.project / ".pyve/tmp").mkdir()
    done = trace(pyve, "explain", "run", "touch", str(marker))
    # (bash itself, and what follows links for it.)
    assert {Path(call.program).name for call in done} <= {"pyve.sh", "env", "bash", "readlink"}
    assert not marker.exists()
    assert (pyve.project / ".pyve/tmp").exists(), "what a killed command left is cleared"
    dead = pyve.venv / "bin/dead"
    dead.write_text("#!/no/such/python\n")
    dead.chmod(0o755)
    for words, status, code in (
        (("run", "pytho"), 127, "E_COMMAND_NOT_FOUND"),
        (("run", "./marker/x"), 127, "E_COMMAND_NOT_FOUND"),
        (("run", "/"), 126, "E_COMMAND_NOT_EXECUTABLE"),
        (("run", "--no-frozen", "dead"), 126, "E_COMMAND_NOT_EXECUTABLE"),
        (("run", "--profile", "webb", "true"), 1, "E_PROFILE_UNKNOWN"),
        (("run", "--frozen", "true"), 1, "E_LOCK_MISSING"),
        (("run",), 1, "E_RUN_COMMAND"),
        (("run", "--bogus", "true"), 1, "E_USAGE_OPTION"),
    ):
        real, told = pyve(*words), pyve("explain", *words)
        assert (real.returncode, told.returncode) == (status, status), words
        assert f"[{code}]" in told.stderr and told.stderr == real.stderr, words
    # What starts no program of the user's would do its work: it is not called.
    before = snapshot(pyve.root)
    for words in ("tool --quiet install greeter", "tool list", "imports find json", "lock --check"):
        told = pyve("explain", *words.split())
        assert (told.returncode, f"pyve {words} starts no program" in told.stderr) == (1, True)
    assert "fix: pyve explain run x" in pyve("explain", "rnu", "x").stderr
    assert snapshot(pyve.root) == before
    # An option behind the command is the command's, as in the run.
    assert explain(pyve, "run", "python", "--json", "--help")["argv"] == [
        *("python", "--json", "--help")
    ]
