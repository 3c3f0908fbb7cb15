"""Making an environment equal to a lock, by uv.

Source: PEP 751; ``uv pip sync``, which verifies the hash of each file that it takes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyve_core import HelperError, progress, redact
from pyve_core.fixes import repeat_without
from pyve_locks.confined_builds import confined_words
from pyve_locks.uv_run import SHOWN, explain_failure, no_index, uv_environment

# (What reads locks, and packaging, are imported where they are needed: uv starts before that.)
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from pyve_locks.links import Links
    from pyve_locks.lock_file import LockFile

__all__ = ["Changes", "Uv", "is_local", "made_lock", "needs_made_lock", "read_changes"]

# What would make uv take other files than the lock names, put them elsewhere, or not look at them.
_HINDRANCES = (
    *("UV_NO_VERIFY_HASHES", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_CONSTRAINT"),
    *("UV_OVERRIDE", "UV_EXCLUDE", "UV_BUILD_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_NO_BINARY"),
    *("UV_NO_BUILD", "UV_NO_BUILD_PACKAGE", "UV_NO_BINARY_PACKAGE", "UV_REQUIRE_HASHES"),
    *("UV_TORCH_BACKEND", "UV_TARGET", "UV_PREFIX", "UV_NO_SOURCES"),
)
_CHANGE = re.compile(r" ([-+~]) ([A-Za-z0-9][A-Za-z0-9._-]*)(?:==(\S+)| @ (\S+))?(?: \(from .*)?$")
_ON_THE_WAY = re.compile(r"\s*(Resolved|Prepared|Installed|Uninstalled|Building|Built|Download)")
_NOISE = re.compile(r"Using Python|warning: The `--pylock`|Checked |Would | [-+~] ")


class Changes(NamedTuple):
    """What a sync changes: ``name version`` added and removed, ``name old new`` changed.

    What is installed anew in the same version counts as changed.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> Changes:
        """Leave out what is removed of these names."""
        from packaging.utils import canonicalize_name

        left = {canonicalize_name(name) for name in names}
        kept = tuple(
            line for line in self.removed if canonicalize_name(line.split(" ")[0]) not in left
        )
        return Changes(self.added, self.changed, kept)


def read_changes(said: str) -> Changes:
    """Read the lines `` - name==1.0`` and `` + name==1.1`` of uv."""
    from packaging.utils import canonicalize_name

    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for line in said.splitlines():
        found = _CHANGE.match(line)
        if not found:
            continue
        mark, name, version, url = found.groups()
        what = version or redact(url or "?")
        for sign, side in (("-", before), ("+", after)):
            if mark in (sign, "~"):
                side[str(canonicalize_name(name))] = what
    return Changes(
        tuple(f"{name} {what}" for name, what in sorted(after.items()) if name not in before),
        tuple(
            f"{name} {before[name]} {what}"
            for name, what in sorted(after.items())
            if name in before
        ),
        tuple(f"{name} {what}" for name, what in sorted(before.items()) if name not in after),
    )


def is_local(package: dict[str, Any]) -> bool:
    """Tell whether it is made from a folder that may change while the lock does not."""
    directory = package.get("directory")
    return isinstance(directory, dict) and not directory.get("editable", False)


def needs_made_lock(lock: LockFile, dev: bool, links: Sequence[Links]) -> bool:
    """Tell whether uv has to be given another lock than the one in the project; see made_lock."""
    return bool(links) or (not dev and bool(lock.get("default-groups")))


def made_lock(lock: LockFile, root: Path, dev: bool, links: Sequence[Links]) -> str:
    """Make the lock for uv, where it cannot be told by options what is wanted.

    Args:
        lock: the project's.
        root: the folder that its paths count from; in what comes back they are absolute.
        dev: whether the groups that come unasked do so.
        links: where files of packages are: those that the lock names are taken from there. Their
            hashes are verified all the same.

    Returns:
        The text of a ``pylock.toml``.
    """
    from pyve_locks.lock_file import LockFile, format_lock

    made = LockFile(lock)
    if not dev:
        known = set(lock.get("dependency-groups") or ())
        made["default-groups"] = [g for g in lock.get("default-groups") or () if g not in known]
    made["packages"] = [_place(package, root, links) for package in lock.packages]
    return format_lock(made)


