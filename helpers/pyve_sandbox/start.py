"""From a profile to a command that runs confined: the engine is chosen, and started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import sys
from typing import TYPE_CHECKING

from pyve_core.answers import describe_error, format_answer
from pyve_core.errors import HelperError
from pyve_sandbox import apple
from pyve_sandbox.audit import Audit
from pyve_sandbox.bubblewrap import TMP, find_bubblewrap, list_between, make_words
from pyve_sandbox.confine import DEVICES, PROC, Orders, confine_and_execute
from pyve_sandbox.landlock import find_abi
from pyve_sandbox.notices import Listener
from pyve_sandbox.places import Places, find_places
from pyve_sandbox.profile import ENGINES, Profile, parse_profile
from pyve_sandbox.scratch import Scratch
from pyve_sandbox.seccomp import Wishes, build_filter
from pyve_sandbox.supervise import NotExecuted, Outcome, hold, start_and_wait
from pyve_sandbox.system import PLATFORM, is_known_machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyve_core.answers import Value

__all__ = [
    "CommandError",
    "check",
    "choose_engine",
    "execute_inside",
    "filter_variables",
    "run",
    "run_profile",
]

# Variables that every command gets, beside those that Pyve sets; the rest may hold secrets.
_KEPT = frozenset(
    (
        *("PATH", "PWD", "LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR"),
        *("CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "USER", "LOGNAME", "SHELL", "CI"),
        *("PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONDEVMODE", "PYTHONWARNINGS", "PYTHONUTF8"),
        *("PYTHONOPTIMIZE", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "SOURCE_DATE_EPOCH"),
        *("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "UV_PROJECT_ENVIRONMENT", "PYVE_BACKEND"),
        *("PYVE_ENV_NAME", "PYVE_ENV_PATH", "PYVE_WATCHED", "ASDF_PYTHON_PLUGIN_DISABLE_RESHIM"),
        *("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER"),
    )
)
_LEAST_ABI = 6
_SYSTEM_CALLS = "its filter knows the calls of x86_64, aarch64 and riscv64 only"


class CommandError(HelperError):
    """The command is none that can be executed; ``status``: 126 or 127."""

    def __init__(self, status: int, message: str, why: Sequence[str]) -> None:
        super().__init__("E_SANDBOX_COMMAND", message, why)
        self.status = status


def filter_variables(environ: Mapping[str, str], profile: Profile) -> dict[str, str]:
    """Give the variables that the command gets."""
    kept = _KEPT | set(profile.env)
    return {
        name: value for name, value in environ.items() if name in kept or name.startswith("LC_")
    }


def choose_engine(profile: Profile) -> tuple[str, str]:
    """Choose how the command is confined.

    Returns:
        One of ENGINES, and the path of its program, "" where there is none.

    Raises:
        HelperError: E_SANDBOX_ENGINE. There is no going on without, and none that is weaker than
            what was asked for.
    """
    asked = profile.engine or os.environ.get("PYVE_SANDBOX_ENGINE", "")
    if asked and asked not in ENGINES:
        raise HelperError(
            "E_SANDBOX_OPTION",
            f"there is no sandbox called '{asked}'",
            f"there are {', '.join(ENGINES)}",
        )
    if PLATFORM == "darwin":
        return _choose_apple(profile, asked)
    if asked == "sandbox-exec":
        raise HelperError("E_SANDBOX_ENGINE", "there is no sandbox-exec but on macOS")
    if not PLATFORM.startswith("linux") or not is_known_machine():
        raise HelperError("E_SANDBOX_ENGINE", "there is no sandbox on this machine", _SYSTEM_CALLS)
    program = ""
    if asked != "landlock":
        program = find_bubblewrap(os.environ.get("PYVE_BWRAP", ""))
        if program:
            return "bubblewrap", program
        if asked:
            raise HelperError("E_SANDBOX_ENGINE", "bubblewrap (bwrap) is not installed")
    abi = find_abi()
    if abi < _LEAST_ABI:
        has = f"has version {abi}" if abi else "has none"
        raise HelperError(
            "E_SANDBOX_ENGINE",
            "nothing here can make a sandbox",
            [
                "bubblewrap (bwrap) is not installed" if not asked else "",
                f"Landlock of version {_LEAST_ABI} (Linux 6.12) would do; this kernel {has}",
            ],
        )
    return "landlock", ""


def _choose_apple(profile: Profile, asked: str) -> tuple[str, str]:
    if asked not in ("", "sandbox-exec"):
        raise HelperError("E_SANDBOX_ENGINE", f"there is no {asked} on macOS")
    missing = [name for name in ("memory", "processes", "audit") if getattr(profile, name)]
    if missing:
        raise HelperError("E_SANDBOX_OPTION", f"macOS cannot do --{missing[0]} in a sandbox")
    if not os.access(apple.PROGRAM, os.X_OK):
        raise HelperError("E_SANDBOX_ENGINE", f"there is no {apple.PROGRAM}")
    return "sandbox-exec", apple.PROGRAM


def _check_descriptors(abi: int) -> None:
    """Refuse standard descriptors that lead out of the sandbox.

    Raises:
        HelperError: E_SANDBOX_DESCRIPTOR.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
            raise HelperError(
                "E_SANDBOX_DESCRIPTOR",
                f"{name} is no file and no terminal: with it the command could leave the sandbox",
            )
        if number == 0 and stat.S_ISREG(mode) and not abi and PLATFORM.startswith("linux"):
            raise HelperError(
                "E_SANDBOX_DESCRIPTOR",
                "stdin is a file, and the command could open it once more, to write",
                "Landlock would hold it, but this kernel has none; a pipe (cat FILE | ...) is safe",
            )


