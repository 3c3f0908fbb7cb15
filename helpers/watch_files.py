"""Start a command, and start it again when files change (`pyve watch`).

Usage: watch_files.py --form text|json|jsonl --folder DIR --here DIR [--on PATH]... [--seconds N]
    [--clear] [--poll] [--quiet] [--locale VALUE] [--again LINE] -- COMMAND...

With ``--form text``, which stands first, the program takes the place of Pyve and ends as the
command has ended. Otherwise it answers with ``code``, ``starts``, ``said`` and ``warning.N...``
(code, message, why), and the command's stdout is stderr. Needs watchfiles, of the toolchain's extra
``watch``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from pyve_core.answers import Answer, describe_accident, run_helper
from pyve_core.errors import HelperError
from pyve_core.options import Options, parse_options
from pyve_watch.session import Session, Wishes
from pyve_watch.talk import Talk

VALUED = "folder here form on seconds locale again"
FLAGS = "clear poll quiet"


def read_wishes(options: Options, argv: list[str]) -> Wishes:
    """Take what was asked for from the options and the words of the command."""
    env = dict(os.environ)
    # Python sets the variable itself in some locales (PEP 538): the command gets what Pyve got.
    env.pop("LC_CTYPE", None)
    if options.has("locale"):
        env["LC_CTYPE"] = options.get("locale")
    env["PYVE_WATCHED"] = "1"
    return Wishes(
        argv=argv,
        env=env,
        folder=options.get("folder"),
        named=options.get_all("on"),
        # (As the paths of what is watched, without links.)
        here=os.path.realpath(options.get("here")),
        seconds=float(options.get("seconds", "5")),
        clears=options.has("clear"),
        polls=options.has("poll"),
        again=options.get("again", ""),
    )


def split(argv: list[str]) -> tuple[Options, list[str]]:
    """Split the arguments at ``--``: the options, the command."""
    at = argv.index("--")
    return parse_options(argv[:at], VALUED, FLAGS), argv[at + 1 :]


def end_like(code: int, ended_by: int) -> int:
    """End as the command has; by the same signal where that is one that people and shells send.

    A loop of the calling shell stops only when it sees that Ctrl-C has ended its child.
    """
    number = code - 128 if code > 128 else 0
    if ended_by in (signal.SIGTERM, signal.SIGHUP):
        number = ended_by
    if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return code


def watch_for_people(options: Options, argv: list[str]) -> int:
    """Watch in Pyve's place; give the exit code."""
    talk = Talk("text", options.has("quiet"))
    try:
        session = Session(read_wishes(options, argv), talk)
        session.run()
    except HelperError as error:
        talk.show("ERROR", error)
        return 1
    except Exception as error:  # the last resort, so that a person reads a sentence
        talk.show("ERROR", describe_accident(error))
        return 1
    return end_like(session.code, session.ended_by)


def main(argv: list[str]) -> Answer:
    """Watch for a program that reads JSON."""
    options, command = split(argv)
    # What JSON goes to is not for the command.
    with contextlib.suppress(OSError):
        os.set_inheritable(9, False)
    talk = Talk(options.get("form"), options.has("quiet"))
    session = Session(read_wishes(options, command), talk)
    session.run()
    return {
        "code": session.code,
        "starts": session.starts,
        "said": talk.events,
        "warning": [
            {"code": item.code, "message": item.message, "why": item.why} for item in talk.warnings
        ],
    }


if __name__ == "__main__":
    if sys.argv[1:3] == ["--form", "text"]:
        sys.exit(watch_for_people(*split(sys.argv[1:])))
    sys.exit(run_helper(main))
