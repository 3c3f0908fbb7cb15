"""Draw docs/session.svg, the picture of a terminal in README, from a real session.

Usage: .dev/bin/python scripts/picture.py (make picture)

Types the commands into a bash with `pyve hook` in a real pty, in a copy of examples/greeter-package
with a private HOME, and draws what is on the screen then. Needs a package index, as `make demo`.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests" / "helpers"))

from terminal import Terminal  # noqa: E402 # found through the line above

WIDTH, ROWS = 92, 60
SESSION = [
    "cd greeter",
    "pyve",
    "pyve init --deps --no-direnv",
    "greeter 'Dear {name}, your {item} is ready.' people.csv",
    "pyve test -q",
    "pyve doctor",
    "cd ..",
    "pyve purg",
]
RC = """
PS1='$ '
. "$PYVE_TREE/lib/shell/prompt.bash"
eval "$(pyve hook bash)"
"""


def run_session(folder: Path) -> Terminal:
    """Type the session, each command when the prompt is back, and return the terminal."""
    home = folder / "home"
    tools = home / "bin"
    tools.mkdir(parents=True)
    (tools / "pyve").symlink_to(TREE / "pyve.sh")
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    (home / ".bashrc").write_text(RC, encoding="utf-8")
    env = {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYVE_TREE": str(TREE),
        "PYVE_TEST_AUTO_INSTALL_PYTEST": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "PIP_CERT"):
        if name in os.environ:
            env[name] = os.environ[name]
    terminal = Terminal(["bash"], env=env, cwd=folder, columns=WIDTH, rows=ROWS)
    for count, command in enumerate(SESSION):
        wait_for_prompts(terminal, count + 1)
        terminal.type(command + "\r")
    wait_for_prompts(terminal, len(SESSION) + 1)
    return terminal


def wait_for_prompts(terminal: Terminal, count: int) -> None:
    """Wait until so many prompts are on the screen, the last of them waiting for a command."""

    def is_waiting() -> bool:
        lines = [line for line in terminal.lines if re.match(r"(\(venv:\w+\) )?\$( |$)", line)]
        return len(lines) >= count and lines[-1].endswith("$")

    terminal.wait_until(is_waiting, 300, "a prompt")


def draw(terminal: Terminal, shorten: dict[str, str]) -> str:
    """Return the screen as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for runs in terminal.styled_lines()[:-1]:
        line = Text()
        for text, colour, bold in runs:
            style = " ".join(part for part in ("bold" if bold else "", colour) if part)
            line.append(text, style=style)
        for long, short in shorten.items():
            while long in line.plain:
                start = line.plain.index(long)
                line = line[:start] + Text(short) + line[start + len(long) :]
        if re.match(r"(\(venv:\w+\) )?\$ ", line.plain):
            line.stylize("bold")
        console.print(line, soft_wrap=False)
    svg = console.export_svg(title="pyve", unique_id="pyve-session")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"Fira Code,? ?", "ui-monospace, Menlo, Consolas, ", svg)


def main() -> int:
    """Write docs/session.svg."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ignored = shutil.ignore_patterns(".venv", ".pyve", "__pycache__", "*.egg-info", ".env*")
        shutil.copytree(TREE / "examples" / "greeter-package", folder / "greeter", ignore=ignored)
        with run_session(folder) as terminal:
            svg = draw(terminal, {f"{folder}/home": "~", str(folder): "~", str(TREE): "~/pyve"})
    (TREE / "docs" / "session.svg").write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
