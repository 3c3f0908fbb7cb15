"""Locks as pictures: DOT and SVG."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from random import Random
from typing import Any

import pytest

from pyve_locks.drawing import draw_dot, draw_svg, neighbourhood
from pyve_locks.graph import Graph, Node, Wish, build_graph
from pyve_locks.layout import lay_out

SVG = "{http://www.w3.org/2000/svg}"


def make_graph(roots: dict[str, list[str]], **needs: str) -> Graph:
    """A graph of packages of version 1, by name: what they need."""
    packages = [
        {
            "name": name.replace("_", "-"),
            "version": "1",
            "dependencies": [{"name": other} for other in others.split()],
        }
        for name, others in needs.items()
    ]
    return build_graph({"packages": packages}, roots)


# What must not get out of its place in a picture.
NASTY = 'x"]; rm -rf \\ <script>&amp;\n\x00\ud800\\" -->]]>'


def nasty() -> Graph:
    nodes = (Node("a", NASTY), Node(NASTY, "1"))
    return Graph(nodes, ((1,), ()), (Wish("extra:" + NASTY, "a", 0),), (), NASTY)


def test_dot_is_quoted() -> None:
    text = draw_dot(nasty())
    # The DOT language: in a quoted string, only \" is special.
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_0-9]+|->|[\[\]{};=]|\s+|.', text, re.S)
    assert "".join(tokens) == text
    assert {token for token in tokens if not token.strip() or not token.startswith('"')} <= {
        *"[]{};=",
        "->",
        "digraph",
        "rankdir",
        "LR",
        "node",
        "shape",
        "box",
        "fontname",
        "label",
        "style",
        "fillcolor",
        "fontcolor",
        "n0",
        "n1",
        "n2",
        *(token for token in tokens if token.isspace()),
    }
    assert text.count("\n") == 9
    quoted = [token for token in tokens if "rm -rf" in token]
    assert len(quoted) == 4
    assert "\n  n1 -> n2;\n" in text


def test_svg_is_well_formed_whatever_stands_in_it() -> None:
    picture = ElementTree.fromstring(draw_svg(nasty()))
    texts = [element.text for element in picture.iter(f"{SVG}text")]
    shown = NASTY.translate({10: "\ufffd", 0: "\ufffd", 0xD800: "\ufffd"})
    assert texts == [f"extra {shown}", f"a {shown}", f"{shown} 1"]
    assert not list(picture.iter(f"{SVG}script"))


def boxes_of(picture: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    return [
        tuple(float(rect.get(key, "")) for key in ("x", "y", "width", "height"))  # type: ignore[misc]
        for rect in picture.iter(f"{SVG}rect")
    ]


def test_the_picture_has_all_boxes_apart_and_every_edge_between_its_boxes() -> None:
    roots = {"": ["a", "d"], "group:dev": ["long-name-of-a-package"]}
    needs = {"a": "b c d", "b": "c", "c": "d a", "d": "", "long_name_of_a_package": "d", "z": ""}
    graph = make_graph(roots, **needs)
    text = draw_svg(graph)
    assert text == draw_svg(graph)
    picture = ElementTree.fromstring(text)
    boxes = boxes_of(picture)
    assert len(boxes) == 2 + 6
    left, top, width, height = map(float, picture.get("viewBox", "").split())
    for x, y, wide, high in boxes:
        assert left <= x and x + wide <= left + width and top <= y and y + high <= top + height
    for one, other in itertools.combinations(boxes, 2):
        assert (
            one[0] + one[2] <= other[0]
            or other[0] + other[2] <= one[0]
            or one[1] + one[3] <= other[1]
            or other[1] + other[3] <= one[1]
        )
    labels = [element.text for element in picture.iter(f"{SVG}text")]
    ends = set()
    for path in picture.iter(f"{SVG}path"):
        if path.get("class") != "edge":
            continue
        numbers = [float(n) for n in re.findall(r"-?[0-9.]+", path.get("d", ""))]
        is_turned = path.get("d", "").rsplit("C")[-1].count("H") == 1
        start = numbers[:2]
        end = [numbers[-1], numbers[-2]] if is_turned else numbers[-2:]
        ends.add((touching(boxes, labels, start), touching(boxes, labels, end)))
    assert ends == {
        ("manifest", "a 1"),
        ("manifest", "d 1"),
        ("group dev", "long-name-of-a-package 1"),
        ("a 1", "b 1"),
        ("a 1", "c 1"),
        ("a 1", "d 1"),
        ("b 1", "c 1"),
        ("c 1", "d 1"),
        ("c 1", "a 1"),
        ("long-name-of-a-package 1", "d 1"),
    }


def touching(boxes: list[Any], labels: list[Any], point: list[float]) -> str:
    """The label of the box at whose side a point is."""
    for (x, y, width, height), label in zip(boxes, labels):
        at_side = min(abs(point[0] - x), abs(point[0] - x - width)) < 0.2
        if at_side and abs(point[1] - y - height / 2) < 0.2:
            return str(label)
    return f"nothing at {point}"


def test_what_needs_stands_left_of_what_is_needed() -> None:
    plan = lay_out([10.0] * 5, [[1, 2], [2], [3], [], []])
    assert [box.column for box in plan.boxes] == [0, 1, 2, 3, 0]
    assert [len(route) for route in plan.routes] == [2, 3, 2, 2]
    assert lay_out([], []).boxes == []
    circle = lay_out([10.0] * 4, [[1], [2], [1, 3], []])
    assert [box.column for box in circle.boxes] == [0, 1, 2, 3]


def points_of(path: str) -> list[tuple[float, float]]:
    """Points of a path of M, H and C, close to each other."""
    points: list[tuple[float, float]] = []
    for letter, text in re.findall(r"([MHC])([^MHC]*)", path):
        numbers = [float(number) for number in text.split()]
        if letter == "M":
            points.append((numbers[0], numbers[1]))
            continue
        x, y = points[-1]
        if letter == "H":
            numbers = [x, y, numbers[0], y, numbers[0], y]
        x1, y1, x2, y2, x3, y3 = numbers
        for step in range(1, 41):
            t = step / 40
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append((a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3))
    return points


@pytest.mark.parametrize("seed", range(6))
def test_no_edge_goes_through_a_box(seed: int) -> None:
    random = Random(seed)
    names = [f"{'p' * random.randrange(1, 12)}{number}" for number in range(30)]
    needs = {name: " ".join(random.sample(names, random.randrange(4))) for name in names}
    picture = ElementTree.fromstring(draw_svg(make_graph({"": names[:3]}, **needs)))
    boxes = boxes_of(picture)
    for path in picture.iter(f"{SVG}path"):
        if path.get("class") == "edge":
            for x, y in points_of(path.get("d", "")):
                for left, top, width, height in boxes:
                    inside = left + 0.5 < x < left + width - 0.5
                    assert not (inside and top + 0.5 < y < top + height - 0.5)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, "abcde"),
        ({"depth": 0}, ""),
        ({"depth": 1}, "ade"),
        ({"depth": 2}, "abcde"),
        ({"names": [1]}, "bd"),
        ({"names": [3], "invert": True}, "abcd"),
        ({"names": [3], "invert": True, "depth": 1}, "bcd"),
    ],
)
def test_a_picture_can_show_a_part(options: dict[str, Any], names: str) -> None:
    graph = make_graph({"": ["a"], "group:dev": ["d", "e"]}, a="b c", b="d", c="d", d="", e="")
    keep = neighbourhood(graph, **options)
    assert "".join(graph.nodes[number].name for number in keep) == names
    drawn = re.findall(r'label="(\w) 1"', draw_dot(graph, keep))
    assert "".join(drawn) == names


def test_a_picture_shows_the_roots_that_were_chosen() -> None:
    roots = {"": ["a"], "group:dev": ["c"]}
    graph = make_graph(roots, a="b", b="", c="d", d="b", loose="")
    picture = ElementTree.fromstring(draw_svg(graph.choose(["group:dev"])))
    labels = [element.text for element in picture.iter(f"{SVG}text")]
    assert labels == ["group dev", "b 1", "c 1", "d 1", "loose 1"]
