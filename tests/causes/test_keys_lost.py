"""The machine is lost with its store between a scan and the first copy of the keys."""

from __future__ import annotations

import shutil

import pytest

from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, Pairing, PairingState, Quarantine
from tests.acceptance.lives import assert_quiet, facts_of, record, wait_given_back
from tests.factories import make_phone
from tests.sandbox.clients import Watch

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(120)]


def test_the_person_is_told_to_remove_the_device_and_to_scan_again(open_fleet):
    fleet = open_fleet()
    host, phone = fleet.start_host(), make_phone()
    verbs.link(phone)
    fleet.wait_code(phone)
    host.kill_all()
    shutil.rmtree(host.directory / "stores")
    # As if the host had just read that the scan succeeded: no test can hit the moment.
    Pairing.objects.filter(phone=phone).update(state=PairingState.LINKING)
    fleet.start_host("one", host.directory)
    pairing = fleet.wait_pairing(phone, PairingState.FAILED)
    assert (pairing.cause, pairing.error_code) == ("keys_lost", 408)
    wait_given_back(fleet, phone)
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.NEW, None)
    facts = facts_of(phone)
    assert (facts.linked, facts.cause, facts.next_at) == (False, "keys_lost", None)
    assert record(phone)[-1] == ("qr_expired", "keys_lost", 408)
    assert not BaileysAuth.objects.exists()
    assert not Quarantine.objects.exists()
    assert_quiet(fleet, Watch(fleet.sandbox), phone)
    fleet.link(phone)
