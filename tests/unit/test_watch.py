"""What git ignores, as the watcher asks it, which changes count, and how an end is read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pyve_test_helpers import TREE

from pyve_watch.child import End, is_group_alive
from pyve_watch.ignored import IgnoreRules


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with rules at several places, and another one in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    # As in a hook of another repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    folder = tmp_path / "a b\n-é"
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for place in (folder, folder / "inner"):
        place.mkdir()
        subprocess.run(["git", "init", "-q", "."], cwd=place, env=env, check=True)
    (folder / ".gitignore").write_text("build/\n*.log\n:odd\n")
    (folder / ".git/info/exclude").write_text("mine\n")
    (folder / "kept.log").write_text("")
    subprocess.run(["git", "add", "-f", "kept.log"], cwd=folder, env=env, check=True)
    (folder / "sub").mkdir()
    (folder / "sub/.gitignore").write_text("!x.log\n")
    return folder


def test_git_is_asked_for_each_path_in_its_own_repository(repository: Path) -> None:
    rules = IgnoreRules()
    names = [
        "a.log", "kept.log", "sub/x.log", "sub/y.log", "build/", "build", "build/x", "mine",
        ":odd", "inner/a.log", "gone/build/", "new\nline.log", '"q".log', "-x", "inner/",
    ]  # fmt: skip
    ignored = rules.find_ignored(f"{repository}/{name}" for name in names)
    assert {path[len(str(repository)) + 1 :] for path in ignored} == {
        "a.log", "sub/y.log", "build/", "build/x", "mine", ":odd", "gone/build/",
        "new\nline.log", '"q".log',
    }  # fmt: skip
    assert rules.failure == ""
    assert rules.find_ignored([f"{repository.parent}/a.log"]) == set()


def test_git_that_fails_ignores_nothing_and_says_why(repository: Path) -> None:
    rules = IgnoreRules()
    (repository / ".git/HEAD").write_text("")
    assert rules.find_ignored([f"{repository}/a.log"]) == set()
    assert "not a git repository" in rules.failure


def test_how_a_command_has_ended() -> None:
    assert End(3 << 8).code == 3
    assert End(9).code == 137
    process = subprocess.Popen(["sleep", "100"], start_new_session=True)
    assert is_group_alive(process.pid)
    process.kill()
    # What nobody has waited for yet does not count.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_group_alive(process.pid)
    process.wait()
    assert not is_group_alive(process.pid)


@pytest.mark.parametrize("name", ["check_changes", "check_named"])
def test_changes_are_told_as_they_are(tmp_path: Path, name: str) -> None:
    # (By the one of Pyve's own interpreters that has watchfiles.)
    maker = str(TREE / "scripts/make-test-toolchain.sh")
    python = subprocess.run([maker, "watch"], check=True, stdout=subprocess.PIPE, text=True).stdout
    script = str(TREE / "tests/helpers/watch_places.py")
    words = [python.strip(), "-E", "-s", "-B", script, name, str(tmp_path)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
