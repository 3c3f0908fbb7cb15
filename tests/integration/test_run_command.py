"""pyve run: the command's own exit code, signals, input, arguments and environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyve_test_helpers import (
    Pyve,
    find_program,
    need_wheelhouse,
    snapshot,
)

pytestmark = pytest.mark.venv

SHOW_ARGUMENTS = "import sys; print(ascii(sys.argv[1:]))"


def show(name: str) -> tuple[str, ...]:
    """A command that prints a variable of its environment."""
    return ("run", "python", "-c", f"import os; print(os.environ.get({name!r}))")


# --- exit codes


def test_run_hands_back_the_commands_own_exit_code(pyve: Pyve) -> None:
    pyve.init()
    for status in (0, 1, 2, 3, 42, 125, 255):
        assert pyve("run", "sh", "-c", f"exit {status}").returncode == status


def test_run_gives_127_for_a_command_that_is_not_found_and_says_so(pyve: Pyve) -> None:
    pyve.init()
    for word in ("no-such-command", "./no-such-file", "/no/such/file", ""):
        result = pyve("run", word)
        assert result.returncode == 127, word
        assert result.stderr.startswith("ERROR: ")
        assert result.stdout == ""
    assert (
        "fix: pyve run python -m pip install no-such-command"
        in pyve("run", "no-such-command").stderr
    )
    # Where the project says what it needs, that is the place for it.
    pyve.write("requirements.in", "")
    assert "fix: pyve add no-such-command" in pyve("run", "no-such-command").stderr


def test_run_gives_126_for_what_cannot_be_executed(pyve: Pyve) -> None:
    pyve.init()
    pyve.write("data.txt", "x")
    pyve.write("folder/x", "")
    (pyve.venv / "bin/flat").write_text("x")
    (pyve.venv / "bin/flat").chmod(0o644)
    for word in ("./data.txt", "./folder", "/", "flat"):
        result = pyve("run", word)
        assert result.returncode == 126, (word, result.stderr)
        assert "not executable" in result.stderr
    # What the system does not execute; the command runs as well with --json.
    for text, word in (
        ("#!/no/such/sh\n", "pyve run sh ./dead 'a b'"),
        ("#!/no/such/sh\r\n", "as on Windows"),
        ("\0\1\2", "another kind of machine"),
    ):
        pyve.write("dead", text).chmod(0o755)
        result = pyve("run", "./dead", "a b")
        assert (result.returncode, word in result.stderr) == (126, True), result.stderr
        assert "E_COMMAND_NOT_EXECUTABLE" in result.stderr
        assert text.startswith("\0") or result.stderr.startswith("ERROR: "), "only one diagnostic"
        assert pyve("--json", "run", "./dead").returncode == 126
        (pyve.venv / "bin/dead").write_text(text)
        (pyve.venv / "bin/dead").chmod(0o755)
        result = pyve("run", "dead")
        assert (result.returncode, "fix: pyve doctor" in result.stderr) == (126, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV])
def test_a_shell_sees_128_and_the_signal_of_a_killed_command(pyve: Pyve, number: int) -> None:
    pyve.init()
    inner = "import os, sys; os.kill(os.getpid(), int(sys.argv[1]))"
    result = pyve.execute(
        "sh",
        "-c",
        '"$@"; echo $?',
        "sh",
        *pyve.command("run", "python", "-c", inner, str(int(number))),
    )
    # Python turns SIGINT into an exception, and that into the same status.
    assert result.stdout.strip() == str(128 + number)


def test_run_without_a_command_or_an_environment_is_1(pyve: Pyve) -> None:
    stderr = pyve.fails("run", "true", code="E_ENV_MISSING")
    assert "fix: pyve init" in stderr
    assert snapshot(pyve.project) == {}
    pyve.init()
    assert "pyve run python" in pyve.fails("run", code="E_RUN_COMMAND")
    pyve.fails("run", "--", code="E_RUN_COMMAND")


# --- signals, stdin, stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"])
def test_a_signal_reaches_the_command_itself(pyve: Pyve, name: str) -> None:
    pyve.init()
    code = (
        "import os, signal, sys, time\n"
        f"signal.signal(signal.{name}, lambda *a: sys.exit(42))\n"
        "print(os.getpid(), flush=True)\n"
        # (Not pause: a signal may come before it.)
        "while True: time.sleep(0.05)\n"
    )
    process = subprocess.Popen(
        pyve.command("run", "python", "-c", code),
        cwd=pyve.project,
        env=pyve.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        # The command has taken Pyve's place: the same process.
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=60) == 42
    finally:
        process.kill()
        process.communicate()


def test_stdin_stdout_and_stderr_are_the_commands_own(pyve: Pyve) -> None:
    pyve.init()
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('talk')"
    result = pyve("run", "python", "-c", code, answer="a\nb")
    assert (result.returncode, result.stdout, result.stderr) == (0, "A\nB", "talk")
    raw = bytes(range(256)) * 300
    done = subprocess.run(
        pyve.command("run", "cat"), cwd=pyve.project, env=pyve.env, input=raw, capture_output=True
    )
    assert (done.stdout, done.stderr) == (raw, b"")


def test_a_reader_that_closes_early_is_no_error_of_pyve(pyve: Pyve) -> None:
    pyve.init()
    line = '"$@" | head -n 1'
    result = pyve.execute("sh", "-c", line, "sh", *pyve.command("run", "yes"))
    assert (result.stdout, result.stderr) == ("y\n", "")


# --- arguments


def test_arguments_arrive_as_they_were_given(pyve: Pyve) -> None:
    pyve.init()
    words = ["a b", "", "'", '"', "\\", "$HOME", "$(touch pwned)", "`touch pwned`", "*", "-x", "--"]
    words += [
        "--help",
        "--json",
        "-C",
        "-q",
        "line\nbreak",
        "tab\t",
        "é日本",
        "~",
        "!!",
        "&&",
        ";",
        "#",
    ]
    out = pyve.ok("run", "python", "-c", SHOW_ARGUMENTS, *words)
    assert out.strip() == ascii(words)
    out = pyve.ok("run", "--", "python", "-c", SHOW_ARGUMENTS, *words)
    assert out.strip() == ascii(words)
    assert not list(pyve.root.rglob("pwned"))


def test_a_command_that_begins_with_a_dash_or_has_blanks_can_be_run(pyve: Pyve) -> None:
    pyve.init()
    for name in ("-dash", "two words", "it's", "$HOME", "é"):
        path = pyve.venv / "bin" / name
        path.write_text("#!/bin/sh\necho ran\n")
        path.chmod(0o755)
        assert pyve.ok("run", "--", name) == "ran\n", name


def test_options_of_pyve_go_before_the_command_and_the_rest_belongs_to_it(pyve: Pyve) -> None:
    pyve.init()
    assert pyve.ok("run", "echo", "--help", "-q", "--json") == "--help -q --json\n"
    assert "Summary" not in pyve.ok("run", "--help")
    assert "pyve run" in pyve.ok("run", "--help")
    pyve.fails("run", "--no-such-option", "true", code="E_USAGE_OPTION")
    assert pyve.ok("run", "-q", "echo", "x") == "x\n"
    assert pyve.ok("-q", "run", "echo", "x") == "x\n"


# --- where and with what


def test_run_works_from_any_subfolder_and_stays_there(pyve: Pyve) -> None:
    pyve.init()
    deep = pyve.project / "src" / "a b" / "$c"
    deep.mkdir(parents=True)
    code = "import os, sys; print(os.getcwd()); print(sys.prefix)"
    assert pyve.ok("run", "python", "-c", code, cwd=deep) == f"{deep}\n{pyve.venv}\n"
    (deep / "here.py").write_text("print('here')")
    assert pyve.ok("run", "python", "here.py", cwd=deep) == "here\n"


def test_the_nearest_project_counts(pyve: Pyve) -> None:
    pyve.init()
    inner = pyve.project / "sub" / "inner"
    inner.mkdir(parents=True)
    pyve.init(cwd=inner)
    (inner / "x").mkdir()
    assert pyve.prefix(cwd=inner / "x") == str(inner / ".venv")
    assert pyve.prefix(cwd=pyve.project / "sub") == str(pyve.venv)


def test_the_environment_variables_are_set_for_child_processes_too(pyve: Pyve) -> None:
    pyve.init()
    venv = str(pyve.venv)
    assert pyve.ok(*show("VIRTUAL_ENV")) == f"{venv}\n"
    assert pyve.ok(*show("UV_PROJECT_ENVIRONMENT")) == f"{venv}\n"
    assert pyve.ok(*show("VIRTUAL_ENV_PROMPT")) == "my project\n"
    assert pyve.ok(*show("PYVE_BACKEND")) == "venv\n"
    assert pyve.ok(*show("PATH")).startswith(f"{venv}/bin:")
    assert pyve.ok(*show("PYTHONHOME"), PYTHONHOME="/no/such/home") == "None\n"
    assert pyve.ok(*show("MINE"), MINE="a b") == "a b\n"
    assert pyve.ok(*show("PYVE_QUIET")) == "None\n"
    out = pyve.ok("run", "sh", "-c", "python -c 'import sys; print(sys.prefix)'")
    assert out == f"{venv}\n"


def test_another_active_environment_does_not_get_in_the_way(pyve: Pyve) -> None:
    pyve.init()
    other = pyve.root / "other"
    other.mkdir()
    pyve.init(cwd=other)
    env = {
        "VIRTUAL_ENV": str(other / ".venv"),
        "PATH": f"{other}/.venv/bin:{pyve.env['PATH']}",
    }
    out = pyve.ok("run", "python", "-c", "import sys; print(sys.prefix)", **env)
    assert out == f"{pyve.venv}\n"


def test_a_nested_run_does_not_grow_path(pyve: Pyve) -> None:
    pyve.init()
    once = pyve.ok(*show("PATH"))
    nested = pyve.ok("run", *pyve.command("run", *pyve.command(*show("PATH"))))
    assert nested == once
    assert once.count(f"{pyve.venv}/bin") == 1


@pytest.mark.linux
@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: strace is for Linux")
@pytest.mark.parametrize("where", [".", "deep/er"])
def test_run_starts_no_process_and_executes_once(pyve: Pyve, where: str) -> None:
    strace = find_program("strace")
    pyve.init()
    (pyve.project / "deep/er").mkdir(parents=True)
    log = pyve.root / "strace.log"
    result = pyve.execute(
        strace,
        *("-f", "-e", "trace=process", "-o", log),
        *pyve.command("run", "true"),
        cwd=pyve.project / where,
    )
    if "ptrace" in result.stderr:
        pytest.skip(f"NOT TESTED: strace may not trace here: {result.stderr}")
    assert result.returncode == 0, result.stderr
    lines = log.read_text().splitlines()
    assert not [line for line in lines if re.search(r"\b(fork|vfork|clone3?)\(", line)], lines
    executed = [
        line for line in lines if re.search(r"\bexecve(at)?\(", line) and line.endswith(" = 0")
    ]
    # The last that is not the command: pyve.sh itself, or the env or bash of its first line.
    position = max(
        i for i, line in enumerate(executed) if "pyve.sh" in line or "/bash" in line.split(",")[0]
    )
    assert len(executed) - position - 1 == 1, executed
    assert "true" in executed[-1]


# --- an interpreter that is gone


@pytest.fixture
def on_second_python(pyve: Pyve, second_python: Path) -> Pyve:
    """A project whose environment has an interpreter that the test may break."""
    pyve.remove_pythons()
    pyve.add_python(second_python)
    pyve.init()
    code = "import sys; print(sys.base_prefix)"
    assert pyve.ok("run", "python", "-c", code) == f"{second_python.parent.parent}\n"
    return pyve


def uninstall(python: Path) -> None:
    shutil.rmtree(python.parent.parent)


def upgrade_away(python: Path) -> None:
    python.unlink()


def break_program(python: Path) -> None:
    python.unlink()
    python.write_text("#!/bin/sh\necho 'cannot load libpython' >&2\nexit 127\n")
    python.chmod(0o755)


def lose_library(python: Path) -> None:
    shutil.rmtree(python.parent.parent / "lib")


@pytest.mark.parametrize("damage", [uninstall, upgrade_away, break_program, lose_library])
def test_a_dead_interpreter_is_named_with_what_to_type_and_that_mends_it(
    on_second_python: Pyve, second_python: Path, damage: Callable[[Path], None]
) -> None:
    pyve = on_second_python
    damage(second_python)
    before = snapshot(pyve.project)
    result = pyve("doctor")
    assert result.returncode == 1
    assert "✗ Environment" in result.stdout
    assert "fix: pyve init --force" in result.stdout
    if damage is not lose_library:
        # (The copied interpreter then finds the library of the one it was copied from.)
        assert pyve("validate").returncode == 1
    if damage is not break_program:
        # (A program that is there but fails speaks for itself: run gives it its place.)
        stderr = pyve.fails("run", "python", "-c", "", code="E_INTERPRETER_GONE")
        assert "why: " in stderr
        assert "fix: pyve init --force" in stderr
        stderr = pyve.fails("run", "true", code="E_INTERPRETER_GONE")
    pyve.fails("test", code="E_INTERPRETER_GONE")
    pyve.fails("testenv", "--init", code="E_INTERPRETER_GONE")
    assert snapshot(pyve.project) == before
    for path in pyve.bin.glob("python*"):
        path.unlink()
    pyve.add_python(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    pyve.init("--force", "--yes")
    assert pyve.prefix() == str(pyve.venv)
    assert pyve("doctor").returncode == 0


def test_the_message_from_a_subfolder_names_the_project(pyve: Pyve) -> None:
    pyve.init()
    (pyve.venv / "bin/python").unlink()
    deep = pyve.project / "deep"
    deep.mkdir()
    stderr = pyve.fails("run", "true", cwd=deep, code="E_INTERPRETER_GONE")
    assert f"fix: pyve -C '{pyve.project}' init --force" in stderr


# --- a project that was moved or copied


def make_greeter(pyve: Pyve) -> None:
    """The example package, installed editable, in the project."""
    need_wheelhouse()
    pyve.copy_example("greeter-package")
    pyve.init("--deps")


def greet(pyve: Pyve, *prefix: str) -> subprocess.CompletedProcess[str]:
    return pyve("run", *prefix, "greeter", "Hi {name}", "people.csv")


def names_in_scripts(project: Path, old: Path) -> list[str]:
    """Return the files of the environment that name the old place."""
    found = []
    for path in (project / ".venv").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc":
            content = path.read_bytes()
            if re.search(re.escape(os.fsencode(old)) + rb"(?=[/'\"\n]|$)", content):
                found.append(str(path))
    return found


def test_a_moved_project_works_with_one_warning_and_update_mends_all_of_it(pyve: Pyve) -> None:
    make_greeter(pyve)
    pyve.add_module(pyve.venv, "treasure.py")
    pyve.add_console_script("where", "import sys\nprint(sys.prefix)")
    expected = greet(pyve).stdout
    assert expected.startswith("Hi Ada")
    old = pyve.project
    pyve.project = pyve.root / "a new 'place' & more"
    old.rename(pyve.project)
    # Before mending: commands work, and each says once what happened.
    result = pyve("run", "where")
    assert (result.returncode, result.stdout) == (0, f"{pyve.venv}\n")
    assert result.stderr.count("WARNING") == 1
    assert "fix: pyve init --update" in result.stderr
    assert str(old) in result.stderr
    assert pyve.prefix() == str(pyve.venv)
    doctor = pyve("doctor")
    assert doctor.returncode == 2
    assert "⚠ Place" in doctor.stdout
    assert str(old) in doctor.stdout
    assert "fix: pyve init --update" in doctor.stdout
    # Mended: console scripts, also as child processes, the editable install, activate, packages.
    out = pyve.init("--update")
    assert "Mended .venv" in out
    result = greet(pyve)
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")
    result = pyve("run", "sh", "-c", 'greeter "Hi {name}" people.csv')
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")
    out = pyve.ok("run", "python", "-c", "import greeter, treasure; print(greeter.__file__)")
    assert out.startswith(f"{pyve.project}/src/")
    assert names_in_scripts(pyve.project, old) == []
    script = ". .venv/bin/activate && python -c 'import sys; print(sys.prefix)' && where"
    out = pyve.execute("bash", "-c", script).stdout
    assert out.splitlines() == [str(pyve.venv), str(pyve.venv)]
    assert pyve("doctor").returncode == 0
    before = snapshot(pyve.project)
    pyve.init("--update")
    assert snapshot(pyve.project) == before
    # And back again.
    pyve.project.rename(old)
    pyve.project = old
    pyve.init("--update")
    assert (greet(pyve).stdout, greet(pyve).stderr) == (expected, "")


def test_a_copied_project_does_not_run_the_originals_environment(pyve: Pyve) -> None:
    pyve.init()
    pyve.add_console_script("where", "import sys\nprint(sys.prefix)")
    assert pyve.ok("run", "where") == f"{pyve.venv}\n"
    original = snapshot(pyve.project)
    copy = pyve.root / "copy"
    shutil.copytree(pyve.project, copy, symlinks=True)
    assert pyve.prefix(cwd=copy) == f"{copy}/.venv"
    result = pyve("run", "where", cwd=copy)
    assert result.stdout == f"{copy}/.venv\n"
    assert result.stderr.count("WARNING") == 1
    assert pyve("doctor", cwd=copy).returncode == 2
    pyve.init("--update", cwd=copy)
    result = pyve("run", "sh", "-c", "where; pip --version >/dev/null", cwd=copy)
    assert (result.stdout, result.stderr) == (f"{copy}/.venv\n", "")
    assert pyve("doctor", cwd=copy).returncode == 0
    # Whatever happens in the copy, the original stays as it was.
    pyve.ok("run", "python", "-m", "pip", "uninstall", "-y", "-q", "pip", cwd=copy)
    pyve.ok("purge", cwd=copy)
    assert snapshot(pyve.project) == original
    assert pyve("doctor").returncode == 0


def test_a_project_reached_through_a_link_is_not_taken_for_a_moved_one(pyve: Pyve) -> None:
    pyve.init()
    link = pyve.root / "link"
    link.symlink_to(pyve.project)
    result = pyve.execute(
        "bash", "-c", 'cd "$1" && shift && exec "$@"', "bash", link, *pyve.command("run", "true")
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_variables_with_names_that_pyve_uses_reach_the_command(pyve: Pyve) -> None:
    """`test` runs pytest in the same way; a stand-in for it shows what it was given."""
    names = ("VERSION", "REPLY", "ARGS", "CHANGES", "name", "line", "lines", "root", "text", "_i")
    env = {name: f"the user's {name}" for name in names}
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    pyve.init()
    pyve.add_module(pyve.testenv, "pytest/__init__.py")
    pyve.add_module(pyve.testenv, "pytest/__main__.py", show)
    for words in (["run", "python"], ["run", "--", "python"], ["test"]):
        code = [] if words == ["test"] else ["-c", show]
        seen = json.loads(pyve.ok(*words, *code, **env))
        assert {name: seen.get(name) for name in names} == env
    # A function that somebody has exported is not taken for Pyve's own.
    function = {"BASH_FUNC_fail%%": "() {  echo mine\n}"}
    result = pyve("run", "no-such-command", **function)
    assert (result.returncode, "E_COMMAND_NOT_FOUND" in result.stderr) == (127, True), result.stderr
    for words in (["run"], ["run", "--no-frozen"]):
        assert pyve.ok(*words, "bash", "-c", "fail", **function) == "mine\n"
