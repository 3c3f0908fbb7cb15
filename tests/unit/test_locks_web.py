"""How servers are asked: again, with a login, through a proxy, with certificates."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests.adapters
from conda_helpers import web_server
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import find_program

from pyve_core import HelperError
from pyve_locks.download import Wanted, fetch
from pyve_locks.links import Links
from pyve_locks.logins import Logins
from pyve_locks.web import open_session

WHEEL = make_wheel("alpha", "1.0")
NOBODY = Logins({})


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep those of this machine away."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


def want(url: str, content: bytes, name: str = "x.bin") -> Wanted:
    """Return a file with its digest."""
    return Wanted(name, url, hashlib.sha256(content).hexdigest())


def refuse(folder: Path, wanted: Wanted, logins: Logins = NOBODY) -> HelperError:
    """Fetch, expect a failure and nothing left, and return it."""
    with pytest.raises(HelperError) as caught:
        fetch(folder, [wanted], logins)
    assert not list(folder.iterdir())
    return caught.value


@pytest.mark.parametrize("fault", [{"status": 503}, {"dropped": True}, {"truncated": True}])
def test_what_may_pass_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, object]
) -> None:
    with LocalIndex(WHEEL) as index:
        wanted = want(index.file_url(WHEEL.filename), WHEEL.content)
        index.add_fault(WHEEL.filename, times=2, **fault)
        monkeypatch.setenv("UV_HTTP_RETRIES", "1")
        error = refuse(tmp_path / "folder", wanted)
        assert (error.code, len(index.requests)) == ("E_INDEX", 2)
        assert "status" not in fault or error.why[0] == "HTTP status 503"
        index.add_fault(WHEEL.filename, times=1, **fault)
        assert fetch(tmp_path, [wanted], NOBODY) == ["x.bin"]
        assert len(index.requests) == 4
    assert (tmp_path / "x.bin").read_bytes() == WHEEL.content


def test_a_file_that_is_not_there_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "3")
    with web_server() as server:
        for status in (404, 401, 400):
            refuse(tmp_path / "folder", want(server.answer("/x", status=status), b"x"))
        assert len(server.requests) == 3


def test_the_server_says_how_long_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "1")
    with LocalIndex(WHEEL) as index:
        wanted = want(index.file_url(WHEEL.filename), WHEEL.content)
        index.add_fault(WHEEL.filename, times=1, status=429, headers={"Retry-After": "1"})
        begun = time.monotonic()
        fetch(tmp_path, [wanted], NOBODY)
        assert time.monotonic() - begun >= 1
    with open_session(NOBODY, 1) as session:
        adapter = session.get_adapter("https://x.example/")
    assert adapter.max_retries.parse_retry_after("86400") == 60


def test_what_went_wrong_is_said_in_few_words(tmp_path: Path) -> None:
    with web_server() as server:
        short = want(server.answer("/x", b"0123456789", sent=4), b"0123456789")
        assert (
            refuse(tmp_path / "folder", short).why[0] == "x.bin: it broke off after 4 of 10 bytes"
        )
        gone = want(f"{server.url}/x?token=s3cr3t-word", b"x")
    why = refuse(tmp_path / "folder", gone).why
    assert why[0].startswith("x.bin: ")
    assert why[0].endswith("Connection refused")
    assert "s3cr3t-word" not in "".join(why)


def test_a_login_stays_with_its_server(tmp_path: Path) -> None:
    with web_server() as own, web_server() as other:
        own.answer("/there", b"there")
        other.answer("/far", b"far")
        user = own.url.replace("://", "://ann:s3cr3t-word@")
        for path, to, content in (
            ("/a", "/there", b"there"),
            ("/b", f"{other.url}/far", b"far"),
        ):
            own.answer(path, status=302, headers={"Location": to})
            fetch(tmp_path, [want(user + path, content)], NOBODY)
        assert [request.get("Authorization") for request in own.requests] == [
            "Basic YW5uOnMzY3IzdC13b3Jk"
        ] * 3
        (request,) = other.requests
        assert "Authorization" not in request


def test_a_server_leads_to_servers_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with web_server() as server:
        for there in ((tmp_path / "secret").as_uri(), "ftp://ann:s3cr3t-word@127.0.0.1/secret"):
            url = server.answer("/x", status=302, headers={"Location": there})
            error = refuse(tmp_path / "folder", want(url, b"secret"))
            assert error.code == "E_INDEX"
            assert there.partition(":")[0] in error.why[0]
            assert "s3cr3t-word" not in "".join(error.why)


def test_a_file_stays_as_it_is(tmp_path: Path) -> None:
    packed = gzip.compress(b"content")
    with web_server() as server:
        url = server.answer("/x", packed, headers={"Content-Encoding": "gzip"})
        fetch(tmp_path, [want(url, packed)], NOBODY)
    assert (tmp_path / "x.bin").read_bytes() == packed


def test_a_proxy_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://files.example/x"
    with web_server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        proxy.answers[url] = (200, {}, b"x", None)
        fetch(tmp_path, [want(url, b"x")], NOBODY)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        fetch(tmp_path, [want(proxy.answer("/y", b"y"), b"y")], NOBODY)
        assert [request["path"] for request in proxy.requests] == [url, "/y"]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody knows, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout key -out certificate"
    command = [find_program("openssl"), *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "certificate", folder / "key"


def test_certificates_are_those_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: tuple[Path, Path]
) -> None:
    certificate = str(tls[0])
    with web_server(tls) as server:
        wanted = want(server.answer("/x", b"x"), b"x")
        error = refuse(tmp_path / "folder", wanted)
        assert error.code == "E_INDEX"
        assert "CERTIFICATE_VERIFY_FAILED" in error.why[0]
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            with monkeypatch.context() as patch:
                patch.setenv(name, certificate)
                assert fetch(tmp_path / name, [wanted], NOBODY) == ["x.bin"]
        with monkeypatch.context() as patch:
            patch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle")
            assert "/nowhere/bundle" in refuse(tmp_path / "folder", wanted).why[0]
        # Those of requests: only where the system has none.
        monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", certificate)
        (tmp_path / "store").mkdir()
        (tmp_path / "store/some").write_text("")
        for capath, fits in (
            (None, True),
            (tmp_path / "folder", True),
            (tmp_path / "store", False),
        ):
            known = SimpleNamespace(cafile=None, capath=capath)
            monkeypatch.setattr("ssl.get_default_verify_paths", lambda known=known: known)
            if fits:
                assert fetch(tmp_path / str(capath is None), [wanted], NOBODY) == ["x.bin"]
            else:
                refuse(tmp_path / "folder", wanted)


def test_links_of_a_page_keep_its_login(tmp_path: Path) -> None:
    with LocalIndex(WHEEL, user="ann", password="s3cr3t-word") as index:
        page = f"{index.url_with_password}alpha/"
        login = page.partition("@")[0]
        assert Links(page, tmp_path).find(WHEEL.filename) == {
            "url": f"{login}@{index.file_url(WHEEL.filename).partition('://')[2]}"
        }
        with pytest.raises(HelperError) as caught:
            Links(index.project_url("alpha"), tmp_path)
        assert caught.value.code == "E_INDEX_AUTH"
    file = tmp_path / "page.html"
    file.write_text('<a href="files/a%20b.whl#sha256=0">x</a>')
    assert Links(file.as_uri(), tmp_path).find("a b.whl") == {
        "url": f"{tmp_path.as_uri()}/files/a%20b.whl"
    }
    for url in (f"{file.as_uri()}x", page):
        with pytest.raises(HelperError) as caught:
            Links(url, tmp_path)
        assert caught.value.code == "E_INDEX"
        assert "s3cr3t-word" not in str(caught.value.why)
