"""Each code about finding, fetching and linking conda packages: brought about, mended, gone."""

from __future__ import annotations

import bz2
import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from conda_archive import Entry, Package, add_package, describe_package, make_tar, pack
from conda_channel import CondaChannel, copy_channel
from conda_codes import INIT, bring_helper, check_helper
from conda_engine_helpers import serve_folder
from conda_helpers import STAND_IN, web_server
from conda_project import CondaUser

pytestmark = pytest.mark.micromamba


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a project that asks for one small package, and no conda tool."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


# --- what is asked for


@brings("E_CONDA_MISSING", "E_CONDA_CONFLICT", "E_CONDA_SPEC", "E_CONDA_ARCHIVE")
@pytest.mark.parametrize(
    ("code", "dependencies", "said"),
    [
        ("E_CONDA_MISSING", ("libwtaer",), "did you mean libwater?"),
        ("E_CONDA_MISSING", ("libwater >=7",), "there are: 1.1, 1.0"),
        ("E_CONDA_MISSING", ("vanished",), "ask for another version in environment.yml"),
        ("E_CONDA_CONFLICT", ("teapot", "libwater >=1.1"), "environment.yml asks for libwater"),
        ("E_CONDA_SPEC", ("libwater >>1",), "libwater >>1"),
        ("E_CONDA_ARCHIVE", ("torn",), "ask for another version in environment.yml"),
    ],
)
def test_what_environment_yml_asks_for_cannot_be_had(
    user: CondaUser, code: str, dependencies: tuple[str, ...], said: str
) -> None:
    user.manifest(*dependencies)
    failure = bring(user, code, *INIT)
    failure.by_hand(said, dependencies[0].split(" ")[0])
    user.manifest("libwater")
    failure.check_gone()


@brings("E_CONDA_CHANNEL")
@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("file:///no/such/channel", "/no/such/channel"),
        ("nodefaults", "add one below channels"),
        ("http://${NOT_SET_HERE}@127.0.0.1/x", "export NOT_SET_HERE"),
        ("http://[::1", "http://[::1"),
        ("damaged", "expected"),
    ],
)
def test_a_channel_is_none(user: CondaUser, tmp_path: Path, channel: str, said: str) -> None:
    if channel == "damaged":
        damaged = copy_channel(user.channel, tmp_path / "channels")
        (tmp_path / "channels/main/noarch/repodata.json").write_text('{"packages": {')
        channel = damaged.main
        said = "the channel has to mend it"
    user.manifest("libwater", channel=channel)
    failure = bring(user, "E_CONDA_CHANNEL", *INIT)
    failure.by_hand(said)
    user.manifest("libwater")
    failure.check_gone()


@brings("E_CONDA_AUTH")
def test_a_channel_wants_a_password(user: CondaUser) -> None:
    folder = user.channel.folder / "main"
    with web_server() as server:
        for path in folder.glob("*/*"):
            server.answer(f"/{path.relative_to(folder).as_posix()}", path.read_bytes())
        for subdir in ("noarch", user.channel.platform):
            for name in ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"):
                server.answer(f"/{subdir}/{name}", status=401)
        user.manifest("libwater", channel=server.url)
        failure = bring(user, "E_CONDA_AUTH", *INIT)
        failure.by_hand("401", server.url, "~/.netrc", "${NAME}")
        # (This server lets in whoever comes with a password.)
        for name in [name for name in server.answers if "repodata" in name]:
            del server.answers[name]
        for path in folder.glob("*/repodata.json"):
            server.answer(f"/{path.relative_to(folder).as_posix()}", path.read_bytes())
        user.manifest("libwater", channel=server.url.replace("//", "//me:${WORD}@"))
        failure.check_gone(WORD="geheim")
        assert any(request.get("authorization") for request in server.requests)


# --- getting it


