"""A command in a process group of its own, and the terminal that it gets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyve_core.exit_status import get_status

_HOLDER = Path(__file__).resolve().parent.parent / "watch_child.py"


@dataclass(frozen=True)
class End:
    """How a command has ended.

    Attributes:
        status: what waitpid(2) said.
        signal: the last signal that came from the terminal (Ctrl-C, or HUP when it has gone); 0
            for none.
        signal_time: when that came, on the monotonic clock.
    """

    status: int
    signal: int = 0
    signal_time: float = 0.0

    @property
    def code(self) -> int:
        """The exit code, 128 + n when signal n has ended it."""
        return get_status(self.status)


class Terminal:
    """The terminal of this session, which is lent to the command.

    ``home`` is the group that has it while no command runs.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.home = os.getpgrp()
        self._modes = termios.tcgetattr(number)

    @classmethod
    def find(cls) -> Terminal | None:
        """Give the controlling terminal; ``None`` when there is none."""
        try:
            return cls(os.open("/dev/tty", os.O_RDWR))
        except (OSError, termios.error):
            return None

    @contextlib.contextmanager
    def _unstopped(self) -> Iterator[None]:
        """Change the terminal from the background without being stopped."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            with contextlib.suppress(OSError, termios.error):
                yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})

    def is_here(self) -> bool:
        """Tell whether this program is in the foreground."""
        try:
            return os.tcgetpgrp(self._number) == self.home
        except OSError:
            return False

    def give(self, group: int) -> None:
        """Put a group into the foreground."""
        with self._unstopped():
            os.tcsetpgrp(self._number, group)

    def take_back(self, group: int) -> None:
        """Be in the foreground again, when the group, or one that is gone, was."""
        with self._unstopped():
            front = os.tcgetpgrp(self._number)
            if front == group or not is_group_alive(front):
                os.tcsetpgrp(self._number, self.home)

    def read_modes(self) -> list[object] | None:
        """Give the modes (echo, lines, ...) as they are."""
        try:
            return list(termios.tcgetattr(self._number))
        except termios.error:
            return None

    def set_modes(self, modes: list[object] | None = None) -> None:
        """Set the modes, by default those from before the first command."""
        if not self.is_here():
            return
        with self._unstopped():
            wanted = self._modes if modes is None else modes
            termios.tcsetattr(self._number, termios.TCSADRAIN, wanted)  # type: ignore[arg-type]


def is_group_alive(group: int) -> bool:
    """Tell whether a process group has members that are more than a table entry."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    members = list_states(group)
    return not members or any(state != "Z" for state in members)


def list_states(group: int) -> list[str]:
    """List the states of the processes of a group, as proc(5) names them; empty without /proc.

    Some containers have nobody who takes the status of a process that has lost its parent.
    """
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            if fields[2] == str(group):
                states.append(fields[0])
    return states


class Child:
    """A command that was started, with its group.

    Attributes:
        group: the number of its process group.
        end: how it has ended; ``None`` while it runs.
    """

    def __init__(
        self,
        argv: list[str],
        env: Mapping[str, str],
        terminal: Terminal | None,
        seconds: float,
    ) -> None:
        """Start it.

        Args:
            argv: the program, by its path, and its arguments.
            env: its environment.
            terminal: the one that it gets, when this program has it.
            seconds: between TERM and KILL.
        """
        self.end: End | None = None
        self._terminal = terminal
        self._seconds = seconds
        self._text = b""
        self._modes: list[object] | None = None
        self._socket, other = socket.socketpair()
        other.set_inheritable(True)
        has_terminal = terminal is not None and terminal.is_here()
        locale = f"={env['LC_CTYPE']}" if "LC_CTYPE" in env else ""
        words = [str(other.fileno()), str(int(has_terminal)), str(seconds), locale, *argv]
        python = [sys.executable, "-I", "-S", "-X", "utf8", str(_HOLDER)]
        self.group = os.posix_spawn(python[0], [*python, *words], dict(env))
        other.close()
        # From here on the command is there, and can get signals.
        self._socket.recv(1)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """Give what can be read when the command has ended."""
        return self._socket.fileno()

    def look(self) -> End | None:
        """See whether the command was stopped or has ended; return how."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            data = self._socket.recv(64)
            self._text += data
            if not data and self.end is None:
                # KILL has ended the whole group.
                self.end = End(signal.SIGKILL)
        if self.end is None and self._text.endswith(b"\n"):
            status, number, when = self._text.split()
            self.end = End(int(status), int(number), float(when))
            self._get_terminal_back()
        if self.end is None:
            self._look_for_stop()
            if self._terminal is not None and self._terminal.is_here():
                # The shell has put this program into the foreground.
                self._terminal.give(self.group)
        return self.end

    def _look_for_stop(self) -> None:
        """Stop with the command: whoever started this program sees one job."""
        with contextlib.suppress(ChildProcessError):
            pid, status = os.waitpid(self.group, os.WNOHANG | os.WUNTRACED)
            if not pid or not os.WIFSTOPPED(status):
                return
            terminal = self._terminal
            if terminal is not None:
                modes = terminal.read_modes()
                terminal.take_back(self.group)
                terminal.set_modes()
            # (In a group without a shell it has no effect, and the command goes on at once.)
            os.killpg(os.getpgrp(), signal.SIGTSTP)
            if terminal is not None and terminal.is_here():
                terminal.set_modes(modes)
                terminal.give(self.group)
            self.send(signal.SIGCONT)

    def _get_terminal_back(self) -> None:
        if self._terminal is not None:
            self._terminal.take_back(self.group)
            self._terminal.set_modes()

    def send(self, number: int) -> None:
        """Send the whole group a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)

    def is_gone(self) -> bool:
        """Tell whether nothing of the group is left, after the command has ended."""
        if self.end is None:
            return False
        with contextlib.suppress(OSError):
            self._socket.send(b"x")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.group, os.WNOHANG)
        return not is_group_alive(self.group)

    def close(self) -> None:
        """Wait for what held the group, after the group is gone or was killed."""
        self._get_terminal_back()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.group, 0)
        self._socket.close()

    def kill(self) -> None:
        """End the whole group at once."""
        self.send(signal.SIGKILL)
        end = time.monotonic() + self._seconds
        while is_group_alive(self.group) and time.monotonic() < end:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.group, os.WNOHANG)
            time.sleep(0.01)
