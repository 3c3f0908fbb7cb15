"""pyve status: every state, the way on from it, and that it only looks."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from code_cases import brings, mends
from conda_channel import CondaChannel
from conda_project import CondaUser
from json_documents import check
from pyve_test_helpers import Pyve, find_program, obey_modes, other_python, python_version, series


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with an empty project of the conda backend."""
    yield CondaUser(tmp_path, template_cache, conda_channel)
    shutil.rmtree(tmp_path, ignore_errors=True)


def look(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that can be seen of a tree: numbers, modes, times and digests.

    (Hard links of a template have its time of change, which other tests move.)
    """
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file() and os.access(path, os.R_OK):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path)] = (
            status.st_ino,
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            0 if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode) else status.st_ctime_ns,
            content,
        )
    return found


def ask(pyve: Pyve, **options: Any) -> dict[str, Any]:
    """Return the facts, after all ways to ask have shown the same, and that nothing was changed."""
    before = look(pyve.root)
    document = pyve.json("status", **options)
    check(document)
    detail: dict[str, Any] = document["detail"]
    bare = pyve.json(**options)
    check(bare)
    assert bare["detail"] == detail
    text = pyve.ok("status", **options)
    assert text.splitlines()[0].endswith(f": {detail['state']}")
    assert text.endswith(f"\nNext: {detail['next']}\n")
    assert pyve.ok(**options).endswith(f"\nNext: {detail['next']}\nAll commands: pyve help\n")
    words = pyve.ok("status", "--brief", **options).rstrip("\n").split(" ", 4)
    assert words[0] == detail["state"]
    assert words[1] == ("-" if detail["state"] == "uninitialized" else detail["backend"])
    assert words[2] == (detail["environment"]["python"] or "-")
    assert words[3] == detail["lock"]["state"]
    assert words[4] == detail["next"]
    result = pyve("status", "--check", "--quiet", **options)
    assert result.stdout == ""
    if detail["state"] == "consistent":
        assert (result.returncode, result.stderr, detail["why"]) == (0, "", [])
    else:
        assert result.returncode == 1
        assert "[E_NOT_CONSISTENT]" in result.stderr
        assert f"  fix: {detail['next']}\n" in result.stderr
        assert detail["why"]
        for why in detail["why"]:
            assert f"  why: {why}\n" in result.stderr
    assert look(pyve.root) == before
    return detail


def follow(pyve: Pyve, *states: str) -> None:
    """Give one next command after the other, and see these states."""
    for state in states:
        detail = ask(pyve)
        assert detail["state"] == state, detail
        if state == "consistent":
            return
        line = detail["next"]
        assert line.startswith("pyve "), line
        line = f'pyve() {{ "{pyve.command()[0]}" "$@"; }}; {line} --yes'.replace(
            "lock --yes", "lock"
        )
        result = pyve.execute("bash", "-c", line, CI="1")
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"


def test_an_empty_folder_is_not_initialized(pyve: Pyve) -> None:
    detail = ask(pyve)
    assert detail["config"]["state"] == "missing"
    assert detail["environment"]["state"] == "missing"
    assert detail["manifest"] == {"state": "missing", "files": []}
    assert detail["lock"] == {"state": "none", "basis": None, "files": []}
    pyve.write("pyproject.toml", '[tool.x]\n[project]\nname = "x"\n')
    pyve.write("requirements.in", "")
    pyve.write("pylock.dev.toml", "")
    detail = ask(pyve)
    assert detail["manifest"]["files"] == ["pyproject.toml", "requirements.in"]
    assert detail["lock"] == {"state": "unknown", "basis": None, "files": ["pylock.dev.toml"]}
    follow(pyve, "uninitialized", "consistent")


def test_a_consistent_project_in_all_its_parts(pyve: Pyve) -> None:
    pyve.write("pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    pyve.write("requirements.txt", "")
    pyve.init()
    detail = ask(pyve)
    assert detail["state"] == "consistent"
    assert detail["next"] == "pyve shell"
    # A pyproject.toml without [project] asks for nothing.
    assert detail["manifest"]["files"] == ["requirements.txt"]
    assert detail["lock"]["state"] == "none"
    assert "none (unlocked)" in pyve.ok("status")
    version = python_version()
    assert detail["environment"] == {
        "state": "works",
        "path": str(pyve.venv),
        "python": version,
        "made_at": str(pyve.venv),
        "made_from": None,
    }
    assert detail["interpreter"]["version"] == version
    assert detail["interpreter"]["wanted"] == series(version)
    assert Path(detail["interpreter"]["path"]).samefile(pyve.bin / "python3")
    assert detail["engine"] is None
    assert detail["leftovers"] == []
    assert detail["busy"] is None
    pyve.write("pylock.toml", 'lock-version = "1.0"\n')
    lock = ask(pyve)["lock"]
    assert lock == {"state": "unknown", "basis": None, "files": ["pylock.toml"]}
    # Inside of it, and from elsewhere.
    inside = ask(pyve, VIRTUAL_ENV=str(pyve.venv))
    assert inside["shell"] == {"in_environment": True, "by": "other"}
    assert inside["next"] == "python"
    (pyve.project / "sub").mkdir()
    assert ask(pyve, cwd=pyve.project / "sub")["next"] == "pyve shell"
    result = pyve("status", "--brief", "-C", pyve.project.name, cwd=pyve.root)
    assert result.stdout.endswith(f" pyve -C '{pyve.project}' shell\n")


def test_a_shell_of_pyve_is_known(pyve: Pyve) -> None:
    pyve.init()
    line = f"'{pyve.command()[0]}' --json status"
    result = pyve.execute(*pyve.command("shell", "sh"), answer=line + "\n")
    assert '"shell": {"in_environment": true, "by": "shell"}' in result.stdout


@pytest.mark.parametrize("part", ["environment", "interpreter", "place", "python.version"])
def test_what_is_wrong_with_an_environment_leads_to_consistent(pyve: Pyve, part: str) -> None:
    pyve.init()
    if part == "environment":
        shutil.rmtree(pyve.venv)
        state, condition, command = "needs-env", "missing", "init --update"
    elif part == "interpreter":
        for path in (pyve.venv / "bin").glob("python*"):
            path.unlink()
        state, condition, command = "broken", "broken", "init --force"
    elif part == "place":
        moved = pyve.project.with_name("moved project")
        pyve.project.rename(moved)
        pyve.project = moved
        state, condition, command = "broken", "moved", "init --update"
    else:
        other = other_python()
        pyve.add_python(other)
        wish = series(python_version(other))
        config = pyve.project / ".pyve/config"
        config.write_text(re.sub(r"version: \S*3\.\S*", f'version: "{wish}"', config.read_text()))
        state, condition, command = "needs-env", "outdated", "init --force"
    detail = ask(pyve)
    assert detail["state"] == state
    assert detail["environment"]["state"] == condition
    assert detail["next"] == f"pyve {command}"
    follow(pyve, state, "consistent")


@brings("E_NOT_CONSISTENT")
def test_the_fix_of_check_makes_it_consistent(pyve: Pyve) -> None:
    pyve.init()
    shutil.rmtree(pyve.venv)
    mends(pyve, "E_NOT_CONSISTENT", "status", "--check", fix="pyve init --update")


def test_a_config_that_cannot_be_used_is_broken(pyve: Pyve) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    good = config.read_text()
    config.write_text(good.replace("backend: venv", "backend: poetry"))
    detail = ask(pyve)
    assert (detail["state"], detail["next"]) == ("broken", "pyve doctor")
    assert "poetry" in detail["why"][0]
    config.write_text(good)
    pyve.before = obey_modes()
    config.chmod(0)
    try:
        detail = pyve.json("status")["detail"]
    finally:
        config.chmod(0o644)
    assert (detail["state"], detail["config"]["state"]) == ("broken", "unreadable")


def test_leftovers_are_told_and_stay(pyve: Pyve) -> None:
    pyve.init()
    state = pyve.project / ".pyve"
    (state / "tmp").mkdir()
    pyve.venv.rename(state / "tmp" / "old.venv.99999")
    (state / "lock").symlink_to("99999:1")
    (state / "config.pyve-new.1").write_text("")
    (state / "envs").mkdir()
    (state / "envs" / ".making.x").write_text("99999:1\n")
    detail = ask(pyve)
    assert sorted(detail["leftovers"]) == [
        ".pyve/config.pyve-new.1",
        ".pyve/envs/.making.x",
        ".pyve/lock",
        ".pyve/tmp",
    ]
    assert detail["busy"] is None
    assert "Leftovers" in pyve.ok("status")
    # The next command brings the environment back.
    (state / "envs" / ".making.x").unlink()
    follow(pyve, "needs-env", "consistent")
    assert ask(pyve)["leftovers"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: needs /proc")
def test_a_command_at_work_is_no_leftover(pyve: Pyve) -> None:
    pyve.init()
    started = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19]
    (pyve.project / ".pyve/lock").symlink_to(f"{os.getpid()}:{started}")
    (pyve.project / ".pyve/tmp").mkdir()
    detail = ask(pyve)
    assert detail["busy"] == os.getpid()
    assert detail["leftovers"] == []
    assert detail["state"] == "consistent"
    assert f"process {os.getpid()} is changing this project" in pyve.ok("status")


def test_direnv_in_all_its_states(pyve: Pyve) -> None:
    pyve.init()
    assert ask(pyve)["direnv"] == {"installed": False, "envrc": "none", "allowed": None}
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    assert ask(pyve)["direnv"] == {"installed": True, "envrc": "none", "allowed": None}
    pyve.ok("init", "--update")
    detail = ask(pyve)
    assert detail["direnv"] == {"installed": True, "envrc": "ours", "allowed": False}
    assert detail["next"] == "direnv allow"
    quiet = {"DIRENV_LOG_FORMAT": ""}
    assert pyve.execute("direnv", "allow", **quiet).returncode == 0
    detail = ask(pyve)
    assert detail["direnv"]["allowed"] is True
    assert detail["next"] == "pyve shell"
    loaded = pyve.execute("direnv", "exec", ".", *pyve.command("--json", "status"), **quiet)
    assert '"by": "direnv"' in loaded.stdout, loaded.stderr
    assert '"allowed": true' in loaded.stdout
    envrc = pyve.project / ".envrc"
    envrc.write_text(envrc.read_text() + "export MORE=1\n")
    assert ask(pyve)["direnv"] == {"installed": True, "envrc": "changed", "allowed": False}
    (pyve.project / ".pyve/state").unlink()
    assert ask(pyve)["direnv"]["envrc"] == "foreign"
    assert "Pyve did not write" in pyve.ok("status")


def trace(pyve: Pyve, log: Path, *words: str, **env: str) -> tuple[list[str], int, int]:
    """Return programs, forks and connections that strace sees of a command, which must succeed."""
    argv = [find_program("strace"), "-f", "-qq", "-e", "trace=process,network", "-o", str(log)]
    result = pyve.execute(*argv, *pyve.command(*words), **env)
    assert result.returncode == 0, result.stderr
    text = log.read_text()
    programs = re.findall(r'execve\("([^"]+)".* = 0$', text, re.MULTILINE)
    forks = len(re.findall(r" (?:clone3?|v?fork)\(.* = [1-9]\d*$", text, re.MULTILINE))
    return programs[1:], forks, len(re.findall(r"AF_INET", text))


def test_files_tell_it_without_python_network_or_processes(pyve: Pyve, tmp_path: Path) -> None:
    pyve.write("pyproject.toml", '[project]\nname = "x"\n')
    pyve.init()
    log = tmp_path / "trace"
    for words in (
        ["status"],
        ["status", "--brief"],
        ["status", "--check"],
        ["--json", "status"],
        [],
    ):
        assert trace(pyve, log, *words) == ([], 0, 0), words
    # With a direnv there is a digest to be made.
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    pyve.ok("init", "--update")
    programs, forks, connections = trace(pyve, log, "status")
    assert [Path(name).name for name in programs] == ["sha256sum"]
    assert (forks, connections) == (1, 0)


@pytest.mark.micromamba
def test_a_conda_project_from_nothing_to_stale_and_back(user: CondaUser, tmp_path: Path) -> None:
    user.manifest("libwater")
    detail = ask(user)
    assert (detail["state"], detail["backend"]) == ("uninitialized", "micromamba")
    follow(user, "uninitialized", "consistent")
    detail = ask(user)
    assert detail["lock"]["state"] == "none"
    assert detail["environment"]["made_from"] == {"file": "environment.yml", "state": "current"}
    assert detail["engine"]["name"] == "rattler"
    assert detail["environment"]["python"] is None
    assert detail["interpreter"]["path"] is None
    # The lock came later: the environment is not made from it.
    user.ok("lock")
    detail = ask(user)
    assert detail["lock"] == {"state": "current", "basis": "time", "files": ["conda-lock.yml"]}
    assert detail["environment"]["state"] == "outdated"
    follow(user, "needs-env", "consistent")
    detail = ask(user)
    assert detail["environment"]["made_from"] == {"file": "conda-lock.yml", "state": "current"}
    assert detail["lock"]["basis"] == "digest"
    # A git checkout gives files a new time: that says nothing.
    manifest = user.project / "environment.yml"
    lock = user.project / "conda-lock.yml"
    os.utime(lock, (1, 1))
    assert ask(user)["lock"]["basis"] == "digest"
    programs, forks, connections = trace(user, tmp_path / "trace", "status")
    assert [Path(name).name for name in programs] == ["sha256sum"]
    assert (forks, connections) == (1, 0)
    # A comment changes the file, and not what it asks for; this takes the helper.
    manifest.write_text("# of the lake\n" + manifest.read_text())
    detail = ask(user)
    assert (detail["state"], detail["lock"]["state"]) == ("consistent", "current")
    assert detail["lock"]["basis"] == "content"
    # What it asks for is not what is locked.
    manifest.write_text(manifest.read_text().replace("libwater", "libwater <1.1"))
    detail = ask(user)
    assert detail["lock"] == {"state": "stale", "basis": "content", "files": ["conda-lock.yml"]}
    assert detail["next"] == "pyve lock"
    follow(user, "needs-lock", "needs-env", "consistent")
    # Without the helper the times have to do.
    os.utime(lock, (1, 1))
    manifest.write_text(manifest.read_text() + "\n")
    detail = user.json("status", PYVE_TOOLCHAIN=str(tmp_path / "none"))["detail"]
    assert detail["lock"] == {"state": "stale", "basis": "time", "files": ["conda-lock.yml"]}
    manifest.unlink()
    assert ask(user)["lock"]["state"] == "alone"


@pytest.mark.micromamba
def test_a_conda_environment_that_is_half_made_moved_or_gone(user: CondaUser) -> None:
    user.manifest("libwater")
    user.init()
    (user.conda / ".pyve-unfinished").write_text("")
    detail = ask(user)
    assert detail["environment"]["state"] == "unfinished"
    assert detail["leftovers"] == [".pyve/envs/demo/.pyve-unfinished"]
    follow(user, "needs-env", "consistent")
    moved = user.project.with_name("moved")
    user.project.rename(moved)
    user.project = moved
    assert ask(user)["environment"]["state"] == "moved"
    follow(user, "broken", "consistent")
    shutil.rmtree(user.conda / "conda-meta")
    assert ask(user)["environment"]["state"] == "broken"
    follow(user, "broken", "consistent")
    shutil.rmtree(user.conda)
    follow(user, "needs-env", "consistent")
    text = (user.project / "environment.yml").read_text()
    (user.project / "environment.yml").write_text(text.replace("libwater", "libwater <1.1"))
    detail = ask(user)
    assert detail["environment"]["made_from"] == {"file": "environment.yml", "state": "changed"}
    follow(user, "needs-env", "consistent")
