"""What `pyve migrate` asks of Python: the plan, and which pins of the old lock the new one has.

Usage: migrate_project.py plan --root DIR --to TARGET [--from SOURCE] [--environment DIR] \
           [--stage DIR] [--partial]
       migrate_project.py compare --preferences FILE --lock FILE [--conda]

plan writes nothing, unless there is a folder --stage: into it goes what the files are to hold, and
``preferences``, with the versions to keep (a lock; for conda, a JSON object); the answer tells
which is which.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import Answer, HelperError, Options, Value, parse_options, run_helper

if TYPE_CHECKING:
    from pyve_locks.migrate_model import Found

PREFERENCES = "preferences"


def plan(options: Options) -> Answer:
    """Plan a migration.

    Returns:
        ``source``, ``target``; ``read``: the files that say it; ``files``, ``targets``, ``staged``,
        ``diff``: see `edit_manifest.stage`; ``note`` and ``unanswered``: what is to be said, with
        file and line; ``others``: of other sources; ``pins``: how many versions are to be kept;
        ``preferences``: the file that has them. ``same``: nothing has to be migrated.

    Raises:
        HelperError: E_MIGRATE_SOURCE, E_MIGRATE_TARGET, E_MIGRATE_ANSWER, E_MANIFEST; of conda also
            E_ENVIRONMENT_FILE and E_ENVIRONMENT_FILE_READ.
    """
    from edit_manifest import stage
    from pyve_core.fixes import repeat
    from pyve_locks.change import Edit
    from pyve_locks.migrate_find import choose_source, find_sources, read_source
    from pyve_locks.migrate_targets import write_target

    root, target = Path(options.get("root")), options.get("to")
    candidates = find_sources(root, options.get("environment", ".venv"))
    chosen, others = choose_source(candidates, options.get("from", ""), target)
    if chosen.source == target:
        # It is read as it is: nothing has to be written.
        return {"source": target, "target": target, "read": [chosen.file], "same": True}
    found = read_source(root, chosen)
    texts = write_target(found, target)
    if found.unanswered and options.has("stage") and not options.has("partial"):
        raise HelperError(
            "E_MIGRATE_ANSWER",
            f"part of what {found.files[0]} says has no answer in the target",
            [str(one) for one in found.unanswered],
            f"{repeat()} --partial",
        )
    edits = []
    for name, text in texts.items():
        path = root / name
        old = path.read_bytes() if os.path.lexists(path) else None
        if text.encode() != old:
            edits.append(Edit(name, old, text.encode()))
    answer: dict[str, Value] = {
        "source": found.source,
        "target": target,
        "read": found.files,
        "others": others,
        "note": [str(one) for one in found.notes],
        "unanswered": [str(one) for one in found.unanswered],
        "pins": len({pin["name"] for pin in found.pins}),
    }
    if options.has("stage"):
        folder = Path(options.get("stage"))
        answer.update(stage(edits, root, folder))
        answer["preferences"] = str(write_preferences(found, target, folder / PREFERENCES))
        return answer
    answer["files"] = [edit.path for edit in edits]
    answer["diff"] = "".join(edit.format() for edit in edits)
    return answer


def write_preferences(found: Found, target: str, path: Path) -> Path:
    """Write the versions to keep: as a lock, for lock_packages.py; for conda_lock_file.py, by name.

    Raises:
        HelperError: E_FILE_WRITE, E_DISK_FULL.
    """
    from pyve_locks.lock_file import VERSION, LockFile, write_lock

    if target == "conda":
        return _write_conda_preferences(found, path)
    lock = LockFile({"lock-version": VERSION, "created-by": "pyve migrate"})
    lock["packages"] = found.pins
    write_lock(lock, path)
    return path


def _write_conda_preferences(found: Found, path: Path) -> Path:
    import json

    from pyve_locks.conda_names import to_conda
    from pyve_locks.whole_file import write_whole

    versions: dict[str, list[str]] = {}
    for pin in found.pins:
        if "vcs" not in pin:
            versions.setdefault(to_conda(pin["name"]) or pin["name"], []).append(pin["version"])
    write_whole(path, json.dumps(versions).encode())
    return path


def compare(options: Options) -> Answer:
    """Tell which versions of the old lock the new one has.

    Returns:
        ``kept``: "name version"; ``changed``: "name old new", without new where it is not needed
        any more.

    Raises:
        HelperError: E_LOCK_FILE, E_LOCK_FILE_READ, E_LOCK_MISSING.
    """
    from packaging.utils import canonicalize_name, canonicalize_version

    from pyve_locks.lock_file import read_lock

    kept, changed = [], []
    path = Path(options.get("preferences"))
    if options.has("conda"):
        new = _read_conda(options.get("lock"))
        pins = [(name, version) for name, some in _load(path).items() for version in some]
    else:
        new = {}
        for package in read_lock(Path(options.get("lock"))).packages:
            listed = new.setdefault(canonicalize_name(package["name"]), [])
            listed.append(_shown(package.get("version", ""), package.get("vcs")))
        pins = [
            (pin["name"], _shown(pin.get("version", ""), pin.get("vcs")))
            for pin in read_lock(path).packages
        ]
    for name, version in pins:
        there = new.get(name, [])
        same = {canonicalize_version(one) for one in there}
        if canonicalize_version(version) in same:
            kept.append(f"{name} {version}")
        else:
            changed.append(" ".join([name, version, *there[:1]]))
    return {"kept": kept, "changed": changed}


def _load(path: Path) -> dict[str, list[str]]:
    import json

    versions: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return versions


def _read_conda(path: str) -> dict[str, list[str]]:
    """Give what a conda-lock.yml has: the versions by name."""
    from pyve_files.lock import read_lock

    found: dict[str, list[str]] = {}
    for package in read_lock(path).packages:
        found.setdefault(package.name, []).append(package.version)
    return found


def _shown(version: object, vcs: object) -> str:
    """Give a version; of a repository the commit, shortened."""
    if isinstance(vcs, dict) and vcs.get("commit-id"):
        return str(vcs["commit-id"])[:12]
    return str(version)


def main(argv: list[str]) -> Answer:
    """Do what the first argument says.

    Raises:
        HelperError: E_HELPER_USAGE, and those of ``plan`` and ``compare``.
    """
    works = {"plan": plan, "compare": compare}
    if not argv or argv[0] not in works:
        raise HelperError("E_HELPER_USAGE", f"the helper needs one of {', '.join(works)}")
    valued = "root to from environment stage preferences lock"
    return works[argv[0]](parse_options(argv[1:], valued, "partial conda"))


if __name__ == "__main__":
    sys.exit(run_helper(main))
