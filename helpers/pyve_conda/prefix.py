"""What is in a prefix: lists it, compares it with its records, removes it.

Standard library only; it reads the prefixes of conda, mamba and micromamba as well (CEP 34
describes conda-meta).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = ".pyve-unfinished"
CHUNK = 1 << 20


def state_of(prefix: Path) -> str:
    """Say what a folder is: "complete", "unfinished", "none" (no environment), or "missing"."""
    if not prefix.is_dir():
        return "missing"
    if (prefix / MARKER).exists():
        return "unfinished"
    return "complete" if (prefix / "conda-meta" / "history").is_file() else "none"


def read_records(prefix: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the records of a prefix.

    Returns:
        The records, by name, and the paths of those that cannot be read.
    """
    records, unreadable = [], []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not (isinstance(record, dict) and record["name"] and record["version"]):
                raise ValueError("no record")
        except (OSError, ValueError, KeyError, RecursionError):
            unreadable.append(path.relative_to(prefix).as_posix())
            continue
        records.append(record)
    return sorted(records, key=lambda record: str(record["name"])), unreadable


def normalize(name: str) -> str:
    """Write the name of a distribution as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def list_distributions(prefix: Path, owned: set[str]) -> Iterator[dict[str, str]]:
    """List the Python distributions that no conda package brought.

    Args:
        prefix: the prefix.
        owned: the files of conda packages.
    """
    for folder in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info")):
        metadata = folder / "METADATA"
        if metadata.relative_to(prefix).as_posix() in owned:
            continue
        try:
            head = metadata.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
        except OSError:
            continue
        fields = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)", head, re.MULTILINE))
        if len(fields) == 2:
            yield {
                "kind": "pip",
                "name": normalize(fields["Name"]),
                "version": fields["Version"],
                "build": "",
                "channel": "pypi",
                "url": "",
                "md5": "",
                "sha256": "",
                "requirement": find_requirement(prefix, folder, fields["Name"], fields["Version"]),
            }


def find_requirement(prefix: Path, folder: Path, name: str, version: str) -> str:
    """Return the line for pip that installs a distribution again, exactly.

    Args:
        prefix: the prefix, below the project in ``.pyve/envs``.
        folder: the distribution's ``.dist-info``; its ``direct_url.json`` (PEP 610) says whether it
            came from elsewhere than an index. A path in the project is told by where that is now.
        name: its name.
        version: its version.
    """
    try:
        direct = json.loads((folder / "direct_url.json").read_text(encoding="utf-8"))
        url = str(direct["url"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"{name}=={version}"
    state = re.search(r"^path=(.*)$", read_text(prefix / "pyve.state"), re.MULTILINE)
    if state and len(prefix.parents) > 2:
        old, new = Path(state[1]).parents[2:3], prefix.parents[2]
        if old and old[0].is_absolute() and f"{url}/".startswith(f"{old[0].as_uri()}/"):
            url = new.as_uri() + url[len(old[0].as_uri()) :]
    if "vcs_info" in direct:
        url = f"{direct['vcs_info']['vcs']}+{url}@{direct['vcs_info']['commit_id']}"
    if direct.get("subdirectory"):
        url += f"#subdirectory={direct['subdirectory']}"
    if direct.get("dir_info", {}).get("editable"):
        return f"-e {url}"
    return f"{name} @ {url}"


def read_text(path: Path) -> str:
    """Return the text of a file, or "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def list_packages(prefix: Path) -> list[dict[str, str]]:
    """List what is installed in a prefix: conda packages, then what pip installed, each by name."""
    records, _ = read_records(prefix)
    owned = {str(path) for record in records for path in record.get("files") or ()}
    packages = [
        {
            "kind": "conda",
            "name": str(record["name"]),
            "version": str(record["version"]),
            "build": str(record.get("build") or record.get("build_string") or ""),
            "channel": str(record.get("channel") or ""),
            "url": str(record.get("url") or ""),
            "md5": str(record.get("md5") or ""),
            "sha256": str(record.get("sha256") or ""),
        }
        for record in records
    ]
    found = list_distributions(prefix, owned)
    return packages + sorted(found, key=lambda package: package["name"])


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while data := stream.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()


