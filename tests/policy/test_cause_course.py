"""What follows a cause, in the order in which the policy decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sessions.policy.cause_course import course, rules_in_force
from sessions.policy.causes import CAUSES
from sessions.policy.reconnect import Rules
from sessions.policy.rule_texts import RULES


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("u1", ["relink"]),
        ("u5", ["link_shut", "relink"]),
        ("b1", ["ban"]),
        ("r1", ["replaced_once", "replaced_twice"]),
        ("o1", ["outdated", "incident"]),
        ("f1", ["refused", "incident"]),
        ("n1", ["ride", "backoff", "slow_lane", "flapping", "incident"]),
        ("f3", ["overloaded", "incident"]),
        ("s1", ["backoff", "slow_lane", "flapping"]),
        ("n3", ["unreachable", "incident"]),
        ("n4", ["incident"]),
        ("s3", ["ride", "backoff", "stream_errors", "flapping"]),
        ("l2", ["backoff", "crashing", "flapping"]),
        ("l3", ["backoff", "store", "flapping"]),
        ("lease_lost", ["lease"]),
        ("vanished", ["hold"]),
        ("q1", []),
        ("stopped_by_person", []),
    ],
)
def test_the_rules_come_in_the_order_of_the_policy(cause, words):
    assert list(course(cause, Rules())) == words


def test_a_setting_changes_the_course():
    rules = replace(Rules(), slow_lane_holds=True, max_attempts=2)
    assert "attempts_spent" in course("n1", rules)
    assert "slow_lane" not in course("n1", rules)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_rule_of_a_course_has_words(cause):
    assert set(course(cause, Rules())) <= set(RULES)


def test_the_rules_in_force_are_those_of_the_settings(settings):
    settings.WHATSAPP_MAX_ATTEMPTS = 3
    assert rules_in_force() == replace(Rules(), max_attempts=3)
