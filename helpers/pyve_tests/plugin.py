"""The plugin for pytest (7 or newer) that `pyve test` brings along.

It works in the process that pytest was started in, and, for the choice of tests, in the workers of
pytest-xdist.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .changed import ChangedError
from .records import Recorder, describe_failure, shorten_path
from .request import Request, Selection, describe_notes, keep_timings
from .timings import TimingsError

_PLACE = re.compile(r"^(\S[^\n:]*):(\d+): ", re.MULTILINE)


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


class Run:
    """One run of pytest, or a worker's part of it."""

    def __init__(self, config: pytest.Config, request: Request) -> None:
        self.config = config
        self.request = request
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.is_worker = self.worker_input is not None
        affected = (self.worker_input or {}).get("pyve_affected")
        self.selection = Selection(request, affected)
        self.worker_notes: dict[str, Any] = {}
        self.emptied_workers: list[bool] = []
        self.recorder = Recorder("" if self.is_worker else request.results)
        self.tests: dict[str, Test] = {}
        self.collect_failures: set[str] = set()
        self.rootdir = str(config.rootpath)
        # The controller of pytest-xdist sees no item.
        self.is_controller = bool(getattr(config.option, "numprocesses", None)) or bool(
            getattr(config.option, "tx", None)
        )

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
        except (ChangedError, TimingsError) as error:
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
        if not self.is_controller:
            self.recorder.write("started", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a test's set-up, call or tear-down."""
        if self.is_worker:
            return
        test = self.tests.setdefault(report.nodeid, Test())
        test.add(report, self.rootdir)
        if report.when == "teardown" and not test.is_again:
            self._write_test(report.nodeid)

    def _write_test(self, nodeid: str) -> None:
        test = self.tests[nodeid]
        if not test.is_written:
            test.is_written = True
            self.recorder.write("test", id=nodeid, **test.describe())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file could not be collected."""
        if self.is_worker or not report.failed or report.nodeid in self.collect_failures:
            return
        self.collect_failures.add(report.nodeid)
        failure = read_failure(report, self.rootdir)
        file = report.nodeid.split("::")[0]
        self.recorder.write(
            "test",
            id=report.nodeid,
            outcome="error",
            seconds=0.0,
            file=file,
            line=None,
            attempts=1,
            reason=None,
            failure={**failure, "file": failure["file"] or file},
        )

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
        # (Without a tear-down: what broke the run off.)
        for nodeid in self.tests:
            self._write_test(nodeid)
        notes = self.selection.notes or self.worker_notes
        self.recorder.write("end", exit=int(session.exitstatus), **notes)
        self.recorder.close()
        passed = {name: test.seconds for name, test in self.tests.items() if test.is_measured}
        keep_timings(self.request, passed)


class Test:
    """What came of one test."""

    __test__ = False

    def __init__(self) -> None:
        self.outcome = "passed"
        self.seconds = 0.0
        self.attempts = 1
        self.failure: dict[str, Any] | None = None
        self.reason: str | None = None
        self.place: tuple[str | None, int | None] = (None, None)
        self.is_written = False
        # It is about to be run once more.
        self.is_again = False

    @property
    def is_measured(self) -> bool:
        """Whether its time is one to go by."""
        return self.outcome in ("passed", "failed", "xfailed", "xpassed")

    def add(self, report: pytest.TestReport, rootdir: str) -> None:
        """Add the report of one of its phases."""
        file, line, _ = report.location
        self.place = (file, add_one(line))
        self.seconds += report.duration
        outcome = str(report.outcome)
        is_expected = hasattr(report, "wasxfail")
        if self.is_again and report.when == "setup":
            self.is_again, self.is_written = False, False
            self.outcome, self.failure, self.reason = "passed", None, None
        if outcome == "rerun":
            # (By pytest-rerunfailures.)
            self.attempts += 1
            self.is_again = True
        elif outcome == "failed":
            if self.outcome == "passed":
                self.outcome = "failed" if report.when == "call" else "error"
            self.failure = self.failure or read_failure(report, rootdir)
        elif outcome == "skipped":
            self.outcome = "xfailed" if is_expected else "skipped"
            self.reason = str(report.wasxfail) if is_expected else read_reason(report)
        elif is_expected and report.when == "call":
            self.outcome, self.reason = "xpassed", getattr(report, "wasxfail", "")

    def describe(self) -> dict[str, Any]:
        """Give what is noted of it."""
        return {
            "outcome": self.outcome,
            "seconds": round(self.seconds, 6),
            "file": self.place[0],
            "line": self.place[1],
            "attempts": self.attempts,
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
        place = shorten_path(str(crash.path), rootdir)
        return describe_failure(place, int(crash.lineno), str(crash.message), text)
    # (Only text, as of a file that cannot be imported: the last place that it names.)
    lines = [line[2:].strip() for line in text.splitlines() if line.startswith("E ")]
    message = next((line for line in lines if line), text.strip().split("\n")[-1])
    file: str | None = None
    number: int | None = None
    for path, line in find_places(text):
        if os.path.exists(os.path.join(rootdir, path)):
            file, number = shorten_path(os.path.join(rootdir, path), rootdir), line
    return describe_failure(file, number, message, text)


def find_places(text: str) -> Iterator[tuple[str, int]]:
    """Find what looks like ``FILE:LINE: `` at the beginning of lines."""
    for match in _PLACE.finditer(text):
        yield match.group(1), int(match.group(2))


def read_reason(report: Any) -> str:
    """Give why a test was skipped."""
    if isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2])
    else:
        reason = str(report.longrepr or "")
    start = "Skipped: "
    return reason[len(start) :] if reason.startswith(start) else reason
