"""Makes an environment equal to a pylock.toml (PEP 751), or says what that would change.

Usage: sync_environment.py plan|apply --environment DIR --root DIR [--place DIR] [--lock FILE]
    [--extra NAME]... [--group NAME]... [--find-links DIR|URL]... [--project new|keep|none]
    [--no-dev] [--offline] [--only-binary] [--allow-startup NAME]... [--allow-record NAME]...

``plan`` writes nothing. ``apply`` works in place: the caller gives a copy of what is in use, which
will be at ``--place`` in the end, and scripts name that. The project itself, when it can be
installed, becomes an editable one without its dependencies, which the lock has; ``--project keep``
leaves an editable install of it as it is.

Runs in Pyve's toolchain (locks). Each answers one document, as pyve_core says.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pyve_core import Answer, HelperError, parse_options, run_helper
from pyve_installed.unpacked import check_unpacked, snapshot
from pyve_locks.project_install import find_installed, hidden, is_package
from pyve_locks.sync import Changes, Uv, is_local, made_lock, needs_made_lock
from pyve_locks.uv_find import find_uv, has_uv

if TYPE_CHECKING:
    from pyve_core import Options
    from pyve_installed.unpacked import Snapshot
    from pyve_locks.links import Links
    from pyve_locks.lock_file import LockFile
    from pyve_locks.pip_engine_sync import PipSync

VALUED = "environment place root lock extra group find-links project allow-startup allow-record"
FLAGS = "no-dev offline only-binary"


class Sync:
    """One environment, one lock, and what was chosen of it."""

    def __init__(self, options: Options) -> None:
        """Find uv, and what is there; nothing of the lock is read yet.

        Raises:
            HelperError: E_RESOLVE_ENGINE.
        """
        self.options = options
        self.environment = Path(options.get("environment"))
        self.root = Path(options.get("root"))
        self.path = self.root / options.get("lock", "pylock.toml")
        self.extras = options.get_all("extra")
        self.groups = list(options.get_all("group"))
        self.lock = cast("LockFile", {})
        self.project = ""
        self.uv = self.find_installer(options.has("offline"))
        self.installed = find_installed(self.environment, self.root)

    def find_installer(self, offline: bool) -> Uv | PipSync:
        """Give uv, or, where there is none, the environment's pip."""
        if has_uv():
            return Uv(find_uv(), self.environment, self.root, offline)
        from pyve_locks.pip_engine_sync import PipSync

        return PipSync(self.environment, self.root, offline)

    def read(self) -> None:
        """Read the lock, and see what it comes to with what was chosen.

        Raises:
            HelperError: E_LOCK_FILE, E_LOCK_FILE_READ, E_LOCK_MISSING, E_GROUP_UNKNOWN.
        """
        from pyve_locks.lock_file import read_merged_lock
        from pyve_locks.origins import is_project
        from pyve_locks.selection import check_choice

        self.lock = read_merged_lock(self.path)
        check_choice(self.lock, self.extras, self.groups)
        if self.groups and not self.options.has("no-dev"):
            # uv would take the groups that are named instead of those that come unasked.
            known = self.lock.get("dependency-groups") or ()
            default = self.lock.get("default-groups") or ()
            self.groups += [name for name in default if name in known and name not in self.groups]
        # One that the lock holds itself is not for us to look after.
        self.is_locked = any(is_project(package) for package in self.lock.packages)
        self.project = self.choose_project()

    @property
    def is_plain(self) -> bool:
        """Whether uv needs to be told nothing that only the lock tells."""
        chosen = ("extra", "group", "find-links")
        return not (
            self.installed
            or any(self.options.get_all(name) for name in chosen)
            or any(self.options.has(name) for name in ("no-dev", "only-binary"))
        )

    def choose_project(self) -> str:
        """Say what is to happen to the project itself: new, keep, remove, or "" for nothing."""
        if self.is_locked:
            return ""
        wish = self.options.get("project", "new")
        if wish == "none" or not is_package(self.root):
            return "remove" if self.installed else ""
        return "keep" if wish == "keep" and self.installed else "new"

    def run(self, apply: bool) -> Answer:
        """Do it, or find out what would be done."""
        if apply and self.is_plain:
            # (It is no environment that is in use: stopped half-way, it is thrown away.)
            before = self.take_stock()
            changes = self.uv.sync(self.path, [], self.read)
            self.check(before)
            if self.project == "new":
                self.uv.install_project([])
        else:
            self.read()
            changes = self.do_chosen(apply)
        if apply:
            self.relocate()
        return self.describe(changes)

    def take_stock(self) -> dict[Path, Snapshot]:
        """Note what is in the folders of packages that no distribution claims."""
        return {folder: snapshot(folder) for folder in self.list_folders()}

    def list_folders(self) -> list[Path]:
        """List the folders of packages."""
        return [one for one in self.environment.glob("lib/*/site-packages") if one.is_dir()]

    def check(self, before: dict[Path, Snapshot]) -> None:
        """Look at what was unpacked, before any of it is executed.

        Raises:
            HelperError: E_PACKAGE_ESCAPES, E_PACKAGE_RECORD, E_STARTUP_CODE.
        """
        # (What is made from a folder is the user's own.)
        names = [one["name"] for one in self.lock.packages if not one.get("directory")]
        allowed = self.options.get_all("allow-startup")
        unrecorded = self.options.get_all("allow-record")
        for folder in self.list_folders():
            known = before.get(folder)
            check_unpacked(
                folder, names, allowed, known=known, unrecorded=unrecorded, thorough=False
            )

    def relocate(self) -> None:
        """Make scripts name the place where the environment will be."""
        place = self.options.get("place", "")
        if place and place != os.fspath(self.environment):
            from relocate_environment import relocate

            relocate(os.fspath(self.environment), os.fspath(self.environment), place)

    def do_chosen(self, apply: bool) -> Changes:
        """Do it, or find out what would be done, with all that was chosen; after ``read``."""
        hides = self.installed if self.project in ("new", "keep") else []
        with ExitStack() as stack:
            path = self.path
            dev = not self.options.has("no-dev")
            links = self.find_links()
            if needs_made_lock(self.lock, dev, links):
                import tempfile

                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pyve-sync-"))
                path = Path(folder) / "pylock.toml"
                path.write_text(made_lock(self.lock, self.root, dev, links), encoding="utf-8")
            words = [f"--extra={name}" for name in self.extras]
            words += [f"--group={name}" for name in self.groups]
            if self.options.has("only-binary"):
                # What is there already need not be built.
                wanted = self.uv.plan(path, words)
                for line in (*wanted.added, *wanted.changed):
                    words += ["--only-binary", line.split(" ")[0]]
            # What builds need may be there, too.
            words += [f"--find-links={link.place}" for link in links]
            if not apply:
                return self.uv.plan(path, words)
            before = self.take_stock()
            with hidden(self.environment, hides):
                changes = self.uv.sync(path, words)
            self.check(before)
            if self.project == "new":
                self.uv.install_project(links)
        return changes

    def find_links(self) -> list[Links]:
        """Find where files may be taken from, and the repositories that the lock names, too."""
        places = self.options.get_all("find-links")
        if not places:
            return []
        from pyve_locks.links import Links
        from pyve_locks.origins import table
        from pyve_locks.repositories import repository_settings

        links = [Links(place, self.root) for place in places]
        folders = [Path(link.place) for link in links if not link.is_url]
        urls = [str(table(package, "vcs").get("url") or "") for package in self.lock.packages]
        settings = repository_settings(folders, list(filter(None, urls)), self.uv.env)
        self.uv.env.update(settings)
        return links

    def describe(self, changes: Changes) -> Answer:
        """Give the answer; the project itself has a place of its own in it."""
        if self.project:
            changes = changes.without({place.name.partition("-")[0] for place in self.installed})
        return {
            "added": list(changes.added),
            "changed": list(changes.changed),
            "removed": list(changes.removed),
            "project": self.project,
            "local": any(is_local(package) for package in self.lock.packages),
        }


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, VALUED, FLAGS)
    if options.words not in (["plan"], ["apply"]):
        raise HelperError("E_HELPER_USAGE", "the word plan or apply is needed")
    return Sync(options).run(options.words == ["apply"])


if __name__ == "__main__":
    sys.exit(run_helper(main))
