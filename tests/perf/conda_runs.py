"""Measure `pyve run` in a conda environment against an activation by the engine.

There is no micromamba to be had everywhere, so the peer is what `micromamba run` has to do: ask
the engine (py-rattler) for the activation of the prefix, source it in a bash, execute the command.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from timing import Group, Ratio

ROOT = Path(__file__).resolve().parents[2]
PEER = """
import sys
from rattler.shell import ActivationVariables, Shell, activate
print(activate(sys.argv[1], ActivationVariables(None, sys.argv[2].split(":")), Shell.bash).script)
"""


def find_toolchain() -> Path | None:
    """Return the interpreter of the toolchain that has the engine, or None when there is none."""
    engines = (ROOT / ".dev" / "toolchain").glob("*/lib/python3*/site-packages/rattler")
    found = sorted(engine.parents[3] / "bin" / "python" for engine in engines)
    return found[0] if found else None


def plan_conda(bench: Any) -> Group:
    """``pyve run true`` in a conda environment that the built-in engine has made."""
    group = Group("conda (ratios above plain true)", bench.rounds, 5)
    toolchain = find_toolchain()
    if not toolchain:
        bench.skip(
            "pyve run in a conda environment: there is no .dev/toolchain (make test makes it)"
        )
        return group
    maker = [
        sys.executable,
        str(ROOT / "tests/helpers/conda_channel.py"),
        str(bench.home / "channel"),
    ]
    channel = subprocess.run(maker, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    project = bench.home / "conda project"
    project.mkdir()
    lines = ["name: bench", f"channels: ['{channel}']", "dependencies: [python, greeter, kettle]"]
    (project / "environment.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    env = {**bench.env, "PYVE_TOOLCHAIN": str(ROOT / ".dev" / "toolchain")}
    bench.call([bench.pyve, "init", "--no-direnv", "--yes"], project, env)
    prefix = project / ".pyve" / "envs" / "bench"
    script = bench.home / "activate.py"
    script.write_text(PEER, encoding="utf-8")
    line = f"""set -e; x=$('{toolchain}' -I '{script}' '{prefix}' "$PATH"); eval "$x"; exec true"""
    group.commands = [
        bench.command("true", [bench.true], project),
        bench.command("pyve run true, conda", [bench.pyve, "run", "true"], project),
        bench.command("activation by rattler, true", [bench.bash, "-c", line], project),
    ]
    group.ratios = [Ratio("pyve run true, conda", "activation by rattler, true", 0.2, above="true")]
    return group
