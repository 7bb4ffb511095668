"""Every phone's auth records are checked once a night, by the host that keeps it.

Phones that nobody keeps are checked by whichever host comes first. What the night
missed, because no host ran, is made up for when one does.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from phones.models import OrganizationPhone
from sessions.auth import report
from sessions.auth.errors import AuthStoreError
from sessions.models import AuthReport, Pairing, PhoneLease
from sessions.policy.nights import latest_night

if TYPE_CHECKING:
    from sessions.host.house import House
    from sessions.host.keeper import PhoneKeeper

logger = logging.getLogger(__name__)

PACE_SECONDS = 0.25  # between two phones: sessions come first
NEVER = -1


class Nightly:
    """Checks one phone after the other, each a few milliseconds."""

    def __init__(self, house: House, keepers: Mapping[int, PhoneKeeper]) -> None:
        self.house = house
        self.keepers = keepers

    async def check_records(self) -> None:
        """Wait, then check what is due; a host that has just started is busy."""
        await asyncio.sleep(settings.WHATSAPP_HEALTH_CHECK.total_seconds())
        if settings.WHATSAPP_AUTH_CHECK_HOUR != NEVER:
            await self.check_due(timezone.localtime())

    async def check_due(self, now: datetime) -> int:
        """How many phones were checked."""
        since = latest_night(now, settings.WHATSAPP_AUTH_CHECK_HOUR)
        checked = 0
        for phone in await self.house.threads.facts(self._due, since):
            if self.house.stopping:
                break
            try:
                await self._check(phone, since)
                checked += 1
            except AuthStoreError as error:
                logger.warning(
                    "auth records not checked phone=%s why=%s", phone.masked, error
                )
            except DatabaseError:
                raise  # of all phones, so the supervisor's loop waits
            except Exception:
                logger.exception("auth records not checked phone=%s", phone.masked)
            await asyncio.sleep(PACE_SECONDS)
        return checked

    def _due(self, since: datetime) -> list[OrganizationPhone]:
        return list(due(since, self.house.host.pk).select_related("organization"))

    async def _check(self, phone: OrganizationPhone, since: datetime) -> None:
        keeper = self.keepers.get(phone.pk)
        if keeper is not None and keeper.episode is not None:
            await keeper.episode.keys.examine()
        elif keeper is not None:
            await self.house.threads.facts(
                report.check_resting, phone, keeper.paths.store, self.house.host.name
            )
        else:
            await self.house.threads.facts(self._check_copy, phone, since)

    def _check_copy(self, phone: OrganizationPhone, since: datetime) -> None:
        if due(since, self.house.host.pk).filter(pk=phone.pk).exists():
            report.check_phone(phone)


def due(since: datetime, host_id: uuid.UUID) -> QuerySet[OrganizationPhone]:
    """Linked phones that no other host has, and that were not checked since.

    A broken verdict is checked again once the phone connected in spite of it. A phone
    that was linked since then is still making its keys.
    """
    of_phone = {"phone": OuterRef("pk")}
    elsewhere = PhoneLease.objects.filter(**of_phone).exclude(
        pk__in=PhoneLease.objects.takeable_by(host_id).values("pk")
    )
    linked_since = Pairing.objects.filter(**of_phone, paired_at__gte=since)
    refuted = Q(
        auth_report__verdict=AuthReport.Verdict.BROKEN,
        facts__connected_at__gt=F("auth_report__checked_at"),
    )
    old = Q(auth_report=None) | Q(auth_report__checked_at__lt=since)
    return (
        OrganizationPhone.objects.filter(facts__linked=True)
        .filter((old & ~Exists(linked_since)) | refuted)
        .exclude(Exists(elsewhere))
        .order_by("pk")
    )
