"""Running tests with unittest, as `python -m unittest` does, with what `pyve test` adds.

Usage: python -m pyve_tests.unittest_run PROJECT REQUEST [ARGUMENT of unittest]...

Exit status: 0 all passed, 1 some did not, 5 there are no tests.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
import time
import traceback
import unittest
from collections.abc import Iterator
from typing import Any

from . import junit
from .changed import ChangedError
from .records import Recorder, describe_broken_off, describe_failure, shorten_path
from .request import Request, Selection, keep_timings
from .timings import TimingsError

_PLACE = re.compile(r'^ *File "([^"\n]+)", line ([0-9]+)', re.MULTILINE)


class TestTimeoutError(BaseException):
    """A test took too long: nothing that a test catches by itself."""

    __test__ = False


class Noter:
    """What the tests of a run come to."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.recorder = Recorder(request.results)
        self.tests: list[dict[str, Any]] = []
        self.open: dict[str, dict[str, Any]] = {}

    def begin(self, test: unittest.TestCase) -> None:
        """A test begins."""
        self.recorder.write("started", id=test.id())
        file, line = find_place(test, self.request.root)
        self.open[test.id()] = {
            "id": test.id(),
            "outcome": "passed",
            "seconds": 0.0,
            "file": file,
            "line": line,
            "attempts": 1,
            "reason": None,
            "failure": None,
            "began": time.perf_counter(),
        }

    def note(self, test: Any, outcome: str, error: Any = None, reason: str = "") -> None:
        """A test, one of its parts, or the set-up of a class or module, came to this."""
        if type(test).__name__ == "_SubTest":
            # (Only skipped ones come here: the others of the test are what counts.)
            return
        entry = self.open.get(test.id())
        is_alone = entry is None
        if entry is None:
            # (No test was begun: setUpClass, setUpModule.)
            place = find_place(test, self.request.root)
            entry = dict.fromkeys(("reason", "failure"))
            entry.update(id=test.id(), seconds=0.0, file=place[0], line=place[1], attempts=1)
            entry["outcome"] = "passed"
        if entry["outcome"] in ("passed", "skipped"):
            entry["outcome"] = outcome
            entry["reason"] = reason or None
            if error is not None:
                entry["failure"] = read_failure(error, self.request.root)
            elif outcome == "xpassed":
                text = "unexpected success"
                entry["failure"] = describe_failure(entry["file"], entry["line"], text, text)
        if is_alone:
            self._write(entry)

    def end(self, test: unittest.TestCase) -> None:
        """A test has ended."""
        entry = self.open.pop(test.id(), None)
        if entry is not None:
            entry["seconds"] = round(time.perf_counter() - entry.pop("began"), 6)
            # (unittest says so also of a test that Ctrl-C has broken off.)
            is_cut = isinstance(sys.exc_info()[1], KeyboardInterrupt)
            if is_cut and entry["failure"] is None:
                entry.update(outcome="error", failure=describe_broken_off(entry["file"]))
            self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        self.tests.append(entry)
        self.recorder.write("test", **entry)

    def close(self, status: int, selection: Selection) -> None:
        """The run has ended."""
        self.recorder.write("end", exit=status, **selection.notes)
        self.recorder.close()
        keep_timings(
            self.request,
            {t["id"]: t["seconds"] for t in self.tests if t["outcome"] in ("passed", "failed")},
            self.request.root,
        )
        if self.request.junit:
            junit.write_suites(self.request.junit, [junit.build_suite("unittest", self.tests)])


