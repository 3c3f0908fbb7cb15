"""PYVE_LOG=debug: no program that Pyve starts is forgotten. (lib/ is read as shfmt reads it.)"""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parents[2]
BUILTINS = set(
    re.findall(
        r"\S+",
        """
        . : [ bg break builtin caller cd command compgen complete compopt continue declare dirs
        disown echo enable eval exec exit export false fg getopts hash help history jobs kill let
        local logout popd printf pushd pwd read readonly return set shift shopt source suspend test
        times trap true type typeset ulimit umask unalias unset wait
        """,
    )
)
# Commands whose name is in a variable, and that are functions of Pyve's, or logged where they are
# handed over: (the beginning of the command, why it needs no `logged`).
FUNCTIONS = {
    '"$@"': "what it runs has `logged` in front, or is a function",
    '"$1" "${INTERPRETER_PATHS[i]}"': "a function that tests an interpreter",
    '"$cleanup"': "a function given to at_exit",
    '"$function"': "a check of the doctor's",
    '"$mend"': "a function of the doctor's",
    '"$quote"': "quote_word and its like",
    '"$reader"': "a reader for run_long",
    '"$write"': "a function that writes a file",
    '"$_dotenv_lookup"': "a function that finds a variable",
    '"${word}_pyve"': "install_pyve or uninstall_pyve",
    '"cmd_${1//-/_}"': "the room",
    '"cmd_$1"': "the room that is asked",
    '"cmd_$room"': "the room that is asked",
    '"imports_$word"': "imports_time or imports_lazy",
    '"$HELPER_WHY_FILTER"': "a function of the room",
    '"$HELPER_FIX_FILTER"': "a function of the room",
    '"$taker"': "a function that reads an option",
}
# exec that needs no log, by file and beginning.
HANDED_OVER = {
    ("pyve.sh", "exec -- "): "run_at_once does not come here with PYVE_LOG",
    ("pyve.sh", 'exec "$BASH" -p'): "it is Pyve itself",
    ("lib/debug_log.sh", "exec -- "): "it is logged_exec",
    ("lib/run_plan.sh", "exec -- "): "log_exec is before it",
    ("lib/sync_warm.sh", "exec mkdir"): "sync_at_once does not come here with PYVE_LOG",
    ("lib/watch.sh", 'exec "$@"'): "log_exec is before it",
    ("lib/commands/shell.sh", "exec -- "): "log_exec is before it",
    ("lib/commands/mcp.sh", 'exec "$@"'): "log_exec is before it",
    ("lib/micromamba_env.sh", "exec sh -c 'printf"): "it only tells its parent's number",
}
# What logs.
OTHER = {"lib/debug_programs.sh"}


def shell_files() -> list[Path]:
    """The files that pyve.sh may read."""
    found = [TREE / "pyve.sh", *(TREE / "lib").glob("*.sh")]
    found += [*(TREE / "lib/commands").glob("*.sh"), *(TREE / "lib/doctor").glob("*.sh")]
    return [path for path in sorted(found) if str(path.relative_to(TREE)) not in OTHER]


def spell(word: dict[str, Any]) -> str | None:
    """Give the text of a word that is the same in every run."""
    text = ""
    for part in word["Parts"]:
        inner = part.get("Parts", []) if part["Type"] == "DblQuoted" else [part]
        if any(piece["Type"] not in ("Lit", "SglQuoted") for piece in inner):
            return None
        text += "".join(piece.get("Value", "") for piece in inner)
    return text


@functools.cache
def read_calls() -> tuple[list[tuple[str, int, list[str | None], str]], frozenset[str]]:
    """Give all simple commands (file, line, words, text), and the names of all functions."""
    shfmt = shutil.which("shfmt", path=str(TREE / ".dev/bin")) or shutil.which("shfmt")
    if shfmt is None:
        pytest.skip("NOT TESTED: shfmt is not on this machine")
    calls = []
    functions = set()

    def walk(node: Any, file: str, source: bytes) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item, file, source)
        elif isinstance(node, dict):
            if node.get("Type") == "FuncDecl":
                functions.add(node["Name"]["Value"])
            if node.get("Type") == "CallExpr" and node.get("Args"):
                words = node["Args"]
                text = source[words[0]["Pos"]["Offset"] : node["End"]["Offset"]].decode()
                calls.append((file, node["Pos"]["Line"], [spell(word) for word in words], text))
            for item in node.values():
                walk(item, file, source)

    for path in shell_files():
        source = path.read_bytes()
        result = subprocess.run(
            [shfmt, "-tojson", "-ln", "bash"], input=source, capture_output=True
        )
        assert result.returncode == 0, f"{path}: {result.stderr.decode()}"
        walk(json.loads(result.stdout), str(path.relative_to(TREE)), source)
    return calls, frozenset(functions)


def logged_programs() -> set[str]:
    """The names of the functions of lib/debug_programs.sh that stand for programs."""
    text = (TREE / "lib/debug_programs.sh").read_text()
    found = re.findall(r'^(\S+)\(\) \{ log_program (\S+) "\$@"; \}$', text, re.MULTILINE)
    assert all(name == program for name, program in found)
    return {name for name, _ in found}


def test_each_program_that_is_called_by_name_is_logged() -> None:
    calls, functions = read_calls()
    programs = logged_programs()
    missing = []
    for file, line, words, text in calls:
        name = words[0]
        if name in ("command", "builtin") and words[1:]:
            missing.append(f"{file}:{line}: {text}: call it by its name")
        elif name == "logged" and len(words) > 1 and words[1] not in (None, *functions):
            if words[1] not in programs:
                missing.append(f"{file}:{line}: {text}: `logged` is for names in variables")
        elif name is not None and name not in BUILTINS | functions | programs:
            missing.append(f"{file}:{line}: {name}: add it to lib/debug_programs.sh")
    assert missing == []


def test_each_program_whose_name_is_in_a_variable_is_logged() -> None:
    calls, _ = read_calls()
    missing = [
        f"{file}:{line}: {text.splitlines()[0]}: write `logged` before it"
        for file, line, words, text in calls
        if words[0] is None and not text.startswith(tuple(FUNCTIONS))
    ]
    assert missing == []


def test_each_exec_is_logged() -> None:
    calls, _ = read_calls()
    missing = []
    for file, line, words, text in calls:
        is_known = any(file == place and text.startswith(start) for place, start in HANDED_OVER)
        if words[0] == "exec" and len(words) > 1 and not is_known:
            missing.append(f"{file}:{line}: {text.splitlines()[0]}: write logged_exec")
    assert missing == []


def test_no_exception_is_out_of_date() -> None:
    calls, _ = read_calls()
    for start in FUNCTIONS:
        assert any(text.startswith(start) for *_, text in calls), start
    for place, start in HANDED_OVER:
        assert any(file == place and text.startswith(start) for file, _, _, text in calls), place


def test_a_module_that_logs_reads_the_module_for_it() -> None:
    calls, _ = read_calls()
    files = {file for file, _, words, _ in calls if words[0] in ("logged", "logged_exec")}
    for file in sorted(files):
        if "/commands/" not in file and file != "pyve.sh":
            text = (TREE / file).read_text()
            assert re.search(r"declare -F logged\S* >/dev/null \|\| \. .*debug_log\.sh", text), file
