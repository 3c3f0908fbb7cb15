"""pyve_locks.edit: requirements go in and out of a manifest, and all else stays to the byte."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from editing import NAMES, NEW, add, bare, complain, project, remove
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_locks import edit
from pyve_locks.edit import add_requirements, edit_bytes, remove_requirements
from pyve_locks.manifest import read_manifest
from pyve_locks.toml_lines import parse_toml


@pytest.mark.parametrize("kind", ["pyproject", "requirements"])
@pytest.mark.parametrize(
    "url",
    [
        "https://me:geheim1@host.example/b.zip",
        "git+https://geheim1@host.example/b.git",
        "git+ssh://git:geheim1@host.example/b.git",
    ],
)
def test_a_password_never_gets_into_a_manifest(kind: str, url: str) -> None:
    text = "[project]\n" if kind == "pyproject" else ""
    error = complain(lambda: add(text, f"b @ {url}", kind=kind))
    assert "host.example" in error.message
    assert "geheim1" not in "".join([error.message, *error.why])


def test_what_is_no_secret_may_stand_in_a_url() -> None:
    for url in (
        "https://me:${TOKEN}@host.example/b.zip",
        "git+ssh://git@host.example/b.git",
        "git+https://git@host.example/b.git",
    ):
        assert url in add("", f"b @ {url}", kind="requirements")


# --- any list in TOML


def make_list(random_: random.Random) -> tuple[str, list[str]]:
    """Write a list as nobody would, but as TOML allows."""

    def space(comments: bool = True) -> str:
        parts = ["", "", " ", "  ", "\t", "\n", "\n\n", "\n    "]
        if comments:
            parts += [" # c, 'x' ]\n", '\n  # d " [\n', "#\n    "]
        return random_.choice(parts)

    names = random_.sample(NAMES, random_.randint(0, 4))
    if random_.random() < 0.6:
        names.sort(key=canonicalize_name)
    tidy = random_.random() < 0.5
    before, behind = space(), random_.choice(["", " ", space()])
    text = "[" + space()
    for number, name in enumerate(names):
        quote = random_.choice(["'", '"', '"""'])
        text += f"{quote}{name}>={number}{quote}"
        if number < len(names) - 1 or random_.random() < 0.5:
            text += (behind if tidy else space()) + "," + (before if tidy else space())
    return text + space() + "]", names


def test_any_list_gets_back_to_the_byte_what_it_was() -> None:
    for seed in range(200):
        random_ = random.Random(seed)
        written, names = make_list(random_)
        newline = random_.choice(["\n", "\r\n"])
        before = random_.choice([project, inline_project, group])(written).replace("\n", newline)
        root = "group:dev" if "dependency-groups" in before else ""
        new = random_.choice(NEW)
        after = add(before, new, root=root)
        assert_only_list_differs(before, after, names, new)
        assert remove_requirements(after, "pyproject", [bare(new)], root)[0] == before, (
            seed,
            before,
            after,
        )
        for name in names:
            left = remove(before, name, root=root)
            rest = [f"{other}>={number}" for number, other in enumerate(names) if other != name]
            assert find_list(parse_toml(left)) == rest, (seed, before, left)
            assert set(comments(left)) <= set(comments(before))


def inline_project(dependencies: str) -> str:
    """Give a pyproject.toml whose [project] is an inline table."""
    return f"project = {{ name = 'x', dependencies = {dependencies}, version = '1' }} # x\n"


def group(dependencies: str) -> str:
    """Give a pyproject.toml with a group only."""
    return f"dependency-groups.dev = {dependencies}\n[tool.x]\n"


def find_list(data: dict[str, Any]) -> Any:
    """Give the list that the files of the two functions above have."""
    return (
        data["project"]["dependencies"] if "project" in data else data["dependency-groups"]["dev"]
    )


def comments(text: str) -> list[str]:
    """Give what looks like a comment."""
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


def assert_only_list_differs(before: str, after: str, names: list[str], new: str) -> None:
    old_data, new_data = parse_toml(before), parse_toml(after)
    listed = find_list(new_data)
    assert sorted(map(str, map(Requirement, listed))) == sorted(
        [f"{name}>={number}" for number, name in enumerate(names)] + [str(Requirement(new))]
    )
    find_list(old_data)[:] = listed
    assert old_data == new_data
    # Only something new stands in it: all that was there is there, in its order.
    rest = iter(after)
    assert all(character in rest for character in before)


# --- all kinds


