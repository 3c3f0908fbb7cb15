"""The parts of the MCP server that need no SDK: headers, tools, folders, output, log, clients."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pyve_core import HelperError
from pyve_mcp.confine import Confinement, find_project, is_inside, read_root
from pyve_mcp.headers import (
    HeaderError,
    list_arguments,
    read_header,
    read_rooms,
    split_option,
)
from pyve_mcp.install import CLIENTS, add_entry, make_entry, write_file
from pyve_mcp.journal import LARGEST, find_log, shorten, write_entry
from pyve_mcp.output import HeadTail
from pyve_mcp.tools import Rights, make_tool, make_tools

TREE = Path(__file__).resolve().parents[2]
ROOMS = TREE / "lib" / "commands"
ALL = Rights(write=True, run=True)

# Prints what lib/headers.sh makes of every room, NUL behind each value.
BASH_READER = r"""
PYVE_ROOT=$1
. "$PYVE_ROOT/lib/headers.sh"
for file in "$PYVE_ROOT"/lib/commands/*.sh; do
  read_header "$file"
  name=${file##*/}
  printf '%s\0' "name ${name%.sh}" "summary $header_summary" "states $header_states"
  for kind in usage argument option example exit alias about agent; do
    list="header_$kind[@]"
    for line in ${!list+"${!list}"}; do
      printf '%s\0' "$kind $line"
    done
  done
  for line in ${header_option[@]+"${header_option[@]}"}; do
    split_option "$line"
    printf '%s\0' "split $option_form|$option_short|$option_long|$option_value|$option_text"
  done
done
"""


# --- headers


def test_both_readers_of_headers_agree() -> None:
    result = subprocess.run(
        ["/bin/bash", "-c", BASH_READER, "bash", str(TREE)],
        capture_output=True,
        text=True,
        check=True,
    )
    said = result.stdout.split("\0")[:-1]
    read = []
    for name, header in read_rooms(ROOMS).items():
        read += [f"name {name}", f"summary {header.summary}", f"states {header.states}"]
        for kind in ("usage", "argument", "option", "example", "exit", "alias", "about", "agent"):
            read += [f"{kind} {line}" for line in getattr(header, kind)]
        read += [
            f"split {item.form}|{item.short}|{item.long}|{item.value}|{item.text}"
            for item in header.options
        ]
    assert said == read


@pytest.mark.parametrize(
    "line",
    [
        "-f, --force   Text of it",
        "--plain",
        "--only ID...  Text",
        "-r, --requirement FILE  Text",
        "--backend TYPE   venv, micromamba or auto",
        "--deps           Install",
        "--level LOW|HIGH  Text",
        "-y, --yes  Ask nothing",
        "--x A text that begins with a capital",
        "-C DIR         Work in DIR",
        "no option at all",
    ],
)
def test_options_are_taken_apart_as_bash_does(line: str) -> None:
    script = (
        '. "$1/lib/headers.sh"; split_option "$2"; '
        'printf "%s|%s|%s|%s|%s" "$option_form" "$option_short" "$option_long" "$option_value" '
        '"$option_text"'
    )
    said = subprocess.run(
        ["/bin/bash", "-c", script, "bash", str(TREE), line], capture_output=True, text=True
    ).stdout
    item = split_option(line)
    assert f"{item.form}|{item.short}|{item.long}|{item.value}|{item.text}" == said


def write_room(folder: Path, *lines: str) -> Path:
    """Write a room's header."""
    path = folder / "thing.sh"
    path.write_text(
        "\n".join(f"# {line}" for line in lines) + "\n\ncmd_thing() {\n# Option: --no\n}\n"
    )
    return path


