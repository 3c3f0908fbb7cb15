"""What Pyve looks like: colour, symbols, width, on real terminals of several sizes and on pipes."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from pyve_test_helpers import TREE, Pyve
from terminal import Terminal, open_pyve

ESCAPE = "\x1b"
ROOMS = sorted(path.stem for path in (TREE / "lib/commands").glob("*.sh"))


def words(text: str) -> str:
    """The text without what wrapping may change: blanks, line ends, and ";" in a list."""
    return "".join(text.replace(";", "").split())


def show(pyve: Pyve, *args: str, columns: int = 80, rows: int = 24, **env: str | None) -> Terminal:
    """Run a command in a terminal to its end, and return the terminal with its screen."""
    with open_pyve(pyve, *args, columns=columns, rows=rows, **env) as terminal:
        terminal.wait()
        assert terminal.is_sane
        assert terminal.is_cursor_shown
        return terminal


# --- width


@pytest.mark.parametrize("columns", [100, 80, 60, 40])
@pytest.mark.parametrize("room", ROOMS)
def test_help_of_a_command_fits_the_width_and_says_the_same(
    pyve: Pyve, room: str, columns: int
) -> None:
    terminal = show(pyve, "help", room, columns=columns, rows=100)
    assert terminal.status == 0
    piped = pyve.ok("help", room)
    assert words(terminal.text) == words(piped)
    for line in piped.splitlines():
        assert len(line) <= 80 or line.startswith("  "), line
    # No word is broken by the terminal; but examples, and tables in the text, are one line each.
    on_screen = set(terminal.text.replace(";", "").split())
    before, _, after = piped.partition("Examples:")
    said = re.sub(r"(?m)^  \S+ {2,}\S.*$", "", before.partition("Options:")[0])
    said += before.partition("Options:")[2]
    for word in (said + after.partition("\n\n")[2]).replace(";", "").split():
        assert word in on_screen, word


def test_options_stand_beside_their_text_at_80_and_above_it_at_60(pyve: Pyve) -> None:
    wide = show(pyve, "help", "purge", columns=80).lines
    assert "  --keep-testenv           Keep the environment of the test runner" in wide
    narrow = show(pyve, "help", "purge", columns=60).lines
    at = narrow.index("  --keep-testenv")
    assert narrow[at + 1] == "      Keep the environment of the test runner"


def test_an_error_at_60_columns_has_a_hanging_indent(pyve: Pyve) -> None:
    pyve.init()
    terminal = show(pyve, "run", "no-such-command", columns=60)
    assert terminal.status == 127
    assert terminal.lines[:2] == [
        "ERROR: there is no command 'no-such-command', neither in the",
        "       environment nor on PATH [E_COMMAND_NOT_FOUND]",
    ]
    assert terminal.lines[-1] == "  fix: pyve run python -m pip install no-such-command"


def test_commands_and_paths_are_not_broken(pyve: Pyve) -> None:
    terminal = show(pyve, "run", "true", columns=40)
    assert terminal.status == 1
    assert "  fix: pyve init" in terminal.lines
    # The path, with its blanks, goes to a line of its own, and over its end, as one piece.
    assert f"  why: {pyve.venv}\n       is not there" in terminal.raw.replace("\r", "")
    long = "--python-version=" + "9" * 60
    terminal = show(pyve, "init", "--force", long, columns=60)
    assert terminal.raw.count("fix: ") == 1


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 30), (60, 20), (132, 50), (40, 24)])
def test_the_overview_fits_one_screen(pyve: Pyve, columns: int, rows: int) -> None:
    terminal = show(pyve, "help", columns=columns, rows=rows)
    # The last line is for the prompt.
    assert len(terminal.lines) < rows
    assert all(len(line) <= columns for line in terminal.lines)
    for room in ROOMS:
        assert room == "complete" or room in terminal.text
    assert "Environment" in terminal.text
    assert "Pyve itself" in terminal.text
    assert "pyve help COMMAND" in terminal.text


def test_the_overview_at_80_columns_has_every_summary(pyve: Pyve) -> None:
    lines = show(pyve, "help", rows=60).lines
    for room in ROOMS:
        header = (TREE / f"lib/commands/{room}.sh").read_text().splitlines()
        if header[1] != "# Group: Plumbing":
            assert f"  {room:<16}{header[0].removeprefix('# Summary: ')}" in lines


def test_with_many_more_commands_the_overview_still_fits(pyve: Pyve, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(TREE / "lib", tree / "lib")
    shutil.copy2(TREE / "pyve.sh", tree / "pyve.sh")
    groups = {
        "Environment": "status",
        "Dependencies": "lock sync add remove upgrade outdated why tree export migrate prefetch",
        "Scripts and tools": "x tool watch",
        "Store": "store",
        "Ship": "build bundle compat publish sbom audit policy",
        "Agents": "mcp schema explain",
    }
    for group, names in groups.items():
        for name in names.split():
            (tree / f"lib/commands/{name}.sh").write_text(
                f"# Summary: Do what {name} does, and say what was done\n# Group: {group}\n"
            )
    argv = [tree / "pyve.sh", "help"]
    with Terminal(argv, env=pyve.env, cwd=pyve.project) as terminal:
        assert terminal.wait() == 0
        assert len(terminal.lines) < 24
        for group, names in groups.items():
            assert group in terminal.text
            for name in names.split():
                assert name in terminal.text
        # What people need first keeps its summaries.
        assert "Make the project's environment" in terminal.text
    # Into a pipe everything is written.
    piped = pyve.execute(*argv).stdout
    assert "Do what publish does" in piped


def test_the_width_in_the_environment_goes_before_the_terminals(pyve: Pyve) -> None:
    lines = show(pyve, "help", "init", columns=120, rows=60, COLUMNS="60").lines
    assert max(map(len, lines)) <= 60
    lines = show(pyve, "help", "init", columns=120, rows=60, COLUMNS="nonsense").lines
    assert max(map(len, lines)) > 80


def test_a_terminal_that_does_not_know_its_size_has_80_columns(pyve: Pyve) -> None:
    with open_pyve(pyve, "help", "init", columns=200, rows=60) as terminal:
        terminal.wait()
        wide = max(map(len, terminal.lines))
    assert wide > 80
    stty = "stty cols 0 rows 0; exec {} help init".format(shlex.quote(str(TREE / "pyve.sh")))
    with Terminal(["sh", "-c", stty], env=pyve.env, cwd=pyve.project, columns=200) as terminal:
        assert terminal.wait() == 0
        assert max(map(len, terminal.lines)) <= 80


# --- colour


def test_colour_is_sparing(pyve: Pyve) -> None:
    terminal = show(pyve, "init", "--no-direnv")
    assert terminal.look_of("✓") == ("green", False)
    assert terminal.look_of("Made") == ("default", False)
    assert terminal.look_of("INFO") == ("default", False)
    terminal = show(pyve, "run", "no-such-command")
    assert terminal.look_of("ERROR:") == ("red", True)
    assert terminal.look_of("there is") == ("default", False)
    assert terminal.look_of("pyve run python") == ("default", True)
    assert terminal.look_of("fix:") == ("default", False)
    terminal = show(pyve, "help")
    assert terminal.look_of("Environment") == ("default", True)
    assert terminal.look_of("init ") == ("default", False)
    pyve.write(".env", "").chmod(0o644)
    terminal = show(pyve, "doctor")
    assert terminal.status == 2
    assert terminal.look_of("⚠") == ("brown", False)
    assert terminal.look_of("·") == ("default", False)
    (pyve.venv / "bin/python").unlink()
    terminal = show(pyve, "doctor")
    assert terminal.look_of("✗") == ("red", True)


@pytest.mark.parametrize(
    ("env", "is_colored"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": None}, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True),
        ({"CI": "true"}, False),
        ({"CI": "true", "FORCE_COLOR": "1"}, True),
        ({"CLICOLOR": "0"}, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, True),
    ],
)
def test_who_wants_colour_on_a_terminal(
    pyve: Pyve, env: dict[str, str | None], is_colored: bool
) -> None:
    for words_ in (["run", "x"], ["help", "init"]):
        assert (ESCAPE in show(pyve, *words_, rows=60, **env).raw) == is_colored


def test_a_pipe_gets_no_escapes(pyve: Pyve) -> None:
    pyve.write("requirements.txt", "starlette\n")
    for args in (
        ["init", "--no-direnv", "--deps"],
        ["help"],
        ["help", "init"],
        ["doctor"],
        ["run", "no-such-command"],
        ["init", "--backend", "banana"],
        ["purge"],
    ):
        result = pyve(*args, TERM="xterm-256color")
        assert ESCAPE not in result.stdout + result.stderr
        assert "\r" not in result.stdout + result.stderr


@pytest.mark.parametrize("args", [["doctor"], ["help"], ["run", "x"], ["init", "--yes"]])
def test_the_document_of_json_has_no_escapes_on_a_terminal_or_by_force(
    pyve: Pyve, args: list[str]
) -> None:
    document = pyve(*args, "--json", CLICOLOR_FORCE="1").stdout
    assert ESCAPE not in document
    assert "u001b" not in document
    script = f'"{TREE / "pyve.sh"}" --json {" ".join(args)} >document'
    with Terminal(["sh", "-c", script], env=pyve.env, cwd=pyve.project) as terminal:
        terminal.wait()
    text = (pyve.project / "document").read_text()
    assert text.count("\n") == 1
    assert "u001b" not in text


def test_a_name_with_escapes_commands_no_terminal(pyve: Pyve) -> None:
    pyve.init()
    terminal = show(pyve, "run", "x\x1b[31m\x07y")
    assert "\x1b[31m" not in terminal.raw
    assert "\x07" not in terminal.raw
    assert "'x?[31m?y'" in terminal.text


# --- symbols


@pytest.mark.parametrize(
    ("env", "symbols"),
    [
        ({}, "✓·"),
        ({"LC_ALL": None, "LANG": None, "LC_CTYPE": None}, "✓·"),
        ({"LC_ALL": "C"}, "ok -"),
        ({"LC_ALL": "POSIX"}, "ok -"),
        ({"LC_ALL": None, "LANG": "C"}, "ok -"),
        ({"LC_ALL": None, "LANG": "C", "LC_CTYPE": "C.UTF-8"}, "✓·"),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "✓·"),
        ({"TERM": "dumb"}, "✓·"),
    ],
)
def test_symbols_go_by_the_locale(pyve: Pyve, env: dict[str, str | None], symbols: str) -> None:
    pyve.init()
    wanted = {**pyve.env, **env}
    pyve.env = {name: value for name, value in wanted.items() if value is not None}
    out = pyve.ok("doctor")
    on_screen = show(pyve, "doctor", columns=120, **{"LC_ALL": None, **env}).text + "\n"
    for text in (out, on_screen):
        if symbols == "✓·":
            assert "✓ Backend: venv\n" in text
            assert "· Lock: none (unlocked)\n" in text
        else:
            assert text.isascii()
            assert "ok Backend: venv\n" in text
            assert "-  Lock: none (unlocked)\n" in text


def test_nothing_but_ascii_without_utf8(pyve: Pyve) -> None:
    pyve.env["LC_ALL"] = "C"
    pyve.write("requirements.txt", "")
    for args in (["init"], ["init", "--update"], ["doctor"], ["validate"], ["help"], ["purge"]):
        result = pyve(*args)
        assert (result.stdout + result.stderr).isascii()
