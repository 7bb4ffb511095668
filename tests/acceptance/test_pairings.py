"""A pairing: one at a time, started by a person, ended without leftovers."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from phones.models import OrganizationPhone, Status
from sessions import verbs
from sessions.models import BaileysAuth, Pairing, PairingState
from sessions.policy.causes import sentence
from sessions.sandbox.control import ControlError
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import assert_quiet, facts_of, record, wait_given_back
from tests.factories import make_phone, make_user
from tests.sandbox.clients import Watch


def files_in(stores: Path) -> set[str]:
    """What is left besides the lock and the log of the session process."""
    return {path.name for path in stores.iterdir()} - {
        name
        for phone in OrganizationPhone.objects.all()
        for name in (f"phone-{phone.pk}.lock", f"phone-{phone.pk}.stderr")
    }


def test_a_code_nobody_scans_expires_as_408_and_leaves_nothing(fleet: Fleet, phone):
    host = fleet.start_host()
    fleet.sandbox.settings(qr_window_seconds=1.5)
    verbs.link(phone)
    fleet.wait_code(phone)
    pid = fleet.session_pid(phone)
    pairing = fleet.wait_pairing(phone, PairingState.EXPIRED)
    assert (pairing.cause, pairing.error_code) == ("q1", 408)
    assert pairing.ended_at is not None
    assert pairing.valid_until is None
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.NEW, None)
    facts = facts_of(phone)
    assert (facts.cause, facts.linked) == ("q1", False)
    assert record(phone) == [("qr_generated", "", None), ("qr_expired", "q1", 408)]
    wait_given_back(fleet, phone)
    assert not Path(f"/proc/{pid}").exists()
    assert not host.session_pids()
    assert files_in(host.directory / "stores") == set()
    assert_quiet(fleet, Watch(fleet.sandbox), phone)
    with pytest.raises(verbs.VerbRefused):
        verbs.start(phone)


def test_a_phone_that_was_linked_before_is_logged_out_again_when_its_code_expires(
    fleet: Fleet, phone
):
    fleet.start_host()
    OrganizationPhone.objects.filter(pk=phone.pk).update(
        phone_jid=f"{phone.phone_number}:3@s.whatsapp.net", status=Status.LOGGED_OUT
    )
    fleet.sandbox.settings(qr_window_seconds=0.5)
    verbs.link(phone)
    fleet.wait_pairing(phone, PairingState.EXPIRED)
    fleet.wait_status(phone, Status.LOGGED_OUT)


def test_another_number_that_scans_is_undone_on_its_phone(fleet: Fleet, phone):
    host = fleet.start_host()
    verbs.link(phone)
    actual = "77011112233"
    fleet.sandbox.scan(fleet.wait_code(phone), actual)
    pairing = fleet.wait_pairing(phone, PairingState.FAILED)
    assert (pairing.cause, pairing.linked_number) == ("q5", actual)
    wait_given_back(fleet, phone)
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code, phone.phone_jid) == (Status.NEW, None, None)
    facts = facts_of(phone)
    assert (facts.linked, facts.cause) == (False, "q5")
    assert facts.cause_values == {"expected": phone.phone_number, "actual": actual}
    assert ("error", "q5", None) in record(phone)
    assert ("paired", "", None) not in record(phone)
    (account,) = fleet.sandbox.state()["accounts"]
    assert (account["number"], account["devices"]) == (actual, [])
    assert not BaileysAuth.objects.exists()
    assert files_in(host.directory / "stores") == set()
    fleet.link(phone)  # the right phone is welcome


@pytest.mark.parametrize("who", ["session", "host"])
def test_a_wrong_number_is_never_kept_when_a_crash_prevents_the_logout(
    fleet: Fleet, phone, who
):
    host = fleet.start_host()
    actual = "77011112233"
    fleet.sandbox.accounts(actual)
    fleet.sandbox.fault("pause_after", step="before_515", seconds=30, number=actual)
    verbs.link(phone)
    fleet.sandbox.scan(fleet.wait_code(phone), actual)
    fleet.wait(lambda: fleet.pairing(phone).linked_number == actual, "the scan")
    if who == "session":
        os.kill(fleet.session_pid(phone), signal.SIGKILL)
    else:
        host.kill()
        fleet.start_host("one", host.directory)
    pairing = fleet.wait_pairing(phone, PairingState.FAILED)
    assert pairing.cause == "wrong_number_kept"
    wait_given_back(fleet, phone)
    facts = facts_of(phone)
    assert (facts.linked, facts.cause) == (False, "wrong_number_kept")
    assert actual in sentence(facts.cause, facts.cause_values)
    phone.refresh_from_db()
    assert (phone.status, phone.phone_jid) == (Status.NEW, None)
    assert not BaileysAuth.objects.exists()
    assert files_in(host.directory / "stores") == set()


def test_a_fifth_device_cannot_scan_and_the_code_stays_for_another_try(
    fleet: Fleet, phone
):
    fleet.start_host()
    watch = Watch(fleet.sandbox)
    for _ in range(4):
        fleet.link(phone)
        verbs.clear(phone)  # the phone still lists the device
        fleet.wait_status(phone, Status.LOGGED_OUT)
    verbs.link(phone)
    code = fleet.wait_code(phone)
    with pytest.raises(ControlError, match="Four devices"):
        fleet.sandbox.scan(code, phone.phone_number)
    assert fleet.pairing(phone).state == PairingState.QR
    fleet.sandbox.unlink(number=phone.phone_number, device=1)
    fleet.sandbox.scan(code, phone.phone_number)
    fleet.wait_status(phone, Status.CONNECTED)
    assert len(watch.events("pairing_started")) == 5


def test_link_pressed_by_many_at_once_is_one_pairing_with_one_device(
    fleet: Fleet, phone, organization
):
    host = fleet.start_host()
    users = [make_user(organization) for _ in range(2)]
    watch = Watch(fleet.sandbox)
    found: list[int] = []
    gate = threading.Barrier(5)

    def press(user) -> None:
        gate.wait()
        try:
            found.append(verbs.link(phone, user).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(users[n % 2],)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(found)) == 1
    code = fleet.wait_code(phone)
    assert verbs.link(phone, users[1]).pk == found[0]
    jid = fleet.sandbox.scan(code, phone.phone_number)
    fleet.wait_status(phone, Status.CONNECTED)
    assert Pairing.objects.count() == 1
    assert len(watch.events("pairing_started")) == 1
    assert host.session_pids() == [fleet.session_pid(phone)]
    (account,) = fleet.sandbox.state()["accounts"]
    assert [device["jid"] for device in account["devices"]] == [jid]


def test_the_same_number_of_two_organizations_is_linked_once(fleet: Fleet, phone):
    fleet.start_host()
    namesake = make_phone(phone_number=phone.phone_number)
    verbs.link(phone)
    fleet.wait_code(phone)
    with pytest.raises(verbs.VerbRefused) as refusal:
        verbs.link(namesake)
    assert phone.organization.name not in str(refusal.value)
    fleet.sandbox.scan(fleet.wait_code(phone), phone.phone_number)
    fleet.wait_status(phone, Status.CONNECTED)
    with pytest.raises(verbs.VerbRefused):
        verbs.link(namesake)


def test_stop_ends_a_pairing(fleet: Fleet, phone):
    host = fleet.start_host()
    verbs.link(phone)
    fleet.wait_code(phone)
    verbs.stop(phone)
    pairing = fleet.wait_pairing(phone, PairingState.EXPIRED)
    assert (pairing.cause, pairing.error_code) == ("stopped_by_person", 408)
    wait_given_back(fleet, phone)
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.NEW, None)
    assert files_in(host.directory / "stores") == set()


def test_link_without_a_host_ends_in_time_and_a_late_host_shows_no_code(
    fleet: Fleet, phone, settings
):
    settings.WHATSAPP_LINK_CLAIM = timezone.timedelta(seconds=0.5)
    watch = Watch(fleet.sandbox)
    pairing = verbs.link(phone)
    fleet.wait(
        lambda: Pairing.objects.end_unclaimed(timezone.now()), "the end of the wait"
    )
    pairing.refresh_from_db()
    assert (pairing.state, pairing.cause) == (PairingState.FAILED, "no_host")
    fleet.start_host()
    assert_quiet(fleet, watch, phone)
    phone.refresh_from_db()
    assert phone.status == Status.NEW
