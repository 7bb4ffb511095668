"""The central copy of one session's keys, kept up while its process runs."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import timezone

from sessions.auth import acquaintances
from sessions.auth.central_copy import Extent
from sessions.auth.errors import AuthStoreError
from sessions.auth.mirror import Mirror
from sessions.auth.report import check_store
from sessions.host import warnings
from sessions.host.inbox import Inbox, Nudge
from sessions.host.journal import Entry
from sessions.host.scribe import Scribe
from sessions.models import AuthReport
from sessions.policy.warnings import copy_refilled

logger = logging.getLogger(__name__)

QUIET_NANOSECONDS = 500_000_000
FAULT_SECONDS = 5.0  # a store file that cannot be read is not asked again at once


class KeyCopy:
    """One copy at a time, from whatever side it is asked for.

    The supervisor's loop, the entry of a pairing and the end of an episode come from
    different tasks, and a store file may be used by one thread at a time.
    """

    def __init__(self, scribe: Scribe, inbox: Inbox, mirror: Mirror) -> None:
        self._scribe = scribe
        self._threads = scribe.house.threads
        self._inbox = inbox
        self._mirror = mirror
        self._lock = asyncio.Lock()
        self._closed = False
        self._asleep_until = 0.0
        self._wal = f"{mirror.store.path}-wal"
        self._copied_mark: tuple[int, int] | None = None

    async def push(self) -> None:
        """Copy what changed; a copy that froze is told to the inbox.

        A store file that cannot be read is logged and left alone for a while, so that
        one phone's file never delays the others. Raises LeaseLost, DatabaseError.
        """
        mark = self._wal_mark()
        if mark is not None and mark == self._copied_mark:
            return
        async with self._lock:
            if self._closed or time.monotonic() < self._asleep_until:
                return
            await self._push(self._threads.facts)
            self._copied_mark = mark

    def _wal_mark(self) -> tuple[int, int] | None:
        """Time and size of the store's WAL; None while it may be written this moment.

        Every write of the session touches that file, so an old mark that was copied
        spares the database thread: 50 idle phones cost the host 2.4 % of a core
        without it. The kernel's clock for files ticks each 4 ms, hence the margin.
        """
        try:
            stat = os.stat(self._wal)
        except FileNotFoundError:
            return None
        if time.time_ns() - stat.st_mtime_ns < QUIET_NANOSECONDS:
            return None
        return stat.st_mtime_ns, stat.st_size

    async def write(self, entry: Entry) -> None:
        """Write the entry and what changed in the store file, in one transaction."""
        async with self._lock:
            entry.before = self._mirror.push_batch
            await self._scribe.write(entry)

    async def check(self, copied: Extent | None) -> None:
        """Put back rows that were deleted from the copy by hand. Raises LeaseLost.

        copied: what the copy held a moment ago, if that is known.
        """
        async with self._lock:
            if not self._closed and not await self._is_whole(copied):
                await self._put_right(self._threads.facts)

    async def _is_whole(self, copied: Extent | None) -> bool:
        if copied is None:
            return False
        try:
            return await self._threads.facts(self._mirror.holds, copied)
        except AuthStoreError:
            return False  # the full comparison says what is wrong

    async def _put_right(self, call: Callable[..., Awaitable[Any]]) -> None:
        """Rows that a person deleted come back, and people are told."""
        try:
            if await call(self._mirror.compare):
                return
            rows: int = await call(self._mirror.refill)
        except AuthStoreError as error:
            logger.error(
                "keys not compared phone=%s why=%s", self._mirror.phone.pk, error
            )
            return
        if rows:
            journal, now = self._scribe.journal, timezone.now()
            warned = copy_refilled(rows, now=now)
            journal.facts.warnings = await call(
                warnings.warn, journal.fence, "copy_refilled", warned, now
            )

    async def examine(self) -> AuthReport | None:
        """Check the live file, reading only; None when the session just ended.

        Raises AuthStoreError when it cannot be read now.
        """
        async with self._lock:
            if self._closed:
                return None
            report: AuthReport = await self._threads.patiently(
                check_store,
                self._mirror.phone,
                self._mirror.store,
                self._scribe.house.host.name,
            )
            return report

    async def has_written(self, recipient: str) -> bool:
        """False, too, when the store file cannot be read now."""
        async with self._lock:
            if self._closed:
                return False
            try:
                found: bool = await self._threads.facts(self._has_written, recipient)
            except AuthStoreError:
                return False
            return found

    def _has_written(self, recipient: str) -> bool:
        with self._mirror.store.reading() as connection:
            return acquaintances.has_written(connection, recipient)

    async def finish(self) -> None:
        """The last copy, made however long the database is away. Raises LeaseLost.

        After a TRUNCATE beside the session the next start would find no keys at all.
        """
        async with self._lock:
            await self._push(self._threads.patiently)
            if self._scribe.journal.facts.linked:
                await self._put_right(self._threads.patiently)

    async def close(self) -> str | None:
        """Let go of the store file; the JID of the device in it, if there is one."""
        async with self._lock:
            self._closed = True
            store = self._mirror.store
            try:
                jid: str | None = await self._threads.facts(store.device_jid)
            except AuthStoreError:
                return None
            finally:
                await self._threads.facts(store.close)
            return jid

    async def _push(self, call: Callable[..., Awaitable[bool]]) -> None:
        if not self._scribe.journal.facts.linked:
            # A pairing: nobody knows yet whose keys these are.
            return
        was_frozen = self._mirror.frozen
        try:
            await call(self._mirror.push)
        except AuthStoreError as error:
            logger.error(
                "keys not copied phone=%s why=%s", self._mirror.phone.pk, error
            )
            self._asleep_until = time.monotonic() + FAULT_SECONDS
            return
        if self._mirror.frozen and not was_frozen:
            self._inbox.put(Nudge("frozen"))
