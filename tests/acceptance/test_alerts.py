"""Somebody is told, also when the only server is dead, and told when it is over."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from phones.models import Status
from sessions import verbs
from tests.acceptance.fleet import Fleet
from tests.alerts.receivers import WebServer
from tests.factories import make_phone
from tests.processes import manage

PATIENCE = 90  # seconds; each look is a process of its own


@pytest.fixture
def webhook():
    with WebServer() as server:
        yield server


def test_a_dead_server_and_its_phones_are_told_and_their_return(
    fleet: Fleet, organization, webhook
):
    fleet.settings |= {
        "WHATSAPP_ALERT_URL": webhook.url,
        # A heartbeat of a busy machine may be late by some seconds.
        "WHATSAPP_HOST_SILENT": "10",
        "WHATSAPP_DOWN_ALERT": "10",
        "WHATSAPP_LEASE_RENEW": "1",
    }
    phones = [make_phone(organization) for _ in range(3)]
    host = fleet.start_host()
    jids = fleet.link_all(phones)

    def told() -> Counter[tuple[str, str]]:
        """Run `send_alerts` once; how many alerts of each kind were ever told."""
        env = fleet.environment(fleet.directory / "alerts")
        done = manage("send_alerts", "--once", env=env)
        assert done.returncode == 0, done.stderr
        counts: Counter[tuple[str, str]] = Counter()
        for message in webhook.received:
            counts[message["kind"], message["event"]] += message["count"]
        return counts

    held = phones[0]
    fleet.sandbox.fault("refuse_login", jid=jids[0], code=409)
    fleet.sandbox.fault("drop", jid=jids[0])
    fleet.wait_status(held, Status.HELD, patience=60)
    assert told() == {("held", "begins"): 1}

    host.kill()
    begun = {
        ("held", "begins"): 1,
        ("host_silent", "begins"): 1,
        ("down", "begins"): 2,
    }
    fleet.wait(lambda: told() == begun, "the alerts of a dead server", PATIENCE)
    silent = [m for m in webhook.received if m["kind"] == "host_silent"]
    assert "The server one has not been heard of since" in silent[0]["text"]
    assert "phones wait for it" in silent[0]["text"]
    down = [m for m in webhook.received if m["kind"] == "down"]
    assert {m["alerts"][0]["cause"] for m in down} == {"no_host"}

    fleet.sandbox.fault("allow_login")
    fleet.start_host(directory=host.directory)
    verbs.start(held)
    fleet.wait_logins(jids, 2, 60)
    fleet.wait_all(phones, Status.CONNECTED, patience=60)
    over = {(kind, "over"): count for (kind, _), count in begun.items()}
    fleet.wait(lambda: told() == begun | over, "their ends", PATIENCE)
    everything = json.dumps(webhook.received)
    assert not [phone for phone in phones if phone.phone_number in everything]
