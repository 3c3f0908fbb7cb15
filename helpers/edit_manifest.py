"""What `pyve add`, `pyve remove`, `pyve upgrade` and `pyve outdated` ask of Python.

Usage: edit_manifest.py add --root DIR --stage DIR [--where ROOT] [--folder DIR] [--file YAML] \
           [--editable PATH]... REQUIREMENT...
       edit_manifest.py remove --root DIR --stage DIR [--where ROOT] [--file YAML] NAME...
       edit_manifest.py known --root DIR NAME...
       edit_manifest.py outdated --root DIR [setting of lock_packages.py]...

ROOT is "extra:NAME" or "group:NAME"; of an environment.yml (--file, for conda) "pip". add and
remove write nothing but what the changed files are to hold, into the folder --stage; the answer
tells which is which. known says whether the lock has packages of these names.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import Answer, HelperError, Options, parse_options, run_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyve_locks.change import Edit
    from pyve_locks.lock_file import LockFile

LOCK = "pylock.toml"
# A requirement that has an upper bound, or one version only (before its marker).
_LIMITED = re.compile(r"^[^;]*(?:[=<~]=|<)")


def read_old_lock(root: Path) -> LockFile | None:
    """Read the lock; None when there is none, or it does not matter that it cannot be read.

    Raises:
        HelperError: E_LOCK_FILE_READ.
    """
    from pyve_locks.lock_file import read_lock

    try:
        return read_lock(root / LOCK)
    except HelperError as error:
        if error.code not in ("E_LOCK_MISSING", "E_LOCK_FILE"):
            raise
        return None


def stage(edits: Sequence[Edit], root: Path, folder: Path) -> Answer:
    """Write what files are to hold beside each other, with the modes of the files.

    Returns:
        files: as people know them; targets and staged: where to move what; diff.

    Raises:
        HelperError: E_FILE_WRITE, E_DISK_FULL.
    """
    from pyve_locks.whole_file import cannot_write

    targets, staged = [], []
    for number, edit in enumerate(edits):
        # Of a link, what it leads to is changed.
        target = os.path.realpath(root / edit.path)
        # (Diagnostics name it when it is read instead of the file.)
        place = folder / f"{number}" / os.path.basename(edit.path)
        try:
            place.parent.mkdir()
            if edit.old is not None:
                # (It may have a password in it.)
                place.touch(mode=0o600)
            place.write_bytes(edit.new)
            if edit.old is not None:
                shutil.copymode(target, place)
        except OSError as error:
            raise cannot_write(place, error) from error
        targets.append(target)
        staged.append(str(place))
    return {
        "files": [edit.path for edit in edits],
        "targets": targets,
        "staged": staged,
        "diff": "".join(edit.format() for edit in edits),
    }


def add(options: Options) -> Answer:
    """Plan an addition."""
    from pyve_locks.change import Change, plan_addition
    from pyve_locks.edit_common import check_spelling, name_of
    from pyve_locks.edit_requirements import is_place

    root, where = Path(options.get("root")), options.get("where", "")
    folder = Path(options.get("folder", str(root)))
    for wish in options.words:
        check_spelling(wish, str(root), bool(options.get("file", "")))
    if not options.get("file", ""):
        editables = options.get_all("editable")
        edits = plan_addition(root, options.words, where, editables, folder)
    else:
        change = Change(root)
        for wish in options.words:
            change.add(options.get("file"), "environment", wish, where)
        edits = change.edits()
    names = [name_of(wish) for wish in options.words if not is_place(wish)]
    return {**stage(edits, root, Path(options.get("stage"))), "adding": [n for n in names if n]}


def remove(options: Options) -> Answer:
    """Plan a removal."""
    from pyve_locks.change import plan_removal

    root, where = Path(options.get("root")), options.get("where", "")
    if options.get("file", ""):
        from pyve_locks.change_conda import plan_conda_removal

        edits, removed = plan_conda_removal(root, options.get("file"), options.words, where)
    else:
        edits, removed = plan_removal(root, options.words, where, read_old_lock(root))
    return {**stage(edits, root, Path(options.get("stage"))), "taken": removed}


def known(options: Options) -> Answer:
    """See that the lock has packages of some names.

    Returns:
        names; held: a sentence for each that the manifest itself may keep from moving.

    Raises:
        HelperError: E_PACKAGE_UNKNOWN, E_LOCK_FILE, E_LOCK_MISSING.
    """
    from pyve_locks.graph import find_nodes, graph_of
    from pyve_locks.lock_file import read_lock

    graph = graph_of(read_lock(Path(options.get("root")) / LOCK))
    held = []
    for name in options.words:
        found = find_nodes(graph, name, "upgrade")
        texts = [wish.text for wish in graph.wishes if wish.node in found]
        limits = [text for text in dict.fromkeys(texts) if _LIMITED.search(text)]
        if limits:
            asked = ", ".join(limits)
            held.append(f"{graph.nodes[found[0]].name} stays: the manifest asks for {asked}")
    return {"names": [*options.words], "held": held}


def outdated(argv: list[str]) -> Answer:
    """Compare the lock with what the indexes have.

    Raises:
        HelperError: E_LOCK_MISSING, E_LOCK_FILE, E_MANIFEST, and those of solving.
    """
    from lock_packages import FLAGS, VALUED, lock_options
    from pyve_locks.lock_file import read_lock
    from pyve_locks.manifest import read_manifest
    from pyve_locks.outdated import find_outdated
    from pyve_locks.outdated_text import give_outdated

    options = parse_options(argv, f"{VALUED} root", FLAGS)
    root = Path(options.get("root"))
    old, manifest = read_lock(root / LOCK), read_manifest(root)
    wish = lock_options(options, manifest, old)
    try:
        found = find_outdated(manifest, old, wish)
    except HelperError as error:
        from pyve_locks.lost_index import explain_lost_index

        told = explain_lost_index(error, manifest, wish)
        if told is error:
            raise
        raise told from error
    return give_outdated(found)


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    work, argv = (argv[0], argv[1:]) if argv else ("", argv)
    # What is behind -- are words, whatever they begin with.
    words: list[str] = []
    if "--" in argv:
        at = argv.index("--")
        argv, words = argv[:at], argv[at + 1 :]
    if work == "outdated":
        return outdated(argv)
    options = parse_options(argv, "root stage where folder file editable")
    options.words += words
    works = {"add": add, "remove": remove, "known": known}
    if work not in works:
        raise HelperError("E_HELPER_USAGE", "the word add, remove, known or outdated is needed")
    return works[work](options)


if __name__ == "__main__":
    sys.exit(run_helper(main))
