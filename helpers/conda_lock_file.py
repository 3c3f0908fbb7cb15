"""Writes conda-lock.yml (version 1) through conda-lock, for several platforms, with any engine.

Usage: conda_lock_file.py lock --file environment.yml [--platform P]... [--engine rattler|PATH]
           [--output conda-lock.yml] [--check | --preview] [--upgrade NAME]... [--offline]
           [--cache DIR] [--channel-priority strict|flexible|disabled]
           [--pypi-mapping FILE|URL|none]

PATH is a micromamba, mamba or conda. Platforms whose recorded content hash still fits the
environment.yml are kept as they are, unless something is to be upgraded. What is written depends on
the environment.yml, the channels and the old lock alone; a lock that would not change is not
touched. ``--check`` compares only, without the network; ``--preview`` solves, and writes nothing.
``--pypi-mapping`` says which conda package has which name on the Python index; it is read only when
there is a ``pip:`` section, and ``none`` takes equal names for equal packages.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conda_engine import cache_folder, check_platform, current_platform, priority_of
from pyve_conda.cache_folders import explain_cache, make_index
from pyve_conda.lock_content import (
    check_digests,
    describe_changes,
    replace_file,
    versions_of,
    write_spec,
)
from pyve_conda.lock_failures import explain_locking
from pyve_conda.lock_sides import read_sides, write_preferred
from pyve_core import Answer, HelperError, Options, parse_options, progress, redact, run_helper
from pyve_core.fixes import missing_engine, quote, repeat_without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RATTLER = "rattler"
# The options of this helper, with a value and without.
VALUED = "file platform engine output upgrade cache channel-priority pypi-mapping preferences"
FLAGS = "check offline preview"


def need_conda_lock() -> None:
    """See that conda-lock is there.

    Raises:
        HelperError: E_ENGINE_MISSING.
    """
    try:
        import conda_lock.conda_lock  # noqa: F401
    except ImportError as error:
        raise missing_engine("conda-lock is not in Pyve's toolchain", error) from error


@contextlib.contextmanager
def engine_program(engine: str, settings: dict[str, str]) -> Iterator[str]:
    """Give the program that conda-lock is to call as conda.

    Args:
        engine: "rattler", or the path of a micromamba, mamba or conda.
        settings: environment variables for it.

    Raises:
        HelperError: E_ENGINE_MISSING, E_CONDA_CACHE, E_DISK_FULL.
    """
    if engine != RATTLER:
        if not os.access(engine, os.X_OK):
            raise HelperError(
                "E_ENGINE_MISSING",
                f"not a program: {engine}",
                "it is what was to solve",
                "pyve lock --engine rattler",
            )
        os.environ.update(settings)
        yield engine
        return
    helper = Path(__file__).resolve().with_name("conda_stand_in.py")
    words = [sys.executable, "-E", "-s", "-B", "-X", "utf8", str(helper)]
    # In the cache and not among temporary files, where a program may not be allowed to run.
    cache = Path(settings["PYVE_CONDA_CACHE"])
    with contextlib.ExitStack() as stack:
        try:
            # (The engine would find it out, too, but behind what conda-lock says about it.)
            make_index(cache)
            place = tempfile.TemporaryDirectory(prefix="pyve-lock-", dir=cache)
            program = Path(stack.enter_context(place)) / "pyve-conda"
            program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
            program.chmod(0o700)
        except OSError as error:
            raise explain_cache(error, cache) from error
        os.environ.update(settings)
        yield str(program)


@contextlib.contextmanager
def temporary_folder() -> Iterator[None]:
    """Keep the temporary files of this process together, so that none of conda-lock's is left."""
    os.environ.pop("RUNNER_TEMP", None)
    with tempfile.TemporaryDirectory(prefix="pyve-lock-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = None


@contextlib.contextmanager
def mapping_file(options: Options) -> Iterator[str]:
    """Give the place of the mapping from the Python index to conda, for conda-lock."""
    from conda_lock.lookup import DEFAULT_MAPPING_URL

    wish = options.get("pypi-mapping", "") or os.environ.get("PYVE_PYPI_MAPPING", "")
    if options.has("check") or wish == "none":
        with tempfile.TemporaryDirectory(prefix="pyve-lock-") as folder:
            empty = Path(folder) / "mapping.json"
            empty.write_text("{}", encoding="utf-8")
            yield str(empty)
    else:
        yield wish or DEFAULT_MAPPING_URL


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what conda-lock and its solvers say, unless PYVE_VERBOSE is set."""
    heard = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        if os.environ.get("PYVE_VERBOSE"):
            yield
        else:
            with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(heard):
                yield
    finally:
        logging.disable(logging.NOTSET)


class Locking:
    """One run of conda-lock."""

    def __init__(self, options: Options, mapping: str) -> None:
        """Read environment.yml and the lock that is there.

        Raises:
            HelperError: E_CONDA_SPEC, E_CONDA_PLATFORM.
        """
        from conda_lock.src_parser import make_lock_spec
        from conda_lock.virtual_package import default_virtual_package_repodata

        from pyve_files.environment import read_environment

        self.options = options
        self.mapping = mapping
        self.source = Path(os.path.abspath(options.get("file")))
        output = options.get("output", "") or str(self.source.with_name("conda-lock.yml"))
        self.output = Path(os.path.abspath(output))
        self.environment = read_environment(str(self.source))
        wanted = options.get_all("platform") or self.environment.platforms or [current_platform()]
        self.platforms = sorted({check_platform(platform) for platform in wanted})
        self.check_secrets()
        self.warnings = self.check_pip()
        self.virtual = default_virtual_package_repodata()
        try:
            with quiet():
                self.spec = make_lock_spec(
                    src_files=[self.source], platform_overrides=self.platforms, mapping_url=mapping
                )
        except Exception as error:
            raise self.explain(error) from error
        self.sides: list[Any] = []
        self.old = self.read_old()

    def explain(self, error: Exception) -> HelperError:
        """Turn a failure of conda-lock into a diagnostic."""
        repositories = self.environment.pip_repositories
        return explain_locking(error, self.source.name, self.mapping, repositories)

    def check_secrets(self) -> None:
        """See that no password of a channel would be written into the lock.

        Raises:
            HelperError: E_CONDA_SECRET.
        """
        for channel in self.environment.channels:
            url = re.sub(r"\$(\{\w+\}|\w+)", "", channel)
            login = re.search(r"://([^/@]*)@", url)
            if (login and login.group(1).strip(":")) or re.search(r"/t/[^/]+/", url):
                raise HelperError(
                    "E_CONDA_SECRET",
                    "the lock would hold the password of a channel",
                    [
                        redact(channel),
                        f"write ${{NAME}} in its place in {self.source.name}, and export NAME",
                    ],
                )

    def check_pip(self) -> list[str]:
        """See that conda-lock can do something with the lines for pip.

        Returns:
            Warnings about those that it leaves out.

        Raises:
            HelperError: E_CONDA_SPEC, E_CONDA_OFFLINE.
        """
        warnings = []
        if self.environment.pip and self.options.has("offline") and not self.options.has("check"):
            raise HelperError(
                "E_CONDA_OFFLINE",
                f"{self.source.name} has a pip: section, which cannot be locked offline",
                "what the package index has is not kept",
                repeat_without("--offline"),
            )
        for line in self.environment.pip:
            if line.startswith("-e "):
                warnings.append(f"not in the lock, because it is editable: {redact(line)}")
            elif line.startswith(("-", ".", "/")):
                raise HelperError(
                    "E_CONDA_SPEC",
                    f"a line for pip in {self.source.name} cannot be locked: {redact(line)}",
                    "a lock has requirements only, no options, files and folders: see "
                    f"{self.source.name}, line {self.environment.lines.get(line, 1)}",
                )
        return warnings

    def read_old(self) -> Any:
        """Return the lock that is there, or None when there is none that conda-lock can read."""
        from conda_lock.lockfile import parse_conda_lock_file

        if not self.output.is_file():
            return None
        try:
            with quiet():
                self.sides = read_sides(self.output)
                return self.sides[0] if self.sides else parse_conda_lock_file(self.output)
        except Exception as error:  # conda-lock raises many kinds for a damaged file
            if self.options.has("check") or self.options.get_all("upgrade"):
                raise HelperError(
                    "E_CONDA_LOCK",
                    f"{self.output.name} cannot be read",
                    str(error).strip().splitlines()[:2],
                    "pyve lock",
                ) from error
            return None

    def stale_platforms(self) -> dict[str, str]:
        """Say why platforms have to be solved for: the reason by platform."""
        from conda_lock.content_hash import backwards_compatible_content_hashes

        damaged = self.find_damage()
        sources = self.old.metadata.sources if self.old else []
        gone = [source for source in sources if not (self.output.parent / source).exists()]
        reasons = {}
        if self.sides:
            return dict.fromkeys(self.platforms, "git left conflict marks in it")
        for platform in self.platforms:
            recorded = self.old.metadata.content_hash.get(platform) if self.old else None
            if self.old is None:
                reasons[platform] = f"there is no {self.output.name}"
            elif platform not in self.old.metadata.platforms:
                reasons[platform] = f"{self.output.name} is not for {platform}"
            elif recorded not in backwards_compatible_content_hashes(
                self.spec, self.virtual, platform
            ):
                reasons[platform] = f"{self.source.name} has changed since {platform} was locked"
            elif platform in damaged:
                reasons[platform] = damaged[platform]
            elif gone:
                reasons[platform] = f"{gone[0]}, which it was made from, too, is not there"
        return reasons

    def find_damage(self) -> dict[str, str]:
        """Say what is wrong with entries of the lock, as somebody may have changed it by hand."""
        from pyve_conda.records import check_entry, check_hashes

        damaged = {}
        for package in self.old.package if self.old else ():
            url = re.sub(r"\$(\{\w+\}|\w+)", "x", package.url)
            try:
                if package.manager == "conda":
                    check_entry(package.name, str(package.version), url, self.output.name)
                check_hashes(package.name, package.hash.md5, package.hash.sha256, self.output.name)
            except HelperError as error:
                damaged[package.platform] = f"{error.message}: {error.why[0]}"
        return damaged

    def check(self) -> Answer:
        """Say whether the lock is current."""
        reasons = list(dict.fromkeys(self.stale_platforms().values()))
        if self.old is None:
            status = "missing"
        else:
            gone = sorted(set(self.old.metadata.platforms) - set(self.platforms))
            reasons += [f"{platform} is locked, but not wanted any more" for platform in gone]
            status = "stale" if reasons else "current"
        return {"status": status, "why": list(reasons), "output": str(self.output)}

    def check_upgrades(self, names: Sequence[str]) -> None:
        """See that what is to be upgraded is in the lock.

        Raises:
            HelperError: E_CONDA_MISSING, E_CONDA_LOCK.
        """
        if not names:
            return
        if self.old is None:
            raise HelperError(
                "E_CONDA_LOCK",
                f"there is no {self.output.name}",
                "so there is nothing to upgrade",
                "pyve lock",
            )
        known = {package.name for package in self.old.package}
        for name in names:
            if name not in known:
                import difflib

                near = difflib.get_close_matches(name, sorted(known), 1, 0.6)
                raise HelperError(
                    "E_CONDA_MISSING",
                    f"{name} is not in {self.output.name}",
                    f"did you mean {near[0]}?" if near else "pyve tree shows what it has",
                    f"pyve lock --upgrade {quote(near[0])}" if near else "pyve lock",
                )

    def name_directly(self, names: Sequence[str]) -> Any:
        """Return what to lock with packages named that only others need.

        conda-lock upgrades nothing but what environment.yml names.
        """
        from conda_lock.models.lock_spec import VersionedDependency

        wanted = {platform: list(found) for platform, found in self.spec.dependencies.items()}
        is_same = True
        for package in self.old.package:
            known = wanted.get(package.platform, [])
            if (
                package.manager == "conda"
                and package.name in names
                and package.name not in {dependency.name for dependency in known}
            ):
                category = getattr(package, "category", None) or "main"
                known.append(
                    VersionedDependency(
                        name=package.name, manager="conda", category=category, version="*"
                    )
                )
                is_same = False
        return self.spec if is_same else self.spec.model_copy(update={"dependencies": wanted})

    def solve(self, program: str, platforms: Sequence[str]) -> Any:
        """Solve for some platforms.

        Returns:
            conda-lock's lock file, of all wanted platforms.
        """
        from conda_lock.conda_lock import create_lockfile_from_spec
        from conda_lock.content_hash import compute_content_hashes
        from conda_lock.lockfile.v2prelim.models import UpdateSpecification

        names = self.options.get_all("upgrade")
        # Without names nothing old is given: what has vanished from a channel must not stay.
        old = self.old.package if self.old and names else []
        if self.sides:
            # Those of conda the engine prefers.
            names = []
            old = [one for side in self.sides for one in side.package if one.manager == "pip"]
        spec = self.name_directly(names) if old and names else self.spec
        # As the virtual packages of conda-lock are a context for the whole run.
        with quiet(), self.virtual:
            fresh = create_lockfile_from_spec(
                conda=program,
                spec=spec,
                platforms=list(platforms),
                lockfile_path=self.output,
                update_spec=UpdateSpecification(locked=old, update=names),
                virtual_package_repo=self.virtual,
                mapping_url=self.mapping,
            )
        if spec is not self.spec:
            hashes = compute_content_hashes(self.spec, self.virtual)
            fresh.metadata.content_hash.update({p: hashes[p] for p in platforms})
        if self.old is not None:
            kept = [
                package
                for package in self.old.package
                if package.platform in self.platforms and package.platform not in platforms
            ]
            fresh.package.extend(kept)
        return fresh

    def settings(self) -> dict[str, str]:
        """Return what engines have to know beyond the command line that conda-lock gives them."""
        specs = {
            platform: [write_spec(dep) for dep in dependencies if dep.manager == "conda"]
            for platform, dependencies in self.spec.dependencies.items()
        }
        is_offline = self.options.has("offline")
        others = {"CONDA_FLAGS": "--offline"} if is_offline else {}
        wish = self.options.get("channel-priority", "") or self.environment.channel_priority
        if wish:
            others.update(CONDA_CHANNEL_PRIORITY=wish, MAMBA_CHANNEL_PRIORITY=wish)
        if self.sides:
            file = Path(tempfile.mkdtemp()) / "preferred.json"
            write_preferred(self.sides, file, self.options.get_all("upgrade"))
            others["PYVE_CONDA_PREFERRED"] = str(file)
        if self.options.has("preferences"):
            others["PYVE_CONDA_VERSIONS"] = self.options.get("preferences")
        return {
            **others,
            "PYVE_CONDA_CACHE": str(cache_folder(self.options)),
            "PYVE_CONDA_SOURCE": str(self.source),
            "PYVE_CONDA_SPECS": json.dumps(specs),
            "PYVE_CONDA_PRIORITY": priority_of(self.options, self.environment),
            "PYVE_CONDA_OFFLINE": "1" if is_offline else "",
        }

    def render(self, content: Any) -> bytes:
        """Return the bytes of a lock file."""
        from conda_lock.lockfile import write_conda_lock_file

        content.metadata.platforms = sorted(self.platforms)
        content.metadata.content_hash = dict(sorted(content.metadata.content_hash.items()))
        with tempfile.TemporaryDirectory(prefix="pyve-lock-") as folder:
            file = Path(folder) / self.output.name
            write_conda_lock_file(content, file, metadata_choices=None)
            return file.read_bytes()

    def lock(self) -> Answer:
        """Write the lock."""
        names = self.options.get_all("upgrade")
        self.check_upgrades(names)
        stale = self.platforms if names else sorted(self.stale_platforms())
        before = versions_of(self.old, self.platforms)
        changed = False
        content = self.old
        is_narrower = self.old is not None and set(self.old.metadata.platforms) != set(
            self.platforms
        )
        if stale or is_narrower:
            progress(f"locking {', '.join(stale)}" if stale else "locking")
            # (Others cannot be told which versions are preferred.)
            prefers = bool(self.sides) or self.options.has("preferences")
            engine = RATTLER if prefers else self.options.get("engine", RATTLER)
            try:
                with engine_program(engine, self.settings()) as program:
                    content = self.solve(program, stale)
            except HelperError:
                raise
            except Exception as error:
                raise self.explain(error) from error
            check_digests(content)
            data = self.render(content)
            changed = not self.output.is_file() or self.output.read_bytes() != data
            if changed and not self.options.has("preview"):
                replace_file(self.output, data)
        after = versions_of(content, self.platforms)
        counts = {p: sum(key[0] == p for key in after) for p in self.platforms}
        return {
            "output": str(self.output),
            "changed": changed,
            "platforms": list(self.platforms),
            "locked": list(stale),
            "kept": [platform for platform in self.platforms if platform not in stale],
            "content_hash": {p: content.metadata.content_hash[p] for p in self.platforms},
            "packages": {**counts},
            "upgraded": list(describe_changes(before, after)) if self.old else [],
            "warnings": [*self.warnings],
        }


def main(argv: list[str]) -> Answer:
    """Do what the arguments say."""
    options = parse_options(argv, VALUED, FLAGS)
    if options.words != ["lock"]:
        raise HelperError("E_HELPER_USAGE", "the word lock is needed")
    os.environ.setdefault("PYVE_AGAIN", "pyve lock")
    need_conda_lock()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with temporary_folder(), mapping_file(options) as mapping:
        locking = Locking(options, mapping)
        return locking.check() if options.has("check") else locking.lock()


if __name__ == "__main__":
    exit_status = run_helper(main)
    sys.stderr.flush()
    # Not sys.exit: the threads of py-rattler do not survive the end of the interpreter.
    os._exit(exit_status)
