"""pyve test: a part of the tests, plugins, results, other interpreters; black box."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from json_documents import check
from pyve_test_helpers import (
    WHEELHOUSE,
    Pyve,
    need_wheelhouse,
    other_python,
    python_version,
    series,
    snapshot,
)
from running_tests import (
    FLAKY,
    LONG,
    OUTCOMES,
    UNITTESTS,
    add_suite,
    break_off,
    by_name,
    discover,
    run_json,
)

pytestmark = [pytest.mark.venv, pytest.mark.slow]

PLUGINS = ("pytest-xdist", "pytest-timeout", "pytest-rerunfailures", "syrupy")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A user whose project's test environment has pytest and all plugins."""
    need_wheelhouse()
    pyve = Pyve(tmp_path_factory.mktemp("test command"), template_cache, "my project é")
    pyve.init()
    pyve.ok("testenv", "--install", "pytest", *PLUGINS)
    yield pyve
    shutil.rmtree(pyve.root, ignore_errors=True)


@pytest.fixture
def tested(ready: Pyve) -> Pyve:
    """The same user, with an empty project."""
    for path in ready.project.iterdir():
        if path.name not in {".venv", ".pyve", ".gitignore"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(ready.project / ".pyve/testenv/results", ignore_errors=True)
    return ready


# --- results


def test_the_document_has_each_test_and_where_it_failed(tested: Pyve) -> None:
    tested.write("tests/test_it.py", OUTCOMES)
    tested.write("tests/test_unreadable.py", "x = 1\nimport no_such_module\n")
    tested.write("tests/test_wrong.py", "x = 1\nfor\n")
    tested.write("tests/test_absent.py", "import pytest\npytest.importorskip('no_such_module')\n")
    tested.write(".env", "API_TOKEN=the-value-of-the-helper\n")
    words = ["--junit", "out/junit.xml", "--continue-on-collection-errors", "tests"]
    detail = run_json(tested, *words, cwd=tested.project)
    tests = by_name(detail)
    assert detail["exit_code"] == 1
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_skipped": "skipped",
        "test_xfailed": "xfailed",
        "test_xpassed": "xpassed",
        "test_error": "error",
        "test_no_fixture": "error",
        "test_skipped_before": "error",
        "test_error_after": "error",
        "test_bad_before": "failed",
        "test_odd_text": "failed",
        "TestCase::test_method": "passed",
        "TestCase::test_parts": "failed",
        "test_text[a b]": "passed",
        "test_text[\\xe9]": "passed",
        "test_text[x/y::z]": "passed",
        "tests/test_unreadable.py": "error",
        "tests/test_wrong.py": "error",
        "tests/test_absent.py": "skipped",
    }
    lines = OUTCOMES.splitlines()
    assert tests["test_bad"]["line"] == lines.index("def test_bad():") + 1
    assert tests["test_bad"]["failure"]["file"] == "tests/test_it.py"
    assert lines[tests["test_bad"]["failure"]["line"] - 1].strip().startswith("raise ValueError")
    assert tests["test_bad"]["failure"]["message"].startswith("ValueError: the value")
    assert "def helper" in tests["test_bad"]["failure"]["text"]
    unreadable = tests["tests/test_unreadable.py"]["failure"]
    assert (unreadable["file"], unreadable["line"]) == ("tests/test_unreadable.py", 2)
    assert "no_such_module" in unreadable["message"]
    wrong = tests["tests/test_wrong.py"]["failure"]
    assert (wrong["file"], wrong["line"]) == ("tests/test_wrong.py", 2)
    assert wrong["message"].startswith("SyntaxError: ")
    absent = tests["test_no_fixture"]["failure"]
    place = (absent["file"], absent["line"])
    assert place == ("tests/test_it.py", lines.index("def test_no_fixture(no_such_fixture):") + 1)
    assert absent["message"] == "fixture 'no_such_fixture' not found"
    assert "no tear-down" in tests["test_error_after"]["failure"]["message"]
    parts = tests["TestCase::test_parts"]["failure"]
    assert "assertLess" in lines[parts["line"] - 1]
    assert "no_such_module" in tests["tests/test_absent.py"]["reason"]
    assert "\\ud800" in tests["test_odd_text"]["failure"]["message"]
    assert (tests["test_skipped"]["reason"], tests["test_xfailed"]["reason"]) == (
        "not today",
        "known",
    )
    assert detail["counts"] == {
        "passed": 5, "failed": 4, "error": 6, "skipped": 2, "xfailed": 1, "xpassed": 1,
    }  # fmt: skip
    assert all(0 <= test["seconds"] < 60 for test in tests.values())
    suite = ElementTree.parse(detail["junit"]).getroot().find("testsuite")
    assert suite is not None
    assert suite.get("errors") == "6"
    # A secret that a failure shows is not told; what is left of a run that was killed is removed.
    tested.write("test_secret.py", "def test_it():\n    assert 'the-value-of-the-helper' == 1\n")
    (tested.project / ".pyve/testenv/results/99999999").mkdir()
    document = tested("--json", "test", "test_secret.py").stdout
    assert "the-value-of" not in document
    assert not (tested.project / ".pyve/testenv/results/99999999").exists()


