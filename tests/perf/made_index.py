"""An index on 127.0.0.1 with made distributions, in a process of its own.

Usage: made_index.py COUNT

Prints its URL, and serves until its standard input ends. There are COUNT distributions, each in
three versions with a dozen files, the newest with wheels for many platforms. Every tenth is what a
project asks for (``list_requirements``), and brings the nine behind it, directly or not; all share
some of the first ones.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("1.0", "1.1", "2.0")
FILES = 12
STEP = 10
# Of wheels beside the one for all. (Few machines are one of these: those take the same.)
PLATFORMS = (
    *("win32", "win_amd64", "win_arm64", "macosx_10_9_x86_64", "macosx_11_0_arm64"),
    *("manylinux_2_17_ppc64le", "manylinux_2_17_s390x", "manylinux_2_31_riscv64"),
    *("musllinux_1_2_armv7l", "musllinux_1_2_ppc64le"),
)


def name_of(number: int) -> str:
    """Give the name of a distribution."""
    return f"made{number:03d}"


def list_requirements(count: int) -> list[str]:
    """Give the requirements with which all of ``count`` distributions are needed."""
    return [f"{name_of(number)}>=1.0" for number in range(0, count, STEP)]


def list_dependencies(number: int) -> list[str]:
    """Give what a distribution needs: a tree in its ten, and some of those that all need."""
    inside = number % STEP
    found = [number - inside + child for child in (2 * inside + 1, 2 * inside + 2) if child < STEP]
    shared = [3, 5, 8] if number >= STEP else []
    return [f"{name_of(other)}>=1.1" for other in (*found, *shared)]


def serve(count: int) -> None:
    """Serve until standard input ends."""
    sys.path.insert(0, str(ROOT / "tests/helpers"))
    from distributions import make_wheel
    from local_index import LocalIndex

    wheels = []
    for number in range(count):
        name = name_of(number)
        files = {f"{name}_more/part{part}.py": f"PART = {part}\n" * 20 for part in range(FILES)}
        needs = list_dependencies(number)
        wheels += [make_wheel(name, version, needs, ">=3.9", files=files) for version in VERSIONS]
        newest = wheels[-1]
        wheels += [
            replace(newest, filename=newest.filename.replace("-any.", f"-{platform}."))
            for platform in PLATFORMS
        ]
    with LocalIndex(*wheels) as index:
        print(index.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
