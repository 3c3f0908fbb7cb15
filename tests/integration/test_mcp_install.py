"""pyve mcp install, and what pyve mcp says on a command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from code_cases import bring, brings, corrects
from mcp_session import RawSession, gone
from pyve_test_helpers import TREE, Pyve, mode

FILES = {
    "claude-code": (".mcp.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "gemini": (".gemini/settings.json", "mcpServers"),
    "vscode": (".vscode/mcp.json", "servers"),
}


@pytest.mark.parametrize("client", FILES)
def test_a_clients_file_in_the_project_is_written(pyve: Pyve, client: str) -> None:
    name, key = FILES[client]
    path = pyve.project / name
    pyve.ok("mcp", "install", client, "--dry-run")
    assert not path.exists()
    said = pyve.ok("mcp", "install", client, "--allow-write", "--allow-run")
    assert str(path) in said
    entry = json.loads(path.read_text())[key]["pyve"]
    assert entry["command"] == str(TREE / "pyve.sh")
    assert entry["args"][-3:] == ["mcp", "--allow-write", "--allow-run"]
    before = path.stat()
    assert "already" in pyve.ok("mcp", "install", client, "--allow-write", "--allow-run")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    # With fewer rights.
    pyve.ok("mcp", "install", client)
    assert json.loads(path.read_text())[key]["pyve"]["args"][-1] == "mcp"


def test_the_written_command_starts_a_server(pyve: Pyve) -> None:
    (pyve.bin / "pyve").symlink_to(TREE / "pyve.sh")
    pyve.ok("mcp", "install", "claude-code", "--allow-write")
    entry = json.loads((pyve.project / ".mcp.json").read_text())["mcpServers"]["pyve"]
    assert entry == {"type": "stdio", "command": "pyve", "args": ["mcp", "--allow-write"]}
    pyve.command = lambda *_args: [entry["command"], *entry["args"]]  # type: ignore[method-assign]
    path = os.environ["PATH"]
    try:
        os.environ["PATH"] = pyve.env["PATH"]
        with RawSession(pyve) as server:
            assert server.greet("2024-11-05")["serverInfo"]["name"] == "pyve"
    finally:
        os.environ["PATH"] = path


@pytest.mark.parametrize("client", ["claude-desktop", "windsurf"])
def test_a_clients_file_of_the_user_names_the_project(pyve: Pyve, client: str) -> None:
    (pyve.project / "src").mkdir()
    pyve.init()
    document = pyve.json("mcp", "install", client, cwd=pyve.project / "src")
    path = Path(document["detail"]["file"])
    assert path.is_relative_to(pyve.home)
    assert document["detail"]["changed"] is True
    assert path.read_text() == document["detail"]["text"]
    args = json.loads(path.read_text())["mcpServers"]["pyve"]["args"]
    assert args == ["-C", str(pyve.project), "mcp"]


def test_a_second_project_does_not_take_the_place_of_the_first(pyve: Pyve) -> None:
    other = pyve.root / "other one!"
    other.mkdir()
    for _ in range(2):
        pyve.ok("mcp", "install", "windsurf")
        pyve.ok("mcp", "install", "windsurf", "--allow-write", cwd=other)
    path = pyve.home / ".codeium" / "windsurf" / "mcp_config.json"
    servers = json.loads(path.read_text())["mcpServers"]
    assert {name: entry["args"] for name, entry in servers.items()} == {
        "pyve": ["-C", str(pyve.project), "mcp"],
        "pyve-other-one": ["-C", str(other), "mcp", "--allow-write"],
    }


def test_all_else_in_the_file_stays(pyve: Pyve) -> None:
    text = json.dumps(
        {"mcpServers": {"other": {"command": "x"}}, "more": "ü"}, indent=4, ensure_ascii=False
    )
    path = pyve.write(".mcp.json", text)
    path.chmod(0o640)
    pyve.ok("mcp", "install", "claude-code")
    new = json.loads(path.read_text())
    assert new["mcpServers"].pop("pyve")
    assert new == json.loads(text)
    assert path.read_text().startswith('{\n    "mcpServers": {\n        "other": {\n')
    assert '"more": "ü"' in path.read_text()
    assert mode(path) == 0o640
    assert sorted(os.listdir(pyve.project)) == [".mcp.json"]


def test_a_file_that_is_a_link_stays_one(pyve: Pyve) -> None:
    real = pyve.home / "dotfiles.json"
    real.write_text("{}")
    link = pyve.home / ".codeium" / "windsurf" / "mcp_config.json"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    pyve.ok("mcp", "install", "windsurf")
    inner = pyve.write("tools.json", "{}")
    (pyve.project / ".mcp.json").symlink_to(inner.name)
    pyve.ok("mcp", "install", "claude-code")
    for place, target in ((link, real), (pyve.project / ".mcp.json", inner)):
        assert place.is_symlink()
        assert "pyve" in json.loads(target.read_text())["mcpServers"]


def test_a_project_does_not_lead_to_other_files(pyve: Pyve) -> None:
    real = pyve.home / "settings.json"
    real.write_text("{}")
    (pyve.project / ".mcp.json").symlink_to(real)
    (pyve.project / ".cursor").symlink_to(pyve.home)
    for client in ("claude-code", "cursor"):
        said = pyve.fails("mcp", "install", client, code="E_MCP_CONFIG")
        assert "it leads out of the project" in said
    assert real.read_text() == "{}"
    assert not (pyve.home / "mcp.json").exists()


def test_what_is_no_file_is_not_waited_for(pyve: Pyve) -> None:
    os.mkfifo(pyve.project / ".mcp.json")
    pyve.fails("mcp", "install", "claude-code", code="E_MCP_CONFIG_WRITE")


def test_without_a_client_the_entry_is_printed(pyve: Pyve) -> None:
    result = pyve("mcp", "install", "--allow-write")
    assert result.returncode == 0
    entry = json.loads(result.stdout)["mcpServers"]["pyve"]
    assert entry["args"] == ["-C", str(pyve.project), "mcp", "--allow-write"]
    for name in (*FILES, "claude-desktop", "windsurf"):
        assert name in result.stderr
    assert list(pyve.project.iterdir()) == []


@brings("W_MCP_CLIENT")
def test_an_unknown_client_is_told_what_most_read(pyve: Pyve) -> None:
    failure = corrects(pyve, "W_MCP_CLIENT", "mcp", "install", "notepad", fix="pyve mcp install")
    assert json.loads(failure.document["detail"]["text"])["mcpServers"]["pyve"]
    failure = bring(pyve, "W_MCP_CLIENT", "mcp", "install", "claude-cod")
    assert failure.fixes[0].argv[-1] == "claude-code"
    failure.says("did you mean 'claude-code'?")


@brings("E_MCP_CONFIG")
@pytest.mark.parametrize("text", ['{"a": 1} // mine\n', "{", "[1]", '{"mcpServers": 1}', "\xff"])
def test_a_file_that_would_lose_something_is_left_alone(pyve: Pyve, text: str) -> None:
    path = pyve.project / ".mcp.json"
    path.write_bytes(text.encode("latin-1"))
    failure = bring(pyve, "E_MCP_CONFIG", "mcp", "install", "claude-code")
    assert path.read_bytes() == text.encode("latin-1")
    failure.says(str(path))
    # The fix prints what belongs into the file.
    entry = json.loads(failure.apply().stdout)
    path.write_text(json.dumps(entry))
    failure.check_gone()


@brings("E_MCP_CONFIG_WRITE")
def test_a_file_that_cannot_be_written(pyve: Pyve) -> None:
    place = pyve.write(".cursor", "")
    failure = bring(pyve, "E_MCP_CONFIG_WRITE", "mcp", "install", "cursor")
    failure.by_hand(".cursor/mcp.json")
    place.unlink()
    failure.check_gone()


@brings("E_MCP_ALLOW")
def test_the_right_to_run_alone_is_none(pyve: Pyve) -> None:
    failure = bring(pyve, "E_MCP_ALLOW", "mcp", "install", "cursor", "--allow-run")
    assert failure.fixes[0].text == "pyve mcp install cursor --allow-write --allow-run"
    failure.apply()
    gone("E_MCP_ALLOW")
    failure = bring(pyve, "E_MCP_ALLOW", "mcp", "--allow-run")
    assert failure.fixes[0].text == "pyve mcp --allow-write --allow-run"


@brings("E_MCP_JSON")
def test_there_is_no_document_beside_the_protocol(pyve: Pyve) -> None:
    failure = bring(pyve, "E_MCP_JSON", "mcp")
    failure.apply()
    gone("E_MCP_JSON")


def test_mistakes_on_the_command_line(pyve: Pyve) -> None:
    pyve.fails("mcp", "instal", code="E_USAGE_ARGUMENT")
    pyve.fails("mcp", "install", "cursor", "more", code="E_USAGE_ARGUMENT")
    pyve.fails("mcp", "--dry-run", code="E_USAGE_OPTION")
    pyve.fails("mcp", "--allow-wrote", code="E_USAGE_OPTION")
    pyve.fails("mcp", "install", "claude-desktop", code="E_MCP_CONFIG_WRITE", HOME="")


def test_a_person_who_starts_it_is_told_what_it_is(pyve: Pyve) -> None:
    """On a terminal."""
    leader, follower = os.openpty()
    process = subprocess.Popen(
        pyve.command("mcp"),
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=pyve.project,
        env=pyve.env,
        text=True,
    )
    os.close(follower)
    assert process.stderr is not None
    assert "Model Context Protocol" in process.stderr.readline()
    os.close(leader)
    process.wait(60)
    process.communicate()


def test_a_toolchain_that_cannot_be_made_says_nothing_on_stdout(pyve: Pyve) -> None:
    empty = pyve.root / "no wheels"
    empty.mkdir()
    result = pyve("mcp", PYVE_TOOLCHAIN=str(pyve.root / "tools"), PIP_FIND_LINKS=empty.as_uri())
    assert result.returncode == 1
    assert result.stdout == ""
    assert "[E_TOOLCHAIN_" in result.stderr
