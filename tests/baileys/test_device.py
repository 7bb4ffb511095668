"""Baileys itself in the sandbox: what a crossing begins and ends with."""

from __future__ import annotations

import json

import pytest

from tests.baileys.driver import BaileysDevice, folder_state, row_state
from tests.processes import wait_until
from tests.sandbox.clients import device_of

pytestmark = pytest.mark.baileys

NUMBER, OTHER = "77020000001", "77020000002"


@pytest.fixture
def start(sandbox):
    devices: list[BaileysDevice] = []

    def start(state) -> BaileysDevice:
        devices.append(BaileysDevice(sandbox.description, state))
        return devices[-1]

    yield start
    for device in devices:
        device.close()
    for number in (NUMBER, OTHER):
        sandbox.accounts(number)
        sandbox.forget(number)


def test_two_devices_pair_talk_stop_and_find_what_waited(sandbox, start, tmp_path):
    states = (
        folder_state(tmp_path / "folder"),
        row_state(tmp_path / "rows.json", "7", OTHER),
    )
    first, second = start(states[0]), start(states[1])
    jid = first.pair(sandbox, NUMBER)
    second.pair(sandbox, OTHER)
    first.send(OTHER, "hello")
    second.wait_for("message", text="hello", from_me=False)
    second.send(NUMBER, "good day")
    first.wait_for("message", text="good day")
    (contact,) = second.ask(NUMBER)
    assert contact["lid"].endswith("@lid")
    first.stop()
    second.send(NUMBER, "one")
    second.send(NUMBER, "two")
    second.stop()
    assert device_of(sandbox, jid)["queued"] == 2
    again = start(states[0])
    assert again.wait_open() == jid
    again.wait_for("message", text="one")
    again.wait_for("message", text="two")
    third = start(states[1])
    third.wait_open()
    again.send(OTHER, "back again")
    third.wait_for("message", text="back again")
    again.stop()
    third.stop()
    for device in (first, second, again, third):
        assert device.seen("undecryptable") == device.seen("fault") == []


def test_what_it_keeps_has_the_form_of_both_sources(sandbox, start, tmp_path):
    folder, rows = tmp_path / "folder", tmp_path / "rows.json"
    for state, number in (
        (folder_state(folder), NUMBER),
        (row_state(rows, "7", OTHER), OTHER),
    ):
        device = start(state)
        device.pair(sandbox, number)
        device.stop()
    names = {path.stem for path in folder.iterdir()}
    written = json.loads(rows.read_text())
    assert {row["key"] for row in written} == names >= {"creds", "pre-key-1"}
    assert {(row["organizationId"], row["phoneJid"]) for row in written} == {
        ("7", OTHER)
    }
    creds = next(row for row in written if row["key"] == "creds")
    assert json.loads(creds["value"])["me"]["id"] == f"{OTHER}:1@s.whatsapp.net"
    assert creds["updatedAt"] >= creds["createdAt"]


def test_a_clean_stop_leaves_nothing_half_read(sandbox, start, start_client, tmp_path):
    """Every message is told and acknowledged, or still waits on the server."""
    state = folder_state(tmp_path / "folder")
    device = start(state)
    jid = device.pair(sandbox, NUMBER)
    peer = start_client("peer")
    peer.pair(OTHER)
    peer.begin_send(NUMBER, "burst", count=40)
    device.wait_for("message")
    device.stop()
    told = len(device.seen("message"))
    peer.wait("sent", patience=60)
    assert told + device_of(sandbox, jid)["queued"] == 40
    again = start(state)
    again.wait_open()
    for _ in range(40 - told):
        again.wait_for("message")
    again.stop()
    assert device.seen("undecryptable") == again.seen("undecryptable") == []


def test_an_unlinked_device_is_told(sandbox, start, tmp_path):
    device = start(folder_state(tmp_path / "folder"))
    jid = device.pair(sandbox, NUMBER)
    sandbox.unlink(jid)
    assert device.wait_for("close")["status"] == 401
    again = start(folder_state(tmp_path / "folder"))
    assert again.wait_for("close")["status"] == 401


def test_a_device_that_logs_out_is_gone(sandbox, start, tmp_path):
    device = start(folder_state(tmp_path / "folder"))
    jid = device.pair(sandbox, NUMBER)
    device.say(do="logout")
    assert device.wait_for("close")["status"] == 401
    wait_until(lambda: device_of(sandbox, jid) is None, "the removal")


def test_it_reaches_nothing_but_the_sandbox(sandbox, tmp_path):
    elsewhere = {"websocket": "ws://192.0.2.1:5222/ws/chat"}
    device = BaileysDevice(elsewhere, folder_state(tmp_path / "folder"))
    try:
        assert "only 127.0.0.1" in device.wait_for("close")["reason"]
    finally:
        device.close()
