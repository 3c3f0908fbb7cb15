"""Which files say what a project needs, and what they are to say: for `pyve add` and `pyve remove`.

Nothing is written here.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pyve_core import HelperError, redact
from pyve_locks.edit import add_requirements, edit_bytes, remove_requirements, set_source
from pyve_locks.edit_requirements import is_place
from pyve_locks.graph import describe_root, graph_of
from pyve_locks.local_project import LIMIT
from pyve_locks.manifest import REQUIREMENTS_FILES, Manifest, read_manifest
from pyve_locks.pyproject import FILE
from pyve_locks.requirement import Place, Requirement, parse_line
from pyve_locks.why import MOST_CHAINS, format_why, propose_removal, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyve_locks.lock_file import LockFile

_COMMENT = "# What this project needs, one requirement a line.\n"
_FEW = 5


@dataclass(frozen=True)
class Edit:
    """A file, and what it is to hold.

    Attributes:
        path: relative to the project.
        old: its bytes; None when it is not there.
        new: what it is to hold.
    """

    path: str
    old: bytes | None
    new: bytes

    def format(self) -> str:
        """Write the change as a unified diff, without secrets."""
        old, new = ((data or b"").decode("utf-8", "replace") for data in (self.old, self.new))
        names = "/dev/null" if self.old is None else f"a/{self.path}", f"b/{self.path}"
        lines = difflib.unified_diff(_lines(old), _lines(new), *names, lineterm="")
        return redact("".join(f"{line}\n" for line in lines))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if not lines[-1]:
        return lines[:-1]
    return [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]


class Change:
    """The files of a project, changed step by step.

    Attributes:
        root: the project.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._old: dict[str, bytes | None] = {}
        self._new: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """Give what a file holds by now; nothing when it is not there.

        Raises:
            HelperError: E_MANIFEST.
        """
        if path not in self._old:
            try:
                with open(os.path.join(self.root, path), "rb") as stream:
                    data = stream.read(LIMIT + 1)
            except FileNotFoundError:
                self._old[path] = None
            except OSError as error:
                raise HelperError(
                    "E_MANIFEST", f"{path} cannot be read", str(error.strerror)
                ) from error
            else:
                if len(data) > LIMIT:
                    raise HelperError("E_MANIFEST", f"{path} is larger than {LIMIT >> 20} MiB")
                self._old[path] = data
        return self._new.get(path, self._old[path] or b"")

    def add(self, path: str, kind: str, wish: str, root: str) -> None:
        """Add a requirement; see `add_requirements`."""
        data = self.read(path)
        self._new[path] = edit_bytes(
            data, kind, lambda text: add_requirements(text, kind, [wish], root, path), path
        )

    def remove(self, path: str, kind: str, name: str, root: str) -> tuple[str, ...]:
        """Take out a requirement, and give what was taken out; see `remove_requirements`."""
        removed: tuple[str, ...] = ()

        def edit(text: str) -> str:
            nonlocal removed
            text, removed = remove_requirements(text, kind, [name], root, path)
            return text

        data = edit_bytes(self.read(path), kind, edit, path)
        if removed:
            self._new[path] = data
        return removed

    def set_source(self, name: str, source: dict[str, str | bool] | None) -> None:
        """Say where uv has a distribution from; see `pyve_locks.edit.set_source`."""
        data = self.read(FILE)
        self._new[FILE] = edit_bytes(
            data, "pyproject", lambda text: set_source(text, name, source, FILE), FILE
        )

    def edits(self) -> list[Edit]:
        """Give the files that are to be others, in the order in which they were changed."""
        return [
            Edit(path, self._old[path], new)
            for path, new in self._new.items()
            if new != self._old[path]
        ]


def list_places(root: Path, manifest: Manifest | None) -> list[tuple[str, str, str]]:
    """Tell where a project's requirements stand: file, kind and root, as `add_requirements` has it.

    The first place is for what is asked for by default, and the file may not be there yet.

    Args:
        root: the project.
        manifest: what the project asks for; None when nothing says it.
    """
    if manifest is None:
        return [(REQUIREMENTS_FILES[0], "requirements", "")]
    others = [(FILE, "pyproject", name) for name in manifest.roots if name]
    if manifest.is_project:
        return [(FILE, "pyproject", ""), *others]
    main = next((n for n in REQUIREMENTS_FILES if n in manifest.files), REQUIREMENTS_FILES[0])
    files = dict.fromkeys([main, *(found.file for found in manifest.roots.get("", ()))])
    return [*((file, "requirements", "") for file in files if file), *others]


