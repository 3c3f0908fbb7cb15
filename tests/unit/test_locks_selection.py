"""Choosing packages of a lock by extras and dependency groups, as PEP 751 says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.pylock import Pylock

from pyve_core import HelperError
from pyve_locks.selection import describe_place, reduce_marker, select

MARKERS = [
    "",
    "'web' in extras",
    "'Web' in extras or 'dev' in dependency_groups",
    "'web' not in extras and 'dev' in dependency_groups",
    "python_version >= '3' and ('web' in extras or 'docs' in dependency_groups)",
    "python_version < '3' or 'docs' in dependency_groups",
    "python_version < '3' and 'docs' in dependency_groups",
    "('web' in extras or python_version < '3') and ('dev' in dependency_groups or os_name != '')",
    "'all' in dependency_groups",
    "'web' in extras and 'cli-tool' in extras",
    "python_version >= '3' and python_version >= '3'",
]
LOCK: dict[str, Any] = {
    "lock-version": "1.0",
    "created-by": "test",
    "extras": ["web", "cli-tool"],
    "dependency-groups": ["dev", "docs"],
    # "all" stands for what is always installed.
    "default-groups": ["dev", "all"],
    "packages": [
        {
            "name": f"p{number:02}",
            "version": "1",
            "directory": {"path": f"p{number}"},
            **({"marker": marker} if marker else {}),
        }
        for number, marker in enumerate(MARKERS)
    ],
}


def subsets(*names: str) -> list[tuple[str, ...]]:
    return [
        chosen for count in range(len(names) + 1) for chosen in itertools.combinations(names, count)
    ]


@pytest.mark.parametrize("extras", subsets("web", "cli-tool"))
@pytest.mark.parametrize("groups", [None, *subsets("dev", "docs")])
def test_what_is_chosen_is_what_packaging_chooses(
    extras: tuple[str, ...], groups: tuple[str, ...] | None
) -> None:
    reference = Pylock.from_dict(LOCK)
    with_default = None if groups is None else [*groups, "all"]
    wanted = [
        package.name
        for package, _ in reference.select(extras=extras, dependency_groups=with_default)
    ]
    found = select(LOCK, extras, groups)
    here = [package["name"] for package, left in found if not left or Marker(left).evaluate()]
    assert here == wanted
    assert not any(word in left for _, left in found for word in ("extras", "dependency_groups"))


@pytest.mark.parametrize(
    ("marker", "left"),
    [
        ("'a' in extras", False),
        ("'a' not in extras", True),
        ("'a' in extras or os_name == 'x'", 'os_name == "x"'),
        ("os_name == 'x' and 'a' in extras or os_name == 'x' and 'b' not in extras",
         'os_name == "x"'),
        ("os_name == 'x' and 'a' not in extras or os_name == 'x' and 'b' not in extras",
         'os_name == "x"'),
        ("(os_name == 'x' or os_name == 'y') and sys_platform == 'z' and 'b' not in extras",
         '(os_name == "x" or os_name == "y") and sys_platform == "z"'),
        ("(os_name == 'x' or os_name == 'y') and 'b' not in extras",
         'os_name == "x" or os_name == "y"'),
    ],
)  # fmt: skip
def test_only_the_environment_is_left_of_a_marker(marker: str, left: bool | str) -> None:
    assert reduce_marker(marker) == left


def test_all_extras_and_groups_at_once() -> None:
    assert describe_place("'a' in extras and os_name == 'x'") == 'os_name == "x"'
    assert describe_place("'a' in extras or os_name == 'x'") == ""
    assert describe_place("") == ""


@pytest.mark.parametrize(
    ("extras", "groups", "fixes"),
    [
        (["wbe"], None, ["pyve export --extra web --group=dve"]),
        ([], ["dev", "dve"], ["pyve export --extra wbe --group=dev"]),
        # Nothing is nearly the same: any that there is.
        (
            ["quite-another"],
            None,
            ["pyve export --extra cli-tool --group=x", "pyve export --extra web --group=x"],
        ),
    ],
)
def test_an_extra_or_group_that_is_not_there_is_said(
    extras: list[str], groups: list[str] | None, fixes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = "pyve export --extra wbe --group=dve"
    if "quite-another" in extras:
        again = "pyve export --extra quite-another --group=x"
    monkeypatch.setenv("PYVE_AGAIN", again)
    with pytest.raises(HelperError) as caught:
        select(LOCK, extras, groups)
    assert caught.value.code == "E_GROUP_UNKNOWN"
    assert caught.value.fix == fixes
    assert "it has " in caught.value.why[0]


@pytest.mark.parametrize("words", ["--group nope", "--group=nope"])
def test_without_any_group_the_option_goes(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVE_AGAIN", f"pyve sync {words} --extra 'a b'")
    with pytest.raises(HelperError) as caught:
        select({"packages": []}, [], ["nope"])
    assert caught.value.fix == ["pyve sync --extra 'a b'"]


def test_a_marker_that_is_none_is_refused() -> None:
    with pytest.raises(HelperError) as caught:
        select({"packages": [{"name": "a", "marker": "os_name = 'x'"}]})
    assert caught.value.code == "E_LOCK_FILE"
