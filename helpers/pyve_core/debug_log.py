"""PYVE_LOG=debug: what a helper starts and what it asks of the network, as lib/debug_log.sh has it.

A line for each program and for each request, without secrets, when it has ended::

    debug: 0.132 s, status 0: uv pip install x
    debug: 0.051 s, status 404: GET https://***@example.org/simple/x/
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from pyve_core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_logging() -> bool:
    """Tell whether the caller of Pyve wants to see it."""
    return os.environ.get("PYVE_LOG") == "debug"


def write_line(started: float, status: object, words: Sequence[str]) -> None:
    """Write the line about a program or a request.

    Args:
        started: when, as ``time.monotonic`` has it.
        status: how it ended.
        words: its words; they are quoted where a shell needs that.
    """
    import shlex

    text = " ".join(shlex.quote(redact(word)) for word in words)
    line = f"debug: {time.monotonic() - started:.3f} s, status {status}: {text}\n"
    # Where bash has the stderr that Pyve was started with.
    number = os.environ.get("PYVE_LOG_FD", "2")
    with contextlib.suppress(OSError, ValueError):
        os.write(int(number), line.encode("utf-8", "surrogateescape"))


def write_request(method: str, url: str, started: float, status: object) -> None:
    """Write the line about a request that another library than http.client has made."""
    if is_logging():
        write_line(started, status, [method, url])


def start_logging() -> None:
    """From now on, log every child process and every request of http.client. Only with debug."""
    if is_logging():
        _log_processes()
        _log_requests()


def _log_processes() -> None:
    import subprocess

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        """A process that is logged when its status is known."""

        def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
            self._pyve_started: float | None = time.monotonic()
            words = [args] if isinstance(args, (str, bytes, os.PathLike)) else args
            self._pyve_words = [os.fsdecode(word) for word in words]
            super().__init__(args, *rest, **options)

        def _pyve_log(self, status: int | None) -> int | None:
            if status is not None and self._pyve_started is not None:
                started, self._pyve_started = self._pyve_started, None
                # A shell counts from 128 what a signal has ended.
                write_line(started, status if status >= 0 else 128 - status, self._pyve_words)
            return status

        def poll(self) -> int | None:
            return self._pyve_log(super().poll())

        def wait(self, timeout: float | None = None) -> int:
            status = super().wait(timeout)
            self._pyve_log(status)
            return status

    subprocess.Popen = Popen  # type: ignore[misc]


def _log_requests() -> None:
    import http.client

    plain_request = http.client.HTTPConnection.putrequest
    plain_answer = http.client.HTTPConnection.getresponse

    def putrequest(self: Any, method: str, url: str, *rest: Any, **options: Any) -> None:
        is_default = self.port == self.default_port
        kind = "https" if isinstance(self, http.client.HTTPSConnection) else "http"
        place = f"{kind}://{self.host}{'' if is_default else f':{self.port}'}"
        # (A proxy is asked with the whole URL.)
        self._pyve_request = (time.monotonic(), method, url if "://" in url else place + url)
        plain_request(self, method, url, *rest, **options)

    def getresponse(self: Any) -> http.client.HTTPResponse:
        started, method, url = self._pyve_request
        try:
            answer = plain_answer(self)
        except Exception as error:
            write_line(started, type(error).__name__, [method, url])
            raise
        write_line(started, answer.status, [method, url])
        return answer

    http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]
