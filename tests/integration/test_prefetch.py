"""pyve prefetch: a folder from which a machine without a network syncs."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from code_cases import bring, brings
from conda_channel import CondaChannel, conda_platform, copy_channel
from conda_project import CondaUser
from distributions import make_sdist, make_wheel, write_source
from local_index import LocalIndex
from pyve_test_helpers import Pyve, snapshot
from sync_user import HELLO, ask, installed, start, use_index

PURE = make_wheel("alpha", "1.0")
LINUX = make_wheel("plat", "1.0", tag="py3-none-manylinux_2_17_x86_64")
ARM = make_wheel("plat", "1.0", tag="py3-none-manylinux_2_17_aarch64")
MAC = make_wheel("plat", "1.0", tag="py3-none-macosx_11_0_universal2")
MUSL = make_wheel("plat", "1.0", tag="py3-none-musllinux_1_2_x86_64")
OLD = make_wheel("compiled", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64")
NEW = make_wheel("compiled", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
BUILT = make_sdist("built", "1.0", build_requires=["backendlib"])
BACKEND = make_wheel("backendlib", "1.0")
HELPFUL = make_wheel("helpful", "2.0")
LATE = make_wheel("late", "1.0")
# As build backends ask for more than pyproject.toml says (PEP 660); they may print what they like.
ASKS = (
    "\n\ndef get_requires_for_build_editable(settings=None):\n    print('asked')\n    return [{}]\n"
)
DISTRIBUTIONS = (
    *(PURE, LINUX, ARM, MAC, MUSL, OLD, NEW, BUILT, BACKEND, HELPFUL, LATE),
    make_sdist("compiled", "1.0"),
    make_wheel("newer", "1.0"),
    make_wheel("docs-maker", "1.0"),
    make_wheel("only-windows", "1.0", tag="py3-none-win_amd64"),
    make_sdist("needy", "1.0", build_requires=["no-such-backend"]),
)
GROUPS = '[dependency-groups]\ndev = ["newer"]\ndocs = ["docs-maker"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files go."""
    return tmp_path / "the files"


def go_elsewhere(user: Pyve, index: LocalIndex, tmp_path: Path) -> None:
    """Become a user of the same project with another home, an empty cache, and no index."""
    home = tmp_path / "other home"
    home.mkdir()
    for name in index.env:
        user.env.pop(name, None)
    user.env.update(
        HOME=str(home),
        UV_CACHE_DIR=str(tmp_path / "other cache"),
        UV_DEFAULT_INDEX="http://127.0.0.1:9/simple/",
        PIP_INDEX_URL="http://127.0.0.1:9/simple/",
    )


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def git(folder: Path, *words: str) -> str:
    """Run git, and return what it prints."""
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def add_repository(user: Pyve, tmp_path: Path) -> Path:
    """Make a repository that git takes for https://git.example/gitty.git, and ask for it."""
    source = write_source(tmp_path / "repo", "gitty", "1.0", build_requires=["helpful"])
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "x")
    config = f'[url "{source.as_uri()}"]\n  insteadOf = https://git.example/gitty.git\n'
    (Path(user.env["HOME"]) / ".gitconfig").write_text(config)
    more = '[tool.uv.sources]\ngitty = {git = "https://git.example/gitty.git"}\n'
    ask(user, "alpha", "gitty", more=more)
    return source


# --- the other machine


def test_another_machine_syncs_from_the_folder_alone(
    user: Pyve, index: LocalIndex, folder: Path, tmp_path: Path
) -> None:
    write_source(
        user.project,
        "shop",
        "1.5",
        ["alpha", "plat", "built"],
        build_requires=["helpful"],
        files={"shop/__init__.py": HELLO},
        commands={"shop": "shop:greet"},
    )
    with (user.project / "backend/build_backend.py").open("a") as backend:
        backend.write(ASKS.format("'late>=1'"))
    before = snapshot(user.project)
    out = user.ok("prefetch", str(folder))
    (user.project / "pylock.toml").rename(tmp_path / "pylock.toml")
    assert snapshot(user.project) == before, "nothing but the lock is left in the project"
    (tmp_path / "pylock.toml").rename(user.project / "pylock.toml")
    assert "To be built there: built-1.0.tar.gz" in out
    assert f"pyve sync --offline --find-links '{folder}'" in out
    wanted = [PURE, LINUX, BUILT, BACKEND, HELPFUL, LATE]
    assert names(folder) == sorted(one.filename for one in wanted)
    assert all((folder / one.filename).read_bytes() == one.content for one in wanted)
    go_elsewhere(user, index, tmp_path)
    asked = len(index.requests)
    assert "fix: pyve sync" in user.fails("sync", "--offline", code="E_INDEX_OFFLINE")
    user.ok("sync", "--frozen", "--offline", "--find-links", str(folder))
    assert installed(user) == ["alpha 1.0", "built 1.0", "plat 1.0", "shop 1.5"]
    user.ok("run", "shop")
    assert len(index.requests) == asked


