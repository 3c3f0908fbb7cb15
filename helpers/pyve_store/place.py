"""Files of the store: listing, linking, and putting them in their place."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyve_store.disk import walk
from pyve_store.layout import FileLine, make_folder
from pyve_store.verify import Hashes


def list_files(folder: Path, hashes: Hashes) -> dict[str, FileLine]:
    """List the files of an environment as they are: path -> line."""
    lines = {}
    for path, status in walk(str(folder)):
        name = os.path.relpath(path, folder)
        if name in ("files", "entry"):
            continue
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(path))
            digest = hashlib.sha256(target).hexdigest()
            lines[name] = FileLine(digest, "120000", len(target), name)
        elif stat.S_ISREG(status.st_mode):
            mode = "555" if status.st_mode & 0o100 else "444"
            lines[name] = FileLine(hashes.get(path, status), mode, status.st_size, name)
    return lines


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Let something be changed in a folder that is read-only."""
    mode = stat.S_IMODE(os.lstat(folder).st_mode)
    os.chmod(folder, 0o755)
    try:
        yield
    finally:
        os.chmod(folder, mode)


def write_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as stream:
        stream.write(data)
    os.chmod(path, mode)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def move(source: Path, target: Path) -> None:
    """Move a file, in place of what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def put_into_pool(source: Path, place: Path) -> None:
    """Link a file into the pool, in place of what is there."""
    part = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        make_folder(place.parent)
        part.unlink(missing_ok=True)
        os.link(source, part)
        os.replace(part, place)
        # (Of two names of one file nothing is replaced.)
        part.unlink(missing_ok=True)
    except OSError:
        # The pool only saves space.
        part.unlink(missing_ok=True)


def swap(new: Path, entry: Path) -> None:
    """Put an environment in the place of another, which is then where the first one was.

    Raises:
        OSError: neither has moved.
    """
    from exchange import exchange

    # Only root may move a folder that is read-only to another one.
    os.chmod(entry, 0o755)
    status = exchange(str(new), str(entry))
    if status == 0:
        return
    old = new.with_name(f"{new.name}.old")
    os.rename(entry, old)
    try:
        os.rename(new, entry)
    except OSError:
        os.rename(old, entry)
        raise
    os.rename(old, new)
