"""Hosts without sessions: their fleet sense, with phones under their leases."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from phones.models import Status
from sessions.host.fleet_sense import FleetSense
from sessions.host.start_budget import StartBudget
from sessions.host.threads import DatabaseThreads
from sessions.models import Host, Incident, PhoneLease, SessionFacts
from tests.factories import make_organization, make_phone

EACH = 5  # phones of a host


class Server:
    """One host's sense, with phones under its lease."""

    def __init__(self, name: str, count: int = EACH) -> None:
        self.host = Host.objects.create(name=name)
        self.host.beat()
        organization = make_organization()
        self.phones = [make_phone(organization).pk for _ in range(count)]
        for pk in self.phones:
            SessionFacts.objects.create(phone_id=pk, host_name=name, linked=True)
            PhoneLease.objects.create(
                phone_id=pk,
                host=self.host,
                epoch=1,
                expires_at=timezone.now() + timedelta(hours=1),
            )
        self.threads = DatabaseThreads(writers=1)
        self.house = SimpleNamespace(
            host=self.host,
            threads=self.threads,
            budget=StartBudget(4),
            rng=random.Random(1),
        )
        self.woken: list[int] = []
        self.sense = FleetSense(self.house)
        self.sense.settles = lambda cause: 0.0

    def keep(self) -> None:
        """As keepers do that took the phones."""
        for facts in SessionFacts.objects.filter(phone_id__in=self.phones):
            self.sense.enter(facts, lambda pk=facts.phone_id: self.woken.append(pk))

    def fail(self, cause: str, count: int = EACH) -> None:
        for pk in self.phones[:count]:
            self.sense.noticed(pk, cause)
        rows = SessionFacts.objects.filter(phone_id__in=self.phones[:count])
        rows.update(cause=cause, rule="ride", since=timezone.now(), connected_at=None)
        for facts in rows:
            facts.phone.status = Status.DISCONNECTED
            facts.phone.save(update_fields=["status"])

    def wait(self, incident: Incident) -> None:
        """As keepers do that were told to wait."""
        for pk in self.phones:
            self.sense.waits(pk, incident.pk)
        rows = SessionFacts.objects.filter(phone_id__in=self.phones)
        rows.update(rule="incident", incident=incident)

    def held(self) -> int:
        """How many of the phones may not start now."""
        rows = SessionFacts.objects.filter(phone_id__in=self.phones)
        found = [self.sense.holding(facts, starting=True) for facts in rows]
        return sum(incident is not None for incident in found)

    def connect(self, pk: int) -> None:
        self.sense.started(pk)
        self.sense.recovered(pk)


async def on_database(function: Any, *args: Any) -> Any:
    return await sync_to_async(function)(*args)


async def turns(*all_of: Server) -> None:
    """At the same time, as hosts do it."""
    await asyncio.gather(*(server.sense.turn() for server in all_of))


async def incidents(**fields: Any) -> list[Incident]:
    return await on_database(lambda: [*Incident.objects.filter(**fields)])


async def make_due() -> None:
    past = timezone.now() - timedelta(seconds=1)
    await on_database(lambda: Incident.objects.update(next_probe_at=past))