def test_a_run_that_crashes_says_in_which_test(tested: Pyve) -> None:
    tested.write("test_it.py", "import os\ndef test_a(): pass\ndef test_b(): os._exit(7)\n")
    detail = run_json(tested)
    assert detail["exit_code"] == 7
    tests = by_name(detail)
    assert tests["test_a"]["outcome"] == "passed"
    assert tests["test_b"]["outcome"] == "error"
    assert "ended while" in tests["test_b"]["failure"]["message"]
    # So does one of which a process crashes, and one that is broken off.
    detail = run_json(tested, "-n", "2", "--retries", "1")
    tests = by_name(detail)
    assert [tests[name]["outcome"] for name in ("test_a", "test_b")] == ["passed", "error"]
    assert "crashed while running" in tests["test_b"]["failure"]["message"]
    assert tests["test_b"]["attempts"] == 2
    tested.write("test_it.py", "def test_a(): pass\ndef test_b(): raise KeyboardInterrupt\n")
    detail = run_json(tested, "--timings", "timings.json")
    assert (detail["exit_code"], by_name(detail)["test_b"]["outcome"]) == (2, "error")
    timings = json.loads((tested.project / "timings.json").read_text())
    assert list(timings["seconds"]) == ["test_it.py::test_a"]
    # What is known when Pyve is ended is told, too.
    tested.write("test_it.py", LONG)
    document = json.loads(break_off(tested, 1, signal.SIGTERM, "--json", "test")[1])
    check(document, "document")
    tests = by_name(document["detail"])
    found = [tests[name]["outcome"] for name in ("test_short", "test_long")]
    assert (document["exit_code"], found) == (143, ["passed", "error"])
    tested.write("conftest.py", "import os\nimport no_such_module\n")
    detail = run_json(tested)
    assert detail["exit_code"] == 4
    failure = by_name(detail)["conftest.py"]["failure"]
    assert (failure["file"], failure["line"]) == ("conftest.py", 2)
    assert failure["message"].startswith("ModuleNotFoundError: ")


def test_tests_that_are_found_are_those_of_pytest(tested: Pyve) -> None:
    tested.write("tests/test_it.py", OUTCOMES)
    tested.write("tests/deep er/test_b.py", "class TestX:\n    def test_m(self): assert 0\n")
    tested.write("checks.py", "def test_no(): pass\n")
    for words in ([], ["-k", "text or m"], ["checks.py", "tests"]):
        own = tested.execute(
            tested.testenv / "bin/python", "-m", "pytest", "--collect-only", "-q", *words
        )
        expected = own.stdout.split("\n\n")[0].splitlines()
        assert discover(tested, *words) == expected
        assert expected
    detail = run_json(tested, "--discover", "-q", "checks.py")
    assert detail["discovered"] == [{"id": "checks.py::test_no", "file": "checks.py", "line": 1}]
    assert "tests" not in detail
    assert not list(tested.project.glob("**/count"))
    tested.write("tests/test_wrong.py", "import no_such_module\n")
    result = tested("test", "--discover")
    assert (result.returncode, "no_such_module" in result.stderr) == (2, True)
    result = tested("test", "--discover", "-k", "nothing", "checks.py")
    assert (result.returncode, result.stdout) == (5, "")
    assert "deselected" in result.stderr


# --- parts


