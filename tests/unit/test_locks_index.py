"""The package index of the tests, with pip and uv as its clients."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributions import Distribution, make_sdist, make_wheel
from index_pages import HTML, JSON
from local_index import LocalIndex, tamper

UV = Path(__file__).resolve().parents[2] / ".dev" / "bin" / "uv"

ONE = make_wheel("greeter", "1.0", ["idna>=3"], extras={"loud": ["bell"]})
TWO = make_wheel("greeter", "2.0")
IDNA = make_wheel("idna", "3.4")
BELL = make_sdist("bell", "1.0")


def private_env(home: Path) -> dict[str, str]:
    """Return what a program needs to run, and to leave everything below its HOME."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}


class Client:
    """pip or uv, with a private HOME.

    Attributes:
        name: "pip" or "uv".
        home: the HOME.
        target: where it installs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.home = folder / "home of client"
        self.target = folder / "target"
        self.home.mkdir()

    def start(self, index: LocalIndex, *words: str, **env: str) -> subprocess.Popen[str]:
        """Begin to install what the words say."""
        if self.name == "pip":
            command = [sys.executable, "-m", "pip", "install", "--no-compile"]
        else:
            command = [str(UV), "pip", "install", "--python", sys.executable]
        environ = {**private_env(self.home), **index.env, **env}
        return subprocess.Popen(
            [*command, "--target", str(self.target), *words],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def install(self, index: LocalIndex, *words: str, **env: str) -> str:
        """Install, expect success, and return what was said."""
        process = self.start(index, *words, **env)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        return said

    def fails(self, index: LocalIndex, *words: str, may_crash: bool = False, **env: str) -> str:
        """Install, expect failure and nothing installed, and return what was said."""
        limits = {"PIP_RETRIES": "0", "PIP_RESUME_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
        process = self.start(index, *words, **{**limits, **env})
        said, _ = process.communicate(timeout=120)
        assert process.returncode != 0, said
        assert "Traceback" not in said or may_crash, said
        assert self.installed() == []
        return said

    def installed(self) -> list[str]:
        """Return what is installed, such as "greeter 1.0"."""
        found = sorted(path.name for path in self.target.glob("*.dist-info"))
        return [" ".join(name[: -len(".dist-info")].split("-")) for name in found]


@pytest.fixture(params=["pip", "uv"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """Each of the two clients."""
    return Client(request.param, tmp_path)


@pytest.fixture
def uv(tmp_path: Path) -> Client:
    """uv alone, for what pip has not."""
    return Client("uv", tmp_path)


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index with a few distributions; what it leaves behind is a failure."""
    before = threading.active_count()
    with LocalIndex(ONE, IDNA, BELL) as served:
        yield served
    assert threading.active_count() == before


def lines_of(index: LocalIndex, name: str) -> list[tuple[str, int]]:
    """Return how often a page or file was answered, as (kind, status)."""
    return [(request.kind, request.status) for request in index.asked(name)]


# What clients get


@pytest.mark.parametrize(("formats", "kind"), [("json html", JSON), ("json", JSON), ("html", HTML)])
def test_a_client_installs(client: Client, formats: str, kind: str) -> None:
    with LocalIndex(ONE, IDNA, BELL, formats=formats.split()) as index:
        client.install(index, "greeter[loud]")
        pages = [request for request in index.requests if request.kind == "page"]
        assert {page.content_type for page in pages} == {kind}
        assert sorted(index.downloads) == sorted(d.filename for d in (ONE, IDNA, BELL))
    assert client.installed() == ["bell 1.0", "greeter 1.0", "idna 3.4"]
    code = "import bell, greeter; print(bell.__version__, greeter.__version__)"
    env = {"PYTHONPATH": str(client.target)}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.stdout == "1.0 1.0\n", result.stderr


def test_metadata_is_read_without_the_wheel(client: Client, index: LocalIndex) -> None:
    client.install(index, "greeter", "--dry-run")
    assert lines_of(index, ONE.filename) == [("metadata", 200)]
    assert index.downloads == []