def test_a_build_backend_that_fails_is_told(user: Pyve, folder: Path) -> None:
    write_source(user.project, "shop", "1.5", ["alpha"])
    with (user.project / "backend/build_backend.py").open("a") as backend:
        backend.write(ASKS.format("1 / 0"))
    stderr = user.fails("prefetch", str(folder), code="E_SYNC_BUILD")
    assert "ZeroDivisionError" in stderr
    user.ok("prefetch", str(folder), "--no-install-project")


def test_the_folder_is_verified_on_the_other_machine(
    user: Pyve, index: LocalIndex, folder: Path, tmp_path: Path
) -> None:
    ask(user, "alpha")
    user.ok("prefetch", str(folder))
    go_elsewhere(user, index, tmp_path)
    make_wheel("alpha", "1.0", files={"alpha/evil.py": "pass"}).write(folder)
    user.fails("sync", "--offline", "--find-links", str(folder), code="E_INDEX")
    assert not user.venv.exists()


def test_repositories_come_along(
    user: Pyve, index: LocalIndex, folder: Path, tmp_path: Path
) -> None:
    add_repository(user, tmp_path)
    detail = user.json("prefetch", str(folder))["detail"]
    assert detail["builds"] == ["gitty"]
    (repository,) = folder.glob("gitty-*.git")
    assert {repository.name, HELPFUL.filename, PURE.filename} == set(detail["fetched"])
    assert user.json("prefetch", str(folder))["detail"]["fetched"] == []
    go_elsewhere(user, index, tmp_path)
    user.ok("sync", "--offline", "--find-links", str(folder))
    assert installed(user) == ["alpha 1.0", "gitty 1.0"]
    ask_origin = "from importlib.metadata import distribution as d; print(d('gitty').read_text"
    said = user.ok("run", "python", "-c", f"{ask_origin}('direct_url.json'))")
    assert '"https://git.example/gitty.git"' in said


@brings("E_REPOSITORY")
def test_what_git_cannot_fetch_is_said(user: Pyve, folder: Path, tmp_path: Path) -> None:
    source = add_repository(user, tmp_path)
    user.ok("lock")
    away = source.rename(tmp_path / "away")
    failure = bring(user, "E_REPOSITORY", "prefetch", str(folder)).says("gitty")
    failure.by_hand("https://git.example/gitty.git")
    assert not list(folder.glob("*.git")) + list(folder.glob(".*"))
    away.rename(source)
    failure.check_gone()


def test_a_repository_with_submodules_is_refused(user: Pyve, folder: Path, tmp_path: Path) -> None:
    source = add_repository(user, tmp_path)
    git(source, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(source), "sub")
    git(source, "commit", "-qm", "submodule")
    (Path(user.env["HOME"]) / ".gitconfig").open("a").write("[protocol]\n  allow = always\n")
    user.ok("lock")
    assert "submodules" in user.fails("prefetch", str(folder), code="E_REPOSITORY")
    assert not list(folder.glob("*.git"))


# --- what is chosen


@pytest.mark.parametrize(
    ("words", "wheels"),
    [
        (["--platform", "linux-64"], [LINUX]),
        (["--platform", "osx-64"], [MAC]),
        (["--platform", "osx-arm64", "--platform", "linux-aarch64"], [ARM, MAC]),
    ],
)
def test_wheels_are_for_the_platforms_that_are_named(
    user: Pyve, folder: Path, words: list[str], wheels: list[object]
) -> None:
    ask(user, "plat")
    user.ok("prefetch", str(folder), *words)
    assert names(folder) == sorted(one.filename for one in wheels)  # type: ignore[attr-defined]


