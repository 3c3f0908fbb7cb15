"""Compare what a project imports with what it asks for (`pyve imports unused`, `missing`).

Usage: check_imports.py --root DIR --python FILE [--venv NAME] [--manifest environment.yml]
    [--prefix DIR] unused|missing

The work is done by deptry, of the toolchain's extra ``imports``. It looks distributions up as if
it ran in the project's environment, whose interpreter is --python: that one is asked for its
folders, and nothing else of the project is executed. --manifest is for conda projects, whose
prefix is --prefix. Answers with ``finding.N.KEY``: name (of the distribution, or, for conda, of the
package), module, file, line, kind (unused, missing, transitive, development), and ``skipped``: what
the manifest asks for that has no Python module.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import json
import logging
import os
import pkgutil
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from pyve_core.answers import Answer, run_helper
from pyve_core.errors import HelperError
from pyve_core.options import Options, parse_options
from pyve_imports.names import guess_distribution, guess_modules

_ASK = (
    "import json, sys, sysconfig; p = sysconfig.get_paths();"
    "names = sorted(getattr(sys, 'stdlib_module_names', ()));"
    "print(json.dumps([sys.path, [p['stdlib'], p['platstdlib']], names]))"
)
# The rules of deptry (https://deptry.com/rules-violations): what each is about.
_UNUSED = {"DEP002": "unused", "DEP005": "unused"}
_MISSING = {"DEP001": "missing", "DEP003": "transitive", "DEP004": "development"}
_CONDA_NAME = re.compile(r"(?:[^:]*::)?([A-Za-z0-9_][A-Za-z0-9._-]*)")
_METADATA = re.compile(r"(?:.*/)?site-packages/([^/]+)\.(?:dist|egg)-info/")


def ask_interpreter(python: str) -> tuple[list[str], list[str]]:
    """Give the folders in which an interpreter finds distributions, and the modules at the top of
    its standard library (before 3.10 it does not tell them: none).
    """
    result = subprocess.run(
        [python, "-I", "-B", "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise HelperError("E_HELPER", f"{python} does not tell its folders", last)
    paths, standard, names = json.loads(result.stdout)
    folders = [
        path
        for path in paths
        if path and path not in standard and not path.endswith((".zip", "lib-dynload"))
    ]
    return folders, names


def load_everything() -> None:
    """Import all of deptry, and what the standard library brings late: afterwards nothing of the
    toolchain's own distributions is to be found.
    """
    import deptry

    for module in pkgutil.walk_packages(deptry.__path__, "deptry."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (
        "csv",
        "email.parser",
        "email.policy",
        "zipfile",
        "configparser",
        "encodings.idna",
    ):
        importlib.import_module(name)


def look_in(folders: list[str], names: list[str]) -> None:
    """Have distributions and modules looked up in these folders, and in no others; the standard
    library is that of ``names``, when there are any.
    """
    import deptry.core
    import deptry.dependency
    import deptry.module

    own = sysconfig.get_paths()
    standard = [own["stdlib"], own["platstdlib"], os.path.join(own["platstdlib"], "lib-dynload")]
    sys.path[:] = [*standard, *folders]

    def find_spec(name: str) -> object:
        return importlib.machinery.PathFinder.find_spec(name, folders)

    look_up = deptry.dependency.Dependency._get_top_levels

    def find_modules(
        self: object, name: str, distribution: object, modules: Sequence[str] | None
    ) -> object:
        # What is asked for and not installed does not tell its modules.
        if distribution is None and modules is None:
            modules = guess_modules(name) or None
        return look_up(self, name, distribution, modules)

    # (As assignments, mypy would want the types of what it cannot see.)
    if names:
        own_names = staticmethod(lambda: frozenset(names))
        setattr(deptry.core.Core, "_get_standard_library_modules", own_names)  # noqa: B010
    setattr(deptry.module, "find_spec", find_spec)  # noqa: B010
    setattr(deptry.dependency.Dependency, "_get_top_levels", find_modules)  # noqa: B010


def run_deptry(words: list[str]) -> list[dict[str, Any]]:
    """Run deptry in the current folder; give its findings.

    Raises:
        HelperError: E_IMPORTS_DEPTRY when it cannot do its work.
    """
    from deptry.cli import cli

    if not os.environ.get("PYVE_VERBOSE"):
        # What deptry says to people is said by Pyve.
        logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        status: object = 0
        try:
            cli.main([*words, "--no-ansi", "--json-output", report], standalone_mode=False)
        except SystemExit as end:
            status = end.code
        except Exception as error:  # of click, of deptry, of the TOML reader
            text = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise HelperError("E_IMPORTS_DEPTRY", "deptry cannot read the project", text) from None
        if not os.path.exists(report):
            raise HelperError(
                "E_IMPORTS_DEPTRY", "deptry cannot read the project", f"it ended with {status}"
            )
        with open(report, encoding="utf-8") as stream:
            findings: list[dict[str, Any]] = json.load(stream)
    return findings


def list_first_party(root: Path) -> Iterator[str]:
    """Give the project's own modules below src/, which deptry would take for foreign ones."""
    with contextlib.suppress(OSError):
        for path in sorted((root / "src").iterdir()):
            if path.suffix == ".py" or path.is_dir():
                yield path.stem


