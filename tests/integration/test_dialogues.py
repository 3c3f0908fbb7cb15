"""Every question that Pyve asks, on a real terminal and by a pipe: each answer, and none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pyve_test_helpers import Pyve, need_wheelhouse, snapshot
from terminal import Terminal, open_pyve

pytestmark = pytest.mark.venv


def mark(pyve: Pyve) -> None:
    """Put a package into the environment, by which one sees whether it was made anew."""
    pyve.add_module(pyve.venv, "treasure.py")


def is_kept(pyve: Pyve) -> bool:
    return bool(list(pyve.venv.glob("lib/*/site-packages/treasure.py")))


def is_made_anew(pyve: Pyve) -> bool:
    return pyve.venv.exists() and not is_kept(pyve)


def has_module(pyve: Pyve, name: str) -> bool:
    return pyve("run", "python", "-c", f"import {name}").returncode == 0


def backend_of(pyve: Pyve) -> str:
    for line in (pyve.project / ".pyve/config").read_text().splitlines():
        if line.startswith("backend:"):
            return line.split(":")[1].strip()
    return ""


@dataclass
class Dialogue:
    """A question, how one comes to it, and what answers lead to.

    Attributes:
        args: the command.
        question: what is on the screen when the answer is awaited, with the default in brackets.
        prepare: makes the project so that it is asked.
        default: what is true after Enter.
        answers: typed answer: (exit status, what is on the screen, what is true then).
        refusal: exit status of the safe answer, which changes nothing.
        wrong: a wrong answer: (answer, what is said to it, whether it is asked again).
        silent: exit status, and what is true, when no question may be asked.
        asks_pipe: whether a pipe may answer; where not, a pipe is as good as no question.
    """

    args: tuple[str, ...]
    question: str
    prepare: Callable[[Pyve], object]
    default: tuple[int, Callable[[Pyve], bool]]
    answers: dict[str, tuple[int, str, Callable[[Pyve], bool]]]
    wrong: tuple[str, str, bool]
    silent: tuple[int, Callable[[Pyve], bool]]
    refusal: int = 0
    asks_pipe: bool = True
    env: dict[str, str] = field(default_factory=dict)


def prepare_again(pyve: Pyve) -> None:
    pyve.init()
    mark(pyve)


def prepare_requirements(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.write("requirements.txt", "h11\n")


def prepare_both(pyve: Pyve) -> None:
    pyve.write("environment.yml", "name: both\n")
    pyve.write("pyproject.toml", "")


def prepare_install(pyve: Pyve) -> None:
    pyve.env["SHELL"] = "/bin/bash"
    pyve.ok("self", "install")


def prepare_test(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()


def is_installed(pyve: Pyve) -> bool:
    return (pyve.home / ".local/bin/pyve").exists()


def has_pytest(pyve: Pyve) -> bool:
    return bool(list(pyve.testenv.glob("lib/*/site-packages/pytest/__init__.py")))


def is_nothing_made(pyve: Pyve) -> bool:
    return not pyve.venv.exists() and not (pyve.project / ".pyve").exists()


YES_OR_NO = ("perhaps", "'perhaps' is neither yes nor no. Please answer y or n.", True)

DIALOGUES = {
    "again": Dialogue(
        args=("init", "--no-direnv"),
        question="  1. Update in place, keeping the environment\n  2. Purge and re-initialize\n"
        "  3. Cancel\nChoice [1]:",
        prepare=prepare_again,
        default=(0, is_kept),
        answers={
            "1": (0, "✓ Updated .venv", is_kept),
            "2": (0, "✓ Made .venv", is_made_anew),
            "3": (0, "cancelled; nothing was changed", is_kept),
        },
        wrong=("7", "ERROR: Invalid choice: 7", False),
        silent=(0, is_kept),
    ),
    "force": Dialogue(
        args=("init", "--no-direnv", "--force"),
        question="Continue? [y/N]:",
        prepare=prepare_again,
        default=(0, is_kept),
        answers={
            "y": (0, "✓ Made .venv", is_made_anew),
            "Yes": (0, "✓ Made .venv", is_made_anew),
            "n": (0, "cancelled; nothing was changed", is_kept),
            "NO": (0, "cancelled; nothing was changed", is_kept),
        },
        wrong=YES_OR_NO,
        silent=(0, is_made_anew),
    ),
    "requirements": Dialogue(
        args=("init", "--no-direnv"),
        question="Install requirements.txt into the environment? [y/N]:",
        prepare=prepare_requirements,
        default=(0, lambda pyve: not has_module(pyve, "h11")),
        answers={
            "y": (0, "✓ Installed requirements.txt", lambda pyve: has_module(pyve, "h11")),
            "n": (0, "✓ Made .venv", lambda pyve: not has_module(pyve, "h11")),
        },
        wrong=YES_OR_NO,
        silent=(0, lambda pyve: pyve.venv.exists() and not has_module(pyve, "h11")),
        asks_pipe=False,
    ),
    "pytest": Dialogue(
        args=("test", "--version"),
        question="pytest is not installed. Install pytest into the test environment? [y/N]:",
        prepare=prepare_test,
        default=(1, lambda pyve: not has_pytest(pyve)),
        answers={
            "y": (0, "pytest ", has_pytest),
            "n": (1, "fix: pyve testenv --install", lambda pyve: not has_pytest(pyve)),
        },
        wrong=YES_OR_NO,
        silent=(0, has_pytest),
        refusal=1,
    ),
    "uninstall": Dialogue(
        args=("self", "uninstall"),
        question="Remove pyve? [y/N]:",
        prepare=prepare_install,
        default=(0, is_installed),
        answers={
            "y": (0, "✓ Pyve is removed", lambda pyve: not is_installed(pyve)),
            "n": (0, "Cancelled: nothing was removed.", is_installed),
        },
        wrong=YES_OR_NO,
        silent=(0, lambda pyve: not is_installed(pyve)),
    ),
    "backend": Dialogue(
        args=("init", "--no-direnv"),
        question="  1. venv\n  2. micromamba\nChoice [1]:",
        prepare=prepare_both,
        default=(0, lambda pyve: backend_of(pyve) == "venv"),
        answers={"1": (0, "✓ Made .venv", lambda pyve: backend_of(pyve) == "venv")},
        wrong=("conda", "ERROR: Invalid choice: conda", False),
        silent=(0, lambda pyve: backend_of(pyve) == "venv"),
        asks_pipe=False,
    ),
}


def everything(pyve: Pyve) -> tuple[dict[str, str], dict[str, str]]:
    """What the project and the HOME hold."""
    return snapshot(pyve.project), snapshot(pyve.home, skip=(".cache",))


@pytest.fixture(params=DIALOGUES)
def dialogue(request: pytest.FixtureRequest, pyve: Pyve) -> Dialogue:
    found = DIALOGUES[request.param]
    found.prepare(pyve)
    # HOME as it is when Pyve has run before.
    pyve("--version")
    return found


def ask(pyve: Pyve, dialogue: Dialogue, columns: int = 80) -> Terminal:
    """Start the command, and wait for its question."""
    terminal = open_pyve(pyve, *dialogue.args, columns=columns, **dialogue.env)
    terminal.wait_for(dialogue.question)
    return terminal


def answer_cases() -> list[tuple[str, str]]:
    return [(name, typed) for name, found in DIALOGUES.items() for typed in found.answers]


@pytest.mark.parametrize(("dialogue", "typed"), answer_cases(), indirect=["dialogue"])
def test_each_answer(pyve: Pyve, dialogue: Dialogue, typed: str) -> None:
    status, shown, is_so = dialogue.answers[typed]
    with ask(pyve, dialogue) as terminal:
        terminal.type(typed + "\r")
        assert terminal.wait() == status, terminal.text
        assert shown in terminal.text
        assert terminal.is_sane
    assert is_so(pyve)


def test_enter_takes_the_default(pyve: Pyve, dialogue: Dialogue) -> None:
    status, is_so = dialogue.default
    with ask(pyve, dialogue) as terminal:
        terminal.press("enter")
        assert terminal.wait() == status, terminal.text
    assert is_so(pyve)


def test_a_wrong_answer_is_said_to_be_one(pyve: Pyve, dialogue: Dialogue) -> None:
    answer, said, is_asked_again = dialogue.wrong
    before = everything(pyve)
    with ask(pyve, dialogue) as terminal:
        terminal.type(answer + "\r")
        terminal.wait_for(said)
        if is_asked_again:
            terminal.wait_until(lambda: terminal.text.count(dialogue.question) == 2)
            terminal.type("no way\r")
            terminal.wait_for("'no way' is neither yes nor no. Please answer y or n.")
            terminal.wait_until(lambda: terminal.text.count(dialogue.question) == 3)
            # Three wrong answers are as good as no, which the third is told.
            terminal.type("\x1b[A\r")
            terminal.wait_for("is neither yes nor no. Taken for no.")
            assert terminal.wait() == dialogue.default[0]
        else:
            assert terminal.wait() == 1
    if is_asked_again:
        assert dialogue.default[1](pyve)
    else:
        assert everything(pyve) == before


@pytest.mark.parametrize("typed", ["", "y", "2"])
def test_ctrl_d_is_the_safe_answer(pyve: Pyve, dialogue: Dialogue, typed: str) -> None:
    before = everything(pyve)
    with ask(pyve, dialogue) as terminal:
        terminal.type(typed)
        terminal.wait_for(dialogue.question + (f" {typed}" if typed else ""))
        # With something in the line the first one only hands that over.
        terminal.press("ctrl-d")
        if typed:
            terminal.press("ctrl-d")
        assert terminal.wait() == dialogue.refusal, terminal.text
        assert terminal.is_sane
        # The line of the question is ended.
        after = terminal.text.split(dialogue.question)[1]
        assert after.startswith(f" {typed}\n" if typed else "\n")
    if dialogue is DIALOGUES["requirements"]:
        # Safe is not to install; the environment is what was asked for.
        assert dialogue.default[1](pyve)
    else:
        assert everything(pyve) == before


@pytest.mark.parametrize("typed", ["", "y"])
def test_ctrl_c_leaves_nothing_half_done(pyve: Pyve, dialogue: Dialogue, typed: str) -> None:
    before = everything(pyve)
    with ask(pyve, dialogue) as terminal:
        terminal.type(typed)
        if typed:
            terminal.wait_for(dialogue.question + f" {typed}")
        terminal.press("ctrl-c")
        assert terminal.wait() == 130, terminal.text
        assert terminal.lines[-1] == "Cancelled."
        assert terminal.lines[-2].endswith("^C")
        assert terminal.text.count("ancelled") == 1
        assert terminal.is_sane
        assert terminal.processes() == []
    assert everything(pyve) == before


@pytest.mark.parametrize(("words", "env"), [([], {"CI": "true"}), (["--yes"], {})])
def test_nothing_is_asked_in_ci_or_with_yes(
    pyve: Pyve, dialogue: Dialogue, words: list[str], env: dict[str, str]
) -> None:
    args = [*dialogue.args, *words]
    if words and args[0] == "test":
        pytest.skip("pyve test hands its arguments to pytest")
    status, is_so = dialogue.silent
    with open_pyve(pyve, *args, **env) as terminal:
        assert terminal.wait() == status, terminal.text
        assert "[y/N]" not in terminal.text
        assert "[1]" not in terminal.text
    assert is_so(pyve)


@pytest.mark.parametrize(("dialogue", "typed"), answer_cases(), indirect=["dialogue"])
def test_a_pipe_answers_as_a_terminal_does(pyve: Pyve, dialogue: Dialogue, typed: str) -> None:
    result = pyve(*dialogue.args, answer=f"{typed}\n")
    if dialogue.asks_pipe:
        status, shown, is_so = dialogue.answers[typed]
        assert dialogue.question in result.stderr
        assert dialogue.question not in result.stdout
    else:
        # What is at the other end of a pipe is no person.
        status, is_so = dialogue.silent
        shown = "✓ Made .venv"
        assert dialogue.question not in result.stderr
    assert result.returncode == status
    assert shown in result.stdout + result.stderr
    assert is_so(pyve)


def test_an_empty_pipe_is_the_safe_answer(pyve: Pyve, dialogue: Dialogue) -> None:
    before = everything(pyve)
    result = pyve(*dialogue.args, answer="")
    if dialogue.asks_pipe:
        assert result.returncode == dialogue.refusal
        assert everything(pyve) == before
    else:
        assert result.returncode == dialogue.silent[0]
        assert dialogue.silent[1](pyve)


def test_a_question_wraps_on_a_narrow_terminal(pyve: Pyve) -> None:
    prepare_test(pyve)
    with open_pyve(pyve, "test", columns=40) as terminal:
        terminal.wait_for("[y/N]:")
        assert terminal.lines == [
            "pytest is not installed. Install",
            "pytest into the test environment?",
            "[y/N]:",
        ]
        # The answer stands behind a blank.
        assert terminal.cursor == (2, 7)
        terminal.press("ctrl-c")
        assert terminal.wait() == 130


# --- which backend


def test_the_backend_is_asked_once(pyve: Pyve) -> None:
    prepare_both(pyve)
    with open_pyve(pyve, "init", "--no-direnv") as terminal:
        terminal.wait_for("Choice [1]:")
        assert "environment.yml speaks for micromamba and pyproject.toml for venv." in terminal.text
        terminal.press("enter")
        assert terminal.wait() == 0
        # A question is enough; no warning on top.
        assert "WARNING" not in terminal.text
    assert backend_of(pyve) == "venv"
    with open_pyve(pyve, "init", "--no-direnv", "--update") as terminal:
        assert terminal.wait() == 0
        assert "micromamba" not in terminal.text


def test_the_answer_micromamba_is_the_same_as_the_flag(pyve: Pyve) -> None:
    prepare_both(pyve)
    # A name that is refused: so the answer is known without an engine and without a network.
    pyve.write("environment.yml", "name: conda\n")
    by_flag = pyve("init", "--no-direnv", "--backend", "micromamba")
    before = everything(pyve)
    with open_pyve(pyve, "init", "--no-direnv", columns=200) as terminal:
        terminal.wait_for("Choice [1]:")
        terminal.type("2\r")
        assert terminal.wait() == by_flag.returncode
        said = re.compile(r"\[[EW]_[A-Z_]+\]")
        assert said.findall(terminal.text) == said.findall(by_flag.stderr)
    assert everything(pyve) == before


@pytest.mark.parametrize("words", [["--backend", "venv"], ["--yes"]])
def test_a_flag_answers_for_the_backend(pyve: Pyve, words: list[str]) -> None:
    prepare_both(pyve)
    with open_pyve(pyve, "init", "--no-direnv", *words) as terminal:
        assert terminal.wait() == 0
        assert "Choice" not in terminal.text
        assert ("WARNING: environment.yml speaks for" in terminal.text) == (words == ["--yes"])
    assert backend_of(pyve) == "venv"


def test_a_config_that_says_auto_has_not_answered(pyve: Pyve) -> None:
    prepare_both(pyve)
    pyve.write(".pyve/config", "backend: auto\n")
    with open_pyve(pyve, "init", "--no-direnv", "--update") as terminal:
        terminal.wait_for("Choice [1]:")
        terminal.press("enter")
        assert terminal.wait() == 0
    assert backend_of(pyve) == "venv"
