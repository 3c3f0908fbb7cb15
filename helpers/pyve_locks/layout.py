"""Where the boxes of a picture go: packages in columns, what needs left of what is needed.

Source: Sugiyama, Tagawa and Toda (1981), turned by 90 degrees: columns by the longest path, places
within a column by barycentres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# All lengths are in user units of SVG.
BOX_HEIGHT = 26.0
GAP = 12.0
COLUMN_GAP = 56.0
SWEEPS = 8


@dataclass
class Box:
    """A place in the picture: of a node, or, with ``node`` -1, where an edge passes a column.

    Attributes:
        span: the width of its column.
    """

    node: int
    column: int
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    span: float = 0.0

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + self.height / 2


@dataclass
class Layout:
    """The places of all nodes, and the way of each edge.

    Attributes:
        boxes: of each node, by its number.
        routes: for each edge the boxes that it goes through, its own first and last. One that
            closes a circle goes from right to left.
        width, height: of the whole.
    """

    boxes: list[Box]
    routes: list[list[Box]]
    width: float
    height: float


def find_back_edges(children: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Find edges without which a graph has no circles (depth first, in the order given)."""
    state = [0] * len(children)
    back = set()
    for start in range(len(children)):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(children[start]))]
        while stack:
            number, others = stack[-1]
            for other in others:
                if state[other] == 1:
                    back.add((number, other))
                elif state[other] == 0:
                    state[other] = 1
                    stack.append((other, iter(children[other])))
                    break
            else:
                state[number] = 2
                stack.pop()
    return back


def find_columns(children: Sequence[Sequence[int]], back: set[tuple[int, int]]) -> list[int]:
    """Put each node one column behind the last of those that need it."""
    waiting = [0] * len(children)
    for number, others in enumerate(children):
        for other in others:
            waiting[other] += (number, other) not in back
    columns = [0] * len(children)
    ready = [number for number, count in enumerate(waiting) if count == 0]
    for number in ready:
        for other in children[number]:
            if (number, other) not in back:
                columns[other] = max(columns[other], columns[number] + 1)
                waiting[other] -= 1
                if waiting[other] == 0:
                    ready.append(other)
    return columns


def lay_out(widths: Sequence[float], children: Sequence[Sequence[int]]) -> Layout:
    """Find a place for everything; the same one each time.

    Args:
        widths: of each node's box.
        children: for each node the numbers of those that an edge leads to.
    """
    back = find_back_edges(children)
    columns = find_columns(children, back)
    boxes = [
        Box(number, column, widths[number], BOX_HEIGHT) for number, column in enumerate(columns)
    ]
    grid: list[list[Box]] = [[] for _ in range(max(columns, default=-1) + 1)]
    for box in boxes:
        grid[box.column].append(box)
    routes = []
    for number, others in enumerate(children):
        for other in others:
            route = [boxes[number]]
            low, high = sorted((columns[number], columns[other]))
            passed = [Box(-1, column) for column in range(low + 1, high)]
            for box in passed:
                grid[box.column].append(box)
            route += passed if (number, other) not in back else reversed(passed)
            routes.append([*route, boxes[other]])
    _place(grid, routes)
    left = 0.0
    for column in grid:
        widest = max(box.width for box in column)
        for box in column:
            box.x, box.span = left, widest
            if box.node < 0:
                box.width = widest
        left += widest + COLUMN_GAP
    top = min((box.y for box in boxes), default=0.0)
    for column in grid:
        top = min([top, *(box.y for box in column)])
    for column in grid:
        for box in column:
            box.y -= top
    height = max((box.y + box.height for column in grid for box in column), default=0.0)
    return Layout(boxes, routes, max(left - COLUMN_GAP, 0.0), height)


def _place(grid: list[list[Box]], routes: list[list[Box]]) -> None:
    """Order each column by where its neighbours are, then move the boxes towards them."""
    neighbours: dict[int, tuple[list[Box], list[Box]]] = {}
    for route in routes:
        for one, other in zip(route, route[1:]):
            left, right = (one, other) if one.column < other.column else (other, one)
            neighbours.setdefault(id(right), ([], []))[0].append(left)
            neighbours.setdefault(id(left), ([], []))[1].append(right)
    for column in grid:
        _stack(column, [0.0] * len(column))
    for sweep in range(SWEEPS):
        side = sweep % 2
        for column in grid if side == 0 else reversed(grid):
            wishes = []
            for box in column:
                beside = neighbours.get(id(box), ([], []))[side]
                places = [other.middle for other in beside]
                wishes.append(sum(places) / len(places) if places else box.middle)
            order = sorted(range(len(column)), key=lambda number: wishes[number])
            column[:] = [column[number] for number in order]
            _stack(column, [wishes[number] for number in order])


def _stack(column: list[Box], wishes: list[float]) -> None:
    """Put boxes below each other in their order, as near as can be to where they want to be.

    Boxes that would overlap form a block around the mean of their wishes (pool adjacent violators:
    Ayer et al., 1955), which is the nearest in the sense of least squares.
    """
    offsets, offset = [], 0.0
    for box in column:
        offsets.append(offset + box.height / 2)
        offset += box.height + GAP
    blocks: list[tuple[float, int]] = []
    for wish, own in zip(wishes, offsets):
        total, count = wish - own, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    for box, start, own in zip(column, starts, offsets):
        box.y = start + own - box.height / 2
