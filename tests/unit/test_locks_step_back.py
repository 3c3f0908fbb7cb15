"""Answers of uv that are far behind: noticed, and a better one taken, if there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from packaging.version import Version
from solving import Project, versions

from pyve_locks.lock_file import format_lock
from pyve_locks.manifest import Manifest
from pyve_locks.requirement import Requirement
from pyve_locks.step_back import MOST_TRIALS, Answer, is_far, step_back

# "bottle" goes with one series of "core" each, but for its first versions, which need nothing;
# "async-bottle" limits "core", too, and its newest version does so where no bottle is yet.
SHAPE = (
    *(make_wheel("core", f"1.{minor}") for minor in range(33)),
    *(make_wheel("bottle", version) for version in ("0.0.1", "0.0.2")),
    *(
        make_wheel("bottle", f"1.{minor}", [f"core>=1.{minor},<1.{minor + 1}"])
        for minor in range(31)
    ),
    make_wheel("async-bottle", "3.0", ["core>=1.31"]),
    *(make_wheel("async-bottle", version, ["core>=1.29,<1.31"]) for version in ("2.8", "2.9")),
    # Of this one, every version is in the way.
    make_wheel("stubborn", "1.0", ["core>=1.31"]),
    make_wheel("shelf", "1.0", ["bottle", "async-bottle"]),
    # From its version 1.20 on, "jar" is for newer Pythons only; so uv solves apart for these.
    *(make_wheel("jar", version) for version in ("0.0.1", "0.0.2")),
    *(
        make_wheel(
            "jar",
            f"{1 + minor // 20}.{minor}",
            [f"core>=1.{minor},<1.{minor + 1}"],
            ">=3.11" if minor >= 20 else ">=3.8",
        )
        for minor in range(31)
    ),
    make_wheel("async-jar", "3.0", ["core>=1.31"]),
    make_wheel("async-jar", "2.9", ["core>=1.15,<1.31"]),
    # What has good reasons to be old.
    make_wheel("classic", "1.0"),
    make_wheel("classic", "9.0", ["core<0"]),
)
BETTER = ["async-bottle 2.9", "bottle 1.30", "core 1.30"]
FIRST = ["async-bottle 3.0", "bottle 0.0.2", "core 1.32"]


@pytest.fixture(scope="module")
def shared_index() -> Iterator[LocalIndex]:
    with LocalIndex(*SHAPE) as index:
        yield index


@pytest.fixture
def project(cached_project: Project) -> Project:
    return cached_project


def test_uv_itself_answers_with_the_old_one(project: Project) -> None:
    project.write("asked.in", "bottle\nasync-bottle\n")
    command = [
        str(Path(__file__).resolve().parents[2] / ".dev" / "bin" / "uv"),
        "pip",
        "compile",
        "--universal",
    ]
    said = project.run([*command, "-q", "--no-header", "--no-annotate", "asked.in"])
    assert said.split() == [one.replace(" ", "==") for one in FIRST]


def test_the_old_one_is_not_taken_and_that_is_said(project: Project) -> None:
    project.ask("bottle", "async-bottle")
    lock = project.save()
    assert versions(lock) == BETTER
    assert lock.warnings == (
        "uv's first answer was far behind what is allowed; taken: bottle 1.30 instead of 0.0.2,"
        " for which it has async-bottle 2.9 instead of 3.0, core 1.30 instead of 1.32",
    )
    # The lock says what the project asks for, and not what was tried.
    assert "bottle>=1" not in format_lock(lock)
    again = project.lock(preferences=lock)
    assert (format_lock(again), again.warnings) == (format_lock(lock), ())
    assert format_lock(project.lock(upgrade=True, preferences=lock)) == format_lock(lock)
    # With something else in it, too: what was chosen stays.
    project.ask("bottle", "async-bottle", "classic<2")
    assert versions(project.lock(preferences=lock)) == sorted([*BETTER, "classic 1.0"])


def test_for_each_python_what_it_can_have(project: Project) -> None:
    project.ask("jar", "async-jar")
    lock = project.save()
    assert versions(lock) == [
        *("async-jar 2.9", "core 1.19", "core 1.30"),
        *("jar 1.19", "jar 2.30"),
    ]
    assert len(lock.warnings) == 1
    again = project.lock(preferences=lock)
    assert (format_lock(again), again.warnings) == (format_lock(lock), ())


def test_what_the_project_does_not_ask_for_itself(project: Project) -> None:
    project.ask("shelf")
    lock = project.lock()
    assert versions(lock) == [*BETTER, "shelf 1.0"]
    assert len(lock.warnings) == 1


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (("bottle<2", "async-bottle"), ""),
        (("bottle", "async-bottle"), '[tool.uv]\nconstraint-dependencies = ["bottle<2"]\n'),
    ],
)
def test_an_upper_bound_means_that_it_is_meant(
    project: Project, asked: tuple[str, ...], more: str
) -> None:
    project.ask(*asked, more=more)
    lock = project.lock()
    assert (versions(lock), lock.warnings) == (FIRST, ())


def test_where_nothing_better_is_there_the_answer_stays(project: Project) -> None:
    project.ask("bottle", "stubborn")
    lock = project.lock()
    assert versions(lock) == ["bottle 0.0.2", "core 1.32", "stubborn 1.0"]
    assert lock.warnings == ()
    project.ask("classic", "core")
    assert versions(project.lock()) == ["classic 1.0", "core 1.32"]


def test_nothing_is_asked_twice_where_nothing_is_suspicious(
    project: Project, shared_index: LocalIndex, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    program = tmp_path / "uv"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$1" >>"{record}"\n'
        f'exec "{Path(__file__).resolve().parents[2]}/.dev/bin/uv" "$@"\n'
    )
    program.chmod(0o755)
    project.ask("async-bottle", "classic>=1,<2")
    project.lock(uv=str(program))
    assert record.read_text().split() == ["lock", "export"]
    record.unlink()
    project.ask("bottle", "async-bottle")
    lock = project.save(uv=str(program))
    assert record.read_text().split() == ["lock", "lock", "export"]
    record.unlink()
    project.ask("bottle", "async-bottle", "classic<2")
    project.lock(uv=str(program), preferences=lock)
    assert record.read_text().split() == ["lock", "export"]


@pytest.mark.parametrize(
    ("version", "newest", "far"),
    [
        ("0.0.3", "1.44", True),
        ("1.44", "1.44.9", False),
        ("1.35", "1.44", False),
        ("1.34", "1.44", True),
        ("2.0", "1.0", False),
        ("1", "2", True),
        ("2.0", "1!1.0", True),
        ("1!1.0", "1!1.0", False),
        ("2025.1", "2026.1", True),
    ],
)
def test_what_is_far(version: str, newest: str, far: bool) -> None:
    assert is_far(Version(version), Version(newest)) is far


def make_answer(*locked: str, selected: tuple[str, ...] = ()) -> Answer:
    """Write an answer as uv does."""
    text = "".join(
        f'\n[[package]]\nname = "{one.split()[0]}"\nversion = "{one.split()[1]}"\n'
        'source = { registry = "https://example.org/simple" }\n'
        for one in locked
    )
    log = tuple(
        f"DEBUG Selecting: {one.replace(' ', '==')} [compatible] (x)"
        for one in (*selected, *locked)
    )
    return Answer(text, log)


def make_manifest(*names: str) -> Manifest:
    """Ask for some distributions."""
    return Manifest((), None, "", {"": tuple(Requirement(name) for name in names)})


def test_the_number_of_trials_is_bounded() -> None:
    asked: list[tuple[str, ...]] = []

    def solve(manifest: Manifest) -> None:
        asked.append(manifest.constraints)

    names = [f"p{number}" for number in range(20)]
    first = make_answer(*(f"{n} 1.0" for n in names), selected=tuple(f"{n} 2.0" for n in names))
    assert step_back(first, make_manifest(*names), {}, solve) is first
    assert len(asked) == MOST_TRIALS
    # All together, then those alone that come first.
    assert (len(asked[0]), asked[1], asked[2]) == (20, ("p0>=2",), ("p1>=2",))


def test_what_the_project_asks_for_does_not_step_back_for_others() -> None:
    selected = ("mine 2.0", "theirs 2.1", "theirs 2.0")
    first = make_answer("mine 2.0", "theirs 1.0", selected=selected)
    other = make_answer("mine 1.9", "theirs 2.1")
    assert step_back(first, make_manifest("mine"), {}, lambda _: other) is first
    assert step_back(first, make_manifest("mine", "theirs"), {}, lambda _: other) is not first
    # What an older lock has is kept.
    kept = {"theirs": {"1.0"}}
    assert step_back(first, make_manifest("mine", "theirs"), kept, lambda _: other) is first


def test_a_long_way_is_gone_in_steps() -> None:
    tried = []

    def solve(manifest: Manifest) -> Answer:
        tried.append(manifest.constraints[-1])
        version = {"deep>=1": "1.2", "deep>=1.44": "1.44"}[tried[-1]]
        return make_answer(f"deep {version}", selected=("deep 1.44",))

    first = make_answer("deep 0.0.3", selected=("deep 1.44", "deep 1.2", "deep 0.0.3"))
    best = step_back(first, make_manifest("deep"), {}, solve)
    assert tried == ["deep>=1", "deep>=1.44"]
    assert best.warnings[-1].endswith("taken: deep 1.44 instead of 0.0.3")
