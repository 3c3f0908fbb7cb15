"""Installing Pyve and taking it back, seen from outside, and the prompt hooks in real shells."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

try:
    import pexpect  # type: ignore[import-untyped]  # it has no stubs of its own
except ImportError:  # a development tool; the tests that need it say so
    pexpect = None

ROOT = Path(__file__).resolve().parents[2]
TAG = "# Added by pyve installer"
KILLS = int(os.environ.get("PYVE_TEST_KILLS", "12"))
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__")


class Home:
    """A private home folder and the commands that are run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.link = path / ".local/bin/pyve"
        self.data = path / ".local/share/pyve"
        self.env = {
            "HOME": str(path),
            "PATH": os.environ["PATH"],
            "SHELL": "/bin/bash",
            "TERM": "dumb",
        }
        self.env["LC_ALL"] = "C.UTF-8"

    def run(self, *argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in argv],
            env={**self.env, **env},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def snapshot(self) -> dict[str, tuple[int, str | bytes]]:
        """Mode and content of every file, folder and link below the home folder."""
        found: dict[str, tuple[int, str | bytes]] = {}
        for path in sorted(self.path.rglob("*")):
            mode = path.lstat().st_mode
            content: str | bytes = ""
            if stat.S_ISLNK(mode):
                content = os.readlink(path)
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            found[str(path.relative_to(self.path))] = (mode, content)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    path = tmp_path / 'a home\'s "$(folder)"'
    path.mkdir()
    return Home(path)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the tree, which a test may remove."""
    path = tmp_path / "a checkout"
    shutil.copytree(ROOT, path, symlinks=True, ignore=LEFT_OUT)
    return path


def test_the_installed_copy_works_without_the_checkout(home: Home, checkout: Path) -> None:
    done = home.run(checkout / "pyve.sh", "self", "install")
    assert done.returncode == 0, done.stderr
    assert "exec $SHELL" in done.stdout
    shutil.rmtree(checkout)
    version = home.run(home.link, "--version")
    assert version.returncode == 0 and version.stdout.startswith("pyve ")
    shown = home.run(home.link, "help")
    assert shown.returncode == 0 and "init" in shown.stdout
    assert home.run(home.link, "self", "install").returncode == 0
    done = home.run(home.link, "self", "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert "untouched" in done.stdout
    assert home.snapshot() == {}


def test_nothing_is_forgotten(home: Home, checkout: Path) -> None:
    assert home.run(checkout / "pyve.sh", "install").returncode == 0
    app = home.data / "app"
    for entry in checkout.iterdir():
        wanted = entry.name not in {"tests", "examples"} and not entry.name.startswith(".")
        assert (app / entry.name).exists() == wanted, entry.name
    for path in (checkout / "lib").rglob("*"):
        assert (app / path.relative_to(checkout)).exists()


@pytest.mark.parametrize(
    ("shell", "spelling"),
    [("bash", ["install"]), ("zsh", ["--install"]), ("fish", ["self", "install"])],
)
def test_install_twice_and_uninstall_leaves_no_trace(
    home: Home, shell: str, spelling: list[str]
) -> None:
    rc = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/conf.d/pyve.fish"}[shell]
    if shell != "fish":
        (home.path / rc).write_bytes(b"alias ll='ls -l'\n# caf\xe9, no line end")
    before = home.snapshot()
    assert home.run(ROOT / "pyve.sh", *spelling, SHELL=f"/usr/bin/{shell}").returncode == 0
    once = (home.path / rc).read_bytes()
    assert once.count(TAG.encode()) == 2
    assert home.run(home.link, *spelling, SHELL=f"/usr/bin/{shell}").returncode == 0
    assert (home.path / rc).read_bytes() == once
    undo = [word.replace("install", "uninstall") for word in spelling]
    assert home.run(home.link, *undo, CI="1").returncode == 0
    assert home.snapshot() == before


@pytest.mark.parametrize("data", [".local/share", "data $x 'of' mine"])
def test_other_completions_and_pages_come_through(home: Home, data: str) -> None:
    """What others put beside our links, or in the place of one, is as it was."""
    env = {"XDG_DATA_HOME": str(home.path / data)}
    for name, text in (
        ("bash-completion/completions/git", "# git's\n"),
        ("zsh/site-functions/_pyve", "#compdef pyve\n# the user's own\n"),
        ("man/man1/other.1", ".TH OTHER 1\n"),
    ):
        file = home.path / data / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    before = home.snapshot()
    done = home.run(ROOT / "pyve.sh", "install", **env)
    assert done.returncode == 0, done.stderr
    assert "site-functions/_pyve: it is not Pyve's" in done.stdout
    made = {path.rpartition("/")[2] for path in home.snapshot() if path not in before}
    assert {"pyve", "pyve.fish", "pyve.1"} <= made and "_pyve" in {
        path.rpartition("/")[2] for path in before
    }
    assert (home.path / data / "bash-completion/completions/pyve").read_text().startswith("# shell")
    assert home.run(home.link, "uninstall", "--yes", **env).returncode == 0
    assert home.snapshot() == before


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_rc_lines_work_in_the_shell(home: Home, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    env = {"SHELL": f"/usr/bin/{shell}", "PATH": "/usr/bin:/bin"}
    env["XDG_DATA_HOME"] = str(home.path / "data $x `y` \\'\"")
    assert home.run(ROOT / "pyve.sh", "install", **env).returncode == 0
    ask = "typeset -f _pyve_prompt_hook >/dev/null && echo hooked"
    if shell == "fish":
        ask = "functions -q __pyve_wrap_prompt; and echo hooked"
    done = home.run(shell, "-i", "-c", f"command -v pyve; {ask}", **env)
    assert str(home.link) in done.stdout, done.stderr
    assert "hooked" in done.stdout, done.stderr
    assert home.run(home.link, "uninstall", "--yes", **env).returncode == 0
    assert [path for path in home.snapshot() if "pyve" in path] == []


def test_uninstall_from_inside_the_installed_tree(home: Home) -> None:
    assert home.run(ROOT / "pyve.sh", "install").returncode == 0
    done = subprocess.run(
        ["./pyve.sh", "--json", "self", "uninstall", "--yes"],
        env=home.env,
        cwd=home.data / "app",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and '"status": "ok"' in done.stdout
    assert home.snapshot() == {}


def test_the_end_of_input_cancels_uninstall(home: Home) -> None:
    assert home.run(ROOT / "pyve.sh", "install").returncode == 0
    before = home.snapshot()
    done = home.run(home.link, "uninstall")
    assert done.returncode == 0 and "ancelled" in done.stdout
    assert home.snapshot() == before


def test_self_says_what_it_knows(home: Home) -> None:
    shown = home.run(ROOT / "pyve.sh", "self")
    assert shown.returncode == 0 and "pyve self install" in shown.stdout
    assert "pyve self completions SHELL" in shown.stdout
    wrong = home.run(ROOT / "pyve.sh", "self", "instal")
    assert wrong.returncode == 1 and "did you mean 'install'" in wrong.stderr
    for extra in (["install", "x"], ["self", "install", "x"], ["uninstall", "--force"]):
        assert home.run(ROOT / "pyve.sh", *extra).returncode == 1
    assert home.snapshot() == {}


def kill_somewhere(home: Home, usual: float, *argv: str | Path) -> None:
    """Run a command that takes ``usual`` seconds, and kill it at a random moment."""
    child = subprocess.Popen(
        argv,
        env=home.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(random.uniform(0, usual * 1.1))
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def measure(home: Home, *argv: str | Path) -> float:
    started = time.monotonic()
    assert home.run(*argv).returncode == 0
    return time.monotonic() - started


def test_a_killed_install_leaves_the_old_pyve_or_the_new_one(home: Home) -> None:
    """The link answers after a kill at any moment, and the next install clears up."""
    assert home.run(ROOT / "pyve.sh", "install").returncode == 0
    rc = (home.path / ".bashrc").read_bytes()
    usual = measure(home, ROOT / "pyve.sh", "install")
    for _ in range(KILLS):
        kill_somewhere(home, usual, ROOT / "pyve.sh", "install")
        assert home.run(home.link, "--version").returncode == 0
        assert (home.path / ".bashrc").read_bytes() == rc
    assert home.run(ROOT / "pyve.sh", "install").returncode == 0
    assert sorted(path.name for path in home.data.iterdir()) == ["app", "install.state", "versions"]
    assert len(list((home.data / "versions").iterdir())) == 2
    assert os.readlink(home.link) == "../share/pyve/app/pyve.sh"
    assert home.run(home.link, "uninstall", "--yes").returncode == 0
    assert home.snapshot() == {}


def test_a_killed_uninstall_is_finished_by_the_next(home: Home) -> None:
    (home.path / ".bashrc").write_bytes(b"# no line end")
    before = home.snapshot()
    assert home.run(ROOT / "pyve.sh", "install").returncode == 0
    usual = measure(home, ROOT / "pyve.sh", "uninstall", "--yes")
    for _ in range(KILLS // 2):
        assert home.run(ROOT / "pyve.sh", "install").returncode == 0
        kill_somewhere(home, usual, home.link, "uninstall", "--yes")
        assert home.run(ROOT / "pyve.sh", "uninstall", "--yes").returncode == 0
        assert home.snapshot() == before


# --- the prompt hooks

HOSTILE = "(venv:$(touch pwned)`touch pwned`\\u\\$%n%%!) "


class Shell:
    """An interactive shell on a terminal, with the prompt hook loaded twice."""

    def __init__(self, name: str, home: Home, setup: str = "", flags: tuple[str, ...] = ()) -> None:
        if pexpect is None:
            pytest.skip("pexpect is not installed: prompts need a terminal")
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        self.name = name
        hook = ROOT / "lib/shell" / f"prompt.{name}"
        rc = home.path / {"bash": "rc", "zsh": ".zshrc", "fish": "setup.fish"}[name]
        source = f"source '{hook}'\n"
        first = {
            "bash": "PS1='READY> '\nbind 'set enable-bracketed-paste off' 2>/dev/null\n",
            "zsh": "PS1='READY> '\nunsetopt prompt_sp prompt_cr zle\n",
            "fish": "function fish_greeting; end\n"
            "function fish_prompt; printf '%s|%s READY> ' $status \"$pipestatus\"; end\n",
        }[name]
        # fish reads conf.d, where the hook is, before the user's own file.
        before = source if name == "fish" else ""
        rc.write_text(before + first + setup + source + source)
        argv = {
            "bash": ["--noprofile", "--rcfile", str(rc), "-i", *flags],
            "zsh": ["-d", "-i", *flags],
            "fish": ["-i", "-N", "-C", "source $PYVE_TEST_RC", *flags],
        }[name]
        env = {**home.env, "ZDOTDIR": str(home.path), "XDG_CONFIG_HOME": str(home.path / "config")}
        env["PYVE_TEST_RC"] = str(rc)
        self.child = pexpect.spawn(
            name,
            argv,
            env=env,
            cwd=str(home.path),
            encoding="utf-8",
            echo=False,
            timeout=15,
            dimensions=(24, 400),
        )
        self.child.expect_exact("READY> ")

    def prompt_after(self, command: str) -> str:
        """The prompt that follows a command that prints nothing, up to its READY."""
        self.child.sendline(command)
        # fish echoes what is typed, and draws the prompt again for every word of it.
        self.child.expect(r"\n[^\n]*READY> " if self.name == "fish" else "READY> ")
        text = self.child.before + self.child.after
        return str(text.replace("\n", "\r").split("\r")[-1]).removesuffix("READY> ")

    def close(self) -> None:
        self.child.close(force=True)


@pytest.fixture
def shell(home: Home) -> Iterator[Callable[..., Shell]]:
    opened: list[Shell] = []

    def open_shell(name: str, setup: str = "", flags: tuple[str, ...] = ()) -> Shell:
        opened.append(Shell(name, home, setup, flags))
        return opened[-1]

    yield open_shell
    for item in opened:
        item.close()


def set_prefix(name: str, value: str) -> str:
    if name == "fish":
        escaped = value.replace("\\", "\\\\")
        return f"set -gx PYVE_PROMPT_PREFIX '{escaped}'"
    return f"export PYVE_PROMPT_PREFIX='{value}'"


BASH_SETUPS = {
    "plain": "",
    "string": "PROMPT_COMMAND='true; '\n",
    "array": "PROMPT_COMMAND=(true 'true;')\n",
    "no promptvars": "shopt -u promptvars\n",
    "nounset": "unset PROMPT_COMMAND\nset -u\n",
    "errexit": "set -eu\n",
}
ZSH_SETUPS = {
    "plain": "",
    "subst": "setopt prompt_subst\n",
    "bang": "setopt prompt_bang\n",
    "subst and bang": "setopt prompt_subst prompt_bang\n",
    "no percent": "unsetopt prompt_percent\n",
    "strict": "setopt nounset warn_create_global ksh_arrays sh_word_split\n",
}


@pytest.mark.parametrize(
    ("name", "setup"),
    [("bash", key) for key in BASH_SETUPS] + [("zsh", key) for key in ZSH_SETUPS],
)
def test_the_prefix_is_shown_as_it_is_and_goes_again(
    shell: Callable[..., Shell], home: Home, name: str, setup: str
) -> None:
    it = shell(name, (BASH_SETUPS if name == "bash" else ZSH_SETUPS)[setup])
    assert it.prompt_after("true") == ""
    assert it.prompt_after(set_prefix(name, HOSTILE)) == HOSTILE
    assert it.prompt_after("true") == HOSTILE
    assert it.prompt_after(set_prefix(name, "(venv:b) ")) == "(venv:b) "
    assert it.prompt_after("unset PYVE_PROMPT_PREFIX") == ""
    it.child.sendline("printf '<%s>\\n' \"$PS1\"")
    it.child.expect_exact("<READY> >")
    assert not (home.path / "pwned").exists()


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_prompt_that_others_change_is_followed(shell: Callable[..., Shell], name: str) -> None:
    it = shell(name)
    assert it.prompt_after(set_prefix(name, "(venv:a) ")) == "(venv:a) "
    assert it.prompt_after('OLD=$PS1; PS1="(other) $PS1"') == "(other) (venv:a) "
    assert it.prompt_after("PS1='new READY> '") == "(venv:a) new "
    assert it.prompt_after("unset PYVE_PROMPT_PREFIX; PS1=$OLD") == ""


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_the_status_of_the_last_command_is_kept(shell: Callable[..., Shell], name: str) -> None:
    it = shell(name)
    it.prompt_after(set_prefix(name, "(venv:a) "))
    it.prompt_after("(exit 7)")
    it.child.sendline("echo status=$?")
    it.child.expect_exact("status=7")


def test_fish_wraps_the_prompt_once_and_keeps_its_status(
    shell: Callable[..., Shell], home: Home
) -> None:
    it = shell("fish")
    assert it.prompt_after("true") == "0|0 "
    assert it.prompt_after(set_prefix("fish", HOSTILE)) == HOSTILE + "0|0 "
    assert it.prompt_after("false | true | false") == HOSTILE + "1|1 0 1 "
    assert it.prompt_after("set -e PYVE_PROMPT_PREFIX") == "0|0 "
    assert not (home.path / "pwned").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "VIRTUAL_ENV_DISABLE_PROMPT") for name in ("bash", "zsh", "fish")),
        *((name, "STARSHIP_SHELL") for name in ("bash", "zsh", "fish")),
        ("zsh", "POWERLEVEL9K_MODE"),
    ],
)
def test_the_hook_stays_silent_where_others_speak(
    shell: Callable[..., Shell], name: str, reason: str
) -> None:
    it = shell(name)
    assert "(venv:a) " in it.prompt_after(set_prefix(name, "(venv:a) "))
    value = name if reason == "STARSHIP_SHELL" else "1"
    prompt = it.prompt_after(f"set -g {reason} {value}" if name == "fish" else f"{reason}={value}")
    assert "(venv:a)" not in prompt


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_no_process_per_prompt(shell: Callable[..., Shell], name: str) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("what ended children have used is asked of Linux")
    it = shell(name)
    it.prompt_after(set_prefix(name, "(venv:a) "))
    stat_file = Path(f"/proc/{it.child.pid}/stat")

    def count_page_faults_of_children() -> int:
        # proc(5): field 11, cminflt; the fields after the name begin with the third.
        return int(stat_file.read_text().rpartition(")")[2].split()[8])

    it.prompt_after("command true")
    before = count_page_faults_of_children()
    for _ in range(5):
        it.prompt_after("true")
    assert count_page_faults_of_children() == before
    it.prompt_after("/bin/true")
    assert count_page_faults_of_children() > before
