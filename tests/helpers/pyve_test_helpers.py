"""What the black-box tests share: running Pyve as a user would, in a private HOME."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parents[2]
WHEELHOUSE = TREE / ".dev" / "wheelhouse"
# Pyve's own toolchain, one for all tests; scripts/make-test-toolchain.sh makes it.
TOOLCHAIN = TREE / ".dev" / "toolchain"

# What a test sees of the machine's own environment; the rest could make tests differ.
KEPT = ("PATH", "TMPDIR", "LANG", "LC_ALL", "TERM", "SSL_CERT_FILE")

# What a bare machine does not have; tests put there what they need of it.
HIDDEN = re.compile(
    r"python|pip|pypy|pydoc|idle|2to3|uvx?$|asdf|pyenv|mise|rtx$|direnv|conda|mamba|micromamba"
    r"|virtualenv|poetry|pdm$|hatch|pipenv|pytest|pyve"
)
SYSTEM_FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")


@functools.cache
def real_python() -> str:
    """Return the path of the real interpreter (no shim, no environment) that runs the tests."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def python_version(python: str | Path | None = None) -> str:
    """Return the full version of an interpreter, by default of the one that runs the tests."""
    if python is None:
        return "%d.%d.%d" % sys.version_info[:3]
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    return subprocess.run(
        [str(python), "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def series(version: str) -> str:
    """Return "3.12" for "3.12.4"."""
    return ".".join(version.split(".")[:2])


@functools.cache
def find_pythons() -> tuple[str, ...]:
    """Return real interpreters of Python 3.9 or newer, one for each minor version found.

    The one that runs the tests comes first. Looks at PATH and into the folders of version managers.
    """
    found: dict[str, str] = {}
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys._base_executable)"
    folders = os.environ.get("PATH", "").split(os.pathsep)
    candidates = [real_python()] + [
        os.path.join(folder, f"python3.{minor}") for minor in range(9, 20) for folder in folders
    ]
    home = Path.home()
    for pattern in (
        ".pyenv/versions/*/bin/python3",
        ".asdf/installs/python/*/bin/python3",
        ".local/share/mise/installs/python/*/bin/python3",
        ".local/share/uv/python/cpython-*/bin/python3",
    ):
        candidates += [str(path) for path in sorted(home.glob(pattern))]
    for path in candidates:
        if os.path.exists(path) and "/shims/" not in path:
            result = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True)
            if result.returncode == 0:
                version, real = result.stdout.split(None, 1)
                if int(version.split(".")[1]) >= 9:
                    found.setdefault(version, os.path.realpath(real.strip()))
    return tuple(found.values())


def other_python() -> str:
    """Return an interpreter of another minor version than the tests' own, or skip by name."""
    for path in find_pythons()[1:]:
        return path
    pytest.skip("NOT TESTED: this machine has no second minor version of Python")


