"""Checks of which changes count for pyve watch, for an interpreter that has watchfiles.

Usage: watch_places.py check_changes|check_named FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "helpers"))

from pyve_watch.ignored import IgnoreRules
from pyve_watch.places import Places, describe_changes, list_roots

ADDED, CHANGED, DELETED = 1, 2, 3


def check_changes(tmp_path: Path) -> None:
    """Each change is told as what it is for the project."""
    folder = Path(os.path.realpath(tmp_path))
    for name in ("src/a.py", "src/deep/b.py", "src/deep/c.py", "top.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    subprocess.run(["git", "-C", str(folder), "init", "-q"], check=True)
    rules = IgnoreRules()
    places = Places(list_roots(str(folder), [], rules), rules)
    assert places.list_folders() == [str(folder / name) for name in ("", "src", "src/deep")]

    def judge(*changes: tuple[int, str]) -> list[tuple[str, str]]:
        found = places.judge((number, str(folder / name)) for number, name in changes)
        return [(path[len(str(folder)) + 1 :], verb) for path, verb in found]

    # An editor puts a new file at the place of the old one; what came and went is nothing.
    (folder / "top.new").write_text("new")
    (folder / "top.new").rename(folder / "top.py")
    burst = ((ADDED, "top.new"), (DELETED, "top.new"), (CHANGED, "top.new"), (ADDED, "top.py"))
    assert judge(*burst) == [("top.py", "changed")]
    (folder / "more.py").write_text("")
    assert judge((CHANGED, "more.py")) == [("more.py", "added")]
    assert judge((CHANGED, "more.py")) == [("more.py", "changed")]
    (folder / "more.py").unlink()
    assert judge((DELETED, "more.py"), (ADDED, "more.py")) == [("more.py", "deleted")]
    assert judge((DELETED, "more.py")) == []
    # A folder goes with all that is in it, of which the system says nothing; and comes back.
    (folder / "src").rename(folder.parent / "away")
    gone = [("src/a.py", "deleted"), ("src/deep/b.py", "deleted"), ("src/deep/c.py", "deleted")]
    assert judge((DELETED, "src"), (DELETED, "src/deep")) == gone
    (folder.parent / "away").rename(folder / "src")
    assert judge((ADDED, "src")) == [(name, "added") for name, _verb in gone]
    assert judge((CHANGED, "src"), (CHANGED, "src/deep")) == []
    # An environment that is made is none of the project's files.
    (folder / "mine").mkdir()
    (folder / "mine/pyvenv.cfg").write_text("")
    assert judge((ADDED, "mine")) == []
    # What is removed and made anew in one burst; a link to a folder is a file, as for git.
    shutil.rmtree(folder / "src")
    (folder / "src").mkdir()
    (folder / "src/a.py").write_text("")
    burst = ((DELETED, "src/deep"), (DELETED, "src/a.py"), (DELETED, "src"), (ADDED, "src"))
    assert judge(*burst) == [("src/a.py", "changed"), *gone[1:]]
    (folder / "src").rename(folder / "real")
    (folder / "src").symlink_to("real")
    assert ("src", "added") in judge((DELETED, "src"), (ADDED, "src"), (ADDED, "real"))
    assert places.list_folders() == [str(folder), str(folder / "real")]
    (folder / "src").unlink()
    assert judge((DELETED, "src")) == [("src", "deleted")]
    assert rules.failure == ""
    assert describe_changes([("/x/b", "deleted"), ("/x/c", "added")], "/x") == "c added, and 1 more"


def check_named(tmp_path: Path) -> None:
    """What is named may go and come back."""
    folder = Path(os.path.realpath(tmp_path))
    (folder / "out/css").mkdir(parents=True)
    (folder / "out/css/a.css").write_text("")
    (folder / "lib").mkdir()
    rules = IgnoreRules()
    named = [str(folder / "out/css/a.css"), str(folder / "lib")]
    places = Places(list_roots(str(folder), named, rules), rules)
    assert places.list_folders() == [str(folder / "out/css"), str(folder / "lib")]
    (folder / "out").rename(folder / "old")
    (folder / "lib").rmdir()
    assert places.judge([(DELETED, str(folder / "out/css"))]) == [(named[0], "deleted")]
    assert places.list_folders() == [str(folder)]
    (folder / "old").rename(folder / "out")
    (folder / "out/css/other.css").write_text("")
    (folder / "lib").mkdir()
    (folder / "lib/x").write_text("")
    assert places.list_folders() == [str(folder / "out/css"), str(folder / "lib")]
    found = places.judge([(ADDED, str(folder / "out/css")), (ADDED, str(folder / "lib"))])
    assert [path for path, _verb in found] == [f"{folder}/lib/x", named[0]]


if __name__ == "__main__":
    {"check_changes": check_changes, "check_named": check_named}[sys.argv[1]](Path(sys.argv[2]))
