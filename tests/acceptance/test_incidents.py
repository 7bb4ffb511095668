"""Many phones fail at once: one incident, one canary, and everybody back together."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import Incident, PhoneLease, SessionFacts
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import record
from tests.factories import make_phone
from tests.sandbox.clients import Watch

PHONES = 12
PROBE = 4.0  # seconds
RIDE = 6.0
OUTAGE = 40.0
STARTS = 4.0  # per second
SLACK = 3.0  # a loop's turn, and what a machine under load adds to it

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def phones(organization) -> list[OrganizationPhone]:
    return [make_phone(organization) for _ in range(PHONES)]


@pytest.fixture(autouse=True)
def shortened(fleet: Fleet) -> None:
    fleet.settings |= {
        "WHATSAPP_RIDE": str(RIDE),
        "WHATSAPP_INCIDENT_PROBE": str(PROBE),
        "WHATSAPP_STARTS_PER_SECOND": str(STARTS),
        "WHATSAPP_REBALANCE_PAUSE": "600",
    }


def facts_of(phones) -> list[SessionFacts]:
    return [*SessionFacts.objects.filter(phone__in=phones).order_by("phone_id")]


def waiting(phones) -> int:
    rows = SessionFacts.objects.filter(phone__in=phones, rule="incident")
    return rows.exclude(incident=None).count()


def the_incident() -> Incident:
    """There has been one, whatever is on now."""
    [incident] = Incident.objects.all()
    return incident


def kinds_that_are_on() -> list[str]:
    return [*Incident.objects.active().values_list("kind", flat=True)]


def cut(fleet: Fleet, seconds: float) -> float:
    """Nothing can be reached for a time; gives when that ends (monotonic)."""
    fleet.sandbox.fault("refuse_connections", seconds=seconds)
    ends = time.monotonic() + seconds
    fleet.sandbox.fault("drop")
    return ends


def refused(watch: Watch) -> list[dict[str, Any]]:
    """Logins of this version; not those of devices that are gone (401), which the
    sandbox has kept waiting since an earlier test."""
    return watch.events("login_refused", reason="405")


def assert_nothing_was_spent(phones) -> None:
    for facts in facts_of(phones):
        spent = (facts.attempts, facts.dial_failures)
        assert spent == (0, 0), (facts.phone_id, record(facts.phone))


def span(moments: list[float]) -> float:
    """Seconds from the first to the last."""
    return max(moments) - min(moments)


def test_an_outage_is_one_incident_with_one_canary_at_a_time(
    fleet: Fleet, phones, report
):
    fleet.start_host()
    jids = fleet.link_all(phones)
    ends = cut(fleet, OUTAGE)
    fleet.wait(lambda: waiting(phones) == PHONES, "everybody waits", 25)
    assert_nothing_was_spent(phones)
    incident = the_incident()
    assert (incident.kind, incident.host, incident.ended_at) == (
        "unreachable",
        None,
        None,
    )
    # The session processes are gone: from here on only canaries knock.
    watch, began = Watch(fleet.sandbox), time.monotonic()
    fleet.wait(lambda: time.monotonic() > ends - 1, "the outage's last second", OUTAGE)
    knocks = watch.events("refused_socket")
    expected = (time.monotonic() - began + SLACK) / PROBE + 1
    assert 2 <= len(knocks) <= expected
    assert Incident.objects.count() == 1
    assert {facts.incident_id for facts in facts_of(phones)} == {incident.pk}
    assert_nothing_was_spent(phones)

    fleet.wait_all(phones, Status.CONNECTED, patience=60)
    returned = time.monotonic() - ends
    report(f"{PHONES} phones back {returned:.1f} s after the network, canary {PROBE} s")
    incident = the_incident()
    assert incident.ended_at is not None
    assert incident.phone_count == PHONES
    assert incident.probes >= 2
    assert_nothing_was_spent(phones)
    assert not SessionFacts.objects.exclude(incident=None).exists()
    assert [fleet.device(jid)["double_logins"] for jid in jids] == [0] * PHONES
    logins = [event["at"] for event in watch.events("success_sent")]
    # Half of what the budget spreads them over: a machine under load bunches some.
    assert span(logins) >= (PHONES - 2) / STARTS / 2
    tried = {cause for phone in phones for _, cause, _ in record(phone)}
    assert "n4" in tried
    assert "n3" not in tried


@pytest.mark.sqlite
def test_a_host_that_restarts_goes_on_with_the_incident(fleet: Fleet, phones):
    host = fleet.start_host()
    fleet.link_all(phones)
    cut(fleet, 300)
    fleet.wait(lambda: waiting(phones) == PHONES, "everybody waits", 25)
    incident = the_incident()
    leases = PhoneLease.objects.filter(phone__in=phones)
    epochs = set(leases.values_list("phone_id", "epoch"))
    host.kill_all()
    watch, began = Watch(fleet.sandbox), time.monotonic()
    fleet.start_host("one", host.directory)
    fleet.wait(
        lambda: not epochs & set(leases.values_list("phone_id", "epoch")), "its phones"
    )
    fleet.wait(lambda: len(watch.events("refused_socket")) >= 2, "two canaries", 30)
    expected = (time.monotonic() - began + SLACK) / PROBE + 1
    assert len(watch.events("refused_socket")) <= expected
    assert the_incident().pk == incident.pk
    assert the_incident().ended_at is None
    assert waiting(phones) >= PHONES - 1
    fleet.sandbox.fault("refuse_connections", seconds=0)
    fleet.wait_all(phones, Status.CONNECTED, patience=40)
    assert_nothing_was_spent(phones)
    assert the_incident().ended_at is not None


@pytest.mark.sqlite
def test_a_person_lets_a_phone_of_an_incident_try_once(fleet: Fleet, phones):
    fleet.settings["WHATSAPP_INCIDENT_PROBE"] = "600"
    fleet.start_host()
    fleet.link_all(phones)
    cut(fleet, 300)
    fleet.wait(lambda: waiting(phones) == PHONES, "everybody waits", 25)
    for number, verb in enumerate((verbs.start, verbs.restart), start=1):
        watch = Watch(fleet.sandbox)
        verb(phones[0])
        watch.wait("refused_socket")
        fleet.wait(lambda: waiting(phones) == PHONES, "it waits again")
        assert len(watch.events("refused_socket")) == 1, number
    assert the_incident().probes == 0
    fleet.sandbox.fault("refuse_connections", seconds=0)
    verbs.start(phones[3])  # its success is everybody's
    fleet.wait_all(phones, Status.CONNECTED, patience=40)
    assert the_incident().ended_at is not None


@pytest.mark.sqlite
def test_a_refused_version_stops_every_start_but_the_canarys(fleet: Fleet, phones):
    fleet.settings["WHATSAPP_OUTDATED_RETRY"] = str(PROBE)
    host = fleet.start_host()
    *others, spared = phones
    fleet.link_all(phones)
    fleet.sandbox.fault("refuse_login", code=405)
    for phone in others:
        fleet.sandbox.fault("drop", number=phone.phone_number)
    fleet.wait(lambda: waiting(others) == len(others), "everybody waits", 25)
    watch, began = Watch(fleet.sandbox), timezone.now()
    verbs.stop(spared)
    fleet.wait_status(spared, Status.STOPPED)
    # Who was told of the version has reached WhatsApp, however late it dialled.
    fleet.wait(lambda: kinds_that_are_on() == ["outdated"], "one incident")
    outdated = Incident.objects.get(kind="outdated")
    assert outdated.host is None
    fleet.wait(lambda: len(refused(watch)) >= 3, "three canaries", 40)
    passed = (timezone.now() - began).total_seconds()
    assert len(refused(watch)) <= (passed + SLACK) / PROBE + 1
    outdated.refresh_from_db()
    assert outdated.probes >= 3
    assert waiting(others) >= len(others) - 1

    fleet.sandbox.fault("allow_login")
    fleet.wait_all(others, Status.CONNECTED, patience=40)
    assert_nothing_was_spent(others)
    outdated.refresh_from_db()
    assert outdated.ended_at is not None

    # Those that queue for their start stop at the first refusal.
    assert host.terminate() == 0
    fleet.sandbox.fault("refuse_login", code=405)
    watch = Watch(fleet.sandbox)
    slow = {"WHATSAPP_STARTS_PER_SECOND": "0.5", "WHATSAPP_OUTDATED_RETRY": "1800"}
    fleet.start_host("one", host.directory, **slow)
    fleet.wait(lambda: waiting(others) == len(others), "everybody waits", 40)
    assert len(refused(watch)) <= len(others) / 2


@pytest.mark.postgresql
def test_two_hosts_have_one_incident_of_the_fleet(fleet: Fleet, phones, report):
    half = str(PHONES // 2)
    fleet.start_host("one", WHATSAPP_CAPACITY=half)
    fleet.start_host("two", WHATSAPP_CAPACITY=half)
    jids = fleet.link_all(phones)
    kept = PhoneLease.objects.filter(phone__in=phones).values_list("host__name")
    assert len(set(kept)) == 2
    cut(fleet, 300)
    fleet.wait(lambda: waiting(phones) == PHONES, "everybody waits", 30)
    watch, began = Watch(fleet.sandbox), time.monotonic()
    fleet.wait(lambda: len(watch.events("refused_socket")) >= 4, "four canaries", 60)
    expected = (time.monotonic() - began + SLACK) / PROBE + 1
    assert len(watch.events("refused_socket")) <= expected
    [active] = Incident.objects.active()
    assert (active.kind, active.host) == ("unreachable", None)
    report(f"incidents with two hosts: {Incident.objects.count()} rows, 1 of the fleet")
    assert_nothing_was_spent(phones)
    fleet.sandbox.fault("refuse_connections", seconds=0)
    fleet.wait_all(phones, Status.CONNECTED, patience=40)
    assert not Incident.objects.active().exists()
    assert [fleet.device(jid)["double_logins"] for jid in jids] == [0] * PHONES
