"""Fetches the archives of a conda-lock.yml into a folder, for machines that have no network.

Usage: prefetch_conda.py --folder DIR --lock FILE --platform P...

They lie there as in a channel, ``DIR/SUBDIR/ARCHIVE``; what pip installs lies beside these. Each
file is verified by its digest; those that are there already stay.

Runs in Pyve's toolchain (locks). Answers one document, as pyve_core says.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from pyve_conda.channels import expand_variables, split_archive_url
from pyve_conda.records import items_of_lock, select_packages
from pyve_core import Answer, HelperError, count_things, parse_options, progress, redact, run_helper
from pyve_files.lock import LockedPackage, read_lock
from pyve_locks.download import Server, Wanted, fetch
from pyve_locks.logins import Logins
from pyve_locks.origins import file_name

# Of a platform, or noarch: what is written stays in the folder. (A lock may come from anybody.)
_SUBDIR = re.compile(r"[a-z0-9]+(?:-[a-z0-9_]+)?")
CHANNEL = Server(
    *("a channel", "E_CONDA_NETWORK", "E_CONDA_MISSING", "E_CONDA_HASH", "E_CONDA_AUTH"),
    has_python=False,
)


def want_packages(packages: list[LockedPackage], source: str) -> tuple[list[Wanted], list[str]]:
    """Say which files are wanted, and which of them have to be built.

    Raises:
        HelperError: E_CONDA_LOCK (no digest, no platform in a URL), E_CONDA_CHANNEL.
    """
    wanted, builds = [], []
    for item in items_of_lock(packages, source):
        _, subdir, _ = split_archive_url(item.url)
        if not _SUBDIR.fullmatch(subdir):
            raise HelperError(
                "E_CONDA_LOCK",
                f"{source} has an archive in no folder of a channel",
                redact(item.url),
                "pyve lock",
            )
        name = f"{subdir}/{file_name({'url': item.url})}"
        kind = "sha256" if item.sha256 else "md5"
        wanted.append(Wanted(name, item.url, item.sha256 or item.md5, kind))
    for package in packages:
        if package.manager != "pip":
            continue
        url = expand_variables(package.url, os.environ).partition("#")[0]
        name = file_name({"url": url})
        kind = "sha256" if package.sha256 else "md5"
        wanted.append(Wanted(name, url, (package.sha256 or package.md5).lower(), kind))
        if not name.endswith(".whl"):
            builds.append(name)
    for file in wanted:
        if not file.digest:
            raise HelperError(
                "E_CONDA_LOCK",
                f"{source} has no digest of {file.name}",
                "nobody could verify it",
                "pyve lock",
            )
    return wanted, builds


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, "folder lock platform")
    path, folder = options.get("lock"), Path(options.get("folder"))
    lock = read_lock(path)
    platforms = list(dict.fromkeys(options.get_all("platform")))
    files: dict[str, Wanted] = {}
    builds: dict[str, None] = {}
    for platform in platforms:
        if platform not in lock.platforms:
            raise HelperError(
                "E_CONDA_PLATFORM",
                f"{os.path.basename(path)} is not for {platform}",
                f"it is for {', '.join(lock.platforms)}",
                f"pyve lock --platform {' --platform '.join([*lock.platforms, platform])}",
            )
        packages = select_packages(lock.packages, platform, ())
        wanted, sources = want_packages(packages, os.path.basename(path))
        files.update((file.name, file) for file in wanted)
        builds.update(dict.fromkeys(sources))
    progress(f"fetching {count_things(len(files), 'file')}")
    fetched = fetch(folder, [files[name] for name in sorted(files)], Logins({}), CHANNEL)
    return {
        "folder": str(folder),
        "platforms": platforms,
        "pythons": [],
        "fetched": fetched,
        "kept": len(files) - len(fetched),
        "bytes": sum((folder / name).stat().st_size for name in files),
        "builds": list(builds),
    }


if __name__ == "__main__":
    sys.exit(run_helper(main))