def check(text: str, words: Sequence[str]) -> str:
    """See whether the sandbox can be made.

    Returns:
        The engine.

    Raises:
        HelperError: E_SANDBOX_*.
    """
    profile = parse_profile(text)
    engine, _ = choose_engine(profile)
    _check_descriptors(find_abi() if PLATFORM.startswith("linux") else 0)
    find_places(profile, engine, os.environ, words, _own())
    return engine


def run(text: str, words: Sequence[str]) -> int:
    """Run a command as a profile's text says, and say what there is to say.

    Returns:
        The exit status: that of the command; 126 or 127 when it is none, 1 without a sandbox.
    """
    _fill_descriptors()
    try:
        profile = parse_profile(text)
        _check_report(profile.report)
    except HelperError as error:
        _tell(0, error, None)
        return 1
    audit: Audit | None = None
    wrong: HelperError | None = None
    status = 1
    try:
        environ = dict(os.environ)
        done, audit = run_profile(profile, words, environ, take_sets(environ, profile.sets))
        status = done.status
        if done.is_late:
            why = "--time says how long it may take, in seconds"
            message = f"the command took longer than {profile.time} s and was ended"
            wrong = HelperError("E_SANDBOX_TIME", message, why)
    except HelperError as failure:
        wrong = failure
        status = failure.status if isinstance(failure, CommandError) else 1
    except OSError as reason:
        wrong = HelperError("E_SANDBOX_ENGINE", "the sandbox could not be made", str(reason))
    _tell(profile.report, wrong, audit)
    return status


def _check_report(number: int) -> None:
    """Refuse a descriptor for the report that is not of a new file without a name.

    (The folder where it was made may be one that a command in another sandbox can change: what
    is written must get into no other file, and come from nobody else.)

    Raises:
        HelperError: E_SANDBOX_ENGINE.
    """
    if not number:
        return
    try:
        status = os.fstat(number)
        is_new = stat.S_ISREG(status.st_mode) and not status.st_nlink and not status.st_size
    except OSError:
        is_new = False
    if not is_new:
        raise HelperError(
            "E_SANDBOX_ENGINE",
            "there is no place for what the sandbox reports",
            "the file for it was changed while it was made; see TMPDIR",
        )


