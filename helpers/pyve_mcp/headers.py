"""The headers of the rooms, as lib/headers.sh reads them.

Of the line ``# Agent:``, which makes a tool of a command::

    # Agent: write idempotent network     read, write or run; what else is true of it
    # Agent: write --fix                  options that need more than the command itself
    # Agent: never --report               options and words that agents are not offered
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

LEVELS = ("read", "write", "run")
TRAITS = ("idempotent", "destructive", "network")

# What the name of a value says when the header does not (as in lib/completion.sh).
_KINDS = {
    "COMMAND": "commands",
    "DIR": "folders",
    "FILE": "files",
    "FORM": "json|jsonl",
    "SHELL": "bash|zsh|fish",
    "TYPE": "backends",
    "VENV_DIR": "environments",
    "VER": "pythons",
}
_BACKENDS = ("venv", "micromamba", "auto")

_OPTION = re.compile(
    r"(?:(?P<short>-[A-Za-z])(?=[,\s]))?"
    r"(?:(?(short),?\s*)(?P<long>--[a-z]\S*))?"
    r"(?:\s(?P<value>[A-Z][A-Z_.|]*)(?=\s|$))?\s*(?P<text>.*)"
)
_USAGE = re.compile(r"\[|\]|\(|\)|\.\.\.|\||[^\s\[\]()|.]+(?:[.|][^\s\[\]()|.]+)*")


class HeaderError(Exception):
    """A header that no tool can be made of."""


@dataclass(frozen=True)
class Option:
    """A line ``# Option:``.

    Attributes:
        short: "-f" or "".
        long: "--force" or "".
        value: the name of its value, "TYPE" or "NAME...", or "".
        text: what it does.
    """

    short: str
    long: str
    value: str
    text: str

    @property
    def form(self) -> str:
        """How it is written: "-r, --requirement FILE"."""
        names = ", ".join(name for name in (self.short, self.long) if name)
        return f"{names} {self.value}" if self.value else names


@dataclass
class Argument:
    """A word of a command line that is no option.

    Attributes:
        name: as in the Usage line, "COMMAND".
        required: the command does not work without.
        many: it may be repeated.
    """

    name: str
    required: bool
    many: bool


@dataclass
class Header:
    """The comment at the top of a room; see lib/headers.sh."""

    name: str
    summary: str = ""
    states: str = ""
    usage: list[str] = field(default_factory=list)
    argument: list[str] = field(default_factory=list)
    option: list[str] = field(default_factory=list)
    example: list[str] = field(default_factory=list)
    exit: list[str] = field(default_factory=list)
    alias: list[str] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    agent: list[str] = field(default_factory=list)

    @property
    def options(self) -> list[Option]:
        """The options, taken apart."""
        return [split_option(line) for line in self.option]

    @property
    def level(self) -> str:
        """What an agent must be allowed to do: "read", "write", "run", or "" for no tool."""
        return self._agent_words()[0]

    @property
    def traits(self) -> frozenset[str]:
        """What else is true of the tool; see TRAITS."""
        return frozenset(self._agent_words()[1:])

    def _agent_words(self) -> list[str]:
        for line in self.agent:
            words = line.split()
            if not any(word.startswith("-") for word in words):
                if not words or words[0] not in LEVELS or not set(words[1:]) <= set(TRAITS):
                    raise HeaderError(f"{self.name}: Agent: {line}")
                return words
        return [""]

    def find_level(self, option: str) -> str:
        """What an agent must be allowed to do for an option: one of LEVELS, or "never"."""
        for line in self.agent:
            level, *names = line.split() or [""]
            if option in names:
                if level not in (*LEVELS, "never"):
                    raise HeaderError(f"{self.name}: Agent: {line}")
                return level
        return self.level

    def find_choices(self, name: str) -> list[str]:
        """The values that there are for an argument or an option's value, or none when any fits."""
        kind = self.find_kind(name)
        if kind == "backends":
            return list(_BACKENDS)
        if "|" in kind and not re.search(r"\s", kind):
            return kind.split("|")
        return name.split("|") if "|" in name else []

    def find_kind(self, name: str) -> str:
        """What an argument or an option's value is: "files", "a|b|c" and so on, or ""."""
        for line in self.argument:
            word, *rest = line.split(None, 1)
            if word == name:
                return rest[0] if rest else ""
        return _KINDS.get(name, "")


def read_header(path: Path) -> Header:
    """Read the comment at the top of a room."""
    header = Header(path.stem)
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            if not line.startswith("#"):
                break
            label, colon, text = line.rstrip("\n")[2:].partition(": ")
            name = label.lower()
            if not colon or label != name.capitalize() or name not in _FIELDS:
                continue
            if name in ("summary", "states"):
                setattr(header, name, text)
            else:
                getattr(header, name).append(text)
    return header


_FIELDS = frozenset(Header.__dataclass_fields__) - {"name"}


def read_rooms(folder: Path) -> dict[str, Header]:
    """Read the headers of all rooms in lib/commands, by the commands' names."""
    return {path.stem: read_header(path) for path in sorted(folder.glob("*.sh"))}


def split_option(line: str) -> Option:
    """Take a line ``# Option:`` apart."""
    found = _OPTION.fullmatch(line)
    if found is None:
        return Option("", "", "", line)
    parts = {name: value or "" for name, value in found.groupdict().items()}
    return Option(parts["short"], parts["long"], parts["value"], parts["text"])


def list_arguments(header: Header) -> tuple[list[str], list[Argument]]:
    """Find what the Usage lines of a command name beside its options.

    Returns:
        The words that are written as they stand (``install`` of ``pyve self install``), and the
        arguments in their order. Required is what every line asks for.
    """
    values = {option.long: option.value for option in header.options}
    values.update({option.short: option.value for option in header.options if option.short})
    words: list[str] = []
    merged: dict[str, Argument] = {}
    count: dict[str, int] = {}
    lines = [line for line in header.usage if line.split()[1:2] == [header.name]]
    for line in lines:
        tokens = _USAGE.findall(line)[2:]
        found = _read_sequence(tokens, values, header.name)
        if tokens:
            raise HeaderError(f"{header.name}: Usage: {line}")
        for item in found:
            if item.name.startswith("OPTION"):
                # It stands for the options, which are known by their own lines.
                continue
            if item.name != item.name.upper():
                words += [word for word in item.name.split("|") if word not in words]
                continue
            known = merged.setdefault(item.name, item)
            known.required = known.required and item.required
            known.many = known.many or item.many
            count[item.name] = count.get(item.name, 0) + 1
    for name, argument in merged.items():
        argument.required = argument.required and count[name] == len(lines)
    return words, list(merged.values())


def _read_sequence(tokens: list[str], values: dict[str, str], name: str) -> list[Argument]:
    """Read tokens up to a closing bracket. A choice (``|``) makes all of it optional."""
    found: list[Argument] = []
    last: list[Argument] = []
    is_choice = False
    while tokens and tokens[0] not in "])":
        token = tokens.pop(0)
        if token in "[(":
            last = _read_sequence(tokens, values, name)
            if not tokens or tokens.pop(0) not in "])":
                raise HeaderError(f"{name}: a bracket of a Usage line is not closed")
            for item in last:
                item.required = item.required and token == "("
            found += last
        elif token == "...":
            for item in last:
                item.many = True
        elif token == "|":
            is_choice = True
        elif token.startswith("-"):
            last = []
            value = values.get(token.split("=")[0], "")
            if value and "=" not in token and tokens:
                tokens.pop(0)
        else:
            last = [Argument(token, True, False)]
            found += last
    if is_choice:
        for item in found:
            item.required = False
    return found
