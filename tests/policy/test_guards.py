"""What happens too often has its own answer: pure functions over the phone's past."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.policy.causes import CAUSES
from sessions.policy.counters import (
    MAX_KEPT,
    Counters,
    Loss,
    losses_from,
    moments_from,
)
from sessions.policy.reconnect import NO_FLAPS, NO_LOSSES, decide, guard
from sessions.policy.rules import Rules

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
RULES = Rules()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
moments = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=3)).map(
    lambda age: NOW - age
)


def lost(cause: str, times: int, *, apart: timedelta = MINUTE) -> Counters:
    """The last loss is now."""
    losses = [Loss(cause, NOW - n * apart) for n in range(times)]
    return Counters(attempts=1, losses=tuple(reversed(losses)))


def came_back(times: int, *, ago: timedelta = MINUTE) -> Counters:
    return Counters(attempts=1, reconnects=(NOW - ago,) * times)


def decision(cause: str, counters: Counters, rules: Rules = RULES):
    return decide(
        cause,
        CAUSES[cause].action,
        counters=counters,
        now=NOW,
        rng=random.Random(1),
        rules=rules,
    )


REPEATS = [
    ("s3", 3, "hold", "stream_errors"),
    ("s4", 3, "restart", "stream_errors"),
    ("l2", 5, "hold", "crashing"),
    ("l3", 2, "hold", "store"),
]


@pytest.mark.parametrize(("cause", "limit", "action", "rule"), REPEATS)
def test_a_cause_that_repeats_is_answered_by_its_rule(cause, limit, action, rule):
    before = decision(cause, lost(cause, limit - 1))
    assert (before.action, before.rule) == ("restart", "backoff")
    at_last = decision(cause, lost(cause, limit))
    assert (at_last.action, at_last.rule, at_last.anew) == (action, rule, True)
    assert (at_last.at is None) == (action == "hold")


@pytest.mark.parametrize(("cause", "limit", "action", "rule"), REPEATS)
def test_what_is_older_than_the_window_does_not_count(cause, limit, action, rule):
    slowly = lost(cause, limit, apart=RULES.repeat_window / (limit - 1))
    assert decision(cause, slowly).rule == "backoff"


@pytest.mark.parametrize(("cause", "limit", "action", "rule"), REPEATS)
def test_losses_for_other_causes_do_not_count(cause, limit, action, rule):
    assert decision(cause, lost("n1", 40)).rule == "backoff"


def test_every_limit_is_a_setting():
    rules = Rules(stream_error_limit=2, crash_limit=2, flaps=2)
    assert guard("s3", counters=lost("s3", 2), now=NOW, rules=rules)
    assert guard("l2", counters=lost("l2", 2), now=NOW, rules=rules)
    assert guard("n1", counters=came_back(2), now=NOW, rules=rules)
    short = Rules(flap_window=SECOND, repeat_window=SECOND)
    assert not guard("n1", counters=came_back(9), now=NOW, rules=short)
    assert not guard("s3", counters=lost("s3", 9), now=NOW, rules=short)


@pytest.mark.parametrize("cause", ["n1", "n2", "s1", "s2", "s3", "s4", "l2", "hung"])
def test_a_connection_that_flaps_is_paused(cause):
    assert decision(cause, came_back(5)).rule == "backoff"
    paused = decision(cause, came_back(6))
    assert (paused.action, paused.rule, paused.cause) == (
        "wait",
        "flapping",
        "flapping",
    )
    assert (paused.at, paused.attempts) == (NOW + 30 * MINUTE, 1)
    assert paused.anew
    assert decision(cause, came_back(6, ago=60 * MINUTE)).rule == "backoff"


@pytest.mark.parametrize(
    ("cause", "rule"),
    [
        ("n3", "unreachable"),
        ("lease_lost", "lease"),
        ("b1", "ban"),
        ("r1", "replaced_once"),
        ("o1", "outdated"),
        ("f1", "refused"),
        ("f3", "overloaded"),
        ("u1", "relink"),
        ("vanished", "hold"),
    ],
)
def test_a_cause_with_a_rule_of_its_own_does_not_flap(cause, rule):
    assert decision(cause, came_back(40)).rule == rule


def test_a_person_and_our_own_servers_make_no_reconnects():
    assert {"stopped_by_person", "restarted_by_person", "started"} <= NO_LOSSES
    assert {"lease_lost", "host_lost", "host_stopped"} <= NO_LOSSES & NO_FLAPS
    assert NO_LOSSES - {""} <= set(CAUSES)
    assert not NO_LOSSES & {"n1", "n2", "s3", "l2", "hung"}


@given(st.lists(moments, max_size=80))
def test_reconnects_are_counted_within_the_window_alone(ats):
    counters = Counters()
    for at in sorted(ats):
        counters = counters.with_reconnect(now=at, rules=RULES)
    within = sum(NOW - at < RULES.flap_window for at in ats)
    assert counters.reconnected(now=NOW, rules=RULES) == min(within, MAX_KEPT)
    assert len(counters.reconnects) <= MAX_KEPT


@given(st.lists(st.tuples(st.sampled_from(["n1", "s3", "l2"]), moments), max_size=80))
def test_the_past_is_kept_as_json_and_stays_short(told):
    counters = Counters()
    for cause, at in sorted(told, key=lambda loss: loss[1]):
        counters = counters.with_loss(cause, now=at, rules=RULES)
    kept = counters.lists
    assert losses_from(kept["losses"]) == counters.losses
    assert moments_from(kept["reconnects"]) == counters.reconnects
    assert len(counters.losses) <= MAX_KEPT
    if told:
        newest = counters.losses[-1].at
        assert all(newest - loss.at < RULES.repeat_window for loss in counters.losses)


@given(
    st.sampled_from(sorted(CAUSES)),
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from(["s3", "s4", "l2", "l3"]), moments)),
    st.lists(moments),
)
def test_a_decision_has_a_date_or_needs_a_person(cause, attempts, told, reconnects):
    losses = tuple(Loss(name, at) for name, at in told)
    past = Counters(attempts, losses=losses, reconnects=tuple(reconnects))
    found = decision(cause, past)
    assert (found.at is None) == (found.action in {"hold", "relink"})
    assert found.at is None or found.at >= NOW
    assert (found.action == "relink") == (CAUSES[cause].action == "relink")