def _fill_descriptors() -> None:
    """Open stdin, stdout and stderr where they are closed: nothing of ours may take their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def take_sets(environ: dict[str, str], count: int) -> dict[str, str]:
    """Take the variables that only the command gets out of those of this process.

    A profile of the project may name any, LD_PRELOAD and HOME among them: they are not for what
    makes the sandbox. See hide_sandbox_variables in lib/sandbox.sh.
    """
    found = [environ.pop(f"PYVE_SANDBOX_SET_{number}", "") for number in range(count)]
    return dict(one.split("=", 1) for one in found if "=" in one)


def _tell(report: int, error: HelperError | None, audit: Audit | None) -> None:
    """Say what is wrong and what was refused: on stderr, or in a file that the caller reads."""
    if report:
        answer: dict[str, Value] = dict(describe_error(error)) if error is not None else {}
        if audit is not None:
            answer["refused"] = audit.texts()
        with open(report, "wb") as stream:
            stream.write(format_answer(answer, "lines"))
            stream.flush()
            # (The caller reads by the same descriptor.)
            os.lseek(report, 0, os.SEEK_SET)
        return
    lines = audit.format() if audit is not None else []
    if error is not None:
        lines.append(f"ERROR: {error.message} [{error.code}]")
        lines += [f"  why: {why}" for why in error.why]
        lines += [f"  fix: {fix}" for fix in error.fix]
    if sys.stderr is not None:
        sys.stderr.write("".join(f"{line}\n" for line in lines))


def run_profile(
    profile: Profile,
    words: Sequence[str],
    environ: dict[str, str],
    sets: Mapping[str, str] | None = None,
) -> tuple[Outcome, Audit | None]:
    """Run a command in a sandbox.

    Args:
        profile: what was asked for.
        words: the command.
        environ: the variables of the caller, which also say what is open.
        sets: those that the command gets whatever they are called.

    Returns:
        How it ended, and what was refused if that was asked for.

    Raises:
        HelperError: E_SANDBOX_*.
    """
    engine, program = choose_engine(profile)
    _check_descriptors(find_abi() if engine != "sandbox-exec" else 0)
    places = find_places(profile, engine, environ, words, _own())
    environ = {**filter_variables(environ, profile), **(sets or {}), "PYVE_SANDBOX": engine}
    audit = Audit(places) if profile.audit else None
    with contextlib.ExitStack() as stack:
        if engine == "bubblewrap":
            places.private += [one for one in (*TMP, "/dev/shm", places.home) if one]
            environ.update(HOME=places.home or "/tmp", TMPDIR="/tmp")
            writable: list[str] = []
        else:
            scratch = stack.enter_context(Scratch())
            environ.update(HOME=scratch.home, TMPDIR=scratch.tmp)
            places.add(scratch.folder, writes=True)
            writable = [one.real for one in places.open if one.writes]
        environ["PATH"] = _filter_path(environ.get("PATH", os.defpath), places)
        starter = _Starter(engine, program, profile, places, words, environ)
        try:
            done = start_and_wait(
                starter.start,
                lambda number: Listener(number, writable, profile.processes, audit),
                profile.time,
                engine != "sandbox-exec",
            )
        except NotExecuted as error:
            raise _explain(error, words) from error
        except HelperError as error:
            if error.code == "E_SANDBOX_ENGINE" and engine == "bubblewrap" and not profile.engine:
                error.why.append("bubblewrap is here, but does not work; nothing else is tried")
            raise
    return done, audit


def _filter_path(path: str, places: Places) -> str:
    """Leave the folders of PATH that are open: a shell tries only the first file that it finds."""
    folders = [*(one for one in path.split(os.pathsep) if one.startswith("/")), "/usr/bin", "/bin"]
    return os.pathsep.join(
        one for one in dict.fromkeys(folders) if places.is_open(one, writes=False)
    )


def _own() -> list[str]:
    """Give the paths that the sandbox itself needs inside."""
    folder = os.path.dirname(os.path.abspath(__file__))
    helpers = os.path.dirname(folder)
    return [
        folder,
        os.path.join(helpers, "pyve_core"),
        os.path.join(helpers, "sandbox_run.py"),
        os.path.abspath(sys.executable),
    ]


def _explain(error: NotExecuted, words: Sequence[str]) -> CommandError:
    import errno

    is_missing = error.error in (errno.ENOENT, errno.ENOTDIR)
    return CommandError(
        127 if is_missing else 126,
        f"{words[0]} cannot be executed in the sandbox",
        [
            str(error),
            "it, or the interpreter that its first line names, is not among what is open there"
            if is_missing
            else "it is there, but is not open to be executed",
        ],
    )


class _Starter:
    """Starts the command, in a new process that never comes back."""

    def __init__(
        self,
        engine: str,
        program: str,
        profile: Profile,
        places: Places,
        words: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        """Take what is to be started, and how."""
        self.engine = engine
        self.program = program
        self.profile = profile
        self.places = places
        self.words = words
        self.environ = environ
        self.identities = places.identify(list_between(places)) if engine == "bubblewrap" else []

    def start(self, channel: socket.socket, said: int, ignored: list[int]) -> None:
        """Execute; see start_and_wait."""
        if self.engine == "landlock":
            hold()
            confine_and_execute(self._order(ignored), channel, self.words, self.environ)
        stderr = os.dup(2)
        os.dup2(said, 2)
        handed = {channel.fileno(), stderr}
        orders = self._write_orders(self._order(ignored, stderr))
        handed.add(orders)
        inside = [sys.executable, "-I", "-S", "-E", "-B"]
        inside += [os.path.join(os.path.dirname(_own()[0]), "sandbox_run.py"), "inside"]
        inside += [str(orders), str(channel.fileno()), "--", *self.words]
        if self.engine == "bubblewrap":
            number, abi = -1, find_abi()
            if not self.profile.audit or not abi:
                # Without Landlock the command could take over the process that is number 1 inside.
                # (What that filter refuses is in no audit.)
                number = _write(build_filter(Wishes(unix=True, scoped=abi >= 6)).compile())
                handed.add(number)
            words = make_words(self.program, self.profile, self.places, inside, number)
        else:
            text = apple.make_text(self.places, self.profile.net)
            words = [self.program, "-p", text, *inside]
        # They are the command's to decide about; what waits for it has to outlive them.
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for number in [int(name) for name in os.listdir("/dev/fd")]:
            if number > 2:
                with contextlib.suppress(OSError):
                    os.set_inheritable(number, number in handed)
        # (A variable such as LD_PRELOAD is the command's, not that of a program outside.)
        os.execve(words[0], words, {"PATH": os.defpath})

    def _order(self, ignored: list[int], stderr: int = -1) -> Orders:
        alone = self.engine == "landlock"
        rules: list[tuple[str, str]] = []
        if alone:
            rules = [(one.real, "write" if one.writes else "read") for one in self.places.open]
            rules += [(os.path.realpath(f"/dev/{name}"), "device") for name in DEVICES]
            rules += [(os.path.realpath(f"/proc/{name}"), "read") for name in PROC]
        wanted = self.profile
        return Orders(
            [rule for rule in rules if os.path.exists(rule[0])],
            alone,
            wanted.net,
            bool(wanted.processes),
            wanted.audit,
            self.engine != "sandbox-exec",
            wanted.memory,
            wanted.cpu,
            ignored,
            stderr,
            self.identities,
        )

    def _write_orders(self, orders: Orders) -> int:
        """Write what execute_inside reads. Gives the descriptor."""
        import json

        return _write(json.dumps([list(orders), dict(self.environ)]).encode())


def _write(data: bytes) -> int:
    """Write data to where nobody else finds it. Gives a descriptor that stands at its beginning."""
    import tempfile

    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.flush()
        number = os.dup(stream.fileno())
    os.lseek(number, 0, os.SEEK_SET)
    return number


def execute_inside(orders: int, channel: int, words: Sequence[str]) -> None:
    """Confine this process, which bubblewrap or sandbox-exec has started, and execute a command.

    Args:
        orders: a descriptor to read what _write_orders has written from.
        channel: the descriptor of the socket that start_and_wait listens to.
        words: the command.
    """
    import json

    # (A name that is no UTF-8 is written with halves of surrogates, and comes back so.)
    with open(orders, encoding="utf-8") as stream:
        content, environ = json.load(stream)
    confine_and_execute(Orders(*content), socket.socket(fileno=channel), words, environ)
