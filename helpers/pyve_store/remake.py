"""Fetching packages of an environment again, for repair."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError

if TYPE_CHECKING:
    from pyve_locks.links import Links
    from pyve_store.digest import Interpreter


class Fetcher:
    """A Maker (see repair.py): uv, with the interpreter that the environment was made with."""

    def __init__(self, root: Path, offline: bool, find_links: Sequence[str]) -> None:
        """Note what is to be done later.

        Args:
            root: the folder whose settings of indexes and logins count.
            offline: whether the network is left alone.
            find_links: folders and pages that have files of packages.
        """
        self.root = root
        self.offline = offline
        self.places = find_links

    def find_interpreter(self, fields: Mapping[str, str]) -> Interpreter:
        """Give the interpreter that an environment was made with.

        Raises:
            HelperError: E_STORE_REPAIR: it is gone.
        """
        from pyve_store.digest import Interpreter

        python = fields.get("interpreter", "")
        if not os.path.isabs(python) or not os.access(python, os.X_OK):
            raise HelperError(
                "E_STORE_REPAIR",
                "an environment of the store cannot be repaired",
                [
                    f"its Python {fields.get('version', '')} is gone: {python or 'not on record'}",
                    "--drop removes it; pyve sync in its projects makes one with another Python",
                ],
                "pyve store repair --drop",
            )
        return Interpreter(
            python,
            fields.get("python", ""),
            fields.get("version", ""),
            fields.get("implementation", "cpython"),
            fields.get("platform", ""),
        )

    def make(self, fields: Mapping[str, str], lock: Path, names: Collection[str], to: Path) -> Path:
        """Fetch packages and lay them out as in an entry; see Maker."""
        from pyve_locks.lock_file import read_lock
        from pyve_locks.sync import made_lock
        from pyve_store.digest import choose
        from pyve_store.fill import Wishes, make_draft, write_summaries
        from pyve_store.unpack import Engine

        python = self.find_interpreter(fields)
        own, startup, unrecorded = (
            tuple(fields.get(key, "").split()) for key in ("own", "startup", "record")
        )
        wishes = Wishes(own, startup, unrecorded)
        whole = read_lock(lock)
        links = self.find_links()
        choice = choose(whole, python)
        choice.packages = [one for one in choice.packages if not names or one.name in names]
        chosen = type(whole)({**whole, "packages": [dict(one.table) for one in choice.packages]})
        engine = Engine(
            python,
            self.root,
            self.offline,
            words=[f"--find-links={link.place}" for link in links],
            only_binary=bool(fields.get("only-binary")),
        )
        text = made_lock(chosen, lock.parent, True, links)
        draft = make_draft(None, to, choice, text, python, wishes, engine)
        write_summaries(draft, choice)
        return draft.place

    def find_links(self) -> list[Links]:
        """Find where files may be taken from, beside where the lock says."""
        if not self.places:
            return []
        from pyve_locks.links import Links

        return [Links(place, self.root) for place in self.places]

    def compile(self, fields: Mapping[str, str], sources: Collection[str], folder: Path) -> None:
        """Compile sources of what is shared; see Maker."""
        from pyve_store.pool import pool_files

        python = self.find_interpreter(fields)
        site = folder / "site"
        files = {path[len("site/") :]: os.lstat(folder / path) for path in sources}
        pool_files(site, files, python.path, None)
