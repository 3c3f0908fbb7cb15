"""Says which packages of a conda-lock.yml have newer versions.

Usage: conda_outdated.py --file environment.yml [--platform P]... [--engine rattler|PATH]
           [--output conda-lock.yml] [--offline] [--cache DIR]
           [--channel-priority strict|flexible|disabled] [--pypi-mapping FILE|URL|none]

What is allowed comes from solving environment.yml anew, and nothing is written; what is newest from
the indexes of the channels. For packages of pip the newest is the newest that is allowed. Answers
as ``pyve_locks.outdated_text`` gives it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from conda_engine import cache_folder, need_rattler, priority_of
from conda_lock_file import (
    FLAGS,
    RATTLER,
    VALUED,
    Locking,
    engine_program,
    mapping_file,
    need_conda_lock,
    temporary_folder,
)
from pyve_conda.lock_content import versions_of
from pyve_core import Answer, HelperError, parse_options, progress, run_helper
from pyve_locks.outdated_text import Outdated, give_outdated

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of a package of a lock: its platform and name.
Key = tuple[str, str]


def find_newest(locking: Locking, names: Mapping[str, list[str]]) -> dict[Key, Any]:
    """Ask the channels for the newest versions of packages of conda.

    Args:
        locking: which knows environment.yml.
        names: of the packages, by platform.

    Raises:
        HelperError: those of ``Solver``.
    """
    import asyncio

    from pyve_conda.solve import Question, Solver

    found: dict[Key, Any] = {}
    for platform, wanted in names.items():
        question = Question(
            specs=(),
            channels=locking.environment.channels,
            platform=platform,
            cache=cache_folder(locking.options),
            priority=priority_of(locking.options, locking.environment),
            offline=locking.options.has("offline"),
            folder=str(locking.source.parent),
            source=locking.source.name,
        )
        for record in asyncio.run(Solver(question).query(wanted)):
            key = (platform, record.name.normalized)
            found[key] = max(found.get(key, record.version), record.version)
    return found


def list_outdated(locking: Locking) -> list[Outdated]:
    """Compare the lock with what a new one would be, and with what the channels have.

    Raises:
        HelperError: E_LOCK_MISSING, and those of locking.
    """
    from rattler import Version

    if locking.old is None:
        raise HelperError("E_LOCK_MISSING", f"there is no {locking.output.name}", "", "pyve lock")
    platforms = [p for p in locking.platforms if p in locking.old.metadata.platforms]
    packages = [one for one in locking.old.package if one.platform in platforms]
    locked = versions_of(locking.old, platforms)
    progress(f"solving what {locking.source.name} asks for")
    try:
        with engine_program(locking.options.get("engine", RATTLER), locking.settings()) as program:
            fresh = locking.solve(program, platforms)
    except HelperError:
        raise
    except Exception as error:  # conda-lock and its engines raise many kinds
        raise locking.explain(error) from error
    allowed = versions_of(fresh, platforms)
    names: dict[str, list[str]] = {}
    for one in packages:
        if one.manager == "conda":
            names.setdefault(one.platform, []).append(one.name)
    newest = find_newest(locking, names)
    asked: dict[Key, list[str]] = {}
    for platform, dependencies in locking.spec.dependencies.items():
        for one in dependencies:
            wish = f"{one.name} {getattr(one, 'version', '') or '*'}"
            asked.setdefault((platform, one.name), []).append(wish)

    rows: dict[tuple[str, str, str, str, tuple[str, ...]], list[str]] = {}
    for key, version in sorted(locked.items(), key=lambda pair: (pair[0][1], pair[0][0])):
        may = allowed.get(key, "")
        best = str(newest.get(key, "")) or may
        try:
            is_newer = Version(best or version) > Version(version)
        except Exception:  # a version of pip that is none for conda
            is_newer = best not in ("", version)
        if is_newer:
            row = (key[1], version, may, best, tuple(asked.get(key, ())))
            rows.setdefault(row, []).append(key[0])
    return [
        Outdated(
            name if len(found) == len(platforms) else f"{name} ({', '.join(found)})",
            version,
            may,
            best,
            wishes,
        )
        for (name, version, may, best, wishes), found in rows.items()
    ]


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, VALUED, FLAGS)
    os.environ.setdefault("PYVE_AGAIN", "pyve outdated")
    need_conda_lock()
    need_rattler()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with temporary_folder(), mapping_file(options) as mapping:
        return give_outdated(list_outdated(Locking(options, mapping)))


if __name__ == "__main__":
    exit_status = run_helper(main)
    sys.stderr.flush()
    # Not sys.exit: the threads of py-rattler do not survive the end of the interpreter.
    os._exit(exit_status)
