"""What gets out of the sandbox: nothing. Each row of the table in docs/sandbox.md.

The attacks are in tests/helpers/sandbox_attacks.py. They run once for each engine and user, and
once without a sandbox, where they have to succeed: otherwise they would show nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from pyve_test_helpers import TREE
from sandbox_attacks import ATTACKS
from sandbox_cell import ENGINES, NOBODY, WITHOUT_LANDLOCK, Cell, need_engine

pytestmark = [pytest.mark.venv, pytest.mark.linux]

USERS = ("root", "ordinary user") if os.geteuid() == 0 else ("ordinary user",)

# Row of the table: the attacks.
ROWS = {
    "home": (
        "read_by_open read_by_io_open read_by_fileio read_by_relative_path read_by_current_folder"
        " write_in_home write_in_tmp truncate_outside file_in_shared_memory"
    ),
    "ctypes": "read_by_ctypes connect_by_ctypes open_by_handle",
    "subprocess": "read_by_subprocess connect_by_subprocess",
    "symlinks": "read_by_a_link_of_the_project read_by_a_new_link change_a_mode_by_a_link",
    "links": "hard_link_in rename_in",
    "metadata": "change_a_mode_outside change_a_time_outside",
    "read only": (
        "write_what_can_be_read open_once_more_what_can_be_read change_a_mode_of_what_can_be_read"
        " change_flags_of_what_can_be_read"
    ),
    "watching": "watch_a_folder read_an_attribute",
    "setuid": "make_a_setuid_file make_a_setuid_file_by_open",
    "proc": (
        "environment_of_a_process root_of_a_process environments_of_all_processes"
        " root_of_all_processes memory_of_a_process"
    ),
    "ptrace": (
        "trace_a_process read_memory_of_a_process write_memory_of_a_process"
        " descriptor_of_a_process signal_a_process signal_by_a_descriptor limit_a_process"
        " processors_of_a_process"
    ),
    "group": "signal_the_group slow_the_group_down slow_the_files_of_the_group_down",
    "network": "connect connect_by_raw_socket send_a_datagram packet_socket virtual_machine_socket",
    "abstract sockets": "abstract_socket letter_to_an_abstract_socket",
    "sockets of a path": "socket_of_a_path letter_by_a_pair",
    "shared memory": "shared_memory",
    "descriptors": "inherited_file inherited_folder stdin_once_more_to_write",
    "namespaces": "new_user_namespace mount_something change_the_root",
    "calls": (
        "ring_of_calls keys other_numbers_of_calls calls_of_32_bits handler_of_page_faults"
        " capabilities device_of_a_disk"
    ),
    "terminal": "type_into_the_terminal",
    "variables": "variable_of_the_caller",
}
# Where these fail without a sandbox, too, they show nothing: nobody but root may do them, or the
# machine is set up so.
UNCERTAIN = """
    open_by_handle packet_socket mount_something change_the_root capabilities device_of_a_disk
    ring_of_calls keys other_numbers_of_calls new_user_namespace trace_a_process
    memory_of_a_process read_memory_of_a_process descriptor_of_a_process virtual_machine_socket
    type_into_the_terminal root_of_all_processes write_memory_of_a_process calls_of_32_bits
    handler_of_page_faults read_an_attribute change_flags_of_what_can_be_read
    slow_the_group_down slow_the_files_of_the_group_down
    signal_the_group signal_by_a_descriptor
