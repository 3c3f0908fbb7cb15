"""The built-in engine for conda environments: solves, fetches, links, lists, verifies, removes.

Usage: conda_engine.py create --prefix P --from FILE [--platform PLATFORM]
           [--channel-priority strict|flexible|disabled] [--offline] [--cache DIR]
           [--category NAME]... [--archives DIR]... [--link-scripts]
       conda_engine.py solve --from FILE [--platform PLATFORM]... [--channel-priority ...]
           [--offline] [--cache DIR]
       conda_engine.py list --prefix P
       conda_engine.py verify --prefix P [--quick]
       conda_engine.py remove --prefix P

``create`` takes an environment.yml, a conda-lock.yml (version 1), or a prefix whose packages are to
be there again. It says on stderr how far it is: ``solving``, ``fetching N of M NAME``, ``linking N
of M NAME``. It leaves nothing when it fails. ``pip:`` sections are answered, not installed. The
scripts that packages have for being linked are run with ``--link-scripts`` only: they are anybody's
code.

``create`` and ``solve`` need py-rattler; the others only the standard library.
"""

from __future__ import annotations

import signal

# Until there is something to clean up, Ctrl-C just ends this, also while modules are read: a
# traceback helps nobody. (Hence imports below it.)
# ruff: noqa: E402
signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyve_core import Answer, HelperError, Options, Value, parse_options, redact, run_helper
from pyve_core.fixes import let_read, missing_engine, quote, remake_toolchain, repeat

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyve_conda.fetch import Cache, Item
    from pyve_conda.solve import Solver
    from pyve_files.environment import Environment


def cache_folder(options: Options) -> Path:
    """Return the folder of the cache: --cache, PYVE_CONDA_CACHE, or below XDG_CACHE_HOME."""
    place = options.get("cache", "") or os.environ.get("PYVE_CONDA_CACHE", "")
    if not place:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        place = os.path.join(base, "pyve", "conda")
    return Path(os.path.abspath(place))


def need_rattler() -> str:
    """Return the version of py-rattler.

    Raises:
        HelperError: E_ENGINE_MISSING.
    """
    try:
        import rattler
    except ImportError as error:
        message = "the built-in engine is not in Pyve's toolchain"
        raise missing_engine(message, error) from error
    if not hasattr(rattler, "PackageCache"):
        raise HelperError(
            "E_ENGINE_MISSING",
            f"py-rattler {rattler.__version__} is too old for the built-in engine",
            "0.28 is needed, which needs Python 3.10",
            remake_toolchain(),
        )
    # A deprecated or a tolerated thing is no business of whoever makes an environment.
    import warnings

    warnings.simplefilter("ignore")
    return str(rattler.__version__)