@pytest.mark.parametrize(
    "usage, words, arguments",
    [
        (["pyve thing"], [], []),
        (["pyve thing NAME"], [], [("NAME", True, False)]),
        (["pyve thing [NAME]"], [], [("NAME", False, False)]),
        (["pyve thing NAME..."], [], [("NAME", True, True)]),
        (["pyve thing [NAME]..."], [], [("NAME", False, True)]),
        (["pyve thing [--to PLACE]... [NAME...]"], [], [("NAME", False, True)]),
        (
            ["pyve thing [-t PLACE] A [B [C]]"],
            [],
            [("A", True, False), ("B", False, False), ("C", False, False)],
        ),
        (
            ["pyve thing [--] COMMAND [ARGUMENT]..."],
            [],
            [("COMMAND", True, False), ("ARGUMENT", False, True)],
        ),
        (["pyve thing NAME", "pyve thing --list"], [], [("NAME", False, False)]),
        (["pyve thing (NAME | --list)"], [], [("NAME", False, False)]),
        (["pyve thing", "pyve thing get KEY"], ["get"], [("KEY", False, False)]),
        (["pyve thing on|off", "pyve other NAME"], ["on|off"], []),
    ],
)
def test_usage_lines_say_what_arguments_there_are(
    tmp_path: Path, usage: list[str], words: list[str], arguments: list[tuple[str, bool, bool]]
) -> None:
    path = write_room(
        tmp_path,
        *(f"Usage: {line}" for line in usage),
        "Option: -t, --to PLACE  x",
        "Option: --list x",
    )
    found, listed = list_arguments(read_header(path))
    assert found == "|".join(words).split("|")[: len(found)]
    assert [(item.name, item.required, item.many) for item in listed] == arguments


def test_a_usage_line_with_an_open_bracket_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HeaderError):
        list_arguments(read_header(write_room(tmp_path, "Usage: pyve thing [NAME")))


def test_only_the_first_comment_is_the_header(tmp_path: Path) -> None:
    header = read_header(write_room(tmp_path, "Summary: Do: it", "Option: --yes  Yes"))
    assert header.summary == "Do: it"
    assert [item.long for item in header.options] == ["--yes"]


# --- tools


def test_every_room_that_is_a_tool_can_be_made_one() -> None:
    tools = make_tools(read_rooms(ROOMS))
    assert {"config", "doctor", "explain", "init", "lock", "run", "status", "test"} <= set(tools)
    # What removes things, and what is for people, is no tool.
    assert not {"purge", "self", "install", "uninstall", "hook", "shell", "mcp"} & set(tools)
    for tool in tools.values():
        schema = tool.make_input_schema(ALL)
        names = [item.name for item in tool.parameters]
        assert len(names) == len(set(names)), tool.name
        assert not {"directory", "timeout", "max_output"} & set(names), tool.name
        assert set(schema.get("required", [])) <= set(schema["properties"])
        assert tool.describe()
    assert {name for name, tool in tools.items() if tool.level == "run"} == {
        *("run", "test", "x", "fmt", "lint", "typecheck", "imports")
    }
    # (The server has an option of this name itself.)
    assert "test_timeout" in {item.name for item in tools["test"].parameters}


def test_rights_decide_what_is_offered(tmp_path: Path) -> None:
    path = write_room(
        tmp_path,
        "Summary: Do",
        "Agent: read",
        "Agent: write --fix",
        "Agent: never --report",
        "Usage: pyve thing",
        "Option: --fix  Fix",
        "Option: --report FILE  Write",
        "Option: --only ID...  These",
    )
    tool = make_tool(read_header(path))
    assert tool is not None
    few = tool.make_input_schema(Rights())["properties"]
    assert set(few) == {"only", "directory"}
    assert tool.find_annotations(Rights())["readOnlyHint"]
    writer = Rights(write=True)
    assert set(tool.make_input_schema(writer)["properties"]) == {"fix", "only", "directory"}
    assert not tool.find_annotations(writer)["readOnlyHint"]
    assert tool.find_refused({"fix": True}, Rights()) is not None
    assert tool.find_refused({"fix": True}, writer) is None


