"""Each code about conda-lock.yml: brought about, mended, gone."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from conda_channel import CondaChannel, copy_channel
from conda_codes import INIT, bring_helper, check_helper
from conda_project import CondaUser
from package_index import IndexWithDigests

pytestmark = pytest.mark.micromamba


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a project that asks for one small package, and no conda tool."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="module")
def locked(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, conda_channel: CondaChannel
) -> str:
    """A conda-lock.yml for the manifest of ``user``."""
    user = CondaUser(tmp_path_factory.mktemp("locked"), template_cache, conda_channel)
    user.manifest("libwater")
    user.ok("lock")
    return (user.project / "conda-lock.yml").read_text()


def ask_for_more(user: CondaUser) -> None:
    """Change environment.yml, after the lock was made."""
    user.manifest("libwater <1.1")
    now = time.time()
    os.utime(user.project / "conda-lock.yml", (now - 100, now - 100))


# --- missing, stale, for another platform


@brings("E_LOCK_MISSING")
@pytest.mark.parametrize("command", ["init", "lock"])
def test_there_is_no_lock(user: CondaUser, command: str) -> None:
    if command == "init":
        mends(user, "E_LOCK_MISSING", *INIT, "--strict", fix="pyve lock")
    else:
        words = ("lock", "--check", "--platform", "osx-arm64")
        failure = mends(user, "E_LOCK_MISSING", *words, fix="pyve lock --platform osx-arm64")
        failure.says("conda-lock.yml", "environment.yml")


@brings("E_LOCK_STALE")
@pytest.mark.parametrize("command", ["init", "lock"])
def test_the_lock_is_stale(user: CondaUser, locked: str, command: str) -> None:
    user.write("conda-lock.yml", locked)
    ask_for_more(user)
    words = (*INIT, "--strict") if command == "init" else ("lock", "--check")
    failure = mends(user, "E_LOCK_STALE", *words, fix="pyve lock")
    failure.says("environment.yml")


@brings("E_LOCK_STALE")
def test_a_rare_form_is_stale_only_until_it_is_locked(user: CondaUser, locked: str) -> None:
    user.write("conda-lock.yml", locked)
    ask_for_more(user)
    user.manifest("libwater[version='>=1']")
    mends(user, "E_LOCK_STALE", *INIT, "--strict", fix="pyve lock")
    # Whatever the time of the file says.
    now = time.time()
    os.utime(user.project / "conda-lock.yml", (now - 100, now - 100))
    user.ok(*INIT, "--update", "--strict")


@brings("W_LOCK_STALE", "E_LOCK_STALE")
@pytest.mark.parametrize("code", ["W_LOCK_STALE", "E_LOCK_STALE"])
def test_a_person_is_asked_about_a_stale_lock(user: CondaUser, locked: str, code: str) -> None:
    user.write("conda-lock.yml", locked)
    ask_for_more(user)
    if code == "W_LOCK_STALE":
        failure = bring(user, code, *INIT, answer="y\n")
        failure.apply()
        # (The environment is there now, so another question comes first.)
        failure.check_gone(answer="1\n")
    else:
        failure = mends(user, code, *INIT, answer="n\n", fix="pyve lock")
    failure.says("conda-lock.yml", "environment.yml")


@brings("E_LOCK_PLATFORM")
def test_the_lock_is_for_other_machines(user: CondaUser) -> None:
    other = "osx-arm64" if user.channel.platform != "osx-arm64" else "linux-64"
    user.ok("lock", "--platform", other)
    here = user.channel.platform
    fix = f"pyve lock --platform {here} --platform {other}"
    failure = mends(user, "E_LOCK_PLATFORM", *INIT, fix=fix)
    failure.says(here, other)
    shutil.rmtree(user.project / ".pyve")
    # What is written in a way that takes a parser, the engine complains about.
    lock = user.project / "conda-lock.yml"
    text = lock.read_text().replace(f"  - {here}\n", "", 1)
    lock.write_text(text.replace(f"  platforms:\n  - {other}\n", f"  platforms: [{other}]\n"))
    assert mends(user, "E_CONDA_PLATFORM", *INIT, fix=fix)


# --- damaged


@brings("E_LOCK_FILE")
def test_the_lock_has_marks_of_a_merge(user: CondaUser, locked: str) -> None:
    text = locked.replace("  sources:", "<<<<<<< HEAD\n  sources:", 1)
    user.write("conda-lock.yml", text)
    line = text[: text.index("<<<<")].count("\n") + 1
    fix = f"pyve lock --platform {user.channel.platform}"
    failure = mends(user, "E_LOCK_FILE", "lock", fix=fix)
    failure.says(f"conda-lock.yml, line {line}, column 1", "merge conflict")


@brings("E_LOCK_FILE_READ")
def test_a_helper_cannot_read_the_lock(user: CondaUser, locked: str) -> None:
    (user.project / "conda-lock.yml").mkdir()
    read = ("environment_file", "lock", "--file", "conda-lock.yml")
    failure = bring_helper(user, "E_LOCK_FILE_READ", *read)
    failure.by_hand("cannot read conda-lock.yml", "Is a directory", "has to be a file")
    (user.project / "conda-lock.yml").rmdir()
    user.write("conda-lock.yml", locked)
    check_helper(failure)


@brings("E_CONDA_LOCK")
@pytest.mark.parametrize("how", ["url", "digest"])
def test_an_entry_of_the_lock_was_changed(user: CondaUser, locked: str, how: str) -> None:
    if how == "url":
        text = locked.replace("/libwater-1.1-", "/kettle-1.1-")
        said = "has the URL of another package"
    else:
        digest = locked.partition("sha256: ")[2][:64]
        text = locked.replace(digest, "abc")
        said = "not a digest: sha256: abc"
    user.write("conda-lock.yml", text)
    stale = bring(user, "E_LOCK_STALE", "lock", "--check")
    stale.says("damaged at libwater", said)
    failure = mends(user, "E_CONDA_LOCK", *INIT, fix="pyve lock")
    failure.says("conda-lock.yml is damaged at libwater", said)
    assert (user.project / "conda-lock.yml").read_text() == locked


@brings("E_CONDA_HASH")
def test_an_archive_is_not_what_was_locked(user: CondaUser, locked: str) -> None:
    digest = locked.partition("sha256: ")[2][:64]
    user.write("conda-lock.yml", locked.replace(digest, digest[::-1]))
    failure = mends(user, "E_CONDA_HASH", *INIT, fix="pyve lock --upgrade libwater")
    failure.says(digest, digest[::-1])


@brings("E_CONDA_MISSING")
def test_an_archive_that_was_locked_is_gone(user: CondaUser, tmp_path: Path) -> None:
    channel = copy_channel(user.channel, tmp_path / "channels")
    user.manifest("kettle", channel=channel.main)
    user.ok("lock")
    user.env["PYVE_CONDA_CACHE"] = str(tmp_path / "cold cache")
    folder = channel.folder / "main" / channel.platform
    (archive,) = folder.glob("libwater-1.1-*")
    archive.unlink()
    index = json.loads((folder / "repodata.json").read_text())
    del index["packages"][archive.name]
    (folder / "repodata.json").write_text(json.dumps(index))
    # (Only another package asks for it.)
    failure = mends(user, "E_CONDA_MISSING", *INIT, fix="pyve lock --upgrade libwater")
    failure.says("libwater-1.1", archive.name)
    assert user.packages()["libwater"][0] == "1.0"


@brings("E_CONDA_MISSING", "E_CONDA_LOCK")
def test_what_is_to_be_upgraded_is_not_in_the_lock(user: CondaUser, locked: str) -> None:
    failure = mends(user, "E_CONDA_LOCK", "lock", "--upgrade", "libwater", fix="pyve lock")
    failure.says("conda-lock.yml")
    failure = bring(user, "E_CONDA_MISSING", "lock", "--upgrade", "libwtaer")
    failure.says("libwtaer", "did you mean libwater?")
    failure.apply()
    failure.count_as_gone()


# --- writing it


@brings("E_CONDA_SECRET", "E_CONDA_SPEC", "E_CONDA_LOCKING")
@pytest.mark.parametrize(
    ("code", "channel", "pip", "said"),
    [
        ("E_CONDA_SECRET", "http://me:geheim@127.0.0.1/x", (), "write ${NAME} in its place"),
        ("E_CONDA_SPEC", "", ("-r more.txt",), "environment.yml, line 7"),
        ("E_CONDA_LOCKING", "", ("'[x'",), "environment.yml"),
    ],
)
def test_environment_yml_cannot_be_locked(
    user: CondaUser, code: str, channel: str, pip: tuple[str, ...], said: str
) -> None:
    user.env["PYVE_PYPI_MAPPING"] = "none"
    user.manifest("libwater", channel=channel, pip=pip)
    failure = bring(user, code, "lock")
    failure.by_hand(said)
    assert "geheim" not in failure.stderr
    user.manifest("libwater")
    failure.check_gone()


@brings("E_CONDA_WRITE")
def test_the_lock_cannot_be_written(user: CondaUser) -> None:
    lock = user.project / "conda-lock.yml"
    lock.mkdir()
    failure = mends(user, "E_CONDA_WRITE", "lock", fix=f"mv '{lock}' '{lock}.old'")
    failure.says(str(lock), "directory")


@brings("E_PLATFORM")
def test_a_platform_is_written_in_another_way(user: CondaUser) -> None:
    failure = bring(user, "E_PLATFORM", "lock", "--platform", "Linux")
    failure.says("'Linux'", "linux-64").apply()
    assert (user.project / "conda-lock.yml").exists()
    failure.count_as_gone()


@brings("E_CONDA_NETWORK")
def test_the_names_of_the_package_index_cannot_be_fetched(user: CondaUser) -> None:
    nowhere = "http://127.0.0.1:9"
    file = user.manifest("python", "pip", pip=("iniconfig",))
    text = file.read_text() + "allow-pypi-requests: false\npip-repositories:\n  - "
    file.write_text(text + nowhere)
    # Without any network it is no help to do without the names.
    failure = bring(user, "E_CONDA_NETWORK", "lock", PYVE_PYPI_MAPPING=nowhere)
    failure.says(nowhere, "the package index cannot be reached, either")
    assert failure.fixes[0].text == "pyve lock"
    failure = bring(user, "E_CONDA_NETWORK", "lock", PYVE_PYPI_MAPPING="none")
    failure.says("127.0.0.1", "iniconfig")
    assert failure.fixes[0].text == "pyve lock"
    with IndexWithDigests() as index:
        file.write_text(text + index.url)
        failure = bring(user, "E_CONDA_NETWORK", "lock", PYVE_PYPI_MAPPING=nowhere)
        assert failure.fixes[0].text == "env PYVE_PYPI_MAPPING=none pyve lock"
        failure.apply()
        failure.check_gone(PYVE_PYPI_MAPPING="none")


# --- what only a helper says


@brings("E_LOCK_SOURCE")
def test_a_source_of_the_lock_is_gone(user: CondaUser, locked: str) -> None:
    text = locked.replace("  - environment.yml\n", "  - environment.yml\n  - more.yml\n", 1)
    user.write("conda-lock.yml", text)
    args = ["environment_file", "content-hash", "--file", "environment.yml"]
    args += ["--lock", "conda-lock.yml", "--platform", user.channel.platform]
    failure = bring_helper(user, "E_LOCK_SOURCE", *args)
    failure.says("more.yml", str(user.project))
    failure.apply()
    check_helper(failure)
