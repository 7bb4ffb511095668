"""Several servers: who takes what, who gives what away, and what people can tell them.

A phone is never logged in twice, whoever has it.
"""

from __future__ import annotations

import time

import pytest

from phones.models import AuditEntry, OrganizationPhone, Status
from sessions import verbs
from sessions.models import Host, PhoneLease
from tests.acceptance.fleet import Fleet, HostProcess
from tests.acceptance.logins import last_gap, logins_of, percentile
from tests.factories import make_phone

TTL = 10.0

pytestmark = pytest.mark.postgresql


@pytest.fixture
def servers(fleet: Fleet) -> Fleet:
    fleet.settings |= {
        "WHATSAPP_LEASE_TTL": str(TTL),
        "WHATSAPP_LEASE_RENEW": "1",
        "WHATSAPP_LEASE_MARGIN": "3",
    }
    return fleet


def some_phones(organization, count: int) -> list[OrganizationPhone]:
    return [make_phone(organization) for _ in range(count)]


def count_of(host: HostProcess) -> int:
    return PhoneLease.objects.filter(host__name=host.name).count()


def row_of(host: HostProcess) -> Host:
    return Host.objects.get(name=host.name)


def nobody_twice(fleet: Fleet, phones) -> None:
    """No double login; no new connection before the old one was closed."""
    assert fleet.sandbox.state()["statistics"]["double_logins"] == 0
    logins = logins_of(fleet.sandbox)
    for phone in phones:
        of_phone = logins[phone.phone_number]
        assert not any(
            last_gap(of_phone[n : n + 2]).overlapped for n in range(len(of_phone) - 1)
        )


def test_a_drained_server_gives_all_away_and_takes_none(servers: Fleet, organization):
    phones = some_phones(organization, 6)
    one = servers.start_host("one")
    jids = servers.link_all(phones)
    two = servers.start_host("two")

    verbs.drain(row_of(one))
    servers.wait_logins(jids, 2, 40)
    servers.wait_all(phones, Status.CONNECTED, 60)
    assert (count_of(one), count_of(two)) == (0, len(phones))
    assert one.process.poll() is None
    late = make_phone(organization)
    servers.link(late)
    assert PhoneLease.objects.get(phone=late).host == row_of(two)
    nobody_twice(servers, [*phones, late])

    # It stays drained when it is started again, until a person ends that.
    assert one.terminate() == 0
    one = servers.start_host("one", one.directory)
    assert row_of(one).draining
    # It must have seen both: two would take a phone that nobody takes for 2 s.
    servers.wait(lambda: "draining begins" in one.log, "the drain it was left with")
    verbs.drain(row_of(one), on=False)
    servers.wait(lambda: "draining ends" in one.log, "the end of the drain")
    servers.link(make_phone(organization))
    assert count_of(one) == 1


def test_a_drain_waits_for_room(servers: Fleet, organization):
    """Nothing is let go that nobody can take."""
    phones = some_phones(organization, 3)
    one = servers.start_host("one")
    jids = servers.link_all(phones)
    two = servers.start_host("two", WHATSAPP_CAPACITY="1")
    verbs.drain(row_of(one))
    servers.wait(lambda: count_of(two) == 1, "the move of one phone", 60)
    servers.wait(lambda: "no other host has room" in one.log, "the end of the room", 60)
    servers.wait_all(phones, Status.CONNECTED, 60)
    assert count_of(one) == 2
    three = servers.start_host("three")
    servers.wait_logins(jids, 2, 40)
    servers.wait_all(phones, Status.CONNECTED, 60)
    assert (count_of(one), count_of(three)) == (0, 2)
    nobody_twice(servers, phones)


def test_a_person_moves_a_phone(servers: Fleet, organization):
    phones = some_phones(organization, 2)
    one = servers.start_host("one")
    jids = servers.link_all(phones)
    two = servers.start_host("two")
    verbs.move(phones[0], row_of(two))
    servers.wait_logins(jids[:1], 2, 60)
    servers.wait_all(phones, Status.CONNECTED, 60)
    assert (count_of(one), count_of(two)) == (1, 1)
    assert servers.device(jids[1])["logins"] == 1
    entry = AuditEntry.objects.get(verb="move")
    assert (entry.phone, entry.detail) == (phones[0], {"server": "two"})
    loss = phones[0].metrics.filter(event="disconnected").get()
    assert loss.cause == "moved"
    nobody_twice(servers, phones)


def test_a_phone_whose_target_does_not_answer_comes_back(servers: Fleet, organization):
    phone = make_phone(organization)
    one = servers.start_host("one")
    jid = servers.link(phone)
    two = servers.start_host("two")
    two.freeze()
    verbs.move(phone, row_of(two))
    servers.wait_logins([jid], 2, 40)
    servers.wait_status(phone, Status.CONNECTED)
    assert count_of(one) == 1
    two.wake()
    nobody_twice(servers, [phone])


def test_a_server_that_joins_gets_its_share(servers: Fleet, organization):
    servers.settings["WHATSAPP_REBALANCE_PAUSE"] = "0.5"
    phones = some_phones(organization, 6)
    one = servers.start_host("one")
    jids = servers.link_all(phones)
    AuditEntry.objects.record(verb="move", phone=phones[0], user=None)
    two = servers.start_host("two")
    servers.wait(lambda: (count_of(one), count_of(two)) == (3, 3), "a fair share", 60)
    servers.wait_all(phones, Status.CONNECTED, 60)
    logins = [servers.device(jid)["logins"] for jid in jids]
    assert sorted(logins) == [1, 1, 1, 2, 2, 2]
    # A person has moved this one just now.
    assert logins[0] == 1
    time.sleep(3)  # of six pauses: nothing moves any more
    assert [servers.device(jid)["logins"] for jid in jids] == logins
    nobody_twice(servers, phones)


def test_a_dead_servers_phones_are_shared(servers: Fleet, organization, report):
    phones = some_phones(organization, 12)
    one = servers.start_host("one")
    jids = servers.link_all(phones)
    two, three = servers.start_host("two"), servers.start_host("three")
    one.kill()
    killed_at = time.time()
    servers.wait_logins(jids, 2, TTL + 30)
    servers.wait_all(phones, Status.CONNECTED, 60)
    assert (count_of(two), count_of(three)) == (6, 6)
    logins = logins_of(servers.sandbox)
    took = [logins[phone.phone_number][-1].success_at - killed_at for phone in phones]
    p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
    report(
        f"takeover of 12 phones by two hosts after kill -9, TTL {TTL} s: "
        f"p50 {p50:.1f} s, p95 {p95:.1f} s"
    )
    nobody_twice(servers, phones)
