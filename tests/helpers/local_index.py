"""A package index on 127.0.0.1 that serves made distributions, and fails as tests want it to.

    with LocalIndex(make_wheel("a", "1.0"), make_sdist("a", "0.9")) as index:
        index.add(make_wheel("a", "2.0"), yanked="broken", upload_time="2024-06-01T00:00:00Z")
        fault = index.add_fault("a", status=503, times=1)          # the page of a project
        index.add_fault("a-1.0-py3-none-any.whl", truncated=True)  # a file
        index.add_fault("a-1.0-py3-none-any.whl.metadata", status=404)
        subprocess.run(["uv", "pip", "install", "a"], env={..., **index.env})
        assert index.downloads == ["a-1.0-py3-none-any.whl"]

Pages are HTML (PEP 503) or JSON (PEP 691), as the client's Accept says, with hashes, the metadata
of wheels (PEP 658, PEP 714), yanked files (PEP 592), sizes and times of upload (PEP 700: JSON
only). What is at the address of a file never changes; a page may be kept, but is to be asked for
again. Any number of indexes may run at once, each with a port, users and faults of its own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from distributions import Distribution
from index_pages import TYPES, Entry, Style, choose_type, file_path, list_page, project_page
from packaging.utils import canonicalize_name

UPLOADED = "2024-01-01T00:00:00Z"

# No client waits longer for what a test holds back, in seconds.
PATIENCE = 60


@dataclass(frozen=True)
class Request:
    """What a client asked, and what it got.

    Attributes:
        method: GET or HEAD.
        path: as the client wrote it.
        kind: "page", "file", "metadata" or "other" (the list of all projects, and what is nothing).
        name: the project of a page, the base name of a file (of metadata: that of its wheel).
        status: of the answer; 0 when the connection was closed without one.
        content_type: of the answer.
        user: who the client said it is, "" when it said nothing; never a password.
    """

    method: str
    path: str
    kind: str
    name: str
    status: int
    content_type: str
    user: str


@dataclass
class Fault:
    """How answers go wrong; all that is set happens.

    Attributes:
        status: answer with this status and no content.
        times: so many answers, then all is well; None means always. Not of ``wrong_hash``, which
            is said on the page, whoever reads it.
        wrong_hash: the page says the digest of another file.
        tampered: the file is a valid archive of the same size with other bytes.
        truncated: half is sent, then the connection breaks.
        short: half is sent, as if it were all.
        dropped: the connection is closed without an answer.
        hold: half is sent, and the rest when ``go_on`` is set.
        redirect: the address that the client is sent to (302).
        content: sent instead of what it should be.
        content_type: said instead of what it should be.
        headers: more headers, such as {"Retry-After": "1"}.
        reached: set as soon as the fault has begun.
        go_on: see ``hold``.
    """

    status: int = 0
    times: int | None = None
    wrong_hash: bool = False
    tampered: bool = False
    truncated: bool = False
    short: bool = False
    dropped: bool = False
    hold: bool = False
    redirect: str = ""
    content: bytes | None = None
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Answer:
    """What is sent, before a fault changes it."""

    status: int
    kind: str = "other"
    name: str = ""
    content: bytes = b""
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


def tamper(content: bytes) -> bytes:
    """Return an archive (zip or gzip) of the same size that holds the same, but a time."""
    # In a local header of zip the time is at 10; in the header of gzip at 4 (RFC 1952).
    place = 10 if content.startswith(b"PK") else 4
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


class LocalIndex:
    """An index; a context manager that serves as long as it is entered.

    Attributes:
        requests: what was asked, in order. An answer is noted before it is sent.
        faults: by what they are of; see ``add_fault``.
        errors: what went wrong in the index itself; leaving it raises the first.
    """

    def __init__(
        self,
        *distributions: Distribution,
        user: str = "",
        password: str = "",
        formats: Sequence[str] = ("json", "html"),
        hashes: bool = True,
        metadata: bool = True,
    ) -> None:
        """Prepare the index.

        Args:
            distributions: as for ``add``.
            user, password: who may ask (Basic: RFC 7617); everybody when both are "".
            formats: "json", "html": what pages there are.
            hashes: whether pages say digests.
            metadata: whether the metadata of wheels can be had without them.
        """
        self.requests: list[Request] = []
        self.faults: dict[str, Fault] = {}
        self.errors: list[BaseException] = []
        self._all_faults: list[Fault] = []
        self._user, self._password = user, password
        self._types = [kind for format_ in formats for kind in TYPES[format_]]
        self._style = Style(hashes, metadata)
        self._projects: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self.add(*distributions)

    def add(
        self,
        *distributions: Distribution,
        yanked: bool | str = False,
        upload_time: str = UPLOADED,
        requires_python: str | None = None,
    ) -> None:
        """Publish distributions; one of the same file name is replaced.

        Args:
            distributions: what is made by ``distributions``.
            yanked: whether they are, or why (PEP 592).
            upload_time: RFC 3339, such as 2024-06-01T12:00:00Z; "" to say none.
            requires_python: what the page says; by default what the distribution says.
        """
        for one in distributions:
            said = one.requires_python if requires_python is None else requires_python
            self.remove(one.filename)
            self.add_project(one.name)
            self._projects[one.project].append(Entry(one, yanked, upload_time, said))

    def add_project(self, name: str) -> None:
        """Make a project, which has no file yet."""
        self._projects.setdefault(canonicalize_name(name), [])

    def remove(self, filename: str) -> None:
        """Take a file away, if it is there; its project stays."""
        for entries in self._projects.values():
            entries[:] = [e for e in entries if e.distribution.filename != filename]

    def add_fault(self, where: str, **fault: Any) -> Fault:
        """Let answers go wrong from now on; replaces the fault that was there.

        Args:
            where: a project (its page), the name of a file, that name with ``.metadata``, or ""
                for all that has no fault of its own.
            fault: what ``Fault`` takes.

        Raises:
            KeyError: when there is no such file.
        """
        if where.endswith((".whl", ".tar.gz", ".metadata")):
            self.entry(where[: -len(".metadata")] if where.endswith(".metadata") else where)
            key = where
        else:
            key = canonicalize_name(where) if where else ""
        self.faults[key] = Fault(**fault)
        self._all_faults.append(self.faults[key])
        return self.faults[key]

    def clear_faults(self) -> None:
        """Let all be well again, also what is held back now."""
        for fault in self._all_faults:
            fault.go_on.set()
        self.faults.clear()

    def entry(self, filename: str) -> Entry:
        """Return a published file; KeyError when there is none of this name."""
        for entries in self._projects.values():
            for entry in entries:
                if entry.distribution.filename == filename:
                    return entry
        raise KeyError(filename)

    @property
    def host(self) -> str:
        """The address and the port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the index, without user and password."""
        return f"http://{self.host}/simple/"

    @property
    def url_with_password(self) -> str:
        """The address with user and password."""
        user, password = quote(self._user, safe=""), quote(self._password, safe="")
        return f"http://{user}:{password}@{self.host}/simple/"

    def project_url(self, name: str) -> str:
        """The address of the page of a project."""
        return f"{self.url}{canonicalize_name(name)}/"

    def file_url(self, filename: str) -> str:
        """The address of a file, without user and password."""
        return f"http://{self.host}{file_path(self.entry(filename).distribution)}"

    @property
    def env(self) -> dict[str, str]:
        """What makes pip and uv ask this index and no other, without user and password.

        For a private HOME: caches are left where they are.
        """
        return {
            "PIP_INDEX_URL": self.url,
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_NO_INDEX": "",
            "PIP_FIND_LINKS": "",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_DEFAULT_INDEX": self.url,
            "UV_INDEX": "",
            "UV_INDEX_URL": "",
            "UV_EXTRA_INDEX_URL": "",
            "UV_FIND_LINKS": "",
            "UV_PYTHON_DOWNLOADS": "never",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    @property
    def downloads(self) -> list[str]:
        """The names of the files that were asked for and sent, in order; whole or not."""
        sent = ("file", "GET", 200)
        return [r.name for r in self.requests if (r.kind, r.method, r.status) == sent]

    def asked(self, name: str) -> list[Request]:
        """Return what was asked of a project's page, or of a file and its metadata."""
        wanted = name if name.endswith((".whl", ".tar.gz")) else canonicalize_name(name)
        return [request for request in self.requests if request.name == wanted]

    def __enter__(self) -> LocalIndex:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear_faults()
        self._server.shutdown()
        self._thread.join()
        self._server.break_connections()
        self._server.server_close()
        if self.errors and exception[0] is None:
            raise self.errors[0]

    def find_fault(self, answer: Answer) -> Fault | None:
        """Return the fault of an answer, and count it."""
        key = answer.name + (".metadata" if answer.kind == "metadata" else "")
        with self._lock:
            for fault in (self.faults.get(key), self.faults.get("")):
                if fault is not None and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def user_of(self, authorization: str) -> tuple[str, bool]:
        """Return who a client says it is, and whether it may ask."""
        try:
            said = base64.b64decode(authorization.partition(" ")[2])
        except ValueError:
            said = b""
        try:
            given = said.decode()
        except UnicodeDecodeError:
            # So does pip write what is not ASCII.
            given = said.decode("latin-1")
        if not (self._user or self._password):
            return given.partition(":")[0], True
        return given.partition(":")[0], given == f"{self._user}:{self._password}"

    def answer(self, path: str, accept: str, etag: str) -> Answer:
        """Return what there is at a path of this index."""
        parts = [unquote(part) for part in urlsplit(path).path.split("/") if part]
        if parts[:1] == ["simple"] and len(parts) <= 2:
            return self._page(path, "".join(parts[1:]), accept, etag)
        if len(parts) == 3 and parts[0] == "files":
            return self._file(parts[1], parts[2])
        return Answer(404)

    def _page(self, path: str, name: str, accept: str, etag: str) -> Answer:
        """Return the page of a project, or of all when ``name`` is ""."""
        project = canonicalize_name(name)
        kind = "page" if name else "other"
        right = f"/simple/{quote(project)}/" if name else "/simple/"
        if urlsplit(path).path != right:
            return Answer(301, kind, project, headers=(("Location", right),))
        if name and project not in self._projects:
            return Answer(404, kind, project)
        content_type = choose_type(accept, self._types)
        if not content_type:
            return Answer(406, kind, project)
        if name:
            lies = [key for key, fault in self.faults.items() if fault.wrong_hash]
            style = replace(self._style, lies=lies)
            content = project_page(content_type, project, self._projects[project], style)
        else:
            content = list_page(content_type, sorted(self._projects))
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = (("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Accept"))
        if etag == tag:
            return Answer(304, kind, project, b"", content_type, headers)
        return Answer(200, kind, project, content, content_type, headers)

    def _file(self, digest: str, name: str) -> Answer:
        """Return a file, or the metadata of a wheel."""
        is_metadata = name.endswith(".metadata")
        filename = name[: -len(".metadata")] if is_metadata else name
        kind = "metadata" if is_metadata else "file"
        try:
            one = self.entry(filename).distribution
        except KeyError:
            return Answer(404, kind, filename)
        if one.sha256 != digest or (is_metadata and not self._style.has_metadata(one)):
            return Answer(404, kind, filename)
        headers = (("Cache-Control", "max-age=31536000, immutable"),)
        content = one.metadata if is_metadata else one.content
        return Answer(200, kind, filename, content, "application/octet-stream", headers)


