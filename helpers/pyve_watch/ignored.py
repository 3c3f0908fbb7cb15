"""Which paths git ignores, as git itself tells it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

from pyve_core.errors import redact

# Set by git for its hooks; here they would name another repository than that of the path.
_OF_HOOKS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)


class IgnoreRules:
    """The rules of the repositories that paths are in.

    Attributes:
        failure: why git does not tell, ``""`` as long as it does. Nothing is ignored then.
    """

    def __init__(self) -> None:
        self.failure = ""
        self._repositories: dict[str, str] = {}

    def find_repository(self, folder: str) -> str:
        """Give the folder above (or the folder itself) that has a ``.git``; ``""`` for none."""
        known = self._repositories.get(folder)
        if known is None:
            above = os.path.dirname(folder)
            if os.path.lexists(os.path.join(folder, ".git")):
                known = folder
            else:
                known = "" if above == folder else self.find_repository(above)
            self._repositories[folder] = known
        return known

    def forget(self) -> None:
        """Look for repositories anew: one may have been made or removed."""
        self._repositories.clear()

    def find_ignored(self, paths: Iterable[str]) -> set[str]:
        """Give those of the absolute paths that git ignores.

        What ends in a slash is taken for a folder, also when it is not there. Tracked files are
        never ignored (gitignore(5)).
        """
        by_repository: dict[str, list[str]] = {}
        for path in paths:
            repository = self.find_repository(os.path.dirname(path.rstrip("/")))
            if repository:
                by_repository.setdefault(repository, []).append(path)
        found: set[str] = set()
        for repository, members in by_repository.items():
            found |= self._ask(repository, members)
        return found

    def _ask(self, repository: str, paths: list[str]) -> set[str]:
        prefix = len(repository.rstrip("/")) + 1
        # (A path from the top, with "./": one that begins with ":" would mean something else.)
        text = "".join(f"./{path[prefix:]}\0" for path in paths)
        env = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
        env["GIT_OPTIONAL_LOCKS"] = "0"
        command = ["git", "check-ignore", "-z", "--stdin"]
        try:
            result = subprocess.run(
                command,
                cwd=repository,
                env=env,
                input=os.fsencode(text),
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            self.failure = "there is no git on PATH"
            return set()
        except OSError as error:
            self.failure = f"git could not be started: {error.strerror}"
            return set()
        if result.returncode not in (0, 1):
            said = result.stderr.decode("utf-8", "replace").strip().splitlines()
            self.failure = redact(said[0] if said else f"git ended with {result.returncode}")
            return set()
        self.failure = ""
        names = os.fsdecode(result.stdout).split("\0")
        return {os.path.join(repository, name[2:]) for name in names if name}
