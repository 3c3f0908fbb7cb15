"""pyve upgrade and pyve outdated for the conda backend."""

from __future__ import annotations

import re
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
    """A user whose lock holds an old version that environment.yml does not ask for any more."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater ==1.0")
    user.ok("lock")
    lock = user.project / "conda-lock.yml"
    old = lock.read_bytes()
    user.manifest("libwater")
    user.ok("lock")
    # The old version in a lock that is current otherwise, as it was before the new one came out.
    new = lock.read_text()
    assert "version: '1.1'" in new or "version: 1.1" in new
    pins = old.decode().partition("package:")[2]
    lock.write_text(f"{new.partition('package:')[0]}package:{pins}")
    user.ok("lock", "--check")
    user.ok("sync")
    assert user.packages()["libwater"][0] == "1.0"
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_what_is_not_the_newest_is_shown_and_nothing_is_changed(user: CondaUser) -> None:
    before = snapshot(user.project)
    out = user.ok("outdated")
    assert out.splitlines()[1].split() == ["libwater", "1.0", "1.1", "1.1", "libwater", "*"]
    detail = user.json("outdated")["detail"]
    assert detail["upgradable"] == ["libwater"]
    assert detail["packages"] == [
        {
            "name": "libwater",
            "locked": "1.0",
            "allowed": "1.1",
            "newest": "1.1",
            "direct": True,
            "requirements": ["libwater *"],
        }
    ]
    assert "INFO: libwater 1.0 -> 1.1\n" in user.ok("upgrade", "--dry-run")
    assert snapshot(user.project) == before


def test_dry_run_of_add_and_remove_tells_what_the_lock_would_have(user: CondaUser) -> None:
    before = snapshot(user.project)
    text = user.ok("add", "--dry-run", "teapot")
    assert "+  - teapot\n" in text and "INFO: added teapot 1.0\n" in text
    detail = user.json("add", "--dry-run", "teapot")["detail"]
    assert (detail["dry_run"], detail["locked"]) == (True, ["added teapot 1.0"])
    assert snapshot(user.project) == before
    user.manifest("kettle", "libwater")
    user.ok("lock")
    before = snapshot(user.project)
    assert "INFO: removed kettle 2.0\n" in user.ok("remove", "--dry-run", "kettle")
    assert snapshot(user.project) == before
    assert "[E_CONDA_CONFLICT]" in user("add", "--dry-run", "samovar").stderr
    assert snapshot(user.project) == before


def test_what_the_manifest_keeps_back_is_told_apart(user: CondaUser) -> None:
    user.manifest("libwater <1.1")
    user.ok("lock")
    (row,) = user.json("outdated")["detail"]["packages"]
    assert (row["allowed"], row["newest"], row["requirements"]) == ("1.0", "1.1", ["libwater <1.1"])
    assert user.json("outdated")["detail"]["upgradable"] == []


def test_lock_and_environment_are_upgraded_together(user: CondaUser) -> None:
    user.ok("upgrade", "libwater")
    assert user.packages()["libwater"][0] == "1.1"
    user.ok("lock", "--check")
    assert "All packages are the newest" in user.ok("outdated")
    assert user.json("upgrade")["detail"]["locked"] == []


def test_an_upgrade_that_fails_changes_nothing(user: CondaUser) -> None:
    before = snapshot(user.project)
    user.fails("upgrade", "libwatr", code="E_CONDA_MISSING")
    user.fails("upgrade", "--pre", code="E_USAGE_CONFLICT")
    user.fails("outdated", "--pre", code="E_USAGE_CONFLICT")
    assert snapshot(user.project) == before
    (user.project / "conda-lock.yml").unlink()
    user.fails("upgrade", code="E_LOCK_MISSING")
    user.fails("outdated", code="E_LOCK_MISSING")


def test_without_network_the_environment_is_made_without_one_too(user: CondaUser) -> None:
    said = user("upgrade", "--offline", "libwater", PYVE_LOG="debug").stderr
    for helper in ("conda_lock_file.py", "conda_engine.py"):
        assert re.search(rf"{helper} .*--offline", said), helper
