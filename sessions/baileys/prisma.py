"""The old server's PostgreSQL, read as its Prisma schema has it, and never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from django.utils.translation import gettext as _
from psycopg import sql

from sessions.baileys.source import SourcePhone, SourceRefused, StoredRow, gather

# What Prisma takes in a URL and libpq does not know.
PRISMA_ONLY = {
    "schema",
    "connection_limit",
    "pool_timeout",
    "pgbouncer",
    "socket_timeout",
    "statement_cache_size",
    "sslaccept",
    "sslidentity",
    "sslpassword",
    "single_use_connections",
}
CONNECT_TIMEOUT = 10  # seconds
ROWS_AT_ONCE = 500
AUTH = "BaileysAuth"
AUTH_COLUMNS = {"organizationId", "phoneJid", "key", "value"}
# Of this project, in a database of its own: its rows are encrypted and not Baileys'.
OWN_STAMP = "phone_sessions_stamp"
FILED_UNDER = "split_part(split_part(\"phoneJid\", '@', 1), ':', 1)"


class SourceOrganization(NamedTuple):
    """An organization of the old server with the numbers registered there."""

    id: str
    name: str
    numbers: tuple[str, ...]


def phones(url: str) -> Iterator[SourcePhone]:
    """Read all auth rows, of one moment, with one phone in memory at a time.

    Raises SourceRefused if the server cannot be read, or holds no rows of Baileys.
    """
    with _connected(url) as connection:
        columns = _columns(connection, AUTH)
        if not columns >= AUTH_COLUMNS:
            raise SourceRefused(_not_ours(columns))
        empty = True
        with connection.cursor(name="auth_rows") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(_auth_rows("updatedAt" in columns))
            for owner, rows in groupby(cursor, key=lambda row: (row[0], row[1])):
                empty = False
                stored = (
                    StoredRow(key, text, _utc(at)) for _o, _p, key, text, at in rows
                )
                yield gather(*owner, stored)
        if empty:
            raise SourceRefused(_("The table “BaileysAuth” is empty."))


def organizations(url: str) -> list[SourceOrganization]:
    """Organizations with their phones; those known by their auth rows alone come too.

    One without a name is called by its id. Raises SourceRefused as `phones` does.
    """
    names: dict[str, str] = {}
    numbers: dict[str, list[str]] = {}
    with _connected(url) as connection:
        if {"id", "name"} <= _columns(connection, "Organization"):
            for key, name in connection.execute(
                'SELECT "id"::text, "name"::text FROM "Organization" ORDER BY "id"'
            ):
                names[key] = name or key
        if {"organizationId", "phoneNumber"} <= _columns(
            connection, "OrganizationPhone"
        ):
            for key, number in connection.execute(
                'SELECT "organizationId"::text, "phoneNumber"::text'
                ' FROM "OrganizationPhone" ORDER BY 1, 2'
            ):
                numbers.setdefault(key or "", []).append(number or "")
        if _columns(connection, AUTH) >= AUTH_COLUMNS:
            for (key,) in connection.execute(
                'SELECT DISTINCT "organizationId"::text FROM "BaileysAuth" ORDER BY 1'
            ):
                numbers.setdefault(key or "", [])
    return [
        SourceOrganization(key, names.get(key, key), tuple(numbers.get(key, ())))
        for key in dict.fromkeys((*names, *numbers))
    ]


# -- connection ---------------------------------------------------------------------


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A read-only transaction that sees one moment of the old server."""
    try:
        address, schema = _libpq_url(url)
        connection = psycopg.connect(address, connect_timeout=CONNECT_TIMEOUT)
    except psycopg.OperationalError as error:
        raise SourceRefused(_cannot_read(error)) from None
    except (psycopg.Error, ValueError):
        # libpq quotes what it cannot read of a URL, and that may be the password.
        raise SourceRefused(
            _("Write the address like postgresql://user:password@host:5432/name.")
        ) from None
    try:
        with connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            if schema:
                connection.execute(
                    sql.SQL("SET LOCAL search_path TO {}").format(
                        sql.Identifier(schema)
                    )
                )
            if _columns(connection, OWN_STAMP):
                raise SourceRefused(
                    _("This is a database of Switchboard, not of a Baileys server.")
                )
            yield connection
    except psycopg.Error as error:
        raise SourceRefused(_cannot_read(error)) from None


def _libpq_url(url: str) -> tuple[str, str]:
    """(the URL without what is Prisma's alone, the schema it names)."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("not a postgresql:// URL")
    if parts.port == 0:  # reading it raises for a password with a slash, unescaped
        raise ValueError("not a port")
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in query if name not in PRISMA_ONLY]
    address = urlunsplit(parts._replace(query=urlencode(kept)))
    return address, dict(query).get("schema", "")


def _columns(connection: psycopg.Connection[Any], table: str) -> set[str]:
    """Names of the columns of a table on the search path; none if it is not there."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped",
        (f'"{table}"',),
    )
    return {name for (name,) in found}


def _auth_rows(with_time: bool) -> sql.Composed:
    return sql.SQL(
        'SELECT coalesce("organizationId"::text, \'\'), {filed_under}, "key"::text,'
        ' "value"::text, {time} FROM {table} WHERE "value" IS NOT NULL'
        " ORDER BY 1, 2, 5 NULLS FIRST, 3"
    ).format(
        filed_under=sql.SQL(FILED_UNDER),
        time=sql.SQL('"updatedAt"' if with_time else "NULL::timestamp"),
        table=sql.Identifier(AUTH),
    )


def _utc(moment: datetime | None) -> datetime | None:
    """Prisma's columns have no zone and hold UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _not_ours(columns: set[str]) -> str:
    if not columns:
        return _("The database has no table “BaileysAuth”.")
    return _("The table “BaileysAuth” is another program's: it lacks %(columns)s.") % {
        "columns": ", ".join(sorted(AUTH_COLUMNS - columns))
    }


def _cannot_read(error: Exception) -> str:
    words = str(error).strip().partition("\n")[0]
    return _("The old server's database could not be read: %(error)s") % {
        "error": words
    }
