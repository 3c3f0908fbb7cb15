"""Which Python a project gets: whose wish counts, where interpreters are found, what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pyve_test_helpers import (
    Pyve,
    copy_interpreter,
    find_pythons,
    other_python,
    python_version,
    real_python,
    series,
    snapshot,
)

pytestmark = pytest.mark.venv


def write_wishes(pyve: Pyve, **wishes: str) -> None:
    """Let each source of a wish ask for a Python."""
    if "config" in wishes:
        pyve.write(".pyve/config", f'backend: venv\npython:\n  version: "{wishes["config"]}"\n')
    if "tool_versions" in wishes:
        pyve.write(".tool-versions", f"nodejs 20.1.0\npython {wishes['tool_versions']} system\n")
    if "python_version" in wishes:
        pyve.write(".python-version", f"{wishes['python_version']}\n")
    if "pyproject" in wishes:
        pyve.write("pyproject.toml", f'[project]\nrequires-python = "{wishes["pyproject"]}"\n')


def chosen(pyve: Pyve) -> str:
    """Return the real interpreter behind the environment."""
    return os.path.realpath(pyve.venv / "bin/python")


SOURCES = [
    ("config", "3.92", ".pyve/config"),
    ("tool_versions", "3.93", ".tool-versions"),
    ("python_version", "3.94", ".python-version"),
    ("pyproject", ">=3.95", "requires-python"),
]


@pytest.mark.parametrize("first", range(5))
def test_the_first_source_in_order_decides_and_is_named(pyve: Pyve, first: int) -> None:
    """Flag, config, .tool-versions, .python-version, requires-python: none of these is here."""
    write_wishes(pyve, **{name: wish for name, wish, _ in SOURCES[max(first - 1, 0) :]})
    before = snapshot(pyve.project)
    if first == 0:
        words, wish, source = ["--python-version", "3.91"], "3.91", "--python-version"
    else:
        words, (_, wish, source) = [], SOURCES[first - 1]
    stderr = pyve.fails("init", *words, "--force", "--yes", code="E_PYTHON_MISSING")
    line = stderr.split("ERROR: ")[1].splitlines()[0]
    assert wish in line
    assert source in line
    assert "fix: " in stderr
    assert f"found: {python_version()}" in stderr or series(python_version()) in stderr
    assert snapshot(pyve.project) == before
    if first:
        assert pyve.ok("python-version").startswith(f"{wish} (")


@pytest.mark.parametrize(
    "source", ["flag", "config", "tool_versions", "python_version", "pyproject"]
)
@pytest.mark.parametrize("full", [True, False], ids=["3.N.N", "3.N"])
def test_each_source_can_name_a_version_or_a_series(pyve: Pyve, source: str, full: bool) -> None:
    other = other_python()
    pyve.add_python(other)
    wanted, here = other, real_python()
    # Wish for the older one, which nobody would take unasked.
    if python_version(other).split(".")[:2] > python_version(here).split(".")[:2]:
        wanted = here
    version = python_version(wanted)
    wish = version if full else series(version)
    words = []
    if source == "flag":
        words = ["--python-version", wish]
    elif source == "pyproject":
        write_wishes(pyve, pyproject=f"=={wish}" + ("" if full else ".*"))
    else:
        write_wishes(pyve, **{source: wish})
    out = pyve.init("--yes", *words)
    assert chosen(pyve) == wanted
    assert f"Python {version}" in out


def key(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python_version(python).split("."))


def test_without_a_wish_the_newest_that_satisfies_requires_python_is_taken(pyve: Pyve) -> None:
    pythons = sorted([real_python(), other_python()], key=key)
    pyve.remove_pythons()
    for python in pythons:
        pyve.add_managed_python("pyenv", python)
    pyve.init()
    assert chosen(pyve) == pythons[1]
    upper = series(python_version(pythons[1]))
    write_wishes(pyve, pyproject=f">=3.9,<{upper}")
    (pyve.project / ".pyve/config").unlink()
    (pyve.project / ".python-version").unlink()
    shutil.rmtree(pyve.venv)
    pyve.init()
    assert chosen(pyve) == pythons[0]


def test_the_folders_of_all_managers_are_searched(pyve: Pyve) -> None:
    pyve.remove_pythons()
    for manager, file in (
        ("asdf", ".tool-versions"),
        ("pyenv", ".python-version"),
        ("mise", ".tool-versions"),
        ("uv", ".python-version"),
    ):
        place = pyve.add_managed_python(manager, real_python())
        pyve.init("--python-version", python_version())
        assert chosen(pyve) == real_python()
        assert python_version() in (pyve.project / file).read_text()
        pyve.ok("purge")
        assert not (pyve.project / file).exists()
        shutil.rmtree(place)
    pyve.fails("init", code="E_PYTHON_MISSING")


def test_a_shim_is_never_the_environments_interpreter(pyve: Pyve) -> None:
    pyve.remove_pythons()
    shims = pyve.home / ".pyenv/shims"
    shims.mkdir(parents=True)
    called = pyve.root / "shim was called"
    for name in ("python3", "python", f"python{series(python_version())}"):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\n: >"{called}"\nexec "{real_python()}" "$@"\n')
        shim.chmod(0o755)
    pyve.env["PATH"] = f"{shims}:{pyve.env['PATH']}"
    pyve.fails("init", code="E_PYTHON_MISSING")
    pyve.add_managed_python("pyenv", real_python())
    pyve.init()
    assert chosen(pyve) == real_python()
    assert not called.exists()


def test_an_interpreter_that_belongs_to_an_environment_leads_to_the_real_one(pyve: Pyve) -> None:
    other = pyve.root / "other"
    other.mkdir()
    pyve.init(cwd=other)
    pyve.env["PATH"] = f"{other}/.venv/bin:{pyve.env['PATH']}"
    pyve.init()
    assert chosen(pyve) == real_python()
    assert str(other) not in (pyve.venv / "pyvenv.cfg").read_text()
    shutil.rmtree(other)
    assert pyve.prefix() == str(pyve.venv)


@pytest.mark.parametrize("kind", ["dangling", "failing", "not executable"])
def test_a_dead_candidate_is_passed_over(pyve: Pyve, kind: str) -> None:
    dead = pyve.home / ".pyenv/versions/3.98.1/bin"
    dead.mkdir(parents=True)
    if kind == "dangling":
        (dead / "python3").symlink_to("/no/such/python")
    else:
        (dead / "python3").write_text("#!/bin/sh\nexit 1\n")
        (dead / "python3").chmod(0o755 if kind == "failing" else 0o644)
    pyve.init()
    assert chosen(pyve) == real_python()
    pyve.ok("purge")
    stderr = pyve.fails("init", "--python-version", "3.98.1")
    assert "3.98.1" in stderr
    assert "why: " in stderr


def test_a_version_that_lies_about_itself_is_not_taken(pyve: Pyve) -> None:
    pyve.add_managed_python("pyenv", real_python(), "3.97.0")
    stderr = pyve.fails("init", "--python-version", "3.97")
    assert python_version() in stderr
    assert snapshot(pyve.project) == {}


def test_a_wish_that_contradicts_requires_python_goes_first_with_a_warning(pyve: Pyve) -> None:
    write_wishes(pyve, pyproject=">=3.95")
    result = pyve("init", "--no-direnv", "--python-version", series(python_version()))
    assert result.returncode == 0
    assert "W_PYTHON_REQUIRES" in result.stderr
    assert chosen(pyve) == real_python()


@pytest.mark.parametrize("text", ["banana", "$(touch pwned)", "../../evil", "3.x", "-rf"])
def test_nonsense_in_a_version_file_is_refused_by_name(pyve: Pyve, text: str) -> None:
    write_wishes(pyve, python_version=text)
    before = snapshot(pyve.root)
    stderr = pyve.fails("init", code="E_PYTHON_VERSION_INVALID")
    assert ".python-version" in stderr
    assert snapshot(pyve.root) == before


def test_on_a_machine_without_python_the_message_says_how_to_get_one(pyve: Pyve) -> None:
    pyve.remove_pythons()
    stderr = pyve.fails("init", code="E_PYTHON_MISSING")
    assert "why: " in stderr
    assert snapshot(pyve.project) == {}
    assert pyve("--version").returncode == 0
    assert pyve("help").returncode == 0
    assert pyve("doctor").returncode == 1


# --- installing through a manager

PYENV = """\
#!/bin/sh
printf '%s\\n' "$*" >>"{log}"
case $1:$2 in
  install:--list) printf 'Available versions:\\n  3.1.0\\n  {version}\\n  3.99.0rc1\\n' ;;
  install:-s)
    mkdir -p "$HOME/.pyenv/versions/$3/bin"
    ln -s "{python}" "$HOME/.pyenv/versions/$3/bin/python3"
    ;;
  *) exit 2 ;;
