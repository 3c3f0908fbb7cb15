"""Links packages into a prefix, and writes what conda and micromamba want to find there.

While this goes on the file ``.pyve-unfinished`` is in the prefix: who finds it knows that the
environment is not to be used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_conda.channels import strip_credentials
from pyve_conda.failures import explain_install
from pyve_conda.prefix import MARKER, escape_in_python, quote_in_double
from pyve_core import HelperError, progress
from pyve_core.fixes import move_away, open_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyve_conda.fetch import Cache, Item

# What a package may have in bin/ for the engine to run: bin/.NAME-post-link.sh
LINK_SCRIPTS = ("post-link", "pre-link")
# After Ctrl-C threads of py-rattler go on writing for a moment.
REMOVALS = 60


def remove_tree(prefix: Path, keep_marker: bool = False) -> None:
    """Remove a prefix, the marker last, so that what is left at any instant is marked.

    Raises:
        OSError: when something cannot be removed.
    """

    def retry(function: Any, path: str, _error: Any) -> None:
        # Packages may hold folders that are read-only.
        folder = os.path.dirname(path)
        os.chmod(folder, stat.S_IRWXU)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, stat.S_IRWXU)
        with contextlib.suppress(FileNotFoundError):
            function(path)

    for attempt in range(REMOVALS):
        try:
            for entry in [entry for entry in os.scandir(prefix) if entry.name != MARKER]:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, onerror=retry)
                else:
                    os.unlink(entry.path)
        except OSError:
            if attempt == REMOVALS - 1:
                raise
        if all(entry.name == MARKER for entry in os.scandir(prefix)):
            break
        time.sleep(0.05)
    if not keep_marker:
        (prefix / MARKER).unlink(missing_ok=True)
        prefix.rmdir()


@contextlib.contextmanager
def making(prefix: Path) -> Iterator[None]:
    """Mark a new prefix as unfinished while the block runs; remove it when the block fails.

    Whoever has marked it before owns the marker, and it stays.

    Raises:
        HelperError: E_CONDA_PREFIX when there is something else in the prefix.
    """
    marker = prefix / MARKER
    was_there = prefix.is_dir()
    is_own = not marker.exists()
    check_is_free(prefix)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            prefix.mkdir(parents=True, exist_ok=True)
            marker.touch()
        except OSError as error:
            raise HelperError(
                "E_CONDA_PREFIX",
                f"cannot write to {prefix}",
                [error.strerror or str(error), "it has to be a folder that you may write to"],
                open_up(prefix),
            ) from error
        yield
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            remove_tree(prefix, keep_marker=was_there)
            if was_there and is_own:
                marker.unlink(missing_ok=True)
        raise
    if is_own:
        marker.unlink(missing_ok=True)


def check_is_free(prefix: Path) -> None:
    """See that there is nothing in a prefix but the marker.

    Raises:
        HelperError: E_CONDA_PREFIX.
    """
    try:
        is_free = not os.path.lexists(prefix) or (
            prefix.is_dir() and all(entry.name == MARKER for entry in os.scandir(prefix))
        )
    except OSError as error:
        raise HelperError(
            "E_CONDA_PREFIX",
            f"cannot read {prefix}",
            [error.strerror or str(error), "it has to be a folder that you may write to"],
            open_up(prefix),
        ) from error
    if not is_free:
        raise HelperError(
            "E_CONDA_PREFIX",
            f"there is something else in the way of the environment: {prefix}",
            "an environment is only made in an empty folder",
            move_away(prefix),
        )


def make_reporter(names: Mapping[str, str]) -> Any:
    """Return a reporter that says which package is being linked.

    Args:
        names: the title of each package by its name.
    """
    from rattler import InstallerReporter

    done = []

    def on_link_start(_self: Any, operation: int, package_name: str) -> int:
        done.append(package_name)
        progress(f"linking {len(done)} of {len(names)} {names.get(package_name, package_name)}")
        return operation

    return type("Reporter", (InstallerReporter,), {"on_link_start": on_link_start})()


async def link(
    prefix: Path,
    items: Sequence[Item],
    cache: Cache,
    platform: str,
    link_scripts: bool,
) -> None:
    """Link packages that are in the cache into a new prefix.

    Args:
        prefix: the prefix, empty.
        items: what to link, all of it completed by the cache.
        cache: where the packages are.
        platform: of the environment.
        link_scripts: whether to run the scripts that packages have for that.

    Raises:
        HelperError: E_CONDA_LINK, E_CONDA_ARCHIVE, E_DISK_FULL.
    """
    from rattler import Subdir, install

    names = {str(item.record.name.normalized): item.title for item in items}
    try:
        await install(
            [item.record for item in items],
            prefix,
            installed_packages=[],
            platform=Subdir(platform),
            execute_link_scripts=link_scripts,
            show_progress=False,
            reporter=make_reporter(names),
            package_cache=cache.packages(),
        )
    except HelperError:
        raise
    except Exception as error:  # py-rattler raises many kinds here
        raise explain_install(str(error), str(prefix)) from error
    # Its trial of what the file system can do is left when it cannot be removed at once.
    for left in prefix.glob(".refprobe-*"):
        shutil.rmtree(left, ignore_errors=True)


def mend_texts(prefix: Path, record: dict[str, Any]) -> None:
    """Write a prefix with quotes or dollars in it as the language of a file wants it.

    Engines write it as it is: into the second line of the commands of Python packages, where a
    shell reads it between double quotes, and into string literals of Python, as those of
    ``_sysconfigdata``, without which not even pip starts.
    """
    plain = str(prefix)
    if not re.search(r"[$`\\\"']", plain):
        return
    for entry in record["paths_data"]["paths"]:
        path = prefix / entry["_path"]
        if entry.get("path_type") == "unix_python_entry_point":
            old = path.read_text(encoding="utf-8")
            found = re.match(r"""(#!/bin/sh\n'''exec' )"(.*)"( "\$0" "\$@")""", old)
            new = old
            if found:
                # (py-rattler turns backslashes into slashes.)
                python = plain + found.group(2)[len(plain) :]
                head = found.group(1) + quote_in_double(python) + found.group(3)
                new = head + old[found.end() :]
            elif old.startswith("#!/") and "\\" in plain:
                new = f"#!{plain}{old[2 + len(plain) :]}"
        elif entry.get("prefix_placeholder") and path.suffix == ".py":
            old = path.read_text(encoding="utf-8", errors="surrogateescape")
            first, end, rest = old.partition("\n")
            new = first + end + rest.replace(plain, escape_in_python(plain))
        else:
            continue
        if new != old:
            # Beside it: the file may be a hard link into the cache.
            part = path.with_name(f"{path.name}.part")
            part.write_text(new, encoding="utf-8", errors="surrogateescape")
            shutil.copymode(path, part)
            os.replace(part, path)
            key = "sha256_in_prefix" if entry.get("prefix_placeholder") else "sha256"
            entry[key] = hashlib.sha256(path.read_bytes()).hexdigest()


def finish(
    prefix: Path, items: Sequence[Item], specs: Mapping[str, str], words: Sequence[str]
) -> None:
    """Write conda-meta as conda does: with the URLs that packages come from, and a history.

    Args:
        prefix: the prefix, linked.
        items: what is in it.
        specs: what was asked for, as it was written, by the name of the package.
        words: the command line, for the history.
    """
    meta = prefix / "conda-meta"
    mask = os.umask(0)
    os.umask(mask)
    lines = []
    for item in sorted(items, key=lambda item: item.stem):
        path = meta / f"{item.stem}.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        url = strip_credentials(item.url)
        channel = url.rsplit("/", 2)[0]
        record.update(url=url, channel=f"{channel}/{record['subdir']}")
        mend_texts(prefix, record)
        asked = specs.get(record["name"])
        if asked:
            record.update(requested_spec=asked, requested_specs=[asked])
        part = path.with_suffix(".part")
        part.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.chmod(part, 0o666 & ~mask)
        os.replace(part, path)
        lines.append(f"+{channel}/{record['subdir']}::{item.stem}\n")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime())
    history = [f"==> {stamp} <==\n", f"# cmd: {' '.join(words)}\n", *lines]
    if specs:
        history.append(f"# update specs: {json.dumps(list(specs.values()))}\n")
    (meta / "history").write_text("".join(history), encoding="utf-8")
    os.chmod(meta / "history", 0o666 & ~mask)


def write_variables(prefix: Path, variables: Mapping[str, str]) -> None:
    """Write the ``variables:`` of environment.yml where conda keeps them."""
    if variables:
        state = {"version": 1, "env_vars": dict(variables)}
        path = prefix / "conda-meta" / "state"
        path.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def find_link_scripts(prefix: Path, items: Sequence[Item]) -> list[str]:
    """Name the packages that have scripts to be run when they are linked."""
    names = [str(item.record.name.normalized) for item in items]
    return sorted(
        name
        for name in names
        if any((prefix / "bin" / f".{name}-{kind}.sh").exists() for kind in LINK_SCRIPTS)
    )
