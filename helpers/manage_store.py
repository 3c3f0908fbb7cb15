"""Looks after the store of environments that projects share.

Usage:
    manage_store.py info --store DIR [--json]
    manage_store.py verify [DIGEST]... --store DIR [--json]
    manage_store.py repair [DIGEST]... --store DIR [--drop] [--offline] [--find-links PLACE]...
        [--root DIR] [--json]
    manage_store.py gc --store DIR [--cache DIR] [--max-size SIZE] [--older-than TIME] [--dry-run]
        [--json]

DIR is the folder of one format, ``.../pyve/store/v1``; a DIGEST may be cut off behind six digits.
``--root`` is the folder whose logins of indexes count; ``--cache`` Pyve's cache folder, in which
environments of tools and scripts are.

The answer has "text" for people; with --json "detail.KEY", a JSON text for each key of the
document; and what a diagnostic is made of: "damaged" and "harmless" (numbers of faults), "why".

Runs in Pyve's toolchain (locks).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import (
    Answer,
    HelperError,
    Options,
    count_things,
    parse_options,
    progress,
    run_helper,
)
from pyve_store.info import format_size, format_time, show
from pyve_store.layout import is_digest, list_names
from pyve_store.safety import check_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyve_store.info import Environment, Store
    from pyve_store.verify import Fault

VALUED = "store cache max-size older-than find-links root"
FLAGS = "json drop offline dry-run"
# How many lines of reasons a diagnostic has.
MOST = 8


def give(options: Options, text: Iterable[str], detail: dict[str, Any], **more: Any) -> Answer:
    """Give an answer for people, and for programs when they have asked."""
    answer: dict[str, Any] = {"text": "".join(f"{line}\n" for line in text), **more}
    if options.has("json"):
        import json

        for key, value in detail.items():
            # (What is no UTF-8 in a name has no other form in JSON.)
            written = json.dumps(value, ensure_ascii=False)
            answer[f"detail.{key}"] = written.encode("utf-8", "replace").decode()
    return answer


def choose_digests(store: Path, words: Sequence[str]) -> list[str]:
    """Find the environments that are named by the beginnings of their digests.

    Raises:
        HelperError: E_STORE_UNKNOWN.
    """
    known = [name for name in list_names(store / "envs") if is_digest(name)]
    found = []
    for word in words:
        fitting = [name for name in known if name.startswith(word) and len(word) >= 6]
        if len(fitting) != 1:
            raise HelperError(
                "E_STORE_UNKNOWN",
                f"the store has no environment {show(word)}",
                "at least six digits of one are needed; pyve store info lists them",
                "pyve store info",
            )
        found += fitting
    return found


# --- info


def describe_use(one: Environment) -> list[str]:
    """Say who uses an environment, as lines."""
    lines = [f"    {show(path)}" for path in one.use.environments]
    if one.use.elsewhere:
        things = count_things(one.use.elsewhere, "environment")
        lines.append(f"    {things} that no record names: moved, or being made")
    words = {
        "away": "is on a disk that is not in place",
        "unknown": "cannot be read",
        "coming": "is being made",
        "gone": "is gone: removed or moved",
        "other": "does not use it any more",
    }
    for record in one.use.records:
        if record.state in words and record.path:
            lines.append(f"    ({show(record.path)} {words[record.state]})")
    # (An environment that was made several times has a record of each.)
    return list(dict.fromkeys(lines))


def list_info(store: Store) -> list[str]:
    """Say what the store holds, as lines."""
    if not store.place.is_dir():
        return [f"There is no store yet: {show(str(store.place.parent))}; pyve sync makes it"]
    count = count_things(len(store.environments), "environment")
    used = sum(one.use.is_used for one in store.environments)
    lines = [
        f"Store: {show(str(store.place.parent))}",
        f"Size: {format_size(store.size)} on the disk, {count}, {used} in use",
    ]
    if store.saved:
        lines.append(f"Saved: {format_size(store.saved)}; each project would have files of its own")
    for one in store.environments:
        packages = count_things(one.packages, "package")
        python = one.fields.get("version", "?")
        state = "" if one.use.is_used else f", unused since {format_time(one.last)[:10]}"
        lines.append(
            f"{one.digest[:12]}: Python {python}, {packages}, {format_size(one.size)}"
            f" ({format_size(one.alone)} of it shared with no other){state}"
        )
        lines += describe_use(one)
    if store.leftovers:
        lines.append(f"Left by killed commands: {count_things(store.leftovers, 'folder')}")
    lines += [f"Not Pyve's, left alone: {show(name)}" for name in store.foreign]
    if len(store.environments) > used:
        lines.append("pyve store gc removes what is not in use")
    return lines


def answer_environment(one: Environment) -> dict[str, Any]:
    """Describe an environment of the store for programs."""
    return {
        "digest": one.digest,
        "python": one.fields.get("version", ""),
        "platform": one.fields.get("platform", ""),
        "packages": one.packages,
        "files": one.files,
        "bytes": one.size,
        "bytes_alone": one.alone,
        "used": one.use.is_used,
        "environments": one.use.environments,
        "elsewhere": one.use.elsewhere,
        "records": [
            {"environment": record.path, "state": record.state} for record in one.use.records
        ],
        "made": one.fields.get("made", ""),
        "last": format_time(one.last),
    }


def tell_info(options: Options, place: Path) -> Answer:
    """Tell what the store holds, and what it takes."""
    from pyve_store.info import look_at_store

    store = look_at_store(place)
    return give(
        options,
        list_info(store),
        {
            "bytes": store.size,
            "bytes_saved": store.saved,
            "bytes_loose": store.loose,
            "environments": [answer_environment(one) for one in store.environments],
            "leftovers": store.leftovers,
            "foreign": store.foreign,
        },
    )


# --- verify, repair


def describe_fault(fault: Fault) -> str:
    """Write a fault as a line."""
    from pyve_store.verify import WORDS

    place = f"{fault.entry[:12]}/{fault.path}" if fault.entry else fault.path
    more = f" ({fault.found} for {fault.expected})" if fault.kind == "mode" else ""
    return f"{fault.kind}: {show(place)}: {WORDS[fault.kind]}{more}"


def answer_faults(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Describe faults for programs."""
    return [
        {
            "environment": fault.entry,
            "path": fault.path,
            "fault": fault.kind,
            "expected": fault.expected,
            "found": fault.found,
        }
        for fault in faults
    ]


