"""The scripts of an environment, without the lines that name its interpreter.

Source: the binary distribution format (``#!python``), entry points (console scripts).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["FINDING_HEAD", "format_scripts", "is_program", "parse_scripts", "split_script"]

# What stands before each script in the text that has them all, as bash splits it quickly.
SCRIPT_MARK = b"\x1e"
_OTHER_MARK = b"\x1f"
_DETOUR = re.compile(rb"#!/bin/sh\n'''exec' (.*?) \"\$0\" \"\$@\"\n' '''\n", re.DOTALL)
_PLAIN = re.compile(rb"#!([^\r\n]*)\r?\n")
# The head of a script that finds the interpreter beside itself: for one that is copied as it is.
FINDING_HEAD = (
    b"#!/bin/sh\n"
    b'\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n'
    b"' '''\n"
)


def split_script(content: bytes, pythons: Collection[str]) -> bytes | None:
    """Take away the lines by which a script finds its interpreter.

    Args:
        content: of a file in the folder of scripts.
        pythons: the paths that stand for the interpreter.

    Returns:
        What is below them; None for a script of something else, and for a program.
    """
    names = {os.fsencode(name) for name in pythons}
    plain = _PLAIN.match(content)
    if plain and plain.group(1) in names:
        return content[plain.end() :]
    detour = _DETOUR.match(content)
    if detour:
        word = detour.group(1)
        if word.startswith(b"'") and word.endswith(b"'"):
            word = word[1:-1].replace(b"'\"'\"'", b"'").replace(b"'\\''", b"'")
        if word in names or (word.startswith(b'"') and word[1:-1] in names):
            return content[detour.end() :]
    return None


def is_text(body: bytes) -> bool:
    """Tell whether bash can hold it, beside others in one text."""
    if b"\0" in body or SCRIPT_MARK in body or _OTHER_MARK in body:
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_program(content: bytes) -> bool:
    """Tell whether a file that no interpreter of ours runs is a program for the machine."""
    return not content.startswith(b"#!") and b"\0" in content[:8192]


def format_scripts(scripts: Mapping[str, bytes]) -> bytes:
    """Write the scripts as one text, sorted by name; see is_text."""
    return b"".join(
        SCRIPT_MARK + os.fsencode(name) + b"\n" + body for name, body in sorted(scripts.items())
    )


def parse_scripts(text: bytes) -> dict[str, bytes]:
    """Read the text of format_scripts."""
    found = {}
    for part in text.split(SCRIPT_MARK)[1:]:
        name, _, body = part.partition(b"\n")
        found[os.fsdecode(name)] = body
    return found
