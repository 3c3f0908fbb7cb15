"""Starting a command, ending it and starting it again, until somebody ends the watcher."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pyve_core.errors import HelperError
from pyve_watch.child import Child, Terminal
from pyve_watch.ignored import IgnoreRules, find_git
from pyve_watch.notify import Changes, Notifier
from pyve_watch.places import Places, describe_changes, list_roots
from pyve_watch.talk import Talk

# So many restarts by the same files, each so few seconds after a start or an end, are no
# coincidence, and nobody saves a file so often.
_LOOP_COUNT = 5
_LOOP_SECONDS = 1.0


@dataclass(frozen=True)
class Wishes:
    """What was asked for.

    Attributes:
        argv: the command, by its path, and its arguments.
        env: its environment.
        folder: what is watched when nothing is named.
        named: what is watched in its place, absolute paths.
        here: paths are shown from there.
        seconds: what a command gets between TERM and KILL.
        clears: whether the screen is cleared before each start.
        polls: whether files are looked at now and then.
        again: the command line that polls.
    """

    argv: list[str]
    env: Mapping[str, str]
    folder: str
    named: list[str]
    here: str
    seconds: float
    clears: bool
    polls: bool
    again: str


class Session:
    """A command that is watched over.

    Attributes:
        starts: how often it was started.
        code: how it ended last, as an exit code; 0 before.
        ended_by: the signal that has ended the watcher; 0 for none.
    """

    def __init__(self, wishes: Wishes, talk: Talk) -> None:
        self.starts = 0
        self.code = 0
        self.ended_by = 0
        self._wishes = wishes
        self._talk = talk
        self._rules = IgnoreRules()
        if not find_git():
            self._tell_no_rules("there is no git on PATH")
        self._places = Places(list_roots(wishes.folder, wishes.named, self._rules), self._rules)
        self._terminal = Terminal.find()
        self._child: Child | None = None
        self._folders: list[str] = []
        self._notifier: Notifier | None = None
        self._has_told = self._has_told_loop = False
        self._started = self._ended = 0.0
        self._loop: tuple[list[str], int] = ([], 0)
        self._impatience = 0
        self._wake, wakeup = os.pipe()
        for end in (self._wake, wakeup):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._pass_over)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            # (nohup ignores HUP. Ctrl-C is meant for a watcher in any case.)
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)

    def _pass_over(self, _number: int, _frame: object) -> None:
        pass

    def _end(self, number: int, _frame: object) -> None:
        self.ended_by = self.ended_by or number
        self._impatience += 1

    # --- what is watched

    def _listen(self) -> None:
        """Watch the folders that there are now."""
        self._rules.forget()
        folders = self._places.list_folders()
        if not folders:
            raise HelperError("E_WATCH_PATH", "what was watched is not there any more")
        if self._rules.failure and not self._has_told:
            self._tell_no_rules(self._rules.failure)
        if folders == self._folders:
            return
        # The new one first: nothing that happens between is lost.
        notifier = Notifier(folders, self._wishes.polls, self._wishes.again)
        if self._notifier is not None:
            self._notifier.close()
        self._notifier, self._folders = notifier, folders

    def _tell_no_rules(self, reason: str) -> None:
        self._has_told = True
        self._talk.warn(
            HelperError(
                "W_WATCH_GIT",
                "git does not tell what it ignores, so that every file counts",
                [reason, "what tools keep in a project is left out all the same"],
            )
        )

    def _take_changes(self) -> list[tuple[str, str]]:
        """Give the changes that count and have come, and follow new folders."""
        assert self._notifier is not None
        raw: Changes = self._notifier.take()
        known, again = set(self._folders), False
        for _number, path in raw:
            again = again or os.path.isdir(path) != (path in known) or path.endswith("/.gitignore")
        found = dict(self._places.judge(raw))
        if again:
            self._listen()
            # What was written into a new folder before it was watched.
            fresh = {(1, path) for path in self._folders if path not in known}
            found.update(self._places.judge(fresh))
        return sorted(found.items())

    # --- the command

    def _start(self) -> None:
        if self._wishes.clears:
            self._talk.clear()
        wishes = self._wishes
        self._child = Child(wishes.argv, wishes.env, self._terminal, wishes.seconds)
        self._started = time.monotonic()
        self.starts += 1

    def _stop(self, number: int) -> None:
        """End the command and all of its group: ask, wait, then kill."""
        child = self._child
        if child is None:
            return
        child.send(number)
        child.send(signal.SIGCONT)
        end, impatience = time.monotonic() + self._wishes.seconds, self._impatience
        while not child.is_gone() and time.monotonic() < end:
            if self._impatience > impatience:
                break
            self._sleep([child.fileno()], 0.02 if child.end else 0.1)
            child.look()
        if not child.is_gone():
            if self._impatience == impatience:
                self._talk.say(
                    f"The command did not end within {wishes_text(self._wishes.seconds)}: killed."
                )
            child.kill()
            child.look()
        self._note_end(child)

    def _note_end(self, child: Child) -> None:
        """Keep how a command has ended, of which nothing is left."""
        if child.end is not None:
            self.code = child.end.code
            if child.end.is_interrupted:
                self.ended_by = self.ended_by or signal.SIGINT
        child.close()
        self._child = None

    def _look_at_child(self) -> None:
        """See whether the command has come to an end by itself, or by Ctrl-C."""
        child = self._child
        if child is None or child.end is not None:
            return
        end = child.look()
        if end is None:
            return
        self.code, self._ended = end.code, time.monotonic()
        if end.is_interrupted:
            self.ended_by = self.ended_by or signal.SIGINT
        else:
            self._talk.say(f"The command ended with status {self.code}; waiting for a change.")

    def _sleep(self, others: list[int], seconds: float | None) -> None:
        ready, _, _ = select.select([self._wake, *others], [], [], seconds)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)

    # --- the whole

    def run(self) -> None:
        """Start the command, and again whenever something has changed, until a signal comes."""
        self._listen()
        self._talk.say(f"Watching {self._describe_places()}; Ctrl-C ends it.")
        try:
            self._start()
            while not self.ended_by:
                self._wait()
                self._look_at_child()
                changes = [] if self.ended_by else self._take_changes()
                if changes:
                    self._restart(changes)
        finally:
            self._finish()

    def _wait(self) -> None:
        """Wait until something has happened."""
        assert self._notifier is not None
        files = [self._notifier.fileno()]
        seconds = None
        if self._child is not None and self._child.end is None:
            files.append(self._child.fileno())
            # Nobody tells when a shell puts a job into the foreground that runs already.
            seconds = 1.0 if self._terminal is not None else None
        self._sleep(files, seconds)

    def _restart(self, changes: list[tuple[str, str]]) -> None:
        self._look_for_loop(changes)
        is_running = self._child is not None and self._child.end is None
        what = describe_changes(changes, self._wishes.here)
        self._talk.say(f"{what}: {'ending the command and ' if is_running else ''}starting again")
        self._stop(signal.SIGTERM)
        # What has changed meanwhile is in this start.
        self._take_changes()
        if not self.ended_by:
            self._start()

    def _look_for_loop(self, changes: list[tuple[str, str]]) -> None:
        """Warn, once, when it is the command that changes what is watched."""
        paths, count = self._loop
        is_soon = time.monotonic() - max(self._started, self._ended) < _LOOP_SECONDS
        names = [path for path, _verb in changes]
        count = count + 1 if is_soon and names == paths else 1
        self._loop = (names, count)
        if count >= _LOOP_COUNT and not self._has_told_loop:
            self._has_told_loop = True
            shown = [os.path.relpath(path, self._wishes.here) for path in names[:3]]
            self._talk.warn(
                HelperError(
                    "W_WATCH_LOOP",
                    "the command seems to change what is watched, and is started again by that",
                    [
                        f"{count} starts in a row were for: {', '.join(shown)}",
                        "let git ignore what the command writes, or name what is watched with --on",
                    ],
                )
            )

    def _describe_places(self) -> str:
        names = [os.path.join(root.path, root.name).rstrip("/") for root in self._places.roots]
        return ", ".join(dict.fromkeys(names))

    def _finish(self) -> None:
        """End the command, in the way in which the watcher was ended."""
        child = self._child
        if child is not None:
            if child.end is None and self.ended_by:
                # Ctrl-C has reached the watcher alone: the command was not in the foreground.
                self._stop(self.ended_by)
            else:
                self._stop(signal.SIGTERM)
        if self._notifier is not None:
            self._notifier.close()


def wishes_text(seconds: float) -> str:
    """Write ``5 s``, ``0.5 s``."""
    return f"{seconds:g} s"
