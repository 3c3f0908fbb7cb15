"""Attacks on the network, on descriptors and on the kernel; see sandbox_attacks.py."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import subprocess
from typing import Any

from sandbox_calls import X86, attack, libc, syscall

# --- the network


def _reach(family: int, place: Any, kind: int = socket.SOCK_STREAM) -> str:
    with socket.socket(family, kind) as connection:
        connection.settimeout(2)
        connection.connect(place)
        if kind == socket.SOCK_DGRAM:
            connection.send(b"anybody?")
        return connection.recv(10).decode()


@attack
def connect(at: dict[str, Any]) -> object:
    return _reach(socket.AF_INET, ("127.0.0.1", at["port"]))


@attack
def connect_by_raw_socket(at: dict[str, Any]) -> object:
    import _socket

    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    connection.settimeout(2)
    connection.connect(("127.0.0.1", at["port"]))
    return connection.recv(10).decode()


@attack
def connect_by_ctypes(at: dict[str, Any]) -> object:
    number = libc.socket(2, 1, 0)
    address = struct.pack("=H", 2) + struct.pack("!H", at["port"]) + b"\x7f\0\0\1" + bytes(8)
    if number < 0 or libc.connect(number, address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "connect")
    return os.read(number, 10).decode()


@attack
def connect_by_subprocess(at: dict[str, Any]) -> object:
    code = f'exec 3<>/dev/tcp/127.0.0.1/{at["port"]}; read -r -n 4 x <&3; printf %s "$x"'
    done = subprocess.run(["/bin/bash", "-c", code], capture_output=True, text=True)
    return done.stdout


@attack
def send_a_datagram(at: dict[str, Any]) -> object:
    return _reach(socket.AF_INET, ("127.0.0.1", at["udp"]), socket.SOCK_DGRAM)


@attack
def abstract_socket(at: dict[str, Any]) -> object:
    return _reach(socket.AF_UNIX, "\0" + at["abstract"])


@attack
def socket_of_a_path(at: dict[str, Any]) -> object:
    return _reach(socket.AF_UNIX, at["socket"])


def _post(place: str) -> str:
    """Send a letter by one of a pair of sockets: no other kind can be had without a network."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendto(b"loot", place)
    return "loot"


@attack
def letter_by_a_pair(at: dict[str, Any]) -> object:
    return _post(at["letters"])


@attack
def letter_to_an_abstract_socket(at: dict[str, Any]) -> object:
    return _post("\0" + at["abstract"] + "-letters")


@attack
def packet_socket(at: dict[str, Any]) -> object:
    socket.socket(17, socket.SOCK_RAW, 0).close()
    return "loot"


@attack
def virtual_machine_socket(at: dict[str, Any]) -> object:
    socket.socket(40, socket.SOCK_STREAM).close()
    return "loot"


# --- descriptors and the terminal


@attack
def inherited_file(at: dict[str, Any]) -> object:
    for number in range(3, 30):
        try:
            data = os.pread(number, 100, 0)
        except OSError:
            continue
        if b"loot" in data:
            return data.decode()
    return ""


@attack
def inherited_folder(at: dict[str, Any]) -> object:
    for number in range(3, 30):
        try:
            return os.read(os.open("secret", os.O_RDONLY, dir_fd=number), 100).decode()
        except OSError:
            continue
    return ""


@attack
def stdin_once_more_to_write(at: dict[str, Any]) -> object:
    with open("/proc/self/fd/0", "w") as stream:
        stream.write("loot")
    return "loot"


# --- the kernel, and this process's own bonds


@attack
def new_user_namespace(at: dict[str, Any]) -> object:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.unshare(0x10000000) == 0 else 1)
    return "" if os.waitpid(pid, 0)[1] else "loot"


@attack
def mount_something(at: dict[str, Any]) -> object:
    if libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    libc.umount2(b"/tmp", 2)
    return "loot"


@attack
def change_the_root(at: dict[str, Any]) -> object:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.chroot(b"/") == 0 else 1)
    return "" if os.waitpid(pid, 0)[1] else "loot"


@attack
def ring_of_calls(at: dict[str, Any]) -> object:
    os.close(syscall(425, 1, ctypes.create_string_buffer(240)))
    return "loot"


@attack
def keys(at: dict[str, Any]) -> object:
    name = b"pyve-test-%d" % os.getpid()
    syscall(248 if X86 else 217, b"user", name, b"x", 1, -1)
    return "loot"


@attack
def other_numbers_of_calls(at: dict[str, Any]) -> object:
    # A socket by the numbers of the x32 ABI. (ENOSYS: the kernel has none.)
    if not X86:
        return ""
    try:
        os.close(syscall(0x40000000 | 41, 17, 3, 0))
    except OSError as error:
        return "loot" if error.errno == errno.ENOSYS else ""
    return "loot"


@attack
def calls_of_32_bits(at: dict[str, Any]) -> object:
    # getpid by the numbers of ia32. (A kernel without them ends the process.)
    if not X86:
        return ""
    pid = os.fork()
    if pid == 0:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        os._exit(7 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0 else 0)
    return "loot" if os.waitpid(pid, 0)[1] == 7 << 8 else ""


@attack
def handler_of_page_faults(at: dict[str, Any]) -> object:
    os.close(syscall(323 if X86 else 282, 1))
    return "loot"


@attack
def type_into_the_terminal(at: dict[str, Any]) -> object:
    import fcntl
    import pty

    main, other = pty.openpty()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            fcntl.ioctl(other, 0x540E, 0)
            fcntl.ioctl(other, 0x5412, b"x")
        except OSError as error:
            # (EIO: the kernel has it switched off; the filter says EPERM.)
            os._exit(1 if error.errno == errno.EPERM else 0)
        os._exit(0)
    done = os.waitpid(pid, 0)[1]
    os.close(main)
    os.close(other)
    return "" if done else "loot"


@attack
def capabilities(at: dict[str, Any]) -> object:
    with open("/proc/self/status") as stream:
        lines = dict(line.split(":", 1) for line in stream)
    return "loot" if int(lines["CapEff"], 16) | int(lines["CapPrm"], 16) else ""


@attack
def device_of_a_disk(at: dict[str, Any]) -> object:
    os.mknod("disk", 0o060600, os.makedev(8, 0))
    os.unlink("disk")
    return "loot"


@attack
def variable_of_the_caller(at: dict[str, Any]) -> object:
    return os.environ.get("TEST_SECRET", "")
