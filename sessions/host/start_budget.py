"""How fast sessions may be started: a fleet that returns must not look like a flood."""

from __future__ import annotations

import asyncio
import contextlib
import time


class StartBudget:
    """Hands out start times, `per_second` at most; 0 means no limit."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._next = 0.0
        self._turn = asyncio.Lock()
        self._lifted = asyncio.Event()

    def lift(self) -> None:
        """Let everybody go at once: the host stops, nobody will start."""
        self._lifted.set()

    async def wait(self) -> None:
        """Return when this caller may start; callers are served in order.

        The pause counts from the start before, not from the time planned for it: a
        host that stood still for a while has nothing to catch up with.
        """
        if self.per_second <= 0:
            return
        async with self._turn:
            rest = self._next - time.monotonic()
            if rest > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._lifted.wait(), rest)
            self._next = time.monotonic() + 1 / self.per_second
