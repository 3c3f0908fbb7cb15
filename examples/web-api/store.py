"""The reading list's table in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
)
"""


class Store:
    """Items in one database file; every call opens a connection of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        with self._connect() as db:
            db.execute(SCHEMA)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path)
        db.row_factory = sqlite3.Row
        try:
            with db:
                yield db
        finally:
            db.close()

    def count(self) -> int:
        """Return the number of items."""
        with self._connect() as db:
            return int(db.execute("SELECT count(*) FROM item").fetchone()[0])

    def all(self, unread: bool = False) -> list[dict[str, Any]]:
        """Return the items, newest first; only those not yet read when ``unread``."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT * FROM item WHERE NOT (? AND read) ORDER BY id DESC", (unread,)
            )
            return [_as_item(row) for row in rows]

    def add(self, title: str, url: str) -> dict[str, Any]:
        """Add an item and return it."""
        with self._connect() as db:
            cursor = db.execute("INSERT INTO item (title, url) VALUES (?, ?)", (title, url))
            return {"id": cursor.lastrowid, "title": title, "url": url, "read": False}

    def mark_read(self, item_id: int) -> dict[str, Any] | None:
        """Mark an item as read and return it, or ``None`` when there is none of that number."""
        with self._connect() as db:
            db.execute("UPDATE item SET read = 1 WHERE id = ?", (item_id,))
            row = db.execute("SELECT * FROM item WHERE id = ?", (item_id,)).fetchone()
            return _as_item(row) if row else None


def _as_item(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "read": bool(row["read"])}