esac
"""


def add_pyenv(pyve: Pyve) -> Path:
    """Put a pyenv on PATH that "installs" the tests' interpreter; returns its log."""
    log = pyve.root / "pyenv.log"
    text = PYENV.format(log=log, version=python_version(), python=real_python())
    pyve.add_program("pyenv", text)
    return log


@pytest.mark.parametrize("wish", ["flag", "none", "requires"])
def test_a_missing_python_is_installed_through_the_manager_and_it_says_so(
    pyve: Pyve, wish: str
) -> None:
    pyve.remove_pythons()
    log = add_pyenv(pyve)
    words = []
    if wish == "flag":
        words = ["--python-version", series(python_version())]
    elif wish == "requires":
        write_wishes(pyve, pyproject=f"=={series(python_version())}.*")
    result = pyve("init", "--no-direnv", *words)
    assert result.returncode == 0, result.stderr
    assert "installing" in result.stdout + result.stderr
    assert "pyenv" in result.stdout + result.stderr
    assert f"install -s {python_version()}" in log.read_text().splitlines()
    assert chosen(pyve) == real_python()
    assert (pyve.project / ".python-version").read_text() == f"{python_version()}\n"


def test_nothing_is_installed_when_what_is_here_is_good_enough(pyve: Pyve) -> None:
    log = add_pyenv(pyve)
    write_wishes(pyve, pyproject=">=3.9")
    pyve.init()
    pyve.init("--force", "--yes")
    pyve.ok("python-version")
    assert not log.exists()


