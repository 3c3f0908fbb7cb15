"""Tries to get out of a sandbox, each way once, and says what came of it as a JSON document.

Run by an interpreter, with one argument: a JSON object with the places that test_sandbox.py has
prepared outside. The answer is an object: name of the attack -> what was got, or "" when it was
refused. Outside of a sandbox nearly all succeed: that shows that they are attacks.

Standard library only; what it makes outside carries the word "loot", so that the test sees it.
"""

from __future__ import annotations

import ctypes
import errno
import io
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import time
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


# --- reading what is outside


@attack
def read_by_open(at: dict[str, Any]) -> object:
    with open(at["secret"]) as stream:
        return stream.read()


@attack
def read_by_io_open(at: dict[str, Any]) -> object:
    import _io

    with _io.open(at["secret"]) as stream:
        return stream.read()


@attack
def read_by_fileio(at: dict[str, Any]) -> object:
    with io.FileIO(os.path.join(os.path.dirname(at["secret"]), ".", "secret")) as stream:
        return stream.read().decode()


@attack
def read_by_ctypes(at: dict[str, Any]) -> object:
    number = libc.open(at["secret"].encode(), os.O_RDONLY)
    if number < 0:
        raise OSError(ctypes.get_errno(), "open")
    return os.read(number, 100).decode()


@attack
def read_by_subprocess(at: dict[str, Any]) -> object:
    done = subprocess.run(["/bin/cat", at["secret"]], capture_output=True, text=True)
    return done.stdout


@attack
def list_home(at: dict[str, Any]) -> object:
    return " ".join(name for name in os.listdir(at["home"]) if name == "secret")


@attack
def read_by_a_link_of_the_project(at: dict[str, Any]) -> object:
    with open("link-out") as stream:
        return stream.read()


@attack
def read_by_a_new_link(at: dict[str, Any]) -> object:
    os.symlink(at["home"], "new-link")
    try:
        with open("new-link/secret") as stream:
            return stream.read()
    finally:
        os.unlink("new-link")


@attack
def hard_link_in(at: dict[str, Any]) -> object:
    os.link(at["secret"], "hard")
    with open("hard") as stream:
        return stream.read()


@attack
def rename_in(at: dict[str, Any]) -> object:
    os.rename(at["movable"], "moved")
    return "loot"


@attack
def read_by_relative_path(at: dict[str, Any]) -> object:
    with open(os.path.relpath(at["secret"])) as stream:
        return stream.read()


@attack
def read_by_current_folder(at: dict[str, Any]) -> object:
    here = os.getcwd()
    try:
        os.chdir(at["home"])
        with open("secret") as stream:
            return stream.read()
    finally:
        os.chdir(here)


@attack
def open_by_handle(at: dict[str, Any]) -> object:
    # (A root without CAP_DAC_READ_SEARCH cannot, and nobody else ever could.)
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    name = at["secret"].encode()
    if libc.name_to_handle_at(-100, name, handle, ctypes.byref(mount), 0) != 0:
        raise OSError(ctypes.get_errno(), "name_to_handle_at")
    root = os.open(at["home"], os.O_RDONLY)
    return os.read(libc.open_by_handle_at(root, handle, 0), 100).decode()


# --- writing outside


@attack
def write_in_home(at: dict[str, Any]) -> object:
    # (In an empty home of its own a file may be made; this one is there outside.)
    with open(at["cuttable"], "r+") as stream:
        stream.write("loot")
    return "loot"


@attack
def write_in_tmp(at: dict[str, Any]) -> object:
    with open(os.path.join(at["tmp"], "written"), "w") as stream:
        stream.write("loot")
    return at["tmp"]


@attack
def truncate_outside(at: dict[str, Any]) -> object:
    os.truncate(at["cuttable"], 0)
    return "loot"


@attack
def change_a_mode_outside(at: dict[str, Any]) -> object:
    os.chmod(at["secret"], 0o777)
    return "loot"


@attack
def change_a_time_outside(at: dict[str, Any]) -> object:
    os.utime(at["secret"], (1, 1))
    return "loot"


@attack
def change_a_mode_by_a_link(at: dict[str, Any]) -> object:
    os.chmod("link-out", 0o777)
    return "loot"


@attack
def make_a_setuid_file(at: dict[str, Any]) -> object:
    with open("suid", "w") as stream:
        os.fchmod(stream.fileno(), 0o4755)
    done = os.stat("suid").st_mode & 0o4000
    os.unlink("suid")
    return "loot" if done else ""


@attack
def make_a_setuid_file_by_open(at: dict[str, Any]) -> object:
    os.close(os.open("suid-2", os.O_CREAT | os.O_WRONLY, 0o4755))
    done = os.stat("suid-2").st_mode & 0o4000
    os.unlink("suid-2")
    return "loot" if done else ""


# --- /proc, and other processes


@attack
def environment_of_a_process(at: dict[str, Any]) -> object:
    with open(f"/proc/{at['pid']}/environ") as stream:
        return "loot" if "loot" in stream.read() else ""


@attack
def root_of_a_process(at: dict[str, Any]) -> object:
    with open(f"/proc/{at['pid']}/root{at['secret']}") as stream:
        return stream.read()


@attack
def environments_of_all_processes(at: dict[str, Any]) -> object:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as stream:
                    if b"secret=loot" in stream.read().lower():
                        return "loot"
            except OSError:
                continue
    return ""


@attack
def root_of_all_processes(at: dict[str, Any]) -> object:
    for name in [*range(1, 30), os.getppid()]:
        try:
            with open(f"/proc/{name}/root{at['secret']}") as stream:
                return stream.read()
        except OSError:
            continue
    return ""


@attack
def memory_of_a_process(at: dict[str, Any]) -> object:
    with open(f"/proc/{at['pid']}/mem", "rb"):
        return "loot"


@attack
def trace_a_process(at: dict[str, Any]) -> object:
    attach, detach = 16, 17
    number = 101 if X86 else 117
    syscall(number, attach, at["pid"], 0, 0)
    time.sleep(0.1)
    syscall(number, detach, at["pid"], 0, 0)
    return "loot"


@attack
def read_memory_of_a_process(at: dict[str, Any]) -> object:
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_size_t * 2)(at["address"], 8)
    syscall(310 if X86 else 270, at["pid"], local, 1, remote, 1, 0)
    return "loot" if buffer.raw else ""


@attack
def descriptor_of_a_process(at: dict[str, Any]) -> object:
    handle = os.pidfd_open(at["pid"])
    return "loot" if syscall(438, handle, 0, 0) >= 0 else ""


@attack
def signal_a_process(at: dict[str, Any]) -> object:
    os.kill(at["pid"], signal.SIGUSR1)
    return "loot"


@attack
def limit_a_process(at: dict[str, Any]) -> object:
    import resource

    resource.prlimit(at["pid"], resource.RLIMIT_NOFILE, (77, 77))
    return "loot"


@attack
def shared_memory(at: dict[str, Any]) -> object:
    number = libc.shmget(at["shm"], 0, 0)
    if number < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    return "loot"


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


def main() -> None:
    """Try everything; see above."""
    at = json.loads(sys.argv[1])
    wanted = at.get("only") or ATTACKS
    found = {}
    for name in wanted:
        try:
            found[name] = str(ATTACKS[name](at))
        except (OSError, ValueError, AttributeError):
            found[name] = ""
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
