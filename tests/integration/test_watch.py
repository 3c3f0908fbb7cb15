"""pyve watch: when a command is started again, how it is ended, and what happens at the end."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from json_documents import read_document, read_events
from processes import is_alive
from pyve_test_helpers import Pyve
from terminal import Terminal, open_pyve, session_processes

# A server with a child, both deaf to TERM when asked to be; each start writes its numbers down.
SERVER = """\
import os, signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "polite" in sys.argv:
    def leave(*_):
        time.sleep(0.3)
        open("out/bye", "w").close()
        sys.exit()
    signal.signal(signal.SIGTERM, leave)
child = subprocess.Popen(["sleep", "1000"])
with open(os.environ["LOG"], "a") as log:
    print("start", os.getpid(), child.pid, *sys.argv[1:], file=log)
if "ends" in sys.argv:
    child.kill()
    sys.exit(3)
while True:
    time.sleep(1000)
"""


class Watching:
    """A `pyve watch` that runs without a terminal, in a session of its own."""

    def __init__(self, pyve: Pyve, *words: str, **env: str) -> None:
        self.pyve = pyve
        self.log = pyve.root / "starts"
        self.said = pyve.root / "said"
        self.answer = pyve.root / "answer"
        self.log.write_text("")
        with self.said.open("wb") as said, self.answer.open("wb") as answer:
            self.process = subprocess.Popen(
                pyve.command(*words),
                cwd=pyve.project,
                env={**pyve.env, "LOG": str(self.log), **env},
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                start_new_session=True,
            )

    def starts(self) -> list[list[str]]:
        """Return what each start has written, as words."""
        return [line.split() for line in self.log.read_text().splitlines()]

    def wait_for(self, is_reached: Callable[[], Any], what: str = "") -> None:
        """Wait until the function's answer is true."""
        end = time.monotonic() + 30
        while not is_reached():
            assert self.process.poll() is None and time.monotonic() < end, (
                f"{what}\n{self.said.read_text()}\n{self.starts()}"
            )
            time.sleep(0.02)

    def wait_for_start(self, number: int) -> list[str]:
        """Wait for the start of that number; there must be no more."""
        self.wait_for(lambda: len(self.starts()) >= number, f"start {number}")
        assert len(self.starts()) == number
        return self.starts()[-1]

    def end(self, number: int) -> int:
        """End the watcher by a signal; return its status as a shell sees it. Nothing is left."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        self.see_nothing_left()
        return 128 - status if status < 0 else status

    def see_nothing_left(self) -> None:
        """See that all processes of the session end."""
        end = time.monotonic() + 30
        while session_processes(self.process.pid):
            assert time.monotonic() < end, session_processes(self.process.pid)
            time.sleep(0.02)

    def close(self) -> None:
        """End what a failed test has left."""
        for pid in session_processes(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def watch(pyve: Pyve) -> Iterator[Callable[..., Watching]]:
    """Starts a watcher in a git repository with an environment and a server."""
    pyve.init()
    pyve.execute("git", "init", "-q", ".")
    pyve.write(".gitignore", "/.venv\n.pyve/state\nout/\n*.log\n")
    pyve.write("server.py", SERVER)
    opened: list[Watching] = []

    def start(*words: str, **env: str) -> Watching:
        opened.append(Watching(pyve, *words, **env))
        return opened[-1]

    yield start
    for item in opened:
        item.close()


def write_more(path: Path, text: str = "# more\n") -> None:
    """Add to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        stream.write(text)


