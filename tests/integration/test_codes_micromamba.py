"""Each code about getting micromamba: brought about, mended, gone."""

from __future__ import annotations

import bz2
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from conda_channel import CondaChannel
from conda_codes import INIT, copy_pyve
from conda_helpers import STAND_IN, WebServer, link_tools, web_server
from conda_project import CondaUser

pytestmark = pytest.mark.micromamba

BOOTSTRAP = (*INIT, "--auto-bootstrap")
TOOLS = (
    "awk bash bzip2 cat chmod cksum cp cut date dd dirname env find grep gzip head id kill ln ls"
    " mkdir mktemp mv ps readlink rm rmdir sed sh sha256sum shasum sleep sort tail tar tr uname wc"
    " xz"
)


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user whose Pyve gets the stand-in of micromamba from a file, unless told otherwise."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    set_sources(user, STAND_IN.as_uri())
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def set_sources(user: CondaUser, *urls: str) -> None:
    """Let the user's Pyve know one micromamba, the stand-in, and these sources of it."""
    digest = hashlib.sha256(STAND_IN.read_bytes()).hexdigest()
    lines = ["version\t2.8.1-0", *(f"source\t{url}" for url in urls)]
    lines.append(f"{user.channel.platform}\t{digest}")
    tree = user.tree if (user.root / "my pyve").exists() else copy_pyve(user)
    (tree / "lib/data/micromamba.tsv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A server with the stand-in on it."""
    with web_server() as server:
        server.answer("/micromamba", STAND_IN.read_bytes())
        yield server


# --- settings


@brings(
    "E_MICROMAMBA_DIGEST_FORM",
    "E_MICROMAMBA_DIGEST_UNKNOWN",
    "E_MICROMAMBA_VERSION",
    "E_MICROMAMBA_URL",
)
@pytest.mark.parametrize(
    ("code", "variable", "value"),
    [
        ("E_MICROMAMBA_DIGEST_FORM", "PYVE_MICROMAMBA_SHA256", "abc"),
        ("E_MICROMAMBA_DIGEST_UNKNOWN", "PYVE_MICROMAMBA_VERSION", "2.7.0"),
        ("E_MICROMAMBA_VERSION", "PYVE_MICROMAMBA_VERSION", "latest"),
        ("E_MICROMAMBA_URL", "PYVE_MICROMAMBA_URL", "ftp://127.0.0.1/x"),
        ("E_MICROMAMBA_URL", "PYVE_MICROMAMBA_URL", "file://x%"),
    ],
)
def test_a_setting_does_not_do(user: CondaUser, code: str, variable: str, value: str) -> None:
    failure = bring(user, code, *BOOTSTRAP, **{variable: value})
    failure.says("expected is file:///" if value.endswith("%") else value)
    assert failure.fixes[0].text == f"env -u {variable} pyve init --no-direnv --auto-bootstrap"
    failure.apply()
    assert user.state()["engine"] == "micromamba"
    failure.check_gone(CI="1")


# --- what is served


@brings("E_MICROMAMBA_DOWNLOAD")
@pytest.mark.parametrize("how", ["server", "setting"])
def test_it_cannot_be_downloaded(user: CondaUser, server: WebServer, how: str) -> None:
    if how == "server":
        url = server.url + "/late"
        set_sources(user, url)
        failure = bring(user, "E_MICROMAMBA_DOWNLOAD", *BOOTSTRAP)
        failure.says(url, "404", "PYVE_MICROMAMBA_URL")
        server.answer("/late", STAND_IN.read_bytes())
        failure.apply()
        failure.check_gone(CI="1")
    else:
        gone = "file:///no/such/file"
        failure = bring(user, "E_MICROMAMBA_DOWNLOAD", *BOOTSTRAP, PYVE_MICROMAMBA_URL=gone)
        failure.says("/no/such/file")
        failure.apply()
        failure.check_gone(CI="1")


@brings("E_MICROMAMBA_ARCHIVE", "E_MICROMAMBA_DIGEST", "E_MICROMAMBA_BROKEN")
@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        ("E_MICROMAMBA_ARCHIVE", b"<html>log in first</html>", "web page"),
        ("E_MICROMAMBA_ARCHIVE", bz2.compress(b"x" * 2000)[:-5], "damaged"),
        ("E_MICROMAMBA_DIGEST", b"#!/bin/sh\necho 2.8.1\n", "expected was"),
        ("E_MICROMAMBA_BROKEN", b"#!/bin/sh\necho no such instruction\n", "no such instruction"),
    ],
    ids=["web page", "torn", "other", "broken"],
)
@pytest.mark.parametrize("how", ["setting", "source"])
def test_what_is_served_is_not_micromamba(
    user: CondaUser, server: WebServer, code: str, body: bytes, said: str, how: str
) -> None:
    url = server.answer("/x", body)
    variables = {}
    if code == "E_MICROMAMBA_BROKEN":
        variables["PYVE_MICROMAMBA_SHA256"] = hashlib.sha256(body).hexdigest()
    if how == "setting":
        variables["PYVE_MICROMAMBA_URL"] = url
    else:
        set_sources(user, url)
    failure = bring(user, code, *BOOTSTRAP, **variables)
    failure.says(said, url)
    if how == "setting":
        assert failure.fixes[0].argv[:2] == ["env", "-u"]
    else:
        assert failure.fixes[-1].text == "pyve init --engine rattler"
    failure.apply(number=0 if how == "setting" else -1)
    assert user.state()["engine"] == ("micromamba" if how == "setting" else "rattler")
    if how == "setting":
        failure.check_gone(CI="1")
    else:
        failure.count_as_gone()


