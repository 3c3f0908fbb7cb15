"""What a command in a sandbox can do, its limits, its end; and that it never runs without one."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyve_test_helpers import TREE
from sandbox_cell import ENGINES, Cell, need_engine

pytestmark = [pytest.mark.venv, pytest.mark.linux]
PYVE = str(TREE / "pyve.sh")


@pytest.fixture(scope="module")
def room() -> Iterator[Cell]:
    """A user with a project."""
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT TESTED: the sandbox of Linux")
    made = Cell(os.geteuid())
    yield made
    made.remove()


@pytest.fixture(params=ENGINES)
def cell(request: pytest.FixtureRequest, room: Cell) -> Cell:
    """The user, whose sandboxes are made by one engine after the other."""
    need_engine(request.param)
    room.env["PYVE_SANDBOX_ENGINE"] = request.param
    return room


def shell(
    cell: Cell, script: str, *options: str, **more: object
) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in a sandbox."""
    return cell.run("run", "--sandbox", *options, "--", "bash", "-c", script, **more)


def python(
    cell: Cell, code: str, *options: str, **more: object
) -> subprocess.CompletedProcess[str]:
    """Run a program of Python in a sandbox."""
    return cell.run("run", "--sandbox", *options, "--", "python", "-c", code, **more)


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.02)


def test_the_project_and_its_environment_work_as_ever(cell: Cell) -> None:
    (cell.project / "sub").mkdir(exist_ok=True)
    code = (
        "import os, sys, json, ssl, shutil, tempfile, pathlib\n"
        "pathlib.Path('made').write_text('x')\n"
        "shutil.copy2('made', 'copied'); os.utime('copied', (5, 5)); os.chmod('copied', 0o640)\n"
        "with tempfile.TemporaryDirectory() as place: pathlib.Path(place, 'f').write_text('x')\n"
        "pathlib.Path.home().joinpath('.cache').mkdir()\n"
        "print(json.dumps([sys.prefix, os.getcwd(), os.listdir(pathlib.Path.home()),\n"
        "  os.environ.get('TEST_SECRET'), os.environ['PYVE_SANDBOX'], sys.stdin.read()]))"
    )
    done = python(cell, code, cwd=cell.project / "sub", input="given")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        *(str(cell.project / ".venv"), str(cell.project / "sub"), [".cache"], None),
        *(cell.env["PYVE_SANDBOX_ENGINE"], "given"),
    ]
    copied = (cell.project / "sub" / "copied").stat()
    assert (copied.st_mode & 0o777, copied.st_mtime) == (0o640, 5)
    assert not os.listdir(cell.scratch)


def test_a_project_that_is_read_only_stays_as_it_is(cell: Cell) -> None:
    (cell.project / "kept").write_text("kept")
    (cell.project / "kept").chmod(0o644)
    tries = (
        "echo x >kept; echo x >>kept; : >new; rm -f kept; mv kept moved; mkdir d; ln -s a l"
        '; chmod 600 kept; touch -d @5 kept; truncate -s 0 kept; cp -p kept "$HOME"; cat kept'
    )
    before = (cell.project / "kept").stat()
    done = shell(cell, tries, "--ro", cwd=cell.project)
    assert done.stdout == "kept", done.stderr
    after = (cell.project / "kept").stat()
    assert (before.st_mode, before.st_mtime_ns, before.st_size, before.st_ino) == (
        *(after.st_mode, after.st_mtime_ns, after.st_size, after.st_ino),
    )
    assert not [name for name in ("new", "moved", "d", "l") if (cell.project / name).exists()]


def test_paths_and_variables_are_opened_by_name(cell: Cell) -> None:
    readable, writable = cell.root / "can be read", cell.root / "can be written"
    for folder in (readable, writable):
        folder.mkdir(exist_ok=True)
        (folder / "file").write_text("there")
    script = (
        'cat "$1/file" "$2/file"; echo more >>"$2/file"; echo x >"$1/file"; echo "$TEST_SECRET"'
    )
    near = os.path.relpath(writable, cell.project)
    words = ["--allow-read", str(readable), "--allow-write", near, "--allow-env", "TEST_SECRET"]
    command = ["bash", "-c", script, "-", str(readable), str(writable)]
    done = cell.run("run", "--sandbox", *words, "--", *command)
    assert done.stdout == "therethereloot\n", done.stderr
    assert (writable / "file").read_text() == "theremore\n"
    assert (readable / "file").read_text() == "there"


