"""pyve x, tool, fmt, lint, typecheck: tools in environments of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from distributions import Distribution, make_wheel, write_source
from local_index import LocalIndex
from pyve_test_helpers import TREE, Pyve, snapshot
from sync_user import ask, start

# Says what it is, what it was given, and what it finds.
SAYS = """import os, sys
from importlib.util import find_spec
def main() -> int:
    import {name}
    found = "alpha" if find_spec("alpha") else "alone"
    print("{name}", {name}.__version__, sys.argv[1:], os.getcwd(), found)
    if "--read" in sys.argv:
        print(sys.stdin.read())
    return 7 if "--fail" in sys.argv else 0
"""


def make_tool(name: str, version: str, *commands: str) -> Distribution:
    files = {f"{name}/cli.py": SAYS.format(name=name)}
    names = dict.fromkeys(commands or (name,), f"{name}.cli:main")
    return make_wheel(name, version, files=files, commands=names, extras={"more": ["alpha"]})


DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("alpha", "2.0"),
    make_tool("greeter", "1.0", "greet", "greeter"),
    make_tool("greeter", "1.5", "greet", "greeter"),
    make_tool("greeter", "2.0", "greeter", "welcome"),
    make_tool("planner", "1.5", "plan", "planner"),
    make_tool("planner", "2.0", "planner", "welcome"),
    make_tool("brewer", "24.0"),
    make_tool("ruff", "0.5"),
    make_tool("ruff", "0.6"),
    make_tool("mypy", "1.0"),
    make_tool("black", "24.0"),
    make_tool("flake8", "7.0"),
)


def environments(pyve: Pyve) -> list[Path]:
    """Return the folders of cached environments."""
    return sorted((pyve.home / ".cache/pyve/environments").glob("[0-9a-f]*"))


def tools(pyve: Pyve) -> Path:
    return pyve.home / ".local/share/pyve/tools"


def nothing_left(pyve: Pyve) -> None:
    """See that nobody has left a lock, a temporary file or half an environment."""
    for folder in [*environments(pyve), *tools(pyve).glob("*")]:
        assert not (folder / ".pyve").exists() and (folder / "venv/bin/python").exists(), folder


def lose_python(environment: Path) -> None:
    """Take the interpreter of an environment away, as its manager does."""
    for link in environment.glob("bin/python3.*"):
        link.unlink()
        link.symlink_to(environment / "gone")


# --- x


def test_a_tool_is_locked_once_and_starts_without_anything_then(
    user: Pyve, index: LocalIndex
) -> None:
    ask(user, "alpha<2")
    before = snapshot(user.project)
    first = user("x", "greeter", "one two", "--json", "it's\n", "-x", cwd=user.project)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("greeter 2.0 ['one two', '--json', \"it's\\n\", '-x']")
    assert first.stdout.rstrip().endswith("my project alone"), "the folder is the caller's"
    assert "Installed greeter" in first.stderr, "the talk is on stderr"
    (folder,) = environments(user)
    lock = (folder / "pylock.toml").read_text()
    assert 'name = "greeter"' in lock and "sha256" in lock
    asked = len(index.requests)
    # Without uv, a toolchain, an index.
    bare: dict[str, Any] = {
        "PYVE_TOOLCHAIN": str(user.root / "gone"),
        "UV_DEFAULT_INDEX": index.env["UV_DEFAULT_INDEX"],
    }
    (user.bin / "uv").unlink()
    again = user("x", "greeter", "--fail", "--read", answer="from stdin", **bare)
    assert again.returncode == 7, "the tool's own status"
    assert "from stdin" in again.stdout and again.stderr == ""
    assert user("x", "--from", "greeter", "welcome", **bare).returncode == 0
    assert len(index.requests) == asked and environments(user) == [folder]
    assert snapshot(user.project) == before, "the project is as it was"
    nothing_left(user)


def test_versions_extras_and_more(user: Pyve, index: LocalIndex) -> None:
    assert user.ok("x", "greeter@1").startswith("greeter 1.5")
    assert user.ok("x", "greeter@1.0.0").startswith("greeter 1.0")
    assert user.ok("x", "greeter<1.5").startswith("greeter 1.0")
    assert user.ok("x", "greeter[more]@1").rstrip().endswith("alpha")
    assert (
        user.ok("x", "--with", "alpha<2", "--from", "greeter@1", "greet").rstrip().endswith("alpha")
    )
    assert len(environments(user)) == 5
    said = user.ok(
        "x", "--with", "alpha<2", "python", "-c", "import alpha; print(alpha.__version__)"
    )
    assert said == "1.0\n"
    series = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = user.ok(
        "x", f"python@{series}", "-c", "import sys; print(*sys.version_info[:2], sep='.')"
    )
    assert said == f"{series}\n"
    # A newer one comes when it is asked for.
    assert user.ok("x", "brewer").startswith("brewer 24.0")
    index.add(make_tool("brewer", "25.0"))
    assert user.ok("x", "brewer").startswith("brewer 24.0")
    assert user.ok("x", "brewer@latest").startswith("brewer 25.0")
    assert user.ok("x", "brewer").startswith("brewer 25.0")
    # Another index is another answer.
    count = len(environments(user))
    failed = user("x", "brewer", UV_DEFAULT_INDEX=f"{index.env['UV_DEFAULT_INDEX']}/none")
    assert failed.returncode == 1 and len(environments(user)) == count + 1


def test_a_tool_that_is_being_written(user: Pyve) -> None:
    folder = write_source(
        user.project / "my tool",
        "drafted",
        "1.0",
        files={"drafted/cli.py": "def main(): print('first')\n"},
        commands={"draft": "drafted.cli:main"},
    )
    module = next(folder.rglob("cli.py"))
    words = ("x", "--from", "./my tool", "draft")
    assert user.ok(*words) == "first\n"
    module.write_text("def main(): print('second')\n")
    assert user.ok(*words) == "second\n", "its code is that of the moment"
    user.ok("tool", "install", "./my tool")
    assert user.ok("tool", "run", "draft") == "second\n"
    odd = user.project / "a\nb"
    folder.rename(odd)
    assert "[E_USAGE_ARGUMENT]" in user("x", "--from", ".", "draft", cwd=odd).stderr
    # A wheel that is built anew under the same name.
    for version in ("1.0", "2.0"):
        files = {"carved/__init__.py": f"def main(): print({version})\n"}
        commands = {"carve": "carved:main"}
        wheel = make_wheel("carved", "1.0", files=files, commands=commands)
        wheel.write(user.project)
        assert user.ok("x", "--from", f"./{wheel.filename}", "carve") == f"{version}\n"
    assert "Installed carved 1.0: carve" in user.ok("tool", "install", f"./{wheel.filename}")
    said = user.fails("tool", "install", "git+file:///gone/carved.git@1", code="E_USAGE_ARGUMENT")
    assert "fix: pyve tool install 'carved @ git+file:///gone/carved.git@1'" in said


def test_what_cannot_be_had_says_how_it_can(user: Pyve) -> None:
    said = user.fails("x", "--with", "alpha==9", "greeter", code="E_RESOLVE_MISSING")
    assert "fix: pyve x --with alpha==2.0 greeter" in said
    assert user.ok("x", "--with", "alpha==2.0", "greeter").rstrip().endswith("alpha")
    assert "fix: pyve x greeter" in user.fails("x", "greter", code="E_RESOLVE_MISSING")
    said = user.fails("x", "nobody-has-this", code="E_RESOLVE_MISSING")
    assert "nobody-has-this, asked for by: pyve x nobody-has-this" in said
    assert "requirements.in" not in said and "pyve remove" not in said
    user.fails("x", "--offline", "black@23", code="E_INDEX_OFFLINE")
    for word in ("-", "bad name", "./here", "a\nb", "ruff@-x"):
        user.fails("x", "--", word, code="E_USAGE_ARGUMENT")
    assert "[E_USAGE_OPTION]" in user("x", "--ofline", "ruff").stderr


def test_two_at_once_and_one_that_is_killed(user: Pyve) -> None:
    running = start(user, "x", "greeter")
    for _ in range(600):
        if any((folder / ".pyve").exists() for folder in environments(user)):
            break
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    both = [
        subprocess.Popen(
            user.command("x", "greeter"),
            env=user.env,
            cwd=user.project,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for one in both:
        out, _ = one.communicate(timeout=120)
        assert out.startswith("greeter 2.0") and one.returncode == 0
    assert len(environments(user)) == 1
    nothing_left(user)


def test_what_an_environment_leads_to_is_gone(user: Pyve, index: LocalIndex) -> None:
    user.ok("x", "greeter@1")
    (folder,) = environments(user)
    lock = (folder / "pylock.toml").read_bytes()
    index.add(make_tool("greeter", "1.9"))
    lose_python(folder / "venv")
    assert user.ok("x", "greeter@1").startswith("greeter 1.5")
    shutil.rmtree(user.home / ".cache/pyve/store")
    assert user.ok("x", "greeter@1", "--offline").startswith("greeter 1.5 ['--offline']")
    assert (folder / "pylock.toml").read_bytes() == lock, "the lock is kept"
    nothing_left(user)


def test_explain_makes_nothing(user: Pyve) -> None:
    document = json.loads(user.ok("--json", "explain", "x", "greeter", "--fail"))
    assert environments(user) == [] and document["status"] == "ok"
    text = json.dumps(document["detail"])
    assert "pylock" in text or "lock " in text
    user.ok("x", "greeter")
    (folder,) = environments(user)
    used = (folder / "used").stat().st_mtime_ns
    assert f"{folder}/venv/bin/greeter" in user.ok("explain", "x", "greeter")
    assert (folder / "used").stat().st_mtime_ns == used, "a reader notes no use"


def test_gc_takes_what_was_not_used(user: Pyve) -> None:
    user.ok("x", "greeter")
    user.ok("x", "ruff")
    user.ok("tool", "install", "black")
    old, kept = (
        next(f for f in environments(user) if n in (f / "request").read_text())
        for n in ("ruff", "greeter")
    )
    long_ago = time.time() - 31 * 86400
    for folder in (old, kept):
        os.utime(folder / "used", (long_ago, long_ago))
    user.ok("x", "greeter")
    foretold = user.json("store", "gc", "--dry-run")["detail"]
    assert old.exists()
    document = user.json("store", "gc")
    assert document["detail"]["cached"] == [old.name]
    assert {**foretold, "dry_run": False} == document["detail"]
    assert environments(user) == [kept]
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, ".tools"}
    document = user.json("store", "gc", "--older-than", "0d")
    assert document["detail"]["cached"] == [kept.name]
    assert document["detail"]["in_use"] == [], "what they had in the store goes with them"
    assert document["detail"]["removed"] != []
    assert user.ok("tool", "run", "black").startswith("black"), "what is installed stays"
    assert user.ok("x", "greeter").startswith("greeter 2.0")


# --- tool


def test_a_tool_is_installed_used_upgraded_and_removed(user: Pyve, index: LocalIndex) -> None:
    before = snapshot(user.project)
    commands = user.home / ".local/bin"
    commands.mkdir(parents=True)
    theirs = commands / "welcome"
    theirs.write_text("mine\n")
    user.env["PATH"] += f"{os.pathsep}{commands}"
    assert "Installed planner 1.5: plan planner" in user.ok(
        "tool", "install", "planner<2", "--with", "alpha<2"
    )
    assert user.execute("plan", "a b").stdout.startswith("planner 1.5 ['a b']")
    assert user.ok("tool", "install", "planner<2", "--with", "alpha<2"), "once more changes nothing"
    # Its lock is its own, and it needs no store.
    shutil.rmtree(user.home / ".cache/pyve")
    assert user.execute("planner", "--fail").returncode == 7
    assert user.ok("x", "planner").rstrip().endswith("alpha"), "x takes what is installed"
    (tool,) = user.json("tool", "list")["detail"]["tools"]
    assert (tool["name"], tool["version"], tool["works"]) == ("planner", "1.5", True)
    assert tool["commands"] == ["plan", "planner"]
    # Its Python goes: the next start makes it anew.
    lose_python(tools(user) / "planner/venv")
    assert "W_TOOL_BROKEN" in user("tool", "list").stderr
    mended = user.execute("plan", "--read", answer="still read")
    assert mended.stdout.startswith("planner 1.5") and "still read" in mended.stdout
    assert "made anew" in mended.stderr
    lose_python(tools(user) / "planner/venv")
    mended = user("x", "planner")
    assert "made anew" in mended.stderr and mended.stdout.rstrip().endswith("alpha")
    # What was not in its place when a command was killed, or was removed since.
    (commands / "plan").unlink()
    (tools(user) / "half/venv").mkdir(parents=True)
    (tools(user) / ".gone.other.1").mkdir()
    said = user("tool", "list").stderr
    assert "[W_TOOL_LINK]" in said and "fix: pyve tool upgrade --reinstall planner" in said
    user.ok("tool", "upgrade", "--reinstall", "planner")
    assert user("tool", "list").stderr == "" and os.access(commands / "plan", os.X_OK)
    assert [place.name for place in tools(user).iterdir()] == ["planner"]
    # What could not be installed does not count for the next time.
    index.add_fault("planner-2.0-py3-none-any.whl", truncated=True)
    assert user("tool", "install", "planner>=2").returncode == 1
    index.clear_faults()
    assert "planner 1.5 -> 2.0" in user.ok("tool", "install", "planner>=2")
    user.ok("tool", "install", "planner<2", "--with", "alpha<2")
    # An upgrade that fails leaves all as it was.
    index.add(make_tool("planner", "1.8", "planner", "welcome"))
    index.add_fault("planner-1.8-py3-none-any.whl", truncated=True)
    kept = snapshot(tools(user))
    assert user("tool", "upgrade").returncode == 1
    assert {k: v for k, v in snapshot(tools(user)).items() if "/used" not in k} == {
        k: v for k, v in kept.items() if "/used" not in k
    }
    index.clear_faults()
    upgraded = user("tool", "upgrade", "Planner")
    assert "planner 1.5 -> 1.8: planner" in upgraded.stdout
    assert "[W_TOOL_LINK]" in upgraded.stderr and theirs.read_text() == "mine\n"
    assert not (commands / "plan").exists(), "a command that is no more"
    assert user.ok("tool", "upgrade", "--reinstall", "planner").startswith(
        "✓ Reinstalled planner 1.8"
    )
    theirs.unlink()
    user.ok("tool", "install", "planner"), "another wish"
    assert user.execute("welcome").stdout.startswith("planner 2.0")
    assert user.ok("tool", "run", "--from", "planner", "welcome", "--json").startswith(
        "planner 2.0 ['--json']"
    )
    user.ok("tool", "remove", "planner")
    assert list(commands.iterdir()) == [] and list(tools(user).iterdir()) == []
    assert snapshot(user.project) == before


def test_what_another_has_put_into_local_bin_stays(user: Pyve) -> None:
    place = user.home / ".local/bin/greeter"
    place.parent.mkdir(parents=True)
    place.symlink_to("/gone/pipx/greeter")
    user.fails("tool", "install", "greeter", code="E_TOOL_LINK")
    assert os.readlink(place) == "/gone/pipx/greeter"
    assert list(tools(user).iterdir()) == [] and not (place.parent / "welcome").exists()
    user.fails("tool", "install", "alpha", code="E_TOOL_COMMAND")
    assert "fix: pyve tool list" in user.fails("tool", "remove", "../../x", code="E_TOOL_UNKNOWN")
    for words in (("install",), ("list", "x"), ("remove", "--reinstall", "x"), ("install", "./x")):
        assert "[E_USAGE_" in user("tool", *words).stderr


# --- fmt, lint, typecheck


def test_the_tools_of_a_project(user: Pyve) -> None:
    user.write(".pyve/config", "backend: venv\n")
    ask(user, "alpha", more='[dependency-groups]\ndev = ["ruff<0.6"]\n')
    user.ok("lock")
    before = snapshot(user.project)
    below = user.project / "src"
    root = str(user.project)
    # The version of the lock; the whole project, from wherever.
    assert user.ok("fmt", "--check", cwd=user.project).startswith(
        f"ruff 0.5 ['format', '--check'] {root} "
    )
    assert user.ok("lint").startswith("ruff 0.5 ['check']")
    assert user.ok("typecheck").startswith("mypy 1.0 ['.']")
    assert len(environments(user)) == 2
    assert snapshot(user.project) == before
    below.mkdir()
    assert f"{root} " in user.ok("lint", "--fix", cwd=below), "the whole project"
    (below / "a b").touch()
    assert f"['check', '--fix', 'a b'] {below}" in user.ok("lint", "--fix", "a b", cwd=below)
    # What the project has settings for, and what its config names.
    with (user.project / "pyproject.toml").open("a") as file:
        file.write("[tool.black]\nline-length = 90\n[tool.mypy]\nfiles = ['src']\n")
    assert user.ok("fmt").startswith("black 24.0 ['.']")
    assert "['--line-length', '100', '.']" in user.ok("fmt", "--line-length", "100", cwd=below)
    assert user.ok("typecheck").startswith("mypy 1.0 []")
    user.write(
        ".pyve/config",
        "backend: venv\ntools:\n  fmt: ruff@0.6\n  lint: flake8\n"
        "  typecheck: [mypy, 'greeter[more]']\n",
    )
    assert user.ok("fmt").startswith("ruff 0.6 ['format']")
    assert user.ok("typecheck", "--", "--help", "x").rstrip().endswith("alpha")
    assert user("lint", "--fail").returncode == 7
    (user.project / "env").mkdir()
    (user.project / "env/pyvenv.cfg").touch()
    assert "['./src']" in user.ok("lint"), "it would go into environments"
    (user.project / ".pyve/envs/x").mkdir(parents=True)
    assert """['format', '--config', 'extend-exclude=[".pyve"]']""" in user.ok("fmt")
    user.write(".pyve/config", "backend: venv\ntools:\n  fmt: black\n")
    project = (user.project / "pyproject.toml").read_text()
    for settings, words in (
        ("[tool.ruff]\nextend-exclude = ['x']\n", "['--extend-exclude', '/(\\\\.pyve)/', '.']"),
        ("[tool.black]\nextend-exclude = 'x'\n", "['--force-exclude', '/(\\\\.pyve)/', '.']"),
        ("[tool.black]\nextend_exclude = 'x'\nforce-exclude = 'y'\n", "['.']"),
    ):
        user.write("pyproject.toml", project.replace("[tool.black]\n", settings))
        assert words in user.ok("fmt"), settings
    user.write("pyproject.toml", project)
    shutil.rmtree(user.project / ".pyve/envs")
    # The packages of the project's environment.
    user.ok("sync")
    assert f"['--python-executable', '{user.venv}/bin/python']" in user.ok("typecheck")
    user.write(".pyve/config", "backend: venv\ntools:\n  fmt: '-r evil.txt'\n")
    said = user.fails("fmt", code="E_USAGE_ARGUMENT")
    assert "tools.fmt of .pyve/config" in said and "fix: pyve config unset tools.fmt" in said


@pytest.mark.skipif(
    not list(TREE.glob(".dev/wheelhouse/tools/mypy-*.whl")), reason="no wheels here"
)
def test_real_tools_see_what_the_project_has(pyve: Pyve, toolchain: Path) -> None:
    (pyve.bin / "uv").symlink_to(TREE / ".dev/bin/uv")
    folder = TREE / ".dev/wheelhouse/tools"
    typed = make_wheel(
        "typed",
        "1.0",
        files={"typed/py.typed": "", "typed/__init__.py": "def f(x: int) -> str: ...\n"},
    )
    typed.write(pyve.root / "wheels")
    pyve.env.pop("PIP_FIND_LINKS")
    pyve.env.update(
        UV_FIND_LINKS=f"{folder},{pyve.root / 'wheels'}",
        UV_NO_INDEX="1",
        UV_CACHE_DIR=str(pyve.root / "uv"),
    )
    ask(pyve, "typed")
    pyve.ok("init", "--yes", "--no-direnv")
    pyve.ok("sync")
    pyve.write("job.py", "import typed\nimport os\n\nvalue: int = typed.f('a')\n")
    found = pyve("typecheck")
    assert found.returncode == 1, found.stderr
    assert "[arg-type]" in found.stdout and "[assignment]" in found.stdout
    assert "F401" in pyve("lint", "--output-format=concise").stdout
    assert pyve("lint", "--fix", "-q").returncode == 0
    pyve.write("job.py", "x=1\n")
    assert pyve("fmt", "--check").returncode == 1
    assert pyve("fmt").returncode == 0 and (pyve.project / "job.py").read_text() == "x = 1\n"
