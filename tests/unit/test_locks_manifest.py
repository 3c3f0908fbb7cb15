"""Manifests: what is read of them, and that only what they ask for makes their fingerprint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from manifests import PROJECT

from pyve_core import HelperError
from pyve_locks.manifest import Manifest, canonical, compare, digest, raw_digest, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

HASHES = [f"sha256:{digit * 64}" for digit in "ab"]


def asked(manifest: Manifest, root: str = "") -> list[str]:
    return [requirement.canonical() for requirement in manifest.roots[root]]


def fails(root: Path, code: str = "E_MANIFEST") -> str:
    """Read a manifest that cannot be read; give message and reasons."""
    with pytest.raises(HelperError) as caught:
        read_manifest(root, {})
    assert caught.value.code == code
    return "\n".join([caught.value.message, *caught.value.why])


# Which file it is


def test_a_project_table_wins_over_requirements_in_and_that_over_requirements_txt(
    write: Any,
) -> None:
    root = write(requirements_txt="third\n")
    assert asked(read_manifest(root)) == ["third"]
    assert read_manifest(root).files == ("requirements.txt",)
    write(requirements_in="second\n")
    assert asked(read_manifest(root)) == ["second"]
    write(pyproject_toml='[project]\nname = "p"\ndependencies = ["first"]\n')
    manifest = read_manifest(root)
    assert asked(manifest) == ["first"]
    assert manifest.files == ("pyproject.toml",)
    assert manifest.is_project
    assert manifest.name == "p"


def test_without_a_project_table_groups_and_uv_settings_count_beside_requirements(
    write: Any,
) -> None:
    root = write(
        requirements_in="first\n",
        pyproject_toml="""
            [dependency-groups]
            dev = ["ruff"]
            [tool.uv]
            override-dependencies = ["idna<4"]
        """,
    )
    manifest = read_manifest(root)
    assert asked(manifest) == ["first"]
    assert asked(manifest, "group:dev") == ["ruff"]
    assert manifest.overrides == ("idna<4",)
    assert manifest.files == ("pyproject.toml", "requirements.in")
    assert not manifest.is_project
    assert manifest.name is None


def test_groups_alone_are_a_manifest(write: Any) -> None:
    root = write(pyproject_toml='[dependency-groups]\ndev = ["ruff"]\n')
    manifest = read_manifest(root)
    assert list(manifest.roots) == ["", "group:dev"]
    assert manifest.roots[""] == ()


@pytest.mark.parametrize("text", ["", "[tool.ruff]\nline-length = 9\n"])
def test_a_project_that_asks_for_nothing_anywhere_has_no_manifest(write: Any, text: str) -> None:
    root = write(pyproject_toml=text)
    assert "requirements.in" in fails(root, "E_MANIFEST_MISSING")
    (root / "pyproject.toml").unlink()
    fails(root, "E_MANIFEST_MISSING")


def test_what_is_no_file_is_said_to_be_none(write: Any) -> None:
    root = write(x="")
    (root / "requirements.in").mkdir()
    assert "requirements.in" in fails(root)
    os.mkfifo(root / "pyproject.toml")
    assert fails(root) == "pyproject.toml: it is no file"
    (root / "pyproject.toml").unlink()
    (root / "pyproject.toml").symlink_to("nowhere")
    assert "pyproject.toml" in fails(root)


# pyproject.toml


def test_what_a_project_asks_for_is_read_with_its_lines(write: Any) -> None:
    manifest = read_manifest(write(pyproject_toml=PROJECT))
    assert manifest.name == "my-proj"
    assert manifest.requires_python == "<4,>=3.9"
    assert asked(manifest) == [
        "requests[security,socks]<3,>=2",
        'idna; python_version < "3.12"',
    ]
    assert asked(manifest, "extra:dev-tools") == ["pytest"]
    assert asked(manifest, "group:lint") == ["ruff", "mypy"]
    assert asked(manifest, "group:type-checks") == ["mypy"]
    places = {one.name: one.line for some in manifest.roots.values() for one in some}
    assert places == {"requests": 6, "idna": 7, "pytest": 9, "ruff": 12, "mypy": 15}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("'idna;", "'idna >;", 7, "no requirement"),
        ('"pytest"', '"pytest[x"', 9, "no requirement"),
        ('"ruff"', '"ruff; os_name"', 12, "no requirement"),
        ('"mypy"', "3", 15, "neither a requirement nor an include"),
        ('"mypy"', '{include-group = "lint"}', 15, "lint -> type-checks -> lint"),
        ('"mypy"', '{include-group = "type_checks"}', 15, "type-checks -> type-checks"),
        ('"mypy"', '{include-group = "x", y = 1}', 15, "PEP 735"),
        ('"Type.Checks"', '"nothing"', 12, "no group 'nothing'\ngroups: docs, lint, type-checks"),
        ('"type-checks"', '"LINT"', 14, "'lint' and 'LINT' are the same name"),
        ('"type-checks"', '"a b"', 14, "'a b' cannot be the name of a group"),
        (">= 3.9", ">> 3.9", 4, "Invalid specifier"),
        ('">= 3.9, <4.0"', "3.9", 4, "requires-python is no text"),
        ('"My_Proj"', '"-"', 3, "cannot be the name of a project"),
        ("name =", "title =", 2, "has no name"),
        ("dependencies = [\n", "dependencies = [\n7,", 6, "is no text"),
        ('["pytest"]', '"pytest"', 9, "is no list"),
        ("Dev_Tools = [", "Dev_Tools = 4 # [", 9, "is no list"),
        ("[dependency-groups]", "[dependency-groups]\nx = ]", 12, "no TOML"),
        ("[dependency-groups]\n", "[dependency-groups]\nx = 'a'\n", 12, "group 'x' is no list"),
    ],
)
def test_a_mistake_in_pyproject_toml_is_told_with_its_line(
    write: Any, old: str, new: str, line: int, words: str
) -> None:
    assert PROJECT.count(old) == 1 or old == "name ="
    said = fails(write(pyproject_toml=PROJECT.replace(old, new, 1)))
    assert said.startswith(f"pyproject.toml, line {line}: "), said
    assert words in said


def test_a_pyproject_toml_that_is_not_utf_8_is_told_with_its_line(write: Any) -> None:
    assert fails(write(pyproject_toml=b"\n\nx = '\xe9'\n")).startswith("pyproject.toml, line 3: ")


def test_lines_count_the_same_with_the_line_ends_of_windows(write: Any) -> None:
    text = PROJECT.replace("mypy", "mypy >").replace("\n", "\r\n")
    assert fails(write(pyproject_toml=text.encode())).startswith("pyproject.toml, line 15: ")


def test_extras_of_the_project_itself_are_resolved_with_their_markers(write: Any) -> None:
    root = write(
        pyproject_toml="""
            [project]
            name = "this.one"
            dependencies = ["base"]
            [project.optional-dependencies]
            all = ["This_One[Test,win] >= 1", "more"]
            test = ["pytest"]
            win = ["this-one[deep]; os_name == 'nt' or os_name == 'x'"]
            deep = ["pywin; python_version > '3.8'", "this-one[all]"]
            [dependency-groups]
            dev = ["ruff", "this-one[test]"]
        """
    )
    manifest = read_manifest(root)
    nt = '(os_name == "nt" or os_name == "x")'
    assert asked(manifest, "extra:all") == [
        "more",
        "pytest",
        f'pywin; python_version > "3.8" and {nt}',
        f"more; {nt[1:-1]}",
        f"pytest; {nt[1:-1]}",
    ]
    # In a group, the project brings what it always asks for.
    assert asked(manifest, "group:dev") == ["ruff", "base", "pytest"]
    text = (root / "pyproject.toml").read_text()
    write(pyproject_toml=text.replace("[Test,win]", "[Tset,win]"))
    said = fails(root)
    assert said.startswith("pyproject.toml, line 6: the project has no extra 'tset'")
    assert "extras: all, deep, test, win" in said


def test_many_groups_and_extras_that_name_each_other_do_not_multiply(write: Any) -> None:
    names = [f"n{number}" for number in range(40)]
    groups = "".join(
        f'{name} = ["x", {{include-group = "{after}"}}, {{include-group = "{after}"}}]\n'
        for name, after in zip(names, names[1:])
    )
    whole = ",".join(names)
    extras = "".join(f'{name} = ["p[{whole}]", "x-{name}"]\n' for name in names)
    root = write(
        pyproject_toml=f'[project]\nname = "p"\n[project.optional-dependencies]\n{extras}'
        f'[dependency-groups]\n{groups}{names[-1]} = ["y"]\n'
    )
    manifest = read_manifest(root)
    assert asked(manifest, "group:n0") == ["x", "y"]
    assert sorted(asked(manifest, "extra:n7")) == sorted(f"x-{name}" for name in names)


def test_what_setuptools_takes_from_files_is_read_and_other_dynamic_fields_are_refused(
    write: Any,
) -> None:
    text = """\
        [project]
        name = "p"
        dynamic = ["version", "dependencies", "optional-dependencies"]
        [tool.setuptools.dynamic]
        dependencies = {file = ["requirements.in"]}
        optional-dependencies.test = {file = "test.in"}
        """
    root = write(pyproject_toml=text, requirements_in="one\n", test_in="# x\ntwo\n")
    manifest = read_manifest(root)
    assert asked(manifest) == ["one"]
    assert asked(manifest, "extra:test") == ["two"]
    assert manifest.files == ("pyproject.toml", "requirements.in", "test.in")
    assert manifest.roots["extra:test"][0].line == 2
    (root / "test.in").unlink()
    assert fails(root).startswith("pyproject.toml, line 6: there is no file test.in")
    write(pyproject_toml='[project]\nname = "p"\ndynamic = [\n"dependencies"]\n')
    said = fails(root)
    assert said.startswith("pyproject.toml, line 3: dependencies is dynamic")
    assert "[tool.setuptools.dynamic]" in said
    write(pyproject_toml='[project]\nname = "p"\ndynamic = ["optional-dependencies"]\n')
    assert "optional-dependencies is dynamic" in fails(root)
    write(pyproject_toml='[project]\nname = "p"\ndynamic = ["requires-python"]\n')
    assert "requires-python is dynamic" in fails(root)
    write(
        pyproject_toml='[project]\nname = "p"\ndynamic = ["dependencies"]\ndependencies = ["a"]\n'
    )
    assert "PEP 621" in fails(root)
    # What no lock depends on may be dynamic.
    write(pyproject_toml='[project]\nname = "p"\ndynamic = ["version", "readme"]\n')
    assert read_manifest(root).roots == {"": ()}


def test_of_tool_uv_counts_what_changes_the_answer(write: Any) -> None:
    root = write(
        pyproject_toml="""
            [project]
            name = "p"
            dependencies = ["a"]
            [tool.uv]
            constraint-dependencies = ["b < 2"]
            override-dependencies = ["c", {package = {name = "x"}, dependencies = ["y"]}]
            dev-dependencies = ["d"]
            concurrent-downloads = 3
            prerelease = "allow"
            exclude-newer = 2024-01-02T03:04:05Z
            sources.a = {index = "own"}
            [[tool.uv.index]]
            name = "own"
            url = "https://anna:hush@example.com/simple"
        """
    )
    manifest = read_manifest(root)
    assert manifest.constraints == ("b<2",)
    assert manifest.overrides == ("c",)
    assert asked(manifest, "group:dev") == ["d"]
    # As it is written, for the solver; without the password, for the lock.
    assert manifest.uv["index"][0]["url"] == "https://anna:hush@example.com/simple"
    assert "hush" not in repr(manifest)
    assert json.loads(canonical(manifest))["uv"] == {
        "exclude-newer": "2024-01-02 03:04:05+00:00",
        "index": [{"name": "own", "url": "https://example.com/simple"}],
        "override-dependencies": [{"dependencies": ["y"], "package": {"name": "x"}}],
        "prerelease": "allow",
        "sources": {"a": {"index": "own"}},
    }
    text = (root / "pyproject.toml").read_text()
    write(pyproject_toml=text.replace("b < 2", "b < "))
    assert fails(root).startswith("pyproject.toml, line 6: 'b < ' is no requirement")
    write(pyproject_toml=text.replace('["b < 2"]', '"b < 2"'))
    assert fails(root).startswith("pyproject.toml, line 6: constraint-dependencies is no list")
    write(pyproject_toml=text.replace('["c", ', '["c", 7,\n'))
    assert fails(root).startswith("pyproject.toml, line 7: an item of override-dependencies")
    write(pyproject_toml=text, uv_toml='override-dependencies = ["a >"]')
    assert fails(root).startswith("uv.toml: 'a >' is no requirement")
    write(uv_toml="override-dependencies = 7")
    assert fails(root).startswith("uv.toml: override-dependencies is no list")


def test_local_places_of_tool_uv_are_relative_to_the_project(write: Any) -> None:
    root = write(pyproject_toml="")
    write(
        pyproject_toml=f"""
            [project]
            name = "p"
            [tool.uv]
            find-links = ["./a", "{root}/b", "{root.as_uri()}/c", "https://h.example/d"]
            sources.x = {{path = "{root.parent}/x"}}
        """
    )
    assert json.loads(canonical(read_manifest(root)))["uv"] == {
        "find-links": ["./a", "./b", "./c", "https://h.example/d"],
        "sources": {"x": {"path": "../x"}},
    }


def test_a_uv_toml_takes_the_place_of_the_settings_that_it_may_hold(write: Any) -> None:
    root = write(
        pyproject_toml="""
            [project]
            name = "p"
            [tool.uv]
            prerelease = "allow"
            resolution = "lowest"
            constraint-dependencies = ["b<2"]
            sources.a = {git = "https://example.com/a"}
        """,
        uv_toml='prerelease = "never"\nconstraint-dependencies = ["b<3"]\n',
    )
    manifest = read_manifest(root)
    assert manifest.uv == {
        "prerelease": "never",
        "sources": {"a": {"git": "https://example.com/a"}},
    }
    assert manifest.constraints == ("b<3",)
    assert manifest.files == ("pyproject.toml", "uv.toml")


# Fingerprints


def test_only_what_is_asked_for_makes_the_canonical_manifest(write: Any) -> None:
    root = write(pyproject_toml=PROJECT)
    first = canonical(read_manifest(root))
    write(
        pyproject_toml="""\
            [tool.black]
            [dependency-groups]
            Docs = []
            TYPE_CHECKS = ['''mypy''']
            Lint = [{include-group = "type-checks"}, "ruff", "ruff"]
            [project]
            version = "7"
            requires-python = "<4,>=3.9.0"
            dependencies = ["IDNA ;python_version < '3.12'", "requests[security,socks]<3.0,>=2"]
            name = "my.proj"
            [project.optional-dependencies]
            dev-tools = ["PyTest"]
        """
    )
    second = read_manifest(root)
    assert canonical(second) == first
    assert compare(first, canonical(second)) == []
    assert len(digest(second)) == 64


def test_the_canonical_manifest_is_the_same_wherever_the_project_is(
    write: Any, tmp_path: Path
) -> None:
    root = write(
        requirements_in="""
            -e libs/a
            ./libs/a/../b ; os_name == "nt"
            --find-links wheels
            c @ file://${PROJECT_ROOT}/libs/c
        """,
        libs__a__pyproject_toml='[project]\nname = "a"\n',
        libs__b__setup_py="",
        libs__c__setup_cfg="[metadata]\nname = C\n",
    )
    first = read_manifest(root, {})
    other = tmp_path / "another place" / "x"
    shutil.copytree(root, other)
    second = read_manifest(other, {})
    assert canonical(first) == canonical(second)
    assert digest(first) == digest(second)
    assert str(tmp_path) not in canonical(first)


def test_the_raw_digest_is_what_a_shell_computes_of_the_same_files(write: Any) -> None:
    root = write(requirements_in='-r "b c.in"\n', **{"b c_in": "a\n"})
    files = read_manifest(root).files
    assert files == ("requirements.in", "b c.in")
    sums = subprocess.run(["sha256sum", *files], cwd=root, check=True, stdout=subprocess.PIPE)
    whole = subprocess.run(
        ["sha256sum"], input=sums.stdout, check=True, stdout=subprocess.PIPE, text=False
    )
    assert raw_digest(root, files) == whole.stdout.decode().split()[0]
    write(**{"b c_in": "a \n"})
    changed = raw_digest(root, files)
    assert changed != whole.stdout.decode().split()[0]
    (root / "b c.in").unlink()
    assert raw_digest(root, files) not in (changed, whole.stdout.decode().split()[0])
    assert raw_digest(root, files) == raw_digest(root, files[:1])
