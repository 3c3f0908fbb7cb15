"""One trial: a command with one fault in it, then the next command, and what has to be true.

What is asserted after each fault:

* it ends by itself, with an exit status of its own, and with a diagnostic that has a code; no
  traceback, no message of bash;
* an exit status of 0 means that all was done;
* after the next command (``pyve doctor``, or the same command again) the user's files are the old
  ones or the new ones, byte for byte, and nothing else is there; where ``pyve doctor`` names a
  fault that was not there before, its fix mends it;
* the same command, run again, brings about the new ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from injector import FULL_DISK, KILLS, SIGNALS, Result, count_calls, run_with_fault
from scenes import VENV, Scene
from snapshots import compare
from worlds import World

_LEFTOVERS = "W_LEFTOVERS"
# The files by which the built-in engine finds out whether links can be made here. Where one cannot,
# it copies: what it then makes has the same content, and is another tree.
_TRIES = ("/symtest_", "/.refprobe-")
# Commands that lay out environments by way of the store.
STORING = ("sync", "add", "remove", "upgrade")
STATUS_OF = {"int": 130, "term": 143, "hup": 129}
# What a person must never see.
_RAW = re.compile(r"Traceback|E_INTERNAL|: line \d+: |panicked at|Segmentation fault")


class SceneFailed(Exception):
    """A scene does not work when nothing goes wrong; the text says how."""


@dataclass
class Outcome:
    """What came of a trial.

    Attributes:
        state: what was there after doctor: "old", "new", or "mended" by it; "repeated" when the
            same command was the next one; "neither"; "" where that call did not come.
        problems: what is not as it has to be; none when the fault was survived.
        named: codes that doctor named, and mended.
        where: the call that was hit.
        status: exit status of the command.
    """

    state: str = ""
    problems: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    where: str = ""
    status: int = 0


class Stage:
    """A scene in a world, ready to be played any number of times.

    Attributes:
        log: the calls of the command that change the file system.
    """

    def __init__(self, scene: Scene, world: World, is_sure: bool = True) -> None:
        """Play the scene without a fault.

        Args:
            scene: the scene.
            world: where; the user has an index, and whatever else the scene needs.
            is_sure: play it twice, to see that it brings about the same.

        Raises:
            SceneFailed: it does not work, or does not bring about the same twice.
        """
        self.scene = scene
        self.world = world
        self.user = world.user
        scene.prepare(self.user)
        self.place = f"before {scene.key}"
        world.keep(self.place)
        self.old = self.look()
        self.allowed = set(self.doctor())
        if self.look() != self.old:
            found = "\n".join(compare(self.old, self.look()))
            raise SceneFailed(f"{scene.key}: doctor changes something:\n{found}")
        self.log = self.play("count", 0, wants_log=True).log
        self.new = self.look()
        if self.old == self.new:
            raise SceneFailed(f"{scene.key} changes nothing")
        self.allowed |= set(self.doctor())
        self.plain = self._make_plain()
        if is_sure:
            self.play("count", 0)
            found = "\n".join(compare(self.new, self.look()))
            if found:
                raise SceneFailed(f"{scene.key}: not the same twice:\n{found}")

    def _make_plain(self) -> dict[str, str]:
        # Where the store cannot be written, the environment is a plain one, and that is as good.
        if self.scene.backend != VENV or self.scene.words[0] not in STORING:
            return self.new
        self.world.restore(self.place)
        self.user.ok(*self.scene.words, PYVE_STORE="/proc/no/store")
        return self.look()

    def look(self) -> dict[str, str]:
        """Return a snapshot."""
        return self.world.look(self.scene.is_store)

    def doctor(self) -> dict[str, list[str]]:
        """Return the codes of what doctor says, each with the first command that mends it."""
        result = self.user("doctor", "--json")
        try:
            document = json.loads(result.stdout)
        except ValueError as problem:
            raise SceneFailed(f"doctor: {result.stdout}\n{result.stderr}") from problem
        return {
            diagnostic["code"]: diagnostic["fix"][0]["command"] if diagnostic["fix"] else []
            for diagnostic in document["diagnostics"]
            if diagnostic["level"] != "info"
        }

    def find_faults(self) -> dict[str, list[str]]:
        """Return what doctor says that it said neither of the old state nor of the new one."""
        return {code: fix for code, fix in self.doctor().items() if code not in self.allowed}

    def play(self, fault: str, number: int, wants_log: bool = False) -> Result:
        """Run the command in the restored world, with a fault.

        Raises:
            SceneFailed: without a fault it fails.
        """
        self.world.restore(self.place, self.scene.is_store)
        if fault == FULL_DISK:
            return self._play_on_full_disk(number - 1)
        result = run_with_fault(
            self.user.command(*self.scene.words),
            fault,
            number,
            cwd=self.user.project,
            env=self.user.env,
            wants_log=wants_log,
        )
        if number == 0 and result.status != 0:
            raise SceneFailed(
                f"{self.scene.key}: {result.status}\n{result.stdout}\n{result.stderr}"
            )
        return result

    def _play_on_full_disk(self, blocks: int) -> Result:
        # The world is alone on a small file system.
        self.world.fill_disk(blocks)
        try:
            done = self.user(*self.scene.words)
        finally:
            self.world.make_room()
        where = f"{blocks} blocks left"
        status, is_full = done.returncode, done.returncode != 0
        return Result(status, done.stdout, done.stderr, 0, is_full, False, where)

    def count(self, fault: str) -> int:
        """Return how many calls of the command can go wrong so.

        Of a full disk, more than it needs: a trial where there was room enough is not reached.
        """
        if fault == FULL_DISK:
            return 400
        return count_calls(self.log, fault)

    def try_fault(self, fault: str, number: int) -> Outcome:
        """Run the command with a fault, then the next one, and say what is wrong.

        Args:
            fault: one of injector.FAULTS.
            number: of the call.
        """
        result = self.play(fault, number)
        outcome = Outcome(where=result.where, status=result.status)
        if not result.is_reached:
            return outcome
        problems = outcome.problems
        problems += _judge_end(fault, result)
        if result.status == 0 and any(name in result.where for name in _TRIES):
            outcome.state = "new"
            return outcome
        wants_doctor = number % 2 == 0 and not self.scene.is_store
        if wants_doctor:
            self._look_after(outcome)
            if result.status == 0 and outcome.state == "old" and fault not in KILLS:
                problems.append("it ended with 0, and nothing was done")
        if outcome.state == "neither":
            return outcome
        # The same once more; where all is done already, that is not asked of it.
        again = self.user(*self.scene.words)
        found = self.look()
        if found == self.plain:
            found = self.new
        is_done = found == self.new and "E_PACKAGE_UNKNOWN" in again.stderr
        if again.returncode != 0 and not is_done:
            problems.append(f"again: {again.returncode} {again.stdout[-500:]}{again.stderr[-999:]}")
        if found != self.new:
            problems += ["again:", *compare(self.new, found)]
        if "store" in self.scene.name:
            verified = self.user("store", "verify")
            if verified.returncode != 0:
                problems.append(f"verify: {verified.stdout[-800:]}{verified.stderr[-800:]}")
        if not wants_doctor:
            outcome.state = "repeated" if found == self.new else "neither"
        return outcome

    def _look_after(self, outcome: Outcome) -> None:
        # What was left is cleared first; then there may be one fault more.
        for allowed in (_LEFTOVERS, None):
            faults = self.find_faults()
            if faults:
                outcome.named = sorted({*outcome.named, *faults})
                fix = faults.get(_LEFTOVERS) or next(iter(faults.values()))
                if fix[:1] == ["pyve"]:
                    self.user(*fix[1:])
            if allowed is None and (len(faults) > 1 or (faults and self.find_faults())):
                outcome.problems.append(f"doctor names {faults}, and that does not mend it")
        found = _leave_out_trust(self.look())
        old, new = _leave_out_trust(self.old), _leave_out_trust(self.new)
        if found == old:
            outcome.state = "old"
        elif found in (new, _leave_out_trust(self.plain)):
            outcome.state = "new"
        elif outcome.named and not outcome.problems:
            outcome.state = "mended"
        else:
            outcome.state = "neither"
            to_old, to_new = compare(old, found), compare(new, found)
            is_old = len(to_old) < len(to_new)
            outcome.problems += ["to old:", *to_old] if is_old else ["to new:", *to_new]


def _leave_out_trust(seen: dict[str, str]) -> dict[str, str]:
    # That a project is trusted is recorded under the digest of what it holds: the record of one
    # that never came to be says nothing.
    return {name: text for name, text in seen.items() if "/pyve/trust/" not in name}


def _judge_end(fault: str, result: Result) -> list[str]:
    problems = []
    if result.is_hung:
        problems.append("it does not end")
    raw = _RAW.search(result.stderr)
    if fault not in KILLS and raw:
        start = max(raw.start() - 200, 0)
        problems.append(f"raw: {result.stderr[start : raw.start() + 600]}")
    if fault in SIGNALS:
        if result.status not in (0, STATUS_OF[fault]):
            problems.append(f"ends with {result.status}: {result.stderr[-600:]}")
    elif fault not in KILLS:
        if result.status not in (0, 1, 2):
            problems.append(f"ends with {result.status}: {result.stderr[-600:]}")
        if result.status == 1 and "[E_" not in result.stderr:
            problems.append(f"no code: {result.stderr[-600:]}")
        # (Where nothing can be changed any more, what cannot be put back is said, too.)
        if result.status == 1 and fault[-1] != "+" and result.stderr.count("ERROR: ") > 1:
            problems.append(f"more than one diagnostic: {result.stderr[-900:]}")
    return problems
