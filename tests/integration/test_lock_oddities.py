"""Locks in odd places, from odd hands and broken off: what lock, sync, status and doctor say."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve, find_pythons, obey_modes, python_version, series, snapshot
from sync_user import ask, installed

HERE = ".".join(map(str, sys.version_info[:2]))
ESCAPE = "\x1b"
DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("beta", "1.0", ["alpha"]),
    make_wheel("ring", "1.0"),
)


@pytest.fixture
def user(user: Pyve) -> Pyve:
    """A user with a config, who asks for beta."""
    user.write(".pyve/config", "backend: venv\n")
    ask(user, "beta")
    return user


def lines_of(text: str) -> list[str]:
    """Return the lines without what ends them."""
    return [line.rstrip() for line in text.splitlines()]


# --- what stands in the lock's place


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_named_and_the_fix_mends_it(user: Pyve, kind: str) -> None:
    path = user.project / "pylock.toml"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    for words in (["lock"], ["lock", "--check"], ["why", "alpha"], ["tree"], ["export"]):
        said = user.fails(*words, code="E_LOCK_FILE_READ")
        assert "why: it is not a file" in said
    assert "fix: mv pylock.toml pylock.toml.old" in user.fails(
        "sync", "--frozen", code="E_LOCK_FILE_READ"
    )
    (fix,) = re.findall(r"fix: (.*)", user.fails("lock"))
    user.execute("sh", "-c", fix)
    user.ok("lock")


def test_orders_for_the_terminal_are_not_passed_on(user: Pyve) -> None:
    user.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "x\\u001b[31m"\n[[packages]]\n'
        'name = "alpha\\u001b]0;owned\\u0007"\nversion = "1.0"\n',
    )
    for words in (["tree"], ["why", "alpha"], ["export"], ["sync", "--frozen"], ["lock", "diff"]):
        result = user(*words)
        assert result.returncode == 1
        assert ESCAPE not in result.stdout + result.stderr
    made_from = {"name": "shop", "roots": {"": [f"alpha @ ./{ESCAPE}[31m"]}}
    # The names are well, and what the lock says that it was made from is not.
    user.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "x"\n[tool.pyve]\nversion = 1\n'
        f"manifest = {json.dumps(json.dumps(made_from))}\n"
        '[[packages]]\nname = "alpha"\nversion = "1.0"\n',
    )
    for words in (["tree"], ["why", "alpha"]):
        out = user.ok(*words)
        assert "alpha" in out
        assert "?[31m" in out
        assert ESCAPE not in out


def test_a_folder_whose_name_has_a_line_end_is_locked(user: Pyve) -> None:
    user.project = user.project.rename(user.root / "two\nlines")
    user.ok("sync")
    ask(user, "beta", "ring")
    # Its Python is below that folder now.
    user.ok("lock")
    user.ok("sync")
    assert installed(user) == ["alpha 1.0", "beta 1.0", "ring 1.0"]


def test_where_nothing_can_be_written_lock_and_status_are_read(user: Pyve) -> None:
    user.ok("sync")
    user.before = obey_modes()
    folders = [user.project, *(path for path in user.project.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        before = snapshot(user.project)
        assert "is current" in user.ok("lock", "--check")
        assert user.json("status")["detail"]["state"] == "consistent"
        assert "current" in user.ok("lock")
        user.ok("tree")
        assert snapshot(user.project) == before
        # What is not known by the digests alone, the helper has to tell.
        (user.project / "pyproject.toml").write_text(
            (user.project / "pyproject.toml").read_text() + "# a comment\n"
        )
        before = snapshot(user.project)
        assert "is current" in user.ok("lock", "--check")
        assert user.json("status")["detail"]["state"] == "consistent"
        assert snapshot(user.project) == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_another_file_that_is_no_lock_is_not_to_be_locked_again(user: Pyve) -> None:
    user.ok("lock")
    user.write("notes.toml", "no lock\n")
    said = user.fails("lock", "diff", "notes.toml", code="E_LOCK_FILE")
    assert "fix: pyve lock diff\n" in said


def test_a_manifest_that_cannot_be_read_is_no_fault_of_the_lock(user: Pyve) -> None:
    (user.project / "pyproject.toml").unlink()
    user.write("requirements.in", "-r base.txt\n")
    user.write("base.txt", "beta\n")
    user.ok("sync")
    (user.project / "base.txt").unlink()
    document = user.json("status")
    assert document["detail"]["state"] == "needs-lock"
    assert document["detail"]["lock"]["state"] == "stale"
    assert document["detail"]["next"] == "pyve doctor"
    assert "what it was made from cannot be read: requirements.in, line 1" in user.ok("status")
    assert "there is no file base.txt" in document["detail"]["why"][0]
    found = user.json("doctor")["diagnostics"]
    (diagnostic,) = [one for one in found if one["context"]["check"] == "lock-stale"]
    assert diagnostic["code"] == "E_MANIFEST"
    assert diagnostic["why"] == ["requirements.in, line 1: there is no file base.txt"]
    # What is shown to people is the same.
    assert "cannot be read [lock-stale]" in user("doctor").stdout


def test_doctor_says_aloud_what_it_finds_about_locks(user: Pyve) -> None:
    user.ok("sync")
    ask(user, "beta", "ring")
    result = user("doctor")
    assert result.returncode == 2
    assert "Lock: pylock.toml is stale [lock-stale]" in result.stdout
    assert "why: added ring" in result.stdout


# --- the environment, changed by hand


def test_what_was_uninstalled_is_missed_and_what_was_added_is_not(user: Pyve) -> None:
    user.ok("sync", "--no-store")
    folder = user.site_packages
    (folder / "mine-1.0.dist-info").mkdir()
    assert user.json("status")["detail"]["state"] == "consistent"
    (folder / "mine-1.0.dist-info").rmdir()
    (folder / "alpha-1.0.dist-info").rename(user.home / "away")
    detail = user.json("status")["detail"]
    assert (detail["state"], detail["next"]) == ("needs-env", "pyve sync")
    assert "packages were removed since" in detail["why"][0]
    user.ok("sync")
    assert installed(user) == ["alpha 1.0", "beta 1.0"]
    assert user.json("status")["detail"]["state"] == "consistent"


# --- which Python


def test_a_lock_is_solved_with_a_python_that_it_is_for(user: Pyve) -> None:
    others = [python for python in find_pythons() if series(python_version(python)) != HERE]
    if not others:
        pytest.skip("only one Python here")
    wanted = series(python_version(others[0]))
    ask(user, "beta", python=f"=={wanted}.*")
    # uv does not find it by itself.
    user.add_managed_python("pyenv", others[0])
    user.ok("lock")
    # Nor where the config says which one, and its environment is not there (any more).
    user.init("--yes", "--python-version", wanted)
    shutil.rmtree(user.venv)
    user.ok("lock", "--upgrade")
    (user.project / ".pyve/config").unlink()
    assert f'requires-python = "=={wanted}.*"' in (user.project / "pylock.toml").read_text()
    user.ok("outdated")
    # With an environment of another one, too.
    user.init("--yes", "--python-version", HERE)
    user.ok("lock", "--upgrade")
    said = user.fails("sync", code="E_SYNC_PYTHON")
    assert f"fix: pyve init --force --python-version {wanted}" in said


# --- broken off


def test_nothing_of_python_is_said_when_it_is_broken_off(user: Pyve, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    mark = tmp_path / "started"
    # A library of the helper that takes its time, before any of the helper's own words could act.
    (slow / "shutil.py").write_text(
        f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(60)\n"
    )
    runner = tmp_path / "runner.sh"
    runner.write_text(
        f'. "{user.tree}/lib/redact.sh"\n'
        f"redact_stderr env PYTHONPATH='{slow}' {sys.executable} -c 'import shutil'\n"
        "printf 'ended %s\\n' \"$?\"\n"
    )
    process = subprocess.Popen(
        ["bash", "-c", f"trap : INT; . '{runner}'"],
        env=user.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not mark.exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert out == "ended 130\n"
    assert errors == ""


def test_other_tracebacks_are_shown_whole(user: Pyve) -> None:
    code = "import sys; sys.stderr.write('before\\n'); sys.stderr.flush(); 1/0"
    result = user.execute(
        "bash", "-c", f'. "{user.tree}/lib/redact.sh"; redact_stderr {sys.executable} -c "{code}"'
    )
    lines = lines_of(result.stderr)
    assert lines[:2] == ["before", "Traceback (most recent call last):"]
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_an_answer_that_cannot_be_written_does_not_blame_the_toolchain(user: Pyve) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    code = (
        'PYVE_ROOT=$1; . "$1/lib/helper.sh"; '
        "prepare_helper locks show_packages --answer /dev/full tree --lock pylock.toml; status=0; "
        '"${HELPER_COMMAND[@]}" || status=$?; take_helper_answer "$status" /dev/null'
    )
    user.ok("lock")
    result = user.execute("bash", "-c", code, "bash", str(user.tree))
    assert result.returncode == 1
    assert "[E_FILE_WRITE]" in result.stderr
    assert "rm -rf" not in result.stderr


def test_two_sides_of_a_merge_in_lock_and_manifest(user: Pyve) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]

    def run(*words: str) -> None:
        user.execute(*git, *words)

    user.ok("lock")
    run("init", "-q", "-b", "main")
    run("add", "-A")
    run("commit", "-qm", "base")
    for branch, names in (("one", ["beta", "ring"]), ("two", ["beta", "alpha"])):
        run("checkout", "-qb", branch, "main")
        ask(user, *names)
        user.ok("lock")
        run("commit", "-qam", branch)
    run("merge", "-q", "one")
    assert "<<<<<<<" in (user.project / "pylock.toml").read_text()
    said = user.fails("lock", code="E_MANIFEST")
    assert "git left the marks of a merge in it" in said
    ask(user, "beta", "ring", "alpha")
    assert "git left conflict marks in it" in user.fails("lock", "--check", code="E_LOCK_STALE")
    before = snapshot(user.project, skip=(".git",))
    user.fails("why", "alpha", code="E_LOCK_FILE")
    assert snapshot(user.project, skip=(".git",)) == before
    user.ok("lock")
    user.ok("lock", "--check")
