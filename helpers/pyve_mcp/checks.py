"""Whether a tool may be called, and called so."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from typing import Any

from pyve_core import HelperError
from pyve_mcp.tools import Rights, Tool

# What clients call themselves in the handshake, for those that `pyve mcp install` knows.
_CLIENTS = {
    "claude-code": "claude-code",
    "claude-ai": "claude-desktop",
    "cursor": "cursor",
    "cursor-vscode": "cursor",
    "visual studio code": "vscode",
    "gemini-cli-mcp-client": "gemini",
    "windsurf-client": "windsurf",
}


def check_rights(tool: Tool, arguments: dict[str, Any], rights: Rights, client: str) -> None:
    """See that the server was started with what a call needs.

    Args:
        tool: what is called.
        arguments: with what.
        rights: what the server was started with.
        client: the name of the client, or "".

    Raises:
        HelperError: E_MCP_WRITE, E_MCP_RUN.
    """
    needed, what = tool.level, f"the tool {tool.name}"
    if rights.allows(needed):
        refused = tool.find_refused(arguments, rights)
        if refused is None:
            return
        needed, what = refused.level, f"{refused.name} of the tool {tool.name}"
    command = "pyve mcp"
    if client.lower() in _CLIENTS:
        command += f" install {_CLIENTS[client.lower()]}"
    if needed == "run":
        raise HelperError(
            "E_MCP_RUN",
            f"{what} is not allowed here",
            [
                "it runs what it is told, and the server was started without --allow-run",
                "a person has to allow it, and to start the server anew",
            ],
            f"{command} --allow-write --allow-run",
        )
    raise HelperError(
        "E_MCP_WRITE",
        f"{what} is not allowed here",
        [
            "it changes the project, and the server was started without --allow-write",
            "a person has to allow it, and to start the server anew",
        ],
        f"{command} --allow-write",
    )


def check_arguments(tool: Tool, arguments: dict[str, Any], rights: Rights) -> None:
    """See that the arguments of a call are what the tool says.

    Raises:
        HelperError: E_MCP_ARGUMENT.
    """
    from jsonschema import Draft202012Validator

    schema = tool.make_input_schema(rights)
    errors = sorted(Draft202012Validator(schema).iter_errors(arguments), key=lambda e: str(e.path))
    whys = [_describe(error, schema) for error in errors[:5]]
    if not whys:
        whys = [
            f"{name} has characters that no command can be given"
            for name, value in arguments.items()
            if not all(_is_word(text) for text in _list_texts(value))
        ]
    if whys:
        raise HelperError(
            "E_MCP_ARGUMENT",
            f"the tool {tool.name} cannot be called so",
            whys,
            f"pyve help {tool.name}",
        )


def _describe(error: Any, schema: dict[str, Any]) -> str:
    """Say what is wrong with the arguments, as jsonschema found it."""
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and not place:
        known = schema["properties"]
        unknown = sorted(set(error.instance) - set(known))
        near = difflib.get_close_matches(unknown[0].replace("-", "_"), known, 1)
        hint = f": did you mean '{near[0]}'?" if near else f"; there are {', '.join(known)}"
        return f"there is no '{unknown[0]}'{hint}"
    if error.validator == "required":
        return f"'{error.message.split(chr(39))[1]}' is missing"
    if error.validator == "enum":
        return f"{place} has to be one of {', '.join(error.validator_value)}"
    if error.validator == "type":
        return f"{place} has to be of the type {error.validator_value}"
    if error.validator in ("minimum", "maximum"):
        bound = "at least" if error.validator == "minimum" else "at most"
        return f"{place} has to be {bound} {error.validator_value}"
    if error.validator == "minLength":
        return f"{place} is empty"
    return f"{place}: {error.message[:200]}"


def _list_texts(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _is_word(text: str) -> bool:
    """Tell whether a program can be given this text."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
