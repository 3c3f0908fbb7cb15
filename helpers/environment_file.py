"""Read environment.yml and conda-lock.yml, and say whether they belong together.

Usage: environment_file.py environment --file FILE [--platform PLATFORM]
       environment_file.py lock --file LOCK [--platform PLATFORM] [--packages | --sides]
       environment_file.py content-hash --file FILE [--lock LOCK] --platform PLATFORM...
       environment_file.py status --file FILE --lock LOCK --platform PLATFORM

Runs in Pyve's toolchain (base). Each answers one document, as pyve_core says. PLATFORM is conda's
name of a machine, as linux-64. --sides: only the platforms, also of a lock in which git left the
marks of a merge conflict. Channels, dependencies and lines for pip may hold passwords: keys
that end in "_shown" have them without, for people.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

from pyve_core import Answer, HelperError, Options, parse_options, redact, run_helper


def describe_environment(options: Options) -> Answer:
    """Answer what an environment.yml says."""
    from pyve_files.environment import read_environment, split_name

    environment = read_environment(options.get("file"), options.get("platform", ""))
    names = {split_name(spec)[0]: spec for spec in environment.dependencies}
    answer: dict[str, Any] = asdict(environment)
    for name in ("lines", "has_pip_section", "pip_repositories", "category"):
        del answer[name]
    answer["needs_pip"] = bool(environment.pip) and "pip" not in names
    answer["python"] = split_name(names["python"])[1] if "python" in names else ""
    for name in ("channels", "dependencies", "pip"):
        answer[f"{name}_shown"] = [redact(text) for text in answer[name]]
    return answer


def describe_lock(options: Options) -> Answer:
    """Answer what a conda-lock.yml says."""
    from pyve_files.lock import find_platforms, read_lock

    platform = options.get("platform", "")
    if options.has("sides"):
        return {"platforms": find_platforms(options.get("file"))}
    lock = read_lock(options.get("file"), options.has("packages"))
    answer: dict[str, Any] = {
        "version": 1,
        "platforms": lock.platforms,
        "channels": lock.channels,
        "channels_shown": [redact(channel) for channel in lock.channels],
        "sources": lock.sources,
        "content_hash": lock.content_hash,
    }
    if platform and platform not in lock.platforms:
        raise HelperError(
            "E_LOCK_PLATFORM",
            f"{options.get('file')} has nothing for {platform}",
            f"it is made for {', '.join(lock.platforms)}",
            f"pyve lock --platform {' --platform '.join([platform, *lock.platforms])}",
        )
    if options.has("packages"):
        answer["packages"] = [
            asdict(package)
            for package in lock.packages
            if not platform or package.platform == platform
        ]
    return answer


def describe_content_hash(options: Options) -> Answer:
    """Answer what conda-lock would record in a lock."""
    from pyve_files.content_hash import Unsupported
    from pyve_files.lock import read_lock
    from pyve_files.status import find_sources, hash_now, list_hashes

    path, lock_path = options.get("file"), options.get("lock", "")
    lock = read_lock(lock_path, packages=False) if lock_path else None
    folder = os.path.dirname(os.path.abspath(lock_path or path))
    found = {}
    for platform in options.get_all("platform"):
        paths = [path]
        try:
            paths = find_sources(path, lock_path, lock) if lock else paths
            found[platform] = next(list_hashes(paths, platform, lock, folder))
        except Unsupported as error:
            try:
                found[platform] = hash_now(paths, platform, folder)
            except ImportError:
                raise HelperError(
                    "E_CONTENT_HASH",
                    f"the content hash of {path} cannot be told without conda-lock",
                    [str(error), "conda-lock is fetched when it is first needed"],
                    "pyve lock",
                ) from error
    return {"content_hash": found}


def describe_status(options: Options) -> Answer:
    """Answer whether a lock is current."""
    from pyve_files.status import find_status

    return find_status(options.get("file"), options.get("lock"), options.get("platform"))


def main(argv: list[str]) -> Answer:
    """Do what the first argument says."""
    options = parse_options(argv, "file lock platform", "packages sides")
    commands = {
        "environment": describe_environment,
        "lock": describe_lock,
        "content-hash": describe_content_hash,
        "status": describe_status,
    }
    command = commands.get(" ".join(options.words))
    if command is None:
        raise HelperError("E_HELPER_USAGE", f"environment_file.py knows {', '.join(commands)}")
    return command(options)


if __name__ == "__main__":
    sys.exit(run_helper(main))