def read_manifest_or_none(root: Path) -> Manifest | None:
    """Read the manifest; None when there is none.

    Raises:
        HelperError: E_MANIFEST.
    """
    try:
        return read_manifest(root)
    except HelperError as error:
        if error.code != "E_MANIFEST_MISSING":
            raise
        return None


def plan_addition(
    root: Path, wishes: Sequence[str], where: str, editables: Sequence[str], folder: Path
) -> list[Edit]:
    """Plan what `pyve add` writes for the venv backend.

    Args:
        root: the project.
        wishes: PEP 508, or paths and URLs.
        where: "", "extra:NAME" or "group:NAME".
        editables: paths and URLs that are to be editable.
        folder: from which relative paths count.

    Raises:
        HelperError: E_MANIFEST.
    """
    manifest = read_manifest_or_none(root)
    change = Change(root)
    places = list_places(root, manifest)
    for wish, is_editable in [*((w, False) for w in wishes), *((w, True) for w in editables)]:
        _add_one(change, places, manifest, _Wish(root, folder, wish, is_editable), where)
    return change.edits()


class _Wish:
    """What is to be added.

    Attributes:
        text: as it is written into a requirements file, its path counted from the project.
        found: what it says.
        editable: whether it is to be editable.
    """

    def __init__(self, root: Path, folder: Path, text: str, editable: bool) -> None:
        self.text = text = text.strip()
        self.editable = editable
        path = re.split(r"\[[^\]]*\]$|\s*;", text, maxsplit=1)[0]
        if text and (editable or is_place(text)) and "://" not in text:
            full = os.path.normpath(os.path.join(folder, os.path.expanduser(path)))
            relative = os.path.relpath(full, root).replace(os.sep, "/")
            if not relative.startswith(".."):
                relative = f"./{relative}" if relative != "." else "."
            self.text = relative + text[len(path) :]
        self.found: Requirement | None = None
        if text and (editable or is_place(text)):
            place = Place(root, f"pyve add {text}", 0)
            self.found = parse_line(self.text, self.text, place, editable)


def _add_one(
    change: Change,
    places: Sequence[tuple[str, str, str]],
    manifest: Manifest | None,
    wish: _Wish,
    where: str,
) -> None:
    path, kind, _ = places[0]
    if where:
        path, kind = FILE, "pyproject"
    if kind != "pyproject":
        # (Behind -e, pip splits at blanks as a shell does.)
        quoted = f'"{wish.text}"' if " " in wish.text and '"' not in wish.text else wish.text
        text = f"-e {quoted}" if wish.editable else wish.text
        change.read(path)
        name = wish.found.name if wish.found else canonicalize_name(_name_of(text))
        files = [
            one.file
            for one in (manifest.roots.get("", ()) if manifest else ())
            if name and one.name == name
        ]
        path = files[0] if files and files[0] else path
        if not change.read(path) and not os.path.lexists(os.path.join(change.root, path)):
            change._new[path] = _COMMENT.encode()
        change.add(path, kind, text, "")
        return
    found = wish.found
    if found is None:
        change.add(path, kind, wish.text, where)
        return
    if not found.name:
        raise HelperError(
            "E_MANIFEST",
            f"the name of '{redact(wish.text)}' is not known",
            f"in {FILE} each requirement has a name: write NAME @ URL",
        )
    extras = f"[{','.join(found.extras)}]" if found.extras else ""
    marker = f"; {found.marker}" if found.marker else ""
    if found.path:
        change.add(path, kind, f"{found.name}{extras}{marker}", where)
        source: dict[str, str | bool] = {"path": found.path}
        if wish.editable:
            source["editable"] = True
        change.set_source(found.name, source)
        return
    if wish.editable:
        raise HelperError(
            "E_MANIFEST",
            f"'{redact(wish.text)}' cannot be editable",
            f"in {FILE} a folder can, beside or below the project",
        )
    marker = f" {marker}" if marker else ""
    base, _, fragment = found.url.partition("#")
    rest = "&".join(part for part in fragment.split("&") if not part.startswith("egg="))
    url = f"{base}#{rest}" if rest else base
    change.add(path, kind, f"{found.name}{extras} @ {url}{marker}", where)


