"""Measure `pyve status` in a project with many distributions, made without an index."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from timing import Group, Ratio

COUNT = 80  # about what 30 requirements of a web application bring
_WHEEL = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(folder: Path, name: str) -> None:
    """Write a wheel of version 1.0 with one module into the folder (PEP 427)."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": _WHEEL,
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


def add_dependencies(project: Path, wheels: Path) -> None:
    """Write a pyproject.toml that asks for COUNT distributions, and their wheels."""
    wheels.mkdir()
    names = [f"dist{number:03}" for number in range(COUNT)]
    for name in names:
        make_wheel(wheels, name)
    listed = ", ".join(f'"{name}"' for name in names)
    (project / "pyproject.toml").write_text(
        '[project]\nname = "many"\nversion = "1"\nrequires-python = ">=3.9"\n'
        f"dependencies = [{listed}]\n\n"
        f"[tool.uv]\nno-index = true\nfind-links = ['{wheels}']\n",
        encoding="utf-8",
    )


def plan_status(bench: Any) -> Group:
    """``pyve status`` against a ``uv sync`` with nothing to do, both among 80 distributions."""
    group = Group("status", bench.rounds, 5)
    plain = bench.make_project("status project", "--no-direnv")
    add_dependencies(plain, bench.home / "wheels of the status project")
    group.commands = [
        bench.command("bash -c :", [bench.bash, "-c", ":"], plain),
        bench.command("pyve status", [bench.pyve, "status"], plain),
        bench.command("pyve status --brief", [bench.pyve, "status", "--brief"], plain),
        bench.command("pyve --json status", [bench.pyve, "--json", "status"], plain),
    ]
    if bench.direnv:
        # That an .envrc is allowed takes a digest.
        allowed = bench.make_project("status project with direnv")
        bench.call([bench.direnv, "allow", "."], allowed)
        argv = [bench.pyve, "status"]
        group.commands.append(bench.command("pyve status, with an .envrc", argv, allowed))
    if bench.uv:
        # --inexact: pip stays.
        argv = [bench.uv, "sync", "--inexact"]
        bench.call(argv, plain)
        group.commands.append(bench.command("uv sync, nothing to do", argv, plain))
        for command in group.commands[1:-1]:
            # (The digest for direnv is a process of its own, beside the rest.)
            budget = None if "json" in command.label or "envrc" in command.label else 0.5
            group.ratios.append(Ratio(command.label, "uv sync, nothing to do", budget))
    return group
