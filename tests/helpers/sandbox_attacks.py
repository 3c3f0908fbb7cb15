"""Tries to get out of a sandbox, each way once, and says what came of it as a JSON document.

Run by an interpreter, with one argument: a JSON object with the places that test_sandbox.py has
prepared outside. The answer is an object: name of the attack -> what was got, or "" when it was
refused. Outside of a sandbox nearly all succeed: that shows that they are attacks.

Here are those on files and processes; sandbox_attacks_kernel.py has the others. Standard library
only; what it makes outside carries the word "loot", so that the test sees it.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from typing import Any

import sandbox_attacks_kernel
from sandbox_calls import ATTACKS, X86, attack, libc, syscall

__all__ = ["ATTACKS", "sandbox_attacks_kernel"]


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
def write_what_can_be_read(at: dict[str, Any]) -> object:
    with open(at["shown"], "r+") as stream:
        stream.write("loot")
    return "loot"


@attack
def open_once_more_what_can_be_read(at: dict[str, Any]) -> object:
    with open(at["shown"]) as stream, open(f"/proc/self/fd/{stream.fileno()}", "r+") as other:
        other.write("loot")
    return "loot"


@attack
def change_a_mode_of_what_can_be_read(at: dict[str, Any]) -> object:
    with open(at["shown"]) as stream:
        os.fchmod(stream.fileno(), 0o777)
    return "loot"


@attack
def change_flags_of_what_can_be_read(at: dict[str, Any]) -> object:
    import fcntl

    flags = bytearray(8)
    with open(at["shown"]) as stream:
        fcntl.ioctl(stream, 0x80086601, flags)
        # (FS_NODUMP_FL, which anybody may set who owns a file.)
        fcntl.ioctl(stream, 0x40086602, bytes([flags[0] ^ 0x40, *flags[1:]]))
    return "loot"


@attack
def read_an_attribute(at: dict[str, Any]) -> object:
    return os.getxattr(at["secret"], "user.note").decode()


@attack
def watch_a_folder(at: dict[str, Any]) -> object:
    watch = libc.inotify_init1(0)
    number = libc.inotify_add_watch(watch, at["tmp"].encode(), 0x100)
    os.close(watch)
    return "loot" if number >= 0 else ""


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
def write_memory_of_a_process(at: dict[str, Any]) -> object:
    buffer = ctypes.create_string_buffer(b"loot")
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 4)
    remote = (ctypes.c_size_t * 2)(at["address"], 4)
    syscall(311 if X86 else 271, at["pid"], local, 1, remote, 1, 0)
    return "loot"


@attack
def signal_a_process(at: dict[str, Any]) -> object:
    os.kill(at["pid"], signal.SIGUSR1)
    return "loot"


@attack
def signal_the_group(at: dict[str, Any]) -> object:
    # (Whether it has come, the process outside says: it is in the same group.)
    os.kill(0, signal.SIGWINCH)
    return ""


@attack
def signal_by_a_descriptor(at: dict[str, Any]) -> object:
    import fcntl

    one, other = os.pipe()
    fcntl.fcntl(one, fcntl.F_SETOWN, at["pid"])
    fcntl.fcntl(one, 10, int(signal.SIGUSR2))
    fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(other, b"x")
    return ""


@attack
def slow_the_group_down(at: dict[str, Any]) -> object:
    # (To what it is; of the user's processes this would reach all.)
    os.setpriority(os.PRIO_PGRP, 0, os.getpriority(os.PRIO_PROCESS, 0))
    return "loot"


@attack
def slow_the_files_of_the_group_down(at: dict[str, Any]) -> object:
    get, set_ = (252, 251) if X86 else (31, 30)
    syscall(set_, 2, 0, syscall(get, 1, 0))
    return "loot"


@attack
def processors_of_a_process(at: dict[str, Any]) -> object:
    os.sched_setaffinity(at["pid"], os.sched_getaffinity(0))
    return "loot"


@attack
def limit_a_process(at: dict[str, Any]) -> object:
    import resource

    resource.prlimit(at["pid"], resource.RLIMIT_NOFILE, (77, 77))
    return "loot"


@attack
def file_in_shared_memory(at: dict[str, Any]) -> object:
    with open(at["shm_file"]) as stream:
        return stream.read()


@attack
def shared_memory(at: dict[str, Any]) -> object:
    number = libc.shmget(at["shm"], 0, 0)
    if number < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    return "loot"


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
