"""What the system says about files, by watchfiles, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Sequence

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from pyve_core.errors import HelperError

# A burst ends when nothing has changed for that long, or lasts that long, in milliseconds.
_QUIET = 100
_LONGEST = 2000
# How often polling looks.
_POLL = 300
# On Linux each folder costs the kernel something, so that each is named; elsewhere the system
# watches all below a folder by itself.
IS_RECURSIVE = sys.platform != "linux"

Changes = set[tuple[int, str]]


class Notifier:
    """Changes of folders, as they come.

    Attributes:
        changes: what has changed, a set for each burst.
        failure: why nothing more comes, ``""`` as long as it does.
        has_odd_name: whether that is a name that is no UTF-8, at which watchfiles stumbles when
            something opens it.
    """

    def __init__(self, folders: Sequence[str], polls: bool, again: str) -> None:
        """Begin to watch.

        Args:
            folders: all that are watched.
            polls: whether they are looked at now and then, in place of asking the system to tell.
            again: the command line that does so.

        Raises:
            FileNotFoundError: when one of them has gone.
            HelperError: E_WATCH_LIMIT when the system watches no more folders.
        """
        self.changes: queue.SimpleQueue[Changes] = queue.SimpleQueue()
        self.failure = ""
        self.has_odd_name = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._stop = threading.Event()
        is_recursive = IS_RECURSIVE and not polls
        try:
            self._rust = RustNotify(list(folders), False, polls, _POLL, is_recursive, True)
        except FileNotFoundError:
            self._close_pipe()
            raise
        except (OSError, WatchfilesRustInternalError) as error:
            self._close_pipe()
            raise HelperError(
                "E_WATCH_LIMIT",
                f"the system does not watch {len(folders)} folders",
                str(error),
                again,
            ) from None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while not self._stop.is_set():
                answer = self._rust.watch(_LONGEST, _QUIET, 5000, self._stop)
                if isinstance(answer, set):
                    self.changes.put(answer)
                    os.write(self._writer, b"c")
        except (OSError, RuntimeError) as error:
            # (watchfiles tells it by no other means: "Unable to decode path ... to string".)
            self.has_odd_name = "decode" in str(error)
            self.failure = str(error)
            os.write(self._writer, b"f")
        self._stop.wait()
        self._rust.close()
        self._close_pipe()

    def _close_pipe(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Give what can be read when there are changes."""
        return self._reader

    def take(self) -> Changes:
        """Take all changes that have come."""
        found: Changes = set()
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)
        while not self.changes.empty():
            found |= self.changes.get()
        return found

    def close(self) -> None:
        """Watch no more. It ends a moment later; nothing may be asked of it any more."""
        self._stop.set()
