"""Locks as graphs: why a package is there, trees, and pictures."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pyve_core import HelperError
from pyve_files.environment import Environment
from pyve_files.lock import Lock, LockedPackage
from pyve_locks.conda_graph import build_conda_graph
from pyve_locks.graph import Graph, build_graph, find_nodes, graph_of
from pyve_locks.tree import Branch, format_tree, tree, tree_answer
from pyve_locks.why import explain, format_why, why, why_answer


def lock(**needs: str) -> dict[str, Any]:
    """A lock of packages of version 1, by name: what they need."""
    return {
        "packages": [
            {
                "name": name.replace("_", "-"),
                "version": "1",
                "dependencies": [{"name": other} for other in others.split()],
            }
            for name, others in needs.items()
        ]
    }


DIAMOND = lock(a="b c", b="d", c="d", d="", e="")
ROOTS = {"": ["a>=1"], "group:dev": ["d<2", "e"]}


def diamond() -> Graph:
    return build_graph(DIAMOND, ROOTS, "App")


def chains(graph: Graph, name: str, **options: int) -> list[str]:
    """Every path to a package, in one word: root, then the names."""
    return [
        f"{chain.wish.root}|{chain.wish.text}|{''.join(graph.nodes[n].name for n in chain.nodes)}"
        for reason in [why(graph, node, **options) for node in find_nodes(graph, name)]
        for chain in reason.chains
    ]


def test_every_path_from_the_manifest_is_found_the_shortest_first() -> None:
    assert chains(diamond(), "d") == ["group:dev|d<2|d", "|a>=1|abd", "|a>=1|acd"]
    assert all(reason.complete for reason in explain(diamond(), "d"))


def test_a_circle_is_gone_round_once() -> None:
    graph = build_graph(lock(a="b", b="c a", c="a b"), {"": ["a"]})
    assert chains(graph, "c") == ["|a|abc"]
    assert chains(graph, "a") == ["|a|a"]


def test_a_package_that_needs_itself_for_an_extra_has_no_edge_to_itself() -> None:
    assert build_graph(lock(a="a b", b=""), {}).requires == ((1,), ())


def test_paths_are_bounded_and_it_is_said() -> None:
    names = [f"p{number}" for number in range(60)]
    graph = build_graph(lock(**{name: " ".join({*names} - {name}) for name in names}), {"": ["p0"]})
    (reason,) = explain(graph, "p59", 7)
    assert len(reason.chains) == 7
    assert not reason.complete
    assert reason.chains == why(graph, reason.node, 7).chains
    assert [len(chain.nodes) for chain in reason.chains] == [2, 3, 3, 3, 3, 3, 3]
    assert "and more: these are the 7 shortest" in format_why(graph, [reason])


def test_exactly_as_many_paths_as_are_asked_for_are_all() -> None:
    (reason,) = explain(diamond(), "d", 3)
    assert (len(reason.chains), reason.complete) == (3, True)
    (reason,) = explain(diamond(), "d", 2)
    assert (len(reason.chains), reason.complete) == (2, False)


def test_why_for_people() -> None:
    graph = diamond()
    assert format_why(graph, explain(graph, "D")) == (
        "d 1\n"
        "  group dev: d<2 \u2192 d 1\n"
        "  a>=1 \u2192 a 1 \u2192 b 1 \u2192 d 1\n"
        "  a>=1 \u2192 a 1 \u2192 c 1 \u2192 d 1\n"
    )
    assert format_why(graph, explain(graph, "a"), utf8=False) == "a 1\n  a>=1 -> a 1\n"


def test_why_for_programs() -> None:
    graph = diamond()
    (answer,) = json.loads(json.dumps(why_answer(graph, explain(graph, "b"))))
    assert answer == {
        "name": "b",
        "version": "1",
        "manager": "pip",
        "platform": "",
        "marker": "",
        "direct": False,
        "complete": True,
        "paths": [
            {
                "root": "",
                "requirement": "a>=1",
                "packages": [{"name": "a", "version": "1"}, {"name": "b", "version": "1"}],
            }
        ],
    }


def test_a_name_is_found_however_it_is_spelt() -> None:
    graph = build_graph({"packages": [{"name": "Zope.Interface", "version": "1"}]}, {})
    assert find_nodes(graph, "zope_interface") == [0]


def test_a_misspelt_name_gets_candidates() -> None:
    graph = build_graph(lock(requests="", urllib3=""), {})
    with pytest.raises(HelperError) as caught:
        find_nodes(graph, "reqests", "tree")
    assert caught.value.code == "E_PACKAGE_UNKNOWN"
    assert caught.value.fix == ["pyve tree requests"]
    assert "requests" in caught.value.why[0]
    with pytest.raises(HelperError) as caught:
        find_nodes(graph, "zzz")
    assert caught.value.fix == ["pyve tree"]


def test_a_dependency_is_told_apart_by_the_keys_that_it_gives() -> None:
    packages = [
        {"name": "a", "version": "1", "dependencies": [{"name": "b", "version": "2"}]},
        {"name": "b", "version": "1", "dependencies": [{"name": "c", "vcs": {"commit-id": "ff"}}]},
        {"name": "b", "version": "2", "dependencies": [{"name": "c"}]},
        {"name": "c", "vcs": {"type": "git", "url": "https://example.org/c", "commit-id": "ee"}},
        {"name": "c", "vcs": {"type": "git", "url": "https://example.org/c", "commit-id": "ff"}},
    ]
    graph = build_graph({"packages": packages}, {})
    labels = [node.label + node.origin[-2:] for node in graph.nodes]
    assert labels == ["a 1", "b 1", "b 2", "cee", "cff"]
    assert graph.requires == ((2,), (4,), (3, 4), (), ())
    assert graph.needed_by == ((), (), (0,), (2,), (1, 2))


@pytest.mark.parametrize(
    ("content", "why_not"),
    [
        (lock(a="b"), "a 1 needs b, which is not in it"),
        ({"packages": [{"version": "1"}]}, "no 'name'"),
        ({"packages": {}}, "no list of tables"),
        ({"packages": [{"name": "a", "dependencies": ["b"]}]}, "'dependencies' of a"),
    ],
)
def test_a_lock_that_does_not_hold_together_is_refused(
    content: dict[str, Any], why_not: str
) -> None:
    with pytest.raises(HelperError) as caught:
        build_graph(content, {})
    assert caught.value.code == "E_LOCK_FILE"
    assert why_not in caught.value.why[0]
    assert caught.value.fix == ["pyve lock"]


def test_a_requirement_means_the_version_that_it_allows() -> None:
    packages = [{"name": "numpy", "version": version} for version in ("1.26", "2.1", "3.0a1")]
    roots = {"": ['numpy<2; python_version < "3.9"', "numpy>=3.0a0"], "group:x": ["numpy==7"]}
    graph = build_graph({"packages": packages}, roots)
    found = [(wish.root, wish.text[:7], graph.nodes[wish.node].version) for wish in graph.wishes]
    assert found == [
        ("", "numpy<2", "1.26"),
        ("", "numpy>=", "3.0a1"),
        # None is allowed: an override has decided.
        ("group:x", "numpy==", "1.26"),
        ("group:x", "numpy==", "2.1"),
        ("group:x", "numpy==", "3.0a1"),
    ]


def test_requirements_that_are_paths_are_found_by_where_they_are() -> None:
    packages = [
        {"name": "a", "directory": {"path": "libs/a", "editable": True}},
        {"name": "b", "archive": {"path": "../b-1.whl", "hashes": {"sha256": "00"}}},
        {"name": "c", "archive": {"url": "https://example.org/c.zip", "hashes": {"sha256": "00"}}},
    ]
    texts = ["-e ./libs/a[x]", "b @ ../b-1.whl", "https://example.org/c.zip --hash=sha256:00"]
    graph = build_graph({"packages": packages}, {"": texts})
    assert sorted((wish.text, graph.nodes[wish.node].name) for wish in graph.wishes) == [
        ("-e ./libs/a[x]", "a"),
        ("b @ ../b-1.whl", "b"),
        ("https://example.org/c.zip", "c"),
    ]
    assert graph.unmet == ()


def test_what_is_no_requirement_is_said() -> None:
    with pytest.raises(HelperError) as caught:
        build_graph(DIAMOND, {"": ["a >> 1"]})
    assert caught.value.code == "E_MANIFEST"


def test_the_project_itself_stands_for_what_its_extras_ask_for() -> None:
    content = lock(a="app", b="", c="")
    content["packages"].append(
        {"name": "app", "directory": {"path": "."}, "dependencies": [{"name": "a"}]}
    )
    roots = {
        "": ["a"],
        "extra:all": ["app[one,two]"],
        "extra:one": ["b", "app[all]"],
        "extra:two": ["c"],
        "group:dev": ["App[all]"],
    }
    graph = build_graph(content, roots, "App")
    assert [node.name for node in graph.nodes] == ["a", "b", "c"]
    assert chains(graph, "c") == [
        f"{root}|c|c" for root in ("extra:all", "extra:one", "extra:two", "group:dev")
    ]
    assert graph.requires == ((), (), ())


def test_the_lock_says_itself_what_was_asked_for() -> None:
    manifest = {"version": 1, "name": "app", "roots": {"": ["a>=1"], "group:dev": ["d<2", "e"]}}
    content = {**DIAMOND, "tool": {"pyve": {"manifest": json.dumps(manifest)}}}
    graph = graph_of(content)
    assert (graph.name, graph.wishes) == ("app", diamond().wishes)
    assert graph_of(DIAMOND).wishes == ()
    with pytest.raises(HelperError) as caught:
        graph_of({**DIAMOND, "tool": {"pyve": {"manifest": "{"}}})
    assert caught.value.code == "E_LOCK_FILE"


def test_some_roots_can_be_chosen() -> None:
    graph = diamond().choose(["group:dev"])
    assert [wish.text for wish in graph.wishes] == ["d<2", "e"]
    # What another root leads to is not what nothing leads to.
    assert graph.find_loose() == []
    assert [top.name for top in tree(graph)] == ["group dev"]
    assert graph.choose(["", "group:dev"]).wishes == diamond().wishes


def test_the_tree_shows_what_is_below_a_package_once() -> None:
    assert format_tree(
        tree(build_graph(lock(a="b c", b="c", c="d", d=""), {"": ["a>=1"]}, "x"))
    ) == (
        "x\n"
        "\u2514\u2500\u2500 a 1 (a>=1)\n"
        "    \u251c\u2500\u2500 b 1\n"
        "    \u2502   \u2514\u2500\u2500 c 1\n"
        "    \u2502       \u2514\u2500\u2500 d 1\n"
        "    \u2514\u2500\u2500 c 1 (*)\n"
        "(*) what is below it is shown at another place\n"
    )


def test_the_tree_has_a_part_for_each_root_and_one_for_the_rest() -> None:
    content = lock(a="", b="", c="d", d="c", e="f", f="")
    graph = build_graph(content, {"": ["a"], "extra:web": ["b[x]>1"]})
    assert format_tree(tree(graph), utf8=False) == (
        "the manifest\n"
        "`-- a 1\n"
        "extra web\n"
        "`-- b 1 (b[x]>1)\n"
        "nothing that the lock records leads to these from the manifest\n"
        "|-- e 1\n"
        "|   `-- f 1\n"
        "`-- c 1\n"
        "    `-- d 1\n"
        "        `-- c 1 (*)\n"
        "(*) what is below it is shown at another place\n"
    )


def test_the_tree_turned_round_leads_to_the_manifest() -> None:
    graph = diamond()
    assert format_tree(tree(graph, ["d"], invert=True), utf8=False) == (
        "d 1\n"
        "|-- app (group dev): d<2\n"
        "|-- b 1\n"
        "|   `-- a 1\n"
        "|       `-- app: a>=1\n"
        "`-- c 1\n"
        "    `-- a 1 (*)\n"
        "(*) what is below it is shown at another place\n"
    )
    assert [top.name for top in tree(graph, invert=True)] == ["d", "e"]
    circle = build_graph(lock(a="b", b="c", c="b"), {"": ["a"]})
    assert [top.name for top in tree(circle, invert=True)] == ["b"]


@pytest.mark.parametrize(
    ("depth", "names"), [(0, ["x"]), (1, ["x", "a"]), (2, ["x", "a", "b", "c"])]
)
def test_the_tree_can_be_cut(depth: int, names: list[str]) -> None:
    graph = build_graph(lock(a="b c", b="d", c="d", d=""), {"": ["a"]}, "x")
    lines = format_tree(tree(graph, depth=depth)).splitlines()
    assert [re.sub(r"[^a-z]", "", line) for line in lines] == [*names]


def test_what_was_cut_at_one_place_is_shown_at_another() -> None:
    content = lock(a="b d", b="c", c="d", d="e", e="f", f="")
    graph = build_graph(content, {"": ["a"]}, "x")
    for depth in (4, 5):
        text = format_tree(tree(graph, depth=depth), utf8=False)
        assert text.splitlines()[-2:] == ["        `-- e 1", "            `-- f 1"][: depth - 2]
        assert text.count("f 1") == 1
        assert "*" not in text


def test_versions_for_different_platforms_are_told_apart() -> None:
    packages = [
        {"name": "a", "version": "1", "marker": "os_name == 'nt' and 'dev' in dependency_groups"},
        {"name": "a", "version": "2", "marker": "os_name != 'nt'"},
        {"name": "b", "version": "1", "marker": "os_name != 'nt'"},
    ]
    lines = format_tree(tree(build_graph({"packages": packages}, {"": ["a", "b"]})), utf8=False)
    assert lines.splitlines()[1:] == [
        '|-- a 1 ; os_name == "nt"',
        '|-- a 2 ; os_name != "nt"',
        "`-- b 1",
    ]


def test_the_tree_for_programs() -> None:
    graph = diamond()
    answer = json.loads(json.dumps(tree_answer(tree(graph, ["c"]))))
    leaf = {"name": "d", "version": "1", "manager": "pip", "dependencies": []}
    assert answer == [{"name": "c", "version": "1", "manager": "pip", "dependencies": [leaf]}]
    (top,) = tree_answer(tree(graph, ["e"], invert=True), invert=True)
    assert isinstance(top, dict)
    assert top["dependents"] == [
        {"name": "app", "root": "group:dev", "requirement": "e", "dependents": []}
    ]


def test_any_graph_gives_a_tree_that_ends() -> None:
    names = [f"p{number}" for number in range(150)]
    long = [f"p{number}" for number in range(3000)]
    all_others = {name: " ".join({*names} - {name}) for name in names}
    full = build_graph(lock(**all_others), {"": ["p0"]})
    line = build_graph(lock(**dict(zip(long, [*long[1:], ""]))), {"": ["p0"]})

    def count(branch: Branch) -> int:
        return 1 + sum(map(count, branch.children))

    for graph in (full, line):
        for invert in (False, True):
            assert sum(map(count, tree(graph, ["p75"], invert))) < 150 * 150
    json.dumps(tree_answer(tree(line, depth=10**9)))


def conda_package(
    name: str, *needs: str, manager: str = "conda", platform: str = "linux-64"
) -> LockedPackage:
    return LockedPackage(
        name,
        "1",
        manager,
        platform,
        f"https://example.org/c/{platform}/{name}-1-h0.conda",
        "",
        "00",
        "h0",
        "main",
        False,
        list(needs),
    )


def test_why_goes_across_conda_and_pip() -> None:
    packages = [
        conda_package("python", "libffi >=3", "__glibc >=2.17"),
        conda_package("libffi"),
        conda_package("numpy", "python >=3.9"),
        conda_package("Flask_Thing", "numpy >=2", "other", manager="pip"),
        conda_package("libffi", platform="osx-arm64"),
    ]
    manifest = Environment(
        dependencies=["conda-forge::python >=3.9", "absent"],
        pip=["flask.thing[x]>=1 ; os_name != 'x'", "-r more.txt", "./local"],
    )
    graph = build_conda_graph(Lock(["linux-64"], packages=packages), [manifest], "linux-64")
    assert format_why(graph, explain(graph, "libffi"), utf8=False) == (
        "libffi 1 [linux-64]\n"
        "  conda-forge::python >=3.9 -> python 1 -> libffi 1\n"
        "  flask.thing[x]>=1 ; os_name != 'x' -> flask-thing 1 -> numpy 1 -> python 1 -> libffi 1\n"
    )
    assert graph.unmet == (("", "absent"),)
    assert len(build_conda_graph(Lock(["linux-64"], packages=packages)).nodes) == 5
