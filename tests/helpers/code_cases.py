"""For each code a test: bring the failure about, do what Pyve proposes, see the failure gone.

A test that does this for a code says so with a decorator, and the decorator sees to it::

    @brings("E_ENV_MISSING")
    def test_a_project_without_environment(pyve: Pyve) -> None:
        mends(pyve, "E_ENV_MISSING", "run", "true")

``mends`` is ``bring`` (the first command), ``apply`` (its fix) and ``check_gone`` (the first
command again). ``corrects`` is for commands that were typed wrongly: the fix is the command that
was meant. Where no command helps, the test does by hand what the diagnostic says::

    failure = bring(pyve, "E_PATH_COLON", "init")
    failure.by_hand("PATH uses ':'")
    pyve.project = pyve.project.rename(pyve.root / "plain")
    failure.check_gone()

tests/integration/test_codes_all.py compares the decorators with the registry.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pyve_test_helpers import TREE, Pyve

REGISTRY = TREE / "lib" / "data" / "codes"

# Programs that would change the machine: a test that proposes them brings a stand-in.
DANGEROUS = ("sudo", "doas", "apt-get", "dnf", "yum", "pacman", "apk", "zypper", "brew", "port")
LEVELS = {"E": "error", "W": "warning", "I": "info"}

_gone: set[str] = set()

Test = TypeVar("Test", bound=Callable[..., None])


# --- what tests cover


def brings(*codes: str) -> Callable[[Test], Test]:
    """Mark a test as the one that brings codes about and sees them gone.

    The codes must be literals, so that they are found without running anything. The marked test
    fails when one of them was not seen to come and to go; a test with a parameter ``code`` (one of
    those named) is asked for that one only.
    """

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def checked(*args: Any, **options: Any) -> None:
            _gone.clear()
            test(*args, **options)
            wanted = {options["code"]} if "code" in options else set(codes)
            assert wanted <= set(codes), f"{wanted} is not among {codes}"
            assert wanted <= _gone, f"not seen to come and to go: {sorted(wanted - _gone)}"

        return checked  # type: ignore[return-value]

    return decorate


@functools.cache
def find_covered(folder: Path) -> dict[str, list[str]]:
    """Return the codes that tests in a folder bring about: code -> names of tests."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "brings(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                for code in _list_codes(node, path):
                    found.setdefault(code, []).append(f"{path.name}::{node.name}")
    return found


def _list_codes(function: ast.FunctionDef, path: Path) -> list[str]:
    codes = []
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "brings":
            for argument in decorator.args:
                value = argument.value if isinstance(argument, ast.Constant) else None
                assert isinstance(value, str), f"{path.name}: {function.name}: not a literal"
                codes.append(value)
    return codes


# --- the registry


@functools.cache
def read_registry(folder: Path = REGISTRY) -> dict[str, dict[str, list[str]]]:
    """Return the registry of codes: code -> field ("Means", "Fix", ...) -> its lines."""
    registry: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.glob("*.txt")):
        for block in re.split(r"\n{2,}", path.read_text(encoding="utf-8").strip()):
            lines = [line for line in block.splitlines() if not line.startswith("#")]
            if not lines:
                continue
            fields: dict[str, list[str]] = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(value.strip())
            assert lines[0] not in registry, f"{lines[0]} is in the registry twice"
            registry[lines[0]] = fields
    return registry


# --- a failure


@dataclass(frozen=True)
class Fix:
    """A command that a diagnostic proposes.

    Attributes:
        text: as a person sees it.
        argv: as a program sees it.
        risk: "safe" or "destructive".
        automatic: whether ``doctor --fix`` may run it by itself.
    """

    text: str
    argv: list[str]
    risk: str
    automatic: bool


