"""A lock in the words of other tools: requirements.txt, constraints.txt, environment.yml.

The CycloneDX document is made by ``sbom``.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pyve_core import HelperError
from pyve_core.fixes import repeat
from pyve_locks.origins import (
    describe_origin,
    file_name,
    is_project,
    list_artifacts,
    strong_hash,
    table,
)
from pyve_locks.requirement import strip_credentials
from pyve_locks.selection import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyve_files.lock import Lock as CondaLock

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def export_requirements(
    lock: Mapping[str, Any],
    extras: Iterable[str] = (),
    groups: Iterable[str] | None = None,
    hashes: bool = True,
) -> str:
    """Write a requirements.txt that pip and uv install as the lock would be.

    Args:
        lock: a ``pylock.toml``, as tomllib gives it.
        extras: those wanted.
        groups: the dependency groups wanted; None for those that the lock has as default.
        hashes: whether each requirement has its hashes (``pip install --require-hashes``).

    Returns:
        The text. The project itself is left out, and so are indexes: those of whoever installs
        count. Paths are relative to the lock's folder. What is editable in the lock is so here,
        unless it has a marker or a blank in its path.

    Raises:
        HelperError: E_EXPORT_HASH, when hashes are wanted and a repository or a folder is in the
            lock, which have none; E_GROUP_UNKNOWN; E_LOCK_FILE.

    Source: pip, "Requirements File Format" and "Secure installs" (hash-checking mode: one
    requirement without a hash, and all are refused).
    """
    chosen = [pair for pair in select(lock, extras, groups) if not is_project(pair[0])]
    if hashes:
        _need_hashes(package for package, _ in chosen)
    lines = [_headline(lock)]
    for package, marker in chosen:
        found = sorted({strong_hash(item) for item in list_artifacts(package)} - {""})
        options = [f"--hash={digest}" for digest in found] if hashes else []
        lines.append(" \\\n    ".join([_requirement(package, marker, True), *options]))
    return _finish(lines)


def export_constraints(
    lock: Mapping[str, Any], extras: Iterable[str] = (), groups: Iterable[str] | None = None
) -> str:
    """Write a constraints.txt: which version of what, if it is installed at all.

    Args:
        lock: a ``pylock.toml``, as tomllib gives it.
        extras: those wanted.
        groups: the dependency groups wanted; None for those that the lock has as default.

    Returns:
        The text. What stands in folders beside the lock cannot be a constraint: a comment names it.

    Raises:
        HelperError: E_GROUP_UNKNOWN; E_LOCK_FILE.

    Source: pip, "Constraints Files": each has a name, and none is editable.
    """
    lines = [_headline(lock)]
    for package, marker in select(lock, extras, groups):
        if is_project(package):
            continue
        origin = describe_origin(package)
        if origin and not _has_url(package):
            text = _CONTROL.sub(" ", f"# {package['name']} is from {origin}")
            lines.append(f"{text}, which no constraint can say")
        else:
            lines.append(_requirement(package, marker, False))
    return _finish(lines)


def export_environment(
    lock: Mapping[str, Any],
    name: str = "",
    channels: Iterable[str] = ("conda-forge",),
    extras: Iterable[str] = (),
    groups: Iterable[str] | None = None,
) -> str:
    """Write an environment.yml whose interpreter comes from conda, and the rest through pip.

    Args:
        lock: a ``pylock.toml``, as tomllib gives it.
        name: of the environment; "" for none.
        channels: where conda is to look.
        extras: those wanted.
        groups: the dependency groups wanted; None for those that the lock has as default.

    Raises:
        HelperError: E_GROUP_UNKNOWN; E_LOCK_FILE.
    """
    wish = python_for_conda(str(lock.get("requires-python", "")))
    lines = [
        _requirement(package, marker, True)
        for package, marker in select(lock, extras, groups)
        if not is_project(package)
    ]
    dependencies: list[Any] = [wish, "pip"]
    if lines:
        dependencies.append({"pip": lines})
    return write_environment(name, channels, dependencies)


def export_conda_environment(lock: CondaLock, platform: str, name: str = "") -> str:
    """Write an environment.yml with what a ``conda-lock.yml`` has for a platform.

    Args:
        lock: the whole file.
        platform: conda's name of it, as ``linux-64``.
        name: of the environment; "" for none.

    Raises:
        HelperError: E_LOCK_PLATFORM, when the lock is not made for it.
    """
    if platform not in lock.platforms:
        has = "it is made for " + ", ".join(lock.platforms)
        fix = f"pyve lock --platform {platform}"
        raise HelperError("E_LOCK_PLATFORM", f"the lock is not for {platform}", has, fix)
    conda, pip = [], []
    for item in lock.packages:
        if item.platform != platform:
            continue
        if item.manager == "pip":
            pip.append(f"{canonicalize_name(item.name)}=={item.version}")
        else:
            conda.append(f"{item.name}={item.version}")
    dependencies: list[Any] = sorted(set(conda))
    if pip:
        if not any(item.startswith("pip=") for item in dependencies):
            dependencies.append("pip")
        dependencies.append({"pip": sorted(set(pip))})
    return write_environment(name, map(strip_credentials, lock.channels), dependencies)


def write_environment(name: str, channels: Iterable[str], dependencies: list[Any]) -> str:
    """Write an environment.yml of these parts; name "" for none."""
    import yaml

    content: dict[str, Any] = {"name": name} if name else {}
    content.update(channels=list(channels), dependencies=dependencies)

    class Dumper(yaml.SafeDumper):
        """Lists are set in below their key, as conda writes them."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            return super().increase_indent(flow, False)

    written = yaml.dump(content, None, Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return str(written)


def python_for_conda(specifiers: str) -> str:
    """Write "requires-python" as conda has it.

    Source: conda, "Package match specifications": ``3.12.*`` needs no ``==``, and ``===`` is none.
    """
    try:
        parts = sorted(SpecifierSet(specifiers), key=str)
    except ValueError as error:
        why = f"requires-python is '{specifiers}'"
        raise HelperError("E_LOCK_FILE", "the lock is wrong", why, "pyve lock") from error
    texts = []
    for part in parts:
        operator = part.operator
        if operator == "===" or (operator == "==" and part.version.endswith(".*")):
            operator = "==" if operator == "===" else ""
        texts.append(f"{operator}{part.version}")
    return ("python " + ",".join(texts)).strip()


def _headline(lock: Mapping[str, Any]) -> str:
    python = _CONTROL.sub(" ", str(lock.get("requires-python", "")))
    return "# Made from a lock by pyve export" + (f", for Python {python}" if python else "")


def _finish(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _has_url(package: Mapping[str, Any]) -> bool:
    return any(table(package, key).get("url") for key in ("vcs", "archive"))


def _requirement(package: Mapping[str, Any], marker: str, editable: bool) -> str:
    """Write a package as a line of a requirements file (PEP 508; a path where there is no URL)."""
    name = canonicalize_name(package["name"])
    origin = describe_origin(package)
    if not origin:
        text = f"{name}=={_version(package)}"
    elif _has_url(package):
        text = f"{name} @ {origin}"
    else:
        text = _path(package)
        # Behind -e, pip takes no marker, and uv no quotes.
        is_plain = not marker and shlex.quote(text) == text
        if is_plain and editable and table(package, "directory").get("editable"):
            text = f"-e {text}"
    return _plain(f"{text} ; {marker}" if marker else text)


def _path(package: Mapping[str, Any]) -> str:
    """Give the path of a folder or archive, as pip and uv take it: not quoted, blanks and all.

    Raises:
        HelperError: E_EXPORT_ORIGIN, for what has no such path.
    """
    folder, archive = table(package, "directory"), table(package, "archive")
    path = str(folder.get("path") or archive.get("path", ""))
    if folder.get("subdirectory"):
        path = posixpath.join(path, str(folder["subdirectory"]))
    path = posixpath.normpath(path.replace("\\", "/"))
    if table(package, "vcs") or archive.get("subdirectory") or re.search(r"[;\[\]#]|\s-", path):
        raise HelperError(
            "E_EXPORT_ORIGIN",
            f"{package['name']} cannot stand in a requirements file",
            f"it is from {describe_origin(package)}, beside the project",
        )
    return path if path.startswith(("/", "../")) else f"./{path}"


def _plain(line: str) -> str:
    """See that what a lock says stays in its line.

    Raises:
        HelperError: E_LOCK_FILE.
    """
    if _CONTROL.search(line) or re.search(r"\s[#-]|\\$|\$\{", line):
        why = f"{line!r} would have another meaning in a requirements file"
        raise HelperError("E_LOCK_FILE", "the lock is wrong", why, "pyve lock")
    return line


def _version(package: Mapping[str, Any]) -> str:
    """Give the version, if need be from the name of a file: it may be missing (PEP 751)."""
    if package.get("version"):
        return str(package["version"])
    for artifact in list_artifacts(package):
        file = file_name(artifact)
        try:
            is_wheel = file.endswith(".whl")
            return str(parse_wheel_filename(file)[1] if is_wheel else parse_sdist_filename(file)[1])
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
    why = f"{package['name']} has no version"
    raise HelperError("E_LOCK_FILE", "the lock is wrong", why, "pyve lock")


def _need_hashes(packages: Iterable[Mapping[str, Any]]) -> None:
    """See that every package has a hash for each of its files.

    Raises:
        HelperError: E_EXPORT_HASH.
    """
    why = []
    for package in packages:
        artifacts = list(list_artifacts(package))
        if table(package, "vcs") or table(package, "directory"):
            why.append(f"{package['name']} is from {describe_origin(package)}")
        elif not artifacts or not all(map(strong_hash, artifacts)):
            why.append(f"{package['name']} has files without a sha256, sha384 or sha512")
    if why:
        fix = f"{repeat()} --no-hashes"
        why.append("what is no file has no hash, and pip takes hashes for all or for none")
        raise HelperError("E_EXPORT_HASH", "not everything in the lock has a hash", why, fix)
