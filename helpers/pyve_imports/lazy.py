"""Trying a program with lazy imports: does it still work, and what is gained?"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyve_core.errors import HelperError, redact

# What is asked of the environment's own Python: which of the modules cannot be imported at all.
_PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        line = (str(error).strip().splitlines() or [""])[0]
        print(name, type(error).__name__ + ": " + line, sep="\\t", file=sys.__stdout__)
"""


@dataclass(frozen=True)
class Run:
    """One run of the program.

    Attributes:
        code: its exit code, 128 + n when signal n has ended it.
        seconds: how long it took.
        said: the last line on stderr.
    """

    code: int
    seconds: float
    said: str


@dataclass(frozen=True)
class Trial:
    """What was found.

    Attributes:
        states: of each module: deferred, loaded or absent.
        eager: the seconds of the runs as usual, their median.
        lazy: the same with lazy imports.
    """

    states: dict[str, str]
    eager: float
    lazy: float


class Program:
    """A program that is run as usual and with lazy imports."""

    def __init__(
        self, pyve: list[str], argv: list[str], folder: str, names: list[str], rest: str
    ) -> None:
        """Take it.

        Args:
            pyve: the words that run something in the environment.
            argv: the program, as words behind these.
            folder: the one that has the customisation module.
            names: the modules that are to be lazy.
            rest: the program, quoted for a shell.
        """
        self._rest = rest
        self._pyve = pyve
        self._argv = argv
        self._names = names
        # What the config says does not count: the trial says itself what is lazy.
        self._eager = {**os.environ, "PYVE_NO_LAZY_IMPORTS": "1"}
        # (The last two are for this helper alone.)
        for name in ("PYVE_LAZY_IMPORTS", "PYVE_LAZY_REPORT", "PYVE_AGAIN", "PYVE_VERBOSE"):
            self._eager.pop(name, None)
        path = os.environ.get("PYTHONPATH")
        self._path = f"{folder}{os.pathsep}{path}" if path else folder

    def run(self, names: list[str], report: str = "") -> Run:
        """Run the program once, with these modules lazy."""
        env: Mapping[str, str] = self._eager
        if names:
            more = {"PYTHONPATH": self._path, "PYVE_LAZY_IMPORTS": " ".join(names)}
            env = {**self._eager, **more, **({"PYVE_LAZY_REPORT": report} if report else {})}
        begin = time.perf_counter()
        result = subprocess.run(
            [*self._pyve, *self._argv],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        seconds = time.perf_counter() - begin
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        code = result.returncode
        return Run(128 - code if code < 0 else code, seconds, redact(said[-1]) if said else "")

    def find_broken(self) -> dict[str, str]:
        """Give the modules that cannot be imported, and why.

        A program may live with that (``try: import ...``); with a lazy import the failure comes
        later, at a place that does not expect it.
        """
        result = subprocess.run(
            [*self._pyve, "--", "python", "-c", _PROBE, *self._names],
            env=self._eager,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        pairs = [line.split("\t", 1) for line in result.stdout.splitlines() if "\t" in line]
        return {name: redact(why) for name, why in pairs if name in self._names}

    def find_culprits(self, code: int) -> list[str]:
        """Give the modules with each of which alone the program ends otherwise."""
        return [name for name in self._names if self.run([name]).code != code]

    def try_out(self, runs: int) -> Trial:
        """Run the program as usual and with lazy imports, in turns.

        Raises:
            HelperError: E_IMPORTS_COMMAND when it fails as usual; E_IMPORTS_LAZY when a module
                cannot be imported at all, or the program ends otherwise with lazy imports.
        """
        first = self.run([])
        if first.code:
            raise HelperError(
                "E_IMPORTS_COMMAND",
                f"the command ends with status {first.code} as it is",
                [first.said, "only a command that works can be compared"],
            )
        broken = self.find_broken()
        if broken:
            raise self._fail(
                "modules of the list cannot be imported",
                [f"{name}: {why}" for name, why in broken.items()],
                list(broken),
            )
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report"
            second = self.run(self._names, str(report))
            if second.code:
                culprits = self.find_culprits(0) or self._names
                raise self._fail(
                    f"with lazy imports the command ends with status {second.code}",
                    [second.said, f"it does so by: {', '.join(culprits)}"],
                    culprits,
                )
            text = report.read_text("utf-8") if report.exists() else ""
        states = dict.fromkeys(self._names, "absent")
        for line in text.splitlines():
            state, name = line.split(" ", 1)
            # (Several Pythons may have run: what was used in one of them was used.)
            if states.get(name) != "loaded" and state != "absent":
                states[name] = state
        eager, lazy = [], []
        for _number in range(runs):
            eager.append(self.run([]).seconds)
            lazy.append(self.run(self._names).seconds)
        return Trial(states, statistics.median(eager), statistics.median(lazy))

    def _fail(self, message: str, why: list[str], bad: list[str]) -> HelperError:
        good = [name for name in self._names if name not in bad]
        words = " ".join(f"--allow {name}" for name in good)
        fix = f"pyve imports lazy {words} {self._rest}" if good else ""
        return HelperError("E_IMPORTS_LAZY", message, why, fix)


def format_trial(trial: Trial) -> str:
    """Write for people what was found."""
    gain = trial.eager - trial.lazy
    share = 100 * gain / trial.eager if trial.eager else 0.0
    lines = [f"as usual       {trial.eager * 1000:7.1f} ms"]
    lines.append(f"lazy imports   {trial.lazy * 1000:7.1f} ms")
    lines.append(f"gain           {gain * 1000:7.1f} ms ({share:.0f} %)")
    words = {
        "deferred": "imported, and not used: never loaded",
        "loaded": "used, so that it was loaded all the same",
        "absent": "not imported",
    }
    lines += ["", *(f"{name}: {words[state]}" for name, state in trial.states.items()), ""]
    return "\n".join(lines)
