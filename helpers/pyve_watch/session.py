"""Starting a command, ending it and starting it again, until somebody ends the watcher."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from watchfiles import Change

from pyve_core.errors import HelperError
from pyve_watch.child import Child, End, Terminal
from pyve_watch.ignored import IgnoreRules
from pyve_watch.notify import Changes, Notifier
from pyve_watch.places import Places, describe_changes, list_roots
from pyve_watch.talk import Talk

# So many restarts by the same files, each so few seconds after a start or an end, are no
# coincidence, and nobody saves a file so often.
_LOOP_COUNT = 5
_LOOP_SECONDS = 1.0
# In that time everything that the system has told has come here.
_DELAY = 0.25
# So often watching may fail in a row.
_MOST_FAILURES = 5


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
        self._places = Places(list_roots(wishes.folder, wishes.named, self._rules), self._rules)
        self._terminal = Terminal.find()
        self._child: Child | None = None
        self._folders: list[str] = []
        self._notifier: Notifier | None = None
        self._failures, self._listened = 0, 0.0
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

    def _listen(self, lost: set[str] | None = None) -> tuple[set[str], Changes]:
        """Watch the folders that there are now.

        Args:
            lost: folders that are watched no more, also when they are there (again).

        Returns:
            The folders of which nothing is known, and what has changed meanwhile.

        Raises:
            HelperError: E_WATCH_PATH when the project has gone.
        """
        lost = lost or set()
        fresh: set[str] = set()
        changes: Changes = set()
        while True:
            self._rules.forget()
            folders = self._places.list_folders()
            if not self._wishes.named and not os.path.isdir(self._wishes.folder):
                raise HelperError(
                    "E_WATCH_PATH", "the project that was watched is not there any more"
                )
            is_deaf = self._notifier is None or self._notifier.failure
            if folders == self._folders and not lost and not is_deaf:
                return fresh, changes
            old = self._notifier
            try:
                self._notifier = Notifier(folders, self._wishes.polls, self._wishes.again)
            except FileNotFoundError:
                self._sleep([], 0.02)
                continue
            fresh |= {path for path in folders if path in lost or path not in self._folders}
            self._folders, self._listened, lost = folders, time.monotonic(), set()
            if old is None:
                return fresh, changes
            # What has happened until then is known to the old one alone; and a folder may have come
            # that is in neither list.
            self._sleep([], _DELAY)
            changes |= old.take()
            old.close()
            if self.ended_by:
                return fresh, changes

    def _tell_no_rules(self) -> None:
        if not self._rules.failure or self._has_told:
            return
        self._has_told = True
        self._talk.warn(
            HelperError(
                "W_WATCH_GIT",
                "git does not tell what it ignores, so that every file counts",
                [self._rules.failure, "what tools keep in a project is left out all the same"],
            )
        )

    def _take_changes(self) -> list[tuple[str, str]]:
        """Give the changes that count and have come, and follow new folders."""
        found: dict[str, str] = {}
        lost: set[str] = set()
        while True:
            assert self._notifier is not None
            raw = self._notifier.take()
            found.update(self._places.judge(raw))
            known, is_new = set(self._folders), False
            for number, path in raw:
                if path not in known:
                    is_new = is_new or self._places.is_folder(path) or path.endswith("/.gitignore")
                elif number != Change.modified:
                    # It may be there again: what was watched is the one that has gone.
                    lost.add(path)
            if self._notifier.failure:
                self._note_failure(self._notifier)
            elif not lost and not is_new:
                break
            fresh, raw = self._listen(lost)
            lost = {path for number, path in raw if number == Change.deleted} & set(self._folders)
            # What was written into a new folder before it was watched.
            for path, verb in self._places.judge(raw | {(1, path) for path in fresh}):
                found.setdefault(path, verb)
        self._tell_no_rules()
        return sorted(found.items())

    def _note_failure(self, notifier: Notifier) -> None:
        """Count that watching has failed; it is tried anew.

        Raises:
            HelperError: E_WATCH_LIMIT when it has done so again and again.
        """
        # (A name that is no UTF-8 is in its way each time that something opens it, and only then.)
        is_soon = time.monotonic() - self._listened < _LOOP_SECONDS and not notifier.has_odd_name
        self._failures = self._failures + 1 if is_soon else 1
        if self._failures > _MOST_FAILURES:
            raise HelperError(
                "E_WATCH_LIMIT", "the system does not watch any more", notifier.failure
            )

    # --- the command

    def _start(self) -> None:
        wishes = self._wishes
        self._child = Child(wishes.argv, wishes.env, self._terminal, wishes.seconds)
        self._started = time.monotonic()
        self.starts += 1

    def _stop(self, number: int) -> str:
        """End the command and all of its group: ask, wait, then kill; return what there is to say
        about that.
        """
        child, said = self._child, ""
        if child is None:
            return said
        asked = time.monotonic()
        child.send(number)
        child.send(signal.SIGCONT)
        end, impatience = asked + self._wishes.seconds, self._impatience
        while not child.is_gone() and time.monotonic() < end:
            if self._impatience > impatience:
                break
            # (What is left of a group after its command tells nobody when it ends.)
            if child.end is None:
                self._sleep([child.fileno()], 0.1)
            else:
                self._sleep([], min(0.02 + (time.monotonic() - asked) / 10, 0.2))
            child.look()
        if not child.is_gone():
            if self._impatience == impatience:
                who = "What the command had started" if child.end else "The command"
                said = f"{who} did not end within {wishes_text(self._wishes.seconds)}: killed."
                self._talk.say(said)
            child.kill()
            child.look()
        if child.end is not None:
            self.code = child.end.code
            self._note_signal(child.end, asked)
        child.close()
        self._child = None
        return said

    def _note_signal(self, end: End, when: float) -> None:
        """Take the end of a command by the terminal for that of the watcher.

        Args:
            end: how the command has ended.
            when: when that was, or when it was asked to end, on the monotonic clock.
        """
        if not end.signal or self.ended_by:
            return
        if end.signal == signal.SIGHUP:
            self.ended_by = signal.SIGHUP
        # A command that has gone on after Ctrl-C, as a debugger does, was not ended by it.
        elif end.signal_time > when - self._wishes.seconds or end.code == 128 + end.signal:
            self.ended_by = signal.SIGINT

    def _look_at_child(self) -> None:
        """See whether the command has come to an end by itself, or by Ctrl-C."""
        child = self._child
        if child is None or child.end is not None:
            return
        end = child.look()
        if end is None:
            return
        self.code, self._ended = end.code, time.monotonic()
        self._note_signal(end, self._ended)
        if not self.ended_by:
            self._talk.say(f"The command ended with status {self.code}; waiting for a change.")

    def _sleep(self, others: list[int], seconds: float | None) -> None:
        ready, _, _ = select.select([self._wake, *others], [], [], seconds)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)

    # --- the whole

    def run(self) -> None:
        """Start the command, and again whenever something has changed, until a signal comes."""
        if self._wishes.clears:
            self._talk.clear()
        self._listen()
        self._tell_no_rules()
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
        is_running = self._child is not None and self._child.end is None
        what = describe_changes(changes, self._wishes.here)
        self._talk.say(f"{what}: {'ending the command and ' if is_running else ''}starting again")
        is_loop = self._is_loop(changes)
        said = self._stop(signal.SIGTERM)
        # What has changed meanwhile is in this start.
        self._take_changes()
        if self.ended_by:
            return
        if self._wishes.clears and self._talk.clear():
            # (What was said is not to be seen any more.)
            self._talk.say(f"{what}: started again. {said}".rstrip())
        if is_loop and not self._has_told_loop:
            self._tell_loop(changes)
        self._start()

    def _is_loop(self, changes: list[tuple[str, str]]) -> bool:
        """Tell whether it seems to be the command that changes what is watched."""
        paths, count = self._loop
        is_soon = time.monotonic() - max(self._started, self._ended) < _LOOP_SECONDS
        names = [path for path, _verb in changes]
        count = count + 1 if is_soon and names == paths else 1
        self._loop = (names, count)
        return count >= _LOOP_COUNT

    def _tell_loop(self, changes: list[tuple[str, str]]) -> None:
        self._has_told_loop = True
        shown = [os.path.relpath(path, self._wishes.here) for path, _verb in changes[:3]]
        self._talk.warn(
            HelperError(
                "W_WATCH_LOOP",
                "the command seems to change what is watched, and is started again by that",
                [
                    f"{self._loop[1]} starts in a row were for: {', '.join(shown)}",
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
