"""What README and docs/ show is what happens: every block of shell is run, or says why not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conda_channel import CondaChannel, conda_channel
from doc_blocks import SHELL, Block, Reader, is_alike, read_blocks, split_places
from example_channel import example_channel
from example_index import example_index
from local_index import LocalIndex
from pyve_test_helpers import TREE, Pyve, need_wheelhouse

__all__ = ["conda_channel", "example_channel", "example_index"]

# commands.md is made from the headers of lib/commands; its examples are looked at below.
GENERATED = TREE / "docs" / "commands.md"
DOCUMENTS = sorted(
    {TREE / "README.md", TREE / "CONTRIBUTING.md", *TREE.glob("docs/**/*.md")} - {GENERATED}
)
# Commands that start a program with the words behind theirs.
HANDS_ON = {"explain", "fmt", "imports", "lint", "run", "test", "tool", "typecheck", "watch", "x"}
TAGS = {"", "sh", "console", "yaml", "toml", "text"}


def name_of(path: Path) -> str:
    """Return the path of a document in the tree."""
    return str(path.relative_to(TREE))


def groups() -> list[Any]:
    """Return the blocks that are run, as parameters: a list for each place."""
    return [
        pytest.param(group, id=f"{name_of(path)}:{group[0].line}")
        for path in DOCUMENTS
        for group in split_places(read_blocks(path.read_text(encoding="utf-8")))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("blocks", groups())
def test_what_a_document_shows_is_what_happens(
    blocks: list[Block],
    make_pyve: Callable[[str], Pyve],
    example_channel: CondaChannel,
    example_index: LocalIndex,
) -> None:
    need_wheelhouse()
    place = blocks[0].notes.get("place", "empty")
    reader = Reader(make_pyve("my project"), place, example_channel, example_index)
    for block in blocks:
        problems = reader.type_in(block)
        assert not problems, f"line {block.line}:\n" + "\n".join(problems)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_block_of_shell_is_tagged_as_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in re.sub(r"(?ms)^```.*?^```$", "", text).splitlines():
        assert not (line.startswith("    ") and SHELL.match(line.strip())), (
            f"indented shell: {line}"
        )
    for block in read_blocks(text):
        assert block.tag in TAGS, f"line {block.line}"
        if block.tag not in {"sh", "console"}:
            assert not SHELL.match(block.text), f"line {block.line}: shell without a tag"
        if "not run" in block.notes:
            assert block.tag in {"sh", "console"}, f"line {block.line}: it is not run anyhow"


def test_a_transcript_is_compared_line_by_line() -> None:
    assert is_alike(["a", "...", "d"], ["a", "b", "c", "d"])
    assert is_alike(["..."], [])
    assert not is_alike(["a", "...", "d"], ["a", "b", "c"])
    assert not is_alike(["a"], ["a", "b"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_examples_of_commands_have_options_that_there_are() -> None:
    lines = 0
    for path in (TREE / "lib" / "commands").glob("*.sh"):
        header = [line for line in path.read_text().splitlines() if line.startswith("# ")]
        for line in header:
            if not line.startswith("# Example: "):
                continue
            example = line.split(": ", 1)[1]
            lines += 1
            assert subprocess.run(["bash", "-n", "-c", example]).returncode == 0, example
            if path.stem in HANDS_ON:
                # What follows is for another program.
                continue
            own = re.match(rf"pyve {path.stem} ((?:(?!&&|\||-- ).)*)", example)
            for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", own[1]) if own else []:
                known = [x for x in header if re.match("# (Option|Usage): ", x)]
                # Those of every command are not repeated in its header.
                everywhere = option in {"-C", "-q", "--quiet", "-v", "--verbose", "--json"}
                assert everywhere or any(re.search(rf"(?<!\S){option}\b", x) for x in known), (
                    example
                )
    assert lines > 20


def test_the_pipelines_in_the_documents_are_valid(tmp_path: Path) -> None:
    tools = TREE / ".dev" / "bin"
    workflows = tmp_path / "action" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    blocks = read_blocks((TREE / "docs" / "ci-cd-examples.md").read_text(encoding="utf-8"))
    counts = {"github": 0, "gitlab": 0}
    for block in blocks:
        if block.tag != "yaml":
            continue
        document = yaml.safe_load(block.text)
        if "jobs" in document:
            counts["github"] += 1
            file = workflows / f"line-{block.line}.yml"
            file.write_text(block.text)
            command = [tools / "actionlint", "-shellcheck", tools / "shellcheck", file]
        elif "repos" not in document:
            counts["gitlab"] += 1
            file = tmp_path / f"line-{block.line}.yml"
            file.write_text(block.text)
            command = [tools / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", file]
        else:
            continue
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, f"line {block.line}: {result.stdout}{result.stderr}"
    assert min(counts.values()) >= 2, counts