def test_wheels_are_for_the_pythons_that_are_named(user: Pyve, folder: Path) -> None:
    ask(user, "compiled", "alpha; python_version >= '3.13'")
    for words, found in (
        (["3.9"], [OLD.filename]),
        (["3.13.2"], [PURE.filename, NEW.filename]),
        (["3.9", "3.13"], [PURE.filename, OLD.filename, NEW.filename]),
        (["3.13t"], [PURE.filename, "compiled-1.0.tar.gz"]),
    ):
        place = folder / "-".join(words)
        options = [word for version in words for word in ("--python", version)]
        user.ok("prefetch", str(place), "--platform", "linux-64", *options)
        assert names(place) == sorted(found), words
    user.fails("prefetch", str(folder / "x"), "--python", "2", code="E_USAGE_CHOICE")
    said = user.fails("prefetch", "x", "--platform", "osx-arm", code="E_PLATFORM")
    assert "fix: pyve prefetch x --platform osx-arm64\n" in said
    assert not (folder / "x").exists()


def test_extras_and_groups_are_chosen_as_for_sync(user: Pyve, folder: Path) -> None:
    ask(user, "alpha", more=GROUPS)
    for words, found in (
        ((), ["newer"]),
        (("--no-dev",), []),
        (("--group", "docs"), ["docs_maker", "newer"]),
        (("--group", "docs", "--no-dev"), ["docs_maker"]),
    ):
        place = folder / ("x" + "".join(words))
        user.ok("prefetch", str(place), *words)
        assert [name.split("-")[0] for name in names(place)] == ["alpha", *found], words
    user.fails("prefetch", str(folder), "--group", "nope", code="E_GROUP_UNKNOWN")


def test_what_cannot_be_had_is_refused(user: Pyve, folder: Path) -> None:
    ask(user, "only-windows", python=">=3.11")
    words = ("prefetch", str(folder))
    stderr = user.fails(*words, "--platform", "win-64", "--python", "3.9", code="E_SYNC_PYTHON")
    assert f"fix: pyve prefetch '{folder}' --platform win-64\n" in stderr
    stderr = user.fails(*words, code="E_SYNC_PLATFORM")
    assert "only-windows 1.0" in stderr
    assert "win_amd64" in stderr
    ask(user, "built")
    stderr = user.fails(*words, "--only-binary", code="E_SYNC_BUILD")
    assert "built-1.0" in stderr
    assert f"fix: pyve prefetch '{folder}'\n" in stderr
    ask(user, "needy")
    assert "no-such-backend" in user.fails(*words, code="E_SYNC_BUILD")
    ask(user, "alpha")
    user.ok(*words, "--only-binary")


def test_a_lock_for_other_platforms_is_refused(user: Pyve, folder: Path) -> None:
    ask(user, "alpha")
    user.ok("lock", "--platform", "osx-arm64")
    stderr = user.fails("prefetch", str(folder), "--platform", "linux-64", code="E_SYNC_PLATFORM")
    assert "fix: pyve lock --platform osx-arm64 --platform linux-64" in stderr


def test_sync_download_is_the_same(user: Pyve, folder: Path) -> None:
    ask(user, "alpha", more=GROUPS)
    detail = user.json("sync", "--download", "here", "--no-dev")["detail"]
    assert detail["folder"] == str(user.project / "here")
    assert names(user.project / "here") == [PURE.filename]
    assert not user.venv.exists()
    for words in (["--offline"], ["--dry-run"], ["--find-links", "."]):
        user.fails("sync", "--download", str(folder), *words, code="E_USAGE_CONFLICT")
    user.fails("prefetch", code="E_USAGE_ARGUMENT")
    assert not folder.exists()


def test_frozen_takes_the_lock_as_it_is(user: Pyve, folder: Path) -> None:
    ask(user, "alpha")
    user.fails("prefetch", str(folder), "--frozen", code="E_LOCK_MISSING")
    user.fails("prefetch", str(folder), code="E_LOCK_MISSING", CI="1")
    user.ok("lock")
    ask(user, "built")
    user.fails("prefetch", str(folder), code="E_LOCK_STALE", CI="1")
    assert not folder.exists()
    user.ok("prefetch", str(folder), "--no-frozen", CI="1")


# --- what goes wrong on the way


