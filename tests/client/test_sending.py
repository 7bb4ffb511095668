from __future__ import annotations

import queue
import threading
import time

import pytest

from sessions.client import sending
from sessions.client.sending import (
    GAP_SECONDS,
    OutgoingText,
    RecipientError,
    Sender,
    parse_recipient,
)
from tests.processes import wait_until


@pytest.mark.parametrize(
    ("to", "user", "server"),
    [
        ("77054810862", "77054810862", "s.whatsapp.net"),
        (" 77054810862 ", "77054810862", "s.whatsapp.net"),
        ("77054810862@s.whatsapp.net", "77054810862", "s.whatsapp.net"),
        ("414064175639055@lid", "414064175639055", "lid"),
    ],
)
def test_digits_and_user_jids_are_recipients(to, user, server):
    recipient = parse_recipient(to)
    assert (recipient.user, recipient.server) == (user, server)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("", "7–15 digits"),
        ("+77054810862", "7–15 digits"),
        ("123456", "7–15 digits"),
        ("7705481086277054810862", "7–15 digits"),
        ("٧٧٠٥٤٨١٠٨٦٢", "7–15 digits"),
        ("120363041234567890@g.us", "groups"),
        ("status@broadcast", "groups"),
        ("120363041234567890@newsletter", "groups"),
        ("77054810862@c.us", "groups"),
        ("77054810862:12@s.whatsapp.net", "device"),
        ("abc@s.whatsapp.net", "JID of a user"),
        ("@s.whatsapp.net", "JID of a user"),
        ("1@2@s.whatsapp.net", "groups"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(to, words):
    with pytest.raises(RecipientError, match=words):
        parse_recipient(to)


class FakeError(Exception):
    pass


class FakeClient:
    error_type = FakeError

    def __init__(self):
        self.sent = []
        self.presences = 0
        self.failures = []
        self.held = threading.Event()
        self.held.set()

    def send_text(self, user, server, text):
        self.held.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((time.monotonic(), f"{user}@{server}", text))
        return f"ID{len(self.sent)}"

    def show_unavailable(self):
        self.presences += 1
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def client():
    return FakeClient()


@pytest.fixture
def lines():
    return queue.Queue()


@pytest.fixture
def sender(client, lines):
    sender = Sender(client, emit_line=lines.put, is_connected=lambda: True)
    sender.start()
    return sender


def test_each_text_gets_its_result(sender, client, lines):
    sender.send(OutgoingText("a", "77054810862", "hello"))
    sender.send(OutgoingText("b", "1@g.us", "hello"))
    sender.send(OutgoingText("c", "77054810862", ""))
    results = [lines.get(timeout=5) for _ in range(3)]
    assert results[0] == {
        "event": "result",
        "id": "a",
        "ok": True,
        "error": None,
        "message_id": "ID1",
    }
    assert [result["ok"] for result in results] == [True, False, False]
    assert results[2]["error"] == "The text is empty."
    assert sender.sent == 1


def test_there_is_a_gap_between_sends(sender, client, lines):
    for number in range(3):
        sender.send(OutgoingText(str(number), "77054810862", "hello"))
    for _ in range(3):
        lines.get(timeout=5)
    times = [at for at, *_ in client.sent]
    assert times[1] - times[0] >= GAP_SECONDS
    assert times[2] - times[1] >= GAP_SECONDS


def test_the_librarys_words_reach_the_result_masked(sender, client, lines):
    client.failures = [
        FakeError("no LID for 77054810862"),
        FakeError(b"bytes"),
        OSError,
    ]
    for name in "abc":
        sender.send(OutgoingText(name, "77054810862", "hello"))
    errors = [lines.get(timeout=5)["error"] for _ in range(3)]
    assert errors[:2] == ["no LID for 77***62", "bytes"]
    assert "log" in errors[2]
    sender.send(OutgoingText("d", "77054810862", "hello"))
    assert lines.get(timeout=5)["ok"]


def test_nothing_is_sent_while_disconnected(client, lines):
    sender = Sender(client, emit_line=lines.put, is_connected=lambda: False)
    sender.start()
    sender.send(OutgoingText("a", "77054810862", "hello"))
    assert lines.get(timeout=5)["error"] == "The phone is not connected."
    assert client.sent == []


def test_a_slow_send_blocks_nobody_who_asks(sender, client, lines):
    client.held.clear()
    began = time.monotonic()
    sender.send(OutgoingText("a", "77054810862", "slow"))
    sender.send(OutgoingText("b", "77054810862", "next"))
    sender.show_unavailable()
    sender.wait_idle(0.05)
    assert time.monotonic() - began < 1
    assert lines.empty()
    client.held.set()
    assert [lines.get(timeout=5)["id"] for _ in range(2)] == ["a", "b"]


def test_presence_is_retried_for_lack_of_a_push_name(
    sender, client, lines, monkeypatch
):
    monkeypatch.setattr(sending, "PRESENCE_RETRY_SECONDS", 0.05)
    client.failures = [FakeError(b"can't send presence without PushName set")]
    sender.show_unavailable()
    deadline = time.monotonic() + 5
    while client.presences < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert client.presences == 2


def test_presence_is_not_retried_for_other_reasons(sender, client, monkeypatch):
    monkeypatch.setattr(sending, "PRESENCE_RETRY_SECONDS", 0.01)
    client.failures = [FakeError("websocket not connected")]
    sender.show_unavailable()
    wait_until(lambda: client.presences, "the presence")
    time.sleep(0.15)
    assert client.presences == 1
