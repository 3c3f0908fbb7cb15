"""Pins of the toolchain and of development: with hashes, agreeing, and renewed all or none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

TREE = Path(__file__).resolve().parents[2]
FOLDER = TREE / "helpers" / "requirements"
EXTRAS = sorted(file.stem for file in FOLDER.glob("*.in"))
# A uv that compiles to what is there already; it writes down what it is asked.
UV = """#!/bin/bash
printf '%s|' "$@" >>'{log}'; printf '\\n' >>'{log}'
[[ $* != *"{fails}"* ]] || exit 1
case "$1 $2" in
  "pip compile") printf '%s' '{adds}' >>"${{!#}}" ;;
esac
"""


def read_pins(file: Path) -> dict[str, list[str]]:
    """Return a file's pins, each with its hashes."""
    pins: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if line[:1].isalnum():
            last = pins.setdefault(line.rstrip("\\ "), [])
        elif "--hash=" in line:
            last.append(line.partition("--hash=")[2].rstrip("\\ "))
    return pins


@pytest.mark.parametrize("name", [*EXTRAS, "requirements-dev"])
def test_each_pin_has_hashes(name: str) -> None:
    file = FOLDER / f"{name}.txt"
    pins = read_pins(file if file.exists() else TREE / f"{name}.txt")
    assert pins
    for pin, hashes in pins.items():
        (clause,) = Requirement(pin).specifier
        assert clause.operator == "==" and "*" not in clause.version, pin
        assert hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", item) for item in hashes), pin


@pytest.mark.parametrize("name", EXTRAS)
def test_each_wish_is_pinned_for_each_python(name: str) -> None:
    """Also what is asked for by the extras that it includes."""
    pins = [Requirement(pin) for pin in read_pins(FOLDER / f"{name}.txt")]
    text = (FOLDER / f"{name}.in").read_text()
    allowed = re.search("^# Python: (.*)$", text, re.MULTILINE)
    assert allowed
    lines = text.splitlines()
    for line in lines:
        if line.startswith("-r "):
            lines += (FOLDER / line[3:]).read_text().splitlines()
    wishes = [Requirement(line) for line in lines if line[:1].isalnum()]
    pythons = [f"3.{minor}" for minor in range(9, 20)]
    for python in filter(SpecifierSet(allowed[1]).contains, pythons):
        here = {"python_version": python, "python_full_version": f"{python}.0"}
        there = {pin.name for pin in pins if pin.marker is None or pin.marker.evaluate(here)}
        for wish in wishes:
            if wish.marker is None or wish.marker.evaluate(here):
                assert wish.name.lower() in there, (python, wish)


class Renewal:
    """A checkout with the pins and the script, and a stand-in for uv."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        for name in ("scripts/renew-pins.sh", "requirements-dev.in", "requirements-dev.txt"):
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy2(TREE / name, root / name)
        (root / "helpers").mkdir()
        shutil.copytree(FOLDER, root / "helpers/requirements")
        (root / ".dev/bin").mkdir(parents=True)

    def run(self, *words: str, fails: str = "*never*", adds: str = "") -> int:
        """Run the script; uv fails when its words hold ``fails``, and adds to what it compiles."""
        uv = self.root / ".dev/bin/uv"
        uv.write_text(UV.format(log=self.log, fails=fails, adds=adds))
        uv.chmod(0o755)
        env = {"PATH": os.environ["PATH"], "TMPDIR": str(self.root)}
        argv = [str(self.root / "scripts/renew-pins.sh"), *words]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        self.said = done.stderr + done.stdout
        return done.returncode

    def asked(self, word: str) -> list[list[str]]:
        """Return what uv was asked, as far as it holds the word."""
        lines = [line.split("|")[:-1] for line in self.log.read_text().splitlines()]
        return [line for line in lines if word in line]

    def files(self) -> dict[str, bytes]:
        """Return all files of pins."""
        found = [*self.root.glob("helpers/requirements/*"), self.root / "requirements-dev.txt"]
        return {str(file): file.read_bytes() for file in found}


@pytest.fixture
def renewal(tmp_path: Path) -> Renewal:
    return Renewal(tmp_path)


def test_all_are_compiled_so_that_they_agree(renewal: Renewal) -> None:
    assert renewal.run(adds="# new\n") == 0, renewal.said
    compiled = [line[line.index("-o") - 1 :] for line in renewal.asked("compile")]
    assert [line[0].removesuffix(".in") for line in compiled[:-1]] == [
        *("conda-lock", "conda", "base", "mcp", "locks", "sbom", "watch", "imports")
    ]
    assert compiled[-1][0] == "requirements-dev.in"
    assert {line[0].removesuffix(".in") for line in compiled[:-1]} == set(EXTRAS)
    for line in renewal.asked("compile"):
        assert {"--universal", "--generate-hashes", "--upgrade"} <= set(line)
    assert all(
        text.endswith(b"# new\n") for name, text in renewal.files().items() if name[-1] == "t"
    )
    # For each Python and platform, wheels of all of them.
    pythons = {line[line.index("--python-version") + 1] for line in renewal.asked("install")}
    assert pythons == {f"3.{minor}" for minor in range(9, 15)}
    platforms = {line[line.index("--python-platform") + 1] for line in renewal.asked("install")}
    assert len(platforms) == 6
    for line in renewal.asked("install"):
        assert {"--dry-run", "--require-hashes", "--only-binary"} <= set(line)


def test_with_keep_versions_stay(renewal: Renewal) -> None:
    assert renewal.run("--keep") == 0, renewal.said
    assert not renewal.asked("--upgrade")


@pytest.mark.parametrize(
    ("fails", "adds", "says"),
    [
        ("sbom.in", "# new\n", "cannot be compiled"),
        ("3.14 --python-platform aarch64-apple-darwin", "# new\n", "on Python 3.14, aarch64-apple"),
        ("*never*", "evil==1.0\n", "evil==1.0 has no hash"),
        ("*never*", "evil>=1.0\n", "is no pin"),
        ("*never*", "-r evil.txt\n", "is no pin"),
        ("*never*", "    --index-url evil\n", "--index-url evil"),
    ],
)
def test_when_one_is_wrong_none_is_written(
    renewal: Renewal, fails: str, adds: str, says: str
) -> None:
    before = renewal.files()
    assert renewal.run(fails=fails, adds=adds) == 1
    assert says in renewal.said
    assert renewal.files() == before
    assert {path.name for path in renewal.root.iterdir()} == {
        *(".dev", "helpers", "log", "requirements-dev.in", "requirements-dev.txt", "scripts")
    }


def test_check_writes_nothing_and_sees_what_came_later(renewal: Renewal) -> None:
    before = renewal.files()
    assert renewal.run("--check") == 0, renewal.said
    assert renewal.files() == before
    new = f"later==1 --hash=sha256:{'1' * 64}\n"
    assert renewal.run("--check", adds=new) == 1
    assert "the index has other files" in renewal.said
    assert renewal.files() == before


def test_extras_that_contradict_each_other_are_found(renewal: Renewal) -> None:
    file = renewal.root / "helpers/requirements/sbom.txt"
    text = file.read_text()
    file.write_text(re.sub("^packaging==.* ", "packaging==1.0 ", text, flags=re.MULTILINE))
    assert renewal.run("--keep") == 1
    assert "two versions of packaging" in renewal.said
