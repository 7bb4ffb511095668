"""Sandbox and real phones never meet: every mixture is refused, nothing is sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from phones.models import Status
from sessions import verbs
from sessions.client.store_realm import APPLICATION_IDS
from sessions.models import BaileysAuth, PairingState, Stamp
from tests.acceptance.fleet import Fleet
from tests.acceptance.lives import facts_of, wait_given_back
from tests.acceptance.proxies import RecordingProxy
from tests.processes import manage
from tests.sandbox.clients import Watch

REAL = {"WHATSAPP_REALM": "whatsapp"}


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    """A proxy on 127.0.0.1 that is not the sandbox's."""
    proxy = RecordingProxy()
    yield proxy
    proxy.close()


def refusal(fleet: Fleet, **environment: str) -> str:
    """The sentence with which a host refuses to start; a phone waits to be linked."""
    done = manage(
        "run_sessions", env=fleet.environment(fleet.directory / "one") | environment
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "host started" not in done.stderr
    (sentence,) = [
        line for line in done.stderr.splitlines() if line.startswith("CommandError: ")
    ]
    return sentence


def nothing_was_sent(fleet: Fleet, watch: Watch, proxy: RecordingProxy) -> bool:
    return proxy.requests == [] and not any(
        watch.events(kind) for kind in ("foreign_host", "connected_socket")
    )


@pytest.mark.sqlite
def test_a_sandbox_host_refuses_every_way_out_of_the_sandbox(
    fleet: Fleet, phone, proxy: RecordingProxy, tmp_path: Path
):
    watch = Watch(fleet.sandbox)
    verbs.link(phone)
    described = fleet.sandbox.description
    no_key = tmp_path / "no-key"
    no_key.mkdir()
    (no_key / "sandbox.json").write_text(
        json.dumps({name: described[name] for name in described if name != "root_key"})
    )
    for environment, words in (
        ({"HTTPS_PROXY": proxy.address}, "HTTPS_PROXY is not the sandbox's proxy"),
        ({"HTTPS_PROXY": ""}, "HTTPS_PROXY is not the sandbox's proxy"),
        ({"HTTPS_PROXY": "http://192.0.2.1:3128"}, "HTTPS_PROXY is not the sandbox's"),
        ({"NO_PROXY": "web.whatsapp.com"}, "NO_PROXY is set"),
        ({"no_proxy": "*"}, "NO_PROXY is set"),
        ({"WHATSAPP_SANDBOX_DIR": str(tmp_path)}, "The sandbox is not running"),
        ({"WHATSAPP_SANDBOX_DIR": str(no_key)}, "root key"),
    ):
        assert words in refusal(fleet, **environment)
    assert nothing_was_sent(fleet, watch, proxy)


def test_a_database_is_never_run_in_the_other_realm(
    fleet: Fleet, phone, proxy: RecordingProxy
):
    watch = Watch(fleet.sandbox)
    verbs.link(phone)
    sandbox_proxy = fleet.sandbox.description["proxy"]
    away = {**REAL, "HTTPS_PROXY": proxy.address}
    assert "belongs to the realm 'sandbox'" in refusal(fleet, **away)
    Stamp.objects.update(realm="whatsapp")
    assert "belongs to real phones" in refusal(fleet)
    # Real keys are not shown to the sandbox either.
    assert "HTTPS_PROXY names the sandbox" in refusal(
        fleet, **REAL, HTTPS_PROXY=sandbox_proxy
    )
    assert nothing_was_sent(fleet, watch, proxy)


def test_a_store_file_of_the_other_realm_is_never_started(fleet: Fleet, phone):
    host = fleet.start_host()
    fleet.link(phone)
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    wait_given_back(fleet, phone)
    store = host.directory / "stores" / f"phone-{phone.pk}.sqlite3"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_IDS['whatsapp']}")
    watch = Watch(fleet.sandbox)
    verbs.start(phone)
    fleet.wait_status(phone, Status.HELD)
    assert facts_of(phone).cause == "wrong_realm"
    assert watch.events("connected_socket") == []
    assert store.exists()
    assert BaileysAuth.objects.exists()


@pytest.mark.sqlite
def test_a_real_session_does_not_trust_the_sandbox_behind_another_proxy(
    fleet: Fleet, phone
):
    """Its root key is WhatsApp's own, so the sandbox is only a server that lies."""
    Stamp.objects.update(realm="whatsapp")
    detour = RecordingProxy(fleet.sandbox.description["proxy"])
    watch = Watch(fleet.sandbox)
    try:
        fleet.start_host(**REAL, HTTPS_PROXY=detour.address)
        verbs.link(phone)
        pairing = fleet.wait_pairing(phone, PairingState.FAILED)
    finally:
        detour.close()
    assert pairing.cause == "n3"
    assert set(detour.requests) == {"CONNECT web.whatsapp.com:443 HTTP/1.1"}
    assert watch.events("connected_socket")
    assert watch.events("pairing_started") == []
    phone.refresh_from_db()
    assert (phone.status, phone.qr_code) == (Status.NEW, None)
