"""Rows of many phones, sorted by phone on disk: a dump may mix them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Self

from sessions.baileys.source import StoredRow, is_baileys_key

# An empty name is a file of SQLite's own in the temporary folder, without a name there
# and gone when it is closed; only this much of it is kept in memory.
CACHE_KIB = 8192
SCHEMA = """
CREATE TABLE phones (id INTEGER PRIMARY KEY, organization TEXT, filed_under TEXT,
    UNIQUE (organization, filed_under));
CREATE TABLE rows (phone INTEGER, key TEXT, value TEXT, updated REAL,
    UNIQUE (phone, key));
"""
ADD_PHONE = "INSERT OR IGNORE INTO phones (organization, filed_under) VALUES (?, ?)"
PHONE = "SELECT id FROM phones WHERE organization = ? AND filed_under = ?"
ADD_ROW = """
INSERT INTO rows VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
SET value = excluded.value, updated = excluded.updated
WHERE rows.updated IS NULL OR excluded.updated IS NULL
   OR excluded.updated >= rows.updated
"""


class Spool:
    """Takes rows in any order and gives them back phone by phone, in the order met."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.executescript(SCHEMA)
        self._database.execute("BEGIN")
        self._last: tuple[str, str] | None = None
        self._last_id = 0
        # Whether any row has a key that Baileys uses.
        self.is_baileys = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __bool__(self) -> bool:
        return self._last is not None

    def add(self, organization: str, filed_under: str, row: StoredRow) -> None:
        """Keep a row; of two with the same key the one written later stays."""
        if self._last != (organization, filed_under):
            self._last = organization, filed_under
            self._database.execute(ADD_PHONE, self._last)
            (self._last_id,) = self._database.execute(PHONE, self._last).fetchone()
        updated = None if row.updated is None else row.updated.timestamp()
        self._database.execute(ADD_ROW, (self._last_id, row.key, row.text, updated))
        self.is_baileys = self.is_baileys or is_baileys_key(row.key)

    def phones(self) -> Iterator[tuple[str, str, Iterator[StoredRow]]]:
        """(organization, what its rows are filed under, its rows) of each phone."""
        for phone, organization, filed_under in self._database.execute(
            "SELECT id, organization, filed_under FROM phones ORDER BY id"
        ):
            yield organization, filed_under, self._rows(phone)

    def _rows(self, phone: int) -> Iterator[StoredRow]:
        found = self._database.execute(
            "SELECT key, value, updated FROM rows WHERE phone = ?", (phone,)
        )
        for key, value, updated in found:
            at = None if updated is None else datetime.fromtimestamp(updated, UTC)
            yield StoredRow(key, value, at)