def _place(package: dict[str, Any], root: Path, links: Sequence[Links]) -> dict[str, Any]:
    """Give an entry of a lock with absolute paths, and files from the folders."""
    placed = dict(package)
    for key in ("vcs", "directory", "archive", "sdist"):
        if isinstance(placed.get(key), dict):
            placed[key] = _place_one(placed[key], root, links)
    if placed.get("wheels"):
        placed["wheels"] = [_place_one(wheel, root, links) for wheel in placed["wheels"]]
    return placed


def _place_one(part: dict[str, Any], root: Path, links: Sequence[Links]) -> dict[str, Any]:
    from pyve_locks.origins import file_name, list_artifacts

    placed = dict(part)
    if placed.get("path"):
        placed["path"] = os.path.join(os.path.abspath(root), str(placed["path"]))
    for artifact in list_artifacts({"archive": placed}):
        for link in links:
            found = link.find(file_name(artifact)) if artifact.get("url") else {}
            if found:
                placed.pop("url", None)
                placed.update(found)
                return placed
    return placed


class Uv:
    """uv at work on one environment."""

    def __init__(
        self, program: str, environment: Path, root: Path, offline: bool, python: str = ""
    ) -> None:
        """Note what is to be done later.

        Args:
            program: the path of uv.
            environment: the folder.
            root: the project's.
            offline: whether the network is left alone.
            python: the interpreter, where the environment has none: it is then only a folder with
                the places of one below it.
        """
        self.program = program
        self.environment = environment
        self.root = root
        self.words = [f"--python={python or environment / 'bin' / 'python'}"]
        self.words += [f"--prefix={environment}"] if python else []
        self.words += ["--offline"] if offline else []
        self.env = uv_environment(
            {key: value for key, value in os.environ.items() if key not in _HINDRANCES}
        )

    def plan(self, lock: Path, words: Sequence[str]) -> Changes:
        """Find out what ``sync`` would change."""
        return read_changes(self.run("sync", str(lock), *words, "--dry-run"))

    def sync(
        self, lock: Path, words: Sequence[str], meanwhile: Callable[[], object] | None = None
    ) -> Changes:
        """Make the environment equal to a lock.

        Args:
            lock: the file.
            words: further options of ``uv pip sync``.
            meanwhile: called while uv works. When it fails, uv is stopped, wherever it is.

        Raises:
            HelperError: E_SYNC_PYTHON, E_SYNC_PLATFORM, E_SYNC_BUILD, E_SYNC, E_INDEX,
                E_INDEX_AUTH, E_INDEX_OFFLINE, E_DISK_FULL, E_RESOLVE_ENGINE.
        """
        words = [str(lock), *words, "--verify-hashes"]
        try:
            return read_changes(self.run("sync", *words, meanwhile=meanwhile))
        except HelperError as error:
            if error.code != "E_INDEX_AUTH" or not self._log_in():
                raise
        return read_changes(self.run("sync", *words))

    def _log_in(self) -> bool:
        """Let uv know the logins that requirements files have: it reads pyproject.toml only."""
        from pyve_locks.places import list_logins

        known = self.env.get("UV_INDEX", "").split()
        found = [url for url in list_logins(self.root) if url not in known]
        self.env["UV_INDEX"] = " ".join([*known, *found])
        return bool(found)

    def install_project(self, links: Iterable[Links]) -> None:
        """Install the project itself, editable, without its dependencies; see ``sync``."""
        words = [f"--find-links={link.place}" for link in links]
        words += no_index(self.env)
        self.run("install", "--no-deps", *words, "--editable", os.path.abspath(self.root))

    def run(self, command: str, *words: str, meanwhile: Callable[[], object] | None = None) -> str:
        """Run ``uv pip COMMAND``, telling how far it is, and give what it says."""
        told = ["pip", command, *self.words, *words, "--no-progress", "--color=never"]
        # (Without --prefix, --python is that of the environment.)
        changed = None if any(word.startswith("--prefix=") for word in told) else self.environment
        said: deque[str] = deque(maxlen=10000)
        # uv leaves the file behind by which two of it keep out of each other's way.
        guard = self.environment / ".lock"
        had_guard = guard.exists()
        try:
            with (
                confined_words(told, self.env, changed) as confined,
                subprocess.Popen(
                    [self.program, *confined],
                    cwd=self.root,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                ) as process,
            ):
                try:
                    if meanwhile is not None:
                        meanwhile()
                except BaseException:
                    process.kill()
                    raise
                for line in process.stderr or ():
                    said.append(line)
                    is_warning = line.startswith("warning: ") and not _NOISE.match(line)
                    if is_warning or _ON_THE_WAY.match(line):
                        progress(line.rstrip("\n"))
        except OSError as error:
            raise HelperError(
                "E_RESOLVE_ENGINE", "uv does not run", f"{self.program}: {error.strerror or error}"
            ) from error
        finally:
            if not had_guard:
                guard.unlink(missing_ok=True)
        text = "".join(said)
        if process.returncode < 0:
            raise HelperError("E_SYNC", f"signal {-process.returncode} ended uv", tidy(text))
        if process.returncode:
            raise explain_sync(text, os.fspath(self.environment))
        return text


