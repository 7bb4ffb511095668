"""Faults that are rare on the real WhatsApp, as the real client meets them."""

from __future__ import annotations

import pytest

from sessions.sandbox.control import ControlError
from tests.processes import wait_until
from tests.sandbox.clients import Client, Watch, device_of


def test_a_stream_error_without_a_code_names_its_child(sandbox, start_client, number):
    client: Client = start_client()
    jid = client.pair(number)
    sandbox.fault("stream_error", jid=jid, child="xml-not-well-formed")
    text = client.wait("StreamErrorEv")["text"]
    assert "xml-not-well-formed" in text
    assert 'Code: ""' in text
    client.wait("ConnectedEv")


def test_messages_are_answered_with_a_code_and_not_delivered(
    sandbox, start_client, number, other_number
):
    sender, receiver = start_client("one"), start_client("two")
    jid = sender.pair(number)
    receiver.pair(other_number)
    sandbox.fault("answer_messages", jid=jid, code=463, times=1)
    sender.begin_send(other_number, "refused")
    assert "server returned error 463" in sender.wait("failed")["text"]
    sender.send(other_number, "taken")
    assert receiver.wait("MessageEv")["text"] == "taken"


def test_a_message_that_was_damaged_on_its_way_is_asked_for_again(
    sandbox, start_client, number, other_number, watch: Watch
):
    sender, receiver = start_client("one"), start_client("two")
    sender.pair(number)
    jid = receiver.pair(other_number)
    sandbox.fault("spoil_messages", jid=jid, times=1)
    sender.send(other_number, "hello")
    receiver.wait("UndecryptableMessageEv")
    assert watch.wait("receipt", number=other_number, type="retry")
    assert receiver.wait("MessageEv")["text"] == "hello"


def test_messages_are_damaged_until_it_is_taken_back(
    sandbox, start_client, number, other_number, watch: Watch
):
    sender, receiver = start_client("one"), start_client("two")
    sender.pair(number)
    jid = receiver.pair(other_number)
    sandbox.fault("spoil_messages", jid=jid)
    for text in ("one", "two"):
        sender.send(other_number, text)
        receiver.wait("UndecryptableMessageEv")
    sandbox.fault("calm")

    # The damaged ones are sent again. The library may give such a message and one that
    # is sent at the same moment the same counter; the later one is ignored then
    # ("received message with old counter", 5 of 108 times; neonize 0.5.2).
    def counts() -> tuple[int, int]:
        asked_again = watch.events("receipt", number=other_number, type="retry")
        return len(watch.events("message", number=number)), len(asked_again)

    def all_are_sent_again() -> bool:
        sent, asked_again = before = counts()
        nothing_comes = device_of(sandbox, jid)["queued"] == 0
        return nothing_comes and sent == 2 + asked_again and counts() == before

    wait_until(all_are_sent_again, "the last of them")
    sender.send(other_number, "three")
    receiver.wait("MessageEv", text="three")


@pytest.mark.parametrize("how", ["bad_seal", "bad_signature"])
def test_a_client_does_not_accept_a_wrong_signature(
    sandbox, start_client, number, watch: Watch, how
):
    sandbox.accounts(number)
    sandbox.fault("spoil_scan", number=number, how=how)
    client = start_client()
    jid = sandbox.scan(client.wait("qr")["code"], number)
    assert client.wait("login_status")["status"] == "error"
    (scanned,) = watch.wait("scanned", number=number)
    watch.wait("closed", connection=scanned["connection"])
    assert not watch.events("paired", number=number)
    assert device_of(sandbox, jid) is None


@pytest.mark.parametrize(
    ("how", "status", "sentence"),
    [
        ("no_multidevice", "err-scanned-without-multidevice", "too old"),
        ("passkey", "passkey-request", "passkey"),
    ],
)
def test_a_phone_that_cannot_link_is_told_so_and_the_client_too(
    sandbox, start_client, number, how, status, sentence
):
    sandbox.accounts(number)
    sandbox.fault("spoil_scan", number=number, how=how)
    client = start_client()
    code = client.wait("qr")["code"]
    with pytest.raises(ControlError, match=sentence):
        sandbox.scan(code, number)
    assert client.wait("login_status")["status"] == status


def test_after_the_update_the_phone_scans_the_same_code(sandbox, start_client, number):
    sandbox.accounts(number)
    sandbox.fault("spoil_scan", number=number, how="no_multidevice")
    client = start_client()
    code = client.wait("qr")["code"]
    with pytest.raises(ControlError):
        sandbox.scan(code, number)
    sandbox.scan(code, number)
    client.wait("ConnectedEv")


@pytest.mark.parametrize(
    ("code", "status"), [(405, "err-client-outdated"), (400, "err-unexpected-state")]
)
def test_a_client_may_not_even_pair(sandbox, start_client, watch: Watch, code, status):
    sandbox.fault("refuse_pairing", code=code, times=1)
    client = start_client()
    assert client.wait("login_status")["status"] == status
    assert watch.wait("pairing_refused")[0]["reason"] == code
    assert not client.has("qr")


@pytest.mark.parametrize(
    ("how", "words"),
    [("tls", "x509: certificate"), ("upgrade", "503")],
)
def test_a_connection_breaks_before_the_handshake(
    sandbox, start_client, number, how, words
):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("break_connections", how=how, seconds=60)
    broken = start_client()
    assert words in broken.wait("connect_raised")["text"]
    broken.kill()
    sandbox.fault("break_connections", how=how, seconds=0)
    start_client().wait("ConnectedEv")


def test_a_handshake_that_is_never_answered_times_out(sandbox, start_client, number):
    client = start_client()
    client.pair(number)
    client.kill()
    sandbox.fault("break_connections", how="silence", seconds=60)
    text = start_client().wait("connect_raised", patience=60)["text"]
    assert "timed out waiting for handshake response" in text


def test_calm_ends_every_fault_of_a_number_or_all(sandbox, number, other_number):
    for one in (number, other_number):
        sandbox.accounts(one)
        sandbox.fault("refuse_login", number=one, code=503)
        sandbox.fault("spoil_messages", number=one)
    sandbox.fault("break_connections", how="tls", seconds=60)
    sandbox.fault("calm", number=number)
    assert {f["number"] for f in sandbox.state()["faults"]} == {other_number, None}
    sandbox.fault("calm")
    assert sandbox.state()["faults"] == []
