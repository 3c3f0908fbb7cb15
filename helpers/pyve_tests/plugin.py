"""The plugin for pytest (7 or newer) that `pyve test` brings along.

It works in the process that pytest was started in, and, for the choice of tests, in the workers of
pytest-xdist.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import argparse
import os
import re
import traceback
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from .changed import ChangedError
from .records import Recorder, describe_broken_off, describe_failure, shorten_path
from .request import Request, Selection, describe_notes, keep_timings
from .timings import TimingsError

# A line of a traceback of pytest's, and what Python says of a file that is no Python.
_PLACE = re.compile(r'^(\S[^\n:]*):(\d+)(?:: |$)|^E +File "([^"\n]+)", line (\d+)', re.MULTILINE)
# Where the assertions of unittest are.
_UNITTEST = os.path.join(os.path.dirname(os.__file__), "unittest", "")
_FAILURE = re.compile(r"^E( +)(\S.*)", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what was asked for, as JSON."""
    group = parser.getgroup("pyve")
    group.addoption("--pyve-request", default="", help=argparse.SUPPRESS)
    group.addoption("--pyve-root", default="", help=argparse.SUPPRESS)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin, when something was asked for."""
    text = config.getoption("--pyve-request")
    if text:
        request = Request(text, config.getoption("--pyve-root"))
        config.pluginmanager.register(Run(config, request), "pyve-run")


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, Any, None]:
    """Note a conftest.py that cannot be imported: pytest goes no further, not even to configure."""
    error = (yield).excinfo
    if error is not None and error[0].__name__ == "ConftestImportFailure":
        options = early_config.known_args_namespace
        text, root = options.pyve_request, str(early_config.rootpath)
        path = shorten_path(str(error[1].path), root)
        test = Test()
        test.outcome, test.place = "error", (path, None)
        # (pytest 7 has no cause.)
        test.failure = read_error(getattr(error[1], "cause", None) or error[1].excinfo[1], root)
        if text:
            recorder = Recorder(Request(text, options.pyve_root).results)
            recorder.write("test", id=path, **test.describe())
            recorder.close()


class Run:
    """One run of pytest, or a worker's part of it."""

    def __init__(self, config: pytest.Config, request: Request) -> None:
        self.config = config
        self.request = request
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.is_worker = self.worker_input is not None
        affected = (self.worker_input or {}).get("pyve_affected")
        try:
            self.selection = Selection(request, affected)
        except TimingsError as error:
            raise pytest.UsageError(str(error)) from None
        self.worker_notes: dict[str, Any] = {}
        self.emptied_workers: list[bool] = []
        self.recorder = Recorder("" if self.is_worker else request.results)
        self.tests: dict[str, Test] = {}
        self.collect_reports: set[str] = set()
        self.rootdir = str(config.rootpath)

    # --- which tests

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what has changed, so that it is found out once."""
        try:
            node.workerinput["pyve_affected"] = self.selection.find_affected()
        except ChangedError as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Choose tests, behind -k, -m and what plugins leave out."""
        try:
            chosen = self.selection.choose([(i.nodeid, get_path(i)) for i in items])
        except ChangedError as error:
            raise pytest.UsageError(str(error)) from None
        if len(chosen) < len(items):
            left = set(range(len(items))).difference(chosen)
            config.hook.pytest_deselected(items=[items[i] for i in sorted(left)])
            items[:] = [items[i] for i in chosen]
        if self.is_worker:
            output: dict[str, Any] = getattr(config, "workeroutput", {})
            output["pyve_notes"] = self.selection.notes
            output["pyve_emptied"] = self.selection.is_emptied
        if self.request.discover:
            for item in items:
                file, line, _ = item.location
                self.recorder.write("found", id=item.nodeid, file=file, line=add_one(line))

    def pytest_report_collectionfinish(self) -> list[str]:
        """Say which tests were chosen."""
        return ["pyve: " + line for line in self.selection.describe()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker has chosen."""
        output = getattr(node, "workeroutput", None) or {}
        if "pyve_notes" in output:
            self.worker_notes = output["pyve_notes"]
            self.emptied_workers.append(bool(output["pyve_emptied"]))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say which tests the workers have chosen."""
        for line in describe_notes(self.worker_notes):
            terminalreporter.write_line("pyve: " + line)

    # --- what comes of them

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test begins."""
        self.recorder.write("started", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a test's set-up, call or tear-down."""
        if self.is_worker:
            return
        test = self.tests.setdefault(report.nodeid, Test())
        test.add(report, self.rootdir)
        if test.is_ended:
            self._write_test(report.nodeid)

    def _write_test(self, nodeid: str) -> None:
        test = self.tests[nodeid]
        if not test.is_written:
            test.is_written = True
            self.recorder.write("test", id=nodeid, **test.describe())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file could not be collected, or was skipped as a whole."""
        if self.is_worker or report.passed or report.nodeid in self.collect_reports:
            return
        self.collect_reports.add(report.nodeid)
        file = report.nodeid.split("::")[0]
        test = Test()
        test.place = (file, None)
        if report.failed:
            failure = read_failure(report, self.rootdir)
            test.outcome, test.failure = "error", {**failure, "file": failure["file"] or file}
        else:
            test.outcome, test.reason = "skipped", read_reason(report)
        self.recorder.write("test", id=report.nodeid, **test.describe())

    # (Around all others: syrupy, for one, puts its own status there.)
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        """Let a run that has nothing to do pass, and keep what was seen."""
        yield
        emptied = self.selection.is_emptied
        if self.emptied_workers:
            emptied = all(self.emptied_workers)
        if int(exitstatus) == int(session.exitstatus) == 5 and emptied:
            session.exitstatus = 0
        if self.is_worker:
            return
        # (With --exitfirst, tests of other processes are broken off: that says nothing of them.)
        maxfail = int(self.config.getoption("maxfail", 0) or 0)
        is_enough = 0 < maxfail <= session.testsfailed
        for nodeid, test in self.tests.items():
            if not test.is_ended and not is_enough:
                test.break_off()
            if test.is_ended or test.failure:
                self._write_test(nodeid)
        notes = self.selection.notes or self.worker_notes
        self.recorder.write("end", exit=int(session.exitstatus), enough=is_enough, **notes)
        self.recorder.close()
        passed = {name: test.seconds for name, test in self.tests.items() if test.is_measured}
        keep_timings(self.request, passed, self.rootdir)


class Test:
    """What came of one test."""

    __test__ = False

    def __init__(self) -> None:
        self.outcome = "passed"
        self.seconds = 0.0
        self.attempts = 0
        self.failure: dict[str, Any] | None = None
        self.reason: str | None = None
        self.place: tuple[str | None, int | None] = (None, None)
        self.is_written = False
        # It is being run; it is about to be run once more.
        self.is_begun = False
        self.is_again = False
        # There is nothing more to come.
        self.is_ended = False

    @property
    def is_measured(self) -> bool:
        """Whether its time is one to go by."""
        return self.is_ended and self.outcome in ("passed", "failed", "xfailed", "xpassed")

    def add(self, report: pytest.TestReport, rootdir: str) -> None:
        """Add the report of one of its phases."""
        file, line, _ = report.location
        self.place = (file, add_one(line))
        outcome = str(report.outcome)
        is_expected = hasattr(report, "wasxfail")
        if type(report).__name__.lower() == "subtestreport":
            # (A part of a test, by pytest 9 or pytest-subtests: its time is in the test's own.)
            if outcome == "failed":
                self._fail("failed", report, rootdir)
            return
        self.seconds += report.duration
        is_phase = report.when in ("setup", "call", "teardown")
        if report.when == "setup":
            self.attempts += 1
            self.is_begun, self.is_again, self.is_written = True, False, False
        elif not is_phase and not self.is_begun:
            # (Of a worker that has crashed there is but one report.)
            self.attempts += 1
        if outcome == "rerun":
            # (By pytest-rerunfailures, of any phase.)
            self.outcome, self.failure, self.reason = "passed", None, None
            self.is_begun, self.is_again = False, True
        elif outcome == "failed":
            self._fail("failed" if report.when == "call" else "error", report, rootdir)
        elif outcome == "skipped" and self.outcome == "passed":
            self.outcome = "xfailed" if is_expected else "skipped"
            self.reason = str(report.wasxfail) if is_expected else read_reason(report)
        elif outcome == "passed" and is_expected and report.when == "call":
            self.outcome, self.reason = "xpassed", getattr(report, "wasxfail", "")
        self.is_ended = not self.is_again and (report.when == "teardown" or not is_phase)

    def _fail(self, outcome: str, report: pytest.TestReport, rootdir: str) -> None:
        """Take over a failure, of several the first."""
        if self.outcome not in ("failed", "error"):
            self.outcome, self.reason = outcome, None
        self.failure = self.failure or read_failure(report, rootdir)

    def break_off(self) -> None:
        """End it with the run, as by Ctrl-C, where nothing has failed yet."""
        if self.outcome not in ("failed", "error"):
            self.outcome, self.reason = "error", None
            self.failure = describe_broken_off(self.place[0])

    def describe(self) -> dict[str, Any]:
        """Give what is noted of it."""
        return {
            "outcome": self.outcome,
            "seconds": round(self.seconds, 6),
            "file": self.place[0],
            "line": self.place[1],
            "attempts": max(1, self.attempts),
            "reason": self.reason or None,
            "failure": self.failure,
        }


def add_one(line: int | None) -> int | None:
    """Count a line from 1, where pytest counts from 0."""
    return None if line is None else line + 1


def get_path(item: pytest.Item) -> str:
    """Give the path of the file that an item is in."""
    return str(getattr(item, "path", None) or item.fspath)


def read_failure(report: Any, rootdir: str) -> dict[str, Any]:
    """Give where a report says that something failed, and how."""
    text = str(getattr(report, "longreprtext", "") or report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        place, at = str(crash.path), int(crash.lineno)
        if place.startswith(_UNITTEST):
            # (pytest cuts it off for a test, but not for a part of one.)
            for entry in getattr(report.longrepr.reprtraceback, "reprentries", ()):
                spot = getattr(entry, "reprfileloc", None)
                if spot is not None and not os.path.abspath(spot.path).startswith(_UNITTEST):
                    place, at = spot.path, spot.lineno
        return describe_failure(shorten_path(place, rootdir), at, str(crash.message), text)
    # (Only text, as of a file that cannot be imported: the last place that it names.)
    lines = _FAILURE.findall(text) or [("", text.strip().split("\n")[-1])]
    # (What Python quotes is indented further than what it says.)
    message = min(lines, key=lambda line: len(line[0]))[1]
    file: str | None = None
    number: int | None = None
    for path, line in find_places(text):
        if os.path.exists(os.path.join(rootdir, path)):
            file, number = shorten_path(os.path.join(rootdir, path), rootdir), line
    return describe_failure(file, number, message, text)


def read_error(error: BaseException, rootdir: str) -> dict[str, Any]:
    """Give where an exception was raised, and what it says."""
    file: str | None = None
    number: int | None = None
    if isinstance(error, SyntaxError):
        file, number = error.filename, error.lineno
    else:
        for frame, line in traceback.walk_tb(error.__traceback__):
            if os.path.exists(frame.f_code.co_filename):
                file, number = frame.f_code.co_filename, line
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    place = shorten_path(file, rootdir) if file else None
    return describe_failure(place, number, "%s: %s" % (type(error).__name__, error), text)


def find_places(text: str) -> Iterator[tuple[str, int]]:
    """Find what names a file and a line in it."""
    for match in _PLACE.finditer(text):
        yield match[1] or match[3], int(match[2] or match[4])


def read_reason(report: Any) -> str:
    """Give why a test was skipped."""
    if isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2])
    else:
        reason = str(report.longrepr or "")
    start = "Skipped: "
    return reason[len(start) :] if reason.startswith(start) else reason
