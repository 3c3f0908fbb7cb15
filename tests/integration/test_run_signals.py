"""A program that Pyve starts is as if the shell had started it: status, signals, terminal."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from processes import kill_group
from pyve_test_helpers import WHEELHOUSE, Pyve, commit, need_wheelhouse
from sandbox_cell import ENGINES, need_engine
from sync_user import use_index
from terminal import Terminal

pytestmark = pytest.mark.venv

# Tells what it finds, and does what it is asked for.
PROBE = """import json, os, signal, sys

def tell(*words):
    # (print cannot be broken off by a handler that prints, too.)
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def main():
    word, *rest = sys.argv[1:] or os.environ["PROBE"].split()
    if word == "exit":
        sys.exit(int(rest[0]))
    if word == "kill":
        os.kill(os.getpid(), int(rest[0]))
    if word == "copy":
        sys.stdout.buffer.write(sys.stdin.buffer.read())
    if word == "who":
        ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        files = [fd for fd in range(3, 300) if is_open(fd)]
        tell(json.dumps([os.getpid(), os.getpgrp(), os.getsid(0), ignored, files]))
    if word == "talk":
        signal.signal(signal.SIGWINCH, lambda *_: tell("size", *os.get_terminal_size(0)))
        signal.signal(signal.SIGCONT, lambda *_: tell("goes on"))
        tell("terminal", *map(os.isatty, range(3)), os.tcgetpgrp(0) == os.getpgrp())
        for line in sys.stdin:
            tell("heard", line.strip())

def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True

if __name__ == "__main__":
    main()
"""
BLOCK = "# /// script\n# dependencies = []\n# ///\n"

DISTRIBUTIONS = (
    make_wheel(
        "teller", "1.0", files={"teller/cli.py": PROBE}, commands={"teller": "teller.cli:main"}
    ),
)


@dataclass(frozen=True)
class Way:
    """How the probe is started.

    Attributes:
        words: of Pyve, before those of the probe.
        env: variables that Pyve sees.
        takes_place: whether the probe is the very process that Pyve was.
    """

    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    takes_place: bool = True


WAYS = {
    "plain": Way(("run", "python", "probe.py")),
    "long": Way(("run", "--no-frozen", "--", "python", "probe.py")),
    "profile": Way(("run", "python", "probe.py"), (("PYVE_PROFILE", "dev"),)),
    "file": Way(("run", "probe.py")),
    "script": Way(("run", "block.py")),
    "module": Way(("run", "-m", "probe")),
    "x": Way(("x", "teller")),
    "tool": Way(("tool", "run", "teller")),
    "fmt": Way(("fmt",)),
    "at": Way(("run", "--at", "HEAD", "python", "probe.py")),
    "bubblewrap": Way(
        ("run", "--sandbox", "--sandbox-engine", "bubblewrap", "python", "probe.py"), (), False
    ),
    "landlock": Way(
        ("run", "--sandbox", "--sandbox-engine", "landlock", "python", "probe.py"), (), False
    ),
}


@pytest.fixture(scope="module")
def person(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, served: LocalIndex
) -> Iterator[Pyve]:
    """A user with a project that has the probe; the tests only run it."""
    root = tmp_path_factory.mktemp("signals")
    pyve = use_index(Pyve(root, template_cache), served, root / "uv cache")
    pyve.init()
    pyve.write("probe.py", PROBE)
    pyve.write("block.py", BLOCK + PROBE)
    pyve.write("requirements.in", "teller\n")
    pyve.ok("lock")
    pyve.ok("config", "set", "tools.fmt", "teller")
    commit(pyve)
    # (What has to be made is made before.)
    pyve.ok("run", "block.py", "exit", "0")
    pyve.ok("tool", "install", "teller")
    pyve.ok("x", "teller", "exit", "0")
    pyve.ok("run", "--at", "HEAD", "python", "probe.py", "exit", "0")
    yield pyve
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    if request.param in ENGINES:
        need_engine(str(request.param))
    return WAYS[str(request.param)]


def show_status(pyve: Pyve, way: Way, *words: str) -> str:
    """Return what a shell says of the probe's end."""
    argv = pyve.command(*way.words, *words)
    return pyve.execute("sh", "-c", '"$@" || echo $?', "sh", *argv, **dict(way.env)).stdout.strip()