@dataclass
class Failure:
    """What a command said under a code, and the way to repeat it.

    Attributes:
        code: the code.
        diagnostic: the diagnostic of the JSON document.
        document: the whole document.
        stderr: what a person sees.
        fixes: the commands that the diagnostic proposes.
    """

    pyve: Pyve
    code: str
    args: tuple[str, ...]
    options: dict[str, Any]
    diagnostic: dict[str, Any]
    document: dict[str, Any]
    stderr: str
    fixes: list[Fix]

    @property
    def message(self) -> str:
        """What is wrong."""
        return str(self.diagnostic["message"])

    @property
    def why(self) -> str:
        """The reasons, one a line."""
        return "\n".join(self.diagnostic["why"])

    def says(self, *parts: str) -> Failure:
        """See that message and reasons hold the values that matter."""
        text = f"{self.message}\n{self.why}"
        for part in parts:
            assert part in text, f"{self.code} does not say {part!r}:\n{text}"
        return self

    def by_hand(self, *parts: str) -> Failure:
        """See that no command is proposed, and that what to do is said: ``parts`` are in it."""
        assert not self.fixes, f"{self.code} proposes {self.fixes}"
        assert self.diagnostic["why"], f"{self.code} says neither why nor what to do"
        block = read_registry().get(self.code)
        if block is not None:
            assert "Remedy" in block or "Fix" in block, (
                f"{self.code}: the registry knows no way out"
            )
        return self.says(*parts)

    def apply(
        self,
        number: int = 0,
        answer: str | None = None,
        status: tuple[int, ...] = (0,),
        **env: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a fix as it was given, where the first command was given.

        Args:
            number: which fix, the first by default.
            answer: what stdin holds.
            status: the exit codes that are fine.
            env: more environment variables.
        """
        assert self.fixes, f"{self.code} proposes no command:\n{self.stderr}"
        fix = self.fixes[number]
        again = {name: value for name, value in self.options.items() if name != "answer"}
        result = run_fix(self.pyve, fix, answer=answer, **{**again, **env})
        assert result.returncode in status, (
            f"{self.code}: {fix.text!r} ended with {result.returncode}\n"
            f"{result.stdout}\n{result.stderr}"
        )
        return result

    def check_gone(self, *, others: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
        """Run the first command again: the code is gone, and nothing else is wrong.

        Args:
            others: other errors that may be there now.
            changes: options of the run that are different now (cwd, answer, variables; None takes
                an option away).

        Returns:
            The document of this run.
        """
        options = {**self.options, **changes}
        options = {name: value for name, value in options.items() if value is not None}
        document, stderr = run_json(self.pyve, self.args, options)
        left = [item["code"] for item in document["diagnostics"]]
        assert self.code not in left, f"{self.code} is still there:\n{stderr}"
        errors = [code for code in left if code.startswith("E_") and code not in others]
        assert not errors, f"instead of {self.code}:\n{stderr}"
        _gone.add(self.code)
        return document

    def count_as_gone(self) -> None:
        """Say that the test has seen by its own means that the failure is gone."""
        _gone.add(self.code)


def bring(pyve: Pyve, code: str, *args: str, **options: Any) -> Failure:
    """Run ``pyve --json ARGS``, expect a diagnostic, and return what it says.

    What every diagnostic has to be is checked here: the level, one document, the same words for a
    person, fixes that can be pasted.

    Args:
        pyve: the user.
        code: the code to be seen.
        args: the command.
        options: as for Pyve: cwd, answer, environment variables.
    """
    document, stderr = run_json(pyve, args, options)
    matching = [item for item in document["diagnostics"] if item["code"] == code]
    assert matching, f"{args} does not bring {code} about:\n{stderr}"
    diagnostic = matching[0]
    assert diagnostic["level"] == LEVELS[code[0]], diagnostic
    assert diagnostic["message"], diagnostic
    if code.startswith("E_") and args[0] not in {"doctor", "validate"}:
        assert document["status"] == "error" or diagnostic["level"] != "error", document
        assert document["exit_code"] != 0, document
    texts = find_fix_texts(stderr, code)
    proposed = diagnostic["fix"]
    assert len(texts) == len(proposed), f"{code}: {texts} for a person, {proposed} in JSON"
    fixes = []
    for text, item in zip(texts, proposed):
        check_pasteable(code, text, item["command"])
        fixes.append(Fix(text, item["command"], item["risk"], item["automatic"]))
    return Failure(pyve, code, args, options, diagnostic, document, stderr, fixes)


def mends(pyve: Pyve, code: str, *args: str, fix: str = "", **options: Any) -> Failure:
    """Bring a code about, run its first fix, and see that the same command works then.

    Args:
        pyve: the user.
        code: the code to be seen.
        args: the command.
        fix: the text of the fix, where it matters.
        options: as for Pyve.
    """
    failure = bring(pyve, code, *args, **options)
    assert not fix or (failure.fixes and failure.fixes[0].text == fix), failure.stderr
    failure.apply()
    failure.check_gone()
    return failure


def corrects(pyve: Pyve, code: str, *args: str, fix: str = "", **options: Any) -> Failure:
    """Bring a code about by a command that was typed wrongly, and see that its first fix works.

    The fix is the command that was meant, or ``pyve help COMMAND``, which then shows that page.
    """
    failure = bring(pyve, code, *args, **options)
    assert not fix or (failure.fixes and failure.fixes[0].text == fix), failure.stderr
    result = failure.apply()
    assert f"[{code}]" not in result.stderr, result.stderr
    argv = failure.fixes[0].argv
    if argv[:2] == ["pyve", "help"]:
        # (Without a name: the overview.)
        assert f"pyve {argv[2] if len(argv) > 2 else 'init'}" in result.stdout, result.stdout
    failure.count_as_gone()
    return failure


# --- running


def run_json(
    pyve: Pyve, args: tuple[str, ...], options: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Run ``pyve --json ARGS``; return its one document, and what it said on stderr."""
    result = pyve("--json", *args, **options)
    try:
        document: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        raise AssertionError(
            f"{args}: exit {result.returncode}, no document\n{result.stdout}\n{result.stderr}"
        ) from None
    return document, result.stderr


def run_fix(pyve: Pyve, fix: Fix, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a fix by its words, with this tree's Pyve as ``pyve``."""
    program = pyve.bin / "pyve"
    if not program.exists():
        program.symlink_to(pyve.tree / "pyve.sh")
    for word in _find_programs(fix.argv):
        if word in DANGEROUS:
            assert (pyve.bin / word).is_file(), f"{fix.text}: the test has no stand-in for {word}"
    first = program if fix.argv[0] == "pyve" else fix.argv[0]
    return pyve.execute(first, *fix.argv[1:], **options)


def _find_programs(argv: list[str]) -> list[str]:
    """Return the words that may be names of programs, also inside of ``sh -c``."""
    words = [Path(word).name for word in argv]
    if argv[:2] == ["sh", "-c"]:
        words += re.findall(r"[A-Za-z0-9_.-]+", argv[2])
    return words


def find_fix_texts(stderr: str, code: str) -> list[str]:
    """Return the fixes that stderr proposes below the first line with a code."""
    texts = []
    inside = False
    for line in stderr.splitlines():
        if inside and line.startswith("  fix: "):
            texts.append(line[len("  fix: ") :])
        elif re.match(r"(ERROR|WARNING|INFO|NOTE)\b.*", line):
            if inside:
                break
            inside = line.endswith(f"[{code}]")
    return texts


def check_pasteable(code: str, text: str, argv: list[str]) -> None:
    """See that a shell takes a line for exactly these words, and that none is to be filled in."""
    assert argv, f"{code}: {text!r} is no command"
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    assert list(lexer) == argv, f"{code}: {text!r} is not one simple command: {argv}"
    assert "=" not in argv[0], f"{code}: {text!r} is for a shell only; write: env {text}"
    result = subprocess.run(
        ["/bin/bash", "-c", f"printf '%s\\0' {text}"], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\0")[:-1] == argv, f"{code}: a shell changes {text!r}"
    for word in argv:
        assert not re.search(r"^<.*>$|^[A-Z]+_?DIR$|\.\.\.$|/path/to", word), f"{code}: {text!r}"
