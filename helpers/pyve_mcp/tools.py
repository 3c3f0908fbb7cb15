"""Tools made of the headers of commands: what they take, and the command line it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyve_mcp.headers import LEVELS, Header, Option, list_arguments

# How long a command may take, in seconds: run and test unless they are told otherwise; at most.
USUAL_SECONDS = 300
MOST_SECONDS = 3600
# How much of each stream of run and test is given back, in bytes.
USUAL_OUTPUT = 20_000
MOST_OUTPUT = 200_000
LEAST_OUTPUT = 200

# What Pyve prints with --json. Short on purpose: clients load it for each tool. All of it is in
# docs/schema/pyve-v1.json (pyve://schema).
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "version": {"const": 1},
        "command": {"type": "string"},
        "status": {"enum": ["ok", "warning", "error"]},
        "exit_code": {"type": "integer"},
        "duration_ms": {"type": "integer"},
        "detail": {"type": "object", "description": "What the command has to say"},
        "events": {"type": "array", "items": {"type": "object"}},
        "diagnostics": {
            "type": "array",
            "description": "What is wrong, why, and the commands that mend it",
            "items": {"type": "object", "required": ["code", "level", "message", "why", "fix"]},
        },
    },
    "required": ["version", "command", "status", "exit_code", "detail", "events", "diagnostics"],
}


# What each tool can be given for the server's own part.
_TAKEN = ("directory", "timeout", "max_output")


@dataclass(frozen=True)
class Rights:
    """What the server was started with.

    Attributes:
        write: --allow-write.
        run: --allow-run.
    """

    write: bool = False
    run: bool = False

    def allows(self, level: str) -> bool:
        """Tell whether something of this level may be done."""
        return {"read": True, "write": self.write, "run": self.write and self.run}.get(level, False)


@dataclass(frozen=True)
class Parameter:
    """Something that a tool can be given.

    Attributes:
        name: as agents write it, "python_version".
        level: what an agent must be allowed to do for it, one of LEVELS.
        schema: the JSON Schema of its value.
        option: "--python-version", or "" for an argument.
        kind: what it is; see Header.find_kind.
        required: the tool does not work without.
        words: the levels of those of its values that need another one.
    """

    name: str
    level: str
    schema: dict[str, Any]
    option: str = ""
    kind: str = ""
    required: bool = False
    words: Mapping[str, str] = field(default_factory=dict)

    def find_level(self, value: Any) -> str:
        """What an agent must be allowed to do to give this value, one of LEVELS."""
        return self.words.get(value, self.level) if isinstance(value, str) else self.level

    def limit(self, rights: Rights) -> dict[str, Any]:
        """The JSON Schema of the values that it may have with these rights."""
        if not self.words:
            return self.schema
        allowed = [word for word in self.schema["enum"] if rights.allows(self.find_level(word))]
        return {**self.schema, "enum": allowed}


@dataclass
class Tool:
    """A command as a tool.

    Attributes:
        header: the command's header.
        level: what an agent must be allowed to do for it, one of LEVELS.
        parameters: what it can be given, beside what all tools can.
    """

    header: Header
    level: str
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The command's name."""
        return self.header.name

    @property
    def has_output(self) -> bool:
        """Whether it runs a command of the user, whose output is given back within a limit."""
        return self.level == "run"

    @property
    def seconds(self) -> int:
        """How long it may take unless the call says otherwise."""
        return USUAL_SECONDS if self.has_output else MOST_SECONDS

    def describe(self) -> str:
        """What the tool does, in words."""
        text = f"{self.header.summary}.\n\n{chr(10).join(self.header.about)}"
        if self.header.exit:
            text += f"\n\nExit codes: {'; '.join(self.header.exit)}"
        return text.strip()

    def find_annotations(self, rights: Rights) -> dict[str, bool]:
        """The hints for clients, for what is offered with these rights."""
        traits = self.header.traits
        needed = [level for item in self.parameters for level in (item.level, *item.words.values())]
        writes = any(level != "read" for level in needed if rights.allows(level))
        return {
            "readOnlyHint": self.level == "read" and not writes,
            "destructiveHint": "destructive" in traits or self.level == "run",
            "idempotentHint": "idempotent" in traits or (self.level == "read" and not writes),
            "openWorldHint": "network" in traits or self.level == "run",
        }

    def make_input_schema(self, rights: Rights) -> dict[str, Any]:
        """The JSON Schema of what the tool can be given with these rights."""
        properties: dict[str, Any] = {
            item.name: item.limit(rights) for item in self.parameters if rights.allows(item.level)
        }
        properties["directory"] = {
            "type": "string",
            "minLength": 1,
            "description": "Folder of the project, or one in it; otherwise the first of the"
            " client's roots, or the folder that the server was started in",
        }
        if self.level != "read":
            properties["timeout"] = {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_SECONDS,
                "default": self.seconds,
                "description": "Seconds after which the command, with all its children, is ended",
            }
        if self.has_output:
            properties["max_output"] = {
                "type": "integer",
                "minimum": LEAST_OUTPUT,
                "maximum": MOST_OUTPUT,
                "default": USUAL_OUTPUT,
                "description": "Bytes of stdout, and of stderr, to give back: beginning and end",
            }
        schema: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        required = [item.name for item in self.parameters if item.required]
        if required:
            schema["required"] = required
        return schema

    def find_refused(self, arguments: dict[str, Any], rights: Rights) -> Parameter | None:
        """Find a parameter among those given that needs more than these rights."""
        for item in self.parameters:
            if item.name in arguments:
                needed = item.find_level(arguments[item.name])
                if not rights.allows(needed):
                    return replace(item, level=needed)
        return None

    def changes(self, arguments: dict[str, Any]) -> bool:
        """Tell whether a call may change the project (what run and test do is their commands')."""
        given = [item for item in self.parameters if item.name in arguments]
        levels = [item.find_level(arguments[item.name]) for item in given]
        return "write" in (self.level, *levels)

    def list_paths(self, arguments: dict[str, Any]) -> list[str]:
        """The values given that name files or folders."""
        paths: list[str] = []
        for item in self.parameters:
            if item.kind in ("files", "folders") and item.name in arguments:
                value = arguments[item.name]
                paths += value if isinstance(value, list) else [value]
        return paths

    def make_command(self, arguments: dict[str, Any]) -> list[str]:
        """The words behind ``pyve`` for arguments that fit the schema."""
        words = [self.name]
        behind: list[str] = []
        for item in self.parameters:
            value = arguments.get(item.name)
            if value is None or value is False:
                continue
            values = value if isinstance(value, list) else [value]
            if item.name == "action":
                # (What stands behind a word like this can be a command line.)
                words[1:1] = values
            elif not item.option:
                behind += values
            elif value is True:
                words.append(item.option)
            else:
                words += [f"{item.option}={one}" for one in values]
        # A value that begins with a dash is no option.
        return [*words, "--", *behind] if behind else words


