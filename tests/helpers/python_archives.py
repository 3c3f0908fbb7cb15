"""Archives as python-build-standalone has them, and a list of them, for uv: all of it local."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from pyve_test_helpers import TREE, Pyve, python_version

_RELEASE = "20240101"
_MACHINES = {"arm64": "aarch64", "AMD64": "x86_64"}
_SYSCONFIG = (
    b"# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n"
)


def make_archive(python: str, *, whole: bool = True) -> bytes:
    """Return a .tar.gz that uv installs: its program hands over to an interpreter that is here.

    Without ``whole`` it lacks a file that uv asks for in the end, when all is in its place.
    """
    minor = python_version(python).split(".")[1]
    machine = _MACHINES.get(platform.machine(), platform.machine())
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:

        def add(name: str, data: bytes, mode: int = 0o644) -> None:
            entry = tarfile.TarInfo(f"python/{name}")
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))

        program = f"#!/bin/sh\nexec '{python}' \"$@\"\n".encode()
        add(f"bin/python3.{minor}", program, 0o755)
        library = f"lib/python3.{minor}"
        if whole:
            add(f"{library}/_sysconfigdata__linux_{machine}-linux-gnu.py", _SYSCONFIG)
            add(f"{library}/_sysconfigdata__darwin_darwin.py", _SYSCONFIG)
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python3.{minor}"
        archive.addfile(link)
    return stream.getvalue()


@dataclass
class Archives:
    """A mirror of archives, and the list that uv finds them by.

    Attributes:
        folder: the mirror; archives are below ``20240101``.
        list_file: the list, in the form of uv's download-metadata.json.
        entries: what is in the list, by key such as ``cpython-3.12.4-linux-x86_64-gnu``.
    """

    folder: Path
    list_file: Path
    entries: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def mirror(self) -> str:
        """The address of the mirror."""
        return self.folder.as_uri()

    def archive(self, python: str) -> Path:
        """Return the place of the archive of an interpreter."""
        return self.folder / _RELEASE / f"cpython-{python_version(python)}.tar.gz"

    def add(self, python: str, *, sha256: str | None = "", whole: bool = True) -> str:
        """Add an interpreter of this machine to mirror and list.

        Args:
            python: its path.
            sha256: what the list says; "": the right one; None: nothing.
            whole: as for make_archive.

        Returns:
            Its key.
        """
        version = python_version(python)
        major, minor, patch = map(int, version.split("."))
        machine = _MACHINES.get(platform.machine(), platform.machine())
        darwin = platform.system() == "Darwin"
        system, libc = ("darwin", "none") if darwin else ("linux", "gnu")
        key = f"cpython-{version}-{system}-{machine}-{libc}"
        data = make_archive(python, whole=whole)
        path = self.archive(python)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        # (Where uv replaces the front of the address by that of the mirror.)
        place = "https://github.com/astral-sh/python-build-standalone/releases/download"
        self.entries[key] = {
            "name": "cpython",
            "arch": {"family": machine, "variant": None},
            "os": system,
            "libc": libc,
            "major": major,
            "minor": minor,
            "patch": patch,
            "prerelease": "",
            "url": f"{place}/{_RELEASE}/{path.name}",
            "sha256": hashlib.sha256(data).hexdigest() if sha256 == "" else sha256,
            "variant": None,
            "build": _RELEASE,
        }
        self.list_file.write_text(json.dumps(self.entries), encoding="utf-8")
        return key


def use_archives(pyve: Pyve) -> Archives:
    """Give a user uv, an empty mirror, and a list; the network leads nowhere."""
    archives = Archives(pyve.root / "a mirror", pyve.root / "a list.json")
    archives.folder.mkdir()
    archives.list_file.write_text("{}")
    if not (pyve.bin / "uv").exists():
        (pyve.bin / "uv").symlink_to(TREE / ".dev" / "bin" / "uv")
    (pyve.root / "tmp").mkdir(exist_ok=True)
    pyve.env.pop("UV_PYTHON_DOWNLOADS", None)
    pyve.env.update(
        UV_PYTHON_DOWNLOADS_JSON_URL=str(archives.list_file),
        UV_HTTP_RETRIES="0",
        HTTPS_PROXY="http://127.0.0.1:9",
        TMPDIR=str(pyve.root / "tmp"),
    )
    return archives