def test_a_variable_that_is_let_in_is_not_for_what_makes_the_sandbox(cell: Cell) -> None:
    # (A path with a blank would be two libraries.)
    library, trace = cell.root / "evil.so", cell.root / "loaded-outside"
    source = "#include <stdio.h>\n__attribute__((constructor)) void leave_a_trace(void) {\n"
    source += '  FILE *file = fopen("%s", "w");\n  if (file) fclose(file);\n}\n'
    (cell.project / "evil.c").write_text(source % trace)
    if subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, cell.project / "evil.c"]
    ).returncode:
        pytest.skip("NOT TESTED: no C compiler")
    code = (
        "import os, sys\n"
        "sys.path.insert(0, sys.argv[1]); os.environ['LD_PRELOAD'] = sys.argv[2]\n"
        "from pyve_sandbox.start import run; sys.exit(run(sys.argv[3], sys.argv[4:]))"
    )
    profile = f"project {cell.project}\nfolder {cell.project}\nenv LD_PRELOAD"
    told = ["bash", "-c", "echo $LD_PRELOAD"]
    words = ["-I", "-S", "-c", code, str(TREE / "helpers"), str(library), profile, *told]
    assert cell.execute(cell.python, *words).stdout.strip() == str(library)
    assert not trace.exists()
    # Nor what a profile of the project sets, in a file that the command can have written.
    config = cell.project / ".pyve" / "config"
    kept = config.read_text()
    set_ = {"LD_PRELOAD": library, "HOME": "/nowhere", "XDG_CACHE_HOME": "/", "NAME": "a=b c"}
    lines = "".join(f'        {name}: "{value}"\n' for name, value in set_.items())
    config.write_text(f"{kept}\nrun:\n  profiles:\n    evil:\n      env:\n{lines}")
    words = ["run", "--profile", "evil", "--sandbox", "bash", "-c", 'echo "$LD_PRELOAD|$NAME"; env']
    done = cell.run(*words)
    config.write_text(kept)
    assert done.stdout.startswith(f"{library}|a=b c\n"), done.stderr
    assert "PYVE_SANDBOX_SET" not in done.stdout
    assert not trace.exists()


def test_what_is_used_outside_later_cannot_be_changed(cell: Cell) -> None:
    if cell.env["PYVE_SANDBOX_ENGINE"] != "bubblewrap":
        pytest.skip("docs/sandbox.md says so: with Landlock it takes --ro")
    alias = cell.root / "alias"
    guarded = [cell.project / name for name in (".git", ".envrc", ".env")]
    for path in (alias, *guarded):
        # (Of a test that has failed.)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(
            missing_ok=True
        )
    alias.symlink_to(cell.root)
    for name in (".git/hooks", ".git/config", ".envrc", ".env"):
        path = cell.project / name
        path.parent.mkdir(exist_ok=True)
        path.mkdir(exist_ok=True) if name.endswith("hooks") else path.write_text("old\n")
    script = (
        'cd "${1:-.}"; for f in .git/hooks/post-checkout .git/config .git/commondir .envrc .env'
        " .pyve/config .venv/bin/python .venv/pyvenv.cfg"
        "; do echo new >$f && echo $f; rm $f && echo $f; done"
        "; for f in .venv .pyve .git .env; do mv $f moved && echo $f; done"
        "; mkdir .git && echo .git; echo other >free && cat free"
    )
    assert shell(cell, script).stdout == "other\n"
    # The same folder by another name, and by its own when it was entered by the other.
    for place in ("", str(cell.project)):
        words = ["run", "--sandbox", "--", "bash", "-c", script, "-", place]
        options = {"cwd": alias / "my project", "env": {"PWD": str(alias / "my project")}}
        assert cell.run(*words, **options).stdout == "other\n"
    # A worktree has a file there, which names a folder with hooks.
    shutil.rmtree(cell.project / ".git")
    (cell.project / ".git").write_text("gitdir: /elsewhere\n")
    shell(cell, "echo gitdir: $PWD/evil >.git; mv .git moved; rm .git")
    assert (cell.project / ".git").read_text() == "gitdir: /elsewhere\n"
    for path in (alias, *guarded):
        path.unlink()


