"""Repositories of git in a folder, for a machine that cannot ask where they come from.

Each is a bare one, ``NAME-DIGEST.git``, that holds the commits of a lock and says where it is from
(``pyve.url`` of its config). A commit is known by the digest of all that is in it, so that git
itself sees to it that nothing else comes out of the folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError, progress
from pyve_core.errors import redact
from pyve_locks.requirement import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["fetch_repository", "repository_settings"]

# What git is told is no option of it. (A lock may come from anybody.)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    """Run git, with nobody to ask.

    Raises:
        HelperError: E_REPOSITORY when there is no git.
    """
    try:
        return subprocess.run(
            ["git", *words],
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise HelperError(
            "E_REPOSITORY", "git does not run", [error.strerror or str(error), "the lock needs it"]
        ) from error


def _has(repository: Path, commit: str) -> bool:
    return _git("-C", str(repository), "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def fetch_repository(folder: Path, name: str, url: str, commit: str) -> tuple[Path, bool]:
    """See that a folder has a commit of a repository.

    Args:
        folder: where the repository goes.
        name: of the package.
        url: where it is.
        commit: the full digest.

    Returns:
        The bare repository, and whether anything was fetched.

    Raises:
        HelperError: E_REPOSITORY; E_LOCK_FILE for what is no commit.
    """
    if not _COMMIT.fullmatch(commit) or url.startswith("-"):
        raise HelperError(
            "E_LOCK_FILE",
            f"the lock does not say where git has {name} from",
            f"{redact(url)!r} and {commit!r} are no URL and no commit",
            "pyve lock",
        )
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    place = folder / f"{name}-{digest}.git"
    if place.is_dir() and _has(place, commit):
        return place, False
    shown = strip_credentials(url)
    progress(f"fetching {name} from {redact(shown)}")
    part = folder / f".{place.name}.{os.getpid()}.part"
    try:
        if place.is_dir():
            shutil.copytree(place, part)
        else:
            _need(_git("init", "--quiet", "--bare", str(part)), name, shown)
        _need(_git("-C", str(part), "config", "pyve.url", url), name, shown)
        branch = f"refs/heads/{commit}"
        words = ("-C", str(part), "fetch", "--quiet", "--no-tags")
        done = _git(*words, "--depth=1", "--", url, f"{commit}:{branch}")
        if done.returncode:
            # Some servers give branches and tags only.
            done = _git(*words, "--", url, "+refs/heads/*:refs/pyve/*", "+refs/tags/*:refs/tags/*")
            _need(done, name, shown)
            _need(_git("-C", str(part), "update-ref", branch, commit), name, shown)
        if _git("-C", str(part), "cat-file", "-e", f"{commit}:.gitmodules").returncode == 0:
            raise HelperError(
                "E_REPOSITORY",
                f"the repository of {name} has submodules, which would stay behind",
                [redact(shown), "only the machine that can ask for them can install it"],
            )
        shutil.rmtree(place, ignore_errors=True)
        os.replace(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place, True


def _need(done: subprocess.CompletedProcess[str], name: str, shown: str) -> None:
    if done.returncode:
        said = [line.strip() for line in redact(done.stderr).splitlines() if line.strip()]
        message = f"the repository of {name} cannot be fetched"
        raise HelperError("E_REPOSITORY", message, [redact(shown), *said[:5]])


def repository_settings(
    folders: Iterable[Path], urls: Sequence[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Give the variables that let git take repositories from folders in place of where they are.

    Args:
        folders: those that fetch_repository has filled.
        urls: of the repositories that a lock names.
        environ: the variables that there are; what they set for git stays.

    Returns:
        Only those that are to be set; {} when no folder has one of the repositories.
    """
    found: dict[str, str] = {}
    for folder in folders if urls else ():
        for place in sorted(folder.glob("*.git")):
            url = _git("--git-dir", str(place), "config", "pyve.url").stdout.strip()
            if url in urls:
                found.setdefault(url, place.absolute().as_uri())
    if not found:
        return {}
    count = environ.get("GIT_CONFIG_COUNT", "0")
    first = int(count) if re.fullmatch(r"\d+", count) else 0
    settings = {"GIT_CONFIG_COUNT": str(first + len(found))}
    for number, (url, place_url) in enumerate(found.items(), first):
        settings[f"GIT_CONFIG_KEY_{number}"] = f"url.{place_url}.insteadOf"
        settings[f"GIT_CONFIG_VALUE_{number}"] = url
    return settings
