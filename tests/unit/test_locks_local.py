"""Local folders and archives that a manifest asks for are a part of its fingerprint."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pyve_core import HelperError
from pyve_locks.local_project import read_name
from pyve_locks.manifest import canonical, compare, read_manifest
from pyve_locks.toml_lines import TomlError, find_lines, parse_toml

if TYPE_CHECKING:
    from pathlib import Path

    from pyve_locks.toml_lines import Path as Keys


def put(root: Path, **files: str) -> None:
    for name, content in files.items():
        place = root / name.replace("__", "/").replace("_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)


def local(root: Path) -> Any:
    return json.loads(canonical(read_manifest(root, {}))).get("local")


def test_what_a_local_project_asks_for_is_part_of_the_manifest(tmp_path: Path) -> None:
    put(
        tmp_path,
        requirements_in="-e ./lib\n",
        lib__pyproject_toml="""
            [project]
            name = "lib"
            version = "1"
            requires-python = ">=3.9"
            dependencies = ["b >= 2", "a@ file:///nowhere"]
            optional-dependencies.X_Y = ["c ;os_name == 'nt'"]
        """,
        lib__setup_py="anything",
    )
    up = "../" * (len(tmp_path.parts) - 1)
    assert local(tmp_path)["lib"] == [
        "Python>=3.9",
        f"a @ {up}nowhere",
        "b>=2",
        'c; os_name == "nt" (extra x-y)',
    ]
    assert read_manifest(tmp_path).files == ("requirements.in", "lib/pyproject.toml")
    before = canonical(read_manifest(tmp_path))
    text = (tmp_path / "lib/pyproject.toml").read_text()
    put(tmp_path, lib__pyproject_toml=text.replace('"1"', '"2"'))
    assert canonical(read_manifest(tmp_path)) == before
    put(tmp_path, lib__pyproject_toml=text.replace("b >= 2", "b >= 3"))
    assert compare(before, canonical(read_manifest(tmp_path))) == ["b: >=2 -> >=3 (of lib)"]


def test_of_files_that_only_a_build_understands_the_content_counts(tmp_path: Path) -> None:
    put(
        tmp_path,
        requirements_in="./one\n./two\n./a-1.0-py3-none-any.whl\n./gone\n",
        one__setup_py="x",
        one__setup_cfg="y",
        two__pyproject_toml='[project]\nname = "two"\ndynamic = ["dependencies"]\n',
        two__setup_py="z",
        gone__x="",
    )
    (tmp_path / "a-1.0-py3-none-any.whl").write_bytes(b"wheel")
    found = local(tmp_path)
    assert [text.partition(":")[0] for text in found["one"]] == [
        "setup.cfg sha256",
        "setup.py sha256",
    ]
    assert [text.partition(":")[0] for text in found["two"]] == ["setup.py sha256"]
    assert len(found["a-1.0-py3-none-any.whl"][0]) == len("a-1.0-py3-none-any.whl sha256:") + 64
    assert found["gone"] == []
    files = read_manifest(tmp_path).files
    assert set(files[1:]) == {
        *("one/setup.py", "one/setup.cfg", "two/pyproject.toml", "two/setup.py"),
        "a-1.0-py3-none-any.whl",
    }
    (tmp_path / "a-1.0-py3-none-any.whl").write_bytes(b"other")
    other = local(tmp_path)
    assert other["a-1.0-py3-none-any.whl"] != found["a-1.0-py3-none-any.whl"]
    put(tmp_path, one__setup_py="other")
    assert local(tmp_path)["one"] != found["one"]


def test_sources_and_members_lead_to_local_projects_also_from_each_other(tmp_path: Path) -> None:
    put(
        tmp_path,
        pyproject_toml="""
            [project]
            name = "p"
            dependencies = ["a", "z @ file://${PROJECT_ROOT}/libs/z"]
            [tool.uv.sources]
            a = [{path = "libs/a", marker = "os_name == 'nt'"}, {index = "x"}]
            b = {workspace = true}
            [tool.uv.workspace]
            members = ["members/*"]
        """.replace("${PROJECT_ROOT}", tmp_path.as_posix()),
        libs__a__pyproject_toml="""
            [project]
            name = "a"
            [tool.uv.sources]
            c = {path = "../c", editable = true}
            back = {path = "../../libs/a"}
        """,
        libs__c__pyproject_toml='[project]\nname = "c"\ndependencies = ["deep"]\n',
        libs__z__pyproject_toml='[project]\nname = "z"\n',
        members__b__pyproject_toml='[project]\nname = "b"\ndependencies = ["inner"]\n',
        members__no__readme="",
    )
    assert local(tmp_path) == {
        "libs/a": [],
        "libs/c": ["deep"],
        "libs/z": [],
        "members/b": ["inner"],
    }
    assert "members/b/pyproject.toml" in read_manifest(tmp_path).files
    assert str(tmp_path) not in canonical(read_manifest(tmp_path))


def test_a_damaged_local_project_asks_for_nothing_that_can_be_told(tmp_path: Path) -> None:
    put(tmp_path, requirements_in="x @ ./lib\n", lib__pyproject_toml="[project\n")
    found = local(tmp_path)["lib"]
    assert len(found) == 1
    assert found[0].startswith("pyproject.toml sha256:")
    put(tmp_path, lib__pyproject_toml='[project]\ndependencies = ["b >", 7]\n')
    assert local(tmp_path)["lib"] == ["7", "b >"]
    put(tmp_path, lib__pyproject_toml='project = 7\n[tool.uv]\nsources = 7\nworkspace = "x"\n')
    assert local(tmp_path)["lib"][0].startswith("pyproject.toml sha256:")


def test_of_a_pyproject_toml_without_project_counts_what_is_for_building(tmp_path: Path) -> None:
    put(tmp_path, requirements_in="x @ ./lib\n", lib__pyproject_toml="[tool.ruff]\nx = 1\n")
    first = local(tmp_path)
    put(tmp_path, lib__pyproject_toml="[tool.ruff]\nx = 2\n")
    assert local(tmp_path) == first
    put(tmp_path, lib__pyproject_toml="[tool.poetry.dependencies]\nx = 2\n")
    assert local(tmp_path) != first


def test_no_credential_of_a_local_project_is_in_the_manifest(tmp_path: Path) -> None:
    put(
        tmp_path,
        requirements_in="./lib\n",
        lib__pyproject_toml='[project]\nname = "a"\ndependencies = ["b @ https://u:hush@h.example/b"]',
    )
    assert local(tmp_path)["lib"] == ["b @ https://h.example/b"]
    assert "hush" not in repr(read_manifest(tmp_path))


@pytest.mark.parametrize("name", [b"a\\b", b"a\nb", b"a\xffb"])
def test_names_that_cannot_stand_in_a_list_of_files_are_refused(
    tmp_path: Path, name: bytes
) -> None:
    put(
        tmp_path,
        pyproject_toml='[project]\nname = "p"\n[tool.uv.workspace]\nmembers = ["m/*"]\n',
    )
    folder = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"m", name))
    try:
        os.makedirs(folder)
    except OSError:
        pytest.skip("this file system has no such names")
    shutil.copy(tmp_path / "pyproject.toml", folder)
    with pytest.raises(HelperError) as caught:
        read_manifest(tmp_path)
    assert caught.value.code == "E_MANIFEST"
    assert caught.value.message.isascii()


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("pyproject.toml", '[project]\nname = "A_b"\n', "a-b"),
        ("pyproject.toml", "[project]\nname = 7\n", ""),
        ("setup.cfg", "[metadata]\nname = A.b\n", "a-b"),
        ("setup.cfg", "name = broken", ""),
        ("setup.py", "from setuptools import *\nsetup(name='a', version=v)\n", "a"),
        ("setup.py", "import setuptools\nif True:\n    setuptools.setup(name='a')\n", "a"),
        ("setup.py", "setup(name=read('name'))\n", ""),
        ("setup.py", "other(name='a')\nsetup(**{'name': 'b'})\n", ""),
        ("setup.py", "print 'python 2'\n", ""),
        ("setup.py", "\0", ""),
    ],
)
def test_the_name_of_a_local_project_is_told_without_running_it(
    tmp_path: Path, file: str, text: str, name: str
) -> None:
    (tmp_path / file).write_text(text)
    assert read_name(str(tmp_path)) == name


# The lines of TOML

TRICKY = '''\
# [no] "table
a."b.c".'d' = 1 # ]
"quoted # key" = "]\\"["
dates = [1979-05-27 07:32:00Z, 07:32:00, 1979-05-27T00:32:00.999-07:00]
text = """
[no]
a = 1\\"""
""""
raw = \'\'\'\'x'
]\'\'\'
empty = []
nested = [ [1, 2], # [
  [ "x",
    "y,]" ], {k = [
 "z"], l.m = 1e+5}
  ,]

