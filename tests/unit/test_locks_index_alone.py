"""The package index of the tests by itself: what it answers to whom."""

from __future__ import annotations

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator

import pytest
from distributions import make_sdist, make_wheel
from index_pages import HTML, JSON, TEXT, choose_type
from local_index import LocalIndex

OFFERED = (JSON, HTML, TEXT)

ONE = make_wheel("greeter", "1.0", ["idna>=3"])
TWO = make_wheel("greeter", "2.0")
IDNA = make_wheel("idna", "3.4")
BELL = make_sdist("bell", "1.0")
PAGE = "/simple/greeter/"


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index with a few distributions."""
    with LocalIndex(ONE, IDNA, BELL) as served:
        yield served


def get(
    index: LocalIndex, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask the index once."""
    connection = http.client.HTTPConnection(index.host, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=names)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html", TEXT),
        (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", JSON),
        (f"{JSON};q=0.2, {HTML};q=0.8, text/html;q=0.01", HTML),
        ("application/vnd.pypi.simple.latest+json", JSON),
        (f"{JSON};q=0, text/html", TEXT),
        ("image/png", ""),
        ("image/png, */*;q=0.1", TEXT),
    ],
)
def test_the_format_is_what_the_client_likes_best(accept: str, chosen: str) -> None:
    assert choose_type(accept, OFFERED) == chosen


def test_a_client_that_takes_nothing_gets_nothing(index: LocalIndex) -> None:
    response, content = get(index, PAGE, Accept="image/png")
    assert (response.status, content) == (406, b"")


@pytest.mark.parametrize("reason", [False, True, 'a <b> & "c"'])
def test_pages_say_the_same_in_both_formats(index: LocalIndex, reason: bool | str) -> None:
    index.add(make_wheel("a", "1+l", requires_python=">=3.9,<4"), yanked=reason)
    document = json.loads(get(index, "/simple/a/", Accept=JSON)[1])
    assert document["name"] == "a" and document["versions"] == ["1+l"]
    assert document["meta"] == {"api-version": "1.1"}
    (file,) = document["files"]
    assert file["yanked"] == reason and file["core-metadata"] == file["dist-info-metadata"]
    page = get(index, "/simple/a/", Accept=TEXT)[1].decode()
    assert f'href="{file["url"]}#sha256={file["hashes"]["sha256"]}"' in page
    assert 'data-requires-python="&lt;4,&gt;=3.9"' in page
    assert f'data-core-metadata="sha256={file["core-metadata"]["sha256"]}"' in page
    said = re.findall(r'data-yanked="([^"]*)"', page)
    texts: dict[bool | str, list[str]] = {False: [], True: [""]}
    assert said == texts.get(reason, ["a &lt;b&gt; &amp; &quot;c&quot;"])
    response, content = get(index, file["url"])
    assert response.headers["Content-Length"] == str(file["size"]) == str(len(content))


def test_names_lead_to_their_one_page(index: LocalIndex) -> None:
    for path in ("/simple/Greeter", "/simple/GREETER/", "/simple/greeter"):
        response, _ = get(index, path)
        assert (response.status, response.headers["Location"]) == (301, PAGE)
    assert get(index, "/simple/a%0d%0aX:%20y")[0].headers["X"] is None
    response, content = get(index, "/simple/", Accept=JSON)
    assert [p["name"] for p in json.loads(content)["projects"]] == ["bell", "greeter", "idna"]
    assert b'<a href="bell/">bell</a>' in get(index, "/simple/", Accept=TEXT)[1]


def test_a_page_is_asked_for_again_and_sent_when_it_is_new(index: LocalIndex) -> None:
    first, content = get(index, PAGE, Accept=JSON)
    assert first.headers["Cache-Control"] == "no-cache"
    etag = str(first.headers["ETag"])
    again, nothing = get(index, PAGE, Accept=JSON, If_None_Match=etag)
    assert (again.status, nothing) == (304, b"")
    assert get(index, PAGE, Accept=TEXT, If_None_Match=etag)[0].status == 200
    index.add(TWO)
    new, changed = get(index, PAGE, Accept=JSON, If_None_Match=etag)
    assert new.status == 200 and changed != content


def test_only_what_is_published_is_served(index: LocalIndex) -> None:
    path = index.file_url(ONE.filename).split(index.host)[1]
    response, content = get(index, path, "HEAD")
    assert (response.headers["Content-Length"], content) == (str(len(ONE.content)), b"")
    for wrong in (
        "/",
        "/files/",
        path.replace(ONE.sha256, IDNA.sha256),
        path.replace("greeter", "nobody"),
        index.file_url(BELL.filename).split(index.host)[1] + ".metadata",
        "/files/../../etc/passwd",
    ):
        assert get(index, wrong)[0].status == 404, wrong
    assert index.downloads == []


@pytest.mark.parametrize("where", ["nobody-1.0-py3-none-any.whl", "greeter-1.0.tar.gz.metadata"])
def test_a_fault_of_no_file_is_a_mistake_of_the_test(index: LocalIndex, where: str) -> None:
    with pytest.raises(KeyError):
        index.add_fault(where, status=500)


def test_a_mistake_of_the_index_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_words: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), LocalIndex(ONE) as index:
        monkeypatch.setattr(index, "answer", broken)
        with pytest.raises(http.client.RemoteDisconnected):
            get(index, PAGE)


def test_a_fault_waits_for_the_password() -> None:
    with LocalIndex(IDNA, user="me", password="pw") as index:
        index.add_fault("idna", status=403, times=1)
        nobody, _ = get(index, "/simple/idna/")
        assert nobody.status == 401
        assert nobody.headers["WWW-Authenticate"].startswith("Basic ")
        login = "Basic " + base64.b64encode(b"me:pw").decode()
        for status in (403, 200):
            assert get(index, "/simple/idna/", Authorization=login)[0].status == status
        wrong = "Basic " + base64.b64encode(b"me:other").decode()
        assert get(index, "/simple/idna/", Authorization=wrong)[0].status == 401
        assert [request.user for request in index.requests] == ["", "me", "me", "me"]


def test_several_clients_at_once_are_served(index: LocalIndex) -> None:
    fault = index.add_fault("idna", hold=True)
    threads = [threading.Thread(target=get, args=(index, "/simple/idna/")) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert fault.reached.wait(60)
    assert get(index, PAGE)[0].status == 200
    fault.go_on.set()
    for thread in threads:
        thread.join(60)
    assert [request.status for request in index.asked("idna")] == [200] * 20


def test_a_connection_serves_more_than_one_request(index: LocalIndex) -> None:
    connection = http.client.HTTPConnection(index.host, timeout=30)
    for method, path, status in (
        ("GET", PAGE, 200),
        ("HEAD", PAGE, 200),
        ("GET", "/simple/nobody/", 404),
        ("GET", "/simple/idna/", 200),
    ):
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.request("GET", "/simple/idna", headers={"Authorization": "Basic %%%"})
    assert connection.getresponse().status == 301
    connection.close()
