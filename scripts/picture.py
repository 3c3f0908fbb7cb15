"""Draw docs/session.svg, the picture of a terminal in README, from a real session.

Usage: .dev/bin/python scripts/picture.py (make picture)

Runs the commands in a copy of examples/greeter-package, with a private HOME, and draws what they
print. Needs a package index, as `make demo` does.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

TREE = Path(__file__).resolve().parents[1]
WIDTH = 92
SESSION = [
    "pyve init --deps",
    "pyve run greeter 'Dear {name}, your {item} is ready.' people.csv",
    "CI=1 pyve test -q",
    "pyve doctor",
    "pyve purg",
]


def run_session(project: Path, home: Path) -> list[tuple[str, str]]:
    """Run the commands one after the other.

    Returns:
        Each command with what it printed on stdout and stderr, as one text.
    """
    tools = home / "bin"
    tools.mkdir(parents=True)
    (tools / "pyve").symlink_to(TREE / "pyve.sh")
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    env = {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    shown = []
    for command in SESSION:
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=project,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        shown.append((command, result.stdout.replace(str(home), "~")))
    return shown


def draw(session: list[tuple[str, str]]) -> str:
    """Return the session as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for command, output in session:
        console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
        for line in output.rstrip("\n").split("\n"):
            style = ""
            if line.startswith("✓"):
                style = "green"
            elif line.startswith(("ERROR", "✗")):
                style = "red"
            elif line.startswith(("INFO", "·")):
                style = "cyan"
            console.print(Text(line, style=style), soft_wrap=False)
        console.print()
    svg = console.export_svg(title="pyve", unique_id="pyve-session")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"Fira Code,? ?", "ui-monospace, Menlo, Consolas, ", svg)


def main() -> int:
    """Write docs/session.svg."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "greeter"
        ignored = shutil.ignore_patterns(".venv", ".pyve", "__pycache__", "*.egg-info", ".env*")
        shutil.copytree(TREE / "examples" / "greeter-package", project, ignore=ignored)
        session = run_session(project, Path(folder) / "home")
    (TREE / "docs" / "session.svg").write_text(draw(session))
    return 0


if __name__ == "__main__":
    sys.exit(main())
