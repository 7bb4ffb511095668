"""Two servers through faults of what they share: the clock and the database.

No phone is ever logged in twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions import verbs
from sessions.models import Host, PhoneLease, SessionFacts
from tests.acceptance.database_line import DatabaseLine
from tests.acceptance.fleet import Fleet, is_alive
from tests.acceptance.own_server import OwnServer
from tests.factories import make_organization, make_phone

TTL = 8.0
SHORT_LEASES = {
    "WHATSAPP_LEASE_TTL": str(TTL),
    "WHATSAPP_LEASE_RENEW": "0.5",
    "WHATSAPP_LEASE_MARGIN": "2",
}
PHONES = 4

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]


@pytest.fixture
def own_server(transactional_db) -> Iterator[OwnServer]:
    server = OwnServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def line() -> Iterator[DatabaseLine]:
    line = DatabaseLine(str(connection.get_connection_params()["host"]))
    yield line
    line.close()


def new_phones(count: int = PHONES) -> list:
    organization = make_organization()
    return [make_phone(organization) for _ in range(count)]


def doubles(fleet: Fleet) -> int:
    return fleet.sandbox.state()["statistics"]["double_logins"]


def attempts(phones) -> list[int]:
    facts = SessionFacts.objects.filter(phone__in=phones)
    return list(facts.values_list("attempts", flat=True))


def heard_since(moment: datetime) -> set[str]:
    """Hosts that have renewed their leases after it."""
    hosts = Host.objects.filter(beat_at__gt=moment)
    return set(hosts.values_list("name", flat=True))


def is_up(phone) -> bool:
    """Connected, and not only said so by a row from before its session ended."""
    phone.refresh_from_db()
    pid = PhoneLease.objects.get(phone=phone).session_pid
    return phone.status == Status.CONNECTED and is_alive(pid or 0)


def all_back(fleet: Fleet, phones, jids, logins: int) -> None:
    fleet.wait_logins(jids, logins, 60)
    fleet.wait_all(phones, Status.CONNECTED, 60)


SHIFTED = """
import datetime
import time_machine
now = datetime.datetime.now(datetime.timezone.utc)
time_machine.travel(now + datetime.timedelta(minutes={minutes}), tick=True).start()
"""


def clock(directory: Path, minutes: int) -> dict[str, str]:
    """The environment of a host, and of its sessions, whose clock is wrong."""
    folder = directory / f"clock{minutes}"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SHIFTED.format(minutes=minutes))
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_wrong_does_no_harm(fleet: Fleet, minutes):
    fleet.settings |= SHORT_LEASES
    wrong = clock(fleet.directory, minutes)
    one = fleet.start_host("one", **wrong)
    phones = new_phones()
    jids = fleet.link_all(phones)
    two = fleet.start_host("two", **clock(fleet.directory, -minutes))
    time.sleep(1.5 * TTL)  # nobody takes what another one has
    assert [fleet.device(jid)["logins"] for jid in jids] == [1] * PHONES
    assert PhoneLease.objects.filter(host__name="one").count() == PHONES
    assert Host.objects.alive().count() == 2

    one.kill()
    all_back(fleet, phones, jids, 2)
    one = fleet.start_host("one", one.directory, **wrong)
    verbs.drain(Host.objects.get(name="two"))
    all_back(fleet, phones, jids, 3)
    assert two.terminate() == 0
    assert doubles(fleet) == 0
    assert "the clock of this host differs" in one.log


def test_a_postgresql_that_is_killed_and_started_again(own_server, fleet: Fleet):
    """At once, and after longer than a lease."""
    fleet.settings |= SHORT_LEASES
    hosts = [fleet.start_host("one"), fleet.start_host("two")]
    phones = new_phones()
    jids = fleet.link_all(phones)
    own_server.kill()
    killed = timezone.now()
    own_server.start()
    fleet.wait(lambda: len(heard_since(killed)) == 2, "their renewals", 60)
    fleet.wait(lambda: all(map(is_up, phones)), "all phones", 60)
    assert doubles(fleet) == 0
    fleet.sandbox.reset_statistics()  # a session may have ended, or none

    sessions = [pid for host in hosts for pid in host.session_pids()]
    own_server.kill()
    fleet.wait(lambda: not any(map(is_alive, sessions)), "the sessions' end", TTL + 20)
    time.sleep(TTL)
    own_server.start()
    began = time.monotonic()
    all_back(fleet, phones, jids, 1)
    assert time.monotonic() - began < 60
    assert doubles(fleet) == 0
    assert attempts(phones) == [0] * PHONES
    assert [host.process.poll() for host in hosts] == [None, None]


@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_a_host_that_alone_loses_the_database(fleet: Fleet, line, fault):
    """Its sessions end before another host takes the phones; it comes back empty."""
    fleet.settings |= SHORT_LEASES
    name = connection.settings_dict["NAME"]
    url = f"postgresql://postgres:@/{name}?host={line.directory}"
    one = fleet.start_host("one", DATABASE_URL=url)
    phones = new_phones()
    jids = fleet.link_all(phones)
    sessions = one.session_pids()
    two = fleet.start_host("two")
    getattr(line, fault)()
    of_two = PhoneLease.objects.filter(host__name="two")
    fleet.wait(lambda: of_two.count() == PHONES, "the takeover", 60)
    assert not any(map(is_alive, sessions))
    all_back(fleet, phones, jids, 2)
    line.mend()
    mended = timezone.now()
    fleet.wait(lambda: "one" in heard_since(mended), "the return of one", 60)
    time.sleep(TTL)
    assert of_two.count() == PHONES
    assert len(two.session_pids()) == PHONES
    assert one.session_pids() == []
    assert doubles(fleet) == 0
    assert attempts(phones) == [0] * PHONES
    losses = ConnectionMetrics.objects.filter(phone__in=phones).exclude(cause="")
    assert set(losses.values_list("cause", flat=True)) == {"host_lost"}
