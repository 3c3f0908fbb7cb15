"""Starts a command in a sandbox, waits for it, and ends as it does.

Usage:
    sandbox_run.py run PROFILE -- COMMAND [ARGUMENT]...
    sandbox_run.py check PROFILE -- COMMAND [ARGUMENT]...
    sandbox_run.py inside ORDERS CHANNEL -- COMMAND [ARGUMENT]...
    sandbox_run.py build PYTHON FOLDER NAME [ARGUMENT]...

PROFILE is a text, see pyve_sandbox/profile.py. ``check`` only sees whether the sandbox can be made.
``inside`` is what bubblewrap starts: ORDERS and CHANNEL are descriptors. ``build`` is what
uv takes for an interpreter, see pyve_sandbox/build.py.

Exit status of ``run``: the command's own; 128 + n when signal n ended it; 126, 127 when it is no
command, or none that can be seen; 1 when there is no sandbox.

Standard library only; started with ``-I -S -E``, by an interpreter that no project can change.
"""

from __future__ import annotations

import os
import sys

if sys.version_info < (3, 9):  # noqa: UP036 # this is started by interpreters of the system
    sys.exit("ERROR: the sandbox needs Python 3.9 or newer [E_SANDBOX_PYTHON]")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pyve_core.answers import Answer, run_helper
from pyve_sandbox.start import check, execute_inside, run


def main(argv: list[str]) -> Answer:
    """See whether the sandbox can be made; see above."""
    name = check(argv[1], argv[3:])
    return {"engine": name}


def start(argv: list[str]) -> int:
    """Do what the first word says, other than check; the exit status."""
    if argv[0] == "inside":
        execute_inside(int(argv[1]), int(argv[2]), argv[4:])
    if argv[0] == "build":
        from pyve_sandbox.build import run_hook

        return run_hook(argv[1:])
    return run(argv[1], argv[3:])


if __name__ == "__main__":
    if "check" in sys.argv[1:4]:
        sys.exit(run_helper(main))
    done = start(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        # (None where it was closed.)
        if stream is not None:
            stream.flush()
    # (A thread may still wait for the kernel.)
    os._exit(done)
