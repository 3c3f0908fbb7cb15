"""Landlock: what a process, and all that it starts, may do with files, TCP ports and signals.

Source: Documentation/userspace-api/landlock.rst of Linux 6.18 (ABI 1 to 7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from pyve_sandbox.system import O_PATH, call

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL", "DEVICE", "READ", "WRITE", "Rule", "check_place", "find_abi", "restrict"]

_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
# All rights to files that an ABI knows: up to MAKE_SYM, then REFER, TRUNCATE, IOCTL_DEV.
_KNOWN_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
# What can be given for something that is no folder.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

READ = _EXECUTE | _READ_FILE | _READ_DIR
# (No devices are made.)
WRITE = 0xFFFF & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEV
ALL = 0xFFFF


class Rule(NamedTuple):
    """A file, or a folder and all below it, by its path without links: what may be done there."""

    path: str
    rights: int


def find_abi() -> int:
    """Give the version of Landlock that this kernel speaks; 0 when it has none."""
    try:
        return call("landlock_create_ruleset", None, 0, _VERSION)
    except OSError:
        return 0


def restrict(rules: Iterable[Rule], abi: int, closes_tcp: bool, standard: bool = True) -> None:
    """Hold this process, and all that it starts, to the rules; no_new_privs must be set.

    From ABI 6 on, abstract sockets and processes outside can no more be reached.

    Args:
        rules: what is allowed.
        abi: what find_abi says, at least 1.
        closes_tcp: whether no TCP port may be bound or connected to (ABI 4 on).
        standard: whether what stands behind descriptors 0 to 2 can be opened again, as they are.

    Raises:
        OSError: the kernel refuses, or a path is not there, or is no more what it was.
    """
    known = _KNOWN_FILES[min(abi, max(_KNOWN_FILES))]
    tcp = _BIND_AND_CONNECT_TCP if closes_tcp and abi >= 4 else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0
    attributes = struct.pack("=QQQ", known, tcp, scoped)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = call("landlock_create_ruleset", ctypes.byref(buffer), len(attributes), 0)
    try:
        for rule in rules:
            place = os.open(rule.path, O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                check_place(place, rule.path)
                _add(ruleset, place, rule.rights & known)
            finally:
                os.close(place)
        if standard:
            _add_standard(ruleset, known)
        call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def check_place(place: int, path: str) -> None:
    """Refuse what was reached over a link: the path had none when it was looked at.

    (Another command in the same project can change it while a sandbox is made.)

    Raises:
        OSError: it is no more what it was.
    """
    is_link = stat.S_ISLNK(os.fstat(place).st_mode)
    if is_link or os.readlink(f"/proc/self/fd/{place}") != path:
        raise OSError(errno.ESTALE, f"{path} was changed while the sandbox was made")


def _add(ruleset: int, place: int, rights: int) -> None:
    """Add a rule for an open file or folder."""
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= _OF_FILES
    attribute = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
    call("landlock_add_rule", ruleset, _PATH_BENEATH, ctypes.byref(attribute), 0)


def _add_standard(ruleset: int, known: int) -> None:
    """Let ``/dev/stdin`` and its like be opened: a terminal or a file, for what it is open for."""
    import fcntl

    for number in range(3):
        try:
            mode = os.fstat(number).st_mode
            flags = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
            rights = 0
            if flags != os.O_WRONLY:
                rights |= _READ_FILE
            if flags != os.O_RDONLY:
                rights |= _WRITE_FILE | _TRUNCATE
            if os.isatty(number):
                rights |= _IOCTL_DEV
            if stat.S_ISREG(mode) or stat.S_ISCHR(mode):
                place = os.open(f"/proc/self/fd/{number}", O_PATH | os.O_CLOEXEC)
                try:
                    _add(ruleset, place, rights & known)
                finally:
                    os.close(place)
        except OSError:
            # Closed, or a file that was removed: it cannot be opened again, which is safe.
            continue
