"""Whether a conda-lock.yml was made from what environment.yml says now."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pyve_core import HelperError, redact
from pyve_files import content_hash
from pyve_files.environment import CODE, LIMIT, Environment, EnvironmentReader, split_name
from pyve_files.lock import LockReader
from pyve_files.nodes import YamlFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pyve_files.lock import Lock, LockedPackage


def read_for_lock(path: str, platform: str) -> Environment:
    """Read an environment.yml as conda-lock does: comments may reserve lines for a platform."""
    if platform not in content_hash.ARCHITECTURES:
        raise content_hash.Unsupported(f"conda-lock has no platform {platform}")
    reader = EnvironmentReader(path, platform)
    return reader.read(content_hash.filter_lines(reader.file.text, platform))


def find_sources(path: str, lock_path: str, lock: Lock) -> list[str]:
    """Give the files that a lock was made from: ``path``, and the others that it names.

    Raises:
        Unsupported: one of them is no environment.yml.
        HelperError: E_LOCK_SOURCE, one of them is gone.
    """
    if len(lock.sources) <= 1:
        return [path]
    folder = os.path.dirname(os.path.abspath(lock_path))
    found = []
    for source in lock.sources:
        place = os.path.normpath(os.path.join(folder, source))
        if os.path.basename(place) in ("pyproject.toml", "meta.yaml"):
            raise content_hash.Unsupported(f"the lock was made from {source}, too")
        if not os.path.exists(place):
            raise HelperError(
                "E_LOCK_SOURCE",
                f"the lock was made from {source}, too, which is not there",
                f"looked for {place}; a new lock is made from {os.path.basename(path)} alone",
                "pyve lock",
            )
        found.append(path if os.path.samefile(place, path) else place)
    return found


def find_own_virtual_packages(folder: str) -> str:
    """Give the file that conda-lock takes virtual packages from, or "" when there is none."""
    for name in ("virtual-packages.yml", "virtual-packages.yaml"):
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return ""


def read_own_virtual_packages(path: str, platform: str) -> content_hash.VirtualPackages:
    """Give the virtual packages that a virtual-packages.yml sets for a platform."""
    file = YamlFile(path, CODE, LIMIT)
    root = file.compose()
    found = []
    for key in ("subdirs", platform, "packages"):
        if root is None:
            return []
        pair = file.read_mapping(root, f"what holds '{key}'").get(key)
        root = pair[1] if pair else None
    for name, (_, value) in file.read_mapping(root, "'packages'").items() if root else ():
        version, _, build_string = file.read_text(value, f"'{name}'").partition(" ")
        found.append((name, version, build_string))
    return found


def list_hashes(paths: list[str], platform: str, lock: Lock | None, folder: str) -> Iterator[str]:
    """Give the content hashes of a current lock; what conda-lock records today comes first.

    Args:
        paths: the files that the lock is made from.
        platform: conda's name of the platform.
        lock: the lock, where there is one: its channels count where the files name none.
        folder: where conda-lock is run: it reads virtual-packages.yml there.

    Raises:
        Unsupported: it takes conda-lock to tell.
        HelperError: one of the files is wrong.
    """
    environments = [read_for_lock(path, platform) for path in paths]
    # What is named in several files has to be the same, or the end of the longest list.
    channels = max((environment.channels for environment in environments), key=len)
    if not channels and lock is not None:
        channels = lock.channels
    place = find_own_virtual_packages(folder)
    own = read_own_virtual_packages(place, platform) if place else None
    return content_hash.list_content_hashes(environments, channels, platform, own)


def ask_conda_lock(paths: list[str], platform: str, folder: str) -> tuple[Any, list[Any]]:
    """Let conda-lock read the files, where the toolchain has it.

    Returns:
        What it was asked for, and the virtual packages that it may assume; the usual ones first.

    Raises:
        ImportError: it is not there.
        HelperError: it refuses the files.
    """
    import pathlib
    import tempfile

    from conda_lock import virtual_package
    from conda_lock.src_parser import make_lock_spec

    own = find_own_virtual_packages(folder)
    with tempfile.TemporaryDirectory(prefix="pyve-") as temporary:
        # Names of distributions matter for other kinds of files only: so nothing is downloaded.
        mapping = os.path.join(temporary, "mapping.json")
        with open(mapping, "w", encoding="utf-8") as stream:
            stream.write("{}")
        try:
            spec = make_lock_spec(
                src_files=[pathlib.Path(path) for path in paths],
                platform_overrides=[platform],
                mapping_url=mapping,
            )
            if own:
                read = virtual_package.virtual_package_repo_from_specification
                return spec, [read(pathlib.Path(own))]
            make = virtual_package.default_virtual_package_repodata
            return spec, [make(cuda_version=cuda) for cuda in ("default", "")]
        except Exception as error:  # of any kind: it is another program
            raise HelperError(
                CODE, f"conda-lock cannot read {' and '.join(paths)}", str(error).splitlines()[:1]
            ) from error


def hash_now(paths: list[str], platform: str, folder: str) -> str:
    """Give the content hash that conda-lock itself would record."""
    spec, repositories = ask_conda_lock(paths, platform, folder)
    from conda_lock.content_hash import compute_content_hashes

    return str(compute_content_hashes(spec, repositories[0])[platform])


def hash_by_conda_lock(paths: list[str], platform: str, folder: str) -> set[str]:
    """Give all content hashes that conda-lock itself takes for current."""
    spec, repositories = ask_conda_lock(paths, platform, folder)
    from conda_lock.content_hash import backwards_compatible_content_hashes

    found: set[str] = set()
    for repository in repositories:
        found |= backwards_compatible_content_hashes(spec, repository, platform)
    return found


def find_status(path: str, lock_path: str, platform: str) -> dict[str, Any]:
    """Compare a lock with the file that it was made from.

    Args:
        path: environment.yml.
        lock_path: conda-lock.yml.
        platform: conda's name of the platform that matters.

    Returns:
        ``status``: current, stale, no-hash (the lock records none for the platform),
        platform-missing, or unknown (it takes conda-lock to tell); ``why``; ``platforms``.

    Raises:
        HelperError: one of the files is wrong.
    """
    reader = LockReader(lock_path)
    lock = reader.read_head()
    answer: dict[str, Any] = {"status": "current", "why": [], "platforms": lock.platforms}
    if platform not in lock.platforms:
        answer["status"] = "platform-missing"
        answer["why"] = [f"it is made for {', '.join(lock.platforms)}, not for {platform}"]
        return answer
    recorded = lock.content_hash.get(platform)
    # A file that is wrong is an error whatever the lock says.
    environment = EnvironmentReader(path, platform).read()
    if not recorded:
        answer["status"] = "no-hash"
        answer["why"] = [f"the lock records no content hash for {platform}"]
        return answer
    folder = os.path.dirname(os.path.abspath(lock_path))
    paths: list[str] = []
    try:
        paths = find_sources(path, lock_path, lock)
        if recorded in list_hashes(paths, platform, lock, folder):
            return answer
    except content_hash.Unsupported as error:
        why = [str(error)]
        try:
            if paths and recorded in hash_by_conda_lock(paths, platform, folder):
                return answer
        except ImportError:
            paths = []
        except HelperError as refusal:
            paths, why = [], [refusal.message, *refusal.why[:1]]
        if not paths:
            answer.update(status="unknown", why=why)
            return answer
    except HelperError as error:
        if error.code != "E_LOCK_SOURCE":
            raise
        answer.update(status="stale", why=[error.message])
        return answer
    answer["status"] = "stale"
    answer["why"] = list_differences(path, environment, reader.read(), platform)
    return answer


def list_differences(path: str, environment: Environment, lock: Lock, platform: str) -> list[str]:
    """Say in what a lock differs from the file, as far as that can be seen without solving."""
    found = []
    shown = os.path.basename(path)
    channels = [redact(channel) for channel in environment.channels]
    locked = [redact(channel) for channel in lock.channels]
    if channels and locked and channels != locked:
        found.append(f"channels: {', '.join(channels)}; in the lock: {', '.join(locked)}")
    packages = {
        (package.manager, normalize_name(package.name)): package
        for package in lock.packages
        if package.platform == platform
    }
    for spec in environment.dependencies:
        name, constraint = split_name(spec)
        package = packages.get(("conda", normalize_name(name)))
        where = f"{shown}, line {environment.lines.get(spec, 1)}"
        if name and package is None:
            found.append(f"{name} is not in the lock ({where})")
        elif package is not None and not may_fit(constraint, package):
            found.append(f"{spec} ({where}), but the lock has {package.name} {package.version}")
    for line in environment.pip:
        match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
        if match and ("pip", normalize_name(match.group())) not in packages:
            where = f"{shown}, line {environment.lines.get(line, 1)}"
            found.append(f"{match.group()}, for pip, is not in the lock ({where})")
    if len(found) > 6:
        found[5:] = [f"and {len(found) - 5} more"]
    return found or [
        f"{shown} does not ask for the same as when the lock was made (a version, a channel, or "
        "a dependency that was taken out)"
    ]


def normalize_name(name: str) -> str:
    """Write a name so that those that are the same compare equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def may_fit(constraint: str, package: LockedPackage) -> bool:
    """Tell whether a locked version may be what a spec asks for; only plain versions are judged."""
    match = re.match(r"(==?)?\s*([A-Za-z0-9_.]+)(\.?\*)?(?:[ =]([A-Za-z0-9_]+))?$", constraint)
    if match is None:
        return True
    operator, version, star, build = match.groups()
    if build and package.build and build != package.build:
        return False
    if operator == "=" or star:
        return package.version == version or package.version.startswith(version + ".")
    return package.version == version or not re.search(r"\d", version)
