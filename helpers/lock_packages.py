"""Writes pylock.toml (PEP 751) from what the project asks for, or says whether it is current.

Usage: lock_packages.py lock --workspace DIR [--output FILE] [SETTING]...
       lock_packages.py check [--output FILE] [SETTING]...

Works in the project's folder; DIR is an empty folder there, mode 700, that the caller removes.
Settings: ``--platform P``... ``--python LIMIT`` ``--exclude-newer WHEN`` ``--pre`` say what to lock
for; what is not given stays as the lock has it. ``--upgrade NAME``... ``--upgrade-all``
``--index URL``... ``--offline`` are for this time; ``--adding NAME``... is what the command itself
adds to the manifest, and ``--edited NAME --staged FILE``... says what a file of it is to hold, so
that the lock is that of an edit which was not made yet. ``--preferences FILE`` is a lock whose
versions are taken where they are allowed. ``--interpreter PATH`` and
``--interpreter-version V`` name the project's Python, which builds what has to be built;
``--other PATH`` and ``--other-version V`` one that does where neither that nor this one fits;
``--project-python V`` is the version that counts where nothing else limits Python. ``check``
compares only: no network, no solver. ``--engine uv|pip`` says what solves (default: uv, and pip
where there is no uv); ``--pip FOLDER`` is a pip for the project's Python, when that has none.
``--script FILE`` locks for the metadata of a script in place of a project, from whose folder paths
then count; ``--staged FILE`` alone says what the script is to hold.

Runs in Pyve's toolchain (locks). Each answers one document, as pyve_core says.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pyve_core import (
    Answer,
    HelperError,
    Options,
    count_things,
    parse_options,
    progress,
    run_helper,
)
from pyve_core.fixes import repeat_without
from pyve_locks.lock_file import LockFile, format_lock, read_lock
from pyve_locks.made_project import python_range
from pyve_locks.manifest import Manifest, canonical, compare, digest, raw_digest, read_manifest
from pyve_locks.solve import SolveOptions, solve_or_explain
from pyve_locks.uv_find import find_pip, find_uv
from pyve_locks.whole_file import refuse_link, write_whole

if TYPE_CHECKING:
    from pyve_locks.diff import Change
    from pyve_locks.graph import Graph

__all__ = ["FLAGS", "VALUED", "check", "lock", "lock_options"]

VALUED = (
    "output workspace platform python exclude-newer index upgrade adding edited staged preferences"
    " engine pip interpreter interpreter-version other other-version project-python script"
)
FLAGS = "pre offline upgrade-all"
OUTPUT = "pylock.toml"
# What uv takes: a date, a time of RFC 3339, a duration ("7d", "2 weeks", "P30D").
_WHEN = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d))?"
    r"|P[0-9DWTHMS.,]+"
    r"|(\d+ ?(s|m|h|d|w|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|weeks?)[ ,]*)+"
)
# What uv says of the lock that only hands it the versions of the old one.
_ABOUT_SEED = re.compile(r"(Resolving despite|Ignoring) existing lockfile")


def settings_of(lock: LockFile | None) -> dict[str, Any]:
    """Give the settings that a lock was made with.

    Returns:
        ``platforms`` (sorted), ``python``, ``exclude-newer``, ``prerelease``; empty without a lock.
    """
    kept = lock.pyve if lock is not None else {}
    platforms = kept.get("platforms", [])
    return {
        "platforms": sorted(set(map(str, platforms))) if isinstance(platforms, list) else [],
        "python": str(kept.get("python", "")),
        "exclude-newer": str(kept.get("exclude-newer", "")),
        "prerelease": kept.get("prerelease") is True,
    }


def wished_settings(options: Options, old: LockFile | None) -> dict[str, Any]:
    """Give the settings that a lock is to be made with: those given, else as the lock has them.

    With ``--upgrade-all``, a limit of time and pre-releases that nobody asks for any more are gone.

    Raises:
        HelperError: E_LOCK_COOLDOWN, for what is no time and no duration.
    """
    settings = settings_of(old)
    if options.has("upgrade-all"):
        settings.update({"exclude-newer": "", "prerelease": False})
    if options.get_all("platform"):
        settings["platforms"] = sorted(set(options.get_all("platform")))
    for key in ("python", "exclude-newer"):
        settings[key] = options.get(key, "") or settings[key]
    settings["prerelease"] = settings["prerelease"] or options.has("pre")
    when = settings["exclude-newer"]
    if when and not (_WHEN.fullmatch(when) and _is_day(when)):
        raise HelperError(
            "E_LOCK_COOLDOWN",
            f"'{when}' is no date and no duration",
            "one is such as 2026-01-31 or 7d; --exclude-newer, or lock.cooldown, has it",
            "pyve lock --exclude-newer 7d",
        )
    return settings


def _is_day(when: str) -> bool:
    """Tell whether a date is in the calendar; True for a duration."""
    try:
        return not re.match(r"\d{4}-", when) or bool(datetime.fromisoformat(when[:10]))
    except ValueError:
        return False


def lock_options(options: Options, manifest: Manifest, old: LockFile | None) -> SolveOptions:
    """Give the options of ``solve`` for the settings of this helper.

    Args:
        options: parsed with ``VALUED`` and ``FLAGS``.
        manifest: what is asked for.
        old: the lock that is there, or None.

    Raises:
        HelperError: E_LOCK_COOLDOWN, E_RESOLVE_PYTHON, E_RESOLVE_ENGINE.
    """
    settings = wished_settings(options, old)
    if old is not None and old.pyve.get("engine") == "pip":
        # What pip could not lock for was nobody's wish.
        old = LockFile({key: value for key, value in old.items() if key != "requires-python"})
        if not options.get_all("platform"):
            settings["platforms"] = []
    python = settings["python"]
    if not (python or manifest.requires_python or (old is not None and old.get("requires-python"))):
        python = ".".join(options.get("project-python", "").split(".")[:2])
    limit = python_range(manifest.requires_python, python)
    if not limit and old is not None:
        limit = str(old.get("requires-python", ""))
    interpreter = _choose_interpreter(options, limit)
    pip = find_pip(
        options.get("engine", "auto"),
        _choose_interpreter(options, limit, False) or options.get("interpreter", ""),
        options.get("pip", ""),
    )
    return SolveOptions(
        uv="" if pip else str(find_uv()),
        pip=pip,
        python=python,
        interpreter=interpreter,
        platforms=tuple(settings["platforms"]),
        upgrade=options.has("upgrade-all"),
        upgrade_names=tuple(options.get_all("upgrade")),
        exclude_newer=settings["exclude-newer"],
        prerelease=settings["prerelease"],
        indexes=tuple(options.get_all("index")),
        offline=options.has("offline"),
        preferences=_join_preferences(options, old),
    )


def _join_preferences(options: Options, old: LockFile | None) -> LockFile | None:
    """Give the versions to keep: those of --preferences, and of the lock for all other names."""
    if not options.has("preferences"):
        return old
    joined = read_lock(Path(options.get("preferences")))
    named = {package["name"] for package in joined.packages}
    if old is not None:
        joined.packages.extend(one for one in old.packages if one["name"] not in named)
    return joined


def _choose_interpreter(options: Options, limit: str, ours: bool = True) -> str:
    """Give the project's Python, ours or another one, the first that the lock is for; else ""."""
    here = ".".join(map(str, sys.version_info[:3]))
    pairs = (
        (options.get("interpreter", ""), options.get("interpreter-version", "")),
        (sys.executable if ours else "", here),
        (options.get("other", ""), options.get("other-version", "")),
    )
    try:
        allowed = SpecifierSet(limit, prereleases=True)
    except ValueError:
        return ""
    for path, version in pairs:
        if path and version and version in allowed:
            return path
    return ""


