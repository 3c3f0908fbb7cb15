"""An answer that nobody reads is no failure; one that cannot be written is one, and said so."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import Failure, brings
from pyve_test_helpers import Pyve

sys.path.append(str(Path(__file__).parent))
from test_json import CASES, STARTS_PYTHON, Case, describe, fill

# They print on stdout and change nothing; and the words are Pyve's own.
PROGRAMS = ("run", "shell", "test", "x", "watch", "fmt", "lint", "typecheck")
ANSWERS = [
    case
    for case in CASES
    if case.status == 0 and case.project == "ready" and case.room not in PROGRAMS
]
OPTIONS = ("", "--json", "--format=jsonl")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A project with an environment, for commands that change nothing."""
    folder = tmp_path_factory.mktemp("ready")
    yield fill(Pyve(folder, template_cache))
    shutil.rmtree(folder, ignore_errors=True)


def close_stdout() -> None:
    """Start a program without stdout."""
    os.close(1)


def ignore_pipe() -> None:
    """Start a program that no missing reader ends, as the children of many programs are."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def execute(pyve: Pyve, words: list[str], to: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose stdout is a "pipe" without a reader, "closed", or a "full" disk."""
    stdout: int | None = None
    if to == "pipe":
        reader, stdout = os.pipe()
        os.close(reader)
    elif to == "full":
        stdout = os.open("/dev/full", os.O_WRONLY)
    try:
        return subprocess.run(
            pyve.command(*words),
            cwd=pyve.project,
            env=pyve.env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            restore_signals=False,
            preexec_fn=close_stdout if to == "closed" else ignore_pipe,
        )
    finally:
        if stdout is not None:
            os.close(stdout)


@pytest.mark.parametrize("case", ANSWERS, ids=describe)
def test_an_answer_that_nobody_reads_is_no_failure(case: Case, ready: Pyve) -> None:
    usual = {}
    for to in ("pipe", "closed"):
        for option in OPTIONS[: 1 if case.room in STARTS_PYTHON else 3]:
            words = [*([option] if option else []), *case.line.split(" ")]
            if option not in usual:
                result = ready(*words)
                usual[option] = (result.returncode, result.stderr)
            result = execute(ready, words, to)
            assert (result.returncode, result.stderr) == usual[option], (to, words)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT TESTED: there is no /dev/full")
@pytest.mark.parametrize("option", OPTIONS)
@brings("E_OUTPUT")
def test_an_answer_that_cannot_be_written_is_said_to_be_lost(ready: Pyve, option: str) -> None:
    for line in ("status", "explain", "help lock", "doctor --list", "hook bash"):
        words = [*([option] if option else []), *line.split()]
        result = execute(ready, words, "full")
        assert result.returncode == 1, words
        assert result.stderr.splitlines() == [
            f"ERROR: what pyve {line.split()[0]} printed was lost [E_OUTPUT]",
            "  why: writing to stdout failed: No space left on device",
            "  why: the rest of what the command does is not touched by it",
        ]
        # With space for it, or another place, all is well.
        assert ready(*words).returncode == 0
    Failure(ready, "E_OUTPUT", (), {}, {}, {}, result.stderr, []).count_as_gone()


def test_work_goes_on_when_what_it_says_is_lost(pyve: Pyve) -> None:
    result = execute(pyve, ["init", "--no-direnv"], "full")
    assert result.returncode == 1
    assert "[E_OUTPUT]" in result.stderr
    assert pyve.ok("run", "python", "-c", "print(1)") == "1\n"
    result = execute(pyve, ["init", "--force", "--yes", "--no-direnv"], "pipe")
    assert (result.returncode, result.stderr) == (0, "")
    assert pyve.ok("run", "python", "-c", "print(2)") == "2\n"
    # A failure keeps its own status and words.
    result = execute(pyve, ["status", "--nope"], "full")
    assert result.returncode == 1
    assert "[E_USAGE_OPTION]" in result.stderr
