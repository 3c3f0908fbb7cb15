"""pyve python: what is here, what can be installed, and giving a project another interpreter."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from distributions import make_wheel
from json_documents import check
from python_archives import use_archives
from pyve_test_helpers import Pyve, other_python, python_version, real_python, series, snapshot
from sync_user import ask, installed

pytestmark = pytest.mark.venv

DISTRIBUTIONS = [make_wheel("alpha", "1.0"), make_wheel("beta", "2.0")]

# A definition of python-build: what `pyenv install` sources in place of a build.
DEFINITION = """mkdir -p "$PREFIX_PATH/bin"
ln -s "{python}" "$PREFIX_PATH/bin/python3"
"""


def pythons() -> tuple[str, str]:
    """Return two interpreters of this machine, the older one first."""

    def key(python: str) -> list[int]:
        return [int(part) for part in python_version(python).split(".")]

    older, newer = sorted((real_python(), other_python()), key=key)
    return older, newer


def environment_version(pyve: Pyve) -> str:
    """Return the version of Python of the project's environment."""
    return python_version(pyve.venv / "bin/python")


def answer(pyve: Pyve, *words: str) -> dict[str, Any]:
    """Return what a command says with --json, which is as the schema has it."""
    document = pyve.json("python", *words)
    check(document)
    detail: dict[str, Any] = document["detail"]
    return detail


# An interpreter of 3.14 without a lock, as far as Pyve asks it.
FREE_THREADED = """#!/bin/sh
printf '%s\\n' executable="$0" version=3.14.1 'build=3.14.1 free-threading build (main)' \\
  implementation=cpython id=cpython-3.14.1-0 stdlib=/nowhere/os.py complete=1
"""


# --- what is here


def test_one_table_has_what_all_managers_and_the_system_have(pyve: Pyve) -> None:
    here, other = real_python(), other_python()
    places = {manager: pyve.add_managed_python(manager, other) for manager in ("asdf", "mise")}
    pyve.add_managed_python("pyenv", "/no/such/python", "3.98.1")
    pyve.add_managed_python("uv", here, "3.97.2")
    old = pyve.root / "old python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    pyve.add_managed_python("pyenv", old, "3.6.1")
    pyve.write(".python-version", "3.95\n")
    before = snapshot(pyve.root)
    result = pyve("python", "list")
    assert result.stderr.startswith("INFO: Python 3.95, from .python-version, is not here")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["VERSION", "MANAGER", "PATH"]
    rows = [line.split(maxsplit=3) for line in lines[1:]]
    # (The same file is one interpreter, whoever leads to it.)
    assert [row[0] for row in rows] == ["3.98.1", "3.97.2", python_version(other), "3.6.1"]
    assert rows[0][1] == "pyenv" and "broken: it is a link to a file that is gone" in lines[1]
    assert rows[2][1] == "asdf" and str(places["asdf"]) in lines[3]
    # Of one manager: also what another one leads to.
    lines = pyve.ok("python", "list", "--manager", "mise").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[python_version(other), "mise"]]
    for word in ("three", "$(touch pwned)"):
        pyve.fails("python", "list", word, code="E_PYTHON_VERSION_INVALID")
    for pin, state in (("3.98.1", "does not work"), ("3.6", "is too old for Pyve")):
        (pyve.project / ".python-version").write_text(f"{pin}\n")
        assert f"from .python-version, {state}" in pyve("python", "list").stderr
    shutil.rmtree(places["asdf"])
    shutil.rmtree(pyve.home / ".local/share/uv")
    (pyve.project / ".python-version").unlink()
    free = pyve.root / "free"
    free.write_text(FREE_THREADED)
    free.chmod(0o755)
    place = pyve.add_managed_python("pyenv", free, "3.14.1t")
    assert pyve.ok("python", "list", "3.14", "--manager", "pyenv").endswith(" free-threaded\n")
    shutil.rmtree(place)
    free.unlink()
    (row,) = answer(pyve, "list", series(python_version(other)))["interpreters"]
    assert (row["manager"], row["status"]) == ("mise", "usable")
    table = pyve.ok("python", "list")
    assert "too old for Pyve" in table and "this project's choice" in table
    (pyve.project / ".python-version").write_text("3.95\n")
    shutil.rmtree(pyve.home / ".pyenv")
    shutil.rmtree(pyve.home / ".local")
    shutil.rmtree(pyve.home / ".asdf")
    after = snapshot(pyve.root)
    assert {name for name in after if name not in before} == set(), "a reader has written"


