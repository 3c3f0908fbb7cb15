"""Manifests without a solution: each diagnostic names the true cause, and its fix solves."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conflicting_sets import CASES, Case, both, shared_index
from distributions import make_wheel
from local_index import LocalIndex
from solving import Project, explain, versions

from pyve_core import HelperError
from pyve_locks.edit import add_requirements, edit_bytes, remove_requirements
from pyve_locks.manifest import read_manifest

__all__ = ["shared_index"]


@pytest.fixture
def project(cached_project: Project) -> Project:
    return cached_project


def run(project: Project, command: str, options: dict[str, Any]) -> list[str]:
    """Do what a command would do to the files of a project; it has to have a solution each time.

    Returns:
        What is locked then.
    """
    words = shlex.split(command)
    if words[:2] == ["sh", "-c"]:
        for part in words[2].split(" && "):
            locked = run(project, part, options)
        return locked
    if words[0] == "sed":
        subprocess.run(words, cwd=project.root, check=True)
        return []
    assert words[0] == "pyve"
    name = next(n for n in ("pyproject.toml", "requirements.in") if (project.root / n).exists())
    kind = "pyproject" if name.endswith("toml") else "requirements"
    root, rest = "", words[2:]
    if rest and rest[0] in ("--group", "--extra"):
        root, rest = f"{rest[0][2:]}:{rest[1]}", rest[2:]
    if rest and rest[0] == "--exclude-newer":
        options = {**options, "exclude_newer": rest[1]}
    path = project.root / name
    if words[1] == "add":
        data = edit_bytes(path.read_bytes(), kind, lambda t: add_requirements(t, kind, rest, root))
        path.write_bytes(data)
    elif words[1] == "remove":
        places = [root] if root else list(read_manifest(project.root, project.env).roots)
        for place in places:
            data = edit_bytes(
                path.read_bytes(),
                kind,
                lambda t, at=place: remove_requirements(t, kind, rest, at)[0],  # type: ignore[misc]
            )
            path.write_bytes(data)
    else:
        assert words[1] == "lock"
    return versions(project.lock(**options))


def check(project: Project, case: Case) -> tuple[HelperError, list[str]]:
    """See what is said about a case, and that its fix solves it.

    Returns:
        The diagnostic, and what is locked in the end.
    """
    project.ask(*case.asked, more=case.more, python=case.python)
    error = explain(project, **case.options)
    said = [re.sub(r"^pyproject\.toml, line \d+(: |, )", "", line) for line in error.why]
    assert (error.code, error.message) == (case.code, case.message or error.message), said
    assert [line for line in case.why if line not in said] == [], said
    assert error.fix == [case.fix], said
    locked = run(project, case.fix, case.options)
    assert ", ".join(locked) == case.after
    return error, locked


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cause_is_named_and_the_fix_solves(project: Project, case: Case) -> None:
    check(project, case)


def test_files_of_requirements_are_named_with_their_lines(project: Project) -> None:
    project.write("requirements.in", "# ours\n-c limits/all.txt\n-r more.txt\nring\n")
    project.write("more.txt", "gamma\n")
    project.write("limits/all.txt", "ring\n\nalpha < 2 # for now\n")
    error = explain(project)
    assert error.why[:2] == [
        "more.txt, line 1: gamma -> alpha>=2",
        "limits/all.txt, line 3, constraint: alpha<2",
    ]
    assert "alpha<2 becomes alpha<3 (limits/all.txt, line 3, constraint)" in error.why[-1]
    run(project, error.fix[0], {})
    assert (project.root / "limits/all.txt").read_text() == "ring\n\nalpha<3 # for now\n"


def test_what_is_being_added_is_mended_in_the_command(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve add 'alpha<2' ring")
    project.ask("gamma", "alpha<2", "ring")
    error = explain(project, ("Alpha", "ring"))
    assert error.fix == ["pyve add 'alpha<3' ring"]
    # It will not be in the file any more.
    assert error.why[:2] == ["pyproject.toml, line 5: gamma -> alpha>=2", "to be added: alpha<2"]
    assert error.why[-1].endswith("alpha<2 becomes alpha<3 (to be added)")


def test_a_yanked_version_is_not_the_cause_where_others_are_there(tmp_path: Path) -> None:
    with LocalIndex(make_wheel("low", "1.0"), make_wheel("low", "2.0")) as index:
        index.add(make_wheel("wanting", "2.0", ["low>=2"]))
        index.add(make_wheel("wanting", "1.9", ["low>=2"]), yanked="it eats files")
        project = Project.make(tmp_path, index.env)
        project.ask("low<2", "wanting>=1.8")
        error = explain(project)
    assert error.message == "wanting and the project need versions of low that exclude each other"
    assert error.why[1:] == [
        "pyproject.toml, line 5: wanting>=1.8 -> low>=2",
        "there is low 2.0, 1.0",
        "wanting was yanked: it eats files",
        "the smallest change that gives a solution: low<2 becomes low<3 (pyproject.toml, line 5)",
    ]
    assert error.fix == ["pyve add 'low<3'"]


def test_of_many_versions_the_newest_are_told(tmp_path: Path) -> None:
    numbers = ["1.0b1", *(f"1.{minor}" for minor in range(8)), "1.8rc1"]
    with LocalIndex(*(make_wheel("one", number) for number in numbers)) as index:
        project = Project.make(tmp_path, index.env)
        project.ask("one>2")
        why = explain(project).why
    assert why[1:3] == [
        "there is one 1.7, 1.6, 1.5, 1.4, 1.3 and 3 older ones",
        "before a release, there is one 1.8rc1",
    ]


def test_all_versions_may_be_too_new(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve lock --exclude-newer 2023-03-01")
    with LocalIndex() as index:
        index.add(make_wheel("one", "1.0"), upload_time="2024-01-01T00:00:00Z")
        index.add(make_wheel("two", "1.0"), upload_time="2024-06-01T00:00:00Z")
        project.ask("one", "two")
        error = explain(project, default_index=index.url, exclude_newer="2023-03-01")
    assert error.message == "every version of one is newer than 2023-03-01 allows"
    assert error.why[:2] == ["pyproject.toml, line 5: one", "there is one 1.0"]
    assert "No solution found" not in " ".join(error.why)
    # What lets the newest of them in lets all in.
    option = "--exclude-newer 2024-06-01T00:00:01Z"
    assert error.why[-1] == f"the smallest change that gives a solution: the option {option}"
    assert error.fix == [f"pyve lock {option}"]


def test_what_is_there_changes_before_what_is_added(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve add gamma")
    project.ask("gamma", "alpha<2")
    assert explain(project, ("gamma",)).fix == [both("pyve add 'alpha<3'", "pyve add gamma")]


def test_nothing_that_is_added_is_proposed_to_go(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve add nothing-there")
    project.ask("nothing-there")
    error = explain(project, ("nothing-there",))
    assert (error.code, error.fix) == ("E_RESOLVE_MISSING", [])


def test_an_option_of_the_command_is_replaced(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve lock --exclude-newer 2024-03-01 --upgrade")
    project.ask("dated>=2")
    fix = "pyve lock --upgrade --exclude-newer 2024-06-01T00:00:01Z"
    assert explain(project, exclude_newer="2024-03-01").fix == [fix]


def test_other_failures_stay_as_they_are(project: Project) -> None:
    project.ask("ring", "broken")
    error = explain(project)
    assert (error.code, error.fix) == ("E_RESOLVE_BUILD", [])
    assert " no compiler here" in error.why
    project.ask("gone @ git+file:///nowhere/at/all")
    error = explain(project)
    assert (error.code, error.fix) == ("E_RESOLVE_MISSING", [])
    with LocalIndex() as other:
        other.add_fault("ring", status=500)
        project.ask("ring")
        assert explain(project, default_index=other.url).code == "E_INDEX"


def test_credentials_of_an_index_are_used_and_not_shown(tmp_path: Path) -> None:
    wheels = (make_wheel("one", "1.0"), make_wheel("two", "1.0", ["one>3"]))
    with LocalIndex(*wheels, user="me", password="hidden-word") as private:
        project = Project.make(tmp_path, {})
        project.ask("two", "one")
        error = explain(project, default_index=private.url_with_password)
    assert "there is one 1.0" in error.why
    assert "hidden-word" not in repr((error.message, error.why, error.fix))


def test_nothing_is_left_of_the_trials_outside_of_the_workspace(project: Project) -> None:
    project.ask("beta", "gamma")
    before = {os.fspath(path) for path in project.root.rglob("*")}
    explain(project)
    assert {os.fspath(path) for path in project.root.rglob("*")} == before