def test_an_index_without_metadata_sends_the_wheel(client: Client) -> None:
    with LocalIndex(ONE, IDNA, metadata=False, hashes=False) as index:
        client.install(index, "greeter")
        kinds = {request.kind for request in index.requests}
        assert kinds == {"page", "file"}
    assert client.installed() == ["greeter 1.0", "idna 3.4"]


def test_a_yanked_file_is_taken_only_when_it_is_asked_for(
    client: Client, index: LocalIndex
) -> None:
    index.add(TWO, yanked="it says goodbye")
    client.install(index, "greeter")
    assert "greeter 1.0" in client.installed()
    other = Client(client.name, client.target)
    assert "it says goodbye" in other.install(index, "greeter==2.0")
    assert other.installed() == ["greeter 2.0"]


def test_a_file_for_other_pythons_is_left_out(client: Client, index: LocalIndex) -> None:
    index.add(make_wheel("greeter", "2.0", requires_python=">=4"))
    # The file itself says nothing of it. (Upper bounds are nothing to uv.)
    index.add(make_wheel("greeter", "3.0"), requires_python=">=4")
    index.add(make_wheel("greeter", "4.0", tag="py3-none-win32"))
    client.install(index, "greeter")
    assert "greeter 1.0" in client.installed()


def test_files_have_times_of_upload(client: Client, index: LocalIndex) -> None:
    index.add(TWO, upload_time="2024-06-01T12:00:00Z")
    option = "--exclude-newer" if client.name == "uv" else "--uploaded-prior-to"
    client.install(index, "greeter", f"{option}=2024-06-01T11:00:00Z")
    assert "greeter 1.0" in client.installed()
    other = Client(client.name, client.target)
    other.install(index, "greeter", f"{option}=2024-06-01T13:00:00Z")
    assert other.installed() == ["greeter 2.0"]


def test_html_has_no_times_of_upload(uv: Client) -> None:
    with LocalIndex(TWO, formats=["html"]) as index:
        assert "greeter" in uv.fails(index, "greeter", "--exclude-newer=2030-01-01T00:00:00Z")


def test_a_lock_of_uv_has_what_the_index_says(uv: Client, index: LocalIndex) -> None:
    project = uv.home / "project"
    project.mkdir()
    table = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.9"\n'
    (project / "pyproject.toml").write_text(table + 'dependencies = ["greeter[loud]"]\n')
    env = {**private_env(uv.home), **index.env}
    command = [str(UV), "lock", "--python", sys.executable, "--project", str(project)]
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    text = (project / "uv.lock").read_text()
    for one in (ONE, IDNA, BELL):
        entry = (
            f'url = "{index.file_url(one.filename)}", hash = "sha256:{one.sha256}", '
            f'size = {len(one.content)}, upload-time = "2024-01-01T00:00:00Z"'
        )
        assert entry in text
    # What an sdist depends on stands in it; nothing was built, and no wheel fetched.
    assert index.downloads == [BELL.filename]


def test_a_dynamic_sdist_has_to_be_built_to_be_resolved(uv: Client) -> None:
    fails = "error: no Fortran here"
    silent = make_sdist("bell", "1.0", ["idna"], build_fails=fails)
    with LocalIndex(silent, IDNA) as index:
        uv.install(index, "bell", "--dry-run")
        index.add(make_sdist("bell", "1.0", ["idna"], build_fails=fails, dynamic=True))
        assert fails in uv.fails(index, "bell", "--dry-run")


def test_a_build_that_fails_is_reported(client: Client, index: LocalIndex) -> None:
    index.add(make_sdist("bell", "2.0", build_fails="error: no Fortran here"))
    assert "error: no Fortran here" in client.fails(index, "bell")


def test_what_builds_need_comes_from_the_index(client: Client, index: LocalIndex) -> None:
    index.add(make_sdist("bell", "2.0", build_requires=["idna>=3"]))
    client.install(index, "bell")
    assert index.downloads == ["bell-2.0.tar.gz", IDNA.filename]
    assert client.installed() == ["bell 2.0"]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_what_is_not_there_is_not_found(client: Client, index: LocalIndex, name: str) -> None:
    index.add_project("empty")
    assert name in client.fails(index, name)
    assert lines_of(index, name) == [("page", 200 if name == "empty" else 404)]


