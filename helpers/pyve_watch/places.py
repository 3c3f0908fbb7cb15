"""What is watched: folders, and which of their changes count."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from watchfiles import Change, DefaultFilter

from pyve_watch.ignored import IgnoreRules

# Beside what watchfiles leaves out: what tools keep in a project, and the file by which vim sees
# whether it may write into a folder.
_MORE_FOLDERS = (".ruff_cache", ".nox", ".eggs", ".direnv")
_MORE_NAMES = (r"^4913$", r"^\.goutputstream-", r"\.crdownload$")
_VERBS = {Change.added: "added", Change.modified: "changed", Change.deleted: "deleted"}
# A new folder with more files than that counts anyhow.
_MOST_NEW_FILES = 2000


@dataclass(frozen=True)
class Root:
    """Something that is watched.

    Attributes:
        path: an absolute path without links.
        name: the one file of ``path`` that counts; ``""`` for all below it.
        obeys_git: whether what git ignores is left out. What a person has named counts in any case.
    """

    path: str
    name: str = ""
    obeys_git: bool = True


def list_roots(folder: str, named: Iterable[str], rules: IgnoreRules) -> list[Root]:
    """Give what is to be watched.

    Args:
        folder: what is watched when nothing is named; absolute.
        named: absolute paths of files and folders that are there.
        rules: what git says about them.
    """
    roots: list[Root] = []
    for path in named:
        if os.path.isdir(path):
            real = os.path.realpath(path)
            roots.append(Root(real, "", not rules.find_ignored([real + "/"])))
            continue
        # By its folder: most editors put a new file at the place of the old one. A link counts
        # itself, and where it leads.
        for place in dict.fromkeys((path, os.path.realpath(path))):
            above, name = os.path.split(place)
            roots.append(Root(os.path.realpath(above), name, False))
    return roots or [Root(os.path.realpath(folder))]


def find_outputs() -> Iterator[os.stat_result]:
    """Give what stdout and stderr are, where these are files."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            output = os.fstat(number)
            if stat.S_ISREG(output.st_mode):
                yield output


class Places:
    """The folders below the roots that are watched, and the changes in them that count."""

    def __init__(self, roots: Iterable[Root], rules: IgnoreRules) -> None:
        self.roots = list(roots)
        self._rules = rules
        self._outputs = list(find_outputs())
        self._filter = DefaultFilter(
            ignore_dirs=(*DefaultFilter.ignore_dirs, *_MORE_FOLDERS),
            ignore_entity_patterns=(*DefaultFilter.ignore_entity_patterns, *_MORE_NAMES),
        )

    def list_folders(self) -> list[str]:
        """List every folder that is watched, each by itself.

        Folders that are left out, often the largest, cost nothing in this way.
        """
        found: dict[str, None] = {}
        for root in self.roots:
            if not os.path.isdir(root.path):
                continue
            found[root.path] = None
            level = [] if root.name else [root.path]
            while level:
                level = self._list_below(root, level)
                found.update(dict.fromkeys(level))
        return list(found)

    def _list_below(self, root: Root, folders: list[str]) -> list[str]:
        below = []
        for folder in folders:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False) and self._is_wanted(root, entry):
                            below.append(entry.path)
            except OSError:
                continue
        if root.obeys_git and below:
            ignored = self._rules.find_ignored(path + "/" for path in below)
            below = [path for path in below if path + "/" not in ignored]
        return below

    def _is_wanted(self, root: Root, entry: os.DirEntry[str]) -> bool:
        if entry.name == ".pyve" or not self._has_good_name(root, entry.path):
            # (Of .pyve only the config counts, which is in the folder itself.)
            return (
                entry.name == ".pyve" and os.path.basename(os.path.dirname(entry.path)) != ".pyve"
            )
        # Environments: of venv, and of conda.
        return not any(
            os.path.lexists(os.path.join(entry.path, name)) for name in ("pyvenv.cfg", "conda-meta")
        )

    def _has_good_name(self, root: Root, path: str) -> bool:
        relative = os.path.relpath(path, root.path)
        parts = relative.split("/")
        if ".pyve" in parts[:-1] and (parts[-2] != ".pyve" or parts[-1] != "config"):
            return False
        # (The words above the root, which may be in a folder called .venv, do not count.)
        return bool(self._filter(Change.modified, relative))

    def judge(self, changes: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
        """Give the changes that count, sorted, as (path, "added", "changed" or "deleted")."""
        counted: dict[str, str] = {}
        asked: dict[str, str] = {}
        for number, path in sorted(changes, key=lambda change: change[1]):
            root = self.find_root(path)
            if root is None or (not root.name and not self._has_good_name(root, path)):
                continue
            change = Change(number)
            if os.path.isdir(path):
                # A folder is nothing by itself, as for git; it may have come with files.
                if change is Change.added:
                    for file in self._list_files(root, path):
                        asked[file] = "added"
                continue
            verb = "deleted" if not os.path.lexists(path) else _VERBS[change]
            if verb == "deleted" and change is not Change.deleted:
                # It came and went.
                continue
            if not self._is_output(path):
                (asked if root.obeys_git else counted)[path] = verb
        if asked:
            # What is gone may have been a folder.
            gone = [path + "/" for path, verb in asked.items() if verb == "deleted"]
            ignored = {path.rstrip("/") for path in self._rules.find_ignored([*asked, *gone])}
            counted.update((path, verb) for path, verb in asked.items() if path not in ignored)
        return sorted(counted.items())

    def _is_output(self, path: str) -> bool:
        """Tell whether a file is where the command prints, as with ``pyve watch ... > log``."""
        if not self._outputs:
            return False
        try:
            return any(os.path.samestat(os.stat(path), output) for output in self._outputs)
        except OSError:
            return False

    def find_root(self, path: str) -> Root | None:
        """Give the root that a path belongs to; of several the most exact one."""
        best = None
        for root in self.roots:
            if root.name:
                if path == os.path.join(root.path, root.name):
                    return root
            elif path.startswith(root.path.rstrip("/") + "/") and (
                best is None or len(root.path) > len(best.path)
            ):
                best = root
        return best

    def _list_files(self, root: Root, folder: str) -> list[str]:
        found: list[str] = []
        level = [folder]
        while level and len(found) < _MOST_NEW_FILES:
            for place in level:
                try:
                    with os.scandir(place) as entries:
                        files = [x.path for x in entries if not x.is_dir(follow_symlinks=False)]
                except OSError:
                    continue
                found += [path for path in files if self._has_good_name(root, path)]
            level = self._list_below(root, level)
        return found


def describe_changes(changes: list[tuple[str, str]], folder: str) -> str:
    """Say in a few words what has changed: ``src/app.py changed, and 3 more``.

    Args:
        changes: as Places.judge gives them, at least one.
        folder: paths below it are shown from there.
    """
    # What a person has written comes first.
    path, verb = min(changes, key=lambda change: (change[1] == "deleted", change[0]))
    shown = os.path.relpath(path, folder)
    if shown.startswith("../"):
        shown = path
    more = len(changes) - 1
    return f"{shown} {verb}" + (f", and {more} more" if more else "")
