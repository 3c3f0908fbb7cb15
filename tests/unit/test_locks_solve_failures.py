"""Manifests that have no lock: which code says so, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from solving import Project, fails

from pyve_locks.uv_run import explain_failure


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("nothing-there",), "E_RESOLVE_MISSING", "nothing-there was not found"),
        (("needs-missing",), "E_RESOLVE_MISSING", "nothing-there was not found"),
        (("alpha>5",), "E_RESOLVE_MISSING", "is available and your project depends on alpha>5"),
        (("pulled",), "E_RESOLVE_MISSING", "was yanked"),
        (("beta", "gamma"), "E_RESOLVE_CONFLICT", "are incompatible"),
        (("alpha==1.0", "alpha==2.0"), "E_RESOLVE_CONFLICT", "alpha"),
        (("late",), "E_RESOLVE_PYTHON", "does not satisfy Python>=3.13"),
        (("broken",), "E_RESOLVE_BUILD", "no compiler here"),
        (("gone @ git+file:///nowhere/at/all",), "E_RESOLVE_MISSING", "nowhere/at/all"),
    ],
)
def test_failures_have_a_code_and_say_in_uvs_words_why(
    project: Project, asked: tuple[str, ...], code: str, said: str
) -> None:
    project.ask(*asked)
    error = fails(project)
    assert error.code == code
    assert said in " ".join(error.why)
    assert not any("Using CPython" in line for line in error.why)


def test_a_distribution_for_another_platform_only(project: Project) -> None:
    project.ask("only-windows")
    error = fails(project, platforms=("linux-64",))
    assert error.code == "E_RESOLVE_MISSING"
    assert "platform" in error.message, error.why


def test_no_python_that_fits(project: Project) -> None:
    project.ask("ring", python=">=3.99")
    assert fails(project).code == "E_RESOLVE_PYTHON"


@pytest.mark.parametrize(
    ("where", "fault", "code"),
    [
        ("one", {"status": 500}, "E_INDEX"),
        ("one", {"status": 403}, "E_INDEX_AUTH"),
        ("one", {"status": 401}, "E_INDEX_AUTH"),
        ("one", {"dropped": True}, "E_INDEX"),
        ("one", {"content": b"garbage"}, "E_INDEX"),
        ("one-1.0-py3-none-any.whl.metadata", {"content": b"garbage"}, "E_INDEX"),
        ("two-1.0.tar.gz", {"truncated": True}, "E_INDEX"),
        ("two-1.0.tar.gz", {"tampered": True}, "E_INDEX"),
    ],
)
def test_an_index_that_fails_or_lies(
    project: Project, where: str, fault: dict[str, Any], code: str
) -> None:
    project.ask("one", "two")
    with LocalIndex(make_wheel("one", "1.0"), make_sdist("two", "1.0", dynamic=True)) as index:
        index.add_fault(where, **fault)
        error = fails(project, default_index=index.url)
    assert (error.code, bool(error.why)) == (code, True)


def test_nothing_answers(project: Project) -> None:
    with LocalIndex() as index:
        url = index.url
    project.ask("one")
    assert fails(project, default_index=url).code == "E_INDEX"


def test_a_repository_that_does_not_answer_is_told_in_the_words_of_git(project: Project) -> None:
    with LocalIndex() as index:
        url = index.url.replace("/simple/", "/group/thing")
    project.ask(f"thing @ git+{url}@1.0")
    error = fails(project)
    assert (error.code, error.message) == ("E_INDEX", "a repository does not answer")
    assert [line for line in error.why if "git fetch" in line or "stderr" in line] == []
    assert error.why[-1].strip().startswith("fatal: ")


def test_uv_that_is_not_there_or_ends_by_itself(project: Project, tmp_path: Path) -> None:
    project.ask("ring")
    assert fails(project, uv=str(tmp_path / "none")).code == "E_RESOLVE_ENGINE"
    other = tmp_path / "uv"
    for text, said in (("kill -9 $$", "signal 9"), ("exit 0", "cannot"), ("exit 3", "uv cannot")):
        other.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        other.chmod(0o755)
        error = fails(project, uv=str(other))
        assert said in error.message


def test_a_requirement_without_a_name_is_said_with_its_line(project: Project) -> None:
    project.write("libs/unnamed/setup.py", "import setuptools\nsetuptools.setup(**{})\n")
    project.write("requirements.in", "ring\n./libs/unnamed\n")
    error = fails(project)
    assert error.code == "E_MANIFEST"
    assert "requirements.in, line 2" in error.message


def test_hashes_that_no_file_has_are_said(project: Project) -> None:
    project.write("requirements.txt", f"ring==1.0 --hash=sha256:{'0' * 64}\n")
    error = fails(project)
    assert error.code == "E_RESOLVE_MISSING"
    assert error.message == "no file of ring 1.0 is allowed"
    assert error.why == ["requirements.txt, line 1: ring==1 --hash=sha256:000000000000..."]


def test_words_of_uv_are_redacted() -> None:
    error = explain_failure("error: Failed to fetch: `https://me:word@index.example/simple/one/`\n")
    assert error.code == "E_INDEX"
    assert error.why == ["Failed to fetch: `https://***@index.example/simple/one/`"]
    assert explain_failure("error: something new\n").code == "E_RESOLVE_ENGINE"
