"""Secrets stay where they are: no command shows one or writes one into a file of Pyve's."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from canaries import CHANNEL, REQUIREMENT, URL_LOGIN, find, find_in_files, plant
from conda_channel import CondaChannel
from conda_project import CondaUser
from json_documents import execute, place
from locked_project import lock_nothing, write_locked
from pyve_test_helpers import Pyve

sys.path.append(str(Path(__file__).parent))
from test_json import CASES, ROOMS, Case, describe, fill

# What the user reads: once for people with all that there is to be told, once for programs.
FORMS = (("--verbose COMMAND", "debug"), ("--format=jsonl COMMAND", ""))
# Further lines, where a secret is in the words themselves or in what the command reads.
LEAKS = [
    Case("init --no-direnv --deps", 1, project="requirements"),
    Case("init --no-direnv --deps", 1, project="requirement options"),
    Case("init --no-direnv", 1, project="dotenv"),
    Case("doctor", 1, project="dotenv"),
    Case("validate", 1, project="dotenv"),
    Case("hook bash --export", project="dotenv"),
    Case("init", 1, project="channel"),
    Case("init --engine rattler", 1, project="channel"),
    Case("lock", 1, project="channel"),
    Case("status", project="channel"),
    Case("doctor", 1, project="channel"),
    Case("init --backend micromamba", 1, project="channel of two words"),
    Case("lock", 1, project="channel of two words"),
    Case("config", project="config"),
    Case("doctor", 1, project="config"),
    Case("status", project="config"),
    Case("init --update", 1, project="config"),
    Case(f"init https://{URL_LOGIN}@example.org", 1, project="empty"),
    Case(f"init --python-version https://{URL_LOGIN}@example.org", 1, project="empty"),
    Case(f"init --engine https://{URL_LOGIN}@example.org", 1, project="channel"),
    Case(f"https://{URL_LOGIN}@example.org", 1, project="empty"),
    Case(f"-C https://{URL_LOGIN}@example.org status", 1, project="empty"),
    Case(f"doctor --only https://{URL_LOGIN}@example.org", 1),
    Case(f"run https://{URL_LOGIN}@example.org", 127),
    Case(f"self install https://{URL_LOGIN}@example.org", 1),
    Case(f"why https://{URL_LOGIN}@example.org", 1, project="locked"),
    Case(f"lock diff https://{URL_LOGIN}@example.org", 1, project="locked"),
    Case(f"export --group https://{URL_LOGIN}@example.org", 1, project="locked"),
    Case("tree", project="lock with logins"),
    Case("why vessel", project="lock with logins"),
    Case("lock diff empty.toml --markdown", project="lock with logins"),
    Case("export --no-hashes --output made.txt", project="lock with logins"),
    Case("export --format environment --output made.yml", project="lock with logins"),
    Case("export --format cyclonedx --output made.json", project="lock with logins"),
]
# Their own words are for programs, which need them as they are.
OWN_ANSWER = {"hook bash --export"}


@pytest.fixture
def find_user(
    request: pytest.FixtureRequest, tmp_path: Path, template_cache: Path
) -> Iterator[Callable[[str], tuple[Pyve, set[Path]]]]:
    """Gives a user with secrets everywhere, and the project that a case asks for."""

    def find_project(kind: str) -> tuple[Pyve, set[Path]]:
        folder = tmp_path / kind.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if kind == "conda":
            channel: CondaChannel = request.getfixturevalue("conda_channel")
            conda = CondaUser(folder, template_cache, channel)
            conda.manifest("libwater")
            return conda, plant(conda)
        user = Pyve(folder, template_cache)
        if kind in ("ready", "own", "dotenv"):
            fill(user)
        planted = plant(user)
        planted |= add_leak(user, kind)
        return user, planted

    yield find_project
    shutil.rmtree(tmp_path, ignore_errors=True)


def add_leak(user: Pyve, kind: str) -> set[Path]:
    """Put a secret into what the project of that kind is made from; give the files."""
    if kind == "locked":
        write_locked(user.project)
    if kind == "lock with logins":
        write_locked(user.project, ())
        lock = user.project / "pylock.toml"
        lock.rename(user.project / "empty.toml")
        write_locked(user.project)
        url = f"https://{URL_LOGIN}@files.example.org"
        text = lock.read_text().replace("https://files.example.org", url)
        text += f'\n[[packages]]\nname = "vessel"\nversion = "1"\nindex = "{url}/simple"\n'
        text += f'vcs = {{ type = "git", url = "{url}/vessel.git", commit-id = "{"a" * 40}" }}\n'
        lock.write_text(text)
        return {lock}
    if kind == "idle":
        lock_nothing(user)
    if kind == "requirements":
        return {user.write("requirements.txt", f"{REQUIREMENT}\n")}
    if kind == "requirement options":
        text = f"--index-url http://{URL_LOGIN}@127.0.0.1:1/simple\nh11 ==99.9\n"
        return {user.write("requirements.txt", text)}
    if kind == "dotenv":
        text = "A=canary-a\nB canary without a sign\nC=canary blanks\nD='canary\n"
        return {user.write(".env", text)}
    if kind.startswith("channel"):
        channel = CHANNEL if kind == "channel" else f"{CHANNEL} canary-too"
        text = f"name: demo\nchannels:\n  - {channel}\ndependencies:\n  - libwater\n"
        return {user.write("environment.yml", text)}
    if kind == "config":
        text = (
            f'pyve_version: "2.0.0"\nbackend: https://{URL_LOGIN}@example.org\n'
            f"nonsense: https://{URL_LOGIN}@example.org\nvenv:\n"
            f"  directory: https://{URL_LOGIN}@example.org\n"
        )
        return {user.write(".pyve/config", text)}
    return set()


def run_all_forms(case: Case, user: Pyve) -> None:
    """Run a command line in each form, and look for secrets in what it prints."""
    for form, log in FORMS:
        words = [word.replace("\t", " ") for word in place(form, case.line.split(" "))]
        result = execute(user, words, **case.env, PYVE_LOG=log)
        where = f"{form} {case.line}: {result.returncode}\n{result.stdout!r}\n{result.stderr!r}"
        assert find(result.stderr) == [], where
        if case.line not in OWN_ANSWER:
            assert find(result.stdout) == [], where
        assert b"[E_INTERNAL]" not in result.stderr, where


@pytest.mark.parametrize("case", [*CASES, *LEAKS], ids=describe)
def test_no_command_shows_a_secret(
    case: Case, find_user: Callable[[str], tuple[Pyve, set[Path]]]
) -> None:
    user, planted = find_user(case.project)
    run_all_forms(case, user)
    locks = set(user.project.glob("conda-lock.yml"))
    assert find_in_files([user.home, user.project], planted | locks) == []


def test_every_command_is_among_the_cases() -> None:
    assert {case.room for case in CASES} >= set(ROOMS) - {"version"}
