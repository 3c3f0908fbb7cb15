"""Makes an environment of the shared store for a pylock.toml (PEP 751), or says what it would be.

Usage: store_environment.py fill|plan|top --store DIR --root DIR --python EXE --python-id ID
    --python-version VERSION --implementation NAME --platform TEXT [--key NAME] [--lock FILE]
    [--extra NAME]... [--group NAME]... [--no-dev] [--find-links DIR|URL]... [--offline]
    [--only-binary] [--own NAME]... [--allow-startup NAME]... [--allow-record NAME]...
    [--project new|none] [--project-key NAME] [--before DIR] [--pip DIR]
    [--environment DIR] [--place DIR]

``fill`` sees to it that the environment is in the store, and in its index. It touches nothing else.
``top`` installs what cannot be shared, packages made from folders and the project itself, into
--environment, which will be at --place in the end. ``plan`` writes nothing. What has changed is
told against --before, an environment that is there.

Where the store cannot be used, the answer is only why: ``unusable``.

Runs in Pyve's toolchain (locks). Each answers one document, as pyve_core says.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import Answer, HelperError, parse_options, run_helper
from pyve_installed.distributions import normalize
from pyve_locks.lock_file import read_merged_lock
from pyve_locks.origins import is_project, table
from pyve_locks.project_install import find_installed, is_package
from pyve_locks.sync import Uv, made_lock
from pyve_locks.uv_find import find_uv, has_uv
from pyve_locks.uv_run import no_index
from pyve_store.changes import compare
from pyve_store.digest import Choice, Interpreter, choose
from pyve_store.fill import Wishes, fill, has_entry
from pyve_store.layout import StoreUnusable, entry_path, write_key
from pyve_store.pool import fail_write
from pyve_store.project import can_keep, has_project, keep_project
from pyve_store.unpack import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyve_core import Options
    from pyve_locks.links import Links
    from pyve_locks.pip_engine_sync import PipSync
    from pyve_store.classify import Kinds

VALUED = (
    "store root python python-id python-version implementation platform key lock extra group"
    " find-links own allow-startup allow-record project project-key before pip environment place"
)
FLAGS = "no-dev offline only-binary"


class Store:
    """One lock, what was chosen of it, and the store."""

    def __init__(self, options: Options) -> None:
        """Read the lock.

        Raises:
            HelperError: E_LOCK_FILE, E_LOCK_FILE_READ, E_LOCK_MISSING, E_GROUP_UNKNOWN.
        """
        self.options = options
        self.store = Path(options.get("store"))
        self.root = Path(options.get("root"))
        self.path = self.root / options.get("lock", "pylock.toml")
        self.python = Interpreter(
            options.get("python"),
            options.get("python-id"),
            options.get("python-version"),
            options.get("implementation", "cpython"),
            options.get("platform"),
        )
        self.wishes = Wishes(
            tuple(options.get_all("own")),
            tuple(options.get_all("allow-startup")),
            tuple(options.get_all("allow-record")),
            options.get("key", "") or "default",
            options.has("only-binary"),
        )
        self.sha256 = _digest(self.path)
        self.lock = read_merged_lock(self.path)
        self.choice = self.choose()

    def choose(self) -> Choice:
        """See what the lock comes to, and what it is called in the store."""
        lock = self.lock
        groups = list(self.options.get_all("group"))
        if self.options.has("no-dev"):
            known = set(lock.get("dependency-groups") or ())
            lock["default-groups"] = [g for g in lock.get("default-groups") or () if g not in known]
        elif groups:
            # Those that come unasked come with those that are named.
            groups += [g for g in lock.get("default-groups") or () if g not in groups]
        settings = {
            "own": self.wishes.own,
            "startup": self.wishes.startup,
            "record": self.wishes.unrecorded,
        }
        extras = self.options.get_all("extra")
        choice = choose(self.lock, self.python, extras, groups, settings)
        if self.wishes.only_binary:
            choice.digest = hashlib.sha256(f"{choice.digest} only-binary".encode()).hexdigest()
        return choice

    def fill(self) -> Answer:
        """See to it that the environment is there."""
        choice = self.choice
        answer = dict(self.describe())
        if choice.unpinned:
            names = ", ".join(choice.unpinned[:10])
            return {"unusable": [f"the lock does not say which files these are to be: {names}"]}
        own: dict[str, str] = {}
        try:
            made = not (choice.fits and has_entry(self.store, choice.digest))
            if made:
                own = self.make().own
            project = self.keep_project()
            if not choice.local:
                self.note()
        except StoreUnusable as error:
            return {"unusable": [str(error)]}
        return {
            **answer,
            "made": made,
            "own": [f"{name} {why}" for name, why in sorted(own.items())],
            "project": project,
            "top": bool(choice.local) or project == "top",
        }

    def describe(self) -> Answer:
        """Say what the environment is, and what it changes."""
        choice, before = self.choice, self.options.get("before", "")
        project = {normalize(place.name.partition("-")[0]) for place in self.list_project(before)}
        changes = compare(before, choice, {*project, "pip"})
        return {
            "digest": choice.digest,
            "entry": os.fspath(entry_path(self.store, choice.digest)),
            "lock-sha256": self.sha256,
            "local": bool(choice.local),
            "added": list(changes.added),
            "changed": list(changes.changed),
            "removed": list(changes.removed),
        }

    def list_project(self, environment: str) -> list[Path]:
        """Find what is installed of the project itself."""
        return find_installed(Path(environment), self.root) if environment else []

    def plan(self) -> Answer:
        """Say what ``fill`` and ``top`` would do."""
        is_there = self.choice.fits and has_entry(self.store, self.choice.digest)
        return {**self.describe(), "hit": is_there, "project": self.find_project()}

    def find_project(self) -> str:
        """Say what is to happen to the project itself: new, remove, or "" for nothing."""
        if any(is_project(package) for package in self.lock.packages):
            return ""
        if self.options.get("project", "new") == "none" or not is_package(self.root):
            return "remove" if self.list_project(self.options.get("before", "")) else ""
        return "new"

    def keep_project(self) -> str:
        """See to it that the install of the project is kept: kept, top, or "" for nothing."""
        if self.find_project() != "new":
            return ""
        name = self.options.get("project-key", "")
        if not name or "/" in name or name.startswith(".") or not has_uv():
            return "top"
        if not can_keep(self.root):
            return "top"
        if has_project(self.store, name, self.root):
            return "kept"

        def install(prefix: Path) -> None:
            links = self.find_links()
            uv = Uv(find_uv(), prefix, self.root, self.options.has("offline"), self.python.path)
            uv.install_project(links)

        pythons = (self.python.path, os.path.realpath(self.python.path))
        try:
            return "kept" if keep_project(self.store, name, self.root, pythons, install) else "top"
        except OSError as error:
            raise fail_write(error) from error

    def top(self) -> Answer:
        """Install what cannot be shared into an environment that nobody uses yet."""
        environment = Path(self.options.get("environment"))
        links = self.find_links()
        offline = self.options.has("offline")
        engine: Uv | PipSync
        if has_uv():
            engine = Uv(find_uv(), environment, self.root, offline)
        else:
            from pyve_locks.pip_engine_sync import PipSync

            engine = PipSync(environment, self.root, offline)
        words = [f"--find-links={link.place}" for link in links]
        for package in self.choice.folders:
            words += self.name_folder(package)
        if self.choice.folders:
            engine.run("install", "--no-deps", *no_index(engine.env), *words)
        project = self.find_project()
        if project == "new":
            engine.install_project(links)
        place = self.options.get("place", "")
        if place and place != os.fspath(environment):
            from relocate_environment import relocate

            relocate(os.fspath(environment), os.fspath(environment), place)
        return {"project": project}

    def name_folder(self, package: Mapping[str, Any]) -> list[str]:
        """Give the arguments that install a package which is made from a folder."""
        folder = table(package, "directory")
        inside = str(folder.get("subdirectory") or ".")
        place = os.path.normpath(os.path.join(self.root.absolute(), str(folder["path"]), inside))
        return ["--editable", place] if folder.get("editable") else [place]

    def note(self) -> None:
        """Write the index."""
        name = self.options.get("key", "")
        if not name or "/" in name or len(os.fsencode(name)) > 200 or name.startswith("."):
            return
        try:
            write_key(self.store, self.sha256, self.python.ident, name, self.choice.digest)
        except OSError as error:
            raise fail_write(error) from error

    def make(self) -> Kinds:
        """Make the environment."""
        links = self.find_links()
        words = [f"--find-links={link.place}" for link in links]
        engine = Engine(
            self.python,
            self.root,
            self.options.has("offline"),
            self.options.get("pip", ""),
            words,
            self.wishes.only_binary,
            self.settings(links),
        )
        packages = [dict(one.table) for one in self.choice.packages]
        chosen = type(self.lock)({**self.lock, "packages": packages})
        for package in packages:
            package.pop("marker", None)
        text = kept = made_lock(chosen, self.root, True, [])
        if links:
            text = made_lock(chosen, self.root, True, links)
        python, wishes = self.python, self.wishes
        return fill(self.store, self.choice, text, kept, self.sha256, python, wishes, engine)

    def find_links(self) -> list[Links]:
        """Find where files may be taken from."""
        places = self.options.get_all("find-links")
        if not places:
            return []
        from pyve_locks.links import Links

        return [Links(place, self.root) for place in places]

    def settings(self, links: list[Links]) -> dict[str, str]:
        """Give variables that let git find the repositories which the lock names in folders."""
        if not links:
            return {}
        from pyve_locks.repositories import repository_settings

        folders = [Path(link.place) for link in links if not link.is_url]
        urls = [str(table(one.table, "vcs").get("url") or "") for one in self.choice.packages]
        return dict(repository_settings(folders, list(filter(None, urls)), dict(os.environ)))


def _digest(path: Path) -> str:
    """Give the SHA-256 of a lock; "" for one that cannot be read: read_lock says why."""
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return ""


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, VALUED, FLAGS)
    actions = {"fill": Store.fill, "plan": Store.plan, "top": Store.top}
    if len(options.words) == 1 and options.words[0] in actions:
        return actions[options.words[0]](Store(options))
    raise HelperError("E_HELPER_USAGE", "the word fill, plan or top is needed")


if __name__ == "__main__":
    sys.exit(run_helper(main))
