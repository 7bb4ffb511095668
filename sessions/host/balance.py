"""Each host has its fair share of the phones: of free ones it takes no more before
others had their chance, and it gives phones away to a host that joined."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from phones.live import publish
from phones.models import AuditEntry, Change, OrganizationPhone, Status
from sessions.host.house import House
from sessions.host.keeper import PhoneKeeper
from sessions.host.wanted import wanted_phones
from sessions.models import Host, Incident, Pairing, PhoneLease, Wish, loads_of
from sessions.models.clock import ClockNow, clock_plus
from sessions.models.kept_question import KeptQuestion
from sessions.models.wish import EVERY_HOST
from sessions.policy.fair_share import may_take, receiver_for

logger = logging.getLogger(__name__)

# A phone that others may take first is taken when nobody has after so many seconds.
CHANCE_SECONDS = 2.0
# A person's Move is not undone, and no phone moves often.
SETTLED = timedelta(hours=1)
AT_A_LOOK = 500  # phones; the next look sees the rest
# Any constant of ours: one host decides at a time.
DECIDING = 7_705_481_086_3


@dataclass
class Free:
    """Phones that this host may take. ours: before anybody else. cleared: also when it
    is full or drained, since no session follows.
    """

    cleared: list[OrganizationPhone] = field(default_factory=list)
    ours: list[OrganizationPhone] = field(default_factory=list)
    shared: list[OrganizationPhone] = field(default_factory=list)
    share: int = 0  # so many of the shared ones at once
    # Seconds until there may be more: the first lease of another host runs out.
    more_in: float | None = None


class Balance:
    """Takes no more than its share, gives away what is above it."""

    def __init__(self, house: House, keepers: Mapping[int, PhoneKeeper]) -> None:
        self.house = house
        self.keepers = keepers
        self._wanted = wanted_phones(ClockNow(), host_id=house.host.pk)
        self._question: tuple[frozenset[int], KeptQuestion] | None = None
        self._passed_over: dict[int, float] = {}
        self._given: dict[int, float] = {}

    def free_phones(self, kept: Collection[int], *, room: bool) -> Free:
        """What waits for a host, in random order; runs in a database thread.

        room: the host takes phones to run them.
        """
        host_id = self.house.host.pk
        found = self._find(frozenset(kept))
        cleared = [phone for phone in found if _is_cleared(phone)]
        if not room:
            return Free(cleared=cleared)
        wanted = [phone for phone in found if not _is_cleared(phone)]
        if settings.WHATSAPP_SINGLE_HOST:
            return Free(cleared, ours=wanted)
        free = Free(cleared, ours=[phone for phone in wanted if _is_ours(phone)])
        free.shared = [phone for phone in wanted if not _is_ours(phone)]
        free.more_in = PhoneLease.objects.seconds_to_expiry(besides=host_id)
        if free.shared:
            # Hosts that look at the same moment do not all try the same one.
            self.house.rng.shuffle(free.shared)
            loads = loads_of(Host.objects.taking())
            free.share = may_take(host_id, loads, len(free.shared))
        return free

    def _find(self, kept: frozenset[int]) -> list[OrganizationPhone]:
        """Those of the wanted phones that are not kept here.

        As a rule there are none, and the same question is asked again: so its words are
        kept as well, until the phones of this host change.
        """
        if self._question is None or self._question[0] != kept:
            others = self._wanted.exclude(pk__in=kept).order_by().values("pk")[:1]
            self._question = kept, KeptQuestion(lambda: others)
        if self._question[1].first() is None:
            return []
        return list(self._wanted.exclude(pk__in=kept)[:AT_A_LOOK])

    def pass_over(self, phones: Collection[int]) -> set[int]:
        """Leave these to others for a moment; those that had it are returned."""
        now = time.monotonic()
        self._passed_over = {
            phone_id: self._passed_over.get(phone_id, now) for phone_id in phones
        }
        return {
            phone_id
            for phone_id, at in self._passed_over.items()
            if now - at >= CHANCE_SECONDS
        }

    async def give(self) -> None:
        """Send one phone to a host that has too few, if there is one."""
        connected = {
            phone_id
            for phone_id, keeper in self.keepers.items()
            if keeper.is_connected and self._may_leave(phone_id)
        }
        if not connected or self.house.stopping:
            return
        phone_id = await self.house.threads.facts(self._give_one, connected)
        if phone_id is not None:
            self._given[phone_id] = time.monotonic()

    def _may_leave(self, phone_id: int) -> bool:
        given = self._given.get(phone_id)
        return given is None or time.monotonic() - given > SETTLED.total_seconds()

    def _give_one(self, connected: Collection[int]) -> int | None:
        with transaction.atomic():
            if not _alone() or Incident.objects.active().exists():
                return None
            receiver = receiver_for(self.house.host.pk, loads_of(Host.objects.taking()))
            if receiver is None:
                return None
            phone_id = _idlest(connected)
            if phone_id is None or not Wish.objects.send_to(receiver, phone_id):
                return None
            publish(Change.Kind.WISH, EVERY_HOST)
        logger.info("balance gives phone=%s to=%s", phone_id, receiver)
        return phone_id


def _is_ours(phone: OrganizationPhone) -> bool:
    return bool(phone.__dict__["is_ours"])  # annotated


def _is_cleared(phone: OrganizationPhone) -> bool:
    return bool(phone.__dict__["is_cleared"])  # annotated


def _idlest(connected: Collection[int]) -> int | None:
    """The phone whose last message is the longest ago."""
    of_phone = {"phone": OuterRef("pk")}
    moved = AuditEntry.objects.filter(
        **of_phone, verb="move", at__gt=clock_plus(-SETTLED)
    )
    return (
        OrganizationPhone.objects.filter(pk__in=connected, status=Status.CONNECTED)
        .exclude(Exists(Pairing.objects.active().filter(**of_phone)))
        .exclude(Exists(moved))
        .exclude(Exists(Wish.objects.under_way().filter(**of_phone)))
        .order_by(F("facts__last_action_at").asc(nulls_first=True), "pk")
        .values_list("pk", flat=True)
        .first()
    )


def _alone() -> bool:
    """Two hosts that decide at the same moment could both give to a third."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [DECIDING])
        row = cursor.fetchone()
    return bool(row and row[0])