class NotingResult(unittest.TextTestResult):
    """The usual result, which is also noted."""

    noter: Noter

    def startTest(self, test: unittest.TestCase) -> None:
        """Begin a test, and its time."""
        super().startTest(test)
        self.noter.begin(test)
        if self.noter.request.timeout and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, self.noter.request.timeout)

    def stopTest(self, test: unittest.TestCase) -> None:
        """End a test."""
        if self.noter.request.timeout and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.noter.end(test)
        super().stopTest(test)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        """Note an error."""
        super().addError(test, err)
        self.noter.note(test, "error", err)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        """Note a failure."""
        super().addFailure(test, err)
        self.noter.note(test, "failed", err)

    def addSubTest(self, test: unittest.TestCase, subtest: Any, err: Any) -> None:
        """Note what a part of a test came to: the test fails with it."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            is_failure = issubclass(err[0], test.failureException)
            self.noter.note(test, "failed" if is_failure else "error", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        """Note that a test was skipped."""
        super().addSkip(test, reason)
        self.noter.note(test, "skipped", reason=reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        """Note a failure that was expected."""
        super().addExpectedFailure(test, err)
        self.noter.note(test, "xfailed")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        """Note a success that was not expected."""
        super().addUnexpectedSuccess(test)
        self.noter.note(test, "xpassed")


class Program(unittest.TestProgram):
    """`python -m unittest`, for the tests that were chosen."""

    request: Request
    selection: Selection
    noter: Noter
    test: Any
    testLoader: Any
    tb_locals: bool

    def runTests(self) -> None:
        """Choose among the tests that were found, and run them."""
        cases = list(list_cases(self.test))
        tests = [(case.id(), find_file(case)) for case in cases]
        chosen = [cases[i] for i in self.selection.choose(tests)]
        for line in self.selection.describe():
            sys.stderr.write("pyve: %s\n" % line)
        if self.request.discover:
            for case in chosen:
                file, number = find_place(case, self.request.root)
                self.noter.recorder.write("found", id=case.id(), file=file, line=number)
            has_failed = any(type(case).__name__ == "_FailedTest" for case in chosen)
            sys.stderr.write("".join(self.testLoader.errors))
            self.leave(1 if has_failed else 0 if chosen or self.selection.is_emptied else 5)
        self.test = unittest.TestSuite(chosen)
        # (Python 3.12 has the option --durations.)
        durations = getattr(self, "durations", None)
        self.testRunner = unittest.TextTestRunner(
            verbosity=self.verbosity,
            failfast=bool(self.failfast),
            buffer=bool(self.buffer),
            warnings=self.warnings,
            tb_locals=self.tb_locals,
            resultclass=NotingResult,  # type: ignore[arg-type]  # it takes what the usual one takes
            **({} if durations is None else {"durations": durations}),
        )
        if self.catchbreak:
            unittest.installHandler()
        try:
            self.result = self.testRunner.run(self.test)
        except KeyboardInterrupt:
            self.close(130)
            raise
        status = 0 if self.result.wasSuccessful() else 1
        if status == 0 and not chosen and not self.selection.is_emptied:
            status = 5
        self.leave(status)

    def leave(self, status: int) -> None:
        """End the run."""
        sys.exit(status if self.close(status) else 1)

    def close(self, status: int) -> bool:
        """Note the end of the run; False, after a word, where JUnit's XML cannot be written."""
        try:
            self.noter.close(status, self.selection)
        except OSError as error:
            sys.stderr.write("pyve: cannot write %s: %s\n" % (self.request.junit, error.strerror))
            return False
        return True


def list_cases(suite: Any) -> Iterator[unittest.TestCase]:
    """List the tests of a suite, in its order."""
    if isinstance(suite, unittest.TestCase):
        yield suite
    else:
        for part in suite:
            yield from list_cases(part)


def find_file(test: Any) -> str:
    """Find the file that a test is in, "" where it cannot be told."""
    module = sys.modules.get(type(test).__module__)
    if type(test).__name__ == "_FailedTest":
        # (Named by the module that cannot be imported.)
        name = getattr(test, "_testMethodName", "").replace(".", os.sep)
        return os.path.abspath(name + ".py")
    return os.path.abspath(getattr(module, "__file__", None) or "") if module else ""


def find_place(test: Any, root: str) -> tuple[str | None, int | None]:
    """Find the file, relative to a folder when it is in it, and the line of a test."""
    path = find_file(test)
    line: int | None = None
    if type(test).__name__ == "_FailedTest":
        return shorten_path(path, root), None
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    try:
        code = inspect.unwrap(getattr(method, "__func__", method)).__code__  # type: ignore[arg-type]
        line = code.co_firstlineno
    except (AttributeError, TypeError, ValueError):
        pass
    return (shorten_path(path, root) if path else None), line


def read_failure(error: Any, root: str) -> dict[str, Any]:
    """Describe an exception by its last place outside of unittest."""
    kind, value, trace = error
    place: tuple[str | None, int | None] = (None, None)
    for frame, line in traceback.walk_tb(trace):
        if "__unittest" not in frame.f_globals and frame.f_globals is not globals():
            place = (shorten_path(frame.f_code.co_filename, root), line)
    lines = [line for line in str(value).splitlines() if line.strip()]
    message = "%s: %s" % (kind.__name__, value)
    if place[0] is None:
        # (A module that cannot be imported: its traceback is in the text.)
        for file, line in _PLACE.findall(str(value)):
            if not shorten_path(file, root).startswith(os.sep):
                place = (shorten_path(file, root), int(line))
        message = lines[-1] if lines else kind.__name__
    text = "".join(traceback.format_exception(kind, value, trace))
    return describe_failure(place[0], place[1], message, text)


def end_test(number: int, frame: Any) -> None:
    """Break a test off, for the signal of its time limit."""
    raise TestTimeoutError("the test took longer than its time limit")


def main(argv: list[str]) -> None:
    """Run the tests; ends the process."""
    request = Request(argv[1], argv[0])
    Program.request = request
    Program.noter = NotingResult.noter = Noter(request)
    if request.timeout and hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, end_test)
    try:
        Program.selection = Selection(request)
        Program(module=None, argv=["python -m unittest", *argv[2:]])
    except (ChangedError, TimingsError) as error:
        sys.exit("pyve: %s" % error)


if __name__ == "__main__":
    # (As for `python -m unittest`: tests come from the current folder.)
    main(sys.argv[1:])
