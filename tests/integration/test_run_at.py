"""pyve run --at: the code, the lock and the environment of another commit."""

from __future__ import annotations

import re
import subprocess

import pytest
from distributions import make_wheel
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask

DISTRIBUTIONS = tuple(make_wheel("alpha", version) for version in ("1.0", "2.0"))
SHOW = "from importlib.metadata import version; import code_of; print(version('alpha'), code_of.N)"


@pytest.fixture
def history(user: Pyve) -> Pyve:
    """A project in a folder of a repository: two commits with other locks and code, then edits."""
    user.env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
    for who in ("AUTHOR", "COMMITTER"):
        user.env.update({f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.org"})
    top = user.project
    git(user, "init", "--quiet", "--initial-branch=main")
    (top / ".gitattributes").write_text("*.txt export-ignore\n")
    user.project = top / "the service"
    user.project.mkdir()
    for number, wish in ((1, "alpha<2"), (2, "alpha")):
        ask(user, wish)
        user.write("sub folder/code_of.py", f"N = {number}\n")
        user.write("notes.txt", "kept\n")
        if number == 1:
            user.init()
        user.ok("lock")
        git(user, "add", "-A", "--", ".", str(top))
        git(user, "commit", "--quiet", "-m", f"commit {number}")
    user.ok("sync")
    user.write("sub folder/code_of.py", "N = 'edited'\n")
    user.write("staged.py", "")
    git(user, "add", "staged.py")
    return user


def git(user: Pyve, *words: str) -> str:
    """Run git as the user."""
    result = subprocess.run(
        ["git", *words], cwd=user.project, env=user.env, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_a_command_runs_as_it_did_at_another_commit(history: Pyve) -> None:
    user, sub = history, history.project / "sub folder"
    top = user.project.parent
    before, status = snapshot(top), git(user, "status", "--porcelain")
    # A hook of git names its own index and folder in variables: they are not for this.
    hook = {"GIT_INDEX_FILE": str(top / ".git/index"), "GIT_DIR": str(top / ".git")}
    hook["GIT_WORK_TREE"] = str(top)
    result = user("run", "--at", "HEAD~1", "python", "-c", SHOW, cwd=sub, **hook)
    assert (result.returncode, result.stdout) == (0, "1.0 1\n"), result.stderr
    assert "Checking out" in result.stderr
    # Also a script of that commit, by its path from here; and once more, with nothing to be made.
    (sub / "later.py").write_text("print('now')\n")
    here = "import os; print(os.path.exists('../notes.txt'), os.path.exists('later.py'))"
    user.env["PYVE_TOOLCHAIN"] = str(user.root / "nowhere")
    assert user("run", "--at", "HEAD~1", "-c", here, cwd=sub).stdout == "True False\n"
    (sub / "later.py").unlink()
    assert user.ok("run", "--at", "main~1", "-c", SHOW, cwd=sub, **hook) == "1.0 1\n"
    said = user.ok("run", "--at", "HEAD~1", "git", "log", "-1", "--format=%s %D", cwd=sub, **hook)
    assert said.startswith("commit 1")
    assert user("run", "--at", "HEAD~1", "sh", "-c", "exit 7").returncode == 7
    # What a command changes there is not the commit's, nor is what it tells git to execute; and the
    # way to the project may be a link.
    evil = user.root / "evil"
    change = f"git config core.fsmonitor 'touch {evil}; false'"
    change += f"; git config filter.evil.clean 'touch {evil}'"
    change += "; echo '* filter=evil' >>../.gitattributes; echo N=0 >code_of.py; echo x >new.txt"
    user.ok("run", "--at", "HEAD~1", "sh", "-c", change, cwd=sub)
    # (A git that was killed leaves this.)
    (kept,) = (user.home / ".cache/pyve/checkouts").glob("*/git")
    (kept / "index.lock").touch()
    link = user.root / "link"
    link.symlink_to(user.project)
    here = {"cwd": link / "sub folder", "PWD": str(link / "sub folder")}
    result = user("run", "--at", "HEAD~1", "python", "-c", SHOW, **here)
    assert (result.returncode, result.stdout) == (0, "1.0 1\n"), result.stderr
    assert "Putting back" in result.stderr and not evil.exists()
    assert user("run", "--at", "HEAD~1", "cat", "new.txt", cwd=sub).stderr == ""
    assert user("run", "--at", "HEAD~1", "git", "config", "core.fsmonitor").stdout == ""
    assert not user.ok("run", "--at", "HEAD~1", "git", "describe", "--always", "--dirty").count("-")
    assert snapshot(top) == before and git(user, "status", "--porcelain") == status
    assert not git(user, "worktree", "list").count("\n")


def test_an_explanation_checks_nothing_out(history: Pyve) -> None:
    result = history("explain", "run", "--at", "HEAD", "python", "-c", SHOW)
    assert (result.returncode, result.stderr) == (0, "")
    out = result.stdout
    assert "is checked out" in out and git(history, "rev-parse", "HEAD") in out
    assert re.search("Folder .*/pyve/checkouts/", out) and "Executes     python, when" in out
    assert not (history.home / ".cache/pyve/checkouts").exists()
    history.ok("run", "--at", "HEAD", "true")
    (ready,) = (history.home / ".cache/pyve/checkouts").glob("*/ready")
    ready.unlink()
    out = history.ok("explain", "run", "--at", "HEAD", "python", "-c", SHOW)
    assert "is made from its lock" in out and not ready.exists()
    # What git cannot put right is checked out again.
    (ready.parent / "git/HEAD").unlink()
    assert "Checking out" in history("run", "--at", "HEAD", "true").stderr
    assert {item.name for item in ready.parent.iterdir()} == {
        "git",
        "ready",
        "runs",
        "tree",
        "used",
    }
