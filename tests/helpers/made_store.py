"""A store laid out by hand, as fill lays it out, without uv and without an interpreter."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pyve_store.layout import FileLine, format_entry, format_files, pool_path

SITE = "tree/lib/python3.11/site-packages"
PYTHON = "0123abcd"
# Code: count() makes functions of which the n-th call, of any of them, kills the process; n is the
# second argument. It needs os, sys and signal.
KILL_AT = """
left = [int(sys.argv[2])]
def count(call):
    def do(*words, **more):
        left[0] -= 1
        if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
        return call(*words, **more)
    return do
"""


def digest_of(name: str) -> str:
    """Return a digest that belongs to a name."""
    return hashlib.sha256(name.encode()).hexdigest()


def package_files(name: str, text: str = "") -> dict[str, bytes]:
    """Return what a package brings, relative to an entry: a module, bytecode, and its metadata."""
    files = {
        f"site/{name}/__init__.py": f"NAME = '{name}'{text}\n".encode(),
        f"site/{name}/data.txt": f"data of {name} {text}\n".encode() * 500,
        f"site/{name}-1.0.dist-info/METADATA": f"Name: {name}\nVersion: 1.0\n".encode(),
    }
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path, data in files.items():
        found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow([path[len("site/") :], f"sha256={found}", len(data)])
    writer.writerow([f"{name}-1.0.dist-info/RECORD", "", ""])
    files[f"site/{name}-1.0.dist-info/RECORD"] = rows.getvalue().encode()
    cache = f"site/{name}/__pycache__/__init__.cpython-311.pyc"
    files[cache] = compiled(files[f"site/{name}/__init__.py"])
    return files


def compiled(source: bytes) -> bytes:
    """Return what stands for the bytecode of a source."""
    return b"bytecode of " + source


class MadeStore:
    """A store.

    Attributes:
        root: the folder that PYVE_STORE names.
        place: that of the format.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = root / "v1"
        for name in ("", "envs", "keys", "files", "owners", "tmp", "projects"):
            (self.place / name).mkdir(parents=True, exist_ok=True)
            (self.place / name).chmod(0o700)
        self.root.chmod(0o700)

    def entry(self, name: str) -> Path:
        """Return the folder of an environment."""
        return self.place / "envs" / digest_of(name)

    def pool(self, data: bytes, program: bool = False) -> Path:
        """Return where the pool has a file, made when it is not there."""
        path = pool_path(self.place, hashlib.sha256(data).hexdigest(), program)
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o555 if program else 0o444)
        return path

    def add(
        self, name: str, packages: Collection[str] = ("alpha",), more: Mapping[str, bytes] = {}
    ) -> Path:
        """Make an environment with these packages and further files in it."""
        entry = self.entry(name)
        files = dict(more)
        for package in packages:
            files.update(package_files(package))
        lines = {}
        (entry / "bin").mkdir(parents=True)
        (entry / SITE).mkdir(parents=True)
        for path, data in files.items():
            (entry / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(self.pool(data, path.startswith("bin/")), entry / path)
        own = {
            "packages": "".join(f"{package} 1.0\n" for package in sorted(packages)).encode(),
            "pylock.toml": f"# of {name}\n".encode(),
            "distributions": b"",
            "scripts": b"",
            "token": b"",
            f"{SITE}/_pyve_store.pth": f"{entry}/site\n".encode(),
        }
        for path, data in own.items():
            (entry / path).write_bytes(data)
            (entry / path).chmod(0o444)
        os.link(entry / "token", entry / "tree" / "pyve.token")
        (entry / "tree" / "bin").mkdir()
        (entry / "tree/bin/tool").symlink_to(entry / "bin" / "tool")
        own["tree/pyve.token"] = b""
        for path, data in {**files, **own}.items():
            mode = "555" if path.startswith("bin/") else "444"
            lines[path] = FileLine(hashlib.sha256(data).hexdigest(), mode, len(data), path)
        target = os.fsencode(entry / "bin" / "tool")
        lines["tree/bin/tool"] = FileLine(
            hashlib.sha256(target).hexdigest(), "120000", len(target), "tree/bin/tool"
        )
        self.describe(entry, lines, name)
        for folder, _, _ in os.walk(entry):
            inside = os.path.relpath(folder, entry).partition("/")[0]
            os.chmod(folder, 0o755 if inside == "tree" else 0o555)
        return entry

    def describe(self, entry: Path, lines: Mapping[str, FileLine], name: str) -> None:
        """Write the list of files, and the description."""
        data = format_files(lines.values())
        fields = {
            "format": "1",
            "python": PYTHON,
            "version": "3.11.7",
            "platform": "linux",
            "lock-sha256": digest_of(f"lock of {name}"),
            "selection": "default",
            "interpreter": "/usr/bin/python3",
            "packages": str(len([path for path in lines if path.endswith("/RECORD")])),
            "made": "2026-01-02T03:04:05Z",
            "files-sha256": hashlib.sha256(data).hexdigest(),
        }
        for path, content in (("files", data), ("entry", format_entry(fields))):
            (entry / path).write_bytes(content)
            (entry / path).chmod(0o444)
        key = self.place / "keys" / fields["lock-sha256"] / PYTHON / "default"
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_text(f"{entry.name}\n")

    def use(self, name: str, environment: Path, link: bool = True, record: bool = True) -> Path:
        """Make an environment of a project that uses one of the store."""
        entry = self.entry(name)
        environment.mkdir(parents=True, exist_ok=True)
        (environment / "pyve.state").write_text(f"path={environment}\nstore={entry}\n")
        if link:
            os.link(entry / "token", environment / "pyve.token")
        if record:
            # (A process number that no process has.)
            self.record(name, str(environment), linked=link)
        return environment

    def record(self, name: str, path: str, pid: int = 4194399, linked: bool = True) -> Path:
        """Write a record."""
        number = len(list((self.place / "owners").iterdir()))
        file = self.place / "owners" / f"{digest_of(name)}.{pid}.{number}"
        file.write_text(f"{path}\n" + ("" if linked else "linked=0\n"))
        return file


def write_into(path: Path, data: bytes) -> None:
    """Change the bytes of a file of the store, in place, as a faulty disk or program would."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with open(path, "r+b") as stream:
        stream.write(data)
    path.chmod(mode)


def add_to(folder: Path, name: str, data: bytes = b"x") -> Path:
    """Put a file into a read-only folder."""
    mode = folder.stat().st_mode
    folder.chmod(0o755)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    folder.chmod(mode)
    return folder / name


def take_from(path: Path) -> None:
    """Remove a file from a read-only folder."""
    mode = path.parent.stat().st_mode
    path.parent.chmod(0o755)
    path.unlink()
    path.parent.chmod(mode)