def test_a_change_ends_the_whole_group_and_starts_anew(
    watch: Callable[..., Watching], pyve: Pyve
) -> None:
    it = watch("watch", "--kill-after", "0.3", "--", "python", "server.py", "deaf", "--on x")
    _, server, child, *words = it.wait_for_start(1)
    assert words == ["deaf", "--on", "x"]
    # What git ignores, what belongs to Pyve and to git, and a folder without a file change nothing.
    pyve.write("out/deep/report.html", "x")
    write_more(pyve.project / "a.log")
    write_more(pyve.project / ".git/description")
    write_more(pyve.project / "__pycache__/server.cpython-311.pyc")
    (pyve.project / "empty").mkdir()
    # A burst in folders that are new is one restart, and the line says what has changed.
    name = 'src/deep "er/é\n-x.py'
    pyve.write(name, "1")
    for number in range(20):
        write_more(pyve.project / f'src/deep "er/{number}/f.py')
    _, second, _, *_ = it.wait_for_start(2)
    assert not is_alive(int(server)) and not is_alive(int(child))
    assert second != server
    said = it.said.read_text()
    assert 'src/deep "er/0/f.py added, and 20 more: ending the command and starting again' in said
    assert "did not end within 0.3 s: killed" in said
    # A new folder is watched like the others; a rule of git counts at once; a file that goes, too.
    write_more(pyve.project / 'src/deep "er/7/f.py')
    it.wait_for_start(3)
    pyve.write(".gitignore", "/.venv\n.pyve/state\nout/\n*.log\n/src\n")
    it.wait_for_start(4)
    write_more(pyve.project / 'src/deep "er/7/f.py')
    (pyve.project / "server.py").unlink()
    it.wait_for(lambda: "server.py deleted" in it.said.read_text())
    it.wait_for(lambda: "The command ended with status 2" in it.said.read_text())
    pyve.write("server.py", SERVER)
    it.wait_for_start(5)
    assert "é" not in it.said.read_text().split("starting again")[-2]
    # A folder that is made anew is another one, which is watched, too.
    pyve.write("lib/x.py", "1")
    it.wait_for_start(6)
    shutil.rmtree(pyve.project / "lib")
    it.wait_for_start(7)
    pyve.write("lib/x.py", "2")
    it.wait_for_start(8)
    write_more(pyve.project / "lib/x.py")
    it.wait_for_start(9)
    said = it.said.read_text()
    for verb, count in (("added", 2), ("deleted", 1), ("changed", 1)):
        assert said.count(f"lib/x.py {verb}: ending") == count
    assert it.end(signal.SIGTERM) == 143


@pytest.mark.linux
def test_names_that_are_no_text_are_in_nobodys_way(
    watch: Callable[..., Watching], pyve: Pyve
) -> None:
    # (Elsewhere the system has no such names.)
    it = watch("watch", "--kill-after", "0.3", "python", "server.py", "ends")
    it.wait_for_start(1)
    folder = os.fsencode(pyve.project) + b"/\xfe"
    os.mkdir(folder)
    Path(os.fsdecode(folder + b"/x.py")).write_text("1")
    write_more(pyve.project / "lib/x.py")
    it.wait_for_start(2)
    write_more(pyve.project / "lib/x.py")
    it.wait_for_start(3)
    assert it.said.read_text().count("lib/x.py") == 2
    assert it.end(signal.SIGTERM) == 143


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGINT])
def test_however_the_watcher_ends_the_command_ends(
    watch: Callable[..., Watching], number: int
) -> None:
    it = watch("watch", "--kill-after", "0.3", "python", "server.py")
    it.wait_for_start(1)
    assert it.end(number) == 128 + number


def test_hup_for_the_group_of_the_command_is_not_the_end_of_a_terminal(
    watch: Callable[..., Watching],
) -> None:
    it = watch("watch", "python", "server.py")
    server = int(it.wait_for_start(1)[1])
    os.killpg(os.getpgid(server), signal.SIGHUP)
    it.wait_for(lambda: "The command ended with status 129" in it.said.read_text())
    assert it.end(signal.SIGTERM) == 143


