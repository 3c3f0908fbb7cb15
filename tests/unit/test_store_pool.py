"""The pool of the shared store: links, where there can be some, and copies, where there cannot."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from store_user import PYTHON

from pyve_core import HelperError
from pyve_store import unpack_worker
from pyve_store.layout import FileLine, LayoutError, StoreUnusable, format_files, parse_files
from pyve_store.pool import fail_write, list_tree, make_pool, pool_files
from pyve_store.unpack_worker import Pool


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    make_pool(tmp_path / "store")
    return tmp_path / "store"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o444)
    return path


def take(store: Path, path: Path) -> Path:
    """Let a file be one of the pool; give its place there."""
    data = path.read_bytes()
    Pool(os.fsencode(store / "files")).take(os.fsencode(path), sha256(data), 0o444, len(data))
    assert path.read_bytes() == data
    assert sorted(path.parent.glob(f"{path.name}*")) == [path], "nothing is left beside it"
    return store / "files" / sha256(data)[:2] / sha256(data)


def test_the_second_file_becomes_the_first(store: Path, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", b"same"), write(tmp_path / "two", b"same")
    place = take(store, one)
    assert place.samefile(one)
    take(store, two)
    assert two.samefile(one)
    # A second time changes nothing.
    take(store, two)
    assert two.samefile(one)


@pytest.mark.parametrize("spoil", [lambda p: p.chmod(0o644), lambda p: p.write_bytes(b"longer")])
def test_what_somebody_wrote_to_is_replaced(
    store: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    one = write(tmp_path / "one", b"same")
    place = take(store, one)
    place.chmod(0o644)
    spoil(place)
    two = write(tmp_path / "two", b"same")
    take(store, two)
    assert place.samefile(two)
    assert not place.samefile(one)


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOENT])
def test_where_no_link_can_be_made_it_stays_a_copy(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    take(store, write(tmp_path / "one", b"same"))
    two = write(tmp_path / "two", b"same")
    link = os.link

    def refuse(source: bytes, target: bytes) -> None:
        if b"/files/" in source:
            raise OSError(number, os.strerror(number))
        link(source, target)

    monkeypatch.setattr(unpack_worker.os, "link", refuse)
    take(store, two)
    assert two.stat().st_nlink == 1


def test_programs_and_data_are_kept_apart(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    for name, mode in (("data", 0o600), ("program", 0o700)):
        (folder / name).write_bytes(b"same")
        (folder / name).chmod(mode)
    found = pool_files(folder, list_tree(folder)[0], PYTHON, store)
    assert {name: one.mode for name, one in found.items()} == {"data": 0o444, "program": 0o555}
    digest = sha256(b"same")
    assert sorted(path.name for path in store.glob("files/*/*")) == [digest, f"{digest}.x"]


def test_odd_sources_and_names(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    files = {
        "wrong.py": b"def (",
        "nul.py": b"x = 1\0",
        "deep.py": b"(" * 100_000,
        "latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe4'\n",
        "a\nline.py": b"x = 1\n",
        "b\udcff.py": b"x = 2\n",
        "empty.py": b"",
    }
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    found = pool_files(folder, list_tree(folder)[0], PYTHON, store)
    assert {name: found[name].sha256 for name in files} == {
        name: sha256(data) for name, data in files.items()
    }
    compiled = {name for name in files if found[name].bytecode}
    assert compiled == {"latin.py", "a\nline.py", "b\udcff.py", "empty.py"}
    for name in compiled:
        assert (folder / found[name].bytecode).is_file()


def test_what_the_installer_still_has_is_copied(store: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "tree", tmp_path / "cache"
    folder.mkdir()
    cache.write_bytes(b"kept")
    cache.chmod(0o644)
    os.link(cache, folder / "file")
    pool_files(folder, list_tree(folder)[0], PYTHON, store)
    assert not cache.samefile(folder / "file")
    assert cache.stat().st_mode & 0o777 == 0o644
    assert (folder / "file").read_bytes() == b"kept"


def test_without_a_pool_files_are_only_compiled(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    found = pool_files(tmp_path, list_tree(tmp_path)[0], PYTHON, None)
    assert sorted(found) == [f"__pycache__/one.{sys.implementation.cache_tag}.pyc", "one.py"]
    assert (tmp_path / "one.py").stat().st_nlink == 1


def test_an_interpreter_that_does_not_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    with pytest.raises(HelperError) as failure:
        pool_files(tmp_path, list_tree(tmp_path)[0], "/bin/false", None)
    assert failure.value.code == "E_SYNC"


def test_what_the_system_refuses_a_worker_is_told(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    files = list_tree(tmp_path)[0]
    (tmp_path / "one.py").unlink()
    with pytest.raises(StoreUnusable, match="No such file"):
        pool_files(tmp_path, files, PYTHON, None)
    assert isinstance(fail_write(OSError(errno.EDQUOT, "quota")), HelperError)


# --- the small files


def test_a_list_of_files_comes_back_as_it_was() -> None:
    lines = [
        FileLine("a" * 64, "444", 3, "site/a\nb\\n"),
        FileLine("b" * 64, "120000", 9, "tree/bin/\udcff"),
    ]
    assert parse_files(format_files(lines)) == lines
    assert format_files(lines).count(b"\n") == 2


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x"])
def test_a_list_that_leads_out_is_none(path: str) -> None:
    with pytest.raises(LayoutError):
        parse_files(f"{'a' * 64} 444 1 {path}\n".encode())
