"""What differs between systems and shells: paths, activate scripts, permissions, locales."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyve_test_helpers import Pyve, find_program, snapshot

pytestmark = pytest.mark.venv

MakePyve = Callable[[str], Pyve]

NAMES = {
    "plain": "project",
    "quotes": 'it\'s my "project"',
    "substitution": "$(touch pwned) ${HOME}",
    "backticks": "`touch pwned`",
    "unicode": "Ünïcödé 日本 🐍",
    "dash": "-rf --help",
    "newline": "two\nlines",
    "operators": "a;b & c|d #e > f",
    "patterns": "*?[x]{y,z} ~",
    "backslashes": "back\\slash %s %20 \\n \\",
    "bang": "wow! !! ^ = @",
    "long": "n" * 200,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_project_may_have_any_name(make_pyve: MakePyve, name: str) -> None:
    pyve = make_pyve(name)
    pyve.ok("init")
    assert pyve.prefix() == str(pyve.venv)
    # Also by the console script, whose first line has to find its interpreter.
    pyve.add_console_script("tell-prefix", "import sys\nprint(sys.prefix)")
    assert pyve.ok("run", "tell-prefix") == f"{pyve.venv}\n"
    assert pyve.ok("run", "pip", "--version").startswith("pip ")
    assert pyve("doctor").returncode == 0
    assert pyve("validate").returncode == 0
    document = pyve.json("config")
    assert document["detail"]["config_file"] == str(pyve.project / ".pyve/config")
    script = (
        "set -eu; . .venv/bin/activate; python -c 'import sys; print(sys.prefix)'\n"
        'printf "%s\\n" "$VIRTUAL_ENV"; deactivate; [ -z "${VIRTUAL_ENV-}" ]'
    )
    result = pyve.execute("bash", "-c", script)
    assert result.stdout == f"{pyve.venv}\n{pyve.venv}\n", result.stderr
    pyve.init("--force", "--yes")
    pyve.ok("purge")
    left = sorted(path.name for path in pyve.project.iterdir())
    assert left == [".gitignore"]
    assert not list(pyve.root.rglob("pwned"))


def test_a_colon_in_the_path_is_refused_because_path_cannot_hold_it(make_pyve: MakePyve) -> None:
    pyve = make_pyve("a:b")
    pyve.fails("init", code="E_PATH_COLON")
    assert snapshot(pyve.project) == {}


@pytest.mark.parametrize("parent", ["Dropbox", "Library/CloudStorage/GoogleDrive-me", "OneDrive"])
def test_a_folder_of_a_cloud_drive_is_refused_unless_overridden(pyve: Pyve, parent: str) -> None:
    project = pyve.home / parent / "work"
    project.mkdir(parents=True)
    stderr = pyve.fails("init", "--no-direnv", cwd=project, code="E_SYNCED_DIR")
    assert "--allow-synced-dir" in stderr
    assert snapshot(project) == {}
    pyve.init("--allow-synced-dir", cwd=project)
    assert pyve.prefix(cwd=project) == str(project / ".venv")


# --- activate scripts

SHELLS = {
    "sh": (". .venv/bin/activate", '[ -n "$VIRTUAL_ENV" ] && echo yes', "deactivate"),
    "bash": ("source .venv/bin/activate", '[ -n "$VIRTUAL_ENV" ] && echo yes', "deactivate"),
    "zsh": ("source .venv/bin/activate", '[ -n "$VIRTUAL_ENV" ] && echo yes', "deactivate"),
    "fish": (
        "source .venv/bin/activate.fish",
        'test -n "$VIRTUAL_ENV"; and echo yes',
        "deactivate",
    ),
    "tcsh": ("source .venv/bin/activate.csh", "if ($?VIRTUAL_ENV) echo yes", "deactivate"),
}


@pytest.mark.parametrize("name", ["my project", 'it\'s "my" $(touch pwned) `touch pwned` é\\'])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_activate_script_works_in_the_real_shell(
    make_pyve: MakePyve, shell: str, name: str
) -> None:
    if shell == "tcsh":
        # csh cannot hold a newline or a `!` in a path safely; quotes and `$` it can.
        name = name.replace("\\", "")
    program = find_program(shell)
    pyve = make_pyve(name)
    pyve.init()
    pyve.add_console_script("tell-prefix", "import sys\nprint(sys.prefix)")
    enter, check, leave = SHELLS[shell]
    show = "python3 -c 'import sys; print(sys.prefix)'"
    lines = [enter, show, check, "tell-prefix", leave, show, check, "echo end"]
    options = {"zsh": ["-f"], "tcsh": ["-f"], "fish": ["--no-config"]}.get(shell, [])
    result = pyve.execute(program, *options, "-c", "\n".join(lines) + "\n")
    if shell == "tcsh":
        script = pyve.root / "script.csh"
        script.write_text("set prompt='> '\n" + "\n".join(lines) + "\n")
        result = pyve.execute(program, "-f", script)
    out = result.stdout.splitlines()
    assert out[0] == str(pyve.venv), result.stderr
    assert out[1] == "yes"
    assert out[2] == str(pyve.venv)
    assert out[3] not in (str(pyve.venv), "yes")
    assert out[4:] == ["end"], result.stderr
    assert not list(pyve.root.rglob("pwned"))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_prompt_names_the_project_while_active(pyve: Pyve, shell: str) -> None:
    program = find_program(shell)
    pyve.init()
    script = 'PS1="$ "; . .venv/bin/activate; printf "%s|" "$PS1"; deactivate; printf "%s" "$PS1"'
    out = pyve.execute(program, *(["-f"] if shell == "zsh" else ["--norc"]), "-c", script).stdout
    assert out == "(my project) $ |$ "


# --- permissions and file systems


def without_override(pyve: Pyve, *words: str) -> list[str]:
    """A pyve command whose rights end where permission bits say so, also for root."""
    if os.geteuid() != 0:
        return pyve.command(*words)
    drop = "-dac_override,-dac_read_search,-fowner"
    program = find_program("setpriv")
    return [program, f"--inh-caps={drop}", f"--bounding-set={drop}", *pyve.command(*words)]


def test_init_in_a_folder_that_cannot_be_written_says_so(pyve: Pyve) -> None:
    pyve.write("app.py", "")
    before = snapshot(pyve.project)
    pyve.project.chmod(0o555)
    try:
        for words in (["init"], ["init", "--force", "--yes"]):
            result = pyve.execute(*without_override(pyve, *words))
            assert result.returncode == 1
            assert "E_FILE_WRITE" in result.stderr
            assert "why: " in result.stderr
    finally:
        pyve.project.chmod(0o755)
    assert snapshot(pyve.project) == before


def test_purge_in_a_folder_that_cannot_be_written_removes_nothing(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    pyve.project.chmod(0o555)
    try:
        result = pyve.execute(*without_override(pyve, "purge"))
    finally:
        pyve.project.chmod(0o755)
    assert result.returncode == 1
    assert "E_FILE_WRITE" in result.stderr
    assert "✓" not in result.stdout
    assert snapshot(pyve.project) == before


def test_a_folder_for_templates_that_cannot_be_written_is_named(pyve: Pyve) -> None:
    blocked = pyve.root / "blocked"
    blocked.write_text("")
    stderr = pyve.fails("init", PYVE_TEMPLATES=str(blocked / "x"), code="E_DATA_WRITE")
    assert str(blocked) in stderr
    assert f"fix: mv {blocked} {blocked}.old" in stderr
    assert "PYVE_TEMPLATES" in stderr
    assert not pyve.venv.exists()


def test_a_cache_that_cannot_be_written_is_no_obstacle(pyve: Pyve) -> None:
    blocked = pyve.root / "blocked"
    blocked.write_text("")
    pyve.env["XDG_CACHE_HOME"] = str(blocked / "cache")
    pyve.init()
    assert pyve.prefix() == str(pyve.venv)


def test_the_files_of_the_template_cannot_be_changed_through_an_environment(pyve: Pyve) -> None:
    pyve.init()
    for path in pyve.site_packages.rglob("*.py"):
        if os.stat(path).st_nlink > 1:
            assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_umask_of_the_user_decides_but_not_for_env(pyve: Pyve, mask: int) -> None:
    script = f'umask {mask:03o}; exec "$@"'
    pyve.execute("sh", "-c", script, "sh", *pyve.command("init"))
    assert (pyve.project / ".env").stat().st_mode & 0o777 == 0o600
    # (What everybody could write would be for everybody to change.)
    for name in (".gitignore", ".envrc", ".pyve/config"):
        assert (pyve.project / name).stat().st_mode & 0o777 == 0o664 & ~mask, name


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8"])
def test_the_locale_makes_no_difference(make_pyve: MakePyve, locale: str) -> None:
    pyve = make_pyve("Ünï $x")
    pyve.env.update(LC_ALL=locale, LANG=locale)
    pyve.init()
    assert pyve("doctor").returncode == 0
    assert pyve.json("doctor")["exit_code"] == 0
    assert pyve.json("config")["detail"]["config_file"] == str(pyve.project / ".pyve/config")
    pyve.ok("purge")


def test_it_works_without_a_home_and_without_a_terminal(pyve: Pyve) -> None:
    del pyve.env["HOME"]
    pyve.env.pop("TERM", None)
    pyve.init()
    assert pyve.prefix() == str(pyve.venv)
    pyve.ok("purge")


def test_hostile_variables_of_the_shell_do_not_disturb_it(pyve: Pyve) -> None:
    trap = pyve.root / "trap.sh"
    trap.write_text("ls() { echo trapped; }; export -f ls\n")
    pyve.env.update(
        CDPATH="/:/usr",
        GREP_OPTIONS="--color=always",
        IFS=":",
        POSIXLY_CORRECT="1",
        PYTHONPATH="/no/such/place",
        PYTHONHOME="/no/such/home",
        PYTHONSTARTUP="/no/such/file",
        PIP_USER="1",
        PIP_TARGET="/no/such/target",
        VIRTUAL_ENV="/no/such/env",
        CONDA_PREFIX="/no/such/conda",
        LS_COLORS="x",
        REPLY="x",
        venv="x",
        mode="force",
        opt_force="1",
    )
    pyve.init()
    assert pyve.prefix() == str(pyve.venv)
    # (VIRTUAL_ENV of another project is what it has to find.)
    found = pyve.json("doctor")["diagnostics"]
    assert [diagnostic["code"] for diagnostic in found] == ["W_VIRTUALENV_FOREIGN"], found


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: only for Linux")
@pytest.mark.linux
def test_pyve_leaves_no_process_and_no_temporary_file(pyve: Pyve) -> None:
    temporary = pyve.root / "tmp"
    temporary.mkdir()
    pyve.env["TMPDIR"] = str(temporary)
    pyve.init()
    pyve("doctor")
    pyve.init("--force", "--yes")
    pyve.ok("purge")
    assert list(temporary.iterdir()) == []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            content = entry.read_bytes()
        except OSError:
            continue
        assert f"HOME={pyve.home}".encode() not in content.split(b"\0"), entry