def test_every_process_that_can_be_seen_inside_is_confined(cell: Cell) -> None:
    code = (
        "for name in ('self', '1'):\n"
        "    try: print(open(f'/proc/{name}/status').read())\n"
        "    except PermissionError: pass\n"
    )
    lines = python(cell, code).stdout.splitlines()
    seen = [line.split() for line in lines if line.startswith(("Seccomp:", "CapEff:"))]
    assert len(seen) == (4 if cell.env["PYVE_SANDBOX_ENGINE"] == "bubblewrap" else 2)
    assert {(name, int(value, 16)) for name, value in seen} == {("Seccomp:", 2), ("CapEff:", 0)}


def test_calls_that_nobody_can_answer_do_not_keep_others_waiting(cell: Cell) -> None:
    # Times that are none, and that are half in memory; a process that ends while it is looked at.
    code = (
        "import ctypes, mmap, os, signal, struct, subprocess, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "open('timed', 'w').close()\n"
        "page = mmap.mmap(-1, 2 * mmap.PAGESIZE)\n"
        "start = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "libc.munmap(ctypes.c_void_p(start + mmap.PAGESIZE), mmap.PAGESIZE)\n"
        "def touch(place, times=b''):\n"
        "    ctypes.memmove(place, times, len(times))\n"
        "    return libc.utimensat(-100, b'timed', ctypes.c_void_p(place), 0)\n"
        "big = 1 << 62\n"
        "print(touch(start + mmap.PAGESIZE - 16),\n"
        "  touch(start, struct.pack('=qqqq', 5, 1 << 40, 5, 0)), flush=True)\n"
        "touch(start, struct.pack('=qqqq', big, 0, big, 0))\n"
        "again = 'os.chmod(\"timed\", 0o600)'\n"
        "loop = f'import os; {again}; os.write(1, b\"x\")\\nwhile True: {again}'\n"
        "for _ in range(20):\n"
        "    child = subprocess.Popen([sys.executable, '-S', '-c', loop], stdout=subprocess.PIPE)\n"
        "    child.stdout.read(1); child.kill(); child.wait()\n"
        "os.chmod('timed', 0o640); print(oct(os.stat('timed').st_mode), flush=True)\n"
        "os._exit(0)"
    )
    done = python(cell, code, "--time", "30")
    assert done.stdout == "-1 -1\n0o100640\n", done.stderr


def test_what_is_closed_outside_is_no_descriptor_of_ours(cell: Cell) -> None:
    code = (
        "import os; os.write(2, repr([os.readlink(f'/proc/self/fd/{n}') for n in (0, 1)]).encode())"
    )
    words = ["sh", "-c", 'exec "$@" <&- >&-', "-", PYVE, "run", "--sandbox", "python", "-c", code]
    assert cell.execute(*words).stderr == "['/dev/null', '/dev/null']"


# --- how it ends


def test_the_status_is_that_of_the_command(cell: Cell) -> None:
    assert shell(cell, "exit 7").returncode == 7
    assert shell(cell, "kill -KILL $$").returncode == 128 + 9
    assert shell(cell, "kill -SEGV $$").returncode == 128 + 11
    assert cell.run("run", "--sandbox", "no-such-command").returncode == 127
    # An interpreter that is there outside only: not there (127), or not open (126).
    script = cell.project / "script"
    script.write_text(f"#!{cell.root}/interpreter\n")
    shutil.copy("/bin/true", cell.root / "interpreter")
    script.chmod(0o755)
    done = cell.run("run", "--sandbox", "./script")
    is_seen = cell.env["PYVE_SANDBOX_ENGINE"] == "landlock"
    assert done.returncode == (126 if is_seen else 127), done.stderr
    assert "[E_SANDBOX_COMMAND]" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_reaches_the_command_once(cell: Cell, number: int) -> None:
    ready, seen = cell.project / "ready", cell.project / "seen"
    for path in (ready, seen):
        path.unlink(missing_ok=True)
    code = (
        "import pathlib, signal, sys, time\n"
        "def note(number, frame):\n"
        "    with open('seen', 'a') as stream: stream.write(f'{number}\\n')\n"
        f"signal.signal({int(number)}, note)\n"
        "pathlib.Path('ready').write_text('')\n"
        "while not pathlib.Path('seen').exists(): time.sleep(0.02)\n"
        "time.sleep(0.3); sys.exit(9)"
    )
    words = [PYVE, "run", "--sandbox", "python", "-c", code]
    with subprocess.Popen(words, cwd=cell.project, env=cell.env) as process:
        wait_for(ready)
        process.send_signal(number)
        assert process.wait(60) == 9
    assert seen.read_text() == f"{int(number)}\n"


