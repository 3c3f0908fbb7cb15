"""Each command in each state, plain and frozen: what it says, what it changes, what it leaves.

The tables are tests/fixtures/states-*.txt, and tests/helpers/state_table.py says how to read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser
from distributions import make_wheel
from lock_user import make_index
from pyve_test_helpers import TREE, Pyve
from state_projects import CONDA, VENV, make_conda_shelf, make_venv_shelf
from state_table import Row, Shelf, read_headers, read_table

VENV_STATES, VENV_ROWS = read_table("states-venv.txt")
CONDA_STATES, CONDA_ROWS = read_table("states-conda.txt")
ROWS = [*((VENV_STATES, row) for row in VENV_ROWS), *((CONDA_STATES, row) for row in CONDA_ROWS)]
# With these a command does less than its header says, or more.
ASIDE = {"--dry-run", "--check", "--no-sync", "--frozen", "--fix", "--apply", "diff"}
# Nobody is there to answer its question.
CANCELLED = "init"
# These go through with a status that says what they think of the project.
JUDGES = {"doctor", "validate"}


@pytest.fixture(scope="module")
def venv_shelf(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Shelf]:
    """A project in each state, of the venv backend."""
    with make_index() as index:
        for name in ("ruff", "mypy"):
            files = {f"{name}/__init__.py": "def main():\n    pass\n"}
            index.add(make_wheel(name, "1.0", files=files, commands={name: f"{name}:main"}))
        yield make_venv_shelf(Pyve(tmp_path_factory.mktemp("states"), template_cache), index)


@pytest.fixture(scope="module")
def conda_shelf(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, conda_channel: CondaChannel
) -> Shelf:
    """A project in each state, of the conda backend."""
    folder = tmp_path_factory.mktemp("conda states")
    return make_conda_shelf(CondaUser(folder, template_cache, conda_channel))


def compare(shelf: Shelf, states: dict[str, str], row: Row) -> None:
    """Run a command in each project, and compare what it did with the table."""
    found = {kind: shelf.judge(row, kind).format(states[kind]) for kind in row.cells}
    assert found == {kind: cell.format(states[kind]) for kind, cell in row.cells.items()}


@pytest.mark.parametrize("row", VENV_ROWS, ids=lambda row: row.words)
def test_a_command_does_what_the_table_says(venv_shelf: Shelf, row: Row) -> None:
    compare(venv_shelf, VENV_STATES, row)


@pytest.mark.micromamba
@pytest.mark.parametrize("row", CONDA_ROWS, ids=lambda row: row.words)
def test_a_command_of_a_conda_project_does_so(conda_shelf: Shelf, row: Row) -> None:
    compare(conda_shelf, CONDA_STATES, row)


def test_the_projects_are_in_the_states_of_the_tables() -> None:
    assert VENV_STATES == VENV
    assert CONDA_STATES == CONDA
    assert {row.words for row in VENV_ROWS} >= {"status", "sync --frozen", "CI=1 sync"}
    for states in (VENV_STATES, CONDA_STATES):
        assert len(set(states.values())) == 5, "one of each state, at least"


def test_what_fails_changes_nothing() -> None:
    for states, row in ROWS:
        for kind, cell in row.cells.items():
            if cell.status not in (0, 2):
                assert (cell.changed, cell.state) == (frozenset(), states[kind]), (row.words, kind)


def test_what_is_frozen_leaves_manifest_and_lock_alone() -> None:
    for _, row in ROWS:
        if "--frozen" in row.command or (row.env and row.command[0] in ("run", "test", "sync")):
            for kind, cell in row.cells.items():
                assert not cell.changed & {"manifest", "lock"}, (row.words, kind)


def test_readers_never_write() -> None:
    readers, writes = set(), {}
    for path in (TREE / "lib" / "commands").glob("*.sh"):
        if "\n# Agent: read" in path.read_text():
            readers.add(path.stem)
            # With these words it does.
            lines = re.findall(r"^# Agent: write (.*)$", path.read_text(), re.MULTILINE)
            writes[path.stem] = {word for line in lines for word in line.split()}
    assert "status" in readers
    for _, row in ROWS:
        command = row.command
        if command[:2] == ["config", "set"]:
            # (What agents are not offered.)
            continue
        reads = command[0] in readers and not writes[command[0]] & set(command)
        if reads or "--dry-run" in command:
            for kind, cell in row.cells.items():
                allowed = {"other"} if "--output" in command else set()
                assert cell.changed <= allowed, (row.words, kind)


@pytest.mark.parametrize("command", read_headers())
def test_a_header_says_what_the_table_says(command: str) -> None:
    starts, ends = read_headers()[command]
    rows = [(states, row) for states, row in ROWS if row.command[0] == command and not row.env]
    assert rows, "no line of the tables has it"
    plain = [
        (states, row)
        for states, row in rows
        if not ASIDE & set(row.command) and row.words != CANCELLED
    ]
    moves = {
        (states[kind], cell.state)
        for states, row in plain or rows
        for kind, cell in row.cells.items()
        if cell.status in (0, 2) or command in JUDGES
    }
    assert starts == {start for start, _ in moves}
    if all(start == end for start, end in moves):
        assert ends == {"the same"}
    else:
        assert ends == {end for _, end in moves}
