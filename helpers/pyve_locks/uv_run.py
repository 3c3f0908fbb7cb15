"""Running uv, and what it says when it fails as a diagnostic."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.errors import redact
from pyve_locks.confined_builds import confined_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["MADE_NAME", "explain_failure", "no_index", "run_uv", "uv_environment"]

# Of the project that is made for uv, where the manifest names none.
MADE_NAME = "pyve-locked-project"

# Lines of uv's own words that are shown.
SHOWN = 30

# What would make uv do something else than is asked, or for another project.
_DROPPED = frozenset(
    (
        *("UV_FROZEN", "UV_LOCKED", "UV_PROJECT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY"),
        *("UV_NO_DEV", "UV_DEV", "UV_NO_GROUP", "UV_NO_DEFAULT_GROUPS", "UV_NO_EDITABLE"),
        *("UV_PROJECT_ENVIRONMENT", "UV_NO_SYNC", "UV_ISOLATED", "UV_PYTHON", "UV_NO_PROGRESS"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "CLICOLOR_FORCE", "RUST_LOG"),
    )
)
# The part of uv whose log is read, and its lines.
_RESOLVER = "uv_resolver::resolver=debug"
_LOGGED = re.compile(r"^(?:DEBUG|INFO|TRACE) .*\n?", re.MULTILINE)
_YES = ("1", "true", "yes", "on")
_DEFAULT_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


def uv_environment(
    environ: Mapping[str, str], is_fixed: bool = False, is_named: bool = False
) -> dict[str, str]:
    """Give the environment variables for uv.

    Args:
        environ: those of this process. pip's PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS,
            PIP_NO_INDEX, PIP_KEYRING_PROVIDER and PIP_CERT count where uv's own are not set.
        is_fixed: whether the index is the one that the made project names, whatever they say.
        is_named: whether it names one, so that PIP_INDEX_URL does not count.
    """
    env = {key: value for key, value in environ.items() if key not in _DROPPED}
    pip = {key: env.get(f"PIP_{key}", "").split() for key in ("INDEX_URL", "EXTRA_INDEX_URL")}
    if is_fixed:
        for key in _DEFAULT_INDEX:
            env.pop(key, None)
    elif pip["INDEX_URL"] and not (is_named or any(env.get(key) for key in _DEFAULT_INDEX)):
        env["UV_DEFAULT_INDEX"] = pip["INDEX_URL"][0]
    if pip["EXTRA_INDEX_URL"] and not (env.get("UV_INDEX") or env.get("UV_EXTRA_INDEX_URL")):
        env["UV_INDEX"] = " ".join(pip["EXTRA_INDEX_URL"])
    links = env.get("PIP_FIND_LINKS", "").split()
    if links and not env.get("UV_FIND_LINKS"):
        env["UV_FIND_LINKS"] = ",".join(links)
    if env.get("PIP_NO_INDEX", "").lower() in _YES:
        env.setdefault("UV_NO_INDEX", "1")
    if env.get("PIP_KEYRING_PROVIDER") in ("subprocess", "import"):
        # (uv has no other way to ask a keyring.)
        env.setdefault("UV_KEYRING_PROVIDER", "subprocess")
    if env.get("PIP_CERT") and not (env.get("SSL_CERT_FILE") or env.get("SSL_CERT_DIR")):
        env["SSL_CERT_FILE"] = env["PIP_CERT"]
    env.update(NO_COLOR="1", UV_PYTHON_DOWNLOADS="never", UV_PREVIEW="0", GIT_TERMINAL_PROMPT="0")
    return env


def no_index(env: Mapping[str, str]) -> list[str]:
    """Give the option for what uv_environment gave where no index may be asked.

    (uv has no variable for that: UV_NO_INDEX is Pyve's way to tell.)
    """
    return ["--no-index"] if env.get("UV_NO_INDEX", "").lower() in _YES else []


def run_uv(
    uv: str,
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    log: list[str] | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Run uv.

    Args:
        uv: its path, or name on PATH.
        words: the arguments.
        folder: where it works.
        env: see uv_environment.
        log: gets the lines in which its resolver says what it does, not redacted; None for none.
        meanwhile: called while it works; None for nothing.

    Returns:
        What it wrote to stdout, and its warnings, redacted.

    Raises:
        HelperError: E_RESOLVE_ENGINE, and those of explain_failure.
    """
    program = os.path.abspath(uv) if os.sep in uv else uv
    last = [*no_index(env), "--no-progress", "--color", "never"]
    try:
        with (
            confined_words(words, env) as confined,
            subprocess.Popen(
                [program, *confined, *last],
                cwd=folder,
                env=dict(env) if log is None else {**env, "RUST_LOG": _RESOLVER},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            if meanwhile is not None:
                meanwhile()
            out, errors = process.communicate()
    except OSError as error:
        raise HelperError(
            "E_RESOLVE_ENGINE", "uv does not run", f"{uv}: {error.strerror or error}"
        ) from error
    said = errors.decode("utf-8", "replace")
    if log is not None:
        log += _LOGGED.findall(said)
        said = _LOGGED.sub("", said)
    if process.returncode < 0:
        ended = f"signal {-process.returncode} ended uv"
        raise HelperError("E_RESOLVE_ENGINE", ended, _tidy(said))
    if process.returncode:
        raise explain_failure(said, os.fspath(folder))
    warnings = [line[9:] for line in redact(said).splitlines() if line.startswith("warning: ")]
    return out.decode("utf-8"), tuple(warnings)


def _tidy(said: str, folder: str = "") -> list[str]:
    """Give what uv said, redacted, without what it says on the way."""
    lines = []
    for line in redact(said).splitlines():
        line = re.sub(
            r"^(error: |  cause: |         )", lambda m: " " * (m.group() == " " * 9), line
        )
        if folder:
            line = line.replace(f"{folder}/", "")
        line = line.replace(MADE_NAME, "the project")
        # (What git says of a failure comes last, and says it all.)
        on_the_way = (
            r"(Using CPython|Using PyPy|Resolved|Added|Removed|   ?(Updat|Download|Build)"
            r"|Git operation failed|failed to (clone|fetch) into: |process didn't exit .*git |"
            r" --- stderr)"
        )
        if line.strip() and not re.match(on_the_way, line):
            lines.append(line.rstrip())
    return lines[:SHOWN]


def explain_failure(said: str, folder: str = "") -> HelperError:
    """Give the diagnostic for what uv said on stderr; its own words, redacted, are why.

    Args:
        said: its stderr.
        folder: where it worked; people need not see it.

    Returns:
        E_RESOLVE_CONFLICT, E_RESOLVE_MISSING, E_RESOLVE_PYTHON, E_RESOLVE_BUILD, E_INDEX,
        E_INDEX_AUTH, E_INDEX_OFFLINE, E_MANIFEST, E_DISK_FULL or E_RESOLVE_ENGINE.
    """
    flat = " ".join(said.split())
    for code, message, pattern in _MEANINGS:
        if re.search(pattern, flat, re.IGNORECASE):
            return HelperError(code, message, _tidy(said, folder))
    return HelperError("E_RESOLVE_ENGINE", "uv cannot lock this project", _tidy(said, folder))


# The first that fits. Of "No solution found", the cause that a person can do something about comes
# before what follows from it.
_MEANINGS = (
    ("E_DISK_FULL", "no space left for what uv writes", r"no space left on device"),
    (
        "E_INDEX_OFFLINE",
        "the cache has not all that is needed, and no network may be asked",
        r"because the network was disabled|network connectivity is disabled",
    ),
    (
        "E_INDEX_AUTH",
        "an index does not let you in",
        r"\b(401 Unauthorized|403 Forbidden|407 Proxy Auth)|valid authentication credentials",
    ),
    (
        "E_RESOLVE_PYTHON",
        "no Python here fits what the project asks for",
        r"No interpreter found|incompatible with the project's Python requirement",
    ),
    (
        "E_RESOLVE_PYTHON",
        "not every Python that the project is for can have all that it asks for",
        r"No solution found.*(requested|current) Python version \([^)]*\) does not satisfy",
    ),
    (
        "E_RESOLVE_MISSING",
        "a distribution that is asked for is not there",
        r"No solution found.*(was not found in|were not found in|was not found for)",
    ),
    (
        "E_RESOLVE_MISSING",
        "a distribution has nothing for a platform that is locked for",
        r"No solution found.* no (.{1,300}-compatible wheels|usable wheels|wheels with)",
    ),
    (
        "E_RESOLVE_CONFLICT",
        "the requirements exclude each other",
        r"No solution found.*(are incompatible|is incompatible with"
        # One version was yanked, and another one needs what nothing fits.
        r"|\b([\w.-]+)==\S+ was yanked.* \2[<>=!~]\S* depends on)",
    ),
    (
        "E_RESOLVE_MISSING",
        "no version that is there fits what is asked for",
        r"No solution found.*((is|are) available|there (is|are) no versions? of|was yanked)",
    ),
    ("E_RESOLVE_CONFLICT", "the requirements exclude each other", r"No solution found"),
    (
        "E_INDEX",
        "a repository does not answer",
        r"Git operation failed.*(Could not resolve host|(Failed|Couldn't) to connect|timed? ?out)",
    ),
    (
        "E_RESOLVE_MISSING",
        "a repository or its revision is not there",
        r"Git operation failed|Git executable not found",
    ),
    (
        "E_RESOLVE_MISSING",
        "a distribution that is asked for is not there",
        r"Distribution not found at|404 Not Found|does not exist|No such file or directory",
    ),
    (
        "E_INDEX",
        "an index sends something else than it promises",
        r"Hash mismatch|unexpected (JSON|HTML)|unexpected end of file"
        r"|Failed to (read|unzip|extract)|invalid (gzip|peer|zip)|end of central directory"
        r"|Metadata field .* not found"
        r"|Couldn't parse metadata|Inconsistent(ly named)?|Package metadata (name|version)",
    ),
    (
        "E_INDEX",
        "an index does not answer as it should",
        r"Failed to (fetch|download)(?! and build)",
    ),
    (
        "E_RESOLVE_BUILD",
        "the metadata of a distribution cannot be built",
        r"Failed to (download and )?build|build backend|Failed to resolve requirements from"
        r"|Building source distributions",
    ),
    ("E_INDEX", "an index does not answer as it should", r"HTTP status|error sending request"),
    (
        "E_MANIFEST",
        "uv does not understand what the project asks for",
        r"Failed to parse|TOML parse error|invalid value|could not be parsed|is not a valid",
    ),
)