def test_nothing_lives_on_behind_the_command(cell: Cell) -> None:
    name = f"7{os.getpid()}"
    assert shell(cell, f"(setsid sleep {name} &) ; sleep {name} & exit 0").returncode == 0
    assert not is_running(name)
    # Not even when Pyve is killed; and what it had for the command is cleared by the next one.
    (cell.project / "ready").unlink(missing_ok=True)
    script = f"(setsid sleep {name} &); : >ready; exec sleep {name}"
    words = [PYVE, "run", "--sandbox", "bash", "-c", script]
    with subprocess.Popen(words, cwd=cell.project, env=cell.env) as process:
        wait_for(cell.project / "ready")
        process.kill()
        process.wait(60)
    end = time.monotonic() + 30
    while is_running(name):
        assert time.monotonic() < end, "the command lives on"
        time.sleep(0.05)
    assert shell(cell, "true").returncode == 0
    assert not os.listdir(cell.scratch)


def is_running(argument: str) -> bool:
    """Say whether there is a process ``sleep ARGUMENT``."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes() == f"sleep\0{argument}\0".encode():
                return True
        except OSError:
            continue
    return False


def test_a_terminal_and_its_signals(cell: Cell) -> None:
    code = (
        "import os, sys, time\n"
        "size = os.get_terminal_size()\n"
        "print('tty', [os.isatty(n) for n in range(3)], size.columns, flush=True)\n"
        "print('heard', input(), flush=True)\n"
        "try: time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.3)  # a second one would end it otherwise\n"
        "    print('interrupted', flush=True); sys.exit(5)\n"
    )
    (cell.project / "talk.sh").write_text(
        "stty cols 77\nset -m\n" + '"$1" run --sandbox python -c "$2" || echo left $?\n'
        "jobs -l | grep -c Stopped\nfg >/dev/null || echo left $?\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cell.project)
        os.execve("/bin/bash", ["bash", "talk.sh", PYVE, code], cell.env)
    said = ""

    def until(text: str) -> None:
        nonlocal said
        end = time.monotonic() + 60
        while text not in said:
            assert time.monotonic() < end, said
            if select.select([terminal], [], [], 1)[0]:
                try:
                    said += os.read(terminal, 4096).decode()
                except OSError:
                    break
        assert text in said, said

    until("tty [True, True, True] 77")
    os.write(terminal, b"hello\n")
    until("heard hello")
    os.write(terminal, b"\x1a")
    until("left 148")
    until("\n1\r")
    time.sleep(0.3)
    os.write(terminal, b"\x03")
    until("interrupted")
    until("left 5")
    os.waitpid(pid, 0)
    os.close(terminal)


# --- limits


def test_memory_of_a_process(cell: Cell) -> None:
    code = "\ntry: bytearray(2 * 10**9)\nexcept MemoryError: print('no more')"
    assert python(cell, code, "--memory", "500M").stdout == "no more\n"


def test_processor_time_of_a_process(cell: Cell) -> None:
    done = python(cell, "while True: pass", "--cpu", "1")
    assert done.returncode == 128 + int(signal.SIGXCPU)


def test_time(cell: Cell) -> None:
    # It does not want to end, and its children do not either.
    name = f"8{os.getpid()}"
    script = f"trap '' TERM; (trap '' TERM; sleep {name}) & sleep {name}; sleep {name}"
    done = shell(cell, script, "--time", "1")
    assert done.returncode == 128 + 9, done.stderr
    assert "[E_SANDBOX_TIME]" in done.stderr
    assert not is_running(name)


def test_processes(cell: Cell) -> None:
    code = (
        "import subprocess, threading, time\n"
        "count = 1\n"
        "try:\n"
        "    while True: subprocess.Popen(['sleep', '60']); count += 1\n"
        "except OSError as error: print(count, error.errno)"
    )
    assert python(cell, code, "--processes", "7").stdout == "7 11\n"


# --- what is told


def test_the_audit_tells_what_was_refused(cell: Cell) -> None:
    script = (
        f"cat '{cell.secret}'; echo x >>'{cell.home}/cuttable'; ls /usr >/dev/null; unshare -U true"
        "; exec 3<>/dev/tcp/192.0.2.1/80"
    )
    done = shell(cell, script, "--audit")
    told = done.stderr.partition("sandbox: refused\n")[2]
    # (What is read through a link, or by a path of the system, is no refusal.)
    assert f"read    {cell.secret}\n" in told, done.stderr
    assert f"write   {cell.home}/cuttable\n" in told
    assert "call    unshare\n" in told
    assert "network " in told
    assert "/usr" not in told
    told = cell.run("--json", "run", "--sandbox", "--audit", "cat", str(cell.secret)).stdout
    assert f"read {cell.secret} 1" in json.loads(told)["detail"]["refused"]
    # Also where the command can write what is in TMPDIR: the report is not there.
    (cell.project / "tmp").mkdir(exist_ok=True)
    forge = f"for f in tmp/*; do printf 'refused\tforged\n' >\"$f\"; done; cat '{cell.secret}'"
    words = ["--json", "run", "--sandbox", "--audit", "bash", "-c", forge]
    told = cell.run(*words, env={"TMPDIR": str(cell.project / "tmp")}).stdout
    refused = json.loads(told)["detail"]["refused"]
    assert f"read {cell.secret} 1" in refused and "forged" not in refused
    # (There was no file that the pattern would have stood for.)
    assert os.listdir(cell.project / "tmp") in ([], ["*"])
    assert "sandbox: nothing was refused" in cell.run("run", "--sandbox", "--audit", "true").stderr


def test_explain_says_what_would_be_open(cell: Cell) -> None:
    told = cell.run("explain", "run", "--sandbox", "--ro", "--memory", "1G", "touch", "explained")
    assert f"by {cell.env['PYVE_SANDBOX_ENGINE']}" in told.stdout, told.stderr
    assert "the project is read only" in told.stdout
    assert not (cell.project / "explained").exists()


# --- without a sandbox nothing is started


def test_no_sandbox_no_command(room: Cell) -> None:
    trace = room.project / "started"
    words = ["run", "--sandbox", "--", "touch", "started"]
    silent = room.root / "bwrap-that-does-nothing"
    silent.write_text("#!/bin/sh\nexit 0\n")
    direct = room.root / "bwrap-that-confines-nothing"
    direct.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexit 3\n')
    for program in (silent, direct):
        program.chmod(0o755)
        env = {"PYVE_SANDBOX_ENGINE": "bubblewrap", "PYVE_BWRAP": str(program)}
        done = room.run(*words, env=env)
        assert done.returncode == 1 and "[E_SANDBOX_ENGINE]" in done.stderr, done.stderr
    silent.chmod(0o777)
    done = room.run(*words, env={"PYVE_SANDBOX_ENGINE": "bubblewrap", "PYVE_BWRAP": str(silent)})
    assert done.returncode == 1 and "can write it" in done.stderr
    for engine in ("sandbox-exec", "none"):
        done = room.run(*words, env={"PYVE_SANDBOX_ENGINE": engine})
        assert done.returncode == 1 and "[E_SANDBOX_" in done.stderr, done.stderr
    assert not trace.exists()


def test_a_profile_that_is_not_understood_starts_nothing(room: Cell) -> None:
    words = [room.python, "-I", "-S", str(TREE / "helpers" / "sandbox_run.py"), "run"]
    place = f"project {room.project}\nfolder {room.project}\n"
    for line in ("rw on", "memory -1", "time x", "ro yes", "unknown"):
        done = room.execute(*words, f"{place}{line}", "--", "/usr/bin/touch", "started")
        assert done.returncode == 1 and "[E_SANDBOX_OPTION]" in done.stderr, done.stderr
    assert not (room.project / "started").exists()
