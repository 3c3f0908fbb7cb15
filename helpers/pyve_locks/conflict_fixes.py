"""The commands that make a change of a manifest."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_core.fixes import quote, repeat
from pyve_locks.conflict_trials import CONSTRAINT, OVERRIDE, list_units
from pyve_locks.conflict_words import name_of
from pyve_locks.local_project import read_toml, take
from pyve_locks.requirement import normalize_specifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyve_locks.conflict_changes import Change
    from pyve_locks.conflict_trials import Unit
    from pyve_locks.manifest import Manifest
    from pyve_locks.requirement import Requirement

__all__ = ["list_commands"]

_APART = (CONSTRAINT, OVERRIDE)


def list_commands(
    manifest: Manifest, changes: Sequence[Change], added: frozenset[str]
) -> list[str]:
    """Give the command that makes some changes, all of them; [] when only an editor can.

    Args:
        manifest: before the changes.
        changes: one for each conflict.
        added: names that the command which failed adds; they are not in the files.
    """
    again = _read_again(bool(added))
    if len(changes) == 1 and changes[0].option:
        return [_with_option(again, changes[0].option)]
    if any(change.option for change in changes):
        return []
    first: list[str] = []
    for change in changes:
        if change.python:
            first = _raise_python(manifest, change.python)
            if not first:
                return []
    pairs = [pair for change in changes for pair in change.units]
    for unit, new in [pair for pair in pairs if not _is_editable(manifest, *pair)]:
        edits = _write_line(manifest, unit, new)
        if not edits:
            return []
        first += edits
        pairs.remove((unit, new))
    own = [(unit, new) for unit, new in pairs if unit.requirement.name in added]
    for unit, new in own:
        again = _replace_word(again, unit.requirement.name, new)
    others = [pair for pair in pairs if pair not in own]
    commands = [*first, *_edit(manifest, others)]
    if added or commands == first:
        commands.append(_join(again))
    return commands if len(commands) == 1 else [f"sh -c {quote(' && '.join(commands))}"]


def _join(words: Iterable[str]) -> str:
    return " ".join(map(quote, words))


def _read_again(is_adding: bool) -> list[str]:
    words = shlex.split(repeat())
    is_known = any(word in ("lock", "add") for word in words[1:]) and "--check" not in words
    return words if is_known or is_adding else ["pyve", "lock"]


def _with_option(words: list[str], option: Sequence[str]) -> str:
    kept = list(words)
    if option[0] in kept and len(option) == 2:
        at = kept.index(option[0])
        del kept[at : at + 2]
    kept = [word for word in kept if not word.startswith(f"{option[0]}=")]
    return _join([*kept, *option])


def _replace_word(words: list[str], name: str, new: Requirement | None) -> list[str]:
    """Put another requirement in place of what adds a name."""
    found = []
    for number, word in enumerate(words):
        if number > 0 and word != "add" and name_of(word) == name:
            found += [new.canonical()] if new else []
        else:
            found.append(word)
    return found


def _is_editable(manifest: Manifest, unit: Unit, new: Requirement | None) -> bool:
    """Tell whether Pyve's own commands can change a requirement."""
    wish = unit.requirement
    if unit.root in _APART or wish.hashes or wish.config_settings:
        return False
    if new is not None and (wish.url or wish.path or wish.editable):
        return False
    # Those of an included file are changed there.
    return wish.file in ("", "pyproject.toml", "requirements.in", *_main_file(manifest))


def _main_file(manifest: Manifest) -> Iterable[str]:
    names = ("requirements.in", "requirements.txt")
    return [name for name in manifest.files if name in names][:1]


def _edit(manifest: Manifest, pairs: Sequence[tuple[Unit, Requirement | None]]) -> list[str]:
    """Give the commands that change requirements."""
    if not pairs:
        return []
    simple = [new for unit, new in pairs if new is not None and _replaces(manifest, unit, new)]
    if len(simple) == len(pairs):
        homes = {_home(manifest, unit) for unit, _ in pairs}
        if len(homes) == 1:
            texts = [quote(new.canonical()) for new in simple]
            return [" ".join(["pyve add", *_flags(homes.pop()), *texts])]
    # Each command has to find a solution of its own. Without what changes there is one, and with
    # any part of what it becomes, too.
    names = list(dict.fromkeys(unit.requirement.name for unit, _ in pairs))
    homes = {_home(manifest, unit) for unit, _ in pairs}
    # Out of one extra or group, and not out of the others.
    scope = homes.pop() if len(homes) == 1 else ""
    gone = {(unit.requirement, _home(manifest, unit)) for unit, _ in pairs}
    places: dict[str, list[Requirement]] = {}
    for unit in list_units(manifest):
        home = _home(manifest, unit)
        is_scope = not scope or home == scope
        if unit.requirement.name in names and unit.root not in _APART and is_scope:
            kept = places.setdefault(home, [])
            if (unit.requirement, home) not in gone and unit.requirement not in kept:
                kept.append(unit.requirement)
    for unit, new in pairs:
        if new is not None:
            kept = places[_home(manifest, unit)]
            if not any(_is_same(new, other) for other in kept):
                kept.append(new)
    commands = [" ".join(["pyve remove", *_flags(scope), *map(quote, names)])]
    for home, wishes in places.items():
        if wishes:
            texts = [quote(wish.canonical()) for wish in wishes]
            commands.append(" ".join(["pyve add", *_flags(home), *texts]))
    return commands


