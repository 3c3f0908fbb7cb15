"""A small project of the venv backend with its lock, made without an index and without solving."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pyve_test_helpers import TREE, Pyve

PYPROJECT = """\
[project]
name = "shop"
version = "1.5"
requires-python = ">=3.9"
dependencies = ["beta", "tiny"]

[project.optional-dependencies]
web = ["loud[bell]"]

[dependency-groups]
dev = ["plugin"]
docs = ["paper"]
"""
ROOTS = {
    "": ["beta", "tiny"],
    "extra:web": ["loud[bell]"],
    "group:dev": ["plugin"],
    "group:docs": ["paper"],
}
# name, version, marker, what it needs
PACKAGES = (
    ("alpha", "1.1", "", ()),
    ("beta", "1.0", "", ("alpha", "winly")),
    ("loud", "1.0", "'web' in extras", ("ring",)),
    ("paper", "3.0", "'docs' in dependency_groups", ()),
    ("plugin", "1.0", "'dev' in dependency_groups", ("ring",)),
    ("ring", "1.0", "'web' in extras or 'dev' in dependency_groups", ()),
    ("tiny", "0.1", "", ()),
    ("winly", "1.0", "sys_platform == 'win32'", ()),
)


def write_package(name: str, version: str, marker: str, needs: tuple[str, ...]) -> str:
    """Write one package as ``pylock.toml`` has it."""
    digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    url = f"https://files.example.org/{name}-{version}-py3-none-any.whl"
    lines = ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"']
    if marker:
        lines.append(f'marker = "{marker}"')
    if needs:
        lines.append("dependencies = [" + ", ".join(f'{{ name = "{n}" }}' for n in needs) + "]")
    lines.append(f'wheels = [{{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}]')
    return "\n".join([*lines, ""])


def write_locked(
    folder: Path, packages: tuple[tuple[str, str, str, tuple[str, ...]], ...] = PACKAGES
) -> None:
    """Write pyproject.toml and pylock.toml, which was made from it.

    Args:
        folder: of the project.
        packages: what the lock is to hold.
    """
    (folder / "pyproject.toml").write_text(PYPROJECT)
    file = hashlib.sha256(PYPROJECT.encode()).hexdigest()
    files = hashlib.sha256(f"{file}  pyproject.toml\n".encode()).hexdigest()
    content = {"name": "shop", "requires-python": ">=3.9", "roots": ROOTS, "version": 1}
    manifest = json.dumps(content, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    head = (
        'lock-version = "1.0"\nrequires-python = ">=3.9"\nextras = ["web"]\n'
        'dependency-groups = ["dev", "docs"]\ndefault-groups = ["dev"]\ncreated-by = "pyve"\n'
        + ("" if packages else "packages = []\n")
        + f'\n[tool.pyve]\nversion = 1\nmanifest-sha256 = "{digest}"\nfiles-sha256 = "{files}"\n'
        f'files = ["pyproject.toml"]\nengine = "uv"\nmanifest = {json.dumps(manifest)}\n'
    )
    text = head + "".join(write_package(*package) for package in packages)
    (folder / "pylock.toml").write_text(text)


def lock_nothing(user: Pyve) -> None:
    """Make a project that asks for nothing here, with its lock; uv is on PATH, and asks no index.

    Args:
        user: whose project it is.
    """
    (user.bin / "uv").symlink_to(TREE / ".dev" / "bin" / "uv")
    user.write("requirements.in", "gone; python_version < '3'\n")
    user.ok("lock")
