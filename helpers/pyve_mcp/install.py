"""Telling a client of the server: its configuration file, with all that is in it already.

install --client NAME --project DIR --command WORD [--allow-write] [--allow-run] [--dry-run]
    Answers client, file ("" when it has to be done by hand), changed, text (what the file then
    holds, or what belongs into it), near (a client with a similar name), known (those there are).
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from pyve_core import Answer, HelperError, parse_options
from pyve_mcp.confine import is_inside

Json = Any


@dataclass(frozen=True)
class Client:
    """A client whose configuration file is known.

    Attributes:
        file: its path: relative to the project, or below a folder of the user ("~").
        key: the member that holds the servers.
        folder: how the project's folder is written there: "" when the client starts servers in it.
        typed: whether an entry says that it speaks over stdio.
    """

    file: str
    key: str = "mcpServers"
    folder: str = ""
    typed: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether the file belongs to the project, so that others get it, too."""
        return not self.file.startswith("~")


_DESKTOP = {
    "darwin": "~/Library/Application Support/Claude/claude_desktop_config.json",
    "linux": "~/.config/Claude/claude_desktop_config.json",
}

CLIENTS = {
    "claude-code": Client(".mcp.json", typed=True),
    "claude-desktop": Client(_DESKTOP.get(sys.platform, _DESKTOP["linux"]), folder="PROJECT"),
    "cursor": Client(".cursor/mcp.json", folder="${workspaceFolder}"),
    "gemini": Client(".gemini/settings.json"),
    "vscode": Client(".vscode/mcp.json", "servers", "${workspaceFolder}", True),
    "windsurf": Client("~/.codeium/windsurf/mcp_config.json", folder="PROJECT"),
}


def install(argv: list[str]) -> Answer:
    """Write the entry of a client, or say what it is."""
    options = parse_options(argv, "client project command", "allow-write allow-run dry-run")
    name, project = options.get("client", ""), options.get("project")
    flags = [f"--{flag}" for flag in ("allow-write", "allow-run") if options.has(flag)]
    client = CLIENTS.get(name)
    known = sorted(CLIENTS)
    if client is None:
        entry = make_entry(Client("", folder="PROJECT"), options.get("command"), project, flags)
        near = difflib.get_close_matches(name, known, 1)
        text = format_json({"mcpServers": {"pyve": entry}}, "  ")
        return {
            "client": name,
            "file": "",
            "changed": False,
            "text": text,
            "near": near[0] if near else "",
            "known": known,
        }
    entry = make_entry(client, options.get("command"), project, flags)
    path = find_file(client, project)
    old = read_file(path)
    text = add_entry(old, client.key, entry, path)
    changed = text != old
    if changed and not options.has("dry-run"):
        write_file(path, text)
    return {"client": name, "file": path, "changed": changed, "text": text, "known": known}


def make_entry(client: Client, command: str, project: str, flags: list[str]) -> dict[str, Json]:
    """Make what a client has to know of the server."""
    folder = project if client.folder == "PROJECT" else client.folder
    entry: dict[str, Json] = {"type": "stdio"} if client.typed else {}
    entry["command"] = command
    entry["args"] = [*(["-C", folder] if folder else []), "mcp", *flags]
    return entry


def find_file(client: Client, project: str) -> str:
    """Give the path of a client's file; where it is a link, of what it leads to."""
    path = client.file
    if path.startswith("~"):
        home = os.environ.get("HOME", "")
        if not home.startswith("/"):
            raise HelperError(
                "E_MCP_CONFIG_WRITE", "there is no place for the configuration", "HOME is not set"
            )
        path = home + path[1:]
    real = os.path.realpath(os.path.join(project, path))
    # (The user's own may be kept elsewhere; but no project says which of them is changed.)
    if client.is_shared and not is_inside(real, os.path.realpath(project)):
        place = os.path.join(project, path)
        raise HelperError(
            "E_MCP_CONFIG",
            f"{place} was not changed",
            [f"it leads out of the project, to {real}"],
            "pyve mcp install",
        )
    return real


