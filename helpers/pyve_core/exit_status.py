"""The exit status of a process that was waited for."""

from __future__ import annotations

import os

__all__ = ["get_status"]


def get_status(status: int) -> int:
    """Give the exit status, 128 + n for what signal n has ended.

    Args:
        status: what ``os.waitpid`` says of a process that has ended.
    """
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
