"""Linking with the real client."""

from __future__ import annotations

import pytest

from sessions.sandbox.control import ControlError
from tests.processes import wait_until
from tests.sandbox.clients import Client, Watch, device_of, wait_acknowledged


def test_a_scanned_device_goes_online_and_logs_in_again(
    sandbox, start_client, number, watch: Watch
):
    client: Client = start_client()
    jid = client.pair(number)
    assert jid == f"{number}:1@s.whatsapp.net"
    assert client.wait("PairStatusEv")["jid"] == jid
    wait_acknowledged(sandbox, jid)
    assert device_of(sandbox, jid) | {"paired_at": 0} == {
        "jid": jid,
        "device": 1,
        "name": "Neonize",
        "platform": "safari",
        "paired_at": 0,
        "connected": True,
        "logins": 1,
        "double_logins": 0,
        "prekeys": 812,
        "queued": 0,
    }
    client.kill()
    start_client().wait("ConnectedEv")
    assert device_of(sandbox, jid)["logins"] == 2
    assert not watch.events("double_login", number=number)


def test_the_first_code_and_every_other_are_those_the_server_gave(
    sandbox, start_client, watch: Watch
):
    sandbox.settings(refs=3)
    client = start_client()
    client.wait("qr")
    (pairing,) = [p for p in sandbox.state()["pairings"] if p["refs_left"] == 3]
    assert pairing["device_name"] == "Neonize"
    assert watch.wait("qr_refs_sent")[0]["refs"] == 3


def test_an_unscanned_code_ends_as_a_timeout(sandbox, start_client, watch: Watch):
    sandbox.settings(qr_window_seconds=0.3)
    client = start_client()
    code = client.wait("qr")["code"]
    assert client.wait("login_status")["status"] == "timeout"
    with pytest.raises(ControlError) as refused:
        sandbox.scan(code)
    assert refused.value.status == 409
    assert str(refused.value) == "This code is unknown or has expired."
    assert watch.wait("qr_window_ended")


def test_a_code_links_one_device_only(sandbox, start_client, number, other_number):
    client = start_client()
    code = client.wait("qr")["code"]
    sandbox.fault("pause_after", step="before_515", seconds=0.5)
    jid = sandbox.scan(code, number)
    with pytest.raises(ControlError, match="This code was already used"):
        sandbox.scan(code, other_number)
    client.wait("ConnectedEv")
    assert device_of(sandbox, jid)
    numbers = [account["number"] for account in sandbox.state()["accounts"]]
    assert other_number not in numbers


def test_the_fifth_device_is_refused(sandbox, start_client, number):
    sandbox.fault("pause_after", step="before_515", seconds=30)
    for device in range(1, 5):
        client = start_client(f"store{device}")
        jid = sandbox.scan(client.wait("qr")["code"], number)
        assert jid == f"{number}:{device}@s.whatsapp.net"
        client.wait("login_status", status="success")
        client.kill()
    wait_until(lambda: device_of(sandbox, jid), "the fourth link")
    client = start_client("store5")
    code = client.wait("qr")["code"]
    with pytest.raises(ControlError, match="Four devices are linked already"):
        sandbox.scan(code, number)
    sandbox.unlink(jid)
    assert sandbox.scan(code, number) == f"{number}:5@s.whatsapp.net"


def test_a_scan_without_a_number_takes_a_fresh_phone(sandbox, start_client):
    before = {account["number"] for account in sandbox.state()["accounts"]}
    jid = sandbox.scan(start_client().wait("qr")["code"])
    assert jid.partition(":")[0] not in before


@pytest.mark.parametrize("step", ["pair_success", "before_515", "after_515"])
def test_a_client_killed_inside_its_pairing_finishes_by_login(
    sandbox, start_client, number, step
):
    sandbox.fault("pause_after", step=step, seconds=30)
    client = start_client()
    jid = sandbox.scan(client.wait("qr")["code"], number)
    client.wait("login_status", status="success")
    wait_until(lambda: device_of(sandbox, jid), "the link")
    client.kill()
    again = start_client()
    again.wait("ConnectedEv")
    assert not again.has("qr")


def test_a_client_killed_before_the_answer_to_the_scan_is_not_linked(
    sandbox, start_client, number
):
    sandbox.fault("pause_after", step="scanned", seconds=0.3)
    client = start_client()
    code = client.wait("qr")["code"]
    client.freeze()  # it answers nothing, however late it is killed
    jid = sandbox.scan(code, number)
    client.kill()
    start_client().wait("qr")
    assert device_of(sandbox, jid) is None


def test_a_damaged_code_is_refused(sandbox, start_client):
    code = start_client().wait("qr")["code"]
    start, _, fields = code.partition("#")
    ref, noise, identity, secret, kind = fields.split(",")
    swapped = f"{start}#" + ",".join((ref, identity, noise, secret, kind))
    with pytest.raises(ControlError, match="This code is damaged"):
        sandbox.scan(swapped)
    with pytest.raises(ControlError, match="not a code for linking"):
        sandbox.scan("hello")
