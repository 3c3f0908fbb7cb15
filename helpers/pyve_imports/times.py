"""Reading what ``python -X importtime`` prints, and adding it up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# "import time:       153 |        153 |   _frozen_importlib", in microseconds; two blanks for each
# level. (It may stand behind what the program has written without an end of line.)
_LINE = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S[^\n]*)")
_HEAD = re.compile(r"import time: self \[us\] \| cumulative \| imported package")


@dataclass
class Module:
    """A module as it was imported.

    Attributes:
        name: its full name.
        own: the time for the module alone, in microseconds.
        total: the same with all that it has imported, in microseconds.
        below: what it has imported, in that order.
    """

    name: str
    own: int
    total: int
    below: list[Module] = field(default_factory=list)


class Reader:
    """Takes the lines of importtime out of what a program prints on stderr.

    Attributes:
        processes: for each Python that was started the modules that it imported at the top.
    """

    def __init__(self) -> None:
        self.processes: list[list[Module]] = []
        # What still waits for the module that has imported it: (level, module).
        self._waiting: list[tuple[int, Module]] = []

    def take(self, line: str) -> str:
        """Take a line; return what of it is the program's own, ``""`` for nothing."""
        head = _HEAD.search(line)
        if head:
            self._finish()
            self.processes.append([])
            return line[: head.start()]
        found = _LINE.search(line)
        if not found:
            return line
        if not self.processes:
            self.processes.append([])
        level = len(found[3]) // 2
        module = Module(found[4].strip(), int(found[1]), int(found[2]))
        # Modules come before the one that has imported them, which stands further left.
        while self._waiting and self._waiting[-1][0] > level:
            module.below.insert(0, self._waiting.pop()[1])
        self._waiting.append((level, module))
        return line[: found.start()]

    def _finish(self) -> None:
        if self.processes:
            self.processes[-1] += [module for _level, module in self._waiting]
        self._waiting = []

    def finish(self) -> list[list[Module]]:
        """Give the processes that have imported something, in the order of their starts."""
        self._finish()
        self.processes = [modules for modules in self.processes if modules]
        return self.processes


def walk(
    modules: Iterable[Module], depth: int = 0, by: str = ""
) -> Iterator[tuple[Module, int, str]]:
    """Give each module with its depth and the name of the one that imported it first."""
    for module in modules:
        yield module, depth, by
        yield from walk(module.below, depth + 1, module.name)


def total_time(modules: Iterable[Module]) -> int:
    """Give the time of all imports together, in microseconds."""
    return sum(module.total for module in modules)


@dataclass(frozen=True)
class Package:
    """All modules of one name at the top.

    Attributes:
        name: the name.
        own: what its modules took by themselves, in microseconds.
        total: what importing it took with all that it brings, in microseconds.
        count: how many modules.
    """

    name: str
    own: int
    total: int
    count: int


def add_up(modules: Iterable[Module]) -> list[Package]:
    """Add modules up by their first name, the longest first."""
    own: dict[str, int] = {}
    total: dict[str, int] = {}
    count: dict[str, int] = {}

    def look(items: Iterable[Module], inside: frozenset[str]) -> None:
        for module in items:
            name = module.name.partition(".")[0]
            own[name] = own.get(name, 0) + module.own
            count[name] = count.get(name, 0) + 1
            # Only the outermost of a package counts with what is below it.
            total[name] = total.get(name, 0) + (0 if name in inside else module.total)
            look(module.below, inside | {name})

    look(modules, frozenset())
    packages = [Package(name, own[name], total[name], count[name]) for name in own]
    return sorted(packages, key=lambda package: (-package.total, package.name))


def format_table(processes: list[list[Module]], most: int) -> str:
    """Write for people where the time goes: packages, and the slowest modules.

    Args:
        processes: as Reader gives them, at least one.
        most: so many rows of each table.
    """
    modules = [module for process in processes for module in process]
    flat = list(walk(modules))
    packages = add_up(modules)
    lines = [
        f"{_milliseconds(total_time(modules))} ms for {len(flat)} imports"
        + (f" in {len(processes)} Python processes" if len(processes) > 1 else ""),
        "",
        "with all it brings   alone  modules  package",
    ]
    for package in packages[:most]:
        lines.append(
            f"{_milliseconds(package.total):>15} ms{_milliseconds(package.own):>8}"
            f"{package.count:>9}  {package.name}"
        )
    lines += _tell_rest(len(packages), most, "packages")
    lines += ["", "alone      module"]
    slowest = sorted(flat, key=lambda item: (-item[0].own, item[0].name))
    for module, _depth, by in slowest[:most]:
        lines.append(
            f"{_milliseconds(module.own):>7} ms {module.name}" + (f"  (for {by})" if by else "")
        )
    lines += _tell_rest(len(flat), most, "modules")
    return "\n".join([*lines, ""])


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:.1f}"


def _tell_rest(count: int, most: int, noun: str) -> list[str]:
    return [f"... and {count - most} more {noun}"] if count > most else []