def test_status_input_and_process_are_the_programs_own(person: Pyve, way: Way) -> None:
    env = {**person.env, **dict(way.env)}
    for status in (1, 2, 7, 255):
        assert person(*way.words, "exit", str(status), **dict(way.env)).returncode == status
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        assert show_status(person, way, "kill", str(int(number))) == str(128 + number)
    raw = bytes(range(256)) * 300
    done = subprocess.run(
        person.command(*way.words, "copy"),
        cwd=person.project,
        env=env,
        input=raw,
        capture_output=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, raw, b"")
    # Nothing of Pyve's is left open, and what the caller ignores stays ignored.
    process = subprocess.Popen(
        person.command(*way.words, "who"),
        cwd=person.project,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        start_new_session=True,
        text=True,
    )
    pid, group, session, is_ignored, files = json.loads(process.communicate(timeout=120)[0])
    assert (is_ignored, files) == (True, [])
    if way.takes_place:
        assert (pid, group, session) == (process.pid,) * 3


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_with_json_a_signal_reaches_the_command_too_and_the_document_follows(
    person: Pyve, name: str
) -> None:
    number = getattr(signal, f"SIG{name}")
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    time.sleep(0.3)\n    print('end')\n    sys.exit(7)\n"
        f"signal.signal(signal.SIG{name}, end)\n"
        "print('begun', flush=True)\n"
        # (Not pause: a signal may come before it.)
        "while True:\n    time.sleep(0.05)\n"
    )
    # (--json may stand anywhere before the command.)
    words = ("run", "--profile", "dev", "--json") if name == "TERM" else ("--json", "run")
    process = subprocess.Popen(
        person.command(*words, "python", "-c", code),
        cwd=person.project,
        env=person.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        if name == "TERM":
            # (Who starts Pyve may know no other process.)
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        kill_group(process)
    document = json.loads(stdout)
    codes = [item["code"] for item in document["diagnostics"]]
    assert stderr.startswith("end\n"), "the command was not left behind"
    if name == "TERM":
        assert (process.returncode, codes) == (-number, ["E_CANCELLED"])
        assert document["exit_code"] == 128 + number
    else:
        assert (process.returncode, codes, document["exit_code"]) == (7, [], 7)


def test_a_terminal_is_the_programs_own_with_its_size_and_job_control(
    person: Pyve, way: Way
) -> None:
    env = {**person.env, **dict(way.env), "PS1": "shell> "}
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=env, cwd=person.project, columns=190) as it:
        it.wait_for("shell>")
        it.type(shlex.join(person.command(*way.words, "talk")) + "\r")
        it.wait_for("terminal True True True True")
        it.type("one\r")
        it.wait_for("heard one")
        it.resize(170, 30)
        it.wait_for("size 170 30")
        it.stop_and_go_on()
        it.wait_for("goes on")
        it.type("two\r")
        it.wait_for("heard two")
        it.press("ctrl-c")
        it.wait_until(it.is_at_prompt)
        it.type("echo code $?\r")
        it.wait_for("code 130")
        it.wait_until(lambda: it.is_sane or it.is_at_prompt(), what="the terminal as it was")
        it.type("exit\r")
        it.wait()


def test_pytest_has_the_terminal_too(person: Pyve) -> None:
    need_wheelhouse()
    person.write(
        "test_probe.py",
        "import probe, sys\ndef test_talk():\n    del sys.argv[1:]\n    probe.main()\n",
    )
    links = WHEELHOUSE.as_uri()
    person.ok("testenv", "--install", UV_NO_INDEX="1", UV_FIND_LINKS=links, PIP_FIND_LINKS=links)
    env = {**person.env, "PS1": "shell> ", "PROBE": "talk"}
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=env, cwd=person.project, columns=190) as it:
        it.wait_for("shell>")
        it.type(shlex.join(person.command("test", "-s", "-q", "test_probe.py")) + "\r")
        it.wait_for("terminal True True True True")
        it.stop_and_go_on()
        it.type("two\r")
        it.wait_for("heard two")
        it.press("ctrl-c")
        it.wait_until(it.is_at_prompt)
        it.type("echo code $?\r")
        # (pytest's own for what was interrupted.)
        it.wait_for("code 2")
        it.type("exit\r")
        it.wait()
