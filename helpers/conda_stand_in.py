"""Answers conda's command line, as far as conda-lock uses it, with the built-in engine.

Usage: conda_stand_in.py create --prefix P --dry-run --json [--override-channels]
           [--channel URL]... SPEC...
       conda_stand_in.py install|update -p P --dry-run --json [--channel URL]... SPEC...
       conda_stand_in.py list [--no-pip] -p P --json
       conda_stand_in.py info --json

Nothing is installed. Platform and virtual packages come from the environment variables CONDA_SUBDIR
and CONDA_OVERRIDE_*, as they do for conda. PYVE_CONDA_SOURCE is the environment.yml,
PYVE_CONDA_SPECS what it asks for (a JSON object of lists by platform), PYVE_CONDA_CACHE the cache,
PYVE_CONDA_PRIORITY the priority of channels, PYVE_CONDA_PREFERRED a file with the packages that
are preferred, PYVE_CONDA_VERSIONS one with versions that are, and PYVE_CONDA_OFFLINE is set when
the network may not be used. A failure is one JSON document with Pyve's diagnostic below "pyve".
Source: conda-lock's conda_solver.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyve_core import HelperError
from pyve_core.answers import describe_accident, describe_error

VALUED = ("--prefix", "-p", "--channel", "-c", "--name", "-n")


def read_arguments(argv: list[str]) -> tuple[str, dict[str, list[str]], list[str]]:
    """Take the command line apart: the command, the options with a value, the specifications."""
    values: dict[str, list[str]] = {}
    specs = []
    rest = iter(argv[1:])
    for word in rest:
        if word in VALUED:
            values.setdefault(word.lstrip("-")[0], []).append(next(rest, ""))
        elif not word.startswith("-"):
            specs.append(word)
    return argv[0], values, specs


def read_virtual_channel(url: str, platform: str) -> dict[str, tuple[str, str]] | None:
    """Read the channel by which conda-lock says which virtual packages there are.

    Returns:
        Version and build of each; the newest, when there are several. None for a real channel.
    """
    from rattler import Version

    from pyve_conda.fetch import local_path

    folder = local_path(url)
    found: dict[str, tuple[str, str]] = {}
    if folder is None or not folder.name.startswith("conda-lock-fake-repodata-"):
        return None
    for subdir in (platform, "noarch"):
        file = folder / subdir / "repodata.json"
        if file.is_file():
            for record in json.loads(file.read_text(encoding="utf-8"))["packages"].values():
                name, version = record["name"], record["version"]
                if name not in found or Version(version) > Version(found[name][0]):
                    found[name] = (version, record["build_string"] or "0")
    return found


def read_installed(prefix: Path) -> dict[str, dict[str, Any]]:
    """Read the records of the prefix that conda-lock makes of a lock, by name."""
    records = {}
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        records[str(record["name"])] = {**record, "path": path}
    return records


def make_record(entry: dict[str, Any]) -> Any:
    """Make a record of py-rattler of a package in that prefix."""
    from rattler import PackageRecord, RepoDataRecord

    plain = PackageRecord.from_index_json(entry["path"])
    return RepoDataRecord(plain, entry["fn"], entry["url"], entry["channel"])


def list_installed(prefix: Path) -> list[dict[str, Any]]:
    """Answer ``list``."""
    return [
        {
            "base_url": str(record["channel"]).rpartition("/")[0],
            "channel": record["channel"],
            "dist_name": f"{name}-{record['version']}-{record['build']}",
            "name": name,
            "platform": record["subdir"],
            "version": record["version"],
        }
        for name, record in read_installed(prefix).items()
    ]


def source_specs(platform: str) -> list[str]:
    """Return the dependencies in environment.yml, so that an update keeps to them, too."""
    specs: list[str] = json.loads(os.environ.get("PYVE_CONDA_SPECS") or "{}").get(platform, [])
    return specs


async def solve(command: str, values: dict[str, list[str]], specs: list[str]) -> dict[str, Any]:
    """Answer ``create``, ``install`` and ``update``: what would be fetched and linked.

    Raises:
        HelperError: as the solver.
    """
    from rattler import Subdir

    from pyve_conda.channels import DEFAULT_CHANNEL, split_archive_url
    from pyve_conda.lock_sides import find_preferred, read_preferred, read_versions
    from pyve_conda.solve import DEFAULT_PRIORITY, Question, Solver
    from pyve_conda.virtual import default_virtual_packages, make_generic

    platform = os.environ.get("CONDA_SUBDIR") or str(Subdir.current())
    channels, virtual = [], default_virtual_packages(platform)
    for url in values.get("c", []):
        packages = read_virtual_channel(url, platform)
        if packages is None:
            channels.append(url)
        else:
            virtual = packages
    installed: dict[str, Any] = {}
    kept: list[Any] = []
    names: set[str] = set()
    if command != "create":
        installed = read_installed(Path(values["p"][0]))
        names = {spec.split("::")[-1].split("[")[0].split("=")[0].split(" ")[0] for spec in specs}
        kept = [make_record(entry) for name, entry in installed.items() if name not in names]
        specs = [*specs, *source_specs(platform), *sorted(set(installed) - names)]
    question = Question(
        specs=list(dict.fromkeys(specs)),
        channels=channels or [DEFAULT_CHANNEL],
        platform=platform,
        cache=Path(os.environ["PYVE_CONDA_CACHE"]),
        priority=os.environ.get("PYVE_CONDA_PRIORITY") or DEFAULT_PRIORITY,
        offline=bool(os.environ.get("PYVE_CONDA_OFFLINE")),
        source=os.path.basename(os.environ.get("PYVE_CONDA_SOURCE") or "environment.yml"),
        kept=kept,
        extra_virtual=make_generic(virtual),
    )
    preferred = read_preferred(os.environ.get("PYVE_CONDA_PREFERRED", ""), platform)
    versions = read_versions(os.environ.get("PYVE_CONDA_VERSIONS", ""))
    if (preferred or versions) and command == "create":
        found = await find_preferred(Solver(question), preferred, versions)
        question = replace(question, kept=found)
    actions = []
    for record in await Solver(question).solve():
        name = record.name.normalized
        # (What is to be upgraded is told in any case: its digest in the lock may be what is wrong.)
        if name in installed and name not in names and installed[name]["url"] == record.url:
            continue
        channel, subdir, file_name = split_archive_url(record.url)
        action = json.loads(record.to_json())
        action.update(name=name, url=record.url, fn=file_name, subdir=subdir)
        action.update(channel=f"{channel}/{subdir}", base_url=channel, platform=subdir)
        action.update(dist_name=file_name.replace(".tar.bz2", "").replace(".conda", ""))
        actions.append(action)
    return {"success": True, "dry_run": True, "actions": {"FETCH": actions, "LINK": actions}}


def answer(argv: list[str]) -> Any:
    """Answer one command line."""
    command, values, specs = read_arguments(argv)
    if command == "list":
        return list_installed(Path(values["p"][0]))
    if command in ("create", "install", "update"):
        return asyncio.run(solve(command, values, specs))
    return {"pkgs_dirs": [], "package cache": []}


def main() -> int:
    """Answer on stdout, and return the exit status."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    status = 0
    try:
        result = answer(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as accident:  # conda-lock is to get an answer whatever happens
        error = accident if isinstance(accident, HelperError) else describe_accident(accident)
        result, status = {"message": error.message, "pyve": describe_error(error)}, 1
    with open(stdout, "w", encoding="utf-8") as stream:
        json.dump(result, stream)
    return status


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    # Not sys.exit: the threads of py-rattler do not survive the end of the interpreter.
    os._exit(exit_status)
