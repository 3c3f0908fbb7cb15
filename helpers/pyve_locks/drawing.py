"""Pictures of a lock: DOT for Graphviz, and SVG that needs no other program."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pyve_locks.graph import describe_root
from pyve_locks.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyve_locks.graph import Graph
    from pyve_locks.layout import Box

# What XML 1.0 (section 2.2) has no place for, and control characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# In user units of SVG.
_LETTER = 7.3
_PADDING = 10.0
_MARGIN = 16.0

_STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; }
.box { fill: #f6f8fa; stroke: #8c959f; }
.direct .box { fill: #ddf4ff; stroke: #0969da; }
.root .box { fill: #0969da; stroke: #0969da; }
.root text { fill: #ffffff; font-weight: bold; }
.edge { fill: none; stroke: #8c959f; stroke-width: 1.2; }
.tip { fill: #8c959f; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .box { fill: #161b22; stroke: #6e7681; }
  .direct .box { fill: #0c2d6b; stroke: #388bfd; }
}
"""


class _Picture:
    """What is to be drawn: the roots of the manifest first, then packages.

    Attributes:
        labels: of each node.
        kinds: "root", "direct" or "indirect".
        children: for each node the numbers of those that an edge leads to.
    """

    def __init__(self, graph: Graph, keep: Iterable[int] | None) -> None:
        kept = sorted(set(neighbourhood(graph) if keep is None else keep))
        roots = sorted({wish.root for wish in graph.wishes if wish.node in set(kept)})
        place = {number: index + len(roots) for index, number in enumerate(kept)}
        self.labels = [describe_root(root) or graph.name or "manifest" for root in roots]
        self.kinds = ["root"] * len(roots)
        self.children: list[list[int]] = []
        for root in roots:
            wanted = {wish.node for wish in graph.wishes if wish.root == root}
            self.children.append(sorted(place[number] for number in wanted if number in place))
        direct = graph.direct
        for number in kept:
            node = graph.nodes[number]
            self.labels.append(node.label + (f" [{node.platform}]" if node.platform else ""))
            self.kinds.append("direct" if number in direct else "indirect")
            others = graph.requires[number]
            self.children.append([place[other] for other in others if other in place])


def neighbourhood(
    graph: Graph, names: Iterable[int] = (), invert: bool = False, depth: int | None = None
) -> list[int]:
    """Choose what a picture is to show, as ``tree`` does.

    Args:
        graph: the lock's.
        names: numbers of the packages to begin with; () for what the manifest names, and what
            nothing leads to unless there is a depth.
        invert: go to what needs them.
        depth: how many levels to go; None for all.

    Returns:
        Numbers of packages, ascending.
    """
    starts = list(names)
    if not starts:
        if invert:
            starts = [number for number, others in enumerate(graph.requires) if not others]
        elif depth is None:
            starts = [*graph.direct, *graph.find_loose()]
        else:
            # The manifest itself is the first level.
            starts, depth = sorted(graph.direct) if depth else [], max(depth - 1, 0)
    distance = graph.reach(starts, invert, depth)
    return [number for number, steps in enumerate(distance) if steps >= 0]


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)


def _quote_dot(text: str) -> str:
    """Write a text as a quoted string of DOT (Graphviz, "The DOT Language").

    A backslash would begin an escape in a label: it is doubled.
    """
    text = _clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def draw_dot(graph: Graph, keep: Iterable[int] | None = None) -> str:
    """Draw a lock for Graphviz: ``dot -Tpng``.

    Args:
        graph: the lock's.
        keep: numbers of the packages to show; None for all of the roots that were chosen.
    """
    picture = _Picture(graph, keep)
    looks = {
        "root": ' style="filled" fillcolor="#0969da" fontcolor="#ffffff"',
        "direct": ' style="filled" fillcolor="#ddf4ff"',
        "indirect": "",
    }
    lines = [
        f"digraph {_quote_dot(graph.name or 'lock')} {{",
        "  rankdir=LR;",
        '  node [shape=box fontname="monospace"];',
    ]
    for number, label in enumerate(picture.labels):
        lines.append(f"  n{number} [label={_quote_dot(label)}{looks[picture.kinds[number]]}];")
    for number, others in enumerate(picture.children):
        lines += [f"  n{number} -> n{other};" for other in others]
    return "\n".join([*lines, "}", ""])


def _measure(text: str) -> float:
    """Give the width of a text in a monospaced font."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return (len(text) + wide) * _LETTER


def draw_svg(graph: Graph, keep: Iterable[int] | None = None, title: str = "") -> str:
    """Draw a lock as SVG 1.1, in light or dark colours as the reader has them.

    Args:
        graph: the lock's.
        keep: numbers of the packages to show; None for all of the roots that were chosen.
        title: what it is; "" for one made of the project's name.
    """
    picture = _Picture(graph, keep)
    labels = [_clean(label) for label in picture.labels]
    plan = lay_out([_measure(label) + 2 * _PADDING for label in labels], picture.children)
    width, height = plan.width + 2 * _MARGIN, plan.height + 2 * _MARGIN
    title = title or f"Packages of {graph.name or 'the lock'}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(_clean(title))}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
    ]
    lines += [_draw_route(route) for route in plan.routes]
    for box, label, kind in zip(plan.boxes, labels, picture.kinds):
        lines.append(
            f'<g class="{kind}"><rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" '
            f'width="{box.width:.1f}" height="{box.height:.1f}" rx="5"/>'
            f'<text x="{box.x + _PADDING:.1f}" y="{box.middle + 4:.1f}" '
            f'xml:space="preserve">{escape(label)}</text></g>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _draw_route(route: list[Box]) -> str:
    """Draw an edge: curves from column to column, and straight lines within them."""
    forward = route[0].column < route[-1].column
    first, last = route[0], route[-1]
    path = f"M{first.x + first.width if forward else first.x:.1f} {first.middle:.1f}"
    for box, other in zip(route, route[1:]):
        # What is narrower than its column is left on the level on which nothing else is.
        start = box.x + box.span if forward else box.x
        end = other.x if forward else other.x + other.span
        bend, y = (start + end) / 2, other.middle
        path += f"H{start:.1f}C{bend:.1f} {box.middle:.1f} {bend:.1f} {y:.1f} {end:.1f} {y:.1f}"
    if not forward:
        path += f"H{last.x + last.width:.1f}"
    return f'<path class="edge" marker-end="url(#tip)" d="{path}"/>'
