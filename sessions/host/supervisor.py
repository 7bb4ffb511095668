"""The loop of `run_sessions`: which phones are ours, and that it stays so.

Tasks side by side: renew the leases, look for phones that need a host or should leave,
copy the keys, listen for wake-ups, share with other hosts, measure, tidy up. One keeper
task per phone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from django.conf import settings
from django.db import DatabaseError

from phones.live import watch
from phones.models import Change, OrganizationPhone
from sessions.host.balance import Balance, Free
from sessions.host.departures import Departures
from sessions.host.hand_over import HandOver
from sessions.host.health_check import HealthCheck
from sessions.host.house import House
from sessions.host.identity import HostRefused
from sessions.host.keeper import PhoneKeeper
from sessions.host.nightly import Nightly
from sessions.host.vitals import Vitals
from sessions.host.wanted import expire_orders
from sessions.models import (
    Fence,
    HostForgotten,
    LeaseLost,
    NumberRunsElsewhere,
    PhoneLease,
    Renewal,
)
from sessions.models.clock import ClockNow

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # a wake-up that got lost costs this much
EXPIRED_SECONDS = 0.05  # after the end of a lease it is surely over
COPY_SECONDS = 0.4  # the copy of the keys is this old at most, plus one transaction
FAULT_SECONDS = 2.0
KEPT_TO_THE_END = {"_renew", "_ride_out", "_copy"}


class Supervisor:
    """Runs until `stop`; then hands every phone over."""

    def __init__(self, house: House, *, capacity: int) -> None:
        self.house = house
        self.capacity = capacity
        self.keepers: dict[int, PhoneKeeper] = {}
        self.departures = Departures(house, self.keepers)
        self.balance = Balance(house, self.keepers)
        self.nightly = Nightly(house, self.keepers)
        self.health = HealthCheck(house, self.keepers)
        self.vitals = Vitals()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._look_now = asyncio.Event()
        self._refusal: HostRefused | None = None

    def stop(self) -> None:
        """Ask for the hand-over (SIGTERM)."""
        self._stop.set()

    async def run(self) -> None:
        """Raises HostRefused when another host took the database over."""
        loops = [
            asyncio.create_task(self._loop(step, pause), name=step.__name__)
            for step, pause in self._steps()
        ]
        await self._stop.wait()
        self.house.stopping = True
        for task in loops:
            # Phones that wait for their turn are renewed and copied to their end.
            if task.get_name() not in KEPT_TO_THE_END:
                task.cancel()
        await self.departures.stop()
        keepers = [] if self._refusal else list(self.keepers.values())
        await HandOver(self.house, keepers, self._tasks).run()
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        if self._refusal is not None:
            raise self._refusal

    def _steps(self) -> list[tuple[Callable[[], Awaitable[None]], float]]:
        """What the loops do, and the seconds between two times."""
        renew = settings.WHATSAPP_LEASE_RENEW.total_seconds()
        steps: list[tuple[Callable[[], Awaitable[None]], float]] = [
            (self._renew, renew),
            (self._ride_out, renew),
            (self._look, 0.0),
            (self._copy, COPY_SECONDS),
            (self._listen, FAULT_SECONDS),
            (self.house.sense.watch_for_incidents, 0.0),
            (self._measure, settings.WHATSAPP_HEARTBEAT.total_seconds()),
            (self.nightly.check_records, 0.0),
            (self.health.check_health, settings.WHATSAPP_HEALTH_CHECK.total_seconds()),
        ]
        if settings.WHATSAPP_REBALANCE_PAUSE and not settings.WHATSAPP_SINGLE_HOST:
            steps.append((self._give, 0.0))
        return steps

    async def _loop(self, step: Callable[[], Awaitable[None]], pause: float) -> None:
        """One step after the other; the only broad except of each loop."""
        while True:
            try:
                await step()
            except HostRefused as refusal:
                self._give_way(refusal)
                return
            except DatabaseError as error:
                logger.warning(
                    "database fails loop=%s error=%s",
                    step.__name__,
                    type(error).__name__,
                )
                # A renewal that is due cannot wait for longer than it would have.
                late = step.__name__ == "_renew"
                await asyncio.sleep(
                    min(pause, FAULT_SECONDS) if late else FAULT_SECONDS
                )
            except Exception:
                logger.exception("loop failed loop=%s", step.__name__)
                await asyncio.sleep(FAULT_SECONDS)
            else:
                await asyncio.sleep(pause)

    async def _renew(self) -> None:
        sent_at = time.monotonic()
        leases: Renewal = await self.house.threads.leases(self._renew_leases)
        deadline = self.house.new_deadline(sent_at)
        for phone_id, keeper in list(self.keepers.items()):
            if leases.held.get(phone_id) != keeper.fence.epoch:
                if sent_at > keeper.taken_at:
                    keeper.nudge("lost")
            elif phone_id in leases.renewed:
                keeper.renew(deadline)

    def _renew_leases(self) -> Renewal:
        self.house.locks.hold()
        try:
            return PhoneLease.objects.renew(
                host_id=self.house.host.pk, vitals=self.vitals.columns()
            )
        except HostForgotten as forgotten:
            raise HostRefused(
                "A person removed this host from the list of servers while it was "
                "silent. Start it again to be listed."
            ) from forgotten

    async def _ride_out(self) -> None:
        """The single host's sessions live on while the database is away."""
        if settings.WHATSAPP_SINGLE_HOST:
            deadline = self.house.new_deadline(time.monotonic())
            for keeper in self.keepers.values():
                keeper.renew(deadline)

    def _give_way(self, refusal: HostRefused) -> None:
        logger.error("giving way to another host phones=%s", len(self.keepers))
        self._refusal = refusal
        for keeper in self.keepers.values():
            keeper.nudge("lost")
        self.stop()

    async def _look(self) -> None:
        self._look_now.clear()
        await self.house.threads.facts(expire_orders, ClockNow())
        if not settings.WHATSAPP_SINGLE_HOST:
            await self.departures.look()
        pause = min(LOOK_SECONDS, await self._take_free())
        try:
            await asyncio.wait_for(self._look_now.wait(), pause)
        except TimeoutError:
            return

    async def _take_free(self) -> float:
        """Those whose keys are cleared, and ours, at once; of the others our share,
        then what nobody else has taken.

        Returns the seconds until a lease of another host runs out.
        """
        room = not self.departures.draining and self.capacity > len(self.keepers)
        free: Free = await self.house.threads.facts(
            self.balance.free_phones, list(self.keepers), room=room
        )
        for phone in free.cleared:
            await self._take(phone)
        for phone in free.ours:
            await self._take(phone)
        refused = self.balance.pass_over({phone.pk for phone in free.shared})
        share = free.share
        for phone in free.shared:
            if (share > 0 or phone.pk in refused) and await self._take(phone):
                share -= 1
        return LOOK_SECONDS if free.more_in is None else free.more_in + EXPIRED_SECONDS

    async def _give(self) -> None:
        await asyncio.sleep(settings.WHATSAPP_REBALANCE_PAUSE.total_seconds())
        if not self.departures.draining:
            await self.balance.give()

    async def _measure(self) -> None:
        pids = [
            keeper.episode.session.pid
            for keeper in self.keepers.values()
            if keeper.episode is not None
        ]
        await asyncio.to_thread(self.vitals.measure, pids)

    async def _take(self, phone: OrganizationPhone) -> bool:
        """True when the phone is ours now."""
        to_run = not phone.__dict__["is_cleared"]  # annotated
        full = to_run and self.capacity <= len(self.keepers)
        if phone.pk in self.keepers or full:
            return False
        sent_at = time.monotonic()
        try:
            fence: Fence | None = await self._acquire(phone, to_run=to_run)
        except NumberRunsElsewhere:
            logger.warning("number runs elsewhere phone=%s", phone.pk)
            return False
        if fence is None:
            return False
        logger.info("lease taken phone=%s epoch=%s", phone.pk, fence.epoch)
        deadline = self.house.new_deadline(sent_at)
        keeper = PhoneKeeper(self.house, fence, deadline=deadline, to_run=to_run)
        self.keepers[phone.pk] = keeper
        task = asyncio.create_task(keeper.run(), name=f"phone-{phone.pk}")
        self._tasks[phone.pk] = task
        task.add_done_callback(lambda _: self._left(keeper))
        return True

    async def _acquire(self, phone: OrganizationPhone, *, to_run: bool) -> Fence | None:
        acquire = partial(PhoneLease.objects.acquire, to_run=to_run)
        host_id = self.house.host.pk
        if not settings.WHATSAPP_SINGLE_HOST:
            return await self.house.threads.takes(acquire, phone=phone, host_id=host_id)

        def under_the_lock() -> Fence | None:
            # It may take every phone, so it must be sure to be the only one.
            self.house.locks.hold()
            return acquire(phone=phone, host_id=host_id)

        return await self.house.threads.leases(under_the_lock)

    def _left(self, keeper: PhoneKeeper) -> None:
        self.keepers.pop(keeper.phone_id, None)
        self._tasks.pop(keeper.phone_id, None)
        self._look_now.set()

    async def _copy(self) -> None:
        for keeper in list(self.keepers.values()):
            episode = keeper.episode
            if episode is None:
                continue
            try:
                await episode.keys.push()
            except LeaseLost:
                keeper.nudge("lost")

    async def _listen(self) -> None:
        async for phone_ids in watch(Change.Kind.WISH):
            for phone_id in phone_ids:
                if keeper := self.keepers.get(phone_id):
                    keeper.nudge("wake")
                else:
                    self._look_now.set()
