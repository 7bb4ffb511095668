"""Which phones a host may take, and which it gives away: the queries of it."""

from __future__ import annotations

import os
import random
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions.host.balance import Balance, _idlest
from sessions.host.vitals import Vitals, memory_of
from sessions.host.wanted import wanted_phones
from sessions.models import (
    Host,
    HostForgotten,
    Pairing,
    PhoneLease,
    SessionFacts,
    Wish,
    loads_of,
)
from sessions.models.clock import ClockNow, clock_plus
from tests.factories import make_phone

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def several_hosts(settings):
    """SQLite serves one host in the product; the SQL itself is the same."""
    settings.WHATSAPP_SINGLE_HOST = False


def server(name: str) -> Host:
    host = Host.objects.create(name=name, pk=uuid.uuid4(), capacity=10)
    host.beat()
    return host


@pytest.fixture
def one(db):
    return server("one")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


@pytest.fixture
def two(db):
    return server("two")


def runs(phone: OrganizationPhone, host: Host | None) -> OrganizationPhone:
    """Linked and wanted; with a host, its lease is valid."""
    SessionFacts.objects.create(phone=phone, linked=True)
    Wish.objects.create(phone=phone, desired="run")
    PhoneLease.objects.create(
        phone=phone, host=host, expires_at=clock_plus(HOUR) if host else None
    )
    OrganizationPhone.objects.filter(pk=phone.pk).update(status=Status.CONNECTED)
    return phone


def wanted_by(host: Host) -> dict[int, bool]:
    phones = wanted_phones(ClockNow(), host_id=host.pk)
    return {phone.pk: bool(phone.is_ours) for phone in phones}


def counts() -> dict[str, int]:
    names = dict(Host.objects.values_list("pk", "name"))
    return {names[load.host]: load.phones for load in loads_of(Host.objects.taking())}


def test_a_free_phone_is_anybodys(phone, one, two):
    runs(phone, None)
    assert wanted_by(one) == wanted_by(two) == {phone.pk: False}


def test_the_same_question_finds_a_phone_that_became_free(organization, one, rng):
    house = SimpleNamespace(host=one, rng=rng)
    balance = Balance(house, {})

    def found(*kept: OrganizationPhone) -> list[OrganizationPhone]:
        free = balance.free_phones([phone.pk for phone in kept], room=True)
        return free.ours + free.shared

    mine = runs(make_phone(organization), one)
    assert found(mine) == found(mine) == []
    other = runs(make_phone(organization), None)
    assert found(mine) == [other]
    assert found(mine, other) == found(other, mine) == []
    assert found() == [mine, other]


def test_a_phone_that_is_moved_is_its_targets_until_the_move_runs_out(phone, one, two):
    runs(phone, None)
    Wish.objects.send_to(two.pk, phone.pk)
    assert wanted_by(one) == {}
    assert wanted_by(two) == {phone.pk: True}
    Wish.objects.update(move_until=clock_plus(-timedelta(seconds=1)))
    assert wanted_by(one) == wanted_by(two) == {phone.pk: False}


@pytest.mark.parametrize("state", ["draining", "leaving"])
def test_a_move_to_a_host_that_takes_none_keeps_nobody_out(phone, one, two, state):
    runs(phone, None)
    Wish.objects.send_to(two.pk, phone.pk)
    Host.objects.filter(pk=two.pk).update(**{state: True})
    assert wanted_by(one) == {phone.pk: False}


def test_a_lease_of_ours_from_before_a_restart_is_ours(phone, one, two):
    runs(phone, one)
    assert wanted_by(one) == {phone.pk: True}
    assert wanted_by(two) == {}


def test_a_phone_under_way_counts_where_it_goes_to(organization, one, two):
    first, _ = (runs(make_phone(organization), one) for _ in range(2))
    assert counts() == {"one": 2, "two": 0}
    Wish.objects.send_to(two.pk, first.pk)
    assert counts() == {"one": 1, "two": 1}
    PhoneLease.objects.filter(phone=first).update(host=None)
    assert counts() == {"one": 1, "two": 1}
    PhoneLease.objects.filter(phone=first).update(host=two.pk)
    assert counts() == {"one": 1, "two": 1}
    Wish.objects.update(move_until=clock_plus(-HOUR))
    assert counts() == {"one": 1, "two": 1}
    Host.objects.filter(pk=one.pk).update(leaving=True)
    assert counts() == {"two": 1}


def test_the_idlest_phone_is_given_first(organization, one):
    phones = [runs(make_phone(organization), one) for _ in range(5)]
    busy, quiet, pairing, lost, moved = phones
    now = timezone.now()
    for phone, minutes in ((busy, 1), (quiet, 5)):
        SessionFacts.objects.filter(phone=phone).update(
            last_action_at=now - timedelta(minutes=minutes)
        )
    Pairing.objects.create(phone=pairing, expires_at=now + HOUR)
    OrganizationPhone.objects.filter(pk=lost.pk).update(status=Status.DISCONNECTED)
    Wish.objects.send_to(server("three").pk, moved.pk)
    ids = {phone.pk for phone in phones}
    assert _idlest(ids) == quiet.pk
    assert _idlest(ids - {quiet.pk}) == busy.pk
    assert _idlest(ids - {quiet.pk, busy.pk}) is None


def test_a_forgotten_host_notices_at_its_next_heartbeat(one):
    PhoneLease.objects.renew(host_id=one.pk, vitals={"load": 0.5, "memory": 7})
    one.refresh_from_db()
    assert (one.load, one.memory) == (0.5, 7)
    Host.objects.all().delete()
    with pytest.raises(HostForgotten):
        PhoneLease.objects.renew(host_id=one.pk)


def test_the_memory_of_processes_is_added_up():
    vitals = Vitals()
    vitals.measure([os.getpid()])
    columns = vitals.columns()
    assert columns["memory"] > 1000
    assert columns["load"] >= 0
    vitals.measure([os.getpid()] * 10)  # those that were not read yet count as this one
    assert vitals.columns()["memory"] == pytest.approx(10 * columns["memory"], rel=0.2)
    vitals.measure([])
    assert vitals.columns()["memory"] == 0
    assert memory_of(2**22 + 1) == 0
