"""What each start of an interpreter executes: lines of ``.pth`` files, customisation modules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_installed.distributions import (
    list_pth_files,
    matches_record,
    read_pth,
    read_record,
    read_text,
)
from pyve_installed.start_files import match_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyve_installed.distributions import Distribution

# Lines that are known beside those of start_files: of what people install themselves.
LOCAL_LINES = tuple(
    re.compile(text)
    for text in (
        # setuptools: editable installations
        r"import (__editable___\w+_finder); \1\.install\(\)\s*$",
        # virtualenv
        r"import _virtualenv\s*$",
    )
)
# What a line has that fetches, hides or starts something.
SUSPECT = re.compile(
    r"\b(exec|eval|compile|marshal|zlib|base64|b64decode|codecs|subprocess|popen|system|urllib"
    r"|requests|socket|http|ctypes|getattr)\b"
)
SHIM_MARKER = "pyve-managed: distutils shim"


def judge_line(line: str, owner: str) -> str:
    """Say how much a line of a ``.pth`` file matters: "", "note" or "warning"."""
    if match_known(line, None) is not None or any(known.match(line) for known in LOCAL_LINES):
        return ""
    return "note" if owner and not SUSPECT.search(line) else "warning"


def find_startup(
    folders: Iterable[Path], distributions: Iterable[Distribution]
) -> Iterator[tuple[str, str, str, str]]:
    """Find what is executed at each start of the interpreter, but for what is known.

    (What belongs to a distribution of the store stands in the environment's own folder once more:
    Python reads it only there.)
    """
    folders = list(folders)
    found: list[tuple[Path, str]] = []
    for folder in folders:
        for path in list_pth_files(folder):
            lines = [value for kind, value in read_pth(path) if kind == "import"]
            found += [(path, line) for line in lines if judge_line(line, "")]
        for name in ("sitecustomize", "usercustomize"):
            for path in (folder / f"{name}.py", folder / name / "__init__.py"):
                text = read_text(path)
                if path.is_file() and SHIM_MARKER not in text:
                    found.append((path, ""))
    if not found:
        return
    owners: dict[str, str] = {}
    for distribution in distributions:
        for path_in, (digest, _) in read_record(distribution).items():
            for owned in {folder / path_in for folder in (distribution.folder, *folders)}:
                if any(owned == path for path, _ in found) and matches_record(owned, digest):
                    owners.setdefault(str(owned), f"{distribution.shown} {distribution.version}")
    for path, line in found:
        owner = owners.get(str(path), "")
        level = judge_line(line, owner) if line else ("note" if owner else "warning")
        text = re.sub(r"\s+", " ", line)
        yield level, str(path), owner, text if len(text) <= 100 else f"{text[:97]}..."
