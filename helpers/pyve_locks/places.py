"""Where uv would look for distributions: URLs of indexes, with credentials, and folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pyve_locks.made_project import fixes_index, list_indexes, names_index
from pyve_locks.requirement import strip_credentials
from pyve_locks.uv_run import uv_environment

if TYPE_CHECKING:
    from pathlib import Path

    from pyve_locks.manifest import Manifest
    from pyve_locks.solve import SolveOptions

__all__ = ["find_place", "list_logins", "list_places"]


def list_places(manifest: Manifest, options: SolveOptions) -> list[str]:
    """Give the indexes that are named: by options, files, and the environment.

    The one that uv asks when nobody names any is not among them.
    """
    environ = os.environ if options.environ is None else options.environ
    env = uv_environment(environ, fixes_index(manifest, options), names_index(manifest, options))
    known = [str(index["url"]) for index in list_indexes(manifest, options)]
    for key in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        # An index may have a name before it: NAME=URL.
        words = env.get(key, "").split()
        known += [
            word if "://" in word.split("=")[0] else word.rpartition("=")[2] for word in words
        ]
    return list(dict.fromkeys(known))


def list_logins(root: Path) -> list[str]:
    """Give the indexes that a project names with a user in their URL; none where it is unreadable.

    Args:
        root: the project's folder.
    """
    from pyve_core import HelperError
    from pyve_locks.manifest import read_manifest
    from pyve_locks.solve import SolveOptions

    try:
        places = list_places(read_manifest(root), SolveOptions())
    except HelperError:
        return []
    return [place for place in places if urlsplit(place).username]


def find_place(registry: str, manifest: Manifest, options: SolveOptions) -> str:
    """Give what uv.lock calls the source of a distribution with the credentials for it.

    Returns:
        A URL, or the absolute path of a folder.
    """
    if registry.startswith("file:"):
        return unquote(urlsplit(registry).path)
    for place in list_places(manifest, options):
        if strip_credentials(place).rstrip("/") == registry.rstrip("/"):
            return place
    return registry
