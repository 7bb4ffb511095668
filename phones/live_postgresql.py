"""Wake-ups on PostgreSQL: LISTEN on a connection of its own, and the outbox again after
each reconnect and each quiet while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import psycopg
from django.db import connection

from phones.live import CHANNEL, COALESCE, RETRY, TABLE

logger = logging.getLogger(__name__)

QUIET = 5.0  # seconds without a NOTIFY until the outbox is read anyway
OVERLAP = 10.0  # seconds of the outbox that are read twice


class Seen:
    """Which rows of the outbox were handed out.

    On PostgreSQL ids do not become visible in their order: a transaction that took its
    id first may commit last. So `floor`, above which rows are read again, lags OVERLAP
    seconds behind the highest id, and the ids seen above it are kept to drop repeats.
    """

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.ids: set[int] = set()
        self._marks: deque[tuple[float, int]] = deque()

    def fresh(self, rows: Iterable[tuple[int, int]], now: float) -> set[int]:
        """Phone ids of the (id, phone id) `rows` that were not handed out before."""
        new = [(row, phone) for row, phone in rows if row not in self.ids]
        self.ids.update(row for row, _ in new)
        self._marks.append((now, max(self.ids, default=self.floor)))
        while self._marks and self._marks[0][0] <= now - OVERLAP:
            self.floor = max(self.floor, self._marks.popleft()[1])
        self.ids = {row for row in self.ids if row > self.floor}
        return {phone for _, phone in new}


async def listen(kinds: list[str]) -> AsyncGenerator[set[int]]:
    """As phones.live.watch, which calls it."""
    seen: Seen | None = None
    while True:
        try:
            async with await _open_postgresql() as own:
                await own.execute(f"LISTEN {CHANNEL}")
                if seen is None:
                    seen = Seen(await _highest(own))
                    yield set()
                async with aclosing(_batches(own, kinds, seen)) as batches:
                    async for phone_ids in batches:
                        yield phone_ids
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("wake-ups lost, connecting again error=%s", error)
            await asyncio.sleep(RETRY)


async def _open_postgresql() -> psycopg.AsyncConnection[Any]:
    params = dict(connection.get_connection_params())
    params.pop("cursor_factory", None)  # Django's is of the synchronous kind
    return await psycopg.AsyncConnection.connect(**params, autocommit=True)


async def _highest(own: psycopg.AsyncConnection[Any]) -> int:
    cursor = await own.execute(f"SELECT COALESCE(MAX(id), 0) FROM {TABLE}")  # noqa: S608
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _batches(
    own: psycopg.AsyncConnection[Any], kinds: list[str], seen: Seen
) -> AsyncGenerator[set[int]]:
    phone_ids = await _catch_up(own, kinds, seen)
    last = 0.0
    while True:
        if phone_ids:
            last = time.monotonic()
            yield phone_ids
        rows = await _notified(own, kinds, last)
        if rows:
            phone_ids = seen.fresh(rows, time.monotonic())
        else:
            phone_ids = await _catch_up(own, kinds, seen)


async def _catch_up(
    own: psycopg.AsyncConnection[Any], kinds: list[str], seen: Seen
) -> set[int]:
    """Rows of the outbox that no NOTIFY told; also proves that the server answers."""
    async with asyncio.timeout(QUIET):
        cursor = await own.execute(
            f"SELECT id, phone_id FROM {TABLE} WHERE id > %s AND kind = ANY(%s)",  # noqa: S608
            [seen.floor, kinds],
        )
        return seen.fresh(await cursor.fetchall(), time.monotonic())


async def _notified(
    own: psycopg.AsyncConnection[Any], kinds: list[str], last: float
) -> list[tuple[int, int]]:
    """(id, phone id) of what is notified until COALESCE after `last`; at once if later.

    Empty after QUIET seconds without any.
    """
    rows: list[tuple[int, int]] = []
    deadline = time.monotonic() + QUIET
    while (left := deadline - time.monotonic()) > 0:
        async for notify in own.notifies(timeout=left, stop_after=1):
            kind, phone_id, row = notify.payload.split(" ")
            if kind in kinds:
                rows.append((int(row), int(phone_id)))
                deadline = last + COALESCE
    return rows
