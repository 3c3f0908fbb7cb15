"""Projects that ask for the same, one for each tool, and what each tool does in its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from made_index import list_requirements
from peers import HERE, ROOT, Peers, lend
from timing import BenchError, Command

# Of what takes seconds each time: so often, and no longer than so many of them; the first time,
# when it fetches what it needs, longer.
SLOW = 1
LIMIT = 20
FIRST_LIMIT = 120


class Scene:
    """One list of requirements, an index that has them, and a project for each tool.

    Attributes:
        title: what the tables call it.
        requirements: what is asked for.
        folder: of the projects.
        env: the variables of all tools. An index may be asked.
        python: the interpreter of all environments.
        is_usable: whether the index answers.
    """

    def __init__(
        self, bench: Any, peers: Peers, title: str, requirements: Sequence[str], url: str
    ) -> None:
        self.bench = bench
        self.peers = peers
        self.title = title
        self.requirements = requirements
        self.url = url
        self.folder = bench.home / f"locks {title}"
        self.folder.mkdir()
        env = {key: value for key, value in bench.env.items() if key != "UV_OFFLINE"}
        self.env = {
            **lend(),
            **env,
            "PATH": f"{link_uv(bench)}{os.pathsep}{env['PATH']}",
            "PYVE_TOOLCHAIN": str(copy_toolchain(bench)),
            "UV_CACHE_DIR": str(bench.home / "uv cache"),
        }
        if url:
            for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
                self.env[name] = url
            for name in ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
                self.env.pop(name, None)
        self.python = ""
        self.is_usable = self.prepare()

    def prepare(self) -> bool:
        """Make the projects of Pyve and uv, and fill uv's cache; False when no index answers."""
        bench = self.bench
        ours = self.project("pyve")
        bench.call([bench.pyve, "init", "--no-direnv"], ours, self.env)
        # (What is measured here are plain environments; store_runs measures those of the store.)
        with (ours / ".pyve/config").open("a", encoding="utf-8") as config:
            config.write("store: off\n")
        state = (ours / ".venv/pyve.state").read_text(encoding="utf-8")
        known = dict(line.partition("=")[::2] for line in state.splitlines())
        self.python = known["python"]
        version = ".".join(known["version"].split(".")[:2])
        self.write(ours, version)
        for name in ("uv", "uv pip"):
            self.write(self.project(name), version)
            self.make_venv(name)
        try:
            self.run("uv", "lock", "-q", "--python", self.python)
            self.run("uv", "sync", "-q", "--frozen", "--python", self.python)
            bench.call([bench.pyve, "lock"], ours, self.env)
            bench.call([bench.pyve, "sync"], ours, self.env)
        except BenchError as error:
            bench.skip(f"locks of {self.title}: {str(error).splitlines()[-1]}")
            return False
        shutil.copy(ours / "pylock.toml", self.project("uv pip") / "pylock.pyve.toml")
        for name in ("poetry", "pdm", "pip-compile", "pip"):
            if self.peers.find(name):
                self.write(self.project(name), version)
                self.make_venv(name)
        return True

    def project(self, name: str) -> Path:
        """Give the project of a tool; with a blank in its path, as all have here."""
        folder = self.folder / f"of {name.replace('pip-sync', 'pip-compile')}"
        folder.mkdir(exist_ok=True)
        return Path(folder)

    def write(self, folder: Path, version: str) -> None:
        """Write a pyproject.toml that every tool understands, and a requirements.in."""
        limit = f">={version},<4" if folder.name == "of poetry" else f">={version}"
        lines = [
            "[project]",
            'name = "bench"',
            'version = "1"',
            f'requires-python = "{limit}"',
            "dependencies = [",
            *(f'    "{text}",' for text in self.requirements),
            "]",
        ]
        if folder.name == "of pdm":
            lines += ["", "[tool.pdm]", "distribution = false"]
            if self.url:
                lines += ["", "[[tool.pdm.source]]", 'name = "pypi"', f'url = "{self.url}"']
        if folder.name == "of poetry":
            url = self.url or self.peers.default_index(self.bench, self.env)
            lines += ["", "[tool.poetry]", "package-mode = false", "", "[[tool.poetry.source]]"]
            lines += ['name = "index"', f'url = "{url}"', 'priority = "primary"']
        (folder / "pyproject.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
        listed = "".join(f"{text}\n" for text in self.requirements)
        (folder / "requirements.in").write_text(listed, encoding="utf-8")

    def run(self, tool: str, *words: str, limit: int | None = None) -> None:
        """Run uv, or a peer, in the project of the tool, as part of the preparation."""
        self.bench.call(self.argv(tool, *words), self.project(tool), self.env_of(tool), limit)

    def argv(self, tool: str, *words: str) -> list[str]:
        """Give the command line of uv ("uv", "uv pip") or of a peer."""
        if tool.startswith("uv"):
            return [self.bench.uv, *tool.split()[1:], *words]
        return [self.peers.find(tool), *words]

    def env_of(self, tool: str) -> dict[str, str]:
        """Give the variables of a tool."""
        return self.env if tool.startswith(("uv", "pyve")) else {**self.env, **self.peers.env}

    def command(
        self,
        label: str,
        tool: str,
        argv: Sequence[str],
        prepare: Callable[[], None] | None = None,
        rounds: int = 0,
    ) -> Command:
        """Make a line of the table."""
        env = self.env_of(tool)
        limit = LIMIT if rounds == SLOW else 0
        return Command(label, argv, self.project(tool), env, prepare, rounds, limit)

    def make_venv(self, tool: str) -> None:
        """Make the environment of a tool anew, with nothing in it."""
        folder = self.project(tool)
        shutil.rmtree(folder / ".venv", ignore_errors=True)
        argv = [self.bench.uv, "venv", "-q", "--python", self.python, ".venv"]
        self.bench.call(argv, folder, self.env)

    def clear_venv(self, tool: str) -> Callable[[], None]:
        """Give what makes the environment of a tool empty, and waits for the disk."""

        def clear() -> None:
            # (pip-sync needs a pip there.)
            if tool in ("pyve", "pip-sync"):
                folder = self.project(tool)
                shutil.rmtree(folder / ".venv", ignore_errors=True)
                words = [self.bench.pyve, "init", "--no-direnv", "--yes"]
                self.bench.call(words, folder, self.env)
            else:
                self.make_venv(tool)
            os.sync()

        return clear

    def remove(self, tool: str, name: str) -> Callable[[], None]:
        """Give what removes a file, or an environment, of the project of a tool."""

        def clear() -> None:
            path = self.project(tool) / name
            if path.is_dir():
                shutil.rmtree(path)
                os.sync()
            else:
                path.unlink(missing_ok=True)

        return clear


def link_uv(bench: Any) -> Path:
    """Make a folder for PATH that has uv, and nothing else of the tools for development."""
    folder = Path(bench.home / "uv alone")
    folder.mkdir(exist_ok=True)
    if bench.uv and not (folder / "uv").exists():
        (folder / "uv").symlink_to(bench.uv)
    return folder


def copy_toolchain(bench: Any) -> Path:
    """Give a copy of the toolchain of the tests, by links: what is kept in it goes with it."""
    folder = Path(bench.home / "toolchain")
    if not folder.exists():
        subprocess.run(["cp", "-al", str(ROOT / ".dev/toolchain"), str(folder)], check=True)
    return folder


def open_thirty(bench: Any) -> Scene | None:
    """Give the scene with the 30 requirements; None when there is no index that has them."""
    if bench.offline:
        return None
    lines = (HERE / "thirty.in").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    return open_scene(bench, "30 requirements", wanted, "")


def open_made(bench: Any, count: int) -> Scene | None:
    """Give a scene with so many made distributions."""
    title = f"{count} packages"
    if title in bench.scenes:
        return open_scene(bench, title, (), "")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "made_index.py"), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    bench.processes.append(process)
    url = (process.stdout.readline() if process.stdout else "").strip()
    if not url:
        raise BenchError("the index of made distributions does not start")
    return open_scene(bench, title, list_requirements(count), url)


def open_scene(bench: Any, title: str, wanted: Sequence[str], url: str) -> Scene | None:
    """Give a scene, the same one to all groups that ask for it; None when it is not usable."""
    if title not in bench.scenes:
        if not bench.uv or not (ROOT / ".dev/toolchain").is_dir():
            bench.skip(f"locks of {title}: there is no uv, or no .dev/toolchain")
            bench.scenes[title] = None
        else:
            if bench.peers is None:
                bench.peers = Peers(bench)
            scene = Scene(bench, bench.peers, title, wanted, url)
            bench.scenes[title] = scene if scene.is_usable else None
    found: Scene | None = bench.scenes[title]
    return found
