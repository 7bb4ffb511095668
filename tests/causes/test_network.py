"""WhatsApp cannot be reached, on the real client: all connections fail at once, so
these come one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Incident, Pairing, Quarantine, SessionFacts
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    QUIET_SECONDS,
    facts_of,
    last_record_id,
    record,
    wait_given_back,
)
from tests.factories import make_organization, make_phone
from tests.sandbox.clients import Watch

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(300)]

CONNECTED = ("connected", "", None)
UNREACHED = ("error", "n3", 408)
LONG = 300  # seconds; every test ends its fault itself
# How connections fail: the fault, the words for people (one of them, where it depends
# on who closes first), and the library's own.
FAILURES = {
    "refused by the proxy": (
        {"kind": "refuse_connections"},
        ("refused", "proxy", "other"),
        "failed to dial",
    ),
    "a certificate nobody trusts": (
        {"kind": "break_connections", "how": "tls"},
        ("tls",),
        "failed to verify certificate",
    ),
    "no upgrade to WebSocket": (
        {"kind": "break_connections", "how": "upgrade"},
        ("refused",),
        "status code 101 but got 503",
    ),
    "a handshake that is never answered": (
        {"kind": "break_connections", "how": "silence"},
        ("timeout",),
        "timed out waiting for handshake response",
    ),
}


@dataclass
class Line:
    """A phone and its line to WhatsApp."""

    fleet: Fleet
    phone: OrganizationPhone
    jid: str

    def starts(self) -> int:
        return self.fleet.hosts[0].log.count("session started")

    def assert_untouched(self) -> None:
        """No keys were wiped, no QR shown, nobody logged in twice."""
        self.phone.refresh_from_db()
        assert self.phone.qr_code is None
        assert Pairing.objects.filter(phone=self.phone).count() == 1
        assert BaileysAuth.objects.of(self.phone).filter(key="creds").exists()
        assert not Quarantine.objects.exists()
        assert self.fleet.sandbox.state()["statistics"]["double_logins"] == 0


@pytest.fixture(scope="module")
def line(open_fleet: Callable[..., Fleet]) -> Iterator[Line]:
    fleet = open_fleet(WHATSAPP_FLAPS="1000")
    fleet.start_host()
    phone = make_phone(make_organization(name="Acme"))
    yield Line(fleet, phone, fleet.link(phone))


@pytest.fixture(autouse=True)
def mended(line: Line) -> Iterator[None]:
    yield
    line.fleet.sandbox.fault("calm")
    line.fleet.wait_status(line.phone, Status.CONNECTED, patience=60)


def facts_with_a_date(phone: OrganizationPhone) -> SessionFacts | None:
    facts = facts_of(phone)
    return facts if facts.next_at else None


@pytest.mark.parametrize("name", FAILURES)
def test_a_start_that_never_reaches_whatsapp_is_not_held_against_the_phone(
    line: Line, name: str
):
    fault, details, words = FAILURES[name]
    fleet, phone = line.fleet, line.phone
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    wait_given_back(fleet, phone)
    before, starts, watch = last_record_id(), line.starts(), Watch(fleet.sandbox)
    attempts = facts_of(phone).attempts
    fleet.sandbox.fault(**fault, seconds=LONG)
    verbs.start(phone)
    fleet.wait(lambda: UNREACHED in record(phone, before), "the failure", 60)
    # Between two attempts; while one is made there is no date.
    facts = fleet.wait(lambda: facts_with_a_date(phone), "the next attempt's date")
    assert (facts.cause, facts.rule) == ("n3", "unreachable")
    assert facts.attempts == attempts
    assert facts.dial_failures >= 1
    assert facts.cause_values["detail"] in details
    assert facts.next_at < timezone.now() + timezone.timedelta(seconds=60)
    row = phone.metrics.filter(pk__gt=before, cause="n3").earliest("id")
    assert words in row.error_message
    assert row.evidence["fields"]["event"] == "connect_raised"
    fleet.sandbox.fault("calm")
    fleet.wait(lambda: CONNECTED in record(phone, before), "the return", 90)
    line.assert_untouched()
    # One row for each start that failed, and one login: the one that worked.
    assert record(phone, before) == [UNREACHED] * (line.starts() - starts - 1) + [
        CONNECTED
    ]
    assert len(watch.events("login", number=phone.phone_number)) == 1


def test_a_restart_asked_by_515_that_fails_is_done_by_a_new_process(line: Line):
    """s1: the library tries once and only logs that it failed."""
    fleet, phone = line.fleet, line.phone
    fleet.wait_status(phone, Status.CONNECTED)
    before, watch = last_record_id(), Watch(fleet.sandbox)
    process = fleet.session_pid(phone)
    fleet.sandbox.fault("refuse_connections", seconds=LONG)
    fleet.sandbox.fault("stream_error", jid=line.jid, code=515)
    fleet.wait(lambda: len(record(phone, before)) >= 1, "the failure")
    fleet.sandbox.fault("calm")
    fleet.wait(lambda: CONNECTED in record(phone, before), "the return", 90)
    rows = record(phone, before)
    assert rows[0] == ("disconnected", "s1", 515)
    assert {*rows[1:-1]} <= {UNREACHED}
    row = phone.metrics.filter(pk__gt=before, cause="s1").get()
    assert "Failed to reconnect after 515 code" in row.error_message
    assert row.evidence["fields"]["event"] == "log"
    assert fleet.session_pid(phone) != process
    line.assert_untouched()
    assert len(watch.events("login", number=phone.phone_number)) == 1


def test_an_outage_is_ridden_out_and_then_left_to_a_new_process(line: Line):
    """n1: the library reconnects alone for WHATSAPP_RIDE, a new process after it."""
    fleet, phone = line.fleet, line.phone
    fleet.wait_status(phone, Status.CONNECTED)
    before, watch = last_record_id(), Watch(fleet.sandbox)
    process, attempts = fleet.session_pid(phone), facts_of(phone).attempts
    fleet.sandbox.fault("refuse_connections", seconds=LONG)
    fleet.sandbox.fault("drop", jid=line.jid)
    fleet.wait_status(phone, Status.DISCONNECTED)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("n1", "ride", attempts)
    fleet.wait(lambda: UNREACHED in record(phone, before), "a new process", 60)
    fleet.sandbox.fault("calm")
    fleet.wait(lambda: CONNECTED in record(phone, before), "the return", 90)
    rows = record(phone, before)
    assert rows[0] == ("disconnected", "n1", 428)
    assert {*rows[1:-1]} <= {UNREACHED, ("error", "n1", 428)}
    assert fleet.session_pid(phone) != process
    line.assert_untouched()
    assert len(watch.events("login", number=phone.phone_number)) == 1


def test_a_refused_version_waits_for_an_update_and_costs_no_keys(line: Line):
    """o1: one refusal speaks for all phones, so it is an incident at once."""
    fleet, phone = line.fleet, line.phone
    fleet.wait_status(phone, Status.CONNECTED)
    before, watch = last_record_id(), Watch(fleet.sandbox)
    attempts = facts_of(phone).attempts
    fleet.sandbox.fault("refuse_login", jid=line.jid, code=405)
    fleet.sandbox.fault("drop", jid=line.jid)
    fleet.wait(lambda: facts_of(phone).rule == "incident", "the incident")
    assert record(phone, before) == [
        ("disconnected", "n1", 428),
        ("error", "o1", 405),
    ]
    fleet.wait_status(phone, Status.WAITING)
    facts = facts_of(phone)
    assert (facts.cause, facts.attempts) == ("o1", attempts)
    row = phone.metrics.filter(pk__gt=before, cause="o1").get()
    assert row.error_message == "client outdated"
    assert row.evidence["fields"]["event"] == "client_outdated"
    incident = Incident.objects.active().get()
    assert (incident.kind, incident.cause) == ("outdated", "o1")
    line.assert_untouched()
    time.sleep(QUIET_SECONDS)
    assert len(watch.events("login", number=phone.phone_number)) == 1
    fleet.sandbox.fault("calm")
    verbs.start(phone)  # a person is surer than the wait
    fleet.wait_status(phone, Status.CONNECTED)
    fleet.wait(lambda: not Incident.objects.active().exists(), "the end of it")
