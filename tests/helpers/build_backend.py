"""Packs wheels and sdists to the byte alike; and, inside sdists of tests, their build backend.

``distributions`` packs with this file, and puts it into every sdist and source tree that it makes,
as ``backend/build_backend.py`` (``backend-path``: nothing is to be downloaded for a build). There,
beside it, are ``METADATA`` (the core metadata of the wheel), ``PKG-INFO`` (that of the sdist) and
``settings.json``:

    name, version, tag    of the wheel
    entry_points          the text of entry_points.txt, or ""
    fails                 what a build says before it fails, or ""

Standard library only: any interpreter runs it. PEP 517 (hooks), PEP 660 (editable installs), and
the binary distribution format of the packaging specifications (formerly PEP 427).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import struct
import sys
import tarfile
import zipfile
import zlib
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


def escape(name: str) -> str:
    """Return the name of a distribution as names of files have it: ``My.Name`` is my_name."""
    for separator in "-.":
        name = name.replace(separator, "_")
    return "_".join(part for part in name.lower().split("_") if part)


def expand(tag: str) -> list[str]:
    """Return the single tags of a compressed one: py2.py3-none-any are two (PEP 425)."""
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    return [f"{p}-{a}-{s}" for p in pythons for a in abis for s in platforms]


def zip_files(files: dict[str, bytes]) -> bytes:
    """Return a zip archive of these files, in this order, all of 1980 and not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            mode = 0o755 if ".data/scripts/" in path else 0o644
            member.external_attr = (0o100000 | mode) << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def dist_info(
    name: str, version: str, metadata: bytes, tag: str, entry_points: str = "", build: str = ""
) -> dict[str, bytes]:
    """Return the files of the folder ``.dist-info``, but for RECORD, by their paths."""
    folder = f"{escape(name)}-{version}.dist-info"
    lines = ["Wheel-Version: 1.0", "Generator: build-backend-of-tests", "Root-Is-Purelib: true"]
    lines += [f"Tag: {single}" for single in expand(tag)]
    if build:
        lines.append(f"Build: {build}")
    files = {
        f"{folder}/METADATA": metadata,
        f"{folder}/WHEEL": ("\n".join(lines) + "\n").encode(),
    }
    if entry_points:
        files[f"{folder}/entry_points.txt"] = entry_points.encode()
    return files


def pack_wheel(
    name: str,
    version: str,
    metadata: bytes,
    files: dict[str, bytes],
    tag: str,
    entry_points: str = "",
    build: str = "",
) -> tuple[str, bytes]:
    """Return a wheel: the name of its file and its content.

    Args:
        name: of the distribution, in any spelling.
        version: normalised.
        metadata: the core metadata.
        files: what it installs, by the paths in the wheel.
        tag: such as py3-none-any, may be compressed.
        entry_points: the text of entry_points.txt.
        build: the build number, such as "1", or "".
    """
    content = dict(sorted(files.items()))
    content.update(dist_info(name, version, metadata, tag, entry_points, build))
    record = f"{escape(name)}-{version}.dist-info/RECORD"
    rows = []
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        cell = f'"{path}"' if "," in path else path
        rows.append(f"{cell},sha256={digest},{len(data)}\n")
    rows.append(f"{record},,\n")
    content[record] = "".join(rows).encode()
    parts = [escape(name), version, *([build] if build else []), tag]
    return "-".join(parts) + ".whl", zip_files(content)


def gzip_data(data: bytes) -> bytes:
    """Return data in the format of gzip (RFC 1952), not compressed (RFC 1951, 3.2.4).

    The library's own bytes differ from one Python to another.
    """
    parts = [b"\x1f\x8b\x08" + bytes(6) + b"\xff"]
    size = 0xFFFF
    for start in range(0, len(data) or 1, size):
        block = data[start : start + size]
        is_last = start + size >= len(data)
        parts += [struct.pack("<BHH", is_last, len(block), len(block) ^ size), block]
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def pack_sdist(name: str, version: str, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Return an sdist (PEP 625): the name of its file and its content.

    Args:
        name: of the distribution, in any spelling.
        version: normalised.
        files: what is in it, PKG-INFO and pyproject.toml too, by their paths below its folder.

    The files are sorted, of 1970, of nobody, and not compressed.
    """
    stem = f"{escape(name)}-{version}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return f"{stem}.tar.gz", gzip_data(buffer.getvalue())


def read_settings() -> tuple[dict[str, Any], bytes]:
    """Return the settings and the core metadata beside this file."""
    with open(os.path.join(HERE, "settings.json"), encoding="utf-8") as file:
        settings: dict[str, Any] = json.load(file)
    with open(os.path.join(HERE, "METADATA"), "rb") as file:
        return settings, file.read()


def fail_if_asked(settings: dict[str, Any]) -> None:
    """End the build when the settings say so."""
    if settings["fails"]:
        print(settings["fails"], file=sys.stderr)
        raise SystemExit(1)


def read_sources(root: str) -> dict[str, bytes]:
    """Return the files below a folder, by their paths with slashes."""
    files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, root).replace(os.sep, "/")] = file.read()
    return files


def write_wheel(folder: str, files: dict[str, bytes]) -> str:
    """Write the wheel of the settings with these files, and return its name."""
    settings, metadata = read_settings()
    fail_if_asked(settings)
    name, content = pack_wheel(
        settings["name"],
        settings["version"],
        metadata,
        files,
        settings["tag"],
        settings["entry_points"],
    )
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    return name


def build_sdist(folder: str, config_settings: object = None) -> str:
    """Pack the source tree into an sdist in a folder, and return its name."""
    settings, _ = read_settings()
    fail_if_asked(settings)
    root = os.path.dirname(HERE)
    files = {
        f"{part}/{path}": content
        for part in ("backend", "src")
        for path, content in read_sources(os.path.join(root, part)).items()
    }
    for target, path in (("pyproject.toml",) * 2, ("PKG-INFO", "backend/PKG-INFO")):
        with open(os.path.join(root, *path.split("/")), "rb") as file:
            files[target] = file.read()
    name, content = pack_sdist(settings["name"], settings["version"], files)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    return name


def prepare_metadata_for_build_wheel(folder: str, config_settings: object = None) -> str:
    """Write the folder ``.dist-info`` into a folder, and return its name."""
    settings, metadata = read_settings()
    fail_if_asked(settings)
    files = dist_info(
        settings["name"],
        settings["version"],
        metadata,
        settings["tag"],
        settings["entry_points"],
    )
    for path, content in files.items():
        target = os.path.join(folder, *path.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
    return next(iter(files)).split("/")[0]


def build_wheel(
    folder: str, config_settings: object = None, metadata_directory: object = None
) -> str:
    """Build the wheel from ``src`` into a folder, and return its name."""
    return write_wheel(folder, read_sources(os.path.join(os.path.dirname(HERE), "src")))


def build_editable(
    folder: str, config_settings: object = None, metadata_directory: object = None
) -> str:
    """Build a wheel that leads to ``src`` (PEP 660), and return its name."""
    source = os.path.join(os.path.dirname(HERE), "src")
    module = escape(read_settings()[0]["name"])
    return write_wheel(folder, {f"__editable__.{module}.pth": f"{source}\n".encode()})


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