[ t . "u.v" ]
x = {}
[[list]]
n = 1
[list.inner]
o = [
1]
[[list]]
n = 2
[[list.deep]]
[[list.deep]]
p = -inf
'''

LINES = {
    ("a",): 2,
    ("a", "b.c", "d"): 2,
    ("quoted # key",): 3,
    ("dates", 2): 4,
    ("text",): 5,
    ("raw",): 9,
    ("empty",): 11,
    ("nested",): 12,
    ("nested", 0, 1): 12,
    ("nested", 1): 13,
    ("nested", 1, 0): 13,
    ("nested", 1, 1): 14,
    ("nested", 2, "k"): 14,
    ("nested", 2, "k", 0): 15,
    ("nested", 2, "l", "m"): 15,
    ("t",): 18,
    ("t", "u.v"): 18,
    ("t", "u.v", "x"): 19,
    ("list", 0): 20,
    ("list", 0, "n"): 21,
    ("list", 0, "inner", "o", 0): 24,
    ("list", 1): 25,
    ("list", 1, "n"): 26,
    ("list", 1, "deep", 1, "p"): 29,
}


def test_lines_of_toml_are_found_whatever_is_in_it() -> None:
    for text in (TRICKY, TRICKY.replace("\n", "\r\n")):
        lines = find_lines(text)
        assert {key: lines.get(key) for key in LINES} == LINES
        assert set(walk(parse_toml(text))) <= set(lines)


def walk(value: Any, path: Keys = ()) -> list[Keys]:
    """Give the paths of all values."""
    found = [path] if path else []
    pairs: Any = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else pairs:
        found += walk(item, (*path, key))
    return found


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a = 1\nb = ]\n", 2, 5), ("a = 1\na = 2\n", 2, 6), ('a = "', 1, 6), ("a = [\n", 2, 1)],
)
def test_what_is_no_toml_is_told_with_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(TomlError) as caught:
        parse_toml(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "at line" not in str(caught.value)


def test_toml_that_is_nested_without_end_is_told_to_be() -> None:
    with pytest.raises(TomlError, match="nested"):
        parse_toml(f"a = {'[' * 100000}")
