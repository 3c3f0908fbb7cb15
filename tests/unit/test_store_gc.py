"""gc of the shared store: what it keeps, what it removes, and what it says of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_store import KILL_AT, MadeStore, add_to, digest_of

from pyve_core import HelperError
from pyve_store import gc, owners
from pyve_store.disk import Ledger
from pyve_store.gc import Candidate, Limits, choose_by_age, collect, parse_age, parse_size
from pyve_store.layout import list_dead, staging_name

EVERYTHING = Limits()
LONG_AGO = 1_600_000_000


@pytest.fixture
def store(tmp_path: Path) -> MadeStore:
    return MadeStore(tmp_path / "store")


def du(*places: Path) -> int:
    """What du says, in bytes."""
    command = ["du", "-s", "-B", "1", "--total", *map(str, places)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(result.stdout.splitlines()[-1].split()[0])


def dead_name() -> str:
    """A name below tmp of a process that is gone."""
    return staging_name().replace(f"{os.getpid()}.", "4194399.", 1)


def names(place: Path) -> set[str]:
    return set(os.listdir(place))


# --- what it keeps


def test_what_a_project_uses_stays_and_the_rest_goes(store: MadeStore, tmp_path: Path) -> None:
    store.add("one", ("alpha", "beta"))
    store.add("two", ("alpha", "gamma"))
    store.use("one", tmp_path / "shop" / ".venv")
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert done.removed == [digest_of("two")]
    assert done.kept == [digest_of("one")]
    assert names(store.place / "envs") == {digest_of("one")}
    # The pool has the files of what is left, and no others.
    assert all(path.stat().st_nlink > 1 for path in (store.place / "files").glob("*/*"))
    assert len(list((store.place / "files").glob("*/*"))) == 10
    assert len(list((store.place / "keys").glob("*/*/*"))) == 1
    assert not names(store.place / "tmp")


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("record", [True, False])
def test_a_link_or_a_record_is_enough(
    store: MadeStore, tmp_path: Path, link: bool, record: bool
) -> None:
    store.add("one")
    store.use("one", tmp_path / ".venv", link, record)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert bool(done.kept) == (link or record)
    assert store.entry("one").exists() == (link or record)


def test_a_project_that_was_moved_counts_and_its_record_goes(
    store: MadeStore, tmp_path: Path
) -> None:
    store.add("one")
    store.use("one", tmp_path / "shop" / ".venv")
    (tmp_path / "shop").rename(tmp_path / "store of tea")
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert done.kept
    assert done.records == 1
    assert owners.find_use(store.place, digest_of("one")).elsewhere == 1


def test_a_project_that_was_removed_lets_go(store: MadeStore, tmp_path: Path) -> None:
    store.add("one")
    store.use("one", tmp_path / "shop" / ".venv")
    shutil.rmtree(tmp_path / "shop")
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert done.removed and done.records == 1
    assert not names(store.place / "owners")


def test_an_environment_that_uses_another_entry_now_lets_go(
    store: MadeStore, tmp_path: Path
) -> None:
    store.add("one")
    store.add("two", ("beta",))
    place = tmp_path / "shop" / ".venv"
    store.use("one", place)
    shutil.rmtree(place)
    store.use("two", place)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert done.removed == [digest_of("one")] and done.kept == [digest_of("two")]


def test_what_is_on_a_disk_that_is_not_in_place_stays_until_it_is_old(
    store: MadeStore,
) -> None:
    store.add("one")
    file = store.record("one", "/media/ada/stick/shop/.venv")
    assert collect(store.place, EVERYTHING, dry_run=False).kept
    os.utime(file, (LONG_AGO, LONG_AGO))
    done = collect(store.place, Limits(age=3600), dry_run=False)
    assert done.records == 1
    # (Letting go counts as use: an hour later it goes.)
    assert not done.kept


def test_where_no_link_can_be_a_project_that_is_gone_counts_as_moved_for_a_month(
    store: MadeStore,
) -> None:
    store.add("one")
    file = store.record("one", "/no/such/shop/.venv", linked=False)
    assert collect(store.place, EVERYTHING, dry_run=False).kept
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert collect(store.place, EVERYTHING, dry_run=False).removed


def test_a_record_of_a_process_at_work_counts_before_there_is_an_environment(
    store: MadeStore, tmp_path: Path
) -> None:
    store.add("one")
    file = store.record("one", str(tmp_path / "coming" / ".venv"), pid=os.getpid())
    assert collect(store.place, EVERYTHING, dry_run=False).kept
    # But not for ever: the number is used again.
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert collect(store.place, EVERYTHING, dry_run=False).removed


@pytest.mark.parametrize("path", ["", "relative/.venv", "/a\0b/.venv", "/" + "x" * 9000])
def test_records_that_are_none_keep_nothing(store: MadeStore, path: str) -> None:
    store.add("one")
    store.record("one", path)
    assert collect(store.place, EVERYTHING, dry_run=False).removed


def test_a_line_end_in_the_name_of_a_project(store: MadeStore, tmp_path: Path) -> None:
    store.add("one")
    place = tmp_path / "a\nb $(touch x)" / ".venv"
    store.use("one", place, record=False, link=False)
    store.record("one", str(place).replace("\n", "\\n"))
    assert collect(store.place, EVERYTHING, dry_run=False).kept


def test_what_is_not_of_the_store_is_left_alone(store: MadeStore) -> None:
    for name in ("notes", "envs/mine", "files/README", "owners/friend", "keys/file"):
        (store.place / name).mkdir()
    (store.place / "envs" / "link").symlink_to("/etc")
    (store.place / "files" / "aa").mkdir()
    (store.place / "files" / "aa" / "notes").write_text("mine")
    before = {path: path.lstat().st_mode for path in store.place.rglob("*")}
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert not done.failed
    assert {path: path.lstat().st_mode for path in store.place.rglob("*")} == before


def test_links_are_not_followed(store: MadeStore, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    entry = store.add("one")
    folder = entry / "site"
    folder.chmod(0o755)
    (folder / "out").symlink_to(tmp_path / "precious")
    folder.chmod(0o555)
    collect(store.place, EVERYTHING, dry_run=False)
    assert not entry.exists() and (tmp_path / "precious" / "file").exists()


def test_what_a_sync_has_noted_goes_with_its_entry(store: MadeStore, tmp_path: Path) -> None:
    store.add("one")
    store.add("two", ("beta",))
    store.use("one", tmp_path / ".venv")
    recall = store.place / "recall"
    recall.mkdir()
    (recall / "a").write_text(f"format=1\nentry={digest_of('one')}\n")
    (recall / "b").write_text(f"format=1\nentry={digest_of('two')}\n")
    (recall / "c").write_text("nothing\n")
    (recall / "d.new.1").write_text("half")
    (recall / "e.new.1").write_text("half, and old")
    os.utime(recall / "e.new.1", (LONG_AGO, LONG_AGO))
    assert collect(store.place, EVERYTHING, dry_run=True).keys == 4
    assert collect(store.place, EVERYTHING, dry_run=False).keys == 4
    assert names(recall) == {"a", "d.new.1"}


# --- while others are at work


def test_an_entry_that_a_project_comes_to_at_the_last_moment_is_put_back(
    store: MadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store.add("one")
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if Path(source) == entry:
            # Between looking and moving.
            store.use("one", tmp_path / "shop" / ".venv")
        real(source, target)

    monkeypatch.setattr(gc.os, "rename", rename)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert done.kept == [digest_of("one")] and not done.removed
    assert (entry / "entry").exists() and entry.stat().st_mode & 0o777 == 0o555
    assert not names(store.place / "tmp")


def test_an_entry_that_was_made_anew_meanwhile_stays_in_its_place(
    store: MadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store.add("one")
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if Path(source) == entry:
            store.use("one", tmp_path / "shop" / ".venv")
            real(source, target)
            store.add("one")
        else:
            real(source, target)

    monkeypatch.setattr(gc.os, "rename", rename)
    collect(store.place, EVERYTHING, dry_run=False)
    assert (entry / "entry").exists()
    assert not names(store.place / "tmp")


def test_what_another_gc_has_taken_is_no_failure(
    store: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("one")
    store.add("two", ("beta",))
    real = gc.find_use

    def find_use(place: Path, digest: str, *more: Path) -> owners.Use:
        found = real(place, digest, *more)
        if not more and len(names(store.place / "envs")) == 2:
            other = gc.Collector(store.place, EVERYTHING, False, time.time())
            monkeypatch.setattr(gc, "find_use", real)
            other.run()
        return found

    monkeypatch.setattr(gc, "find_use", find_use)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert not done.failed
    assert not names(store.place / "envs") and not list((store.place / "files").glob("*/*"))


def test_the_pool_is_not_swept_while_an_environment_is_being_made(store: MadeStore) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        own = staging_name()
        name = own.replace(f"{os.getpid()}.", f"{sleeper.pid}.", 1)
        start = Path(f"/proc/{sleeper.pid}/stat")
        if start.exists():
            number = start.read_text().rpartition(")")[2].split()[19]
            name = f"{sleeper.pid}.{number}.{own.split('.', 2)[2]}"
        (store.place / "tmp" / name).mkdir()
        loose = store.pool(b"not in an environment yet")
        collect(store.place, EVERYTHING, dry_run=False)
        assert loose.exists() and (store.place / "tmp" / name).exists()
    finally:
        sleeper.communicate(b"\n")
    collect(store.place, EVERYTHING, dry_run=False)
    assert not loose.exists() and not names(store.place / "tmp")


def test_a_process_that_has_ended_and_was_not_waited_for_is_gone(store: MadeStore) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("NOT TESTED: this system does not say what state a process is in")
    ended = subprocess.Popen(["true"])
    stat = Path(f"/proc/{ended.pid}/stat")
    fields = stat.read_text().rpartition(")")[2].split()
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    name = f"{ended.pid}.{fields[19]}.{staging_name().split('.', 2)[2]}"
    (store.place / "tmp" / name).mkdir()
    store.add("one")
    store.record("one", "/no/such/.venv", pid=ended.pid)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert (done.leftovers, done.records) == (1, 1)
    ended.wait()


@pytest.mark.parametrize("number", range(1, 40, 4))
def test_a_gc_that_is_killed_loses_nothing_that_is_used(
    store: MadeStore, tmp_path: Path, number: int
) -> None:
    """Killed before its n-th change; the next one does the rest."""
    store.add("one", ("alpha", "beta"))
    store.add("two", ("alpha", "gamma"))
    store.use("one", tmp_path / "shop" / ".venv")
    code = (
        "import os, sys, signal; from pathlib import Path; from pyve_store import gc\n"
        + KILL_AT
        + "for name in ('rename', 'unlink', 'rmdir', 'chmod'):\n"
        "    setattr(os, name, count(getattr(os, name)))\n"
        "gc.collect(Path(sys.argv[1]), gc.Limits(), False)\n"
    )
    helpers = Path(gc.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", code, str(store.place), str(number)], env={"PYTHONPATH": helpers}
    )
    assert (store.entry("one") / "entry").exists()
    collect(store.place, EVERYTHING, dry_run=False)
    assert names(store.place / "envs") == {digest_of("one")}
    assert not names(store.place / "tmp") and not list_dead(store.place)
    assert all(path.stat().st_nlink > 1 for path in (store.place / "files").glob("*/*"))


# --- how much, and how old


def test_choosing_by_age_takes_the_longest_unused_first() -> None:
    candidates = [Candidate("c", False, 30), Candidate("a", False, 10), Candidate("b", True, 5)]
    assert choose_by_age(candidates, Limits(), 100) == ["a", "c"]
    assert choose_by_age(candidates, Limits(age=80), 100) == ["a"]
    assert choose_by_age(candidates, Limits(age=90), 100) == ["a"]
    assert choose_by_age(candidates, Limits(age=91), 100) == []
    assert choose_by_age(candidates, Limits(size=0), 100) == []
    assert choose_by_age(candidates, Limits(size=0, age=1), 100) == ["a", "c"]


def test_a_size_is_reached_by_removing_the_longest_unused(store: MadeStore, tmp_path: Path) -> None:
    for name in ("old", "middle", "new"):
        store.add(name, more={f"site/{name}.bin": name.encode() * 100_000})
        time.sleep(0.02)
    store.add("used", more={"site/used.bin": b"used" * 100_000})
    store.use("used", tmp_path / ".venv")
    before = du(store.place)
    done = collect(store.place, Limits(size=before - 200_000), dry_run=False)
    assert done.removed == [digest_of("old")]
    assert set(done.spared) == {digest_of("middle"), digest_of("new")}
    assert done.size == du(store.place) <= before - 200_000
    done = collect(store.place, Limits(size=0), dry_run=False)
    assert done.kept == [digest_of("used")] and done.size > 0


def test_an_age_of_nothing_and_one_of_a_day(store: MadeStore) -> None:
    store.add("one")
    assert collect(store.place, Limits(age=86400), dry_run=False).spared == [digest_of("one")]
    assert collect(store.place, Limits(age=0), dry_run=False).removed == [digest_of("one")]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("5G", 5 << 30),
        ("1.5GiB", 3 << 29),
        ("2GB", 2_000_000_000),
        ("7k", 7168),
        ("10 M", 10 << 20),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "5X", "-5G", "5G5", "5iB", "1e9", "5\n", "\u0665G"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(HelperError) as failure:
        parse_size(text)
    assert failure.value.code == "E_USAGE_VALUE"


def test_ages() -> None:
    assert [parse_age(text) for text in ("30d", "2w", "12h", "90m", "5s", "0d")] == [
        2_592_000,
        1_209_600,
        43_200,
        5_400,
        5,
        0,
    ]
    for text in ("", "30", "d", "-1d", "1.5d", "30 days"):
        with pytest.raises(HelperError):
            parse_age(text)


# --- what it says


def test_what_is_freed_is_what_du_says(store: MadeStore, tmp_path: Path) -> None:
    store.add("one", ("alpha", "beta"))
    store.add("two", ("alpha", "gamma"))
    store.add("three", ("gamma",))
    store.use("one", tmp_path / "shop" / ".venv")
    # A full copy of an environment has hard links of the store's files.
    copy = tmp_path / "copy"
    copy.mkdir()
    os.link(store.entry("two") / "site/gamma/data.txt", copy / "data.txt")
    store.pool(b"loose" * 10_000)
    (store.place / "tmp" / dead_name()).mkdir()
    before = du(store.place), du(store.place, copy)
    planned = collect(store.place, EVERYTHING, dry_run=True)
    assert (du(store.place), du(store.place, copy)) == before
    done = collect(store.place, EVERYTHING, dry_run=False)
    after = du(store.place), du(store.place, copy)
    assert done.size == after[0]
    assert done.freed == before[1] - after[1]
    assert done.held == (copy / "data.txt").stat().st_blocks * 512
    assert sorted(done.removed) == sorted(planned.removed)
    assert (planned.freed, planned.held) == (done.freed, done.held)
    assert (planned.files, planned.leftovers) == (done.files, done.leftovers)
    assert planned.size == done.size


def test_a_ledger_counts_as_du_does(store: MadeStore) -> None:
    store.add("one", ("alpha", "beta"))
    store.add("two", ("alpha",))
    ledger = Ledger()
    ledger.add(str(store.place), str(store.place / "files"))
    assert ledger.total == du(store.place)


def test_a_dry_run_changes_nothing(store: MadeStore) -> None:
    store.add("one")
    store.record("one", "/no/such/.venv")
    (store.place / "tmp" / dead_name()).mkdir()
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in store.root.rglob("*"))
    done = collect(store.place, EVERYTHING, dry_run=True)
    assert done.removed and done.records == 1 and done.leftovers == 1 and done.keys == 1
    assert sorted((str(p), p.lstat().st_mtime_ns) for p in store.root.rglob("*")) == before


def test_there_need_not_be_a_store(tmp_path: Path) -> None:
    done = collect(tmp_path / "none" / "v1", EVERYTHING, dry_run=False)
    assert not done.removed and not done.freed and not (tmp_path / "none").exists()


def test_a_removal_goes_on_after_what_cannot_be_removed(
    store: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store.add("one")
    add_to(entry / "site", "stuck")
    real = os.unlink

    def unlink(path: str) -> None:
        if path.endswith("stuck"):
            raise PermissionError(1, "Operation not permitted", path)
        real(path)

    monkeypatch.setattr(os, "unlink", unlink)
    done = collect(store.place, EVERYTHING, dry_run=False)
    assert [reason for _, reason in done.failed] == ["Operation not permitted"]
    assert not entry.exists()
    monkeypatch.undo()
