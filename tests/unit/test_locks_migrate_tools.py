"""Projects of Poetry, PDM and Pipenv, as they are taken over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyve_core import HelperError
from pyve_locks.migrate_find import Candidate, read_source
from pyve_locks.migrate_model import Found
from pyve_locks.migrate_pyproject import write_pyproject
from pyve_locks.toml_lines import parse_toml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
POETRY = """\
[tool.poetry]
name = "shop"
version = "1.2.3"
description = "Sells"
authors = ["Ada Lovelace <ada@example.org>"]
license = "MIT"
readme = "README.md"
homepage = "https://shop.example.org"

[tool.poetry.dependencies]
python = "^3.9"
alpha = "^1.2"
beta = {version = "~2.0", extras = ["x", "y"], python = ">=3.10"}
gamma = [
    {version = "<2", python = "<3.10"},
    {version = "^2.0", markers = "python_version >= '3.10'"},
]
here = {path = "libs/here", develop = true}
repo = {git = "https://git.example.org/repo.git", tag = "v1", subdirectory = "py"}
short = {git = "git@git.example.org:group/short.git", branch = "main"}
file = {url = "https://files.example.org/file-1.0.zip"}
early = {version = ">=1", allow-prereleases = true}
private = {version = "*", source = "corp"}
fast = {version = ">=1", optional = true, platform = "linux"}
lost = {version = ">=1", optional = true}

[tool.poetry.extras]
speed = ["fast"]

[tool.poetry.dev-dependencies]
delta = "*"

[tool.poetry.group.docs]
optional = true

[tool.poetry.group.docs.dependencies]
epsilon = ">=5"

[[tool.poetry.source]]
name = "corp"
url = "https://ada:hunter22@index.example.org/simple/"
priority = "explicit"

[tool.poetry.scripts]
shop = "shop.main:run"
old = {reference = "bin/old.sh", type = "file"}

[tool.poetry.plugins."shop.plugins"]
one = "shop.one:plug"

[build-system]
requires = ["poetry-core>=1.0,<2"]
build-backend = "poetry.core.masonry.api"
"""


def write(root: Path, name: str, text: str) -> None:
    """Write a file of a project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(root: Path, source: str, file: str = "pyproject.toml") -> Found:
    """Read a project."""
    return read_source(root, Candidate(source, file))


