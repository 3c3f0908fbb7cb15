"""How a helper answers: one JSON document for programs, or lines that bash reads without a parser.

The lines are ``key<TAB>value``. In both, a backslash is written ``\\\\``, a line end ``\\n``, a tab
``\\t``, and any other control character ``\\xHH``: ``printf %b`` of a shell gives the value back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Union

from pyve_core.errors import HelperError, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Value = Union[None, str, bool, int, float, Sequence["Value"], Mapping[str, "Value"]]
Answer = Mapping[str, Value]

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(1, 32), 127)}
_ESCAPES.update({0: "\ufffd", 9: "\\t", 10: "\\n", 92: "\\\\"})


def escape_line(text: str) -> str:
    """Write a text as one field of a line. NUL, which no shell can hold, becomes U+FFFD."""
    return text.translate(_ESCAPES)


def count_things(number: int, noun: str) -> str:
    """Write ``1 package``, ``2 packages``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def list_lines(key: str, value: Value) -> Iterator[str]:
    """Write a value as lines ``key<TAB>text``.

    ``True`` is 1, ``False`` is empty, ``None`` has no line. A list repeats the key; dicts add
    theirs behind a dot, and a list of dicts the number of each, too.
    """
    if value is None:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from list_lines(f"{key}.{name}" if key else name, item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            nested = isinstance(item, (Mapping, list, tuple))
            yield from list_lines(f"{key}.{number}" if nested else key, item)
    else:
        if isinstance(value, bool):
            value = "1" if value else ""
        yield f"{escape_line(key)}\t{escape_line(str(value))}\n"


def format_answer(answer: Answer, form: str) -> bytes:
    """Write an answer as ``json`` or as ``lines``."""
    if form == "lines":
        text = "".join(list_lines("", answer))
    else:
        # Late: bash never asks for it, and it takes as long to import as Python to start.
        import json

        text = json.dumps(answer, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogateescape")


def describe_error(error: HelperError) -> Answer:
    """Give the diagnostic as an answer, without secrets."""
    return {
        "code": error.code,
        "message": redact(error.message),
        "why": [redact(text) for text in error.why],
        "fix": [redact(text) for text in error.fix],
    }


def describe_accident(error: BaseException) -> HelperError:
    """Give the diagnostic of an exception that nobody expected."""
    if os.environ.get("PYVE_VERBOSE"):
        import traceback

        sys.stderr.write(redact("".join(traceback.format_exception(None, error, None))))
        place = error.__traceback__
        while place is not None:
            code = place.tb_frame.f_code
            sys.stderr.write(f"  {code.co_filename}:{place.tb_lineno} in {code.co_name}\n")
            place = place.tb_next
    name = os.path.basename(sys.argv[0])
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return HelperError("E_HELPER", f"{name} failed", f"{error.strerror}{where}")
    from pyve_core.fixes import remake_toolchain

    lines = str(error).strip().splitlines()
    is_damaged = isinstance(error, (ImportError, SyntaxError))
    return HelperError(
        "E_HELPER",
        f"{name} failed",
        [
            f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__,
            "Pyve's toolchain is damaged; it is made anew when it is not there"
            if is_damaged
            else "this is a mistake in Pyve; pyve --verbose shows where",
        ],
        remake_toolchain() if is_damaged else (),
    )


def take_settings(argv: list[str]) -> tuple[str, str, list[str]]:
    """Take ``--format`` and ``--answer`` off the front of the arguments.

    Returns:
        The form (``json`` or ``lines``), the file for the answer ("" for stdout), the rest.
    """
    form, file = "json", ""
    while len(argv) >= 2 and argv[0] in ("--format", "--answer"):
        if argv[0] == "--format":
            form = argv[1]
        else:
            file = argv[1]
        argv = argv[2:]
    return form, file, argv


def progress(text: str) -> None:
    """Say on stderr how far the work is."""
    sys.stderr.write(redact(text) + "\n")
    sys.stderr.flush()


def run_helper(main: Callable[[list[str]], Answer]) -> int:
    """Run a helper: what it returns or raises becomes its one answer. Never a traceback.

    Whatever else it or a library prints goes to stderr.

    Args:
        main: gets the arguments without ``--format json|lines`` and ``--answer FILE``.

    Returns:
        The exit status: 0 with an answer, 1 with a diagnostic, 130 after Ctrl-C.
    """
    form, file, argv = take_settings(sys.argv[1:])
    stdout = os.dup(1)
    os.dup2(2, 1)
    status = 0
    if os.environ.get("PYVE_LOG") == "debug":
        from pyve_core.debug_log import start_logging

        start_logging()
    try:
        answer = main(argv)
    except HelperError as error:
        answer, status = describe_error(error), 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the last resort, so that a person reads a sentence
        answer, status = describe_error(describe_accident(error)), 1
    data = format_answer(answer, form)
    try:
        with open(file or stdout, "wb") as stream:
            stream.write(data)
    except OSError as error:
        sys.stderr.write(f"{file or 'stdout'}: {error.strerror}\n")
        return 3
    return status
