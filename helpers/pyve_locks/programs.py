"""Running the programs that solve and install: uv and pip."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pyve_core import HelperError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["run_program"]


def run_program(
    name: str, command: Sequence[str], folder: Path, env: Mapping[str, str], is_mixed: bool = False
) -> tuple[int, str, str]:
    """Run a program that reads nothing from stdin.

    Args:
        name: of the program, for people.
        command: its path, and the arguments.
        folder: where it works.
        env: its environment variables.
        is_mixed: whether stdout has stderr in it, in the order in which both were written.

    Returns:
        Its status, stdout and stderr.

    Raises:
        HelperError: E_RESOLVE_ENGINE when it does not run.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if is_mixed else subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        why = f"{command[0]}: {error.strerror or error}"
        raise HelperError("E_RESOLVE_ENGINE", f"{name} does not run", why) from error
    errors = b"" if is_mixed else done.stderr
    return (
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        errors.decode("utf-8", "replace"),
    )
