"""Messages between two real sessions through the sandbox."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from sessions.host.live_session import POLITE_SECONDS
from tests.processes import wait_until
from tests.sandbox.clients import Watch, device_of

numbers = (f"7705486{serial:04d}" for serial in itertools.count())


@pytest.fixture
def couple(new_session, sandbox):
    """Two connected sessions and their numbers."""
    made = []
    for name in ("ann", "ben"):
        number = next(numbers)
        session = new_session(name, alive_seconds=0.5)
        session.pair(sandbox, number)
        made += [session, number]
    return made


def test_a_text_arrives_and_its_body_is_told_nowhere(couple):
    ann, ann_number, ben, ben_number = couple
    result = ann.send(ben_number, "the body")
    assert result["ok"]
    message = ben.wait_for("message", kind="text", id=result["message_id"])
    assert not message["from_me"]
    assert "***" in message["chat"]
    assert abs(message["server_at"] - time.time()) < 60
    assert "from_device" not in message
    ben.wait_for("alive", received=1)
    ann.wait_for("alive", sent=1)
    for session in (ann, ben):
        said = json.dumps(session.lines)
        assert "the body" not in said
        assert ann_number not in said.replace(f"{ann_number}:1@", "")


def test_no_message_is_marked_as_a_bots(couple, sandbox):
    ann, ann_number, ben, ben_number = couple
    watch = Watch(sandbox)
    for _ in range(3):
        # Who writes while reading can lose the Signal counter of one of both.
        ben.wait_for("message", id=ann.send(ben_number, "hello")["message_id"])
        ann.wait_for("message", id=ben.send(ann_number, "hello")["message_id"])
    sent = watch.wait("message", 6)
    assert all("participants" in event["parts"] for event in sent)
    assert not any("bot" in event["parts"] for event in sent)


def test_sends_in_both_directions_all_arrive(couple):
    ann, ann_number, ben, ben_number = couple
    for session, other, to in ((ann, ben, ben_number), (ben, ann, ann_number)):
        for index in range(40):
            session.say(do="send", id=f"m{index}", to=to, text="x")
        for index in range(40):
            assert session.wait_for("result", id=f"m{index}")["ok"]
        other.wait_for("alive", received=40, undecryptable=0)


@pytest.mark.parametrize(
    "to", ["120363041234567890@g.us", "status@broadcast", "garbage", "123"]
)
def test_only_users_are_written_to(couple, to):
    ann, *_ = couple
    result = ann.send(to, "hello")
    assert not result["ok"]
    assert result["error"].endswith(".")
    assert result["message_id"] is None


def test_a_mute_server_blocks_no_other_command(couple, sandbox):
    ann, ann_number, _ben, ben_number = couple
    sandbox.fault("mute", number=ann_number, what="all")
    ann.say(do="send", id="stuck", to=ben_number, text="x")
    ann.renew(100)
    told = len(ann.seen("alive"))
    wait_until(lambda: len(ann.seen("alive")) >= told + 3, "three signs of life")
    _, before, after = [line["recv_age_ms"] for line in ann.seen("alive")[told:][:3]]
    assert after > before
    assert not ann.seen("result")
    began = time.monotonic()
    assert ann.stop() == 0
    assert time.monotonic() - began < 2 * POLITE_SECONDS


def test_what_has_arrived_at_a_stop_is_read_and_receipted(couple, new_session, sandbox):
    """Nothing is read without WhatsApp knowing: it would send it once more."""
    ann, _, ben, ben_number = couple
    jid = f"{ben_number}:1@s.whatsapp.net"
    for turn in range(5):
        if turn:
            ben = new_session("ben", jid=jid)
            ben.wait_for("connected")
            ann.send(ben_number, "wakes ben")
            ben.wait_for("message")
        before = len(ben.seen("message"))
        ann.send(ben_number, "just before the stop")
        assert ben.stop() == 0
        assert len(ben.seen("message")) == before + 1
        wait_until(lambda: device_of(sandbox, jid)["queued"] == 0, "the receipt")


def test_logout_answers_and_then_ends(couple, sandbox):
    ann, ann_number, *_ = couple
    ann.say(do="logout", id="bye")
    assert ann.wait_for("result", id="bye")["ok"]
    assert ann.end(5) == 0
    accounts = {entry["number"]: entry for entry in sandbox.state()["accounts"]}
    assert accounts[ann_number]["devices"] == []


def test_logout_while_offline_is_refused(couple, sandbox):
    ann, ann_number, *_ = couple
    sandbox.fault("replace", number=ann_number)
    ann.wait_for("stream_replaced")
    ann.say(do="logout", id="bye")
    result = ann.wait_for("result", id="bye")
    assert (result["ok"], result["error"]) == (False, "The phone is not connected.")
    assert ann.end() is None


def test_the_own_phone_is_seen_by_its_receipts(couple):
    """The simulated phone acknowledges what we send, as device 0 of our account."""
    ann, _, _, ben_number = couple
    ann.say(do="send", id="a", to=ben_number, text="hello")
    assert ann.wait_for("receipt")["from_own_phone"]
