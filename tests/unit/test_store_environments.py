"""What gc removes of the environments of tools and scripts, and what comes into use meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pyve_store.environments import clear_unused, is_unused, list_unused

DAY = 86400.0
NOW = 1_800_000_000.0
NAMES = ("a" * 32, "b" * 32 + "-" + "0" * 16, "c" * 64)


def make(cache: Path, name: str, days: float, kind: str = "environments") -> Path:
    place = cache / kind / name
    (place / "venv").mkdir(parents=True)
    used = place / "used"
    used.touch()
    os.utime(used, (NOW - days * DAY,) * 2)
    return place


def remove(place: Path) -> bool:
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    return True


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    old, new, checkout = (
        make(tmp_path, NAMES[0], 31),
        make(tmp_path, NAMES[1], 29),
        make(tmp_path, NAMES[2], 40, "checkouts"),
    )
    foreign = make(tmp_path, "notes", 400)
    (tmp_path / "environments" / ("d" * 32)).symlink_to(foreign)
    assert clear_unused(tmp_path, NOW, None, lambda place: True, True) == [old.name, checkout.name]
    assert old.exists() and checkout.exists(), "nothing goes in a dry run"
    assert clear_unused(tmp_path, NOW, None, remove, False) == [old.name, checkout.name]
    assert sorted(os.listdir(tmp_path / "environments")) == sorted(
        [new.name, foreign.name, "d" * 32]
    )
    assert clear_unused(tmp_path, NOW, 0, remove, False) == [new.name]


def test_what_is_being_made_stays_for_a_day(tmp_path: Path) -> None:
    place = tmp_path / "environments" / NAMES[0]
    (place / ".pyve").mkdir(parents=True)
    os.utime(place / ".pyve", (NOW - 100,) * 2)
    assert not is_unused(place, NOW, 0)
    os.utime(place / ".pyve", (NOW - 2 * DAY,) * 2)
    assert is_unused(place, NOW, 30 * DAY)
    other = make(tmp_path, NAMES[1], 0.5)
    assert is_unused(other, NOW, 0)
    (other / ".pyve").mkdir()
    (other / ".pyve" / "lock").symlink_to("1:2")
    assert not is_unused(other, NOW, 0), "it is made anew"


def test_what_comes_into_use_meanwhile_is_put_back(tmp_path: Path) -> None:
    place = make(tmp_path, NAMES[0], 31)
    (found,) = list_unused(tmp_path, NOW, 30 * DAY)
    os.utime(found / "used", (NOW,) * 2)
    from pyve_store.environments import move_aside

    assert not move_aside(found, NOW, 30 * DAY)
    assert os.listdir(tmp_path / "environments") == [place.name]


def test_what_killed_commands_have_left_goes(tmp_path: Path) -> None:
    folder = tmp_path / "environments"
    (folder / ".gone.999999999.x").mkdir(parents=True)
    (folder / ".gone.1.x").mkdir()
    memos = folder / ".tools"
    memos.mkdir()
    (memos / "ruff").write_text("memo=1\nname=ruff\nprogram=/gone/ruff\n")
    (memos / "kept").write_text(f"memo=1\nname=kept\nprogram={tmp_path}\n")
    assert clear_unused(tmp_path, NOW, None, remove, False) == []
    assert sorted(os.listdir(folder)) == [".gone.1.x", ".tools"], "process 1 is at work"
    assert os.listdir(memos) == ["kept"]


def test_memos_of_scripts_whose_environment_is_gone(tmp_path: Path) -> None:
    place = make(tmp_path, NAMES[0], 1)
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "%a.py").write_text(f"{place}\nkey\n")
    (scripts / "%b.py").write_text(f"{place}.gone\nkey\n")
    (scripts / "%c.py").write_bytes(b"\0\n")
    assert clear_unused(tmp_path, NOW, None, remove, False) == []
    assert os.listdir(scripts) == ["%a.py"]
