"""pyve sync for the conda backend: an environment that is not as locked is made anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser
from pyve_test_helpers import snapshot

pytestmark = pytest.mark.micromamba


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a locked project of one small package, and no conda tool."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater <1.1")
    user.ok("lock")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def find_records(user: CondaUser) -> list[str]:
    """Return the records of what is installed."""
    (env,) = (folder for folder in (user.project / ".pyve/envs").iterdir() if folder.is_dir())
    return sorted(path.stem.rpartition("-")[0] for path in env.glob("conda-meta/*-*-*.json"))


def test_an_environment_that_is_not_as_locked_is_made_anew(user: CondaUser) -> None:
    assert "is not there" in user.ok("sync", "--dry-run")
    assert not (user.project / ".pyve/envs").exists()
    out = user.ok("sync")
    assert "made anew" in out
    assert find_records(user) == ["libwater-1.0"]
    before = snapshot(user.project)
    assert "is what conda-lock.yml says" in user.ok("sync")
    assert snapshot(user.project) == before
    user.manifest("libwater")
    user.fails("sync", "--frozen", code="E_LOCK_STALE")
    user.ok("lock")
    detail = user.json("sync", "--dry-run")["detail"]
    assert len(detail["drift"]) == 1
    assert "libwater 1.1" in detail["drift"][0]
    assert find_records(user) == ["libwater-1.0"]
    user.ok("sync")
    assert find_records(user) == ["libwater-1.1"]


def test_what_conda_has_not_is_refused(user: CondaUser) -> None:
    before = snapshot(user.project)
    for words in (["--group", "dev"], ["--no-build"], ["--only-binary"]):
        assert words[0] in user.fails("sync", *words, code="E_USAGE_CONFLICT")
    (user.project / "conda-lock.yml").unlink()
    user.fails("sync", "--frozen", code="E_LOCK_MISSING")
    user.fails("sync", "--dry-run", code="E_LOCK_MISSING")
    del before["conda-lock.yml"]
    assert snapshot(user.project) == before


def test_a_lock_that_is_missing_or_stale_is_made_first(user: CondaUser) -> None:
    user.manifest("libwater")
    user.fails("sync", CI="1", code="E_LOCK_STALE")
    document = user.json("sync")
    assert "changes" not in document["detail"]
    assert find_records(user) == ["libwater-1.1"]
    user.ok("lock", "--check")
    (user.project / "conda-lock.yml").unlink()
    user.ok("sync")
    user.ok("lock", "--check")
    (user.project / "conda-lock.yml").unlink()
    (user.project / "environment.yml").unlink()
    user.fails("sync", code="E_ENV_FILE_MISSING")