def read_conda(manifest: Path, prefix: Path) -> tuple[dict[str, str], list[str]]:
    """Give what an environment.yml asks for.

    Returns:
        For each distribution the package of conda (or the distribution itself, of the section pip)
        that brings it; and the packages that bring none.
    """
    import yaml
    from packaging.requirements import InvalidRequirement, Requirement

    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    wanted: dict[str, str] = {}
    without: list[str] = []
    items = content.get("dependencies") if isinstance(content, dict) else None
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            for text in item.get("pip") or []:
                with contextlib.suppress(InvalidRequirement):
                    name = Requirement(str(text)).name
                    wanted[name] = name
            continue
        found = _CONDA_NAME.match(str(item))
        if not found or found[1] in ("python", "pip"):
            continue
        distributions = list_distributions_of(prefix, found[1])
        wanted.update(dict.fromkeys(distributions, found[1]))
        if not distributions:
            without.append(found[1])
    return wanted, without


def list_distributions_of(prefix: Path, package: str) -> list[str]:
    """Give the Python distributions that a package of conda has put into a prefix."""
    names: dict[str, None] = {}
    for record in (prefix / "conda-meta").glob(f"{package.lower()}-*.json"):
        content = json.loads(record.read_text(encoding="utf-8"))
        if content.get("name") == package.lower():
            for file in content.get("files", []):
                found = _METADATA.match(file)
                if found:
                    names[found[1].split("-")[0]] = None
    return list(names)


def choose_words(options: Options, conda: dict[str, str], folder: str) -> list[str]:
    """Give the words for deptry: where the project says what it asks for."""
    words = ["."]
    root = Path(options.get("root"))
    for name in (options.get("venv", ""), ".pyve"):
        if name:
            words += ["--extend-exclude", rf"(\./)?{re.escape(name)}(/|$)"]
    for name in list_first_party(root):
        words += ["--known-first-party", name]
    if options.has("manifest"):
        asked = Path(folder) / "requirements.txt"
        asked.write_text("".join(f"{name}\n" for name in conda), encoding="utf-8")
        # (No config: a pyproject.toml beside an environment.yml would be taken for the manifest.)
        return [*words, "--config", str(Path(folder) / "none"), "--requirements-files", str(asked)]
    if has_dependencies(root / "pyproject.toml"):
        return words
    files = [name for name in ("requirements.in", "requirements.txt") if (root / name).is_file()]
    if not files:
        raise HelperError(
            "E_IMPORTS_MANIFEST",
            "the project does not say what it asks for",
            "there is no [project] in a pyproject.toml, no requirements.in and no requirements.txt",
        )
    return [*words, "--requirements-files", files[0]]


def has_dependencies(path: Path) -> bool:
    """Tell whether a pyproject.toml says what the project asks for."""
    from deptry.utils import load_pyproject_toml

    try:
        content = load_pyproject_toml(path)
    except OSError:
        return False
    except ValueError as error:
        raise HelperError(
            "E_IMPORTS_DEPTRY", "deptry cannot read the project", str(error)
        ) from None
    return "project" in content or "poetry" in content.get("tool", {})


def describe_finding(
    finding: dict[str, Any], kind: str, conda: dict[str, str], owners: dict[str, list[str]]
) -> dict[str, str]:
    """Give a finding of deptry as the answer has it."""
    module = str(finding["module"])
    where = finding["location"]
    if kind == "unused":
        name = conda.get(module, module)
    else:
        name = owners.get(module, [guess_distribution(module)])[0]
    file = str(where["file"])
    return {
        "name": name,
        "module": "" if kind == "unused" else module,
        "file": "" if os.path.isabs(file) else file,
        "line": str(where["line"] or ""),
        "kind": kind,
    }


def main(argv: list[str]) -> Answer:
    """Compare."""
    options = parse_options(argv, "root python venv manifest prefix")
    (word,) = options.words
    os.chdir(options.get("root"))
    conda: dict[str, str] = {}
    skipped: list[str] = []
    if options.has("manifest"):
        conda, skipped = read_conda(Path(options.get("manifest")), Path(options.get("prefix")))
    load_everything()
    look_in(*ask_interpreter(options.get("python")))
    owners = {name: list(found) for name, found in metadata.packages_distributions().items()}
    kinds = _UNUSED if word == "unused" else _MISSING
    with tempfile.TemporaryDirectory() as folder:
        findings = run_deptry(choose_words(options, conda, folder))
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for finding in findings:
        kind = kinds.get(finding["error"]["code"])
        if kind is not None:
            row = describe_finding(finding, kind, conda, owners)
            rows.setdefault(tuple(row.values()), row)
    return {
        "finding": [rows[key] for key in sorted(rows)],
        "skipped": skipped if word == "unused" else [],
    }


if __name__ == "__main__":
    sys.exit(run_helper(main))
