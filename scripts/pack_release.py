"""Pack a release: the project's files, from stdin, into one archive that is always the same.

Usage: git ls-files -z | pack_release.py ARCHIVE --version V --commit ID --time SECONDS --source URL

Names come in bytes with NUL behind each. What only developers need is left out. In the archive
everything is in the order of its names, belongs to nobody, has the time of the commit, and is
readable for all; a file is executable when it is here. The first file is RELEASE: format, version,
commit, and where later releases are, for `helpers/unpack_release.py`. Prints the line for
SHA256SUMS.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import sys
import tarfile
from pathlib import Path

FORMAT = 1
# First parts of names that an installation does without, as copy_own_tree of lib/install_tree.sh.
LEFT_OUT = ("tests", "examples")


def list_names(data: bytes) -> list[str]:
    """List the files that belong into a release, sorted.

    Raises:
        SystemExit: one is a link, or is not there.
    """
    names = []
    for name in sorted(os.fsdecode(item) for item in data.split(b"\0") if item):
        first = name.split("/")[0]
        if first.startswith(".") or first in LEFT_OUT:
            continue
        if os.path.islink(name) or not os.path.isfile(name):
            raise SystemExit(f"ERROR: {name} is no plain file\n  why: an archive has no links")
        names.append(name)
    return names


def describe(
    name: str, seconds: int, kind: bytes, size: int = 0, mode: int = 0o644
) -> tarfile.TarInfo:
    """Describe a member of the archive: path, time, and the same owner for all."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = size
    member.mode = mode
    member.mtime = seconds
    return member


def pack(names: list[str], top: str, release: str, seconds: int) -> bytes:
    """Pack the files below a folder ``top`` into a tar archive (POSIX.1-2001).

    Args:
        names: paths from here.
        top: the archive's one folder.
        release: the text of RELEASE.
        seconds: the time that everything has, in seconds since 1970.
    """
    out = io.BytesIO()
    folders: set[str] = set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(describe(top, seconds, tarfile.DIRTYPE, mode=0o755))
        data = release.encode()
        archive.addfile(
            describe(f"{top}/RELEASE", seconds, tarfile.REGTYPE, len(data)), io.BytesIO(data)
        )
        for name in names:
            parts = name.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                if folder not in folders:
                    folders.add(folder)
                    archive.addfile(
                        describe(f"{top}/{folder}", seconds, tarfile.DIRTYPE, mode=0o755)
                    )
            data = Path(name).read_bytes()
            mode = 0o755 if os.access(name, os.X_OK) else 0o644
            archive.addfile(
                describe(f"{top}/{name}", seconds, tarfile.REGTYPE, len(data), mode),
                io.BytesIO(data),
            )
    return out.getvalue()


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description="Pack a release.")
    parser.add_argument("archive")
    for name in ("version", "commit", "time", "source"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    release = f"format={FORMAT}\nversion={options.version}\ncommit={options.commit}\n"
    if options.source:
        release += f"source={options.source}\n"
    names = list_names(sys.stdin.buffer.read())
    data = pack(names, f"pyve-{options.version}", release, int(options.time))
    out = io.BytesIO()
    # (gzip.compress writes another header with newer Pythons.)
    with gzip.GzipFile("", "wb", 9, out, mtime=0) as file:
        file.write(data)
    packed = out.getvalue()
    Path(options.archive).write_bytes(packed)
    print(f"{hashlib.sha256(packed).hexdigest()}  {os.path.basename(options.archive)}")


if __name__ == "__main__":
    main()
