"""Projects in each state, and tables of what each command does to them.

A table (tests/fixtures/states-*.txt) has a line for each command and a column for each project.
A cell says, in any order: the exit status where it is not 0 (or 1, with a code); the code of the
first error, or with status 2 of the first warning; the state afterwards where it is another; which
groups of files were changed. "=" stands for a cell that says nothing of these, "-" for one that is
not tried.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pyve_test_helpers import TREE, Pyve

FIXTURES = TREE / "tests" / "fixtures"
STATES = ("uninitialized", "needs-lock", "needs-env", "consistent", "broken")
# Which files of a project belong together; the first that fits.
GROUPS = (
    ("scratch", re.compile(r"(.*/)?__pycache__(/.*)?|.*\.pyc|\.pyve/(tmp|lock)(/.*)?|\.pyve")),
    ("lock", re.compile(r"pylock(\.[^.]+)?\.toml|conda-lock\.yml")),
    ("manifest", re.compile(r"pyproject\.toml|requirements[^/]*\.(in|txt)|environment\.yml")),
    ("testenv", re.compile(r"\.pyve/testenv(/.*)?")),
    ("env", re.compile(r"\.venv(/.*)?|\.pyve/envs(/.*)?")),
    (
        "files",
        re.compile(
            r"\.envrc|\.env|\.gitignore|\.pyve/(config|state)|\.python-version|\.tool-versions"
        ),
    ),
    ("other", re.compile(r".*")),
)


@dataclass(frozen=True)
class Cell:
    """What a command does to a project.

    Attributes:
        status: its exit status.
        code: of its first error, with status 2 of its first warning; "" for none.
        state: of the project afterwards.
        changed: the groups of files that are not what they were.
    """

    status: int
    code: str
    state: str
    changed: frozenset[str]

    def format(self, before: str) -> str:
        """Write it as in a table; ``before`` is the state that the project was in."""
        words = [] if self.status == bool(self.code) else [str(self.status)]
        words += [self.code] if self.code else []
        words += [self.state] if self.state != before else []
        return " ".join([*words, *sorted(self.changed)]) or "="


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        words: the command, with variables in front ("CI=1 sync").
        cells: what it does, by project, where that is tried.
    """

    words: str
    cells: dict[str, Cell]

    @property
    def command(self) -> list[str]:
        """The arguments of pyve; X.Y stands for the Python that the tests run with."""
        series = "{}.{}".format(*sys.version_info[:2])
        words = [word for word in shlex.split(self.words) if not word.startswith("CI=")]
        return [series if word == "X.Y" else word for word in words]

    @property
    def env(self) -> dict[str, str]:
        """The variables that it is called with."""
        pairs = [word.split("=", 1) for word in shlex.split(self.words) if word.startswith("CI=")]
        return dict(pairs)


def parse_cell(text: str, before: str) -> Cell:
    """Read a cell of a project in the state ``before``; see the top of this file."""
    status, code, state, changed = None, "", before, set()
    for word in text.split():
        if word.isdigit():
            status = int(word)
        elif re.fullmatch("[EWI]_[A-Z_]+", word):
            code = word
        elif word in STATES:
            state = word
        elif word in dict(GROUPS):
            changed.add(word)
        else:
            assert word == "=", f"{word!r} in {text!r}"
    return Cell(int(bool(code)) if status is None else status, code, state, frozenset(changed))


def read_table(name: str) -> tuple[dict[str, str], list[Row]]:
    """Read a table of tests/fixtures: the state of each project, and the lines."""
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    table = [
        [cell.strip() for cell in line.split("|")]
        for line in lines
        if line and not line.startswith("#")
    ]
    (_, *projects), (_, *states), *rows = table
    kinds = dict(zip(projects, states))
    assert set(states) <= set(STATES)
    for row in rows:
        assert len(row) == len(projects) + 1, row
    return kinds, [
        Row(
            words,
            {
                kind: parse_cell(cell, kinds[kind])
                for kind, cell in zip(projects, cells)
                if cell != "-"
            },
        )
        for words, *cells in rows
    ]


def digest(folder: Path) -> dict[str, dict[str, str]]:
    """Return group -> path -> type, mode and digest of the content of all that is in a folder."""
    found: dict[str, dict[str, str]] = {name: {} for name, _ in GROUPS}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        group = next(group for group, pattern in GROUPS if pattern.fullmatch(name))
        status = path.lstat()
        shown = oct(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            shown += f" -> {os.readlink(path)}"
        elif stat.S_ISREG(status.st_mode):
            shown += " " + hashlib.sha256(path.read_bytes()).hexdigest()
        found[group][name] = shown
    del found["scratch"]
    return found


class Shelf:
    """Projects, each made once at the place of the user's project; copies of them stand there.

    Attributes:
        user: whose they are.
    """

    def __init__(self, user: Pyve) -> None:
        self.user = user
        self.folder = user.root / "shelf"
        self.folder.mkdir()

    def put(self, name: str) -> None:
        """Keep the project as it is now under a name."""
        self._copy(self.user.project, self.folder / name)

    def take(self, name: str) -> None:
        """Let the user's project be as it was when it was put there."""
        shutil.rmtree(self.user.project)
        self._copy(self.folder / name, self.user.project)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)

    def judge(self, row: Row, kind: str) -> Cell:
        """Run a command in a project, and say what it did.

        Args:
            row: whose command it is.
            kind: the name of the project.
        """
        self.take(kind)
        before = digest(self.user.project)
        result = self.user("--json", *row.command, **row.env)
        document = json.loads(result.stdout)
        assert result.returncode == document["exit_code"], result
        after = digest(self.user.project)
        # (With status 2 there are warnings only.)
        level = "warning" if document["exit_code"] == 2 else "error"
        codes = [one["code"] for one in document["diagnostics"] if one["level"] == level]
        return Cell(
            document["exit_code"],
            codes[0] if codes else "",
            self.user.json("status")["detail"]["state"],
            frozenset(group for group in before if before[group] != after[group]),
        )


def read_headers() -> dict[str, tuple[set[str], set[str]]]:
    """Return command -> the states that it starts from, and those that it leaves, by its header.

    "any" is all of them, and "the same" stands for itself.
    """
    found = {}
    for path in sorted((TREE / "lib" / "commands").glob("*.sh")):
        lines = [line for line in path.read_text().splitlines() if line.startswith("# States: ")]
        if not lines:
            continue
        (line,) = lines
        start, _, end = line[len("# States: ") :].partition(" -> ")
        starts = set(STATES) if start == "any" else set(start.split(", "))
        ends = set(end.split(", "))
        assert starts <= set(STATES), path.name
        assert ends <= {*STATES, "the same"}, path.name
        found[path.stem] = (starts, ends)
    return found
