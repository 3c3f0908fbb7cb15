"""Measure scripts and tools that are started again, and shards of tests.

``pyve run script.py`` against ``uv run --script`` and ``pipx run``, and ``pyve x`` against ``uvx``
and ``pipx run``: a script with inline metadata and a command that each need one small distribution,
which all have used before, so that nothing is fetched, solved or made any more. What counts is what
each adds to the script and the command themselves. Shards are in shard_runs.py.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from lock_scenes import copy_toolchain, link_uv
from peers import ROOT, Peers
from shard_runs import Shards
from timing import BenchError, Command, Group, Ratio

BUDGET = 0.5
NAME = "bench-tool"
MODULE = "bench_tool/__init__.py"
CODE = "def main():\n    return 0\n"
SCRIPT = f"""# /// script
# requires-python = ">=3.9"
# dependencies = ["{NAME}"]
# ///
import sys

import bench_tool

print(sys.version.split()[0], getattr(sys, "_base_executable", sys.executable))
sys.exit(bench_tool.main())
"""


class Folder:
    """A folder with the script, the wheels that all take, and a plain environment that has them.

    Attributes:
        folder: where the script is.
        env: the variables of all that is measured.
        python: the interpreter of the plain environment, of the version that Pyve chose.
        pipx: the program, or "".
    """

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.folder = bench.home / "some scripts"
        self.folder.mkdir()
        (self.folder / "script.py").write_text(SCRIPT, encoding="utf-8")
        wheels = bench.home / "wheels"
        make_wheels(wheels)
        self.env = {
            **bench.env,
            "PATH": f"{link_uv(bench)}:{bench.env['PATH']}",
            "PYVE_TOOLCHAIN": str(copy_toolchain(bench)),
            "UV_FIND_LINKS": str(wheels),
            "UV_CACHE_DIR": str(bench.home / "uv cache of scripts"),
            "PIP_FIND_LINKS": str(wheels),
            "PIP_NO_INDEX": "1",
        }
        said = bench.read([bench.pyve, "run", "script.py"], self.folder, self.env)
        interpreter = said.strip().splitlines()[-1].partition(" ")[2]
        plain = bench.home / "plain"
        self.call(bench.uv, "venv", "-q", "--python", interpreter, str(plain))
        self.call(bench.uv, "pip", "install", "-q", "--python", str(plain), NAME)
        self.python = str(plain / "bin/python")
        self.theirs = {**self.env, "UV_PYTHON": interpreter}
        if bench.peers is None:
            bench.peers = Peers(bench)
        self.pipx = bench.peers.find("pipx")
        self.theirs |= {
            "PIPX_HOME": str(bench.home / "pipx"),
            "PIPX_DEFAULT_PYTHON": interpreter,
            "PIPX_SHARED_LIBS": str(bench.home / "pipx shared"),
        }

    def call(self, *argv: str) -> None:
        """Take a step of the preparation."""
        self.bench.call(argv, self.folder, self.env)

    def ours(self, *words: str) -> Command:
        """Give a line of Pyve's, which has run once."""
        argv = [self.bench.pyve, *words]
        self.call(*argv)
        return Command(" ".join(["pyve", *words]), argv, self.folder, self.env)

    def peer(self, program: str, *words: str, rounds: int = 0) -> Command:
        """Give a line of a peer's, which has run once."""
        argv = [program, *words]
        self.bench.call(argv, self.folder, self.theirs)
        label = " ".join([Path(program).name, *words])
        return Command(label, argv, self.folder, self.theirs, None, rounds)

    def plain(self, label: str, *argv: str) -> Command:
        """Give the line that all others are compared above."""
        return Command(label, argv, self.folder, self.env)


def make_wheels(folder: Path) -> None:
    """Write the tool's wheel, and those that pipx fills its environments with."""
    sys.path.insert(0, str(ROOT / "tests/helpers"))
    from distributions import make_wheel

    folder.mkdir()
    wheel = make_wheel(
        NAME, "1.0", (), ">=3.9", files={MODULE: CODE}, commands={NAME: "bench_tool:main"}
    )
    wheel.write(folder)
    for file in (ROOT / ".dev/wheelhouse").glob("*.whl"):
        shutil.copy2(file, folder)


def plan_scripts(bench: Any) -> list[Group]:
    """Give the groups; none when there is nothing to compare with."""
    if not bench.uv or not (ROOT / ".dev/toolchain").is_dir():
        bench.skip("scripts and tools: there is no uv, or no .dev/toolchain")
        return []
    folder = Folder(bench)
    slow = max(3, bench.rounds // 10)
    return [
        plan(
            bench,
            "scripts (ratios above python script.py)",
            folder.plain("python script.py", folder.python, "script.py"),
            [folder.ours("run", "script.py")],
            [folder.peer(bench.uv, "run", "--script", "script.py")],
            [folder.peer(folder.pipx, "run", "script.py", rounds=slow)] if folder.pipx else [],
        ),
        plan(
            bench,
            "tools (ratios above the tool itself)",
            folder.plain(NAME, str(Path(folder.python).parent / NAME)),
            [folder.ours("x", NAME)],
            [folder.peer(find_uvx(bench), NAME)],
            [folder.peer(folder.pipx, "run", NAME, rounds=slow)] if folder.pipx else [],
        ),
        Shards(bench),
    ]


def plan(
    bench: Any, title: str, plain: Command, ours: list[Command], *peers: list[Command]
) -> Group:
    """Give a group in which each of ours is held to each of the peers."""
    group = Group(title, bench.rounds, 3)
    theirs = [command for some in peers for command in some]
    group.commands = [plain, *ours, *theirs]
    group.ratios = [
        Ratio(command.label, peer.label, BUDGET, above=plain.label)
        for command in ours
        for peer in theirs
    ]
    return group


def find_uvx(bench: Any) -> str:
    """Give the program that lies beside uv.

    Raises:
        BenchError: it is not there.
    """
    path = Path(bench.uv).parent / "uvx"
    if not path.exists():
        raise BenchError("there is no uvx beside uv")
    return str(path)
