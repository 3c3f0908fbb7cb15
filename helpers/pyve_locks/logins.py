"""User and password for what a lock names: locks have URLs without them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from requests.auth import HTTPBasicAuth
from requests.utils import get_netrc_auth

if TYPE_CHECKING:
    from pathlib import Path

    from requests import PreparedRequest

__all__ = ["Logins", "find_logins"]


class Logins:
    """Who to be, as the URL says; by scheme, host and port; or as ~/.netrc says for the host."""

    def __init__(self, known: dict[str, tuple[str, str]]) -> None:
        """Take user and password for each ``scheme://host:port``."""
        self._known = known

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the login into a request, and take it out of its URL, as requests calls it."""
        url = request.url or ""
        parts = urlsplit(url)
        login = _login_of(parts) or self._known.get(_server_of(parts)) or get_netrc_auth(url)
        request.url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if login is None:
            return request
        # (A text would be sent as Latin-1.)
        return HTTPBasicAuth(login[0].encode(), login[1].encode())(request)


def _server_of(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _login_of(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def find_logins(root: Path) -> Logins:
    """Gather what the files of a project and the environment say.

    That is: indexes with user and password in their URL (uv's and pip's variables, pyproject.toml,
    uv.toml, requirements files), and UV_INDEX_<NAME>_USERNAME and _PASSWORD of those with a name.
    """
    # Late: who only asks ~/.netrc needs none of it.
    from pyve_core import HelperError
    from pyve_locks.made_project import list_indexes
    from pyve_locks.manifest import read_manifest
    from pyve_locks.places import list_places
    from pyve_locks.solve import SolveOptions
    from pyve_locks.uv_run import uv_environment

    env = uv_environment(os.environ)
    options = SolveOptions(environ=env)
    places: list[str] = []
    named: list[tuple[str, str]] = []
    try:
        manifest = read_manifest(root)
        places = list_places(manifest, options)
        for index in list_indexes(manifest, options):
            if index.get("name"):
                named.append((str(index["name"]), str(index["url"])))
    except HelperError:
        # A lock of another tool may stand alone.
        for key in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
            places += [word[word.find("=") + 1 :] for word in env.get(key, "").split()]
    for word in f"{env.get('UV_INDEX', '')} {env.get('UV_DEFAULT_INDEX', '')}".split():
        name, equals, url = word.partition("=")
        if equals and "://" not in name:
            named.append((name, url))
    known: dict[str, tuple[str, str]] = {}
    for url in places:
        parts = urlsplit(url)
        login = _login_of(parts)
        if login:
            known.setdefault(_server_of(parts), login)
    for name, url in named:
        key = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        login = env.get(f"{key}_USERNAME", ""), env.get(f"{key}_PASSWORD", "")
        if any(login):
            known.setdefault(_server_of(urlsplit(url)), login)
    return Logins(known)
