"""What a person reads when conda-lock, or an engine that it calls, fails."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import urlsplit

from pyve_conda.failures import edit
from pyve_core import HelperError, redact


def find_answer(error: BaseException | None) -> str | None:
    """Find what the solver printed, in an exception of conda-lock or in what caused it."""
    while error is not None:
        if isinstance(error, subprocess.CalledProcessError):
            return str(error.output or error.stderr or "")
        error = error.__cause__ or error.__context__
    return None


def explain_locking(error: Exception, file: str, mapping: str) -> HelperError:
    """Turn a failure of conda-lock into a diagnostic.

    Args:
        error: what it raised.
        file: the environment.yml, for people.
        mapping: the place of the mapping of names.

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
            [str(line) for line in shown[-20:]],
            edit(file),
        )
    if isinstance(error, requests.RequestException):
        host = urlsplit(mapping).hostname
        is_mapping = host is not None and host in str(error)
        what = "the names that packages of the Python index have in conda" if is_mapping else ""
        return HelperError(
            "E_CONDA_NETWORK",
            f"cannot fetch {what or 'from the package index'}",
            [redact(str(error)), "a file, or none, may take its place" if is_mapping else ""],
            "PYVE_PYPI_MAPPING=none pyve lock" if is_mapping else "pyve --verbose lock",
        )
    lines = str(error).strip().splitlines()
    if type(error).__name__ in ("SolverProblemError", "SolveFailure", "SolverProblem"):
        return HelperError(
            "E_CONDA_CONFLICT",
            f"the pip: section of {file} has no solution",
            [line.replace("-dummy-package-", file) for line in lines if line.strip()][:20],
            edit(file),
        )
    return HelperError(
        "E_CONDA_LOCKING",
        f"{file} could not be locked",
        [f"{type(error).__name__}: {line}" for line in lines[:3]],
    )
