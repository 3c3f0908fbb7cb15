"""Unpack the archive of a release of Pyve into a new folder.

Usage: unpack_release.py ARCHIVE FOLDER VERSION

Runs on a bare interpreter. The archive's digest has been verified; what is refused here all the
same is whatever could reach outside of FOLDER, or would not be on every machine what it was where
it was made: members other than files and folders, names that are absolute or climb, names twice
(also when they differ in capitals only). Its first file is ``pyve-VERSION/RELEASE``, ``key=value``
lines: ``format``, a number; one that is not known here says that the rest is for a newer Pyve.

FOLDER must not be there; when the work fails, it is removed again. The answer: ``version``
and ``commit`` of RELEASE, and ``files``, how many there are.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tarfile
import unicodedata
import zlib
from typing import IO, TYPE_CHECKING

from pyve_core import Answer, HelperError, parse_options, run_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
LARGEST = 256 * 1024 * 1024  # bytes of all files together
MOST = 20000  # members
_CHUNK = 1 << 20
_RELEASE = "RELEASE"


def check_name(name: str, top: str) -> str:
    """See that a member's name leads to a place below the archive's one folder.

    Args:
        name: as it is in the archive.
        top: the name of the folder.

    Returns:
        The path below it; ``""`` for the folder itself.

    Raises:
        HelperError: E_RELEASE_ARCHIVE.
    """
    parts = name.removesuffix("/").split("/") if name else [""]
    for part in parts:
        if part in ("", ".", "..") or "\\" in part or not part.isprintable() or len(part) > 200:
            raise refuse(f"a member has the name {name!r}")
    if parts[0] != top:
        raise refuse(f"the member {name!r} is not below {top}/")
    return "/".join(parts[1:])


def list_members(archive: tarfile.TarFile, top: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """List what is to be made: path below the top folder, and the member, both checked.

    Raises:
        HelperError: E_RELEASE_ARCHIVE.
    """
    seen: dict[str, bool] = {}
    total = 0
    for number, member in enumerate(archive):
        path = check_name(member.name, top)
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
            raise refuse(f"the member {member.name!r} is neither a file nor a folder")
        total += member.size
        if total > LARGEST or number >= MOST:
            raise refuse(f"it holds more than {LARGEST >> 20} MiB, or more than {MOST} members")
        key = unicodedata.normalize("NFC", path).casefold()
        if key in seen:
            raise refuse(f"the member {member.name!r} is there twice")
        above = key.rpartition("/")[0]
        if path and seen.get(above) is not True:
            raise refuse(f"the member {member.name!r} comes before its folder")
        if not path and not member.isdir():
            raise refuse(f"{top} is no folder")
        seen[key] = member.isdir()
        yield path, member


def read_release(text: str, version: str) -> dict[str, str]:
    """Read the file RELEASE.

    Args:
        text: what is in it.
        version: the release that the archive's name says.

    Raises:
        HelperError: E_RELEASE_FORMAT when the release is made for a newer Pyve, E_RELEASE_ARCHIVE
            when it is none, or another one.
    """
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    form = values.get("format", "")
    if not re.fullmatch("[1-9][0-9]{0,8}", form):
        raise refuse("its file RELEASE does not say which format it has")
    if int(form) > FORMAT:
        raise HelperError(
            "E_RELEASE_FORMAT",
            f"Pyve {version} is packed in a way that this Pyve does not know",
            f"the archive has format {form}, and format {FORMAT} is the newest that is known here",
        )
    if values.get("version") != version:
        raise refuse(f"its name says version {version}, its file RELEASE {values.get('version')}")
    return values


def refuse(why: str) -> HelperError:
    """Give the failure for an archive that is not as a release is."""
    return HelperError("E_RELEASE_ARCHIVE", "the archive is not one that Pyve takes apart", why)


def write_member(source: IO[bytes], place: str, mode: int) -> None:
    """Write a file that is not there yet.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(handle, "wb") as out:
        while data := source.read(_CHUNK):
            out.write(data)


def unpack(file: str, folder: str, version: str) -> Answer:
    """Unpack an archive into a new folder.

    Raises:
        HelperError: E_RELEASE_ARCHIVE, E_RELEASE_FORMAT.
        OSError: something cannot be written.
    """
    top = f"pyve-{version}"
    release: dict[str, str] = {}
    count = 0
    with tarfile.open(file, "r:gz") as archive:
        for path, member in list_members(archive, top):
            place = os.path.join(folder, path) if path else folder
            if member.isdir():
                os.mkdir(place, 0o755)
                continue
            source = archive.extractfile(member)
            assert source is not None, "a file has content"
            if not release:
                if path != _RELEASE:
                    raise refuse(f"its first file is {path}, not {_RELEASE}")
                release = read_release(source.read(65536).decode("utf-8", "replace"), version)
                source.seek(0)
            write_member(source, place, 0o755 if member.mode & 0o100 else 0o644)
            count += 1
    for path in ("pyve.sh", "lib", "lib/data/release-signers"):
        if not os.path.exists(os.path.join(folder, path)):
            raise refuse(f"there is no {path} in it")
    return {
        "version": version,
        "commit": release.get("commit", ""),
        "files": count,
    }


def main(argv: list[str]) -> Answer:
    """Do what the arguments say.

    Raises:
        HelperError: E_RELEASE_ARCHIVE, E_RELEASE_FORMAT, E_DISK_FULL or E_INSTALL_WRITE.
    """
    file, folder, version = parse_options(argv, "").words
    done = False
    os.umask(0o022)
    try:
        answer = unpack(file, folder, version)
        done = True
        return answer
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise refuse(f"it is damaged: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise HelperError(
                "E_DISK_FULL",
                f"there is no space left for Pyve {version}",
                f"{error.strerror}: {os.path.dirname(folder)}; make room there, and try again",
            ) from error
        if error.errno is None:
            # (gzip.BadGzipFile)
            raise refuse(f"it is damaged: {error}") from error
        raise HelperError(
            "E_INSTALL_WRITE", f"cannot write {folder}", error.strerror or str(error)
        ) from error
    finally:
        if not done:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run_helper(main))
