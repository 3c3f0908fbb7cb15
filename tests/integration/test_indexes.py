"""Indexes as uv and pip know them: logins, which a package is from, slow ones, broken ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from lock_user import ask, connect, read, text, versions
from pyve_test_helpers import Pyve, snapshot
from sync_user import installed

PASSWORD = "hidden-w0rd"
PRIVATE = (make_wheel("secret", "1.0", ["alpha"]), make_wheel("alpha", "0.5"))
PUBLIC = (
    *(make_wheel("alpha", version) for version in ("1.0", "2.0", "3.0rc1")),
    make_wheel("ring", "1.0"),
    make_wheel("ring", "1.1", requires_python="<3"),
    make_wheel("ring", "2.0", requires_python=">=3.99"),
)


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalIndex]:
    """A public index that no test changes."""
    with LocalIndex(*PUBLIC) as index:
        index.add(make_wheel("pulled", "1.0"), upload_time="2024-01-01T00:00:00Z")
        index.add(make_wheel("pulled", "2.0"), yanked="it eats files")
        yield index


@pytest.fixture
def private() -> Iterator[LocalIndex]:
    """An index that asks who one is."""
    with LocalIndex(*PRIVATE, user="me", password=PASSWORD) as index:
        yield index


@pytest.fixture
def user(pyve: Pyve, shared: LocalIndex) -> Pyve:
    """A user of the public index, who asks once only."""
    connect(pyve, shared)
    pyve.env["UV_HTTP_RETRIES"] = "0"
    pyve.write(".pyve/config", "backend: venv\n")
    return pyve


def assert_hidden(user: Pyve, *said: str) -> None:
    """See that the password is in no file of the project, and in nothing that was said."""
    for text_ in said:
        assert PASSWORD not in text_
    for path in user.project.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


# --- logins

# Asks of the keyring what uv and pip ask, and notes each call.
KEYRING = """\
#!/bin/sh
printf '%s\\n' "$*" >>"$0.calls"
case "$*" in
  "get http://127.0.0.1:"*" me" | "get 127.0.0.1:"*" me") printf '%s\\n' {password} ;;
  "--mode creds get "*127.0.0.1*) printf 'me\\n%s\\n' {password} ;;
  *) exit 1 ;;
