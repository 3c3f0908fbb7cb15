"""Waiting for a confined command: its signals, its time, its end.

This process stays outside. A signal of the terminal reaches the command by itself, because both
are in one process group; one that was sent to this process is handed on.
"""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Callable, NamedTuple

from pyve_core.errors import HelperError
from pyve_core.exit_status import get_status
from pyve_sandbox.confine import READY
from pyve_sandbox.processes import end_descendants, list_descendants
from pyve_sandbox.system import PLATFORM, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl

if TYPE_CHECKING:
    from pyve_sandbox.notices import Listener

__all__ = ["NotExecuted", "Outcome", "hold", "start_and_wait"]

# SI_KERNEL of siginfo.h: the terminal's signals have it.
_BY_KERNEL = 0x80
_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
# SO_PASSCRED of sys/socket.h.
_PASS_CREDENTIALS: int = getattr(socket, "SO_PASSCRED", 16)
# Between asking and killing, in seconds.
GRACE = 5.0
_SHOWN = 8


class NotExecuted(Exception):
    """The sandbox stands, but the command could not be executed; ``error``: errno."""

    def __init__(self, error: int) -> None:
        super().__init__(os.strerror(error))
        self.error = error


class Outcome(NamedTuple):
    """How it ended: the status, 128 + n for signal n, and whether its time had run out."""

    status: int
    is_late: bool


def start_and_wait(
    start: Callable[[socket.socket, int, list[int]], None],
    listen: Callable[[int], Listener],
    limit: int,
    is_linux: bool,
) -> Outcome:
    """Start a command and wait for its end.

    Args:
        start: called in a new process, with a socket for what confine says, a descriptor that
            explains a failure when something is written to it, and the signals that are ignored.
        listen: makes the one that answers, from the descriptor of a listener.
        limit: how long the command may take, in seconds; 0 for no limit.
        is_linux: whether the processes that outlive the command can be found.

    Raises:
        NotExecuted: there is no such command, or it is none.
        HelperError: E_SANDBOX_ENGINE, when the sandbox could not be made.
    """
    ignored = _block()
    if is_linux:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    if is_linux:
        here.setsockopt(socket.SOL_SOCKET, _PASS_CREDENTIALS, 1)
    heard, said = os.pipe()
    own = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            if is_linux:
                _end_with(own)
            start(there, said, ignored)
        finally:
            os._exit(1)
    there.close()
    os.close(said)
    waiter = _Waiter(child, limit, here, heard)
    try:
        waiter.await_ready(listen)
        return waiter.wait()
    finally:
        if waiter.answering is not None:
            waiter.answering.is_over = True
        if not waiter.has_ended:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        if is_linux:
            end_descendants(os.getpid())


