"""Make the files of an environment name its new place instead of its old one.

Usage: relocate_environment.py ENVIRONMENT OLD NEW

ENVIRONMENT is the folder that holds the files now; OLD and NEW are the absolute paths that they
named and are to name. Console scripts get the new interpreter; editable installs of the project
that holds the environment (``.pth`` and ``.egg-link`` files, setuptools' finders, PEP 610
``direct_url.json``) get the new folder. Each file is written beside and moved over; running it
twice changes nothing more.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import sys
from urllib.parse import quote

# A #! line longer than this is cut off by some systems (Linux before 5.1: 127 bytes).
LONGEST_SHEBANG = 127


def script_head(python: bytes) -> bytes:
    """Return the first lines of a console script that is run by ``python``."""
    if b" " not in python and b"\n" not in python and len(python) + 2 <= LONGEST_SHEBANG:
        return b"#!" + python + b"\n"
    word = os.fsencode(shlex.quote(os.fsdecode(python)))
    if b"\\" in python:
        # Python would take a backslash for an escape, perhaps a malformed one; octal is none.
        octal = python.replace(b"\\", b"\\0134").replace(b"'", b"\\0047")
        word = b"\"$(printf '%b' '" + octal + b"')\""
    return b"#!/bin/sh\n'''exec' " + word + b' "$0" "$@"\n' + b"' '''\n"


def move_script(content: bytes, old: bytes, new: bytes) -> bytes:
    """Return a console script that is run by the interpreter at its new place.

    Args:
        content: the script; anything that does not start ``old``'s interpreter comes
            back as it is.
        old: the environment's old path.
        new: its new path.
    """
    name = rb"/bin/(python[0-9.]*)"
    plain = re.match(rb"#!" + re.escape(old) + name + rb"\r?\n", content)
    if plain:
        return script_head(new + b"/bin/" + plain.group(1)) + content[plain.end() :]
    for suffix in (b"", b"3", b"%d.%d" % sys.version_info[:2]):
        head = script_head(old + b"/bin/python" + suffix)
        if content.startswith(head):
            return script_head(new + b"/bin/python" + suffix) + content[len(head) :]
    detour = re.match(
        rb"#!/bin/sh\n'''exec' ([^\n]*(?:\n(?!' ''')[^\n]*)*) \"\$0\" \"\$@\"\n' '''\n", content
    )
    if detour:
        try:
            words = shlex.split(os.fsdecode(detour.group(1)))
        except ValueError:
            return content
        found = (
            re.fullmatch(re.escape(old) + name, os.fsencode(words[0])) if len(words) == 1 else None
        )
        if found:
            return script_head(new + b"/bin/" + found.group(1)) + content[detour.end() :]
    return content


def move_paths(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the path ``old``, where it stands as a whole path or a leading part of one."""
    return re.sub(re.escape(old) + rb"(?=[/'\"\r\n]|$)", lambda _: new, content)


def rewrite(path: str, content: bytes) -> None:
    """Replace a file's content in one step, keeping its mode."""
    temporary = path + ".pyve-new"
    with open(temporary, "wb") as stream:
        stream.write(content)
    os.chmod(temporary, os.stat(path).st_mode & 0o7777)
    os.replace(temporary, path)


def relocate(environment: str, old: str, new: str) -> int:
    """Rewrite what names ``old``.

    Returns:
        The number of files that were changed.
    """
    changed = 0
    old_bytes, new_bytes = os.fsencode(old), os.fsencode(new)
    old_project, new_project = os.path.dirname(old), os.path.dirname(new)
    paths = [(os.fsencode(old_project), os.fsencode(new_project))]
    paths.append(
        (quote(os.fsencode(old_project)).encode(), quote(os.fsencode(new_project)).encode())
    )
    root = glob.escape(environment)
    files = [(name, True) for name in glob.glob(os.path.join(root, "bin", "*"))]
    for pattern in ("*.pth", "*.egg-link", "__editable__*.py", "*.dist-info/direct_url.json"):
        packages = os.path.join(root, "lib", "python*", "site-packages", pattern)
        files += [(name, False) for name in glob.glob(packages)]
    for name, is_script in files:
        if os.path.islink(name) or not os.path.isfile(name):
            continue
        with open(name, "rb") as stream:
            content = stream.read()
        moved = content
        if is_script:
            moved = move_script(content, old_bytes, new_bytes)
        else:
            for before, after in paths:
                if before != after and before not in (b"/", b""):
                    moved = move_paths(moved, before, after)
        if moved != content:
            rewrite(name, moved)
            changed += 1
    return changed


if __name__ == "__main__":
    relocate(sys.argv[1], sys.argv[2], sys.argv[3])