def make_tool(header: Header) -> Tool | None:
    """Make a tool of a command; none when its header does not say that it is one."""
    level = header.level
    if not level:
        return None
    tool = Tool(header, level)
    words, arguments = list_arguments(header)
    levels = {word: header.find_level(word) for word in words}
    levels = {word: needed for word, needed in levels.items() if needed in LEVELS}
    if levels:
        schema = {"enum": list(levels), "description": "What to do"}
        others = {
            word: needed
            for word, needed in levels.items()
            if LEVELS.index(needed) > LEVELS.index(level)
        }
        tool.parameters.append(Parameter("action", level, schema, words=others))
    for argument in arguments:
        schema = _describe(header, argument.name, argument.many, "")
        kind = header.find_kind(argument.name)
        tool.parameters.append(
            Parameter(argument.name.lower(), level, schema, "", kind, argument.required)
        )
    for option in header.options:
        needed = header.find_level(option.long)
        if needed in LEVELS and option.long:
            tool.parameters.append(
                _make_option(header, option, max(level, needed, key=LEVELS.index))
            )
    return tool


def _make_option(header: Header, option: Option, level: str) -> Parameter:
    name = option.long[2:].replace("-", "_")
    if name in _TAKEN:
        name = f"{header.name}_{name}"
    if not option.value:
        schema: dict[str, Any] = {"type": "boolean", "description": option.text}
        return Parameter(name, level, schema, option.long)
    value = option.value[:-3] if option.value.endswith("...") else option.value
    schema = _describe(header, value, value != option.value, option.text)
    return Parameter(name, level, schema, option.long, header.find_kind(value))


def _describe(header: Header, name: str, many: bool, text: str) -> dict[str, Any]:
    """The JSON Schema of a value by its name in the header."""
    choices = header.find_choices(name)
    one: dict[str, Any] = {"enum": choices} if choices else {"type": "string"}
    if many:
        one = {"type": "array", "items": one}
    elif not choices:
        one["minLength"] = 1
    kind = header.find_kind(name)
    # (What an argument is may stand there in words.)
    text = text or (kind if " " in kind else "")
    return {**one, "description": text} if text else one


def make_tools(headers: dict[str, Header]) -> dict[str, Tool]:
    """Make the tools of all commands that are ones, by their names."""
    made = {name: make_tool(header) for name, header in headers.items()}
    return {name: tool for name, tool in made.items() if tool is not None}
