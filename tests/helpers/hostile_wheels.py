"""Wheels and tarballs that do more than a package should, or less than they say.

    wheel = make_hostile("evil", {"evil.pth": "import os\\n"}, unrecorded=["evil.pth"])
    tar = make_tarball("evil-1.0", {"../out": "x"}, links={"evil-1.0/link": "/etc"})

``make_hostile`` gives a ``Distribution`` for ``LocalIndex``; what is wrong with it is only what was
asked for.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from distributions import Distribution, make_wheel

MODULE = "__version__ = '1.0'\n"


def hash_of(data: bytes) -> str:
    """Give the hash of data as RECORD has it."""
    digest = hashlib.sha256(data).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def record_of(files: Mapping[str, bytes], info: str, more: Sequence[str] = ()) -> bytes:
    """Write a RECORD of these files, itself included, with further lines."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerows([path, hash_of(data), len(data)] for path, data in files.items())
    return "\n".join([out.getvalue().rstrip("\n"), *more, f"{info}/RECORD,,", ""]).encode()


def make_hostile(
    name: str,
    files: Mapping[str, str] = {},
    *,
    unrecorded: Collection[str] = (),
    links: Collection[str] = (),
    lies: Mapping[str, str] = {},
    twice: Mapping[str, str] = {},
    more_rows: Sequence[str] = (),
    record: bytes | None = None,
) -> Distribution:
    """Make a wheel of version 1.0, with a module of its name and these files.

    Args:
        name: of the distribution, one word of lower-case letters.
        files: the members, beside the module and the metadata.
        unrecorded: members that RECORD does not name.
        links: members whose mode says that they are links; what they hold is the target.
        lies: members that hold something else than RECORD says.
        twice: members that are there a second time, with this.
        more_rows: further lines of RECORD.
        record: the whole of RECORD in place of the right one.
    """
    plain = make_wheel(name, "1.0", commands={})
    info = f"{name}-1.0.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {
        f"{name}.py": MODULE.encode(),
        f"{info}/METADATA": plain.metadata,
        f"{info}/WHEEL": wheel.encode(),
        **{path: text.encode() for path, text in files.items()},
    }
    if record is None:
        said = {path: data for path, data in content.items() if path not in unrecorded}
        record = record_of(said, info, more_rows)
    content.update({path: text.encode() for path, text in lies.items()})
    content[f"{info}/RECORD"] = record
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in [*content.items(), *((p, t.encode()) for p, t in twice.items())]:
            member = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            kind = stat.S_IFLNK if path in links else stat.S_IFREG
            member.external_attr = (kind | 0o644) << 16
            with warnings.catch_warnings():
                # (zipfile warns of a name that is there twice.)
                warnings.simplefilter("ignore")
                archive.writestr(member, data)
    return Distribution(name, "1.0", plain.filename, buffer.getvalue(), plain.metadata)


def make_tarball(
    files: Mapping[str, str],
    links: Mapping[str, str] = {},
    hard: Mapping[str, str] = {},
    devices: Collection[str] = (),
) -> bytes:
    """Make a .tar.gz of these members, links (name -> target) and devices, in this order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind, names in ((tarfile.SYMTYPE, links), (tarfile.LNKTYPE, hard)):
            for name, target in names.items():
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kind, target
                archive.addfile(member)
        for name in devices:
            member = tarfile.TarInfo(name)
            member.type = tarfile.CHRTYPE
            archive.addfile(member)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    # (The same bytes at each time: a test may be named by them.)
    return gzip.compress(buffer.getvalue(), mtime=0)


def install(site: Path, name: str, files: Mapping[str, str], version: str = "1.0") -> str:
    """Put a distribution into a folder as an installer does, with a RECORD that is right.

    Args:
        site: the folder.
        name: as its .dist-info folder has it.
        files: paths below ``site``, also "../../../bin/x" -> text.
        version: of it.

    Returns:
        The name of its .dist-info folder.
    """
    info = f"{name}-{version}.dist-info"
    content = {path: text.encode() for path, text in files.items()}
    content[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    )
    for path, data in {**content, f"{info}/RECORD": record_of(content, info)}.items():
        place = site / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return info
