"""Those who read a .env (Pyve, direnv, bash, python-dotenv), and texts made up for them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from pyve_test_helpers import TREE, find_program

Values = dict[bytes, bytes]

# What the readers find in the environment, besides PATH.
ENVIRONMENT = {
    "HOME": "/home/of user",
    "E": "from the environment",
    "EMPTY": "",
    "LC_ALL": "C.UTF-8",
    "line": "lower case",
}

READ_ALL = r"""
set -euo pipefail
. "$1/lib/dotenv.sh"
for file in "${@:2}"; do
  IFS= read -r -d "" text <"$file" || :
  if parse_dotenv "$text"; then
    for ((i = 0; i < ${#DOTENV_NAMES[@]}; i++)); do
      printf "%s\0%s\0" "${DOTENV_NAMES[i]}" "${DOTENV_VALUES[i]}"
    done
  else
    printf "refused\0%s\0refused\0" "$DOTENV_BAD_LINE"
  fi >"$file.read"
done
"""

FIND_ALL = r"""
set -euo pipefail
. "$1/lib/dotenv_check.sh"
for file in "${@:2}"; do
  IFS= read -r -d "" text <"$file" || :
  find_dotenv_differences "$text"
  for ((i = 0; i < ${#DOTENV_LINES[@]}; i++)); do
    printf "%s:%s\n" "${DOTENV_LINES[i]}" "${DOTENV_REASONS[i]}"
  done >"$file.found"
done
"""


class Readers:
    """Writes texts to a folder, and hands them to those who read them.

    Attributes:
        folder: where the texts are, 0.env and so on; commands run in an empty folder in it.
        env: the environment that all of them see; no program is on its PATH.
    """

    def __init__(self, folder: Path, texts: list[bytes]) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.env = {**ENVIRONMENT, "PATH": str(self.work)}
        self.texts = texts
        self.files = [folder / f"{number}.env" for number in range(len(texts))]
        for file, text in zip(self.files, texts):
            file.write_bytes(text)

    def _run(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            argv,
            env=self.env,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )

    def _bash(self, code: str) -> None:
        files = [str(file) for file in self.files]
        result = self._run(find_program("bash"), "-c", code, "-", str(TREE), *files)
        assert (result.returncode, result.stderr, result.stdout) == (0, b"", b"")

    def by_pyve(self) -> list[Values | int]:
        """Return what parse_dotenv makes of each text: variables, or the number of a bad line."""
        self._bash(READ_ALL)
        results: list[Values | int] = []
        for file in self.files:
            words = file.with_suffix(".env.read").read_bytes().split(b"\0")[:-1]
            if len(words) == 3:
                results.append(int(words[1]))
            else:
                results.append(dict(zip(words[::2], words[1::2])))
        return results

    def differences(self) -> list[dict[int, str]]:
        """Return the lines of each text that find_dotenv_differences points at, and why."""
        self._bash(FIND_ALL)
        results = []
        for file in self.files:
            lines = file.with_suffix(".env.found").read_text().splitlines()
            results.append({int(line.split(":")[0]): line.split(":", 1)[1] for line in lines})
        return results

    def by_direnv(self, number: int) -> Values | bytes:
        """Return what direnv itself makes of a text, or the line that it refuses."""
        result = self._run(find_program("direnv"), "dotenv", "json", str(self.files[number]))
        if result.returncode:
            line = result.stderr.split(b"invalid line: ", 1)[1]
            return re.sub(rb"\x1b\[0m\n\Z|\n\Z", b"", line)
        if b"\\ufffd" in result.stdout:
            # JSON cannot hold every byte: take the words for a shell instead.
            return self._by_direnv_and_bash(number)
        return {
            name.encode(): value.encode("utf-8", "surrogateescape")
            for name, value in json.loads(result.stdout).items()
        }

    def _by_direnv_and_bash(self, number: int) -> Values:
        code = 'export() { printf "%s\\0" "${1%%=*}" "${1#*=}"; }; eval "$("$1" dotenv bash "$2")"'
        direnv = find_program("direnv")
        result = self._run(find_program("bash"), "-c", code, "-", direnv, str(self.files[number]))
        words = result.stdout.split(b"\0")[:-1]
        return dict(zip(words[::2], words[1::2]))

    def by_shell(self, number: int | None = None) -> Values | None:
        """Return the environment that bash has after a text, or None when it gave up."""
        code = 'set -a; [[ -z $2 ]] || . "$2"; "$1" -0'
        file = "" if number is None else str(self.files[number])
        result = self._run(find_program("bash"), "-c", code, "-", find_program("env"), file)
        if not result.stdout:
            return None
        pairs = (item.partition(b"=") for item in result.stdout.split(b"\0")[:-1])
        return {name: value for name, _, value in pairs if name != b"_"}

    def by_python(self, number: int) -> dict[bytes, bytes | None] | None:
        """Return what python-dotenv makes of a text, or None when it gave up."""
        dotenv = pytest.importorskip("dotenv", reason="NOT TESTED: python-dotenv is missing")
        with mock.patch.dict(os.environ, self.env, clear=True):
            try:
                values = dotenv.dotenv_values(self.files[number])
            except UnicodeDecodeError:
                return None
        return {
            name.encode(): None if value is None else value.encode("utf-8", "surrogateescape")
            for name, value in values.items()
        }

    def is_read_alike(self, number: int, before: Values) -> bool:
        """Say whether bash, direnv and python-dotenv make the same environment of a text.

        Args:
            number: of the text.
            before: the environment that bash has without any text.
        """
        by_direnv = self.by_direnv(number)
        by_shell = self.by_shell(number)
        by_python = self.by_python(number)
        if isinstance(by_direnv, bytes) or by_shell is None or by_python is None:
            return False
        changed = {name for name in {*by_shell, *before} if by_shell.get(name) != before.get(name)}
        return all(
            by_shell.get(name)
            == by_direnv.get(name, before.get(name))
            == by_python.get(name, before.get(name))
            for name in {*changed, *by_direnv, *by_python}
        )

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


@contextmanager
def readers(folder: Path, texts: list[bytes]) -> Iterator[Readers]:
    """Make Readers, and remove what they leave."""
    made = Readers(folder / "texts", texts)
    try:
        yield made
    finally:
        made.close()


NAMES = ["A", "B", "C_D", "a.b", "1X", "export", "E", "a_b", "A1", "LC_ALL", "PWD"]
PIECES = [
    *"""'"$# \\{}ab0=:é☃`*~&-""",
    *["\t", "\f", "\v", "\\n", "\\r", "\\\\", "\\$", "${", "${A}", "$A", "${B:-x y}", "$E", "\x01"],
    *["${EMPTY:-q}", "${NOPE}", "$$", "$1", "$(id)", ":-", "${a.b}", "\x7f", "\x85", "\xa0", "a b"],
    *["' #", '" #', "$LC_ALL", "$line", "$PWD", "$IFS", "$C_D", "export ", "'\"", " '"],
]
SEPARATORS = [*["="] * 8, " = ", "= ", " =", ": ", ":\t", ":  ", ":", "=="]
TAILS = [*[""] * 6, " ", "\t ", " # c", "#c", " # it's", ' # "q"', "x", " # 'a'", " x"]


def make_text(source: random.Random) -> bytes:
    """Make up a text of a few lines, of which direnv accepts about two in three."""

    def make_line() -> str:
        kind = source.random()
        if kind < 0.05:
            return source.choice(["", " ", "# c'\"", "\t#", "  "])
        if kind < 0.08:
            return "".join(source.choices(PIECES, k=source.randint(0, 6)))
        value = "".join(source.choices(PIECES, k=source.randint(0, 7)))
        quote = source.random()
        if quote < 0.6:
            value = f'"{value}"' if quote < 0.35 else f"'{value}'"
        elif quote < 0.85:
            value = re.sub(r"[\s#]", "", value)
        before = source.choice([*[""] * 6, "export ", "export\t ", " ", "\t", "\f"])
        parts = [before, source.choice(NAMES), source.choice(SEPARATORS), value]
        return "".join([*parts, source.choice(TAILS)])

    return _join_lines(source, [make_line() for _ in range(source.choice([1, 1, 2, 3, 5]))])


GOOD = [*"ab0=:/.-+@%,?é[]*!^{}x", "${A}", "${E}", "${NOPE}"]
BAD = [
    *"'\"$# \t\\~`&;|()\x01\x7f\f\v\r\x85\xa0\u2003\u3000\x1c",
    *["\\n", "\\\\", "\\$", '\\"', "\\'", "$A", "${B:-x y}", "${EMPTY:-q}", "$$", "$1", "`A`"],
    *["$(A)", ":~", "<b", ">b", "$ ", "$.", "${", "$'a'", '$"a"', "{a,b}", "${A", "${A-q}"],
    *["${#A}", "${A#e}", "$((1+1))", "${PWD}", "${UID}", "${HOSTNAME}"],
]
QUOTED = [" ", "  ", "#", "&", "~", ";"]
ODD_NAMES = ["a.b", "1X", "export", "UID", "PWD", "PS1", "é", "A-B", "A[0]", "RANDOM", "_"]
ODD_LINES = ["", " ", "# c'\"", "\t#", "#", "\xa0# x", "\f", "\v#c", "x", "export A", "\x01"]


def make_usual_text(source: random.Random) -> bytes:
    """Make up a text that bash, direnv and python-dotenv often, but not always, read alike.

    What it has of a shell's commands can only fail, or write a file into the current folder.
    """

    def make_line() -> str:
        if source.random() < 0.08:
            return source.choice(ODD_LINES)
        quote = source.choice(["'", '"', "", ""])
        bad = BAD if source.random() < 0.5 else GOOD
        value = "".join(
            source.choice(bad if source.random() < 0.35 else GOOD + (QUOTED if quote else []))
            for _ in range(source.randint(0, 5))
        )
        value = quote + value + quote
        if source.random() < 0.03:
            value = value[:-1]
        usual = ["A", "B", "C_D", "E", "EMPTY", "K1", "HOME"]
        return "".join(
            [
                source.choice(
                    [*[""] * 9, "export ", "export\t ", " ", "\f", "\xa0", "export export "]
                ),
                source.choice(usual if source.random() < 0.95 else ODD_NAMES),
                source.choice([*["="] * 20, " = ", "= ", " =", ": ", "==", "+=", ":"]),
                value,
                source.choice([*[""] * 9, *TAILS, ' # \\"']),
            ]
        )

    return _join_lines(source, [make_line() for _ in range(source.choice([1, 1, 1, 2, 3]))])


def _join_lines(source: random.Random, lines: list[str]) -> bytes:
    ends = [*["\n"] * 12, "\r\n", "\r", "\n\n"]
    text = "".join(line + source.choice(ends) for line in lines)
    if source.random() < 0.2:
        text = text.rstrip("\n")
    if source.random() < 0.02:
        text = "\ufeff" + text
    result = text.encode()
    if source.random() < 0.08:
        place = source.randint(0, len(result))
        result = result[:place] + bytes([source.randint(1, 255)]) + result[place:]
    return result
