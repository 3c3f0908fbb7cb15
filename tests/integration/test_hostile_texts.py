"""Files of a project that say what nobody expects: nothing of them is executed, and no command hangs."""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import os
import re
import resource
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from hostile_texts import CANARY, WORDS
from pyve_test_helpers import Pyve

# What a shell, an arithmetic expression, a format or an option would make something of.
HOSTILE = (
    *(
        "-rf",
        "--help",
        "-",
        "-c",
        "--config=x",
        "-e",
        f"$(touch {CANARY})",
        f"`touch {CANARY}`",
        f";touch {CANARY};",
    ),
    *(
        f"a[$(touch {CANARY})]",
        f"a[`touch {CANARY}`]",
        f"x=$(touch {CANARY})",
        f"${{x:=$(touch {CANARY})}}",
        "%s%n%b",
        "\\x41",
    ),
    *(
        f"'$(touch {CANARY})'",
        f"'; touch {CANARY}; '",
        f'"; touch {CANARY}; "',
        "*",
        "~",
        "../../outside",
        "/etc/passwd",
        "a\tb",
    ),
    *(
        "$HOME",
        "${IFS}",
        "!!",
        "é",
        "\u202e",
        "\x1b]0;x\x07",
        "9" * 40,
        "0x10",
        "08",
        "1/0",
        "1e9",
        "x" * 5000,
        "[",
        "a]",
        "(",
        "&",
        "\\",
    ),
)

LOCK = """\
lock-version = {0}
created-by = {0}

[tool.pyve]
version = 1
manifest-sha256 = {0}
files-sha256 = {0}
files = [{0}]
platforms = [{0}]
python = {0}
exclude-newer = {0}
engine = {0}

[[packages]]
name = {0}
version = {0}
"""


class Place(NamedTuple):
    """A file of a project; {0} is where the hostile word stands, {1} where it stands in double quotes."""

    name: str
    text: str


# All that bash reads itself in a project.
PLACES = (
    Place(
        ".pyve/config",
        "backend: {0}\npyve_version: {0}\nvenv:\n  directory: {0}\npython:\n  version: {0}\n",
    ),
    Place(
        ".pyve/config",
        "backend: venv\npython:\n  version: {1}\nprompt:\n  show: {1}\nlock:\n  python: {1}\n  engine: {1}\n",
    ),
    Place(
        ".pyve/config",
        "backend: micromamba\nmicromamba:\n  env_name: {1}\n  env_file: {1}\n  channels:\n    - {1}\n",
    ),
    Place(".pyve/config", "{0}: {0}\n  {0}: {0}\n{0}\n- {0}\n"),
    Place(".pyve/state", "{0} {0} {0}\n"),
    Place(".tool-versions", "python {0}\n"),
    Place(".python-version", "{0}\n"),
    Place("pyproject.toml", "[project]\nname = {1}\nversion = {1}\nrequires-python = {1}\n"),
    Place("requirements.txt", "{0}\n"),
    Place(".env", "A={0}\nB={1}\nexport {0}\n{0}={0}\n"),
    Place(".gitignore", "{0}\n"),
    Place(".envrc", "# {0}\n"),
    Place("environment.yml", "name: {1}\nchannels: [{1}]\ndependencies: [{1}]\n"),
    Place(
        "conda-lock.yml",
        "version: 1\nmetadata:\n  platforms:\n  - {1}\npackage:\n- name: {1}\n  version: {1}\n  platform: {1}\n",
    ),
    Place("pylock.toml", LOCK.replace("{0}", "{1}")),
    Place("poetry.lock", "[[package]]\nname = {1}\nversion = {1}\n"),
    Place(".venv/pyvenv.cfg", "home = {0}\nversion = {0}\nexecutable = {0}\n"),
    Place(
        ".venv/pyve.state",
        "format=1\npath={0}\npython={0}\nversion={0}\nstdlib={0}\nlock-sha256={0}\nlock-files={0}  {0}\nselection={0}\n",
    ),
    Place(".venv/pyve.packages", "{0}\n"),
    Place(".pyve/envs/{0}/pyve.state", "name={0}\nfile={0}\n"),
)
COMMANDS = (
    ["run", "true"],
    ["status"],
    ["status", "--json"],
    ["config"],
    ["validate"],
    ["doctor"],
    ["init", "--update", "--no-direnv", "--yes"],
    ["hook", "--export", "bash", "PROJECT"],
    ["complete", "--", "pyve", "run", ""],
)
# What bash says when it takes data for something else.
RAW = re.compile(
    r"Traceback|E_INTERNAL|: line \d+: |syntax error|unbound variable|command not found|invalid number"
)


def put(user: Pyve, place: Place, word: str) -> None:
    """Write the file into an initialized project."""
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    name = place.name.replace("{0}", word.replace("/", "_")[:200])
    path = user.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(place.text.replace("{0}", word).replace("{1}", quoted), encoding="utf-8")


