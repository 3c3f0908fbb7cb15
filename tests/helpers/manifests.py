"""Manifests for the tests of what is read from them."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
# Comment
[project]
name = "My_Proj"
requires-python = ">= 3.9, <4.0"
dependencies = [
  "Requests [socks,Security] >=2.0, <3",  # [1, 2]
  'idna; python_version<"3.12"',
]
optional-dependencies.Dev_Tools = ["pytest"]

[dependency-groups]
lint = ["ruff", {include-group = "Type.Checks"}]
docs = []
"type-checks" = [
  "mypy",
]
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write the files of a project; the folder's name has a blank."""

    def written(**files: str | bytes) -> Path:
        root = tmp_path / "a project"
        for name, content in files.items():
            place = root / name.replace("__", "/").replace("_", ".")
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                content = textwrap.dedent(content).encode()
            place.write_bytes(content)
        return root

    return written
