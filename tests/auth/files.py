"""What tests look at in a phone's files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.auth.core import SESSION


def root_of(record):
    """What tells one Signal session from another; a leap leaves it alone."""
    return record and json.loads(record)["SessionState"]["RootKey"]


def session_of(path, address=SESSION):
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute(
            "SELECT session FROM whatsmeow_sessions WHERE their_id = ?", (address,)
        ).fetchone()
    return row and root_of(row[0])


def chain_of(path, address=SESSION):
    """Number of the next message that would be encrypted."""
    with closing(sqlite3.connect(path)) as connection:
        (record,) = connection.execute(
            "SELECT session FROM whatsmeow_sessions WHERE their_id = ?", (address,)
        ).fetchone()
    return json.loads(record)["SessionState"]["SenderChain"]["ChainKey"]["Index"]


def prekeys_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return dict(
            connection.execute("SELECT key_id, uploaded FROM whatsmeow_pre_keys")
        )


def leftovers(place):
    """Suffixes of the phone's files; SQLite's own come and go with connections."""
    return sorted(
        path.name.removeprefix(place.path.name)
        for path in place.path.parent.iterdir()
        if not path.name.endswith((".lock", ".sqlite3-wal", ".sqlite3-shm"))
    )


class Killed(BaseException):
    """Stands for the end of the process at this point."""


def killed(*arguments, **options):
    raise Killed
