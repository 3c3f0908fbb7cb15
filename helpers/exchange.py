"""Exchange two paths in one step, so that no moment is without an environment.

Usage: exchange.py A B. Exit status 0: done; 3: this system cannot; 1: it failed.

Source: renameat2(2) with RENAME_EXCHANGE (Linux 3.15), renameatx_np(2) with RENAME_SWAP
(macOS 10.12).
"""

from __future__ import annotations

import os
import sys

AT_FDCWD = {"linux": -100, "darwin": -2}
EXCHANGE = 2  # both RENAME_EXCHANGE and RENAME_SWAP


def exchange(first: str, second: str) -> int:
    """Exchange what the two paths name.

    Returns:
        0 when it was done, 3 when this system has no such call, 1 when the call failed.
    """
    try:
        import ctypes

        name = {"linux": "renameat2", "darwin": "renameatx_np"}[sys.platform]
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (ImportError, KeyError, OSError, AttributeError):
        return 3
    here = AT_FDCWD[sys.platform]
    status = call(here, os.fsencode(first), here, os.fsencode(second), ctypes.c_uint(EXCHANGE))
    if status == 0:
        return 0
    import errno

    return 3 if ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP) else 1


if __name__ == "__main__":
    sys.exit(exchange(sys.argv[1], sys.argv[2]))
