"""What the tests of `pyve doctor` share: one fault in a healthy project, found and mended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from code_cases import Failure, Fix
from pyve_test_helpers import TREE, Pyve

Variables = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong with a project.

    Attributes:
        name: what it is, in a few words.
        check: the id under which doctor finds it.
        code: the code of the diagnostic.
        inject: puts it into a healthy project; returns variables that doctor sees, if any.
        how: what mends it: "auto" (doctor --fix by itself), "asked" (doctor --fix after a yes),
            "paste" (the command that is proposed), "shell" (it is gone in the shell that the
            proposed command opens) or a function.
        says: parts of what doctor says.
    """

    name: str
    check: str
    code: str
    inject: Callable[[Any], Variables | None]
    how: str | Callable[[Any], None] = "auto"
    says: tuple[str, ...] = field(default=())


def diagnose(pyve: Pyve, *args: str, **env: Any) -> dict[str, Any]:
    """Return the JSON document of doctor."""
    result = pyve("doctor", "--json", *args, **env)
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["exit_code"] == result.returncode
    return document


def find_fault(pyve: Pyve, fault: Fault, env: Variables) -> Failure:
    """Run doctor, expect this fault and nothing else, and return it."""
    result = pyve("doctor", "--json", **env)
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["exit_code"] == result.returncode
    found = {(item["context"]["check"], item["code"]) for item in document["diagnostics"]}
    assert found == {(fault.check, fault.code)}, json.dumps(document["diagnostics"], indent=1)
    level = "error" if fault.code.startswith("E_") else "warning"
    assert {item["level"] for item in document["diagnostics"]} == {level}
    assert document["exit_code"] == {"error": 1, "warning": 2}[level]
    wrong = {
        item["id"] for item in document["detail"]["checks"] if item["status"] not in {"ok", "note"}
    }
    assert wrong == {fault.check}
    diagnostic = document["diagnostics"][0]
    assert diagnostic["why"], "it has no cause"
    # What a person sees is on stderr then: the same lines.
    lines = result.stderr.splitlines()
    assert all(re.match(r"[✓·⚠✗] |    (why|fix): ", line) for line in lines), result.stderr
    shown = [line for line in lines if line[0] in "⚠✗"]
    assert shown and all(line.endswith(f"[{fault.check}]") for line in shown), result.stderr
    texts = re.findall(r"^    fix: (.*)$", result.stderr, re.MULTILINE)
    fixes = [
        Fix(text, item["command"], item["risk"], item["automatic"])
        for text, item in zip(texts, diagnostic["fix"])
    ]
    failure = Failure(
        pyve, fault.code, ("doctor",), dict(env), diagnostic, document, result.stderr, fixes
    )
    return failure.says(*fault.says)


def mend_fault(failure: Failure, fault: Fault) -> None:
    """Mend a fault in the way that it says, and see that doctor finds nothing any more."""
    pyve, env = failure.pyve, failure.options
    before = 1 if fault.code.startswith("E_") else 2
    if callable(fault.how):
        fault.how(pyve)
    elif fault.how == "auto":
        assert all(fix.automatic for fix in failure.fixes[:1]), failure.fixes
        result = pyve("doctor", "--fix", "--yes", **env)
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"✓ {fault.check}: mended" in result.stdout, result.stdout + result.stderr
    elif fault.how == "asked":
        assert failure.fixes[0].risk == "destructive", failure.fixes
        result = pyve("doctor", "--fix", "--yes", **env)
        assert result.returncode == before, result.stdout + result.stderr
        assert f"· {fault.check}: left to you" in result.stdout
        assert f"✓ {fault.check}: mended" not in result.stdout
        result = pyve("doctor", "--fix", answer="y\n" * 5, **env)
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"✓ {fault.check}: mended" in result.stdout
    elif fault.how == "paste":
        failure.apply()
    elif fault.how == "shell":
        assert failure.fixes[0].argv == ["pyve", "shell"]
        inner = f"'{TREE}/pyve.sh' -q doctor\n"
        result = pyve("shell", answer=inner, **{"SHELL": "/bin/bash", **env})
        assert (result.returncode, result.stdout) == (0, ""), result.stdout + result.stderr
        failure.count_as_gone()
        pyve.is_whole = True  # type: ignore[attr-defined]
        return
    else:
        raise AssertionError(fault.how)
    document = failure.check_gone()
    assert document["diagnostics"] == []
    assert document["exit_code"] == 0
    pyve.is_whole = True  # type: ignore[attr-defined]
