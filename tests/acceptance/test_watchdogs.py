"""Watchdogs: nothing waits for ever, on the real client."""

from __future__ import annotations

import os
import signal

import pytest

from phones.models import Status
from sessions import verbs
from tests.acceptance.fleet import Fleet, is_alive
from tests.acceptance.lives import facts_of, last_record_id, record
from tests.sandbox.clients import Watch

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(240)]

CONNECTED = ("connected", "", None)
DROPPED = ("disconnected", "n1", 428)
SILENT = ("disconnected", "n2", 408)
PATIENCE = 60


def wait_return(fleet: Fleet, phone, after: int, patience: float = PATIENCE) -> None:
    """Connected again, without a scan, and never twice at once."""
    fleet.wait(lambda: CONNECTED in record(phone, after), "a return", patience)
    fleet.wait_status(phone, Status.CONNECTED)
    assert phone.qr_code is None
    assert fleet.sandbox.state()["statistics"]["double_logins"] == 0


def test_a_login_that_is_never_answered_is_given_up(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_ONLINE_DEADLINE": "3", "WHATSAPP_MAX_ATTEMPTS": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    before = last_record_id()
    fleet.sandbox.fault("no_success", jid=jid, seconds=600)
    verbs.start(phone)
    # Two attempts, then the slow lane.
    fleet.wait_status(phone, Status.WAITING, patience=PATIENCE)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("n1", "slow_lane")
    assert record(phone, before) == [("error", "n1", 428)] * 3
    assert "timer=online" in fleet.hosts[0].log
    fleet.sandbox.fault("calm")
    verbs.start(phone)
    wait_return(fleet, phone, before)


def test_a_loss_that_the_library_does_not_mend_gets_a_new_process(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_RIDE": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("no_success", jid=jid, seconds=600)
    fleet.sandbox.fault("drop", jid=jid)
    fleet.wait(lambda: "timer=ride" in fleet.hosts[0].log, "the end of the ride")
    fleet.sandbox.fault("calm")
    wait_return(fleet, phone, before)
    assert record(phone, before) == [DROPPED, CONNECTED]
    assert fleet.session_pid(phone) != process
    assert len(facts_of(phone).reconnects) == 1


def test_a_restart_that_whatsapp_asked_for_and_that_hangs(fleet: Fleet, phone):
    """515: the library tries once and tells of nothing but success."""
    fleet.settings |= {"WHATSAPP_ONLINE_DEADLINE": "3"}
    fleet.start_host()
    jid = fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("no_success", jid=jid, seconds=600)
    fleet.sandbox.fault("stream_error", jid=jid, code=515)
    fleet.wait(lambda: record(phone, before), "the end of its patience", PATIENCE)
    assert record(phone, before)[0] == ("disconnected", "s1", 515)
    fleet.sandbox.fault("calm")
    wait_return(fleet, phone, before)
    assert fleet.session_pid(phone) != process


def test_a_connection_without_proof_of_life_is_given_up(fleet: Fleet, phone):
    fleet.settings |= {
        "WHATSAPP_HEARTBEAT": "0.5",
        "WHATSAPP_PROOF_AGE": "2",
        "WHATSAPP_SILENCE": "5",
    }
    fleet.start_host()
    jid = fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("mute", jid=jid, what="all")
    fleet.wait_status(phone, Status.UNPROVEN)
    fleet.wait(lambda: SILENT in record(phone, before), "the end of the silence")
    fleet.sandbox.fault("unmute", jid=jid)
    wait_return(fleet, phone, before)
    rows = record(phone, before)
    assert rows[0] == SILENT
    assert rows.count(SILENT) == 1
    assert fleet.session_pid(phone) != process


def test_the_health_check_alone_notices_it_too(fleet: Fleet, phone):
    """No heartbeat comes in that time: the host judges by the last proof it has."""
    fleet.settings |= {
        "WHATSAPP_HEARTBEAT": "60",
        "WHATSAPP_SILENCE": "4",
        "WHATSAPP_HEALTH_CHECK": "0.5",
    }
    fleet.start_host()
    jid = fleet.link(phone)
    before = last_record_id()
    fleet.sandbox.fault("mute", jid=jid, what="all")
    fleet.wait(lambda: SILENT in record(phone, before), "the end of the silence")
    fleet.sandbox.fault("unmute", jid=jid)
    wait_return(fleet, phone, before)


# The library's own clocks: a ping each 20 to 30 s, 10 s for the answer.
def test_a_keepalive_that_stays_unanswered_is_given_up(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_SILENCE": "45", "WHATSAPP_HEARTBEAT": "2"}
    fleet.start_host()
    jid = fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    fleet.sandbox.fault("mute", jid=jid, what="pings")
    fleet.wait(lambda: SILENT in record(phone, before), "the end of the silence", 120)
    fleet.sandbox.fault("unmute", jid=jid)
    wait_return(fleet, phone, before)
    # The library's complaint, once; then the loss, once.
    assert record(phone, before) == [("error", "n2", 408), SILENT, CONNECTED]
    assert fleet.session_pid(phone) != process


def test_a_session_process_that_is_silent_is_killed(fleet: Fleet, phone):
    fleet.settings |= {"WHATSAPP_HEARTBEAT": "1"}
    fleet.start_host()
    fleet.link(phone)
    process, before = fleet.session_pid(phone), last_record_id()
    watch = Watch(fleet.sandbox)
    os.kill(process, signal.SIGSTOP)
    wait_return(fleet, phone, before)
    assert record(phone, before) == [("disconnected", "hung", None), CONNECTED]
    assert not is_alive(process)
    assert fleet.session_pid(phone) != process
    assert len(watch.events("login")) == 1