"""


class Siege(Cell):
    """A cell, and what the attacks got: with each engine, and without a sandbox.

    Attributes:
        got: engine -> attack -> what it got.
        audited: the same, with an audit, for which the kernel asks about more calls.
        bare: the same with bubblewrap alone, as on a kernel without Landlock.
        online: the same of a few, with a network.
        free: attack -> what it got without a sandbox.
        came: what the process outside saw of those of ``got``, ``audited`` and ``bare``.
        came_online: what it saw of those of ``online``.
        came_free: what it saw of those of ``free``.
        left: the secret's status, and all files outside, after them.
    """

    def __init__(self, uid: int) -> None:
        super().__init__(uid)
        self.got: dict[str, dict[str, str]] = {}
        self.audited: dict[str, dict[str, str]] = {}
        self.bare: dict[str, str] = {}
        self.online: dict[str, dict[str, str]] = {}

    def lay(self) -> None:
        """Let all attacks be tried."""
        engines = [engine for engine in ENGINES if _is_there(engine)]
        before = self.secret.stat()
        self.start_outside()
        for engine in engines:
            self.got[engine] = self.try_all(*self.sandbox(engine), "python")
            self.audited[engine] = self.try_all(*self.sandbox(engine, "--audit"), "python")
        if "bubblewrap" in engines:
            # (There, stdin cannot be a file.)
            self.bare = self.attack(*self.without_landlock("bubblewrap"), "python")
        self.came = self.stop_outside()
        self.start_outside()
        only = [
            *("connect", "abstract_socket", "socket_of_a_path", "read_by_open"),
            *("letter_by_a_pair", "letter_to_an_abstract_socket"),
        ]
        for engine in engines:
            self.online[engine] = self.attack(*self.sandbox(engine, "--net"), "python", only=only)
        self.came_online = self.stop_outside()
        self.start_outside()
        after = self.secret.stat()
        self.is_untouched = (before.st_mode, before.st_mtime_ns) == (
            after.st_mode,
            after.st_mtime_ns,
        ) and [(self.home / name).read_text() for name in ("cuttable", "given", "shown/file")] == [
            *("whole", "given", "shown")
        ]
        self.written = [*self.home.glob("written"), *self.tmp.glob("written")]
        self.free = self.try_all(self.python)
        self.came_free = self.stop_outside()

    def try_all(self, *words: str) -> dict[str, str]:
        """Run all attacks, with a file and a folder from outside among the descriptors."""
        folder = os.open(self.home, os.O_RDONLY)
        with open(self.home / "given") as stdin, open(self.secret) as other:
            handed = (folder, other.fileno())
            try:
                return self.attack(*words, stdin=stdin, pass_fds=handed)
            finally:
                os.close(folder)

    def without_landlock(self, engine: str) -> list[str]:
        """Return the words of a sandbox by an engine on a kernel that has no Landlock."""
        words = [self.python, "-I", "-c", WITHOUT_LANDLOCK, str(TREE / "helpers")]
        return [*words, *self.sandbox(engine)]

    def sandbox(self, engine: str, *options: str) -> list[str]:
        """Return the words of a sandbox by an engine."""
        words = [str(TREE / "pyve.sh"), "run", "--sandbox", "--sandbox-engine", engine]
        return [*words, "--allow-read", str(self.shown.parent), *options, "--"]


def _is_there(engine: str) -> bool:
    try:
        need_engine(engine)
    except pytest.skip.Exception:
        return False
    return True


@pytest.fixture(scope="module", params=USERS)
def siege(request: pytest.FixtureRequest) -> Iterator[Siege]:
    """A user whose commands have attacked; root, and one without rights."""
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT TESTED: the sandbox of Linux")
    root = request.param == "root"
    made = Siege(0 if root else NOBODY if os.geteuid() == 0 else os.geteuid())
    try:
        made.lay()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", ROWS)
def test_an_attack_gets_nothing(siege: Siege, row: str, engine: str) -> None:
    need_engine(engine)
    names = ROWS[row].split()
    for all_ in (siege.got, siege.audited):
        got = {name: all_[engine][name] for name in names}
        assert got == dict.fromkeys(names, ""), f"{row}: {got}"
    # They are attacks: without a sandbox they work.
    useless = [name for name in names if not siege.free[name] and name not in UNCERTAIN.split()]
    assert not useless, f"these get nothing without a sandbox either: {useless}"


def test_bubblewrap_holds_without_landlock(siege: Siege) -> None:
    need_engine("bubblewrap")
    assert siege.bare.keys() == siege.free.keys()
    got = {name: what for name, what in siege.bare.items() if what}
    # (Its stdin is /dev/null.)
    assert got.keys() <= {"stdin_once_more_to_write"}
    # What could be opened once more, to write, is refused; so there was no Landlock.
    words = [*siege.without_landlock("bubblewrap"), "cat"]
    with open(siege.home / "given") as stdin:
        done = siege.execute(*words, stdin=stdin)
    assert done.returncode == 1 and "[E_SANDBOX_DESCRIPTOR]" in done.stderr, done.stderr
    assert siege.execute(*words, input="through a pipe").stdout == "through a pipe"


def test_every_attack_is_in_a_row() -> None:
    listed = sorted(name for names in ROWS.values() for name in names.split())
    assert listed == sorted(name for name in ATTACKS if name != "list_home")


def test_nothing_outside_was_changed_or_reached(siege: Siege) -> None:
    assert siege.came == []
    assert set(siege.came_online) <= {"tcp"}
    assert {"SIGUSR1", "SIGUSR2", "SIGWINCH", "letter", "tcp"} <= set(siege.came_free)
    assert siege.is_untouched
    assert siege.written == []


@pytest.mark.parametrize("engine", ENGINES)
def test_with_a_network_only_the_network_is_open(siege: Siege, engine: str) -> None:
    need_engine(engine)
    got = siege.online[engine]
    assert got == {
        "connect": "loot",
        "abstract_socket": "",
        "socket_of_a_path": "",
        "read_by_open": "",
        "letter_by_a_pair": "",
        "letter_to_an_abstract_socket": "",
    }


def test_the_home_folder_is_empty(siege: Siege) -> None:
    for engine, got in siege.got.items():
        assert not got["list_home"], engine