def read_file(path: str) -> str:
    """Read a client's file; "" when there is none.

    Raises:
        HelperError: E_MCP_CONFIG when it is no text, E_MCP_CONFIG_WRITE when it cannot be read.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise HelperError("E_MCP_CONFIG_WRITE", f"cannot read {path}", "it is no file")
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HelperError(
            "E_MCP_CONFIG_WRITE", f"cannot read {path}", error.strerror or str(error)
        ) from error
    except UnicodeDecodeError as error:
        raise _refuse(path, "it is no UTF-8 text") from error


def add_entry(old: str, key: str, entry: Json, path: str) -> str:
    """Give the text of a client's file with the entry in it.

    All other members stay, in their order, and the file's indentation, too.

    Raises:
        HelperError: E_MCP_CONFIG when the text is no JSON, or holds what would be lost.
    """
    mark = "\ufeff" if old.startswith("\ufeff") else ""
    text = old[len(mark) :]
    value = _parse(text, path) if text.strip() else {}
    if not isinstance(value, dict):
        raise _refuse(path, "it is no JSON object")
    servers = value.setdefault(key, {})
    if not isinstance(servers, dict):
        raise _refuse(path, f"its member {key} is no JSON object")
    name = choose_name(servers, entry)
    known = servers.get(name)
    # What somebody added to the entry, such as its environment, stays.
    servers[name] = {**known, **entry} if isinstance(known, dict) else entry
    if servers[name] == known:
        return old
    indent = re.search(r"^[ \t]+(?=\S)", text, re.MULTILINE)
    new = format_json(value, indent.group() if indent else "  ")
    return mark + (new.replace("\n", "\r\n") if "\r\n" in text else new)


def choose_name(servers: dict[str, Json], entry: Json) -> str:
    """Give the name of an entry: pyve, unless that is there for another project."""
    folder = _find_folder(entry)
    other = _find_folder(servers.get("pyve"))
    if not folder or not other or folder == other or not os.path.isdir(other):
        return "pyve"
    wish = f"pyve-{re.sub('[^A-Za-z0-9_-]+', '-', os.path.basename(folder)).strip('-')}".strip("-")
    name, number = wish, 1
    while name in servers and _find_folder(servers[name]) != folder:
        number += 1
        name = f"{wish}-{number}"
    return name


def _find_folder(entry: Json) -> str:
    """Give the folder that an entry names with -C, or ""."""
    args = entry.get("args") if isinstance(entry, dict) else None
    if isinstance(args, list) and len(args) > 1 and args[0] == "-C":
        return args[1] if isinstance(args[1], str) and args[1].startswith("/") else ""
    return ""


def _parse(text: str, path: str) -> Json:
    """Read JSON that can be written anew without losing anything."""
    doubles: list[str] = []

    def collect(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name, value in pairs:
            if name in found:
                doubles.append(name)
            found[name] = value
        return found

    try:
        value = json.loads(text, object_pairs_hook=collect)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        reason = "it has comments" if _has_comments(text) else f"it is no JSON: {place}"
        raise _refuse(path, reason) from error
    except RecursionError as error:
        raise _refuse(path, "it is nested too deeply") from error
    except ValueError as error:
        # (Python makes no integer of more than 4300 digits.)
        raise _refuse(path, "a number has too many digits") from error
    if doubles:
        raise _refuse(path, f"it names {doubles[0]!r} twice")
    return value


def _has_comments(text: str) -> bool:
    """Tell whether a text has // or /* outside of strings."""
    return re.search(r"//|/\*", re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)) is not None


def _refuse(path: str, reason: str) -> HelperError:
    return HelperError(
        "E_MCP_CONFIG",
        f"{path} was not changed",
        [reason, "what is in it could be lost"],
        "pyve mcp install",
    )


def format_json(value: Json, indent: str) -> str:
    """Write JSON as people do."""
    text = json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
    # (Half of a pair of surrogates is no text, but JSON may name it.)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)


def write_file(path: str, text: str) -> None:
    """Put a file in its place in one step, with the permissions that it had.

    Raises:
        HelperError: E_MCP_CONFIG_WRITE.
    """
    folder = os.path.dirname(path)
    temporary = ""
    try:
        os.makedirs(folder, exist_ok=True)
        mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else None
        descriptor, temporary = tempfile.mkstemp(prefix=".pyve-new.", dir=folder)
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            if mode is None:
                mask = os.umask(0)
                os.umask(mask)
                mode = 0o666 & ~mask
            os.fchmod(stream.fileno(), mode)
        os.replace(temporary, path)
        temporary = ""
    except OSError as error:
        raise HelperError(
            "E_MCP_CONFIG_WRITE", f"cannot write {path}", error.strerror or str(error)
        ) from error
    finally:
        if temporary:
            os.unlink(temporary)
