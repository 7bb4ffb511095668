"""What happens too often has its own answer: the guards, on the real client."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Quarantine
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import (
    assert_quiet,
    facts_of,
    last_record_id,
    record,
    wait_given_back,
)
from tests.sandbox.clients import Watch

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(240)]

CONNECTED = ("connected", "", None)
DROPPED = ("disconnected", "n1", 428)
PATIENCE = 60


def connected_times(phone: OrganizationPhone, after: int = 0) -> int:
    return record(phone, after).count(CONNECTED)


def strike_and_return(
    fleet: Fleet, phone: OrganizationPhone, jid: str, **fault
) -> None:
    """Do it to the phone's connection; returns when it is connected again."""
    before = last_record_id()
    assert fleet.sandbox.fault(**fault, jid=jid) == 1
    fleet.wait(lambda: connected_times(phone, before) == 1, "a reconnect", PATIENCE)


def assert_keys_kept(fleet: Fleet, phone: OrganizationPhone, jid: str) -> None:
    assert facts_of(phone).linked
    assert BaileysAuth.objects.of(phone).filter(key="creds").exists()
    assert not Quarantine.objects.exists()
    assert phone.qr_code is None
    assert fleet.device(jid)["double_logins"] == 0


def assert_left_alone(fleet: Fleet, phone: OrganizationPhone) -> None:
    """Nothing runs for it and nobody knocks."""
    wait_given_back(fleet, phone)
    assert_quiet(fleet, Watch(fleet.sandbox), phone)


def start_again(fleet: Fleet, phone: OrganizationPhone) -> None:
    verbs.start(phone)
    fleet.wait_status(phone, Status.CONNECTED, patience=PATIENCE)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("", "", 0)
    assert (facts.losses, facts.reconnects) == ([], [])


