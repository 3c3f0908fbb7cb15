"""Check action.yml: its structure by schema, and its steps by actionlint and ShellCheck.

Usage: .dev/bin/python scripts/check_actions.py [action.yml]

actionlint reads workflows only. So the action's steps are put into a workflow of one job, with the
action's inputs as those of a callable workflow: expressions, step outputs, the inputs of actions
that are used, and the shell of every step are checked there.

Exit: 0 all is well; 1 something is not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).resolve().parents[1]
TOOLS = TREE / ".dev" / "bin"


def run_tool(*words: str | Path) -> bool:
    """Run a program of .dev, and print what it says when it is not content."""
    command = [str(TOOLS / words[0]), *map(str, words[1:])]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stdout + result.stderr, end="")
    return result.returncode == 0


def as_workflow(action: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow whose only job has the steps of a composite action."""
    inputs = {
        name: {"type": "string", "default": str(value.get("default", ""))}
        for name, value in action.get("inputs", {}).items()
    }
    outputs = {name: output["value"] for name, output in action.get("outputs", {}).items()}
    job = {"runs-on": "ubuntu-latest", "outputs": outputs, "steps": action["runs"]["steps"]}
    return {"name": action["name"], "on": {"workflow_call": {"inputs": inputs}}, "jobs": {"a": job}}


def main(arguments: list[str]) -> int:
    """Check one action; print what is wrong."""
    path = Path(arguments[0]) if arguments else TREE / "action.yml"
    ok = run_tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", path)
    workflow = as_workflow(yaml.safe_load(path.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, path.name)
        # JSON is YAML, and keeps every string one.
        file.write_text(json.dumps(workflow, indent=1), encoding="utf-8")
        ok &= run_tool("actionlint", "-shellcheck", TOOLS / "shellcheck", file)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
