"""Hosts that see the same failures agree on one incident, whoever is first."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from sessions.host.fleet_sense import FleetSense
from sessions.models import Host, Incident, PhoneLease, SessionFacts
from tests.factories import make_organization, make_phone
from tests.host.servers import EACH, incidents, make_due, on_database, turns

pytestmark = pytest.mark.django_db(transaction=True)

PROBE = timedelta(seconds=15)


async def test_hosts_that_race_open_one_incident_of_the_fleet(servers):
    one, two = await servers("one", "two")
    for server in (one, two):
        await on_database(server.fail, "n1")
    await turns(one, two)
    [incident] = await incidents()
    assert (incident.kind, incident.host_id) == ("unreachable", None)
    assert incident.phone_count == 2 * EACH
    await turns(one, two)
    assert await on_database(one.held) == await on_database(two.held) == 0  # they ride
    for server in (one, two):
        await on_database(server.wait, incident)
        assert await on_database(server.held) == EACH
        assert server.house.budget.per_second == 2


async def test_one_host_of_two_has_its_own_incident_and_the_other_goes_on(servers):
    one, two = await servers("one", "two")
    await on_database(one.fail, "n3")
    await turns(one, two)
    [incident] = await incidents()
    assert incident.host_id == one.host.pk
    await turns(one, two)
    assert one.sense.incident_for(one.phones[0], "n3") == incident.pk
    assert two.sense.incident_for(two.phones[0], "n3") is None
    assert two.house.budget.per_second == 4


async def test_an_incident_of_the_fleet_swallows_those_of_hosts(servers):
    one, two = await servers("one", "two")
    await on_database(one.fail, "n3")
    await turns(one)
    [of_one] = await incidents()
    await on_database(one.wait, of_one)
    await on_database(two.fail, "n3")
    await turns(two)
    [of_fleet] = await incidents(ended_at=None)
    assert of_fleet.host_id is None
    one.woken.clear()
    await turns(one)
    assert sorted(one.woken) == one.phones  # they look again,
    assert await on_database(one.held) == EACH  # and wait on


async def test_two_that_were_opened_in_one_moment_are_made_one(servers):
    (one,) = await servers("one")
    for host in (None, one.host):
        await Incident.objects.acreate(kind="unreachable", cause="n1", host=host)
    await turns(one)
    [left] = await incidents(ended_at=None)
    assert left.host_id is None


def test_one_of_many_callers_gets_the_canary():
    organization = make_organization()
    phones = [make_phone(organization).pk for _ in range(8)]
    incident = Incident.objects.create(
        kind="unreachable", cause="n1", next_probe_at=timezone.now()
    )

    def claim(pk: int) -> bool:
        try:
            return Incident.objects.all().claim_probe(incident.pk, pk, PROBE)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(phones)) as threads:
        claimed = list(threads.map(claim, phones))
    assert sum(claimed) == 1
    incident.refresh_from_db()
    assert incident.canary_id == phones[claimed.index(True)]
    assert incident.probes == 1
    assert incident.next_probe_at > timezone.now() + PROBE / 2


async def test_one_phone_of_all_hosts_tries_and_its_success_frees_the_others(servers):
    one, two = await servers("one", "two")
    for server in (one, two):
        await on_database(server.fail, "n1")
    await turns(one, two)
    await turns(one, two)
    [incident] = await incidents()
    for server in (one, two):
        await on_database(server.wait, incident)
        server.woken.clear()
    await make_due()
    await turns(one, two)
    await turns(one, two)
    [canary] = one.woken + two.woken
    owner, other = (one, two) if canary in one.phones else (two, one)
    assert await on_database(owner.held) == EACH - 1
    assert [pk for pk in owner.phones if owner.sense.goes_ahead(pk)] == [canary]
    owner.connect(canary)
    assert not owner.sense.goes_ahead(canary)
    await turns(owner)
    await turns(other)
    assert (await incidents())[0].ended_at is not None
    freed = [pk for pk in owner.phones if pk != canary]
    assert sorted(owner.woken[1:]) == freed
    assert sorted(other.woken) == other.phones
    assert other.woken != other.phones  # in random order
    assert await on_database(owner.held) == await on_database(other.held) == 0


async def test_a_canary_that_hears_of_a_ban_has_reached_whatsapp(servers):
    (one,) = await servers("one")
    await on_database(one.fail, "n3")
    await turns(one)
    [incident] = await incidents()
    await on_database(one.wait, incident)
    one.sense.started(one.phones[0])
    one.sense.noticed(one.phones[0], "n3")
    await turns(one)
    assert (await incidents())[0].ended_at is None
    one.sense.waits(one.phones[0], incident.pk)
    one.sense.started(one.phones[0])
    one.sense.noticed(one.phones[0], "b1")
    await turns(one)
    assert (await incidents())[0].ended_at is not None


async def test_a_phone_that_rides_and_hears_a_405_has_reached_whatsapp(servers):
    (one,) = await servers("one")
    await on_database(one.fail, "n1")
    await turns(one)
    one.sense.noticed(one.phones[0], "n3")
    await turns(one)
    assert [i.kind for i in await incidents(ended_at=None)] == ["unreachable"]
    one.sense.noticed(one.phones[0], "o1")
    await turns(one)
    assert [i.kind for i in await incidents(ended_at=None)] == ["outdated"]


async def test_a_single_405_stops_every_start_of_every_host(servers):
    one, two = await servers("one", "two")
    await on_database(one.fail, "o1", 1)
    await turns(one)
    await turns(two)
    [incident] = await incidents()
    assert (incident.kind, incident.host_id, incident.phone_count) == (
        "outdated",
        None,
        1,
    )
    assert await on_database(one.held) == await on_database(two.held) == EACH
    two.sense.let_try(two.phones[0])  # a person
    assert await on_database(two.held) == EACH - 1
    two.sense.started(two.phones[0])
    assert await on_database(two.held) == EACH


async def test_a_host_with_another_library_asks_at_once(servers):
    one, two = await servers("one", "two")
    await on_database(one.fail, "o1", 1)
    await turns(one)
    [incident] = await incidents()
    two.sense = await on_database(FleetSense, two.house)  # it starts anew
    await turns(two)
    assert (await incidents())[0].next_probe_at == incident.next_probe_at
    two.host.library_version = "newer"
    two.sense = await on_database(FleetSense, two.house)
    await turns(two)
    hastened = (await incidents())[0].next_probe_at
    assert hastened <= timezone.now() < incident.next_probe_at
    two.sense = await on_database(FleetSense, two.house)
    await on_database(lambda: Incident.objects.update(next_probe_at=None))
    await turns(two)
    assert (await incidents())[0].next_probe_at is None  # once per library


async def test_logouts_are_told_and_nobody_waits(servers, settings):
    (one,) = await servers("one", count=10)
    await on_database(one.fail, "u1", 3)
    await turns(one)
    [incident] = await incidents()
    assert (incident.kind, incident.next_probe_at) == ("logged_out", None)
    assert await on_database(one.held) == 0
    assert one.house.budget.per_second == 4
    long_ago = timezone.now() - timedelta(hours=1)
    await on_database(lambda: Incident.objects.update(last_at=long_ago))
    await turns(one)
    assert (await incidents())[0].ended_at is None  # this host saw one just now
    one.sense = await on_database(FleetSense, one.house)
    await on_database(lambda: Incident.objects.update(last_at=long_ago))
    await turns(one)
    assert (await incidents())[0].ended_at is not None


async def test_two_losses_are_nothing_and_a_phone_that_is_back_does_not_count(servers):
    (one,) = await servers("one", count=6)
    await on_database(one.fail, "n1", 2)
    await turns(one)
    assert await incidents() == []
    await on_database(one.fail, "n1", 3)
    one.sense.recovered(one.phones[0])
    up = SessionFacts.objects.filter(phone_id=one.phones[0])
    await on_database(lambda: up.update(cause=""))
    await turns(one)
    assert await incidents() == []


async def test_a_host_that_died_does_not_keep_an_incident(servers):
    one, two = await servers("one", "two")
    await on_database(one.fail, "n3")
    await turns(one)
    await on_database(lambda: PhoneLease.objects.update(host=two.host))
    await turns(two)
    assert (await incidents())[0].ended_at is None  # it is alive
    silent = timezone.now() - timedelta(minutes=5)
    await on_database(
        lambda: Host.objects.filter(name="one").update(beat_at=silent),
    )
    await turns(two)
    assert (await incidents())[0].ended_at is not None


async def test_an_incident_goes_on_with_a_host_that_starts_anew(servers):
    (one,) = await servers("one")
    await on_database(one.fail, "n1")
    await turns(one)
    [incident] = await incidents()
    await on_database(one.wait, incident)
    one.sense = await on_database(FleetSense, one.house)
    await on_database(one.keep)
    assert not one.sense._looked.is_set()
    await turns(one)
    await asyncio.wait_for(one.sense.looked(), 1)
    assert await on_database(one.held) == EACH
    assert (await incidents())[0].ended_at is None


async def test_an_incident_that_nobody_is_in_any_more_ends(servers):
    (one,) = await servers("one")
    await on_database(one.fail, "n1")
    await turns(one)
    facts = SessionFacts.objects.filter(phone_id__in=one.phones)
    for pk in one.phones:
        one.sense.left(pk)  # people stopped them all
    await on_database(lambda: facts.update(cause="stopped_by_person", rule=""))
    long_ago = timezone.now() - timedelta(minutes=2)
    await on_database(lambda: Incident.objects.update(last_at=long_ago))
    await turns(one)
    assert (await incidents())[0].ended_at is not None


async def test_a_quiet_host_asks_one_question_and_writes_nothing(servers, monkeypatch):
    (one,) = await servers("one")
    asked: list[str] = []
    ask = one.threads.facts

    async def noted(function, *args, **kwargs):
        asked.append(function.__name__)
        return await ask(function, *args, **kwargs)

    await turns(one)
    monkeypatch.setattr(one.threads, "facts", noted)
    await turns(one)
    assert asked == ["active"]
