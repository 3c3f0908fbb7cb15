"""Hold a process group for a command that `pyve watch` starts, and end the group with the watcher.

Usage: watch_child.py FD TERMINAL SECONDS LC_CTYPE COMMAND [ARGUMENT]...

The command gets a process group of its own, so that it can be ended with all that it has started,
and, with TERMINAL 1, the terminal, so that it can read and Ctrl-C reaches it. This program is the
first of the group. It notes what the watcher, which is in another group, cannot see: whether the
terminal has sent Ctrl-C, or has gone. When the watcher is gone, however it was ended, it ends the
group.

FD is one end of a socket pair. On it goes ``r`` when the command is there, then a line
``STATUS SIGNAL SECONDS`` when it has ended: what waitpid(2) said, and the last signal of the
terminal (Ctrl-C, its end) and when that came, on the monotonic clock; 0 0 for none. Any byte from
the other end means: the watcher needs this program no more. SECONDS is what the group
gets between TERM and KILL when the watcher is gone. LC_CTYPE is ``=`` and the value that the
variable has for the command, or empty when it has none: Python sets it for itself in some locales
(PEP 538).

Only modules that the interpreter has loaded anyway, or that are quick: each restart waits for it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import MutableMapping


def take_terminal() -> None:
    """Make this group the one in the foreground of the terminal, when there is one."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return
    # A process in the background is stopped when it does this, unless the signal is blocked.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(terminal, os.getpgrp())
    except OSError:
        pass
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
        os.close(terminal)


def has_terminal() -> bool:
    """Tell whether there is a terminal of this session; with its end that is over."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def set_locale(env: MutableMapping[str, str], value: str) -> None:
    """Give LC_CTYPE its value, ``=VALUE``, or none for an empty one."""
    if value:
        env["LC_CTYPE"] = value[1:]
    else:
        env.pop("LC_CTYPE", None)


class Holder:
    """The command, and what has been noted about it.

    Attributes:
        pid: the command's process, 0 before it is started and after it has ended.
        signal: the last signal of the terminal that has come, 0 for none.
        signal_time: when, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.signal = 0
        self.signal_time = 0.0
        self._had_terminal = has_terminal()
        self.wake, wakeup = os.pipe()
        for end in (self.wake, wakeup):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            # What was ignored from the start stays so, for the command, too.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)
        # The watcher sees to it that the group ends; this program goes last.
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_over)
        signal.signal(signal.SIGCHLD, self._pass_over)

    def _note(self, number: int, _frame: object) -> None:
        # A command may send its group HUP, as when its parts shall read their settings anew.
        if number == signal.SIGHUP and not (self._had_terminal and not has_terminal()):
            return
        self.signal, self.signal_time = number, time.monotonic()

    def _pass_over(self, _number: int, _frame: object) -> None:
        pass

    def start(self, argv: list[str]) -> int | None:
        """Start the command. Returns its status when it cannot be started, as waitpid has it."""
        # Python ignores these two; handlers are reset by the system.
        defaults = {signal.SIGPIPE, signal.SIGXFSZ}
        try:
            self.pid = os.posix_spawn(argv[0], argv, os.environ, setsigdef=defaults)
        except OSError as error:
            os.write(2, f"{argv[0]}: {error.strerror}\n".encode("utf-8", "surrogateescape"))
            return (127 if isinstance(error, FileNotFoundError) else 126) << 8
        return None

    def look(self) -> int | None:
        """Look at the command. Returns its status when it has ended; stops when it has stopped."""
        if not self.pid:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        if not pid:
            return None
        if os.WIFSTOPPED(status):
            # It stopped itself: the watcher sees it by this process.
            os.kill(os.getpid(), signal.SIGSTOP)
            return None
        self.pid = 0
        return status

    def wait(self, others: list[int], seconds: float | None = None) -> list[int]:
        """Wait for a signal, or until one of the open files can be read; return those."""
        ready, _, _ = select.select([self.wake, *others], [], [], seconds)
        if self.wake in ready:
            os.read(self.wake, 4096)
        return [number for number in ready if number != self.wake]


def end_group(holder: Holder, seconds: float) -> None:
    """End the group of this process, which is the last thing that it does."""
    group = os.getpgrp()
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.killpg(group, number)
    end = time.monotonic() + seconds
    while holder.pid and time.monotonic() < end:
        holder.wait([], 0.05)
        holder.look()
    os.killpg(group, signal.SIGKILL)


def main(argv: list[str]) -> int:
    """Hold the group until the watcher needs it no more."""
    control, gets_terminal, seconds = int(argv[0]), argv[1] == "1", float(argv[2])
    os.set_inheritable(control, False)
    set_locale(os.environ, argv[3])
    holder = Holder()
    os.setpgid(0, 0)
    if gets_terminal:
        take_terminal()
    try:
        status = holder.start(argv[4:])
        # (Not before: a signal to the group would pass the command by.)
        os.write(control, b"r")
        while True:
            if status is None:
                status = holder.look()
            if status is not None:
                end = f"{status} {holder.signal} {holder.signal_time}\n"
                os.write(control, end.encode())
                status = None
            if control in holder.wait([control]):
                if os.read(control, 1):
                    return 0
                break
    except (BrokenPipeError, ConnectionResetError):
        pass
    end_group(holder, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
