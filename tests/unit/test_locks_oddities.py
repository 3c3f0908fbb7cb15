"""Locks, manifests and graphs that nobody wrote on purpose, or somebody did to do harm."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from solving import Project, versions

from pyve_core import HelperError
from pyve_core.fixes import open_up
from pyve_locks.change import plan_addition, plan_removal
from pyve_locks.edit import add_requirements, remove_requirements
from pyve_locks.edit_common import check_secret
from pyve_locks.graph import find_nodes, graph_of
from pyve_locks.lock_file import parse_lock, read_lock
from pyve_locks.made_project import list_sources
from pyve_locks.manifest import read_manifest
from pyve_locks.migrate_setup_cfg import read_setup_cfg
from pyve_locks.tree import format_tree, tree

HEAD = 'lock-version = "1.0"\ncreated-by = "somebody"\n'


def lock_of(name: str = "alpha", version: str = "1.0", more: str = "") -> str:
    """Return a lock of one package; the strings are TOML, without their quotes."""
    return f'{HEAD}{more}[[packages]]\nname = "{name}"\nversion = "{version}"\n'


# --- reading


@pytest.mark.parametrize(
    ("name", "version", "what"),
    [
        (r"ev\u001b[31mil", "1.0", "name"),
        (r"a\nb", "1.0", "name"),
        ("../../etc", "1.0", "name"),
        ("--index-url", "1.0", "name"),
        ("a; python_version", "1.0", "name"),
        ("", "1.0", "name"),
        ("alpha", r"1.0\u0007", "version"),
        ("alpha", "1.0 --hash", "version"),
        ("alpha", "-r", "version"),
    ],
)
def test_names_and_versions_that_are_none_are_refused(name: str, version: str, what: str) -> None:
    with pytest.raises(HelperError) as caught:
        parse_lock(lock_of(name, version), Path("pylock.toml"))
    assert caught.value.code == "E_LOCK_FILE"
    assert caught.value.why[0].endswith(f"is no {what} of a package")
    assert ":3:1 " in caught.value.message
    assert all(character.isprintable() for character in caught.value.why[0])


@pytest.mark.parametrize("name", ["A", "zope.interface", "Foo_Bar-baz.1"])
@pytest.mark.parametrize("version", ["1!2.0", "1.0+local.1", "2.0rc1", "v1.0"])
def test_what_is_unusual_but_right_is_read(name: str, version: str) -> None:
    assert parse_lock(lock_of(name, version), Path("x")).packages[0]["name"] == name


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    os.mkfifo(path)
    with pytest.raises(HelperError) as caught:
        read_lock(path)
    assert caught.value.code == "E_LOCK_FILE_READ"
    assert caught.value.fix == [f"mv {path} {path}.old"]
    path.unlink()
    path.mkdir()
    with pytest.raises(HelperError) as caught:
        read_lock(path)
    assert caught.value.fix == [f"mv {path} {path}.old"]
    path.rmdir()
    # A link that leads nowhere is a lock that is missing.
    path.symlink_to("gone")
    with pytest.raises(HelperError) as caught:
        read_lock(path)
    assert caught.value.code == "E_LOCK_MISSING"


def test_no_fix_moves_a_device() -> None:
    assert open_up("/dev/null/pyve/templates") == []
    assert open_up("/dev/null") == []


def test_git_marks_in_a_manifest_are_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "shop"\n<<<<<<< HEAD\nversion = "1"\n=======\nversion = "2"\n>>>>>>> x\n'
    )
    with pytest.raises(HelperError) as caught:
        read_manifest(tmp_path)
    assert caught.value.message == "pyproject.toml, line 3: git left the marks of a merge in it"


# --- graphs


def recorded(requirement: str) -> str:
    """Return the table of Pyve in a lock that was made from one requirement."""
    import json

    manifest = json.dumps({"name": "foo-bar", "roots": {"": [requirement]}, "version": 1})
    return f"[tool.pyve]\nversion = 1\nmanifest = {json.dumps(manifest)}\n"


def test_a_path_with_blanks_is_asked_for() -> None:
    for text in ("-e alpha @ ./my libs/a", "alpha[x] @ ./my libs/a ; python_version > '3'"):
        graph = graph_of(parse_lock(lock_of(more=recorded(text)), Path("x")))
        assert [wish.text for wish in graph.wishes] == [text]
        assert format_tree(tree(graph), False).splitlines()[1].endswith(f"({text})")


def test_the_project_itself_is_no_package_of_its_lock() -> None:
    graph = graph_of(parse_lock(lock_of(more=recorded("alpha")), Path("x")))
    with pytest.raises(HelperError) as caught:
        find_nodes(graph, "Foo.Bar")
    assert caught.value.message == "'Foo.Bar' is the project itself"
    assert caught.value.fix == ["pyve tree"]


# --- editing


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a-1.0-py3-none-any.whl?token=abcdefgh",
        "https://example.org/a-1.0-py3-none-any.whl?x=1&api_key=abcdefgh",
        "https://example.org/t/abcdefgh/a-1.0-py3-none-any.whl",
        "git+https://abcdefgh@example.org/a.git",
    ],
)
def test_a_url_with_a_token_anywhere_is_not_written(url: str) -> None:
    with pytest.raises(HelperError) as caught:
        check_secret(url, "requirements.in")
    assert "has a password or token in it" in caught.value.message
    assert "abcdefgh" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a-1.0-py3-none-any.whl?token=${TOKEN}",
        "https://example.org/a-1.0-py3-none-any.whl#sha256=0123456789abcdef",
        "https://${USER_NAME}:${PASSWORD}@example.org/a.whl",
        "git+file:///srv/a@main#subdirectory=b",
        "git+ssh://git@example.org/a.git",
        "file:///srv/a",
    ],
)
def test_other_urls_are(url: str) -> None:
    check_secret(url, "requirements.in")


def test_one_place_has_one_line_however_it_is_written() -> None:
    text = '-e "my libs/a"  # ours\n./b\n'
    for wish in ('-e "./my libs/a"', "-e './my libs/a/'", "./b/", "./b"):
        assert add_requirements(text, "requirements", [wish]) == text
    # Editable or not: the line is changed.
    assert add_requirements(text, "requirements", ["-e ./b"]) == text.replace("./b", "-e ./b")
    rest, removed = remove_requirements(text, "requirements", ["./my libs/a"])
    assert (rest, list(removed)) == ("./b\n", ['-e "my libs/a"'])


def test_a_folder_is_removed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "my libs").mkdir()
    (tmp_path / "my libs" / "pyproject.toml").write_text('[project]\nname = "Lib.A"\nversion="1"\n')
    (tmp_path / "requirements.in").write_text("alpha\n")
    (edit,) = plan_addition(tmp_path, [], "", ["my libs"], tmp_path)
    # As pip reads it: as a shell does.
    assert edit.new == b'alpha\n-e "./my libs"\n'
    (tmp_path / "requirements.in").write_bytes(edit.new)
    (edit,), removed = plan_removal(tmp_path, ["lib-a"], "", None)
    assert (edit.new, removed) == (b"alpha\n", ['-e "./my libs"'])


# --- a project whose version only building tells

WHEELS = (
    *(make_wheel("helper", version, ["shop>=5"]) for version in ("2.0", "3.0")),
    # (The solver would go back to this one, if the project had a version that is too low.)
    make_wheel("helper", "0.1"),
    make_wheel("ring", "1.0"),
)
DYNAMIC = (
    '[project]\nname = "Shop"\ndynamic = ["version"]\nrequires-python = ">=3.9"\n'
    'dependencies = ["helper"]\n[project.optional-dependencies]\nbell = ["ring"]\n'
    'all = ["shop[bell]"]\n[dependency-groups]\ndev = ["shop[all]"]\n'
)


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalIndex]:
    with LocalIndex(*WHEELS) as index:
        yield index


@pytest.mark.parametrize("more", ["", "[tool.uv.sources]\nshop = { workspace = true }\n"])
def test_a_version_that_is_not_known_limits_nothing(
    tmp_path: Path, shared: LocalIndex, more: str
) -> None:
    project = Project.make(tmp_path, shared.env)
    (project.root / "pyproject.toml").write_text(DYNAMIC + more)
    lock = project.lock()
    assert versions(lock) == ["helper 3.0", "ring 1.0"]
    (ring,) = [package for package in lock.packages if package["name"] == "ring"]
    assert ring["marker"] == "'all' in extras or 'bell' in extras or 'dev' in dependency_groups"
    # The same again, with the lock as preferences.
    assert project.lock(preferences=lock) == lock


def test_a_version_that_is_known_does(tmp_path: Path, shared: LocalIndex) -> None:
    project = Project.make(tmp_path, shared.env)
    text = DYNAMIC.replace('dynamic = ["version"]', 'version = "1.0"')
    (project.root / "pyproject.toml").write_text(text)
    assert versions(project.lock()) == ["helper 0.1", "ring 1.0"]
    (project.root / "pyproject.toml").write_text(text.replace('"1.0"', '"5.0"'))
    assert versions(project.lock()) == ["helper 3.0", "ring 1.0"]


def test_a_project_is_its_own_source_only_where_it_is_named(tmp_path: Path) -> None:
    more = "[tool.uv.sources]\nSHOP = { workspace = true }\n"
    (tmp_path / "pyproject.toml").write_text(DYNAMIC + more)
    assert list_sources(read_manifest(tmp_path)) == {}
    (tmp_path / "pyproject.toml").write_text(
        DYNAMIC.replace('dynamic = ["version"]', 'version = "1.0"') + more
    )
    assert list_sources(read_manifest(tmp_path)) == {"shop": {"workspace": True}}


# --- links


@pytest.mark.parametrize("name", ["requirements.in", "requirements.txt", "pyproject.toml"])
def test_a_manifest_that_is_a_link_out_of_the_project_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    text = '[project]\nname = "a"\nversion = "1"\n' if name.endswith("toml") else "alpha\n"
    (tmp_path / name).write_text(text)
    (root / name).symlink_to(f"../{name}")
    with pytest.raises(HelperError) as caught:
        read_manifest(root)
    assert caught.value.code == "E_MANIFEST"
    assert "is a link to a file outside of the project" in caught.value.message
    subprocess.run(shlex.split(caught.value.fix[0]), cwd=root, check=True)
    assert read_manifest(root).files == (name,)
    # Within the project it may be one.
    (root / "real").mkdir()
    (root / name).rename(root / "real" / name)
    (root / name).symlink_to(f"real/{name}")
    assert read_manifest(root).files == (name,)


def test_a_setup_cfg_that_is_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "setup.cfg").write_text("[options]\ninstall_requires = alpha\n")
    (root / "setup.cfg").symlink_to("../setup.cfg")
    with pytest.raises(HelperError) as caught:
        read_setup_cfg(root)
    assert "is a link to a file outside of the project" in caught.value.message


def test_a_project_without_a_name_is_called_by_its_file() -> None:
    made_from = json.dumps({"roots": {"": ["alpha"]}, "version": 1})
    more = (
        '[tool.pyve]\nfiles = ["pyproject.toml", "more.txt", "requirements.in"]\n'
        f"manifest = {json.dumps(made_from)}\n"
    )
    graph = graph_of(parse_lock(lock_of(more=more), Path("pylock.toml")))
    assert format_tree(tree(graph), utf8=False) == "requirements.in\n`-- alpha 1.0\n"
    assert "`-- requirements.in: alpha" in format_tree(tree(graph, invert=True), utf8=False)
    assert graph.choose([""]).manifest == "requirements.in"


def test_what_leads_to_no_name_says_what_would(project: Project) -> None:
    (project.root / "pyproject.toml").unlink(missing_ok=True)
    (project.root / "sub").mkdir()
    (project.root / "requirements.in").write_text("-e ./sub\n")
    with pytest.raises(HelperError) as caught:
        project.lock()
    assert "what -e ./sub leads to" in caught.value.message
    assert "a pyproject.toml in it" in caught.value.why[0]
