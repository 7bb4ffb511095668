"""What people tell the portal to do with a phone, carried out by a host."""

from __future__ import annotations

import os
import signal

import pytest

from phones.models import AuditEntry, OrganizationPhone, Status
from sessions import verbs
from sessions.models import (
    BaileysAuth,
    PairingState,
    PhoneRequest,
    Quarantine,
    SessionFacts,
)
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import assert_quiet, facts_of, record, wait_given_back
from tests.factories import make_phone
from tests.sandbox.clients import Watch, device_of

DONE, FAILED = PhoneRequest.Result.DONE, PhoneRequest.Result.FAILED
ROUNDS = 5


def wait_done(fleet: Fleet, request: PhoneRequest, patience: float = 20) -> str:
    """The result of a request, once it is closed."""

    def closed() -> bool:
        request.refresh_from_db()
        return request.done_at is not None

    fleet.wait(closed, f"the end of {request}", patience)
    return request.result


def audited(phone: OrganizationPhone) -> list[tuple[str, str | None]]:
    rows = AuditEntry.objects.filter(phone=phone).order_by("id")
    return [*rows.values_list("verb", "user__username")]


def test_stop_start_hold_and_restart_keep_the_keys_and_the_device(
    fleet: Fleet, phone, operator
):
    host = fleet.start_host()
    jid = fleet.link(phone)
    for verb, status, cause in (
        (verbs.stop, Status.STOPPED, "stopped_by_person"),
        (verbs.start, Status.CONNECTED, ""),
        (verbs.hold, Status.HELD, "held_by_person"),
        (verbs.start, Status.CONNECTED, ""),
    ):
        verb(phone, operator)
        fleet.wait_status(phone, status)
        fleet.wait(lambda cause=cause: facts_of(phone).cause == cause, f"cause {cause}")
        if status != Status.CONNECTED:
            wait_given_back(fleet, phone)
            assert not host.session_pids()
    process = fleet.session_pid(phone)
    request = verbs.restart(phone, operator)
    assert wait_done(fleet, request) == DONE
    fleet.wait(lambda: fleet.session_pid(phone) not in (process, None), "a new process")
    fleet.wait_status(phone, Status.CONNECTED)
    assert [*record(phone)[2:]] == [
        ("connected", "", None),
        ("disconnected", "stopped_by_person", None),
        ("connected", "", None),
        ("disconnected", "held_by_person", None),
        ("connected", "", None),
        ("disconnected", "restarted_by_person", None),
        ("connected", "", None),
    ]
    assert audited(phone) == [
        ("link", None),
        *((verb, "operator") for verb in ("stop", "start", "hold", "start", "restart")),
    ]
    device = fleet.device(jid)
    assert (device["logins"], device["double_logins"]) == (4, 0)


def test_a_verb_given_at_the_moment_of_connecting_is_carried_out(
    fleet: Fleet, organization
):
    fleet.start_host()
    for _ in range(ROUNDS):
        phone = make_phone(organization)
        fleet.link(phone)
        request = verbs.clear(phone)
        assert wait_done(fleet, request) == DONE
        assert phone.qr_code is None


def test_unlink_logs_out_at_whatsapp_and_quarantines_the_keys(
    fleet: Fleet, phone, steward
):
    fleet.start_host()
    jid = fleet.link(phone)
    request = verbs.unlink(phone, steward)
    assert wait_done(fleet, request) == DONE
    assert device_of(fleet.sandbox, jid) is None
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.LOGGED_OUT, None)
    facts = facts_of(phone)
    assert (facts.linked, facts.cause) == (False, "l1")
    assert facts.cause_values == {"user": "steward"}
    assert record(phone)[-1] == ("logged_out", "l1", 401)
    assert not BaileysAuth.objects.exists()
    kept = Quarantine.objects.get()
    assert (kept.reason, kept.logged_out, kept.user) == ("l1", True, steward)
    assert audited(phone)[-1] == ("unlink", "steward")


