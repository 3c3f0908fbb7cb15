"""What Pyve asks about scripts with inline metadata (PEP 723), and changes in them.

Usage: script_metadata.py read --script FILE [--with REQUIREMENT]... [--lock FILE | --installed DIR]
       script_metadata.py read --text DESCRIPTOR [--with REQUIREMENT]...
       script_metadata.py add --script FILE --stage FILE [--python LIMIT] REQUIREMENT...
       script_metadata.py remove --script FILE --stage FILE NAME...

read gives the metadata as the text of a pyproject.toml, whose paths are absolute; FILE "" is a
script without any, and a script without a file is read from an open descriptor. --lock is one whose
versions bind what the requirements of --with bring along; --installed is a folder of packages whose
versions do that. add and remove write what the script is to hold into the file --stage, and nothing
else. Behind -- all are words.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import Answer, HelperError, Options, parse_options, run_helper
from pyve_locks.script import ScriptFile, find_block, read_script, read_script_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VALUED = "script text with lock installed stage python"


def read(options: Options) -> Answer:
    """Read the metadata.

    Returns:
        ``manifest``: the text of a pyproject.toml; ``requires``: requires-python, "" for any;
        ``block``: whether there is metadata; ``dependencies``: as they are written; ``local``: a
        digest of what is on this machine of it, "" for nothing.

    Raises:
        HelperError: E_SCRIPT_METADATA, E_MANIFEST.
    """
    from pyve_locks.made_project import list_sources
    from pyve_locks.script_local import digest_local
    from pyve_locks.toml_text import write_table

    name = options.get("script", "")
    # (Of a script without a file, paths count from the current folder.)
    path = Path(name or "-")
    data = read_script(path) if name else b""
    if options.has("text"):
        with open(int(options.get("text")), "rb") as stream:
            data = stream.read()
    block = find_block(data, str(path))
    file = ScriptFile(path.parent, str(path), block)
    manifest = read_script_manifest(path, data)
    asked = file.take_texts(("project", "dependencies"))
    additions = _read_additions(options.get_all("with"))
    project = {
        "name": file.read_name(),
        "version": "0",
        "requires-python": manifest.requires_python,
        "dependencies": [*asked, *additions],
    }
    uv = {**file.read_uv(), "sources": list_sources(manifest)}
    if options.has("lock") or options.has("installed"):
        versions = (
            list_locked(Path(options.get("lock")))
            if options.has("lock")
            else list_installed(options.get("installed"))
        )
        uv["constraint-dependencies"] = list_pins(versions, additions)
    lines: list[str] = []
    for title, table in (("project", project), ("tool.uv", uv)):
        kept = {key: value for key, value in table.items() if value not in ("", {})}
        if kept:
            lines += [f"[{title}]", *write_table(kept), ""]
    return {
        "manifest": "\n".join(lines),
        "requires": manifest.requires_python,
        "block": block is not None,
        "dependencies": asked,
        "local": digest_local(manifest, additions, Path.cwd()),
    }


def list_pins(versions: Iterable[tuple[str, str]], wishes: list[str]) -> list[str]:
    """Give what binds the requirements of --with to the versions that the project has.

    Args:
        versions: names and versions, "" for one that has none; a name that has several is free.
        wishes: what is asked for: these names are free.
    """
    from packaging.utils import canonicalize_name

    from pyve_locks.edit_common import name_of

    free = {name_of(wish) for wish in wishes}
    found: dict[str, set[str]] = {}
    for name, version in versions:
        found.setdefault(str(canonicalize_name(name)), set()).add(version)
    return [
        f"{name}=={several.pop()}"
        for name, several in sorted(found.items())
        if name not in free and len(several) == 1 and "" not in several
    ]


def list_locked(lock: Path) -> Iterator[tuple[str, str]]:
    """Give names and versions of what is in a lock.

    Raises:
        HelperError: E_LOCK_FILE, E_LOCK_FILE_READ.
    """
    from pyve_locks.lock_file import read_lock

    for package in read_lock(lock).packages:
        yield package["name"], str(package.get("version", ""))


def list_installed(folder: str) -> Iterator[tuple[str, str]]:
    """Give names and versions of what is installed in a folder, as far as it says so itself."""
    from importlib.metadata import distributions

    from packaging.version import InvalidVersion, Version

    for one in distributions(path=[folder]):
        name = one.metadata["Name"]
        try:
            if name:
                yield name, str(Version(one.version))
        except (InvalidVersion, TypeError):
            continue


def _read_additions(wishes: list[str]) -> list[str]:
    """Check what --with asks for, and give each a name.

    Raises:
        HelperError: E_MANIFEST.
    """
    from pyve_locks.edit_common import check_spelling, read_requirement
    from pyve_locks.script_local import name_place

    named = []
    for wish in wishes:
        check_spelling(wish, os.getcwd())
        named.append(name_place(wish, Path.cwd()))
        read_requirement(named[-1], "--with")
    return named


def _stage(options: Options, data: bytes, new: bytes) -> Answer:
    """Write what the script is to hold, with its mode.

    Returns:
        ``changed``; ``diff``; ``sha256`` of what was read.
    """
    from pyve_locks.change import Edit
    from pyve_locks.whole_file import cannot_write

    script, stage = options.get("script"), Path(options.get("stage"))
    try:
        stage.write_bytes(new)
        shutil.copymode(script, stage)
    except OSError as error:
        raise cannot_write(stage, error) from error
    edit = Edit(os.path.basename(script), data, new)
    return {
        "changed": new != data,
        "diff": edit.format() if new != data else "",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def add(options: Options) -> Answer:
    """Plan an addition; see ``_stage``. ``adding``: the names."""
    from pyve_locks.edit_common import name_of
    from pyve_locks.script_edit import add as add_to

    script = options.get("script")
    data = read_script(Path(script))
    new = add_to(data, script, options.words, os.getcwd(), options.get("python", ""))
    # What was written has to be what can be read.
    read_script_manifest(Path(script), new)
    names = [name for name in map(name_of, options.words) if name]
    return {**_stage(options, data, new), "adding": names}


def remove(options: Options) -> Answer:
    """Plan a removal; see ``_stage``. ``taken``: what goes."""
    from pyve_locks.script_edit import remove as remove_from

    script = options.get("script")
    data = read_script(Path(script))
    new, taken = remove_from(data, script, options.words)
    return {**_stage(options, data, new), "taken": taken}


def main(argv: list[str]) -> Answer:
    """Run the helper; see the top of this file.

    Raises:
        HelperError: E_HELPER_USAGE, and those of the commands.
    """
    commands = {"read": read, "add": add, "remove": remove}
    if not argv or argv[0] not in commands:
        raise HelperError("E_HELPER_USAGE", f"the helper needs one of {', '.join(commands)}")
    words: list[str] = []
    if "--" in argv:
        words = argv[argv.index("--") + 1 :]
        argv = argv[: argv.index("--")]
    options = parse_options(argv[1:], VALUED)
    options.words.extend(words)
    return commands[argv[0]](options)


if __name__ == "__main__":
    sys.exit(run_helper(main))
