"""A conda-lock.yml in which git left conflict marks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser

pytestmark = pytest.mark.micromamba


def git(user: CondaUser, *words: str, status: int = 0) -> None:
    """Run git in the project."""
    env = {**user.env, "GIT_CONFIG_GLOBAL": os.devnull}
    options = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *options, *words], cwd=user.project, env=env, capture_output=True)
    assert done.returncode == status, done.stderr


def lock_old(user: CondaUser, *dependencies: str) -> None:
    """Lock, with libwater as it was before its new version came out."""
    user.manifest("libwater <1.1", *dependencies)
    user.ok("lock")
    lock = user.project / "conda-lock.yml"
    pins = lock.read_text().partition("package:")[2]
    user.manifest("libwater", *dependencies)
    user.ok("lock")
    lock.write_text(f"{lock.read_text().partition('package:')[0]}package:{pins}")


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a repository."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    git(user, "init", "-qb", "main")
    git(user, "add", "environment.yml")
    git(user, "commit", "-qm", "base")
    git(user, "checkout", "-qb", "ours")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def merge(user: CondaUser, is_old: bool) -> None:
    """Let a merge stop: we locked an old libwater; they added kettle, with an old one or a new."""
    lock_old(user)
    git(user, "add", "conda-lock.yml", "environment.yml")
    git(user, "commit", "-qm", "ours")
    git(user, "checkout", "-q", "main")
    if is_old:
        lock_old(user, "kettle")
    else:
        user.manifest("libwater", "kettle")
        user.ok("lock")
    git(user, "add", "conda-lock.yml", "environment.yml")
    git(user, "commit", "-qm", "theirs")
    git(user, "merge", "-q", "ours", status=1)
    assert "<<<<<<<" in (user.project / "conda-lock.yml").read_text()
    assert "<<<<<<<" not in (user.project / "environment.yml").read_text()


@pytest.mark.parametrize(("is_old", "version"), [(True, "1.0"), (False, "1.1")])
def test_both_sides_are_preferences_and_the_lock_is_whole_again(
    user: CondaUser, is_old: bool, version: str
) -> None:
    merge(user, is_old)
    assert "conflict marks" in user.fails("lock", "--check", code="E_LOCK_STALE")
    user.ok("lock")
    assert "<<<<<<<" not in (user.project / "conda-lock.yml").read_text()
    user.ok("lock", "--check")
    user.ok("sync")
    packages = user.packages()
    # What both sides have stays; of two versions it is the newer one.
    assert (packages["libwater"][0], packages["kettle"][0]) == (version, "2.0")


def test_doctor_names_the_command_that_keeps_both_sides(user: CondaUser) -> None:
    user.write(".pyve/config", "backend: micromamba\n")
    merge(user, is_old=False)
    (found,) = user.json("doctor", "--only", "lock-unreadable")["diagnostics"]
    assert (found["code"], found["fix"][0]["command"]) == ("E_LOCK_FILE", ["pyve", "lock"])
    user.ok("lock", "--upgrade")
    assert user.json("doctor", "--only", "lock-unreadable")["diagnostics"] == []