def quote_in_double(path: str) -> str:
    """Quote a path for a shell, such that it may stand in a string of Python with three quotes.

    What is special between double quotes is put between single ones: a backslash before it would be
    no escape that Python knows.
    """
    return '"' + re.sub(r'([$`\\"]+)', r'''"'\1'"''', path) + '"'


def escape_in_python(path: str) -> str:
    """Write a path so that it may stand in a string literal of Python, whatever its quotes."""
    return re.sub(r"([\\'\"])", r"\\\1", path)


def names_prefix(path: Path, prefix: Path) -> bool:
    """Tell whether a file names the prefix, as it has to when it was written for it."""
    with open(path, "rb") as stream:
        content = stream.read()
    plain = str(prefix)
    forms = (plain, quote_in_double(f"{plain}/bin/")[:-1], escape_in_python(plain))
    return any(os.fsencode(form) in content for form in forms)


def check_path(prefix: Path, entry: dict[str, Any], quick: bool) -> str:
    """Compare one file with its record.

    Args:
        prefix: the prefix.
        entry: of ``paths_data``.
        quick: whether to leave out digests.

    Returns:
        What is wrong: "missing", "size", "changed", "moved", "unreadable", or "".
    """
    path = prefix / str(entry["_path"])
    kind = entry.get("path_type", "hardlink")
    if not os.path.lexists(path):
        # Compiled files come and go.
        return "" if kind == "pyc_file" or path.suffix == ".pyc" else "missing"
    if kind in ("softlink", "directory", "pyc_file") or path.is_symlink() or path.is_dir():
        return ""
    is_entry_point = kind == "unix_python_entry_point"
    has_prefix = bool(entry.get("prefix_placeholder"))
    expected = entry.get("sha256_in_prefix") or ("" if has_prefix else entry.get("sha256"))
    size = entry.get("size_in_bytes")
    try:
        if (
            size is not None
            and not has_prefix
            and not is_entry_point
            and path.stat().st_size != size
        ):
            return "size"
        if (is_entry_point or has_prefix) and not names_prefix(path, prefix):
            return "moved"
        if not quick and expected and not is_entry_point and digest_of(path) != expected:
            return "changed"
    except OSError:
        return "unreadable"
    return ""


def verify_prefix(prefix: Path, quick: bool = False) -> list[tuple[str, str, str]]:
    """Compare a prefix with its records.

    Returns:
        What is wrong: kind, package, path in the prefix. Package and path may be "".
    """
    state = state_of(prefix)
    if state in ("unfinished", "missing", "none"):
        return [(state, "", "")]
    records, unreadable = read_records(prefix)
    problems = [("unreadable", "", path) for path in unreadable]
    for record in records:
        name = str(record["name"])
        data = record.get("paths_data") or {}
        paths = data.get("paths") or [{"_path": path} for path in record.get("files") or ()]
        for entry in paths:
            problem = check_path(prefix, entry, quick)
            if problem:
                problems.append((problem, name, str(entry["_path"])))
    return problems


def remove_prefix(prefix: Path) -> bool:
    """Remove an environment.

    Returns:
        False when there was none.

    Raises:
        HelperError: E_CONDA_PREFIX when it is something else, or cannot be removed.
    """
    from pyve_conda.link import remove_tree

    if not os.path.lexists(prefix):
        return False
    is_prefix = (prefix / "conda-meta").is_dir() or (prefix / MARKER).exists()
    if prefix.is_symlink() or not prefix.is_dir() or not (is_prefix or not any(prefix.iterdir())):
        raise HelperError(
            "E_CONDA_PREFIX",
            f"not removed: {prefix}",
            ["it is not a conda environment", "remove it by hand, if it is to go"],
        )
    try:
        (prefix / MARKER).touch()
        remove_tree(prefix)
    except OSError as error:
        raise HelperError(
            "E_CONDA_PREFIX",
            f"cannot remove {prefix}",
            f"{error.strerror}: {error.filename}",
            f"rm -rf {shlex.quote(str(prefix))}",
        ) from error
    return True
