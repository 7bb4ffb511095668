"""Encrypted messages between real clients of different accounts."""

from __future__ import annotations

import itertools

import pytest

from tests.sandbox.clients import Client, Watch, device_of, wait_acknowledged


@pytest.fixture
def pair_of_clients(
    sandbox, start_client, number, other_number
) -> tuple[Client, Client]:
    first, second = start_client("first"), start_client("second")
    for client, one in ((first, number), (second, other_number)):
        wait_acknowledged(sandbox, client.pair(one))
    return first, second


def test_messages_go_both_ways(sandbox, pair_of_clients, number, other_number):
    first, second = pair_of_clients
    first.send(other_number, "hello")
    assert second.wait("MessageEv", text="hello")["from_me"] is False
    second.send(number, "good day")
    first.wait("MessageEv", text="good day")
    first.send(other_number, "once more")
    second.wait("MessageEv", text="once more")
    assert not first.has("UndecryptableMessageEv")
    assert not second.has("UndecryptableMessageEv")


def test_the_sender_hears_of_the_delivery(
    sandbox, pair_of_clients, number, other_number
):
    first, _ = pair_of_clients
    sent = first.send(other_number, "hello")
    devices = set()
    own_phone = False
    while len(devices) < 2 or not own_phone:
        receipt = first.wait("ReceiptEv")
        assert sent["id"] in receipt["ids"]
        user = receipt["from"].partition("@")[0]
        own_phone = own_phone or _is_own_phone(sandbox, number, user)
        if _lid(sandbox, other_number) == user.partition(":")[0]:
            devices.add(user)
    lid = _lid(sandbox, other_number)
    assert devices == {lid, f"{lid}:1"}


def test_a_message_waits_for_a_device_that_is_away(
    sandbox, start_client, pair_of_clients, other_number, number
):
    first, second = pair_of_clients
    second.kill()
    first.send(other_number, "are you there?")
    jid = f"{other_number}:1@s.whatsapp.net"
    assert device_of(sandbox, jid)["queued"] == 1
    start_client("second").wait("MessageEv", text="are you there?")
    wait_acknowledged(sandbox, jid)


def test_a_muted_device_gets_its_messages_later(
    sandbox, pair_of_clients, other_number, watch: Watch
):
    first, second = pair_of_clients
    sandbox.fault("mute", number=other_number, what="all", seconds=None)
    first.send(other_number, "can you hear me?")
    assert device_of(sandbox, f"{other_number}:1@s.whatsapp.net")["queued"] == 1
    assert not watch.events("ack", number=other_number)
    sandbox.fault("unmute", number=other_number)
    second.wait("MessageEv", text="can you hear me?")


def test_late_acks_delay_the_sender(sandbox, pair_of_clients, number, other_number):
    first, second = pair_of_clients
    first.send(other_number, "quick")
    sandbox.fault("late_acks", number=number, seconds=0.7)
    assert first.send(other_number, "slow")["seconds"] >= 0.7
    second.wait("MessageEv", text="slow")


def test_two_devices_of_one_account_see_what_the_other_sends(
    sandbox, start_client, pair_of_clients, number, other_number
):
    first, second = pair_of_clients
    first.send(other_number, "before")
    sibling = start_client("sibling")
    sibling.pair(number)
    first.send(other_number, "after")
    event = sibling.wait("MessageEv", text="after")
    assert event["from_me"] is True
    second.wait("MessageEv", text="after")  # who writes while reading loses counters
    second.send(number, "to both of you")
    first.wait("MessageEv", text="to both of you")
    sibling.wait("MessageEv", text="to both of you")


def test_a_prekey_is_handed_out_once(sandbox, start_client, number):
    target = start_client("target")
    target.pair(number)
    senders = [start_client(f"sender{index}") for index in range(3)]
    for index, sender in enumerate(senders):
        sender.pair(f"{number}{index}")
        sender.send(number, f"from {index}")
        target.wait("MessageEv", text=f"from {index}")
    log = sandbox.prekeys(number, 1)
    assert len(log["uploaded"]) == len(set(log["uploaded"])) == 812
    assert log["consumed"] == log["uploaded"][:3]
    jid = f"{number}:1@s.whatsapp.net"
    assert device_of(sandbox, jid)["prekeys"] == 809


def test_many_messages_arrive_in_order(pair_of_clients, other_number):
    first, second = pair_of_clients
    first.send(other_number, "n", count=50)
    texts = [second.wait("MessageEv")["text"] for _ in range(50)]
    assert texts == [f"n{index}" for index in itertools.islice(itertools.count(), 50)]


def _lid(sandbox, number: str) -> str:
    accounts = sandbox.state()["accounts"]
    return next(a["lid"] for a in accounts if a["number"] == number)


def _is_own_phone(sandbox, number: str, user: str) -> bool:
    return user == _lid(sandbox, number)
