"""The lock of a project, of whichever kind, as it is on disk or as a commit of git has it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_locks.graph import graph_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyve_files.environment import Environment
    from pyve_files.lock import Lock as CondaLock
    from pyve_locks.graph import Graph
    from pyve_locks.lock_file import LockFile

_YAML = (".yml", ".yaml")


@dataclass
class StoredLock:
    """A lock that was read.

    Attributes:
        path: of the file.
        pylock: of the venv backend: what it says; None for the other kind.
        conda: of the conda backend: what it says; None for the other kind.
        environments: of the conda backend: the manifests that it was made from.
        manifest: of the conda backend: the name of the first of these, or "".
    """

    path: Path
    pylock: LockFile | None = None
    conda: CondaLock | None = None
    environments: list[Environment] = field(default_factory=list)
    manifest: str = ""

    def find_platform(self, wanted: str, here: str) -> str:
        """Choose the platform to look at.

        Args:
            wanted: what was asked for: a platform of conda, "all", or "" for this machine's.
            here: conda's name of this machine; "" when that cannot be told.

        Returns:
            The platform; "" for all, side by side.

        Raises:
            HelperError: E_LOCK_PLATFORM, when it was asked for and the lock is not for it.
        """
        if self.conda is None or wanted == "all":
            return ""
        if wanted and wanted not in self.conda.platforms:
            has = f"it is made for {', '.join(self.conda.platforms)}"
            fixes = [f"pyve lock --platform {wanted}"]
            raise HelperError("E_LOCK_PLATFORM", f"the lock is not for {wanted}", has, fixes)
        return wanted or (here if here in self.conda.platforms else "")

    def make_graph(self, platform: str = "") -> Graph:
        """Make the graph, with what the manifest asks for as its roots.

        Args:
            platform: of conda; "" for all.

        Raises:
            HelperError: E_LOCK_FILE; E_MANIFEST and its like where the lock itself does not say
                what it was made from, and the manifest beside it is wrong.
        """
        if self.conda is not None:
            from pyve_locks.conda_graph import build_conda_graph

            graph = build_conda_graph(self.conda, self.environments, platform)
            graph.manifest = self.manifest
            return graph
        assert self.pylock is not None
        if "manifest" not in self.pylock.pyve:
            # Another tool's lock.
            from pyve_locks.manifest import read_manifest

            try:
                return graph_of(self.pylock, read_manifest(self.path.parent))
            except HelperError as error:
                if error.code != "E_MANIFEST_MISSING":
                    raise
        return graph_of(self.pylock)

    def find_changes(self) -> list[str]:
        """Say what the manifest asks for otherwise than when the lock was made.

        Returns:
            Sentences; none when it is the same, and where that cannot be told: for the conda
            backend, and for other tools' locks.
        """
        pyve = self.pylock.pyve if self.pylock is not None else {}
        old, files = pyve.get("manifest"), pyve.get("files")
        if not isinstance(old, str) or not isinstance(files, list):
            return []
        from pyve_locks.manifest import canonical, compare, raw_digest, read_manifest

        folder = self.path.parent
        if raw_digest(folder, map(str, files)) == pyve.get("files-sha256"):
            return []
        try:
            new = canonical(read_manifest(folder))
        except HelperError as error:
            return [error.message]
        return compare(old, new) if old != new else []


def read_stored(path: Path, manifests: Sequence[str] = ()) -> StoredLock:
    """Read a lock: by its name a ``conda-lock.yml`` (YAML), else a ``pylock.toml``.

    Args:
        path: the file.
        manifests: names of environment.yml files beside it, for a ``conda-lock.yml`` that does not
            say what it was made from, or says it of files that are gone.

    Raises:
        HelperError: E_LOCK_FILE, E_LOCK_FILE_READ, E_LOCK_MISSING; E_ENVIRONMENT_FILE and its like.
    """
    if path.suffix.lower() not in _YAML:
        from pyve_locks.lock_file import read_lock

        lock = read_lock(path)
        if lock.conflicted:
            why = "git left the marks of a merge in it; both sides count when it is made anew"
            raise HelperError("E_LOCK_FILE", f"{path} is two locks", why, "pyve lock")
        return StoredLock(path, pylock=lock)
    from pyve_files.environment import read_environment
    from pyve_files.lock import read_lock as read_conda_lock

    if not os.path.lexists(path):
        raise HelperError("E_LOCK_MISSING", f"there is no {path}", "", "pyve lock")
    conda = read_conda_lock(str(path))
    known = [path.parent / name for name in conda.sources if name.endswith(_YAML)]
    files = [file for file in known if file.is_file()]
    files = files or [file for file in (path.parent / name for name in manifests) if file.is_file()]
    environments = [read_environment(str(file)) for file in files]
    first = os.path.relpath(files[0], path.parent) if files else ""
    return StoredLock(path, conda=conda, environments=environments, manifest=first)


class Repository:
    """The git repository that a folder is in."""

    def __init__(self, folder: Path) -> None:
        """Look for it.

        Raises:
            HelperError: E_LOCK_REVISION, when git is not there, or the folder is in no repository.
        """
        self.folder = folder
        # What git said when it last failed.
        self.said = ""
        if self._ask("rev-parse", "--is-inside-work-tree") != b"true\n":
            why = [self.said, "without git, another file can be named to compare the lock with"]
            raise HelperError("E_LOCK_REVISION", f"{folder} is in no repository of git", why)

    def _ask(self, *words: str) -> bytes | None:
        """Run git. What it prints; None when it fails."""
        try:
            # (These are commands that run nothing of what the repository configures.)
            done = subprocess.run(
                ["git", "--no-pager", "--no-optional-locks", *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            why = error.strerror or str(error)
            raise HelperError("E_LOCK_REVISION", "git cannot be run", why) from error
        self.said = done.stderr.decode("utf-8", "replace").partition("\n")[0].strip()
        return done.stdout if done.returncode == 0 else None

    def find_commit(self, revision: str) -> str:
        """Give the full id of the commit that a revision means.

        Raises:
            HelperError: E_LOCK_REVISION, with the branches and tags that are written like it.
        """
        found = None
        if revision and not revision.startswith("-"):
            found = self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if found:
            return found.decode().strip()
        if revision == "HEAD":
            why = "nothing was committed yet"
            raise HelperError("E_LOCK_REVISION", "git has no earlier lock", why)
        raise self._unknown(revision)

    def _unknown(self, revision: str) -> HelperError:
        import difflib

        from pyve_core.fixes import quote

        listed = self._ask("for-each-ref", "--format=%(refname:short)") or b""
        names = listed.decode("utf-8", "replace").split()
        close = difflib.get_close_matches(revision, names, 3, 0.6)
        why = [f"{revision} is no file either"]
        if close:
            why.append("git has " + ", ".join(close))
        return HelperError(
            "E_LOCK_REVISION",
            f"git knows no revision '{revision}'",
            why,
            [f"pyve lock diff {quote(name)}" for name in close or ["HEAD"]],
        )

    def copy_file(self, commit: str, name: str, folder: Path) -> bool:
        """Put a file of a commit into a folder.

        Args:
            commit: its id.
            name: path of the file, relative to the folder that was looked in.
            folder: where to; the file gets its relative path below it.

        Returns:
            Whether the commit has it.
        """
        if os.path.isabs(name) or ".." in Path(name).parts:
            return False
        data = self._ask("cat-file", "blob", f"{commit}:./{name}")
        if data is None:
            return False
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return True


def read_revision(
    folder: Path, name: str, revision: str, manifests: Sequence[str] = ()
) -> StoredLock | None:
    """Read the lock as a commit has it.

    Args:
        folder: of the project.
        name: of the lock, relative to it.
        revision: of git, such as "HEAD", "origin/main" or "v1.2".
        manifests: as for ``read_stored``.

    Returns:
        The lock; None when the commit has none.

    Raises:
        HelperError: E_LOCK_REVISION; what ``read_stored`` raises, with the revision for the folder.
    """
    import tempfile

    repository = Repository(folder)
    commit = repository.find_commit(revision)
    with tempfile.TemporaryDirectory(prefix="pyve-diff-") as made:
        copies = Path(made)
        if not repository.copy_file(commit, name, copies):
            return None
        try:
            if name.endswith(_YAML):
                from pyve_files.lock import read_lock as read_conda_lock

                sources = read_conda_lock(str(copies / name), packages=False).sources
                for source in {*sources, *manifests}:
                    repository.copy_file(commit, source, copies)
            return read_stored(copies / name, manifests)
        except HelperError as error:
            texts = [text.replace(f"{made}/", f"{revision}:") for text in error.why]
            message = error.message.replace(f"{made}/", f"{revision}:")
            # (What would mend the file of today does not mend that one.)
            why = [*texts, f"this is the lock of {revision}; another revision can be named"]
            raise HelperError(error.code, message, why) from error