def notes(found: Found) -> str:
    """Give all that is to be said."""
    return "\n".join(map(str, found.notes))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a project beside which nothing is."""
    folder = tmp_path / "The Shop"
    write(folder, "libs/here/pyproject.toml", '[project]\nname = "Really.Here"\n')
    return folder


def test_poetry_says_what_is_needed(root: Path) -> None:
    write(root, "pyproject.toml", POETRY)
    found = read(root, "poetry")
    assert found.requires_python == ">=3.9,<4"
    assert found.roots[""] == [
        "alpha>=1.2,<2",
        "beta[x,y]>=2.0,<2.1; python_version >= '3.10'",
        "gamma<2; python_version < '3.10'",
        "gamma>=2.0,<3; python_version >= '3.10'",
        "really-here",
        "repo @ git+https://git.example.org/repo.git@v1#subdirectory=py",
        "short @ git+ssh://git@git.example.org/group/short.git@main",
        "file @ https://files.example.org/file-1.0.zip",
        "early>=1",
        "private",
    ]
    assert found.roots["extra:speed"] == ["fast>=1; sys_platform == 'linux'"]
    assert found.roots["group:dev"] == ["delta"]
    assert found.roots["group:docs"] == ["epsilon>=5"]
    assert found.sources == {
        "really-here": {"path": "libs/here", "editable": True},
        "private": {"index": "corp"},
    }
    assert found.indexes == [
        {"name": "corp", "url": "https://index.example.org/simple/", "explicit": True}
    ]
    assert found.uv == {"prerelease-package": {"early": "allow"}}
    assert not found.unanswered


def test_poetry_describes_the_distribution(root: Path) -> None:
    write(root, "pyproject.toml", POETRY)
    project = parse_toml(write_pyproject(POETRY, read(root, "poetry")))["project"]
    assert project["name"] == "shop"
    assert project["version"] == "1.2.3"
    assert project["authors"] == [{"name": "Ada Lovelace", "email": "ada@example.org"}]
    assert project["license"] == {"text": "MIT"}
    assert project["urls"] == {"homepage": "https://shop.example.org"}
    assert project["scripts"] == {"shop": "shop.main:run"}
    assert project["entry-points"] == {"shop.plugins": {"one": "shop.one:plug"}}


def test_what_poetry_alone_knows_is_told_with_its_line(root: Path) -> None:
    write(root, "pyproject.toml", POETRY)
    found = read(root, "poetry")
    said = notes(found)
    assert "pyproject.toml, line 25: lost is optional, and in no extra" in said
    assert "line 39: the login of the index corp" in said
    assert "UV_INDEX_CORP_PASSWORD" in said
    assert "the script old is a file" in said
    assert "poetry-core>=1.0,<2 is too old for [project]" in said
    assert "hunter22" not in f"{said}{found.indexes}"


def test_poetry_2_has_its_dependencies_in_project(root: Path) -> None:
    text = (
        '[project]\nname = "shop"\nversion = "1"\ndynamic = ["classifiers"]\n'
        'dependencies = ["alpha>=1", "here"]\n\n'
        '[tool.poetry.dependencies]\nhere = {path = "libs/here", develop = true}\n\n'
        '[tool.poetry.group.test.dependencies]\nbeta = "^1"\n'
    )
    write(root, "pyproject.toml", text)
    new = write_pyproject(text, read(root, "poetry"))
    assert text.partition("[tool.poetry.dep")[0] in new
    data = parse_toml(new)
    assert data["dependency-groups"] == {"test": ["beta>=1,<2"]}
    assert data["tool"]["uv"]["default-groups"] == ["test"]
    assert data["tool"]["uv"]["sources"]["really-here"]["path"] == "libs/here"


def test_dynamic_dependencies_become_static(root: Path) -> None:
    text = (
        '[project]\nname = "shop"\ndynamic = ["version", "dependencies"]  # by poetry\n\n'
        '[tool.poetry]\nversion = "1"\n[tool.poetry.dependencies]\nalpha = "^1"\n'
    )
    write(root, "pyproject.toml", text)
    new = write_pyproject(text, read(root, "poetry"))
    assert 'dynamic = ["version"]  # by poetry' in new
    assert parse_toml(new)["project"]["dependencies"] == ["alpha>=1,<2"]


def test_what_is_no_constraint_has_no_answer(root: Path) -> None:
    text = '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\nalpha = "newest"\nbeta = 3\n'
    write(root, "pyproject.toml", text)
    found = read(root, "poetry")
    assert [(one.name, one.line) for one in found.unanswered] == [("alpha", 4), ("beta", 5)]


def test_poetry_lock_has_the_pins(root: Path) -> None:
    write(root, "pyproject.toml", POETRY)
    write(
        root,
        "poetry.lock",
        '[[package]]\nname = "Alpha"\nversion = "1.2.0"\n\n'
        '[[package]]\nname = "gamma"\nversion = "1.0"\n\n'
        '[[package]]\nname = "gamma"\nversion = "2.0"\n\n'
        '[[package]]\nname = "here"\nversion = "1"\n'
        '[package.source]\ntype = "directory"\nurl = "libs/here"\n\n'
        '[[package]]\nname = "repo"\nversion = "1"\n'
        '[package.source]\ntype = "git"\nurl = "https://git.example.org/repo.git"\n'
        f'reference = "v1"\nresolved_reference = "{COMMIT}"\nsubdirectory = "py"\n',
    )
    found = read(root, "poetry")
    assert found.files == ["pyproject.toml", "poetry.lock"]
    assert [(pin["name"], pin["version"]) for pin in found.pins] == [
        ("alpha", "1.2.0"),
        ("gamma", "1.0"),
        ("gamma", "2.0"),
        ("repo", "1"),
    ]
    assert found.pins[-1]["vcs"] == {
        "type": "git",
        "url": "https://git.example.org/repo.git",
        "commit-id": COMMIT,
        "requested-revision": "v1",
        "subdirectory": "py",
    }


@pytest.mark.parametrize(
    ("sources", "indexes"),
    [
        ([("a", "primary")], [("a", True, False)]),
        ([("a", "default"), ("b", "explicit")], [("a", True, False), ("b", False, True)]),
        ([("PyPI", "primary"), ("a", "primary")], [("a", False, False)]),
        ([("a", "supplemental")], [("a", False, False)]),
        ([("a", "primary"), ("b", "primary")], [("a", False, False), ("b", True, False)]),
    ],
)
def test_priorities_of_sources(
    root: Path, sources: list[tuple[str, str]], indexes: list[tuple[str, bool, bool]]
) -> None:
    text = '[tool.poetry]\nname = "a"\n'
    for name, priority in sources:
        url = "" if name == "PyPI" else f'url = "https://{name}.example.org"\n'
        text += f'[[tool.poetry.source]]\nname = "{name}"\n{url}priority = "{priority}"\n'
    write(root, "pyproject.toml", text)
    found = read(root, "poetry").indexes
    assert [(one["name"], "default" in one, "explicit" in one) for one in found] == indexes


# --- PDM


def test_what_is_no_package_stays_none(root: Path) -> None:
    build = "[build-system]\nrequires = []\n"
    write(root, "pyproject.toml", f"[tool.poetry]\npackage-mode = false\n{build}")
    found = read(root, "poetry")
    assert found.project["name"] == "the-shop"
    assert found.uv["package"] is False
    text = f"[tool.pdm]\ndistribution = false\n[tool.pdm.dev-dependencies]\nx = []\n{build}"
    write(root, "pyproject.toml", text)
    assert read(root, "pdm").uv["package"] is False


def test_pdm_has_groups_overrides_and_sources(root: Path) -> None:
    text = """\
