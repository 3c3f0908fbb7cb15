"""Each promise that is written down names the tests that hold it, and these are there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
DOCUMENTS = ("SECURITY.md", "docs/reliability.md")
HEAD = "| promise | held by |"
_NAME = re.compile(r"`(tests/[\w./-]+)(?:::([^`]+))?`")


def list_promises(text: str) -> list[tuple[str, str]]:
    """Return the rows of a document's tables of promises: the promise, and the cell behind it."""
    rows = []
    inside = False
    for line in text.splitlines():
        if line == HEAD:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            promise, tests = line.strip("| ").rsplit(" | ", 1)
            rows.append((promise, tests))
    return rows


@functools.cache
def list_tests(file: Path) -> set[str]:
    """Return the names of the tests in a file, of pytest or of bats."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".bats":
        return set(re.findall(r'^@test "(.*)" \{$', text, re.MULTILINE))
    tree = ast.parse(text)
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def find_faults(text: str) -> list[str]:
    """Return the promises without a test, and the names of tests that are none."""
    faults = []
    has_names = False
    for promise, cell in list_promises(text):
        has_names = bool(_NAME.search(cell)) or (cell == "the same" and has_names)
        if not has_names:
            faults.append(f"no test: {promise}")
    for path, name in _NAME.findall(text):
        file = TREE / path
        if not file.exists():
            faults.append(f"not there: {path}")
        elif name and name not in list_tests(file):
            faults.append(f"no test {name} in {path}")
    return faults


def list_attacks(text: str) -> list[str]:
    """Return the last column of the table of attacks in docs/sandbox.md."""
    part = text.split("\n## What is held back\n")[1].split("\n## ")[0]
    return re.findall(r"^\| .* \| `([^`]+)` \|$", part, re.MULTILINE)


def list_named(text: str) -> list[tuple[str, str]]:
    """Return each test that stands alone in a text, with the file that was named before it."""
    found = []
    file = ""
    for path, name in re.findall(r"`(?:(tests/[\w./-]+)|(test_\w+))`", text):
        file = path or file
        if name:
            found.append((file, name))
    return found


def test_the_sandbox_holds_what_its_page_lists() -> None:
    text = (TREE / "docs/sandbox.md").read_text(encoding="utf-8")
    tree = ast.parse((TREE / "tests/integration/test_sandbox.py").read_text(encoding="utf-8"))
    (rows,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROWS"
    )
    assert list_attacks(text) == list(rows)
    named = list_named(text)
    assert len(named) > 5
    assert not [one for one in named if one[1] not in list_tests(TREE / one[0])]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_promise_names_its_tests(document: str) -> None:
    text = (TREE / document).read_text(encoding="utf-8")
    assert len(list_promises(text)) > 3
    assert not find_faults(text), "\n".join(find_faults(text))


def test_what_is_not_there_is_found() -> None:
    rows = [
        HEAD,
        "|---|---|",
        "| a \\| b | soon |",
        "| c | `tests/unit/test_promises.py::test_nothing` |",
        "| d | `tests/unit/test_none.py` |",
        "| e | `tests/unit/test_promises.py::test_what_is_not_there_is_found` |",
        "| f | the same |",
        "| g | `tests/unit/test_files.bats::a sentence` |",
    ]
    assert find_faults("\n".join(rows)) == [
        "no test: a \\| b",
        "no test test_nothing in tests/unit/test_promises.py",
        "not there: tests/unit/test_none.py",
        "no test a sentence in tests/unit/test_files.bats",
    ]
