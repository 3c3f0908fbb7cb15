"""Requirements files, setup.cfg, environments and conda's files, as they are taken over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyve_core import HelperError
from pyve_locks.conda_names import to_conda, to_distribution
from pyve_locks.migrate_find import Candidate, choose_source, find_sources, read_source
from pyve_locks.migrate_model import Found
from pyve_locks.migrate_requirements import find_files

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(root: Path, name: str, text: str = "") -> None:
    """Write a file of a project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(root: Path, source: str, file: str) -> Found:
    """Read a project."""
    return read_source(root, Candidate(source, file))


def notes(found: Found) -> str:
    """Give all that is to be said."""
    return "\n".join(map(str, found.notes))


def pins(found: Found) -> list[str]:
    """Give what is pinned, as "name version"."""
    return [f"{pin['name']} {pin.get('version', '')}".rstrip() for pin in found.pins]


# --- requirements


def test_requirements_files_are_told_apart(tmp_path: Path) -> None:
    for name in (
        *(
            "requirements.txt",
            "requirements-dev.txt",
            "requirements_test.in",
            "requirements.docs.txt",
        ),
        *("lint-requirements.txt", "constraints.txt", "notes.txt", "requirements-constraints.txt"),
    ):
        write(tmp_path, name)
    assert find_files(tmp_path) == {
        "": ["requirements.txt"],
        "dev": ["requirements-dev.txt"],
        "docs": ["requirements.docs.txt"],
        "lint": ["lint-requirements.txt"],
        "test": ["requirements_test.in"],
    }


def test_a_folder_of_requirements(tmp_path: Path) -> None:
    write(tmp_path, "requirements/base.txt", "alpha>=1\n")
    write(tmp_path, "requirements/development.txt", "-r base.txt\nbeta\n")
    found = read(tmp_path, "requirements", "requirements/base.txt")
    assert found.roots == {"": ["alpha>=1"], "group:dev": ["beta"]}


def test_requirements_keep_what_they_say(tmp_path: Path) -> None:
    write(tmp_path, "libs/here/setup.cfg", "[metadata]\nname = here\n")
    write(
        tmp_path,
        "requirements.txt",
        "# Ours\n--index-url https://ada:hunter22@main.example.org/simple\n"
        "--extra-index-url https://more.example.org/simple\n--only-binary alpha\n--pre\n"
        "alpha == 1.50.0  --hash=sha256:" + "0" * 64 + "\n"
        "beta[x]>=1 ; python_version >= '3.9'\n-c limits.txt\n-e ./libs/here\n-e .\n"
        "repo @ git+https://${TOKEN}@git.example.org/repo.git@v1\n"
        "-e git+https://git.example.org/two.git#egg=two\nhttps://files.example.org/who.zip\n",
    )
    write(tmp_path, "limits.txt", "delta<2.0\n")
    found = read(tmp_path, "requirements", "requirements.txt")
    assert found.roots[""] == [
        "alpha==1.50.0",
        "beta[x]>=1; python_version >= '3.9'",
        "here",
        "repo @ git+https://${TOKEN}@git.example.org/repo.git@v1",
        "two @ git+https://git.example.org/two.git",
    ]
    assert found.uv == {
        "constraint-dependencies": ["delta<2.0"],
        "no-build-package": ["alpha"],
        "prerelease": "allow",
    }
    assert [(one["name"], one["url"], one.get("default")) for one in found.indexes] == [
        ("extra", "https://more.example.org/simple", None),
        ("main", "https://main.example.org/simple", True),
    ]
    assert found.sources == {"here": {"path": "libs/here", "editable": True}}
    assert [one.line for one in found.unanswered] == [13]
    assert pins(found) == ["alpha 1.50.0"]
    assert found.files == ["requirements.txt", "limits.txt"]
    assert "two comes from a repository" in notes(found)
    assert "hunter22" not in notes(found)


def test_what_was_compiled_has_the_pins(tmp_path: Path) -> None:
    write(tmp_path, "requirements.in", "alpha\n")
    write(tmp_path, "requirements.txt", "alpha==1.0\nbeta==2.0\n")
    write(tmp_path, "requirements-dev.txt", "-r requirements.txt\ndelta>=3\n")
    write(tmp_path, ".python-version", "3.11.4\n")
    found = read(tmp_path, "requirements", "requirements.in")
    assert found.roots == {"": ["alpha"], "group:dev": ["delta>=3"]}
    assert pins(found) == ["alpha 1.0", "beta 2.0"]
    assert found.requires_python == ">=3.11"


