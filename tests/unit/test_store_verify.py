"""verify and repair of the shared store: each fault is found, said, and mended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest
from made_store import (
    KILL_AT,
    SITE,
    MadeStore,
    add_to,
    compiled,
    digest_of,
    package_files,
    take_from,
    write_into,
)

from pyve_core import HelperError
from pyve_store import place, records, verify
from pyve_store.layout import parse_files
from pyve_store.repair import Outcome, repair_store
from pyve_store.safety import find_danger
from pyve_store.verify import Fault, Hashes, verify_entry, verify_store

ONE = digest_of("one")
PYC = "site/alpha/__pycache__/__init__.cpython-311.pyc"


class Maker:
    """Brings packages as the store had them, but for ``text``, which a new build adds."""

    def __init__(self) -> None:
        self.text = ""
        self.without = ""
        self.asked: list[str] = []
        self.compiled: list[str] = []
        self.failure: HelperError | None = None

    def make(self, fields: Mapping[str, str], lock: Path, names: Collection[str], to: Path) -> Path:
        assert lock.read_text().startswith("# of ") and fields["version"] == "3.11.7"
        if self.failure:
            raise self.failure
        self.asked += names or ["everything"]
        for name in names or ("alpha", "beta"):
            for path, data in package_files(name, self.text).items():
                if path == self.without:
                    continue
                (to / path).parent.mkdir(parents=True, exist_ok=True)
                (to / path).write_bytes(data)
        (to / "packages").write_text("alpha 1.0\nbeta 1.0\n")
        return to

    def compile(self, fields: Mapping[str, str], sources: Collection[str], folder: Path) -> None:
        for path in sources:
            self.compiled.append(path)
            source = folder / path
            target = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
            target.write_bytes(compiled(source.read_bytes()) + self.text.encode())


@pytest.fixture
def store(tmp_path: Path) -> MadeStore:
    made = MadeStore(tmp_path / "store")
    made.add("one", ("alpha", "beta"), {"bin/tool": b"\x7fELF tool"})
    made.add("two", ("alpha",))
    made.use("one", tmp_path / "shop" / ".venv")
    return made


@pytest.fixture
def maker() -> Maker:
    return Maker()


def find(store: MadeStore, *kinds: str) -> list[tuple[str, str]]:
    """Verify all; return entry (its first letters) and path of the faults of these kinds."""
    _, faults = verify_store(store.place)
    seen = {fault.kind for fault in faults}
    assert seen == set(kinds), faults
    return [(fault.entry, fault.path) for fault in faults]


def mend(store: MadeStore, maker: Maker, drop: bool = False) -> Outcome:
    outcome = repair_store(store.place, (), maker, drop)
    if outcome.failure:
        raise outcome.failure
    assert verify_store(store.place)[1] == []
    assert not os.listdir(store.place / "tmp")
    modes = {entry.stat().st_mode & 0o777 for entry in (store.place / "envs").iterdir()}
    assert modes <= {0o555}
    return outcome


def entry_of(store: MadeStore) -> Path:
    return store.entry("one")


# --- what verify finds


def test_a_store_that_is_whole_has_no_faults(store: MadeStore) -> None:
    assert verify_store(store.place) == (sorted([ONE, digest_of("two")]), [])


def test_a_flipped_byte_is_found_in_each_entry_that_has_the_file(
    store: MadeStore, maker: Maker
) -> None:
    path = entry_of(store) / "site/alpha/data.txt"
    write_into(path, b"D")
    found = find(store, "changed")
    pool = f"files/{_pool_name(store, 'site/alpha/data.txt')}"
    assert sorted(found) == sorted(
        [(ONE, "site/alpha/data.txt"), (digest_of("two"), "site/alpha/data.txt"), ("", pool)]
    )
    mend(store, maker)
    # Fetched once, for both; the token is the same file as before.
    assert maker.asked == ["alpha"]
    assert path.read_bytes() == package_files("alpha")["site/alpha/data.txt"]
    assert path.stat().st_ino == (store.place / pool).stat().st_ino
    assert os.path.samefile(entry_of(store) / "token", store.root.parent / "shop/.venv/pyve.token")


def _pool_name(store: MadeStore, path: str) -> str:
    lines = {line.path: line for line in parse_files((entry_of(store) / "files").read_bytes())}
    return f"{lines[path].sha256[:2]}/{lines[path].sha256}"


def test_a_missing_file_comes_back_from_the_pool(store: MadeStore, maker: Maker) -> None:
    take_from(entry_of(store) / "site/alpha/data.txt")
    assert find(store, "missing") == [(ONE, "site/alpha/data.txt")]
    mend(store, maker)
    assert maker.asked == [] and (entry_of(store) / "site/alpha/data.txt").exists()


@pytest.mark.parametrize("path", ["site/alpha/new.py", "bin/new", f"{SITE}/x.pth", "more"])
def test_an_extra_file_is_found_and_removed(store: MadeStore, maker: Maker, path: str) -> None:
    folder, _, name = path.rpartition("/")
    add_to(entry_of(store) / folder, name)
    assert find(store, "extra") == [(ONE, path)]
    mend(store, maker)
    assert not (entry_of(store) / path).exists() and maker.asked == []


def test_bytecode_that_root_has_added_is_said_as_such(store: MadeStore, maker: Maker) -> None:
    added = "__init__.cpython-311-pytest-8.4.pyc"
    add_to(entry_of(store) / "site/alpha/__pycache__", added)
    add_to(entry_of(store) / "site/beta", "__pycache__/other.cpython-312.pyc")
    _, faults = verify_store(store.place)
    assert {fault.kind for fault in faults} == {"bytecode"}
    assert all(fault.is_harmless for fault in faults) and len(faults) == 2
    mend(store, maker)


def test_modes_links_and_kinds(store: MadeStore, maker: Maker) -> None:
    entry = entry_of(store)
    (entry / "site/beta/data.txt").chmod(0o664)
    (entry / "site/alpha").chmod(0o775)
    take_from(entry / "site/alpha/__init__.py")
    add_to(entry / "site/alpha", "__init__.py/inside")
    (entry / "tree/bin/tool").unlink()
    (entry / "tree/bin/tool").symlink_to("/bin/sh")
    _, faults = verify_store(store.place)
    kinds = {(fault.path, fault.kind) for fault in faults if fault.entry}
    assert kinds == {
        ("site/beta/data.txt", "mode"),
        ("site/alpha", "mode"),
        ("site/alpha/__init__.py/inside", "extra"),
        ("site/alpha/__init__.py", "kind"),
        ("tree/bin/tool", "changed"),
    }
    take_from(entry / SITE / "_pyve_store.pth")
    mend(store, maker)
    assert maker.asked == []
    assert os.readlink(entry / "tree/bin/tool") == str(entry / "bin/tool")
    assert (entry / SITE / "_pyve_store.pth").read_text() == f"{entry}/site\n"


def test_only_modes_are_mended_in_place(store: MadeStore, maker: Maker) -> None:
    before = entry_of(store).stat().st_ino
    (entry_of(store) / "site/beta/data.txt").chmod(0o666)
    (entry_of(store) / "site/alpha").chmod(0o777)
    find(store, "mode")
    mend(store, maker)
    assert entry_of(store).stat().st_ino == before


def test_what_is_no_file_any_more(store: MadeStore, maker: Maker, tmp_path: Path) -> None:
    path = entry_of(store) / "site/beta/data.txt"
    take_from(path)
    folder = path.parent
    folder.chmod(0o755)
    path.symlink_to(tmp_path / "elsewhere")
    folder.chmod(0o555)
    assert find(store, "kind") == [(ONE, "site/beta/data.txt")]
    mend(store, maker)
    assert path.is_file() and not path.is_symlink()


def test_a_pipe_in_place_of_the_list_does_not_hold_anything_up(
    store: MadeStore, maker: Maker
) -> None:
    entry = entry_of(store)
    take_from(entry / "files")
    entry.chmod(0o755)
    os.mkfifo(entry / "files")
    entry.chmod(0o555)
    assert find(store, "list") == [(ONE, "files")]
    mend(store, maker)


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\tb", "-rf", "$(touch x)", "b\udcff"])
def test_hostile_names(store: MadeStore, maker: Maker, name: str) -> None:
    entry = store.add("three", (), {f"site/{name}": b"x" * 9000})
    assert verify_store(store.place)[1] == []
    write_into(entry / "site" / name, b"y")
    _, faults = verify_store(store.place, [entry.name])
    assert [fault.path for fault in faults] == [f"site/{name}"]


def test_an_entry_that_gc_removes_meanwhile_is_no_fault(
    store: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verify.judge_file

    def judge(*words: object) -> list[Fault]:
        shutil.rmtree(entry_of(store), ignore_errors=True)
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(verify, "judge_file", judge)
    assert verify_entry(entry_of(store), Hashes()) == []
    assert verify_entry(entry_of(store), Hashes()) == []


def test_the_index_and_the_pool(store: MadeStore, maker: Maker) -> None:
    (key,) = (store.place / "keys" / digest_of("lock of one")).glob("*/*")
    wrong = key.parent.with_name("feedbeef")
    wrong.mkdir()
    (wrong / "default").write_text(f"{ONE}\n")
    key.write_text("../../etc\n")
    (store.place / "files" / "aa").mkdir(exist_ok=True)
    (store.place / "files" / "aa" / "notes").write_text("x")
    (store.place / "files" / "aa" / ("b" * 64)).write_text("x")
    _, faults = verify_store(store.place)
    assert sorted((fault.kind, Path(fault.path).name) for fault in faults) == [
        ("extra", "b" * 64),
        ("extra", "notes"),
        ("key", "default"),
        ("key", "default"),
    ]
    assert mend(store, maker).others == 4


# --- repair


def test_bytecode_is_compiled_without_fetching(store: MadeStore, maker: Maker) -> None:
    write_into(entry_of(store) / PYC, b"X")
    take_from(entry_of(store) / "site/beta/__pycache__/__init__.cpython-311.pyc")
    mend(store, maker)
    assert maker.asked == [] and maker.compiled.count("site/alpha/__init__.py") == 1


def test_bytecode_that_comes_out_otherwise_is_listed_so(store: MadeStore, maker: Maker) -> None:
    maker.text = " by another compiler"
    write_into(entry_of(store) / PYC, b"X")
    mend(store, maker)
    assert (entry_of(store) / PYC).read_bytes().endswith(b"by another compiler")


def test_what_is_built_to_other_bytes_is_taken_whole(store: MadeStore, maker: Maker) -> None:
    maker.text = " built again"
    write_into(entry_of(store) / "site/beta/data.txt", b"D")
    outcome = mend(store, maker)
    assert maker.asked == ["beta"]
    assert [one.adopted for one in outcome.mended] == [["beta"]]
    for name in ("__init__.py", "data.txt"):
        assert b"built again" in (entry_of(store) / "site/beta" / name).read_bytes()
        assert b"built again" not in (entry_of(store) / "site/alpha" / name).read_bytes()


def test_what_is_built_with_fewer_files(store: MadeStore, maker: Maker) -> None:
    maker.text, maker.without = " built again", "site/beta/data.txt"
    write_into(entry_of(store) / "site/beta/__init__.py", b"D")
    mend(store, maker)
    assert not (entry_of(store) / "site/beta/data.txt").exists()


def test_a_damaged_record_and_a_damaged_summary(store: MadeStore, maker: Maker) -> None:
    write_into(entry_of(store) / "site/beta-1.0.dist-info/RECORD", b"#")
    take_from(entry_of(store) / "site/beta/data.txt")
    mend(store, maker)
    write_into(entry_of(store) / "packages", b"#")
    mend(store, maker)
    assert maker.asked == ["beta", "everything"]


def test_the_list_is_made_anew_where_the_files_are_whole(store: MadeStore, maker: Maker) -> None:
    write_into(entry_of(store) / "files", b"0")
    assert find(store, "list") == [(ONE, "files")]
    mend(store, maker)
    assert maker.asked == []


def test_a_token_that_is_gone_is_made_anew(store: MadeStore, maker: Maker) -> None:
    entry = entry_of(store)
    take_from(entry / "token")
    mend(store, maker)
    shared = store.root.parent / "shop/.venv/pyve.token"
    # The other name had it still.
    assert os.path.samefile(entry / "token", shared)
    take_from(entry / "token")
    take_from(entry / "tree/pyve.token")
    mend(store, maker)
    assert os.path.samefile(entry / "token", entry / "tree/pyve.token")


@pytest.mark.parametrize("damage", ["entry", "pylock", "both"])
def test_what_cannot_be_mended_is_dropped_only_when_asked(
    store: MadeStore, maker: Maker, damage: str
) -> None:
    entry = entry_of(store)
    if damage == "entry":
        write_into(entry / "entry", b"#")
    elif damage == "pylock":
        write_into(entry / "pylock.toml", b"?")
    else:
        write_into(entry / "files", b"0")
        take_from(entry / "site/beta/data.txt")
    with pytest.raises(HelperError) as failure:
        mend(store, maker)
    assert failure.value.code == "E_STORE_REPAIR"
    assert failure.value.fix == ["pyve store repair --drop"]
    assert entry.exists()
    outcome = mend(store, maker, drop=True)
    assert outcome.dropped == [ONE] and not entry.exists()
    assert outcome.projects == [str(store.root.parent / "shop/.venv")]


def test_without_a_network_nothing_is_dropped(store: MadeStore, maker: Maker) -> None:
    maker.failure = HelperError("E_INDEX", "the index does not answer")
    write_into(entry_of(store) / "site/beta/data.txt", b"D")
    write_into(store.entry("two") / PYC, b"D")
    outcome = repair_store(store.place, (), maker, drop=True)
    assert outcome.failure is maker.failure
    assert entry_of(store).exists()
    # What can be mended is, all the same.
    assert verify_entry(store.entry("two"), Hashes()) == []


def test_without_an_exchange_two_renames_do(
    store: MadeStore, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import exchange

    monkeypatch.setattr(exchange, "exchange", lambda first, second: 3)
    take_from(entry_of(store) / "site/beta/data.txt")
    mend(store, maker)


def test_where_the_second_rename_fails_the_old_one_is_put_back(
    store: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import exchange

    new = store.place / "tmp" / "new"
    new.mkdir()
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if source == new:
            raise OSError(5, "Input/output error", source)
        real(source, target)

    monkeypatch.setattr(exchange, "exchange", lambda first, second: 3)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="Input/output"):
        place.swap(new, entry_of(store))
    assert (entry_of(store) / "entry").exists()


def test_a_full_disk_leaves_what_was(
    store: MadeStore, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_from(entry_of(store) / "site/beta/data.txt")

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("pyve_store.repair.write_file", full)
    with pytest.raises(HelperError) as failure:
        repair_store(store.place, (), maker, drop=True)
    assert failure.value.code == "E_STORE_WRITE" and "No space" in failure.value.why[0]
    monkeypatch.undo()
    assert not os.listdir(store.place / "tmp")
    mend(store, maker)


@pytest.mark.parametrize("number", [1, 3, 8, 20, 40, 60, 80, 90])
def test_a_repair_that_is_killed_leaves_old_or_new(store: MadeStore, number: int) -> None:
    """Killed before its n-th change: what there is can be used, and be repaired."""
    write_into(entry_of(store) / "site/beta/data.txt", b"D")
    code = (
        "import os, sys, signal; from pathlib import Path\n"
        "from test_store_verify import Maker; from pyve_store import place, repair\n"
        "import exchange\n"
        + KILL_AT
        + "for name in ('rename', 'replace', 'unlink', 'rmdir', 'chmod', 'mkdir', 'link'):\n"
        "    setattr(os, name, count(getattr(os, name)))\n"
        "exchange.exchange = count(exchange.exchange)\n"
        "repair.repair_store(Path(sys.argv[1]), (), Maker(), False)\n"
    )
    here = Path(__file__).parent
    paths = [here, here.parent / "helpers", Path(place.__file__).parents[1]]
    subprocess.run(
        [sys.executable, "-B", "-c", code, str(store.place), str(number)],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths))},
    )
    entry = entry_of(store)
    assert (entry / "site/beta/__init__.py").exists() and (entry / "entry").exists()
    assert {fault.kind for fault in verify_entry(entry, Hashes())} <= {"changed"}
    outcome = repair_store(store.place, (), Maker(), False)
    assert outcome.failure is None and verify_store(store.place)[1] == []
    assert not os.listdir(store.place / "tmp")


# --- packages


def test_to_which_package_a_file_belongs(tmp_path: Path) -> None:
    paths = ("../../../bin/tool", "../../../share/man/x.1", "alpha/a.py", "/out", "../../../../out")
    record = "".join(f"{path},,\n" for path in paths)
    info = "site/alpha-1.0.dist-info/RECORD"
    (tmp_path / info).parent.mkdir(parents=True)
    (tmp_path / info).write_text(record)
    listed = [
        info,
        "site/alpha-1.0.dist-info/METADATA",
        "bin/tool",
        "tree/share/man/x.1",
        "copy/lib/python3.11/site-packages/alpha/a.py",
        "site/alpha/__pycache__/a.cpython-311.pyc",
        "packages",
        "out",
    ]
    found = records.find_packages(tmp_path, listed, ())
    assert sorted(found) == sorted(listed[:6]) and set(found.values()) == {"alpha"}
    assert records.find_packages(tmp_path, listed, [info]) == dict.fromkeys(listed[:2], "alpha")
    assert records.list_records(listed) == {info: "alpha"}
    assert records.resolve("/etc/passwd") == "" == records.resolve("../../../../etc/passwd")


# --- who may write


def _let_group(store: MadeStore) -> None:
    (store.place / "envs").chmod(0o770)


def _let_all(store: MadeStore) -> None:
    store.root.chmod(0o777)


def _give_away(store: MadeStore) -> None:
    if os.geteuid():
        pytest.skip("NOT TESTED: giving a folder away takes root")
    os.chown(store.place / "files", 65534, 65534)


def _lead_away(store: MadeStore) -> None:
    (store.place / "tmp").rmdir()
    (store.place / "tmp").symlink_to(store.root.parent)


def _put_a_file(store: MadeStore) -> None:
    (store.place / "tmp").rmdir()
    (store.place / "tmp").write_text("x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_let_group, "its group can write in it"),
        (_let_all, "everybody can write in it"),
        (_give_away, "it belongs to another user (uid 65534)"),
        (_lead_away, "it is a link to another folder"),
        (_put_a_file, "it is no folder"),
    ],
)
def test_a_store_that_others_can_change(
    store: MadeStore, change: Callable[[MadeStore], None], words: str
) -> None:
    assert find_danger(store.place) is None
    change(store)
    danger = find_danger(store.place)
    assert danger is not None and danger[1] == words
