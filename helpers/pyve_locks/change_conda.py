"""What `pyve remove` writes for the conda backend."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_files.environment import read_environment, split_name
from pyve_files.lock import read_lock
from pyve_locks.change import Change
from pyve_locks.conda_graph import build_conda_graph
from pyve_locks.why import format_why, propose_removal, why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyve_locks.change import Edit

LOCK = "conda-lock.yml"
PLACES = ("", "pip")
_FEW = 5


def plan_conda_removal(
    root: Path, file: str, names: Sequence[str], where: str
) -> tuple[list[Edit], list[str]]:
    """Plan it.

    Args:
        root: the project.
        file: the environment.yml, relative to it.
        names: packages of conda, or of the section for pip.
        where: "pip" for that section only; "" for both.

    Returns:
        The edits, and what was taken out, as it was written.

    Raises:
        HelperError: E_PACKAGE_INDIRECT, E_PACKAGE_UNKNOWN, E_MANIFEST.
    """
    change = Change(root)
    removed: list[str] = []
    for name in names:
        found = [
            text
            for place in ([where] if where else PLACES)
            for text in change.remove(file, "environment", name, place)
        ]
        if not found:
            raise _not_asked(root, file, name)
        removed += found
    return [_keep_list(edit) for edit in change.edits()], removed


def _keep_list(edit: Edit) -> Edit:
    """Leave an empty list where the last one was: solvers take no ``dependencies:`` alone."""
    import yaml

    # (Only looked at: a number of many digits or a day that no month has is a text here.)
    root: Any = yaml.compose(edit.new, Loader=yaml.SafeLoader)
    values = [value for key, value in root.value if key.value == "dependencies"]
    if [value.tag for value in values] != ["tag:yaml.org,2002:null"]:
        return edit
    return replace(edit, new=re.sub(rb"(?m)^dependencies:", b"dependencies: []", edit.new, count=1))


def _not_asked(root: Path, file: str, name: str) -> HelperError:
    manifest = read_environment(str(root / file), "")
    known = sorted({split_name(spec)[0] for spec in manifest.dependencies})
    wanted = canonicalize_name(name.strip())
    if (root / LOCK).is_file():
        graph = build_conda_graph(read_lock(str(root / LOCK)), [manifest])
        numbers = [
            n for n, node in enumerate(graph.nodes) if canonicalize_name(node.name) == wanted
        ]
        if numbers:
            text = format_why(graph, [why(graph, number, _FEW) for number in numbers], utf8=False)
            lines = [line.strip() for line in text.splitlines() if line.startswith(" ")]
            message = f"the project does not ask for '{name}' itself: only a dependency needs it"
            fix = propose_removal(graph, numbers, wanted)
            return HelperError("E_PACKAGE_INDIRECT", message, list(dict.fromkeys(lines)), fix)
    message = f"{file} does not ask for '{name}'"
    close = difflib.get_close_matches(wanted, known, 3, 0.7)
    fixes = [f"pyve remove {other}" for other in close] or "pyve tree --depth 1"
    return HelperError("E_PACKAGE_UNKNOWN", message, "it asks for " + ", ".join(known), fixes)