def test_a_file_that_is_taken_away_is_not_found(client: Client, index: LocalIndex) -> None:
    index.remove(IDNA.filename)
    assert "idna" in client.fails(index, "greeter")


def test_clients_see_what_is_added_later(client: Client, index: LocalIndex) -> None:
    client.install(index, "greeter", "--dry-run")
    index.add(TWO)
    client.install(index, "greeter")
    assert client.installed() == ["greeter 2.0"]


# Faults


def pinned(one: Distribution) -> str:
    """Return a requirement with the digest of the file."""
    return f"{one.project}=={one.version} --hash=sha256:{one.sha256}"


def with_hashes(client: Client, *distributions: Distribution) -> list[str]:
    """Return the words that install these, with their digests."""
    path = client.home / "requirements.txt"
    path.write_text("".join(f"{pinned(one)}\n" for one in distributions))
    return ["--require-hashes", "-r", str(path)]


@pytest.mark.parametrize("one", [IDNA, BELL], ids=["wheel", "sdist"])
def test_a_tampered_file_is_refused(client: Client, index: LocalIndex, one: Distribution) -> None:
    words = with_hashes(client, one)
    index.add_fault(one.filename, tampered=True)
    said = client.fails(index, *words)
    assert one.project in said and one.sha256 in said
    index.clear_faults()
    client.install(index, *words)


@pytest.mark.parametrize("one", [IDNA, BELL], ids=["wheel", "sdist"])
def test_only_a_digest_tells_that_a_file_is_tampered_with(one: Distribution, uv: Client) -> None:
    false = dataclasses.replace(one, content=tamper(one.content))
    assert len(false.content) == len(one.content) and false.sha256 != one.sha256
    with LocalIndex(false, hashes=False) as index:
        uv.install(index, one.project)
    assert uv.installed() == [f"{one.project} {one.version}"]


@pytest.mark.parametrize("kind", ["file", "metadata"])
def test_a_page_with_a_wrong_hash(client: Client, index: LocalIndex, kind: str) -> None:
    name = IDNA.filename + (".metadata" if kind == "metadata" else "")
    index.add_fault(name, wrong_hash=True)
    said = client.fails(index, "idna")
    right = IDNA.sha256 if kind == "file" else hashlib.sha256(IDNA.metadata).hexdigest()
    assert right in said and "hash" in said.lower()
    assert index.downloads == ([IDNA.filename] if kind == "file" else [])
    index.clear_faults()
    client.install(index, "idna")


@pytest.mark.parametrize(
    "fault",
    [
        {"truncated": True},
        {"short": True},
        {"dropped": True},
        {"status": 500},
        {"status": 404},
        {"content": b"PK is all that is here"},
    ],
    ids=str,
)
def test_a_file_that_does_not_come_through(
    client: Client, index: LocalIndex, fault: dict[str, Any]
) -> None:
    index.add_fault(IDNA.filename, **fault)
    assert "idna" in client.fails(index, "idna")
    assert index.asked(IDNA.filename)[-1].status == (
        0 if "dropped" in fault else fault.get("status", 200)
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"truncated": True},
        {"dropped": True},
        {"status": 500},
        {"status": 403},
        {"content": b"<html>Sign in", "content_type": "application/pdf"},
        {"content": b"{", "content_type": JSON},
    ],
    ids=str,
)
def test_a_page_that_does_not_come_through(
    client: Client, index: LocalIndex, fault: dict[str, Any]
) -> None:
    index.add_fault("idna", **fault)
    # What is no JSON makes pip crash.
    client.fails(index, "idna", may_crash=client.name == "pip")
    assert index.downloads == []


def test_metadata_that_is_announced_and_missing(client: Client, index: LocalIndex) -> None:
    index.add_fault(f"{IDNA.filename}.metadata", status=404)
    assert f"{IDNA.filename}.metadata" in client.fails(index, "idna")
    assert lines_of(index, IDNA.filename) == [("metadata", 404)]