def test_a_word_can_need_more_than_its_command(tmp_path: Path) -> None:
    room = tmp_path / "pot.sh"
    room.write_text(
        "# Summary: Look after pots\n# Agent: read\n# Agent: write fill\n# Agent: never break\n"
        "# Usage: pyve pot show|fill|break [OPTION]... NAME\n"
    )
    tool = make_tool(read_header(room))
    assert tool is not None
    writer = Rights(write=True)
    assert tool.make_input_schema(Rights())["properties"]["action"]["enum"] == ["show"]
    assert tool.make_input_schema(writer)["properties"]["action"]["enum"] == ["show", "fill"]
    assert "option" not in tool.make_input_schema(writer)["properties"]
    refused = tool.find_refused({"action": "fill"}, Rights())
    assert refused is not None and refused.level == "write"
    assert tool.find_refused({"action": "fill"}, writer) is None
    assert tool.find_refused({"action": "show"}, Rights()) is None
    assert tool.changes({"action": "fill"}) and not tool.changes({"action": "show"})
    assert tool.find_annotations(Rights())["readOnlyHint"]
    assert not tool.find_annotations(writer)["readOnlyHint"]
    # What changes something may be given a time, and what runs something a measure of output, too.
    limits = {"timeout", "max_output"}
    for level, offered in (("read", set()), ("write", {"timeout"}), ("run", limits)):
        room = write_room(tmp_path, f"Agent: {level}", "Usage: pyve thing")
        limited = make_tool(read_header(room))
        assert limited is not None
        assert set(limited.make_input_schema(ALL)["properties"]) & limits == offered
    # The right to run alone is none.
    assert not Rights(run=True).allows("run")


@pytest.mark.parametrize("line", ["", "maybe", "read quickly", "write --fix nothing"])
def test_an_agent_line_that_says_nothing_known_is_an_error(tmp_path: Path, line: str) -> None:
    header = read_header(
        write_room(tmp_path, f"Agent: {line} ", "Usage: pyve thing", "Option: --fix x")
    )
    if line == "write --fix nothing":
        assert header.find_level("--fix") == "write"
        assert make_tool(header) is None
        return
    with pytest.raises(HeaderError):
        make_tool(header)


def test_arguments_become_a_command_line(tmp_path: Path) -> None:
    path = write_room(
        tmp_path,
        "Summary: Do",
        "Agent: write",
        "Usage: pyve thing [NAME] [-f] [--to PLACE]... [--dry-run]",
        "Option: -f, --force  Force",
        "Option: --to PLACE...  Places",
        "Option: --dry-run  Only say",
    )
    tool = make_tool(read_header(path))
    assert tool is not None
    assert tool.make_command({}) == ["thing"]
    assert tool.make_command({"force": False, "dry_run": True}) == ["thing", "--dry-run"]
    assert tool.make_command({"name": "--x", "to": ["-a", "b c"], "force": True}) == [
        "thing",
        "--force",
        "--to=-a",
        "--to=b c",
        "--",
        "--x",
    ]


def test_choices_of_the_header_are_an_enum() -> None:
    tools = make_tools(read_rooms(ROOMS))
    init = tools["init"].make_input_schema(ALL)["properties"]
    assert init["engine"]["enum"] == ["auto", "micromamba", "mamba", "conda", "rattler"]
    assert init["backend"]["enum"] == ["venv", "micromamba", "auto"]
    lock = tools["lock"].make_input_schema(ALL)["properties"]
    assert "linux-64" in lock["platform"]["items"]["enum"]


# --- folders


def test_roots_are_file_uris() -> None:
    assert read_root("file:///a%20b/%C3%BC") == "/a b/ü"
    assert read_root("file://localhost/a") == "/a"
    assert read_root("file:///a%00b") == ""
    for uri in ("https://example.org/a", "file://host/a", "file:", "/a", "", "file:relative"):
        assert read_root(uri) in ("", "relative"), uri
    assert read_root("file://[x") == ""


def test_what_begins_alike_is_not_inside() -> None:
    assert is_inside("/a/b", "/a")
    assert is_inside("/a", "/a")
    assert is_inside("/a", "/")
    assert not is_inside("/ab", "/a")


