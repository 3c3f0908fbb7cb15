"""A package index for the documents: names and needs of real packages, and nothing in them.

ruff and mypy are there as they are, the latter for the interpreter of .dev only.

In pytest: ``from example_index import example_index``.
"""

from __future__ import annotations

import email
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import Distribution, make_wheel
from local_index import LocalIndex
from packaging.utils import parse_wheel_filename
from pyve_test_helpers import TREE, Pyve

# name, version, what it needs, when it was uploaded.
PACKAGES = (
    ("click", "8.1.7", ["colorama; platform_system == 'Windows'"], "2023-08-17"),
    ("click", "8.2.1", ["colorama; platform_system == 'Windows'"], "2025-05-20"),
    ("colorama", "0.4.6", [], "2022-10-25"),
    ("flask", "3.0.3", ["click>=8.1.3", "jinja2>=3.1.2", "werkzeug>=3.0"], "2024-04-07"),
    ("flask", "3.1.2", ["click>=8.1.3", "jinja2>=3.1.2", "werkzeug>=3.1"], "2025-08-19"),
    ("iniconfig", "2.1.0", [], "2025-03-19"),
    ("jinja2", "3.1.4", ["markupsafe>=2.0"], "2024-05-05"),
    ("jinja2", "3.1.6", ["markupsafe>=2.0"], "2025-03-05"),
    ("markupsafe", "2.1.5", [], "2024-02-02"),
    ("markupsafe", "3.0.2", [], "2024-10-18"),
    ("packaging", "25.0", [], "2025-04-19"),
    ("pluggy", "1.6.0", [], "2025-05-15"),
    ("pytest", "8.4.2", ["iniconfig>=1", "packaging>=20", "pluggy>=1.5"], "2025-09-04"),
    ("starlette", "0.48.0", [], "2025-09-13"),
    ("uvicorn", "0.35.0", ["click>=7"], "2025-06-28"),
    ("werkzeug", "2.3.8", ["markupsafe>=2.1.1"], "2023-11-08"),
    ("werkzeug", "3.0.6", ["markupsafe>=2.1.1"], "2024-10-25"),
    ("werkzeug", "3.1.3", ["markupsafe>=2.1.1"], "2024-11-08"),
)


def list_packages() -> Iterator[tuple[Distribution, str]]:
    """Give the wheels, and when each was uploaded."""
    for name, version, needs, day in PACKAGES:
        yield make_wheel(name, version, needs), f"{day}T12:00:00Z"
    for file in sorted((TREE / ".dev" / "wheelhouse" / "tools").glob("*.whl")):
        yield read_wheel(file), "2025-09-13T12:00:00Z"


def read_wheel(file: Path) -> Distribution:
    """Give a wheel that is a file."""
    name, version, _, _ = parse_wheel_filename(file.name)
    with zipfile.ZipFile(file) as wheel:
        (member,) = (path for path in wheel.namelist() if path.endswith(".dist-info/METADATA"))
        metadata = wheel.read(member)
    wanted = email.message_from_bytes(metadata)["Requires-Python"] or ""
    return Distribution(name, str(version), file.name, file.read_bytes(), metadata, wanted)


@pytest.fixture(scope="session")
def example_index() -> Iterator[LocalIndex]:
    """The index; nobody changes it."""
    with LocalIndex() as index:
        for wheel, time in list_packages():
            index.add(wheel, upload_time=time)
        yield index


def use_example_index(pyve: Pyve, index: LocalIndex) -> None:
    """Give a user the index, and uv to ask it."""
    uv = pyve.bin / "uv"
    if not uv.exists():
        uv.symlink_to(TREE / ".dev" / "bin" / "uv")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        pyve.env.pop(name, None)
    pyve.env.update(index.env, UV_CACHE_DIR=str(Path(pyve.home, "uv cache")), UV_HTTP_RETRIES="0")