# --- setup.cfg


SETUP_CFG = """\
[metadata]
name = my_pkg
version = attr: my_pkg.__version__
author = Ada
author_email = ada@example.org
description = Does it
long_description = file: README.md
license = MIT
keywords = one, two
classifiers =
    Topic :: Utilities
project_urls =
    Code = https://code.example.org

[options]
packages = find:
python-requires = >=3.9
install_requires =
    alpha>=1
    # Why
    beta; python_version < "3.10"
setup_requires = wheel

[options.extras_require]
Test = gamma>=7; delta
win = epsilon; sys_platform == "win32"

[options.entry_points]
console_scripts =
    mine = my_pkg.cli:main
my.plugins =
    one = my_pkg:one
"""


def test_setup_cfg_says_what_is_needed(tmp_path: Path) -> None:
    write(tmp_path, "setup.cfg", SETUP_CFG)
    write(tmp_path, "requirements.txt", "alpha==1.5\n")
    found = read(tmp_path, "setup.cfg", "setup.cfg")
    assert found.requires_python == ">=3.9"
    assert found.roots == {
        "": ["alpha>=1", "beta; python_version < '3.10'"],
        "extra:Test": ["gamma>=7", "delta"],
        "extra:win": ["epsilon; sys_platform == 'win32'"],
    }
    assert found.project == {
        "name": "my_pkg",
        "description": "Does it",
        "readme": "README.md",
        "license": {"text": "MIT"},
        "authors": [{"name": "Ada", "email": "ada@example.org"}],
        "keywords": ["one", "two"],
        "classifiers": ["Topic :: Utilities"],
        "urls": {"Code": "https://code.example.org"},
        "scripts": {"mine": "my_pkg.cli:main"},
        "entry-points": {"my.plugins": {"one": "my_pkg:one"}},
    }
    assert found.dynamic == ["version"]
    assert found.tables == {
        ("tool", "setuptools", "dynamic"): {"version": {"attr": "my_pkg.__version__"}},
        ("build-system",): {
            "requires": ["setuptools>=61", "wheel"],
            "build-backend": "setuptools.build_meta",
        },
    }
    assert pins(found) == ["alpha 1.5"]
    assert "setup.cfg, line 3: the version is dynamic" in notes(found)


def test_what_setup_py_asks_for_is_not_lost_silently(tmp_path: Path) -> None:
    write(tmp_path, "setup.cfg", "[metadata]\nname = a\nversion = 1\n")
    write(tmp_path, "setup.py", "from setuptools import setup\nsetup(install_requires=['b'])\n")
    found = read(tmp_path, "setup.cfg", "setup.cfg")
    assert [one.name for one in found.unanswered] == ["setup.py"]
    assert "build-backend" not in found.tables[("build-system",)]


def test_requirements_in_a_file_stay_there(tmp_path: Path) -> None:
    write(
        tmp_path, "setup.cfg", "[metadata]\nname = a\n[options]\ninstall_requires = file: r.txt\n"
    )
    found = read(tmp_path, "setup.cfg", "setup.cfg")
    assert "" not in found.roots
    assert found.dynamic == ["version", "dependencies"]
    table = found.tables[("tool", "setuptools", "dynamic")]
    assert table == {"dependencies": {"file": ["r.txt"]}}


# --- an environment


def install(root: Path, name: str, version: str, *lines: str, **files: str) -> None:
    """Put the metadata of a distribution into the environment."""
    folder = f".venv/lib/python3.11/site-packages/{name}-{version}.dist-info"
    text = "\n".join([f"Name: {name}", f"Version: {version}", *lines, "", ""])
    write(root, f"{folder}/METADATA", text)
    for file, content in files.items():
        write(root, f"{folder}/{file}", content)


