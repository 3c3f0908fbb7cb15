"""What an index, or a folder of distributions, has: its files of a name, and its names.

Source: the simple repository API, as JSON (PEP 691, 700) or HTML (PEP 503, 592).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

__all__ = ["IndexFile", "list_files", "list_names", "read_file_name"]

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
SECONDS = 10
# A page of one name, and the list of all names: larger ones are not read.
LARGEST_PAGE = 64 << 20
LARGEST_LIST = 2 << 20


@dataclass(frozen=True)
class IndexFile:
    """A file that an index has.

    Attributes:
        version: of the distribution.
        platforms: of a wheel, as its tags say, such as ``win_amd64``; () for a source distribution.
        is_yanked: whether it was taken back.
    """

    version: Version
    platforms: tuple[str, ...] = ()
    is_yanked: bool = False


class _Links(HTMLParser):
    """Collects the links of a page: the last part of their address, and whether they are yanked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link."""
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            path = urlsplit(given["href"] or "").path.rstrip("/")
            self.found.append((unquote(path.rsplit("/", 1)[-1]), "data-yanked" in given))


def read_file_name(filename: str, is_yanked: bool = False) -> tuple[str, IndexFile] | None:
    """Read the name of a wheel or source distribution.

    Returns:
        The normalised name of the distribution, and what the file is; None for other files.
    """
    try:
        if filename.endswith(".whl"):
            name, version, _, tags = parse_wheel_filename(filename)
            platforms = tuple(sorted({tag.platform for tag in tags}))
            return name, IndexFile(version, platforms, is_yanked)
        name, version = parse_sdist_filename(filename)
        return name, IndexFile(version, (), is_yanked)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def list_files(index: str, name: str) -> list[IndexFile]:
    """List the files of a distribution.

    Args:
        index: URL of the index, with its credentials if need be, or an absolute path of a folder.
        name: of the distribution.

    Returns:
        [] also when the index does not answer.
    """
    wanted = canonicalize_name(name)
    if os.path.isabs(index):
        try:
            given = [(file, False) for file in sorted(os.listdir(index))]
        except OSError:
            given = []
    else:
        given = _read_links(urljoin(f"{index.rstrip('/')}/", f"{wanted}/"), LARGEST_PAGE)
    read = [read_file_name(file, is_yanked) for file, is_yanked in given]
    return [one[1] for one in read if one is not None and one[0] == wanted]


def list_names(index: str) -> list[str]:
    """List the names that an index has; [] when it does not answer, or has very many."""
    if os.path.isabs(index):
        return []
    found = _read_links(f"{index.rstrip('/')}/", LARGEST_LIST)
    return sorted({str(canonicalize_name(name)) for name, _ in found})


def _read_links(url: str, largest: int) -> list[tuple[str, bool]]:
    """Read the links of a page: names of files or projects, and whether they are yanked."""
    content, kind = _fetch(url, largest)
    try:
        if "json" in kind:
            page = json.loads(content)
            files = [
                (str(one["filename"]), bool(one.get("yanked"))) for one in page.get("files", ())
            ]
            return files or [(str(one["name"]), False) for one in page.get("projects", ())]
        links = _Links()
        links.feed(content.decode("utf-8", "replace"))
        return links.found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _fetch(url: str, largest: int) -> tuple[bytes, str]:
    """Give content and type; empty when the server does not answer well, or with more."""
    # Late: only a failure needs it.
    from pyve_locks.logins import Logins
    from pyve_locks.web import FAILURES, read_page

    if urlsplit(url).scheme not in ("http", "https"):
        return b"", ""
    try:
        page = read_page(url, Logins({}), ACCEPT, SECONDS, largest + 1)
    except FAILURES:
        return b"", ""
    if page.status != 200 or len(page.content) > largest:
        return b"", ""
    return page.content, page.kind
