"""A user with a project, something outside that is worth reaching, and commands in a sandbox.

Everything is below one folder of /tmp that any user can enter: the tests of the sandbox also run as
a user without rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from pyve_test_helpers import TREE, real_python

HELPERS = TREE / "tests" / "helpers"
# Found on many systems; owns nothing.
NOBODY = 65534
ENGINES = ("bubblewrap", "landlock")

# What is outside: answers on sockets, holds a secret, and notes who came. Ends when stdin does.
OUTSIDE = """
import ctypes, json, os, signal, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
abstract, path = sys.argv[1:]
came = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
    signal.signal(number, lambda got, _: came.append(signal.Signals(got).name))
tcp = socket.create_server(("127.0.0.1", 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
hidden = socket.socket(socket.AF_UNIX); hidden.bind("\\0" + abstract); hidden.listen()
named = socket.socket(socket.AF_UNIX); named.bind(path); named.listen()
boxes = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
boxes[0].bind("\\0" + abstract + "-letters"); boxes[1].bind(path + "-letters")
def answer(server, name):
    while True:
        with server.accept()[0] as one:
            came.append(name)
            one.sendall(b"loot")
def hear():
    while True:
        sender = udp.recvfrom(10)[1]
        came.append("datagram")
        udp.sendto(b"loot", sender)
def receive(box):
    while True:
        box.recv(10)
        came.append("letter")
for box in boxes:
    threading.Thread(target=receive, args=(box,), daemon=True).start()
for server, name in ((tcp, "tcp"), (hidden, "abstract"), (named, "path")):
    threading.Thread(target=answer, args=(server, name), daemon=True).start()
threading.Thread(target=hear, daemon=True).start()
memory = ctypes.create_string_buffer(b"loot....")
key = 0x50590000 + os.getpid() % 65536
segment = libc.shmget(key, 4096, 0o1600)
print(json.dumps({"pid": os.getpid(), "port": tcp.getsockname()[1], "udp": udp.getsockname()[1],
    "shm": key, "address": ctypes.addressof(memory)}), flush=True)
sys.stdin.readline()
libc.shmctl(segment, 0, None)
print(json.dumps(came), flush=True)
os._exit(0)
"""

# Makes a kernel without Landlock of this one, for a program and all that it starts.
WITHOUT_LANDLOCK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pyve_sandbox.seccomp import Filter, install, refuse
from pyve_sandbox.system import prctl
prctl(38, 1)
made = Filter()
made.otherwise["landlock_create_ruleset"] = refuse(38)
install(made.compile(), False)
os.execv(sys.argv[2], sys.argv[2:])
"""


def system_python() -> str:
    """Return an interpreter that every user can start, or skip by name."""
    if os.geteuid() != 0:
        return real_python()
    for minor in range(14, 8, -1):
        path = f"/usr/bin/python3.{minor}"
        if os.path.isfile(f"/usr/lib/python3.{minor}/ctypes/__init__.py"):
            return path
    pytest.skip("NOT TESTED: no interpreter that an ordinary user can start")


def landlock_version() -> int:
    """Return the ABI of Landlock here, 0 for none."""
    code = "import sys; sys.path.insert(0, sys.argv[1]);"
    code += "from pyve_sandbox.landlock import find_abi; print(find_abi())"
    words = [sys.executable, "-I", "-S", "-c", code, str(TREE / "helpers")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return int(done.stdout or 0)


def need_engine(engine: str) -> None:
    """Skip by name where an engine cannot be used."""
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT TESTED: the sandbox of Linux")
    if engine == "landlock" and landlock_version() < 6:
        pytest.skip("NOT TESTED: Landlock of Linux 6.12")
    if engine == "bubblewrap":
        words = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "true"]
        if not shutil.which("bwrap") or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("NOT TESTED: bubblewrap that works")


def need_sandbox() -> None:
    """Skip by name where ``--sandbox`` alone finds no engine that works."""
    need_engine("bubblewrap" if shutil.which("bwrap") else "landlock")


class Cell:
    """A user, a project with an environment, and what is outside.

    Attributes:
        root: the folder of all of it; home, tmp and project are in it.
        uid: the user.
        env: the variables of his commands.
        scratch: his TMPDIR.
    """

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.root = Path(tempfile.mkdtemp(prefix="sbx-test-", dir="/tmp"))
        self.root.chmod(0o755)
        self.home, self.tmp = self.root / "home of user", self.root / "tmp"
        self.project = self.root / "my project"
        self.scratch = self.root / "temporary"
        self.secret = self.home / "secret"
        self.python = system_python()
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{Path(self.python).parent}:/usr/bin:/bin",
            # (What is left in it was left by this user's commands.)
            "TMPDIR": str(self.scratch),
            "LC_ALL": "C.UTF-8",
            "TEST_SECRET": "loot",
        }
        for folder in (self.home, self.tmp, self.project, self.scratch):
            folder.mkdir()
        self.tmp.chmod(0o777)
        self.secret.write_text("loot")
        self.secret.chmod(0o600)
        (self.home / "movable").write_text("loot")
        (self.home / "cuttable").write_text("whole")
        (self.home / "given").write_text("given")
        self.shown = self.home / "shown" / "file"
        self.shown.parent.mkdir()
        self.shown.write_text("shown")
        with contextlib.suppress(OSError):
            os.setxattr(self.secret, "user.note", b"loot")
        # (Not all machines have the folder.)
        shared = Path("/dev/shm")
        self.shm_file = (shared if shared.is_dir() else self.home) / self.root.name
        self.shm_file.write_text("loot")
        (self.project / "link-out").symlink_to(self.secret)
        shutil.copy(HELPERS / "sandbox_attacks.py", self.project / "attacks.py")
        for name in ("sandbox_attacks_kernel.py", "sandbox_calls.py"):
            shutil.copy(HELPERS / name, self.project)
        make_environment(self.project, self.python)
        self.give()
        self._outside: subprocess.Popen[str] | None = None
        self.at: dict[str, Any] = {}

    def give(self) -> None:
        """Let the user have all that is there."""
        if os.geteuid() == 0:
            for path in (self.root, self.shm_file, *self.root.rglob("*")):
                os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run pyve as this user, in the project."""
        return self.execute(str(TREE / "pyve.sh"), *words, **options)

    def execute(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, in the project."""
        env = {**self.env, **options.pop("env", {})}
        if "stdin" not in options and "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        return subprocess.run(
            words,
            **{"cwd": self.project, **options},
            **self.identity(),
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def identity(self) -> dict[str, Any]:
        """Return what makes subprocess start something as this user."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.uid, "extra_groups": []}

    def start_outside(self) -> None:
        """Start the process that is to be reached."""
        path, abstract = str(self.tmp / "socket"), f"pyve-{os.getpid()}-{self.uid}"
        for name in ("socket", "socket-letters"):
            (self.tmp / name).unlink(missing_ok=True)
        self._outside = subprocess.Popen(
            [self.python, "-c", OUTSIDE, abstract, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"SECRET": "loot"},
            **self.identity(),
        )
        assert self._outside.stdout is not None
        self.at = {
            **json.loads(self._outside.stdout.readline()),
            "abstract": abstract,
            "socket": path,
            "letters": f"{path}-letters",
            "shown": str(self.shown),
            "shm_file": str(self.shm_file),
            "home": str(self.home),
            "tmp": str(self.tmp),
            "secret": str(self.secret),
            "movable": str(self.home / "movable"),
            "cuttable": str(self.home / "cuttable"),
        }

    def stop_outside(self) -> list[str]:
        """End that process; return what it noted."""
        assert self._outside is not None
        noted, _ = self._outside.communicate("\n")
        self._outside = None
        came: list[str] = json.loads(noted)
        return came

    def attack(self, *words: str, only: list[str] | None = None, **options: Any) -> dict[str, str]:
        """Run the attacks, by the interpreter that ends ``words``; return what each one got."""
        told = json.dumps({**self.at, **({"only": only} if only else {})})
        done = self.execute(*words, "attacks.py", told, **options)
        assert done.stdout, done.stderr
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def remove(self) -> None:
        """Remove everything."""
        if self._outside is not None:
            self.stop_outside()
        self.shm_file.unlink(missing_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)


def make_environment(project: Path, python: str) -> None:
    """Make a small environment, as Pyve writes it: no packages, no time."""
    venv = project / ".venv"
    version = subprocess.run(
        [python, "-I", "-c", "import os,platform;print(platform.python_version(), os.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split(None, 1)
    (project / ".pyve").mkdir()
    (project / ".pyve" / "config").write_text("backend: venv\n\nvenv:\n  directory: .venv\n")
    (venv / "bin").mkdir(parents=True)
    series = "python" + ".".join(version[0].split(".")[:2])
    (venv / "lib" / series / "site-packages").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(os.path.realpath(python))
    (venv / "pyvenv.cfg").write_text(
        f"home = {os.path.dirname(os.path.realpath(python))}\nversion = {version[0]}\n"
    )
    (venv / "pyve.state").write_text(
        f"format=1\npath={venv}\npython={python}\nversion={version[0]}\nstdlib={version[1].strip()}\n"
    )


def mode_of(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)