def list_reasons(lines: Sequence[str]) -> list[str]:
    """Give as many reasons as are read."""
    rest = len(lines) - MOST
    return [*lines[:MOST], f"and {rest} more"] if rest > 0 else list(lines)


def tell_verify(options: Options, place: Path) -> Answer:
    """Compare the store with what it says of itself."""
    from pyve_store.verify import verify_store

    digests = choose_digests(place, options.words[1:])
    names, faults = verify_store(place, digests)
    bad = [fault for fault in faults if not fault.is_harmless]
    lines = [describe_fault(fault) for fault in faults]
    return give(
        options,
        lines or [f"{count_things(len(names), 'environment')} verified: every file is as it was"],
        {"verified": names, "faults": answer_faults(faults)},
        damaged=len(bad),
        harmless=len(faults) - len(bad),
        why=list_reasons([describe_fault(fault) for fault in (bad or faults)]),
    )


def tell_repair(options: Options, place: Path) -> Answer:
    """Mend what verify finds."""
    from pyve_store.remake import Fetcher
    from pyve_store.repair import repair_store

    digests = choose_digests(place, options.words[1:])
    maker = Fetcher(
        Path(options.get("root", os.getcwd())),
        offline=options.has("offline"),
        find_links=options.get_all("find-links"),
    )
    outcome = repair_store(place, digests, maker, drop=options.has("drop"))
    if outcome.failure:
        for one in outcome.mended:
            progress(f"mended {one.digest[:12]}")
        raise outcome.failure
    lines = []
    for one in outcome.mended:
        what = f"{one.digest[:12]}: {count_things(one.files, 'file')} mended"
        if one.fetched:
            what += f"; fetched {', '.join(one.fetched)}"
        if one.adopted:
            what += f"; built anew, with other bytes: {', '.join(one.adopted)}"
        lines.append(what)
    if outcome.others:
        lines.append(f"pool and index: {count_things(outcome.others, 'file')} mended")
    lines += [f"{digest[:12]}: removed" for digest in outcome.dropped]
    return give(
        options,
        lines or ["nothing to mend: every file is as it was"],
        {
            "mended": [
                {
                    "digest": one.digest,
                    "files": one.files,
                    "fetched": one.fetched,
                    "rebuilt": one.adopted,
                }
                for one in outcome.mended
            ],
            "others": outcome.others,
            "removed": outcome.dropped,
        },
        projects=outcome.projects,
    )


# --- gc


def tell_gc(options: Options, place: Path) -> Answer:
    """Remove what no project uses."""
    from pyve_store.gc import Limits, collect, parse_age, parse_size

    size = parse_size(options.get("max-size")) if options.has("max-size") else None
    age = parse_age(options.get("older-than")) if options.has("older-than") else None
    dry_run = options.has("dry-run")
    cache = Path(options.get("cache")) if options.has("cache") else None
    done = collect(place, Limits(size, age), dry_run, cache)
    verb = "Would free" if dry_run else "Freed"
    lines = [
        f"{verb} {format_size(done.freed)}: {count_things(len(done.removed), 'environment')},"
        f" {count_things(done.files + done.leftovers + done.records + done.keys, 'leftover')};"
        f" the store {'would have' if dry_run else 'has'} {format_size(done.size)}"
    ]
    if done.cached:
        things = count_things(len(done.cached), "environment")
        lines.append(f"Of tools and scripts, not used for a while: {things}")
    if done.held:
        lines.append(f"{format_size(done.held)} stay on the disk: copies of environments have them")
    if done.kept:
        lines.append(f"In use: {count_things(len(done.kept), 'environment')}")
    if done.spared:
        lines.append(f"Not in use, and within the limits: {len(done.spared)}")
    return give(
        options,
        lines,
        {
            "dry_run": dry_run,
            "freed": done.freed,
            "held": done.held,
            "bytes": done.size,
            "removed": done.removed,
            "cached": done.cached,
            "in_use": done.kept,
            "within_limits": done.spared,
            "files": done.files,
            "records": done.records,
            "keys": done.keys,
            "leftovers": done.leftovers,
        },
        above=format_size(done.size) if size is not None and done.size > size else "",
        failed=list_reasons([f"{show(path)}: {reason}" for path, reason in done.failed]),
    )


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, VALUED, FLAGS)
    tell = {"info": tell_info, "verify": tell_verify, "repair": tell_repair, "gc": tell_gc}
    word = options.words[0] if options.words else ""
    if word not in tell:
        raise HelperError("E_HELPER_USAGE", "a word is needed: info, verify, repair or gc")
    place = Path(options.get("store"))
    check_store(place)
    return tell[word](options, place)


if __name__ == "__main__":
    sys.exit(run_helper(main))