def test_a_fault_that_passes_is_tried_again(client: Client, index: LocalIndex) -> None:
    index.add_fault("idna", status=503, times=1, headers={"Retry-After": "0"})
    index.add_fault(IDNA.filename, status=503, times=1, headers={"Retry-After": "0"})
    client.install(index, "idna")
    assert lines_of(index, "idna") == [("page", 503), ("page", 200)]
    files = [line for line in lines_of(index, IDNA.filename) if line[0] == "file"]
    assert files == [("file", 503), ("file", 200)]


def test_a_fault_of_all_spares_nothing(client: Client, index: LocalIndex) -> None:
    index.add_fault("", status=500)
    client.fails(index, "idna")
    assert {request.status for request in index.requests} == {500}
    index.clear_faults()
    client.install(index, "idna")


def test_a_file_is_held_back_until_the_test_says(client: Client, index: LocalIndex) -> None:
    fault = index.add_fault(IDNA.filename, hold=True)
    process = client.start(index, "idna")
    assert fault.reached.wait(60)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert client.installed() == []
    fault.go_on.set()
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert client.installed() == ["idna 3.4"]


def test_an_index_is_left_while_clients_wait(client: Client) -> None:
    before = threading.active_count()
    with LocalIndex(IDNA) as index:
        fault = index.add_fault(IDNA.filename, hold=True, truncated=True)
        process = client.start(index, "idna", PIP_RETRIES="0", UV_HTTP_RETRIES="0")
        port = int(index.host.split(":")[1])
        idle = socket.create_connection(("127.0.0.1", port))
        assert fault.reached.wait(60)
        # One that nobody knows any more is let go too.
        index.add_fault(IDNA.filename, status=500)
    assert threading.active_count() == before
    assert idle.recv(1) == b""
    idle.close()
    process.communicate(timeout=120)
    assert process.returncode != 0 and client.installed() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


# Users


def test_only_who_knows_the_password_is_served(client: Client) -> None:
    with LocalIndex(IDNA, user="me@home", password="p/w: ü") as index:
        client.fails(index, "idna")
        wrong = index.url_with_password.replace("p%2Fw", "other")
        client.fails(index, "idna", PIP_INDEX_URL=wrong, UV_DEFAULT_INDEX=wrong)
        assert {request.status for request in index.requests} == {401}
        index.requests.clear()
        right = index.url_with_password
        client.install(index, "idna", PIP_INDEX_URL=right, UV_DEFAULT_INDEX=right)
        assert {r.user for r in index.requests if r.status == 200} == {"me@home"}
        assert "p/w" not in repr(index.requests) and "p/w" not in index.url
    assert client.installed() == ["idna 3.4"]


# More than one index


def test_two_indexes_at_once(client: Client, index: LocalIndex) -> None:
    with LocalIndex(TWO, make_wheel("extra", "1.0", ["greeter"])) as second:
        env = {"PIP_EXTRA_INDEX_URL": second.url, "UV_INDEX": second.url}
        client.install(index, "extra", "idna", **env)
        assert second.downloads.count(TWO.filename) == 1
        assert index.downloads == [IDNA.filename]
    assert client.installed() == ["extra 1.0", "greeter 2.0", "idna 3.4"]


def test_a_page_and_a_file_of_another_index(client: Client) -> None:
    with LocalIndex(TWO, IDNA) as second, LocalIndex(IDNA, user="me", password="pw") as first:
        first.add_project("greeter")
        first.add_fault("greeter", redirect=second.project_url("greeter"))
        first.add_fault(IDNA.filename, redirect=second.file_url(IDNA.filename))
        url = first.url_with_password
        client.install(first, "greeter", "idna", PIP_INDEX_URL=url, UV_DEFAULT_INDEX=url)
        assert first.downloads == []
        assert sorted(second.downloads) == [TWO.filename, IDNA.filename]
    assert client.installed() == ["greeter 2.0", "idna 3.4"]