def test_named_paths_count_and_nothing_else(watch: Callable[..., Watching], pyve: Pyve) -> None:
    pyve.write("out/page.css", "")
    pyve.write("out/lib/b.css", "")
    pyve.write("other/x.py", "")
    # Without a command, the config has it; a file is seen through its folder, ignored or not.
    pyve.ok("config", "set", "watch.command", "python server.py ends")
    it = watch("watch", "--on", "out/page.css", "--on=other", "--quiet")
    it.wait_for_start(1)
    write_more(pyve.project / "server.py", "# x\n")
    write_more(pyve.project / "out/lib/b.css")
    (pyve.project / "out/page.new").write_text("new")
    (pyve.project / "out/page.new").rename(pyve.project / "out/page.css")
    it.wait_for_start(2)
    write_more(pyve.project / "other/y/x.py")
    it.wait_for_start(3)
    # What goes, folder and all, is waited for.
    shutil.rmtree(pyve.project / "out")
    it.wait_for_start(4)
    pyve.write("out/page.css", "")
    it.wait_for_start(5)
    assert it.said.read_text() == ""
    # The last status is that of the whole.
    it.wait_for(lambda: not is_alive(int(it.starts()[-1][1])))
    assert it.end(signal.SIGINT) == 3


def test_polling_sees_the_same_and_a_command_can_take_leave(
    watch: Callable[..., Watching], pyve: Pyve
) -> None:
    it = watch("watch", "--poll", "python", "server.py", "polite")
    it.wait_for_start(1)
    time.sleep(1)
    pyve.write("out/x", "1")
    pyve.write("src/a.py", "1")
    it.wait_for_start(2)
    assert (pyve.project / "out/bye").exists()
    assert it.end(signal.SIGINT) == 130


@pytest.mark.parametrize("form", ["--json", "--format=jsonl"])
def test_programs_read_what_happened(watch: Callable[..., Watching], pyve: Pyve, form: str) -> None:
    it = watch("watch", form, "python", "server.py", "ends")
    it.wait_for_start(1)
    it.wait_for(lambda: "status 3" in it.said.read_text())
    write_more(pyve.project / "a b.py")
    it.wait_for_start(2)
    if form == "--format=jsonl":
        # It is told when it happens.
        events = [json.loads(line) for line in it.answer.read_text().splitlines()]
        assert "a b.py added: starting again" in [event.get("message") for event in events]
    it.wait_for(lambda: it.said.read_text().count("status 3") == 2)
    os.killpg(it.process.pid, signal.SIGINT)
    assert it.process.wait(30) == 3
    output = it.answer.read_bytes()
    document = read_events(output)[-1]["document"] if "jsonl" in form else read_document(output)
    assert document["detail"] == {"starts": 2}
    assert document["exit_code"] == 3


def test_a_signal_for_pyve_ends_the_watcher_of_a_program(watch: Callable[..., Watching]) -> None:
    it = watch("watch", "--json", "--kill-after", "0.3", "python", "server.py")
    it.wait_for_start(1)
    assert it.end(signal.SIGTERM) == 143
    document = read_document(it.answer.read_bytes())
    assert document["diagnostics"][0]["code"] == "E_CANCELLED"
    assert document["exit_code"] == 143


def test_a_profile_can_say_that_it_is_watched(watch: Callable[..., Watching], pyve: Pyve) -> None:
    pyve.ok("config", "set", "run.profiles.live.watch", "true")
    pyve.ok("config", "set", "run.profiles.live.env.COLOR", "red")
    pyve.write("show.sh", 'echo start 1 2 "$COLOR" >>"$LOG"')
    it = watch("run", "--profile", "live", "sh", "show.sh")
    assert it.wait_for_start(1)[-1] == "red"
    pyve.ok("config", "set", "run.profiles.live.env.COLOR", "blue")
    assert it.wait_for_start(2)[-1] == "blue"
    it.wait_for(lambda: it.said.read_text().count("status 0") == 2)
    assert it.end(signal.SIGINT) == 0


# --- on a terminal

PERSON = """\
import os, select, signal, sys
print("terminal", sys.stdin.isatty(), os.tcgetpgrp(0) == os.getpgrp(), flush=True)
if "catches" in sys.argv:
    signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
if "debugs" in sys.argv:
    signal.signal(signal.SIGINT, lambda *_: os.write(1, b"goes on\\n") and None)
print("number", os.get_terminal_size().columns, flush=True)
while True:
    print("> ", end="", flush=True)
    # (A signal that comes right before it reads would wait for a line.)
    while not select.select([0], [], [], 0.05)[0]:
        pass
    heard = input()
    if heard == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    print("heard", heard, flush=True)
    if heard == "bye":
        sys.exit(4)
"""


