"""Measure how much memory helpers take for a lock of 500 packages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from lock_scenes import Scene, open_made
from peers import ROOT
from timing import BenchError

COUNT = 500
# Megabytes, of each helper.
MEMORY_BUDGET = 150
# Runs a helper, and then says how much memory it had at most, in kilobytes. (What getrusage says
# may be the memory of the process that started this one.)
_WATCH = """
import re, resource, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    status = end.code
try:
    with open("/proc/self/status") as stream:
        size = int(re.search(r"VmHWM:\\s+(\\d+)", stream.read()).group(1))
except OSError:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size //= 1024 if sys.platform == "darwin" else 1
sys.stderr.write(f"\\n{size}\\n")
sys.exit(status)
"""


def measure_memory(bench: Any) -> dict[str, float]:
    """Run each helper that reads or writes a lock, with one of 500 packages.

    Returns:
        What was run -> megabytes at most; empty where it cannot be measured.

    Raises:
        BenchError: a helper fails.
    """
    scene = open_made(bench, COUNT)
    if scene is None:
        return {}
    folder = scene.project("pyve")
    workspace = folder / ".pyve" / "solving"
    lock = ["lock_packages.py", "--format", "lines", "lock", "--workspace", str(workspace)]
    lock += ["--output", "pylock.toml", "--interpreter", scene.python]
    lock += ["--interpreter-version", bench.read([scene.python, "-c", _VERSION], folder).strip()]
    environment = str(folder / ".venv")
    sync = ["sync_environment.py", "--format", "lines", "plan", "--environment", environment]
    sync += ["--root", str(folder)]
    runs = {
        "lock, none yet": (lock, True),
        "lock --upgrade": ([*lock, "--upgrade-all"], False),
        "lock --check": (["lock_packages.py", "--format", "lines", "check"], False),
        "sync": (sync, False),
        "tree": (["show_packages.py", "--format", "lines", "tree", "--lock", "pylock.toml"], False),
    }
    found = {}
    for label, (words, is_first) in runs.items():
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir(mode=0o700)
        if is_first:
            (folder / "pylock.toml").unlink()
        found[label] = watch(scene, words)
    shutil.rmtree(workspace, ignore_errors=True)
    return found


_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


def watch(scene: Scene, words: list[str]) -> float:
    """Run a helper in Pyve's project; give the most memory that it had, in megabytes.

    Raises:
        BenchError: it fails.
    """
    toolchain = next(
        place.parents[3]
        for place in Path(scene.env["PYVE_TOOLCHAIN"]).glob("*/lib/python3*/site-packages/tomlkit")
    )
    argv = [str(toolchain / "bin/python"), "-E", "-s", "-B", "-X", "utf8", "-c", _WATCH]
    done = subprocess.run(
        [*argv, str(ROOT / "helpers" / words[0]), *words[1:]],
        cwd=scene.project("pyve"),
        env=scene.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(words)}: {(done.stdout + done.stderr)[-800:]}")
    return int(done.stderr.split()[-1]) / 1024
