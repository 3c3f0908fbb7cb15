"""Distributions that the old lock has from an index which nobody names any more."""

from __future__ import annotations

import re
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.fixes import quote, repeat
from pyve_locks.places import list_places
from pyve_locks.requirement import strip_credentials
from pyve_locks.solve import solve

if TYPE_CHECKING:
    from pyve_locks.manifest import Manifest
    from pyve_locks.solve import SolveOptions

__all__ = ["explain_lost_index"]

# Commands with an option --index, and whether it may be given several times.
_COMMANDS = {"lock": True, "add": False, "upgrade": False, "outdated": False}
# Before this, why tells what is; behind it, what would mend it without the index.
_CHANGE = "the smallest change "


def explain_lost_index(
    error: HelperError, manifest: Manifest, options: SolveOptions
) -> HelperError:
    """Say of what is missing which index the old lock has it from, when that has it still.

    As after ``pyve add NAME --index URL``, which asks the index for that time only.

    Args:
        error: why there is no solution.
        manifest: what is asked for.
        options: how it was solved.

    Returns:
        The same error, where no index was lost.
    """
    if error.code != "E_RESOLVE_MISSING" or options.preferences is None:
        return error
    asked = {strip_credentials(place).rstrip("/") for place in list_places(manifest, options)}
    said = " ".join([error.message, *error.why])
    for package in options.preferences.packages:
        index, name = str(package.get("index") or ""), str(package["name"])
        is_named = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", said)
        if is_named and index.startswith("http") and index.rstrip("/") not in asked:
            is_closed = _try(manifest, options, index)
            if is_closed is None:
                continue
            why = [line for line in error.why if not line.startswith(_CHANGE)]
            why.append(f"the lock has {name} from {index}, which is not asked any more")
            if is_closed:
                why.append("it wants a login: ~/.netrc or the keyring may have one")
            return HelperError(error.code, error.message, why, _repeat_with(index))
    return error


def _try(manifest: Manifest, options: SolveOptions, index: str) -> bool | None:
    """Solve with an index more: whether it wants a login; None when that is no solution."""
    with tempfile.TemporaryDirectory(prefix="pyve-index-") as folder:
        try:
            more = replace(options, indexes=(*options.indexes, index))
            solve(manifest, Path(manifest.root), more, Path(folder))
        except HelperError as error:
            return True if error.code == "E_INDEX_AUTH" else None
    return False


def _repeat_with(index: str) -> list[str]:
    words = shlex.split(repeat())
    command = words[1] if len(words) > 1 else ""
    if command not in _COMMANDS or "--check" in words:
        return [f"pyve lock --index {quote(index)}"]
    has_one = any(word.partition("=")[0] == "--index" for word in words)
    return [] if has_one and not _COMMANDS[command] else [f"{repeat()} --index {quote(index)}"]