def test_links_are_followed_before_a_folder_is_judged(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (inside / "leak").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    confinement = Confinement(str(inside))
    assert confinement.resolve() == str(inside)
    assert confinement.resolve("deep") == str(inside / "deep")
    assert confinement.resolve(str(outside / "back" / "deep")) == str(inside / "deep")
    for place in ("leak", "deep/../leak", "..", str(outside)):
        with pytest.raises(HelperError) as caught:
            confinement.resolve(place)
        assert caught.value.code == "E_MCP_ROOT"
    # A root may be a link itself.
    assert Confinement("/", [(outside / "back").as_uri()]).folders == [str(inside)]


def test_a_project_is_looked_for_upwards(tmp_path: Path) -> None:
    (tmp_path / "a" / ".pyve").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert find_project(str(tmp_path / "a" / "b")) == ""
    (tmp_path / "a" / ".pyve" / "config").write_text("")
    assert find_project(str(tmp_path / "a" / "b" / "c")) == str(tmp_path / "a")


# --- output


@pytest.mark.parametrize("size", [1, 7, 100, 1000, 100_000])
def test_beginning_and_end_are_kept(size: int) -> None:
    data = bytes(48 + number % 10 for number in range(250_000))
    kept = HeadTail(1000)
    for start in range(0, len(data), size):
        kept.add(data[start : start + size])
        if size == 1 and start > 3000:
            break
    total = kept.total
    assert kept.cut == total - 1000
    head, middle, tail = kept.text().split("\n")
    assert head.encode() == data[:500]
    assert tail.encode() == data[total - 500 : total]
    assert middle == f"[... {total - 1000} bytes left out ...]"


def test_little_output_is_kept_whole() -> None:
    kept = HeadTail(10)
    for part in (b"ab", b"cdefg", b"hij"):
        kept.add(part)
    assert (kept.text(), kept.cut) == ("abcdefghij", 0)
    kept.add(b"k")
    assert kept.cut == 1
    kept = HeadTail(10)
    kept.add(b"\xff\xc3")
    assert kept.text() == "\ufffd\ufffd"


# --- the log


def test_the_log_is_private_and_bounded(tmp_path: Path) -> None:
    (tmp_path / ".pyve").mkdir()
    path = Path(find_log(str(tmp_path)))
    path.write_text("{}\n" * (LARGEST // 3))
    path.chmod(0o644)
    write_entry(str(tmp_path), {"tool": "status"})
    assert not path.exists()
    old = path.with_name("mcp.old.jsonl")
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert json.loads(old.read_text().splitlines()[-1])["tool"] == "status"
    for number in range(3):
        write_entry(str(tmp_path), {"tool": number})
    lines = path.read_text().splitlines()
    assert [json.loads(line)["tool"] for line in lines] == [0, 1, 2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_is_put_aside_by_one_server_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".pyve").mkdir()
    path = Path(find_log(str(tmp_path)))
    old = path.with_name("mcp.old.jsonl")
    path.write_text("{}\n" * (LARGEST // 3))

    def come_second(_descriptor: int, _operation: int) -> None:
        """What happens while this server waits for the other."""
        path.rename(old)
        path.write_text("new\n")

    monkeypatch.setattr("pyve_mcp.journal.fcntl.flock", come_second)
    write_entry(str(tmp_path), {"tool": "status"})
    assert path.read_text() == "new\n"
    assert old.stat().st_size > LARGEST


def test_the_log_holds_nothing_long_and_no_logins() -> None:
    given = {"a": ["https://ada:secret@host/x", "x" * 5000], "b": {"c": 1, "d": True}}
    value = shorten({**given, "the hidden one": "no hidden one"}, ["hidden"])
    assert value["a"][0] == "https://***@host/x"
    assert len(value["a"][1]) < 400
    assert value["b"] == {"c": 1, "d": True}
    assert value["the *** one"] == "no *** one"


def test_a_log_in_the_way_of_something_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".pyve").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    write_entry(str(tmp_path), {"tool": "x"})
    assert sorted(os.listdir(tmp_path)) == [".pyve", "elsewhere", "user"]
    assert os.listdir(tmp_path / "elsewhere") == []
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    assert find_log("") == ""
    write_entry("", {"tool": "x"})


# --- clients


ENTRY = {"command": "pyve", "args": ["mcp"]}


def add(text: str, key: str = "mcpServers") -> Any:
    """Add the entry to a text, and read it."""
    return json.loads(add_entry(text, key, ENTRY, "file").lstrip("\ufeff"))


def test_what_is_in_a_clients_file_stays() -> None:
    assert add("") == {"mcpServers": {"pyve": ENTRY}}
    old = {"z": 1, "mcpServers": {"other": {"command": "x"}}, "a": [None, 1.5, "ü"]}
    new = add(json.dumps(old))
    assert list(new) == ["z", "mcpServers", "a"]
    assert new["mcpServers"] == {"other": {"command": "x"}, "pyve": ENTRY}
    assert new["a"] == old["a"]
    # What somebody added to the entry, too.
    new = add(json.dumps({"mcpServers": {"pyve": {"env": {"A": "b"}, "command": "old"}}}))
    assert new["mcpServers"]["pyve"] == {"env": {"A": "b"}, **ENTRY}


def test_indentation_and_line_ends_stay() -> None:
    text = add_entry('{\n\t"a": 1\n}\n', "servers", ENTRY, "file")
    assert text.startswith('{\n\t"a": 1,\n\t"servers": {\n\t\t"pyve"')
    text = add_entry('\ufeff{\r\n    "a": "ü"\r\n}', "servers", ENTRY, "file")
    assert text.startswith('\ufeff{\r\n    "a": "ü",\r\n    "servers"')
    assert "\n" not in text.replace("\r\n", "")
    # Nothing is done twice, and what says it already stays as it was written.
    assert add_entry(text, "servers", ENTRY, "file") == text
    text = '{"servers": {"pyve": {"env": {}, "command": "pyve", "args": ["mcp"]}}}'
    assert add_entry(text, "servers", ENTRY, "file") == text


def test_a_clients_file_with_half_a_character_stays_readable(tmp_path: Path) -> None:
    text = add_entry('{"a": "\\ud800", "b": "\\ud83d\\ude00"}', "servers", ENTRY, "file")
    write_file(str(tmp_path / "x.json"), text)
    value = json.loads((tmp_path / "x.json").read_text())
    assert (value["a"], value["b"]) == ("\ud800", "\U0001f600")


@pytest.mark.parametrize(
    "text, why",
    [
        ('{"a": 1, // note\n "b": 2}', "it has comments"),
        ('/* x */ {"a": "b"}', "it has comments"),
        ('{"a": 1,}', "it is no JSON: line 1"),
        ("{a: 1}", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ('{"mcpServers": []}', "its member mcpServers is no JSON object"),
        ('{"a": 1, "a": 2}', "it names 'a' twice"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_file_that_would_lose_something_is_refused(text: str, why: str) -> None:
    with pytest.raises(HelperError) as caught:
        add_entry(text, "mcpServers", ENTRY, "file")
    assert caught.value.code == "E_MCP_CONFIG"
    assert caught.value.why[0].startswith(why)


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.json"
    write_file(str(path), "one")
    path.chmod(0o600)
    number = path.stat().st_ino
    write_file(str(path), "two")
    assert path.read_text() == "two"
    assert path.stat().st_ino != number
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["x.json"]
    (tmp_path / "taken").write_text("")
    with pytest.raises(HelperError) as caught:
        write_file(str(tmp_path / "taken" / "x.json"), "")
    assert caught.value.code == "E_MCP_CONFIG_WRITE"


def test_each_client_gets_the_folder_in_its_own_way() -> None:
    args = {
        name: make_entry(client, "pyve", "/p", ["--allow-write"])["args"]
        for name, client in CLIENTS.items()
    }
    assert args["claude-code"] == ["mcp", "--allow-write"]
    assert args["claude-desktop"] == ["-C", "/p", "mcp", "--allow-write"]
    assert args["vscode"] == ["-C", "${workspaceFolder}", "mcp", "--allow-write"]
