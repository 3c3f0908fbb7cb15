"""A flame picture of imports, as SVG that needs nothing else (Gregg 2016, turned upside down)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from xml.sax.saxutils import escape

from pyve_imports.times import Module, total_time

_WIDTH = 1200.0
_ROW = 18.0
_MARGIN = 12.0
_HEAD = 34.0
# In user units: what is narrower is not drawn; the width of a letter.
_LEAST = 0.4
_LETTER = 7.0
# So many letters of the head line are to be seen.
_TITLE = 125
# What XML cannot hold, or a reader could not see.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; }
.head { font-size: 15px; font-weight: bold; }
rect { stroke: #ffffff; stroke-width: 0.6; }
g:hover rect { stroke: #1f2328; stroke-width: 1.2; }
.back { fill: #ffffff; stroke: none; }
@media (prefers-color-scheme: dark) {
  .head { fill: #e6edf3; }
  .back { fill: #0d1117; }
  rect { stroke: #0d1117; }
}
"""


def _clean(text: str) -> str:
    return escape(_UNPRINTABLE.sub("?", text), {'"': "&quot;"})


def _choose_color(name: str, own: frozenset[str]) -> str:
    """Give a package its colour: the standard library grey, others warm, the same each time."""
    first = name.partition(".")[0]
    if first in own:
        return "#c8d1da"
    number = zlib.crc32(first.encode("utf-8", "replace"))
    return f"hsl({number % 50 + 5},{70 + number // 50 % 25}%,{62 + number // 2000 % 14}%)"


def draw_flame(modules: list[Module], title: str, standard: Iterable[str]) -> str:
    """Draw imports: the width of a box is the time, what it has imported stands below it.

    Args:
        modules: those that the program itself has imported, in their order.
        title: the head line.
        standard: the modules at the top of the standard library, drawn in grey.
    """
    whole = total_time(modules) or 1
    scale = (_WIDTH - 2 * _MARGIN) / whole
    own = frozenset(standard)
    boxes: list[str] = []
    deepest = 0

    def draw(items: list[Module], left: float, depth: int) -> None:
        nonlocal deepest
        for module in items:
            width = module.total * scale
            if width >= _LEAST:
                deepest = max(deepest, depth)
                boxes.append(_draw_box(module, left, depth, width, whole, own))
                # What it brings stands on the left; what is left over is its own time.
                draw(module.below, left, depth + 1)
            left += width

    draw(modules, _MARGIN, 0)
    height = _HEAD + (deepest + 1) * _ROW + _MARGIN
    shown = _clean(title if len(title) <= _TITLE else title[: _TITLE - 1] + "…")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img">',
        f"<title>{shown}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_WIDTH:.0f}" height="{height:.0f}"/>',
        f'<text class="head" x="{_MARGIN:.0f}" y="22">{shown}</text>',
    ]
    return "\n".join([*lines, *boxes, "</svg>", ""])


def _draw_box(
    module: Module, left: float, depth: int, width: float, whole: int, own: frozenset[str]
) -> str:
    top = _HEAD + depth * _ROW
    letters = int((width - 6) / _LETTER)
    name = module.name
    label = name if len(name) <= letters else name[: letters - 1] + "…" if letters > 3 else ""
    told = (
        f"{name}: {module.total / 1000:.1f} ms ({100 * module.total / whole:.1f} %), "
        f"alone {module.own / 1000:.1f} ms"
    )
    text = f'<text x="{left + 3:.1f}" y="{top + 13:.1f}">{_clean(label)}</text>' if label else ""
    return (
        f"<g><title>{_clean(told)}</title>"
        f'<rect x="{left:.2f}" y="{top:.1f}" width="{width:.2f}" height="{_ROW - 1:.0f}" rx="2" '
        f'fill="{_choose_color(name, own)}"/>{text}</g>'
    )
