"""SIGTERM at every moment: exit code 0, nothing left behind, nothing lost."""

from __future__ import annotations

import signal
import time

import pytest

from phones.models import Status
from sessions import verbs
from sessions.models import Host, PairingState, PhoneLease, SessionFacts
from tests.acceptance.fleet import Fleet, HostProcess, is_alive
from tests.acceptance.pairing_steps import bring_to, devices, lift_faults
from tests.factories import make_phone

# A session process and a polite stop take 2 s at most; nobody waits for a timeout.
SOON = 5.0


def ends_cleanly(host: HostProcess, word: signal.Signals = signal.SIGTERM) -> float:
    """Seconds from the signal to the end."""
    sessions = host.session_pids()
    began = time.monotonic()
    host.process.send_signal(word)
    assert host.process.wait(15) == 0
    took = time.monotonic() - began
    assert not any(map(is_alive, sessions))
    assert not PhoneLease.objects.filter(host__name=host.name).exists()
    assert Host.objects.get(name=host.name).stopped_at is not None
    assert "host stopped" in host.log
    return took


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
def test_a_host_without_phones_ends_at_once(fleet: Fleet, word):
    assert ends_cleanly(fleet.start_host(), word) < SOON


def test_connected_phones_are_given_back(fleet: Fleet, organization):
    host = fleet.start_host()
    phones = [make_phone(organization) for _ in range(3)]
    jids = fleet.link_all(phones)
    assert ends_cleanly(host) < SOON
    for phone, jid in zip(phones, jids, strict=True):
        phone.refresh_from_db()
        assert phone.status == Status.DISCONNECTED
        assert SessionFacts.objects.get(phone=phone).cause == "host_stopped"
        # The sandbox hears of it by the socket.
        fleet.wait(
            lambda jid=jid: not fleet.device(jid)["connected"], "the end of its session"
        )
    fleet.start_host(directory=host.directory)
    fleet.wait_all(phones, Status.CONNECTED)
    assert [fleet.device(jid)["logins"] for jid in jids] == [2, 2, 2]


def test_more_signals_change_nothing(fleet: Fleet, phone):
    host = fleet.start_host()
    fleet.link(phone)
    host.process.send_signal(signal.SIGTERM)
    host.process.send_signal(signal.SIGINT)
    assert ends_cleanly(host) < SOON
    phone.refresh_from_db()
    assert phone.status == Status.DISCONNECTED


def test_a_pairing_ends_as_expired_or_goes_on_later(fleet: Fleet, organization):
    host = fleet.start_host()
    shown, linked = make_phone(organization), make_phone(organization)
    bring_to(fleet, shown, "qr")
    bring_to(fleet, linked, "before_515")
    assert ends_cleanly(host) < SOON
    pairing = fleet.pairing(shown)
    assert (pairing.state, pairing.error_code) == (PairingState.EXPIRED, 408)
    shown.refresh_from_db()
    assert (shown.status, shown.qr_code) == (Status.NEW, None)
    lift_faults(fleet, linked, "before_515")
    fleet.start_host(directory=host.directory)
    fleet.wait_status(linked, Status.CONNECTED)
    assert fleet.pairing(linked).state == PairingState.ONLINE
    assert len(devices(fleet, linked)) == 1


def test_phones_that_wait_for_the_start_budget_are_not_started(
    fleet: Fleet, organization
):
    host = fleet.start_host()
    phones = [make_phone(organization) for _ in range(4)]
    fleet.link_all(phones)
    assert host.terminate() == 0
    again = fleet.start_host(
        directory=host.directory, WHATSAPP_STARTS_PER_SECOND="0.05"
    )
    fleet.wait(
        lambda: PhoneLease.objects.filter(host__name="one").count() == 4, "four leases"
    )
    fleet.wait(lambda: "session started" in again.log, "the first start")
    waiting = make_phone(organization)
    verbs.link(waiting)
    fleet.wait_pairing(waiting, PairingState.STARTING)
    assert ends_cleanly(again) < SOON
    assert again.log.count("session started") == 1
    assert fleet.pairing(waiting).state == PairingState.EXPIRED
    waiting.refresh_from_db()
    assert waiting.status == Status.NEW
    third = fleet.start_host(directory=host.directory)
    fleet.wait_all(phones, Status.CONNECTED)
    assert third.terminate() == 0
