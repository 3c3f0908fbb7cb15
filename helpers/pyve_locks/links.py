"""Where files of packages lie beside any index: folders, and pages with links to them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from pyve_core import HelperError
from pyve_core.errors import redact
from pyve_files.archives import check_archive

__all__ = ["Links"]

SECONDS = 30
LARGEST_PAGE = 64 << 20


class Links:
    """One place with files of packages.

    Attributes:
        place: an absolute path, or a URL.
    """

    def __init__(self, place: str, root: Path) -> None:
        """Take a place: the path of a folder (from ``root``), or the URL of an HTML page.

        Raises:
            HelperError: E_INDEX, E_INDEX_AUTH, when the page cannot be had.
        """
        self.is_url = "://" in place
        self.place = place if self.is_url else os.path.abspath(root / place)
        self._urls = _read_page(place) if self.is_url else {}

    def find(self, name: str) -> dict[str, str]:
        """Say where a file is: a table with ``url`` or ``path``, {} when it is not there.

        Raises:
            HelperError: E_ARCHIVE for one that is not what a package has to be.
        """
        if self.is_url:
            return {"url": self._urls[name]} if name in self._urls else {}
        file = os.path.join(self.place, name)
        if not name or not os.path.isfile(file):
            return {}
        check_archive(Path(file), thorough=False)
        return {"path": file}


def _read_page(url: str) -> dict[str, str]:
    """Give the files that a page links to: name -> address, with the user of the page's own."""
    # Late: folders are the rule.
    from html.parser import HTMLParser

    from pyve_locks.logins import Logins
    from pyve_locks.web import FAILURES, LOCKED, explain, read_page

    addresses: list[str] = []

    class Anchors(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            address = dict(attrs).get("href")
            if tag == "a" and address:
                addresses.append(address)

    shown, message = redact(url), "the page of --find-links cannot be had"
    try:
        page = read_page(url, Logins({}), "text/html", SECONDS, LARGEST_PAGE)
    except FAILURES as error:
        raise HelperError("E_INDEX", message, [explain(error), shown]) from error
    if page.status != 200:
        code = "E_INDEX_AUTH" if page.status in LOCKED else "E_INDEX"
        raise HelperError(code, message, [f"HTTP status {page.status}", shown])
    Anchors().feed(page.content.decode("utf-8", "replace"))
    user = urlsplit(url).netloc.rpartition("@")[0]
    found: dict[str, str] = {}
    for address in addresses:
        try:
            parts = urlsplit(urldefrag(urljoin(page.url, address))[0])
        except ValueError:
            # (It has a bracket where a host should be.)
            continue
        name = unquote(parts.path).rpartition("/")[2]
        if user and parts.netloc == urlsplit(page.url).netloc:
            parts = parts._replace(netloc=f"{user}@{parts.netloc}")
        if name:
            found.setdefault(name, urlunsplit(parts))
    return found