def is_lock(path: Path) -> bool:
    """Tell by its content whether a file is a conda-lock.yml.

    Raises:
        HelperError: E_CONDA_FILE when it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise HelperError(
            "E_CONDA_FILE",
            f"cannot read {path}",
            [error.strerror or str(error), "it has to be a file that you may read"],
            let_read(path),
        ) from error
    return bool(re.search(r"^package:", text, re.M) and re.search(r"^metadata:", text, re.M))


def current_platform() -> str:
    """Return conda's name of this machine's platform, or CONDA_SUBDIR when that is set."""
    from rattler import Subdir

    return os.environ.get("CONDA_SUBDIR") or str(Subdir.current())


def check_platform(platform: str) -> str:
    """Return the name of a platform.

    Raises:
        HelperError: E_CONDA_PLATFORM when conda has no such platform.
    """
    from rattler import Subdir

    names = [str(subdir) for subdir in Subdir.all()]
    if platform not in names:
        if platform == os.environ.get("CONDA_SUBDIR"):
            fix = repeat("CONDA_SUBDIR")
        else:
            import difflib

            usual = [name for name in names if name.startswith(("linux-64", "linux-aarch", "osx"))]
            near = difflib.get_close_matches(platform, usual, 1, 0.5) or [str(Subdir.current())]
            fix = f"pyve lock --platform {near[0]}"
        raise HelperError(
            "E_CONDA_PLATFORM",
            f"conda has no platform {platform}",
            "usual ones: linux-64, linux-aarch64, osx-64, osx-arm64, win-64",
            fix,
        )
    return platform


class Wish:
    """What ``create`` is to make, whatever it was read from.

    Attributes:
        source: "environment", "lock" or "prefix".
        file: what it was read from, for people.
        platform: of the environment.
        items: exact packages; None while they have to be solved for.
        environment: what environment.yml says, or None.
        answer: what is known for the answer already.
    """

    def __init__(self, options: Options) -> None:
        """Read the file.

        Raises:
            HelperError: as reading and checking it does.
        """
        path = Path(options.get("from"))
        self.file = path.name
        self.items: list[Item] | None = None
        self.environment: Environment | None = None
        self.answer: dict[str, Value] = {"pip": [], "pip_no_deps": False, "needs_pip": False}
        platform = options.get("platform", "")
        if path.is_dir():
            self.source = "prefix"
            self._read_prefix(path, platform)
        elif is_lock(path) or path.name.endswith(("-lock.yml", "-lock.yaml")):
            # (A damaged lock has no content to be known by.)
            self.source = "lock"
            self._read_lock(path, check_platform(platform or current_platform()), options)
        else:
            self.source = "environment"
            self.platform = check_platform(platform or current_platform())
            self._read_environment(path)

    def _read_prefix(self, path: Path, platform: str) -> None:
        from pyve_conda.records import items_of_prefix

        self.items, found = items_of_prefix(path)
        self.platform = platform or found or current_platform()

    def _read_lock(self, path: Path, platform: str, options: Options) -> None:
        from pyve_conda.records import items_of_lock, pip_lines, select_packages, take_from
        from pyve_files.lock import read_lock

        self.platform = platform
        lock = read_lock(str(path))
        if platform not in lock.platforms:
            raise HelperError(
                "E_CONDA_PLATFORM",
                f"{path.name} is not for {platform}",
                f"it is for {', '.join(lock.platforms)}",
                f"pyve lock --platform {' --platform '.join([platform, *lock.platforms])}",
            )
        packages = select_packages(lock.packages, platform, options.get_all("category"))
        self.items = items_of_lock(packages, path.name)
        folders = [Path(folder) for folder in options.get_all("archives")]
        take_from(folders, self.items)
        self.answer.update(pip=[*pip_lines(packages, folders)], pip_no_deps=True)

    def _read_environment(self, path: Path) -> None:
        from pyve_files.environment import read_environment

        self.environment = read_environment(str(path), self.platform)
        self.answer.update(pip=[*self.environment.pip], needs_pip=needs_pip(self.environment))


def needs_pip(environment: Environment) -> bool:
    """Tell whether there is a pip: section, but no pip among the dependencies."""
    from pyve_files.environment import split_name

    names = {split_name(spec)[0] for spec in environment.dependencies}
    return bool(environment.pip) and "pip" not in names


def specs_of(environment: Environment) -> list[str]:
    """Return the dependencies to solve for; pip is one when there is a pip: section."""
    return [*environment.dependencies, *(["pip"] if needs_pip(environment) else [])]


def channels_of(environment: Environment, warnings: list[str]) -> list[str]:
    """Return the channels to take, and say so when the file names none.

    Raises:
        HelperError: E_CONDA_CHANNEL when the file says nodefaults, and nothing else.
    """
    from pyve_conda.channels import DEFAULT_CHANNEL

    if environment.channels:
        return environment.channels
    if environment.nodefaults:
        raise HelperError(
            "E_CONDA_CHANNEL",
            "environment.yml has no channel but nodefaults",
            [
                "there is nowhere to take packages from",
                f"add one below channels: in environment.yml, such as {DEFAULT_CHANNEL}",
            ],
        )
    warnings.append(f"environment.yml names no channels; {DEFAULT_CHANNEL} is taken")
    return [DEFAULT_CHANNEL]


def priority_of(options: Options, environment: Environment) -> str:
    """Return the channel priority: the option, what environment.yml says, or that of conda."""
    from pyve_conda.solve import DEFAULT_PRIORITY, PRIORITIES

    priority = options.get("channel-priority", "") or environment.channel_priority
    priority = priority or DEFAULT_PRIORITY
    if priority not in PRIORITIES:
        raise HelperError(
            "E_CONDA_SPEC",
            f"no channel priority: {priority}",
            f"it is one of {', '.join(PRIORITIES)}; mend it in environment.yml",
        )
    return priority


def make_solver(
    options: Options, environment: Environment, platform: str, warnings: list[str]
) -> Solver:
    """Return the solver for an environment.yml and a platform."""
    from pyve_conda.solve import Question, Solver

    path = Path(options.get("from"))
    return Solver(
        Question(
            specs=specs_of(environment),
            channels=channels_of(environment, warnings),
            platform=platform,
            cache=cache_folder(options),
            priority=priority_of(options, environment),
            offline=options.has("offline"),
            folder=str(path.parent),
            is_for_lock=options.words[:1] == ["solve"],
            source=path.name,
        )
    )


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run asynchronous work. Ctrl-C ends it at once."""
    import asyncio

    return asyncio.run(work)