def test_each_test_is_in_one_part_and_parts_are_balanced(tested: Pyve) -> None:
    add_suite(tested)
    everything = discover(tested)
    parts = [discover(tested, "--shard", f"{n}/4") for n in range(1, 5)]
    assert sorted(name for part in parts for name in part) == sorted(everything)
    assert all(part == [name for name in everything if name in part] for part in parts)
    # A part is run, also by several processes; it learns nothing, so that the other parts stay.
    detail = run_json(tested, "--shard", "3/4", "-n2", "-q")
    assert sorted(test["id"] for test in detail["tests"]) == sorted(parts[2])
    assert detail["shard"] == {
        "index": 3,
        "count": 4,
        "by": "name",
        "tests": len(parts[2]),
        "of": 60,
    }
    assert not (tested.project / ".pyve/testenv/results/durations.json").exists()
    # More parts than tests: one that is empty passes, and no tests at all are what pytest says.
    assert "shard 1 of 70: 0 of 60 tests" in tested.ok("test", "--shard=1/70", "tests")
    assert run_json(tested, "--shard", "1/70", "-n", "2")["tests"] == []
    assert discover(tested, "--shard", "1/70") == []
    assert tested("test", "--shard", "1/2", "-k", "nothing").returncode == 5
    # By durations, from a file that a run of all tests has written.
    tested.ok("test", "-q", "--timings", "timings.json")
    timings = json.loads((tested.project / "timings.json").read_text())
    assert sorted(timings["seconds"]) == sorted(everything)
    slow = [name for name in everything if name.startswith("tests/test_2")]
    seconds = {name: 2.0 if name in slow else 0.5 for name in everything}
    timings_text = json.dumps({"version": 1, "seconds": seconds})
    tested.write("timings.json", timings_text)
    loads = []
    found: list[str] = []
    for number in (1, 2, 3):
        part = discover(tested, "--timings", "timings.json", f"--shard={number}/3")
        loads.append(sum(seconds[name] for name in part))
        found += part
    assert sorted(found) == sorted(everything)
    assert max(loads) / min(loads) < 1.1
    tested.ok("test", "--timings", "timings.json", "--shard", "1/3")
    assert (tested.project / "timings.json").read_text() == timings_text
    tested.write("timings.json", "{}")
    for processes in ([], ["-n2"]):
        result = tested("test", "--timings", "timings.json", "--shard", "1/3", *processes)
        said = result.stderr + result.stdout
        assert (result.returncode, said.count("holds no durations")) == (4, 1)
        assert "Traceback" not in said
    # Where they cannot be kept, that is said. A test may go elsewhere meanwhile.
    tested.write("test_move.py", "import os\ndef test_m(): os.chdir('/')\n")
    assert "cannot be kept" in tested("test", "--timings", "tests", "test_move.py").stderr
    tested.ok("test", "--timings", "moved.json", "test_move.py")
    assert "test_move.py::test_m" in (tested.project / "moved.json").read_text()


def test_only_what_a_change_may_affect_is_run(tested: Pyve) -> None:
    def git(*words: str) -> None:
        settings = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        result = tested.execute("git", *settings, *words)
        assert result.returncode == 0, result.stderr

    tested.write("shop/__init__.py", "")
    tested.write("shop/money.py", "RATE = 2\n")
    tested.write("shop/orders.py", "from shop.money import RATE\n")
    tested.write("tests/test_orders.py", "import shop.orders\ndef test_o(): pass\n")
    tested.write("tests/test_other.py", "def test_x(): pass\n")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    detail = run_json(tested, "--changed", "-p", "no:cacheprovider")
    assert (detail["exit_code"], detail["tests"]) == (0, [])
    tested.write("shop/money.py", "RATE = 3\n")
    assert [test["id"] for test in run_json(tested, "--changed")["tests"]] == [
        "tests/test_orders.py::test_o"
    ]
    git("commit", "-qam", "second")
    assert discover(tested, "--changed", "tests") == []
    # A revision, and with it processes, a part and a backend of another kind.
    with contextlib.suppress(OSError):
        # (Where there are names that are no text.)
        Path(os.fsdecode(os.fsencode(tested.project) + b"/tests/\xfe.py")).touch()
    detail = run_json(tested, "--changed", "HEAD~1", "-n", "2", "tests")
    assert [test["id"] for test in detail["tests"]] == ["tests/test_orders.py::test_o"]
    assert (detail["changed"]["tests"], detail["changed"]["of"]) == (1, 2)
    assert discover(tested, "--changed=HEAD~1", "--shard", "1/1") == [
        "tests/test_orders.py::test_o"
    ]
    for path in (tested.project / "tests").glob("?.py"):
        path.unlink()
    tested.write("pytest.ini", "[pytest]\n")
    assert len(discover(tested, "--changed")) == 2
    (tested.project / "pytest.ini").unlink()
    tested.write("tests/test_new.py", "def test_n(): pass\n")
    assert discover(tested, "--changed") == ["tests/test_new.py::test_n"]


# --- plugins


