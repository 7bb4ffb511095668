"""Each minute: every live session is looked at, and what is over is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from phones.models import Change
from sessions.auth import quarantine
from sessions.auth.central_copy import extents_of
from sessions.host import warnings
from sessions.host.house import House, rules_from_settings
from sessions.host.keeper import PhoneKeeper
from sessions.host.vitals import check_clock
from sessions.models import BaileysImport, LeaseLost

CHANGES_KEPT = timedelta(minutes=10)


class HealthCheck:
    """Of all phones of one host."""

    def __init__(self, house: House, keepers: Mapping[int, PhoneKeeper]) -> None:
        self.house = house
        self.keepers = keepers

    async def check_health(self) -> None:
        """Raises DatabaseError; a lost lease is told to its keeper."""
        await self.house.threads.facts(tidy)
        running = [
            keeper.episode.journal.phone
            for keeper in self.keepers.values()
            if keeper.episode is not None
        ]
        copied = await self.house.threads.facts(extents_of, running)
        for phone_id, keeper in list(self.keepers.items()):
            try:
                if keeper.episode is not None:
                    await keeper.episode.check_health(copied.get(phone_id))
            except LeaseLost:
                keeper.nudge("lost")


def tidy() -> None:
    """Drop old wake-ups and keys whose time is over; warn of phones long away."""
    check_clock()
    now = timezone.now()
    warnings.survey(now, rules_from_settings())
    Change.objects.filter(at__lt=now - CHANGES_KEPT).delete()
    quarantine.purge(now)
    BaileysImport.objects.purge(now)
