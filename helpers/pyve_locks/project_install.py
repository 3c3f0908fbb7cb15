"""The project itself in its environment: an editable install, without its dependencies.

Source: PEP 610 (direct_url.json), PEP 660 (editable installs), PEP 517/518 ([build-system]).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

# (uv starts before anything else is imported; see sync_environment.)
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["find_installed", "hidden", "is_package"]


def is_package(root: Path) -> bool:
    """Tell whether a project can be installed.

    That is one with a ``setup.py``, or whose ``pyproject.toml`` names a build backend. One that has
    neither is a folder of scripts, as for uv; ``package`` of [tool.uv] says otherwise.
    """
    from pyve_locks.toml_lines import TomlError, parse_toml

    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8-sig")
        content = parse_toml(text)
    except (OSError, ValueError, TomlError):
        return (root / "setup.py").is_file()
    tool = content.get("tool")
    uv = tool.get("uv") if isinstance(tool, dict) else None
    said = uv.get("package") if isinstance(uv, dict) else None
    if isinstance(said, bool):
        return said
    return "build-system" in content or (root / "setup.py").is_file()


def find_installed(environment: Path, root: Path) -> list[Path]:
    """Find the ``.dist-info`` folders of editable installs of the project."""
    found = []
    place = os.path.realpath(root)
    for file in environment.glob("lib/python3*/site-packages/*.dist-info/direct_url.json"):
        import json
        from urllib.parse import unquote, urlsplit

        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            url = urlsplit(said["url"])
            is_editable = bool(said["dir_info"]["editable"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if url.scheme == "file" and is_editable and os.path.realpath(unquote(url.path)) == place:
            found.append(file.parent)
    return sorted(found)


@contextmanager
def hidden(environment: Path, folders: Sequence[Path]) -> Iterator[None]:
    """Take ``.dist-info`` folders away for a while: nobody then uninstalls what they stand for."""
    aside = environment / ".pyve-aside"
    moved: list[tuple[Path, Path]] = []
    try:
        for folder in folders:
            aside.mkdir(exist_ok=True)
            folder.rename(aside / folder.name)
            moved.append((aside / folder.name, folder))
        yield
    finally:
        for there, folder in moved:
            there.rename(folder)
        import shutil

        shutil.rmtree(aside, ignore_errors=True)
