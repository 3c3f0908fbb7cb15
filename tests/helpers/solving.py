"""Projects that are locked with Pyve's helpers, and environments made from their locks.

The tests that import this have the helpers on their path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from distributions import Distribution, make_sdist, make_wheel
from local_index import LocalIndex
from packaging.pylock import Pylock

from pyve_core import HelperError
from pyve_locks.lock_file import LockFile, format_lock, parse_lock
from pyve_locks.manifest import read_manifest
from pyve_locks.solve import SolveOptions, solve, solve_or_explain

TREE = Path(__file__).resolve().parents[2]
UV = TREE / ".dev" / "bin" / "uv"
# Python says what is installed where, and from where.
LIST = """
import json, sys
from importlib.metadata import distributions
found = {}
for one in distributions(path=[p for p in sys.path if "site-packages" in p]):
    direct = json.loads(one.read_text("direct_url.json") or "{}")
    found[one.metadata["Name"].lower()] = [
        one.version,
        direct.get("dir_info", {}).get("editable", False),
        direct.get("vcs_info", {}).get("commit_id", ""),
    ]
print(json.dumps(found))
"""

# What the index of these tests has.
WHEELS = (
    *(make_wheel("alpha", version) for version in ("1.0", "1.1", "2.0", "3.0rc1")),
    make_wheel("beta", "1.0", ["alpha<2", "tomlish; python_version < '3.11'"]),
    make_wheel("gamma", "1.0", ["alpha>=2", "winly; sys_platform == 'win32'"]),
    make_wheel("tomlish", "1.0"),
    make_wheel("winly", "1.0"),
    make_wheel("loud", "1.0", extras={"bell": ["ring>=1"]}),
    make_wheel("ring", "1.0"),
    make_wheel("newer", "1.0"),
    make_wheel("newer", "2.0", requires_python=">=3.11"),
    make_wheel("plugin", "1.0", ["shop[more]>=1", "ring"]),
    make_wheel("only-windows", "1.0", tag="py3-none-win_amd64"),
    make_wheel("needs-missing", "1.0", ["nothing-there>1"]),
    make_wheel("late", "1.0", requires_python=">=3.13"),
    make_sdist("built", "1.0", ["ring"]),
    make_sdist("dynamic", "1.0", ["ring"], dynamic=True),
    make_sdist("broken", "1.0", dynamic=True, build_fails="no compiler here"),
    make_wheel("many", "1.0"),
    make_wheel("many", "1.0", tag="py3-none-manylinux_2_17_x86_64"),
    make_wheel("many", "1.0", tag="py3-none-macosx_11_0_arm64"),
    make_wheel("many", "1.0", tag="py3-none-win_amd64"),
    make_sdist("many", "1.0"),
)

# Extras and dependency groups of a project.
GROUPS = """
[project.optional-dependencies]
Loud_Bell = ["loud[bell]"]
old = ["alpha<2"]
[dependency-groups]
dev = ["newer"]
docs = ["alpha", {include-group = "dev"}]
empty = []
"""

Installed = dict[str, tuple[str, bool, str]]
# The locks that were installed already, as tests of the same file often make the same.
_INSTALLED: set[str] = set()


@dataclass
class Project:
    """A project in a folder, with a private HOME beside it.

    Attributes:
        root: its folder.
        env: the environment of all that is run; an index is in it.
        locks: the text of each lock that was made, once.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    solved: int = 0
    locks: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, env: dict[str, str]) -> Project:
        """Make an empty project below a folder."""
        root = folder / "my project"
        root.mkdir(parents=True)
        whole = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1", **env}
        whole["UV_CACHE_DIR"] = str(folder / "uv-cache")
        whole["PIP_CACHE_DIR"] = str(folder / "pip-cache")
        whole["UV_HTTP_RETRIES"] = "0"
        whole["PIP_RETRIES"] = "0"
        return cls(root, whole)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def ask(self, *dependencies: str, more: str = "", python: str = ">=3.9") -> None:
        """Write a pyproject.toml."""
        limit = f"requires-python = {json.dumps(python)}\n" if python else ""
        listed = json.dumps(list(dependencies))
        text = f'[project]\nname = "shop"\nversion = "1.5"\n{limit}dependencies = {listed}\n{more}'
        self.write("pyproject.toml", text)

    def lock(self, environ: dict[str, str] | None = None, **options: Any) -> LockFile:
        """Solve the project, and see that what comes out is a lock of PEP 751."""
        self.solved += 1
        workspace = self.root.parent / f"work-{self.solved}"
        workspace.mkdir(mode=0o700)
        options = {"uv": str(UV), "environ": {**self.env, **(environ or {})}, **options}
        try:
            manifest = read_manifest(self.root, self.env)
            lock = solve(manifest, self.root, SolveOptions(**options), workspace)
        finally:
            shutil.rmtree(workspace)
        text = format_lock(lock)
        read = parse_lock(text, self.root / "pylock.toml")
        Pylock.from_dict(read)
        assert str(self.root.parent) not in text
        read.warnings = lock.warnings
        if text not in self.locks:
            self.locks.append(text)
        return read

    def save(self, **options: Any) -> LockFile:
        """Lock it, and write pylock.toml."""
        lock = self.lock(**options)
        self.write("pylock.toml", format_lock(lock))
        return lock

    def _venv(self, name: str) -> Path:
        folder = self.root.parent / name
        if not folder.exists():
            self.run([str(UV), "venv", "-q", "--python", sys.executable, str(folder)])
        return folder

    def run(self, command: list[str]) -> str:
        """Run a command in the project, and return its stdout."""
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def _list(self, venv: Path) -> Installed:
        found = json.loads(self.run([str(venv / "bin" / "python"), "-I", "-c", LIST]))
        return {name: (value[0], value[1], value[2]) for name, value in found.items()}

    def install_by_pyve(self) -> Installed:
        """Make an environment equal to pylock.toml by the helper of ``pyve sync``."""
        venv = self._venv("by-pyve")
        words = ["apply", "--environment", str(venv), "--root", str(self.root), "--project", "none"]
        self.run([sys.executable, str(TREE / "helpers" / "sync_environment.py"), *words])
        return self._list(venv)

    def check_installers(self) -> None:
        """See that Pyve, uv and pip make the same environment of each lock that was made.

        Of locks that are not for this machine, or whose index is gone, nothing can be said: those
        that uv does not install are left out.
        """
        self.env["UV_NO_CACHE"] = "1"
        folders = [self.root.parent / name for name in ("by-uv", "by-pip", "by-pyve")]
        for text in self.locks:
            if text in _INSTALLED:
                continue
            _INSTALLED.add(text)
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            self.write("pylock.toml", text)
            try:
                by_uv = self.install_by_uv()
            except AssertionError:
                continue
            options = ("--no-deps", "--no-require-hashes")
            assert by_uv == self.install_by_pip(options=options) == self.install_by_pyve()

    def install_by_uv(self, *selection: str) -> Installed:
        """Make an environment equal to pylock.toml by uv.

        Args:
            selection: ``extra:NAME``, ``group:NAME``.

        Returns:
            Name -> version, whether it is editable, commit.
        """
        venv = self._venv("by-uv")
        words = [word for one in selection for word in (f"--{one.split(':')[0]}", one[6:])]
        command = [str(UV), "pip", "sync", "-q", "--python", str(venv), "pylock.toml", *words]
        self.run(command)
        return self._list(venv)

    def install_by_pip(self, *selection: str, options: tuple[str, ...] = ()) -> Installed:
        """Install pylock.toml into a new environment by pip; see install_by_uv."""
        shutil.rmtree(self.root.parent / "by-pip", ignore_errors=True)
        venv = self._venv("by-pip")
        extras = ",".join(one[6:] for one in selection if one.startswith("extra:"))
        words = ["-r", f"pylock.toml[{extras}]" if extras else "pylock.toml"]
        for one in selection:
            if one.startswith("group:"):
                words += ["--group", f"pylock.toml:{one[6:]}"]
        pip = [sys.executable, "-m", "pip", "--python", str(venv), "install"]
        pip += ["-q", "--no-compile", *options]
        self.run([*pip, *words])
        return self._list(venv)


