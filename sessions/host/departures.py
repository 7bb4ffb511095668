"""Phones that leave while the host goes on: moved ones, and all when it is drained."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from django.db import DatabaseError
from django.db.models import Q

from sessions.host.hand_over import Turns
from sessions.host.house import House
from sessions.host.keeper import PhoneKeeper
from sessions.models import Fence, Host, Pairing, PhoneLease, Wish
from sessions.placement import room_beside

logger = logging.getLogger(__name__)


class Departures:
    """Does what people, or the balance, want to leave; in turns, as a hand-over."""

    def __init__(self, house: House, keepers: Mapping[int, PhoneKeeper]) -> None:
        self.house = house
        self.keepers = keepers
        self.draining = False
        # Built once: the database answers it in a tenth of the time that this takes.
        moves = Wish.objects.under_way().filter(phone__lease__host_id=house.host.pk)
        self._moves = moves.values_list("phone_id", flat=True)
        self._moved: set[int] = set()
        self._pairing: set[int] = set()
        self._asked: set[Fence] = set()
        self._turns = Turns(house)
        self._stuck = False
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Read what is wanted and let phones go; returns while they are leaving."""
        was_draining = self.draining
        await self.house.threads.facts(self._read)
        if self.draining != was_draining:
            phones, state = len(self.keepers), "begins" if self.draining else "ends"
            logger.info("draining %s phones=%s", state, phones)
        self._asked &= {keeper.fence for keeper in self.keepers.values()}
        running = self._task is not None and not self._task.done()
        if not running and self._next() is not None:
            self._task = asyncio.create_task(self._run(), name="departures")

    async def stop(self) -> None:
        """The host stops: its hand-over goes on with the rest."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _read(self) -> None:
        host_id = self.house.host.pk
        moved = set(self._moves.all())
        self.draining = Host.objects.filter(pk=host_id, draining=True).exists()
        if moved or self.draining:
            active = Pairing.objects.active().filter(phone__lease__host_id=host_id)
            self._pairing = set(active.values_list("phone_id", flat=True))
        if moved:
            Wish.objects.keep_under_way(*moved)
        self._moved = moved

    def _next(self) -> PhoneKeeper | None:
        """The next phone to leave: those that are not connected come first.

        A phone that is being linked stays until that has come to its end.
        """
        leaving = [
            keeper
            for phone_id, keeper in self.keepers.items()
            if (self.draining or phone_id in self._moved)
            and phone_id not in self._pairing
            and keeper.fence not in self._asked
        ]
        return min(leaving, key=lambda keeper: keeper.is_connected, default=None)

    async def _run(self) -> None:
        """Ends when nobody is left to go, or can go now; the next look goes on."""
        try:
            while (keeper := self._next()) is not None:
                if await self._nowhere_to_go(keeper):
                    return
                self._asked.add(keeper.fence)
                self._turns.leave(keeper)
                await self._turns.next()
        except (DatabaseError, TimeoutError) as error:
            logger.warning("departures fail error=%s", type(error).__name__)
        except Exception:
            logger.exception("departures failed")

    async def _nowhere_to_go(self, keeper: PhoneKeeper) -> bool:
        """A drain stops while no other host has room; a move has its own target."""
        if keeper.phone_id in self._moved:
            return False
        room: int = await self.house.threads.facts(self._room)
        if room <= 0 and not self._stuck:
            logger.warning("no other host has room phones=%s", len(self.keepers))
        self._stuck = room <= 0
        return self._stuck

    def _room(self) -> int:
        """Room of the others, without what those need that are on their way there."""
        on_the_way = PhoneLease.objects.filter(
            Q(host=None) | Q(host=self.house.host), phone__in=self._turns.recent()
        ).count()
        # Asked last: a phone that arrives in between counts twice, never not at all.
        return room_beside(self.house.host.pk) - on_the_way
