"""Letting uv build in a sandbox: ``build.sandbox: on``, or PYVE_BUILD_SANDBOX.

Hooks of build backends (PEP 517) are the only code of a package that is executed while packages are
locked and installed. uv starts them with an interpreter that stands in for the real one, and
confines them; see pyve_sandbox/build.py. Where that cannot be done nothing is built.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["confined_words", "confines_builds"]

_SWITCH = "PYVE_BUILD_SANDBOX"
# Commands of uv that may build.
_BUILDING = ("lock", "pip", "run")


def confines_builds(environ: Mapping[str, str]) -> bool:
    """Say whether what is built has to be confined.

    Raises:
        HelperError: E_SANDBOX_OPTION, for a value that says neither.
    """
    value = environ.get(_SWITCH, "")
    if value not in ("", "on", "off"):
        raise HelperError("E_SANDBOX_OPTION", f"{_SWITCH} is '{value}'", "it can be on or off")
    return value == "on"


@contextlib.contextmanager
def confined_words(
    words: Sequence[str], environ: Mapping[str, str], environment: Path | None = None
) -> Iterator[list[str]]:
    """Give the words for uv with which it builds in a sandbox, while it works.

    Args:
        words: its arguments, the command first. The interpreter is in ``--python``; without one,
            nothing is built.
        environ: the variables that uv gets.
        environment: the environment that uv changes, where ``--python`` is that of one: it is not
            in use, and leads to the stand-in meanwhile.

    Raises:
        HelperError: E_SANDBOX_OPTION, E_SANDBOX_ENGINE.
    """
    if not words or words[0] not in _BUILDING or not confines_builds(environ):
        yield list(words)
        return
    python, place = _find_python(words)
    if not python:
        yield [*words, "--no-build"]
        return
    from pyve_sandbox.build import make_stand_in
    from pyve_sandbox.profile import Profile
    from pyve_sandbox.start import choose_engine

    # (Sooner than in the middle of a build.)
    choose_engine(Profile())
    helpers = Path(__file__).resolve().parents[1]
    launcher = [os.path.realpath(sys.executable), "-I", "-S", "-E", "-B"]
    launcher.append(str(helpers / "sandbox_run.py"))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pyve-build-")))
        known = [environment / "bin"] if environment else []
        script = make_stand_in(folder, python, launcher, known)
        if environment:
            stack.enter_context(_led_to(environment, script))
            yield list(words)
        else:
            yield [
                *words[:place],
                f"--python={script}",
                *words[place + 1 + _is_apart(words, place) :],
            ]


def _is_apart(words: Sequence[str], place: int) -> int:
    """Say whether the value of an option is the next word."""
    return int(words[place] in ("--python", "-p"))


def _find_python(words: Sequence[str]) -> tuple[str, int]:
    """Give the interpreter that uv is told, "" for none, and where that stands."""
    for place, word in enumerate(words):
        if word == "--":
            break
        if word.startswith("--python="):
            return word.partition("=")[2], place
        if word in ("--python", "-p") and place + 1 < len(words):
            return words[place + 1], place
    return "", 0


@contextlib.contextmanager
def _led_to(environment: Path, script: Path) -> Iterator[None]:
    """Let an environment lead to the stand-in as to the interpreter that it was made with.

    What uv remembers of an interpreter is kept by the file that it comes to in the end, so that
    nothing of what it knew before, or learns now, counts another time.
    """
    config = environment / "pyvenv.cfg"
    kept = config.read_bytes()
    links = {}
    lines = [line for line in kept.splitlines() if not line.startswith((b"home", b"executable"))]
    try:
        for link in sorted((environment / "bin").glob("python*")):
            if link.is_symlink() and os.path.isabs(os.readlink(link)):
                links[link] = os.readlink(link)
                _point(link, str(script))
        home = b"home = " + os.fsencode(script.parent)
        _replace(config, b"\n".join([home, *lines]) + b"\n")
        yield
    finally:
        for link, target in links.items():
            _point(link, target)
        _replace(config, kept)


def _point(link: Path, target: str) -> None:
    new = link.with_name(f"{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _replace(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
