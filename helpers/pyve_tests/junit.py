"""JUnit's XML, in the form that pytest writes ("xunit2") and that CI systems read.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What XML 1.0 cannot hold.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def build_suite(name: str, tests: Iterable[Mapping[str, Any]]) -> ElementTree.Element:
    """Build the element of a suite.

    Args:
        name: what the suite is called.
        tests: the records of its tests: id, outcome, seconds, reason, failure.
    """
    suite = ElementTree.Element("testsuite", name=name)
    counts = {"errors": 0, "failures": 0, "skipped": 0, "tests": 0}
    seconds = 0.0
    for test in tests:
        counts["tests"] += 1
        seconds += test["seconds"]
        # ("setUpClass (module.Case)" is one, too.)
        last, _, scope = str(test["id"]).rstrip(")").partition(" (")
        if not scope:
            scope, _, last = last.rpartition(".")
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=fit(scope),
            name=fit(last),
            time="%.3f" % test["seconds"],
        )
        outcome = test["outcome"]
        if outcome in ("failed", "xpassed", "error"):
            kind = "error" if outcome == "error" else "failure"
            counts["errors" if kind == "error" else "failures"] += 1
            failure = test["failure"]
            element = ElementTree.SubElement(case, kind, message=fit(failure["message"]))
            element.text = fit(failure["text"])
        elif outcome in ("skipped", "xfailed"):
            counts["skipped"] += 1
            ElementTree.SubElement(case, "skipped", message=fit(test["reason"] or outcome))
    for key, value in counts.items():
        suite.set(key, str(value))
    suite.set("time", "%.3f" % seconds)
    return suite


def fit(text: str) -> str:
    """Replace what XML cannot hold."""
    return _UNFIT.sub("\ufffd", text)


def write_suites(path: str, suites: Sequence[ElementTree.Element]) -> None:
    """Write suites as one file, as pytest does also into a folder that is not there.

    Raises:
        OSError: it cannot be written.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    top = ElementTree.Element("testsuites", name="pyve tests")
    top.extend(suites)
    ElementTree.ElementTree(top).write(path, encoding="utf-8", xml_declaration=True)


def merge_files(path: str, parts: Sequence[tuple[str, str]]) -> None:
    """Write the suites of several files as one.

    Args:
        path: the file to be written.
        parts: for each file the label that its suites are named by, and its path. Files that are
            not there, or no XML, are left out: of a run that broke off there is none.
    """
    suites: list[ElementTree.Element] = []
    for label, file in parts:
        try:
            root = ElementTree.parse(file).getroot()
        except (OSError, ElementTree.ParseError):
            continue
        for suite in [root] if root.tag == "testsuite" else list(root.iter("testsuite")):
            suite.set("name", "%s %s" % (suite.get("name", "tests"), label))
            suites.append(suite)
    write_suites(path, suites)
