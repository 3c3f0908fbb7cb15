"""What is written in lib/ and helpers/: no text that was read can become code, or an option of a program.

What may stand there all the same is listed with its reason. A new place has to be looked at, and named here.
"""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from pyve_test_helpers import TREE

SCRIPTS = sorted(
    path
    for path in [TREE / "pyve.sh", *(TREE / "lib").rglob("*")]
    if path.suffix in (".sh", ".bash", ".zsh", ".fish")
)
HELPERS = sorted((TREE / "helpers").rglob("*.py"))

# A pattern, and for each file what may match it there: the text of the line, and why it is no harm.
RULES: dict[str, tuple[str, dict[str, str]]] = {
    "eval": (
        r"(?:^|[;&|({]\s*|\b(?:then|do|else)\s+)eval\s",
        {
            'eval "$PYVE_SHELL_TEXT"': "made by pyve shell, each word quoted for fish",
            """_pyve_is_special "$1" "$2" || eval 'export "$1=$2"' 2>/dev/null""": "a constant text",
            'eval "$("$_pyve_program" hook --export zsh "$1")"': "made by pyve hook, each word quoted",
            'eval "$("$_pyve_program" hook --export bash "$1")"': "made by pyve hook, each word quoted",
        },
    ),
    "a shell string": (
        r"""(?:^|[;&|({]\s*|\b(?:then|do|else|exec|logged|command)\s+)(?:ba|z|fi|da|k)?sh\s+(?:-\w+\s+)*-\w*c\s+(?!'[^']*')""",
        {},
    ),
    "a trap with data": (r"\btrap\s+\"[^\"]*\$", {}),
    "a name that was read": (
        r"""\b(?:declare|typeset|readonly)\s+(?!-[pF])(?:-\w+\s+)*"?\$""",
        {},
    ),
}


def list_lines(path: Path) -> list[tuple[int, str]]:
    """Give the lines of a script that are no comments, with their numbers."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        (n, line.strip()) for n, line in enumerate(lines, 1) if not line.lstrip().startswith("#")
    ]


@pytest.mark.parametrize("rule", RULES)
def test_no_script_makes_code_of_data(rule: str) -> None:
    pattern, allowed = RULES[rule]
    found = [
        f"{path.relative_to(TREE)}:{number}: {line}"
        for path in SCRIPTS
        for number, line in list_lines(path)
        if re.search(pattern, line) and line not in allowed
    ]
    assert found == []


def test_only_files_of_pyve_are_sourced() -> None:
    """And those that the user's own shell reads at its start."""
    form = re.compile(
        r"(?:^|[;&|({]\s*|\b(?:then|do|else)\s+)(?:\.|source)\s+(\"[^\"]*\"|[$/~(]\S*)"
    )
    own = re.compile(
        r'^"?(?:\$\{BASH_SOURCE\[0\]%/\*\}|\$\{BASH_SOURCE%/\*\}|\$PYVE_ROOT|\$_doctor_folder|\$_pyve_shell_folder|\$_pyve_completions'
        r"|\$_pyve_zdotdir|\$folder/prompt\.fish|\$\{ZDOTDIR:-\$HOME\}|/etc/|~/\.|\(string)"
    )
    found = [
        f"{path.relative_to(TREE)}:{number}: {line}"
        for path in SCRIPTS
        for number, line in list_lines(path)
        for word in form.findall(line)
        # (What is written into a shell's start-up file is quoted by rc_file.sh.)
        if not own.search(word) and 'hook="if ' not in line
    ]
    assert found == []


# --- Python

CALLS = {
    "eval",
    "exec",
    "compile",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
}
MODULES = ("pickle", "marshal", "shelve", "dill", "xml.etree", "xml.dom", "xml.sax.handler")
# marshal.dumps: it writes what compile has made.
WRITES = {"helpers/pyve_store/unpack_worker.py", "helpers/pyve_tests/junit.py"}
LOADERS = {
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "yaml.Loader",
    "yaml.UnsafeLoader",
    "yaml.FullLoader",
}
# Compiled from Pyve's own text, or from a package's for its syntax alone.
COMPILED = {"helpers/pyve_store/compile_site.py", "helpers/pyve_store/bytecode.py"}


def name_of(node: ast.AST) -> str:
    """Write a dotted name; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = name_of(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


@pytest.mark.parametrize(
    "path", HELPERS, ids=[str(p.relative_to(TREE / "helpers")) for p in HELPERS]
)
def test_no_helper_makes_code_of_data(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in CALLS and str(path.relative_to(TREE)) not in COMPILED:
                found.append(f"{node.lineno}: {name}")
            for word in node.keywords:
                if word.arg == "shell" and not (
                    isinstance(word.value, ast.Constant) and word.value.value is False
                ):
                    found.append(f"{node.lineno}: shell=")
        elif isinstance(node, ast.Attribute) and name_of(node) in LOADERS:
            found.append(f"{node.lineno}: {name_of(node)}")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (
                [one.name for one in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            found += [
                f"{node.lineno}: {one}"
                for one in names
                if one.startswith(MODULES) and str(path.relative_to(TREE)) not in WRITES
            ]
    assert found == []
