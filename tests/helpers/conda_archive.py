"""Writes conda packages in both formats, and the index of a channel; standard library only.

The formats are those of CEP 20 (info/index.json, info/paths.json, info/link.json), of the old
``.tar.bz2`` and of ``.conda`` (a zip file that is not compressed, with two tar files in it that are
compressed with Zstandard: RFC 8878). Nothing is really compressed: archives are made to be read at
once by a test on the same machine.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import os
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# 2024-01-01: every file and record has the same time, so that each run makes the same bytes.
TIME = 1704067200

# What stands in a package where the prefix is to be written.
PLACEHOLDER = "/opt/placehold" + "_placehold" * 24


@dataclass(frozen=True)
class Entry:
    """A file of a package.

    Attributes:
        content: what is in it; the path of a file to copy, the bytes, or the text.
        link: where it points to, when it is a symbolic link.
        executable: whether it may be run.
        mode: "text" or "binary" when PLACEHOLDER is in it and is to be replaced, else "".
    """

    content: bytes | str | Path = b""
    link: str = ""
    executable: bool = False
    mode: str = ""

    def read(self) -> bytes:
        """Return the bytes."""
        if isinstance(self.content, Path):
            return self.content.read_bytes()
        return self.content.encode() if isinstance(self.content, str) else self.content


@dataclass(frozen=True)
class Package:
    """A package before it is written.

    Attributes:
        name: its name.
        version: its version.
        files: path in the prefix (of a noarch Python package: below ``site-packages`` or
            ``python-scripts``) and what is there.
        depends: match specifications of what it needs.
        constrains: match specifications of what it does not go with.
        subdir: the platform, or "noarch".
        build_number: the number at the end of the build string.
        entry_points: of a noarch Python package: "command = module:function". None for others.
        suffix: ".conda" or ".tar.bz2".
    """

    name: str
    version: str
    files: dict[str, Entry] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    subdir: str = "noarch"
    build_number: int = 0
    entry_points: tuple[str, ...] | None = None
    suffix: str = ".conda"

    @property
    def build(self) -> str:
        """The build string."""
        kind = "py" if self.entry_points is not None else "h"
        return f"{kind}{abs(hash_of(self.name)) % 10**6:06d}_{self.build_number}"

    @property
    def stem(self) -> str:
        """The name of the archive, without its suffix."""
        return f"{self.name}-{self.version}-{self.build}"

    def index(self) -> dict[str, Any]:
        """Return what is in info/index.json."""
        index: dict[str, Any] = {
            "build": self.build,
            "build_number": self.build_number,
            "constrains": list(self.constrains),
            "depends": list(self.depends),
            "license": "MIT",
            "name": self.name,
            "subdir": self.subdir,
            "timestamp": TIME * 1000,
            "version": self.version,
        }
        if self.entry_points is not None:
            index["noarch"] = "python"
        elif self.subdir == "noarch":
            index["noarch"] = "generic"
        return index


def hash_of(text: str) -> int:
    """Return a number that stands for a text, on every machine the same."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def store_as_zstandard(data: bytes) -> bytes:
    """Wrap data in a Zstandard frame of raw blocks (RFC 8878, 3.1.1)."""
    block = 128 * 1024
    # Magic number, frame header without checksum or size, a window of 128 KiB.
    parts = [b"\x28\xb5\x2f\xfd\x00\x38"]
    for start in range(0, len(data), block) or (0,):
        piece = data[start : start + block]
        is_last = start + block >= len(data)
        parts += [(len(piece) << 3 | is_last).to_bytes(3, "little"), piece]
    return b"".join(parts)


def make_tar(entries: dict[str, Entry]) -> bytes:
    """Return a tar file of the entries, without directories, as conda makes them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(entries):
            entry = entries[name]
            info = tarfile.TarInfo(name)
            info.mtime = TIME
            info.mode = 0o755 if entry.executable else 0o644
            if entry.link:
                info.type = tarfile.SYMTYPE
                info.linkname = entry.link
                archive.addfile(info)
            else:
                data = entry.read()
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def describe_paths(files: dict[str, Entry]) -> list[dict[str, Any]]:
    """Return the entries of info/paths.json."""
    paths = []
    for name in sorted(files):
        entry = files[name]
        if entry.link:
            # As conda-build: the digest is of what the link leads to in the package, or of nothing.
            target = files.get(os.path.normpath(os.path.join(os.path.dirname(name), entry.link)))
            data, kind = target.read() if target else b"", "softlink"
        else:
            data, kind = entry.read(), "hardlink"
        path: dict[str, Any] = {
            "_path": name,
            "path_type": kind,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_in_bytes": len(data),
        }
        if entry.mode:
            path.update(prefix_placeholder=PLACEHOLDER, file_mode=entry.mode)
        paths.append(path)
    return paths


def describe_package(package: Package) -> dict[str, Entry]:
    """Return the files below info/."""
    prefixed = [name for name in sorted(package.files) if package.files[name].mode]
    info: dict[str, Any] = {
        "about.json": {"home": "", "license": "MIT", "summary": f"{package.name}, for tests"},
        "index.json": package.index(),
        "paths.json": {"paths": describe_paths(package.files), "paths_version": 1},
    }
    if package.entry_points is not None:
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        info["link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    texts = {name: json.dumps(info[name], indent=2, sort_keys=True) for name in info}
    texts["files"] = "".join(f"{name}\n" for name in sorted(package.files))
    if prefixed:
        texts["has_prefix"] = "".join(
            f'"{PLACEHOLDER}" "{package.files[name].mode}" "{name}"\n' for name in prefixed
        )
    return {f"info/{name}": Entry(text) for name, text in texts.items()}


def pack(package: Package) -> bytes:
    """Return the archive of a package."""
    info = describe_package(package)
    if package.suffix == ".tar.bz2":
        return bz2.compress(make_tar({**info, **package.files}), 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", store_as_zstandard(make_tar(package.files))),
            (f"info-{package.stem}.tar.zst", store_as_zstandard(make_tar(info))),
        ):
            member = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            archive.writestr(member, data)
    return buffer.getvalue()


def add_package(channel: Path, package: Package, **changes: Any) -> dict[str, Any]:
    """Write a package into a channel.

    Args:
        channel: the folder of the channel.
        package: what to write.
        changes: what the index shall say otherwise than is true; ``data`` is the archive itself.

    Returns:
        The record for the index, with the name of the archive as "fn".
    """
    data: bytes = changes.pop("data", None) or pack(package)
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    name = package.stem + package.suffix
    (folder / name).write_bytes(data)
    record = {
        **package.index(),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        **changes,
    }
    return {"fn": name, **record}


def write_index(channel: Path, records: list[dict[str, Any]], subdirs: tuple[str, ...]) -> None:
    """Write repodata.json of each platform (CEP 36), also of those without a package."""
    for subdir in subdirs:
        index: dict[str, Any] = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}}
        for record in records:
            if record["subdir"] == subdir:
                name = record["fn"]
                kind = "packages.conda" if name.endswith(".conda") else "packages"
                index[kind][name] = {key: record[key] for key in record if key != "fn"}
        index["repodata_version"] = 1
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        text = json.dumps(index, indent=1, sort_keys=True) + "\n"
        (channel / subdir / "repodata.json").write_text(text, encoding="utf-8")
