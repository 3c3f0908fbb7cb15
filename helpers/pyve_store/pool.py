"""Hashing, compiling and pooling the files of an environment, on all processors at once.

Source: PEP 3147 (``__pycache__``), PEP 552 (bytecode that belongs to a hash of its source).
"""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyve_core import HelperError
from pyve_store.layout import StoreUnusable, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Found", "fail_write", "list_tree", "make_pool", "pool_files", "take_file"]

_WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "unpack_worker.py")
# What a pipe holds on every system.
_PIPE = 16384
_FEW = 8
_REFUSED = 4


class Found(NamedTuple):
    """A file that was pooled.

    Attributes:
        sha256: in hexadecimal.
        mode: 0o444, or 0o555 for a program.
        size: bytes.
        is_suspect: whether a source is worth a closer look; see classify.
        bytecode: the path of what was compiled from it; "" for none.
    """

    sha256: str
    mode: int
    size: int
    is_suspect: bool = False
    bytecode: str = ""


def list_tree(folder: Path) -> tuple[dict[str, os.stat_result], list[str]]:
    """List the files below a folder by their relative paths, and what is neither file nor folder.

    Links are not followed.
    """
    files: dict[str, os.stat_result] = {}
    others: list[str] = []
    waiting = [""]
    top = os.fspath(folder)
    while waiting:
        prefix = waiting.pop()
        with os.scandir(f"{top}/{prefix}") as entries:
            for entry in entries:
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    files[path] = entry.stat(follow_symlinks=False)
                else:
                    others.append(path)
    return files, others


def make_pool(store: Path) -> None:
    """Make the folders of the pool.

    Raises:
        OSError: they cannot be made.
    """
    make_folder(store / "files")
    there = set(os.listdir(store / "files"))
    for number in range(256):
        if f"{number:02x}" not in there:
            make_folder(store / "files" / f"{number:02x}")


def pool_files(
    folder: Path,
    files: Mapping[str, os.stat_result],
    python: str,
    store: Path | None,
    known: Iterable[tuple[str, str, str]] = (),
    aside: Path | None = None,
) -> dict[str, Found]:
    """Hash, compile and pool files.

    Args:
        folder: what is below it; bytecode, in ``__pycache__`` below it, gets there, too.
        files: relative paths, as list_tree gives them.
        python: the interpreter that they are for, of version 3.7 or later.
        store: the folder of the store; None: nothing is pooled.
        known: path and SHA-256 of sources, SHA-256 of their bytecode in the pool.
        aside: where lists for the workers may stand; None: among temporary files.

    Returns:
        By path: all of them, and the bytecode.

    Raises:
        HelperError: E_DISK_FULL; E_SYNC, when the interpreter does not run.
        StoreUnusable: the store cannot be written to.
    """
    # The largest first, so that no processor has a long way to go when the others are done.
    names = sorted(files, key=lambda name: -files[name].st_size)
    for place in {os.path.dirname(name) for name in names if name.endswith(".py")}:
        try:
            os.mkdir(folder / place / "__pycache__")
        except FileExistsError:
            continue
        except OSError as error:
            raise fail_write(error) from error
    with tempfile.TemporaryDirectory(prefix="pyve-store-", dir=aside) as lists:
        results = _run(folder, [(name, files[name]) for name in names], python, store, known, lists)
    found: dict[str, Found] = {}
    for number, sha256, size, cached, code, length, suspect in results:
        name = names[int(number)]
        mode = 0o555 if files[name].st_mode & 0o111 else 0o444
        found[name] = Found(sha256, mode, int(size), suspect == "1", cached)
        if cached:
            found[cached] = Found(code, 0o444, int(length))
    return found


def _run(
    folder: Path,
    files: Sequence[tuple[str, os.stat_result]],
    python: str,
    store: Path | None,
    known: Iterable[tuple[str, str, str]],
    aside: str,
) -> list[tuple[str, ...]]:
    """Let the workers do it, and give the fields of their results."""
    listed, there = os.path.join(aside, "files"), os.path.join(aside, "known")
    with open(listed, "wb") as stream:
        for name, status in files:
            stream.write(b"+" if status.st_mode & 0o111 else b"-")
            stream.write(os.fsencode(name) + b"\0")
    with open(there, "wb") as stream:
        for line in known:
            stream.write(b"".join(os.fsencode(one) + b"\0" for one in line))
    count = max(1, min(_count_processors(), len(files) // _FEW))
    pool = os.fspath(store / "files") if store else ""
    words = [python, "-I", "-S", _WORKER, listed, os.fspath(folder), pool, there]
    step = max(_FEW, -(-len(files) // (_PIPE // 8)))
    batches = [
        struct.pack("<LL", start, min(start + step, len(files)))
        for start in range(0, len(files), step)
    ]
    reads, writes = os.pipe()
    workers: list[subprocess.Popen[bytes]] = []
    try:
        os.write(writes, b"".join(batches))
        os.close(writes)
        writes = -1
        for number in range(count):
            with open(os.path.join(aside, f"out{number}"), "wb") as out:
                workers.append(
                    subprocess.Popen(words, stdin=reads, stdout=out, stderr=subprocess.PIPE)
                )
        for worker in workers:
            said = worker.communicate()[1].decode("utf-8", "replace").strip()
            if worker.returncode:
                raise _explain(worker.returncode, said, python)
        rows: list[tuple[str, ...]] = []
        for number in range(count):
            with open(os.path.join(aside, f"out{number}"), "rb") as stream:
                fields = stream.read().decode("utf-8", "surrogateescape").split("\0")
            rows += zip(*(fields[start::7] for start in range(7)))
        return rows
    except OSError as error:
        raise fail_write(error) from error
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        os.close(reads)
        if writes >= 0:
            os.close(writes)


def _count_processors() -> int:
    """Give how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _explain(status: int, said: str, python: str) -> Exception:
    if status == _REFUSED and said.isdigit():
        return fail_write(OSError(int(said), os.strerror(int(said))))
    last = said.rpartition("\n")[2] or f"it ended with status {status}"
    return HelperError("E_SYNC", "the packages cannot be compiled", f"{python}: {last}")


def fail_write(error: OSError) -> Exception:
    """Give the exception for what could not be written to the store.

    Returns:
        A HelperError E_DISK_FULL, or StoreUnusable.
    """
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HelperError("E_DISK_FULL", "no space left for the store", why)
    return StoreUnusable(f"{error.filename}: {why}" if error.filename else why)


def take_file(store: Path, path: Path, found: Found) -> None:
    """Let a file be one of the pool; as the workers do it."""
    from pyve_store.unpack_worker import Pool

    os.chmod(path, found.mode)
    pool = Pool(os.fsencode(store / "files"))
    pool.take(os.fsencode(path), found.sha256, found.mode, found.size)
