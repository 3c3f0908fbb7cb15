"""Fetch a URL, or take the micromamba executable out of a tarball, where other programs lack.

Usage: fetch.py get FILE LIMIT SCHEMES
       fetch.py unpack TARBALL FILE LIMIT

LIMIT is the largest size of FILE in bytes; SCHEMES are the URL schemes that redirects may lead to,
with commas between them. The URL comes on stdin, because arguments can be read by everybody.
Nothing is written but FILE. Exit status 0: done; 3: the download failed; 4: FILE cannot be written;
5: it would be larger than LIMIT; 6: the tarball is damaged, or has not exactly one bin/micromamba
that is a file. One line on stderr says why.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 65536
TIMEOUT = 30.0  # seconds without a byte
MEMBERS = ("bin/micromamba", "./bin/micromamba")

FETCH, WRITE, SIZE, ARCHIVE = 3, 4, 5, 6


class HelperError(Exception):
    """A failure with the exit status that stands for it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def copy(read: Callable[[int], bytes], out: IO[bytes], limit: int) -> int:
    """Copy until the end of the input.

    Args:
        read: gives at most so many bytes, and none at the end.
        out: where they go.
        limit: the largest number of bytes.

    Returns:
        The number of bytes.

    Raises:
        HelperError: SIZE when there is more than ``limit``, WRITE when ``out`` takes no more.
    """
    total = 0
    while True:
        data = read(CHUNK)
        if not data:
            return total
        total += len(data)
        if total > limit:
            raise HelperError(SIZE, "it is larger than %d bytes" % limit)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[out.write(rest) :]
        except OSError as error:
            raise HelperError(WRITE, error.strerror or str(error)) from error


def fetch(url: str, file: str, limit: int, schemes: list[str]) -> None:
    """Fetch ``url`` into ``file``.

    Args:
        url: where from; user and password in it are sent as basic authentication.
        file: where to.
        limit: the largest size, in bytes.
        schemes: what the URL and all that it redirects to may begin with.

    Raises:
        HelperError: FETCH, WRITE or SIZE.
    """
    import http.client
    import urllib.error
    import urllib.parse
    import urllib.request

    class Redirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Any:
            if urllib.parse.urlsplit(newurl).scheme not in schemes:
                raise HelperError(FETCH, "it redirects to a URL that is not https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(url)
    if parts.username is not None:
        import base64

        host = parts.netloc.rpartition("@")[2]
        request = urllib.request.Request(parts._replace(netloc=host).geturl())
        login = "%s:%s" % (
            urllib.parse.unquote(parts.username),
            urllib.parse.unquote(parts.password or ""),
        )
        # Not sent on to where it redirects to.
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(login.encode()).decode()
        )
    try:
        opener = urllib.request.build_opener(Redirects)
        with opener.open(request, timeout=TIMEOUT) as answer, open_new(file) as out:
            total = copy(answer.read, out, limit)
            length = answer.headers.get("Content-Length")
    except HelperError:
        raise
    except urllib.error.HTTPError as error:
        raise HelperError(FETCH, "HTTP status %d" % error.code) from error
    except urllib.error.URLError as error:
        raise HelperError(FETCH, str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HelperError(FETCH, str(error) or type(error).__name__) from error
    if length is not None and length.isdigit() and int(length) != total:
        raise HelperError(FETCH, "it broke off after %d of %s bytes" % (total, length))


def open_new(file: str) -> IO[bytes]:
    """Open ``file`` for writing, without a buffer that would hide a full disk until later.

    Raises:
        HelperError: WRITE.
    """
    try:
        return open(file, "wb", buffering=0)
    except OSError as error:
        raise HelperError(WRITE, error.strerror or str(error)) from error


def unpack(tarball: str, file: str, limit: int) -> None:
    """Write the content of the one member bin/micromamba of a tarball into ``file``.

    Args:
        tarball: a tar archive (POSIX.1-2001, ustar, GNU), compressed or not.
        file: where to.
        limit: the largest size of the member, in bytes.

    Raises:
        HelperError: ARCHIVE, WRITE or SIZE.
    """
    import lzma
    import tarfile
    import zlib

    try:
        with tarfile.open(tarball, "r:*") as archive:
            found = []
            for member in archive:
                if member.offset + member.size > limit:
                    raise HelperError(SIZE, "it is larger than %d bytes" % limit)
                if member.name in MEMBERS:
                    found.append(member)
            if len(found) != 1 or not found[0].isreg():
                raise HelperError(
                    ARCHIVE, "it has %d bin/micromamba; expected is one, a file" % len(found)
                )
            source = archive.extractfile(found[0])
            assert source is not None, "a regular member has content"
            with open_new(file) as out:
                copy(source.read, out, limit)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise HelperError(ARCHIVE, str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise HelperError(WRITE, error.strerror or str(error)) from error
        raise HelperError(ARCHIVE, str(error)) from error


def log_what_is_started() -> None:
    """Log programs and requests as other helpers do; with PYVE_LOG=debug only."""
    if os.environ.get("PYVE_LOG") == "debug" and sys.version_info >= (3, 9):
        # (python -I does not have this folder there.)
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        from pyve_core.debug_log import start_logging

        start_logging()


def main(argv: list[str]) -> int:
    """Do what the arguments say, and return the exit status."""
    try:
        if argv[0] == "get":
            fetch(sys.stdin.readline().rstrip("\n"), argv[1], int(argv[2]), argv[3].split(","))
        else:
            unpack(argv[1], argv[2], int(argv[3]))
    except HelperError as error:
        sys.stderr.write("%s\n" % " ".join(str(error).split()))
        return error.status
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    log_what_is_started()
    sys.exit(main(sys.argv[1:]))