@contextmanager
def serve(*more: Distribution) -> Iterator[LocalIndex]:
    """Serve WHEELS, a version that was yanked, two of different dates, and more."""
    with LocalIndex(*WHEELS, *more) as index:
        index.add(make_wheel("pulled", "1.0"), yanked="it eats files")
        index.add(make_wheel("dated", "1.0"), upload_time="2024-01-01T00:00:00Z")
        index.add(make_wheel("dated", "2.0"), upload_time="2024-06-01T00:00:00Z")
        yield index


def fails(project: Project, **options: Any) -> HelperError:
    """Lock a project that has no lock, and return why."""
    with pytest.raises(HelperError) as caught:
        project.lock(**options)
    return caught.value


def explain(project: Project, adding: tuple[str, ...] = (), **options: Any) -> HelperError:
    """Solve a project that has no solution, by uv unless pip is given; return what is said then."""
    workspace = Path(tempfile.mkdtemp(dir=project.root.parent))
    engine = {} if "pip" in options else {"uv": str(UV)}
    settings = SolveOptions(environ=project.env, **engine, **options)
    manifest = read_manifest(project.root, project.env)
    with pytest.raises(HelperError) as caught:
        solve_or_explain(manifest, project.root, settings, workspace, adding)
    return caught.value


def versions(lock: LockFile) -> list[str]:
    """Give ``name version`` of the packages of a lock, sorted."""
    return sorted(f"{p['name']} {p.get('version', '')}".rstrip() for p in lock.packages)


def markers(lock: LockFile, name: str) -> dict[str, str]:
    """Give version -> marker of the entries of a package."""
    return {p.get("version", ""): p.get("marker", "") for p in lock.packages if p["name"] == name}


def package(lock: LockFile, name: str) -> dict[str, Any]:
    """Give the one entry of a package."""
    (found,) = (p for p in lock.packages if p["name"] == name)
    return found