@pytest.mark.parametrize(
    ("kind", "data", "encoding"),
    [
        ("pyproject", '\ufeff[project]\r\nname = "é"\r\ndependencies = []', "utf-8"),
        ("requirements", "\ufeff# é\r\na\r\n", "utf-16"),
        ("requirements", "\ufeffa", "utf-16-be"),
        ("requirements", "\ufeffa", "utf-32-le"),
        ("requirements", "#!x\n# -*- coding: latin-1 -*-\na  # é\n", "latin-1"),
        ("requirements", "a  # é\n", "utf-8"),
        ("environment", "\ufeffdependencies:\n  - a # é\n", "utf-16-le"),
        ("environment", "\ufeffdependencies:\n  - a # é\n", "utf-8"),
    ],
)
def test_an_encoding_is_kept(kind: str, data: str, encoding: str) -> None:
    before = data.lstrip("\ufeff" if encoding == "utf-16" else "").encode(encoding)
    after = edit_bytes(before, kind, lambda text: add(text, "b", kind=kind))
    assert after != before
    assert "b" in after.decode(encoding)
    assert edit_bytes(after, kind, lambda text: remove(text, "b", kind=kind)) == before


@pytest.mark.parametrize(
    ("file", "kind", "text", "root"),
    [
        ("pyproject.toml", "pyproject", '[project]\nname = "x"\nversion = "1"\n', ""),
        ("pyproject.toml", "pyproject", '[project]\nname = "x"\nversion = "1"\n', "group:dev"),
        ("pyproject.toml", "pyproject", '[project]\nname = "x"\nversion = "1"\n', "extra:web"),
        ("requirements.in", "requirements", "# nothing yet\n", ""),
    ],
)
def test_what_is_added_is_what_the_manifest_asks_for(
    file: str, kind: str, text: str, root: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(add(text, "Flask[async]>=2,<3", kind=kind, root=root))
    asked = read_manifest(tmp_path).roots[root]
    assert [wish.canonical() for wish in asked] == ["flask[async]<3,>=2"]


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("pyproject", b"a = 1\nb = '\xff'\n", "pyproject.toml, line 2: the text is not utf-8"),
        ("requirements", b"# coding: nonsense\n", "its encoding nonsense is not known"),
        ("requirements", b"# coding: ascii\n\xff\n", "line 2: the text is not ascii"),
    ],
)
def test_what_is_no_text_is_said(kind: str, data: bytes, said: str) -> None:
    assert said in complain(lambda: edit_bytes(data, kind, str)).message


def test_what_an_encoding_lacks_is_said() -> None:
    error = complain(
        lambda: edit_bytes(b"# coding: ascii\n", "requirements", lambda text: text + "./é\n")
    )
    assert "cannot be written in ascii" in error.message


def test_a_byte_order_mark_stays_in_front() -> None:
    for kind, text in (("requirements", "\ufeffb\n"), ("environment", "\ufeffdependencies: [b]\n")):
        new = add(text, "a", kind=kind)
        assert new.startswith("\ufeff")
        assert new.count("\ufeff") == 1
        assert remove(new, "a", kind=kind) == text


@pytest.mark.parametrize(
    ("kind", "text", "function", "wrong"),
    [
        ("pyproject", project('["a"]'), "insert_item", project('["b", "c"]')),
        ("pyproject", project('["a"]'), "insert_item", project('["a", "b"]') + "[more]\n"),
        ("pyproject", project('["a"]'), "insert_item", project('["a" "b"]')),
        ("requirements", "a", "newline_of", ""),
        ("environment", "dependencies: [a]\n", "insert_item", "dependencies: [a, c]\n"),
        ("environment", "dependencies: [a]\n", "insert_item", "dependencies: [a, b]\nmore:\n"),
        ("environment", "dependencies: [a]\n", "insert_item", "dependencies: [a, b\n"),
    ],
)
def test_what_does_not_come_out_as_intended_never_comes_out(
    kind: str, text: str, function: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"pyve_locks.edit_{kind}")
    monkeypatch.setattr(module, function, lambda *args, **more: wrong)
    error = complain(lambda: add_requirements(text, kind, ["b"]))
    assert "cannot be edited safely" in error.message


def test_an_unknown_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(HelperError) as caught:
        add_requirements("", "setup.cfg", ["a"])
    assert caught.value.code == "E_HELPER_USAGE"


@pytest.mark.parametrize(
    ("kind", "text", "unwanted"),
    [
        ("requirements", "", {"tomlkit", "yaml"}),
        ("environment", "", {"tomlkit"}),
        ("pyproject", "[project]", {"yaml"}),
    ],
)
def test_each_kind_imports_only_its_own_parser(kind: str, text: str, unwanted: set[str]) -> None:
    helpers = str(Path(edit.__file__).parents[1])
    code = (
        f"import sys; sys.path.insert(0, {helpers!r})\n"
        "from pyve_locks.edit import add_requirements\n"
        f"add_requirements({text!r}, {kind!r}, ['a'])\n"
        f"assert not {unwanted!r} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-B", "-c", code], check=True)
