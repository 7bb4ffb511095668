"""A phone's store file as the host sees it, beside the Go core that writes it.

Reading goes through one read-only connection that lives as long as this object; a WAL
reader neither blocks the writer nor waits for it. Writing happens only while no session
process runs, each time on a connection of its own. The file must not be opened by
anything else in this process: closing a plain descriptor drops SQLite's POSIX locks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from phones.models import OrganizationPhone
from sessions.auth import change_log
from sessions.auth.checks import Examined
from sessions.auth.errors import BrokenStore, WrongRealm
from sessions.auth.rows import DEVICE, auth_key, encode_row
from sessions.auth.store_check import drop_broken, examine_file, store_findings
from sessions.auth.store_connection import (
    has_table,
    open_connection,
    speaking,
    transaction,
)
from sessions.auth.tables import all_rows, count, read_tables, select_row
from sessions.client.store_realm import APPLICATION_IDS

LONG_WAL = 1024 * 1024  # bytes; a first pairing leaves 4 MiB
BATCH = 2000  # rows; a first pairing writes about 820


@dataclass(frozen=True)
class Meta:
    """To whom a file belongs, and under which epoch it was last opened."""

    realm: str
    phone_id: int
    epoch: int


@dataclass(frozen=True)
class Verified:
    """What a sound file says of itself; device_jid is None before a pairing."""

    meta: Meta
    device_jid: str | None
    sequence: int


@dataclass(frozen=True)
class ChangeBatch:
    """What changed after a number, as it is now: entry key → row, and deleted keys."""

    upserts: dict[str, bytes]
    deletes: list[str]
    last_seq: int
    device_row_deleted: bool
    device_jid: str | None


@dataclass(frozen=True)
class Snapshot:
    """All rows of one moment of the file."""

    last_seq: int
    device_jid: str | None
    rows: dict[str, bytes]


class StoreFile:
    """One phone's store file; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # -- writing, while no session process runs ---------------------------------------

    def prepare(
        self, realm: str, phone_id: int, epoch: int, *, note_existing: bool = True
    ) -> None:
        """Add the change log and its triggers, and stamp the file with its owner.

        May be repeated: sets the epoch, renews triggers. Raises StoreUnavailable.
        """
        with self.writing() as connection:
            _stamp(connection, realm, phone_id, epoch, note_existing=note_existing)

    def freshen(
        self, realm: str, phone_id: int, epoch: int, *, copied: int
    ) -> list[str]:
        """All that a file needs before a start, in one transaction.

        Opening and closing cost more than the steps. Returns what was dropped. Waits
        for no disk: if the machine dies before the session's first write, the stamp
        of this epoch is lost with it, and the file is made anew from the copy.
        """
        with self.writing(durable=False) as connection:
            _stamp(connection, realm, phone_id, epoch, note_existing=True)
            change_log.prune(connection, up_to=copied)
            return drop_broken(connection)

    def drop_broken_rows(self) -> list[str]:
        """Delete rows of one contact that would end the Go process; their faults."""
        with self.writing() as connection:
            return drop_broken(connection)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection of its own. Raises StoreUnavailable.

        durable: on the disk, and in the file itself, on return. Without it the next
        writer's commit brings it there; a death of processes loses nothing. A WAL that
        has grown long is emptied all the same: each opening reads it through.
        """
        with speaking(), closing(open_connection(self.path, "rw")) as connection:
            if not durable:
                # Safe in a WAL: a torn end of it is left out, the rest stays whole.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_autocheckpoint = 0")
            with transaction(connection, "BEGIN IMMEDIATE"):
                yield connection
            if durable or self._wal_bytes() > LONG_WAL:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _wal_bytes(self) -> int:
        try:
            return os.stat(f"{self.path}-wal").st_size
        except FileNotFoundError:
            return 0

    # -- reading, also beside a running session process -------------------------------

    def stamp(self) -> Meta | None:
        """None when the file was not made by this portal. Raises BrokenStore."""
        with self.reading() as connection:
            return _read_stamp(connection)

    def sequence(self) -> int:
        """The highest number the change log ever gave."""
        with self.reading() as connection:
            return change_log.sequence(connection)

    def device_jid(self) -> str | None:
        """Full JID of the linked device; None before a pairing."""
        with self.reading() as connection:
            return _device_jid(connection)

    def data_version(self) -> int:
        """Changes when somebody else commits to the file; costs microseconds."""
        with speaking():
            row = self._connection().execute("PRAGMA data_version").fetchone()
            return int(row[0])

    def changes(self, after: int, limit: int = BATCH) -> ChangeBatch:
        """What was touched after this number, all of one moment of the file."""
        with self.reading() as connection:
            jid = _device_jid(connection)
            tables = read_tables(connection)
            upserts: dict[str, bytes] = {}
            deletes: list[str] = []
            last, gone = after, False
            for touch in change_log.touches(connection, after=after, limit=limit):
                last = touch.seq
                key = auth_key(touch.table, touch.key, (jid or "").encode())
                row = select_row(connection, tables[touch.table], touch.key)
                if row is not None:
                    upserts[key] = encode_row(touch.table, row)
                    continue
                deletes.append(key)
                gone = gone or touch.table == DEVICE
            return ChangeBatch(upserts, deletes, last, gone, jid)

    def snapshot(self) -> Snapshot:
        """Every whatsmeow row, all of one moment of the file."""
        with self.reading() as connection:
            jid = _device_jid(connection)
            own = (jid or "").encode()
            rows = {
                auth_key(table.name, table.key_of(row), own): encode_row(
                    table.name, row
                )
                for table in read_tables(connection).values()
                for row in all_rows(connection, table)
            }
            return Snapshot(change_log.sequence(connection), jid, rows)

    def counts(self) -> tuple[int, int]:
        """(rows in all whatsmeow tables, sequence), both of one moment."""
        with self.reading() as connection:
            total = sum(count(connection, name) for name in read_tables(connection))
            return total, change_log.sequence(connection)

    def verify(self, phone: OrganizationPhone, realm: str) -> Verified:
        """Check the file as a whole before the Go core gets it.

        Raises WrongRealm, or BrokenStore with a sentence.
        """
        with self.reading() as connection:
            meta = _read_stamp(connection)
            check_realm(connection, meta, realm)
            for finding in store_findings(connection, phone.auth_key):
                raise BrokenStore(finding)
            if meta is None or meta.phone_id != phone.pk:
                raise BrokenStore.of("w05")
            jid = _device_jid(connection)
            return Verified(meta, jid, change_log.sequence(connection))

    def examine(
        self, number: str, *, seen_prekey: int = 0, now: datetime | None = None
    ) -> Examined:
        """Every check, also of what works all the same. Raises StoreUnavailable.

        Never BrokenStore: what SQLite cannot read is a finding.
        """
        try:
            with self.reading() as connection:
                return examine_file(
                    connection, number, seen_prekey=seen_prekey, now=now
                )
        except BrokenStore as broken:
            return Examined([broken.finding], {}, 0)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the file. Raises BrokenStore or StoreUnavailable."""
        with speaking():
            connection = self._connection()
            with transaction(connection, "BEGIN"):
                yield connection

    def _connection(self) -> sqlite3.Connection:
        if self._reader is None:
            self._reader = open_connection(self.path, "ro")
        return self._reader