def test_retries_time_limits_processes_and_snapshots(tested: Pyve) -> None:
    # (What is asked for is loaded, whatever the settings say of plugins.)
    tested.write("pytest.ini", "[pytest]\naddopts = -p no:xdist\n")
    tested.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    tested.write("test_flaky.py", FLAKY)
    assert run_json(tested, "--retries", "1", "--fail-fast")["counts"]["passed"] == 0
    (tested.project / "count").unlink()
    detail = run_json(tested, "--retries", "2")
    assert (detail["exit_code"], by_name(detail)["test_flaky"]["attempts"]) == (0, 3)
    tested.write("test_flaky.py", "import time\ndef test_s(): time.sleep(50)\ndef test_t(): pass\n")
    detail = run_json(tested, "--timeout", "0.5")
    assert (detail["exit_code"], detail["counts"]["passed"]) == (1, 1)
    assert "imeout" in by_name(detail)["test_s"]["failure"]["message"]
    tested.write("test_flaky.py", "def test_snap(snapshot): assert snapshot == {'a': 1}\n")
    assert tested("test", "-q").returncode == 1
    tested.ok("test", "--snapshot", "update", "-q", "-n2")
    del tested.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    tested.ok("test", "-q")


# --- the other backend


def test_unittest_runs_tests_in_the_same_way(tested: Pyve) -> None:
    tested.write("cases/__init__.py", "")
    tested.write("cases/test_cases.py", UNITTESTS)
    tested.write("cases/test_wrong.py", "x = 1\nimport no_such_module\n")
    unittest = ("--backend", "unittest")
    detail = run_json(tested, *unittest, "--timeout", "0.5", "--junit", "deep/j.xml")
    tests = {test["id"].split(".")[-1]: test for test in detail["tests"]}
    assert detail["exit_code"] == 1
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_parts": "failed",
        "test_skips_a_part": "passed",
        "test_skipped": "skipped",
        "test_xfailed": "xfailed",
        "test_xpassed": "xpassed",
        "test_slow": "error",
        "Broken)": "error",
        "test_wrong": "error",
    }
    lines = UNITTESTS.splitlines()
    failure = tests["test_bad"]["failure"]
    assert failure["file"] == "cases/test_cases.py"
    assert "test_bad" in lines[failure["line"] - 1]
    assert "time limit" in tests["test_slow"]["failure"]["message"]
    wrong = tests["test_wrong"]["failure"]
    assert (wrong["file"], wrong["line"]) == ("cases/test_wrong.py", 2)
    suite = ElementTree.parse(tested.project / "deep/j.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("3", "3", "2")
    cases = {(case.get("classname"), case.get("name")) for case in suite}
    assert ("cases.test_cases.Broken", "setUpClass") in cases
    result = tested("test", *unittest, "--discover")
    assert (result.returncode, "No module named 'no_such_module'" in result.stderr) == (1, True)
    (tested.project / "cases/test_wrong.py").unlink()
    everything = discover(tested, *unittest)
    assert len(everything) == 9
    parts = [discover(tested, *unittest, "--shard", f"{n}/10") for n in range(1, 11)]
    assert sorted(name for part in parts for name in part) == sorted(everything)
    empty = parts.index([]) + 1
    assert tested("test", *unittest, "--shard", f"{empty}/10").returncode == 0
    assert tested("test", *unittest, "-k", "no_such").returncode == 5
    result = tested("test", *unittest, "-v", "cases.test_cases.Cases.test_good")
    assert (result.returncode, "ok" in result.stderr) == (0, True)
    tested.write("local.py", "import unittest\nclass C(unittest.TestCase):\n"
                 "    def test_it(self):\n        seen = 41\n        self.fail()\n")  # fmt: skip
    assert "seen = 41" in tested("test", *unittest, "--locals", "local").stderr
    result = tested("test", *unittest, "--fail-fast", "-k", "bad", "-k", "good")
    assert (result.returncode, "Ran 1 test" in result.stderr) == (1, True)


# --- other interpreters, watching, and how it all ends


def test_a_row_for_each_interpreter(tested: Pyve) -> None:
    first, second = series(python_version()), series(python_version(other_python()))
    tested.add_python(other_python())
    tested.write(
        "pyproject.toml",
        '[project]\nname = "my-project"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["idna"]\n[dependency-groups]\ndev = ["pytest<9"]\n',
    )
    # (The project's own pytest is the one that is used; what its lock has is taken from there.)
    tested.write("requirements-dev.txt", "-r requirements.txt\n-r deep/more.txt\n")
    tested.write("requirements.txt", "no-such-distribution\n")
    # (Files that name each other are read once each.)
    around = "-r more.txt\n-r ../requirements-dev.txt\n" * 20
    tested.write("deep/more.txt", f"{around}-c limits.txt\npytest-timeout  # more\n")
    tested.write(
        "test_it.py",
        "import idna, os, pytest, pytest_timeout, sys\n"
        "def test_pytest(): assert pytest.__version__[0] == '8'\n"
        f"def test_version(): assert sys.version_info[:2] == {tuple(map(int, first.split('.')))}\n"
        "def test_place(): assert os.environ['VIRTUAL_ENV'] == sys.prefix\n",
    )
    index = {"UV_FIND_LINKS": str(WHEELHOUSE), "UV_NO_INDEX": "1"}
    tested.ok("lock", **index)
    before = snapshot(tested.project / ".venv")
    said = tested.ok("explain", "test", "--python", f"{first},{second}", **index)
    assert said.count("is made") == 4
    assert "deep/more.txt" in tested("explain", "test", "--python", first, **index).stderr
    assert not list(tested.home.glob(".cache/pyve/environments/*"))
    pythons = f"{first},{second},{first}"
    detail = run_json(tested, "--python", pythons, "--junit", "j.xml", **index)
    assert detail["exit_code"] == 1
    rows = {row["python"]: (row["exit_code"], row["counts"]["passed"]) for row in detail["pythons"]}
    assert rows == {first: (0, 3), second: (1, 2)}
    failed = [test for test in detail["tests"] if test["outcome"] == "failed"]
    assert [(test["python"], test["file"]) for test in failed] == [(second, "test_it.py")]
    names = [e.get("name", "") for e in ElementTree.parse(tested.project / "j.xml").getroot()]
    assert [name.split()[-1] for name in names] == [first, second]
    # The second time all is there.
    made = sorted(tested.home.glob(".cache/pyve/environments/*"))
    assert len(made) >= 4
    result = tested("test", f"--python={first},{second}", "-k", "place", **index)
    assert sorted(tested.home.glob(".cache/pyve/environments/*")) == made
    assert result.returncode == 0, result.stderr
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:]] == [
        [first, "passed", "1"], [second, "passed", "1"]
    ]  # fmt: skip
    assert snapshot(tested.project / ".venv") == before
    # Ctrl-C is for the tests; what a signal leaves to Pyve ends all of them.
    tested.write("test_it.py", LONG)
    words = ("test", f"--python={first},{second}")
    code, said = break_off(tested, 2, signal.SIGINT, *words, **index)
    assert (code, said.count("exit 2")) == (2, 2)
    code, said = break_off(tested, 2, signal.SIGTERM, *words, **index)
    assert (code, said) == (-signal.SIGTERM, "")


