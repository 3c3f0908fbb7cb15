"""Making an environment equal to a lock by the pip of the environment, where there is no uv.

pip is given the requirements that the lock comes to, with their hashes, and one page with the links
of all files that the lock has of them: it takes the one that fits, and asks no index what else
there is.

Source: PEP 751; ``pip inspect`` (format 1) for what is there; PEP 610 for where it came from.
"""

from __future__ import annotations

import html
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, canonicalize_version

from pyve_core import HelperError, count_things, progress
from pyve_locks.lock_file import read_lock
from pyve_locks.origins import file_name, list_artifacts, table, vcs_url
from pyve_locks.pip_engine import read_indexes
from pyve_locks.pip_engine_run import explain_pip, pip_environment, tidy, write_direct
from pyve_locks.places import list_logins
from pyve_locks.programs import run_program
from pyve_locks.selection import select
from pyve_locks.sync import Changes, is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyve_locks.links import Links

__all__ = ["PipSync"]

# What stays, though no lock has it.
_SEEDS = frozenset(("pip", "setuptools", "wheel"))


@dataclass(frozen=True)
class _Wish:
    """A package that is to be there.

    Attributes:
        package: of the lock.
        version: "" where the lock has none.
        base: the folder that its paths count from.
    """

    package: Mapping[str, Any]
    version: str
    base: str

    def line(self) -> str:
        """Give the line of a requirements file for pip."""
        name = self.package["name"]
        repository = vcs_url(self.package)
        if repository:
            path = table(self.package, "vcs").get("path")
            if path and not table(self.package, "vcs").get("url"):
                repository = repository.replace(str(path), self.place(str(path)), 1)
            return write_direct(f"{name} @ {repository}{self.inside('vcs')}")
        folder = table(self.package, "directory")
        if folder:
            url = self.place(str(folder["path"])) + self.inside("directory")
            return f"-e {url}" if folder.get("editable") else f"{name} @ {url}"
        archive = table(self.package, "archive")
        if archive:
            mark = self.inside("archive").replace("#", "&")
            return f"{name} @ {self.link(archive)}{mark}"
        hashes = "".join(
            f" --hash={kind}:{value}"
            for artifact in list_artifacts(self.package)
            for kind, value in artifact.get("hashes", {}).items()
            if kind in ("sha256", "sha384", "sha512")
        )
        return f"{name}=={self.version}{hashes}"

    def inside(self, key: str) -> str:
        """Give the part of a URL that names a folder in it."""
        found = table(self.package, key).get("subdirectory")
        return f"#subdirectory={found}" if found else ""

    def place(self, path: str) -> str:
        """Give a path of the lock as a URL."""
        return Path(os.path.normpath(os.path.join(self.base, path))).as_uri()

    def link(self, artifact: Mapping[str, Any]) -> str:
        """Give the URL of a file, with its hash."""
        url = str(artifact.get("url") or self.place(str(artifact.get("path", ""))))
        known = artifact.get("hashes", {})
        kind = next((one for one in ("sha256", "sha384", "sha512") if one in known), "")
        return f"{url}#{kind}={known[kind]}" if kind else url

    @property
    def is_plain(self) -> bool:
        """Whether it is a version of an index."""
        return not any(table(self.package, key) for key in ("vcs", "directory", "archive"))

    def is_met_by(self, there: Mapping[str, Any] | None) -> bool:
        """Tell whether what ``pip inspect`` says of an installed distribution is this."""
        if there is None or is_local(dict(self.package)):
            return False
        direct = there.get("direct_url") or {}
        version = str(there["metadata"]["version"])
        if self.version and canonicalize_version(version) != canonicalize_version(self.version):
            return False
        if self.is_plain:
            return not direct
        commit = table(self.package, "vcs").get("commit-id")
        if commit:
            return bool(direct.get("vcs_info", {}).get("commit_id") == commit)
        url = str(direct.get("url", ""))
        archive = table(self.package, "archive")
        if archive:
            return url == self.link(archive).partition("#")[0]
        path = self.place(str(table(self.package, "directory")["path"]))
        return bool(direct.get("dir_info", {}).get("editable")) and url.rstrip("/") == path


