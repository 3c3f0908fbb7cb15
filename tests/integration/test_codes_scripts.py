"""Each code about scripts and code from elsewhere: brought about, mended, gone."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from code_cases import bring, brings
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import (
    Pyve,
    commit,
    git,
    other_python,
    python_version,
    real_python,
    series,
)
from sync_user import ask

DISTRIBUTIONS = (make_wheel("alpha", "1.0"),)
BLOCK = "# /// script\n# dependencies = []\n# ///\n"


@pytest.fixture
def repository(user: Pyve) -> Pyve:
    """A project without requirements, in a repository, at its first commit."""
    user.write("job.py", "print('job')\n")
    commit(user)
    return user


@brings("E_SCRIPT_METADATA")
def test_what_cannot_be_read(user: Pyve) -> None:
    user.write("job.py", "print(1)\n")
    failure = bring(user, "E_SCRIPT_METADATA", "lock", "--script", "job.py")
    assert failure.fixes[0].text == "pyve add --script job.py"
    failure.apply()
    failure.check_gone()
    os.remove(user.project / "job.py.lock")
    for odd, why in (
        (BLOCK.replace("# ///\n", ""), "has no end"),
        (BLOCK + "\n" + BLOCK, "several blocks"),
        (BLOCK.replace("[]", "["), "no TOML"),
        (BLOCK.replace("dependencies", "requires"), "requires"),
    ):
        user.write("job.py", odd)
        failure = bring(user, "E_SCRIPT_METADATA", "run", "job.py")
        failure.by_hand("job.py, line", why)
        user.write("job.py", BLOCK)
        failure.check_gone()
    bring(user, "E_SCRIPT_METADATA", "lock", "--script", "none.py").by_hand("none.py")


@brings("E_SCRIPT_PYTHON")
def test_python_does_not_fit(user: Pyve) -> None:
    user.add_python(other_python())
    low, high = sorted(map(python_version, (real_python(), other_python())), key=_key)
    block = f'# requires-python = ">={series(high)}"\n# dependencies'
    user.write("job.py", BLOCK.replace("# dependencies", block))
    words = ("run", "--python", series(low), "job.py", "--python", "x")
    failure = bring(user, "E_SCRIPT_PYTHON", *words).says(low, series(high))
    assert failure.fixes[0].text == "pyve run job.py --python x"
    failure.apply()
    failure.args = ("run", "--python", series(high), "job.py")
    failure.check_gone()


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@brings("E_SCRIPT_FLOATING", "E_SCRIPT_FETCH", "E_SCRIPT_URL")
def test_an_address_that_is_not_certain(repository: Pyve, tmp_path: Path) -> None:
    user = repository
    there = git(user, "rev-parse", "HEAD")
    address = f"git+{user.project.as_uri()}"
    floating = bring(user, "E_SCRIPT_FLOATING", "run", f"{address}#job.py")
    assert floating.apply().stdout == "job\n"
    floating.args = ("run", f"{address}@{there}#job.py")
    floating.check_gone(CI="1")
    failure = bring(
        user, "E_SCRIPT_FLOATING", "run", "--allow-floating", f"{address}#job.py", CI="1"
    )
    failure.by_hand("in CI")
    failure = bring(user, "E_SCRIPT_URL", "run", f"{address}@{there}#jobs.py")
    failure.by_hand("jobs.py")
    failure.args = ("run", f"{address}@{there}#job.py")
    failure.check_gone()
    user.write("job.py", "print('new')\n")
    there = commit(user)
    user.project.rename(tmp_path / "away")
    user.project.mkdir()
    failure = bring(user, "E_SCRIPT_FETCH", "run", f"{address}@{there}#job.py")
    failure.by_hand("git: ")
    user.project.rmdir()
    (tmp_path / "away").rename(user.project)
    failure.check_gone()


@brings("E_SCRIPT_DIGEST")
def test_what_is_there_has_another_digest(user: Pyve, index: LocalIndex) -> None:
    url = index.file_url("alpha-1.0-py3-none-any.whl")
    script = BLOCK.encode() + b"print(1)\n"
    digest = hashlib.sha256(script).hexdigest()
    index.add_fault("alpha-1.0-py3-none-any.whl", content=b"print('evil')\n")
    failure = bring(user, "E_SCRIPT_DIGEST", "run", f"{url}#sha256={digest}")
    failure.by_hand(digest, hashlib.sha256(b"print('evil')\n").hexdigest())
    index.add_fault("alpha-1.0-py3-none-any.whl", content=script)
    failure.check_gone()


@brings("E_SCRIPT_GIT", "E_SCRIPT_REVISION", "W_SCRIPT_CHANGED", "W_SCRIPT_PARTIAL")
def test_the_code_of_a_commit_cannot_be_had(user: Pyve) -> None:
    # (Called as one of the notes beside a checkout.)
    user.project = user.project.rename(user.root / "ready")
    user.write("job.py", "print('job')\n")
    user.env["GIT_CEILING_DIRECTORIES"] = str(user.project.parent)
    outside = bring(user, "E_SCRIPT_GIT", "run", "--at", "HEAD", "true")
    outside.by_hand("no git repository")
    commit(user)
    outside.check_gone()
    failure = bring(user, "E_SCRIPT_REVISION", "run", "--at", "v1", "true")
    failure.by_hand("'v1'")
    git(user, "tag", "v1")
    failure.check_gone()
    sub = user.project / "sub"
    sub.mkdir()
    failure = bring(user, "E_SCRIPT_REVISION", "run", "--at", "v1", "true", cwd=sub)
    failure.by_hand("no folder sub")
    failure.check_gone(cwd=None)
    bring(user, "E_SCRIPT_REVISION", "run", "--at=-p", "true").by_hand("'-p'")
    user.write(".gitattributes", "*.bin filter=lfs\n")
    git(user, "add", ".gitattributes")
    git(user, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(user, "commit", "--quiet", "-m", "a module")
    failure = bring(user, "W_SCRIPT_PARTIAL", "run", "--at", "HEAD", "true")
    failure.by_hand("empty folders")
    git(user, "rm", "--quiet", "--cached", "module")
    os.remove(user.project / ".gitattributes")
    commit(user)
    failure.check_gone()
    # Two at once: what the first one changes, it keeps while it runs.
    words = user.command("run", "--at", "HEAD", "sh", "-c", "echo >job.py; echo; exec cat job.py -")
    with subprocess.Popen(
        words, cwd=user.project, env=user.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdin and first.stdout
        assert first.stdout.readline() == b"\n"
        failure = bring(user, "W_SCRIPT_CHANGED", "run", "--at", "HEAD", "cat", "job.py")
        failure.by_hand(str(first.pid))
        first.stdin.close()
    assert first.returncode == 0
    failure.check_gone()


@brings("E_SCRIPT_COMMIT", "W_SCRIPT_UNLOCKED")
def test_the_environment_of_a_commit_cannot_be_made(user: Pyve, index: LocalIndex) -> None:
    ask(user, "gamma")
    commit(user)
    failure = bring(user, "E_SCRIPT_COMMIT", "run", "--at", "HEAD", "true")
    failure.by_hand("is checked out at")
    index.add(make_wheel("gamma", "1.0"))
    failure.check_gone()
    index.remove("gamma-1.0-py3-none-any.whl")
    ask(user, "alpha")
    commit(user)
    failure = bring(user, "W_SCRIPT_UNLOCKED", "run", "--at", "HEAD", "true")
    failure.by_hand("today")
    user.ok("lock")
    commit(user)
    failure.check_gone()


@brings("E_SCRIPT_WITH")
def test_an_environment_without_python_takes_no_more(user: Pyve) -> None:
    user.write(".pyve/config", "backend: micromamba\nmicromamba:\n  env_name: nile\n")
    prefix = user.project / ".pyve/envs/nile"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    failure = bring(user, "E_SCRIPT_WITH", "run", "--with", "alpha", "true")
    failure.by_hand("environment.yml")
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(real_python())
    failure.check_gone()
