"""What a person reads when conda-lock, or an engine that it calls, fails."""

from __future__ import annotations

import inspect
import json
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyve_conda.failures import PROBE_SECONDS
from pyve_core import HelperError, redact
from pyve_core.fixes import repeat

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_answer(error: BaseException | None) -> str | None:
    """Find what the solver printed, in an exception of conda-lock or in what caused it."""
    while error is not None:
        if isinstance(error, subprocess.CalledProcessError):
            return str(error.output or error.stderr or "")
        error = error.__cause__ or error.__context__
    return None


def list_indexes(repositories: Sequence[str]) -> list[str]:
    """Give the package indexes that conda-lock asks: those of environment.yml, or its own one."""
    if repositories:
        return [*repositories]
    try:
        from conda_lock._vendor.poetry.repositories.pypi_repository import PyPiRepository
    except ImportError:
        return []
    return [str(inspect.signature(PyPiRepository.__init__).parameters["url"].default)]


def find_unreachable(urls: Sequence[str]) -> str:
    """Say which of some servers cannot be reached, and why; "" when all answer anything."""
    import requests

    for url in urls:
        try:
            requests.head(url, timeout=PROBE_SECONDS)
        except requests.RequestException as error:
            return f"{url}: {error}"
    return ""


def explain_locking(
    error: Exception, file: str, mapping: str, repositories: Sequence[str] = ()
) -> HelperError:
    """Turn a failure of conda-lock into a diagnostic.

    Args:
        error: what it raised.
        file: the environment.yml, for people.
        mapping: the place of the mapping of names.
        repositories: the package indexes that environment.yml names.

    Returns:
        The built-in engine's own diagnostic, when it is at the bottom of it.
    """
    import requests

    said = find_answer(error)
    if said is not None:
        try:
            answer = json.loads(said)
        except ValueError:
            answer = {}
        if not isinstance(answer, dict):
            answer = {}
        if "pyve" in answer:
            return HelperError(**answer["pyve"])
        text = str(answer.get("message") or answer.get("error") or said).strip()
        problems = answer.get("solver_problems")
        shown = problems if isinstance(problems, list) else text.splitlines()
        return HelperError(
            "E_CONDA_CONFLICT",
            f"the engine finds no solution for {file}",
            [*(str(line) for line in shown[-20:]), f"change what {file} asks for"],
        )
    if isinstance(error, TypeError) and "NoneType" in str(error):
        # (conda-lock reads the file itself, and expects a list.)
        return HelperError(
            "E_CONDA_SPEC",
            f"{file} asks for nothing",
            f"below 'dependencies:' there is no item; an empty list in {file} is: dependencies: []",
        )
    if isinstance(error, requests.RequestException):
        host = urlsplit(mapping).hostname
        if host is None or host not in str(error):
            return HelperError(
                "E_CONDA_NETWORK",
                "cannot fetch from the package index",
                redact(str(error)),
                repeat(),
            )
        unreachable = find_unreachable(list_indexes(repositories))
        return HelperError(
            "E_CONDA_NETWORK",
            "cannot fetch the names that packages of the Python index have in conda",
            [
                redact(str(error)),
                # Then there is nothing to be had without them, either.
                redact(f"the package index cannot be reached, either: {unreachable}")
                if unreachable
                else "PYVE_PYPI_MAPPING names a file in its place, or none",
            ],
            repeat() if unreachable else f"env PYVE_PYPI_MAPPING=none {repeat()}",
        )
    lines = str(error).strip().splitlines()
    if type(error).__name__ in ("SolverProblemError", "SolveFailure", "SolverProblem"):
        return HelperError(
            "E_CONDA_CONFLICT",
            f"the pip: section of {file} has no solution",
            [
                *[line.replace("-dummy-package-", file) for line in lines if line.strip()][:20],
                f"change the section pip: in {file}",
            ],
        )
    return HelperError(
        "E_CONDA_LOCKING",
        f"{file} could not be locked",
        [f"{type(error).__name__}: {line}" for line in lines[:3]],
    )