def test_what_nobody_needs_was_asked_for(tmp_path: Path) -> None:
    write(tmp_path, ".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.4\n")
    write(tmp_path, "mine/x.py")
    install(tmp_path, "pip", "24.0", "Requires-Dist: seeded")
    install(tmp_path, "Alpha", "1.0", "Requires-Dist: beta; python_version >= '3.11'")
    install(tmp_path, "beta", "2.0", "Requires-Dist: gamma[x]", "Requires-Dist: old; extra == 'y'")
    install(tmp_path, "gamma", "3.0", "Requires-Dist: delta; extra == 'x'")
    install(tmp_path, "delta", "4.0")
    install(tmp_path, "old", "1.0rc1")
    install(tmp_path, "zed", "1.0", "Requires-Dist: abc")
    install(tmp_path, "abc", "1.0")
    install(tmp_path, "seeded", "1.0")
    install(tmp_path, "ring", "1.0", "Requires-Dist: round")
    install(tmp_path, "round", "1.0", "Requires-Dist: ring")
    local = {"url": f"file://{tmp_path}/mine", "dir_info": {"editable": True}}
    install(tmp_path, "mine", "0", **{"direct_url.json": json.dumps(local)})
    vcs = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "v1"}
    where = {"url": "https://git.example.org/repo.git", "vcs_info": vcs}
    install(tmp_path, "repo", "1", **{"direct_url.json": json.dumps(where)})
    gone = {"url": "file:///nowhere/to/be/seen", "dir_info": {}}
    install(tmp_path, "gone", "1", **{"direct_url.json": json.dumps(gone)})
    found = read(tmp_path, "venv", ".venv/pyvenv.cfg")
    assert found.requires_python == ">=3.11"
    assert found.roots[""] == [
        "Alpha",
        "mine",
        "old>=1.0rc1",
        "repo @ git+https://git.example.org/repo.git@v1",
        "ring",
        "zed",
    ]
    assert found.sources == {"mine": {"path": "mine", "editable": True}}
    assert [one.name for one in found.unanswered] == ["gone"]
    assert {"alpha 1.0", "delta 4.0", "gamma 3.0", "repo 1"} <= set(pins(found))
    assert not {"pip 24.0", "mine 0"} & set(pins(found))


def test_the_mark_of_what_was_asked_for_counts(tmp_path: Path) -> None:
    write(tmp_path, ".venv/pyvenv.cfg")
    install(tmp_path, "alpha", "1.0", "Requires-Dist: beta", "Requires-Dist: gamma", REQUESTED="")
    install(tmp_path, "beta", "1.0", REQUESTED="")
    install(tmp_path, "gamma", "1.0")
    assert read(tmp_path, "venv", ".venv/pyvenv.cfg").roots[""] == ["alpha", "beta"]
    install(tmp_path, "gamma", "1.0", REQUESTED="")
    assert read(tmp_path, "venv", ".venv/pyvenv.cfg").roots[""] == ["alpha"]


# --- conda


ENVIRONMENT = """\
name: science
channels: [conda-forge]
dependencies:
  - python=3.11
  - numpy>=1.24,<2
  - conda-forge::scikit-learn=1.3
  - pandas==2.0.1=py311_0
  - scipy 1.11.*
  - pytorch=2.1
  - unknown-thing
  - cudatoolkit=11.8
  - r-base
  - pip
  - pip:
      - requests==2.31.0
      - --pre
variables:
  MODE: x
"""


def test_an_environment_file_says_what_is_needed(tmp_path: Path) -> None:
    write(tmp_path, "environment.yml", ENVIRONMENT)
    found = read(tmp_path, "conda", "environment.yml")
    assert found.project["name"] == "science"
    assert found.requires_python == "==3.11.*"
    assert found.roots[""] == [
        "numpy>=1.24,<2",
        "scikit-learn==1.3.*",
        "pandas==2.0.1",
        "scipy==1.11.*",
        "torch==2.1.*",
        "unknown-thing",
        "requests==2.31.0",
    ]
    assert [(one.name, one.line) for one in found.unanswered] == [
        ("cudatoolkit", 11),
        ("r-base", 12),
    ]
    said = notes(found)
    assert "line 10: unknown-thing of conda is taken for" in said
    assert "pandas: the build py311_0" in said
    assert "MODE" in said
    assert found.uv == {"prerelease": "allow"}


