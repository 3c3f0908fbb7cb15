"""Scripts with inline metadata (PEP 723): where the block is, and what it says.

Everything but the lines that an edit changes stays as it is, byte for byte: the rest of the file is
never decoded.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pyve_core import HelperError
from pyve_locks.local_project import LIMIT
from pyve_locks.manifest import Manifest, read_manifest_of
from pyve_locks.pyproject import FILE, Pyproject
from pyve_locks.requirement import Place
from pyve_locks.requirements_file import RequirementsReader
from pyve_locks.toml_lines import Path as Keys
from pyve_locks.toml_lines import TomlError, find_lines, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODE", "Block", "ScriptFile", "find_block", "read_script", "read_script_manifest"]

CODE = "E_SCRIPT_METADATA"
# Stands for the script where a project has a name; no distribution is called so.
NAME = "pyve-script"
_MARK = re.compile(rb"# /// ([a-zA-Z0-9-]+)")
_END = b"# ///"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """The block of a script.

    Attributes:
        line: that of ``# /// script``, counted from 1.
        start, end: the lines between the marks, as places in the file: bytes from start to before
            end.
        text: what they say, without the signs of comments, with ``\\n`` between and behind them.
    """

    line: int
    start: int
    end: int
    text: str


def read_script(path: Path) -> bytes:
    """Read a script.

    Raises:
        HelperError: E_SCRIPT_METADATA: it is no file, cannot be read, or is too large.
    """
    try:
        if not path.is_file():
            raise HelperError(CODE, f"{path} is no file that could be a script")
        with open(path, "rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        raise HelperError(CODE, f"{path} cannot be read", str(error.strerror)) from error
    if len(data) > LIMIT:
        raise HelperError(CODE, f"{path} is larger than {LIMIT >> 20} MiB")
    return data


def find_block(data: bytes, shown: str) -> Block | None:
    r"""Find the block of the type ``script``.

    As PEP 723 has it: it begins with ``# /// script``, goes on with lines that are ``#`` or begin
    with ``# ``, and ends with the last ``# ///`` among them. Lines may end with ``\r\n``, and a
    byte order mark may stand before the first.

    Args:
        data: what the file holds.
        shown: how the user names it.

    Returns:
        The block, or None when there is none.

    Raises:
        HelperError: E_SCRIPT_METADATA: there are several, one has no end, or it is not UTF-8.
    """
    if b"# /// script" not in data:
        return None
    found: list[Block] = []
    # The block that is open: its type, its line, where it begins; and its last end so far.
    kind, begin, start, end = b"", 0, 0, -1
    offset = len(_BOM) if data.startswith(_BOM) else 0
    lines = data[offset:].split(b"\n")
    # (A line that is no comment ends what is still open at the end.)
    for number, raw in enumerate([*lines, b""], 1):
        line = raw[:-1] if raw.endswith(b"\r") else raw
        if kind and (line == b"#" or line.startswith(b"# ")):
            end = offset if line == _END else end
        else:
            if kind == b"script":
                if end < 0:
                    _fail(shown, begin, "the block of metadata has no end", "it is a line: # ///")
                found.append(Block(begin, start, end, _read_text(data[start:end], shown, begin)))
            opened = _MARK.fullmatch(line)
            kind = opened[1] if opened else b""
            begin, start, end = number, offset + len(raw) + 1, -1
        offset += len(raw) + 1
    if len(found) > 1:
        others = " and ".join(str(block.line) for block in found)
        message = f"there are several blocks of metadata, in the lines {others}"
        _fail(shown, found[1].line, message, "PEP 723 allows one of the type 'script'")
    return found[0] if found else None


def _read_text(data: bytes, shown: str, line: int) -> str:
    """Take the signs of comments away."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start) + 1
        _fail(shown, line, "the metadata is not UTF-8", "TOML is always UTF-8")
    return "".join(f"{one.rstrip(chr(13))[2:]}\n" for one in text.split("\n")[:-1])


def _fail(shown: str, line: int, message: str, why: str) -> NoReturn:
    raise HelperError(CODE, f"{shown}, line {line}: {message}", why)


class ScriptFile(Pyproject):
    """The metadata of a script, read as the [project] of a pyproject.toml is.

    Args:
        root: the folder of the script, from which paths count.
        name: how the user names it.
        block: its metadata, or None for none.

    Raises:
        HelperError: E_SCRIPT_METADATA, or E_MANIFEST with file and line, from here and from all
            methods.
    """

    def __init__(self, root: Path, name: str, block: Block | None) -> None:
        self.root = root
        self.name = name
        self.environ: Mapping[str, str] = os.environ
        self.files: list[str] = []
        # Lines are then counted as they are in the script.
        self.text = "\n" * block.line + block.text if block else ""
        try:
            top = parse_toml(self.text)
        except TomlError as error:
            where = f"{error} (column {error.column})"
            _fail(name, error.line, "the metadata is no TOML", where)
        self.data: dict[str, Any] = {"project": {**top, "name": NAME}, "tool": top.pop("tool", {})}
        self.data["project"].pop("tool", None)
        self._lines: dict[Keys, int] | None = None
        unknown = sorted(set(top) - {"dependencies", "requires-python"})
        if unknown:
            place = self.place("project", unknown[0])
            allowed = "PEP 723 has dependencies, requires-python and [tool]"
            _fail(name, place.line, f"'{unknown[0]}' is nothing that metadata has", allowed)
        self.project = self.data["project"]
        self.has_project = True
        self.has_groups = False
        self.reader = RequirementsReader(root, self.environ, {})

    def place(self, *keys: str | int) -> Place:
        """Say where a value stands, or the nearest above it that can be told."""
        if self._lines is None:
            self._lines = find_lines(self.text)
        path: Keys = keys[1:] if keys[:1] == ("project",) else keys
        while path and path not in self._lines:
            path = path[:-1]
        return Place(self.root, self.name, self._lines.get(path, 0))

    def read_uv(self) -> dict[str, Any]:
        """Give [tool.uv]; no uv.toml takes its place."""
        return self.take_table(("tool", "uv"))


def read_script_manifest(path: Path, data: bytes | None = None) -> Manifest:
    """Read what a script asks for.

    Args:
        path: the script, as the user names it.
        data: what it is to hold, where it is not to be read as it is.

    Returns:
        A manifest whose paths count from the folder of the script, and that names no files: what
        is not metadata may change, and a lock fits as before.

    Raises:
        HelperError: E_SCRIPT_METADATA, E_MANIFEST.
    """
    data = read_script(path) if data is None else data
    root = path.parent
    block = find_block(data, str(path))
    found = read_manifest_of(ScriptFile(root, str(path), block), root)
    files = tuple(file for file in found.files if file != FILE)
    return replace(found, name=None, is_project=False, files=files)