def find_changes(manifest: Manifest, lock: LockFile, settings: dict[str, Any]) -> list[str]:
    """Say what a lock does not have that it should; nothing when it is current.

    Args:
        manifest: what the project asks for now.
        lock: it.
        settings: what it should be made with, as ``settings_of`` gives them.
    """
    if lock.conflicted:
        return ["git left conflict marks in it"]
    if not lock.pyve:
        maker = lock.get("created-by")
        who = f"{maker} made it" if isinstance(maker, str) and maker else "another tool made it"
        return [f"{who}, and it does not say from what"]
    found = []
    if lock.pyve.get("manifest-sha256") != digest(manifest):
        found = compare(str(lock.pyve.get("manifest", "")), canonical(manifest))
    made_with = settings_of(lock)
    for key, value in settings.items():
        if value != made_with[key]:
            found.append(f"{key}: {_say(made_with[key])} -> {_say(value)}")
    return found


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) if isinstance(value, list) else str(value)) or "any"


def check(options: Options) -> Answer:
    """Compare the lock with the manifest.

    Returns:
        ``status``: current, stale or missing; ``why``: what changed.

    Raises:
        HelperError: E_MANIFEST, E_MANIFEST_MISSING, E_LOCK_FILE, E_LOCK_FILE_READ.
    """
    manifest, _ = read_wishes(options)
    path = Path(options.get("output", OUTPUT))
    try:
        old = read_lock(path)
    except HelperError as error:
        if error.code != "E_LOCK_MISSING":
            raise
        return {"status": "missing", "why": [f"{_list(manifest, options)} was not locked yet"]}
    why = find_changes(manifest, old, wished_settings(options, old))
    return {"status": "stale" if why else "current", "why": why}


