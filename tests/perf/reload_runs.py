"""Measure what it costs to come into a project, and a prompt where nothing has changed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from timing import Group, Ratio

EXPORTS = "export BENCH_ONE=1\nexport BENCH_TWO=2\nexport BENCH_THREE=3\n"


def make_envrc(bench: Any, folder: Path) -> None:
    """Make a folder whose .envrc only exports three variables."""
    folder.mkdir(exist_ok=True)
    (folder / ".envrc").write_text(EXPORTS, encoding="utf-8")
    bench.call([bench.direnv, "allow", "."], folder)


def plan_reload(bench: Any) -> Group:
    """What it costs to come into a project, and a prompt where nothing has changed."""
    group = Group("reload", max(3, bench.rounds // 2), 2)
    if not bench.direnv:
        return group
    exports = bench.home / "three exports"
    make_envrc(bench, exports)
    ours = bench.make_project("direnv project")
    filled = bench.make_project("direnv project with values")
    (filled / ".env").write_text("BENCH_ONE=1\nBENCH_TWO=2\n", encoding="utf-8")
    bench.call([bench.pyve, "hook", "--trust"], filled)
    for folder in (ours, filled):
        bench.call([bench.direnv, "allow", "."], folder)
    argv = [bench.direnv, "export", "bash"]
    enter = [bench.pyve, "hook", "--export", "bash"]
    group.commands = [
        bench.command("direnv, three exports", argv, exports),
        bench.command("direnv, .envrc of pyve init", argv, ours),
        bench.command("direnv, the same with an .env", argv, filled),
        bench.command("pyve hook, into the project", [*enter, str(ours)], ours),
        bench.command("pyve hook, the same with an .env", [*enter, str(filled)], filled),
        bench.command("100 prompts in it, direnv", prompts(bench, "direnv", exports), exports),
        bench.command("100 prompts in it, pyve hook", prompts(bench, "pyve", ours), ours),
    ]
    group.ratios = [
        Ratio("direnv, .envrc of pyve init", "direnv, three exports", 1.2),
        Ratio("direnv, the same with an .env", "direnv, three exports", None),
        Ratio("pyve hook, into the project", "direnv, three exports", 1.0),
        Ratio("pyve hook, the same with an .env", "direnv, the same with an .env", 1.0),
        Ratio("100 prompts in it, pyve hook", "100 prompts in it, direnv", 0.1),
    ]
    return group


def prompts(bench: Any, tool: str, folder: Path) -> list[str]:
    """Return a bash that comes into the folder and runs a hook as 100 prompts would."""
    program = shlex.quote(bench.pyve if tool == "pyve" else bench.direnv)
    steps = f"for ((i = 0; i < 100; i++)); do _{tool}_hook; done"
    line = f"""eval "$({program} hook bash)"; cd -- {shlex.quote(str(folder))} && {steps}"""
    return [bench.bash, "-c", f"{{ {line}; }} 2>/dev/null"]
