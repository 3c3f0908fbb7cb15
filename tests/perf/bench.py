"""Measure Pyve against its peers, in one run, and print the ratios beside their budgets.

Usage: bench.py [--rounds N] [--only GROUP]... [--offline] [--json FILE] [--check]

Everything happens below one temporary folder with a HOME of its own, from a project whose path
has a space; Pyve is installed there first and measured as a user has it, through the link in
~/.local/bin. Peers: uv and virtualenv beside this Python, direnv and strace on PATH; pip-tools,
poetry, pdm, pip and pipx in .dev/peers. Groups: run, words, status, init, reload, conda, lock,
check, sync, store, scripts, disk, memory, processes.

Exit: 0 measured, whatever the ratios are; 1 a command failed, or (--check) a ratio is over its
budget; 2 the options are wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conda_runs import plan_conda
from lock_runs import plan_check, plan_lock, plan_sync
from lock_scenes import Scene
from memory_runs import MEMORY_BUDGET, measure_memory
from peers import Peers, lend
from processes import ProcessCount, trace_command
from reload_runs import make_envrc, plan_reload
from report import format_counts, format_disk, format_group, format_memory, is_over
from script_runs import plan_scripts
from status_runs import plan_status
from store_runs import measure_disk, plan_store
from timing import BenchError, Command, Group, Ratio

ROOT = Path(__file__).resolve().parents[2]
GROUPS = (
    *("run", "words", "status", "init", "reload", "conda"),
    *("lock", "check", "sync", "store", "scripts", "disk", "memory", "processes"),
)
PYPROJECT = '[project]\nname = "bench"\nversion = "1"\nrequires-python = ">=3.9"\n'


class Bench:
    """The private home, the peers that were found, and the projects that are measured."""

    said = ""

    def __init__(self, home: Path, rounds: int, offline: bool) -> None:
        self.home = home
        self.rounds = rounds
        self.offline = offline
        self.log = home / "stderr.log"
        self.skipped: list[str] = []
        # Of lock_scenes: the peers, the scenes by their titles, the projects in which a peer took
        # too long, and processes to end.
        self.peers: Peers | None = None
        self.scenes: dict[str, Scene | None] = {}
        self.stopped: set[Path] = set()
        self.processes: list[subprocess.Popen[str]] = []
        self.pyve = str(home / ".local/bin/pyve")
        self.env = {
            "HOME": str(home),
            "PATH": os.pathsep.join([str(home / ".local/bin"), *own_path()]),
            "SHELL": "/bin/bash",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "UV_OFFLINE": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
        }
        beside = Path(sys.executable).parent
        self.bash = self.find("bash", "everything")
        self.true = self.find("true", "everything")
        self.direnv = self.find("direnv", "direnv exec; direnv reload")
        self.strace = self.find("strace", "numbers of processes")
        self.uv = self.find("uv", "uv run; uv venv", str(beside))
        self.virtualenv = self.find("virtualenv", "virtualenv", str(beside))

    def find(self, name: str, rows: str, path: str = "") -> str:
        """Return the path of a program, or "" after noting which rows do without it."""
        found = shutil.which(name, path=path or self.env["PATH"])
        if not found:
            where = "beside this Python" if path else "on PATH"
            self.skip(f"{rows}: there is no {name} {where}")
        return found or ""

    def skip(self, text: str) -> None:
        """Remember what is not measured and why, and say so at once."""
        self.skipped.append(text)
        print(f"NOT MEASURED: {text}", file=sys.stderr)

    def close(self) -> None:
        """End the processes that were started."""
        for process in self.processes:
            process.communicate()

    def read(self, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
        """Run a step of the preparation, and give what it prints.

        Raises:
            BenchError: when it fails.
        """
        self.call(argv, folder, env)
        return self.said

    def call(
        self,
        argv: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> None:
        """Run a step of the preparation.

        Raises:
            BenchError: when it fails, or takes longer than so many seconds.
        """
        try:
            done = subprocess.run(
                argv,
                cwd=folder,
                env=dict(env or self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{' '.join(argv)}: stopped after {limit} seconds") from error
        self.said = done.stdout
        if done.returncode != 0:
            line = " ".join(argv)
            raise BenchError(f"{line}: exit status {done.returncode}\n{done.stdout.strip()}")

    def make_project(self, name: str, *options: str) -> Path:
        """Make a project folder with an environment, by ``pyve init``."""
        project = self.home / name
        project.mkdir()
        (project / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
        self.call([self.pyve, "init", *options], project)
        return project

    def command(
        self,
        label: str,
        argv: Sequence[str],
        folder: Path,
        prepare: Callable[[], None] | None = None,
        rounds: int = 0,
        **env: str,
    ) -> Command:
        """Make a command that runs in the private home."""
        return Command(label, argv, folder, {**self.env, **env}, prepare, rounds)


def own_path() -> list[str]:
    """Return the folders of PATH but for those of an environment, which would hide the system's."""
    hidden = [p for p in (sys.prefix, os.environ.get("VIRTUAL_ENV", "")) if p]
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [f for f in folders if f and not any(Path(h) in Path(f).parents for h in hidden)]


