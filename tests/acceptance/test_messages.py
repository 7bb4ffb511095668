"""Sending and receiving: between two phones of the sandbox, both linked here."""

from __future__ import annotations

import os
import signal

import pytest

from metrics.models import ConnectionMetrics
from phones.models import AuditEntry, Status
from sessions import verbs
from sessions.models import PhoneRequest
from tests.acceptance import terminal
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of
from tests.factories import make_phone
from tests.sandbox.clients import Watch

TEXT = "the quick brown fox"


@pytest.fixture
def pair(fleet: Fleet, phone, organization):
    """Two connected phones: one that sends, one that receives."""
    fleet.start_host()
    other = make_phone(organization)
    fleet.link(phone)
    fleet.link(other)
    return phone, other


def refused(fleet: Fleet, request: PhoneRequest) -> str:
    fleet.wait(
        lambda: PhoneRequest.objects.filter(pk=request.pk, done_at=None).count() == 0,
        "an answer",
    )
    request.refresh_from_db()
    assert request.result == PhoneRequest.Result.FAILED
    return str(request.answer["error"])


def test_a_text_arrives_and_both_sides_are_counted(fleet: Fleet, pair, operator):
    sender, receiver = pair
    watch = Watch(fleet.sandbox)
    request = verbs.send(sender, to=receiver.phone_number, text=TEXT, user=operator)
    fleet.wait(lambda: facts_of(receiver).received == 1, "the message")
    assert facts_of(receiver).last_action == "received text"
    fleet.wait(lambda: facts_of(sender).sent == 1, "the ack")
    assert facts_of(sender).last_action == "sent text"
    request.refresh_from_db()
    assert request.result == PhoneRequest.Result.DONE
    (message,) = watch.events("message", number=sender.phone_number)
    assert request.answer == {"message_id": message["message_id"]}
    # The text was only needed until it was sent.
    assert request.payload == {}
    audit = AuditEntry.objects.get(verb="send")
    assert (audit.phone, audit.user) == (sender, operator)
    assert TEXT not in str(audit.detail)
    verbs.send(sender, to=f"{receiver.phone_number}@s.whatsapp.net", text=TEXT)
    fleet.wait(lambda: facts_of(receiver).received == 2, "the message to the JID")


def test_groups_and_devices_are_refused_and_nothing_is_sent(fleet: Fleet, pair):
    sender, receiver = pair
    watch = Watch(fleet.sandbox)
    for to, words in (
        ("120363001234567890@g.us", "no groups"),
        ("status@broadcast", "no groups"),
        (f"{receiver.phone_number}:1@s.whatsapp.net", "device"),
        ("not-a-number", "not a phone number"),
    ):
        request = verbs.send(sender, to=to, text=TEXT)
        assert words in refused(fleet, request)
    assert watch.events("message") == []
    assert facts_of(sender).sent == 0
    assert facts_of(sender).linked


def test_the_command_prints_the_message_id_or_one_sentence(fleet: Fleet, pair):
    sender, receiver = pair
    watch = Watch(fleet.sandbox)
    number = f"+{receiver.phone_number[:4]} {receiver.phone_number[4:]}"
    done = terminal.run(fleet, "send", sender.phone_number, number, TEXT, "--json")
    assert done.status == 0, done.stderr
    (message,) = watch.events("message", number=sender.phone_number)
    assert done.line == {
        "ok": True,
        "phone": sender.pk,
        "message_id": message["message_id"],
    }
    group = terminal.run(fleet, "send", sender.pk, "1203630012@g.us", TEXT, "--json")
    assert (group.status, group.line["ok"]) == (1, False)
    assert "no groups" in group.line["error"]
    letters = terminal.run(fleet, "send", sender.pk, "7705letters", TEXT)
    assert (letters.status, letters.stdout) == (1, "")
    assert "not a phone number" in letters.stderr
    verbs.stop(sender)
    fleet.wait_status(sender, Status.STOPPED)
    offline = terminal.run(fleet, "send", sender.pk, receiver.phone_number, TEXT)
    assert (offline.status, offline.stdout) == (1, "")
    assert "not connected" in offline.stderr
    assert len(watch.events("message")) == 1


def test_what_happened_in_the_last_moment_is_counted_and_answered(fleet: Fleet, pair):
    """A stop finishes the send that is under way, and counts what has just arrived."""
    sender, receiver = pair
    # Half of what a stop waits for a send (SEND_GRACE_SECONDS).
    fleet.sandbox.fault("late_acks", seconds=0.3, number=sender.phone_number)
    watch = Watch(fleet.sandbox)
    request = verbs.send(sender, to=receiver.phone_number, text=TEXT)
    watch.wait("message", number=sender.phone_number)
    verbs.stop(sender)
    watch.wait("receipt", number=receiver.phone_number)
    verbs.stop(receiver)
    for one in pair:
        fleet.wait_status(one, Status.STOPPED)
    request.refresh_from_db()
    assert request.result == PhoneRequest.Result.DONE
    assert facts_of(sender).sent == 1
    assert facts_of(receiver).received == 1
    actions = ConnectionMetrics.objects.filter(event="disconnected")
    assert {*actions.values_list("phone", "last_action")} == {
        (sender.pk, "sent text"),
        (receiver.pk, "received text"),
    }


def test_a_send_cut_off_by_a_crash_is_closed_as_unknown_and_not_repeated(
    fleet: Fleet, pair
):
    sender, receiver = pair
    fleet.sandbox.fault("late_acks", seconds=30, number=sender.phone_number)
    watch = Watch(fleet.sandbox)
    request = verbs.send(sender, to=receiver.phone_number, text=TEXT)
    watch.wait("message", number=sender.phone_number)
    os.kill(fleet.session_pid(sender), signal.SIGKILL)
    assert "not known" in refused(fleet, request)
    fleet.sandbox.fault("late_acks", seconds=0)
    fleet.wait_logins([sender.phone_jid], 2)
    fleet.wait_status(sender, Status.CONNECTED)
    verbs.send(sender, to=receiver.phone_number, text="another one")
    fleet.wait(lambda: facts_of(receiver).received == 2, "the next message")
    assert len(watch.events("message", number=sender.phone_number)) == 2
