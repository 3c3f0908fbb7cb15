"""What changed between two manifests, told in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from manifests import PROJECT

from pyve_locks.manifest import canonical, compare, digest, read_manifest

if TYPE_CHECKING:
    pass

HASHES = [f"sha256:{digit * 64}" for digit in "ab"]


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("<3", "<4", ["requests: [security,socks]<3,>=2 -> [security,socks]<4,>=2"]),
        ("  'idna;", '  "six",\n  \'idna;', ["added six"]),
        ('"ruff", ', "", ["removed ruff (group lint)"]),
        (">= 3.9", ">= 3.10", ["requires-python: <4,>=3.9 -> <4,>=3.10"]),
        ('["pytest"]', '["pytest>=8"]', ["pytest: any version -> >=8 (extra dev-tools)"]),
        ("idna; python_version<", "idna; python_version<=", None),
        ("My_Proj", "other", ["name: my-proj -> other"]),
        (
            "[dependency-groups]",
            '[dependency-groups]\nnew = ["x>1", "y"]',
            ["added group new: x>1, y"],
        ),
        ("[dependency-groups]", "[dependency-groups]\nnew = []", ["added group new"]),
        ("optional-dependencies.Dev_Tools", "x.y", ["removed extra dev-tools"]),
        ('"pytest"]', '"pytest", "pytest<9"]', None),
        ("# Comment", "tool.uv.prerelease='allow'", ["[tool.uv] prerelease: none -> allow"]),
        ("# Comment", "tool.uv.no-index=true", ["[tool.uv] no-index: none -> yes"]),
        (
            "# Comment",
            "tool.uv.constraint-dependencies=['a<1']",
            ["added a<1 (constraint)"],
        ),
    ],
)
def test_what_changed_between_two_manifests_is_told(
    write: Any, old: str, new: str, sentences: list[str] | None
) -> None:
    root = write(pyproject_toml=PROJECT)
    first = read_manifest(root)
    write(pyproject_toml=PROJECT.replace(old, new, 1))
    second = read_manifest(root)
    assert digest(first) != digest(second)
    found = compare(canonical(first), canonical(second))
    if sentences is None:
        assert len(found) == 1
        assert " -> " in found[0]
    else:
        assert found == sentences
    assert compare(canonical(second), canonical(second)) == []


def test_changes_of_requirements_files_are_told(write: Any) -> None:
    root = write(
        requirements_in=f"""
            a>=1
            b @ https://example.com/b-1.zip
            -e ./libs/c
            ./libs/d
            e==1 --hash={HASHES[0]}
            --index-url https://example.com/one
            --extra-index-url https://example.com/a
        """,
        libs__c__pyproject_toml='[project]\nname = "c"\ndependencies = ["x"]\n',
        libs__d__setup_py="setup(name=1)",
    )
    first = canonical(read_manifest(root))
    write(
        requirements_in=f"""
            a>=1
            a<3
            b @ https://example.com/b-2.zip
            ./libs/c
            e==1 --hash={HASHES[1]}
            --index-url https://example.com/two
            --extra-index-url https://example.com/a
            --extra-index-url https://example.com/b
            --pre
        """,
        libs__c__pyproject_toml='[project]\nname = "c"\ndependencies = ["x>2", "y"]\n',
    )
    assert compare(first, canonical(read_manifest(root))) == [
        "removed ./libs/d",
        "a: >=1 -> <3 and >=1",
        "b: @ https://example.com/b-1.zip -> @ https://example.com/b-2.zip",
        "c: -e @ ./libs/c -> @ ./libs/c",
        f"e: ==1 --hash={HASHES[0]} -> ==1 --hash={HASHES[1]}",
        "x: any version -> >2 (of libs/c)",
        "added y (of libs/c)",
        "removed what is in libs/d",
        "--extra-index-url: https://example.com/a -> https://example.com/a, https://example.com/b",
        "--index-url: https://example.com/one -> https://example.com/two",
        "--pre: none -> yes",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        "[" * 100000,
        '{"version":2}',
        '{"version":1,"roots":[]}',
        '{"version":1,"roots":{"":[1]}}',
        '{"version":1,"constraints":7}',
        '{"version":1,"uv":7}',
        '{"version":1,"local":{"":""}}',
        '{"version":1,"roots":{"":["a"]},"more":7}',
    ],
)
def test_of_a_manifest_that_cannot_be_understood_that_is_told(write: Any, text: str) -> None:
    new = canonical(read_manifest(write(requirements_in="a")))
    assert compare(text, new) == ["it is not known what the lock was made from"]
