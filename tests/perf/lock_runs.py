"""Measure `pyve lock`, `lock --check` and `pyve sync` against uv, pip-tools, poetry, pdm and pip.

Each group is measured for the 30 requirements of thirty.in, from the index that pip asks, and for
300 made packages from an index on 127.0.0.1. All caches are warm. The slow peers get one round.
"""

from __future__ import annotations

from typing import Any

from lock_scenes import FIRST_LIMIT, LIMIT, SLOW, Scene, open_made, open_thirty
from timing import BenchError, Group, Ratio

MADE = 300
PYTHON = "a Python that starts"
# The file that a peer locks into, and how.
PEER_LOCKS = {
    "pip-compile": (
        "out.txt",
        ["-q", "--generate-hashes", "--strip-extras", "-o", "out.txt", "requirements.in"],
    ),
    "poetry": ("poetry.lock", ["lock", "-n", "-q"]),
    "pdm": ("pdm.lock", ["lock", "-q"]),
}


def plan_lock(bench: Any) -> list[Group]:
    """Solve, where there is no lock yet."""
    return [plan_solving(bench, scene) for scene in list_scenes(bench)]


def plan_check(bench: Any) -> list[Group]:
    """Find out that nothing is to be done."""
    return [plan_nothing(bench, scene) for scene in list_scenes(bench)]


def plan_sync(bench: Any) -> list[Group]:
    """Install what the lock says into an environment with nothing in it."""
    return [plan_installing(bench, scene) for scene in list_scenes(bench)]


def list_scenes(bench: Any) -> list[Scene]:
    """Give the scenes that can be had."""
    return [scene for scene in (open_thirty(bench), open_made(bench, MADE)) if scene]


def warm(scene: Scene, tool: str, what: str, *words: str) -> bool:
    """Have a peer do once what it is measured at, when its caches may lack something.

    Returns:
        Whether the peer is there, and can do it.
    """
    if not scene.peers.find(tool):
        return False
    # (The URL of the made index is another one each time, and near.)
    key = f"{tool} {what} {len(scene.requirements)}".replace(" ", "-")
    if scene.url or scene.peers.is_warm(key):
        return True
    if what == "sync":
        scene.clear_venv(tool)()
    try:
        scene.run(tool, *words, limit=FIRST_LIMIT)
    except BenchError as error:
        scene.bench.skip(f"{tool} {what}, {scene.title}: {str(error).splitlines()[-1]}")
        return False
    scene.peers.stay_warm(key)
    return True


