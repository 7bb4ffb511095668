"""The reconnect policy as a table: pure functions, no clock, no database."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from sessions.policy.reconnect import Counters, Rules, backoff, decide

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RULES = Rules()


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class FullJitter(random.Random):
    def random(self) -> float:
        return 0.999999


def seconds(decision) -> float:
    return (decision.at - NOW).total_seconds()


def decision_for(cause, action, **given):
    counters = given.pop("counters", Counters())
    rules = given.pop("rules", RULES)
    rng = given.pop("rng", NoJitter())
    return decide(
        cause, action, counters=counters, now=NOW, rng=rng, rules=rules, **given
    )


@pytest.mark.parametrize(
    ("n", "delay"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (500, 60)],
)
def test_the_delay_doubles_up_to_a_minute(n, delay):
    assert backoff(n, rules=RULES, rng=NoJitter()) == timedelta(seconds=delay)


@pytest.mark.parametrize("n", range(12))
def test_jitter_only_shortens(n):
    plain = backoff(n, rules=RULES, rng=NoJitter())
    short = backoff(n, rules=RULES, rng=FullJitter())
    assert plain * 0.74 < short < plain


@pytest.mark.parametrize("first", [3, 5])
def test_the_first_delay_is_a_setting(first):
    rules = Rules(first_delay=timedelta(seconds=first))
    delays = [backoff(n, rules=rules, rng=NoJitter()).seconds for n in range(4)]
    assert delays == [first, first, max(4, first), 8]


def test_ten_attempts_then_the_slow_lane():
    counters = Counters(attempts=9)
    assert decision_for("l2", "restart", counters=counters).attempts == 10
    slow = decision_for("l2", "restart", counters=Counters(attempts=10))
    assert (slow.action, slow.rule) == ("wait", "slow_lane")
    assert seconds(slow) == 1800


def test_the_slow_lane_can_hold_instead():
    rules = Rules(slow_lane_holds=True)
    held = decision_for("l2", "restart", counters=Counters(attempts=10), rules=rules)
    assert (held.action, held.at) == ("hold", None)


def test_a_lost_lease_costs_no_attempt_and_no_delay():
    counters = Counters(attempts=3, dial_failures=2)
    decision = decision_for("lease_lost", "restart", counters=counters)
    assert (decision.action, decision.at) == ("restart", NOW)
    assert (decision.attempts, decision.dial_failures) == (3, 2)


def test_a_failed_dial_is_not_held_against_the_phone():
    counters = Counters(attempts=3, dial_failures=400)
    decision = decision_for("n3", "restart", counters=counters)
    assert decision.action == "restart"
    assert decision.attempts == 3
    assert seconds(decision) == 60


def test_replaced_is_tried_once_and_then_held():
    first = decision_for("r1", "restart")
    assert first.action == "wait"
    assert 40 <= seconds(first) <= 80
    again = Counters(replaced_at=NOW - timedelta(minutes=14))
    assert decision_for("r1", "restart", counters=again).action == "hold"
    later = Counters(replaced_at=NOW - timedelta(minutes=16))
    assert decision_for("r1", "restart", counters=later).action == "wait"


def test_a_ban_waits_for_its_date_and_a_margin():
    ends = NOW + timedelta(hours=1)
    waits = decision_for("b1", "wait", ban_ends=ends)
    assert waits.at == ends + timedelta(minutes=5)
    late = decision_for("b1", "wait", ban_ends=ends, rng=FullJitter())
    assert late.at < ends + timedelta(minutes=15)
    assert seconds(decision_for("b6", "wait")) == 86400 + 300


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 5), (2, 15), (3, 60)])
def test_a_refused_connection_is_retried_rarely(attempts, minutes):
    decision = decision_for("f1", "restart", counters=Counters(attempts=attempts))
    assert (decision.action, seconds(decision)) == ("wait", minutes * 60)


def test_a_refused_connection_is_held_in_the_end():
    decision = decision_for("f1", "restart", counters=Counters(attempts=4))
    assert decision.action == "hold"


def test_the_numbers_of_refusals_and_bans_are_settings():
    rules = Rules(
        refused_retries=(timedelta(seconds=7),),
        ban_margin=timedelta(seconds=10),
        ban_without_date=timedelta(seconds=100),
        replaced_retry=timedelta(seconds=30),
        outdated_retry=timedelta(seconds=40),
    )
    assert seconds(decision_for("f2", "restart", rules=rules)) == 7
    once = Counters(attempts=1)
    assert decision_for("f2", "restart", rules=rules, counters=once).action == "hold"
    assert seconds(decision_for("b6", "wait", rules=rules)) == 110
    longest = seconds(decision_for("b6", "wait", rules=rules, rng=FullJitter()))
    assert 129 < longest < 130
    assert seconds(decision_for("r1", "restart", rules=rules)) == 20
    assert seconds(decision_for("o1", "wait", rules=rules)) == 40


def test_an_overloaded_server_is_asked_every_quarter_of_an_hour_for_ever():
    decision = decision_for("f3", "ride", counters=Counters(attempts=9))
    assert (decision.action, decision.rule) == ("wait", "overloaded")
    assert (seconds(decision), decision.attempts) == (900, 9)


@pytest.mark.parametrize("action", ["hold", "relink"])
def test_the_catalogue_decides_when_it_says_hold_or_relink(action):
    decision = decision_for("u1", action)
    assert (decision.action, decision.at) == (action, None)