def test_a_folder_is_filled_step_by_step(user: Pyve, index: LocalIndex, folder: Path) -> None:
    ask(user, "alpha", "plat")
    user.ok("lock")
    folder.mkdir()
    (folder / "mine.txt").write_text("kept")
    (folder / PURE.filename).write_bytes(b"damaged")
    (folder / f".{PURE.filename}.999999999.part").write_bytes(b"of one that was killed")
    for fault, code in (
        ({"tampered": True}, "E_INDEX"),
        ({"truncated": True}, "E_INDEX"),
        ({"short": True}, "E_INDEX"),
        ({"dropped": True}, "E_INDEX"),
        ({"status": 500}, "E_INDEX"),
        ({"status": 404}, "E_INDEX"),
        ({"status": 401}, "E_INDEX_AUTH"),
        ({"content": b""}, "E_INDEX"),
        ({"redirect": "ftp://127.0.0.1/x"}, "E_INDEX"),
    ):
        index.add_fault(LINUX.filename, **fault)  # type: ignore[arg-type]
        user.fails("prefetch", str(folder), code=code)
        index.clear_faults()
        assert LINUX.filename not in names(folder), fault
        assert not list(folder.glob(".*")), fault
    index.add_fault(LINUX.filename, status=503, times=1)
    detail = user.json("prefetch", str(folder), UV_HTTP_RETRIES="1")["detail"]
    assert (detail["fetched"], detail["kept"]) == ([LINUX.filename], 1)
    asked = len(index.requests)
    assert "are in" in user.ok("prefetch", str(folder))
    assert len(index.requests) == asked
    assert (folder / PURE.filename).read_bytes() == PURE.content
    assert (folder / "mine.txt").read_text() == "kept"