def test_what_is_for_one_platform_gets_a_marker(tmp_path: Path) -> None:
    write(
        tmp_path,
        "environment.yml",
        "dependencies:\n  - numpy\n  - sel(win): scipy>=1\n  - sel(unix): pandas\n",
    )
    assert read(tmp_path, "conda", "environment.yml").roots[""] == [
        "numpy",
        "scipy>=1; sys_platform == 'win32'",
        "pandas; sys_platform == 'linux' or sys_platform == 'darwin'",
    ]


def test_an_environment_that_is_there_knows_better(tmp_path: Path) -> None:
    write(tmp_path, "environment.yml", "dependencies: [unknown-thing, lib-tool]\n")
    prefix = ".pyve/envs/x"
    record = {"name": "unknown-thing", "files": ["lib/site/Other-1.2.dist-info/METADATA"]}
    write(tmp_path, f"{prefix}/conda-meta/unknown-thing-1.json", json.dumps(record))
    write(
        tmp_path, f"{prefix}/lib/site/Other-1.2.dist-info/METADATA", "Name: Other\nVersion: 1.2\n\n"
    )
    found = read(tmp_path, "conda", "environment.yml")
    assert found.roots[""] == ["other"]
    assert pins(found) == ["other 1.2"]


@pytest.mark.parametrize(
    ("conda", "distribution"),
    [
        ("pytorch", ("torch", True)),
        ("typing_extensions", ("typing-extensions", True)),
        ("numpy", ("numpy", True)),
        ("librosa", ("librosa", False)),
        ("libgcc-ng", ("", True)),
        ("gcc_linux-64", ("", True)),
        ("r-ggplot2", ("", True)),
        ("graphviz", ("", True)),
        ("python-graphviz", ("graphviz", True)),
    ],
)
def test_names_of_conda(conda: str, distribution: tuple[str, bool]) -> None:
    assert to_distribution(conda) == distribution


def test_only_what_is_known_comes_from_conda() -> None:
    assert to_conda("NumPy") == "numpy"
    assert to_conda("torch") == to_conda("graphviz") == to_conda("never-heard") == ""


# --- which


def test_sources_are_found_and_the_declared_one_wins(tmp_path: Path) -> None:
    write(tmp_path, "Pipfile")
    write(tmp_path, "requirements.txt")
    write(tmp_path, "setup.cfg", "[flake8]\nmax-line-length = 100\n")
    write(tmp_path, "pyproject.toml", "[tool.black]\nline-length = 100\n")
    write(tmp_path, ".venv/pyvenv.cfg")
    found = find_sources(tmp_path, ".venv")
    assert [one.source for one in found] == ["pipfile", "requirements", "venv"]
    chosen, others = choose_source(found, "", "pyproject")
    assert chosen.source == "pipfile"
    assert len(others) == 2
    assert choose_source(found, "venv", "pyproject")[0].source == "venv"


def test_several_tools_are_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVE_AGAIN", "pyve migrate --to conda --from=x --apply")
    write(tmp_path, "Pipfile")
    write(tmp_path, "pyproject.toml", '[tool.poetry]\nname = "a"\n')
    with pytest.raises(HelperError) as caught:
        choose_source(find_sources(tmp_path, ".venv"), "", "pyproject")
    assert caught.value.code == "E_MIGRATE_SOURCE"
    assert caught.value.why == ["pipfile: Pipfile", "poetry: pyproject.toml"]
    assert caught.value.fix == [
        f"pyve migrate --to conda --apply --from {name}" for name in ("pipfile", "poetry")
    ]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ('[tool.pdm.dev-dependencies]\nx = ["a"]\n[project]\nname = "a"\n', "pdm"),
        ('[tool.pdm]\ndistribution = true\n[project]\nname = "a"\n', "pyproject"),
        ('[tool.poetry]\npackages = []\n[project]\nname = "a"\n', "pyproject"),
        ('[tool.poetry.group.x.dependencies]\na = "1"\n[project]\nname = "a"\n', "poetry"),
    ],
)
def test_a_pyproject_speaks_for_a_tool(tmp_path: Path, text: str, source: str) -> None:
    write(tmp_path, "pyproject.toml", text)
    assert [one.source for one in find_sources(tmp_path, ".venv")] == [source]
