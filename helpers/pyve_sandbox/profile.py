"""What a sandbox was asked for, as lib/sandbox.sh writes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyve_core.errors import HelperError

__all__ = ["ENGINES", "Profile", "parse_profile"]

ENGINES = ("bubblewrap", "landlock", "sandbox-exec")
_TEXTS = ("engine", "project", "folder")
_LISTS = ("read", "write", "env", "environment")
_NUMBERS = ("memory", "cpu", "time", "processes", "sets", "report")
_FLAGS = ("ro", "net", "audit")


@dataclass
class Profile:
    """What a sandbox was asked for.

    Attributes:
        engine: one of ENGINES, or "" for the one that is used on this machine.
        project: the folder that is open; absolute.
        folder: the one that the command starts in; absolute.
        environment: folders of environments that it uses; absolute.
        read, write: files and folders that are open beside them; absolute.
        env: names of variables that it gets, beside those that everybody gets.
        ro: whether the project is read only.
        net: whether there is a network.
        audit: whether what was refused is told at the end.
        memory: address space of each process, in bytes; 0 for no limit.
        cpu: processor time of each process, in seconds; 0 for no limit.
        time: how long it may take, in seconds; 0 for no limit.
        processes: how many processes and threads there may be at once; 0 for no limit.
        sets: how many variables there are that only the command gets.
        report: a descriptor for what would be said on stderr; 0 for stderr.
    """

    engine: str = ""
    project: str = ""
    folder: str = ""
    environment: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)
    env: list[str] = field(default_factory=list)
    ro: bool = False
    net: bool = False
    audit: bool = False
    memory: int = 0
    cpu: int = 0
    time: int = 0
    processes: int = 0
    sets: int = 0
    report: int = 0


def parse_profile(text: str) -> Profile:
    r"""Read a profile.

    Args:
        text: lines ``key value``; in a value, a backslash is ``\\`` and a line end ``\n``.

    Raises:
        HelperError: E_SANDBOX_OPTION: what is not understood is not left out.
    """
    profile = Profile()
    for line in text.split("\n"):
        if not line:
            continue
        key, _, value = line.partition(" ")
        value = _unescape(value)
        is_number = value.isascii() and value.isdigit() and len(value) < 19
        if key in _TEXTS:
            setattr(profile, key, value)
        elif key in _LISTS:
            getattr(profile, key).append(value)
        elif key in _FLAGS and value == "on":
            setattr(profile, key, True)
        elif key in _NUMBERS and is_number and int(value):
            setattr(profile, key, int(value))
        else:
            raise HelperError("E_SANDBOX_OPTION", f"a sandbox cannot have '{line}'")
    return profile


def _unescape(value: str) -> str:
    parts = value.split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)
