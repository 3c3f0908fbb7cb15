"""Measure environments that are made from the shared store, and what they are like then.

For the locks of lock_scenes: a second worktree synced from the store, against uv, pip and a copy by
hard links; filling the store, against uv when it compiles, too; Python and imports in such an
environment, against a plain one; and the disk that 50 worktrees take.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lock_runs import list_scenes, sync_words
from lock_scenes import SLOW, Scene
from timing import BenchError, Group, Ratio

WORKTREES = 50
BUDGET = 0.05
IMPORT_BUDGET = 1.05
# What the import of is measured, where it is there: the heaviest of thirty.in, else made ones.
HEAVY = ("django", "fastapi", "flask", "sqlalchemy", "boto3")
# Of a project, what a second worktree has: the rest is ignored by git.
TRACKED = ("pyproject.toml", "pylock.toml", ".pyve/config", ".gitignore")


def plan_store(bench: Any) -> list[Group]:
    """Give the groups of all scenes."""
    groups = []
    for scene in list_scenes(bench):
        origin = scene.project("pyve store")
        copy_tracked(scene.project("pyve"), origin)
        fill(scene, origin)
        groups += [plan_worktree(scene, origin), plan_filling(scene, origin)]
        groups.append(plan_imports(scene, origin))
    return groups


def copy_tracked(source: Path, target: Path) -> None:
    """Copy what git would have, with the store on."""
    (target / ".pyve").mkdir(parents=True, exist_ok=True)
    for name in TRACKED:
        shutil.copy(source / name, target / name)
    config = target / ".pyve/config"
    lines = config.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("store:")]
    config.write_text("\n".join([*lines, "store: on", ""]), encoding="utf-8")


def fill(scene: Scene, project: Path) -> None:
    """Have the store hold what the project's lock says."""
    scene.bench.call([scene.bench.pyve, "sync", "--frozen"], project, scene.env)


def make_plain(scene: Scene) -> Path:
    """Give an environment that uv has filled, bytecode and all."""
    scene.make_venv("uv pip")
    scene.run("uv pip", *sync_words("pylock.pyve.toml"), "--compile-bytecode")
    return scene.project("uv pip") / ".venv"