def test_unlink_of_a_stopped_phone_connects_for_it(fleet: Fleet, phone):
    fleet.start_host()
    jid = fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    assert wait_done(fleet, verbs.unlink(phone)) == DONE
    assert device_of(fleet.sandbox, jid) is None
    fleet.wait_status(phone, Status.LOGGED_OUT)


@pytest.mark.parametrize("fault", ["refuse_connections", "no_success"])
def test_unlink_that_cannot_connect_fails_in_time_and_offers_clear(
    fleet: Fleet, phone, fault, monkeypatch
):
    monkeypatch.setitem(
        PhoneRequest.LIFETIMES,
        PhoneRequest.Kind.UNLINK,
        PhoneRequest.LIFETIMES[PhoneRequest.Kind.UNLINK] / 5,
    )
    host = fleet.start_host()
    jid = fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    fleet.sandbox.fault(fault, seconds=120)
    watch = Watch(fleet.sandbox)
    request = verbs.unlink(phone)
    assert wait_done(fleet, request, 10) == FAILED
    assert "Clear" in request.answer["error"]
    assert request.done_at <= request.expires_at
    # It was stopped before and is stopped again; trying was not a hammering.
    fleet.wait_status(phone, Status.STOPPED)
    wait_given_back(fleet, phone)
    assert len(watch.events("connected_socket")) <= 5
    assert host.log.count("session started") <= 6
    assert fleet.device(jid)["connected"] is False
    assert BaileysAuth.objects.exists()


def test_clear_of_a_connected_phone_leaves_the_device_on_the_phone(
    fleet: Fleet, phone, steward
):
    fleet.start_host()
    jid = fleet.link(phone)
    assert wait_done(fleet, verbs.clear(phone, steward)) == DONE
    fleet.wait_status(phone, Status.LOGGED_OUT)
    facts = facts_of(phone)
    assert (facts.cause, facts.cause_values) == (
        "cleared_by_person",
        {"user": "steward"},
    )
    fleet.wait(lambda: not fleet.device(jid)["connected"], "the end of its session")
    kept = Quarantine.objects.get()
    assert (kept.reason, kept.logged_out, kept.user) == (
        "cleared_by_person",
        False,
        steward,
    )
    wait_given_back(fleet, phone)
    assert_quiet(fleet, Watch(fleet.sandbox), phone)
    assert audited(phone)[-1] == ("clear", "steward")


def test_clear_ends_a_pairing_and_works_on_a_stopped_phone(
    fleet: Fleet, phone, organization
):
    fleet.start_host()
    verbs.link(phone)
    fleet.wait_code(phone)
    assert wait_done(fleet, verbs.clear(phone)) == DONE
    fleet.wait_status(phone, Status.NEW)
    assert fleet.pairing(phone).state == PairingState.FAILED
    stopped = make_phone(organization)
    fleet.link(stopped)
    verbs.stop(stopped)
    fleet.wait_status(stopped, Status.STOPPED)
    assert wait_done(fleet, verbs.clear(stopped)) == DONE
    fleet.wait_status(stopped, Status.LOGGED_OUT)
    assert not BaileysAuth.objects.exists()
    assert SessionFacts.objects.filter(linked=True).count() == 0


def test_a_held_phone_that_was_never_linked_is_new_again_when_started(
    fleet: Fleet, phone
):
    fleet.start_host()
    verbs.hold(phone)
    fleet.wait_status(phone, Status.HELD)
    verbs.start(phone)
    fleet.wait_status(phone, Status.NEW)
    assert facts_of(phone).cause == ""


def test_an_unlink_cut_off_by_a_crash_is_closed_and_the_session_goes_on(
    fleet: Fleet, phone
):
    fleet.start_host()
    jid = fleet.link(phone)
    fleet.sandbox.fault("mute", jid=jid, what="all")
    request = verbs.unlink(phone)

    def claimed() -> bool:
        request.refresh_from_db()
        return request.claimed_epoch is not None

    fleet.wait(claimed, "the claim")
    os.kill(fleet.session_pid(phone), signal.SIGKILL)
    assert wait_done(fleet, request) == FAILED
    assert "Clear" in request.answer["error"]
    fleet.sandbox.fault("unmute", jid=jid)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    assert facts_of(phone).linked