def test_other_commands_do_not_get_in_the_way(user: Pyve, index: LocalIndex, folder: Path) -> None:
    ask(user, "alpha", "plat")
    user.ok("lock")
    fault = index.add_fault(LINUX.filename, hold=True)
    temporary = user.root / "temporary files"
    temporary.mkdir()
    user.env["TMPDIR"] = str(temporary)
    child = start(user, "prefetch", str(folder))
    assert fault.reached.wait(60)
    # (No kill from here on would leave anything there.)
    assert not list(temporary.iterdir())
    # (It clears what killed commands have left.)
    user.ok("lock", "--upgrade")
    fault.go_on.set()
    assert child.wait(60) == 0
    assert LINUX.filename in names(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_file_when_it_is_broken_off(
    user: Pyve, index: LocalIndex, folder: Path, number: signal.Signals
) -> None:
    ask(user, "alpha", "plat")
    user.ok("lock")
    before = snapshot(user.project)
    fault = index.add_fault(LINUX.filename, hold=True)
    child = start(user, "prefetch", str(folder))
    assert fault.reached.wait(60)
    for _ in range(600):
        if PURE.filename in names(folder):
            break
        time.sleep(0.1)
    # (As a terminal does: to all of the group.)
    os.killpg(child.pid, number)
    assert child.wait(60) != 0
    for _ in range(100):
        if not list(folder.glob(".*")):
            break
        time.sleep(0.1)
    assert names(folder) == [PURE.filename]
    assert snapshot(user.project) == before


def test_a_folder_that_cannot_be_written(user: Pyve, folder: Path) -> None:
    ask(user, "alpha")
    folder.write_text("a file")
    said = user.fails("prefetch", str(folder), code="E_FILE_WRITE")
    assert f"fix: pyve prefetch '{folder}.d'\n" in said
    folder.unlink()
    (folder / PURE.filename / "x").mkdir(parents=True)
    assert "fix: mv" in user.fails("prefetch", str(folder), code="E_FILE_WRITE")
    assert names(folder) == [PURE.filename]


@pytest.mark.parametrize("how", ["url", "netrc", "names"])
def test_who_may_ask_is_known_as_for_a_lock(
    pyve: Pyve, folder: Path, tmp_path: Path, how: str
) -> None:
    with LocalIndex(PURE, user="ann", password="s3cr3t-word") as index:
        user = use_index(pyve, index, tmp_path / "uv cache")
        ask(user, "alpha")
        user.ok("lock", UV_DEFAULT_INDEX=index.url_with_password)
        assert "s3cr3t-word" not in (user.project / "pylock.toml").read_text()
        user.fails("prefetch", str(folder), code="E_INDEX_AUTH")
        if how == "url":
            user.env["UV_DEFAULT_INDEX"] = index.url_with_password
        elif how == "netrc":
            netrc = Path(user.env["HOME"]) / ".netrc"
            netrc.write_text("machine 127.0.0.1 login ann password s3cr3t-word\n")
            netrc.chmod(0o600)
        else:
            user.env["UV_INDEX"] = f"my-index={index.url}"
            user.env["UV_INDEX_MY_INDEX_USERNAME"] = "ann"
            user.env["UV_INDEX_MY_INDEX_PASSWORD"] = "s3cr3t-word"
        user.ok("prefetch", str(folder))
        assert names(folder) == [PURE.filename]


# --- pages of links


def test_a_page_of_links_does_as_a_folder(user: Pyve, index: LocalIndex, tmp_path: Path) -> None:
    ask(user, "alpha")
    user.ok("lock")
    elsewhere = LocalIndex(PURE)
    go_elsewhere(user, index, tmp_path)
    index.add_fault(PURE.filename, status=404)
    user.fails("sync", code="E_INDEX")
    with elsewhere:
        page = elsewhere.project_url("alpha")
        user.fails("sync", "--offline", "--find-links", page, code="E_USAGE_CONFLICT")
        user.fails("sync", "--find-links", f"{elsewhere.url}nothing/", code="E_INDEX")
        elsewhere.add_fault(PURE.filename, tampered=True)
        user.fails("sync", "--find-links", page, code="E_INDEX")
        elsewhere.clear_faults()
        assert not user.venv.exists()
        user.ok("sync", "--find-links", page)
        assert elsewhere.downloads
    assert installed(user) == ["alpha 1.0"]


# --- conda


@pytest.mark.micromamba
def test_a_conda_environment_is_made_from_the_folder_alone(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> None:
    channel = copy_channel(conda_channel, tmp_path / "channel")
    user = CondaUser(tmp_path, template_cache, channel)
    user.manifest("libwater <1.1")
    user.ok("lock")
    folder = user.project / "archives"
    here = conda_platform()
    detail = user.json("prefetch", "archives")["detail"]
    assert detail["platforms"] == [here]
    (archive,) = folder.glob("*/libwater-*")
    assert detail["fetched"] == [f"{archive.parent.name}/{archive.name}"]
    content = archive.read_bytes()
    assert user.json("sync", "--download", "archives")["detail"]["kept"] == 1
    (tmp_path / "channel").rename(tmp_path / "away")
    user.env["PYVE_CONDA_CACHE"] = str(tmp_path / "other cache")
    user.fails("prefetch", "other", code="E_CONDA_MISSING")
    user.fails("sync", "--offline", code="E_CONDA_MISSING")
    archive.write_bytes(content + b"x")
    user.fails("sync", "--offline", "--find-links", "archives", code="E_CONDA_HASH")
    assert not user.conda.exists()
    archive.write_bytes(content)
    user.ok("sync", "--offline", "--find-links", "archives")
    assert set(user.records()) == {"libwater"}
    assert user.records()["libwater"]["url"].startswith(channel.main)
    assert archive.read_bytes() == content
    user.fails("prefetch", "x", "--platform", "win-64", code="E_CONDA_PLATFORM")
    user.fails("prefetch", "x", "--group", "dev", code="E_USAGE_CONFLICT")
    user.fails("sync", "--find-links", "http://127.0.0.1:9/", code="E_USAGE_DIRECTORY")


@brings("W_PREFETCH")
@pytest.mark.micromamba
def test_what_building_takes_is_missed_for_conda(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> None:
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater <1.1")
    user.ok("lock")
    lock = user.project / "conda-lock.yml"
    text = lock.read_text()

    def pin(name: str) -> None:
        (tmp_path / name).write_bytes(b"content")
        digest = hashlib.sha256(b"content").hexdigest()
        lock.write_text(
            f"{text}- {{name: alpha, version: '1.0', manager: pip, platform: {conda_platform()},"
            f" dependencies: {{}}, url: '{(tmp_path / name).as_uri()}',"
            f" hash: {{sha256: {digest}}}, category: main, optional: false}}\n"
        )

    pin("alpha-1.0.tar.gz")
    failure = bring(user, "W_PREFETCH", "prefetch", "archives")
    failure.by_hand("1 source distribution", "alpha-1.0.tar.gz", "setuptools")
    pin("alpha-1.0-py3-none-any.whl")
    failure.check_gone()