def test_which_names_the_interpreter_of_the_project_or_the_one_it_would_get(pyve: Pyve) -> None:
    older, newer = pythons()
    pyve.remove_pythons()
    pyve.add_python(older)
    pyve.add_python(newer)
    version = python_version(older)
    assert pyve.ok("python", "which") == f"{newer}\n"
    pyve.write("pyproject.toml", '[project]\nrequires-python = "<3.5"\n')
    # A question about a version is none about the project.
    result = pyve("python", "which", series(version))
    assert (result.stdout, result.stderr) == (f"{older}\n", "")
    (pyve.project / "pyproject.toml").unlink()
    pyve.init("--python-version", version)
    assert pyve.ok("python", "which") == f"{older}\n"
    detail = answer(pyve, "which")
    assert (detail["version"], detail["source"]) == (version, "the environment of this project")
    before = snapshot(pyve.project)
    stderr = pyve.fails("python", "which", "3.91", code="E_PYTHON_MISSING")
    assert f"fix: pyve python which {series(python_version(newer))}" in stderr
    assert "from pyve python which, is not" in stderr
    assert snapshot(pyve.project) == before


# --- installing


def test_uv_installs_from_a_mirror_what_has_the_right_digest(pyve: Pyve) -> None:
    archives = use_archives(pyve)
    other = other_python()
    version = python_version(other)
    key = archives.add(other)
    # What the project says about downloads is not looked at.
    pyve.write("uv.toml", "this is no TOML [\n")
    assert answer(pyve, "list", "--available")["available"][0]["version"] == version
    listed = pyve.ok("python", "list", "--available")
    assert listed.split()[2:] == [version, "uv"]
    mirror = ["--mirror", archives.mirror]
    detail = answer(pyve, "install", series(version), *mirror)
    assert detail["installed"][0]["new"] is True
    place = pyve.home / ".local/share/uv/python" / key
    assert (place / "bin/python3").exists()
    assert not (pyve.home / ".local/bin").exists()
    assert not list((pyve.root / "tmp").iterdir()), "a temporary file has stayed"
    assert "already" in pyve.ok("python", "install", version)
    assert "installed" in pyve.ok("python", "list", "--available", version)
    # What cannot be listed is said once.
    missing = {"UV_PYTHON_DOWNLOADS_JSON_URL": "/no/list"}
    stderr = pyve.fails("python", "list", "--available", code="E_PYTHON_OFFLINE", **missing)
    fix = "fix: env -u UV_PYTHON_DOWNLOADS_JSON_URL pyve python list --available"
    assert fix in stderr and stderr.count("ERROR: ") == 1, stderr
    settings = pyve.home / ".config/uv/uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("this is no TOML [\n")
    stderr = pyve.fails("python", "list", "--available", code="E_PYTHON_INSTALL")
    assert f"Failed to parse: {settings}" in stderr and "messages are above" in stderr
    stderr = pyve.fails("python", "install", "3.97", *mirror, code="E_PYTHON_INSTALL")
    assert f"fix: env UV_NO_CONFIG=1 pyve python install 3.97 --mirror {archives.mirror}" in stderr
    settings.unlink()
    # One that does not work any more is made anew.
    (place / "bin/python3").unlink()
    (place / "bin/python3").symlink_to("/no/such/python")
    pyve.env["UV_PYTHON_INSTALL_MIRROR"] = archives.mirror
    pyve.ok("python", "install", version, "--offline")
    assert python_version(place / "bin/python3") == version
    del pyve.env["UV_PYTHON_INSTALL_MIRROR"]
    # Without a version: what the project asks for; from where the config says.
    # (The end of input is no yes.)
    assert answer(pyve, "remove", version)["removed"] is False
    assert place.exists()
    assert answer(pyve, "remove", version, "--yes")["removed"] is True
    assert not place.exists()
    pyve.write("pyproject.toml", f'[project]\nrequires-python = "=={series(version)}.*"\n')
    pyve.write(".pyve/config", f"python:\n  mirror: {archives.mirror}\n")
    pyve.ok("python", "install")
    assert place.exists()


def test_the_own_uv_of_pyve_installs_where_there_is_no_manager(pyve: Pyve) -> None:
    archives = use_archives(pyve)
    archives.add(other_python())
    uv = (pyve.bin / "uv").resolve()
    (pyve.bin / "uv").unlink()
    # A toolchain with uv in it, as `make_toolchain` makes one; the tests' own has none.
    toolchain = pyve.root / "toolchain"
    for folder in Path(pyve.env["PYVE_TOOLCHAIN"]).iterdir():
        # (Links will do: nothing in it is started but uv.)
        (toolchain / folder.name / "bin").mkdir(parents=True)
        for entry in [*folder.iterdir(), *(folder / "bin").iterdir()]:
            if entry.name not in {"bin", "uv"}:
                (toolchain / folder.name / entry.relative_to(folder)).symlink_to(entry)
        (toolchain / folder.name / "bin/uv").symlink_to(uv)
    pyve.env["PYVE_TOOLCHAIN"] = str(toolchain)
    version = python_version(other_python())
    pyve.ok("python", "install", version, "--mirror", archives.mirror)
    rows = [line.split() for line in pyve.ok("python", "list").splitlines()]
    assert [version, "uv"] in [row[:2] for row in rows]
    # Nobody fetches one without being asked, where there is no manager.
    pyve.ok("python", "remove", version, "--yes")
    stderr = pyve.fails("init", "--python-version", series(version), code="E_PYTHON_MISSING")
    assert f"fix: pyve python install {series(version)}" in stderr
    # To use it is to ask for it.
    pyve.ok("python", "use", version, UV_PYTHON_INSTALL_MIRROR=archives.mirror)
    assert (pyve.project / ".python-version").read_text() == f"{version}\n"


def test_a_real_pyenv_installs_and_removes(pyve: Pyve) -> None:
    pyenv = Path.home() / ".pyenv"
    if not (pyenv / "bin/pyenv").exists():
        pytest.skip("NOT TESTED: this machine has no pyenv")
    other = other_python()
    version = python_version(other)
    definitions = pyve.root / "definitions"
    definitions.mkdir()
    (definitions / version).write_text(DEFINITION.format(python=other))
    # (pyenv is not made for blanks in PATH.)
    program = pyve.root / "pyenv/bin/pyenv"
    program.parent.mkdir(parents=True)
    program.symlink_to(pyenv / "bin/pyenv")
    pyve.env.update(PYENV_ROOT=str(pyve.root / "pyenv"), PATH=f"{program.parent}:/usr/bin:/bin")
    pyve.env["PYTHON_BUILD_DEFINITIONS"] = str(definitions)
    pyve.ok("python", "install", version)
    place = pyve.root / "pyenv/versions" / version
    assert f"{version}" in pyve.ok("python", "list") and place.exists()
    pyve.ok("python", "use", series(version))
    assert (pyve.project / ".python-version").read_text() == f"{version}\n"
    # pyenv itself understands the pin.
    told = pyve.execute("pyenv", "version-name", cwd=pyve.project)
    assert told.stdout == f"{version}\n", told.stderr
    pyve.ok("python", "remove", version, "--yes")
    assert not place.exists()


# --- another interpreter for a project


def test_use_changes_pin_lock_and_environment_as_one(user: Pyve) -> None:
    pyve = user
    older, newer = pythons()
    pyve.remove_pythons()
    pyve.add_managed_python("pyenv", newer)
    pyve.add_managed_python("pyenv", older)
    pyve.write(
        "pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = ["alpha"]\n'
    )
    pyve.init("--yes")
    pyve.ok("sync")
    new, old = python_version(newer), python_version(older)
    assert environment_version(pyve) == new
    lock = (pyve.project / "pylock.toml").read_text()
    assert f'requires-python = ">={series(new)}"' in lock
    before = snapshot(pyve.project)
    # Not with --frozen, nor in CI, and not when it cannot be solved.
    pyve.fails("python", "use", series(old), "--frozen", code="E_LOCK_STALE")
    assert "CI is set" in pyve.fails("python", "use", old, code="E_LOCK_STALE", CI="1")
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_CACHE_DIR": str(pyve.root / "none")}
    pyve.fails("python", "use", old, **nowhere)
    assert snapshot(pyve.project) == before
    detail = answer(pyve, "use", series(old))
    assert (detail["version"], detail["locked"], detail["made"]) == (old, True, True)
    assert environment_version(pyve) == old
    assert installed(pyve) == ["alpha 1.0"]
    assert (pyve.project / ".python-version").read_text() == f"{old}\n"
    assert pyve.json("status")["detail"]["state"] == "consistent"
    assert f'requires-python = ">={series(old)}"' in (pyve.project / "pylock.toml").read_text()
    # The lock is for the newer one, too; and what was chosen stays so.
    pyve.ok("python", "use", new)
    assert environment_version(pyve) == new
    assert "already" in pyve.ok("python", "use", series(new))
    assert pyve.json("status")["detail"]["state"] == "consistent"
    # Where there is none, it is made.
    shutil.rmtree(pyve.venv)
    pyve.ok("python", "use", new)
    assert installed(pyve) == ["alpha 1.0"]
    # Beside the version file, other files of the same kind agree.
    pyve.write(".tool-versions", f"nodejs 20.1.0\npython {new}\n")
    pyve.ok("python", "use", old, "--no-sync")
    assert environment_version(pyve) == new
    assert (pyve.project / ".tool-versions").read_text() == f"nodejs 20.1.0\npython {old}\n"
    assert pyve.json("status")["detail"]["state"] != "consistent"


def test_use_that_is_killed_leaves_what_was_there(user: Pyve) -> None:
    pyve = user
    older, newer = pythons()
    pyve.remove_pythons()
    pyve.add_managed_python("pyenv", newer)
    pyve.add_managed_python("pyenv", older)
    ask(pyve, "alpha")
    pyve.init("--yes")
    pyve.ok("sync")
    before = snapshot(pyve.project, skip=(".pyve/tmp", ".pyve/lock"))
    # The last step is the exchange of the environments: killed before it, and after it.
    real = pyve.tree / "helpers/exchange.py"
    for moment in ("before", "after"):
        tree = pyve.root / f"tree {moment}"
        tree.mkdir()
        for name in ("lib", "helpers"):
            shutil.copytree(pyve.tree / name, tree / name, copy_function=os.symlink)
        shutil.copy(pyve.tree / "pyve.sh", tree)
        (tree / "helpers/exchange.py").unlink()
        text = "import os, runpy, signal, sys\n"
        kill = "os.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)\n"
        if moment == "before":
            text += kill
        else:
            text += f"try: runpy.run_path({str(real)!r}, run_name='__main__')\n"
            text += f"except SystemExit: pass\n{kill}"
        (tree / "helpers/exchange.py").write_text(text)
        result = subprocess.run(
            [str(tree / "pyve.sh"), "python", "use", python_version(older)],
            cwd=pyve.project,
            env=pyve.env,
            capture_output=True,
            check=False,
        )
        assert result.returncode == -signal.SIGKILL, result
        pyve.ok("sync")
        assert environment_version(pyve) == python_version(newer)
        after = snapshot(pyve.project, skip=(".pyve/tmp", ".pyve/lock"))
        assert {k: v for k, v in after.items() if k[0] == "." and "/" not in k} == {
            k: v for k, v in before.items() if k[0] == "." and "/" not in k
        }
        assert installed(pyve) == ["alpha 1.0"]
    pyve.ok("python", "use", python_version(older))
    assert environment_version(pyve) == python_version(older)


def test_pin_writes_the_pin_only(pyve: Pyve) -> None:
    version = python_version()
    assert "(default)" in pyve.ok("python", "pin")
    pyve.init()
    before = snapshot(pyve.venv)
    assert answer(pyve, "pin", series(version))["files"] == [".python-version"]
    assert (pyve.project / ".python-version").read_text() == f"{version}\n"
    assert pyve.ok("python", "pin") == f"{series(version)} (.pyve/config)\n"
    # One that is not here may be pinned, for others who have it.
    stdout = pyve.ok("python", "pin", "3.91")
    assert "not here" in stdout and "python use" in stdout
    assert (pyve.project / ".python-version").read_text() == "3.91\n"
    assert snapshot(pyve.venv) == before
    stderr = pyve.fails("python", "pin", "3.6", code="E_PYTHON_TOO_OLD")
    assert "pyve python pin asks for it" in stderr and "fix: pyve python pin 3." in stderr
    assert (pyve.project / ".python-version").read_text() == "3.91\n"
    conda = pyve.root / "conda"
    (conda / ".pyve").mkdir(parents=True)
    (conda / ".pyve/config").write_text("backend: micromamba\n")
    for word in ("pin", "use"):
        stderr = pyve.fails("python", word, "3.12", code="E_USAGE_CONFLICT", cwd=conda)
        assert "fix: pyve add python=3.12" in stderr
    pyve.fails("python", "which", code="E_ENV_MISSING", cwd=conda)
    pyve.fails("python", "pin", "$(touch pwned)", code="E_PYTHON_VERSION_INVALID")
    assert not os.path.exists(pyve.project / "pwned")
