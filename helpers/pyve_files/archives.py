"""Archives of packages, looked at before anything is unpacked from them.

    check_archive(path)      # a wheel, or a source distribution

Source: the binary distribution format (PEP 427, PEP 491), source distribution format (PEP 625,
PEP 721: which members of a tarball may be unpacked), APPNOTE.TXT of ZIP (what a member is).

Standard library only.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import posixpath
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_installed.claims import is_reserved, is_script_name, list_scripts, show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_archive"]

# Far more than any distribution has.
_MOST_MEMBERS = 500_000
# What is larger than this, in bytes, when unpacked, and shrinks to less than 1/200, is no package.
_LARGE = 1 << 30
_RATIO = 200
_MOST_TEXT = 64 << 20
_CHUNK = 1 << 20
_SHOWN = 10
_STRONG = ("sha256", "sha384", "sha512")
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, NotImplementedError, RuntimeError, OverflowError),
)
_WHEEL_DATA = re.compile(r"[^/]+\.data/(?P<scheme>[^/]*)/(?P<rest>.*)", re.DOTALL)


def check_archive(path: Path, thorough: bool = True, name: str = "") -> None:
    """See that an archive has nothing in it that would do more than be a package.

    Args:
        path: a wheel (.whl), or a source distribution (.tar.gz and its kin, .zip). What has
            another name is not looked at.
        thorough: for a wheel, compare also its files with the hashes in its RECORD; else just
            the names. A source distribution has to be read to its end in any case.
        name: what the file is going to be called, when it is not called so yet.

    Raises:
        HelperError: E_ARCHIVE, with the members in ``why``.
    """
    name = name or path.name
    try:
        if name.endswith((".whl", ".zip")):
            with zipfile.ZipFile(path) as archive:
                why = list(_judge_zip(archive, os.path.getsize(path)))
                if name.endswith(".whl") and not why:
                    why = list(_judge_wheel(archive, thorough))
        elif re.search(r"\.(tar(\.\w+)?|tgz|tbz2?|txz)$", name):
            with tarfile.open(path, "r:*") as archive:
                why = list(_judge_tar(archive, os.path.getsize(path)))
        else:
            return
    except _DAMAGE as error:
        why = [f"it cannot be read: {str(error) or type(error).__name__}"]
    if why:
        more = [f"{len(why) - _SHOWN} more like these"] if len(why) > _SHOWN else []
        raise HelperError(
            "E_ARCHIVE",
            f"{show(name)} is not what a package has to be",
            [*map(show, why[:_SHOWN]), *more, "nothing was unpacked from it"],
        )


# --- names


def _judge_name(name: str) -> str:
    """Say what is wrong with the path of a member, or ""."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[/\\]", name):
        return "has an absolute path"
    if ".." in parts:
        return "leads out of its folder"
    if "\\" in name or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        return "has a name that is none for a file"
    return ""


def _is_bomb(size: int, packed: int) -> bool:
    return size > _LARGE and size > packed * _RATIO


# --- wheels


def _judge_zip(archive: zipfile.ZipFile, packed: int) -> Iterator[str]:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        yield f"it has {len(members)} members"
        return
    if _is_bomb(sum(member.file_size for member in members), packed):
        yield "it would be far larger unpacked than a package is"
        return
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename
        fault = _judge_name(name)
        if fault:
            yield f"{name} {fault}"
        mode = member.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name} is a link, or no file"
        if member.flag_bits & 1:
            yield f"{name} is encrypted"
        if name in seen and not name.endswith("/"):
            yield f"{name} is there twice"
        seen.add(name)


def _judge_wheel(archive: zipfile.ZipFile, thorough: bool) -> Iterator[str]:
    files = {member.filename for member in archive.infolist() if not member.is_dir()}
    infos = {name.partition("/")[0] for name in files if "/" in name}
    infos = {top for top in infos if top.endswith(".dist-info")}
    if len(infos) != 1:
        yield f"it has {len(infos) or 'no'} .dist-info folders; a wheel has one"
        return
    (info,) = infos
    for name in sorted(files):
        found = _WHEEL_DATA.fullmatch(name)
        if not found:
            continue
        rest, scheme = found.group("rest"), found.group("scheme")
        if scheme == "scripts" and not is_script_name(rest):
            yield f"{name} is no name for a script"
        elif scheme == "data" and is_reserved(posixpath.normpath(rest)):
            yield f"{name} would be a file of the environment itself"
    points = f"{info}/entry_points.txt"
    if points in files:
        text = _read_text(archive, points)
        for number, script in list_scripts(text):
            if not is_script_name(script):
                yield f"{points}:{number}: {script} is no name for a script"
    yield from _judge_record(archive, files, info, thorough)


def _judge_record(
    archive: zipfile.ZipFile, files: set[str], info: str, thorough: bool
) -> Iterator[str]:
    record = f"{info}/RECORD"
    if record not in files:
        yield "it has no RECORD"
        return
    rows: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(_read_text(archive, record).splitlines()):
            if row and row[0]:
                name, digest, *_ = [*row, ""]
                if name in rows and rows[name][0] != digest:
                    yield f"RECORD has {name} twice, with different hashes"
                rows.setdefault(name, (digest, row[2] if len(row) > 2 else ""))
    except csv.Error as error:
        yield f"its RECORD cannot be read: {error}"
        return
    free = {f"{info}/{name}" for name in _UNHASHED}
    for name in sorted(rows.keys() - files):
        if not name.endswith("/"):
            yield f"RECORD names {name}, which is not there"
    for name in sorted(files - free):
        if name not in rows:
            yield f"{name} is in no RECORD"
            continue
        kind, _, value = rows[name][0].partition("=")
        if kind not in _STRONG or not value:
            yield f"RECORD has no hash of {name}"
        elif thorough and _digest(archive, name, kind) != value.rstrip("="):
            yield f"{name} has another hash than RECORD says"


def _digest(archive: zipfile.ZipFile, name: str, kind: str) -> str:
    digest = hashlib.new(kind)
    # (That the member's own header has the same name is seen by open.)
    with archive.open(name) as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def _read_text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as stream:
        data = stream.read(_MOST_TEXT + 1)
    if len(data) > _MOST_TEXT:
        raise ValueError(f"{name} is too long")
    return data.decode("utf-8")


# --- tarballs


def _judge_tar(archive: tarfile.TarFile, packed: int) -> Iterator[str]:
    seen: set[str] = set()
    links: set[str] = set()
    size = 0
    for count, member in enumerate(archive):
        size += member.size
        if count > _MOST_MEMBERS or _is_bomb(size, packed):
            yield "it would be far larger unpacked than a package is"
            return
        name = member.name
        fault = _judge_name(name)
        place = posixpath.normpath(name)
        if fault:
            yield f"{name} {fault}"
        elif not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            yield f"{name} is a device, or no file"
        elif member.issym() or member.islnk():
            base = posixpath.dirname(place) if member.issym() else ""
            target = posixpath.normpath(posixpath.join(base, member.linkname))
            if _judge_name(target) or posixpath.isabs(member.linkname):
                yield f"{name} is a link that leads out"
        parents = place.split("/")
        if any("/".join(parents[:i]) in links for i in range(1, len(parents))):
            yield f"{name} would be written through a link"
        if place in seen and not member.isdir():
            yield f"{name} is there twice"
        seen.add(place)
        if member.issym():
            links.add(place)
        # (Or all members stay in memory.)
        archive.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
