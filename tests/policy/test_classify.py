from __future__ import annotations

import pytest

from sessions.policy.causes import CAUSES
from sessions.policy.classify import RULES, classify
from tests.policy.signals import JID, NOTHING, NOW, ONLINE, SIGNALS, context, line, log


@pytest.mark.parametrize(("event", "known", "cause", "code"), SIGNALS)
def test_a_signal_has_its_cause_and_code(event, known, cause, code):
    found = classify(event, known)

    assert found is not None
    assert (found.cause, found.code) == (cause, code)
    assert found.cause in CAUSES
    assert found.at == NOW
    assert len(found.message) <= 200


@pytest.mark.parametrize(
    ("event", "known"),
    [
        (line("hello", pid=1, library="neonize 0.5.2"), NOTHING),
        (line("qr", code="https://wa.me/…", k=1, of=6, valid_seconds=60), NOTHING),
        (line("alive", connected=True), ONLINE),
        (line("connected"), NOTHING),
        (line("keepalive_restored"), ONLINE),
        (line("offline_sync_completed", count=3), ONLINE),
        (line("login_status", status="success"), NOTHING),
        (line("login_status", status="linking"), NOTHING),
        (line("pair_status", status="SUCCESS", jid=JID), NOTHING),
        (
            line("pair_status", status="SUCCESS", jid=JID),
            context(expected_number="87054810862"),
        ),
        (line("result", id="1", ok=True, error=None), ONLINE),
        (line("result", id="1", ok=False, error="not on WhatsApp"), ONLINE),
        (line("message", chat="77***62"), ONLINE),
        (log("database is locked, retrying"), ONLINE),
        (log("something else", level="ERROR"), ONLINE),
        (line("word_of_tomorrow"), ONLINE),
        ({}, NOTHING),
    ],
)
def test_what_changes_nothing_has_no_finding(event, known):
    assert classify(event, known) is None


def test_only_logged_out_finds_a_cause_whose_keys_are_dead():
    for event, known, cause, _code in SIGNALS:
        if CAUSES[cause].credentials == "dead":
            assert event["event"] == "logged_out", (event, known)


def test_every_rule_is_exercised():
    assert {event["event"] for event, *_ in SIGNALS} == set(RULES)


def test_why_a_pairing_failed_is_told_by_the_log_alone():
    told = "Failed to pair device: invalid device identity HMAC"
    status = line("login_status", status="error")
    assert classify(status, context(log(told, level="ERROR"))).message == told
    assert classify(status, context(log("something else"))).message == "error"


def test_a_drop_is_told_by_itself_though_the_next_dial_was_refused_already():
    said = (log("Got 503 connect failure, assuming automatic reconnect"),)
    drop = line("disconnected")
    up = context(*said, connected_at=NOW)
    assert classify(drop, up).cause == "n1"
    assert classify(drop, context(*said)).cause == "f3"
