"""Writing files so that each is what it was before, or all of what it is to be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pyve_core import HelperError
from pyve_core.durable import replace_durably, staging_folder
from pyve_core.fixes import move_away, open_up


def write_whole(path: Path, data: bytes) -> bool:
    """Write a file: what was there before, or all of the new one.

    A file that is there keeps its mode; a new one gets 0644 less the umask. Of a link, the file
    that it leads to is replaced. A device or a pipe is written to.

    Args:
        path: where to.
        data: what is to be in it.

    Returns:
        Whether anything changed. The file is left alone when it has these bytes already.

    Raises:
        HelperError: E_FILE_WRITE, E_DISK_FULL.
    """
    path = Path(os.path.realpath(path))
    # (A name of which the next command knows that it is a leftover.)
    part = staging_folder(path) / f".{path.name}.pyve-new.{os.getpid()}"
    try:
        mode = 0
        if path.exists():
            if not path.is_file() and not path.is_dir():
                path.write_bytes(data)
                return True
            if path.read_bytes() == data:
                return False
            mode = path.stat().st_mode & 0o7777
        # (What somebody else left there, a link perhaps, is not written through.)
        part.unlink(missing_ok=True)
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(part, how, 0o600 if mode else 0o644)
        with open(descriptor, "wb") as stream:
            stream.write(data)
        if mode:
            part.chmod(mode)
        replace_durably(part, path)
    except OSError as error:
        if part.exists() and not part.is_dir():
            part.unlink()
        raise cannot_write(path, error) from error
    return True


def refuse_link(path: Path) -> None:
    """See that a file of a project is no link to one outside of its folder.

    A repository may bring such a link: nothing is written where it leads.

    Raises:
        HelperError: E_FILE_LINK.
    """
    if path.is_symlink():
        folder = os.path.realpath(path.parent)
        if not os.path.realpath(path).startswith(f"{folder}/"):
            raise HelperError(
                "E_FILE_LINK",
                f"{path.name} is a symbolic link, and Pyve does not write through links",
                "what it points to is outside of the project",
                move_away(path),
            )


def cannot_write(path: Path, error: OSError) -> HelperError:
    """Give the diagnostic for what could not be written: E_FILE_WRITE, or E_DISK_FULL."""
    old = "the old file, if there was one, is untouched"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return HelperError("E_DISK_FULL", f"no space left for {path}", old)
    fix = [move_away(path)] if path.is_dir() else open_up(path.parent)
    return HelperError(
        "E_FILE_WRITE", f"cannot write {path}", [error.strerror or str(error), old], fix
    )