def _read_stamp(connection: sqlite3.Connection) -> Meta | None:
    if not has_table(connection, "switchboard_meta"):
        return None
    row = connection.execute(
        "SELECT realm, phone_id, epoch FROM switchboard_meta"
    ).fetchone()
    return None if row is None else Meta(str(row[0], "utf-8"), *row[1:])


def _stamp(
    connection: sqlite3.Connection,
    realm: str,
    phone_id: int,
    epoch: int,
    *,
    note_existing: bool,
) -> None:
    change_log.install(connection, note_existing=note_existing)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS switchboard_meta (realm TEXT NOT NULL, "
        "phone_id INTEGER NOT NULL, epoch INTEGER NOT NULL)"
    )
    connection.execute("DELETE FROM switchboard_meta")
    connection.execute(
        "INSERT INTO switchboard_meta VALUES (?, ?, ?)", (realm, phone_id, epoch)
    )


def check_realm(connection: sqlite3.Connection, meta: Meta | None, realm: str) -> None:
    """Raises WrongRealm when the file carries the stamp of another realm."""
    header = connection.execute("PRAGMA application_id").fetchone()[0]
    stamped: set[str] = {
        name for name, number in APPLICATION_IDS.items() if number == header
    }
    if meta is not None:
        stamped.add(meta.realm)
    if stamped - {realm}:
        raise WrongRealm(
            f"The store file belongs to the realm '{(stamped - {realm}).pop()}', this "
            f"database to '{realm}'. Sandbox phones and real phones never meet."
        )


def _device_jid(connection: sqlite3.Connection) -> str | None:
    if not has_table(connection, DEVICE):
        return None
    row = connection.execute(
        "SELECT jid FROM whatsmeow_device ORDER BY rowid DESC"
    ).fetchone()
    return None if row is None else str(row[0], "utf-8", "replace")
