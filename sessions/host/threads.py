"""The database from the host's event loop: few threads, one connection each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, TypeVar

from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connections,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
# An internal error is what PostgreSQL calls the end of a transaction that stood still
# for too long: this host was suspended in the middle of it.
AWAY = (OperationalError, InterfaceError, InternalError)

T = TypeVar("T")


class DatabaseThreads:
    """Runs sync functions beside the loop.

    Renewals have a thread of their own: a slow copy of keys must not let leases run
    out. SQLite has one writer anyway, so more threads would only wait for each other.
    """

    def __init__(self, *, writers: int) -> None:
        self._facts = ThreadPoolExecutor(writers, thread_name_prefix="facts")
        self._leases = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._takes = ThreadPoolExecutor(1, thread_name_prefix="takes")

    async def facts(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._run(self._facts, function, args, kwargs)

    async def patiently(
        self, function: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T:
        """As `facts`, again and again while the database is away.

        For what may be done twice. A session lives on meanwhile, as far as its lease
        goes: its lines stay in the inbox.
        """
        waited = False
        while True:
            try:
                return await self.facts(function, *args, **kwargs)
            except AWAY as error:
                if not waited:
                    logger.warning(
                        "waiting for the database call=%s error=%s",
                        getattr(function, "__qualname__", function),
                        type(error).__name__,
                    )
                waited = True
                await asyncio.sleep(RETRY_SECONDS)

    async def takes(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Take leases: not behind the many calls of the phones taken before, and not
        before a renewal, since the row may be locked by a host that froze."""
        return await self._run(self._takes, function, args, kwargs)

    async def leases(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._run(self._leases, function, args, kwargs)

    def leases_now(self, function: Callable[..., T]) -> T:
        """Before there is a loop."""
        return self._leases.submit(function).result()

    async def _run(
        self,
        executor: ThreadPoolExecutor,
        function: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        def call() -> T:
            close_old_connections()
            return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(executor, call)

    def close(self, patience: float) -> bool:
        """Close the threads' connections and end them.

        False when a call that is under way did not end within `patience` seconds.
        """
        last = []
        for executor in (self._facts, self._leases, self._takes):
            count = executor._max_workers
            # All of them at the barrier: none has closed two connections.
            everybody = Barrier(count)
            last += [executor.submit(_leave, everybody, patience) for _ in range(count)]
            executor.shutdown(wait=False)
        return not wait(last, patience + 1).not_done


def _leave(everybody: Barrier, patience: float) -> None:
    connections.close_all()
    with suppress(BrokenBarrierError):
        everybody.wait(patience)
