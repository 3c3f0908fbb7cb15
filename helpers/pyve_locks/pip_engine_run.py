"""Running pip as a solver: ``pip install --dry-run --report``, which installs nothing.

Source: pip's installation report, version 1; PEP 508 for the lines of what is asked for.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_core.errors import redact
from pyve_locks.confined_builds import confines_builds
from pyve_locks.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["explain_pip", "is_about_versions", "pip_environment", "run_pip", "write_direct"]

# Lines of pip's own words that are shown.
SHOWN = 30
# Of pip's variables, those that say how to reach what is asked for, and not what to do with it.
_KEPT = frozenset(
    f"PIP_{name}"
    for name in (
        *("TRUSTED_HOST", "CERT", "CLIENT_CERT", "PROXY", "CACHE_DIR", "NO_CACHE_DIR", "RETRIES"),
        *("CONFIG_FILE", "TIMEOUT", "DEFAULT_TIMEOUT", "KEYRING_PROVIDER", "USE_FEATURE"),
    )
)
_OPTIONS = (
    *("install", "--dry-run", "--ignore-installed", "--no-input", "--no-color"),
    *("--disable-pip-version-check", "--progress-bar=off"),
)
# What it says at its most verbose about a page that it did not get, and takes for empty.
_UNREACHED = re.compile(r"Could not fetch URL \S+ (?!404).*?(?= - skipping|$)", re.MULTILINE)
# Of what pip says, the lines before these are about how far it is.
_BEGIN = re.compile(r"^(The conflict is caused by:|ERROR: |error: |\s+error: )")
_DROPPED = re.compile(
    r"ResolutionImpossible|^note: |^hint: See|^To fix this|^\d\. (loosen|remove)|note: This error"
    r"|^Additionally, some packages|^    [\w.-]+$|^Looking in |^Collecting |^  Downloading "
)


def pip_environment(environ: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    """Give the environment variables for pip.

    Args:
        environ: those of this process; of pip's own, only those count that say how to reach
            indexes.
        places: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS and PIP_NO_INDEX, where they are
            known; with credentials, which no list of processes shows here.
    """
    env = {
        key: value
        for key, value in environ.items()
        if not key.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV")) or key in _KEPT
    }
    env.update(places)
    env.update(PIP_REQUIRE_VIRTUALENV="0", NO_COLOR="1", GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8")
    env["PYTHONUTF8"] = "1"
    if confines_builds(environ):
        # (pip runs hooks by itself, and nothing can stand between.)
        env["PIP_ONLY_BINARY"] = ":all:"
    return env


def write_direct(line: str) -> str:
    """Write a requirement in a way that older pips read, too.

    They take ``name @ git+file:///path`` for no URL, since there is no host in it.

    Args:
        line: as PEP 508 has it.
    """
    found = re.match(r"([^\s@]+) @ (\w+\+file:///[^\s#;]*)(?:#(\S*))?( ;.*)?$", line)
    if not found:
        return line
    name, url, fragment, marker = found.groups()
    return f"{url}#egg={name}{f'&{fragment}' if fragment else ''}{marker or ''}"


def run_pip(
    pip: Sequence[str], words: Sequence[str], folder: Path, env: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Solve.

    Args:
        pip: the command.
        words: arguments more: what is asked for.
        folder: an empty one, where it works.
        env: see pip_environment.

    Returns:
        The report, and pip's warnings, redacted.

    Raises:
        HelperError: E_RESOLVE_ENGINE, and those of explain_pip.
    """
    report = folder / "report.json"
    command = [*pip, *_OPTIONS, "--report", os.fspath(report), *words]
    status, said, _ = run_program("pip", command, folder, env, is_mixed=True)
    if status < 0:
        raise HelperError("E_RESOLVE_ENGINE", f"signal {-status} ended pip", tidy(said))
    if status:
        raise explain_pip(said, os.fspath(folder))
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        if found["version"] != "1":
            raise ValueError(f"a report of version {found['version']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HelperError("E_RESOLVE_ENGINE", "this pip is not understood", str(error)) from error
    warnings = [line[9:] for line in redact(said).splitlines() if line.startswith("WARNING: ")]
    return found, tuple(dict.fromkeys(warnings))


def tidy(said: str, folder: str = "") -> list[str]:
    """Give what pip said of its failure, redacted."""
    lines = redact(said).splitlines()
    begin = next((n for n, line in enumerate(lines) if _BEGIN.match(line)), 0)
    kept = []
    for line in lines[begin:]:
        if folder:
            line = line.replace(f"{folder}/", "")
        if line.strip() and not _DROPPED.search(line):
            kept.append(re.sub(r"^(ERROR|error): ", "", line).rstrip())
    return kept[:SHOWN]


def is_about_versions(error: HelperError) -> bool:
    """Tell whether pip found no solution, so that other requirements may have one."""
    return bool(re.search(_NO_SOLUTION, " ".join(error.why)))


_NO_SOLUTION = (
    r"conflicting dependencies|No matching distribution found|requires a different Python"
    r"|Could not find a version"
)
_PYTHON = r"different python version: [^:]*Requires-Python"


def explain_pip(said: str, folder: str = "") -> HelperError:
    """Give the diagnostic for what pip said; its own words, redacted, are why.

    Args:
        said: its stdout and stderr.
        folder: where it worked; people need not see it.

    Returns:
        The same codes as those of uv: E_RESOLVE_CONFLICT, E_RESOLVE_MISSING, E_RESOLVE_PYTHON,
        E_RESOLVE_BUILD, E_INDEX, E_INDEX_AUTH, E_MANIFEST, E_DISK_FULL or E_RESOLVE_ENGINE.
    """
    flat = " ".join(said.split())
    unreached = _UNREACHED.findall(redact(said))
    why = [*dict.fromkeys(unreached), *tidy(said, folder)]
    for code, message, pattern in _MEANINGS:
        found = re.search(pattern, flat, re.IGNORECASE)
        if found and (code != "E_RESOLVE_PYTHON" or _is_python_the_cause(flat)):
            return HelperError(code, message, why)
    return HelperError("E_RESOLVE_ENGINE", "pip cannot lock this project", why)


def read_ignored(flat: str) -> list[tuple[str, str]]:
    """Read the versions that are not for pip's Python: pairs of a version and its limit."""
    found = re.search(r"different python version: (.*?)(?: ERROR:| Could not find|$)", flat)
    return re.findall(r"([^\s;]+) Requires-Python ([^;]*[^;\s])", found.group(1)) if found else []


def _is_python_the_cause(flat: str) -> bool:
    """Tell whether a version that is not for pip's Python would fit."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion

    asked = re.search(r"satisfies the requirement (.+?) \(from ", flat)
    if not asked:
        return True
    try:
        specifier = Requirement(asked.group(1)).specifier
        return any(specifier.contains(version) for version, _ in read_ignored(flat))
    except (InvalidRequirement, InvalidVersion, RecursionError):
        return True


# The first that fits.
_MEANINGS = (
    ("E_DISK_FULL", "no space left for what pip writes", r"no space left on device"),
    (
        "E_RESOLVE_ENGINE",
        "this Python has no pip to lock with",
        r"No module named '?pip'?|can't open file|can't find '__main__'",
    ),
    (
        "E_RESOLVE_ENGINE",
        "this pip is too old to lock with",
        r"no such option: --(report|dry-run|uploaded-prior-to)",
    ),
    (
        "E_INDEX_AUTH",
        "an index does not let you in",
        r"\b(401|403|407) (Client )?Error|Credentials not correct|No matching credentials",
    ),
    (
        "E_INDEX",
        "an index sends something else than it promises",
        r"DO NOT MATCH THE HASHES|Wheel .* is invalid|invalid wheel|has invalid metadata"
        r"|inconsistent (name|version|Requires)|File is not a zip file|IncompleteRead"
        r"|Requested .* has inconsistent|content-length|unexpected end",
    ),
    (
        "E_INDEX",
        "an index does not answer as it should",
        r"Could not fetch URL [^ ]+ 5\d\d|Connection ?Error|NewConnectionError|Max retries exceeded"
        r"|Read timed out|\b5\d\d (Server|Internal|Bad|Service|Gateway)|HTTP error 5|Connection "
        r"(refused|reset|broken|aborted)|connection was closed|RemoteDisconnected",
    ),
    (
        "E_RESOLVE_BUILD",
        "the metadata of a distribution cannot be built",
        r"metadata-generation-failed|subprocess-exited-with-error|Failed to build"
        r"|BackendUnavailable|Cannot import '[\w.]+'|installing build dependencies",
    ),
    (
        "E_RESOLVE_PYTHON",
        "the Python here cannot have all that the project asks for",
        rf"{_PYTHON}.*No matching distribution|requires a different Python",
    ),
    (
        "E_RESOLVE_CONFLICT",
        "the requirements exclude each other",
        r"conflicting dependencies|ResolutionImpossible",
    ),
    (
        "E_RESOLVE_MISSING",
        "a repository or its revision is not there",
        r"git (clone|fetch|rev-parse|checkout|ls-remote)\b.*(exit code|did not run)"
        r"|Cannot find command 'git'|did not find branch or tag|Did not find",
    ),
    (
        "E_RESOLVE_MISSING",
        "a distribution that is asked for is not there",
        r"No matching distribution found.*\(from versions: none\)|from versions: none"
        r"|404 Client Error|HTTP error 404|does not exist|No such file or directory"
        r"|is not a valid editable|neither 'setup.py' nor 'pyproject.toml'",
    ),
    (
        "E_RESOLVE_MISSING",
        "no version that is there fits what is asked for",
        r"No matching distribution found|Could not find a version",
    ),
    (
        "E_MANIFEST",
        "pip does not understand what the project asks for",
        r"Invalid requirement|is not a valid|InvalidRequirement|Invalid (URL|marker)",
    ),
)
