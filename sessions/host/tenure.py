"""How long a lease is surely ours, by this machine's monotonic clock."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Mortal(Protocol):
    """What dies at the deadline: a session process."""

    def renew(self, deadline: float) -> None: ...


class Tenure:
    """The deadline of one phone's lease, which each renewal moves.

    deadline: CLOCK_MONOTONIC seconds at which the dead-man's switch of the phone's
    session fires. span: seconds that a renewal earns.
    """

    def __init__(self, deadline: float, *, span: float) -> None:
        self.deadline = deadline
        self.span = span
        self._renewed = asyncio.Event()
        self._session: Mortal | None = None

    def renew(self, deadline: float) -> None:
        """Renewals and writes overtake each other; the latest deadline counts."""
        self.deadline = max(self.deadline, deadline)
        self._tell()
        self._renewed.set()

    def serve(self, session: Mortal) -> None:
        """Tell this session of each deadline from the moment that it exists: until its
        start is on record, renewals may have come and gone."""
        self._session = session
        self._tell()

    def served(self) -> None:
        """The session has ended."""
        self._session = None

    def _tell(self) -> None:
        if self._session is not None and self.deadline > time.monotonic():
            self._session.renew(self.deadline)

    async def lasts(self) -> None:
        """Return when a session that is started now has time to hear of a renewal.

        After a host was suspended, or its database away, the phones' next steps are due
        before the first renewal: a session that starts with the old deadline dies at
        once, again and again.
        """
        while self.deadline - time.monotonic() < self.span / 2:
            self._renewed.clear()
            await self._renewed.wait()
