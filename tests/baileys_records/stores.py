"""Store files with the library's own tables, filled with converted rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sessions.auth.store_check import broken_rows, examine_file, store_findings
from sessions.auth.store_connection import open_connection
from sessions.auth.tables import all_rows, insert_row, read_tables


def fill(path, rows):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for table, row in rows:
            insert_row(connection, table, row)


def faults(path, number):
    """Everything that the checks before a start, and all others, find in the file."""
    with closing(open_connection(path, "ro")) as connection:
        return [
            *store_findings(connection, number),
            *broken_rows(connection),
            *examine_file(connection, number, seen_prekey=0, now=None).findings,
        ]


def read(path):
    """Every row of the store as the auth code reads it."""
    with closing(open_connection(path, "ro")) as connection:
        return [
            (name, row)
            for name, table in read_tables(connection).items()
            if name != "whatsmeow_version"
            for row in all_rows(connection, table)
        ]
