"""Hostile files: what hypothesis makes of good ones.

``broken`` cuts, repeats and inserts in the bytes of a file; ``twisted`` keeps its form (TOML, YAML, JSON) and puts
what no reader expects in the place of its values and keys.
"""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import copy
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# A file that a command in a text would make, in the current folder.
CANARY = "canary"

# One larger number makes the long run: PYVE_FUZZ=5000 pytest tests/unit/test_fuzz_*.py
EXAMPLES = int(os.environ.get("PYVE_FUZZ", "0"))
# No reader may take longer for a file, in seconds of this process, or more memory, in bytes.
MOST_SECONDS = 20
MOST_MEMORY = 3 << 30

WORDS = (
    *(
        "",
        " ",
        "-",
        "--",
        "-rf",
        "-e",
        "--index-url=https://example.invalid/",
        "--",
        "..",
        "../../escape",
        "/etc/passwd",
    ),
    *(
        f"$(touch {CANARY})",
        f"`touch {CANARY}`",
        f"; touch {CANARY};",
        f"| touch {CANARY}",
        f"a[$(touch {CANARY})]",
    ),
    *(
        f"'; touch {CANARY}; '",
        f'"; touch {CANARY}; "',
        f"\n touch {CANARY}\n",
        "a\nb",
        "a\rb",
        "a\tb",
        "\x1b[2J",
        "\x7f",
    ),
    *(
        "${HOME}",
        "$HOME",
        "%(x)s",
        "{x}",
        "%s%n",
        "\\",
        "\\n",
        "'",
        '"',
        "#",
        "a #b",
        "a: b",
        "- a",
        "&a",
        "*a",
        "!!x",
    ),
    *(
        "é",
        "e\u0301",
        "\u202e",
        "\u2028",
        "\U0001f40d",
        "\ufeff",
        "\u0130",
        "\u017f",
        "x" * 300,
        "-" * 300,
        "(" * 2000,
        "[" * 300,
    ),
    *(
        "null",
        "~",
        "true",
        "1e999",
        "0x1f",
        "1_000",
        "2024-01-01",
        "9" * 5000,
        ".",
        "a.b",
        "a..b",
        ">=",
        ">=1,",
        "==*",
    ),
    *(
        "http://[",
        "http://x:99999/",
        "https://u:p@h/x#egg=a",
        "git+ssh://-oProxyCommand=x/y",
        "file:///etc/passwd",
        "file:",
    ),
    *(
        "a @ file:///x",
        "a @ git+https://h/x@-b",
        "six ; python_version < '3'",
        "six[",
        "six==",
        "six>=1,<",
        "a;b",
        "a ; " + "(" * 2000,
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        0,
        -1,
        1,
        10**30,
        -(2**63),
        1.5,
        float("inf"),
        float("nan"),
        True,
        False,
        [],
        {},
        [[]],
        [{}],
        {"": ""},
    ),
    *(
        [""] * 3,
        ["a", 1, [], {}],
        {"a": {"a": {"a": 1}}},
        [[[[[[[[["a"]]]]]]]]],
        {"name": 1},
        {"url": 1},
        {"path": ".."},
    ),
)


def config(cheap: int = 60) -> settings:
    """Give the settings of a test: the same in each run, unless PYVE_FUZZ asks for more.

    Args:
        cheap: how many files are tried in the usual run.
    """
    return settings(
        max_examples=EXAMPLES or cheap,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# --- the bytes

_PIECES = st.one_of(
    st.sampled_from([word.encode() for word in WORDS]),
    st.sampled_from(
        [
            b"\x00",
            b"\xff",
            b"\xc3",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"\n",
            b"\r\n",
            b"\n\n",
            b"\t",
            b"<<<<<<< a\n",
        ]
    ),
    st.sampled_from(
        [
            b"=======\n",
            b">>>>>>> b\n",
            b"[" * 2000,
            b"{" * 2000,
            b"a: " * 500,
            b"- " * 500,
            b"a." * 2000,
            b"=",
            b'"""',
        ]
    ),
    st.binary(max_size=8),
)


@st.composite
def broken(draw: st.DrawFn, *good: str) -> bytes:
    """Give the bytes of a good file with up to five changes."""
    data = draw(st.sampled_from(good)).encode()
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["cut", "insert", "repeat", "replace", "end"]))
        if kind == "cut":
            data = data[:start] + data[end:]
        elif kind == "insert":
            data = data[:start] + draw(_PIECES) + data[start:]
        elif kind == "repeat":
            data = data[:end] + data[start:end] * draw(st.integers(1, 50)) + data[end:]
        elif kind == "replace":
            data = data[:start] + draw(_PIECES) + data[end:]
        else:
            data = data[:start]
    return data


# --- the form


def list_places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name all values below one, by keys and numbers."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from list_places(value[key], (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from list_places(item, (*path, number))


@st.composite
def twisted(draw: st.DrawFn, *good: Any) -> Any:
    """Give a good document with up to four of its values and keys replaced."""
    document = copy.deepcopy(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 4))):
        places = list(list_places(document))
        if not places:
            break
        path = draw(st.sampled_from(places))
        above = document
        for step in path[:-1]:
            above = above[step]
        kind = draw(st.sampled_from(["word", "word", "value", "key", "drop", "twice"]))
        if kind == "word":
            above[path[-1]] = draw(st.sampled_from(WORDS))
        elif kind == "value":
            above[path[-1]] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif kind == "key" and isinstance(above, dict):
            above[draw(st.sampled_from(WORDS))] = above.pop(path[-1])
        elif kind == "drop":
            del above[path[-1]]
        elif isinstance(above, list):
            above.append(copy.deepcopy(above[path[-1]]))
    return document


def write_toml(document: dict[str, Any]) -> str:
    """Write TOML: a line for each key at the top, all below it inline."""
    return "".join(f"{_toml_text(key)} = {_toml_value(value)}\n" for key, value in document.items())


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_toml_text(key)} = {_toml_value(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, str):
        return _toml_text(value)
    return str(value).lower()


def write_json(document: Any) -> str:
    """Write JSON, which is YAML, too."""
    return json.dumps(document, ensure_ascii=False)


# --- bounds


class TooLong(BaseException):
    """A reader took too long."""


@contextmanager
def bounded(seconds: int = MOST_SECONDS) -> Iterator[None]:
    """Let what stands in it fail when it takes too long, or too much memory.

    The time is this process's own work, so that a machine with much to do changes nothing.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooLong(f"more than {seconds} s of work")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        # (What is mapped already counts.)
        with open("/proc/self/statm", encoding="ascii") as stream:
            used = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
