"""How phones leave a host: each one's process exits, its keys are copied, its lease is
given back, in this order; then another host may have it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions.host.house import House
from sessions.host.keeper import PhoneKeeper
from sessions.models import Host

logger = logging.getLogger(__name__)

# From the last phone's turn to the end: polite stops take 2 s, then the last copies.
LAST_SECONDS = 8.0
# With another host there, so many phones are on their way at a time: if all left at
# once, the last would be away until the others have been started. A phone that is not
# taken holds the others up for this long.
ON_THE_WAY = 3
TAKING_TURNS_SECONDS = 20.0
STEP_SECONDS = 0.1
ANSWER_SECONDS = 2.0  # of the database
BREAK_SECONDS = 1.0
BREAKS = 4  # more than a keeper has waits on its way out


class Turns:
    """Lets connected phones leave a few at a time."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._left: dict[int, float] = {}

    def leave(self, keeper: PhoneKeeper) -> None:
        if keeper.is_connected:
            self._left[keeper.phone_id] = time.monotonic()
        keeper.nudge("leave")

    def recent(self) -> list[int]:
        """Phones that left a moment ago and may not have arrived."""
        since = time.monotonic() - TAKING_TURNS_SECONDS
        self._left = {phone: at for phone, at in self._left.items() if at > since}
        return list(self._left)

    async def crowded(self) -> bool:
        """As many as may be are between us and another host.

        Raises DatabaseError or TimeoutError.
        """
        left = self.recent()
        if len(left) < ON_THE_WAY:
            return False
        async with asyncio.timeout(ANSWER_SECONDS):
            count: int = await self.house.threads.facts(
                _count_on_the_way, self.house.host, left
            )
        return count >= ON_THE_WAY

    async def next(self) -> None:
        """Return when another phone may leave; raises as `crowded`."""
        while True:
            if not await self.crowded():
                return
            await asyncio.sleep(STEP_SECONDS)


class HandOver:
    """The end of a host: ends the keepers of `tasks`; nobody takes phones any more."""

    def __init__(
        self,
        house: House,
        keepers: Sequence[PhoneKeeper],
        tasks: Mapping[int, asyncio.Task[None]],
    ) -> None:
        self.house = house
        self.keepers = keepers
        self.tasks = list(tasks.values())

    async def run(self) -> None:
        """Returns when all keepers have ended; never raises."""
        self.house.budget.lift()
        logger.info("handing over phones=%s", len(self.tasks))
        # Said before the first phone leaves: from now on none is left to us.
        answers = await self._note(_leaving)
        online = [keeper for keeper in self.keepers if keeper.is_connected]
        for keeper in self.keepers:
            if keeper not in online:
                keeper.nudge("leave")
        patience = TAKING_TURNS_SECONDS if answers else 0.0
        await self._take_turns(online, until=time.monotonic() + patience)
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=LAST_SECONDS)
            for task in late:
                logger.error("hand-over not finished task=%s", task.get_name())
            await _break_off(late)
        await self._note(_stopped)

    async def _take_turns(self, keepers: Sequence[PhoneKeeper], until: float) -> None:
        turns = Turns(self.house)
        for keeper in keepers:
            turns.leave(keeper)
            while time.monotonic() < until:
                try:
                    if not await turns.crowded():
                        break
                except (DatabaseError, TimeoutError):
                    until = 0.0
                await asyncio.sleep(STEP_SECONDS)

    async def _note(self, write: Callable[[Host], Any]) -> bool:
        """True when the database has taken it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.house.threads.facts(write, self.house.host)
        except (DatabaseError, TimeoutError) as error:
            logger.warning("host row not written error=%s", type(error).__name__)
            return False
        return True


async def _break_off(tasks: set[asyncio.Task[None]]) -> None:
    """Cancelled, a task tidies up, and may wait there for a database that is silent:
    so each is told again."""
    for _ in range(BREAKS):
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=BREAK_SECONDS)


def _count_on_the_way(host: Host, left: Sequence[int]) -> int:
    if not Host.objects.taking().exclude(pk=host.pk).exists():
        return 0
    away = Q(lease__host=host) | Q(status__in=(Status.DISCONNECTED, Status.CONNECTING))
    return OrganizationPhone.objects.filter(away, pk__in=left).count()


def _leaving(host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(leaving=True)


def _stopped(host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(stopped_at=timezone.now())
