"""Show what a lock holds, and write it in the words of other tools.

Usage:
    show_packages.py why NAME --lock FILE [--platform P]
    show_packages.py tree [NAME]... --lock FILE [--platform P] [--invert] [--depth N]
        [--dot | --svg]
    show_packages.py diff --lock FILE [--with FILE | --revision REV] [--markdown]
    show_packages.py export --lock FILE --kind KIND [--extra X]... [--group X]... [--no-dev]
        [--no-hashes] [--platform P] [--name N] [--tool-version V]

For all: [--root FOLDER] [--manifest environment.yml] [--here PLATFORM] [--ascii] [--json]
[--output FILE].

FILE is a pylock.toml or a conda-lock.yml. The answer has "text": for people, or, of an export and a
picture, what the file is to be; with --output it is written there instead ("file", and "changed").
With --json the answer has "detail.KEY": a JSON text for each key of the document. "stale" says what
the manifest asks for otherwise than when a pylock.toml was made from it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import Answer, HelperError, Options, parse_options, redact, run_helper
from pyve_locks.stored import StoredLock, read_revision, read_stored
from pyve_locks.whole_file import write_whole

if TYPE_CHECKING:
    from pyve_core import Value
    from pyve_locks.graph import Graph

VALUED = (
    "lock root manifest platform here depth with revision kind extra group name tool-version output"
)
FLAGS = "invert dot svg markdown no-dev no-hashes ascii json"


class Shown:
    """What is to be told.

    Attributes:
        text: for people, or for a file.
        detail: for programs, by key.
        is_file: whether the text is made for another tool, and stays as it is.
        lock: the project's, where it has to be current.
    """

    def __init__(
        self,
        text: str,
        detail: dict[str, Value],
        is_file: bool = False,
        lock: StoredLock | None = None,
    ) -> None:
        self.text = text
        self.detail = detail
        self.is_file = is_file
        self.lock = lock


def read(options: Options) -> StoredLock:
    """Read the lock of the project."""
    return read_stored(Path(options.get("lock")), options.get_all("manifest"))


def choose_graph(options: Options, lock: StoredLock) -> Graph:
    """Make the graph for the platform that was asked for."""
    platform = lock.find_platform(options.get("platform", ""), options.get("here", ""))
    return lock.make_graph(platform)


def show_why(options: Options) -> Shown:
    """Tell every way from the manifest to a package."""
    from pyve_locks.why import explain, format_why, why_answer

    lock = read(options)
    graph = choose_graph(options, lock)
    name = options.words[1]
    reasons = explain(graph, name)
    text = format_why(graph, reasons, not options.has("ascii"))
    return Shown(text, {"name": name, "packages": why_answer(graph, reasons)}, lock=lock)


def show_tree(options: Options) -> Shown:
    """Show what needs what, as lines or as a picture."""
    from pyve_locks.tree import format_tree, tree, tree_answer

    lock = read(options)
    graph = choose_graph(options, lock)
    names, invert = options.words[1:], options.has("invert")
    depth = int(options.get("depth")) if options.has("depth") else None
    if options.has("dot") or options.has("svg"):
        from pyve_locks.drawing import draw_dot, draw_svg, neighbourhood
        from pyve_locks.graph import find_nodes

        numbers = [number for name in names for number in find_nodes(graph, name, "tree")]
        keep = neighbourhood(graph, numbers, invert, depth)
        drawn = draw_svg(graph, keep) if options.has("svg") else draw_dot(graph, keep)
        return Shown(drawn, {}, True, lock)
    trees = tree(graph, names, invert, depth)
    text = format_tree(trees, not options.has("ascii"))
    return Shown(text, {"invert": invert, "trees": tree_answer(trees, invert)}, lock=lock)


def show_diff(options: Options) -> Shown:
    """Compare the lock with another file, or with that of a revision."""
    from pyve_locks.diff import diff, diff_answer, format_diff, format_markdown

    path, manifests = Path(options.get("lock")), options.get_all("manifest")
    old: StoredLock | None
    if options.has("with"):
        source = options.get("with")
        try:
            old = read_stored(Path(source), manifests)
        except HelperError as error:
            # (A new lock would not mend another file.)
            if error.code.startswith("E_LOCK_"):
                error.fix = ["pyve lock diff"]
            raise
    else:
        source = options.get("revision", "HEAD")
        old = read_revision(Path(options.get("root")), path.name, source, manifests)
    new = read_stored(path, manifests) if old is None or path.exists() else None
    changes = diff(old.make_graph() if old else None, new.make_graph() if new else None)
    if options.has("markdown"):
        text = format_markdown(changes)
    else:
        text = format_diff(changes, not options.has("ascii"))
    return Shown(text, {"diff": {"old": source, **diff_answer(changes)}})


def show_export(options: Options) -> Shown:
    """Write the lock in the words of another tool."""
    lock = read(options)
    kind = options.get("kind")
    if kind == "cyclonedx":
        text = write_bill(options, lock)
    elif lock.conda is not None:
        text = write_conda(options, lock)
    else:
        text = write_python(options, lock)
    return Shown(text, {}, True, lock)


def choose_groups(options: Options, lock: StoredLock) -> list[str] | None:
    """Give the dependency groups that are wanted; None for those that the lock has as default."""
    groups = options.get_all("group")
    if not groups and not options.has("no-dev"):
        return None
    default: list[str] = []
    if lock.pylock is not None and not options.has("no-dev"):
        default = lock.pylock.get("default-groups") or []
    return [*dict.fromkeys([*default, *groups])]


def write_bill(options: Options, lock: StoredLock) -> str:
    """Write a bill of materials of all that is locked, or of what was chosen."""
    from pyve_locks.sbom import export_cyclonedx, read_epoch
    from pyve_locks.selection import check_choice

    extras, groups = options.get_all("extra"), choose_groups(options, lock)
    is_chosen = bool(extras) or groups is not None
    if is_chosen and lock.pylock is not None:
        groups = groups if groups is not None else list(lock.pylock.get("default-groups") or [])
        check_choice(lock.pylock, extras, groups)
    # Unlike the others, it is of all platforms unless one is named.
    graph = lock.make_graph(lock.find_platform(options.get("platform", "all"), ""))
    name, version = find_project(options, graph)
    return export_cyclonedx(
        graph,
        name,
        version,
        extras if is_chosen else None,
        groups if is_chosen else None,
        read_epoch(os.environ),
        options.get("tool-version", ""),
    )


def find_project(options: Options, graph: Graph) -> tuple[str, str]:
    """Give the name of the project, and its version where pyproject.toml says it."""
    from packaging.utils import canonicalize_name

    from pyve_locks.toml_lines import TomlError, parse_toml

    root = Path(options.get("root"))
    version, name = "", graph.name
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
        project: Any = parse_toml(text).get("project", {})
    except (OSError, ValueError, TomlError):
        project = {}
    if isinstance(project, dict) and canonicalize_name(str(project.get("name", ""))) == name:
        version = str(project.get("version", "")) if name else ""
    return name or options.get("name", "") or "project", version


def write_conda(options: Options, lock: StoredLock) -> str:
    """Write a lock of conda as an environment.yml."""
    from pyve_locks.export import export_conda_environment

    assert lock.conda is not None
    kind = options.get("kind")
    if kind != "environment":
        raise HelperError(
            "E_EXPORT_KIND",
            f"a conda lock cannot be written as {kind}",
            "pip cannot install packages of conda",
            "pyve export --format environment",
        )
    here = options.get("here", "") or lock.conda.platforms[0]
    platform = options.get("platform", "") or here
    names = [manifest.name for manifest in lock.environments if manifest.name]
    return export_conda_environment(lock.conda, platform, (names or [find_name(options)])[0])


def find_name(options: Options) -> str:
    """Give a name for an environment: that of the project, else of its folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", options.get("name", "")).strip("-.")


