"""The files of a folder that each start of an interpreter reads, and the lines it executes.

Source: the module ``site`` of Python 3.9 to 3.15; PEP 829 (``.start`` files).

Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["StartLine", "is_start_file", "list_start_files", "match_known", "read_start_lines"]

# Modules that site imports wherever it finds them.
_CUSTOM = ("sitecustomize", "usercustomize")
_SUFFIXES = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")


class StartLine(NamedTuple):
    """A line of a start-up file.

    Attributes:
        number: counted from 1; 0 for a file that is executed as a whole.
        kind: ``code``, or ``path`` for one that adds a folder to ``sys.path``.
        text: the line, without the blanks at its end.
    """

    number: int
    kind: str
    text: str


def is_start_file(name: str) -> bool:
    """Tell whether a start of Python looks at an entry of this name in site-packages."""
    if name.endswith((".pth", ".start", ".site.toml")):
        return True
    stem, dot, rest = name.partition(".")
    return stem in _CUSTOM and (not dot or name.endswith(_SUFFIXES) or not rest)


def list_start_files(folder: Path) -> list[str]:
    """Return the names of a folder's start-up files and packages, sorted."""
    try:
        return sorted(name for name in os.listdir(folder) if is_start_file(name))
    except OSError:
        return []


def read_start_lines(path: Path) -> Iterator[StartLine]:
    """Read a start-up file as any supported Python may read it.

    Older versions end a line at a line feed only, newer ones wherever Unicode does, and a byte
    order mark may count or not: whatever is code in one of these ways is given.
    """
    if path.suffix != ".pth":
        yield StartLine(0, "code", "")
        return
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        pieces = line.splitlines() or [""]
        for piece in pieces if len(pieces) == 1 else [line, *pieces]:
            if piece.startswith(("import ", "import\t")):
                yield StartLine(number, "code", piece.rstrip())
            elif piece.strip() and not piece.startswith("#"):
                yield StartLine(number, "path", piece.rstrip())


# --- what is known, letter by letter


class _Known(NamedTuple):
    """A line that is known.

    Attributes:
        shape: of the whole line: a pattern, or the SHA-256 of each line that it may be.
        owners: the distributions that it is right for; none: any.
        modules: what it imports; they have to be of the same distribution.
    """

    shape: re.Pattern[str] | tuple[str, ...]
    owners: tuple[str, ...]
    modules: tuple[str, ...]


# Statements of the lines that setuptools makes for namespace packages. They make empty modules and
# set their paths; nothing of the package is executed.
_NAME = r"'[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*'"
_NAMESPACE = "|".join(
    (
        r"import sys, types, os",
        r"has_mfs = sys\.version_info > \(3, 5\)",
        r"p = os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], \*\((?:NAME,? ?)+\)\)",
        r"importlib = (?:has_mfs and )?__import__\('importlib\.util'\)",
        r"(?:has_mfs and )?__import__\('importlib\.machinery'\)",
        r"m = (?:has_mfs and )?sys\.modules\.setdefault\(NAME, importlib\.util\.module_from_spec\("
        r"importlib\.machinery\.PathFinder\.find_spec\(NAME, \[os\.path\.dirname\(p\)\]\)\)\)",
        r"ie = os\.path\.exists\(os\.path\.join\(p, ?'__init__\.py'\)\)",
        r"m = (?:m or|not ie and) sys\.modules\.setdefault\(NAME, types\.ModuleType\(NAME\)\)",
        r"mp = \(m or \[\]\) and m\.__dict__\.setdefault\('__path__', ?\[\]\)",
        r"\(p not in mp\) and mp\.append\(p\)",
        r"m and setattr\(sys\.modules\[NAME\], NAME, m\)",
    )
).replace("NAME", _NAME)
_KNOWN = (
    # setuptools: distutils-precedence.pth. Which of the two distutils is imported, later.
    _Known(
        re.compile(
            r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, "
            r"'(?:local|stdlib)'\) == 'local'; enabled and "
            r"__import__\('_distutils_hack'\)(?:\.add_shim\(\))?;?"
        ),
        ("setuptools",),
        ("_distutils_hack",),
    ),
    # setuptools: NAME-nspkg.pth, in its forms since version 0.7.
    _Known(re.compile(rf"(?:{_NAMESPACE})(?:; ?(?:{_NAMESPACE}))*;?"), (), ()),
    # coverage: a1_coverage.pth. Nothing is imported but where a variable asks for it.
    _Known(
        (
            "2cbb286eeaf39b2cd7d68cb09c1bc3cfb0cc8d27da949004d0c22698f127f270",
            "973b24ac77ed9bab207f26fb19192c54cf40a588cfac6c4161e0ab59eab5ca59",
        ),
        ("coverage",),
        ("coverage",),
    ),
    # pytest-cov, up to version 6: pytest-cov.pth. The same, by variables of its own.
    _Known(
        (
            "322971a85647602497003af5151c361eb2a50010a4618dc7fcb3d7c434270aa9",
            "3df030073059c9b1209b447001d8d2fc500fb9a7f5dff50362cca39b2eb102df",
        ),
        ("pytest-cov",),
        ("pytest_cov",),
    ),
)


def match_known(line: str, owner: str | None) -> tuple[str, ...] | None:
    """Tell whether a line is one of those that are known to do no harm.

    Args:
        line: of a ``.pth`` file, without the blanks at its end.
        owner: the distribution whose file it is, normalised; None: any that it is right for.

    Returns:
        The modules that the line imports, for which the distribution has to answer as well; None
        for a line that is not known, or not for this distribution.
    """
    line = line.rstrip()
    digest = hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest()
    for known in _KNOWN:
        if owner is not None and known.owners and owner not in known.owners:
            continue
        if digest in known.shape if isinstance(known.shape, tuple) else known.shape.fullmatch(line):
            return known.modules
    return None