def plan_solving(bench: Any, scene: Scene) -> Group:
    """``pyve lock`` without a lock that is there."""
    group = Group(f"lock, {scene.title}", max(3, bench.rounds // 20), 1)
    toolchain = next((bench.home / "toolchain").glob("*/bin/python"))
    python = [str(toolchain), "-E", "-s", "-c", "pass"]
    compiled = ["compile", "-q", "--universal", "--generate-hashes", "--python", scene.python]
    compiled += ["pyproject.toml", "-o", "pylock.toml"]
    locked = ["lock", "-q", "--python", scene.python]
    for offline in ("", " (offline)"):
        more = ["--offline"] if offline else []
        clear = scene.remove("pyve", "pylock.toml")
        argv = [bench.pyve, "lock", *more]
        group.commands.append(scene.command(f"pyve lock{offline}", "pyve", argv, clear))
        clear = scene.remove("uv pip", "pylock.toml")
        argv = scene.argv("uv pip", *compiled, *more)
        group.commands.append(scene.command(f"uv pip compile{offline}", "uv pip", argv, clear))
        clear = scene.remove("uv", "uv.lock")
        argv = scene.argv("uv", *locked, *more)
        group.commands.append(scene.command(f"uv lock{offline}", "uv", argv, clear))
        budget = None if offline else 1.15
        group.ratios.append(
            Ratio(f"pyve lock{offline}", f"uv pip compile{offline}", budget, less=PYTHON)
        )
        group.ratios.append(Ratio(f"pyve lock{offline}", f"uv lock{offline}", None))
    group.commands.append(scene.command(PYTHON, "pyve", python))
    for tool, (lock, words) in PEER_LOCKS.items():
        if warm(scene, tool, "lock", *words):
            label = tool if tool == "pip-compile" else f"{tool} lock"
            clear = scene.remove(tool, lock)
            argv = scene.argv(tool, *words)
            group.commands.append(scene.command(label, tool, argv, clear, SLOW))
            group.ratios.append(Ratio("pyve lock", label, None))
    return group


def plan_nothing(bench: Any, scene: Scene) -> Group:
    """A lock that is current, and an environment that is what it says."""
    group = Group(f"nothing to do, {scene.title}", max(3, bench.rounds // 3), 2)
    bench.call([bench.pyve, "lock"], scene.project("pyve"), scene.env)
    bench.call([bench.pyve, "sync"], scene.project("pyve"), scene.env)
    python = ["--python", scene.python]
    scene.run("uv", "lock", "-q", *python)
    scene.run("uv", "sync", "-q", *python)
    scene.run("uv pip", *sync_words("pylock.pyve.toml"))
    for label, words in (
        ("pyve lock", ["lock"]),
        ("pyve lock --check", ["lock", "--check"]),
        ("pyve sync", ["sync"]),
        ("pyve status", ["status"]),
    ):
        group.commands.append(scene.command(label, "pyve", [bench.pyve, *words]))
    for label, words in (
        ("uv lock", ["lock", *python]),
        ("uv lock --check", ["lock", "--check", *python]),
        ("uv sync", ["sync", *python]),
    ):
        group.commands.append(scene.command(label, "uv", scene.argv("uv", *words)))
    argv = scene.argv("uv pip", *sync_words("pylock.pyve.toml"))
    group.commands.append(scene.command("uv pip sync", "uv pip", argv))
    for tool, label, words in (
        ("poetry", "poetry check --lock", ["check", "--lock"]),
        ("pdm", "pdm lock --check", ["lock", "--check"]),
    ):
        if ensure_lock(scene, tool):
            argv = scene.argv(tool, *words)
            group.commands.append(scene.command(label, tool, argv, rounds=2))
            group.ratios.append(Ratio("pyve lock --check", label, None))
    group.ratios += [
        Ratio("pyve lock", "uv lock", 1.0),
        Ratio("pyve lock --check", "uv lock --check", 1.0),
        Ratio("pyve sync", "uv sync", 1.0),
        Ratio("pyve sync", "uv pip sync", 1.0),
        Ratio("pyve status", "uv sync", 0.5),
    ]
    return group


def sync_words(lock: str) -> list[str]:
    """Give the words for ``uv pip`` that install a lock as Pyve does."""
    return ["sync", "-q", "--verify-hashes", "--python", ".venv/bin/python", lock]


def ensure_lock(scene: Scene, tool: str) -> bool:
    """See that a peer has its lock, which the group ``lock`` leaves; False without that peer."""
    lock, words = PEER_LOCKS[tool]
    if not scene.peers.find(tool) or scene.project(tool) in scene.bench.stopped:
        return False
    if (scene.project(tool) / lock).exists():
        return True
    try:
        scene.run(tool, *words, limit=LIMIT)
    except BenchError as error:
        scene.bench.skip(f"{tool}, {scene.title}: {str(error).splitlines()[-1]}")
        scene.bench.stopped.add(scene.project(tool))
        return False
    return True


def plan_installing(bench: Any, scene: Scene) -> Group:
    """``pyve sync`` of all that the lock has."""
    group = Group(f"sync, {scene.title}", max(3, bench.rounds // 30), 1)
    bench.call([bench.pyve, "lock"], scene.project("pyve"), scene.env)
    ours = [bench.pyve, "sync"]
    empty = "pyve sync, an empty environment"
    fresh = "pyve sync, no environment yet"
    group.commands = [
        scene.command(empty, "pyve", ours, scene.clear_venv("pyve")),
        scene.command(
            "uv pip sync, the same lock",
            "uv pip",
            scene.argv("uv pip", *sync_words("pylock.pyve.toml")),
            scene.clear_venv("uv pip"),
        ),
        scene.command(fresh, "pyve", ours, scene.remove("pyve", ".venv")),
        scene.command(
            "uv sync --frozen, none yet",
            "uv",
            scene.argv("uv", "sync", "-q", "--frozen", "--python", scene.python),
            scene.remove("uv", ".venv"),
        ),
    ]
    group.ratios = [
        Ratio(empty, "uv pip sync, the same lock", 1.15),
        Ratio(fresh, "uv sync --frozen, none yet", None),
    ]
    for tool, label, words in list_slow(bench, scene):
        if warm(scene, tool, "sync", *words):
            argv = scene.argv(tool, *words)
            clear = scene.clear_venv(tool)
            group.commands.append(scene.command(label, tool, argv, clear, SLOW))
            group.ratios.append(Ratio(empty, label, None))
    return group


def list_slow(bench: Any, scene: Scene) -> list[tuple[str, str, list[str]]]:
    """Give the slow peers that can sync: tool, label, arguments."""
    python = str(scene.project("pip") / ".venv/bin/python")
    lock = str(scene.project("uv pip") / "pylock.pyve.toml")
    words = ["--python", python, "install", "-q", "-r", lock]
    found = [("pip", "pip install -r, the same lock", words)]
    python = str(scene.project("pip-compile") / ".venv/bin/python")
    if ensure_lock(scene, "pip-compile"):
        words = ["-q", "--python-executable", python, "out.txt"]
        found.append(("pip-sync", "pip-sync", words))
    if ensure_lock(scene, "poetry"):
        found.append(("poetry", "poetry sync", ["sync", "-n", "-q"]))
    if ensure_lock(scene, "pdm"):
        found.append(("pdm", "pdm sync", ["sync", "-q", "--clean"]))
    return found
