"""What changed between two locks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pyve_files.lock import Lock, LockedPackage
from pyve_locks.conda_graph import build_conda_graph
from pyve_locks.diff import (
    Change,
    code_span,
    count_changes,
    diff,
    diff_answer,
    format_diff,
    format_markdown,
)
from pyve_locks.graph import Graph, build_graph


def package(name: str, version: str = "1", digest: str = "", **more: Any) -> dict[str, Any]:
    """A package of a lock, with a wheel when there is a digest."""
    found = {"name": name, "version": version, **more}
    if digest:
        url = f"https://example.org/{name}-{version}-py3-none-any.whl"
        found["wheels"] = [{"url": url, "hashes": {"sha256": digest}}]
    return found


def graph(*packages: dict[str, Any], direct: str = "") -> Graph:
    return build_graph({"packages": [*packages]}, {"": direct.split()})


def change(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Change | None:
    """The only change from some packages to others, or None."""
    changes = diff(graph(*old), graph(*new))
    assert len(changes) <= 1
    return changes[0] if changes else None


def test_added_removed_and_changed_packages_direct_and_not() -> None:
    old = graph(package("a"), package("b"), package("c"), package("same"), direct="a b")
    new = graph(package("a", "2"), package("c", "1.1"), package("d"), package("e"),
                package("same"), direct="a d")  # fmt: skip
    changes = diff(old, new)
    assert [(c.kind, c.name, c.direct, c.step, c.way) for c in changes] == [
        ("added", "d", True, "", ""),
        ("added", "e", False, "", ""),
        ("removed", "b", True, "", ""),
        ("changed", "a", True, "major", "up"),
        ("changed", "c", False, "minor", "up"),
    ]
    assert count_changes(changes) == "2 added, 1 removed, 2 changed"


@pytest.mark.parametrize(
    ("old", "new", "step", "way"),
    [
        ("1.2.3", "2.0", "major", "up"),
        ("2.0", "1.9", "major", "down"),
        ("1.2.3", "1.3.0", "minor", "up"),
        ("1.2", "1.2.1", "patch", "up"),
        ("1.2.1", "1.2", "patch", "down"),
        ("1", "1.1", "minor", "up"),
        ("1.2.3.4", "1.2.3.5", "patch", "up"),
        ("1.0rc1", "1.0", "patch", "up"),
        ("1.0", "1.0.post1", "patch", "up"),
        ("1.0", "1.0+local", "patch", "up"),
        ("9.9", "1!1.0", "major", "up"),
        # The same by PEP 440, though written otherwise.
        ("1.0", "1.0.0", "patch", ""),
        ("10.0", "9.0", "major", "down"),
        # No versions of PEP 440, but conda has them.
        ("2025a", "2026b", "major", "up"),
        ("9e", "9f", "patch", "up"),
    ],
)
def test_how_far_a_version_goes(old: str, new: str, step: str, way: str) -> None:
    found = change([package("a", old)], [package("a", new)])
    assert found is not None
    assert (found.step, found.way) == (step, way)


@pytest.mark.parametrize(
    ("old", "new", "step", "way", "shown"),
    [
        ("1.26 2.1", "1.26 2.2", "minor", "up", "2.1 -> 2.2"),
        ("1.26 2.1", "1.27 2.1", "minor", "up", "1.26 -> 1.27"),
        ("1.26 2.1", "2.2", "minor", "up", "1.26, 2.1 -> 2.2"),
        ("1.26", "1.26 2.0", "major", "up", "1.26 -> 2.0"),
        ("1.26 2.0", "1.26", "major", "down", "2.0 -> 1.26"),
        ("9.1 10.0", "10.1", "minor", "up", "9.1, 10.0 -> 10.1"),
    ],
)
def test_of_several_versions_those_that_differ_are_compared(
    old: str, new: str, step: str, way: str, shown: str
) -> None:
    found = change(*([package("a", v) for v in side.split()] for side in (old, new)))
    assert found is not None
    assert (found.step, found.way) == (step, way)
    assert f"~ a  {shown}  (" in format_diff([found], utf8=False)


def test_a_file_that_was_replaced_is_seen() -> None:
    found = change([package("a", "1", "aa")], [package("a", "1", "bb")])
    assert found is not None
    assert (found.step, found.replaced) == ("files", ("a-1-py3-none-any.whl",))
    text = format_diff([found])
    assert text.endswith(
        "~ a  1  (other files, indirect, same name, another hash: a-1-py3-none-any.whl)\n"
    )
    assert "**same name, another hash**: `a-1-py3-none-any.whl`" in format_markdown([found])


def test_further_files_are_no_replaced_ones() -> None:
    more = package("a", "1", "aa")
    more["sdist"] = {"url": "https://example.org/a-1.tar.gz", "hashes": {"sha256": "cc"}}
    found = change([package("a", "1", "aa")], [more])
    assert found is not None
    assert (found.step, found.replaced) == ("files", ())
    other_kind = package("a", "1", "aa")
    other_kind["wheels"][0]["hashes"] = {"sha512": "dd"}
    found = change([package("a", "1", "aa")], [other_kind])
    assert found is not None
    assert found.replaced == ()


def test_another_commit_is_a_change() -> None:
    def at(commit: str) -> dict[str, Any]:
        url = "https://me:secret1@example.org/a"
        return {"name": "a", "vcs": {"type": "git", "url": url, "commit-id": commit}}

    found = change([at("11")], [at("22")])
    assert found is not None
    assert found.step == "origin"
    assert format_diff([found], utf8=False).splitlines()[1] == (
        "~ a  from git+https://example.org/a@11 -> from git+https://example.org/a@22"
        "  (another origin, indirect)"
    )
    assert "secret1" not in json.dumps(diff_answer([found]))


def test_where_a_package_is_used_may_be_all_that_changed() -> None:
    found = change([package("a")], [package("a", marker="'dev' in dependency_groups")])
    assert found is not None
    assert found.step == "where"
    assert "(used elsewhere, indirect)" in format_diff([found])


def test_the_same_lock_has_no_changes() -> None:
    one = [package("b", "2", "aa"), package("a", marker="os_name == 'nt'")]
    assert diff(graph(*one), graph(*reversed(one))) == []
    assert format_diff([]) == "no changes\n"
    assert format_markdown([]) == "**no changes**\n"
    assert diff_answer([]) == {"added": [], "removed": [], "changed": []}


def test_without_an_old_lock_all_is_added() -> None:
    new = graph(package("a"), direct="a")
    assert [(c.kind, c.name) for c in diff(None, new)] == [("added", "a")]
    assert [(c.kind, c.name) for c in diff(new, None)] == [("removed", "a")]


def test_a_diff_for_people() -> None:
    old = graph(package("long-name", "1.0"), package("b"), direct="long-name")
    new = graph(package("long-name", "0.9"), package("c"), direct="long-name c")
    assert format_diff(diff(old, new)) == (
        "1 added, 1 removed, 1 changed\n"
        "+ c          1  (direct)\n"
        "- b          1  (indirect)\n"
        "~ long-name  1.0 \u2192 0.9  (major down, direct)\n"
    )


def test_a_diff_for_programs() -> None:
    old, new = graph(package("a", "1", "aa")), graph(package("a", "1.1", "bb"), direct="a")
    answer = json.loads(json.dumps(diff_answer(diff(old, new))))
    entry = {"origin": "", "marker": "", "platform": ""}
    assert answer["changed"] == [
        {
            "name": "a",
            "manager": "pip",
            "direct": True,
            "old": [{"version": "1", **entry}],
            "new": [{"version": "1.1", **entry}],
            "step": "minor",
            "way": "up",
            "replaced": [],
        }
    ]


NASTY = [
    "1`2", "``", "`", "a|b", "a\\|b", "\\", "x\\", "*b* _i_ [l](https://example.org) ![i](x)",
    "<img src=x>", "@somebody #1 GH-1", "www.example.org", "a\nb\r\n| x | y |", "\u2028| x",
    "``x``", "| --- |", "&lt;b&gt;", "~~x~~",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_a_lock_says_gets_out_of_its_cell(text: str) -> None:
    changes = diff(graph(package("a", "1")), graph(package("a", text), package("b", "2")))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(format_markdown(changes))
    rows = [number for number, token in enumerate(tokens) if token.type == "tr_open"]
    assert len(rows) == 3
    cells = [token for token in tokens if token.type == "inline"][1:]
    assert len(cells) == 15
    kinds = {child.type for cell in cells for child in cell.children or []}
    assert kinds <= {"text", "code_inline"}
    (shown,) = [cell.children[0].content for cell in cells[13:14] if cell.children]
    assert re.sub(r"\s", "", shown) == re.sub(r"[\s\u2028]", "", text)
    # Some parsers take a backslash for one that is escaped by the backslash before it.
    assert "\\\\|" not in code_span(text)


def test_control_characters_do_not_reach_a_terminal() -> None:
    text = format_diff(diff(None, graph(package("a", "1\x1b[31m\n+ fake  1"))))
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text


def test_the_table_of_a_pull_request() -> None:
    old, new = graph(package("a", "1.0")), graph(package("a", "2.0"), package("b"), direct="b")
    assert format_markdown(diff(old, new)) == (
        "**1 added, 1 changed**\n"
        "\n"
        "| | Package | Old | New | |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| added | `b` |  | `1` | direct |\n"
        "| changed | `a` | `1.0` | `2.0` | major, indirect |\n"
    )


def test_locks_of_conda_are_compared_for_all_platforms_at_once() -> None:
    def lock(*items: tuple[str, str, str]) -> Graph:
        packages = [
            LockedPackage(name, version, "conda", platform, f"https://example.org/{name}.conda",
                          "", "00", "", "main", False, [])
            for name, version, platform in items
        ]  # fmt: skip
        return build_conda_graph(Lock(["linux-64", "osx-64"], packages=packages))

    old = lock(
        ("zlib", "1.2", "linux-64"), ("zlib", "1.2", "osx-64"), ("tzdata", "2025a", "noarch")
    )
    new = lock(
        ("zlib", "1.3", "linux-64"), ("zlib", "1.2", "osx-64"), ("tzdata", "2025a", "noarch")
    )
    (found,) = diff(old, new)
    assert (found.name, found.manager, found.step) == ("zlib", "conda", "minor")
    assert "zlib  1.2 -> 1.3  (minor, indirect, conda)" in format_diff([found], utf8=False)


def test_files_of_the_same_name_for_other_platforms_are_no_replaced_ones() -> None:
    def lock(linux: str, mac: str) -> Graph:
        packages = [
            LockedPackage("zlib", "1.2", "conda", platform, f"https://example.org/{platform}/z.conda",
                          "", digest, "", "main", False, [])
            for platform, digest in (("linux-64", linux), ("osx-64", mac))
        ]  # fmt: skip
        return build_conda_graph(Lock(["linux-64", "osx-64"], packages=packages))

    assert diff(lock("00", "11"), lock("00", "11")) == []
    # With the same hashes, as a set, and with the same last one.
    (swapped,) = diff(lock("00", "11"), lock("11", "00"))
    assert (swapped.step, swapped.replaced) == ("files", ("z.conda",))
    (changed,) = diff(lock("00", "11"), lock("22", "11"))
    assert (changed.step, changed.replaced) == ("files", ("z.conda",))
