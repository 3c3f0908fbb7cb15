"""Which files of a ``pylock.toml`` (PEP 751) a machine needs, and what building some of them needs.

Source: PEP 751, "Installing"; PEP 517 and 518 for what a build needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_core.fixes import repeat_without
from pyve_locks.download import Wanted
from pyve_locks.lock_file import LockFile, parse_lock
from pyve_locks.origins import file_name, is_project, strong_hash, table
from pyve_locks.selection import select
from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.uv_run import run_uv, uv_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pyve_locks.targets import Target

__all__ = [
    "Choice",
    "choose_files",
    "lock_build",
    "read_build_requires",
    "refuse_builds",
]

# What a source tree needs that does not say so (PEP 518).
LEGACY = ("setuptools >= 40.8.0",)


@dataclass
class Choice:
    """What is to be fetched.

    Attributes:
        files: by name.
        sources: names of files that have to be built (paths, for those beside the lock) -> the
            Pythons they are built with.
        trees: folders beside the lock that have to be built, as it names them -> Pythons.
        repositories: (name, URL, commit, folder in it) -> Pythons.
    """

    files: dict[str, Wanted] = field(default_factory=dict)
    sources: dict[str, set[str]] = field(default_factory=dict)
    trees: dict[str, set[str]] = field(default_factory=dict)
    repositories: dict[tuple[str, str, str, str], set[str]] = field(default_factory=dict)

    @property
    def builds(self) -> list[str]:
        """What has to be built, sorted, as people know it."""
        return sorted([*self.sources, *self.trees, *(one[0] for one in self.repositories)])

    def add(self, artifact: Mapping[str, Any]) -> None:
        """Take a file, unless it is beside the lock, and so comes with the project.

        Raises:
            HelperError: E_LOCK_FILE when it has no digest, or its name means two files.
        """
        if not artifact.get("url"):
            return
        name = file_name(artifact)
        algorithm, _, digest = strong_hash(artifact).partition(":")
        if not digest or not name or "/" in name or name.startswith("."):
            raise HelperError(
                "E_LOCK_FILE", f"the lock has no digest of '{name}'", "nobody could verify it"
            )
        wanted = Wanted(name, str(artifact["url"]), digest, algorithm)
        if self.files.setdefault(name, wanted).digest != digest:
            raise HelperError(
                "E_LOCK_FILE",
                f"the lock has two files of the name {name}",
                ["a folder has room for one", wanted.url, self.files[name].url],
            )

    def add_source(self, artifact: Mapping[str, Any], target: Target) -> None:
        """Take down that a file has to be built."""
        name = file_name(artifact) if artifact.get("url") else str(artifact.get("path"))
        self.sources.setdefault(name, set()).add(target.version)


def choose_files(
    lock: LockFile,
    targets: Sequence[Target],
    extras: Iterable[str] = (),
    groups: Iterable[str] | None = None,
) -> Choice:
    """Choose from a lock what some machines need.

    Args:
        lock: a ``pylock.toml``.
        targets: the machines, with their Pythons.
        extras: those chosen.
        groups: those chosen; None for those that the lock has as default.

    Returns:
        Of each package all wheels that fit a machine; where none does, its source distribution.

    Raises:
        HelperError: E_SYNC_PLATFORM, E_LOCK_FILE, E_GROUP_UNKNOWN.
    """
    choice = Choice()
    for package, marker in select(lock, extras, groups):
        if is_project(package):
            continue
        for target in targets:
            if target.holds(marker):
                _choose_package(choice, package, target)
    return choice


def _choose_package(choice: Choice, package: Mapping[str, Any], target: Target) -> None:
    name = f"{package['name']} {package.get('version', '')}".rstrip()
    vcs, directory, archive = (table(package, key) for key in ("vcs", "directory", "archive"))
    if vcs.get("url"):
        inside = str(vcs.get("subdirectory") or "")
        key = (str(package["name"]), str(vcs["url"]), str(vcs.get("commit-id", "")), inside)
        choice.repositories.setdefault(key, set()).add(target.version)
        return
    if vcs or directory:
        part = vcs or directory
        path = "/".join(filter(None, (str(part.get("path")), str(part.get("subdirectory") or ""))))
        choice.trees.setdefault(path, set()).add(target.version)
        return
    if archive:
        choice.add(archive)
        if not file_name(archive).endswith(".whl"):
            choice.add_source(archive, target)
        return
    wheels = [wheel for wheel in package.get("wheels") or () if target.fits(file_name(wheel))]
    for wheel in wheels:
        choice.add(wheel)
    if wheels:
        return
    sdist = table(package, "sdist")
    if not sdist:
        has = [file_name(wheel) for wheel in package.get("wheels") or ()][:5]
        raise HelperError(
            "E_SYNC_PLATFORM",
            f"the lock has nothing of {name} for {target}",
            [f"it has {one}" for one in has],
        )
    choice.add(sdist)
    choice.add_source(sdist, target)


def refuse_builds(choice: Choice) -> None:
    """See that nothing has to be built.

    Raises:
        HelperError: E_SYNC_BUILD.
    """
    if choice.builds:
        again = repeat_without("--only-binary")
        raise HelperError(
            "E_SYNC_BUILD",
            "a package has no wheel, and nothing may be built",
            [f"{name} would have to be built" for name in choice.builds[:5]],
            again if again != repeat_without("") else "",
        )


# --- what building needs


def read_build_requires(text: str | None) -> tuple[str, ...]:
    """Read what building a source tree needs from its ``pyproject.toml``; None: it has none.

    What a build backend asks for only while it runs is not among it: see build_hooks.
    """
    try:
        content = parse_toml(text or "")
    except (TomlError, ValueError):
        return LEGACY
    system = content.get("build-system")
    requires = system.get("requires") if isinstance(system, dict) else None
    if not isinstance(requires, list):
        return LEGACY
    return tuple(str(one) for one in requires)


def lock_build(
    uv: str, root: Path, requires: Sequence[str], version: str, environ: Mapping[str, str]
) -> LockFile:
    """Solve for what a build needs, with the indexes of the project; from wheels alone.

    Args:
        uv: its path.
        root: the project.
        requires: requirements.
        version: of Python, as 3.12.
        environ: environment variables.

    Returns:
        A lock for all platforms, whose digests are those of the index.

    Raises:
        HelperError: E_SYNC_BUILD, and those of uv.
    """
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="pyve-build-") as folder:
        file = Path(folder) / "build.in"
        file.write_text("".join(f"{one}\n" for one in requires), encoding="utf-8")
        words = ["pip", "compile", str(file), "--universal", "--format=pylock.toml", "--quiet"]
        words += [f"--python-version={version.rstrip('t')}", "--only-binary=:all:", "--no-header"]
        try:
            said, _ = run_uv(uv, words, root, uv_environment(environ))
        except HelperError as error:
            if not error.code.startswith("E_RESOLVE_"):
                raise
            wish = ", ".join(requires)
            raise HelperError(
                "E_SYNC_BUILD", f"what a build needs cannot be had: {wish}", error.why
            ) from error
    return parse_lock(said, Path("pylock.toml"))
