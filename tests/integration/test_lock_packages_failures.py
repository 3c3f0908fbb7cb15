"""pyve lock in projects of the venv backend: what it refuses, what fails, what is left then."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from code_cases import bring, brings, corrects
from distributions import make_wheel
from local_index import LocalIndex
from lock_user import WHEELS, ask, configure, connect, drop_uv, own, shared, text, user, versions
from pyve_test_helpers import TREE, Pyve, snapshot

__all__ = ["own", "shared", "user"]


@brings("E_LOCK_COOLDOWN")
def test_a_date_is_written_in_another_way(user: Pyve) -> None:
    for when in ("soon", "1.2.2026", "2026-02-30", "-7", "7 moons"):
        if not when.startswith("-"):
            failure = bring(user, "E_LOCK_COOLDOWN", "lock", "--exclude-newer", when)
            failure.says(f"'{when}'")
    configure(user, "  cooldown: soon")
    failure = bring(user, "E_LOCK_COOLDOWN", "lock")
    assert failure.fixes[0].text == "pyve lock --exclude-newer 7d"
    failure.apply()
    configure(user, "  cooldown: 7d")
    failure.check_gone()


@brings("E_PLATFORM")
def test_a_platform_that_does_not_exist(user: Pyve) -> None:
    failure = bring(user, "E_PLATFORM", "lock", "--platform", "linux")
    failure.says("'linux'", "osx-arm64").apply()
    failure.count_as_gone()


@brings("W_RESOLVE")
def test_a_damaged_lock_is_made_anew_and_a_warning_is_passed_on(user: Pyve) -> None:
    user.ok("lock")
    whole = text(user)
    user.write("pylock.toml", whole[: len(whole) // 2])
    failure = bring(user, "W_RESOLVE", "lock")
    failure.by_hand("no version of the old lock could be kept", "pylock.toml:")
    assert text(user) == whole
    failure.check_gone()
    ask(user, "pulled==1.0")
    assert "it eats files" in user("lock").stderr


@brings("E_RESOLVE_CONFLICT")
def test_a_failure_leaves_everything_as_it_was(user: Pyve) -> None:
    user.ok("lock")
    ask(user, "beta", "gamma")
    before = snapshot(user.project)
    failure = bring(user, "E_RESOLVE_CONFLICT", "lock")
    failure.says("alpha")
    assert snapshot(user.project) == before
    ask(user, "beta")
    failure.check_gone()


def test_the_same_bytes_on_another_machine_and_day(
    make_pyve: Callable[[str], Pyve], shared: LocalIndex, tmp_path: Path, template_cache: Path
) -> None:
    locks = []
    settings = (
        {"TZ": "UTC", "LC_ALL": "C"},
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "COLUMNS": "20", "FORCE_COLOR": "1"},
    )
    for number, env in enumerate(settings):
        root = tmp_path / f"machine {number}"
        root.mkdir()
        one = connect(Pyve(root, template_cache, f"project {number}"), shared)
        one.before = ("sh", "-c", f'umask 0{number * 7}{number * 7}; exec "$@"', "sh")
        files = [("requirements.in", "-r more.in\nbeta\n-e ./lib\n"), ("more.in", "ring\ndated\n")]
        project = '[project]\nname = "near"\nversion = "1"\ndependencies = ["alpha"]\n'
        files.append(("lib/pyproject.toml", project))
        for name, content in files if number else reversed(files):
            one.write(name, content)
        configure(one, "  platforms: [linux-64, osx-arm64]" if number else "  platforms:", "")
        if not number:
            configure(one, "  platforms:", "    - osx-arm64", "    - linux-64")
        one.ok("lock", "--exclude-newer", "7d", **env)
        locks.append((one.project / "pylock.toml").read_bytes())
        assert str(tmp_path).encode() not in locks[-1]
        one.ok("lock", "--upgrade", **env)
        one.ok("lock", "--exclude-newer", "7d", **env)
        locks.append((one.project / "pylock.toml").read_bytes())
    assert locks[0] == locks[1] == locks[2] == locks[3]


@brings("E_INDEX_AUTH")
def test_passwords_are_used_and_not_written(user: Pyve) -> None:
    with LocalIndex(*WHEELS, user="ann", password="s3cret-w0rd") as index:
        connect(user, index)
        user.env["UV_DEFAULT_INDEX"] = index.url
        failure = bring(user, "E_INDEX_AUTH", "lock")
        assert "s3cret" not in failure.stderr
        user.env["UV_DEFAULT_INDEX"] = index.url_with_password
        failure.check_gone()
        assert "s3cret" not in text(user)
        # A further index, asked first, for this time.
        ask(user, "only-there")
        only = make_wheel("only-there", "1.0")
        with LocalIndex(only, user="bob", password="0ther-w0rd") as more:
            result = user("lock", "--index", more.url_with_password, PYVE_LOG="debug")
            assert result.returncode == 0, result.stderr
            assert "0ther-w0rd" not in result.stdout + result.stderr + text(user)
            assert versions(user) == {"only-there": "1.0"}
    assert not any("w0rd" in path.read_text() for path in user.project.rglob("*") if path.is_file())


def test_what_a_killed_lock_leaves_is_cleared(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    fault = own.add_fault("beta", hold=True)
    child = subprocess.Popen(
        user.command("lock"),
        cwd=user.project,
        env=user.env,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert fault.reached.wait(60)
        (folder,) = (user.project / ".pyve" / "tmp").glob("solve.*")
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        fault.go_on.set()
    own.clear_faults()
    user.ok("lock")
    assert not (user.project / ".pyve" / "tmp").exists()
    assert versions(user)["beta"] == "1.0"


def test_options_of_the_other_backend_are_refused(user: Pyve) -> None:
    corrects(user, "E_ENGINE_UNKNOWN", "lock", "--engine", "mamba", fix="pyve lock --engine auto")
    corrects(user, "E_USAGE_CONFLICT", "lock", "--check", "--upgrade", fix="pyve lock --check")
    assert "pyve lock" in user.fails("lock", "beta", code="E_USAGE_ARGUMENT")


@brings("E_MANIFEST_MISSING")
def test_nothing_says_what_is_needed(user: Pyve) -> None:
    (user.project / "requirements.in").unlink()
    failure = bring(user, "E_MANIFEST_MISSING", "lock")
    failure.by_hand("requirements.in")
    ask(user, "ring")
    failure.check_gone()


@brings("E_MANIFEST")
def test_a_mistake_is_named_with_file_and_line(user: Pyve) -> None:
    ask(user, "ring", "beta >> 1")
    failure = bring(user, "E_MANIFEST", "lock")
    failure.by_hand("requirements.in", "line 2")
    ask(user, "ring")
    failure.check_gone()


@brings("E_INDEX_OFFLINE")
def test_offline_takes_what_is_in_the_cache(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    cache = str(user.home / "cache")
    user.env.pop("UV_NO_CACHE", None)
    user.env["UV_CACHE_DIR"] = cache
    failure = bring(user, "E_INDEX_OFFLINE", "lock", "--offline")
    assert failure.fixes[0].text == "pyve lock"
    failure.apply()
    asked = len(own.requests)
    (user.project / "pylock.toml").unlink()
    failure.check_gone()
    assert len(own.requests) == asked


@brings("E_INDEX")
def test_an_index_that_does_not_work(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    own.add_fault("beta", status=500)
    failure = bring(user, "E_INDEX", "lock")
    failure.by_hand(own.host)
    own.clear_faults()
    failure.check_gone()


@brings("E_RESOLVE_ENGINE")
def test_without_uv_nothing_is_solved(user: Pyve) -> None:
    program = user.bin / "uv"
    drop_uv(user)
    user.add_program("uv", "exit 7")
    failure = bring(user, "E_RESOLVE_ENGINE", "lock")
    assert not (user.project / "pylock.toml").exists()
    program.unlink()
    program.symlink_to(TREE / ".dev" / "bin" / "uv")
    failure.check_gone()


@brings("E_RESOLVE_PYTHON")
def test_no_python_here_is_what_is_locked_for(user: Pyve) -> None:
    configure(user, '  python: ">=3.99"')
    failure = bring(user, "E_RESOLVE_PYTHON", "lock")
    failure.says(">=3.99", "found: ", "can install no stable Python that fits", "lower the limit")
    versions = "#!/bin/sh\nprintf '  3.99.1\\n  3.99.2\\n'\n"
    manager = user.add_program("pyenv", versions)
    assert "fix: pyve python install 3.99.2\n" in user.fails("lock", code="E_RESOLVE_PYTHON")
    manager.unlink()
    configure(user, '  python: ">=3.9"')
    failure.check_gone()


@brings("E_RESOLVE_MISSING", "E_RESOLVE_BUILD")
@pytest.mark.parametrize(
    ("code", "requirement"),
    [
        ("E_RESOLVE_MISSING", "no-such-distribution"),
        ("E_RESOLVE_BUILD", "broken"),
    ],
)
def test_what_cannot_be_had(user: Pyve, code: str, requirement: str) -> None:
    ask(user, "beta", requirement)
    failure = bring(user, code, "lock")
    failure.says(requirement)
    assert not (user.project / "pylock.toml").exists()
    ask(user, "beta")
    failure.check_gone()


def test_no_file_is_left(user: Pyve) -> None:
    user.ok("lock")
    ask(user, "no-such-distribution")
    user("lock")
    assert sorted(path.name for path in user.project.iterdir()) == [
        ".pyve",
        "pylock.toml",
        "requirements.in",
    ]
    assert [path.name for path in (user.project / ".pyve").iterdir()] == ["config"]