@brings("E_CONDA_NETWORK")
def test_a_channel_does_not_answer(user: CondaUser) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        user.manifest("libwater", channel=url)
        failure = bring(user, "E_CONDA_NETWORK", *INIT, "--env-name", "other one")
        failure.says(url, "refused")
    assert failure.fixes[0].text == "pyve init --no-direnv --env-name 'other one'"
    with serve_folder(user.channel.folder / "main") as url:
        # It is up again.
        user.manifest("libwater", channel=url)
        failure.apply()
        failure.check_gone()


@brings("E_CONDA_OFFLINE")
def test_what_is_asked_for_is_not_in_the_cache(user: CondaUser, tmp_path: Path) -> None:
    with serve_folder(user.channel.folder / "main") as url:
        user.manifest("libwater", channel=url)
        user.env["PYVE_CONDA_CACHE"] = str(tmp_path / "cold cache")
        failure = bring(user, "E_CONDA_OFFLINE", "lock", "--offline", "--platform", "osx-arm64")
        assert failure.fixes[0].text == "pyve lock --platform osx-arm64"
        failure.apply()
        failure.check_gone()


@brings("E_CONDA_HASH")
def test_an_old_index_has_other_digests(user: CondaUser, tmp_path: Path) -> None:
    channel = copy_channel(user.channel, tmp_path / "channels")
    folder = channel.folder / "main"
    headers = {"Cache-Control": "public, max-age=100000"}
    user.env["PYVE_CONDA_CACHE"] = str(tmp_path / "cold cache")
    with web_server() as server:

        def serve() -> None:
            for path in folder.glob("*/*"):
                name = f"/{path.relative_to(folder).as_posix()}"
                server.answer(name, path.read_bytes(), headers=headers)

        serve()
        user.manifest("libwater", channel=server.url)
        user.ok("lock")
        (user.project / "conda-lock.yml").unlink()
        files = {"share/rebuilt": Entry("yes")}
        package = Package("libwater", "1.1", files, suffix=".tar.bz2", subdir=channel.platform)
        put_into_channel(channel, package, pack(package))
        serve()
        failure = bring(user, "E_CONDA_HASH", *INIT)
        failure.says("libwater-1.1", "expected sha256", "found    sha256")
        assert failure.fixes[0].text == f"rm -rf '{tmp_path}/cold cache/index'"
        failure.apply()
        failure.check_gone()


def put_into_channel(channel: CondaChannel, package: Package, data: bytes) -> None:
    """Put an archive into a channel and its index, in the place of an older build of it."""
    folder = channel.folder / "main" / package.subdir
    for old in folder.glob(f"{package.name}-{package.version}-*"):
        old.unlink()
    record = add_package(channel.folder / "main", package, data=data)
    index = json.loads((folder / "repodata.json").read_text())
    kind = "packages" if package.suffix == ".tar.bz2" else "packages.conda"
    record = dict(record)
    index[kind][record.pop("fn")] = record
    (folder / "repodata.json").write_text(json.dumps(index))


def give_micromamba(user: CondaUser) -> None:
    """Let the bootstrap fetch the stand-in."""
    digest = hashlib.sha256(STAND_IN.read_bytes()).hexdigest()
    user.env.update(PYVE_MICROMAMBA_URL=STAND_IN.as_uri(), PYVE_MICROMAMBA_SHA256=digest)


@brings("E_CONDA_CACHE")
@pytest.mark.parametrize("how", ["variable", "folder"])
def test_the_cache_cannot_be_written(user: CondaUser, how: str) -> None:
    file = user.home / ".cache"
    file.write_text("a file")
    if how == "variable":
        user.env["PYVE_CONDA_CACHE"] = str(file / "conda")
        failure = bring(user, "E_CONDA_CACHE", *INIT)
        assert failure.fixes[0].text == "env -u PYVE_CONDA_CACHE pyve init --no-direnv"
        failure.apply(XDG_CACHE_HOME=str(user.root / "cache"))
        failure.count_as_gone()
    else:
        user.env.pop("PYVE_CONDA_CACHE")
        failure = mends(user, "E_CONDA_CACHE", *INIT, fix=f"mv '{file}' '{file}.old'")
    failure.says(str(file), "Not a directory")


