"""A terminal for tests: a program in a real pty, and the screen that a person would see.

with Terminal(["bash", "--norc"], env=env, cwd=folder, columns=60) as terminal:
    terminal.type("echo hello\r")
    terminal.wait_for("hello")
    terminal.press("ctrl-d")
    assert terminal.wait() == 0
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import termios
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pexpect  # type: ignore[import-untyped]
import pyte

if TYPE_CHECKING:
    from pyve_test_helpers import Pyve

Result = TypeVar("Result")

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
}

# What pyte takes for text or stumbles over: private sequences with < = >, and strings for the
# terminal itself (titles and the like).
UNKNOWN = re.compile(r"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b[P_^][^\x1b\x07]*(?:\x1b\\|\x07)")


class _Screen(pyte.HistoryScreen):
    """pyte's screen, with a way back to the program for answers to what it asks."""

    answer: Callable[[str], None] = staticmethod(lambda _text: None)

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """A program in a pty of a given size.

    Attributes:
        raw: everything that the program wrote, as it wrote it.
        status: the exit status, 128 + n when signal n ended it; None while it runs.
    """

    def __init__(
        self,
        argv: Iterable[str | Path],
        *,
        env: Mapping[str, str | None],
        cwd: Path | str,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        """Start the program.

        Args:
            argv: the program and its arguments.
            env: its whole environment. TERM and LC_ALL are xterm-256color and C.UTF-8 unless
                named here; a name with None is not set at all.
            cwd: where it starts.
            columns: width of the terminal.
            rows: height of the terminal.
        """
        words = [str(word) for word in argv]
        wanted: dict[str, str | None] = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
        self.raw = ""
        self.status: int | None = None
        self._screen = _Screen(columns, rows, history=20000, ratio=0.5)
        self._screen.answer = self._send
        self._stream = pyte.ByteStream(self._screen)
        self._ended = False
        self._child = pexpect.spawn(
            words[0],
            words[1:],
            env={name: value for name, value in wanted.items() if value is not None},
            cwd=str(cwd),
            dimensions=(rows, columns),
            timeout=30,
        )
        self._child.delaybeforesend = None
        self._child.delayafterterminate = 0.02
        self._child.ptyproc.delayafterterminate = 0.02
        self._child.ptyproc.delayafterclose = 0
        self._modes = self._read_modes()

    @property
    def pid(self) -> int:
        """The process number of the program."""
        return int(self._child.pid)

    # --- as a person

    def type(self, text: str) -> None:
        """Type the text; "\\r" is Enter."""
        self._send(text)

    def press(self, key: str) -> None:
        """Press a key: "enter", "tab", "up", ..., "ctrl-c"."""
        if key.startswith("ctrl-"):
            self._send(chr(ord(key[-1].upper()) - 64))
        else:
            self._send(KEYS[key])

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the program gets SIGWINCH."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    # --- on the screen

    @property
    def lines(self) -> list[str]:
        """What is to be seen, with what has been scrolled off the top; no blanks at the ends."""
        above = [
            "".join(line[column].data for column in range(self._screen.columns))
            for line in self._screen.history.top
        ]
        lines = [line.rstrip() for line in above + self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def visible(self) -> list[str]:
        """The rows of the screen as they stand, without what has been scrolled off."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the cursor is: (row, column), both from 0."""
        return self._screen.cursor.y, self._screen.cursor.x

    @property
    def is_cursor_shown(self) -> bool:
        return not self._screen.cursor.hidden

    @property
    def is_sane(self) -> bool:
        """True when the terminal echoes, edits lines and sends signals as it did at the start."""
        return self._read_modes() == self._modes

    def front(self) -> int:
        """Return the process group in the foreground."""
        return os.tcgetpgrp(self._child.child_fd)

    def is_at_prompt(self) -> bool:
        """True when the program itself, a shell, is in front and reads each key."""
        return self.front() == self.pid and not self._read_modes()[3] & termios.ICANON

    def stop_and_go_on(self) -> None:
        """Stop the job in front by Ctrl-Z, use the shell, and bring the job back by fg."""
        program = self.front()
        assert program != self.pid, "no job is in front of the shell"
        self.press("ctrl-z")
        self.wait_for("Stopped")
        self.wait_until(self.is_at_prompt)
        self.type("echo at the $((6 * 7))\r")
        self.wait_for("at the 42")
        self.wait_until(self.is_at_prompt)
        self.type("fg\r")
        self.wait_until(lambda: self.front() == program, what="the job is in front again")

    def look_of(self, part: str) -> tuple[str, bool]:
        """Return the colour ("default", "red", ...) and the boldness of the last such text."""
        for row, line in reversed(list(enumerate(self._screen.display))):
            column = line.find(part)
            if column >= 0:
                cell = self._screen.buffer[row][column]
                return cell.fg, cell.bold
        raise AssertionError(f"not on the screen: {part!r}\n{self.text}")

    def styled_lines(self) -> list[list[tuple[str, str, bool]]]:
        """Return the rows of the screen, each as pieces of (text, colour or "", bold)."""
        rows = []
        for row, line in enumerate(self._screen.display):
            pieces: list[tuple[str, str, bool]] = []
            for column in range(len(line.rstrip())):
                cell = self._screen.buffer[row][column]
                look = ("" if cell.fg == "default" else cell.fg, cell.bold)
                if pieces and pieces[-1][1:] == look:
                    pieces[-1] = (pieces[-1][0] + cell.data, *look)
                else:
                    pieces.append((cell.data, *look))
            rows.append(pieces)
        while rows and not rows[-1]:
            rows.pop()
        return rows

    # --- in time

    def wait_for(self, part: str | re.Pattern[str], timeout: float = 30) -> str:
        """Wait until the text (or what the pattern matches) is on the screen; return what matched.

        A line that is longer than the screen is wide is broken there as the terminal breaks it.
        """
        pattern = re.compile(re.escape(part)) if isinstance(part, str) else part
        return self.wait_until(lambda: pattern.search(self.text), timeout, pattern.pattern).group()

    def wait_until(
        self, is_reached: Callable[[], Result | None], timeout: float = 30, what: str = ""
    ) -> Result:
        """Wait until the function's answer is true; it is asked after each output. Return it."""
        end = time.monotonic() + timeout
        while True:
            self.read(0)
            answer = is_reached()
            if answer:
                return answer
            if self._ended or time.monotonic() > end:
                why = "the program ended" if self._ended else f"not within {timeout} s"
                raise AssertionError(f"{why}: {what}\n--- screen\n{self.text}\n---")
            self.read(0.05)

    def read(self, seconds: float = 0) -> None:
        """Take what the program writes, waiting for the first of it at most that long."""
        while not self._ended:
            try:
                data = self._child.read_nonblocking(size=65536, timeout=seconds)
            except pexpect.TIMEOUT:
                return
            except pexpect.EOF:
                self._ended = True
                return
            text = data.decode("utf-8", "surrogateescape")
            self.raw += text
            self._stream.feed(UNKNOWN.sub("", text).encode("utf-8", "surrogateescape"))
            seconds = 0

    def wait(self, timeout: float = 60) -> int:
        """Wait until the program has ended and all it wrote has been read; return its status."""
        end = time.monotonic() + timeout
        while not self._ended:
            self.read(0.05)
            if not self._ended and time.monotonic() > end:
                raise AssertionError(f"does not end\n--- screen\n{self.text}\n---")
        self._child.wait()
        if self._child.signalstatus is not None:
            self.status = 128 + self._child.signalstatus
        else:
            self.status = self._child.exitstatus
        assert self.status is not None
        return self.status

    # --- the end

    def hang_up(self) -> None:
        """Close the window, as a person does."""
        with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
            self._child.close(force=True)

    def close(self) -> None:
        """Close the window, and end what is left of the session."""
        pid = self._child.pid
        self.hang_up()
        for process in session_processes(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Return the processes of the session that are still there (where /proc tells)."""
        return session_processes(self._child.pid)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _send(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._child.send(text.encode("utf-8", "surrogateescape"))

    def _read_modes(self) -> list[int]:
        """Return the input, output and local modes of the terminal."""
        return [int(mode) for mode in termios.tcgetattr(self._child.child_fd)[:4]]


def session_processes(leader: int) -> list[int]:
    """Return the processes that belong to the session of ``leader`` and are no zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): pid (name) state ppid pgrp session ...
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            if fields[3] == str(leader) and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def open_pyve(
    pyve: Pyve,
    *args: str,
    columns: int = 80,
    rows: int = 24,
    cwd: Path | None = None,
    **env: str | None,
) -> Terminal:
    """Start a pyve command in a terminal, as the test's user, in the project."""
    return Terminal(
        pyve.command(*args),
        env={**pyve.env, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **env},
        cwd=cwd or pyve.project,
        columns=columns,
        rows=rows,
    )
