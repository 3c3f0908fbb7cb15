"""Scripts with inline metadata: blocks as PEP 723 has them, in Python and bash; edits of them."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest
from pyve_test_helpers import TREE

from pyve_core import HelperError
from pyve_locks.script import find_block, read_script_manifest
from pyve_locks.script_edit import add, for_script, remove
from pyve_locks.script_local import digest_local, name_place

# The reference implementation of PEP 723.
REFERENCE = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
LINES = ("# /// script", "# /// other", "# ///", "#", "# a = 1", "#b", "", "x = 1", "# /// script ")
READ = """
set -euo pipefail
. "$1/lib/script_metadata.sh"
shift
for file; do
  read_script_block "$file"
  printf '%s\\n%s\\0' "$SCRIPT_STATE" "$SCRIPT_BLOCK"
done
"""


def reference(text: str) -> list[str]:
    """Return what the blocks of the type "script" say."""
    found = [m["content"] for m in REFERENCE.finditer(text) if m["type"] == "script"]
    return ["".join(line[2:] or "\n" for line in one.splitlines(True)) for one in found]


def test_bash_and_python_find_the_block_that_the_reference_finds(tmp_path: Path) -> None:
    chooser = random.Random(723)
    texts = ["\n".join(chooser.choices(LINES, k=chooser.randint(1, 9))) for _ in range(600)]
    files = []
    for number, text in enumerate(texts):
        files.append(tmp_path / f"{number}.py")
        ends = "\r\n" if number % 3 == 0 else "\n"
        start = b"\xef\xbb\xbf" if number % 5 == 0 else b""
        files[-1].write_bytes(start + text.replace("\n", ends).encode())
    result = subprocess.run(
        ["bash", "-c", READ, "bash", str(TREE), *map(str, files)], capture_output=True, check=True
    )
    counts = {"none": 0, "block": 0, "unclear": 0}
    for text, file, said in zip(texts, files, result.stdout.decode().split("\0")):
        state, _, lines = said.partition("\n")
        counts[state] += 1
        expected = reference(f"{text}\n")
        try:
            block = find_block(file.read_bytes(), "x.py")
        except HelperError:
            assert state == "unclear", text
            # (What the reference does not see, as it has no end, or two that it sees.)
            assert len(expected) != 1 or "# /// script\n" in f"{text}\n", text
            continue
        assert (state == "block") == (block is not None), text
        if block is not None:
            # The reference wants a line between the marks.
            assert [block.text] == (expected or [""]), text
            bare = [line[2:] for line in lines.splitlines()]
            assert "".join(f"{line}\n" for line in bare[:-1]) == block.text, text
            lined = file.read_bytes()[block.start : block.end].count(b"\n")
            assert lined == block.text.count("\n")
        else:
            assert not expected, text
    assert min(counts.values()) >= 20, counts


def test_a_place_in_the_metadata_is_one_of_the_script(tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text('#!/x\n\n# /// script\n# dependencies = [\n#   "ok",\n#   "a b",\n# ]\n# ///\n')
    with pytest.raises(HelperError, match="line 6: "):
        read_script_manifest(job)
    with pytest.raises(HelperError, match="line 6: "):
        add(job.read_bytes(), "job.py", ["new"], str(tmp_path))
    manifest = read_script_manifest(
        job,
        b'# /// script\n# requires-python = ">=3.9"\n# dependencies = ["near"]\n'
        b'# [tool.uv.sources]\n# near = {path = "../near"}\n# ///\n',
    )
    assert (manifest.files, manifest.requires_python) == ((), ">=3.9")
    assert manifest.uv["sources"] == {"near": {"path": "../near"}}


def test_a_folder_is_another_one_when_its_code_changes(tmp_path: Path) -> None:
    manifest = read_script_manifest(tmp_path / "job.py", b"")
    near = tmp_path / "near"
    for project in (near, near / "inner"):
        project.mkdir()
        (project / "pyproject.toml").write_text('[project]\nname = "near"\nversion = "1"\n')
    wish = name_place("./near", tmp_path)
    assert wish.startswith("near @ file:")
    for path, is_code in (
        ("src/near/core.py", True),
        ("src/near/build/__init__.py", True),
        ("src/near/dist/__init__.py", True),
        ("build/lib/core.py", False),
        ("inner/dist/near-1.tar.gz", False),
        ("src/near/__pycache__/core.pyc", False),
        ("src/near.egg-info/PKG-INFO", False),
    ):
        before = digest_local(manifest, [wish], tmp_path)
        (near / path).parent.mkdir(parents=True, exist_ok=True)
        (near / path).touch()
        assert (digest_local(manifest, [wish], tmp_path) != before) == is_code, path


def test_what_is_not_there_is_looked_for_in_the_current_folder(tmp_path: Path) -> None:
    with pytest.raises(HelperError, match=r"there is no '\./near'") as caught:
        name_place("./near", tmp_path)
    assert caught.value.why == [f"a path counts from the current folder, {tmp_path}"]
    (tmp_path / "there is no name").mkdir()
    with pytest.raises(HelperError, match="nobody knows the name") as caught:
        name_place("./there is no name", tmp_path)
    assert "a name before it tells" in caught.value.why[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b'# /// script\n# dependencies = [\n#     "a",\n# ]\n# ///\n'),
        (b"#!/x", b'#!/x\n# /// script\n# dependencies = [\n#     "a",\n# ]\n# ///\n'),
        (
            b"# /// script\n# # why\n# dependencies=[ 'b' ]\n# \n# [tool.x]\n# ///\n# \xff\n",
            b"# /// script\n# # why\n# dependencies=[ 'a', 'b' ]\n# \n# [tool.x]\n# ///\n# \xff\n",
        ),
        (
            b"# /// script\n# [tool.x]\n# y = 1\n# ///",
            None,
        ),
    ],
)
def test_adding_writes_one_line_and_keeps_the_others(before: bytes, after: bytes | None) -> None:
    found = add(before, "x.py", ["a"], ".")
    block = find_block(found, "x.py")
    assert block is not None and "a" in block.text
    assert after is None or found == after
    if after is None:
        assert found.endswith(b"# y = 1\n# ///")
    back, taken = remove(found, "x.py", ["A"])
    assert taken == ["a"]
    if b"dependencies" in before:
        assert back == before
    with pytest.raises(HelperError, match="does not ask for"):
        remove(back, "x.py", ["a"])


def test_the_commands_of_a_diagnostic_are_for_the_script() -> None:
    error = HelperError("E_X", "no", "why", ["pyve add 'a<2'", "pyve lock", "pyve tree", "ls"])
    assert for_script(error, "my job.py").fix == [
        "pyve add --script 'my job.py' 'a<2'",
        "pyve lock --script 'my job.py'",
        "ls",
    ]
