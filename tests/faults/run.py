"""Tries faults in Pyve's commands, and keeps count.

    python tests/faults/run.py [--scene SCENE]... [--fault FAULT]... [--every N] [--seconds N]
                               [--jobs N] [--results FILE] [--fresh] [--write] [--tree DIR]

Without options: every call that changes the file system, in every scene, with every fault. What was
tried already, with the same Pyve, is not tried again: results are in .dev/faults/results.jsonl, and
a run that was broken off goes on. --write puts the table of counts into docs/reliability.md.

Exit: 0 all were survived; 1 not all.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import multiprocessing
import multiprocessing.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "helpers"))
sys.path.insert(2, str(Path(__file__).resolve().parents[2] / "helpers"))

from conda_channel import build_channels
from injector import FAULTS, FULL_DISK, CannotInject, build
from local_index import LocalIndex
from scenes import CONDA, DISTRIBUTIONS, SCENES, find_scene, serve
from snapshots import compare
from table import write_table
from trials import SceneFailed, Stage
from worlds import World, choose_place

TREE = Path(__file__).resolve().parents[2]
# Set where a small file system may be mounted; its size.
NAMESPACE = "PYVE_FAULTS_NAMESPACE"
DISK_SIZE = "128m"


def digest_tree(tree: Path) -> str:
    """Return a digest of the Pyve that is tried, and of what tries it."""
    whole = hashlib.sha256()
    for place in ("pyve.sh", "lib", "helpers", "tests/faults"):
        top = tree / place
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for path in files:
            if path.is_file() and path.suffix in (".sh", ".py", ".c", ".txt"):
                whole.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def read_results(path: Path, digest: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Return what was tried with this Pyve: (scene, fault, number) -> result."""
    results = {}
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                result = json.loads(line)
            except ValueError:
                # The run was killed while it wrote.
                continue
            if not digest or result.get("digest") == digest:
                results[result["scene"], result["fault"], result["number"]] = result
    return results


@functools.cache
def open_world(backend: str, channels: str, tree: str) -> World:
    """Return this process's world for a backend, with an index that is served until it ends."""
    channel = build_channels(Path(channels)) if backend == CONDA else None
    # (A blank in the path, as in all tests.)
    folder = Path(tempfile.mkdtemp(prefix="pyve faults ", dir=choose_place()))
    multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=1)
    if os.environ.get(NAMESPACE):
        words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)]
        subprocess.run(words, check=True)
    world = World(folder / "w", channel, Path(tree))
    index = LocalIndex(*DISTRIBUTIONS)
    index.__enter__()
    serve(world.user, index)
    return world


def play_scene(task: tuple[str, dict[str, Any]]) -> int:
    """Try all faults of a scene, and return how many were not survived."""
    key, options = task
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scene = find_scene(key)
    try:
        stage = Stage(scene, open_world(scene.backend, options["channels"], options["tree"]))
    except (SceneFailed, AssertionError) as problem:
        print(f"{key}: NOT TRIED: {problem}", flush=True)
        return 1
    kept = stage.world.look_at_kept(stage.place)
    failed = sum(try_calls(stage, fault, options) for fault in options["faults"])
    changed = compare(kept, stage.world.look_at_kept(stage.place))
    if changed:
        print(f"{key}: changed in place: " + "\n    ".join(changed), flush=True)
    return failed + bool(changed)


def try_calls(stage: Stage, fault: str, options: dict[str, Any]) -> int:
    """Try a fault at each call of a scene, and return how many times it was not survived."""
    key, path, every = stage.scene.key, Path(options["results"]), options["every"]
    done = read_results(path, options["digest"])
    calls = stage.count(fault)
    started, tried, failed, missed = time.monotonic(), 0, 0, 0
    offset = int(hashlib.sha256(f"{key} {fault}".encode()).hexdigest(), 16) % min(every, calls or 1)
    for number in range(1 + offset, calls + 1, every):
        if (key, fault, number) in done:
            continue
        if time.time() > options["end"]:
            break
        outcome = stage.try_fault(fault, number)
        result = {
            "digest": options["digest"],
            "scene": key,
            "fault": fault,
            "number": number,
            "calls": calls,
            **dataclasses.asdict(outcome),
        }
        with path.open("a") as file:
            file.write(json.dumps(result) + "\n")
        missed = 0 if outcome.state else missed + 1
        tried += bool(outcome.state)
        if outcome.problems:
            failed += 1
            said = "\n    ".join("\n".join(outcome.problems).splitlines())
            print(f"{key} {fault} {number} ({outcome.where}):\n    {said}", flush=True)
        if fault == FULL_DISK and missed > 1:
            # There is room enough from here on.
            break
    seconds = time.monotonic() - started
    print(f"{key} {fault}: {tried} of {calls}, {failed} not survived, {seconds:.0f} s", flush=True)
    return failed


def enter_namespace() -> None:
    """Start this program anew where it may mount a small file system, if that can be done."""
    if os.environ.get(NAMESPACE):
        return
    words = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"]).returncode != 0:
        return
    os.environ[NAMESPACE] = "1"
    os.execvp(words[0], [*words, sys.executable, *sys.argv])


def main() -> int:
    """Read the options, and run."""
    parser = argparse.ArgumentParser(description="Tries faults in Pyve's commands.")
    parser.add_argument("--scene", action="append", help="such as sync:venv; may be repeated")
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    parser.add_argument("--seconds", type=float, default=0, help="begin no trial after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", default=str(TREE / ".dev" / "faults" / "results.jsonl"))
    parser.add_argument("--fresh", action="store_true", help="forget what was tried already")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md's table")
    parser.add_argument("--tree", default=str(TREE), help="the Pyve to try")
    chosen = parser.parse_args()
    try:
        build()
    except CannotInject as problem:
        print(f"NOT TESTED: {problem}")
        return 1
    faults = chosen.fault or list(FAULTS)
    if FULL_DISK in faults:
        enter_namespace()
        if not os.environ.get(NAMESPACE):
            print("NOT TESTED: full disk: this user may not mount a small file system (unshare -m)")
            faults.remove(FULL_DISK)
    path = Path(chosen.results)
    path.parent.mkdir(parents=True, exist_ok=True)
    if chosen.fresh:
        path.unlink(missing_ok=True)
    channels = TREE / ".dev" / "faults" / "channels"
    build_channels(channels)
    options = {
        "results": str(path),
        "digest": digest_tree(Path(chosen.tree)),
        "faults": faults,
        "every": chosen.every,
        "end": time.time() + (chosen.seconds or 1e9),
        "tree": chosen.tree,
        "channels": str(channels),
    }
    keys = chosen.scene or [scene.key for scene in SCENES]
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        failed = sum(pool.imap_unordered(play_scene, [(key, options) for key in keys]))
        # (So that they remove their worlds; at the end of the block they would be killed.)
        pool.close()
        pool.join()
    if chosen.write:
        write_table(TREE / "docs" / "reliability.md", path, options["digest"])
    print(f"{failed} not survived" if failed else "all survived")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
