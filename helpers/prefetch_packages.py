"""Fetches the files of a pylock.toml into a folder, for machines that have no network.

Usage: prefetch_packages.py --folder DIR --root DIR --platform P... [--python VERSION]...
    [--extra NAME]... [--group NAME]... [--no-dev] [--only-binary] [--no-project]
    [--interpreter PATH]

Of each package all wheels that fit one of the platforms and Pythons, or the source distribution
where none does; repositories of git; and what building needs: that of source distributions, of
repositories, of folders beside the lock, and of the project itself. Each file is verified by its
digest; those that are there already stay. Build backends are asked what else they need, with the
interpreter.

Runs in Pyve's toolchain (locks). Answers one document, as pyve_core says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyve_core import (
    Answer,
    HelperError,
    Options,
    count_things,
    parse_options,
    progress,
    run_helper,
)
from pyve_locks.build_hooks import Backends, unpacked, unpacked_commit
from pyve_locks.download import fetch
from pyve_locks.lock_file import LockFile, read_merged_lock
from pyve_locks.logins import find_logins
from pyve_locks.origins import is_project
from pyve_locks.prefetch import (
    Choice,
    choose_files,
    lock_build,
    read_build_requires,
    refuse_builds,
)
from pyve_locks.project_install import is_package
from pyve_locks.repositories import fetch_repository
from pyve_locks.targets import Target, list_targets
from pyve_locks.uv_find import find_uv

VALUED = "folder root platform python extra group interpreter"
FLAGS = "no-dev only-binary no-project"


def find_musl() -> str:
    """Give conda's name of this machine's platform when its C library is musl, else ""."""
    from packaging.tags import platform_tags

    for tag in platform_tags():
        if tag.startswith("musllinux"):
            machine = tag.split("_", 3)[3]
            return f"linux-{ {'x86_64': '64'}.get(machine, machine) }"
    return ""


def choose_groups(options: Options, lock: LockFile) -> list[str] | None:
    """Say which dependency groups are meant, as for pyve sync; None for the default ones."""
    groups = options.get_all("group")
    if options.has("no-dev"):
        return list(groups)
    if not groups:
        return None
    known = lock.get("dependency-groups") or ()
    return [*groups, *(name for name in lock.get("default-groups") or () if name in known)]


class Prefetch:
    """One lock, one folder."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Path(options.get("folder"))
        self.root = Path(options.get("root"))
        self.lock = read_merged_lock(self.root / "pylock.toml")
        requires = str(self.lock.get("requires-python") or "")
        self.targets = list_targets(
            options.get_all("platform"), options.get_all("python"), requires, find_musl()
        )
        self.check_platforms()
        self.logins = find_logins(self.root)
        self.fetched: list[str] = []
        self.names: list[str] = []

    def check_platforms(self) -> None:
        """See that the lock is for the platforms.

        Raises:
            HelperError: E_SYNC_PLATFORM.
        """
        known = self.lock.pyve.get("platforms") or ()
        missing = [one.platform for one in self.targets if known and one.platform not in known]
        if missing:
            words = " ".join(f"--platform {name}" for name in (*known, *dict.fromkeys(missing)))
            raise HelperError(
                "E_SYNC_PLATFORM",
                f"the lock is not for {missing[0]}",
                f"it is for {', '.join(known)}",
                f"pyve lock {words}",
            )

    def take(self, choice: Choice) -> None:
        """Fetch the files of a choice."""
        files = [choice.files[name] for name in sorted(choice.files)]
        files = [file for file in files if file.name not in self.names]
        self.fetched += fetch(self.folder, files, self.logins)
        self.names += [file.name for file in files]

    def run(self) -> Answer:
        """Do it."""
        options = self.options
        choice = choose_files(
            self.lock, self.targets, options.get_all("extra"), choose_groups(options, self.lock)
        )
        if options.has("only-binary"):
            refuse_builds(choice)
        progress(f"fetching {count_things(len(choice.files), 'file')}")
        self.take(choice)
        needs = self.find_needs(choice)
        for requires, versions in needs.items():
            self.take_build(requires, versions)
        return {
            "folder": str(self.folder),
            "platforms": list(dict.fromkeys(one.platform for one in self.targets)),
            "pythons": list(dict.fromkeys(one.version for one in self.targets)),
            "fetched": sorted(self.fetched),
            "kept": len(self.names) - len(self.fetched),
            "bytes": sum(size_of(self.folder / name) for name in self.names),
            "builds": list(choice.builds),
        }

    def find_needs(self, choice: Choice) -> dict[tuple[str, ...], set[str]]:
        """Say what builds need -> the Pythons they run with; fetches the repositories."""
        needs: dict[tuple[str, ...], set[str]] = {}
        interpreter = self.options.get("interpreter", "")

        def add(name: str, source: Path, versions: set[str], *kinds: str) -> None:
            requires = read_build_requires(read_text(source / "pyproject.toml"))
            progress(f"solving for what building {name} needs")
            # (Without anything to build, no uv is needed.)
            backends = Backends(find_uv(), self.root, self.folder, interpreter, os.environ)
            requires += backends.ask(name, source, requires, kinds)
            if requires:
                needs.setdefault(requires, set()).update(versions)

        for name, versions in choice.sources.items():
            place = self.folder if name in choice.files else self.root
            with unpacked(place / name) as source:
                add(name, source, versions, "wheel")
        for (name, url, commit, inside), versions in choice.repositories.items():
            place, is_new = fetch_repository(self.folder, name, url, commit)
            self.names.append(place.name)
            self.fetched += [place.name] if is_new else []
            with unpacked_commit(place, commit) as source:
                add(name, source / inside, versions, "wheel")
        for folder, versions in choice.trees.items():
            add(folder, self.root / folder, versions, "editable", "wheel")
        is_locked = any(is_project(package) for package in self.lock.packages)
        if is_locked or (is_package(self.root) and not self.options.has("no-project")):
            versions = {target.version for target in self.targets}
            add("the project", self.root, versions, "editable", "wheel")
        return needs

    def take_build(self, requires: tuple[str, ...], versions: set[str]) -> None:
        """Fetch what a build needs."""
        uv = find_uv()
        for version in sorted(versions):
            progress(f"solving for a build with Python {version}")
            lock = lock_build(uv, self.root, requires, version, os.environ)
            targets: list[Target] = [one for one in self.targets if one.version == version]
            self.take(choose_files(lock, targets))


def read_text(path: Path) -> str | None:
    """Give the text of a file, or None when there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None


def size_of(path: Path) -> int:
    """Give how many bytes a file, or all files below a folder, have."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    return Prefetch(parse_options(argv, VALUED, FLAGS)).run()


if __name__ == "__main__":
    sys.exit(run_helper(main))