def _replaces(manifest: Manifest, unit: Unit, new: Requirement) -> bool:
    """Tell whether adding a requirement replaces another one."""
    wish, home = unit.requirement, _home(manifest, unit)
    alike = {
        other.requirement
        for other in list_units(manifest)
        if other.requirement.name == wish.name
        and other.requirement.marker == wish.marker
        and other.root not in _APART
        and _home(manifest, other) == home
    }
    return new.name == wish.name and new.marker == wish.marker and len(alike) == 1


def _is_same(new: Requirement, other: Requirement) -> bool:
    return replace(new, specifier=normalize_specifier(new.specifier)) == other


def _flags(root: str) -> list[str]:
    kind, _, name = root.partition(":")
    return [f"--{kind}", quote(name)] if kind else []


def _home(manifest: Manifest, unit: Unit) -> str:
    """Give the root in which a requirement is written: a group has also those that it includes."""
    found = read_toml(manifest.root)
    kind = unit.root.partition(":")[0]
    for root in (unit.root, *manifest.roots):
        same = root.partition(":")[0] == kind and unit.requirement in manifest.roots.get(root, ())
        if same and unit.requirement.name in _list_own(found, root):
            return root
    return unit.root


def _list_own(found: dict[str, Any], root: str) -> list[str]:
    """Give the names in the list of an extra or group itself, in pyproject.toml."""
    from packaging.utils import canonicalize_name

    kind, _, wanted = root.partition(":")
    keys = ("dependency-groups",) if kind == "group" else ("project", "optional-dependencies")
    table = take(found, *keys)
    for name, items in (table if kind and isinstance(table, dict) else {}).items():
        if canonicalize_name(name) == wanted and isinstance(items, list):
            return [name_of(text) for text in items if isinstance(text, str)]
    return []


def _write_line(manifest: Manifest, unit: Unit, new: Requirement | None) -> list[str]:
    """Give the command that changes a requirement on its line, where it stands as one text."""
    wish = unit.requirement
    path = os.path.join(manifest.root, wish.file)
    is_toml = wish.file.endswith(".toml")
    if new is None or not wish.line or wish.path or wish.url or wish.hashes:
        return []
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            line = stream.read().split("\n")[wish.line - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return []
    texts = re.findall(r"([\"'])(.*?)\1", line) if is_toml else [("", line.partition(" #")[0])]
    for mark, text in texts:
        before = f"{mark}{text.strip()}{mark}"
        if _reads_as(text, wish) and line.count(before) == 1:
            after = f"{mark}{new.canonical()}{mark}"
            edit = f"{wish.line}s/{_escape(before, True)}/{_escape(after, False)}/"
            return [f"sed -i.old {quote(edit)} {quote(wish.file)}"]
    return []


def _reads_as(text: str, wish: Requirement) -> bool:
    from pyve_locks.requirement import Place, parse_requirement

    try:
        read = parse_requirement(text.strip(), Place(Path("."), "", 0))
    except HelperError:
        return False
    return read == wish


def _escape(text: str, is_pattern: bool) -> str:
    """Write a text for the left or the right side of sed's command s."""
    return re.sub(r"([\\/.*\[\]^$])" if is_pattern else r"([\\/&])", r"\\\1", text)


def _raise_python(manifest: Manifest, python: str) -> list[str]:
    """Give the command that changes requires-python in pyproject.toml, where it stands alone."""
    path = os.path.join(manifest.root, "pyproject.toml")
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            lines = stream.read().split("\n")
    except (OSError, UnicodeDecodeError):
        return []
    at = [n for n, line in enumerate(lines, 1) if re.match(r"requires-python\s*=", line)]
    if len(at) != 1 or not manifest.requires_python:
        return []
    found = re.match(r"requires-python\s*=\s*([\"'])([^\"'\\]*)\1\s*(#.*)?\r?$", lines[at[0] - 1])
    if not found or found.group(3):
        return []
    edit = f'{at[0]}s/=.*{found.group(1)}/= "{_escape(python, False)}"/'
    return [f"sed -i.old {quote(edit)} pyproject.toml"]
