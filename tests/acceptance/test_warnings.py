"""Warnings while a phone runs, or rests, and answers that never come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from phones.live import publish
from phones.models import Change, Status
from sessions import verbs
from sessions.models import PhoneRequest, SessionFacts
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

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(240)]

CONNECTED = ("connected", "", None)
PATIENCE = 60


# The library's own clock: it waits 75 s for the answer to a message.
def test_a_session_that_gets_no_answers_is_restarted(fleet: Fleet, phone, organization):
    fleet.settings |= {"WHATSAPP_SLOW_ANSWERS": "1"}
    fleet.start_host()
    other = make_phone(organization)
    jid, _ = fleet.link_all([phone, other])
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("late_acks", jid=jid, seconds=300)
    verbs.send(phone, to=other.phone_number, text="is anybody there?")
    fleet.wait(lambda: CONNECTED in record(phone, before), "a new process", 150)
    assert record(phone, before) == [("disconnected", "i1", 408), CONNECTED]
    assert fleet.session_pid(phone) != process
    assert fleet.device(jid)["double_logins"] == 0


def send_refused(fleet: Fleet, phone: Any, other: Any, code: int) -> None:
    """A text that WhatsApp refuses."""
    fleet.sandbox.fault("answer_messages", jid=phone.phone_jid, code=code, times=1)
    asked = verbs.send(phone, to=other.phone_number, text="hello")
    assert f"error {code}" in refusal(fleet, asked)


def refusal(fleet: Fleet, asked: PhoneRequest) -> str:
    fleet.wait(lambda: answered(asked).result, "the answer", PATIENCE)
    assert answered(asked).result == PhoneRequest.Result.FAILED
    return str(answered(asked).answer["error"])


def arrives(fleet: Fleet, sender: Any, receiver: Any) -> None:
    before = facts_of(receiver).received
    verbs.send(sender, to=receiver.phone_number, text="hello")
    fleet.wait(lambda: facts_of(receiver).received > before, "the message", PATIENCE)


def test_a_refused_new_chat_is_a_warning_and_no_loss(fleet: Fleet, phone, organization):
    """Nobody new is written to while it lasts; whoever has written is answered."""
    fleet.settings |= {"WHATSAPP_TIMELOCK": "15", "WHATSAPP_HEALTH_CHECK": "1"}
    fleet.start_host()
    friend, stranger, other = (make_phone(organization) for _ in range(3))
    fleet.link_all([phone, friend, stranger, other])
    process, before = fleet.session_pid(phone), last_record_id()
    arrives(fleet, friend, phone)
    send_refused(fleet, phone, friend, 463)
    fleet.wait(lambda: record(phone, before) == [("error", "i2", 463)], "its record")
    send_refused(fleet, phone, stranger, 463)
    fleet.wait(lambda: "i2" in facts_of(phone).warnings, "the warning", PATIENCE)
    for number in (stranger.phone_number, other.phone_number):
        asked = verbs.send(phone, to=number, text="hello")
        assert "write to nobody new until" in refusal(fleet, asked)
    arrives(fleet, phone, friend)
    assert record(phone, before) == [("error", "i2", 463)] * 2
    fleet.wait(lambda: facts_of(phone).warnings == {}, "its end", PATIENCE)
    arrives(fleet, phone, other)
    assert (phone.status, fleet.session_pid(phone)) == (Status.CONNECTED, process)


def test_a_phone_that_sends_too_much_sends_nothing_for_a_while(
    fleet: Fleet, phone, organization
):
    """WhatsApp's 429 pauses what is sent, never what arrives or the session."""
    fleet.settings |= {"WHATSAPP_SEND_PAUSE": "15", "WHATSAPP_HEALTH_CHECK": "1"}
    fleet.start_host()
    other = make_phone(organization)
    fleet.link_all([phone, other])
    process, before = fleet.session_pid(phone), last_record_id()
    send_refused(fleet, phone, other, 429)
    paused = {"sending_paused"}
    fleet.wait(lambda: paused <= set(facts_of(phone).warnings), "the pause", PATIENCE)
    waiting = PhoneRequest.objects.create(
        phone=phone,
        kind=PhoneRequest.Kind.SEND,
        payload={"to": other.phone_number, "text": "asked for a moment earlier"},
        expires_at=timezone.now() + timedelta(minutes=1),
    )
    publish(Change.Kind.WISH, phone.pk)
    with pytest.raises(verbs.VerbRefused, match="sends too much"):
        verbs.send(phone, to=other.phone_number, text="at once")
    assert "sends too much" in refusal(fleet, waiting)
    assert facts_of(other).received == 0
    assert record(phone, before) == [("error", "i3", 429)]
    arrives(fleet, other, phone)
    fleet.wait(lambda: facts_of(phone).warnings == {}, "the end of it", PATIENCE)
    arrives(fleet, phone, other)
    assert (phone.status, fleet.session_pid(phone)) == (Status.CONNECTED, process)


def answered(request: PhoneRequest) -> PhoneRequest:
    return PhoneRequest.objects.get(pk=request.pk)


def test_messages_that_cannot_be_read_are_a_warning_while_they_last(
    fleet: Fleet, phone, organization
):
    fleet.settings |= {
        "WHATSAPP_UNDECRYPTABLE_MESSAGES": "3",
        "WHATSAPP_UNDECRYPTABLE_WINDOW": "8",
        "WHATSAPP_HEALTH_CHECK": "0.5",
    }
    fleet.start_host()
    other = make_phone(organization)
    jid, _ = fleet.link_all([phone, other])
    fleet.sandbox.fault("spoil_messages", jid=jid, times=50)
    for n in range(4):
        verbs.send(other, to=phone.phone_number, text=f"text {n}")
    fleet.wait(lambda: "d1" in facts_of(phone).warnings, "the warning", PATIENCE)
    assert facts_of(phone).warnings["d1"]["percent"] > 20
    fleet.sandbox.fault("calm")
    fleet.wait(lambda: facts_of(phone).warnings == {}, "its end", PATIENCE)
    fleet.wait_status(phone, Status.CONNECTED)


def test_a_host_warns_of_phones_that_are_away_and_of_phones_that_rest(
    fleet: Fleet, phone, organization
):
    fleet.settings |= {"WHATSAPP_HEALTH_CHECK": "0.5"}
    fleet.start_host()
    resting = make_phone(organization)
    fleet.link_all([phone, resting])
    verbs.stop(resting)
    fleet.wait_status(resting, Status.STOPPED)
    wait_given_back(fleet, resting)
    now = timezone.now()
    for row in (phone, resting):
        row.pairings.update(paired_at=now - timedelta(days=60))
    SessionFacts.objects.filter(phone=phone).update(
        primary_seen_at=now - timedelta(days=12)
    )
    SessionFacts.objects.filter(phone=resting).update(
        primary_seen_at=now, since=now - timedelta(days=26)
    )
    fleet.wait(
        lambda: facts_of(phone).warnings.get("p1", {}).get("level") == "alarm",
        "the alarm",
    )
    fleet.wait(lambda: set(facts_of(resting).warnings) == {"stopped_long"}, "a warning")
    watch = Watch(fleet.sandbox)
    assert_quiet(fleet, watch, resting)  # it never connects by itself
    verbs.start(resting)
    fleet.wait_status(resting, Status.CONNECTED, patience=PATIENCE)
    fleet.wait(lambda: facts_of(resting).warnings == {}, "the end of its warning")