def _name_of(text: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return match.group() if match else ""


def plan_removal(
    root: Path, names: Sequence[str], where: str, lock: LockFile | None
) -> tuple[list[Edit], list[str]]:
    """Plan what `pyve remove` writes for the venv backend.

    Args:
        root: the project.
        names: spelt in any way.
        where: "extra:NAME" or "group:NAME" for that one only; "" for all places.
        lock: the lock, which tells who needs what; None when there is none.

    Returns:
        The edits, and what was taken out, as it was written.

    Raises:
        HelperError: E_PACKAGE_INDIRECT, E_PACKAGE_UNKNOWN, E_MANIFEST.
    """
    manifest = read_manifest(root)
    change = Change(root)
    removed: list[str] = []
    places = list_places(root, manifest)
    for name in names:
        found: list[str] = []
        left = []
        for path, kind, at in places:
            if where and at != where:
                left.append((path, kind, at))
            else:
                found += change.remove(path, kind, name, at)
        if not found and not where:
            found += _remove_places(change, manifest, name)
        if not found:
            raise _not_asked(manifest, name, where, lock)
        removed += found
        if manifest.is_project and not _is_in(change, left, name):
            change.set_source(name, None)
    return change.edits(), removed


def _remove_places(change: Change, manifest: Manifest, name: str) -> list[str]:
    """Take out the lines of requirements files that lead to what has this name."""
    found: list[str] = []
    for one in manifest.roots.get("", ()):
        is_file = one.file and one.file != FILE
        if one.name == canonicalize_name(name.strip()) and one.path and is_file:
            found += change.remove(one.file, "requirements", f"./{one.path}", "")
    return found


def _is_in(change: Change, places: Iterable[tuple[str, str, str]], name: str) -> bool:
    for path, kind, at in places:
        probe = Change(change.root)
        if probe.remove(path, kind, name, at):
            return True
    return False


def _not_asked(manifest: Manifest, name: str, where: str, lock: LockFile | None) -> HelperError:
    """Say why what the manifest does not ask for cannot be removed."""
    wanted = canonicalize_name(name.strip())
    roots = [at for at, asked in manifest.roots.items() if any(one.name == wanted for one in asked)]
    if roots and not where:
        message = f"'{name}' is asked for in a way that Pyve cannot remove"
        return HelperError("E_MANIFEST", message, "take its line out by hand")
    if roots:
        fixes = ["pyve remove " + " ".join([*_option(at), str(wanted)]) for at in roots]
        places = ", ".join(describe_root(at) or "the default dependencies" for at in roots)
        message = f"'{name}' is not in {describe_root(where)}"
        return HelperError("E_PACKAGE_UNKNOWN", message, f"it is in {places}", fixes)
    if lock is not None:
        graph = graph_of(lock)
        numbers = [n for n, node in enumerate(graph.nodes) if node.name == wanted]
        if numbers:
            reasons = [why(graph, number, _FEW) for number in numbers]
            lines = [
                line.strip()
                for line in format_why(graph, reasons, utf8=False).splitlines()
                if line.startswith(" ")
            ]
            message = f"the project does not ask for '{name}' itself: only a dependency needs it"
            fix = propose_removal(graph, numbers, wanted)
            return HelperError("E_PACKAGE_INDIRECT", message, lines[:MOST_CHAINS], fix)
    known = sorted({one.name for asked in manifest.roots.values() for one in asked if one.name})
    close = difflib.get_close_matches(wanted, known, 3, 0.7)
    message = f"the project does not ask for '{name}'"
    if close:
        fixes = [f"pyve remove {other}" for other in close]
        return HelperError("E_PACKAGE_UNKNOWN", message, "did you mean " + ", ".join(close), fixes)
    asks = "it asks for " + (", ".join(known) or "nothing")
    return HelperError("E_PACKAGE_UNKNOWN", message, asks, "pyve tree --depth 1")


def _option(root: str) -> list[str]:
    """Give the words of the command line for a root."""
    kind, _, name = root.partition(":")
    return [f"--{kind}", name] if name else []
