"""pyve run of scripts: metadata of their own (PEP 723), locks of theirs, code from elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from distributions import make_wheel, write_source
from local_index import LocalIndex
from pyve_test_helpers import (
    Pyve,
    other_python,
    python_version,
    real_python,
    series,
    snapshot,
)
from sandbox_cell import need_sandbox
from sync_user import HELLO, ask

DISTRIBUTIONS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0")),
    make_wheel(
        "beta",
        "1.0",
        ["alpha"],
        files={"beta/__init__.py": HELLO},
        commands={"beta": "beta:greet"},
    ),
    make_wheel(
        "probe",
        "1.0",
        commands={"probe": "probe:show"},
        files={
            "probe/__init__.py": "def show() -> None:\n    import alpha, beta\n    beta.greet()\n"
        },
    ),
)
SHOW = (
    "import sys\nfrom importlib.metadata import version\n"
    "print(*sys.argv[1:], *(f'{n} {version(n)}' for n in NAMES))\n"
)


def script(*requirements: str, python: str = ">=3.9", show: str = "alpha") -> str:
    """Return a script that prints its arguments, and the version of what it asks for."""
    asked = ", ".join(f'"{one}"' for one in requirements)
    return (
        f'# /// script\n# requires-python = "{python}"\n# dependencies = [{asked}]\n# ///\n'
        f"NAMES = {show.split()}\n{SHOW}"
    )


def test_a_script_has_an_environment_of_its_own_and_starts_again_without_anything(
    user: Pyve, index: LocalIndex
) -> None:
    job = user.write("my jobs/jöb's.py", script("beta", "alpha<2", show="alpha beta"))
    before = snapshot(user.project)
    result = user("run", str(job), "-x", "a b")
    assert (result.returncode, result.stdout) == (0, "-x a b alpha 1.1 beta 1.0\n"), result.stderr
    assert user.ok("run", "my jobs/jöb's.py", cwd=user.project) == "alpha 1.1 beta 1.0\n"
    asked = len(index.requests)
    user.env["PYVE_TOOLCHAIN"] = str(user.root / "nowhere")
    assert user("run", str(job)).stderr == ""
    assert user.ok("run", "--no-frozen", str(job)) == "alpha 1.1 beta 1.0\n", "the long way, too"
    assert len(index.requests) == asked
    assert snapshot(user.project) == before, "nothing is written beside it"
    # Its code may change; what it asks for makes it another one.
    job.write_text(job.read_text() + "print(sys.prefix.startswith(sys.argv[1]))\n")
    cache = str(user.home / ".cache")
    assert user.ok("run", str(job), cache) == f"{cache} alpha 1.1 beta 1.0\nTrue\n"


def test_requires_python_picks_the_interpreter(user: Pyve) -> None:
    user.add_python(other_python())
    for version in map(python_version, (real_python(), other_python())):
        user.write("job.py", script(python=f"=={series(version)}.*", show=""))
        run = user.ok("run", "job.py", "-c")
        assert run == "-c\n"
        plan = json.loads(user("--json", "explain", "run", "job.py").stdout)["detail"]["plan"]
        out = user.execute(plan["argv"][0], "-c", "import sys; print(sys.version)").stdout
        assert out.startswith(version)
    user.write("job.py", script("alpha<2", python=">=3.98"))
    assert "requires-python of job.py" in user.fails("run", "job.py", code="E_PYTHON_MISSING")
    # What it asks for is another environment, and the old one is not taken for it.
    for wish, found in (("alpha<2", "1.1"), ("alpha<1.1", "1.0"), ("alpha<2", "1.1")):
        user.write("job.py", script(wish))
        assert user.ok("run", "job.py") == f"alpha {found}\n"
    # What cannot be solved is said of the script, and not of a project.
    user.write("job.py", script("alpha", "missing-thing"))
    said = user.fails("run", "job.py", code="E_RESOLVE_MISSING")
    assert "why: job.py: missing-thing" in said and "pyproject.toml" not in said
    assert "fix: pyve remove --script job.py missing-thing\n" in said
    user.ok("remove", "--script", "job.py", "missing-thing")
    assert user.ok("run", "job.py") == "alpha 2.0\n"


def test_what_a_script_is_told_by(user: Pyve) -> None:
    text = script("alpha<2")
    assert user.ok("run", "-", "a", answer=text) == "a alpha 1.1\n"
    said = user.fails("run", "--frozen", "-", "--frozen", answer=text, code="E_USAGE_CONFLICT")
    assert "fix: pyve run - --frozen\n" in said
    user.write("tool", text).chmod(0o755)
    assert user.ok("run", "--script", "tool", "b") == "b alpha 1.1\n"
    result = user("run", "nothere.py")
    assert result.returncode == 127 and "nothere.py does not exist" in result.stderr
    # Without a project, plain code gets an environment, too; with one, it is the project's.
    assert user.ok("run", "-c", "import sys; print(sys.argv)", "-c") == "['-c', '-c']\n"
    assert user.ok("run", "-", answer="print(__name__)\n\n") == "__main__\n"
    user.write("plain.py", "import sys, alpha; print(sys.prefix, alpha.__name__)\n")
    asked = user.ok("run", "--with", "alpha", "plain.py")
    assert asked.startswith(str(user.home / ".cache")) and asked.endswith(" alpha\n")
    user.init()
    assert user.fails("run", "plain.py")
    for words in (("plain.py",), ("-m", "plain"), ("-c", "import plain")):
        out = user.ok("run", "--with", "alpha==1.0", *words)
        assert "environments" in out, "in front of the project's"
    user.write("plain.py", "import sys; print(sys.prefix)\n")
    for words in (("plain.py",), ("-m", "plain"), ("-c", "import plain"), ("./plain.py",)):
        assert user.ok("run", *words) == f"{user.venv}\n"
    assert user.ok("run", "-", answer="import plain") == f"{user.venv}\n"
    # Every byte of it is Python's to judge.
    text = "import os, sys; print(os.read(0, 9), sys.stdin.fileno())\nprint('a\0b')\n"
    python = user.execute(user.venv / "bin/python", "-", answer=text)
    here = user("run", "-", answer=text)
    assert (here.returncode, here.stdout) == (python.returncode, python.stdout)
    assert not list(user.root.glob("**/pyve.??????"))


def test_a_lock_of_a_script_is_honoured_and_checked(user: Pyve, index: LocalIndex) -> None:
    job = user.write("job.py", script("alpha", "beta"))
    assert "E_LOCK_MISSING" in user.fails("run", "--frozen", "job.py")
    assert "Wrote job.py.lock (2 packages)" in user.ok("lock", "--script", "job.py")
    lock = user.project / "job.py.lock"
    assert 'lock-version = "1.0"' in lock.read_text()
    assert "current" in user.ok("lock", "--script", "job.py", "--check")
    assert user.ok("run", "--frozen", "job.py") == "alpha 2.0\n"
    # Code is no metadata.
    job.write_text(job.read_text() + "print('more')\n")
    assert user.ok("run", "--frozen", "job.py") == "alpha 2.0\nmore\n"
    old = lock.read_text()
    said = user.ok("add", "--script", "job.py", "alpha<2")
    assert "Added to job.py" in said and "Wrote job.py.lock (1 changed)" in said
    assert user.ok("run", "job.py") == "alpha 1.1\nmore\n"
    lock.write_text(old)
    for words in (("run", "job.py"), ("lock", "--script", "job.py", "--check")):
        assert "E_LOCK_STALE" in user.fails(*words)
    assert user.ok("run", "--no-frozen", "job.py") == "alpha 1.1\nmore\n"
    assert user.json("lock", "--script", "job.py")["detail"]["changes"] == ["alpha 2.0 -> 1.1"]
    assert user.ok("run", "--with", "alpha==1.0", "job.py") == "alpha 1.0\nmore\n"
    before = snapshot(user.project)
    assert "E_RESOLVE" in user.fails("add", "--script", "job.py", "missing-thing")
    assert "-# dependencies" in user.ok("remove", "--script", "job.py", "beta", "--dry-run")
    assert snapshot(user.project) == before
    user.ok("remove", "--script", "job.py", "beta")
    assert "beta" not in lock.read_text() + job.read_text()
    assert not list(user.project.glob(".*")), "nothing is left beside it"


def test_a_script_and_its_lock_change_as_one(user: Pyve) -> None:
    job = user.write("job.py", script("alpha<2"))
    user.ok("lock", "--script", "job.py")
    user.ok("run", "job.py")
    # The first is in its place, and the second cannot be put into its own.
    real = shutil.which("mv")
    for act, done in (("exit 1", False), ("kill -9 $PPID; exit 1", True)):
        before = snapshot(user.project)
        user.add_program(
            "mv", f'#!/bin/sh\ncase "$*" in *job.py.lock) {act} ;; esac\n{real} "$@"\n'
        )
        result = user("add", "--script", "job.py", "alpha==1.0")
        os.remove(user.bin / "mv")
        assert ("[E_FILE_WRITE]" in result.stderr) is not done, result.stderr
        if done:
            assert snapshot(user.project) != before
            before = {}
        assert user.ok("run", "job.py") == ("alpha 1.0\n" if done else "alpha 1.1\n")
        assert not before or snapshot(user.project) == before
        assert "current" in user.ok("lock", "--script", "job.py", "--check")
    assert sorted(os.listdir(user.project)) == ["job.py", "job.py.lock"]
    assert "alpha==1.0" in job.read_text()


def test_editing_keeps_every_other_byte(user: Pyve) -> None:
    start = b"\xef\xbb\xbf#!/usr/bin/env python\r\n# -*- coding: latin-1 -*-\r\n"
    code = b"print('\xe9')\r\n"
    job = user.project / "-odd \xe4.py"
    job.write_bytes(start + code)
    job.chmod(0o750)
    user.ok("add", f"--script={job.name}", "alpha>=1", cwd=user.project)
    data = job.read_bytes()
    assert data.startswith(start + b"# /// script\r\n# requires-python") and data.endswith(code)
    assert b'#     "alpha>=1",\r\n' in data and b"\n" not in data.replace(b"\r\n", b"")
    assert job.stat().st_mode & 0o777 == 0o750
    user.ok("add", "--script", str(job), "beta")
    user.ok("remove", "--script", str(job), "beta")
    assert job.read_bytes() == data
    # (Only a comment of the encoding makes such a file one of Python's.)
    assert user.execute("python3", "-c", f"compile(open({str(job)!r}, 'rb').read(), 'x', 'exec')")


def test_with_adds_for_one_run(user: Pyve) -> None:
    ask(user, "alpha<2")
    user.ok("sync")
    see = "import alpha, beta; from importlib.metadata import version as v; print(v('alpha'))"
    assert user.ok("run", "--with", "beta", "python", "-c", see) == "1.1\n", "the lock's version"
    assert user.ok("run", "--with", "beta", "--with", "alpha==1.0", "-c", see) == "1.0\n"
    # A program of the project's, which starts with the project's Python, sees it, too.
    ask(user, "alpha<2", "probe")
    user.ok("sync")
    before = snapshot(user.project, skip=("__pycache__",))
    assert "No module named 'beta'" in user("run", "probe").stderr
    assert user.ok("run", "--with", "beta", "probe") == "hello\n"
    user.env["PYVE_TOOLCHAIN"] = str(user.root / "nowhere")
    assert user.ok("run", "--with", "beta", "probe") == "hello\n"
    assert user.ok("run", "--with", "beta", "beta") == "hello\n"
    assert snapshot(user.project, skip=("__pycache__",)) == before


def test_with_adds_in_a_sandbox_too(user: Pyve) -> None:
    need_sandbox()
    ask(user, "alpha<2")
    user.ok("sync")
    words = ("run", "--sandbox", "--with", "probe", "-c")
    assert user.ok(*words, "import alpha, probe; print('both')") == "both\n"
    # What says where the packages are may have been written by what ran in one before.
    kept = user.home / "kept"
    kept.mkdir()
    (kept / "entry").write_text("secret")
    state = user.venv / "pyve.state"
    state.write_text(re.sub("store=.*", f"store={kept}", state.read_text()))
    look = f"try: open({str(kept / 'entry')!r})\nexcept OSError: print('refused')"
    assert user.ok(*words, look) == "refused\n"


def test_with_adds_to_a_conda_environment(user: Pyve) -> None:
    user.write(".pyve/config", "backend: micromamba\nmicromamba:\n  env_name: nile\n")
    prefix = user.project / ".pyve/envs/nile"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(real_python())
    tool = prefix / "bin/tool"
    tool.write_text(f"#!{prefix}/bin/python\nimport beta, gamma; beta.greet()\n")
    tool.chmod(0o755)
    site = prefix / f"lib/python{series(python_version())}/site-packages"
    for name, version in (("alpha", "1.1"), ("gamma", "7")):
        (site / f"{name}-{version}.dist-info").mkdir(parents=True)
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (site / f"{name}-{version}.dist-info/METADATA").write_text(about)
        (site / f"{name}.py").touch()
    see = "import os, beta, gamma; from importlib.metadata import version as v; print(v('alpha'), "
    see += "os.environ['CONDA_PREFIX'])"
    for words in (("python", "-c", see), ("-c", see)):
        out = user.ok("run", "--with", "beta", *words)
        assert out == f"1.1 {prefix}\n", "in front of the other, with its versions"
    assert user.ok("run", "--with", "beta", "--with", "alpha==1.0", "-c", see)[:4] == "1.0 "
    assert user.ok("run", "--with", "beta", "tool") == "hello\n"


def test_ephemeral_writes_nothing_into_the_folder(user: Pyve) -> None:
    ask(user, "alpha<2", more='[build-system]\nrequires = ["setuptools"]\n')
    user.write("src/shop_tools.py", "import alpha\n")
    user.ok("lock")
    user.write("job.py", "import shop_tools, helper, sys; print(sys.prefix != sys.base_prefix)\n")
    user.write("helper.py", "")
    user.write(".pyve/config", "backend: venv\n")
    before = snapshot(user.project, skip=())
    assert user.ok("run", "--ephemeral", "job.py") == "True\n"
    assert user.ok("run", "--ephemeral", "python", "-c", "import shop_tools, helper") == ""
    assert user.fails("run", "job.py"), "there is no environment in the project"
    assert snapshot(user.project, skip=()) == before
    # A lock that is to be taken as it is has to fit.
    ask(user, "alpha<1.1", more='[build-system]\nrequires = ["setuptools"]\n')
    user.fails("run", "--frozen", "--ephemeral", "job.py", code="E_LOCK_STALE")
    user.fails("run", "--ephemeral", "job.py", code="E_LOCK_STALE", CI="1")
    assert user.ok("run", "--no-frozen", "--ephemeral", "job.py", CI="1") == "True\n"
    user.ok("init", "--update")
    ask(user, "alpha", more='[build-system]\nrequires = ["setuptools"]\n')
    user.ok("lock")
    user.fails("run", "--frozen", "--ephemeral", "job.py", code="E_ENV_OUTDATED")


def test_an_explanation_makes_nothing(user: Pyve, index: LocalIndex) -> None:
    user.write("job.py", script("alpha"))
    cache, asked = user.home / ".cache/pyve/environments", len(index.requests)
    out = user.ok("explain", "run", "job.py", "--flag")
    assert "an environment is made" in out and not cache.exists()
    assert len(index.requests) == asked
    user.ok("run", "job.py")
    plan = json.loads(user("--json", "explain", "run", "job.py", "--flag").stdout)["detail"]["plan"]
    assert plan["argv"][1:] == ["job.py", "--flag"]
    assert user.execute(plan["argv"][0], "job.py").stdout == "alpha 2.0\n"


def test_a_folder_beside_a_script_is_taken_as_it_is_now(user: Pyve) -> None:
    source = '[tool.uv.sources]\n# near = { path = "near" }\n# ///'
    text = "import near\nprint(near.N)\n"
    # (Two scripts whose paths are the same where / is written %.)
    jobs = [
        user.write(name, script("near", show="").replace("///\nNA", f"{source}\nNA") + text)
        for name in ("x%job.py", "x/job.py")
    ]
    for number, job in ((1, jobs[0]), (1, jobs[1]), (2, jobs[1])):
        files = {"near/__init__.py": f"N = {number}, {job.name!r}\n"}
        needs = [] if number == 1 else ["alpha<2"]
        write_source(job.parent / "near", "near", "1.0", needs, files=files)
        assert user.ok("run", str(job)) == f"\n({number}, {job.name!r})\n"
    job.write_text(job.read_text() + "import alpha\n")
    assert user.ok("run", str(job)) == "\n(2, 'job.py')\n"
    # The same by its path.
    assert user.ok("run", "--with", "./near", "-c", text) == "(1, 'x%job.py')\n"
    said = user.fails("run", "--with", "./nearby", "-c", text, code="E_MANIFEST")
    assert f"current folder, {user.project}" in said


# --- from elsewhere


class Handler(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder that is served on loopback, and its address."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()
        thread.join()


def git(folder: Path, *words: str) -> str:
    """Run git without anybody's settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    env.update(
        {
            f"GIT_{who}_{what}": "a@b"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
    )
    result = subprocess.run(
        ["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_a_script_at_a_url_is_run_when_it_is_certain_which(
    user: Pyve, web: tuple[str, Path]
) -> None:
    url, folder = web
    text = "import sys; print(sys.argv[1:], __file__.endswith('/job.py'))\n"
    (folder / "job.py").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert "E_SCRIPT_FLOATING" in user.fails("run", f"{url}/job.py")
    assert user.ok("run", "--allow-floating", f"{url}/job.py?x=1", "a") == "['a'] True\n"
    assert "E_SCRIPT_FLOATING" in user.fails("run", "--allow-floating", f"{url}/job.py", CI="1")
    pinned = f"{url}/job.py#sha256={digest}"
    for _ in range(2):
        assert user.ok("run", pinned, "b", CI="1") == "['b'] True\n"
        # From now on without a network; and what may change, changes.
        (folder / "job.py").write_text("print('other')\n")
    assert user.ok("run", "--allow-floating", f"{url}/job.py") == "other\n"
    # Whatever it is called, as one of Pyve's own notes, say.
    (folder / "used").write_text(text)
    out = user.ok("run", "--script", f"{url}/used#sha256={digest}")
    assert out == user.ok("run", "--script", f"{url}/used#sha256={digest}") == "[] False\n"
    (folder / "page.py").write_text("\n<!DOCTYPE html>\n")
    said = user.fails("run", "--allow-floating", f"{url}/page.py", code="E_SCRIPT_FETCH")
    assert "web page" in said
    wrong = f"{url}/job.py#sha256={'0' * 64}"
    assert "E_SCRIPT_DIGEST" in user.fails("run", wrong)
    for odd in (f"{url}/job.py#main", f"{url}/a b.py", "git+ext::sh%20x@1#a.py", "git+https://h/r"):
        assert "E_SCRIPT_URL" in user.fails("run", "--allow-floating", odd), odd


def test_a_script_in_a_repository_is_run_with_what_is_beside_it(user: Pyve, tmp_path: Path) -> None:
    repository = tmp_path / "jobs.git"
    (repository / "tools").mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch=main")
    (repository / "tools/near.py").write_text("WORD = 'first'\n")
    (repository / "tools/job.py").write_text(
        "# /// script\n# dependencies = ['alpha<2']\n# ///\nimport alpha, near; print(near.WORD)\n"
    )
    (repository / "out.py").symlink_to("/etc/hostname")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    first = git(repository, "rev-parse", "HEAD")
    (repository / "tools/near.py").write_text("WORD = 'second'\n")
    git(repository, "commit", "--quiet", "-am", "two")
    address = f"git+{repository.as_uri()}"
    git(repository, "branch", "a/main", first)
    git(repository, "tag", "-a", "-m", "one", "v1", first)
    assert user.ok("run", f"{address}@{first}#tools/job.py", CI="1") == "first\n"
    assert user.ok("run", "--allow-floating", f"{address}@v1#tools/job.py") == "first\n"
    assert user.ok("run", "--allow-floating", f"{address}@main#tools/job.py") == "second\n"
    for name in (first[:12], "main"):
        assert "E_SCRIPT_FLOATING" in user.fails("run", f"{address}@{name}#tools/job.py")
    for path in ("../x.py", "tools/none.py", "/etc/passwd", "out.py", ""):
        assert "E_SCRIPT_URL" in user.fails("run", f"{address}@{first}#{path}"), path
    assert "E_SCRIPT_FETCH" in user.fails("run", f"{address}@{'1' * 40}#tools/job.py")
    missing = ("--allow-floating", f"{address}@{first[:12]}#tools/job.py")
    assert "all its digits" in user.fails("run", *missing, code="E_SCRIPT_FETCH")
    repository.rename(tmp_path / "away")
    assert user.ok("run", f"{address}@{first}#tools/job.py") == "first\n", "it was fetched before"
    assert json.loads(user("--json", "run", f"{address}@{first}#tools/job.py").stdout)
