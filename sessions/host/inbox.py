"""What a phone's keeper waits for: lines, an exit, wake-ups and its own timers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sessions.host.live_session import Ended


@dataclass(frozen=True)
class Nudge:
    """wake: look at the rows again. leave: hand over. lost: the lease is gone.

    frozen: the device row vanished from the store file.
    """

    word: Literal["wake", "leave", "lost", "frozen"]


@dataclass(frozen=True)
class Rang:
    """A timer ran out."""

    timer: str


Item = Mapping[str, Any] | Ended | Nudge | Rang


class Inbox:
    """One queue for everything, so that a phone's events are handled in order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self._timers: dict[str, float] = {}

    def put(self, item: Item) -> None:
        self.queue.put_nowait(item)

    def set_timer(self, name: str, after: timedelta | float) -> None:
        """Ring once in `after` (seconds or timedelta); replaces one of that name."""
        seconds = after.total_seconds() if isinstance(after, timedelta) else after
        self._timers[name] = time.monotonic() + seconds

    def has_timer(self, name: str) -> bool:
        return name in self._timers

    def drop_timer(self, *names: str) -> None:
        for name in names:
            self._timers.pop(name, None)

    def clear(self) -> None:
        """Forget the timers and lines of a session that ended; nudges stay."""
        self._timers.clear()
        self.take_lines()

    def take_lines(self) -> list[Mapping[str, Any]]:
        """The lines that nobody has handled; of the rest only nudges stay."""
        waiting = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for item in waiting:
            if isinstance(item, Nudge):
                self.queue.put_nowait(item)
        return [item for item in waiting if isinstance(item, Mapping)]

    async def next(self) -> Item:
        """The next item; a timer that is due comes before waiting longer."""
        if not self.queue.empty():
            item: Item = self.queue.get_nowait()
            return item
        if not self._timers:
            waited: Item = await self.queue.get()
            return waited
        name = min(self._timers, key=self._timers.__getitem__)
        remaining = self._timers[name] - time.monotonic()
        try:
            return await asyncio.wait_for(self.queue.get(), max(remaining, 0.0))
        except TimeoutError:
            self._timers.pop(name, None)
            return Rang(name)
