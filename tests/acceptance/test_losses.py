"""The connection is lost: it comes back by itself, and the record says why it went."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, SessionFacts
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    assert_quiet,
    facts_of,
    last_record_id,
    record,
    wait_given_back,
)
from tests.factories import make_phone
from tests.sandbox.clients import Watch

CONNECTED = ("connected", "", None)
LOSSES = {
    "drop": ({"kind": "drop"}, [("disconnected", "n1", 428), CONNECTED]),
    "close": ({"kind": "close"}, [("disconnected", "n1", 428), CONNECTED]),
    "500": (
        {"kind": "stream_error", "code": 500},
        [("disconnected", "s3", 500), CONNECTED],
    ),
    "503": (
        {"kind": "stream_error", "code": 503},
        [("disconnected", "s2", 503), CONNECTED],
    ),
    # Not a loss: WhatsApp asked for it.
    "515": ({"kind": "stream_error", "code": 515}, [CONNECTED]),
    "516": (
        {"kind": "stream_error", "code": 516},
        [("disconnected", "s3", 516), CONNECTED],
    ),
}


def test_each_loss_is_recorded_and_over_within_seconds(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    process = fleet.session_pid(phone)
    for name, (fault, expected) in LOSSES.items():
        before = last_record_id()
        assert fleet.sandbox.fault(**fault, jid=jid) == 1
        fleet.wait(
            lambda before=before: CONNECTED in record(phone, before),
            f"the end of {name}",
        )
        assert (name, record(phone, before)) == (name, expected)
        fleet.wait_status(phone, Status.CONNECTED)
        facts = facts_of(phone)
        assert (name, facts.cause, facts.rule, facts.attempts) == (name, "", "", 0)
    # The library reconnected by itself: no process was started for it.
    assert fleet.session_pid(phone) == process
    assert BaileysAuth.objects.of(phone).filter(key="creds").exists()


def test_replaced_once_it_waits_a_minute_replaced_again_a_person_decides(
    fleet: Fleet, phone
):
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("replace", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("r1", "replaced_once", 0)
    remaining = (facts.next_at - timezone.now()).total_seconds()
    assert 30 < remaining <= 80
    assert record(phone)[-1] == ("disconnected", "r1", 440)
    end_the_wait(fleet, phone)
    fleet.wait_status(phone, Status.CONNECTED)
    fleet.sandbox.fault("replace", jid=jid)
    fleet.wait_status(phone, Status.HELD)
    wait_given_back(fleet, phone)
    assert_quiet(fleet, Watch(fleet.sandbox), phone)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.next_at) == ("r1", "replaced_twice", None)
    assert fleet.device(jid)["double_logins"] == 0


def end_the_wait(fleet: Fleet, phone) -> None:
    """As if the minute had passed: the next host finds a date that is over."""
    assert fleet.hosts[-1].terminate() == 0
    SessionFacts.objects.filter(phone=phone).update(
        next_at=timezone.now() - timedelta(seconds=1)
    )
    fleet.start_host("one", fleet.hosts[-1].directory)


@pytest.mark.sqlite
def test_a_silent_server_makes_the_phone_unproven_until_it_speaks(
    fleet: Fleet, phone, organization
):
    # So long it stays connected after each proof; nothing else is sent here.
    fleet.settings |= {"WHATSAPP_PROOF_AGE": "5", "WHATSAPP_HEARTBEAT": "0.5"}
    fleet.start_host()
    jid = fleet.link(phone)
    other = make_phone(organization)
    fleet.link(other)
    fleet.sandbox.fault("mute", jid=jid, what="all")
    fleet.wait_status(phone, Status.UNPROVEN)
    assert facts_of(phone).cause == "n2"
    assert fleet.session_pid(phone) is not None
    fleet.wait_status(other, Status.CONNECTED, Status.UNPROVEN)
    verbs.send(other, to=phone.phone_number, text="is anybody there?")
    fleet.wait(lambda: facts_of(other).sent == 1, "the message that waits for it")
    assert phone.status == Status.UNPROVEN
    fleet.sandbox.fault("unmute", jid=jid)
    fleet.wait(lambda: cause_and_received(phone) == ("", 1), "the proof of life")


def cause_and_received(phone) -> tuple[str, int]:
    facts = facts_of(phone)
    return facts.cause, facts.received


# The library's own clocks: a ping each 20 to 30 s, 10 s for the answer.
@pytest.mark.sqlite
def test_an_unanswered_keepalive_is_recorded(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("mute", jid=jid, what="pings")
    fleet.wait(lambda: ("error", "n2", 408) in record(phone), "a keepalive timeout", 50)
    phone.refresh_from_db()
    assert phone.status == Status.CONNECTED  # its socket was heard less than 180 s ago
