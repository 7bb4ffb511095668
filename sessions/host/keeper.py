"""Keeps one phone: from taking its lease to giving it back.

The keeper turns orders (wish, pairing, requests) into episodes, and the ending of an
episode into the next step. It runs while the phone needs this host: connected,
pairing, or waiting for a timer; a phone that is stopped, held or not linked is given
back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import DatabaseError

from phones.models import OrganizationPhone
from sessions.host import idle_errands, unlinking, wishes
from sessions.host.aftermath import Aftermath
from sessions.host.ending import Ending
from sessions.host.episode import Episode
from sessions.host.errands import Errands, Kind, Orders
from sessions.host.house import House
from sessions.host.inbox import Inbox, Nudge, Rang
from sessions.host.journal import Entry, Journal
from sessions.host.launch import HostStops, Launch, LaunchRefused, StartPostponed
from sessions.host.pairing_course import PairingCourse
from sessions.host.paths import PhonePaths
from sessions.host.previous_life import PreviousLife
from sessions.host.scribe import Scribe
from sessions.host.standstill import Standstill
from sessions.host.tenure import Tenure
from sessions.models import (
    Fence,
    LeaseLost,
    Pairing,
    PairingState,
    PhoneLease,
    SessionFacts,
)
from sessions.models.clock import ClockNow
from sessions.policy.number_aliases import number_in, same_number

logger = logging.getLogger(__name__)

FAULT_SECONDS = 5.0  # a phone whose keeper failed is not taken again at once


class PhoneKeeper:
    """One phone under one fence; `run` ends when the phone is given back."""

    def __init__(
        self, house: House, fence: Fence, *, deadline: float, to_run: bool = True
    ) -> None:
        self.house = house
        self.fence = replace(fence, renewed=self._written)
        self.inbox = Inbox()
        self.episode: Episode | None = None
        self.paths = PhonePaths.of(fence.phone_id, house.directory)
        self.taken_at = time.monotonic()
        self._to_run = to_run  # False: only to clear its keys
        self._tenure = Tenure(deadline, span=house.lease_span)
        self._loop = asyncio.get_running_loop()
        self._hurried_for = 0  # id of the unlink that had its hurried start

    @property
    def phone_id(self) -> int:
        return self.fence.phone_id

    @property
    def is_connected(self) -> bool:
        return self.episode is not None and self.episode.connected

    def nudge(self, word: str) -> None:
        """wake, leave or lost; a lost phone's process is killed at once."""
        if word == "lost" and self.episode is not None:
            self.episode.session.kill()
        self.inbox.put(Nudge(word))  # type: ignore[arg-type]

    def renew(self, deadline: float) -> None:
        """The lease was renewed: move the dead-man's deadline (CLOCK_MONOTONIC)."""
        self._tenure.renew(deadline)

    def _written(self, sent_at: float) -> None:
        """A write of facts renewed the lease, says its thread."""
        with suppress(RuntimeError):  # the loop is closed: the host has ended
            self._loop.call_soon_threadsafe(
                self.renew, self.house.new_deadline(sent_at)
            )

    async def run(self) -> None:
        """Never raises; logs and gives the phone back."""
        try:
            scribe = await self._take_up()
            while await self._turn(scribe):
                pass
        except LeaseLost:
            logger.warning("lease lost phone=%s", self.phone_id)
            self.house.lost.add(self.phone_id)
            return
        except Exception:
            logger.exception("keeper failed phone=%s", self.phone_id)
            self.inbox.clear()
            self.inbox.set_timer("fault", FAULT_SECONDS)
            await self.inbox.next()
        finally:
            self.house.sense.left(self.phone_id)
        await self._release()

    async def _take_up(self) -> Scribe:
        phone, facts, lease = await self.house.threads.patiently(self._load)
        journal = Journal(self.fence, phone, facts, self.house.host.name)
        scribe = Scribe(self.house, journal)
        previous = PreviousLife(self.house, scribe, self.paths, lease)
        await previous.close()
        self.house.sense.enter(journal.facts, self._look_again)
        return scribe

    def _look_again(self) -> None:
        """An incident began or ended; a session that runs does not mind."""
        if self.episode is None:
            self.nudge("wake")

    def _load(self) -> tuple[OrganizationPhone, SessionFacts, PhoneLease]:
        leases = PhoneLease.objects.select_related(
            "phone__organization", "phone__facts"
        )
        lease = leases.get(phone_id=self.phone_id)
        facts: SessionFacts | None = getattr(lease.phone, "facts", None)
        if facts is None:
            facts, _ = SessionFacts.objects.get_or_create(phone=lease.phone)
        return lease.phone, facts, lease

    async def _turn(self, scribe: Scribe) -> bool:
        """One look at the orders and one step; False when there is nothing to keep."""
        if self.house.stopping:
            return False
        orders: Orders = await self.house.threads.patiently(Orders.read, self.phone_id)
        facts = scribe.journal.facts
        request = orders.first(*idle_errands.KINDS)
        if request is not None:
            aftermath = self._aftermath(scribe, orders)
            await idle_errands.carry_out(aftermath, orders, request)
            return True
        if not self._to_run:
            return False
        pairing = orders.pairing
        if pairing is not None and not facts.linked:
            return await self._pair(scribe, orders, pairing)
        if facts.linked and (
            wishes.want_it_to_run(orders.wish, facts) or orders.first(Kind.UNLINK)
        ):
            return await self._keep_connected(scribe, orders)
        await wishes.rest(scribe, orders.wish)
        return False

    async def _keep_connected(self, scribe: Scribe, orders: Orders) -> bool:
        asked = self._is_asked(scribe.journal.facts, orders)
        seconds = await Standstill(self.house, scribe).seconds(asked=asked)
        if seconds > 0:
            return await self._wait(scribe, orders, seconds)
        await wishes.note(scribe, orders.wish)
        launch = Launch(self.house, scribe, self.inbox, self.paths, self._tenure)
        self.inbox.clear()
        try:
            self.episode = await launch.login()
        except LaunchRefused as refusal:
            await self._aftermath(scribe, orders).not_launched(refusal, keys=True)
            return True
        except StartPostponed:
            return True
        except HostStops:
            return False
        finally:
            self.house.sense.started(self.phone_id)
        scribe.pairing_id = None
        if orders.pairing is not None:
            scribe.pairing_id = orders.pairing.pk
            self.episode.course = PairingCourse(self.episode, orders.pairing)
        self.episode.diagnosis.paired_at = await self.house.threads.patiently(
            self._paired_at
        )
        return await self._live(scribe, self.episode, orders, keys=True)

    def _is_asked(self, facts: SessionFacts, orders: Orders) -> bool:
        """An unlink skips the wait once, a new wish and a new link always."""
        unlink = orders.first(Kind.UNLINK)
        if unlink is not None and unlink.pk != self._hurried_for:
            self._hurried_for = unlink.pk
            return True
        wished: bool = orders.wish.generation != facts.seen_generation
        return wished or orders.pairing is not None

    async def _wait(self, scribe: Scribe, orders: Orders, seconds: float) -> bool:
        unlink = orders.first(Kind.UNLINK)
        self.inbox.set_timer("next", seconds)
        if unlink is not None:
            self.inbox.set_timer(unlinking.TIMER, unlinking.seconds_left(unlink))
        item = await self.inbox.next()
        self.inbox.drop_timer(unlinking.TIMER)
        if unlink is not None and item == Rang(unlinking.TIMER):
            await unlinking.give_up(scribe, unlink)
        if item == Nudge("lost"):
            raise LeaseLost(f"phone={self.phone_id}")
        return bool(item != Nudge("leave"))

    def _paired_at(self) -> Any:
        last = Pairing.objects.filter(phone_id=self.phone_id).exclude(paired_at=None)
        return last.values_list("paired_at", flat=True).first()

    async def _pair(self, scribe: Scribe, orders: Orders, pairing: Pairing) -> bool:
        if pairing.state != PairingState.REQUESTED:
            return True  # PreviousLife has just closed or finished it
        claimed = await self.house.threads.patiently(self._claim, pairing)
        if not claimed:
            return True
        await wishes.note(scribe, orders.wish)
        launch = Launch(self.house, scribe, self.inbox, self.paths, self._tenure)
        self.inbox.clear()
        try:
            self.episode = await launch.pair(pairing)
        except LaunchRefused as refusal:
            scribe.pairing_id = pairing.pk
            await self._aftermath(scribe, orders).not_launched(refusal, keys=False)
            return True
        except StartPostponed:
            return True
        except HostStops:
            await self._aftermath(scribe, orders).settle(Ending("leave"), keys=False)
            return False
        self.episode.course = PairingCourse(self.episode, pairing)
        return await self._live(scribe, self.episode, orders, keys=False)

    def _claim(self, pairing: Pairing) -> bool:
        now = ClockNow()
        Pairing.objects.end_unclaimed(now)
        mine = Pairing.objects.unclaimed().filter(pk=pairing.pk, expires_at__gt=now)
        return (
            mine.update(
                state=PairingState.STARTING,
                claimed_epoch=self.fence.epoch,
                host_name=self.house.host.name,
            )
            == 1
        )

    async def _live(
        self, scribe: Scribe, episode: Episode, orders: Orders, *, keys: bool
    ) -> bool:
        episode.errands = Errands(episode)
        self.nudge("wake")  # orders given while the process was being started
        try:
            ending = await episode.run()
        finally:
            self.episode = None
            self._tenure.served()
            store_jid = await episode.keys.close()
        keys = scribe.journal.facts.linked
        if store_jid is not None and not keys and ending.word != "wrong_number":
            # The process died between PairSuccess and the first copy.
            number = number_in(store_jid)
            keys = same_number(scribe.journal.phone.phone_number, number)
            if keys:
                await self._finish_link(scribe, store_jid)
            else:
                ending = replace(ending, word="wrong_number", number=number)
        await self._aftermath(scribe, orders).settle(ending, keys=keys)
        self.inbox.clear()
        return ending.word != "leave"

    async def _finish_link(self, scribe: Scribe, jid: str) -> None:
        await scribe.write(
            Entry(
                phone={"phone_jid": jid, "qr_code": None},
                facts={"linked": True},
                pairing={"state": PairingState.RESTARTING, "valid_until": None},
            )
        )

    def _aftermath(self, scribe: Scribe, orders: Orders) -> Aftermath:
        return Aftermath(self.house, scribe, self.paths, orders.wish.generation)

    async def _release(self) -> None:
        """The last step of a hand-over; the process is gone, the keys are copied."""
        try:
            await self.house.threads.facts(PhoneLease.objects.release, self.fence)
        except DatabaseError as error:
            logger.warning(
                "lease not released phone=%s error=%s",
                self.phone_id,
                type(error).__name__,
            )
