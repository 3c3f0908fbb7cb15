"""What was taken over, written into pyproject.toml, requirements.in and environment.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyve_core import HelperError
from pyve_locks.migrate_find import Candidate, read_source
from pyve_locks.migrate_model import Found
from pyve_locks.migrate_pyproject import write_pyproject
from pyve_locks.migrate_targets import write_target
from pyve_locks.toml_lines import parse_toml


def make(root: Path, **keys: object) -> Found:
    """Make what was found, of a Pipfile."""
    found = Found("pipfile", root, ["Pipfile"])
    found.project = {"name": "shop", "version": "0"}
    found.roots = {"": ["alpha>=1"]}
    for key, value in keys.items():
        setattr(found, key, value)
    return found


def refuse(text: str, found: Found) -> str:
    """Expect that a pyproject.toml is left alone, and give the reason."""
    with pytest.raises(HelperError) as caught:
        write_pyproject(text, found)
    assert caught.value.code == "E_MIGRATE_TARGET"
    return f"{caught.value.message}: {caught.value.why[0]}"


def test_a_new_file_has_all_of_it(tmp_path: Path) -> None:
    found = make(
        tmp_path,
        requires_python=">=3.9",
        roots={
            "": ["alpha>=1; python_version < '3.12'"],
            "extra:fast": ["beta"],
            "extra:none": [],
            "group:dev": ["gamma"],
            "group:none": [],
        },
        sources={"alpha": {"path": "a", "editable": True}},
        indexes=[{"name": "main", "url": "https://a.example.org", "default": True}],
        uv={"constraint-dependencies": ["delta<2"], "prerelease-package": {"beta": "allow"}},
    )
    text = write_pyproject("", found)
    assert text.startswith('[project]\nname = "shop"\nversion = "0"\nrequires-python = ">=3.9"\n')
    assert parse_toml(text) == {
        "project": {
            "name": "shop",
            "version": "0",
            "requires-python": ">=3.9",
            "dependencies": ["alpha>=1; python_version < '3.12'"],
            "optional-dependencies": {"fast": ["beta"], "none": []},
        },
        "dependency-groups": {"dev": ["gamma"], "none": []},
        "tool": {
            "uv": {
                "constraint-dependencies": ["delta<2"],
                "prerelease-package": {"beta": "allow"},
                "sources": {"alpha": {"path": "a", "editable": True}},
                "index": [{"name": "main", "url": "https://a.example.org", "default": True}],
            }
        },
    }
    assert write_pyproject(text, found) == text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_there_stays_to_the_byte(tmp_path: Path, end: str) -> None:
    before = f"# Ours{end}[build-system]{end}requires = ['x']  # why{end}{end}"
    behind = f"# Form{end}[tool.black]{end}line-length=100{end}{end}[tool.uv]{end}offline = true"
    text = write_pyproject(before + behind, make(tmp_path, uv={"prerelease": "allow"}))
    assert text.startswith(f"{before}[project]{end}")
    assert f"{end}{end}{behind}{end}prerelease" in text
    assert text.count("\n") == text.count(end)


def test_a_project_without_dependencies_gets_them(tmp_path: Path) -> None:
    text = '[project]\nname = "own"  # mine\nversion = "3"\n\n[tool.x]\n'
    new = write_pyproject(text, make(tmp_path, requires_python=">=3.9"))
    assert new.startswith('[project]\nname = "own"  # mine\n')
    project = parse_toml(new)["project"]
    assert project["dependencies"] == ["alpha>=1"]
    assert project["requires-python"] == ">=3.9"
    assert project["version"] == "3"


def test_the_same_is_no_contradiction(tmp_path: Path) -> None:
    text = '[project]\nname = "own"\nversion = "3"\ndependencies = ["Alpha >= 1"]\n'
    assert write_pyproject(text, make(tmp_path)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[project]\nname = "a"\ndependencies = ["beta"]\n', "it lacks alpha>=1, and has beta"),
        ('[project]\nname = "a"\ndependencies = []\n', "it lacks alpha>=1, and has nothing"),
        ('[dependency-groups]\ndev = ["beta"]\n', "the group dev already"),
    ],
)
def test_what_contradicts_is_not_overwritten(tmp_path: Path, text: str, said: str) -> None:
    found = make(tmp_path, roots={"": ["alpha>=1"], "group:dev": ["gamma"]})
    assert said in refuse(text, found)


def test_groups_of_the_same_file_are_joined(tmp_path: Path) -> None:
    text = '[dependency-groups]\ndev = [\n    "beta",  # here\n]\n'
    found = make(tmp_path, in_place=True, roots={"group:dev": ["beta", "gamma"]})
    assert parse_toml(write_pyproject(text, found))["dependency-groups"] == {
        "dev": ["beta", "gamma"]
    }
    assert "# here" in write_pyproject(text, found)


def test_an_index_joins_those_that_are_there(tmp_path: Path) -> None:
    index = {"name": "b", "url": "https://b.example.org"}
    text = '[tool.uv]\nindex = [{ name = "a", url = "https://a.example.org" }]\n'
    new = write_pyproject(text, make(tmp_path, indexes=[index]))
    assert parse_toml(new)["tool"]["uv"]["index"][1] == index
    text = '[[tool.uv.index]]\nname = "b"\nurl = "https://other.example.org"\n'
    found = make(tmp_path, indexes=[index])
    assert parse_toml(write_pyproject(text, found))["tool"]["uv"]["index"][0]["url"] == (
        "https://other.example.org"
    )
    assert "which index b is already" in str(found.notes[0])


def test_what_setup_py_builds_is_not_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='x')\n")
    found = make(tmp_path)
    write_target(found, "pyproject")
    assert [one.name for one in found.unanswered] == ["setup.py"]
    found = make(tmp_path)
    write_target(found, "requirements")
    assert not found.unanswered
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    found = make(tmp_path)
    write_target(found, "pyproject")
    assert not found.unanswered


# --- requirements.in


def test_requirements_and_groups(tmp_path: Path) -> None:
    found = make(
        tmp_path,
        requires_python=">=3.9",
        roots={"": ["alpha>=1", "here[x]"], "extra:fast": ["beta"], "group:dev": ["gamma"]},
        sources={"here": {"path": "libs/here", "editable": True}},
        indexes=[{"name": "main", "url": "https://a.example.org", "default": True}],
        uv={"constraint-dependencies": ["delta<2"]},
    )
    files = write_target(found, "requirements")
    assert files["requirements.in"].splitlines()[1:] == [
        "--index-url https://a.example.org",
        "-c constraints.in",
        "alpha>=1",
        "-e ./libs/here[x]",
    ]
    assert files["constraints.in"] == "delta<2\n"
    assert parse_toml(files["pyproject.toml"]) == {"dependency-groups": {"dev": ["gamma"]}}
    assert [one.name for one in found.unanswered] == ["fast"]
    assert "lock.python" in str(found.notes[0])


# --- environment.yml


def test_conda_has_what_is_known_and_pip_the_rest(tmp_path: Path) -> None:
    found = make(
        tmp_path,
        requires_python=">=3.9,<3.13",
        roots={
            "": [
                *("numpy<2,>=1.24", "scipy==1.11.*", "pandas", "requests[socks]>=2", "never-heard"),
                *(
                    "rich; sys_platform == 'linux'",
                    "torch>=2",
                    "pyyaml===6.0",
                    "here",
                    "click>=1rc1",
                ),
            ],
            "group:dev": ["pytest<8"],
            "group:docs": ["sphinx"],
        },
        sources={"here": {"path": "libs/here", "editable": True}},
        indexes=[{"name": "more", "url": "https://a.example.org"}],
    )
    assert write_target(found, "conda")["environment.yml"] == (
        "name: shop\n"
        "channels:\n"
        "  - conda-forge\n"
        "dependencies:\n"
        "  - python <3.13,>=3.9\n"
        "  - numpy>=1.24,<2\n"
        "  - scipy=1.11\n"
        "  - pandas\n"
        "  - pytest<8\n"
        "  - pip\n"
        "  - pip:\n"
        "      - requests[socks]>=2\n"
        "      - never-heard\n"
        "      - rich; sys_platform == 'linux'\n"
        "      - torch>=2\n"
        "      - pyyaml===6.0\n"
        "      - -e ./libs/here\n"
        "      - click>=1rc1\n"
        "pip-repositories:\n"
        "  - https://a.example.org\n"
    )
    assert "here is editable" in str(found.notes[0])
    assert "the group docs is left out" in str(found.notes[1])


def test_there_and_back(tmp_path: Path) -> None:
    text = write_target(
        make(tmp_path, requires_python=">=3.9", roots={"": ["numpy>=1.24", "never-heard[x]>=1"]}),
        "conda",
    )["environment.yml"]
    (tmp_path / "environment.yml").write_text(text)
    back = read_source(tmp_path, Candidate("conda", "environment.yml"))
    assert back.roots[""] == ["numpy>=1.24", "never-heard[x]>=1"]
    assert back.requires_python == ">=3.9"
    assert not back.unanswered


@pytest.mark.parametrize(
    ("target", "name"), [("conda", "environment.yml"), ("requirements", "requirements.in")]
)
def test_another_file_is_not_overwritten(tmp_path: Path, target: str, name: str) -> None:
    (tmp_path / name).write_text("# mine\n")
    with pytest.raises(HelperError) as caught:
        write_target(make(tmp_path), target)
    assert caught.value.code == "E_MIGRATE_TARGET"
    assert caught.value.fix == [f"mv {tmp_path / name} {tmp_path / name}.old"]
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(write_target(make(tmp_path), target)[name])
    assert name in write_target(make(tmp_path), target)


def test_what_pip_is_to_install_from_conda_keeps_no_version(tmp_path: Path) -> None:
    found = make(tmp_path, roots={"": ["numpy", "never-heard>=1"]})
    found.pin("numpy", "1.26.0")
    found.pin("Never.Heard", "1.5")
    write_target(found, "conda")
    (note,) = [str(one) for one in found.notes]
    assert "the versions of never-heard, and of what only pip needs for it, are not kept" in note