class PipSync:
    """pip at work on one environment; as sync.Uv."""

    def __init__(self, environment: Path, root: Path, offline: bool) -> None:
        self.environment = environment
        self.root = root
        self.offline = offline
        self.pip = [os.fspath(environment / "bin" / "python"), "-I", "-X", "utf8", "-m", "pip"]
        default, further = read_indexes(os.environ)
        further = list(dict.fromkeys([*further, *list_logins(root)]))
        # Of an index, only its login is wanted: all links are known.
        self.has_logins = any("@" in url for url in (default, *further))
        places = {"PIP_INDEX_URL": default, "PIP_EXTRA_INDEX_URL": " ".join(further)}
        places = {key: value for key, value in places.items() if value}
        self.env = pip_environment(os.environ, places)

    def plan(self, lock: Path, words: Sequence[str]) -> Changes:
        """Find out what ``sync`` would change."""
        return self._compare(lock, words)[0]

    def sync(
        self, lock: Path, words: Sequence[str], meanwhile: Callable[[], object] | None = None
    ) -> Changes:
        """Make the environment equal to a lock; see sync.Uv."""
        if meanwhile is not None:
            meanwhile()
        changes, wishes = self._compare(lock, words)
        removed = [line.split(" ")[0] for line in changes.removed]
        if removed:
            self.run("uninstall", "--yes", *removed)
        more = [word for word in words if not word.startswith(("--extra=", "--group="))]
        if wishes:
            progress(f"Installing {count_things(len(wishes), 'package')} by pip")
        with tempfile.TemporaryDirectory(prefix="pyve-pip-") as name:
            # Those with hashes apart: one hash asks for hashes of all.
            for number, plain in enumerate((True, False)):
                chosen = [wish for wish in wishes if wish.is_plain is plain]
                if chosen:
                    self._install(chosen, Path(name), str(number), more)
        return changes

    def install_project(self, links: Iterable[Links]) -> None:
        """Install the project itself, editable, without its dependencies."""
        words = [f"--find-links={link.place}" for link in links]
        self.run("install", "--no-deps", *words, "--editable", os.path.abspath(self.root))

    def _install(self, wishes: list[_Wish], folder: Path, stem: str, words: list[str]) -> None:
        asked, page = folder / f"{stem}.txt", folder / f"{stem}.html"
        lines = [wish.line() for wish in wishes]
        for line in lines:
            if not line.isprintable():
                # (Behind a line end, anything could be asked for.)
                raise HelperError("E_LOCK_FILE", "the lock is wrong", f"{line!r}", "pyve lock")
        asked.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        links = [
            (wish.link(artifact), file_name(artifact))
            for wish in wishes
            for artifact in list_artifacts(wish.package)
        ]
        if self.offline:
            links = [(url, name) for url, name in links if url.startswith("file:")]
        text = "".join(f'<a href="{html.escape(u)}">{html.escape(n)}</a><br>\n' for u, n in links)
        page.write_text(f"<!DOCTYPE html>\n{text}", encoding="utf-8")
        options = ["--no-deps", "--force-reinstall", "--no-compile", f"--find-links={page}"]
        if self.offline or not self.has_logins:
            options.append("--no-index")
        self.run("install", *options, *words, "-r", os.fspath(asked))

    def _compare(self, lock: Path, words: Sequence[str]) -> tuple[Changes, list[_Wish]]:
        """Say what a lock changes, and what has to be installed for that."""
        found = json.loads(self.run("inspect"))
        environment = {key: str(value) for key, value in found["environment"].items()}
        prefix = os.fspath(self.environment.resolve()) + os.sep
        there = {
            str(canonicalize_name(one["metadata"]["name"])): one
            for one in found["installed"]
            if f"{os.path.realpath(one['metadata_location'])}{os.sep}".startswith(prefix)
        }
        wanted = {
            str(canonicalize_name(wish.package["name"])): wish
            for wish in self._select(lock, words, environment)
        }
        new = [wish for name, wish in wanted.items() if not wish.is_met_by(there.get(name))]
        added, changed = [], []
        for wish in new:
            name = str(canonicalize_name(wish.package["name"]))
            version = wish.version or "?"
            if name in there:
                changed.append(f"{name} {there[name]['metadata']['version']} {version}")
            else:
                added.append(f"{name} {version}")
        removed = [
            f"{name} {one['metadata']['version']}"
            for name, one in sorted(there.items())
            if name not in wanted and name not in _SEEDS
        ]
        return Changes(tuple(sorted(added)), tuple(sorted(changed)), tuple(removed)), new

    def _select(
        self, path: Path, words: Sequence[str], environment: Mapping[str, str]
    ) -> Iterator[_Wish]:
        lock = read_lock(path)
        version = environment.get("python_full_version", "")
        limit = str(lock.get("requires-python", ""))
        if not SpecifierSet(limit).contains(version, prereleases=True):
            wanted = re.search(r"(?:>=|==|~=) ?(3\.\d+)", limit)
            raise HelperError(
                "E_SYNC_PYTHON",
                "the lock is not for the environment's Python",
                f"it is for {limit}, and the environment has {version}",
                f"pyve init --force --python-version {wanted.group(1)}" if wanted else (),
            )
        places = [str(marker) for marker in lock.get("environments") or ()]
        if places and not any(Marker(one).evaluate(dict(environment)) for one in places):
            raise HelperError(
                "E_SYNC_PLATFORM",
                "the lock has nothing for this machine",
                f"it is for {'; '.join(places)}",
                "pyve lock --upgrade",
            )
        extras = [word[8:] for word in words if word.startswith("--extra=")]
        groups = [word[8:] for word in words if word.startswith("--group=")]
        for package, left in select(lock, extras, groups or None):
            if not left or Marker(left).evaluate(dict(environment)):
                yield _Wish(package, str(package.get("version", "")), os.path.abspath(self.root))

    def run(self, command: str, *words: str) -> str:
        """Run pip, and give its stdout.

        Raises:
            HelperError: E_SYNC_PLATFORM, E_SYNC_BUILD, E_SYNC, E_INDEX, E_INDEX_AUTH,
                E_INDEX_OFFLINE, E_DISK_FULL, E_RESOLVE_ENGINE.
        """
        general = ["--disable-pip-version-check", "--no-input", "--no-color"]
        whole = [*self.pip, command, *general, *words]
        status, out, errors = run_program("pip", whole, self.root, self.env)
        if status:
            raise self._explain(f"{out}{errors}", status)
        return out

    def _explain(self, said: str, status: int) -> HelperError:
        """Give the diagnostic for what pip said when it could not do it."""
        if status < 0:
            return HelperError("E_SYNC", f"signal {-status} ended pip", tidy(said))
        known = explain_pip(said)
        why = [line.replace(os.fspath(self.environment), "the environment") for line in known.why]
        if known.code == "E_DISK_FULL" or known.code.startswith("E_INDEX"):
            return HelperError(known.code, known.message, why)
        if "No module named pip" in said:
            why.append("there is no uv, so the pip of the environment is to do it")
            return HelperError("E_RESOLVE_ENGINE", known.message, why, "pyve init --force")
        if known.code == "E_RESOLVE_BUILD":
            return HelperError("E_SYNC_BUILD", "a package cannot be built", why)
        if known.code in ("E_RESOLVE_MISSING", "E_RESOLVE_PYTHON"):
            if self.offline:
                message = "pip has no files for a time without network but those of --find-links"
                return HelperError("E_INDEX_OFFLINE", message, why)
            return HelperError("E_SYNC_PLATFORM", "the lock has nothing for this machine", why)
        return HelperError("E_SYNC", "the environment cannot be made what the lock says", why)
