"""Reading import times, drawing them, and finding modules, without a project."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from find_module import Finder, fail_unknown
from pyve_imports.flame import draw_flame
from pyve_imports.names import guess_distribution
from pyve_imports.times import Module, Reader, add_up, format_table, total_time, walk

HEAD = "import time: self [us] | cumulative | imported package\n"


def read(text: str) -> tuple[list[list[Module]], str]:
    """Read a text; return the processes, and what is the program's own."""
    reader = Reader()
    own = "".join(reader.take(line) for line in text.splitlines(keepends=True))
    return reader.finish(), own


def test_what_comes_before_a_module_is_what_it_imported() -> None:
    ((site, app),), own = read(
        HEAD
        + "import time:       100 |        100 |   codecs\n"
        + "import time:        50 |        150 | site\n"
        + "warning: import time is short\n"
        + "half a lineimport time:         1 |          1 |     b.c\n"
        + "import time:         2 |          3 |   b\n"
        + "import time:         4 |          4 |   d\n"
        + "import time:        10 |         17 | app\n"
    )
    assert own == "warning: import time is short\nhalf a line"
    assert (site.name, site.total, [x.name for x in site.below]) == ("site", 150, ["codecs"])
    assert [x.name for x in app.below] == ["b", "d"]
    assert [x.name for x in app.below[0].below] == ["b.c"]
    assert [(x.name, depth, by) for x, depth, by in walk([app])] == [
        ("app", 0, ""),
        ("b", 1, "app"),
        ("b.c", 2, "b"),
        ("d", 1, "app"),
    ]
    packages = {x.name: (x.own, x.total, x.count) for x in add_up([site, app])}
    assert packages["b"] == (3, 3, 2)
    assert packages["app"] == (10, 17, 1)
    assert total_time([site, app]) == 167
    table = format_table([[site, app]], 2)
    assert table.startswith("0.2 ms for 6 imports\n")
    assert "... and 3 more packages" in table
    assert "b.c" not in table


def test_each_python_that_was_started_counts_by_itself() -> None:
    line = "import time:         1 |          1 | a\n"
    processes, own = read("x\n" + HEAD + line + HEAD + HEAD + line + line)
    assert [len(modules) for modules in processes] == [1, 2]
    assert own == "x\n"
    assert "in 2 Python processes" in format_table(processes, 20)
    assert read("nothing\n") == ([], "nothing\n")


def test_it_reads_what_this_python_prints() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import json.decoder"],
        capture_output=True,
        text=True,
        check=True,
    )
    (modules,), own = read(result.stderr)
    assert own == ""
    names = {module.name: by for module, _depth, by in walk(modules)}
    assert names["json.decoder"] == "json"
    for module, _depth, _by in walk(modules):
        # Each line is rounded by itself.
        assert abs(module.own + total_time(module.below) - module.total) <= len(module.below) + 2


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_is_whole_and_holds_what_names_hold(seed: int) -> None:
    dice = random.Random(seed)
    names = ['<script>&"', "a\x1b[2J\x00", "é\ud800", "json", "x" * 300, "]]>", "a.b"]

    def grow(depth: int) -> Module:
        below = [grow(depth + 1) for _ in range(dice.randrange(4) if depth < 5 else 0)]
        own = dice.randrange(1, 5000)
        return Module(dice.choice(names), own, own + total_time(below), below)

    modules = [grow(0) for _ in range(4)]
    text = draw_flame(modules, 'of <b> "x" \x07', ["json"])
    root = ElementTree.fromstring(text.encode())
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    for forbidden in ("<script", "href", "url(", "onload", "<!"):
        assert forbidden not in text
    # Boxes of a row do not overlap, and lie within the one above.
    rows: dict[float, list[tuple[float, float]]] = {}
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        if "x" in rect.attrib:
            left, width = float(rect.attrib["x"]), float(rect.attrib["width"])
            rows.setdefault(float(rect.attrib["y"]), []).append((left, left + width))
    tops = sorted(rows)
    assert len(tops) > 1
    for top, boxes in rows.items():
        boxes.sort()
        assert all(one[1] <= two[0] + 0.05 for one, two in zip(boxes, boxes[1:]))
        if top != tops[0]:
            above = rows[tops[tops.index(top) - 1]]
            for left, right in boxes:
                assert any(a - 0.05 <= left and right <= b + 0.05 for a, b in above)


def make_finder(tmp_path: Path) -> Finder:
    """Return a finder for a project with a few modules, before a folder of distributions."""
    project, site = tmp_path / "project", tmp_path / "site"
    for path, text in {
        project / "random.py": "raise SystemExit('executed')",
        project / "rope_x.py": "",
        project / "spaces/one.py": "",
        site / "rope_x/__init__.py": "raise SystemExit('executed')",
        site / "rope_x/loader.py": "",
        site / "spaces/two.py": "",
        site / "PyRope-6.0.dist-info/METADATA": "Name: PyRope\nVersion: 6.0\n",
        site / "PyRope-6.0.dist-info/RECORD": "rope_x/__init__.py,sha256=x,1\nrope_x/loader.py,,\n",
        site / "dateutil/__init__.py": "",
        site / "python_dateutil-2.dist-info/METADATA": "Name: python-dateutil\nVersion: 2\n",
        site / "python_dateutil-2.dist-info/RECORD": "dateutil/__init__.py,,\n../x,,\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Finder(str(project), [str(project), *sys.path, str(site)])


def test_a_module_is_found_without_executing_anything(tmp_path: Path) -> None:
    finder = make_finder(tmp_path)
    place = finder.find("random")
    assert place is not None and place.kind == "project"
    kinds = [other.kind for other in finder.find_all("random")]
    assert kinds == ["project", "standard library"]
    (tmp_path / "project/rope_x.py").unlink()
    place = finder.find("rope_x.loader")
    assert place is not None and place.distribution == "PyRope 6.0"
    place = finder.find("spaces")
    assert place is not None and place.kind == "namespace" and len(place.files) == 2
    place = finder.find("spaces.two")
    assert place is not None and place.files == [str(tmp_path / "site/spaces/two.py")]
    place = finder.find("sys")
    assert place is not None and place.kind == "built-in" and place.files == []
    place = finder.find("os.path")
    assert place is not None and place.kind == "standard library"
    assert finder.find("rope_x.nothing") is None
    assert finder.find("sys.nothing") is None


def test_a_module_that_is_not_there_has_a_way_on(tmp_path: Path) -> None:
    finder = make_finder(tmp_path)
    for name, fix in {
        "python_dateutil": "pyve imports find dateutil",
        "jsonn": "pyve imports find json",
        "sklearn": "pyve add scikit-learn",
        "never_heard": "pyve add never-heard",
    }.items():
        assert fail_unknown(name, finder).fix == [fix], name
    assert fail_unknown("json.nothing", finder).fix == []
    assert guess_distribution("cv2") == "opencv-python"