def list_outside(user: Pyve) -> set[str]:
    """Name what is beside the project, and what hostile words would make in it."""
    found = {path.name for path in user.root.iterdir()}
    found |= {str(path) for path in user.root.rglob(CANARY)}
    return found


@pytest.mark.parametrize(
    "number", range(len(PLACES)), ids=[f"{n}-{p.name}" for n, p in enumerate(PLACES)]
)
def test_nothing_of_a_file_is_executed(pyve: Pyve, number: int) -> None:
    place = PLACES[number]
    pyve.init()
    kept = {}
    for name in (".pyve/config", ".venv/pyvenv.cfg", ".venv/pyve.state", ".venv/pyve.packages"):
        path = pyve.project / name
        kept[path] = path.read_bytes() if path.exists() else None
    pyve.ok("hook", "--trust")
    before = list_outside(pyve)
    # Each word is seen by two of the commands; all words by all commands in the long run.
    long = int(os.environ.get("PYVE_FUZZ", "0"))
    for at, word in enumerate(HOSTILE):
        if not long and (at + number) % 8:
            continue
        put(pyve, place, word)
        for step, command in enumerate(COMMANDS):
            if not long and (at + step) % 4:
                continue
            words = [str(pyve.project) if part == "PROJECT" else part for part in command]
            result = pyve(*words)
            said = f"{place.name} {word!r} {command}: {result.returncode}\n{result.stdout}{result.stderr}"
            assert result.returncode in (0, 1, 2, 127), said
            assert not RAW.search(result.stderr), said
            assert list_outside(pyve) == before, said
            for path, data in kept.items():
                if data is not None and command[0] == "init" and path.name != "config":
                    path.write_bytes(data)
        for path, data in kept.items():
            if data is not None and path.parent.is_dir():
                path.write_bytes(data)


# --- large

BIG = 100 * 1000 * 1000
LARGE = {
    ".pyve/config": (b"a: b\n", b"  - x\n", b"x"),
    ".env": (b"KEY=value\n", b"A=${A}$B", b"x"),
    "pyproject.toml": (b"# requires-python\n", b"[" * 64),
    ".tool-versions": (b"nodejs 1\n", b"3 "),
    ".python-version": (b"# x\n", b"3"),
    ".gitignore": (b"a\n",),
    "requirements.in": (b"six\n", b"x"),
    "pylock.toml": (b"# x\n", b'[[packages]]\nname = "six"\nversion = "1"\n'),
    ".venv/pyvenv.cfg": (b"a = b\n",),
    ".venv/pyve.state": (b"a=b\n",),
}


def limit_memory() -> None:
    """Give the command, and each process that it starts, 2 GiB; and 60 seconds of work."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_a_hundred_megabytes_stop_no_command(pyve: Pyve, name: str) -> None:
    pyve.init()
    path = pyve.project / name
    for piece in LARGE[name]:
        path.write_bytes(piece * (BIG // len(piece)))
        for words in (["run", "true"], ["status"]):
            result = subprocess.run(
                pyve.command(*words),
                cwd=pyve.project,
                env=pyve.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                preexec_fn=limit_memory,
            )
            said = f"{words} {piece[:20]!r}: {result.returncode}\n{result.stdout}{result.stderr}"
            assert result.returncode in (0, 1), said
            assert not RAW.search(result.stderr), said


def test_a_config_that_is_none_is_refused_by_name(pyve: Pyve) -> None:
    pyve.init()
    path = pyve.project / ".pyve" / "config"
    good = path.read_bytes()
    for bad in (good + b"#" * 16384, good + b"\0", b"\0" * 10):
        path.write_bytes(bad)
        for command in (["run", "true"], ["status"], ["lock"], ["sync"], ["purge", "--yes"]):
            pyve.fails(*command, code="E_CONFIG_BINARY")
        assert path.read_bytes() == bad
        assert "[config-readable]" in pyve("doctor").stdout
        pyve("doctor", "--fix", "--only", "config-readable", answer="y\n")
        pyve.ok("run", "true")
        for kept in path.parent.glob("config.*"):
            kept.unlink()


@pytest.mark.parametrize("name", [".gitignore", ".tool-versions"])
@pytest.mark.parametrize("bad", [b"a\n\0b\n", b"x" * 1_100_000], ids=["nul", "large"])
def test_what_cannot_be_read_as_a_whole_is_not_cut_off(pyve: Pyve, name: str, bad: bytes) -> None:
    path = pyve.project / name
    path.write_bytes(bad)
    result = pyve("init", "--no-direnv")
    assert path.read_bytes() == bad, result.stderr
    if name == ".gitignore":
        assert "[E_FILE_KIND]" in result.stderr


def test_no_word_of_the_lists_is_left_out() -> None:
    """The lists name each way in which a text can become a command."""
    assert {"$(", "`", ";", "a[$("} <= {
        word[:4] if word.startswith("a[$(") else word[: 2 if word.startswith("$(") else 1]
        for word in HOSTILE
    }
    assert Path(CANARY).name == CANARY and WORDS