@brings("W_MICROMAMBA_SOURCE")
def test_a_source_does_not_give_it(user: CondaUser, server: WebServer) -> None:
    set_sources(user, server.url + "/gone", server.url + "/micromamba")
    failure = bring(user, "W_MICROMAMBA_SOURCE", *BOOTSTRAP)
    failure.by_hand(server.url + "/gone", "404")
    # It is here now, and not fetched again.
    failure.check_gone(CI="1")


# --- the machine


@brings("E_DOWNLOADER_MISSING")
def test_nothing_here_can_download(user: CondaUser, server: WebServer) -> None:
    set_sources(user, server.url + "/micromamba")
    tools = link_tools(user.root / "tools", TOOLS)
    user.env["PATH"] = f"{tools}:{user.bin}"
    user.remove_pythons()
    curl = shutil.which("curl")
    assert curl, "NOT TESTED: curl is not on this machine"
    text = f'#!/bin/sh\n[ "$1 $2" = "install curl" ] && ln -s {curl} "{user.bin}/curl"\n'
    user.add_program("apt-get", text)
    user.add_program("sudo", '#!/bin/sh\nexec "$@"\n')
    failure = bring(user, "E_DOWNLOADER_MISSING", *BOOTSTRAP)
    failure.says("no curl, no wget, no Python")
    assert failure.fixes[0].argv[-3:] == ["apt-get", "install", "curl"]
    failure.apply()
    failure.check_gone()


@brings("E_MICROMAMBA_PLATFORM")
def test_there_is_none_for_this_machine(user: CondaUser) -> None:
    user.add_program("uname", "#!/bin/sh\necho Plan9\n")
    failure = bring(user, "E_MICROMAMBA_PLATFORM", *BOOTSTRAP)
    failure.says("Plan9", "linux-64")
    assert failure.fixes[0].text == "pyve init --backend venv"
    failure.apply()
    assert (user.venv / "pyvenv.cfg").exists()
    failure.count_as_gone()


@brings("E_MICROMAMBA_LOCATION")
def test_the_home_is_none(user: CondaUser) -> None:
    home = str(user.root / "no home")
    failure = bring(user, "E_MICROMAMBA_LOCATION", *BOOTSTRAP, HOME=home)
    failure.says(home)
    assert failure.fixes[0].text == "pyve init --auto-bootstrap --bootstrap-to project"
    failure.apply()
    assert (user.project / ".pyve/bin/micromamba").exists()
    failure.check_gone(CI="1")


@brings("E_MICROMAMBA_MISSING")
@pytest.mark.parametrize("command", ["init", "lock"])
def test_it_is_needed_and_not_here(user: CondaUser, command: str) -> None:
    words = INIT if command == "init" else ("lock",)
    broken = user.add_program("micromamba", "#!/bin/sh\necho no such instruction\n")
    failure = bring(user, "E_MICROMAMBA_MISSING", *words, "--engine", "micromamba", CI="1")
    failure.says(str(broken), "no such instruction", "~/.pyve/bin/micromamba")
    assert failure.fixes[0].text == "pyve init --auto-bootstrap"
    failure.apply()
    assert (user.home / ".pyve/bin/micromamba").exists()
    if command == "init":
        failure.check_gone()
    else:
        # (The stand-in does not solve.)
        failure.check_gone(others=("E_CONDA_CONFLICT", "E_CONDA_LOCKING"))


@brings("E_FILE_WRITE", "E_FILE_LINK")
@pytest.mark.parametrize("code", ["E_FILE_WRITE", "E_FILE_LINK"])
def test_something_is_in_the_way(user: CondaUser, code: str) -> None:
    folder = user.project / ".pyve/bin"
    if code == "E_FILE_WRITE":
        (folder / "micromamba").mkdir(parents=True)
        folder = folder / "micromamba"
    else:
        folder.parent.mkdir()
        folder.symlink_to(user.home)
    words = (*BOOTSTRAP, "--bootstrap-to", "project")
    mends(user, code, *words, fix=f"mv '{folder}' '{folder}.old'").says(str(folder))


@brings("E_DISK_FULL")
def test_there_is_no_room(user: CondaUser) -> None:
    user.before = ("bash", "-c", 'ulimit -f 1; exec "$@"', "-")
    failure = bring(user, "E_DISK_FULL", *BOOTSTRAP)
    user.before = ()
    failure.by_hand(str(user.home / ".pyve"), "make room there")
    failure.check_gone()