def fill_project(project: Path) -> None:
    """Add what a project gathers: comments in its config, a lock, 300 installed distributions."""
    config = project / ".pyve/config"
    lines = config.read_text(encoding="utf-8").splitlines()
    comment = "# What this says has been agreed upon with everybody who has to do with it."
    config.write_text(
        "".join(f"{comment}\n{comment}\n\n{comment}\n{line}\n" for line in lines)
        + f"{comment}\n" * 50,
        encoding="utf-8",
    )
    lock = ['lock-version = "1.0"', 'created-by = "bench"', ""]
    while len(lock) < 500:
        lock += ["[[packages]]", f'name = "package-{len(lock)}"', 'version = "1.0"', ""]
    (project / "pylock.toml").write_text("\n".join(lock[:500]) + "\n", encoding="utf-8")
    site = next(project.glob(".venv/lib/python3*/site-packages"))
    for number in range(300):
        folder = site / f"package_{number}-1.0.dist-info"
        folder.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.0\n"
        (folder / "METADATA").write_text(metadata, encoding="utf-8")
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n", encoding="utf-8")
        (folder / "INSTALLER").write_text("bench\n", encoding="utf-8")


def plan_run(bench: Bench) -> Group:
    """``pyve run true`` against the same through other doors."""
    small = bench.make_project("small project", "--no-direnv")
    large = bench.make_project("large project", "--no-direnv")
    fill_project(large)
    group = Group("run (ratios above plain true)", bench.rounds, 5)
    group.commands = [
        bench.command("true", [bench.true], small),
        bench.command("bash -c 'exec true'", [bench.bash, "-c", "exec true"], small),
        bench.command("pyve run true", [bench.pyve, "run", "true"], small),
        bench.command("pyve run true (large)", [bench.pyve, "run", "true"], large),
    ]
    if bench.uv:
        argv = [bench.uv, "run", "--no-sync", "true"]
        group.commands.append(bench.command("uv run --no-sync true", argv, small))
        group.commands.append(bench.command("uv run --no-sync true (large)", argv, large))
    if bench.direnv:
        folder = bench.home / "three exports"
        make_envrc(bench, folder)
        argv = [bench.direnv, "exec", ".", "true"]
        group.commands.append(bench.command("direnv exec . true", argv, folder))
    for label in ("pyve run true", "pyve run true (large)"):
        group.ratios += [
            Ratio(label, "uv run --no-sync true", 0.2, above="true"),
            Ratio(label, "bash -c 'exec true'", 3.0, above="true"),
        ]
    group.ratios.append(Ratio("pyve run true", "direnv exec . true", None, above="true"))
    return group


def plan_words(bench: Bench) -> Group:
    """What answers in words only, against an empty bash."""
    folder = bench.home / "words only"
    folder.mkdir()
    group = Group("words", bench.rounds, 5)
    group.commands = [bench.command("bash -c :", [bench.bash, "-c", ":"], folder)]
    lines = [["--version"], ["help"], ["help", "init"]]
    # What a shell asks at a Tab: for a command, and for an option.
    lines += [["complete", "--", "i"], ["complete", "--", "init", "--b"]]
    for words in lines:
        label = "pyve " + " ".join(words)
        group.commands.append(bench.command(label, [bench.pyve, *words], folder))
        group.ratios.append(Ratio(label, "bash -c :", 4.0))
    return group


def find_interpreter(project: Path) -> str:
    """Return the interpreter that Pyve chose, so that the peers take the same."""
    state = project / ".venv/pyve.state"
    for line in state.read_text(encoding="utf-8").splitlines():
        if line.startswith("python="):
            return line.partition("=")[2]
    raise BenchError(f"{state} does not name an interpreter")


