"""kill -9 at each step of a pairing: expired, or linked without a second scan."""

from __future__ import annotations

import os
import signal
import time

import pytest

from phones.models import Status
from sessions import verbs
from sessions.models import PairingState
from sessions.models.pairing import ENDED
from tests.acceptance.fleet import Fleet, HostProcess
from tests.acceptance.pairing_steps import STEPS, bring_to, devices, lift_faults
from tests.factories import make_phone

LINKED = STEPS[2:]


def kill_sessions(fleet: Fleet, host: HostProcess) -> None:
    pids = host.session_pids()
    assert len(pids) == len(STEPS)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def kill_and_restart(fleet: Fleet, host: HostProcess) -> None:
    host.kill()
    fleet.start_host(directory=host.directory)


def move_to_another(fleet: Fleet, host: HostProcess) -> None:
    host.kill_all()
    fleet.start_host("two")


def wait_new_process(fleet: Fleet, phone, before: int | None) -> None:
    fleet.wait(
        lambda: fleet.session_pid(phone) not in (before, None), "a new session process"
    )


@pytest.mark.parametrize(
    "crash",
    [
        kill_sessions,
        kill_and_restart,
        pytest.param(move_to_another, marks=pytest.mark.postgresql),
    ],
)
def test_it_is_expired_or_linked_without_a_second_scan(
    fleet: Fleet, organization, crash
):
    if crash is move_to_another:
        fleet.settings |= {"WHATSAPP_LEASE_TTL": "5", "WHATSAPP_LEASE_RENEW": "1"}
        fleet.settings |= {"WHATSAPP_LEASE_MARGIN": "2"}
    host = fleet.start_host()
    phones = {step: make_phone(organization) for step in STEPS}
    for step, phone in phones.items():
        bring_to(fleet, phone, step)
    for step, phone in phones.items():
        lift_faults(fleet, phone, step)
    before = {step: fleet.session_pid(phone) for step, phone in phones.items()}
    crash(fleet, host)
    for step in LINKED:
        # One that is online already was so before the crash, too.
        wait_new_process(fleet, phones[step], before[step])
        pairing = fleet.wait_pairing(phones[step], PairingState.ONLINE)
        fleet.wait_status(phones[step], Status.CONNECTED)
        (device,) = devices(fleet, phones[step])
        assert (device["jid"], device["connected"]) == (phones[step].phone_jid, True)
        assert pairing.paired_at is not None
    for step in ("qr", "scanned"):
        pairing = fleet.wait_pairing(phones[step], PairingState.EXPIRED)
        assert (pairing.error_code, pairing.cause) == (408, "pairing_interrupted")
        fleet.wait_status(phones[step], Status.NEW)
        assert phones[step].qr_code is None
        assert devices(fleet, phones[step]) == []
    fleet.link(phones["scanned"])
    assert len(devices(fleet, phones["scanned"])) == 1


def test_a_crash_at_any_moment_after_the_scan_loses_no_link(fleet: Fleet, organization):
    host = fleet.start_host()
    phones = [make_phone(organization) for _ in range(6)]
    for phone in phones:
        verbs.link(phone)
    codes = [fleet.wait_code(phone) for phone in phones]
    for code, phone in zip(codes, phones, strict=True):
        fleet.sandbox.scan(code, phone.phone_number)
        time.sleep(0.05)  # they are at different steps when the crash comes
    kill_and_restart(fleet, host)
    for phone in phones:
        pairing = fleet.wait_pairing(phone, *ENDED)
        online = pairing.state == PairingState.ONLINE
        assert len(devices(fleet, phone)) == online
        # The client stores its keys before it confirms them: if the crash comes between
        # the two, WhatsApp knows no such device at the next login.
        unconfirmed = pairing.cause == "u5"
        assert unconfirmed == (pairing.state == PairingState.FAILED)
        at_rest = Status.LOGGED_OUT if unconfirmed else Status.NEW
        fleet.wait_status(phone, Status.CONNECTED if online else at_rest)
