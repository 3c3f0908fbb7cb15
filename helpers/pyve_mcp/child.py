"""A command of Pyve as a child process, with all that it starts in a group of its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc

from pyve_mcp.envelope import describe_event, is_envelope, read_message
from pyve_mcp.output import HeadTail

# A longer line, of Pyve's answer or of the client, is not read.
LONGEST_LINE = 16_000_000
# Of what Pyve itself says, this much is kept, in case that it gives no answer.
_TALK = 20_000

# How long a group may take to end, in seconds, after each signal.
Steps = tuple[tuple[signal.Signals, float], ...]
PATIENT: Steps = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
# When the client is gone it kills the server soon.
HASTY: Steps = ((signal.SIGINT, 0.8), (signal.SIGTERM, 0.4), (signal.SIGKILL, 0.5))

# A group that runs, so that the end of the server is the end of all.
_running: set[int] = set()

Progress = Callable[[str], Awaitable[None]]


@dataclass
class Outcome:
    """What became of a command.

    Attributes:
        status: its exit status, as a shell says it (128 and more: a signal).
        document: its answer, or None when it gave none.
        stdout: what the user's own command printed, for run and test.
        stderr: what it printed there, and what Pyve said.
        timed_out: it was ended because it took too long.
    """

    status: int = 0
    document: dict[str, Any] | None = None
    stdout: HeadTail = field(default_factory=lambda: HeadTail(_TALK))
    stderr: HeadTail = field(default_factory=lambda: HeadTail(_TALK))
    timed_out: bool = False


class Patience:
    """How much time there is to end a command; less when the server itself ends."""

    steps: Steps = PATIENT


def make_environment(output: int | None) -> dict[str, str]:
    """The environment of a command: that of the server, without colours."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "CLICOLOR_FORCE", "PYVE_OUTPUT_FD")
    }
    env.setdefault("NO_COLOR", "1")
    if output is not None:
        env["PYVE_OUTPUT_FD"] = str(output)
    return env


def make_pipe() -> tuple[int, int]:
    """Make a pipe for a child; the end to write to has a number that no shell script uses."""
    reading, low = os.pipe()
    try:
        return reading, fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 30)
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(low)


async def run_command(
    argv: list[str],
    seconds: float,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Run a command that answers with --format=jsonl, and wait for it.

    When the caller is cancelled the whole group of processes is ended first.

    Args:
        argv: the command.
        seconds: how long it may take.
        limit: how many bytes of each stream are kept when the output of the user's own command is
            wanted, else None.
        progress: is told what happens, as it happens.
    """
    outcome = Outcome()
    reading = writing = None
    if limit is not None:
        outcome.stdout, outcome.stderr = HeadTail(limit), HeadTail(limit)
        reading, writing = make_pipe()
    try:
        process = await anyio.open_process(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=make_environment(writing),
            pass_fds=() if writing is None else (writing,),
        )
    except BaseException:
        if reading is not None:
            os.close(reading)
        raise
    finally:
        if writing is not None:
            os.close(writing)
    _running.add(process.pid)
    try:
        with anyio.move_on_after(seconds) as scope:
            await _follow(process, outcome, reading, progress)
        outcome.timed_out = scope.cancelled_caught
    finally:
        with anyio.CancelScope(shield=True):
            await stop_group(process.pid, process)
            await process.aclose()
        _running.discard(process.pid)
        if reading is not None:
            os.close(reading)
    code = process.returncode or 0
    outcome.status = code if code >= 0 else 128 - code
    return outcome


async def _follow(
    process: anyio.abc.Process, outcome: Outcome, reading: int | None, progress: Progress | None
) -> None:
    """Read what a command prints until it has ended, and everything was read."""
    assert process.stdout is not None
    assert process.stderr is not None
    async with anyio.create_task_group() as readers:
        readers.start_soon(_read_answer, process.stdout, outcome, progress)
        readers.start_soon(_read_stream, process.stderr, outcome.stderr)
        if reading is not None:
            readers.start_soon(_read_pipe, reading, outcome.stdout)
        await process.wait()
        # What it left running may hold the streams for ever.
        readers.cancel_scope.deadline = anyio.current_time() + 1


async def _read_stream(stream: anyio.abc.ByteReceiveStream, kept: HeadTail) -> None:
    async for data in stream:
        kept.add(data)


async def _read_pipe(reading: int, kept: HeadTail) -> None:
    os.set_blocking(reading, False)
    while True:
        await anyio.wait_readable(reading)
        try:
            data = os.read(reading, 65536)
        except BlockingIOError:
            continue
        if not data:
            return
        kept.add(data)


async def _read_answer(
    stream: anyio.abc.ByteReceiveStream, outcome: Outcome, progress: Progress | None
) -> None:
    left = bytearray()
    async for data in stream:
        # (Only what has just come can end a line.)
        *ended, rest = data.split(b"\n")
        for part in ended:
            await _take_line(bytes(left + part), outcome, progress)
            left.clear()
        left += rest
        if len(left) > LONGEST_LINE:
            left.clear()
    if left:
        await _take_line(bytes(left), outcome, progress)


async def _take_line(line: bytes, outcome: Outcome, progress: Progress | None) -> None:
    event = read_message(line)
    if event is None:
        return
    if event.get("event") == "end" and is_envelope(event.get("document")):
        outcome.document = event["document"]
    elif progress is not None and (text := describe_event(event)):
        await progress(text)


def send_signal(group: int, number: int) -> bool:
    """Send a signal to a group of processes. False when there is none of it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def is_alive(group: int) -> bool:
    """Tell whether a group of processes has one that runs; zombies do not count."""
    if not send_signal(group, 0):
        return False
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return True
    is_listed = False
    for name in processes:
        try:
            with open(f"/proc/{name}/stat", "rb") as stream:
                state, _parent, number = stream.read().rpartition(b")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(number) == group:
            if state not in (b"Z", b"X"):
                return True
            is_listed = True
    # (A /proc that shows nothing of the group says nothing.)
    return not is_listed and send_signal(group, 0)


async def stop_group(group: int, process: anyio.abc.Process | None = None) -> None:
    """End a group of processes, politely first; ``process`` is its leader, where that is known."""
    if process is not None and process.returncode is not None:
        # Its leader is gone: what is left has nobody to answer to.
        steps = Patience.steps[1:]
    else:
        steps = Patience.steps
    for number, seconds in steps:
        if not is_alive(group):
            break
        send_signal(group, number)
        with anyio.move_on_after(seconds):
            while is_alive(group):
                await anyio.sleep(0.03)
    if process is not None:
        with anyio.move_on_after(3):
            await process.wait()


async def stop_all() -> None:
    """End every command that runs, because the server ends."""
    Patience.steps = HASTY
    async with anyio.create_task_group() as tasks:
        for group in list(_running):
            tasks.start_soon(stop_group, group)


def write_document(document: dict[str, Any]) -> str:
    """An answer as text."""
    return json.dumps(document, ensure_ascii=False)