def _end_with(above: int) -> None:
    """Let this process be killed when the one that it was forked from ends; or at once."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != above:
        os._exit(1)


def hold() -> None:
    """Stay between what waits for a command and the command, for which this comes back.

    Whatever the command has started is below this process, which ends all of it when the one that
    waits is killed, and otherwise ends as the command does.
    """
    above = os.getppid()
    # (It still is the one that waits: see _end_with. All signals that are sent to a group, or by
    # the kernel for a parent's end, are blocked.)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    own = os.getpid()
    command = os.fork()
    if command == 0:
        _end_with(own)
        return
    for number in range(3):
        # (Who reads from a pipe waits until everybody has closed it.)
        with contextlib.suppress(OSError):
            os.close(number)
    waited = {signal.SIGTERM, signal.SIGCHLD}
    while os.getppid() == above:
        signal.sigwait(waited)
        while True:
            done, status = os.waitpid(-1, os.WNOHANG)
            if done == command:
                os._exit(get_status(status))
            if not done:
                break
    end_descendants(os.getpid())
    os._exit(1)


def _block() -> list[int]:
    """Keep signals for _Waiter. Gives those that were ignored, and stay so for the command."""
    names = {*_PASSED_ON, "SIGCHLD", "SIGTSTP"}
    numbers = [getattr(signal, name) for name in names]
    ignored = [int(one) for one in numbers if signal.getsignal(one) == signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    return ignored


def _await_signal(waited: list[int], seconds: float) -> tuple[int, int]:
    """Wait for a signal that is blocked. Gives it and its si_code; 0 when the time is over."""
    if PLATFORM == "darwin":
        return _poll_signals(waited, seconds)
    seen = getattr(signal, "sigtimedwait")(waited, seconds)  # noqa: B009
    return (0, 0) if seen is None else (seen.si_signo, seen.si_code)


def _poll_signals(waited: list[int], seconds: float) -> tuple[int, int]:
    """Do what _await_signal does, for macOS, which does not say who sent a signal.

    What a terminal sends counts as the terminal's.
    """
    end_at = time.monotonic() + seconds
    while True:
        pending = signal.sigpending() & set(waited)
        if pending:
            number = int(signal.sigwait(pending))
            of_terminal = number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
            return number, _BY_KERNEL if of_terminal else 0
        if time.monotonic() >= end_at:
            return 0, 0
        time.sleep(0.05)


class _Waiter:
    """Waits for one command."""

    def __init__(self, child: int, limit: int, channel: socket.socket, heard: int) -> None:
        """Note what was started: the child, the seconds it may take, and how it speaks."""
        self.child = child
        self.command = child
        self.limit = limit
        self.channel = channel
        self.heard = heard
        self.handle = -1
        self.answering: Listener | None = None
        self.has_ended = False

    def await_ready(self, listen: Callable[[int], Listener]) -> None:
        """Wait until everything is in force."""
        space = socket.CMSG_SPACE(struct.calcsize("i")) + socket.CMSG_SPACE(12)
        data, others, _, _ = self.channel.recvmsg(len(READY), space)
        if data != READY:
            raise self._explain(data)
        listener = -1
        for level, kind, content in others:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                listener = numbers[0]
            elif level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", -1):
                # (As this process sees it, not as the command does.)
                self.command = struct.unpack("=iii", content)[0] or self.child
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self.handle = os.pidfd_open(self.command)
        if listener >= 0:
            self.answering = listen(listener)
            self.answering.own = {self.child, *list_descendants(os.getpid())} - {self.command}
            threading.Thread(target=self.answering.serve, daemon=True).start()

    def _explain(self, data: bytes) -> HelperError:
        """Give what is wrong when the sandbox could not be made."""
        while True:
            more = self.channel.recv(4096)
            if not more:
                break
            data += more
        said = data.decode("utf-8", "replace").split("\n")[1:]
        with open(self.heard, "rb", closefd=False) as stream:
            said += stream.read().decode("utf-8", "replace").splitlines()
        return HelperError("E_SANDBOX_ENGINE", "the sandbox could not be made", said[-_SHOWN:])

    def wait(self) -> Outcome:
        """Wait for the end."""
        waited = [getattr(signal, name) for name in (*_PASSED_ON, "SIGCHLD", "SIGTSTP")]
        end_at = time.monotonic() + self.limit if self.limit else 0.0
        is_late = False
        while True:
            status = self._collect()
            if status is not None:
                break
            left = max(end_at - time.monotonic(), 0.0) if end_at else 3600.0
            number, code = _await_signal(waited, left)
            if number:
                self._pass_on(number, code)
            elif end_at and time.monotonic() >= end_at:
                # Asked first; then, by the end of this module, there is no more asking.
                if is_late:
                    os.kill(self.child, signal.SIGKILL)
                    end_at = 0.0
                else:
                    self._send(signal.SIGTERM)
                    self._send(signal.SIGCONT)
                    end_at = time.monotonic() + GRACE
                is_late = True
        self.channel.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            text = self.channel.recv(4096).decode("utf-8", "replace")
            if text.startswith("not executed\n"):
                raise NotExecuted(int(text.partition("\n")[2]))
            if text:
                raise HelperError("E_SANDBOX_ENGINE", "the sandbox could not be made", text)
        return Outcome(status, is_late)

    def _collect(self) -> int | None:
        """Take note of all that has ended. Gives the status of the command, None while it runs."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if not pid:
                return found
            if pid == self.child:
                self.has_ended = True
                found = get_status(status)

    def _pass_on(self, number: int, code: int) -> None:
        """Hand a signal on that the command has not got itself."""
        if number == signal.SIGCHLD:
            return
        if code != _BY_KERNEL:
            self._send(number)
        if number == signal.SIGTSTP:
            # (Not by SIGSTOP: a shell tells the two apart.)
            os.kill(os.getpid(), signal.SIGTSTP)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            if self.handle >= 0:
                # (Where there is a handle, there is this.)
                getattr(signal, "pidfd_send_signal")(self.handle, number)  # noqa: B009
            else:
                os.kill(self.command, number)
