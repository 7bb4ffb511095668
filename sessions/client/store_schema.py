"""Empty store files: whatsmeow's tables, the realm's stamp, mode 0600.

The library makes its tables when it first opens a file. Done ahead of the first
connection, so that triggers can be added before anything is written.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from . import deadman, forkserver
from .linux_process import die_with_parent
from .neonize_library import create_tables, load
from .store_realm import APPLICATION_IDS
from .wire import Realm

SCHEMA_SECONDS = 30.0


class SchemaError(Exception):
    """The library did not create its schema."""


def create_schema(path: str | Path, realm: Realm) -> None:
    """Create an empty store of ``realm`` at ``path`` and return when it is complete.

    The file appears under its name only when it is ready. Raise FileExistsError if
    there is one already, SchemaError if the library fails.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path.name} exists already")
    unfinished = path.with_name(path.name + ".new")
    _remove(unfinished)
    # Made here, so that it is private from its first moment.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _create_tables(unfinished)
        stamp_realm(unfinished, realm)
        os.rename(unfinished, path)
    finally:
        _remove(unfinished)


def stamp_realm(path: str | Path, realm: Realm) -> None:
    """Write the realm and empty the write-ahead log; never in a session process.

    Raise ValueError if the file already carries another realm.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        stamp = connection.execute("PRAGMA application_id").fetchone()[0]
        if stamp not in (0, APPLICATION_IDS[realm]):
            raise ValueError(f"{Path(path).name} is not a store of realm {realm}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_IDS[realm]}")
        # Only a checkpointed header can be read without SQLite.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _create_tables(path: Path) -> None:
    """In a short-lived process: the library never closes its files before the end."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = forkserver.run(_create_tables_and_exit, (theirs, str(path)))
        ours.settimeout(SCHEMA_SECONDS)
        try:
            words = ours.recv(65536).decode(errors="replace")
        except TimeoutError as error:
            process.kill()
            raise SchemaError("the library did not finish") from error
    process.join()
    if words or process.exitcode != 0:
        raise SchemaError(words or f"exit code {process.exitcode}")


def _create_tables_and_exit(connection: socket.socket, path: str) -> NoReturn:
    die_with_parent()
    deadman.keep_default_action()
    deadman.arm(time.monotonic() + SCHEMA_SECONDS)
    try:
        load()
        create_tables(path)
    except Exception as error:
        connection.sendall(repr(error).encode())
        os._exit(1)
    os._exit(0)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