def plan_worktree(scene: Scene, origin: Path) -> Group:
    """An environment in a second worktree, where the store has it."""
    bench = scene.bench
    second = scene.project("pyve store 2")
    copy_tracked(origin, second)
    fill(scene, second)
    copied = scene.folder / "copied"
    plain = scene.folder / "plain"
    shutil.copytree(make_plain(scene), plain, symlinks=True)
    group = Group(f"store, {scene.title}", max(5, bench.rounds // 5), 2)
    ours, links = "pyve sync, a new worktree", "pyve sync --copy"
    theirs, hard = "uv pip sync, the same lock", "cp -al of an environment"
    words = [bench.pyve, "sync", "--frozen"]
    group.commands = [
        scene.command(ours, "pyve store 2", words, remove(second / ".venv")),
        scene.command(
            theirs,
            "uv pip",
            scene.argv("uv pip", *sync_words("pylock.pyve.toml")),
            scene.clear_venv("uv pip"),
        ),
        scene.command(
            hard, "pyve store 2", [find_cp(), "-al", str(plain), str(copied)], remove(copied)
        ),
        scene.command(links, "pyve store 2", [*words, "--copy"], remove(second / ".venv")),
    ]
    if scene.peers.find("pip"):
        python = str(scene.project("pip") / ".venv/bin/python")
        lock = str(scene.project("uv pip") / "pylock.pyve.toml")
        argv = scene.argv("pip", "--python", python, "install", "-q", "-r", lock)
        label = "pip install -r, the same lock"
        group.commands.append(scene.command(label, "pip", argv, scene.clear_venv("pip"), SLOW))
        group.ratios.append(Ratio(ours, label, None))
    group.ratios += [
        Ratio(ours, theirs, BUDGET),
        Ratio(ours, hard, None),
        Ratio(links, hard, None),
    ]
    return group


def plan_filling(scene: Scene, origin: Path) -> Group:
    """What the first project pays: the store does not have the lock yet."""
    bench = scene.bench
    store = find_store(scene)

    def clear() -> None:
        make_writable(store)
        shutil.rmtree(store, ignore_errors=True)
        remove(origin / ".venv")()

    group = Group(f"store, filled by {scene.title}", 3, 0)
    ours = "pyve sync, an empty store"
    words = sync_words("pylock.pyve.toml")
    group.commands = [
        scene.command(ours, "pyve store", [bench.pyve, "sync", "--frozen"], clear),
        scene.command(
            "uv pip sync --compile-bytecode",
            "uv pip",
            scene.argv("uv pip", *words, "--compile-bytecode"),
            scene.clear_venv("uv pip"),
        ),
        scene.command(
            "uv pip sync", "uv pip", scene.argv("uv pip", *words), scene.clear_venv("uv pip")
        ),
    ]
    group.ratios = [
        Ratio(ours, "uv pip sync --compile-bytecode", None),
        Ratio(ours, "uv pip sync", None),
    ]
    return group


def plan_imports(scene: Scene, origin: Path) -> Group:
    """Python in an environment of the store, and in a plain one that has bytecode, too."""
    bench = scene.bench
    second = scene.project("pyve store 2")
    plain = scene.folder / "plain/bin/python"
    names = find_modules(plain)
    group = Group(f"store, Python with {scene.title}", bench.rounds, 3)
    for label, code in (("python -c pass", "pass"), ("imports", f"import {', '.join(names)}")):
        for kind, python in (("store", second / ".venv/bin/python"), ("plain", plain)):
            argv = [str(python), "-c", code]
            group.commands.append(scene.command(f"{label} ({kind})", "pyve store 2", argv))
        group.ratios.append(Ratio(f"{label} (store)", f"{label} (plain)", IMPORT_BUDGET))
    return group


def find_modules(python: Path) -> list[str]:
    """Give the modules that are imported."""
    found = subprocess.run(
        [str(python), "-c", "import pkgutil; print(*(m.name for m in pkgutil.iter_modules()))"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split()
    heavy = [name for name in HEAVY if name in found]
    return heavy or [f"{name}" for name in found if name.startswith("made")][:100]


def measure_disk(bench: Any) -> dict[str, float]:
    """Make so many worktrees, and see what the disk has to hold.

    Returns:
        Megabytes (of 2**20 bytes, as ``du`` counts blocks; an inode once) by what they are of.
    """
    sizes: dict[str, float] = {}
    for scene in list_scenes(bench):
        origin = scene.project("pyve store")
        copy_tracked(scene.project("pyve"), origin)
        fill(scene, origin)
        folders = [scene.folder / f"worktree {number}" for number in range(WORKTREES)]
        for folder in folders:
            copy_tracked(origin, folder)
            fill(scene, folder)
        store = sum_blocks([find_store(scene)])
        plain = sum_blocks([make_plain(scene)])
        sizes[f"{scene.title}: one plain environment"] = plain
        sizes[f"{scene.title}: the store"] = store
        environments = [folder / ".venv" for folder in folders]
        sizes[f"{scene.title}: {WORKTREES} environments of it"] = sum_blocks(environments)
        for folder in folders:
            shutil.rmtree(folder)
    return sizes


def sum_blocks(folders: Iterable[Path]) -> float:
    """Add up what files and folders take on the disk, each inode once; in megabytes."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for place, names, files in os.walk(folder):
            for name in (".", *names, *files):
                info = os.lstat(os.path.join(place, name))
                seen[info.st_dev, info.st_ino] = info.st_blocks * 512
    return sum(seen.values()) / 2**20


def find_store(scene: Scene) -> Path:
    """Give the folder of the store of the private home."""
    return Path(scene.env["HOME"]) / ".cache/pyve/store"


def find_cp() -> str:
    """Give the program."""
    found = shutil.which("cp")
    if not found:
        raise BenchError("there is no cp")
    return found


def make_writable(folder: Path) -> None:
    """Let the folders of the store be removed."""
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o755)


def remove(path: Path) -> Callable[[], None]:
    """Give what removes an environment, and waits for the disk."""

    def clear() -> None:
        make_writable(path)
        shutil.rmtree(path, ignore_errors=True)
        os.sync()

    return clear
