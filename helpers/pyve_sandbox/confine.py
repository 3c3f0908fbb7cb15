"""The last that runs before the command: what holds it, put in force on this process itself."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import resource
import signal
import socket
from typing import TYPE_CHECKING, NamedTuple

from pyve_sandbox.landlock import ALL, DEVICE, READ, WRITE, Rule, find_abi, restrict
from pyve_sandbox.seccomp import Wishes, build_filter, install
from pyve_sandbox.system import drop_privileges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEVICES", "PROC", "READY", "Orders", "confine_and_execute"]

READY = b"ready"
# Without a mount namespace: devices that everybody may use, and what /proc says of the machine.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
PROC = (
    *("cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys"),
    # (This process only: those that it starts are others.)
    "self",
)
# Beyond the soft limit, at which a process gets SIGXCPU, in seconds.
_CPU_GRACE = 5


_RIGHTS = {"read": READ, "write": WRITE, "device": DEVICE}


class Orders(NamedTuple):
    """What is to be put in force.

    Attributes:
        rules: paths and what they are open for (a key of _RIGHTS), for Landlock; none where mounts
            hold the command.
        alone: whether there are no namespaces.
        net, processes, audit: as in Wishes.
        linux: whether Landlock and the filter are there to be put in force.
        memory: bytes of address space, 0 for no limit.
        cpu: seconds, 0 for no limit.
        ignored: signals that stay ignored.
        stderr: a descriptor that becomes stderr, -1 for none.
        places: paths with the device and the number that has to be found there.
    """

    rules: Sequence[Sequence[str]]
    alone: bool
    net: bool
    processes: bool
    audit: bool
    linux: bool
    memory: int
    cpu: int
    ignored: list[int]
    stderr: int = -1
    places: Sequence[Sequence[str | int]] = ()


def confine_and_execute(
    orders: Orders, channel: socket.socket, words: Sequence[str], environ: Mapping[str, str]
) -> None:
    """Confine this process and execute a command; never comes back.

    Says READY to the channel, with the listener of the filter if there is one, when everything is
    in force; and a line with what went wrong otherwise, or when the command cannot be executed.
    """
    try:
        if orders.stderr >= 0:
            os.dup2(orders.stderr, 2)
            os.close(orders.stderr)
        listener = _confine(orders)
    except Exception as error:
        # Whatever it is, nothing may be executed now.
        _say(channel, f"not confined\n{type(error).__name__}: {error}")
        os._exit(1)
    try:
        if listener >= 0:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))
            channel.sendmsg([READY], [rights])
            os.close(listener)
        else:
            channel.sendall(READY)
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                _set_signal(number, number in orders.ignored)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        _close_all_but(channel.fileno())
        os.execvpe(words[0], list(words), dict(environ))
    except OSError as error:
        _say(channel, f"not executed\n{error.errno}")
    except BaseException as error:
        _say(channel, f"not confined\n{type(error).__name__}: {error}")
    os._exit(1)


def _say(channel: socket.socket, text: str) -> None:
    with contextlib.suppress(OSError):
        channel.sendall(text.encode("utf-8", "surrogateescape"))


def _set_signal(number: int, is_ignored: bool) -> None:
    # (The C library keeps some for itself.)
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_IGN if is_ignored else signal.SIG_DFL)


def _close_all_but(kept: int) -> None:
    """Close all descriptors but the first three, and one that closes itself."""
    os.set_inheritable(kept, False)
    for number in [int(name) for name in os.listdir("/dev/fd")]:
        if number > 2 and number != kept:
            with contextlib.suppress(OSError):
                os.close(number)


def _confine(orders: Orders) -> int:
    """Put everything in force. Gives the descriptor of the listener, or -1.

    Raises:
        OSError: the kernel refuses, or something else than what was looked at is open.
    """
    for path, device, number in orders.places:
        status = os.stat(path)
        if (status.st_dev, status.st_ino) != (device, number):
            raise OSError(errno.ESTALE, f"{path} was changed while the sandbox was made")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if orders.memory:
        _limit(resource.RLIMIT_AS, orders.memory, orders.memory)
    if orders.cpu:
        _limit(resource.RLIMIT_CPU, orders.cpu, orders.cpu + _CPU_GRACE)
    if not orders.linux:
        return -1
    drop_privileges()
    abi = find_abi()
    if orders.alone or abi:
        rules = [Rule(path, _RIGHTS[how]) for path, how in orders.rules]
        if not orders.alone:
            # (Mounts say what can be written. This is for what is not among them.)
            rules = [Rule("/", ALL)]
        restrict(rules, abi, closes_tcp=orders.alone and not orders.net)
    # Abstract sockets belong to the network: with the one of outside, Landlock has to hold them.
    unix = not orders.alone and (not orders.net or abi >= 6)
    scoped = abi >= 6
    wishes = Wishes(orders.alone, orders.net, unix, orders.processes, orders.audit, scoped)
    return install(build_filter(wishes).compile(), wishes.asks)


def _limit(which: int, soft: int, hard: int) -> None:
    """Set a limit, unless a lower one is in force."""
    _, most = resource.getrlimit(which)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(which, (soft, hard))
