"""What goes wrong is said through the registry of codes, and by nothing else."""

from __future__ import annotations

import re
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
# What may write to stderr by itself, by file: how many times, and what it is.
TALK = {
    "lib/output.sh": (3, "the end of a line at Ctrl-C, which is told"),
    "lib/utils.sh": (4, "questions"),
    "lib/progress.sh": (6, "how far work is, and what the program itself has said"),
    "lib/toolchain_build.sh": (3, "what is being made, and what the program itself has said"),
    "lib/micromamba_env.sh": (1, "that it waits for another process"),
    "lib/leftovers.sh": (2, "that it waits for another process, and how long"),
    "lib/hook.sh": (5, "a line at the prompt, where the next command waits"),
    "lib/commands/mcp.sh": (1, "what a person sees who starts the server by hand"),
    "lib/commands/shell.sh": (1, "how to come back"),
    "lib/test_pythons.sh": (1, "whose output follows"),
    "lib/tool_store.sh": (1, "what a launcher says, which is a program of its own"),
}
# Helpers that run where there is no toolchain: a line of theirs becomes the why of a diagnostic.
# (pyve_core writes for all others; what pyve_mcp writes is the log of a server.)
SMALL_HELPERS = {"fetch.py", "probe_interpreter.py", "conda_variables.py", "unpack_worker.py"}
# What takes the place of a command, or stands between it and the terminal, says its words itself.
IN_PLACE = {
    *("helpers/pyve_sandbox/build.py", "helpers/pyve_sandbox/start.py", "helpers/sandbox_run.py"),
    *("helpers/pyve_tests/unittest_run.py", "helpers/pyve_tests/request.py"),
    "helpers/pyve_watch/talk.py",
}


def bash_files() -> dict[str, str]:
    """The code of Pyve in bash, by path, without comments and line ends behind a backslash."""
    files = [TREE / "pyve.sh", *sorted((TREE / "lib").rglob("*.sh"))]
    found = {}
    for path in files:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
        lines = [line for line in lines if "is sourced by pyve.sh, not run." not in line]
        found[str(path.relative_to(TREE))] = "\n".join(lines)
    return found


def test_only_talk_is_written_to_stderr_directly() -> None:
    seen = {}
    for name, text in bash_files().items():
        lines = re.findall(r"^.*\b(?:printf|echo|cat)\b[^|\n]*[^0-9]>&2\b.*$", text, re.MULTILINE)
        lines = [line for line in lines if "printf -v" not in line]
        if lines:
            seen[name] = lines
    wanted = {name: count for name, (count, _) in TALK.items()}
    assert {name: len(lines) for name, lines in seen.items()} == wanted, (
        "a failure is said with fail, a warning with warn; see CONTRIBUTING.md\n"
        + "\n".join(f"{name}: {line}" for name, lines in seen.items() for line in lines)
    )


def test_nothing_is_said_to_be_wrong_without_a_code() -> None:
    bad = []
    for name, text in bash_files().items():
        for line in text.split("\n"):
            if re.search(r"\blog_(?:error|warning) [^(]", line) and "declare -F" not in line:
                bad.append(f"{name}: {line.strip()}: write warn W_... or fail E_...")
            # A variable is a code that somebody else, a helper or a caller, has chosen.
            if re.search(r"(?:^|[;&|{(]|\bthen|\bdo)\s*(?:fail|warn|note|found) [^EWI\"$]", line):
                bad.append(f"{name}: {line.strip()}: a code is the first word")
    assert bad == []


def test_only_the_door_ends_pyve() -> None:
    for name, text in bash_files().items():
        # (With two blanks in front: in a function, and in no subshell. Each file has one at its
        # top, for those who run it.)
        found = re.findall(r"^  exit\b.*$", text, re.MULTILINE)
        if name == "lib/debug_programs.sh":
            found.remove('  exit "$_log_status"')
        assert found in ([], ["  exit 1"]), f"{name}: return, and say why with fail"


def test_helpers_fail_with_a_code() -> None:
    bad = []
    for path in sorted((TREE / "helpers").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(TREE))
        if name in IN_PLACE:
            continue
        for line in text.splitlines():
            if re.search(r"sys\.exit\(f?[\"']|\braise SystemExit\(f?[\"']", line):
                bad.append(f"{name}: {line.strip()}")
            if re.search(r"file=sys\.stderr|sys\.stderr\.write\(", line) and not (
                path.name in SMALL_HELPERS or path.parent.name in ("pyve_core", "pyve_mcp")
            ):
                bad.append(f"{name}: {line.strip()}")
    assert bad == [], "raise HelperError; see helpers/pyve_core/errors.py"