def _list(manifest: Manifest, options: Options) -> str:
    return options.get("script", "") or next(iter(manifest.files), "the project")


def read_wishes(options: Options) -> tuple[Manifest, Path]:
    """Read what is to be locked.

    Returns:
        The manifest, and the folder from which its paths count.

    Raises:
        HelperError: E_MANIFEST, E_MANIFEST_MISSING, E_SCRIPT_METADATA.
    """
    if not options.has("script"):
        return read_manifest(Path(), edited=_read_edited(options)), Path()
    from pyve_locks.script import read_script_manifest

    path, staged = Path(options.get("script")), options.get("staged", "")
    return read_script_manifest(path, Path(staged).read_bytes() if staged else None), path.parent


def read_old(path: Path, options: Options) -> tuple[LockFile | None, list[str]]:
    """Read the lock that is there, for its versions.

    Returns:
        It, or None; and warnings.

    Raises:
        HelperError: E_LOCK_FILE, E_LOCK_MISSING (when some of its packages are to be upgraded, and
            it cannot be read), E_LOCK_FILE_READ, E_PACKAGE_UNKNOWN.
    """
    names = options.get_all("upgrade")
    try:
        old = read_lock(path)
    except HelperError as error:
        if error.code == "E_LOCK_FILE_READ" or names:
            raise
        if error.code == "E_LOCK_MISSING":
            return None, []
        why = f": {error.why[0]}" if error.why else ""
        return None, [f"no version of the old lock could be kept, as {error}{why}"]
    there = sorted({str(canonicalize_name(package["name"])) for package in old.packages})
    for name in names:
        wanted = str(canonicalize_name(name.strip()))
        if wanted not in there:
            import difflib

            close = difflib.get_close_matches(wanted, there, 3, 0.7)
            raise HelperError(
                "E_PACKAGE_UNKNOWN",
                f"'{name}' is not in the lock, so it cannot be upgraded",
                f"it has {', '.join(close) or count_things(len(there), 'package')}",
                [f"pyve lock --upgrade {one}" for one in close] or "pyve lock",
            )
    return old, []


