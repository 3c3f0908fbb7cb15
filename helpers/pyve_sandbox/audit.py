"""What was refused, for the list at the end.

This is an account, not the guard: bubblewrap, Landlock and the filter refuse by themselves.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyve_sandbox.notices import Notice
    from pyve_sandbox.places import Places

__all__ = ["Audit", "read_path", "read_text"]

_CONTINUE = 1
_HERE = -100
_MOST = 200
_O_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PAGE = 4096
# Call: argument of the folder (-1: the current one), argument of the path.
_PATHS = {
    **dict.fromkeys(("open", "creat", "mkdir", "mknod", "unlink", "rmdir"), (-1, 0)),
    **dict.fromkeys(("rename", "link", "truncate", "execve"), (-1, 0)),
    **dict.fromkeys(("openat", "mkdirat", "mknodat", "unlinkat", "renameat"), (0, 1)),
    **dict.fromkeys(("renameat2", "linkat", "execveat"), (0, 1)),
    "symlink": (-1, 1),
    "symlinkat": (1, 2),
}
_FLAGS = {"open": 1, "openat": 2}
_FAMILIES = {1: "unix", 2: "inet", 10: "inet6", 16: "netlink", 17: "packet", 38: "alg", 40: "vsock"}


def read_path(pid: int, address: int, size: int) -> bytes:
    """Read the memory of a process.

    Raises:
        OSError: it cannot be read.
    """
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def read_text(pid: int, address: int) -> str:
    """Read a path in the memory of a process, up to its NUL.

    Raises:
        OSError: it cannot be read, or is too long.
    """
    data = b""
    while b"\0" not in data:
        if len(data) > _PAGE:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        # (The page behind may not be there.)
        more = read_path(pid, address + len(data), _PAGE - (address + len(data)) % _PAGE)
        if not more:
            # It has ended meanwhile.
            raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
        data += more
    return os.fsdecode(data.partition(b"\0")[0])


class Audit:
    """What was refused: how often, in the order in which it first was."""

    def __init__(self, places: Places) -> None:
        """Begin an account, with what is open in the sandbox."""
        self.places = places
        self.refused: dict[tuple[str, str], int] = {}

    def add(self, what: str, which: str) -> None:
        """Note a refusal.

        Args:
            what: read, write, run, network, process, call.
            which: the path, address or name.
        """
        key = (what, which)
        if key in self.refused or len(self.refused) < _MOST:
            self.refused[key] = self.refused.get(key, 0) + 1

    def judge(self, notice: Notice) -> tuple[int, int]:
        """Note a call if it is one that is refused.

        Returns:
            The error that the call gets, and whether the kernel goes on with it instead.
        """
        name = notice.name
        if name in _PATHS:
            self._judge_path(notice)
            return 0, _CONTINUE
        if name in ("connect", "sendto"):
            self._judge_address(notice)
            return 0, _CONTINUE
        if name in ("socket", "socketpair"):
            family = notice.number(0)
            self.add("network", f"a socket of the family {_FAMILIES.get(family, family)}")
            return errno.EACCES, 0
        self.add("call", name)
        return errno.EPERM, 0

    def _judge_path(self, notice: Notice) -> None:
        """Note a path that is there, and that the sandbox does not show, or lets nobody write."""
        folder, index = _PATHS[notice.name]
        try:
            path = read_text(notice.pid, notice.words[index])
            if not path:
                return
            root = f"/proc/{notice.pid}"
            if not path.startswith("/"):
                at = _HERE if folder < 0 else notice.number(folder)
                base = os.readlink(f"{root}/cwd" if at == _HERE else f"{root}/fd/{at}")
                path = os.path.join(base, path)
        except OSError:
            return
        path = os.path.normpath(path)
        writes = notice.name not in ("open", "openat", "execve", "execveat", "link", "linkat")
        if notice.name in _FLAGS:
            writes = bool(notice.words[_FLAGS[notice.name]] & _O_WRITES)
        # What is not there was not refused.
        is_there = os.path.lexists(path) or (writes and os.path.isdir(os.path.dirname(path)))
        if is_there and not self.places.is_open(path, writes):
            what = "run" if notice.name.startswith("exec") else "write" if writes else "read"
            self.add(what, path)

    def _judge_address(self, notice: Notice) -> None:
        """Note an address outside of this machine."""
        at, size = (1, 2) if notice.name == "connect" else (4, 5)
        if not notice.words[at]:
            return
        try:
            data = read_path(notice.pid, notice.words[at], min(notice.words[size], 128))
            (family,) = struct.unpack_from("=H", data)
            (port,) = struct.unpack_from("!H", data, 2)
            if family == 2:
                host = ".".join(str(byte) for byte in data[4:8])
            elif family == 10:
                groups = struct.unpack_from("!8H", data, 8)
                host = ":".join(f"{group:x}" for group in groups)
            else:
                return
        except (OSError, struct.error):
            return
        if not host.startswith("127.") and host != "0:0:0:0:0:0:0:1":
            self.add("network", f"{host} port {port}")

    def texts(self) -> list[str]:
        """Give the list for programs: ``what path-or-name count``."""
        return [f"{what} {which} {count}" for (what, which), count in self.refused.items()]

    def format(self) -> list[str]:
        """Give the list for people."""
        if not self.refused:
            return ["sandbox: nothing was refused"]
        lines = ["sandbox: refused"]
        for (what, which), count in self.refused.items():
            shown = "".join(char if char.isprintable() else "?" for char in which)
            lines.append(f"  {what:<8}{shown}" + (f" ({count} times)" if count > 1 else ""))
        if len(self.refused) >= _MOST:
            lines.append("  and more")
        return lines
