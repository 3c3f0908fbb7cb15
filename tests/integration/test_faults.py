"""Faults at system calls: the old state or the new one, never half.

This is a sample; ``make test-faults`` tries all.

Which calls are hit is drawn by a fixed seed, so that every run tries the same. tests/faults/ says
what is asserted after each.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from local_index import LocalIndex
from pyve_test_helpers import TREE, find_program

sys.path.append(str(TREE / "tests" / "faults"))

from injector import FULL_DISK, CannotInject, build, count_calls, run_with_fault
from scenes import CONDA, DISTRIBUTIONS, SCENES, VENV, Scene, serve
from snapshots import compare
from table import format_table
from trials import Stage
from worlds import World, choose_place

SEED = 7
# A fault for each scene; over the scenes, each of them comes.
SAMPLED = ("kill", "ENOSPC", "int", "EIO", "kill", "EROFS", "EACCES", "EXDEV", "kill", "term")
SCRIPT = """\
echo one >a; printf two >>a; cp a b; mv b c; mkdir d; ln -s a d/e; ln a f; chmod 600 a; rm f
sleep 0 >/dev/null; "$0" -c 'import os; open("g", "w").write("x"); os.rename("g", "h")'
"""


def draw_sample() -> dict[str, tuple[str, float]]:
    """Return a fault and a place (0.0 the first call, 1.0 the last) for each scene."""
    dice = random.Random(SEED)
    order = list(SAMPLED)
    sample = {}
    for number, scene in enumerate(SCENES):
        sample[scene.key] = (order[number % len(order)], dice.random())
    return sample


SAMPLE = draw_sample()


@pytest.fixture(scope="module", autouse=True)
def injector() -> Path:
    """The program that brings the faults."""
    try:
        return build()
    except CannotInject as problem:
        pytest.skip(f"NOT TESTED: {problem}")


@pytest.fixture(scope="module")
def worlds(conda_channel: CondaChannel) -> Iterator[dict[str, World]]:
    """A user of each backend, with an index."""
    folder = Path(tempfile.mkdtemp(prefix="pyve faults ", dir=choose_place()))
    made = {VENV: World(folder / VENV), CONDA: World(folder / CONDA, conda_channel)}
    with LocalIndex(*DISTRIBUTIONS) as index:
        for world in made.values():
            serve(world.user, index)
        yield made
    for world in made.values():
        world.remove()
    shutil.rmtree(folder)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.key)
def test_a_fault_leaves_the_old_state_or_the_new_one(
    worlds: dict[str, World], scene: Scene
) -> None:
    stage = Stage(scene, worlds[scene.backend], is_sure=False)
    kept = stage.world.look_at_kept(stage.place)
    fault, place = SAMPLE[scene.key]
    # (Not every command has calls that can be answered so.)
    fault = fault if stage.count(fault) else "kill"
    number = 1 + int(place * (stage.count(fault) - 1))
    outcome = stage.try_fault(fault, number)
    again = f"tests/faults/run.py --scene '{scene.key}' --fault {fault}"
    assert not outcome.problems, (f"{again}: call {number}: {outcome.where}", outcome.problems)
    assert compare(kept, stage.world.look_at_kept(stage.place)) == [], "changed in place"
    assert list_outside(stage) == set(), "written outside of the user's own files"


def list_written(stage: Stage) -> set[str]:
    """Return the paths that the command of a scene has written, or tried to."""
    # (What a hard link is made of stays as it is.)
    return {
        path
        for call in stage.log
        for path in (call.path if not call.name.startswith("link") else "", call.second)
        if path
    }


def list_outside(stage: Stage) -> set[str]:
    """Return those that are neither in the user's folders nor in the toolchain."""
    places = (str(stage.world.root), str(stage.user.env["PYVE_TOOLCHAIN"]))
    # (mkdir -p begins at the top.)
    return {
        path
        for path in list_written(stage)
        if not path.startswith(places) and not places[0].startswith(path)
    }


