"""Wake-ups between processes: they shorten polls, never replace them.

PostgreSQL: LISTEN (live_postgresql). SQLite: PRAGMA data_version, then the outbox.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from pathlib import Path

from django.db import connection

from phones.models import Change

logger = logging.getLogger(__name__)

CHANNEL = "switchboard_changes"
COALESCE = 0.1  # seconds; also the poll interval on SQLite
RETRY = 1.0  # seconds until a lost connection is tried again
TABLE = Change._meta.db_table


def publish(kind: Change.Kind, phone_id: int) -> None:
    """Note that a phone has something new; part of the caller's transaction.

    The payload is ids only: PostgreSQL refuses a NOTIFY of 8000 bytes and aborts the
    transaction with it.
    """
    change = Change.objects.create(kind=kind, phone_id=phone_id)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_notify(%s, %s)", [CHANNEL, f"{kind} {phone_id} {change.pk}"]
            )


async def watch(*kinds: Change.Kind) -> AsyncGenerator[set[int]]:
    """Ids of phones that have something new, coalesced within 100 ms, for ever.

    The first item is an empty set: from then on no change is missed, so the caller
    reads its state after it. A lost connection is opened again and what was missed
    meanwhile is yielded; nothing is raised for it.
    """
    follow = _poll
    if connection.vendor == "postgresql":
        # With its driver: a tenth of a second that an installation on SQLite saves.
        from phones.live_postgresql import listen as follow
    async with aclosing(follow([str(kind) for kind in kinds])) as batches:
        async for phone_ids in batches:
            yield phone_ids


async def _poll(kinds: list[str]) -> AsyncGenerator[set[int]]:
    last: int | None = None
    while True:
        try:
            with closing(_open_sqlite()) as own:
                if last is None:
                    row = own.execute(f"SELECT COALESCE(MAX(id), 0) FROM {TABLE}")  # noqa: S608
                    last = int(row.fetchone()[0])
                    yield set()
                version = None
                while True:
                    (current,) = own.execute("PRAGMA data_version").fetchone()
                    rows = _rows_after(own, kinds, last) if current != version else []
                    version = current
                    if rows:
                        last = rows[-1][0]
                        yield {phone_id for _, phone_id in rows}
                    await asyncio.sleep(COALESCE)
        except sqlite3.Error as error:
            logger.warning("wake-ups lost, opening the file again error=%s", error)
            await asyncio.sleep(RETRY)


def _open_sqlite() -> sqlite3.Connection:
    """An own connection that never sits in a transaction: it sees every commit."""
    name = str(connection.settings_dict["NAME"])
    uri = (
        name if name.startswith("file:") else Path(name).resolve().as_uri() + "?mode=ro"
    )
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1)


def _rows_after(
    own: sqlite3.Connection, kinds: list[str], last: int
) -> list[tuple[int, int]]:
    """Rows above `last`; one writer at a time, so ids are in the order of commits."""
    marks = ", ".join("?" * len(kinds))
    rows = own.execute(
        f"SELECT id, phone_id FROM {TABLE} "  # noqa: S608
        f"WHERE id > ? AND kind IN ({marks}) ORDER BY id",
        [last, *kinds],
    )
    return rows.fetchall()
