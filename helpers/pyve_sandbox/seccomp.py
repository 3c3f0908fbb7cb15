"""A filter of system calls: what no confined command needs, and what Landlock does not cover.

Source: seccomp(2), Documentation/userspace-api/seccomp_filter.rst; the lists of flatpak
(flatpak-run.c) and systemd (RestrictSUIDSGID=, RestrictNamespaces=) were compared.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import TYPE_CHECKING, NamedTuple

from pyve_sandbox.system import CALLS, call, list_words, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALLOW", "ASK", "Filter", "Wishes", "build_filter", "install", "refuse", "sets_ids"]

ALLOW = 0x7FFF0000
# The process that holds the listener decides.
ASK = 0x7FC00000
_ERRNO = 0x00050000
_SET_MODE_FILTER = 1
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_X32 = 0x40000000

# BPF: load a word at k; keep the bits of k; jump if equal, greater or equal, a bit is set; return.
_LOAD, _AND, _EQUAL, _FROM, _BITS, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06

# Namespaces, which would give capabilities within: all CLONE_NEW*, but NEWTIME.
_NEW_NAMESPACES = 0x7E020000
_NEW_TIME = 0x80
_THREAD = 0x00010000
_SET_IDS = 0o6000
_AT_MODE = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "mkdir": 1, "mkdirat": 2}
_AT_MODE.update(creat=1, mknod=1, mknodat=2)
# Argument of the flags, argument of the mode, which counts only where a file is made.
_OPENS = {"open": (1, 2), "openat": (2, 3)}
_O_CREAT, _O_TMPFILE = 0o100, 0o20000000
# Input to a terminal as if it was typed; selections of the console.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK, _ROUTE = 1, 2, 10, 16, 0
# Of types of sockets: a bit that those of datagrams have (SOCK_DGRAM, SOCK_RAW), and no other.
_DATAGRAM = 2
# Groups of processes, as setpriority(2) and ioprio_set(2) name them; and one process.
_PRIO_GROUP, _PRIO_ONE, _IO_GROUP, _IO_ONE = 1, 0, 2, 1
_TO_GROUP = 4
# What commands of ioctl(2) are for, in their second byte: terminals and files in general, sockets.
_IOCTL_TYPE, _IOCTL_TERMINAL, _IOCTL_SOCKET = 0xFF00, 0x5400, 0x8900
# Of those for a kind of files: read the flags, attributes, version and extents, the size of a
# block; clone and compare contents, which takes rights to both files.
_IOCTL_HARMLESS = (
    *(0x80086601, 0x801C581F, 0x80087601, 0xC020660B, 0x2),
    *(0x40049409, 0x4020940D, 0xC0189436),
)

# Mounts, namespaces, the kernel itself, keys (they have no namespace), what has a history of holes.
_NEVER = list_words(
    "mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount"
    " fspick mount_setattr setns bpf perf_event_open userfaultfd keyctl add_key request_key"
    " io_uring_setup io_uring_enter io_uring_register kexec_load kexec_file_load init_module"
    " finit_module delete_module reboot swapon swapoff acct quotactl quotactl_fd syslog ioperm iopl"
    " modify_ldt open_by_handle_at settimeofday clock_settime sethostname setdomainname vhangup"
    " fanotify_init lookup_dcookie nfsservctl uselib"
)
# Their arguments are behind a pointer, which a filter cannot follow; programs go on without them.
_NOT_HERE = ("clone3", "openat2")
# Without namespaces: what is shared with other processes of the user.
_SHARED = list_words(
    "shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl"
    " mq_open mq_unlink migrate_pages move_pages"
)
# Without namespaces, for other processes: the first argument names the process, 0 the own one.
_OF_OTHERS = list_words(
    "prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr"
)
# Without namespaces: what would tell of files that are not open. (Programs that watch files then
# look at them again and again; those that copy extended attributes find none.)
_WATCHES = ("inotify_init", "inotify_init1")
_ATTRIBUTES = list_words("getxattr lgetxattr listxattr llistxattr getxattrat listxattrat")
# Without namespaces: Landlock does not look at owners, extended attributes, modes and times.
_METADATA = list_words(
    "chown fchown lchown fchownat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr"
    " fremovexattr removexattrat file_setattr utime utimes futimesat"
)
_ASKED_METADATA = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat")
_FILE_CALLS = list_words(
    "open openat creat mknod mknodat mkdir mkdirat unlink unlinkat rmdir rename renameat renameat2"
    " link linkat symlink symlinkat truncate execve execveat"
)


class Test(NamedTuple):
    """A comparison: ``how`` is _EQUAL or _BITS, of the lower half of an argument.

    Of its bits those of ``mask`` count, all when that is 0.
    """

    argument: int
    how: int
    value: int
    mask: int = 0


class Case(NamedTuple):
    """What is done when all of the tests hold."""

    tests: tuple[Test, ...]
    action: int


class Wishes(NamedTuple):
    """What a filter is for.

    Attributes:
        alone: whether nothing but Landlock and the filter confines (no namespaces).
        net: whether there is a network.
        unix: whether sockets of the family AF_UNIX may be made.
        processes: whether the listener counts processes.
        audit: whether the listener hears of what is refused, and of files.
        scoped: whether Landlock holds signals.
    """

    alone: bool = False
    net: bool = False
    unix: bool = False
    processes: bool = False
    audit: bool = False
    scoped: bool = False

    @property
    def asks(self) -> bool:
        """Whether there is anything for a listener to do."""
        return self.alone or self.processes or self.audit


def refuse(error: int) -> int:
    """Give the action that lets a call fail with an error of errno."""
    return _ERRNO | error


class Filter:
    """Cases for calls, in order: the first that holds decides, then what ``otherwise`` says."""

    def __init__(self) -> None:
        """Begin a filter that allows everything."""
        self.cases: dict[str, list[Case]] = {}
        self.otherwise: dict[str, int] = {}

    def add(self, name: str, action: int, *tests: Test) -> None:
        """Add a case for a call."""
        self.cases.setdefault(name, []).append(Case(tests, action))

    def compile(self) -> bytes:
        """Give the program, ``struct sock_filter`` one behind the other."""
        architecture, column = machine()
        code = [_statement(_LOAD, 4), _jump(_EQUAL, architecture, 1, 0)]
        code += [_statement(_RETURN, refuse(errno.EPERM)), _statement(_LOAD, 0)]
        if column == 0:
            # (Calls of the x32 ABI have the same architecture and other numbers.)
            code += [_jump(_FROM, _X32, 0, 1), _statement(_RETURN, refuse(errno.EPERM))]
        for name in sorted(set(self.cases) | set(self.otherwise)):
            number = CALLS[name][column]
            if number < 0:
                continue
            body = b"".join(_compile_case(case) for case in self.cases.get(name, ()))
            body += _statement(_RETURN, self.otherwise.get(name, ALLOW))
            code += [_jump(_EQUAL, number, 0, len(body) // 8), body]
        code.append(_statement(_RETURN, ALLOW))
        return b"".join(code)


def _statement(operation: int, value: int) -> bytes:
    return struct.pack("=HBBI", operation, 0, 0, value)


def _jump(operation: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _compile_case(case: Case) -> bytes:
    """Write a case: each test that does not hold leads behind its end."""
    code = _statement(_RETURN, case.action)
    for test in reversed(case.tests):
        # (Little endian: the lower half of an argument comes first.)
        head = _statement(_LOAD, 16 + 8 * test.argument)
        head += _statement(_AND, test.mask) if test.mask else b""
        code = head + _jump(test.how, test.value, 0, len(code) // 8) + code
    return code


def sets_ids(name: str, words: Sequence[int]) -> bool:
    """Say whether a call would make a file setuid or setgid; for who answers in the filter's place.

    Args:
        name: of the call.
        words: its arguments.
    """
    if name in _OPENS:
        flags, mode = _OPENS[name]
        return bool(words[flags] & (_O_CREAT | _O_TMPFILE) and words[mode] & _SET_IDS)
    return name in _AT_MODE and bool(words[_AT_MODE[name]] & _SET_IDS)


def build_filter(wishes: Wishes) -> Filter:
    """Give the filter for what is wished."""
    made = Filter()
    never = ASK if wishes.audit else refuse(errno.EPERM)
    for name in _NEVER:
        made.otherwise[name] = never
    for name in _NOT_HERE:
        made.otherwise[name] = refuse(errno.ENOSYS)
    for bits in (_NEW_NAMESPACES, _NEW_TIME):
        made.add("unshare", never, Test(0, _BITS, bits))
    made.add("clone", never, Test(0, _BITS, _NEW_NAMESPACES))
    for command in (_TIOCSTI, _TIOCLINUX):
        made.add("ioctl", never, Test(1, _EQUAL, command))
    for name, argument in _AT_MODE.items():
        made.add(name, never, Test(argument, _BITS, _SET_IDS))
    for name, (flags, mode) in _OPENS.items():
        for makes in (_O_CREAT, _O_TMPFILE):
            made.add(name, never, Test(flags, _BITS, makes), Test(mode, _BITS, _SET_IDS))
    # A group of processes reaches over the border of a namespace: what waits outside is in it.
    made.add("setpriority", never, Test(0, _EQUAL, _PRIO_GROUP))
    made.add("ioprio_set", never, Test(0, _EQUAL, _IO_GROUP))
    if not wishes.scoped:
        made.add("kill", never, Test(0, _EQUAL, 0))
        made.add("pidfd_send_signal", never, Test(3, _BITS, _TO_GROUP))
    _add_sockets(made, wishes)
    if wishes.alone:
        _add_alone(made, never)
    if wishes.alone or wishes.processes:
        # (Alone, so that there are no new ones any more when the rest is ended.)
        made.otherwise.update(dict.fromkeys(("clone", "fork", "vfork"), ASK))
    if wishes.audit:
        made.otherwise.update(dict.fromkeys(_FILE_CALLS, ASK))
        if not wishes.net:
            made.otherwise.update(connect=ASK, sendto=ASK)
    return made


def _add_alone(made: Filter, never: int) -> None:
    """Add what namespaces would hold, and Landlock does not."""
    for name in (*_SHARED, *_METADATA):
        made.otherwise[name] = never
    for name in _ASKED_METADATA:
        made.otherwise[name] = ASK
    for name in _OF_OTHERS:
        made.add(name, ALLOW, Test(0, _EQUAL, 0))
        made.otherwise[name] = never
    for name, one in (("setpriority", _PRIO_ONE), ("ioprio_set", _IO_ONE)):
        made.add(name, ALLOW, Test(0, _EQUAL, one), Test(1, _EQUAL, 0))
        made.otherwise[name] = never
    for name in _WATCHES:
        made.otherwise[name] = refuse(errno.ENOSYS)
    for name in _ATTRIBUTES:
        made.otherwise[name] = refuse(errno.EOPNOTSUPP)
    # Flags of files, and folders of some file systems, are changed through what is open to read.
    for kind in (_IOCTL_TERMINAL, _IOCTL_SOCKET):
        made.add("ioctl", ALLOW, Test(1, _EQUAL, kind, _IOCTL_TYPE))
    for command in _IOCTL_HARMLESS:
        made.add("ioctl", ALLOW, Test(1, _EQUAL, command))
    made.otherwise["ioctl"] = refuse(errno.ENOTTY)


def _add_sockets(made: Filter, wishes: Wishes) -> None:
    """Leave the families of sockets that are harmless: vsock, for one, has no namespace."""
    families: list[tuple[Test, ...]] = [(Test(0, _EQUAL, _UNIX),)] if wishes.unix else []
    if wishes.net or not wishes.alone:
        families += [(Test(0, _EQUAL, family),) for family in (_INET, _INET6)]
        families.append((Test(0, _EQUAL, _NETLINK), Test(2, _EQUAL, _ROUTE)))
    for tests in families:
        made.add("socket", ALLOW, *tests)
    made.otherwise["socket"] = ASK if wishes.audit else refuse(errno.EACCES)
    if not wishes.unix:
        # (One of datagrams can send to any other socket, by its name.)
        made.add("socketpair", refuse(errno.EACCES), Test(1, _BITS, _DATAGRAM))
    made.add("socketpair", ALLOW, Test(0, _EQUAL, _UNIX))
    made.otherwise["socketpair"] = refuse(errno.EACCES)


def install(program: bytes, listens: bool) -> int:
    """Put a filter in force for this thread and all that it starts; no_new_privs must be set.

    Args:
        program: what Filter.compile gives.
        listens: whether there is to be a listener.

    Returns:
        The descriptor of the listener, or -1.

    Raises:
        OSError: what the kernel says.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    header = ctypes.create_string_buffer(head, len(head))
    if not listens:
        call("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(header))
        return -1
    try:
        # (Otherwise a signal interrupts calls that nothing else interrupts.)
        flags = _NEW_LISTENER | _WAIT_KILLABLE
        return call("seccomp", _SET_MODE_FILTER, flags, ctypes.byref(header))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Before Linux 5.19.
        return call("seccomp", _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(header))
