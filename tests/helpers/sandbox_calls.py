"""What attacks share: the list of them, and calls of the kernel by their numbers.

Standard library only, see sandbox_attacks.py.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
ATTACKS: dict[str, Callable[[dict[str, Any]], object]] = {}
X86 = platform.machine() == "x86_64"


def attack(function: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """Count a function as an attack: it returns what it got, or raises an exception."""
    ATTACKS[function.__name__] = function
    return function


def syscall(number: int, *words: object) -> int:
    """Do a system call by its number."""
    given = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    done: int = libc.syscall(ctypes.c_long(number), *given)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