def test_nothing_is_written_but_the_users_own_files(worlds: dict[str, World]) -> None:
    stage = Stage(next(scene for scene in SCENES if scene.name == "add"), worlds[VENV], False)
    assert len(list_written(stage)) > 50
    assert list_outside(stage) == set()


def test_a_full_disk_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    words = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    find_program("unshare")
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: this user may not mount a small file system (unshare -m)")
    results = tmp_path / "results"
    run = [sys.executable, TREE / "tests/faults/run.py", "--jobs", "1", "--fresh"]
    run += ["--results", results, "--fault", FULL_DISK, "--every", "7", "--scene", "add:venv"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    states = [json.loads(line)["state"] for line in results.read_text().splitlines()]
    assert any(states), "the disk was never full"


def test_every_call_is_seen_that_strace_sees(tmp_path: Path) -> None:
    strace = find_program("strace")
    shown, seen = tmp_path / "shown", tmp_path / "seen"
    for folder in (shown, seen):
        folder.mkdir()
    argv = ["bash", "-c", SCRIPT, sys.executable]
    env = {**os.environ, "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
    log = run_with_fault(argv, "count", 0, cwd=seen, env=env, wants_log=True).log
    names = sorted({call.name for call in log} - {"openat", "open", "ioctl", "write"})
    trace = [strace, "-f", "-q", "-e", "signal=none", "-o", tmp_path / "log"]
    trace += ["-e", "trace=" + ",".join(names)]
    subprocess.run([*trace, *argv], cwd=shown, env=env, check=True, stdout=subprocess.DEVNULL)
    lines = (tmp_path / "log").read_text().splitlines()
    found = [
        line.split("(", 1)[0].split()[-1]
        for line in lines
        if "(" in line and "resumed>" not in line
    ]
    assert sorted(found) == sorted(call.name for call in log if call.name in names)
    assert {"mkdir", "unlinkat"} <= set(found)
    assert count_calls(log, "EXDEV") < count_calls(log, "EROFS") < count_calls(log, "kill")


def test_the_call_of_a_number_fails_and_no_other(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo x >a; echo y >b; echo z >c"]
    env = dict(os.environ)
    result = run_with_fault(argv, "ENOSPC", 3, cwd=tmp_path, env=env)
    assert result.is_reached and result.where.startswith(f"openat {tmp_path}/b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]
    result = run_with_fault(argv, "ENOSPC+", 3, cwd=tmp_path, env=env)
    assert "No space left" in result.stderr and result.status != 0
    result = run_with_fault(argv, "kill", 3, cwd=tmp_path, env=env)
    assert (result.status, result.calls) == (137, 3)
    result = run_with_fault(["sleep", "60"], "count", 0, cwd=tmp_path, env=env, seconds=1)
    assert result.is_hung


def test_the_table_counts_what_was_tried() -> None:
    trial = {"scene": "add:venv", "fault": "kill", "state": "old", "problems": []}
    results = [trial, {**trial, "fault": "EIO", "problems": ["half"]}, {**trial, "state": ""}]
    row = format_table(results).splitlines()[2]
    assert row == "| add | venv | 1 of 1 |  |  |  |  | 0 of 1 |  |  | 1 of 2 |"


def test_each_promise_names_a_test_that_is_there() -> None:
    page = (TREE / "docs" / "reliability.md").read_text(encoding="utf-8")
    promised = page.partition("## What is promised")[2].partition("\n## ")[0]
    promises = [line for line in promised.splitlines() if line.startswith("| ")][1:]
    named = re.findall(r"`(tests/[^`]+?)::([^`]+)`", page)
    assert len(named) >= 10 and len(promises) >= 10
    for path, name in named:
        text = (TREE / path).read_text(encoding="utf-8")
        form = f"def {name}(" if path.endswith(".py") else f'@test "{name}" {{'
        assert form in text, f"{path} has no {name}"
    for line in promises:
        assert "tests/" in line or "the same" in line, line
