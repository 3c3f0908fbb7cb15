"""Locks of Pyve are installed by Pyve, by uv and by pip, and the environments are equal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributions import make_sdist, make_wheel, write_source
from local_index import LocalIndex
from lock_user import connect, text
from pyve_test_helpers import Pyve
from solving import GROUPS, WHEELS
from sync_user import ask
from three_installers import assert_three_equal, run

# pip needs this for folders and repositories, which have no hash.
NO_HASHES = ("--no-require-hashes",)
OLD_TOML = {"tomlish": "1.0"} if sys.version_info < (3, 11) else {}
NEWER = {"newer": "2.0" if sys.version_info >= (3, 11) else "1.0"}
# (gamma needs another alpha.)
EXCLUDING = GROUPS.replace('docs = ["alpha"', 'docs = ["gamma"') + (
    '[tool.uv]\nconflicts = [[{extra = "old"}, {group = "docs"}]]\n'
)


def make_index() -> LocalIndex:
    """Make the index that most of the projects have."""
    index = LocalIndex(*WHEELS)
    index.add(make_wheel("pulled", "1.0"), yanked="it eats files")
    index.add(make_wheel("pulled", "0.9"))
    index.add(make_wheel("dated", "1.0"), upload_time="2024-01-01T00:00:00Z")
    index.add(make_wheel("dated", "2.0"), upload_time="2024-06-01T00:00:00Z")
    # Every version but the oldest wants what there is not.
    index.add(*(make_wheel("back", f"{n}.0", ["alpha>=9"]) for n in range(2, 6)))
    index.add(make_wheel("back", "1.0", ["alpha<2"]))
    index.add(make_wheel("speaking", "1.0", commands={"speak": "speaking:main"}))
    return index


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with make_index() as served:
        yield served


@pytest.fixture
def user(pyve: Pyve, index: LocalIndex) -> Pyve:
    connect(pyve, index)
    pyve.env["UV_HTTP_RETRIES"] = "0"
    return pyve


@dataclass(frozen=True)
class Case:
    """A project that is locked, and what is installed then.

    Attributes:
        dependencies: of its pyproject.toml; {file} is the URL of a wheel.
        installed: selection -> name -> version.
        more: further text of the pyproject.toml; {index} is the URL of the index.
        lock: words behind ``pyve lock``.
        pip: options that pip needs.
        python: requires-python.
    """

    dependencies: tuple[str, ...]
    installed: dict[tuple[str, ...], dict[str, str]]
    more: str = ""
    lock: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    python: str = ">=3.9"


BETA = {"alpha": "1.1", "beta": "1.0", **OLD_TOML}
LOUD = {"loud": "1.0", "ring": "1.0"}
CASES = {
    "simple": Case(("beta",), {(): BETA}),
    "nothing": Case((), {(): {}}),
    "backtracking": Case(("back", "alpha"), {(): {"alpha": "1.1", "back": "1.0"}}),
    "markers": Case(
        ("gamma", "tomlish; python_version < '3.11'", "ring; sys_platform == 'win32'"),
        {(): {"alpha": "2.0", "gamma": "1.0", **OLD_TOML}},
    ),
    "extras and groups": Case(
        ("tomlish",),
        {
            (): {"tomlish": "1.0", **NEWER},
            ("extra:loud-bell",): {"tomlish": "1.0", **NEWER, **LOUD},
            ("extra:old", "extra:loud-bell"): {"tomlish": "1.0", **NEWER, **LOUD, "alpha": "1.1"},
            ("group:docs",): {"tomlish": "1.0", **NEWER, "alpha": "2.0", "gamma": "1.0"},
            ("group:docs", "extra:loud-bell"): {
                "tomlish": "1.0",
                **NEWER,
                "alpha": "2.0",
                "gamma": "1.0",
                **LOUD,
            },
            ("group:empty",): {"tomlish": "1.0", **NEWER},
        },
        EXCLUDING,
    ),
    "yanked": Case(("pulled==1.0",), {(): {"pulled": "1.0"}}),
    "not yanked": Case(("pulled",), {(): {"pulled": "0.9"}}),
    "pre-release asked for": Case(("alpha>=3.0rc1",), {(): {"alpha": "3.0rc1"}}),
    "pre-releases": Case(("alpha",), {(): {"alpha": "3.0rc1"}}, lock=("--pre",)),
    "Python limits": Case(("newer",), {(): NEWER}),
    "sdist": Case(("built", "dynamic"), {(): {"built": "1.0", "dynamic": "1.0", "ring": "1.0"}}),
    "wheels and sdist": Case(("many",), {(): {"many": "1.0"}}),
    "scripts": Case(("speaking",), {(): {"speaking": "1.0"}}),
    "cooldown": Case(("dated",), {(): {"dated": "1.0"}}, lock=("--exclude-newer", "2024-03-01")),
    "constraints": Case(
        ("beta", "dated"),
        {(): {**BETA, "alpha": "1.0", "dated": "1.0"}},
        '[tool.uv]\nconstraint-dependencies = ["alpha<1.1", "dated<2"]\n',
    ),
    "overrides": Case(
        ("beta",),
        {(): {**BETA, "alpha": "2.0"}},
        '[tool.uv]\noverride-dependencies = ["alpha>=2"]\n',
        pip=("--no-deps",),
    ),
    "platforms": Case(
        ("gamma", "many"),
        {(): {"alpha": "2.0", "gamma": "1.0", "many": "1.0"}},
        lock=(
            *("--platform", "linux-64", "--platform", "linux-aarch64", "--platform", "win-64"),
            *("--platform", "osx-arm64", "--platform", "osx-64"),
        ),
    ),
    "one index for one package": Case(
        ("ring", "tomlish"),
        {(): {"ring": "1.0", "tomlish": "1.0"}},
        '[[tool.uv.index]]\nname = "own"\nurl = "{index}"\nexplicit = true\n'
        '[tool.uv.sources]\nring = {index = "own"}\n',
    ),
    "extras that exclude each other, and what all ask for": Case(
        ("dated", "ring; sys_platform == 'win32'"),
        {
            (): {"dated": "2.0"},
            ("extra:old",): {"dated": "1.0"},
            ("extra:new",): {"dated": "2.0", "ring": "1.0"},
        },
        '[project.optional-dependencies]\nold = ["dated<2"]\nnew = ["dated>=2", "ring"]\n'
        '[tool.uv]\nconflicts = [[{extra = "old"}, {extra = "new"}]]\n',
    ),
    "what asks for the project itself": Case(
        ("plugin",),
        {(): {"plugin": "1.0", "ring": "1.0", "alpha": "2.0"}},
        '[project.optional-dependencies]\nmore = ["alpha"]\n',
        pip=("--no-deps",),
    ),
    "URL": Case(("ring @ {file}",), {(): {"ring": "1.0"}}),
}


@pytest.mark.parametrize("name", CASES)
def test_three_environments_are_equal(user: Pyve, index: LocalIndex, name: str) -> None:
    case = CASES[name]
    file = index.file_url("ring-1.0-py3-none-any.whl")
    asked = [one.replace("{file}", file) for one in case.dependencies]
    ask(user, *asked, more=case.more.replace("{index}", index.url), python=case.python)
    user.ok("lock", *case.lock)
    for selection, wanted in case.installed.items():
        assert assert_three_equal(user, *selection, pip=case.pip) == wanted, selection


def test_a_requirements_file_with_others_hashes_and_constraints(user: Pyve) -> None:
    digest = make_wheel("ring", "1.0").sha256
    user.write("requirements.in", "-r more/base.in\n-c limits.txt\nbeta ; python_version > '3'\n")
    user.write("more/base.in", f"ring==1.0 --hash=sha256:{digest}\n")
    user.write("limits.txt", "alpha<1.1\n")
    user.ok("lock")
    assert assert_three_equal(user) == {**BETA, "alpha": "1.0", "ring": "1.0"}


def commit(folder: Path, user: Pyve) -> None:
    """Make a folder a repository of git, with all that is in it."""
    identity = ("-c", "user.email=me@example.org", "-c", "user.name=me")
    for words in (("init", "-qb", "main"), ("add", "."), (*identity, "commit", "-qm", "first")):
        run(user, "git", "-C", folder, *words)


def make_repository(user: Pyve) -> str:
    write_source(user.root / "library", "local", "2.0", ["ring"])
    commit(user.root / "library", user)
    return f'local = {{git = "file://{user.root}/library"}}'


def make_folder(user: Pyve) -> str:
    write_source(user.project / "libs/local", "local", "2.0", ["ring"])
    return 'local = {path = "libs/local"}'


def make_editable(user: Pyve) -> str:
    return make_folder(user).replace("}", ", editable = true}")


def make_wheel_file(user: Pyve) -> str:
    (user.project / "files").mkdir()
    make_wheel("local", "2.0", ["ring"]).write(user.project / "files")
    return 'local = {path = "files/local-2.0-py3-none-any.whl"}'


def make_sdist_file(user: Pyve) -> str:
    (user.project / "files").mkdir()
    make_sdist("local", "2.0", ["ring"]).write(user.project / "files")
    return 'local = {path = "files/local-2.0.tar.gz"}'


@pytest.mark.parametrize(
    "make", [make_repository, make_folder, make_editable, make_wheel_file, make_sdist_file]
)
def test_what_is_on_this_machine(user: Pyve, make: Callable[[Pyve], str]) -> None:
    ask(user, "local", more=f"[tool.uv.sources]\n{make(user)}\n")
    user.ok("lock")
    assert assert_three_equal(user, pip=NO_HASHES) == {"local": "2.0", "ring": "1.0"}


def test_several_indexes_one_with_a_password(user: Pyve, index: LocalIndex) -> None:
    with LocalIndex(make_wheel("secret", "1.0", ["ring"]), user="me", password="s3cret") as own:
        ask(
            user,
            "secret",
            more=f'[[tool.uv.index]]\nname = "own"\nurl = "{own.url}"\n'
            '[tool.uv.sources]\nsecret = {index = "own"}\n',
        )
        host = own.url.split("/")[2].split(":")[0]
        netrc = user.home / ".netrc"
        netrc.write_text(f"machine {host} login me password s3cret\n")
        netrc.chmod(0o600)
        user.ok("lock")
        assert "s3cret" not in text(user)
        assert assert_three_equal(user) == {"ring": "1.0", "secret": "1.0"}


def test_a_folder_of_files(user: Pyve) -> None:
    (user.project / "files").mkdir()
    make_wheel("local", "2.0", ["ring"]).write(user.project / "files")
    make_sdist("local", "2.1", ["ring"]).write(user.project / "files")
    user.write("requirements.in", "--find-links files\nlocal\n")
    user.ok("lock")
    assert assert_three_equal(user) == {"local": "2.1", "ring": "1.0"}


def test_members_of_a_workspace(user: Pyve) -> None:
    write_source(user.project / "packages/one", "one", "1.0", ["ring"])
    write_source(user.project / "packages/two", "two", "1.0", ["one", "alpha<2"])
    two = user.project / "packages/two/pyproject.toml"
    two.write_text(two.read_text() + "[tool.uv.sources]\none = {workspace = true}\n")
    ask(
        user,
        "two",
        more='[tool.uv.workspace]\nmembers = ["packages/*"]\n'
        "[tool.uv.sources]\ntwo = {workspace = true}\n",
    )
    user.ok("lock")
    wanted = {"one": "1.0", "two": "1.0", "alpha": "1.1", "ring": "1.0"}
    assert assert_three_equal(user, pip=NO_HASHES) == wanted


def test_an_index_that_tells_no_hashes(pyve: Pyve) -> None:
    with LocalIndex(*WHEELS, hashes=False, metadata=False) as bare:
        connect(pyve, bare)
        ask(pyve, "beta")
        pyve.ok("lock")
        assert assert_three_equal(pyve) == BETA


def test_a_difference_is_seen(user: Pyve, index: LocalIndex) -> None:
    ask(user, "ring")
    user.ok("lock")
    user.ok("sync", "--no-store")
    record = next(user.site_packages.glob("ring-1.0.dist-info/RECORD"))
    record.write_text(
        record.read_text().replace("ring/__init__.py,sha256=", "ring/__init__.py,sha256=A")
    )
    with pytest.raises(AssertionError):
        assert_three_equal(user)
    shutil.rmtree(user.venv)
    assert assert_three_equal(user) == {"ring": "1.0"}
