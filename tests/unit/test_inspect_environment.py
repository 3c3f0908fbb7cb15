"""helpers/inspect_environment.py: what is read from site-packages, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyve_installed.distributions import (
    Distribution,
    list_distributions,
    normalize,
    read_pth,
)
from pyve_installed.faults import find_damaged, find_duplicates
from pyve_installed.pylock import find_drift, select_locked
from pyve_installed.requirements import (
    compose_requirement,
    find_broken,
    find_judge,
    judge_requirement,
)
from pyve_installed.startup import judge_line


@pytest.fixture(scope="module")
def judge() -> object:
    """The `packaging` of the tests' own environment."""
    import packaging

    found = find_judge([Path(packaging.__file__).parents[1]])
    assert found is not None
    return found


def install(folder: Path, name: str, version: str, *lines: str, record: str = "") -> Path:
    """Write the .dist-info of a distribution."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = "\n".join([f"Name: {name}", f"Version: {version}", *lines])
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{text}\n\nName: not this\n")
    (info / "RECORD").write_text(record)
    return info


def make(name: str, version: str, *requires: str, own: bool = True) -> Distribution:
    """Give a distribution that is nowhere."""
    path = Path(f"/{name}.dist-info")
    return Distribution(name, name, version, path, path.parent, list(requires), own=own)


def test_names_are_normalised() -> None:
    assert normalize("Foo._-Bar") == "foo-bar"


def test_metadata_is_read_and_its_text_is_not(tmp_path: Path) -> None:
    install(tmp_path, "Foo_Bar", "1.0", "Requires-Dist: x>=1", "Requires-Python: >=3.9")
    (tmp_path / "old-2.0-py3.9.egg-info").write_text("Name: old\nVersion: 2.0\n")
    (tmp_path / "~ame-1.dist-info").mkdir()
    (tmp_path / "empty-3.dist-info").mkdir()
    found = {d.name: d for d in list_distributions(tmp_path, True)}
    assert sorted(found) == ["empty", "foo-bar", "old"]
    assert found["foo-bar"].requires == ["x>=1"]
    assert found["foo-bar"].requires_python == ">=3.9"
    assert found["old"].version == "2.0"
    assert (found["empty"].version, found["empty"].whole) == ("3", False)


def test_pth_files_are_read_as_site_does(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    file = tmp_path / "x.pth"
    file.write_text("# c\n\nimport a\nimport\tb\nthere\ngone\nimportant\n")
    assert list(read_pth(file)) == [
        ("import", "import a"),
        ("import", "import\tb"),
        ("path", str(tmp_path / "there")),
    ]


def test_damaged_distributions_and_leftovers_are_found(tmp_path: Path) -> None:
    install(tmp_path, "good", "1")
    (install(tmp_path, "bare", "1") / "RECORD").unlink()
    (install(tmp_path, "nameless", "1") / "METADATA").unlink()
    conda = install(tmp_path, "conda", "1")
    (conda / "RECORD").unlink()
    (conda / "INSTALLER").write_text("conda")
    (tmp_path / "~ood").mkdir()
    assert [item[:2] for item in find_damaged([tmp_path])] == [
        ("no-record", "bare"),
        ("no-metadata", "nameless"),
        ("leftover", "~ood"),
    ]
    assert list(find_damaged([tmp_path / "gone"])) == []


def test_of_two_versions_the_one_whose_files_are_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    install(tmp_path, "a", "1", record="a.py,sha256=AAAA,0\n")
    install(
        tmp_path, "A", "2", record="a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
    )
    (item,) = find_duplicates(list_distributions(tmp_path, True))
    assert item[0] == "a"
    assert item[2:] == [str(tmp_path / "a-1.dist-info")]
    (tmp_path / "a.py").write_text("changed")
    (item,) = find_duplicates(list_distributions(tmp_path, True))
    assert len(item) == 2
    # One of them elsewhere is no fault: the first on the path is meant.
    assert list(find_duplicates([make("a", "1"), make("a", "2", own=False)])) == []


def test_requirements_are_judged_as_pip_check_does(judge: object) -> None:
    found = [
        make(
            "app", "1", "lib>=2", 'gone; extra == "x"', 'win; sys_platform == "win32"', "Gone.It<3"
        ),
        make("lib", "1.5"),
        make("pre", "1", "beta>=1"),
        make("beta", "1.1b2"),
        make("shared", "1", own=False),
    ]
    missing, wrong, wanted = find_broken(found, judge, "3.12.0")
    assert missing == [("app 1", "Gone.It<3", "Gone.It")]
    assert wrong == [("app 1", "lib>=2", "lib", "1.5")]
    assert wanted == ["lib>=2", "gone-it<3"]


def test_the_interpreter_has_to_be_one_that_a_distribution_takes(judge: object) -> None:
    old = make("old", "1")
    old.requires_python = "<3.9"
    assert find_broken([old], judge, "3.12.0")[1] == [("old 1", "Python <3.9", "Python", "3.12.0")]
    old.requires_python = "what?"
    assert find_broken([old], judge, "3.12.0")[1] == []


def test_what_several_ask_for_is_asked_for_together() -> None:
    assert compose_requirement("a", [">=1,<3", ">=2", "", ">=1,<3"]) == "a>=1,<3,>=2"
    assert compose_requirement("a", [">=1", "a @ https://x/a.whl"]) == "a @ https://x/a.whl"
    assert compose_requirement("a", [""]) == "a"


def test_without_packaging_only_what_is_certain_is_told() -> None:
    assert judge_requirement("a>=1; python_version < '3'", None) is None
    assert judge_requirement("a>=1", None) == ("a", "a>=1", "")
    missing, wrong, _ = find_broken([make("app", "1", "a>=1", "b"), make("b", "0")], None, "3")
    assert (missing, wrong) == ([("app 1", "a>=1", "a")], [])
    assert find_judge([Path("/nowhere")]) is None


def test_requirements_that_cannot_be_read_are_left_alone(judge: object) -> None:
    assert find_broken([make("app", "1", "???", "a >> 1", "")], judge, "3.12.0") == ([], [], [])


@pytest.mark.parametrize(
    ("line", "owner", "level"),
    [
        (
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') "
            "== 'local'; enabled and __import__('_distutils_hack'); ",
            "",
            "",
        ),
        (
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') "
            "== 'local'; enabled and __import__('_distutils_hack'); import evil",
            "",
            "warning",
        ),
        ("import __editable___demo_1_0_finder; __editable___demo_1_0_finder.install()", "", ""),
        ("import __editable___a_finder; __editable___b_finder.install()", "", "warning"),
        ("import _virtualenv", "", ""),
        ("import helper", "helper 1", "note"),
        ("import helper", "", "warning"),
        ("import os; os.system('x')", "helper 1", "warning"),
        ("import base64", "helper 1", "warning"),
    ],
)
def test_what_runs_at_each_start_is_known_or_noted_or_warned_of(
    line: str, owner: str, level: str
) -> None:
    assert judge_line(line, owner) == level


def test_an_environment_is_compared_with_its_lock(judge: object) -> None:
    lock = {
        "packages": [
            {"name": "Same", "version": "1.0"},
            {"name": "other", "version": "2"},
            {"name": "gone", "version": "1"},
            {"name": "win", "version": "1", "marker": "sys_platform == 'win32'"},
            {"name": "dev", "version": "1", "marker": "'dev' in dependency_groups"},
            {"name": "folder", "directory": {"path": "."}},
        ]
    }
    wanted, names = select_locked(lock, judge)
    assert wanted == {"same": "1.0", "other": "2", "gone": "1", "folder": ""}
    installed = [
        make("same", "1.0.0"),
        make("other", "3"),
        make("win", "1"),
        make("dev", "5"),
        make("folder", "0"),
        make("pip", "26"),
        make("extra", "1"),
        make("theirs", "1", own=False),
    ]
    assert list(find_drift(wanted, names, installed, "", judge)) == [
        ("missing", "gone", "1", ""),
        ("version", "other", "2", "3"),
        ("extra", "extra", "", "1"),
    ]


def test_the_project_itself_need_not_be_locked(tmp_path: Path, judge: object) -> None:
    site = tmp_path / "site"
    for name, folder in (("mine", tmp_path / "pro ject"), ("theirs", tmp_path / "else")):
        folder.mkdir()
        info = install(site, name, "1")
        (info / "direct_url.json").write_text(f'{{"url": "{folder.as_uri()}", "dir_info": {{}}}}')
    found = list_distributions(site, True)
    drift = list(find_drift({}, set(), found, str(tmp_path / "pro ject"), judge))
    assert [item[1] for item in drift] == ["theirs"]