def write_python(options: Options, lock: StoredLock) -> str:
    """Write a pylock.toml as requirements.txt, constraints.txt or environment.yml."""
    from pyve_locks.export import export_constraints, export_environment, export_requirements
    from pyve_locks.graph import recorded_roots

    assert lock.pylock is not None
    kind, extras = options.get("kind"), options.get_all("extra")
    groups = choose_groups(options, lock)
    if kind == "environment":
        name = recorded_roots(lock.pylock)[0] or find_name(options)
        return export_environment(lock.pylock, name, extras=extras, groups=groups)
    if kind == "constraints":
        return export_constraints(lock.pylock, extras, groups)
    return export_requirements(lock.pylock, extras, groups, not options.has("no-hashes"))


def hide(value: Any) -> Any:
    """Give a value of the answer without secrets."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: hide(item) for key, item in value.items()}
    return [hide(item) for item in value] if isinstance(value, (list, tuple)) else value


# What a terminal would obey. (A lock may come from anybody.)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
ROOMS = {"why": show_why, "tree": show_tree, "diff": show_diff, "export": show_export}


def main(argv: list[str]) -> Answer:
    """Answer what the words ask for."""
    options = parse_options(argv, VALUED, FLAGS)
    show = ROOMS.get(options.words[0] if options.words else "")
    if show is None or (show is show_why and len(options.words) != 2):
        raise HelperError("E_HELPER_USAGE", "the helper needs one of: " + ", ".join(ROOMS))
    shown = show(options)
    answer: dict[str, Any] = {}
    text = shown.text if shown.is_file else _CONTROL.sub("?", redact(shown.text))
    if options.has("output"):
        path = Path(options.get("output"))
        answer["changed"] = write_whole(path, text.encode("utf-8", "surrogateescape"))
        answer["file"] = str(path)
    elif not options.has("json"):
        answer["text"] = text
    if options.has("json"):
        detail = hide(shown.detail)
        if not options.has("output") and (shown.is_file or options.has("markdown")):
            detail["text"] = redact(text)
        answer["detail"] = {key: json.dumps(item) for key, item in detail.items()}
    if shown.lock is not None:
        answer["stale"] = [redact(sentence) for sentence in shown.lock.find_changes()]
    return answer


if __name__ == "__main__":
    sys.exit(run_helper(main))