@pytest.fixture
def person(pyve: Pyve) -> Pyve:
    """A user whose project has a program that talks to a person."""
    pyve.init()
    pyve.execute("git", "init", "-q", ".")
    pyve.write(".gitignore", "/.venv\n.pyve/state\n")
    pyve.write("talk.py", PERSON)
    return pyve


def test_the_command_has_the_terminal_and_its_code_is_the_end(person: Pyve) -> None:
    words = ("watch", "--clear", "--", "python", "talk.py", "catches")
    with open_pyve(person, *words, columns=90) as it:
        it.wait_for("terminal True True")
        it.wait_for("number 90")
        it.type("one\r")
        it.wait_for("heard one")
        write_more(person.project / "talk.py")
        it.wait_until(lambda: it.raw.count("terminal True True") == 2)
        assert it.raw.count("\x1b[2J") == 2
        it.wait_until(lambda: "heard one" not in "\n".join(it.visible))
        it.wait_for("talk.py changed: started again")
        it.type("two\r")
        it.wait_for("heard two")
        it.press("ctrl-c")
        assert it.wait() == 7
        assert it.is_sane
        assert not it.processes()


def test_job_control_reaches_the_command_and_the_shell(person: Pyve) -> None:
    pyve = shlex.join(person.command("watch", "python", "talk.py"))
    env = {**person.env, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "PS1": "shell> "}
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=env, cwd=person.project, columns=200) as it:
        it.wait_for("shell>")
        it.type(pyve + "\r")
        it.wait_for("number 200")
        it.stop_and_go_on()
        it.type("three\r")
        it.wait_for("heard three")
        # It may stop by itself, too.
        it.type("stop\r")
        it.wait_until(it.is_at_prompt)
        it.type("fg\r")
        it.wait_for("heard stop")
        write_more(person.project / "talk.py")
        it.wait_until(lambda: it.raw.count("number 200") == 2)
        it.type("four\r")
        it.wait_for("heard four")
        it.press("ctrl-c")
        it.wait_until(it.is_at_prompt)
        it.type("echo code $?\r")
        it.wait_for("code 130")
        it.type("exit\r")
        it.wait()


def test_ctrl_c_while_nothing_runs_ends_with_the_last_code(person: Pyve) -> None:
    with open_pyve(person, "watch", "--", "python", "-c", "raise SystemExit(5)") as it:
        it.wait_for("ended with status 5; waiting for a change")
        assert it.is_sane
        it.press("ctrl-c")
        assert it.wait() == 5


def test_a_command_that_goes_on_after_ctrl_c_is_started_again(person: Pyve) -> None:
    words = ("watch", "--kill-after", "0.1", "--", "python", "talk.py", "debugs")
    with open_pyve(person, *words) as it:
        it.wait_for("number 80")
        it.press("ctrl-c")
        it.wait_for("goes on")
        # (It has had its time to end.)
        time.sleep(0.3)
        write_more(person.project / "talk.py")
        it.wait_until(lambda: it.raw.count("number 80") == 2)
        it.press("ctrl-c")
        it.wait_until(lambda: it.raw.count("goes on") == 2)
        time.sleep(0.3)
        # Nor is an end of its own.
        it.type("bye\r")
        it.wait_for("ended with status 4; waiting for a change")


def test_the_watcher_goes_with_the_terminal(person: Pyve) -> None:
    watching = shlex.join(person.command("watch", "python", "talk.py"))
    env = {**person.env, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    with Terminal(["bash", "-c", f"{watching}; :"], env=env, cwd=person.project) as it:
        it.wait_for("number 80")
        # (The watcher is in no group that is told.)
        it.hang_up()
        end = time.monotonic() + 30
        while it.processes():
            assert time.monotonic() < end, it.processes()
            time.sleep(0.02)
