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


def is_text(name: str) -> bool:
    """Tell whether a name is UTF-8: watchfiles can watch no other."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        # What there is, as far as it is known: it tells what is new, and what came and went.
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._filter = DefaultFilter(
            ignore_dirs=(*DefaultFilter.ignore_dirs, *_MORE_FOLDERS),
            ignore_entity_patterns=(*DefaultFilter.ignore_entity_patterns, *_MORE_NAMES),
        )

    def list_folders(self) -> list[str]:
        """List every folder that is watched, each by itself.

        Folders that are left out, often the largest, cost nothing in this way.
        """
        found: dict[str, None] = {}
        found_files: list[str] = []
        for root in self.roots:
            if not os.path.isdir(root.path):
                # It may come back, which the nearest folder above it tells.
                above = os.path.dirname(root.path)
                while not os.path.isdir(above):
                    above = os.path.dirname(above)
                found[above] = None
                continue
            found[root.path] = None
            if root.name and os.path.lexists(os.path.join(root.path, root.name)):
                found_files.append(os.path.join(root.path, root.name))
            level = [] if root.name else [root.path]
            while level:
                level, files = self._list_below(root, level)
                found.update(dict.fromkeys(level))
                found_files += files
        if not self._folders:
            # (From here on judge keeps them, to whom a new file is still to be told.)
            self._files.update(found_files)
        self._folders = set(found)
        return list(found)

    def _list_below(self, root: Root, folders: list[str]) -> tuple[list[str], list[str]]:
        below, files = [], []
        for folder in folders:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if not entry.is_dir(follow_symlinks=False):
                            files.append(entry.path)
                        elif self._is_wanted(root, entry.path) and is_text(entry.name):
                            below.append(entry.path)
            except OSError:
                continue
        if root.obeys_git and below:
            ignored = self._rules.find_ignored(path + "/" for path in below)
            below = [path for path in below if path + "/" not in ignored]
        return below, files

    def _is_wanted(self, root: Root, folder: str) -> bool:
        above, name = os.path.split(folder)
        if name == ".pyve" or not self._has_good_name(root, folder):
            # (Of .pyve only the config counts, which is in the folder itself.)
            return name == ".pyve" and os.path.basename(above) != ".pyve"
        # Environments: of venv, and of conda.
        return not any(
            os.path.lexists(os.path.join(folder, mark)) for mark in ("pyvenv.cfg", "conda-meta")
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
        gone: set[str] = set()
        for number, path in sorted(changes, key=lambda change: change[1]):
            # A folder is nothing by itself, as for git; it may have come or gone with files.
            if self.is_folder(path):
                paths = self._list_files(path) if number != Change.modified else []
            elif path in self._folders and not os.path.lexists(path):
                # (With the folder above it, when that has gone, too.)
                paths = [] if os.path.dirname(path) in gone else self._list_gone(path)
                gone.add(path)
            else:
                paths = [path]
            for file in paths:
                root = self.find_root(file)
                verb = self._find_verb(file)
                if root is None or not verb or self._is_output(file):
                    continue
                if root.name or self._has_good_name(root, file):
                    (asked if root.obeys_git else counted)[file] = verb
        if asked:
            ignored = self._rules.find_ignored(asked)
            counted.update((path, verb) for path, verb in asked.items() if path not in ignored)
        for path, verb in (*asked.items(), *counted.items()):
            (self._files.discard if verb == "deleted" else self._files.add)(path)
        return sorted(counted.items())

    def is_folder(self, path: str) -> bool:
        """Tell whether a path is a folder.

        A link to one counts as a file, as it does for git, unless it leads to a root.
        """
        is_own = not os.path.islink(path) or any(
            f"{root.path}/".startswith(f"{path}/") for root in self.roots
        )
        return is_own and os.path.isdir(path)

    def _find_verb(self, path: str) -> str:
        """Tell what has become of a file; ``""`` when it came and went."""
        if not os.path.lexists(path):
            return "deleted" if path in self._files else ""
        # (The system says "added" of a file that an editor puts at the place of the old one.)
        return "changed" if path in self._files else "added"

    def _list_gone(self, folder: str) -> list[str]:
        """Give the files that were in a folder, which may have been moved away with all of them."""
        return [path for path in self._files if path.startswith(folder + "/")]

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

    def _list_files(self, folder: str) -> list[str]:
        """Give the files of a folder that is new, or one for which a root has waited."""
        found: list[str] = []
        for root in self.roots:
            if root.name:
                if root.path == folder:
                    found.append(os.path.join(folder, root.name))
                continue
            level = [folder] if root.path == folder or self._is_below(root, folder) else []
            while level and len(found) < _MOST_NEW_FILES:
                level, files = self._list_below(root, level)
                found += files
        return found

    def _is_below(self, root: Root, folder: str) -> bool:
        return folder.startswith(root.path.rstrip("/") + "/") and self._is_wanted(root, folder)


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
