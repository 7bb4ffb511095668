"""whatsmeow's tables as the store file itself describes them.

SQL cannot bind names of tables and columns; all that are put in come from the file's
own schema and are quoted.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sessions.auth.rows import Row, Text, Value

PREFIX = "whatsmeow_"
Schema = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Table:
    """columns: all of them in order. key: the primary key's, all when it has none."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def key_of(self, row: Row) -> Row:
        return {column: row[column] for column in self.key}


# Files of one library have the same tables: (their SQL) → what it describes.
_described: dict[Schema, dict[str, Table]] = {}
MAX_DESCRIBED = 16


def read_tables(connection: sqlite3.Connection) -> dict[str, Table]:
    """Every whatsmeow table of the file, also those of a newer library."""
    schema = read_schema(connection)
    found = _described.get(schema)
    if found is None:
        names = [str(name, "utf-8") for name, _ in schema]
        found = {name: _table(connection, name) for name in names}
        if len(_described) >= MAX_DESCRIBED:
            _described.clear()
        _described[schema] = found
    return dict(found)


def read_schema(connection: sqlite3.Connection) -> Schema:
    """(name, SQL) of each whatsmeow table, by name."""
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' "
        "AND substr(name, 1, ?) = ? ORDER BY name",
        (len(PREFIX), PREFIX),
    )
    return tuple((bytes(name), bytes(sql)) for name, sql in rows)


def _table(connection: sqlite3.Connection, name: str) -> Table:
    described = connection.execute(
        "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,)
    ).fetchall()
    columns = tuple(str(column, "utf-8") for column, _ in described)
    in_key = sorted(
        (place, str(column, "utf-8")) for column, place in described if place
    )
    return Table(name, columns, tuple(column for _, column in in_key) or columns)


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def placeholder(value: Value) -> str:
    """Text is bound as bytes and cast: it may hold NULs or be no UTF-8 at all."""
    return "CAST(? AS TEXT)" if isinstance(value, Text) else "?"


def bound(value: Value) -> bytes | int | float | None:
    return bytes(value) if isinstance(value, Text) else value


def insert_row(connection: sqlite3.Connection, table: str, row: Row) -> None:
    columns = ", ".join(quoted(column) for column in row)
    places = ", ".join(placeholder(value) for value in row.values())
    connection.execute(
        f"INSERT INTO {quoted(table)} ({columns}) VALUES ({places})",  # noqa: S608
        [bound(value) for value in row.values()],
    )


def select_row(connection: sqlite3.Connection, table: Table, key: Row) -> Row | None:
    """The row with this primary key; None when it is gone."""
    where = _matching(key)
    found = connection.execute(
        f"SELECT {_columns(table)} FROM {quoted(table.name)} WHERE {where}",  # noqa: S608
        [bound(value) for value in key.values()],
    ).fetchone()
    return None if found is None else dict(zip(table.columns, found, strict=True))


def delete_row(connection: sqlite3.Connection, table: Table, key: Row) -> None:
    connection.execute(
        f"DELETE FROM {quoted(table.name)} WHERE {_matching(key)}",  # noqa: S608
        [bound(value) for value in key.values()],
    )


def count(connection: sqlite3.Connection, table: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()  # noqa: S608
    return int(number)


def all_rows(
    connection: sqlite3.Connection, table: Table, *, where: str = "TRUE"
) -> list[Row]:
    """where: an expression of SQL, written in the program."""
    return [
        dict(zip(table.columns, found, strict=True))
        for found in connection.execute(
            f"SELECT {_columns(table)} FROM {quoted(table.name)} WHERE {where}"  # noqa: S608
        )
    ]


def _matching(key: Row) -> str:
    return " AND ".join(
        f"{quoted(column)} IS {placeholder(value)}" for column, value in key.items()
    )


def _columns(table: Table) -> str:
    return ", ".join(quoted(column) for column in table.columns)
