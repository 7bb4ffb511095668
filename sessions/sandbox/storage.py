"""The sandbox's memory on disk: one SQLite file, read once, written in small batches.

What must survive a kill -9 (links, prekeys) is committed at once. Queues and counters
wait for the next `flush`, a small part of a second away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE account (
    number TEXT PRIMARY KEY, name TEXT NOT NULL, lid TEXT NOT NULL UNIQUE,
    raw_id INTEGER NOT NULL, identity BLOB NOT NULL, signed_prekey BLOB NOT NULL,
    last_device INTEGER NOT NULL);
CREATE TABLE device (
    number TEXT NOT NULL, device INTEGER NOT NULL, noise_key BLOB NOT NULL,
    identity BLOB NOT NULL, registration BLOB NOT NULL, skey_id BLOB NOT NULL,
    skey_value BLOB NOT NULL, skey_signature BLOB NOT NULL, key_index INTEGER NOT NULL,
    name TEXT NOT NULL, platform TEXT NOT NULL, paired_at REAL NOT NULL,
    logins INTEGER NOT NULL, double_logins INTEGER NOT NULL,
    PRIMARY KEY (number, device));
CREATE TABLE watcher (
    number TEXT NOT NULL, watcher TEXT NOT NULL, PRIMARY KEY (number, watcher));
CREATE TABLE prekey_upload (
    sequence INTEGER PRIMARY KEY, number TEXT NOT NULL, device INTEGER NOT NULL,
    key_id INTEGER NOT NULL, value BLOB NOT NULL);
CREATE INDEX prekey_upload_device ON prekey_upload (number, device);
CREATE TABLE prekey_use (
    sequence INTEGER PRIMARY KEY, upload INTEGER NOT NULL, number TEXT NOT NULL,
    device INTEGER NOT NULL, key_id INTEGER NOT NULL);
CREATE INDEX prekey_use_device ON prekey_use (number, device);
CREATE TABLE queued (
    sequence INTEGER PRIMARY KEY, number TEXT NOT NULL, device INTEGER NOT NULL,
    stanza BLOB NOT NULL);
"""

Parameters = Sequence[object] | Mapping[str, object]
Statement = tuple[str, Parameters]


class Storage:
    """One connection, used by the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # The file survives a killed process, not a power cut: this is a sandbox.
        self._connection.execute("PRAGMA synchronous=OFF")
        if self._number("PRAGMA user_version") == 0:
            self._connection.executescript(SCHEMA)
            self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._later: list[Statement] = []
        self._queued: dict[int, Sequence[object]] = {}
        self._unqueued: list[int] = []
        self._sequence = self._number("SELECT max(sequence) FROM queued")

    def rows(self, query: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters).fetchall()

    def later(self, statement: str, parameters: Parameters) -> None:
        """Run the statement at the next flush."""
        self._later.append((statement, parameters))

    def now(self, statements: Iterable[Statement]) -> None:
        """Run the statements in one transaction, after all that waits."""
        self.flush()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, parameters in statements:
                self._connection.execute(statement, parameters)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def queue(self, number: str, device: int, stanza: bytes) -> int:
        """Keep a stanza for a device; gives its sequence number."""
        self._sequence += 1
        self._queued[self._sequence] = (self._sequence, number, device, stanza)
        return self._sequence

    def unqueue(self, sequence: int) -> None:
        # Most stanzas are taken before the next flush and never touch the disk.
        if self._queued.pop(sequence, None) is None:
            self._unqueued.append(sequence)

    def flush(self) -> None:
        if not (self._later or self._queued or self._unqueued):
            return
        later, self._later = self._later, []
        queued, self._queued = self._queued, {}
        unqueued, self._unqueued = self._unqueued, []
        self.now(
            [
                *later,
                *(
                    ("INSERT INTO queued VALUES (?, ?, ?, ?)", q)
                    for q in queued.values()
                ),
                *(("DELETE FROM queued WHERE sequence = ?", (n,)) for n in unqueued),
            ]
        )

    def close(self) -> None:
        self.flush()
        self._connection.close()

    def _number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0] or 0)
