"""Writing a phone's facts from the event loop, through outages of the database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sessions.host.house import House
from sessions.host.journal import Entry, Journal


@dataclass
class Scribe:
    """Entries of one phone in order; one at a time."""

    house: House
    journal: Journal
    pairing_id: int | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def write(self, entry: Entry) -> None:
        """Write, waiting for the database as long as it takes.

        Nothing is lost meanwhile: the phone's lines stay in its inbox. Raises LeaseLost
        when the phone is another host's by then.
        """
        async with self._one_at_a_time:
            await self.house.threads.patiently(
                self.journal.write, entry, pairing_id=self.pairing_id
            )
