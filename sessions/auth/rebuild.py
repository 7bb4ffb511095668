"""A store file made anew from the central copy.

The copy may be up to a second behind a session that was killed. What it missed heals by
retry receipts; what must never happen is that a prekey id is given out twice, or that a
message number is used twice in a Signal session (ratchets).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from phones.models import OrganizationPhone
from sessions.auth import change_log, ratchets
from sessions.auth.errors import BrokenStore, StoreUnavailable
from sessions.auth.rows import Row
from sessions.auth.store_file import StoreFile
from sessions.auth.tables import insert_row, read_tables
from sessions.client.wire import Realm

logger = logging.getLogger(__name__)

CreateSchema = Callable[[Path, Realm], None]
# whatsmeow numbers prekeys MAX(key_id) + 1. A first login makes 812 at once and a
# refill 50 (measured on neonize 0.5.2): what the copy missed lies within this.
PREKEY_LEAP = 2000
PREKEY_LIMIT = 1 << 24


def rebuild(
    path: Path,
    rows: Iterable[tuple[str, Row]],
    *,
    phone: OrganizationPhone,
    realm: Realm,
    epoch: int,
    sequence: int,
    create_schema: CreateSchema,
) -> None:
    """Put a store of these rows at `path`; complete or not at all.

    Its change log continues above `sequence`. Raises BrokenStore when the rows do not
    make a sound store, StoreUnavailable when the disk does not take it.
    """
    building = path.with_name(path.name + ".building")
    discard(building)
    try:
        _create(create_schema, building, realm)
        store = StoreFile(building)
        with store.writing() as connection:
            _insert(connection, rows)
        store.prepare(realm, phone.pk, epoch, note_existing=sequence == 0)
        with store.writing() as connection:
            change_log.continue_above(connection, sequence)
        drop_broken_rows(store, phone)
        with store.writing() as connection:
            _never_repeat_prekeys(connection, required=sequence > 0)
            ratchets.leap(connection)
        with closing(store):
            store.verify(phone, realm)
        _place(building, path)
    finally:
        discard(building)


def discard(path: Path) -> None:
    """Delete a store: the file first, so that none is ever left without its WAL."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def drop_broken_rows(store: StoreFile, phone: OrganizationPhone) -> None:
    for fault in store.drop_broken_rows():
        logger.warning("broken row dropped phone=%s %s", phone.masked, fault)


def _create(create_schema: CreateSchema, path: Path, realm: Realm) -> None:
    try:
        create_schema(path, realm)
    except (OSError, sqlite3.OperationalError) as error:
        raise StoreUnavailable(f"No store file can be made: {error}.") from error


def _insert(connection: sqlite3.Connection, rows: Iterable[tuple[str, Row]]) -> None:
    tables = read_tables(connection)
    (newest,) = connection.execute(
        "SELECT max(version) FROM whatsmeow_version"
    ).fetchone()
    for name, row in rows:
        if name == "whatsmeow_version":
            # The library has written its own.
            version = row.get("version")
            if isinstance(version, int) and version > newest:
                raise BrokenStore.of("w04", schema=version)
            continue
        table = tables.get(name)
        if table is None or not row.keys() <= set(table.columns):
            raise BrokenStore.of("w17", table=name)
        insert_row(connection, name, row)


def _never_repeat_prekeys(connection: sqlite3.Connection, *, required: bool) -> None:
    """Leap over every id that a killed session may have used since the last copy.

    The prekey at the far end is what the library counts on from. Those the copy calls
    not uploaded may have been uploaded, and used: they are kept, but not offered again.
    """
    device = connection.execute("SELECT jid FROM whatsmeow_device").fetchone()
    if device is None:
        if required:
            raise BrokenStore.of("w06")
        return
    connection.execute("UPDATE whatsmeow_pre_keys SET uploaded = 1 WHERE uploaded = 0")
    (highest,) = connection.execute(
        "SELECT max(key_id) FROM whatsmeow_pre_keys"
    ).fetchone()
    leapt = (highest or 0) + PREKEY_LEAP
    if leapt >= PREKEY_LIMIT:
        raise BrokenStore.of("w18")
    connection.execute(
        "INSERT INTO whatsmeow_pre_keys (jid, key_id, key, uploaded) "
        "VALUES (CAST(? AS TEXT), ?, ?, 0)",
        (bytes(device[0]), leapt, private_key()),
    )


def private_key() -> bytes:
    """A Curve25519 private key, clamped as the library does."""
    key = bytearray(os.urandom(32))
    key[0] &= 248
    key[31] = (key[31] & 127) | 64
    return bytes(key)


def _place(building: Path, path: Path) -> None:
    """Durable before it has its name; an old WAL never meets the new file."""
    try:
        descriptor = os.open(building, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        discard(path)
        os.replace(building, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreUnavailable(f"The store file cannot be placed: {error}.") from error
