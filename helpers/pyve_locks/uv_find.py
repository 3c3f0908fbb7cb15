"""Which uv the helpers run, and which pip where there is none."""

from __future__ import annotations

import os
import sys

from pyve_core import HelperError
from pyve_core.fixes import remake_toolchain

__all__ = ["find_pip", "find_uv", "has_uv"]


def has_uv() -> bool:
    """Tell whether find_uv finds one."""
    return bool(_find())


def _find() -> str:
    own = os.path.join(sys.prefix, "bin", "uv")
    if os.access(own, os.X_OK):
        return own
    from shutil import which

    return which("uv") or ""


def find_uv() -> str:
    """Give the path of uv: the one of the toolchain that runs this, else the one on PATH.

    Raises:
        HelperError: E_RESOLVE_ENGINE, when there is none.
    """
    found = _find()
    if not found:
        own = os.path.join(sys.prefix, "bin", "uv")
        raise HelperError(
            "E_RESOLVE_ENGINE",
            "there is no uv to do this with",
            [
                f"neither {own}, nor one on PATH",
                "Pyve's toolchain is damaged; it is made anew when it is not there",
            ],
            remake_toolchain(),
        )
    return os.path.abspath(found)


def find_pip(engine: str, interpreter: str, place: str = "") -> tuple[str, ...]:
    """Give the command of pip, when pip is to solve.

    Args:
        engine: uv, pip, or auto for pip where there is no uv.
        interpreter: path of the Python to solve for; "" when there is none.
        place: of a pip beside that Python, as a folder; "" for the one that is installed in it.

    Returns:
        () when uv is to solve.

    Raises:
        HelperError: E_RESOLVE_ENGINE, when there is no Python for it, or no such engine.
    """
    if engine not in ("auto", "uv", "pip"):
        raise HelperError(
            "E_RESOLVE_ENGINE", f"'{engine}' solves no lock", "there are auto, uv and pip"
        )
    if engine == "uv" or (engine == "auto" and (has_uv() or not interpreter)):
        return ()
    if not interpreter:
        raise HelperError(
            "E_RESOLVE_ENGINE",
            "pip locks for the Python that it runs in, and there is none here for the lock",
            "pyve init makes an environment with one",
            "pyve init",
        )
    return (interpreter, "-I", "-X", "utf8", *([place] if place else ["-m", "pip"]))