def lock(options: Options) -> Answer:
    """Write the lock, unless the one that is there is what would be written.

    Returns:
        ``changed``, ``changes`` (a line for each package), ``count`` ("2 added, 1 changed"),
        ``packages`` (their number), ``sha256`` of the file, ``warnings``.

    Raises:
        HelperError: those of read_manifest, read_old, solve and write_lock.
    """
    manifest, root = read_wishes(options)
    path = Path(options.get("output", OUTPUT))
    old, warnings = read_old(path, options)
    settings = wished_settings(options, old)
    again = any(options.has(n) for n in ("upgrade", "upgrade-all", "index", "preferences"))
    engine = options.get("engine", "auto")
    again = again or (old is not None and engine not in ("auto", old.pyve.get("engine", engine)))
    if old is not None and not again and not find_changes(manifest, old, settings):
        # Only comments, order or file names are others: what they ask for has its answer.
        new = LockFile(old)
        # (A script has none.)
        if manifest.files:
            new.pyve["files"] = list(manifest.files)
            new.pyve["files-sha256"] = raw_digest(root, manifest.files)
    else:
        progress(f"solving what {_list(manifest, options)} asks for")
        wish = replace(lock_options(options, manifest, old), meanwhile=_get_ready)
        new = _solve(manifest, root, wish, options)
        if wish.pip:
            warnings += _say_pip(old, new, engine)
            settings["platforms"] = new.pyve["platforms"]
        for key in ("python", "prerelease"):
            if settings[key]:
                new.pyve[key] = settings[key]
    from pyve_locks.diff import count_changes, diff

    # Other platforms alone, which change the marker of each package, are no news about any.
    changes = [c for c in diff(_graph(old), _graph(new, old is not None)) if c.step != "where"]
    data = format_lock(new).encode("utf-8")
    refuse_link(path)
    changed = write_whole(path, data)
    return {
        "changed": changed,
        "changes": [describe_change(change) for change in changes],
        "count": count_changes(changes) if changes else "",
        "first": old is None,
        "packages": len({package["name"] for package in new.packages}),
        "platforms": settings["platforms"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "warnings": [*warnings, *(one for one in new.warnings if not _ABOUT_SEED.match(one))],
    }


def _say_pip(old: LockFile | None, new: LockFile, engine: str) -> list[str]:
    """Say that pip has solved, where nobody asked for that, or the lock was for more before."""
    before = old.pyve.get("engine") if old is not None else None
    if before == "pip" or (before is None and engine == "pip"):
        return []
    places = f"{', '.join(new.pyve['platforms'])} and Python {new['requires-python']}"
    why = "there is no uv, so pip has solved" if engine != "pip" else "pip has solved"
    was = ", and the lock before it was for more" if before == "uv" else ""
    return [f"{why}: the lock is for {places} only{was}"]


def _read_edited(options: Options) -> dict[str, bytes]:
    """Give what files of the manifest are to hold."""
    pairs = zip(options.get_all("edited"), options.get_all("staged"))
    return {name: Path(staged).read_bytes() for name, staged in pairs}


def _solve(manifest: Manifest, root: Path, wish: SolveOptions, options: Options) -> LockFile:
    workspace = Path(options.get("workspace")).absolute()
    try:
        return solve_or_explain(manifest, root, wish, workspace, options.get_all("adding"))
    except HelperError as error:
        if options.has("preferences") and not error.code.startswith("E_INDEX"):
            # What would mend it is in the files of another tool: no command of Pyve changes them.
            raise HelperError(error.code, error.message, error.why) from error
        if error.code == "E_INDEX_OFFLINE" and wish.offline and not error.fix:
            again = repeat_without("--offline")
            raise HelperError(error.code, error.message, error.why, again) from error
        if error.code == "E_RESOLVE_MISSING":
            from pyve_locks.lost_index import explain_lost_index

            told = explain_lost_index(error, manifest, wish)
            if told is not error:
                raise told from error
        raise


def _get_ready() -> None:
    """Read what is needed when uv has solved, while it does."""
    import pyve_locks.diff
    import pyve_locks.graph  # noqa: F401


def _graph(found: LockFile | None, files: bool = True) -> Graph | None:
    """Give the graph of a lock; None where another tool wrote something that has none."""
    from pyve_locks.graph import graph_of

    try:
        return None if found is None else graph_of(found, files=files)
    except HelperError:
        return None


def describe_change(change: Change) -> str:
    """Say in a line what happened to a package: ``added idna 3.4``, ``idna 3.4 -> 3.5``."""
    old, new = (
        ", ".join(dict.fromkeys(f"{node.version}" or node.origin for node in nodes))
        for nodes in (change.old, change.new)
    )
    if change.kind != "changed":
        return f"{change.kind} {change.name} {new or old}".rstrip()
    if old != new:
        return f"{change.name} {old} -> {new}"
    what = {"origin": "from another place", "files": "other files"}
    return f"{change.name} {new}: {what.get(change.step, change.step)}"


def main(argv: list[str]) -> Answer:
    """Run the helper; see the top of this file.

    Raises:
        HelperError: E_HELPER_USAGE, and those of ``lock`` and ``check``.
    """
    commands = {"lock": lock, "check": check}
    if not argv or argv[0] not in commands:
        raise HelperError("E_HELPER_USAGE", f"the helper needs one of {', '.join(commands)}")
    options = parse_options(argv[1:], VALUED, FLAGS)
    try:
        return commands[argv[0]](options)
    except HelperError as error:
        if not options.has("script"):
            raise
        from pyve_locks.script_edit import for_script

        raise for_script(error, options.get("script")) from error


if __name__ == "__main__":
    sys.exit(run_helper(main))