[project]
name = "shop"
version = "1"
dependencies = ["alpha==1.0", "near @ file:///${PROJECT_ROOT}/libs/here"]  # exact

[tool.pdm.dev-dependencies]
test = ["beta>=1", "delta; python_version < '3.12'"]
dev = ["-e file:///${PROJECT_ROOT}/libs/here#egg=here", "-e git+https://git.example.org/r.git@v1#egg=repo"]

[tool.pdm.resolution]
excludes = ["Gone_One"]
allow-prereleases = true

[tool.pdm.resolution.overrides]
gamma = "1.5"
epsilon = ">=2"

[[tool.pdm.source]]
name = "pypi"
url = "https://${NAME}:${WORD}@index.example.org/simple"
verify_ssl = false

[tool.pdm.scripts]
go = "true"
"""
    write(root, "pyproject.toml", text)
    write(
        root,
        "pdm.lock",
        '[[package]]\nname = "alpha"\nversion = "1.0"\n\n'
        f'[[package]]\nname = "repo"\nversion = "1"\ngit = "https://git.example.org/r.git"\n'
        f'ref = "v1"\nrevision = "{COMMIT}"\n\n'
        '[[package]]\nname = "here"\nversion = "0"\npath = "./libs/here"\neditable = true\n',
    )
    found = read(root, "pdm")
    new = write_pyproject(text, found)
    assert 'dependencies = ["alpha==1.0", "really-here"]  # exact\n' in new
    assert text.partition("[tool.pdm.dev")[2] in new
    data = parse_toml(new)
    assert data["dependency-groups"] == {
        "test": ["beta>=1", "delta; python_version < '3.12'"],
        "dev": ["really-here", "repo @ git+https://git.example.org/r.git@v1"],
    }
    uv = data["tool"]["uv"]
    assert uv["default-groups"] == ["test", "dev"]
    assert uv["override-dependencies"] == ["gamma==1.5", "epsilon>=2"]
    assert uv["exclude-dependencies"] == ["gone-one"]
    assert uv["prerelease"] == "allow"
    assert uv["index"] == [
        {"name": "pypi", "url": "https://index.example.org/simple", "default": True}
    ]
    assert uv["sources"] == {"really-here": {"path": "libs/here", "editable": True}}
    assert [pin["name"] for pin in found.pins] == ["alpha", "repo"]
    assert "it was ${NAME} and ${WORD}" in notes(found)
    assert "verify_ssl" in notes(found)


# --- Pipenv


PIPFILE = """\
[[source]]
name = "pypi"
url = "https://mirror.example.org/simple"

[[source]]
name = "corp"
url = "https://${NAME}:${WORD}@corp.example.org/simple"

[packages]
alpha = {version = "*", index = "pypi"}
beta = {version = ">=1", extras = ["x"], markers = "python_version >= '3.9'"}
gamma = {version = "1.0", index = "corp"}
win = {version = "*", sys_platform = "== 'win32'"}
key = {path = "./libs/here", editable = true}
this = {path = ".", editable = true}
repo = {git = "https://git.example.org/repo.git", ref = "v1", editable = true}
old = {hg = "https://hg.example.org/old"}

[dev-packages]
delta = "<8"

[docs]
epsilon = "*"

