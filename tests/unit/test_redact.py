"""Redaction: lib/redact.sh and helpers/pyve_core/redaction.py say the same about every case."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parents[2]
CASES = json.loads((TREE / "tests" / "helpers" / "redaction_cases.json").read_text())
BASH = """
set -euo pipefail
. "$1/lib/redact.sh"
redact "$2"
printf '%s' "$REPLY"
"""
PYTHON = """
import os, sys
sys.path.insert(0, sys.argv[1] + "/helpers")
from pyve_core import redact
sys.stdout.buffer.write(os.fsencode(redact(sys.argv[2])))
"""


def set_up(folder: Path, case: dict[str, Any]) -> tuple[Path, dict[str, str]]:
    """Make the home and the project of a case; give the project and the environment."""
    home, project = folder / "home of user", folder / "my project"
    (home / ".local").mkdir(parents=True)
    (project / ".pyve").mkdir(parents=True)
    (project / "sub").mkdir()
    (project / ".pyve" / "config").write_text("backend: venv\n")
    for file, key in (
        (home / ".netrc", "netrc"),
        (home / ".local" / ".env", "user_dotenv"),
        (project / ".env", "dotenv"),
    ):
        if key in case:
            file.write_bytes(case[key].encode())
    for name in case.get("files", []):
        (project / name).touch()
    return project, {"HOME": str(home), "PATH": os.environ["PATH"], **case.get("env", {})}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("implementation", ["bash", "bash in C", "python"])
def test_what_is_secret_and_what_is_not(
    implementation: str, case: dict[str, Any], tmp_path: Path
) -> None:
    project, env = set_up(tmp_path, case)
    if implementation == "python":
        command = [sys.executable, "-E", "-s", "-X", "utf8", "-c", PYTHON]
    else:
        command = [shutil.which("bash") or "bash", "-c", BASH, "pyve"]
        env["LC_ALL" if implementation == "bash in C" else "LANG"] = "C"
    text = case["text"].replace("$HOME", env["HOME"])
    if text != case["text"]:
        env = {name: value.replace("$HOME", env["HOME"]) for name, value in env.items()}
    result = subprocess.run(
        [*command, str(TREE), os.fsencode(text)],
        cwd=project / "sub",
        env=env,
        capture_output=True,
        timeout=60,
    )
    assert result.stderr == b""
    assert os.fsdecode(result.stdout) == case["expect"].replace("$HOME", env["HOME"])


def test_every_case_fails_without_redaction() -> None:
    changed = [case for case in CASES if case["text"] != case["expect"]]
    assert len(changed) > len(CASES) // 2
