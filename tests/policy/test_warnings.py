"""Warnings: what is said while a session runs, or rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.policy.rules import Rules
from sessions.policy.warnings import (
    in_force,
    is_over,
    merged,
    new_chats_refused,
    primary_unseen,
    rested_too_long,
    too_many_sent,
    undecryptable_share,
)

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
RULES = Rules()
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def unseen(seen, paired=None):
    return primary_unseen(seen, paired, now=NOW, rules=RULES)


@pytest.mark.parametrize(
    ("days", "level"),
    [(10, "warning"), (11.9, "warning"), (12, "alarm"), (20, "alarm")],
)
def test_a_phone_that_is_away_warns_and_then_alarms(days, level):
    seen = NOW - days * DAY
    assert unseen(seen) == {
        "days": int(days),
        "date": (seen + 14 * DAY).isoformat(timespec="seconds"),
        "level": level,
    }


def test_a_phone_that_was_seen_lately_does_not_warn():
    assert unseen(NOW - 10 * DAY + MINUTE) is None
    assert unseen(None) is None


def test_linking_counts_as_a_sighting():
    assert unseen(None, NOW - 11 * DAY)["days"] == 11
    assert unseen(NOW - 40 * DAY, NOW - DAY) is None
    assert unseen(NOW - DAY, NOW - 40 * DAY) is None


def test_a_phone_that_rests_warns_before_its_thirty_days_are_over():
    since = NOW - 25 * DAY
    warned = rested_too_long(since, now=NOW, rules=RULES)
    assert warned == {"days": 25, "date": (NOW + 5 * DAY).isoformat()}
    assert rested_too_long(since + MINUTE, now=NOW, rules=RULES) is None
    assert rested_too_long(None, now=NOW, rules=RULES) is None


def test_a_refused_new_chat_warns_for_its_time():
    warned = new_chats_refused(now=NOW, rules=RULES)
    assert not is_over(warned, now=NOW + DAY - MINUTE)
    assert is_over(warned, now=NOW + DAY)
    assert not is_over({"days": 11}, now=NOW)


def test_too_many_sends_pause_sending_for_a_quarter_of_an_hour():
    paused = {"sending_paused": too_many_sent(now=NOW, rules=RULES)}
    in_time = in_force(paused, "sending_paused", now=NOW + 14 * MINUTE)
    assert in_time == paused["sending_paused"]
    assert in_force(paused, "sending_paused", now=NOW + 15 * MINUTE) is None
    assert in_force(paused, "i2", now=NOW) is None


def arrivals(readable, unreadable, age=MINUTE):
    return [(NOW - age, True)] * readable + [(NOW - age, False)] * unreadable


@pytest.mark.parametrize(
    ("readable", "unreadable", "percent"),
    [
        (8, 2, None),
        (7, 3, 30),
        (0, 10, 100),
        (0, 9, None),
        (80, 20, None),
        (79, 21, 21),
    ],
)
def test_many_unreadable_messages_are_a_storm(readable, unreadable, percent):
    came = arrivals(readable, unreadable)
    warned = undecryptable_share(came, now=NOW, rules=RULES)
    assert (warned and warned["percent"]) == percent


def test_a_storm_passes():
    came = arrivals(0, 50, age=10 * MINUTE)
    assert undecryptable_share(came, now=NOW, rules=RULES) is None


@given(st.dictionaries(st.sampled_from(["p1", "d1", "i2"]), st.just({"since": "x"})))
def test_a_warning_changes_no_other_and_keeps_its_date(before):
    put = merged(before, "p1", {"days": 11}, now=NOW)
    assert put["p1"] == {
        "since": before.get("p1", {}).get("since", NOW.isoformat())
    } | {"days": 11}
    taken = merged(put, "p1", None, now=NOW)
    assert taken == {name: value for name, value in before.items() if name != "p1"}
