"""Answering the calls that the kernel asks about, from outside of the sandbox.

Source: seccomp_unotify(2). What is read from the memory of a process can change behind our back:
so a call that is let through (CONTINUE) is never one that this file guards, and a call that is
guarded here (modes and times of files, without a mount namespace) is done here, on a file that is
held open, and not by the process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from pyve_sandbox.audit import Audit, read_path, read_text
from pyve_sandbox.processes import count_tasks, list_descendants
from pyve_sandbox.seccomp import sets_ids
from pyve_sandbox.system import CALLS, O_PATH, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Listener", "Notice"]

_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_CONTINUE = 1
_THREAD = 0x00010000
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_NOW, _OMIT = 0x3FFFFFFF, 0x3FFFFFFE
_HERE = -100
_FORKS = ("clone", "fork", "vfork")
_MODES = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat")
# How long a process that was let through is waited for until it is seen, in seconds, at most.
_PATIENCE = 0.01


class Notice(NamedTuple):
    """A call that waits for an answer: its id, the thread, the name and the arguments."""

    id: int
    pid: int
    name: str
    words: tuple[int, ...]

    def number(self, index: int) -> int:
        """Give an argument as the kernel takes an int."""
        value = self.words[index] & 0xFFFFFFFF
        return value - (1 << 32) if value >> 31 else value


class Listener:
    """Answers one call after the other."""

    def __init__(
        self, listener: int, writable: Sequence[str], processes: int, audit: Audit | None
    ) -> None:
        """Take over a listener.

        Args:
            listener: its descriptor.
            writable: real paths below which modes and times may be changed.
            processes: how many processes and threads there may be; 0 for no limit.
            audit: is told what was refused; None: nobody wants to know.
        """
        self.listener = listener
        self.writable = writable
        self.processes = processes
        self.audit = audit
        # Processes of the sandbox itself, which do not count.
        self.own: set[int] = set()
        # Set at the end: there are no new processes any more, while those that are left are ended.
        self.is_over = False
        self._names = {numbers[machine()[1]]: name for name, numbers in CALLS.items()}

    def serve(self) -> None:
        """Answer until nobody is left who could ask."""
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        while True:
            for _, event in poll.poll():
                if event & select.POLLIN:
                    self._serve_one()
                elif event:
                    return

    def _serve_one(self) -> None:
        buffer = bytearray(80)
        try:
            fcntl.ioctl(self.listener, _RECEIVE, buffer, True)
        except OSError:
            # Ended, or interrupted, meanwhile.
            return
        id_, pid, _, number, _, _, *words = struct.unpack("=QIIiIQ6Q", buffer)
        notice = Notice(id_, pid, self._names.get(number, ""), tuple(words))
        error, flags = errno.EPERM, 0
        # Whatever goes wrong with one call, the next one gets its answer.
        with contextlib.suppress(Exception):
            error, flags = self._decide(notice)
        answer = struct.pack("=QqiI", id_, 0, -error, flags)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.listener, _SEND, bytearray(answer), True)
        if flags and notice.name in _FORKS and self.processes:
            self._await_fork()

    def _decide(self, notice: Notice) -> tuple[int, int]:
        """Give the error (0 for none) and whether the kernel goes on with the call itself."""
        name = notice.name
        if name in _FORKS and not (name == "clone" and notice.words[0] & 0x7E020000):
            if self.is_over:
                return errno.EAGAIN, 0
            if not self.processes:
                return 0, _CONTINUE
            self._before = self._count()
            if self._before < self.processes:
                return 0, _CONTINUE
            if self.audit is not None:
                self.audit.add("process", f"more than {self.processes} at once")
            return errno.EAGAIN, 0
        if sets_ids(name, notice.words):
            if self.audit is not None:
                self.audit.add("call", f"{name} of a setuid file")
            return errno.EPERM, 0
        if name in _MODES:
            return self._change(notice), 0
        if self.audit is not None:
            return self.audit.judge(notice)
        return errno.EPERM, 0

    def _is_valid(self, notice: Notice) -> bool:
        """Say whether the process still waits: what was read is then its own."""
        try:
            fcntl.ioctl(self.listener, _IS_VALID, struct.pack("=Q", notice.id))
        except OSError:
            return False
        return True

    # --- how many processes

    def _count(self) -> int:
        return count_tasks([pid for pid in list_descendants(os.getpid()) if pid not in self.own])

    def _await_fork(self) -> None:
        """Wait for what was just let through, so that the next one counts it."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._count() <= self._before:
            time.sleep(0.0005)

    # --- modes and times of files

    def _change(self, notice: Notice) -> int:
        """Do a call of _MODES for a process. Gives the error, 0 for none."""
        try:
            place = self._open(notice)
        except OSError as error:
            return error.errno or errno.EPERM
        try:
            here = f"/proc/self/fd/{place}"
            path = os.readlink(here)
            status = os.fstat(place)
            is_open = any(path == root or path.startswith(f"{root}/") for root in self.writable)
            if not is_open or not _is_here(path, status):
                if self.audit is not None:
                    self.audit.add("write", path)
                return errno.EACCES
            # (This process has more rights than the other one, when it is root's.)
            if status.st_uid != os.geteuid():
                return errno.EPERM
            if stat.S_ISLNK(status.st_mode) and notice.name != "utimensat":
                return errno.EOPNOTSUPP
            times = self._read_times(notice, status) if notice.name == "utimensat" else None
            if not self._is_valid(notice):
                return errno.EINTR
            if times:
                os.utime(here, ns=times)
            elif notice.name != "utimensat":
                os.chmod(here, notice.words[2 if "at" in notice.name else 1] & 0o1777)
        except OSError as error:
            return error.errno or errno.EPERM
        except OverflowError:
            return errno.EINVAL
        finally:
            os.close(place)
        return 0

    def _open(self, notice: Notice) -> int:
        """Open the file that a call of _MODES means, without any right to it.

        Raises:
            OSError: what the call would have failed with.
        """
        name, words = notice.name, notice.words
        root = f"/proc/{notice.pid}"
        if name == "fchmod" or (name == "utimensat" and not words[1]):
            return os.open(f"{root}/fd/{notice.number(0)}", O_PATH | os.O_CLOEXEC)
        folder = _HERE if name == "chmod" else notice.number(0)
        path = read_text(notice.pid, words[0 if name == "chmod" else 1])
        flags = {"fchmodat2": 3, "utimensat": 3}.get(name)
        how = notice.number(flags) if flags else 0
        base = f"{root}/cwd" if folder == _HERE else f"{root}/fd/{folder}"
        if not path:
            if not how & _EMPTY_PATH:
                raise FileNotFoundError(errno.ENOENT, "")
            return os.open(base, O_PATH | os.O_CLOEXEC)
        for own in ("/proc/self/", "/proc/thread-self/"):
            if path.startswith(own):
                path = f"{root}/{path[len(own) :]}"
        if not path.startswith("/"):
            path = f"{base}/{path}"
        return os.open(path, O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if how & _NO_FOLLOW else 0))

    @staticmethod
    def _read_times(notice: Notice, status: os.stat_result) -> tuple[int, int]:
        """Give the times that utimensat(2) sets, in nanoseconds."""
        now = time.time_ns()
        if not notice.words[2]:
            return now, now
        data = read_path(notice.pid, notice.words[2], 32)
        if len(data) != 32:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        values = struct.unpack("=qqqq", data)
        times = []
        for seconds, nanoseconds, old in (
            (values[0], values[1], status.st_atime_ns),
            (values[2], values[3], status.st_mtime_ns),
        ):
            if nanoseconds == _NOW:
                times.append(now)
            elif nanoseconds == _OMIT:
                times.append(old)
            elif 0 <= nanoseconds < 10**9:
                times.append(seconds * 10**9 + nanoseconds)
            else:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return times[0], times[1]


def _is_here(path: str, status: os.stat_result) -> bool:
    """Say whether a file is what is called so here: in another mount namespace may be others."""
    if not status.st_nlink:
        return True
    seen = os.lstat(path)
    return (seen.st_dev, seen.st_ino) == (status.st_dev, status.st_ino)
