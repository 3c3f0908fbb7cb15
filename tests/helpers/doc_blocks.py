"""Finds the fenced blocks of Markdown files, and runs those of shell as a reader would.

What the fences say:

    ```sh        commands; they are run, and all of them have to succeed
    ```console   "$ command" (its further lines behind "> ") and what it prints, which is
                 compared; a line "..." stands for any lines; the commands have to succeed
    ```          no shell: output, a file, the form of a command

A comment in front of a fence, which a reader does not see, says more:

    <!-- place: NAME -->     begin anew: a new user, in a copy of examples/NAME, or in a folder that
                             is "empty", a "checkout" of Pyve, or a "shop": empty, and uv is there
                             with the index of example_index.py, or "pythons": such a shop, where
                             one more Python can be installed
    <!-- not run: why -->    a test machine lacks what it needs
    <!-- exit: N -->         the last command ends with this status

Blocks follow each other in the same place until the next "place".
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field

from conda_channel import CondaChannel
from example_index import use_example_index
from local_index import LocalIndex
from python_archives import use_archives
from pyve_test_helpers import TREE, Pyve, other_python
from sandbox_cell import need_sandbox

_COMMENT = re.compile(r"<!-- (place|not run|exit): (.+?) -->$")
# How a line of shell begins: such blocks have to be tagged.
SHELL = re.compile(r"(\$ |\./|(pyve|make|cd|sudo|brew|eval|direnv|git|export|bash|env|pip|uv) )")


@dataclass
class Block:
    """A fenced block.

    Attributes:
        line: the number of its first line in the file, counted from 1.
        tag: what the fence says, or "".
        text: what is in it.
        notes: the comments in front of it.
    """

    line: int
    tag: str
    text: str = ""
    notes: dict[str, str] = field(default_factory=dict)


def read_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text."""
    blocks: list[Block] = []
    notes: dict[str, str] = {}
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if fence:
            if stripped == fence:
                fence = ""
            else:
                blocks[-1].text += line + "\n"
        elif stripped.startswith("```"):
            fence = re.match("`+", stripped).group()  # type: ignore[union-attr]
            blocks.append(Block(number, stripped[len(fence) :], notes=notes))
            notes = {}
        elif match := _COMMENT.match(stripped):
            notes[match[1]] = match[2]
        elif stripped:
            notes = {}
    return blocks


def split_places(blocks: list[Block]) -> list[list[Block]]:
    """Return the blocks of shell that are run, in lists: each begins in a place of its own."""
    groups: list[list[Block]] = []
    for block in blocks:
        if block.tag in {"sh", "console"} and "not run" not in block.notes:
            if "place" in block.notes or not groups:
                groups.append([])
            groups[-1].append(block)
    return groups


def split_console(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a transcript, each with the lines that it prints."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> ") and not steps[-1][1]:
            steps[-1] = (steps[-1][0] + "\n" + line[2:], [])
        else:
            steps[-1][1].append(line)
    return steps


def even_out(line: str) -> str:
    """Replace what differs from machine to machine."""
    line = re.sub(r"\b\d+\.\d+\.\d+\b", "N.N.N", line)
    line = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", line)
    line = re.sub(r"\b(linux|osx)-[a-z0-9]+\b", "PLATFORM", line)
    return re.sub(r"\b\d+ packages|Packages: \d+", "PACKAGES", line).rstrip()


def is_alike(expected: list[str], said: list[str]) -> bool:
    """Tell whether lines are as expected, where "..." stands for any lines."""
    if not expected:
        return not said
    if expected[0].strip() == "...":
        return any(is_alike(expected[1:], said[i:]) for i in range(len(said) + 1))
    return bool(said) and expected[0] == said[0] and is_alike(expected[1:], said[1:])


class Reader:
    """Somebody who types what the documents say.

    Attributes:
        pyve: the user, with the project.
        name: the last part of the project's path, as documents show it.
    """

    def __init__(self, pyve: Pyve, place: str, channel: CondaChannel, index: LocalIndex) -> None:
        self.pyve = pyve
        self.name = {"data-science": "nile"}.get(place, place)
        (pyve.bin / "pyve").symlink_to(TREE / "pyve.sh")
        # A channel that is only named is looked for here; and nobody is there to answer.
        pyve.env.update(
            CONDA_CHANNEL_ALIAS=channel.folder.as_uri(), PYVE_TEST_AUTO_INSTALL_PYTEST="1"
        )
        if place == "checkout":
            for name in ("pyve.sh", "lib", "helpers", "examples", "docs"):
                source = TREE / name
                copy = shutil.copytree if source.is_dir() else shutil.copy2
                copy(source, pyve.project / name)  # type: ignore[operator]
        elif place in {"shop", "pythons"}:
            use_example_index(pyve, index)
            if place == "pythons":
                archives = use_archives(pyve)
                archives.add(other_python())
                pyve.env["UV_PYTHON_INSTALL_MIRROR"] = archives.mirror
        elif place != "empty":
            pyve.copy_example(place)

    def hide_places(self, text: str) -> str:
        """Replace this user's folders by those that documents show."""
        text = text.replace(str(self.pyve.project), f"/home/ada/{self.name}")
        text = text.replace(str(self.pyve.bin), "/usr/bin")
        return text.replace(str(self.pyve.home), "/home/ada").replace(str(TREE), "/opt/pyve")

    def run(self, script: str) -> tuple[int, str]:
        """Run a script in the project; return its status and all that it prints."""
        result = subprocess.run(
            ["bash", "-c", script],
            cwd=self.pyve.project,
            env=self.pyve.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return result.returncode, self.hide_places(result.stdout)

    def type_in(self, block: Block) -> list[str]:
        """Run a block; return what is wrong with it, as lines."""
        if "--sandbox" in block.text:
            need_sandbox()
        wanted = int(block.notes.get("exit", "0"))
        if block.tag == "sh":
            status, said = self.run("set -eu -o pipefail\n" + block.text)
            return [] if status == wanted else [f"exit {status}", *said.splitlines()]
        steps = split_console(block.text)
        mark = "\x01"
        status, said = self.run(
            "".join(f'{command}\nprintf "\\001%s\\001" "$?"\n' for command, _ in steps)
        )
        answers = said.split(mark)
        problems = []
        for number, (command, expected) in enumerate(steps):
            lines, code = answers[2 * number].splitlines(), int(answers[2 * number + 1])
            if not is_alike([even_out(x) for x in expected], [even_out(x) for x in lines]):
                problems += [f"$ {command}", *lines]
            if code != (wanted if number == len(steps) - 1 else 0):
                problems += [f"$ {command}", f"exit {code}", *lines]
        return problems
