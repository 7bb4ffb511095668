"""The change log inside a store file: which rows were touched, in which order.

Triggers on every whatsmeow table note (table, primary key) with a growing number. The
Go core runs them as part of its own statements, so a change and its note are one
commit. The log holds each row once: its latest touch.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from sessions.auth.rows import Row, Text, Value
from sessions.auth.tables import Schema, Table, quoted, read_schema, read_tables

LOG = "switchboard_changes"
CREATE_LOG = """
CREATE TABLE IF NOT EXISTS switchboard_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tbl TEXT NOT NULL,
    pk TEXT NOT NULL,
    UNIQUE (tbl, pk)
)
"""


# Tables and triggers that were compared before: 50 files of one library are alike.
_fitting: set[tuple[Schema, tuple[tuple[bytes, bytes], ...]]] = set()
MAX_FITTING = 16


@dataclass(frozen=True)
class Touch:
    """One entry: the row with this primary key was written or deleted."""

    seq: int
    table: str
    key: Row


def install(connection: sqlite3.Connection, *, note_existing: bool) -> None:
    """Make the log and the triggers fit the file's tables as they are now.

    Rows of a table that had no triggers are noted too, unless the caller knows that
    they have been copied. Part of the caller's transaction.
    """
    connection.execute(CREATE_LOG)
    found = _read_triggers(connection)
    fitting = read_schema(connection), tuple(sorted(found.items()))
    if fitting in _fitting:
        return
    _install(connection, found, note_existing=note_existing)
    if len(_fitting) >= MAX_FITTING:
        _fitting.clear()
    found = _read_triggers(connection)
    _fitting.add((read_schema(connection), tuple(sorted(found.items()))))


def _read_triggers(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    )
    return {bytes(name): bytes(sql) for name, sql in rows}


def _install(
    connection: sqlite3.Connection, found: dict[bytes, bytes], *, note_existing: bool
) -> None:
    for table in read_tables(connection).values():
        wanted = dict(_triggers(table))
        if all(found.get(n.encode()) == s.encode() for n, s in wanted.items()):
            continue
        for name, sql in wanted.items():
            connection.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")
            connection.execute(sql)
        if note_existing:
            connection.execute(
                "INSERT OR IGNORE INTO switchboard_changes (tbl, pk) "  # noqa: S608
                f"SELECT {_literal(table.name)}, {_key_expression(table)} "
                f"FROM {quoted(table.name)}"
            )


def touches(connection: sqlite3.Connection, *, after: int, limit: int) -> list[Touch]:
    """Entries after this number, oldest first."""
    rows = connection.execute(
        "SELECT seq, tbl, pk FROM switchboard_changes "
        "WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
    )
    tables = read_tables(connection)
    found = []
    for seq, name, pk in rows:
        table = tables.get(str(name, "utf-8"))
        parts = [_decode_part(part) for part in json.loads(pk)]
        # A newer library may have changed a table under our triggers; the comparison
        # of counts copies its rows until the next start makes the triggers fit.
        if table is not None and len(parts) == len(table.key):
            key = dict(zip(table.key, parts, strict=True))
            found.append(Touch(seq, table.name, key))
    return found


def sequence(connection: sqlite3.Connection) -> int:
    """The highest number ever given, also when its entry was pruned."""
    row = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = ?", (LOG,)
    ).fetchone()
    return int(row[0]) if row else 0


def continue_above(connection: sqlite3.Connection, number: int) -> None:
    """The next entry gets a number above this one."""
    if sequence(connection) >= number:
        return
    connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (LOG,))
    connection.execute(
        "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (LOG, number)
    )


def prune(connection: sqlite3.Connection, *, up_to: int) -> None:
    """Forget entries that have been copied."""
    connection.execute("DELETE FROM switchboard_changes WHERE seq <= ?", (up_to,))


# -- triggers -----------------------------------------------------------------------


def _triggers(table: Table) -> Iterator[tuple[str, str]]:
    new, old = _key_expression(table, "NEW"), _key_expression(table, "OLD")
    for name, event, condition, key in (
        ("insert", "INSERT", "", new),
        ("update", "UPDATE", _differs(table.columns), new),
        ("rekey", "UPDATE", _differs(table.key), old),
        ("delete", "DELETE", "", old),
    ):
        full = f"switchboard_{table.name}_{name}"
        yield (
            full,
            f"CREATE TRIGGER {quoted(full)} AFTER {event} ON {quoted(table.name)} "
            f"{condition}BEGIN {_note(table, key)}END",
        )


def _differs(columns: tuple[str, ...]) -> str:
    """The library often writes a row as it was; that is no change."""
    pairs = (f"NEW.{quoted(c)} IS NOT OLD.{quoted(c)}" for c in columns)
    return "WHEN " + " OR ".join(pairs) + " "


def _note(table: Table, key: str) -> str:
    """DELETE then INSERT: the outer statement's conflict policy would override ours."""
    name = _literal(table.name)
    return (
        f"DELETE FROM switchboard_changes WHERE tbl = {name} AND pk = {key}; "  # noqa: S608
        f"INSERT INTO switchboard_changes (tbl, pk) VALUES ({name}, {key}); "
    )


def _key_expression(table: Table, row: str = "") -> str:
    """SQL for a JSON list of "type:HEX": quote() and json_array() cannot carry NULs
    or blobs, and an error in a trigger would fail the Go core's own statement."""
    prefix = f"{row}." if row else ""
    parts = (
        f"""'"' || typeof({prefix}{quoted(column)}) || ':' || """
        f"""hex({prefix}{quoted(column)}) || '"'"""
        for column in table.key
    )
    return "'[' || " + " || ',' || ".join(parts) + " || ']'"


def _decode_part(part: str) -> Value:
    kind, _, content = part.partition(":")
    raw = bytes.fromhex(content)
    match kind:
        case "text":
            return Text(raw)
        case "blob":
            return raw
        case "integer":
            return int(raw)
        case "real":
            return float(raw)
    return None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
