"""Which phones' records a night's check looks at, and through which door."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.utils import timezone

from sessions.auth import report
from sessions.auth.errors import StoreUnavailable
from sessions.host import nightly
from sessions.host.nightly import Nightly, due
from sessions.models import AuthReport, Host, Pairing, PhoneLease, SessionFacts
from sessions.policy.nights import latest_night
from tests.factories import make_phone
from tests.host.stage import Threads

NIGHT = timezone.now() - timedelta(hours=2)
BEFORE = NIGHT - timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 11, 22, 2, 59, tzinfo=BERLIN), (21, 3)),
        (datetime(2026, 11, 22, 3, 0, tzinfo=BERLIN), (22, 3)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=BERLIN), (22, 3)),
        (datetime(2026, 10, 26, 1, 0, tzinfo=BERLIN), (25, 3)),  # a longer night before
    ],
)
def test_the_latest_night(now, night):
    found = latest_night(now, 3)
    assert (found.day, found.hour) == night
    assert found <= now


@pytest.fixture
def hosts(settings, db):
    settings.WHATSAPP_SINGLE_HOST = False
    return [Host.objects.create(name=name, pk=uuid.uuid4()) for name in "ab"]


@pytest.fixture
def phone(hosts):
    phone = make_phone()
    SessionFacts.objects.create(phone=phone, linked=True)
    return phone


def checked(phone, at, verdict="healthy"):
    return AuthReport.objects.create(phone=phone, verdict=verdict, checked_at=at)


def is_due(hosts, which=0):
    return due(NIGHT, hosts[which].pk).exists()


def test_a_phone_is_due_once_a_night(hosts, phone):
    assert is_due(hosts)
    kept = checked(phone, BEFORE)
    assert is_due(hosts)
    kept.checked_at = NIGHT
    kept.save()
    assert not is_due(hosts)


def test_a_phone_without_keys_is_not(hosts, phone):
    SessionFacts.objects.update(linked=False)
    assert not is_due(hosts)


def test_only_the_host_that_has_it_looks_at_it(hosts, phone):
    PhoneLease.objects.acquire(phone=phone, host_id=hosts[0].pk)
    assert [is_due(hosts, which) for which in (0, 1)] == [True, False]


def test_a_phone_that_was_linked_since_waits_for_the_next_night(hosts, phone):
    pairing = Pairing.objects.create(
        phone=phone, expires_at=NIGHT, state="done", paired_at=timezone.now()
    )
    assert not is_due(hosts)
    pairing.paired_at = BEFORE
    pairing.save()
    assert is_due(hosts)


def test_a_broken_verdict_is_looked_at_again_when_the_phone_connected(hosts, phone):
    checked(phone, timezone.now() - timedelta(hours=1), "broken")
    assert not is_due(hosts)
    SessionFacts.objects.update(connected_at=timezone.now())
    assert is_due(hosts)
    Pairing.objects.create(
        phone=phone, expires_at=NIGHT, state="done", paired_at=timezone.now()
    )
    assert is_due(hosts)


class Doors:
    """What was checked, and how."""

    def __init__(self, monkeypatch):
        self.used = []
        for name in ("check_phone", "check_resting"):
            monkeypatch.setattr(report, name, self.door(name))
        monkeypatch.setattr(nightly, "PACE_SECONDS", 0)

    def door(self, name):
        return lambda phone, *_: self.used.append((phone.pk, name))

    def keys(self, phone, error=None):
        async def examine():
            self.used.append((phone.pk, "live file"))
            if error is not None:
                raise error

        return SimpleNamespace(examine=examine)


def run(keepers, **house):
    host = SimpleNamespace(pk=uuid.uuid4(), name="a")
    house = SimpleNamespace(threads=Threads(), host=host, **{"stopping": False} | house)
    check = Nightly(house, keepers).check_due
    return async_to_sync(check)(timezone.localtime())


def test_it_takes_the_live_file_the_resting_one_or_the_copy(phone, monkeypatch):
    doors = Doors(monkeypatch)
    resting, free = make_phone(), make_phone()
    for each in (resting, free):
        SessionFacts.objects.create(phone=each, linked=True)
    monkeypatch.setattr(Threads, "facts", in_this_thread)
    keepers = {
        phone.pk: SimpleNamespace(episode=SimpleNamespace(keys=doors.keys(phone))),
        resting.pk: SimpleNamespace(episode=None, paths=SimpleNamespace(store="")),
    }
    assert run(keepers) == 3
    assert doors.used == [
        (phone.pk, "live file"),
        (resting.pk, "check_resting"),
        (free.pk, "check_phone"),
    ]


@pytest.mark.parametrize(
    "error", [StoreUnavailable("too many open files"), KeyError("a fault of ours")]
)
def test_what_fails_for_one_phone_keeps_no_other_from_its_check(
    phone, monkeypatch, error
):
    doors = Doors(monkeypatch)
    other = make_phone()
    SessionFacts.objects.create(phone=other, linked=True)
    monkeypatch.setattr(Threads, "facts", in_this_thread)
    keys = doors.keys(phone, error)
    keepers = {phone.pk: SimpleNamespace(episode=SimpleNamespace(keys=keys))}
    assert run(keepers) == 1
    assert doors.used[-1] == (other.pk, "check_phone")


def test_an_outage_of_the_database_is_left_to_the_loop(phone, monkeypatch):
    doors = Doors(monkeypatch)
    monkeypatch.setattr(Threads, "facts", in_this_thread)
    keys = doors.keys(phone, OperationalError("server closed the connection"))
    keepers = {phone.pk: SimpleNamespace(episode=SimpleNamespace(keys=keys))}
    with pytest.raises(OperationalError):
        run(keepers)


def test_a_host_that_stops_leaves_the_rest_to_the_others(phone, monkeypatch):
    doors = Doors(monkeypatch)
    monkeypatch.setattr(Threads, "facts", in_this_thread)
    assert run({}, stopping=True) == 0
    assert doors.used == []


async def in_this_thread(self, function, *args):
    from asgiref.sync import sync_to_async

    return await sync_to_async(function)(*args)