def test_a_phone_that_flaps_pauses_and_then_counts_anew(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_FLAPS": "2", "WHATSAPP_FLAP_PAUSE": "6"}
    fleet.start_host()
    jid = fleet.link(phone)
    for _ in range(2):
        strike_and_return(fleet, phone, jid, kind="drop")
    assert len(facts_of(phone).reconnects) == 2
    before = last_record_id()
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("flapping", "flapping", 0)
    assert timedelta() < facts.next_at - timezone.now() <= timedelta(seconds=6)
    assert fleet.session_pid(phone) is None  # its process was stopped
    assert record(phone, before) == [DROPPED, ("error", "flapping", None)]
    fleet.wait_status(phone, Status.CONNECTED, patience=PATIENCE)
    assert facts_of(phone).reconnects == []
    for _ in range(2):
        strike_and_return(fleet, phone, jid, kind="drop")
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    start_again(fleet, phone)
    assert_keys_kept(fleet, phone, jid)


def test_stream_errors_that_repeat_hold_the_phone(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_STREAM_ERROR_LIMIT": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    strike_and_return(fleet, phone, jid, kind="stream_error", code=516)
    fleet.sandbox.fault("stream_error", jid=jid, code=516)
    fleet.wait_status(phone, Status.HELD)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.next_at) == ("s3", "stream_errors", None)
    assert_left_alone(fleet, phone)
    row = ConnectionMetrics.objects.filter(phone=phone, cause="s3").latest("id")
    assert (row.event, row.error_code) == ("disconnected", 516)
    assert row.evidence["fields"]["raw"] == '<stream:error code="516"/>'
    start_again(fleet, phone)
    assert_keys_kept(fleet, phone, jid)


def test_broken_stanzas_that_repeat_restart_the_process(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_STREAM_ERROR_LIMIT": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    process = fleet.session_pid(phone)
    fault = {"kind": "stream_error", "child": "xml-not-well-formed"}
    strike_and_return(fleet, phone, jid, **fault)
    assert fleet.session_pid(phone) == process
    strike_and_return(fleet, phone, jid, **fault)
    assert fleet.session_pid(phone) != process
    assert "cause=s4 action=restart rule=stream_errors" in fleet.hosts[0].log
    assert [*zip(*record(phone), strict=True)][1].count("s4") == 2
    assert_keys_kept(fleet, phone, jid)


def test_crashes_that_repeat_hold_the_phone_and_show_why(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_CRASH_LIMIT": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    before = last_record_id()
    for times in (1, 2):
        os.kill(fleet.session_pid(phone), signal.SIGABRT)
        if times == 1:
            fleet.wait(
                lambda: connected_times(phone, before) == 1, "a return", PATIENCE
            )
            fleet.wait_status(phone, Status.CONNECTED)
    fleet.wait_status(phone, Status.HELD)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("l2", "crashing")
    assert "SIGABRT" in facts.cause_values["reason"]
    assert [row for row in record(phone, before) if row[0] == "crashed"] == [
        ("crashed", "l2", 134)
    ] * 2
    assert_left_alone(fleet, phone)
    start_again(fleet, phone)
    assert_keys_kept(fleet, phone, jid)


def test_an_overloaded_server_is_ridden_and_then_asked_rarely(fleet: Fleet, phone):
    fleet.settings |= {
        "WHATSAPP_RIDE_OVERLOADED": "3",
        "WHATSAPP_OVERLOADED_RETRY": "4",
    }
    fleet.start_host()
    jid = fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("refuse_login", jid=jid, code=503)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("f3", "overloaded", 0)
    assert facts.next_at - timezone.now() <= timedelta(seconds=4)
    assert fleet.session_pid(phone) is None
    # The loss, and the refusals of one process as one row.
    assert record(phone, before) == [DROPPED, ("error", "f3", 503)]
    fleet.sandbox.fault("allow_login", jid=jid)
    fleet.wait_status(phone, Status.CONNECTED, patience=PATIENCE)
    assert fleet.session_pid(phone) != process
    assert_keys_kept(fleet, phone, jid)


def test_a_refused_login_is_tried_as_often_as_the_setting_says(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_REFUSED_RETRIES": "1,1"}
    fleet.start_host()
    jid = fleet.link(phone)
    before, watch = last_record_id(), Watch(fleet.sandbox)
    fleet.sandbox.fault("refuse_login", jid=jid, code=400)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.HELD, patience=PATIENCE)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("f1", "refused")
    assert record(phone, before) == [DROPPED, *[("error", "f1", 400)] * 3]
    assert len(watch.events("login")) == 3
    assert_left_alone(fleet, phone)
    row = ConnectionMetrics.objects.filter(phone=phone, cause="f1").latest("id")
    assert 'reason="400"' in row.evidence["fields"]["raw"]
    fleet.sandbox.fault("allow_login", jid=jid)
    start_again(fleet, phone)
    assert_keys_kept(fleet, phone, jid)


def test_another_program_gets_one_retry_and_then_the_phone_is_held(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_REPLACED_RETRY": "3"}
    fleet.start_host()
    jid = fleet.link(phone)
    before = last_record_id()
    fleet.sandbox.fault("replace", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    assert facts_of(phone).rule == "replaced_once"
    fleet.wait_status(phone, Status.CONNECTED, patience=PATIENCE)
    fleet.sandbox.fault("replace", jid=jid)
    fleet.wait_status(phone, Status.HELD)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule, facts.attempts) == ("r1", "replaced_twice", 0)
    replaced = ("disconnected", "r1", 440)
    assert record(phone, before) == [replaced, CONNECTED, replaced]
    assert_left_alone(fleet, phone)
    # A person who presses Start gets the retry, too.
    start_again(fleet, phone)
    fleet.sandbox.fault("replace", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    assert_keys_kept(fleet, phone, jid)


def test_a_ban_ends_by_itself_after_its_date_and_a_margin(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_BAN_MARGIN": "1"}
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("refuse_login", jid=jid, code=402, ban_code=101, expire=4)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    watch = Watch(fleet.sandbox)
    facts = facts_of(phone)
    assert facts.next_at - timezone.now() <= timedelta(seconds=4 + 3)
    fleet.sandbox.fault("allow_login", jid=jid)
    fleet.wait_status(phone, Status.CONNECTED, patience=PATIENCE)
    assert len(watch.events("login")) == 1
    # Not before its date, and not before the least margin.
    assert phone.last_connected_at >= facts.next_at
    assert_keys_kept(fleet, phone, jid)


def test_a_ban_of_an_unknown_code_for_weeks_is_waited_out(fleet: Fleet, phone):
    """neonize cannot say its code; its date is in the library's log alone."""
    fleet.start_host()
    jid = fleet.link(phone)
    weeks = 25 * 86400
    fleet.sandbox.fault("refuse_login", jid=jid, code=402, ban_code=199, expire=weeks)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait_status(phone, Status.WAITING)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("b6", "ban")
    assert facts.next_at - timezone.now() > timedelta(days=24)


def test_link_opens_again_after_a_device_was_rejected_at_once(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_LINK_SHUT": "4"}
    fleet.start_host()
    fleet.sandbox.unlink(fleet.link(phone))
    fleet.wait_status(phone, Status.LOGGED_OUT)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("u5", "link_shut")
    with pytest.raises(verbs.VerbRefused, match="right after linking"):
        verbs.link(phone)
    fleet.wait(
        lambda: facts_of(phone).link_shut_until < timezone.now(), "the end of it"
    )
    fleet.link(phone)
    assert facts_of(phone).rule == ""


def test_a_device_that_was_linked_for_longer_is_not_rejected_at_once(
    fleet: Fleet, phone
):
    fleet.settings |= {"WHATSAPP_JUST_PAIRED": "0.1"}
    fleet.start_host()
    fleet.sandbox.unlink(fleet.link(phone))
    fleet.wait_status(phone, Status.LOGGED_OUT)
    facts = facts_of(phone)
    assert (facts.cause, facts.link_shut_until) == ("u1", None)
    fleet.link(phone)
