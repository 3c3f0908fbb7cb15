"""Each code about imports and about watching files: brought about, mended, gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from distributions import make_wheel
from pyve_test_helpers import Pyve
from sync_user import ask

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0", ["beta"]),
    make_wheel("beta", "1.0"),
    make_wheel("gamma", "1.0"),
)
# Ends the watcher, which is two processes above; a start that comes before ends what waits.
END = """\
watcher=$(ps -o ppid= -p "$PPID" | tr -d ' ')
"""


@brings("E_IMPORTS_UNUSED", "E_IMPORTS_MISSING", "E_IMPORTS_UNKNOWN")
def test_imports_and_the_manifest_differ(shop: Pyve) -> None:
    mends(shop, "E_IMPORTS_UNKNOWN", "imports", "find", "gamma", fix="pyve add gamma")
    shop.write("app.py", "import alpha, beta\n")
    failure = mends(shop, "E_IMPORTS_UNUSED", "imports", "unused", fix="pyve remove gamma")
    failure.says("gamma: not imported")
    failure = mends(shop, "E_IMPORTS_MISSING", "imports", "missing", fix="pyve add beta")
    failure.says("app.py:1")
    failure = bring(shop, "E_IMPORTS_UNKNOWN", "imports", "find", "bbeta")
    failure.says("did you mean 'beta'?")
    failure.apply()
    bring(shop, "E_IMPORTS_UNKNOWN", "imports", "find", "alpha.nothing").by_hand("alpha is there")


@brings("E_IMPORTS_MANIFEST", "E_IMPORTS_DEPTRY")
def test_deptry_cannot_compare(shop: Pyve) -> None:
    with (shop.project / "pyproject.toml").open("a") as stream:
        stream.write("[tool.deptry]\nno_such = 1\n")
    failure = bring(shop, "E_IMPORTS_DEPTRY", "imports", "missing").by_hand("no_such")
    ask(shop, "alpha")
    failure.check_gone()
    (shop.project / "pyproject.toml").rename(shop.root / "kept.toml")
    failure = bring(shop, "E_IMPORTS_MANIFEST", "imports", "missing").by_hand("requirements.in")
    (shop.root / "kept.toml").rename(shop.project / "pyproject.toml")
    failure.check_gone()


@brings("E_IMPORTS_NAME", "W_IMPORTS_HIDDEN")
def test_a_name_is_none_or_taken(shop: Pyve) -> None:
    failure = bring(shop, "E_IMPORTS_NAME", "imports", "find", "app.py-x").by_hand("import a.b")
    failure.args = ("imports", "find", "alpha")
    failure.check_gone()
    shop.write("alpha.py", "")
    failure = bring(shop, "W_IMPORTS_HIDDEN", "imports", "find", "alpha").by_hand("(alpha 1.0)")
    (shop.project / "alpha.py").rename(shop.project / "other.py")
    failure.check_gone()


@brings("E_IMPORTS_NOTHING")
@pytest.mark.parametrize("words", [("true",), ("python", "-I", "-c", "import json")])
def test_no_python_tells(shop: Pyve, words: tuple[str, ...]) -> None:
    failure = bring(shop, "E_IMPORTS_NOTHING", "imports", "time", *words)
    failure.by_hand("it ended with status 0")
    failure.args = ("imports", "time", "python", "-c", "import json")
    failure.check_gone()


@brings("E_IMPORTS_LAZY_NONE", "E_IMPORTS_COMMAND", "E_IMPORTS_LAZY", "E_IMPORTS_PLACE")
def test_lazy_imports_are_not_possible(shop: Pyve) -> None:
    shop.write("app.py", "import beta, alpha, sys\nsys.exit(alpha.__class__.__name__[0] == '_')\n")
    words = ("imports", "lazy", "--runs", "1")
    run = ("python", "app.py")
    failure = bring(shop, "E_IMPORTS_LAZY_NONE", *words, *run)
    failure.says("--allow")
    failure.apply()
    failure.args = (*words, "--allow", "beta", *run)
    failure.check_gone()
    failure = bring(shop, "E_IMPORTS_COMMAND", *words, "--allow=beta", "python", "-c", "0/0")
    failure.by_hand("ZeroDivisionError")
    failure.args = (*words, "--allow=beta", "python", "-c", "0")
    failure.check_gone()
    # A module that looks at whether it is imported at once.
    shop.write("odd.py", "import sys\nsys.started = 1\n")
    shop.write("app.py", "import beta, odd, sys\nsys.exit(not hasattr(sys, 'started'))\n")
    bad = (*words, "--allow", "beta", "--allow", "odd", *run)
    failure = bring(shop, "E_IMPORTS_LAZY", *bad).says("it does so by: odd")
    assert failure.fixes[0].text == "pyve imports lazy --allow beta python app.py"
    failure.apply()
    shop.write("odd.py", "import no_such_thing\n")
    shop.write("app.py", "import beta\ntry:\n    import odd\nexcept ImportError:\n    pass\n")
    bring(shop, "E_IMPORTS_LAZY", *bad).says("odd: ModuleNotFoundError").apply()
    shop.write("odd.py", "")
    failure.check_gone()
    failure = bring(shop, "E_IMPORTS_PLACE", *words, "--allow=beta", *run, XDG_CACHE_HOME="/a:b")
    failure.by_hand("PYTHONPATH")
    failure.check_gone(XDG_CACHE_HOME=None)


# --- watch


@pytest.fixture
def watched(pyve: Pyve) -> Pyve:
    """A user with an environment in a repository, and commands that end their watcher."""
    pyve.init()
    pyve.execute("git", "init", "-q", ".")
    pyve.write(".gitignore", "/.venv\n.pyve/state\n")
    pyve.write("end.sh", END + 'kill -INT "$watcher"\n')
    return pyve


@brings("E_WATCH_PATH")
def test_there_is_nothing_to_watch(watched: Pyve) -> None:
    words = ("watch", "--on", "lib", "sh", "end.sh")
    failure = bring(watched, "E_WATCH_PATH", *words).by_hand("the current folder is")
    watched.write("lib/x.py", "")
    failure.check_gone()
    failure = bring(watched, "E_USAGE_OPTION", "watch", "--cleer", "--with=x", "sh", "end.sh")
    assert failure.fixes[0].text == "pyve watch --clear --with=x sh end.sh"
    # Or the project goes while it is watched.
    away = str(watched.root / "away")
    bring(watched, "E_WATCH_PATH", "watch", "mv", str(watched.project), away)
    Path(away).rename(watched.project)


@brings("W_WATCH_GIT")
def test_git_does_not_tell(watched: Pyve) -> None:
    head = watched.project / ".git/HEAD"
    kept = head.read_text()
    head.write_text("")
    failure = bring(watched, "W_WATCH_GIT", "watch", "sh", "end.sh").by_hand("fatal: ")
    head.write_text(kept)
    failure.check_gone()
    kept_path = watched.env["PATH"]
    tools = watched.root / "tools"
    tools.mkdir()
    for tool in Path(kept_path.rpartition(os.pathsep)[2]).iterdir():
        if tool.name != "git":
            (tools / tool.name).symlink_to(tool)
    failure = bring(watched, "W_WATCH_GIT", "watch", "sh", "end.sh", PATH=str(tools))
    failure.by_hand("there is no git on PATH")
    failure.check_gone(PATH=kept_path)


@brings("W_WATCH_LOOP")
def test_the_command_changes_what_is_watched(watched: Pyve) -> None:
    count = watched.root / "count"
    watched.write(
        "loop.sh",
        END
        + 'echo x >>"$COUNT"; wc -c <"$COUNT" >report.txt\n'
        + '[ "$(wc -l <"$COUNT")" -lt 7 ] || kill -INT "$watcher"\n'
        + 'sleep 1.5; kill -INT "$watcher"\n',
    )
    words = ("watch", "--kill-after", "1", "sh", "loop.sh")
    failure = bring(watched, "W_WATCH_LOOP", *words, COUNT=str(count)).by_hand("report.txt")
    with (watched.project / ".gitignore").open("a") as stream:
        stream.write("report.txt\n")
    count.unlink()
    failure.check_gone()
    assert Path(count).read_text() == "x\n"


@brings("E_WATCH_LIMIT")
def test_the_system_watches_no_more(watched: Pyve) -> None:
    script = 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"'
    within = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    if watched.execute(*within, "true").returncode:
        pytest.skip("NOT TESTED: this machine has no user namespaces with limits of their own")
    watched.before = within
    failure = bring(watched, "E_WATCH_LIMIT", "watch", "--on", ".", "--clear", "sh", "end.sh")
    assert failure.fixes[0].text == "pyve watch --poll --clear --on . sh end.sh"
    failure.apply(status=(0, 130, -2))
    watched.before = ()
    failure.check_gone()
