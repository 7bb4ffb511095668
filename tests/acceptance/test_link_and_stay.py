"""The thin path through all layers: link once, stay connected through a crash."""

from __future__ import annotations

import os
import signal

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions.models import BaileysAuth, PairingState, SessionFacts
from tests.acceptance.fleet import Fleet


def test_it_links_by_one_scan_and_survives_kill_9_of_its_process(fleet: Fleet, phone):
    # So long it is seen to be away, at least: it may come back 1 s after the loss.
    fleet.settings |= {"WHATSAPP_FIRST_DELAY": "4"}
    fleet.start_host()
    jid = fleet.link(phone)
    assert phone.phone_jid == jid
    assert phone.qr_code is None
    assert fleet.pairing(phone).state == PairingState.ONLINE
    assert BaileysAuth.objects.of(phone).filter(key="creds").count() == 1
    os.kill(fleet.session_pid(phone), signal.SIGKILL)
    fleet.wait_status(phone, Status.DISCONNECTED)
    assert SessionFacts.objects.get(phone=phone).cause == "l2"
    took = fleet.wait_status(phone, Status.CONNECTED)
    assert took < 10
    assert fleet.device(jid)["logins"] >= 2
    events = ConnectionMetrics.objects.filter(phone=phone).order_by("id")
    assert [*events.values_list("event", "cause")] == [
        ("qr_generated", ""),
        ("paired", ""),
        ("connected", ""),
        ("crashed", "l2"),
        ("connected", ""),
    ]
