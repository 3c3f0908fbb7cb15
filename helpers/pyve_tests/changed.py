"""Which tests a change can affect, by git and by imports.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable

from .imports import ImportGraph

# What decides how all tests run, wherever it lies.
_EVERYTHING = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|pytest\.toml|\.pytest\.toml|\.?pytest\.ini|tox\.ini|setup\.(?:cfg|py)"
    r"|pylock(?:\.[^/]*)?\.toml|conda-lock\.yml|environment\.ya?ml|[^/]*requirements[^/]*\.(?:txt|in)"
    r"|uv\.lock|poetry\.lock|pdm\.lock|Pipfile(?:\.lock)?|\.python-version|\.tool-versions|\.env)"
    r"|\.pyve/config"
)


# What programs leave behind, also where git is not told to ignore it.
_LEFT_OUT = [
    "--exclude=" + name
    for name in (
        *("__pycache__/", "*.py[cod]", ".pytest_cache/", ".hypothesis/", ".mypy_cache/"),
        *(".ruff_cache/", ".coverage*", "*.egg-info/", ".venv/", "/.pyve/testenv/", "/.pyve/tmp/"),
    )
]


class ChangedError(Exception):
    """git cannot say what has changed."""


class Changes:
    """What has changed, and what that affects.

    Attributes:
        revision: the commit that was compared with.
        files: what has changed, relative to the project; what lies outside of it with ``..``.
        affected: absolute paths of the files whose tests may be affected; None: all.
        known: absolute paths of the Python files that git knows.
    """

    def __init__(
        self, revision: str, files: list[str], affected: set[str] | None, known: set[str]
    ) -> None:
        self.revision = revision
        self.files = files
        self.affected = affected
        self.known = known


def find_changes(root: str, revision: str, memory: str = "") -> Changes:
    """Find what has changed since a commit, in the working tree too, and what that affects.

    Args:
        root: the folder of the project, absolute, in a git repository.
        revision: a commit; of a branch that has gone on, the point where this one left it.
        memory: a file that keeps what was read of the project's files, or "".

    Raises:
        ChangedError: there is no repository, or no such commit.
    """
    root = os.path.realpath(root)
    # (Where the two have nothing in common, the commit itself is compared with.)
    base = _ask_git(root, ["merge-base", revision, "HEAD"], may_fail=True).strip() or revision
    top = os.path.realpath(_ask_git(root, ["rev-parse", "--show-toplevel"]).rstrip("\n"))
    listed = _ask_git(root, ["diff", "--name-only", "--no-renames", "-z", base, "--"])
    changed = {os.path.relpath(os.path.join(top, n), root) for n in listed.split("\0") if n}
    others = _ask_git(root, ["ls-files", "-z", "--others", "--exclude-standard", *_LEFT_OUT])
    new = {name for name in others.split("\0") if name}
    known = _ask_git(root, ["ls-files", "-z", "--cached"])
    files = sorted(changed | new)
    everything = new | {name for name in known.split("\0") if name} | changed
    affected = find_affected(root, files, everything, memory)
    if affected is not None:
        affected = {os.path.normpath(os.path.join(root, name)) for name in affected}
    python = {name for name in everything if name.endswith(".py")}
    return Changes(base, files, affected, {os.path.normpath(os.path.join(root, n)) for n in python})


def _ask_git(root: str, words: list[str], may_fail: bool = False) -> str:
    try:
        result = subprocess.run(
            # (Names are those of the repository, whatever its settings.)
            ["git", "-C", root, "-c", "diff.relative=false", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise ChangedError("git cannot be started: %s" % error.strerror) from None
    if result.returncode != 0 and not may_fail:
        lines = os.fsdecode(result.stderr).strip().splitlines()
        raise ChangedError(lines[-1] if lines else "git ended with %d" % result.returncode)
    return os.fsdecode(result.stdout)


def find_affected(
    root: str, changed: Iterable[str], files: Iterable[str], memory: str = ""
) -> set[str] | None:
    """Find the files whose tests may be affected by a change of others.

    Args:
        root: the folder of the project, absolute.
        changed: files that were changed, added or removed, relative to it.
        files: all files of the project, those among them.
        memory: as for ImportGraph.

    Returns:
        The files, relative to root; None when all may be, as by a change of pyproject.toml.

    Python files affect what imports them; conftest.py affects what lies beside and below it. Other
    files affect the Python files of their folder (of the nearest folder above with any, but not
    those of the root), and those that name them.
    """
    changed = list(changed)
    # (A folder is another repository in this one: git does not say what has changed in it.)
    if any(
        _EVERYTHING.fullmatch(name)
        or (not name.endswith("/") and os.path.isdir(os.path.join(root, name)))
        for name in changed
    ):
        return None
    graph = ImportGraph(root, (name for name in files if name.endswith(".py")), memory)
    touched: set[str] = set()
    for name in changed:
        touched.add(name)
        if not name.endswith(".py"):
            touched |= _find_users(graph, name)
    dependents = graph.find_dependents(touched)
    return dependents | set(changed)


def _find_users(graph: ImportGraph, name: str) -> set[str]:
    base = os.path.basename(name)
    found = {file for file, read in graph.read.items() if base in read["files"]}
    folder = os.path.dirname(name)
    while folder:
        beside = {file for file in graph.files if os.path.dirname(file) == folder}
        if beside:
            return found | beside
        folder = os.path.dirname(folder)
    return found