def prime_uv(bench: Bench, python: str, folder: Path) -> dict[str, str] | None:
    """Let uv fetch what ``uv venv --seed`` installs.

    Returns:
        The environment variables with which it then works without a network, or None.
    """
    lent = lend()
    argv = [bench.uv, "venv", "--seed", "--python", python, "--clear", ".venv"]
    online = {**lent, **bench.env}
    del online["UV_OFFLINE"]
    wheels = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(ROOT / ".dev/wheelhouse")}
    for prime, timed in ((online, {}), ({**bench.env, **wheels}, wheels)):
        try:
            bench.call(argv, folder, prime)
            bench.call(argv, folder, {**bench.env, **timed})
        except BenchError:
            continue
        return timed
    return None


def plan_init(bench: Bench) -> Group:
    """A new environment with pip in an empty project."""
    folder = bench.home / "empty project"
    templates = bench.home / ".local/share/pyve/templates"

    def clear() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        # What the last command wrote, and the removal of it, must not slow down the next one.
        os.sync()

    def clear_all() -> None:
        shutil.rmtree(templates, ignore_errors=True)
        clear()

    clear()
    init = [bench.pyve, "init", "--no-direnv"]
    bench.call(init, folder)
    python = find_interpreter(folder)
    clear()
    group = Group("init", max(3, bench.rounds // 8), 1)
    group.commands.append(bench.command("pyve init --no-direnv", init, folder, clear))
    if bench.uv:
        seeded = prime_uv(bench, python, folder)
        argv = [bench.uv, "venv", "--python", python, ".venv"]
        group.commands.append(bench.command("uv venv", argv, folder, clear))
        argv = [bench.uv, "venv", "--seed", "--python", python, ".venv"]
        if seeded is None:
            bench.skip(
                "uv venv --seed: uv could not get pip, from an index or from .dev/wheelhouse"
            )
        else:
            label = "uv venv --seed (UV_OFFLINE)"
            group.commands.append(bench.command(label, argv, folder, clear, 0, **seeded))
        if not bench.offline and seeded == {}:
            # As a user has it: the wheel comes from the cache, but the index is asked.
            command = bench.command("uv venv --seed", argv, folder, clear, 0, **lend())
            env = {k: v for k, v in command.env.items() if k != "UV_OFFLINE"}
            group.commands.append(Command(command.label, argv, folder, env, clear))
    if bench.virtualenv:
        argv = [bench.virtualenv, "--quiet", "--python", python, ".venv"]
        group.commands.append(bench.command("virtualenv", argv, folder, clear))
    # The slow ones come last, in the first rounds.
    argv = [python, "-m", "venv", ".venv"]
    try:
        bench.call(argv, folder)
        group.commands.append(bench.command("python -m venv", argv, folder, clear, 2))
    except BenchError:
        bench.skip(f"python -m venv: {python} has no ensurepip")
    group.commands.append(bench.command("pyve init, no template yet", init, folder, clear_all, 2))
    group.ratios = [
        Ratio("pyve init --no-direnv", "uv venv --seed", 0.3),
        Ratio("pyve init --no-direnv", "uv venv --seed (UV_OFFLINE)", None),
        Ratio("pyve init --no-direnv", "virtualenv", None),
        Ratio("pyve init --no-direnv", "python -m venv", 1.0),
        Ratio("pyve init, no template yet", "python -m venv", 1.0),
    ]
    return group


def count(bench: Bench) -> dict[str, ProcessCount]:
    """Count the processes of a few commands; "no strace" is no failure."""
    if not bench.strace:
        return {}
    ready = bench.make_project("traced project", "--no-direnv")
    fresh = bench.home / "traced fresh project"

    def clear() -> None:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()

    commands = [
        bench.command("pyve run true", [bench.pyve, "run", "true"], ready),
        bench.command("pyve --version", [bench.pyve, "--version"], ready),
        bench.command("pyve help", [bench.pyve, "help"], ready),
        bench.command("pyve status", [bench.pyve, "status"], ready),
        bench.command("pyve init --no-direnv", [bench.pyve, "init", "--no-direnv"], fresh, clear),
    ]
    return {c.label: trace_command(bench.strace, c, bench.home / "trace") for c in commands}


def write_json(
    path: Path,
    bench: Bench,
    groups: Sequence[Group],
    counts: Mapping[str, ProcessCount],
    sizes: Mapping[str, float],
) -> None:
    """Write the raw numbers: nanoseconds of every round, ratios, programs, what is missing."""
    data = {
        "format": 1,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "rounds": bench.rounds,
        "skipped": bench.skipped,
        "nanoseconds": {group.title: group.samples for group in groups},
        "ratios": [
            {
                "group": group.title,
                "of": ratio.of,
                "to": ratio.to,
                "above": ratio.above,
                "less": ratio.less,
                "ratio": group.compare(ratio),
                "ratio_of_minima": group.compare(ratio, min),
                "budget": ratio.budget,
            }
            for group in groups
            for ratio in group.ratios
        ],
        "megabytes": dict(sizes),
        "processes": {
            label: {"forks": seen.forks, "programs": seen.programs}
            for label, seen in counts.items()
        },
    }
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def warn_when_busy() -> None:
    """Say when so much else runs that the numbers mean little: several-threaded peers lose most."""
    if os.getloadavg()[0] > 0.6 * (os.cpu_count() or 1):
        print("NOTE: this machine is busy with something else; trust minima more than medians\n")


def read_options(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure Pyve against its peers, in one run.")
    parser.add_argument("--rounds", type=int, default=100, help="of the quick groups (100)")
    parser.add_argument("--only", action="append", choices=GROUPS, help="measure this group only")
    parser.add_argument("--offline", action="store_true", help="time uv without its index only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw numbers")
    parser.add_argument("--check", action="store_true", help="status 1 when a budget is exceeded")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("--rounds needs a number of at least 1")
    return options


def show(lines: Sequence[str]) -> None:
    """Print a part of the table, if there is anything in it."""
    if lines:
        print("\n".join(lines), end="\n\n", flush=True)


def measure(bench: Bench, only: Sequence[str], json_file: Path | None) -> bool:
    """Measure and print group by group.

    Returns:
        Whether every ratio is within its budget.
    """
    plans: dict[str, Callable[[Bench], Group | list[Group]]] = {
        "run": plan_run,
        "words": plan_words,
        "status": plan_status,
        "init": plan_init,
        "reload": plan_reload,
        "conda": plan_conda,
        "lock": plan_lock,
        "check": plan_check,
        "sync": plan_sync,
        "store": plan_store,
        "scripts": plan_scripts,
    }
    groups: list[Group] = []
    counts: dict[str, ProcessCount] = {}
    sizes: dict[str, float] = {}
    for name in only:
        if name == "processes":
            counts = count(bench)
            show(format_counts(counts) if counts else [])
        elif name == "memory":
            sizes = measure_memory(bench)
            show(format_memory(sizes, MEMORY_BUDGET) if sizes else [])
        elif name == "disk":
            show(format_disk(measure_disk(bench)))
        else:
            planned = plans[name](bench)
            for group in planned if isinstance(planned, list) else [planned]:
                group.measure(bench.log)
                bench.stopped.update(command.folder for command in group.stopped)
                groups.append(group)
                show(format_group(group) if group.commands else [])
    over = [f"{r.of} / {r.to}" for g in groups for r in g.ratios if is_over(g, r)]
    over += [f"memory of {label}" for label, size in sizes.items() if size > MEMORY_BUDGET]
    for text in bench.skipped:
        print(f"not measured: {text}")
    for text in over:
        print(f"over budget: {text}")
    if json_file:
        write_json(json_file, bench, groups, counts, sizes)
    return not over


def main(argv: Sequence[str]) -> int:
    """Run everything. See the module for the exit status."""
    options = read_options(argv)
    json_file = options.json.absolute() if options.json else None
    here = Path.cwd()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pyve bench ") as folder:
        bench: Bench | None = None
        try:
            bench = Bench(Path(folder).resolve(), options.rounds, options.offline)
            bench.call([bench.bash, str(ROOT / "pyve.sh"), "self", "install"], bench.home)
            print(f"{os.cpu_count()} cores, milliseconds of wall time\n", flush=True)
            warn_when_busy()
            within = measure(bench, options.only or GROUPS, json_file)
        except BenchError as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
        finally:
            os.chdir(here)
            if bench:
                bench.close()
    print(f"{time.monotonic() - start:.0f} seconds in all")
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