@brings("E_CONDA_CACHE")
def test_a_lock_when_the_cache_cannot_be_written(user: CondaUser) -> None:
    file = user.home / ".cache"
    file.write_text("a file")
    user.env.pop("PYVE_CONDA_CACHE")
    failure = bring(user, "E_CONDA_CACHE", "lock", "--engine", "rattler")
    assert failure.fixes[0].text == f"mv '{file}' '{file}.old'"
    failure.apply()
    failure.check_gone()


@brings("E_CONDA_PLATFORM")
def test_the_platform_is_none_of_condas(user: CondaUser) -> None:
    failure = bring(user, "E_CONDA_PLATFORM", "lock", "--platform", "osx-arm46")
    assert failure.fixes[0].text == "pyve lock --platform osx-arm64"
    failure.apply()
    (user.project / "conda-lock.yml").unlink()
    failure = bring(user, "E_CONDA_PLATFORM", *INIT, CONDA_SUBDIR="plan9-64")
    failure.says("plan9-64", "linux-64")
    assert failure.fixes[0].text == "env -u CONDA_SUBDIR pyve init --no-direnv"
    failure.apply()
    failure.check_gone(CI="1", CONDA_SUBDIR=None)
    shutil.rmtree(user.project / ".pyve")
    user.add_program("uname", "#!/bin/sh\necho Plan9\n")
    failure = bring(user, "E_CONDA_PLATFORM", *INIT)
    failure.says("Plan9")
    assert failure.fixes[0].text == "pyve init --backend venv"


@brings("E_CONDA_FILE")
def test_the_engine_cannot_read_its_file(user: CondaUser) -> None:
    prefix = user.root / "a prefix"
    args = ("conda_engine", "create", "--prefix", prefix, "--from", "other.yml")
    failure = bring_helper(user, "E_CONDA_FILE", *args)
    failure.by_hand("cannot read other.yml", "No such file", "has to be a file")
    user.manifest("libwater", file="other.yml")
    check_helper(failure)
    # The same for a folder that is in the way, and for what is no environment.
    failure = bring_helper(user, "E_CONDA_PREFIX", *args)
    assert failure.fixes[0].text == f"mv '{prefix}' '{prefix}.old'"
    failure.apply()
    check_helper(failure)


# --- linking


@brings("E_CONDA_LINK")
def test_the_engine_cannot_link(user: CondaUser, tmp_path: Path) -> None:
    channel = copy_channel(user.channel, tmp_path / "channels")
    files = {"share/here": Entry("x"), "share/gone": Entry("x")}
    package = Package("holed", "1.0", files, suffix=".tar.bz2", subdir=channel.platform)
    there = {**describe_package(package), "share/here": files["share/here"]}
    put_into_channel(channel, package, bz2.compress(make_tar(there)))
    user.manifest("holed", channel=channel.main)
    failure = bring(user, "E_CONDA_LINK", *INIT)
    failure.says("share/gone")
    give_micromamba(user)
    failure.apply()
    assert user.state()["engine"] == "micromamba"
    failure.check_gone(CI="1")


@brings("E_CONDA_PREFIX")
def test_a_prefix_is_in_the_way_or_damaged(user: CondaUser) -> None:
    user.init()
    # Moved with the project, it is made again from its records.
    user.project = user.project.rename(user.root / "moved")
    (record,) = user.conda.glob("conda-meta/libwater-*.json")
    record.write_text("{")
    failure = bring(user, "E_CONDA_PREFIX", *INIT, "--update")
    failure.says(record.name).apply(answer="y\n")
    failure.check_gone()


@brings("W_LINK_SCRIPTS")
def test_scripts_of_packages_are_not_run(user: CondaUser) -> None:
    user.manifest("with-script")
    failure = bring(user, "W_LINK_SCRIPTS", *INIT)
    failure.says("with-script")
    give_micromamba(user)
    failure.apply(answer="y\n")
    assert user.state()["engine"] == "micromamba"
    failure.check_gone(CI="1")
