"""The database goes away: sessions end before their leases do, and all come back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import connection
from django.db.models import F

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions import verbs
from sessions.models import PhoneLease, SessionFacts
from sessions.models.clock import ClockNow
from tests.acceptance.database_line import DatabaseLine
from tests.acceptance.fleet import Fleet, is_alive
from tests.acceptance.leases import outlived_leases
from tests.factories import make_phone

TTL = 5.0
SHORT_LEASES = {
    "WHATSAPP_LEASE_TTL": str(TTL),
    "WHATSAPP_LEASE_RENEW": "0.5",
    "WHATSAPP_LEASE_MARGIN": "1.5",
}
BACK_SECONDS = 15  # of the 60 that are promised


@pytest.fixture
def line() -> Iterator[DatabaseLine]:
    line = DatabaseLine(str(connection.get_connection_params()["host"]))
    yield line
    line.close()


@pytest.fixture
def phones(organization):
    return [make_phone(organization) for _ in range(3)]


def start_over(fleet: Fleet, line: DatabaseLine, name: str = "one", **extra: str):
    name_of_database = connection.settings_dict["NAME"]
    url = f"postgresql://postgres:@/{name_of_database}?host={line.directory}"
    return fleet.start_host(name, DATABASE_URL=url, **extra)


def losses(phone) -> list[str]:
    rows = ConnectionMetrics.objects.filter(phone=phone).exclude(cause="")
    return list(rows.values_list("cause", flat=True))


@pytest.mark.postgresql
@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_sessions_end_in_time_and_are_back_with_the_database(
    fleet: Fleet, line: DatabaseLine, phones, fault
):
    fleet.settings |= SHORT_LEASES
    host = start_over(fleet, line)
    jids = fleet.link_all(phones)
    assert len(host.session_pids()) == len(phones)
    getattr(line, fault)()
    assert outlived_leases(fleet, phones) == set()
    line.mend()
    assert fleet.wait_logins(jids, 2) < BACK_SECONDS
    fleet.wait_all(phones, Status.CONNECTED)
    for phone, jid in zip(phones, jids, strict=True):
        assert losses(phone) == ["lease_lost"]
        assert SessionFacts.objects.get(phone=phone).attempts == 0
        device = fleet.device(jid)
        assert (device["logins"], device["double_logins"]) == (2, 0)


@pytest.mark.postgresql
@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_a_single_host_rides_it_out(fleet: Fleet, line: DatabaseLine, phones, fault):
    fleet.settings |= SHORT_LEASES
    host = start_over(fleet, line, WHATSAPP_SINGLE_HOST="1")
    jids = fleet.link_all(phones)
    sessions = sorted(host.session_pids())
    getattr(line, fault)()
    leases = PhoneLease.objects.filter(phone__in=phones)
    fleet.wait(lambda: not leases.filter(expires_at__gt=ClockNow()).exists(), "expiry")
    time.sleep(1)
    line.mend()
    fleet.wait(lambda: leases.filter(expires_at__gt=ClockNow()).count() == 3, "renewal")
    assert sorted(host.session_pids()) == sessions
    assert [fleet.device(jid)["logins"] for jid in jids] == [1] * len(jids)
    assert [losses(phone) for phone in phones] == [[]] * len(phones)


@pytest.mark.postgresql
def test_a_single_host_that_lost_the_lock_in_the_database_gives_way(
    fleet: Fleet, line: DatabaseLine, phone
):
    """While its line was cut another single host started elsewhere."""
    fleet.settings |= SHORT_LEASES | {"WHATSAPP_SINGLE_HOST": "1"}
    one = start_over(fleet, line)
    jid = fleet.link(phone)
    line.cut()
    fleet.start_host("two")
    fleet.wait_logins([jid], 2)
    line.mend()
    assert one.process.wait(15) == 1
    assert "another host" in one.log
    fleet.wait_status(phone, Status.CONNECTED)
    assert fleet.device(jid)["logins"] == 2


@pytest.mark.postgresql
def test_a_short_outage_ends_nothing(fleet: Fleet, line: DatabaseLine, phones):
    # Short for these leases, also where connecting again takes seconds.
    fleet.settings |= SHORT_LEASES | {"WHATSAPP_LEASE_TTL": "15"}
    host = start_over(fleet, line)
    jids = fleet.link_all(phones)
    sessions = sorted(host.session_pids())
    line.cut()
    for phone in phones:
        verbs.start(phone)  # a wake-up to be carried out as soon as it can be
    time.sleep(1.0)
    line.mend()
    facts = SessionFacts.objects.filter(phone__in=phones)
    seen = facts.filter(seen_generation=F("phone__wish__generation"))
    fleet.wait(lambda: seen.count() == len(phones), "the wish to be seen")
    assert sorted(host.session_pids()) == sessions
    assert [fleet.device(jid)["logins"] for jid in jids] == [1] * len(jids)
    assert [losses(phone) for phone in phones] == [[]] * len(phones)


@pytest.mark.postgresql
def test_a_host_ends_while_the_database_says_nothing(
    fleet: Fleet, line: DatabaseLine, phone
):
    host = start_over(fleet, line)
    fleet.link(phone)
    sessions = host.session_pids()
    line.silence()
    time.sleep(3)  # until each thread of the host waits for an answer
    assert host.terminate() == 0
    assert not any(map(is_alive, sessions))


@pytest.mark.sqlite
def test_a_locked_sqlite_database_ends_no_session(fleet: Fleet, phone):
    fleet.settings |= SHORT_LEASES
    host = fleet.start_host()
    jid = fleet.link(phone)
    (session,) = host.session_pids()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as own:
        own.execute("BEGIN IMMEDIATE")
        own.execute("UPDATE phones_change SET phone_id = phone_id")
        time.sleep(2 * TTL)
        own.rollback()
    assert is_alive(session)
    assert host.session_pids() == [session]
    assert fleet.device(jid)["logins"] == 1
    assert losses(phone) == []