async def make_environment(
    wish: Wish, options: Options, prefix: Path, cache: Cache, warnings: list[str]
) -> Answer:
    """Solve, fetch and link; the prefix is marked as unfinished meanwhile."""
    from pyve_conda.fetch import Fetcher, item_of
    from pyve_conda.link import find_link_scripts, finish, link, write_variables
    from pyve_conda.solve import describe_record, make_client

    specs: dict[str, str] = {}
    shown: list[str] = []
    items = wish.items
    environment = wish.environment
    if environment is not None:
        solver = make_solver(options, environment, wish.platform, warnings)
        wish.items = items = [item_of(record) for record in await solver.solve()]
        specs = {wanted.name: redact(wanted.text) for wanted in solver.wanted}
        shown = [redact(name) for name in solver.channels.names]
    assert items is not None, "a lock or a prefix says what it has"
    fetcher = Fetcher(cache, make_client(), options.has("offline"))
    await fetcher.fetch(items)
    with_scripts = options.has("link-scripts")
    await link(prefix, items, cache, wish.platform, with_scripts)
    finish(prefix, items, specs, ["pyve", "create", "--from", wish.file])
    if environment is not None:
        write_variables(prefix, environment.variables)
    for item in items:
        item.record.url = item.url
    packages = sorted((describe_record(item.record) for item in items), key=lambda p: p["name"])
    versions = {package["name"]: package["version"] for package in packages}
    skipped = [] if with_scripts else find_link_scripts(prefix, items)
    return {
        "prefix": str(prefix),
        "platform": wish.platform,
        "source": wish.source,
        "python": versions.get("python", ""),
        "channels_shown": list(shown),
        "count": len(packages),
        "packages": list(packages),
        "link_scripts_skipped": list(skipped),
        "warnings": list(warnings),
        **wish.answer,
    }


def propose_other_archives(wish: Wish, error: HelperError, cache: Cache) -> list[str]:
    """Give the command that leads to other archives than those that do not do."""
    if wish.source == "prefix":
        return ["pyve init --force"]
    found = [item for item in wish.items or () if error.message.startswith(item.title)]
    if wish.source == "lock":
        names = [item.title.rpartition("-")[0] for item in found]
        return [f"pyve lock --upgrade {quote(name)}" for name in names[:1]]
    if found and not found[0].url.startswith("file:"):
        # The index that was kept may be an old one.
        return [f"rm -rf {quote(cache.root / 'index')}"]
    return []


def create(options: Options) -> Answer:
    """Make an environment."""
    version = need_rattler()
    from pyve_conda.fetch import Cache
    from pyve_conda.link import making

    prefix = Path(os.path.abspath(options.get("prefix")))
    wish = Wish(options)
    warnings = list(wish.environment.warnings) if wish.environment else []
    with making(prefix):
        cache = Cache(cache_folder(options))
        try:
            answer = run(make_environment(wish, options, prefix, cache, warnings))
        except HelperError as error:
            if error.code in ("E_CONDA_HASH", "E_CONDA_MISSING"):
                error.fix = propose_other_archives(wish, error, cache)
            raise
        finally:
            cache.close()
    return {"engine": "rattler", "engine_version": version, **answer}


def solve(options: Options) -> Answer:
    """Find exact packages for an environment.yml, for any platforms."""
    need_rattler()
    from pyve_conda.solve import describe_record
    from pyve_files.environment import read_environment

    path = Path(options.get("from"))
    warnings: list[str] = []

    async def work() -> dict[str, Any]:
        answer = {}
        for platform in options.get_all("platform") or [current_platform()]:
            environment = read_environment(str(path), check_platform(platform))
            solver = make_solver(options, environment, platform, warnings)
            answer[platform] = [describe_record(r, True) for r in await solver.solve()]
        return answer

    return {"platforms": run(work()), "warnings": list(dict.fromkeys(warnings))}


def list_environment(options: Options) -> Answer:
    """List what is in an environment."""
    from pyve_conda.prefix import list_packages, state_of

    prefix = Path(os.path.abspath(options.get("prefix")))
    packages = list_packages(prefix)
    python = [p["version"] for p in packages if p["kind"] == "conda" and p["name"] == "python"]
    return {
        "state": state_of(prefix),
        "count": len(packages),
        "python": python[0] if python else "",
        "packages": [{**package} for package in packages],
    }


def verify(options: Options) -> Answer:
    """Compare an environment with its records."""
    from pyve_conda.prefix import read_records, verify_prefix

    prefix = Path(os.path.abspath(options.get("prefix")))
    problems = verify_prefix(prefix, options.has("quick"))
    return {
        "ok": not problems,
        "count": len(read_records(prefix)[0]),
        "problems": ["\t".join(problem) for problem in problems],
    }


def remove(options: Options) -> Answer:
    """Remove an environment."""
    from pyve_conda.prefix import remove_prefix

    return {"removed": remove_prefix(Path(os.path.abspath(options.get("prefix"))))}


ACTIONS = {
    "create": create,
    "solve": solve,
    "list": list_environment,
    "verify": verify,
    "remove": remove,
}


def main(argv: list[str]) -> Answer:
    """Do what the first argument says."""
    options = parse_options(
        argv,
        "prefix from platform channel-priority cache category archives",
        "offline link-scripts quick",
    )
    action = ACTIONS.get(options.words[0] if options.words else "")
    if action is None or len(options.words) != 1:
        raise HelperError("E_HELPER_USAGE", f"one of {', '.join(ACTIONS)} is needed")
    return action(options)


if __name__ == "__main__":
    exit_status = run_helper(main)
    sys.stderr.flush()
    # Not sys.exit: the threads of py-rattler do not survive the end of the interpreter.
    os._exit(exit_status)