esac
"""


def log_in(user: Pyve, index: LocalIndex, how: str) -> None:
    """Let a user have a login for an index, which is the only one."""
    bare, whole = index.url, index.url_with_password
    named = bare.replace("://", "://me@")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        user.env.pop(name, None)
    if how in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        user.env[how] = whole
    elif how == "netrc":
        user.env["UV_DEFAULT_INDEX"] = bare
        path = user.home / ".netrc"
        path.write_text(f"machine 127.0.0.1\nlogin me\npassword {PASSWORD}\n")
        path.chmod(0o600)
    elif how == "UV_INDEX_OWN_PASSWORD":
        user.env.update(UV_INDEX_OWN_USERNAME="me", UV_INDEX_OWN_PASSWORD=PASSWORD)
        table = f'[[tool.uv.index]]\nname = "own"\nurl = "{bare}"\ndefault = true\n'
        user.write("pyproject.toml", table)
    else:
        user.add_program("keyring", KEYRING.format(password=PASSWORD))
        user.env.update({"UV_DEFAULT_INDEX": named, how: "subprocess"})


LOGINS = (
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "netrc", "UV_INDEX_OWN_PASSWORD"),
    *("UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER"),
)


@pytest.mark.parametrize("how", LOGINS)
def test_a_login_serves_every_command_and_is_written_nowhere(
    user: Pyve, private: LocalIndex, how: str
) -> None:
    ask(user, "secret")
    log_in(user, private, how)
    said = []
    for words in (("lock",), ("sync",), ("add", "alpha"), ("outdated",), ("upgrade",)):
        result = user(*words, PYVE_LOG="debug", UV_NO_CACHE="1")
        assert result.returncode == 0, (words, result.stderr)
        said += [result.stdout, result.stderr]
    assert versions(user) == {"alpha": "0.5", "secret": "1.0"}
    assert installed(user) == ["alpha 0.5", "secret 1.0"]
    assert read(user).packages[0]["index"] == private.url
    assert "me@" not in text(user)
    assert_hidden(user, *said)
    calls = user.bin / "keyring.calls"
    assert calls.exists() == how.endswith("KEYRING_PROVIDER")


def test_a_login_in_an_option_serves_all_of_the_command(user: Pyve, private: LocalIndex) -> None:
    ask(user, "ring")
    result = user("add", "secret", "--index", private.url_with_password, UV_NO_CACHE="1")
    assert result.returncode == 0, result.stderr
    assert {"alpha 0.5", "secret 1.0"} < {*installed(user)}
    assert_hidden(user, result.stdout, result.stderr)
    # It was for that time; the lock knows which one it was.
    for words in (("add", "alpha<9"), ("outdated",), ("lock", "--upgrade")):
        failure = user(*words, UV_NO_CACHE="1")
        assert f"the lock has secret from {private.url}" in failure.stderr
        assert f" --index {private.url}" in failure.stderr
        assert "remove" not in failure.stderr


def test_without_a_login_it_is_said_and_nothing_is_changed(user: Pyve, private: LocalIndex) -> None:
    ask(user, "secret")
    user.env["UV_DEFAULT_INDEX"] = private.url
    before = snapshot(user.project)
    for words in (("lock",), ("sync",), ("add", "alpha")):
        user.fails(*words, code="E_INDEX_AUTH")
        assert snapshot(user.project) == before
    wrong = private.url_with_password.replace(PASSWORD, "Wr0ng-word")
    stderr = user.fails("lock", code="E_INDEX_AUTH", UV_DEFAULT_INDEX=wrong)
    assert "Wr0ng" not in stderr


def test_a_password_in_a_requirements_file_stays_there(user: Pyve, private: LocalIndex) -> None:
    user.env.pop("UV_DEFAULT_INDEX")
    user.write("requirements.in", f"--index-url {private.url_with_password}\nsecret\n")
    user.ok("lock")
    user.ok("sync")
    assert PASSWORD in (user.project / "requirements.in").read_text()
    (user.project / "requirements.in").unlink()
    assert_hidden(user)


# --- which index


@pytest.mark.parametrize("how", ["--index", "UV_INDEX", "PIP_EXTRA_INDEX_URL", "pyproject.toml"])
def test_a_package_that_the_first_index_has_is_from_nowhere_else(
    user: Pyve, shared: LocalIndex, how: str
) -> None:
    ask(user, "secret", "ring<2")
    with LocalIndex(*PRIVATE) as first:
        words = []
        if how == "--index":
            words = ["--index", first.url]
        elif how == "pyproject.toml":
            user.write("pyproject.toml", f'[[tool.uv.index]]\nurl = "{first.url}"\n')
        else:
            user.env[how] = first.url
        user.ok("lock", *words)
        # (The public one has a newer alpha.)
        assert {p["name"]: p["index"] for p in read(user).packages} == {
            "alpha": first.url,
            "ring": shared.url,
            "secret": first.url,
        }
        assert versions(user)["alpha"] == "0.5"
        assert "alpha" not in [
            request.name for request in shared.requests if request.kind == "file"
        ]
        user.ok("sync", "--frozen")
        assert [one for one in installed(user) if one.startswith("alpha")] == ["alpha 0.5"]
        # When the first has it no more, that is not made up for by the other one unseen.
        ask(user, "alpha>=1")
        assert "there is alpha 0.5\n" in user.fails("lock", *words, code="E_RESOLVE_MISSING")


def test_no_index_is_asked_where_pip_may_ask_none(
    user: Pyve, shared: LocalIndex, tmp_path: Path
) -> None:
    ask(user, "ring")
    shared.requests.clear()
    alone = {"PIP_NO_INDEX": "1", "UV_NO_CACHE": "1"}
    user.fails("lock", code="E_RESOLVE_MISSING", **alone)
    assert shared.requests == []
    make_wheel("ring", "1.0").write(tmp_path)
    user.ok("lock", **alone, PIP_FIND_LINKS=str(tmp_path))
    user.ok("sync", **alone)
    assert shared.requests == []


def test_an_index_that_is_explicit_has_only_what_is_said(user: Pyve, shared: LocalIndex) -> None:
    with LocalIndex(*PRIVATE) as own:
        user.write(
            "pyproject.toml",
            '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\n'
            'dependencies = ["secret"]\n'
            f'[[tool.uv.index]]\nname = "own"\nurl = "{own.url}"\nexplicit = true\n'
            '[tool.uv.sources]\nsecret = {index = "own"}\n',
        )
        user.ok("lock")
        assert versions(user) == {"alpha": "2.0", "secret": "1.0"}
        assert not [request for request in own.requests if request.name == "alpha"]


# --- what an index says of its files


def test_yanked_pre_release_and_limits_of_python(user: Pyve) -> None:
    ask(user, "pulled", "alpha", "ring")
    user.ok("lock")
    found = sorted(f"{p['name']} {p['version']}" for p in read(user).packages)
    # One is for Pythons to come.
    assert found == ["alpha 2.0", "pulled 1.0", "ring 1.1", "ring 2.0"]
    user.ok("sync")
    assert installed(user) == ["alpha 2.0", "pulled 1.0", "ring 1.1"]
    ask(user, "pulled==2.0", "alpha", "ring")
    result = user("lock")
    assert (result.returncode, versions(user)["pulled"]) == (0, "2.0")
    assert "it eats files" in result.stderr
    # Once it is locked it stays, and nothing is said at a sync.
    user.ok("lock", "--pre", "--upgrade")
    assert versions(user)["alpha"] == "3.0rc1"
    ask(user, "ring>=2")
    user.fails("lock", code="E_RESOLVE_PYTHON")


# --- slow, broken


def test_a_slow_index_is_waited_for(user: Pyve) -> None:
    with LocalIndex(*PUBLIC) as slow:
        connect(user, slow)
        user.env["UV_HTTP_TIMEOUT"] = "60"
        ask(user, "ring")
        for name in ("ring", "ring-1.1-py3-none-any.whl"):
            fault = slow.add_fault(name, hold=True)
            go_on = threading.Timer(0.5, fault.go_on.set)
            go_on.start()
            user.ok("lock" if name == "ring" else "sync")
            go_on.join()
            assert fault.reached.is_set()
        assert installed(user) == ["ring 1.1"]


def test_an_index_that_never_answers_is_given_up(user: Pyve) -> None:
    with LocalIndex(*PUBLIC) as stuck:
        connect(user, stuck)
        ask(user, "ring")
        before = snapshot(user.project)
        stuck.add_fault("ring", hold=True)
        user.fails("lock", code="E_INDEX", UV_HTTP_TIMEOUT="1")
        assert snapshot(user.project) == before
        stuck.clear_faults()


@pytest.mark.parametrize("where", ["ring", "ring-1.1-py3-none-any.whl"])
def test_an_index_that_fails_at_first_is_asked_again(user: Pyve, where: str) -> None:
    with LocalIndex(*PUBLIC) as index:
        connect(user, index)
        user.env["UV_HTTP_RETRIES"] = "3"
        ask(user, "ring")
        index.add_fault(where, status=500, times=2)
        user.ok("lock")
        user.ok("sync")
        assert installed(user) == ["ring 1.1"]


@pytest.mark.parametrize("fault", [{"wrong_hash": True}, {"tampered": True}, {"truncated": True}])
def test_a_file_that_is_not_as_locked_is_not_installed(user: Pyve, fault: dict[str, bool]) -> None:
    with LocalIndex(*PUBLIC) as index:
        connect(user, index)
        ask(user, "ring")
        if "wrong_hash" in fault:
            index.add_fault("ring-1.1-py3-none-any.whl", **fault)
            user.ok("lock")
        else:
            user.ok("lock")
            index.add_fault("ring-1.1-py3-none-any.whl", **fault)
        before = snapshot(user.project)
        user.fails("sync", code="E_INDEX")
        assert snapshot(user.project) == before
