"""What hypothesis makes of the files that bash reads: config, .env, version files, locks, environment.yml.

All readers see each of them. They say nothing on stderr, execute nothing, write nothing, and come to an end.
"""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hostile_texts import CANARY, WORDS, broken, config
from hypothesis import given
from hypothesis import strategies as st
from pyve_test_helpers import TREE

# Results go to stdout, one a line and escaped, so that what a file says is seen to be data.
READERS = r"""
set -euo pipefail
PYVE_ROOT=$1
VERSION=2.0.0 DEFAULT_PYTHON_VERSION=3.14.3 DEFAULT_VENV_DIR=.venv ENV_FILE_NAME=.env
PYVE_QUIET="" PYVE_VERBOSE="" PYVE_JSON="" PYVE_YES="" PYVE_COMMAND=status PYVE_WORDS=(status)
for module in config config_check dotenv dotenv_check python_wish micromamba_file locked venv_lock; do
  . "$PYVE_ROOT/lib/$module.sh"
done
show() { printf '%q ' "$@"; printf '\n'; }
config_load file || :
for key in backend venv.directory python.version micromamba.channels; do
  config_get "$key"
  show "$key" "$REPLY"
done
if check_config_file file; then
  list_config_keys
  scan_config file
  show ${CONFIG_ENTRY_KEYS[@]+"${CONFIG_ENTRY_KEYS[@]}"} ${CONFIG_FAULT_TEXTS[@]+"${CONFIG_FAULT_TEXTS[@]}"}
fi
read_file file
text=$REPLY
set_config_line "$text" venv.directory new >/dev/null 2>&1 || :
show "$REPLY"
parse_dotenv "$text" || :
show ${DOTENV_NAMES[@]+"${DOTENV_NAMES[@]}"} ${DOTENV_VALUES[@]+"${DOTENV_VALUES[@]}"}
find_dotenv_differences "$text"
read_requires_python file
show "$REPLY"
version_satisfies 3.12.1 "$REPLY" || :
read_tool_versions file
show "$REPLY"
read_python_version_file file
show "$REPLY"
version_satisfies "$REPLY" ">=3" || :
read_environment_file file || :
show "$ENVFILE_NAME" ${ENVFILE_CHANNELS[@]+"${ENVFILE_CHANNELS[@]}"}
read_venv_lock_head file
show ${VENV_LOCK_FILES[@]+"${VENV_LOCK_FILES[@]}"}
for name in a.toml a.yml a.txt Pipfile.lock; do
  ln -f file "../$name"
  read_locked "../$name"
  show ${LOCKED_NAMES[@]+"${LOCKED_NAMES[@]}"} ${LOCKED_VERSIONS[@]+"${LOCKED_VERSIONS[@]}"}
done
show done
"""
GOOD = (
    "pyve_version: \"2.0.0\"\nbackend: venv\n\nvenv:\n  directory: .venv # x\npython:\n  version: '3.13'\n"
    'micromamba:\n  channels:\n    - a\n    - "b"\n',
    "A=1\nexport B='x y'\nC=\"${A}$B\\n\"\nD=${E:-f} # x\n",
    '[project]\nname = "p"\nrequires-python = ">=3.9,!=3.10.*" # x\n[tool.pyve]\nfiles = ["a"]\n[[packages]]\n'
    'name = "six"\nversion = "1"\n',
    "python 3.12.1 # x\nnodejs 1\n",
    "name: e\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.12\n- name: a\n  version: 1\n  platform: linux-64\n",
    'six==1.0 \\\n        "a": {\n            "version": "==1"\n',
)


class Bash:
    """Runs the readers in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.script = folder / "readers.bash"
        self.script.write_text(READERS)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def read(self, data: bytes) -> str:
        """Let all readers see a file, and return what they took it for."""
        (self.folder / "file").write_bytes(data)
        result = subprocess.run(
            ["bash", self.script, TREE],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )
        said = result.stderr.decode("utf-8", "replace")
        assert result.returncode == 0, said
        assert said == ""
        assert result.stdout.endswith(b"done \n")
        assert [path.name for path in self.folder.iterdir()] == ["file"]
        assert (self.folder / "file").read_bytes() == data
        return result.stdout.decode("utf-8", "replace")


@pytest.fixture
def bash(tmp_path: Path) -> Bash:
    """The readers, and an empty folder."""
    return Bash(tmp_path)


def test_good_files_are_read(bash: Bash) -> None:
    for text in GOOD:
        assert re.search("venv|f|3.9|3.12.1|conda|six", bash.read(text.encode()))


def test_broken_bytes_are_read_without_a_word(bash: Bash) -> None:
    def check(data: bytes) -> None:
        bash.read(data)

    config(120)(given(broken(*GOOD))(check))()


def test_hostile_words_are_data_in_every_place(bash: Bash) -> None:
    words = st.sampled_from([word for word in WORDS if len(word) < 400])

    def fill(number: int, word: str, other: str) -> None:
        text = GOOD[number]
        for value in ("venv", "3.13", "x y", "a", "six", "1", "conda-forge", "f"):
            text = text.replace(value, word if len(value) % 2 else other)
        bash.read(text.encode("utf-8", "surrogatepass"))

    config(120)(given(st.integers(0, len(GOOD) - 1), words, words)(fill))()


@pytest.mark.parametrize(
    "piece",
    [
        "  - x\n",
        "a:\n",
        "k: 'a'\n",
        "A=$A${A}\n",
        '"',
        "'",
        "[",
        '[[packages]]\nname = "a"\nversion = "1"\n',
        "3.",
        '\\\\"',
        "# requires-python\n",
    ],
)
def test_many_of_one_piece_come_to_an_end(bash: Bash, piece: str) -> None:
    # (Beyond that, config and .env are refused, or not read to their end.)
    bash.read(b"python 3\na: " + piece.encode() * (16_000 // len(piece)))


def test_an_index_is_no_command(bash: Bash) -> None:
    """An array index and a number are evaluated by bash: the classic way in."""
    bad = f"a[$(touch {CANARY})]"
    for text in (
        f"python {bad}\n",
        f'[project]\nrequires-python = ">={bad}"\n',
        f"A={bad}\n{bad}=1\n",
        f"{bad}: 1\n",
    ):
        bash.read(text.encode())
