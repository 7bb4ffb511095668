"""Fleet sense: many phones that fail alike are one incident.

The incident is a row that all hosts read; this class is one host's eyes and hands for
it. It remembers what failed here, lets the database decide what it amounts to, sends
one phone ahead at a time, and lets the others go when one came back. Everything works
by polling; wake-ups inside the process only make it quick.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from sessions.host.failures import Failures
from sessions.host.incident_book import Book, incident_rules
from sessions.models import Incident, SessionFacts
from sessions.policy.incidents import (
    may_join,
    proves_over,
    settles,
    slower,
    waits_for,
)

if TYPE_CHECKING:
    from sessions.host.house import House

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # how late this host hears of what another one did
BUSY_SECONDS = 1.0  # as LOOK_SECONDS while an incident stops phones of this host


class FleetSense:
    """Incidents as one host sees them (`house.sense`); of the event loop."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.settles = settles
        self.rules = incident_rules()
        host = house.host
        self.book = Book(host.pk, host.name, host.library_version, self.rules)
        self.active: dict[int, Incident] = {}
        self._wakes: dict[int, Callable[[], None]] = {}
        # Phones here that stand still, and those that try: {phone id: incident id}.
        self._waiting: dict[int, int] = {}
        self._trying: dict[int, int] = {}
        self._failures = Failures()
        self._new: dict[str, float] = {}  # kinds that nobody has judged: when to
        self._over: set[int] = set()  # incidents that a phone of ours has ended
        self._may_try: set[int] = set()
        self._canary: int | None = None  # the one of these that was sent ahead
        self._woken = asyncio.Event()
        self._looked = asyncio.Event()

    # -- what phones tell --------------------------------------------------------------

    def enter(self, facts: SessionFacts, wake: Callable[[], None]) -> None:
        """A keeper took the phone; `wake` makes it ask `holding` again."""
        self._wakes[facts.phone_id] = wake
        if facts.since is not None and facts.connected_at is None:
            self._failures.note(facts.phone_id, facts.cause, facts.since)

    def left(self, phone_id: int) -> None:
        """The keeper gave the phone back."""
        self._wakes.pop(phone_id, None)
        self._waiting.pop(phone_id, None)
        self._trying.pop(phone_id, None)
        self._may_try.discard(phone_id)
        self._failures.forget(phone_id)

    def noticed(self, phone_id: int, cause: str) -> None:
        """A phone lost its connection, or a start of it failed."""
        mine = self._part_of(phone_id)
        self._trying.pop(phone_id, None)
        self._end({i.pk for i in mine if proves_over(i.kind, cause)})
        kind = self._failures.note(phone_id, cause, timezone.now())
        if kind is not None:
            ripe = time.monotonic() + self.settles(cause)
            self._new[kind] = min(ripe, self._new.get(kind, ripe))
            self._woken.set()

    def recovered(self, phone_id: int) -> None:
        """It is connected: an incident that it was part of is over."""
        self._end({incident.pk for incident in self._part_of(phone_id)})
        self._trying.pop(phone_id, None)
        self._failures.forget(phone_id)

    def _part_of(self, phone_id: int) -> list[Incident]:
        """Those that it failed in before, and the one that it tries to end."""
        tried = self.active.get(self._trying.get(phone_id, 0))
        failed_in = self._failures.kinds(phone_id)
        found = [i for i in self._in_scope() if i.kind in failed_in]
        return found if tried is None else [*found, tried]

    def _end(self, incident_ids: set[int]) -> None:
        self._over |= incident_ids
        if self._over:
            self._woken.set()

    # -- what keepers ask --------------------------------------------------------------

    async def looked(self) -> None:
        """Return when the incidents that are on were read at least once."""
        await self._looked.wait()

    def incident_for(self, phone_id: int, cause: str) -> int | None:
        """The active incident that a phone which ended for `cause` waits for."""
        found = (i.pk for i in self._in_scope() if waits_for(i.kind, cause))
        return next(found, None)

    def holding(self, facts: SessionFacts, *, starting: bool) -> int | None:
        """The incident that keeps the phone from starting; None: it may.

        starting: its own wait is over, only an incident can stop it.
        """
        phone_id = facts.phone_id
        if phone_id in self._may_try:
            return None
        scope = self._in_scope()
        if facts.rule == "incident":
            own = (i.pk for i in scope if i.pk == facts.incident_id)
            return next(own, None) or self.incident_for(phone_id, facts.cause)
        for incident in scope:
            if may_join(incident.kind, facts.cause, facts.rule):
                return incident.pk
            if starting and incident.kind == Incident.Kind.OUTDATED:
                return incident.pk
        return None

    def waits(self, phone_id: int, incident_id: int) -> None:
        """The phone stands still for this incident."""
        self._trying.pop(phone_id, None)
        self._waiting[phone_id] = incident_id

    def let_try(self, phone_id: int) -> None:
        """It may start once, whatever is on: a person, or its turn as the canary."""
        self._may_try.add(phone_id)

    def goes_ahead(self, phone_id: int) -> bool:
        """It is the canary: those who queue for their start let it pass."""
        return phone_id == self._canary and phone_id in self._may_try

    def started(self, phone_id: int) -> None:
        """It has used its leave; what comes of it tells of the incident."""
        self._may_try.discard(phone_id)
        if (incident := self._waiting.pop(phone_id, None)) is not None:
            self._trying[phone_id] = incident

    def next_probe(self, incident_id: int | None) -> datetime | None:
        incident = self.active.get(incident_id or 0)
        return incident.next_probe_at if incident is not None else None

    def kind_of(self, incident_id: int | None) -> str:
        incident = self.active.get(incident_id or 0)
        return incident.kind if incident is not None else ""

    def _in_scope(self) -> list[Incident]:
        """Active ones that stop phones of this host, the fleet's first."""
        ours = (None, self.house.host.pk)
        found = [
            incident
            for incident in self.active.values()
            if incident.waits and incident.host_id in ours
        ]
        return sorted(found, key=lambda incident: incident.host_id is not None)

    # -- the loop ----------------------------------------------------------------------

    async def watch_for_incidents(self) -> None:
        """One turn; returns when it is time for the next one."""
        await self.turn()
        await self._pause()

    async def turn(self) -> None:
        """Read what is on, judge what is new, send a canary, end what is over."""
        await self._look()
        for kind in self._ripe():
            await self._judge(kind)
        if self._over:
            over = set(self._over)
            if await self.house.threads.facts(self.book.end, over):
                logger.warning("incident ended by success ids=%s", sorted(over))
            self._over -= over
            await self._look()
        for incident in list(self.active.values()):
            await self._tend(incident)
        if self._twice() and await self.house.threads.facts(self.book.end_swallowed):
            await self._look()

    def _ripe(self) -> list[str]:
        """Kinds whose failures had the time to mend by themselves, or need none."""
        now = time.monotonic()
        return [kind for kind, at in self._new.items() if at <= now]

    def _twice(self) -> bool:
        """A kind has an incident of the fleet and one of a host."""
        of_fleet = {i.kind for i in self.active.values() if i.host_id is None}
        return any(i.host_id and i.kind in of_fleet for i in self.active.values())

    async def _pause(self) -> None:
        """Until it is time to look, a kind is ripe, or an incident is over."""
        ends = time.monotonic() + (BUSY_SECONDS if self._in_scope() else LOOK_SECONDS)
        while not self._over and not self._ripe():
            left = min([ends, *self._new.values()]) - time.monotonic()
            if left <= 0:
                return
            self._woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), left)

    async def _look(self) -> None:
        known = self.active
        if not self._looked.is_set():
            await self.house.threads.facts(self.book.hasten)
        read: list[Incident] = await self.house.threads.facts(self.book.active)
        self.active = {incident.pk: incident for incident in read}
        self._looked.set()
        self.house.budget.per_second = self._starts_per_second()
        if self.active.keys() != known.keys():
            self._changed(known)

    def _changed(self, known: dict[int, Incident]) -> None:
        """Phones whose incident is gone may start, in random order; others join."""
        free = [p for p, i in self._waiting.items() if i not in self.active]
        self.house.rng.shuffle(free)
        for phone_id in free:
            del self._waiting[phone_id]
        joining = [
            phone_id
            for incident in self._in_scope()
            if incident.pk not in known
            for phone_id in self._failures.phones(incident.kind)
            if phone_id not in free
        ]
        if free or joining:
            logger.info("incidents changed free=%s joining=%s", len(free), len(joining))
        for phone_id in [*free, *joining]:
            if wake := self._wakes.get(phone_id):
                wake()

    def _starts_per_second(self) -> float:
        usual = float(settings.WHATSAPP_STARTS_PER_SECOND)
        limit = float(settings.WHATSAPP_INCIDENT_STARTS_PER_SECOND)
        return slower(usual, limit) if self._in_scope() else usual

    async def _judge(self, kind: str) -> None:
        of_fleet = {i.kind for i in self.active.values() if i.host_id is None}
        since = timezone.now() - self.rules.window
        here = self._failures.since(kind, since)
        opened = kind not in of_fleet and await self.house.threads.facts(
            self.book.judge, kind, here
        )
        if self._failures.since(kind, since) == here:  # nothing came meanwhile
            del self._new[kind]
        if opened:
            logger.warning("incident opened kind=%s seen_here=%s", kind, len(here))
            await self._look()

    async def _tend(self, incident: Incident) -> None:
        ours = incident.host_id in (None, self.house.host.pk)
        last_at, seen = None, 0
        if ours:
            last_at = self._failures.last_at(incident.kind)
            seen = len(self._failures.phones(incident.kind))
        if await self.house.threads.facts(self.book.tend, incident, last_at, seen):
            logger.warning("incident ended, nothing left id=%s", incident.pk)
            await self._look()
        elif incident.waits and ours:
            await self._probe(incident)

    async def _probe(self, incident: Incident) -> None:
        """Send one phone ahead, if it is time and this host's turn."""
        waiting = [p for p, i in self._waiting.items() if i == incident.pk]
        able = [p for p in waiting if p not in self._may_try]
        if not able or not incident.due:
            return
        last_was_ours = incident.canary_id in waiting
        threads = self.house.threads
        if not await threads.facts(
            self.book.may_probe, incident, last_was_ours=last_was_ours
        ):
            return
        # One that fails for reasons of its own must not stand for all of them.
        others = [phone_id for phone_id in able if phone_id != incident.canary_id]
        canary = self.house.rng.choice(others or able)
        if await threads.facts(self.book.claim, incident, canary):
            logger.info("canary tries incident=%s phone=%s", incident.pk, canary)
            self._canary = canary
            self.let_try(canary)
            if wake := self._wakes.get(canary):
                wake()