def tidy(said: str, environment: str = "") -> list[str]:
    """Give what uv said, redacted, without what it says on the way."""
    lines = []
    for line in redact(said).splitlines():
        if not line.strip() or _ON_THE_WAY.match(line) or _NOISE.match(line):
            continue
        line = re.sub(r"^(error|  cause|hint): ", "", line)
        if environment:
            line = line.replace(environment, "the environment")
        lines.append(line.strip())
    return lines[:SHOWN]


# The first that fits; None: uv_run knows it.
_MEANINGS = (
    (
        "E_PACKAGE_ESCAPES",
        "a distribution does not keep to its place",
        r"Scripts must not use the reserved name|Script path must resolve",
    ),
    (
        "E_SYNC_PYTHON",
        "the lock is not for the environment's Python",
        r"incompatible with the `?.*Python requirement",
    ),
    (
        "E_SYNC_PLATFORM",
        "the lock has nothing for this machine",
        r"doesn't have a source distribution or wheel for the current platform"
        r"|was resolved for a different|not compatible with the current|is not supported by any",
    ),
    (
        "E_SYNC_BUILD",
        "a package has no wheel, and nothing may be built",
        r"marked as `--no-build`|Building source distributions .* is disabled",
    ),
    ("E_INDEX", "a file is not the one that the lock names", r"has size \d+, but the lock"),
    ("E_INDEX", "an index has not the file that the lock names", r"404 Not Found|410 Gone"),
)


def explain_sync(said: str, environment: str = "") -> HelperError:
    """Give the diagnostic for what uv said when it could not sync.

    Args:
        said: its stderr.
        environment: what it worked on; people need not see its place.
    """
    flat = " ".join(said.split())
    why = tidy(said, environment)
    for code, message, pattern in _MEANINGS:
        if re.search(pattern, flat):
            return HelperError(code, message, why, _propose(code, flat))
    known = explain_failure(said)
    if known.code == "E_DISK_FULL" or known.code.startswith("E_INDEX"):
        again = repeat_without("--offline") if known.code == "E_INDEX_OFFLINE" else ()
        return HelperError(known.code, known.message, why, again or known.fix)
    if re.search(r"Failed to (download and )?build|build-system.requires|build backend", flat):
        return HelperError("E_SYNC_BUILD", "a package cannot be built", why)
    return HelperError("E_SYNC", "the environment cannot be made what the lock says", why)


def _propose(code: str, flat: str) -> list[str]:
    """Give the command that mends it; empty when none does."""
    if code == "E_SYNC_PYTHON":
        wanted = re.search(r"requirement: `[^`]*?(?:>=|==|~=) ?(3\.\d+)", flat)
        return [f"pyve init --force --python-version {wanted.group(1)}"] if wanted else []
    if code == "E_SYNC_BUILD":
        for option in ("--only-binary", "--no-build"):
            again = repeat_without(option)
            if again != repeat_without(""):
                return [again]
    return []