def test_tests_are_run_again_when_a_file_changes(tested: Pyve, toolchain: Path) -> None:
    tested.write("test_it.py", "def test_a(): pass\n")
    process = subprocess.Popen(
        tested.command("test", "--watch", "--fail-fast", "-q", "-p", "no:cacheprovider"),
        cwd=tested.project,
        env=tested.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None

    def wait_for(text: str) -> str:
        lines = ""
        for line in process.stdout or ():
            lines += line
            if text in line:
                return lines
        raise AssertionError(f"no {text!r} in:\n{lines}")

    try:
        wait_for("1 passed")
        time.sleep(0.5)
        tested.write("test_it.py", "def test_a(): assert 0\ndef test_b(): pass\n")
        assert "1 passed" not in wait_for("1 failed")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def test_what_pytest_is_given_is_what_it_was_before(tested: Pyve) -> None:
    tested.write(
        "conftest.py",
        "def pytest_addoption(parser):\n    parser.addoption('--backend')\n",
    )
    tested.write(
        "test_it.py",
        "import sys\n"
        "def test_a(request): assert request.config.getoption('--backend') == 'round'\n"
        "def test_b(): assert 'pyve_tests' not in sys.modules\n",
    )
    tested.ok("test", "test_it.py", "--backend", "round")
    tested.ok("test", "--", "--backend=round")
    assert not (tested.project / ".pyve/testenv/results").exists()
    assert len(discover(tested, "-q", "-xv", "test_it.py")) == 2
    assert tested.ok("test", "-q", "--discover", "-x", "test_it.py").count("::") == 2
    shutil.rmtree(tested.project / ".pyve/testenv/results")
    # Explained, and nothing is done.
    said = tested.ok("explain", "test", "-n", "2", "--retries=1", "--shard", "1/2", "test_it.py")
    assert "-n 2 -p rerunfailures --reruns 1 test_it.py" in said
    assert not (tested.project / ".pyve/testenv/results").exists()
