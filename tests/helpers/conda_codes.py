"""For the tests of codes of the conda side: users, stand-ins, helpers that are called directly."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from code_cases import Failure, Fix, check_pasteable
from conda_engine_helpers import toolchain_python
from conda_helpers import STAND_IN
from pyve_test_helpers import TREE, Pyve

INIT = ("init", "--no-direnv")


def add_micromamba(user: Pyve, folder: Path | None = None) -> Path:
    """Put the stand-in of micromamba on PATH, or into another folder."""
    folder = folder or user.bin
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(shutil.copy(STAND_IN, folder / "micromamba"))
    path.chmod(0o755)
    return path


def copy_pyve(user: Pyve) -> Path:
    """Let the user have a Pyve of their own, which a test may change; return its folder."""
    tree = user.root / "my pyve"
    for part in ("lib", "helpers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(TREE / part, tree / part, ignore=ignored)
    shutil.copy(TREE / "pyve.sh", tree)
    (user.bin / "pyve").symlink_to(tree / "pyve.sh")
    user.tree = tree
    return tree


def call_helper(
    user: Pyve, helper: str, *args: str | Path, python: Path | None = None, **env: str
) -> tuple[int, dict[str, Any], str]:
    """Run a helper in the project, as Pyve does; return status, answer and stderr."""
    path = TREE / "helpers" / f"{helper}.py"
    words = [python or toolchain_python(), "-E", "-s", "-B", "-X", "utf8", path, *args]
    result = subprocess.run(
        [str(word) for word in words],
        cwd=user.project,
        env={**user.env, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode, json.loads(result.stdout), result.stderr


def bring_helper(user: Pyve, code: str, *args: str | Path, **options: Any) -> Failure:
    """Call a helper, expect this diagnostic, and return it.

    Args:
        user: in whose project.
        code: what is expected.
        args: the helper, and its arguments.
        options: the interpreter (python), environment variables.
    """
    status, answer, talk = call_helper(user, *map(str, args), **options)
    assert (status, answer.get("code")) == (1, code), (answer, talk)
    fixes = []
    for text in answer["fix"]:
        argv = shlex.split(text)
        check_pasteable(code, text, argv)
        fixes.append(Fix(text, argv, "safe", False))
    env = {name: value for name, value in options.items() if name != "python"}
    return Failure(user, code, tuple(map(str, args)), env, answer, {}, talk, fixes)


def check_helper(failure: Failure, **options: Any) -> dict[str, Any]:
    """Call the helper once more: now it answers."""
    status, answer, talk = call_helper(
        failure.pyve, *failure.args, **{**failure.options, **options}
    )
    assert status == 0, (answer, talk)
    failure.count_as_gone()
    return answer
