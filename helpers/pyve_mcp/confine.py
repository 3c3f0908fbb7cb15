"""Keeping to the folders that an agent may work in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from pyve_core import HelperError


def read_root(uri: str) -> str:
    """Give the folder that a ``file:`` URI names, or "" when it is another kind of URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        return ""
    path = unquote(parts.path, errors="surrogateescape")
    return "" if "\0" in path else path


def is_inside(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or something in it. Both are real paths."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def find_project(folder: str) -> str:
    """Give the nearest folder upwards that has a .pyve/config, or "", as lib/config.sh does."""
    while not os.path.isfile(os.path.join(folder, ".pyve", "config")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder


def list_links(project: str, writes: bool) -> Iterator[str]:
    """List the links in a project that Pyve would follow.

    Args:
        project: its real path.
        writes: also those to environments, which are written to only by what changes them.
    """
    own = os.path.join(project, ".pyve")
    if os.path.islink(own):
        yield own
    folders = [own, os.path.join(own, "envs"), os.path.join(own, "testenv")]
    for folder in [*folders, project] if writes else folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_symlink():
                    continue
                if folder == project:
                    is_followed = os.path.isfile(os.path.join(entry.path, "pyvenv.cfg"))
                else:
                    # (The lock of the project is a link that names a process.)
                    is_followed = entry.name != "lock" and not entry.name.startswith("mcp.")
                if is_followed:
                    yield entry.path


class Confinement:
    """The folders that an agent may work in.

    Attributes:
        stated: whether the client named them; otherwise it is the folder of the start.
        folders: their real paths.
    """

    def __init__(self, start: str, uris: Sequence[str] = ()) -> None:
        self.stated = bool(uris)
        named = [read_root(uri) for uri in uris] if uris else [start]
        self.folders = [os.path.realpath(name) for name in named if name and os.path.isdir(name)]
        # At the root of the file system nothing would be confined: clients start there by accident.
        self._is_rootless = not self.stated and self.folders == ["/"]
        if self._is_rootless:
            self.folders = []

    def resolve(self, directory: str = "", writes: bool = False) -> str:
        """Give the real path of the folder that a tool is to work in.

        Args:
            directory: as the agent gave it, relative to the first folder; "" is that one.
            writes: whether the tool may change the environment.

        Raises:
            HelperError: E_MCP_ROOT when it is not in one of the folders, or its project is not, or
                leads out of them.
        """
        if not self.folders:
            raise self._refuse_all()
        path = self.check(directory or self.folders[0], self.folders[0])
        if not os.path.isdir(path):
            raise HelperError("E_MCP_ROOT", f"there is no folder {path}", self._list())
        project = find_project(path)
        if project and not self.holds(project):
            raise HelperError(
                "E_MCP_ROOT",
                f"{path} belongs to a project outside of the folders that this server may work in",
                [f"the project is {project}", *self._list()],
                self._propose(project),
            )
        for link in list_links(project or path, writes):
            real = os.path.realpath(link)
            if not self.holds(real):
                raise HelperError(
                    "E_MCP_ROOT",
                    f"{link} leads out of the folders that this server may work in",
                    [f"it leads to {real}", *self._list()],
                )
        return path

    def find_home(self) -> str:
        """Give the project of the first folder, or that folder; "" where it may not be used."""
        if not self.folders:
            return ""
        home = find_project(self.folders[0]) or self.folders[0]
        return home if self.holds(home) else ""

    def check(self, path: str, base: str) -> str:
        """Give the real path of a file or folder.

        Raises:
            HelperError: E_MCP_ROOT when it is not in one of the folders.
        """
        real = "" if "\0" in path else os.path.realpath(os.path.join(base, path))
        if real and self.holds(real):
            return real
        raise HelperError(
            "E_MCP_ROOT",
            f"{path!r} is outside of the folders that this server may work in",
            ([f"it leads to {real}"] if real and real != path else []) + self._list(),
            self._propose(real),
        )

    def holds(self, path: str) -> bool:
        """Tell whether a real path is in one of the folders."""
        return any(is_inside(path, folder) for folder in self.folders)

    def _list(self) -> list[str]:
        source = "the client's roots are" if self.stated else "the server was started in"
        return [f"{source} {', '.join(self.folders)}"]

    def _propose(self, path: str) -> list[str]:
        import shlex

        if self.stated or not os.path.isdir(path):
            return []
        return [f"pyve -C {shlex.quote(path)} mcp"]

    def _refuse_all(self) -> HelperError:
        if self._is_rootless:
            return HelperError(
                "E_MCP_ROOT",
                "there is no folder that this server may work in",
                "it was started in / and the client named no roots",
                "pyve mcp install",
            )
        return HelperError(
            "E_MCP_ROOT",
            "there is no folder that this server may work in",
            "none of the client's roots is a folder on this machine"
            if self.stated
            else "the folder that it was started in is gone",
        )