def test_installing_can_be_forbidden(pyve: Pyve) -> None:
    pyve.remove_pythons()
    log = add_pyenv(pyve)
    stderr = pyve.fails("init", PYVE_PYTHON_DOWNLOADS="never", code="E_PYTHON_MISSING")
    assert "PYVE_PYTHON_DOWNLOADS" in stderr
    assert not log.exists()


def test_a_manager_that_fails_is_an_error_and_the_old_environment_stays(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    text = (
        "#!/bin/sh\n[ \"$2\" = --list ] && echo 3.96.1 && exit 0\necho 'no compiler' >&2\nexit 1\n"
    )
    pyve.add_program("pyenv", text)
    stderr = pyve.fails(
        "init", "--force", "--yes", "--python-version", "3.96", code="E_PYTHON_INSTALL"
    )
    assert "no compiler" in stderr
    assert "fix: pyenv install" in stderr
    assert snapshot(pyve.project) == before


# --- python-version


def test_python_version_pins_and_shows(pyve: Pyve) -> None:
    version = python_version()
    assert pyve.ok("python-version", series(version))
    assert (pyve.project / ".python-version").read_text() == f"{version}\n"
    assert pyve.ok("python-version") == f"{version} (.python-version)\n"
    pyve.init()
    assert chosen(pyve) == real_python()
    pyve.fails("python-version", "3.99", code="E_PYTHON_MISSING")
    assert (pyve.project / ".python-version").read_text() == f"{version}\n"


def test_python_version_keeps_the_rest_of_tool_versions(pyve: Pyve) -> None:
    pyve.add_managed_python("asdf", real_python())
    (pyve.home / ".asdf/plugins/python").mkdir(parents=True)
    pyve.add_program("asdf", "#!/bin/sh\nexit 1\n")
    path = pyve.write(".tool-versions", "nodejs 20.1.0\npython 3.9.1 # old\n\nruby 3.3\n")
    pyve.ok("--python-version", python_version())
    assert path.read_text() == f"nodejs 20.1.0\npython {python_version()} # old\n\nruby 3.3\n"
    pyve.init()
    pyve.ok("purge")
    assert "nodejs 20.1.0" in path.read_text()


# --- a Python without ensurepip


def test_a_python_without_ensurepip_gets_pip_from_another_python(pyve: Pyve) -> None:
    python = copy_interpreter(pyve.root / "bare", without=("ensurepip",))
    pyve.remove_pythons()
    pyve.add_python(python)
    pyve.add_managed_python("pyenv", real_python(), "not-a-version")
    pyve.init("--python-version", python_version())
    assert chosen(pyve) == str(python)
    assert pyve.ok("run", "pip", "--version").startswith("pip ")
    assert pyve("doctor").returncode == 0


def test_a_python_without_ensurepip_alone_works_or_says_what_to_install(pyve: Pyve) -> None:
    python = copy_interpreter(pyve.root / "bare", without=("ensurepip",))
    pyve.remove_pythons()
    pyve.add_python(python)
    result = pyve("init", "--no-direnv")
    if result.returncode == 0:
        # The distribution keeps a wheel of pip where every Python can use it.
        assert pyve.ok("run", "pip", "--version").startswith("pip ")
        assert pyve("doctor").returncode == 0
    else:
        assert "[E_PIP_MISSING]" in result.stderr
        assert "fix: " in result.stderr
        assert snapshot(pyve.project) == {}


def test_a_python_without_venv_is_passed_over_and_named_when_it_is_the_only_one(
    pyve: Pyve,
) -> None:
    python = copy_interpreter(pyve.root / "bare", without=("venv",))
    pyve.remove_pythons()
    pyve.add_python(python)
    stderr = pyve.fails("init")
    assert "venv" in stderr
    assert "fix: " in stderr
    assert snapshot(pyve.project) == {}
    place = pyve.add_managed_python("pyenv", real_python())
    pyve.init()
    assert chosen(pyve) == real_python()
    # What was missing is installed, as the message proposed: it is seen at once.
    pyve.ok("purge")
    shutil.rmtree(place)
    library = Path(os.path.dirname(os.path.realpath(os.__file__)))
    (python.parent.parent / "lib" / python.name / "venv").symlink_to(library / "venv")
    pyve.init()
    assert chosen(pyve) == str(python)


# --- the distutils shim


def test_python_3_12_and_newer_get_the_distutils_shim_and_older_do_not(pyve: Pyve) -> None:
    pyve.init()
    shim = pyve.site_packages / "sitecustomize.py"
    if int(python_version().split(".")[1]) >= 12:
        assert "pyve-managed: distutils shim" in shim.read_text()
    else:
        assert not shim.exists()


def test_the_distutils_shim_of_a_newer_python_works_and_can_be_switched_off(pyve: Pyve) -> None:
    newer = [path for path in find_pythons() if key(path) >= (3, 12)]
    if not newer:
        pytest.skip("NOT TESTED: this machine has no Python 3.12 or newer")
    pyve.remove_pythons()
    pyve.add_python(newer[0])
    pyve.init()
    shim = pyve.site_packages / "sitecustomize.py"
    assert "pyve-managed: distutils shim" in shim.read_text()
    out = pyve.ok("run", "python", "-c", "import os; print(os.environ['SETUPTOOLS_USE_DISTUTILS'])")
    assert out == "local\n"
    pyve.init("--force", "--yes", PYVE_DISABLE_DISTUTILS_SHIM="1")
    assert not shim.exists()
