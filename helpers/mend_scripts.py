"""Let scripts of an environment start its own Python.

Usage: mend_scripts.py ENVIRONMENT SCRIPT...

Each SCRIPT that begins with a #! line of a Python, or with the detour by sh that stands for a long
one, gets the environment's ``bin/python`` instead. Each file is written beside and moved over;
anything else is left as it is.
"""

from __future__ import annotations

import os
import re
import sys

from relocate_environment import rewrite, script_head

PLAIN = re.compile(rb"#![ \t]*/[^\n]*/pythonw?[0-9.]*[^\n/]*\n")
DETOUR = re.compile(rb"#!/bin/sh\n'''exec' .*? \"\$0\" \"\$@\"\n' '''\n", re.DOTALL)


def mend(content: bytes, python: bytes) -> bytes:
    """Return a script with another interpreter.

    Args:
        content: the script; one that no Python runs comes back as it is.
        python: the path of the interpreter.
    """
    head = DETOUR.match(content) or PLAIN.match(content)
    return script_head(python) + content[head.end() :] if head else content


def main(environment: str, scripts: list[str]) -> int:
    """Mend the scripts. See the module for the arguments."""
    python = os.fsencode(os.path.join(environment, "bin", "python"))
    for path in scripts:
        with open(path, "rb") as stream:
            content = stream.read()
        mended = mend(content, python)
        if mended != content:
            rewrite(path, mended)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
