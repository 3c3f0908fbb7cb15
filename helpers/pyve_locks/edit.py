"""Requirements in and out of a manifest, and everything else in it stays as it was.

A text goes in and a text comes out; nothing is written. What comes out was read again, and says
exactly what was intended: else nothing comes out but E_MANIFEST. An encoding, a byte order mark,
the ends of lines and a missing end of the last one are kept.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_locks.edit_common import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILES = {
    "pyproject": "pyproject.toml",
    "requirements": "requirements.txt",
    "environment": "environment.yml",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODING = re.compile(rb"^#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")


def add_requirements(
    text: str, kind: str, requirements: Sequence[str], root: str = "", path: str = ""
) -> str:
    """Add requirements; one of a name that is there takes its place and keeps its comment.

    Of what it replaces only the version goes: extras are joined, and a requirement without any
    version leaves the version that is there. A marker makes it another requirement, which stands
    beside those with other markers. A list in alphabetical order stays in it.

    Args:
        text: of the file, with its line ends.
        kind: ``pyproject``, ``requirements`` or ``environment``.
        requirements: as PEP 508 has them. For ``requirements`` and the pip section also paths, URLs
            and ``-e``, and hashes behind; for ``environment`` conda's match specifications.
        root: where to: "" for the dependencies themselves; in a pyproject.toml ``extra:NAME`` or
            ``group:NAME``; in an environment.yml ``pip`` for its section for pip. A list that is
            not there is made.
        path: how the user names the file; for complaints.

    Returns:
        The new text; the same when all of it is there.

    Raises:
        HelperError: E_MANIFEST, with the line where there is one.
    """
    return _keep_mark(
        text, lambda bare: _editor(kind).add(bare, requirements, root, _name(kind, path))
    )


def remove_requirements(
    text: str, kind: str, names: Sequence[str], root: str = "", path: str = ""
) -> tuple[str, tuple[str, ...]]:
    """Take out all requirements of some names, whatever their markers.

    A comment behind one goes with it, those on lines of their own stay. Lists stay, also without
    any item, except for an empty section for pip.

    Args:
        text, kind, root, path: as for `add_requirements`.
        names: spelt in any way (PEP 503); for what has no name, the path or URL as in the file.

    Returns:
        The new text, and what was taken out, as it was written. Names that were not there have
        nothing in it.

    Raises:
        HelperError: E_MANIFEST, with the line where there is one.
    """
    removed: list[str] = []

    def edit(bare: str) -> str:
        new, found = _editor(kind).remove(bare, names, root, _name(kind, path))
        removed.extend(found)
        return new

    return _keep_mark(text, edit), tuple(removed)


def set_source(
    text: str, name: str, source: Mapping[str, str | bool] | None, path: str = ""
) -> str:
    """Say in a pyproject.toml where uv has a distribution from ([tool.uv.sources]).

    A requirement in [project] has neither a relative path nor ``editable``; this has them. It takes
    the place of what is said of the name, or stands behind the last of its table.

    Args:
        text: of the file, with its line ends.
        name: of the distribution.
        source: keys as uv has them: ``{"path": "../lib", "editable": True}``; None takes out what
            is said of the name, with the table's header when nothing else is below it.
        path: how the user names the file; for complaints.

    Returns:
        The new text.

    Raises:
        HelperError: E_MANIFEST.
    """
    from pyve_locks import edit_pyproject

    name_shown = _name("pyproject", path)
    return _keep_mark(text, lambda bare: edit_pyproject.set_source(bare, name, source, name_shown))


def edit_bytes(data: bytes, kind: str, edit: Callable[[str], str], path: str = "") -> bytes:
    """Edit what a file holds, in its encoding.

    Args:
        data: of the file.
        kind: as for `add_requirements`. TOML is UTF-8 (TOML 1.0), YAML UTF-8 or UTF-16 with a byte
            order mark; a requirements file may name its encoding in one of its first two lines.
        edit: takes the text and gives the new one.
        path: how the user names the file.

    Returns:
        What the file is to hold.

    Raises:
        HelperError: E_MANIFEST: it is not text, or the new text has no form in its encoding.
    """
    name = _name(kind, path)
    mark, encoding = b"", "utf-8"
    for found, codec in _MARKS if kind != "pyproject" else _MARKS[:1]:
        if data.startswith(found):
            mark, encoding = found, codec
            break
    else:
        if kind == "requirements":
            for line in data.split(b"\n")[:2]:
                match = _CODING.match(line)
                if match:
                    encoding = match.group(1).decode("ascii")
                    break
    if encoding in ("utf-16", "utf-32"):
        little = mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF32_LE)
        encoding += "-le" if little else "-be"
    encoding = encoding.replace("-sig", "")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line_number = data.count(b"\n", 0, error.start) + 1
        fail(name, f"the text is not {encoding}", (), line_number)
    except (LookupError, ValueError) as error:
        fail(name, f"its encoding {encoding} is not known", str(error))
    new = edit(text)
    try:
        written = mark + new.encode(encoding)
    except UnicodeEncodeError as error:
        fail(name, f"{error.object[error.start : error.end]!r} cannot be written in {encoding}")
    if new == text:
        return data
    return written


class _Editor:
    """The two functions of one kind of file."""

    def __init__(
        self,
        add: Callable[[str, Sequence[str], str, str], str],
        remove: Callable[[str, Sequence[str], str, str], tuple[str, list[str]]],
    ) -> None:
        self.add = add
        self.remove = remove


def _editor(kind: str) -> _Editor:
    # Each takes another parser, and only one of them is needed.
    if kind == "pyproject":
        from pyve_locks import edit_pyproject

        return _Editor(edit_pyproject.add, edit_pyproject.remove)
    if kind == "requirements":
        from pyve_locks import edit_requirements

        return _Editor(edit_requirements.add, edit_requirements.remove)
    if kind == "environment":
        from pyve_locks import edit_environment

        return _Editor(edit_environment.add, edit_environment.remove)
    raise HelperError("E_HELPER_USAGE", f"kinds of manifests are {', '.join(FILES)}")


def _name(kind: str, path: str) -> str:
    return path or FILES.get(kind, kind)


def _keep_mark(text: str, edit: Callable[[str], str]) -> str:
    r"""Edit a text behind its byte order mark (``\ufeff``), where it has one."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark + edit(text[len(mark) :])