class _Server(ThreadingHTTPServer):
    """The server of an index: knows its connections, so that nothing of them is left."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, index: LocalIndex) -> None:
        self.index = index
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a client in a thread of its own."""
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """Wake the threads that wait for the next request of a client."""
        for connection in list(self.connections):
            # It may be closed already.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; remember all else."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, (ConnectionError, TimeoutError)):
            self.index.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Answers a client, and lets a fault change the answer."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer, note it, and send the answer."""
        index = self.server.index
        user, may = index.user_of(self.headers.get("Authorization", ""))
        etag = self.headers.get("If-None-Match", "")
        answer = index.answer(self.path, self.headers.get("Accept", ""), etag)
        fault = None
        if not may:
            challenge = (("WWW-Authenticate", 'Basic realm="index"'),)
            answer = Answer(401, answer.kind, answer.name, headers=challenge)
        else:
            fault = index.find_fault(answer)
        if fault is not None:
            answer = self.change(answer, fault)
        index.requests.append(
            Request(
                self.command,
                self.path,
                answer.kind,
                answer.name,
                answer.status,
                answer.content_type,
                user,
            )
        )
        if answer.status:
            self.send(answer, fault or Fault())
        else:
            self.close_connection = True

    do_HEAD = do_GET

    def change(self, answer: Answer, fault: Fault) -> Answer:
        """Return an answer as a fault has it."""
        status, content, headers = answer.status, answer.content, dict(answer.headers)
        if not fault.hold:
            fault.reached.set()
        if fault.tampered and answer.kind == "file":
            content = tamper(content)
        if fault.content is not None:
            status, content = 200, fault.content
        if fault.short:
            content = content[: len(content) // 2]
        if fault.redirect:
            status, content, headers["Location"] = 302, b"", fault.redirect
        if fault.status:
            status, content, headers = fault.status, b"", {}
        if fault.dropped:
            status = 0
        headers.update(fault.headers)
        kind = fault.content_type or answer.content_type
        return Answer(status, answer.kind, answer.name, content, kind, tuple(headers.items()))

    def send(self, answer: Answer, fault: Fault) -> None:
        """Send an answer, all of it or half."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        content = answer.content
        if answer.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(content) // 2
        self.wfile.write(content[:half])
        if fault.hold:
            fault.reached.set()
            fault.go_on.wait(PATIENCE)
        if fault.truncated:
            self.close_connection = True
        else:
            self.wfile.write(content[half:])

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""
