"""Fetching files whose digest is known into a folder: several at once, each whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import re
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from pyve_core import HelperError, progress
from pyve_core.errors import redact
from pyve_files.archives import check_archive
from pyve_locks.web import FAILURES, LOCKED, explain, find_path, open_session
from pyve_locks.whole_file import cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from requests import Session

    from pyve_locks.logins import Logins

__all__ = ["Server", "Wanted", "digest_of", "fetch", "remove_parts"]

AT_ONCE = 8
CHUNK = 1 << 18
# Of a file that is on its way, beside where it is going to be: with the number of the process.
_PART = re.compile(r"\..+\.(\d+)\.part")


@dataclass(frozen=True)
class Wanted:
    """A file to be had.

    Attributes:
        name: of the file; relative to the folder, it may have folders before it.
        url: where it is.
        digest: in hexadecimal.
        algorithm: as hashlib calls it.
    """

    name: str
    url: str
    digest: str
    algorithm: str = "sha256"


@dataclass(frozen=True)
class Server:
    """How people call what is asked, and the codes of its failures."""

    noun: str = "an index"
    broken: str = "E_INDEX"
    missing: str = "E_INDEX"
    wrong: str = "E_INDEX"
    locked: str = "E_INDEX_AUTH"
    # Whether what it has are Python's packages; these are looked at.
    has_python: bool = True


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Give the digest of a file, in hexadecimal; "" when it cannot be read."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with open(path, "rb") as stream:
            for data in iter(lambda: stream.read(CHUNK), b""):
                digest.update(data)
    except OSError:
        return ""
    return digest.hexdigest()


def remove_parts(folder: Path) -> None:
    """Remove what a process that was killed has left on its way."""
    for place in (folder, *(one for one in folder.iterdir() if one.is_dir())):
        with contextlib.suppress(OSError):
            for path in place.iterdir():
                found = _PART.fullmatch(path.name)
                if found and not _runs(int(found.group(1))):
                    with contextlib.suppress(OSError):
                        path.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def fetch(
    folder: Path, files: Sequence[Wanted], logins: Logins, server: Server | None = None
) -> list[str]:
    """See that a folder has these files.

    Those that are there with the right digest stay as they are.

    Args:
        folder: made when it is not there.
        files: each name once.
        logins: for who to be.
        server: what is asked; None for an index.

    Returns:
        The names of those that were fetched, in their order.

    Raises:
        HelperError: the codes of the server, E_FILE_WRITE, E_DISK_FULL. What was fetched before
            stays; of the rest there is nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_parts(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return _Fetching(folder, logins, server or Server()).run(files)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does, so that nothing is left behind."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    kept[signal.SIGINT] = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


class _Fetching:
    """The work of fetch."""

    def __init__(self, folder: Path, logins: Logins, server: Server) -> None:
        self.server = server
        self.folder = folder
        self.logins = logins
        self.retries = _read_number("UV_HTTP_RETRIES", 3)
        self.seconds = float(_read_number("UV_HTTP_TIMEOUT", 30))
        self.rest: queue.Queue[Wanted] = queue.Queue()
        self.done: queue.Queue[tuple[Wanted, BaseException | None]] = queue.Queue()
        self.stopped = threading.Event()
        self.parts: set[Path] = set()

    def run(self, files: Sequence[Wanted]) -> list[str]:
        missing = [
            file
            for file in files
            if digest_of(self.folder / file.name, file.algorithm) != file.digest
        ]
        for file in missing:
            self.rest.put(file)
        with _ended_by_signals():
            try:
                # (Nobody waits for a thread that hangs in an answer when this is to end.)
                for _ in range(min(AT_ONCE, len(missing))):
                    threading.Thread(target=self._work, daemon=True).start()
                for number in range(1, len(missing) + 1):
                    file, error = self._wait()
                    if error is not None:
                        raise error
                    progress(f"fetching {number} of {len(missing)} {file.name}")
            finally:
                self.stopped.set()
                for part in list(self.parts):
                    with contextlib.suppress(OSError):
                        part.unlink()
        return [file.name for file in missing]

    def _wait(self) -> tuple[Wanted, BaseException | None]:
        while True:
            # (A wait without an end would not let Ctrl-C through everywhere.)
            with contextlib.suppress(queue.Empty):
                return self.done.get(timeout=0.5)

    def _work(self) -> None:
        with open_session(self.logins, self.retries) as session:
            while not self.stopped.is_set():
                try:
                    file = self.rest.get_nowait()
                except queue.Empty:
                    return
                try:
                    self._fetch(session, file)
                except BaseException as error:  # told by the main thread
                    self.done.put((file, error))
                else:
                    self.done.put((file, None))

    def _fetch(self, session: Session, file: Wanted) -> None:
        # (The session asks again for what is not answered, and not for what breaks off.)
        for left in range(self.retries, -1, -1):
            try:
                self._fetch_once(session, file)
                return
            except HTTPError as error:
                if not left:
                    raise self._fail(file, f"{file.name}: {explain(error)}") from error
            if self.stopped.wait(0.5):
                return

    def _fetch_once(self, session: Session, file: Wanted) -> None:
        target = self.folder / file.name
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        digest = hashlib.new(file.algorithm, usedforsecurity=False)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.parts.add(part)
            with open(part, "wb") as out:
                for data in self._read(session, file):
                    digest.update(data)
                    out.write(data)
            if digest.hexdigest() != file.digest:
                raise HelperError(
                    self.server.wrong,
                    f"{file.name} is not the file that the lock names",
                    [
                        f"expected {file.algorithm} {file.digest}",
                        f"found    {file.algorithm} {digest.hexdigest()}",
                        redact(file.url),
                    ],
                )
            if self.server.has_python:
                check_archive(part, name=target.name)
            os.replace(part, target)
        except OSError as error:
            raise cannot_write(target, error) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            self.parts.discard(part)

    def _read(self, session: Session, file: Wanted) -> Iterator[bytes]:
        """Give the bytes of a file. An OSError is never that of the network."""
        path = find_path(file.url)
        if path:
            yield from self._read_local(file, path)
            return
        if urlsplit(file.url).scheme not in ("http", "https"):
            why = redact(file.url)
            raise HelperError(self.server.broken, f"{file.name} cannot be fetched", why)
        try:
            answer = session.get(file.url, timeout=self.seconds, stream=True)
        except FAILURES as error:
            raise self._fail(file, f"{file.name}: {explain(error)}") from error
        with answer:
            if answer.status_code != 200:
                raise self._fail(file, f"HTTP status {answer.status_code}", answer.status_code)
            # (As it is: a server may say of a .tar.gz that it is compressed.)
            for data in answer.raw.stream(CHUNK, decode_content=False):
                if self.stopped.is_set():
                    return
                yield data

    def _read_local(self, file: Wanted, path: str) -> Iterator[bytes]:
        try:
            with open(path, "rb") as stream:
                yield from iter(lambda: stream.read(CHUNK), b"")
        except (OSError, ValueError) as error:
            status = 404 if isinstance(error, FileNotFoundError) else 0
            raise self._fail(file, explain(error), status) from error

    def _fail(self, file: Wanted, why: str, status: int = 0) -> HelperError:
        code, message = self.server.broken, f"{self.server.noun} does not answer as it should"
        if status in LOCKED:
            code, message = self.server.locked, f"{self.server.noun} does not let you in"
        elif status in (404, 410):
            code = self.server.missing
            message = f"{self.server.noun} has not the file that the lock names: {file.name}"
        return HelperError(code, message, [why, redact(file.url)])


def _read_number(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() else default