[scripts]
go = "true"

[requires]
python_version = "3.11"
"""


def test_a_pipfile_says_what_is_needed(root: Path) -> None:
    write(root, "Pipfile", PIPFILE)
    found = read(root, "pipfile", "Pipfile")
    assert found.project == {"name": "the-shop", "version": "0"}
    assert found.requires_python == "==3.11.*"
    assert found.roots == {
        "": [
            "alpha",
            "beta[x]>=1; python_version >= '3.9'",
            "gamma==1.0",
            "win; sys_platform == 'win32'",
            "really-here",
            "repo @ git+https://git.example.org/repo.git@v1",
        ],
        "group:dev": ["delta<8"],
        "group:docs": ["epsilon"],
    }
    assert found.sources == {
        "gamma": {"index": "corp"},
        "really-here": {"path": "libs/here", "editable": True},
    }
    assert found.indexes == [
        {"name": "pypi", "url": "https://mirror.example.org/simple", "default": True},
        {"name": "corp", "url": "https://corp.example.org/simple", "explicit": True},
    ]
    assert [str(one) for one in found.unanswered] == [
        "Pipfile, line 17: old comes from hg, which uv does not know"
    ]
    assert "[scripts] (go) are run by Pipenv alone" in notes(found)


def test_no_password_is_taken_over(root: Path) -> None:
    write(
        root,
        "Pipfile",
        '[packages]\nrepo = {git = "https://ada:hunter22@git.example.org/r.git"}\n'
        'zip = {file = "https://files.example.org/z.zip?token=abcdef123"}\n'
        'own = {git = "https://${WORD}@git.example.org/own.git"}\n',
    )
    found = read(root, "pipfile", "Pipfile")
    assert found.roots[""][0] == "repo @ git+https://git.example.org/r.git"
    assert found.roots[""][1] == "own @ git+https://${WORD}@git.example.org/own.git"
    assert "Pipfile, line 2: the password or token in the URL of repo" in notes(found)
    assert [one.line for one in found.unanswered] == [3]
    assert "hunter22" not in f"{found}"
    assert "abcdef123" not in f"{found}"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('python_version = "3"', "==3.*"),
        ('python_full_version = "3.11.4"', "==3.11.4"),
        ('python_version = ">=3.9"', ">=3.9"),
        ('python_version = "*"', ""),
    ],
)
def test_a_pipfile_requires_a_python(root: Path, said: str, expected: str) -> None:
    write(root, "Pipfile", f"[packages]\n[requires]\n{said}\n")
    assert read(root, "pipfile", "Pipfile").requires_python == expected


def test_a_pipfile_lock_has_the_pins(root: Path) -> None:
    write(root, "Pipfile", PIPFILE)
    locked = {
        "_meta": {"sources": []},
        "default": {
            "Alpha": {"version": "==1.0", "hashes": []},
            "repo": {"git": "https://git.example.org/repo.git", "ref": COMMIT},
            "key": {"path": "./libs/here", "editable": True},
        },
        "develop": {"delta": {"version": "==7.0"}},
    }
    write(root, "Pipfile.lock", json.dumps(locked))
    found = read(root, "pipfile", "Pipfile")
    assert [(pin["name"], pin.get("version")) for pin in found.pins] == [
        ("alpha", "1.0"),
        ("repo", None),
        ("delta", "7.0"),
    ]
    assert found.pins[1]["vcs"]["requested-revision"] == "v1"


@pytest.mark.parametrize(
    ("files", "source", "said"),
    [
        ({"Pipfile": "[packages\n"}, "pipfile", "Pipfile, line 1: it is no TOML"),
        ({"Pipfile": "packages = 1\n"}, "pipfile", "Pipfile, line 1: packages is no table"),
        ({"Pipfile": "", "Pipfile.lock": "{\n"}, "pipfile", "Pipfile.lock, line 2: it is no JSON"),
        (
            {"pyproject.toml": '[tool.poetry]\nsource = [1]\n[tool.poetry.dependencies]\na = "1"'},
            "poetry",
            "pyproject.toml is not as its tool writes it",
        ),
    ],
)
def test_a_damaged_file_is_named(root: Path, files: dict[str, str], source: str, said: str) -> None:
    for name, text in files.items():
        write(root, name, text)
    with pytest.raises(HelperError) as caught:
        read(root, source, next(iter(files)))
    assert caught.value.code == "E_MANIFEST"
    assert said in caught.value.message
