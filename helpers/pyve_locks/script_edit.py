"""Requirements in and out of the metadata of a script (PEP 723); the rest of the file stays."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_core.fixes import quote
from pyve_locks import edit_pyproject
from pyve_locks.edit_common import check_spelling, name_of
from pyve_locks.script import CODE, find_block
from pyve_locks.toml_text import write_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BOM = b"\xef\xbb\xbf"
# What may stand before everything else: the interpreter, and the encoding (PEP 263).
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")
# Stands where the mark of the block does, so that lines count as in the script.
_HEADER = "[project]\n"
_FOR_SCRIPTS = ("pyve add ", "pyve remove ", "pyve lock")


def add(data: bytes, shown: str, wishes: Sequence[str], folder: str, python: str = "") -> bytes:
    """Add requirements; a script without metadata gets some.

    Args:
        data: what the file holds.
        shown: how the user names it.
        wishes: requirements (PEP 508).
        folder: from which paths count, for complaints.
        python: of new metadata: its requires-python, "" for none.

    Raises:
        HelperError: E_SCRIPT_METADATA, E_MANIFEST.
    """
    for wish in wishes:
        check_spelling(wish, folder)
    if find_block(data, shown) is None:
        data = _insert(data, python)
    return _edit(data, shown, lambda text: edit_pyproject.add(text, wishes, "", shown))


def remove(data: bytes, shown: str, names: Sequence[str]) -> tuple[bytes, list[str]]:
    """Take requirements out, whatever their markers.

    Returns:
        What the file is to hold, and what was taken out, as it was written.

    Raises:
        HelperError: E_PACKAGE_UNKNOWN, E_SCRIPT_METADATA, E_MANIFEST.
    """
    removed: list[str] = []

    def edit(text: str) -> str:
        for name in names:
            text, found = edit_pyproject.remove(text, [name], "", shown)
            if not found:
                raise _not_asked(text, name, shown)
            removed.extend(found)
        return text

    if find_block(data, shown) is None:
        raise _not_asked("", names[0], shown)
    return _edit(data, shown, edit), removed


def _not_asked(text: str, name: str, shown: str) -> HelperError:
    from pyve_locks.toml_lines import parse_toml

    found = parse_toml(text).get("project", {}).get("dependencies", []) if text else []
    known = sorted({name_of(one) for one in found if isinstance(one, str)} - {""})
    close = difflib.get_close_matches(str(canonicalize_name(name)), known, 3, 0.7)
    message = f"{shown} does not ask for '{name}'"
    if close:
        fixes = [f"pyve remove --script {quote(shown)} {quote(other)}" for other in close]
        return HelperError("E_PACKAGE_UNKNOWN", message, "did you mean " + ", ".join(close), fixes)
    return HelperError("E_PACKAGE_UNKNOWN", message, f"it asks for {', '.join(known) or 'nothing'}")


def _insert(data: bytes, python: str) -> bytes:
    """Write a block without requirements above the code, behind what has to be first."""
    offset = len(_BOM) if data.startswith(_BOM) else 0
    for number in range(2):
        end = data.find(b"\n", offset) + 1 or len(data)
        line = data[offset:end]
        if not ((number == 0 and line.startswith(b"#!")) or _COOKIE.match(line)):
            break
        offset = end
    newline = "\r\n" if data.partition(b"\n")[0].endswith(b"\r") else "\n"
    lines = ["# /// script", f"# requires-python = {write_value(python)}" if python else ""]
    lines = [*filter(None, lines), "# dependencies = []", "# ///", ""]
    before, rest = data[:offset], data[offset:]
    if before and not before.endswith(b"\n") and before != _BOM:
        before += newline.encode()
    if rest and not rest.startswith((b"\n", b"\r\n")):
        lines.append("")
    return before + newline.join(lines).encode() + rest


def _edit(data: bytes, shown: str, edit: Callable[[str], str]) -> bytes:
    """Edit the text of the block as that of [project]; lines that stay keep every byte."""
    block = find_block(data, shown)
    assert block is not None
    padding = "\n" * (block.line - 1) + _HEADER
    # (What is read by nobody but the editor.)
    new = edit(padding + block.text)
    if not new.startswith(padding):
        raise HelperError(CODE, f"{shown}: its metadata cannot be edited safely", "edit it by hand")
    raw = data[block.start : block.end].split(b"\n")[:-1]
    newline = b"\r\n" if data[: block.start].endswith(b"\r\n") else b"\n"
    old_lines, new_lines = block.text.split("\n")[:-1], new[len(padding) :].split("\n")
    if new_lines and not new_lines[-1]:
        new_lines.pop()
    written: list[bytes] = []
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            written += [line + b"\n" for line in raw[start:end]]
            continue
        for line in new_lines[new_start:new_end]:
            text = f"# {line}" if line else "#"
            written.append(text.rstrip("\r").encode() + newline)
    changed = data[: block.start] + b"".join(written) + data[block.end :]
    again = find_block(changed, shown)
    if again is None or again.text.rstrip("\n") != "\n".join(new_lines).replace("\r", ""):
        raise HelperError(CODE, f"{shown}: its metadata cannot be edited safely", "edit it by hand")
    return changed


def for_script(error: HelperError, script: str) -> HelperError:
    """Give a diagnostic about a project as one about a script: its commands are for the script."""
    fixes = []
    for fix in error.fix:
        for start in _FOR_SCRIPTS:
            if fix.startswith(start) and "--script" not in fix:
                fixes.append(
                    f"{start.rstrip()} --script {quote(script)} {fix[len(start) :]}".strip()
                )
                break
        else:
            # What shows a project has nothing to say of a script.
            if not fix.startswith(("pyve tree", "pyve why", "pyve init")):
                fixes.append(fix)
    return HelperError(error.code, error.message, error.why, fixes)
