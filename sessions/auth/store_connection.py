"""Connections to store files: how they are opened, and what their errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessions.auth.errors import BrokenStore, StoreUnavailable
from sessions.auth.rows import Text

BUSY_SECONDS = 10.0
# SQLITE_ERROR is "no such table" and its like.
DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
}


@contextmanager
def speaking() -> Iterator[None]:
    """SQLite's errors as ours: only what it calls damaged is broken, to be replaced."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in DAMAGED:
            raise BrokenStore.of("w01", said=str(error)) from error
        raise StoreUnavailable(f"SQLite says of the store file: {error}.") from error
    except OSError as error:
        raise StoreUnavailable(f"The store file: {error.strerror}.") from error


def open_connection(path: Path, mode: str) -> sqlite3.Connection:
    # The database threads take turns; one at a time uses a phone's store.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = Text
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
    ).fetchone()
    return row is not None
