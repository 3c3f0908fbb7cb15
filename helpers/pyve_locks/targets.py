"""Machines and Pythons that files are chosen for, without being on one of them.

Source: PEP 425 and the platform tag specifications (PEP 600, PEP 656); PEP 508 for markers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pyve_core import HelperError
from pyve_core.fixes import repeat, repeat_with
from pyve_locks.made_project import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Target", "list_targets", "parse_python"]

# Python versions that a lock may be for, when nobody names some: (3, minor).
MINORS = range(9, 16)
# Stands for whatever platform a tag names, while the rest of it is looked at.
_ANY = "somewhere"
_MAC = {"osx-64": "(x86_64|universal2?|intel|fat64|fat3)", "osx-arm64": "(arm64|universal2)"}


@dataclass(frozen=True)
class Target:
    """A platform and a Python (CPython) that an environment is to be made on.

    Attributes:
        platform: conda's name, as linux-64.
        python: its version: (3, 12).
        micro: the third part of the version, or None for any.
        is_free: whether it is the build without a global lock (3.13t).
        has_musl: whether its C library is musl.
    """

    platform: str
    python: tuple[int, int]
    micro: int | None = None
    is_free: bool = False
    has_musl: bool = False

    @property
    def version(self) -> str:
        """The version, as ``3.12``; ``3.13t`` without a global lock."""
        return f"{self.python[0]}.{self.python[1]}{'t' if self.is_free else ''}"

    def __str__(self) -> str:
        return f"{self.platform}, Python {self.version}"

    def fits(self, wheel: str) -> bool:
        """Tell by its name whether a wheel can be installed there, on some release of the system.

        A wheel for a newer macOS or C library than the machine has is taken, too: nobody says
        here which one that will be.
        """
        try:
            tags = parse_wheel_filename(wheel)[3]
        except InvalidWheelFilename:
            return False
        version = f"{self.python[0]}{self.python[1]}"
        abis = [f"cp{version}{'t' if self.is_free else ''}"]
        known = {
            (tag.interpreter, tag.abi) for tag in cpython_tags(self.python, abis, platforms=[_ANY])
        }
        if self.is_free:
            known = {pair for pair in known if pair[1] != "abi3"}
        known |= {
            (tag.interpreter, tag.abi)
            for tag in compatible_tags(self.python, f"cp{version}", platforms=[_ANY])
        }
        there = re.compile(self._platform_pattern())
        return any(
            (tag.interpreter, tag.abi) in known and there.fullmatch(tag.platform) for tag in tags
        )

    def _platform_pattern(self) -> str:
        system, machine = PLATFORMS[self.platform]
        if system == "darwin":
            return rf"any|macosx_\d+_\d+_{_MAC[self.platform]}"
        if system == "win32":
            return f"any|win_{machine.lower()}"
        library = r"musllinux_\d+_\d+" if self.has_musl else r"manylinux\w*"
        return f"any|({library}|linux)_{machine}"

    def environments(self) -> list[dict[str, str]]:
        """Give the environment markers see there; more than one where not all is known."""
        system, machine = PLATFORMS[self.platform]
        version = f"{self.python[0]}.{self.python[1]}"
        micros = (0, 99) if self.micro is None else (self.micro,)
        return [
            {
                "implementation_name": "cpython",
                "implementation_version": f"{version}.{micro}",
                "os_name": "nt" if system == "win32" else "posix",
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": {"linux": "Linux", "darwin": "Darwin"}.get(system, "Windows"),
                "platform_version": "",
                "python_full_version": f"{version}.{micro}",
                "python_version": version,
                "sys_platform": system,
            }
            for micro in micros
        ]

    def holds(self, marker: str) -> bool:
        """Tell whether a marker ("" for always) may hold there."""
        if not marker:
            return True
        try:
            parsed = Marker(marker)
        except (InvalidMarker, RecursionError) as error:
            raise HelperError(
                "E_LOCK_FILE",
                "the lock has a marker that is none",
                str(error).split("\n")[0],
                "pyve lock",
            ) from error
        return any(parsed.evaluate({**known}) for known in self.environments())

    def is_in(self, specifier: str) -> bool:
        """Tell whether its Python is in a range, such as >=3.9."""
        try:
            limits = SpecifierSet(specifier)
        except ValueError as error:
            raise HelperError(
                "E_LOCK_FILE",
                "the lock has a range of versions that is none",
                str(error),
                "pyve lock",
            ) from error
        return any(limits.contains(known["python_full_version"]) for known in self.environments())


def parse_python(text: str) -> tuple[tuple[int, int], int | None, bool]:
    """Read 3.12, 3.12.4 or 3.13t: version, third part, and whether it has no global lock.

    Raises:
        HelperError: E_USAGE_CHOICE.
    """
    found = re.fullmatch(r"(3)\.(\d+)(?:\.(\d+)\w*)?(t?)", text)
    if not found:
        raise HelperError(
            "E_USAGE_CHOICE",
            f"'{text}' is not a version of Python to fetch files for",
            "it is such as 3.12, 3.12.4, or 3.13t for the build without a global lock",
        )
    micro = int(found.group(3)) if found.group(3) else None
    return (int(found.group(1)), int(found.group(2))), micro, bool(found.group(4))


def list_targets(
    platforms: Sequence[str], pythons: Iterable[str], requires: str, musl: str = ""
) -> list[Target]:
    """Give every platform with every Python.

    Args:
        platforms: conda's names.
        pythons: versions; none for all that the lock is for.
        requires: requires-python of the lock, or "".
        musl: the platform whose C library is musl, or "".

    Raises:
        HelperError: E_PLATFORM; E_SYNC_PYTHON when the lock is not for one of them;
            E_USAGE_CHOICE; E_LOCK_FILE.
    """
    for platform in platforms:
        if platform not in PLATFORMS:
            import difflib

            better = difflib.get_close_matches(platform, PLATFORMS, 1, 0.3) or ["linux-64"]
            raise HelperError(
                "E_PLATFORM",
                f"'{platform}' is not a platform",
                f"known: {', '.join(PLATFORMS)}",
                repeat_with({platform: better}),
            )
    named = [parse_python(text) for text in dict.fromkeys(pythons)]
    chosen = named or [((3, minor), None, False) for minor in MINORS]
    targets = [
        Target(platform, python, micro, is_free, platform == musl)
        for platform in dict.fromkeys(platforms)
        for python, micro, is_free in chosen
    ]
    try:
        fitting = [target for target in targets if target.is_in(requires)]
    except ValueError as error:
        raise HelperError(
            "E_LOCK_FILE", f"'{requires}' does not limit Python", "in pylock.toml", "pyve lock"
        ) from error
    left_out = [target for target in targets if target not in fitting]
    if (named and left_out) or not fitting:
        shown = left_out[0].version if named and left_out else "any that Pyve knows"
        raise HelperError(
            "E_SYNC_PYTHON",
            f"the lock is not for Python {shown}",
            f"requires-python in pylock.toml is {requires}",
            _without_python(shown) if named else (),
        )
    return fitting


def _without_python(version: str) -> str:
    """Give the command again, without a Python that cannot be."""
    words = repeat().split(" ")
    for place, word in enumerate(words):
        if word == f"--python={version}":
            return " ".join(words[:place] + words[place + 1 :])
        if word == "--python" and words[place + 1 : place + 2] == [version]:
            return " ".join(words[:place] + words[place + 2 :])
    return ""
