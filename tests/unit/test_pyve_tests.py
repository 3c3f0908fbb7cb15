"""helpers/pyve_tests: parts of tests, what a change affects, durations."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyve_test_helpers import TREE

from pyve_tests import plugin
from pyve_tests.changed import ChangedError, find_affected, find_changes
from pyve_tests.imports import ImportGraph, read_imports
from pyve_tests.request import Request, is_affected
from pyve_tests.shards import COST_OF_A_TEST, split_tests
from pyve_tests.timings import TimingsError, learn_timings, read_timings, write_timings
from test_results import Run, draw_table

# --- parts


def make_tests(sizes: list[int]) -> list[tuple[str, str]]:
    """Return tests in files of these sizes, in the order in which pytest finds them."""
    return [
        (f"tests/test_{file}.py::test_{number}", f"tests/test_{file}.py")
        for file, size in enumerate(sizes)
        for number in range(size)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_every_test_is_in_one_part(seed: int) -> None:
    chance = random.Random(seed)
    tests = make_tests([chance.randrange(0, 30) for _ in range(chance.randrange(0, 12))])
    if tests and seed % 3 == 0:
        tests.append(tests[0])
    known = {name: chance.expovariate(5) for name, _ in tests if chance.random() < seed / 40}
    for count in (1, 2, 3, 7, 50):
        parts = split_tests(tests, known, count)
        assert len(parts) == count
        assert sorted(i for part in parts for i in part) == list(range(len(tests)))
        assert all(part == sorted(part) for part in parts)
        # The order in which a machine finds them does not matter.
        turned = list(reversed(tests))
        again = split_tests(turned, known, count)
        for part, other in zip(parts, again):
            assert sorted(tests[i][0] for i in part) == sorted(turned[i][0] for i in other)
        # What comes twice comes twice in the same part.
        homes = {(tests[i][0], n) for n, part in enumerate(parts) for i in part}
        assert len(homes) == len({name for name, _ in tests})


def test_parts_by_durations_are_balanced_and_keep_files_together() -> None:
    chance = random.Random(8)
    tests = make_tests([20] * 100)
    seconds = {name: chance.uniform(0.001, 0.02) for name, _ in tests}
    parts = split_tests(tests, seconds, 4)
    loads = [sum(seconds[tests[i][0]] + COST_OF_A_TEST for i in part) for part in parts]
    assert max(loads) / min(loads) < 1.1
    homes = {(tests[i][1], n) for n, part in enumerate(parts) for i in part}
    assert len(homes) < 120
    # One file that takes most of the time is cut, one test that does cannot be.
    tests = make_tests([200, 5])
    seconds = {name: 1.0 for name, _ in tests}
    sizes = [len(part) for part in split_tests(tests, seconds, 3)]
    assert max(sizes) - min(sizes) <= 205 * 0.05
    seconds[tests[0][0]] = 1000.0
    assert [len(part) for part in split_tests(tests, seconds, 3)].count(1) == 1


def test_parts_are_the_same_whatever_the_order_of_tests() -> None:
    # (Sums of these fractions depend on the order in which they are added up.)
    tests = make_tests([3] * 120)
    seconds = {name: (0.1, 0.2, 0.3)[number % 3] for number, (name, _) in enumerate(tests)}
    del seconds[tests[5][0]]
    chance = random.Random(1)
    expected = None
    for _ in range(5):
        parts = split_tests(tests, seconds, 5)
        found = [{tests[i][0] for i in part} for part in parts]
        expected = expected or found
        assert found == expected
        chance.shuffle(tests)
    # Nor does it matter where the project lies.
    elsewhere = [(name, "/home/ada/" + file[::-1]) for name, file in tests]
    assert [{elsewhere[i][0] for i in part} for part in split_tests(elsewhere, seconds, 5)] == found


def test_parts_by_name_are_of_equal_length() -> None:
    sizes = [len(part) for part in split_tests(make_tests([7, 1, 5]), {}, 4)]
    assert sizes == [3, 3, 3, 4]


# --- durations


def test_durations_are_kept_added_to_and_dropped(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "durations.json"
    (tmp_path / "test_a.py").touch()
    roots = (str(tmp_path), str(tmp_path / "sub"))
    learn_timings(str(path), {"test_a.py::one": 0.12345678, "test_gone.py::two": 1.0}, roots)
    assert read_timings(str(path)) == {"test_a.py::one": 0.1235, "test_gone.py::two": 1.0}
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/test_b.py").touch()
    learn_timings(str(path), {"test_b.py::four": 1.0}, roots)
    learn_timings(str(path), {"test_a.py::three": 2.0, "pkg.Case.test": 3.0}, roots)
    assert sorted(read_timings(str(path))) == [
        "pkg.Case.test",
        "test_a.py::one",
        "test_a.py::three",
        "test_b.py::four",
    ]
    assert read_timings(str(tmp_path / "nowhere")) == {}
    path.write_text("{")
    learn_timings(str(path), {"test_a.py::one": 1.0}, roots)
    assert read_timings(str(path)) == {"test_a.py::one": 1.0}
    assert sorted(file.name for file in path.parent.iterdir()) == ["durations.json"]


def test_durations_are_read_from_documents_in_a_folder(tmp_path: Path) -> None:
    for number in (1, 2):
        tests = [{"id": f"t::{number}", "seconds": number, "outcome": "passed"}]
        (tmp_path / f"{number}.json").write_text(json.dumps({"detail": {"tests": tests}}))
    write_timings(str(tmp_path / "0.json"), {"t::1": 9.0, "t::0": 9.0})
    assert read_timings(str(tmp_path)) == {"t::0": 9.0, "t::1": 1.0, "t::2": 2.0}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"seconds": {"a": "x"}}', '{"seconds": {"a": -1}}', "\0"]
)
def test_what_holds_no_durations_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(TimingsError):
        read_timings(str(tmp_path / "f.json"))


# --- imports


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import a.b, c as d", ["a.b", "c"]),
        ("from a import b, c", ["a", "a.b", "a.c"]),
        ("from . import b", [".", ".b"]),
        ("from ..x import *", ["..x"]),
        ("def f():\n  if 1:\n    import late", ["late"]),
        ("import importlib\nimportlib.import_module('p.q')", ["importlib", "p.q"]),
        ("pytest.importorskip('solo')", ["solo"]),
        ("patch('p.q.name')", ["p.q.name"]),
        ("pytest_plugins = ['one', 'two']", ["one", "two"]),
        ("run([sys.executable, '-m', 'tool'])", ["tool", "tool.__main__"]),
        ("x = 'just a sentence. And more'", []),
        ("def f(:", []),
        ("\0", []),
    ],
)
def test_imports_are_read_wherever_they_stand(source: str, modules: list[str]) -> None:
    assert read_imports(source.encode())["modules"] == modules


@pytest.mark.filterwarnings("error")
def test_what_the_parser_warns_of_is_no_error_of_the_project() -> None:
    assert read_imports(b"import shop\nx = '\\d'\nassert (1, 'x')\n")["modules"] == ["shop"]


FILES = {
    "src/shop/__init__.py": "",
    "src/shop/prices.py": "from .money import round_up\n",
    "src/shop/money.py": "",
    "src/shop/orders/__init__.py": "from shop import prices\n",
    "src/shop/orders/rules.json": "{}",
    "tools/clean.py": "",
    "tests/conftest.py": "import helpers_of_tests\n",
    "tests/helpers_of_tests.py": "",
    "tests/test_money.py": "from shop.money import x\n",
    "tests/test_prices.py": "import shop.prices\n",
    "tests/test_orders.py": "def test():\n    import shop.orders\n",
    "tests/test_tool.py": "subprocess.run(['python', 'tools/clean.py'])\n",
    "tests/test_data.py": "open('table.csv')\n",
    "tests/deep/test_deep.py": "",
    "docs/table.csv": "",
    "README.md": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["src/shop/money.py"], "money prices orders"),
        (["src/shop/prices.py"], "prices orders"),
        (["src/shop/__init__.py"], "money prices orders"),
        (["src/shop/orders/rules.json"], "orders"),
        (["tools/clean.py"], "tool"),
        (["tests/test_money.py"], "money"),
        (["tests/helpers_of_tests.py"], "money prices orders tool data deep"),
        (["docs/table.csv"], "data"),
        (["README.md"], ""),
        (["src/shop/gone.py"], ""),
        (["tests/test_data.py", "tools/clean.py"], "data tool"),
    ],
)
def test_a_change_affects_what_imports_it(project: Path, changed: list[str], tests: str) -> None:
    memory = str(project / "memory.json")
    # (The second time from memory.)
    for _ in range(2):
        affected = find_affected(str(project), changed, [*FILES, *changed], memory)
        assert affected is not None
        names = {Path(name).stem for name in affected if "/test_" in name}
        assert names == {f"test_{name}" for name in tests.split()}


@pytest.mark.parametrize(
    "name",
    ["pyproject.toml", "pylock.toml", "deep/pytest.ini", "requirements-dev.txt", ".pyve/config"],
)
def test_a_change_of_settings_affects_everything(project: Path, name: str) -> None:
    assert find_affected(str(project), [name], FILES) is None


@pytest.mark.parametrize("name", [".envrc", "docs/setup.pyx", "src/pyproject.toml.in"])
def test_a_name_that_only_begins_so_is_no_setting(project: Path, name: str) -> None:
    assert find_affected(str(project), [name], [*FILES, name]) is not None


def test_tests_of_which_imports_are_not_known_are_affected_by_any_change(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real, link, usage, ignored = (
        str(tmp_path / name) for name in ("real/test_a.py", "link/test_a.py", "use.md", "new.py")
    )
    assert not is_affected(real, {usage}, {real})
    assert is_affected(link, {real}, {real})
    assert not is_affected(link, {usage}, {real})
    for path in (usage, ignored):
        assert is_affected(path, {real}, {real})
        assert not is_affected(path, set(), {real})


def test_what_imports_a_module_that_is_gone_is_affected(project: Path) -> None:
    (project / "src/shop/money.py").unlink()
    graph = ImportGraph(str(project), [name for name in FILES if name.endswith(".py")])
    assert "tests/test_money.py" in graph.find_dependents(["src/shop/money.py"])


def git(folder: Path, *words: str) -> None:
    settings = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", "-C", folder, *settings, *words], check=True, capture_output=True)


def test_changes_are_those_of_the_branch_and_of_the_working_tree(project: Path) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "one")
    git(project, "switch", "-q", "-c", "topic")
    (project / "tools/clean.py").write_text("x = 1\n")
    git(project, "commit", "-qam", "two")
    # main goes on; that is no change of topic's.
    git(project, "switch", "-q", "main")
    (project / "src/shop/money.py").write_text("y = 1\n")
    git(project, "commit", "-qam", "three")
    git(project, "switch", "-q", "topic")
    (project / "tests/test_new one.py").write_text("")
    (project / "tests/__pycache__").mkdir()
    (project / "tests/__pycache__/x.pyc").write_text("")
    (project / "docs/table.csv").unlink()
    assert find_changes(str(project), "HEAD").files == ["docs/table.csv", "tests/test_new one.py"]
    changes = find_changes(str(project), "main")
    assert changes.files == ["docs/table.csv", "tests/test_new one.py", "tools/clean.py"]
    assert changes.affected is not None
    found = {Path(path).name for path in changes.affected if "/tests/" in path}
    assert found == {"test_new one.py", "test_tool.py", "test_data.py"}
    # A project in a folder of the repository.
    inner = find_changes(str(project / "tests"), "HEAD")
    assert inner.files == ["../docs/table.csv", "test_new one.py"]
    # Names are those of the repository, whatever its settings say.
    git(project, "config", "diff.relative", "true")
    assert find_changes(str(project / "tests"), "HEAD").files == inner.files
    # A repository within it that is at another commit: what is in there is not known.
    git(project, "init", "-q", "sub")
    git(project / "sub", "commit", "-q", "--allow-empty", "-m", "one")
    git(project, "add", "sub")
    git(project, "commit", "-qm", "four")
    assert find_changes(str(project), "HEAD").affected is not None
    git(project / "sub", "commit", "-q", "--allow-empty", "-m", "two")
    assert find_changes(str(project), "HEAD").affected is None
    with pytest.raises(ChangedError):
        find_changes(str(project), "nothing")


# --- what is told of a run


def make_run(status: int, *records: dict[str, object]) -> Run:
    return Run("3.11", status, [json.dumps(record) for record in records])


def test_a_surprise_that_is_no_failure_is_a_pass() -> None:
    plain = {"type": "test", "seconds": 0.5, "failure": None}
    wrong = {**plain, "failure": {"message": "no"}}
    run = make_run(
        1,
        {**plain, "id": "a", "outcome": "xpassed"},
        {**wrong, "id": "b", "outcome": "xpassed"},
        {**wrong, "id": "c", "outcome": "failed"},
    )
    assert draw_table([run]).splitlines()[1].split() == [
        "3.11",
        "failed",
        "1",
        "2",
        "0",
        "0",
        "1.50",
    ]


def test_tests_that_never_ended_are_errors_unless_a_failure_was_enough() -> None:
    began = [{"type": "started", "id": f"t.py::{name}"} for name in "ab"]
    assert make_run(2, *began).count()["error"] == 2
    end = {"type": "end", "exit": 2}
    assert make_run(2, *began, {**end, "enough": False}).count()["error"] == 2
    assert make_run(2, *began, {**end, "enough": True}).count()["error"] == 0


# --- how runs end


def test_failures_are_counted_as_pytest_does_where_a_run_has_enough_of_them(tmp_path: Path) -> None:
    # (A test and its tear-down are two.)
    config: Any = SimpleNamespace(rootpath=tmp_path, getoption=lambda *_: 2)
    session: Any = SimpleNamespace(exitstatus=1, testsfailed=2)
    run = plugin.Run(config, Request('{"results": "records"}', str(tmp_path)))
    run.tests = {"test_it.py::test_long": plugin.Test()}
    finish = run.pytest_sessionfinish(session, 1)
    for _ in (next(finish), *finish):
        pass
    (line,) = (tmp_path / "records").read_text().splitlines()
    assert json.loads(line) == {"type": "end", "exit": 1, "enough": True}


def test_ctrl_c_stays_the_end_of_unittest_where_nothing_can_be_written(tmp_path: Path) -> None:
    text = "import unittest\nclass A(unittest.TestCase):\n"
    (tmp_path / "test_it.py").write_text(f"{text}    def test_a(self): raise KeyboardInterrupt\n")
    words = ("pyve_tests.unittest_run", str(tmp_path), '{"junit": "/dev/null/x"}', "test_it")
    result = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TREE / "helpers"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr.count("Traceback")) == (-2, 1)
    assert "pyve: cannot write /dev/null/x: " in result.stderr
