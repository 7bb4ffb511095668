"""How fast sessions may be started: a fleet that returns must not look like a flood."""

from __future__ import annotations

import asyncio
import contextlib
import time


class StartBudget:
    """Hands out start times, `per_second` at most; 0 means no limit.

    A caller asks twice: `permission` before its last questions to the database, `start`
    right before the fork. Callers whose answers came late keep their distance too.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._lifted = asyncio.Event()
        self._permissions = Pace(self._lifted)
        self._starts = Pace(self._lifted)

    def lift(self) -> None:
        """Let everybody go at once: the host stops, nobody will start."""
        self._lifted.set()

    async def permission(self) -> None:
        """Return when this caller may start; callers are served in order."""
        await self._permissions.wait(self.per_second)

    async def start(self) -> None:
        """Return when this caller, who has the permission, forks."""
        await self._starts.wait(self.per_second)


class Pace:
    """Lets callers pass in order, with pauses between them until it is lifted.

    The pause counts from the pass before, not from the time planned for it: a host that
    stood still for a while has nothing to catch up with.
    """

    def __init__(self, lifted: asyncio.Event) -> None:
        self._lifted = lifted
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, per_second: float) -> None:
        if per_second <= 0:
            return
        async with self._turn:
            rest = self._next - time.monotonic()
            if rest > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._lifted.wait(), rest)
            self._next = time.monotonic() + 1 / per_second