def copy_interpreter(prefix: Path, without: tuple[str, ...] = ()) -> Path:
    """Make an installation of Python of its own: the program copied, its library linked.

    Args:
        prefix: where; it must not exist.
        without: modules and packages of the standard library that it shall lack.

    Returns:
        The interpreter, ``prefix/bin/python3.N``.
    """
    minor = f"python3.{sys.version_info[1]}"
    source = Path(real_python())
    library = Path(os.path.dirname(os.path.realpath(os.__file__)))
    target = prefix / "lib" / minor
    (prefix / "bin").mkdir(parents=True)
    (target / "site-packages").mkdir(parents=True)
    python = prefix / "bin" / minor
    shutil.copy2(source, python)
    for name in ("python3", "python"):
        (prefix / "bin" / name).symlink_to(minor)
    for entry in library.iterdir():
        if entry.name not in {"site-packages", "__pycache__", "EXTERNALLY-MANAGED", *without}:
            (target / entry.name).symlink_to(entry)
    for entry in source.parent.parent.glob("lib/libpython*"):
        (prefix / "lib" / entry.name).symlink_to(entry)
    result = subprocess.run(
        [str(python), "-I", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True
    )
    if result.stdout.strip() != str(prefix):
        pytest.skip(f"NOT TESTED: {source} does not work when it is copied: {result.stderr}")
    return python


@functools.cache
def bare_machine(folder: Path) -> Path:
    """Fill a folder with links to the system's programs, but for Python and all that manages it."""
    tools = folder / f"tools of {os.getpid()}"
    tools.mkdir()
    for place in SYSTEM_FOLDERS:
        if os.path.isdir(place):
            for entry in os.scandir(place):
                link = tools / entry.name
                if not HIDDEN.match(entry.name) and not os.path.lexists(link):
                    link.symlink_to(entry.path)
    return tools


class Pyve:
    """A user with an own HOME, and a project in it.

    Attributes:
        home: the private HOME.
        project: the project's folder; commands run there unless told otherwise.
        bin: the first folder on PATH; holds the interpreter and what a test puts there.
        env: the environment variables that commands see.
        tree: the tree of Pyve that is run.
        before: words that every command is started with, such as those of obey_modes.
    """

    tree = TREE
    before: tuple[str, ...] = ()

    def __init__(self, root: Path, cache: Path, project: str = "my project") -> None:
        self.root = root
        self.home = root / "home of user"
        self.project = root / project
        self.home.mkdir()
        self.project.mkdir()
        self.env = {name: os.environ[name] for name in KEPT if name in os.environ}
        if not re.search("utf-?8", self.env.get("LC_ALL", self.env.get("LANG", "")), re.IGNORECASE):
            # Without a locale Pyve takes UTF-8 for granted; with another it would write ASCII.
            for name in ("LC_ALL", "LANG"):
                self.env.pop(name, None)
        self.bin = root / "interpreters"
        self.bin.mkdir()
        self.add_python(real_python())
        self.env.update(
            HOME=str(self.home),
            PATH=os.pathsep.join([str(self.bin), str(bare_machine(cache.parent))]),
            PYVE_TEMPLATES=str(cache),
            PYVE_TOOLCHAIN=str(TOOLCHAIN),
            PYTHONDONTWRITEBYTECODE="1",
            PIP_NO_INDEX="1",
            PIP_FIND_LINKS=WHEELHOUSE.as_uri(),
            PIP_DISABLE_PIP_VERSION_CHECK="1",
        )

    @property
    def venv(self) -> Path:
        """The usual place of the project's environment."""
        return self.project / ".venv"

    @property
    def testenv(self) -> Path:
        """The place of the test runner's environment."""
        return self.project / ".pyve" / "testenv" / "venv"

    @property
    def site_packages(self) -> Path:
        """Where the environment's packages are."""
        (folder,) = self.venv.glob("lib/python3.*/site-packages")
        return folder

    def add_python(self, python: str | Path) -> None:
        """Put an interpreter on PATH, as python3.N, and as python3 when it is the first."""
        version = python_version(python)
        (self.bin / f"python{series(version)}").symlink_to(python)
        if not (self.bin / "python3").exists():
            (self.bin / "python3").symlink_to(python)

    def remove_pythons(self) -> None:
        """Take every interpreter off PATH."""
        for path in self.bin.glob("python*"):
            path.unlink()

    def add_managed_python(self, manager: str, python: str | Path, name: str = "") -> Path:
        """Put an interpreter where a version manager keeps those that it installed.

        Returns:
            The folder of the "installation", with a link to the real one in it.
        """
        folder = {
            "asdf": ".asdf/installs/python",
            "pyenv": ".pyenv/versions",
            "mise": ".local/share/mise/installs/python",
            "uv": ".local/share/uv/python",
        }[manager]
        version = name or python_version(python)
        if manager == "uv":
            version = f"cpython-{version}-linux-x86_64-gnu"
        place = self.home / folder / version
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "python3").symlink_to(python)
        return place

    def add_program(self, name: str, text: str) -> Path:
        """Put a stand-in for a program on PATH."""
        path = self.bin / name
        # Never through a link to the real program.
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def command(self, *args: str) -> list[str]:
        """Return the argument vector of a pyve command."""
        return [str(self.tree / "pyve.sh"), *args]

    def __call__(
        self,
        *args: str,
        cwd: Path | None = None,
        answer: str | None = None,
        **env: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run pyve with these arguments.

        Args:
            args: the arguments.
            cwd: where, when not in the project.
            answer: what stdin holds; nothing by default.
            env: more environment variables.
        """
        return self.execute(*self.command(*args), cwd=cwd, answer=answer, **env)

    def execute(
        self,
        *argv: str | Path,
        cwd: Path | None = None,
        answer: str | None = None,
        **env: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run any program as this user, in the project."""
        return subprocess.run(
            [str(word) for word in (*self.before, *argv)],
            cwd=cwd or self.project,
            input=answer or "",
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def ok(self, *args: str, **options: Any) -> str:
        """Run pyve, expect success, and return what it printed on stdout."""
        result = self(*args, **options)
        assert result.returncode == 0, (
            f"{args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        )
        return result.stdout

    def fails(self, *args: str, code: str = "", **options: Any) -> str:
        """Run pyve, expect exit 1 and the diagnostic ``code``, and return stderr."""
        result = self(*args, **options)
        assert result.returncode == 1, (
            f"{args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        )
        assert f"[{code}]" in result.stderr or not code, result.stderr
        assert "E_INTERNAL" not in result.stderr
        assert "✓" not in result.stdout, "a success line beside a failure"
        return result.stderr

    def json(self, *args: str, **options: Any) -> dict[str, Any]:
        """Run pyve with --json, and return its one document."""
        document: dict[str, Any] = json.loads(self(*args, "--json", **options).stdout)
        return document

    def init(self, *args: str, **options: Any) -> str:
        """Make the environment, without direnv."""
        return self.ok("init", "--no-direnv", *args, **options)

    def prefix(self, cwd: Path | None = None) -> str:
        """Return sys.prefix of the python that ``pyve run`` finds."""
        return self.ok("run", "python", "-c", "import sys; print(sys.prefix)", cwd=cwd).strip()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project, with the folders above it."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink > 1:
            # What else has the file keeps it as it was.
            path.unlink()
        path.write_text(text)
        return path

    def add_module(self, environment: Path, name: str, text: str = "") -> None:
        """Put a module into an environment, as an installed package would."""
        (folder,) = environment.glob("lib/python3.*/site-packages")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never through a hard link into the template.
        path.unlink(missing_ok=True)
        path.write_text(text)

    def add_console_script(self, name: str, code: str) -> None:
        """Put a script into the environment that finds its interpreter as that of pip does."""
        pip = (self.venv / "bin/pip").read_text()
        head = re.match(r"#!/bin/sh\n'''exec' .*?\n' '''\n|#![^\n]*\n", pip, re.DOTALL)
        assert head, pip
        path = self.venv / "bin" / name
        path.write_text(head.group() + code + "\n")
        path.chmod(0o755)

    def copy_example(self, name: str) -> None:
        """Put one of examples/ into the project."""
        ignored = shutil.ignore_patterns(
            ".venv", ".pyve", "__pycache__", "*.egg-info", ".envrc", ".env", "build"
        )
        shutil.copytree(TREE / "examples" / name, self.project, dirs_exist_ok=True, ignore=ignored)


def snapshot(folder: Path, skip: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what a folder holds: each path with its type, mode and content.

    A file that has hard links (it belongs to a template) is known by its number, size and time.
    """
    result = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.startswith(skip) and skip:
            continue
        status = path.lstat()
        kind = oct(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            result[name] = f"{kind} -> {os.readlink(path)}"
        elif not stat.S_ISREG(status.st_mode):
            result[name] = kind
        elif status.st_nlink > 1:
            result[name] = f"{kind} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
        else:
            content = path.read_bytes()
            shown = repr(content) if len(content) < 2000 else hashlib.sha256(content).hexdigest()
            result[name] = f"{kind} {shown}"
    return result


def git(pyve: Pyve, *words: str) -> str:
    """Run git in the project, now and later without this machine's settings; return its output."""
    pyve.env.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        pyve.env.update({f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.org"})
    result = pyve.execute(find_program("git"), *words)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def commit(pyve: Pyve) -> str:
    """Commit all that git does not ignore in the project, as its first commit or a further one.

    Returns:
        The name of the commit, 40 hexadecimal digits.
    """
    if not (pyve.project / ".git").exists():
        git(pyve, "init", "--quiet", "-b", "main")
    git(pyve, "add", "-A")
    git(pyve, "commit", "--quiet", "-m", "all")
    return git(pyve, "rev-parse", "HEAD")


def obey_modes() -> tuple[str, ...]:
    """Return the words with which a program is started so that permissions bind it.

    They bind everybody but root; root's program gives up the right to pass over them.
    """
    if os.geteuid() != 0:
        return ()
    rights = "-dac_override,-dac_read_search,-fowner"
    return (find_program("setpriv"), f"--bounding-set={rights}")


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return path.stat().st_mode & 0o777


def find_program(name: str) -> str:
    """Return the path of a program of this machine; skips, by name, when it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"NOT TESTED: {name} is not on this machine")
    return path


def need_wheelhouse() -> None:
    """Fail when the wheels for tests without a network are missing."""
    if not list(WHEELHOUSE.glob("*.whl")):
        pytest.fail("no .dev/wheelhouse: run scripts/bootstrap-dev.sh (or make dev)")
