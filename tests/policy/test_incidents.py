"""When failures are one incident, who waits for it, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.models import Incident
from sessions.policy.causes import BAN_CAUSES, CAUSES
from sessions.policy.incidents import (
    FAMILIES,
    WAITING,
    Counted,
    IncidentRules,
    enough,
    given_back,
    is_over,
    kind_of,
    may_join,
    pause_of,
    proves_over,
    scope_of,
    settles,
    slower,
    waits_for,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULES = IncidentRules()
KINDS = st.sampled_from(sorted(FAMILIES))
CAUSE = st.sampled_from(sorted(CAUSES))
HOSTS = st.sampled_from(["one", "two", "three"])
FLEETS = st.dictionaries(st.integers(1, 60), HOSTS, max_size=60)


def test_families_are_of_the_catalogue_and_do_not_overlap():
    causes = [cause for family in FAMILIES.values() for cause in family]
    assert len(causes) == len(set(causes))
    assert set(causes) <= set(CAUSES)
    assert set(FAMILIES) == set(Incident.Kind.values)


@given(failed=st.integers(0, 500), running=st.integers(0, 500))
def test_a_few_phones_or_a_small_share_are_no_incident(failed, running):
    expected = failed >= 3 and failed >= running / 5
    assert enough(failed, running, RULES) == expected


@given(running=FLEETS, failed=FLEETS, kind=KINDS, here=HOSTS)
def test_one_host_of_several_does_not_make_an_incident_of_the_fleet(
    running, failed, kind, here
):
    scope = scope_of(kind, failed, running, here=here, rules=RULES)
    hosts = set({**running, **failed}.values())
    if scope == "fleet" and kind != "outdated":
        assert len(failed) >= 3
        assert len(hosts) == 1 or len(set(failed.values())) > 1
    if scope == "host":
        assert sum(host == here for host in failed.values()) >= 3


@given(running=FLEETS, failed=FLEETS, kind=KINDS, here=HOSTS)
def test_failing_more_never_ends_an_incident(running, failed, kind, here):
    """With every running phone failed, three phones are enough."""
    everybody = {**running, **failed}
    scope = scope_of(kind, everybody, everybody, here=here, rules=RULES)
    if len(everybody) >= 3:
        assert scope == "fleet"


def test_all_phones_of_one_host_out_of_two_are_its_own_incident():
    one = dict.fromkeys(range(10), "one")
    both = one | dict.fromkeys(range(10, 20), "two")
    assert scope_of("unreachable", one, both, here="one", rules=RULES) == "host"
    assert scope_of("unreachable", one, both, here="two", rules=RULES) is None
    assert scope_of("unreachable", one, one, here="one", rules=RULES) == "fleet"
    spread = {0: "one", 1: "one", 10: "two", 11: "two"}
    assert scope_of("unreachable", spread, both, here="two", rules=RULES) == "fleet"


def test_what_the_library_dials_again_for_has_longer_than_a_start_that_failed():
    assert settles("o1") == 0 < settles("n3") < 2 < settles("n1") == settles("n2")


def test_a_single_405_stops_the_fleet():
    many = dict.fromkeys(range(100), "one")
    assert scope_of("outdated", {5: "one"}, many, here="one", rules=RULES) == "fleet"
    assert scope_of("outdated", {}, many, here="one", rules=RULES) is None


@given(kind=KINDS, cause=CAUSE)
def test_bans_logouts_and_replacements_keep_their_own_course(kind, cause):
    if cause in (*BAN_CAUSES, "u1", "u2", "r1"):
        assert not waits_for(kind, cause)
        assert not may_join(kind, cause, "ban")


@given(kind=KINDS, cause=CAUSE)
def test_phones_wait_for_their_own_kind_only_and_all_for_a_new_version(kind, cause):
    if waits_for(kind, cause):
        assert kind in WAITING
        assert kind in ("outdated", kind_of(cause)) or cause == "hung"
    if kind_of(cause) in WAITING:
        assert waits_for(kind_of(cause), cause)
        assert waits_for("outdated", cause)


def test_any_answer_of_whatsapp_ends_what_was_unreachable():
    for cause in ("u1", "u2", "b1", "r1", "o1", "f1"):
        assert proves_over("unreachable", cause)
        assert not proves_over("outdated", cause)
    for cause in ("n1", "n3", "l2", "hung", "lease_lost"):
        assert not proves_over("unreachable", cause)


@given(kind=KINDS)
def test_only_waiting_kinds_have_a_canary_and_a_new_version_is_asked_for_rarely(kind):
    pause = pause_of(kind, RULES)
    assert (pause is None) == (kind not in WAITING)
    if pause is not None:
        half_an_hour = timedelta(minutes=30)
        assert pause == (half_an_hour if kind == "outdated" else timedelta(seconds=15))


@given(
    kind=KINDS,
    members=st.integers(0, 5),
    age=st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_it_ends_by_itself_only_when_nobody_is_in_it_or_nothing_more_fails(
    kind, members, age
):
    over = is_over(kind, members=members, last_at=NOW - age, now=NOW, rules=RULES)
    if kind in WAITING:
        assert over == (members == 0 and age > RULES.window)
    else:
        assert over == (age > RULES.quiet)


RULE_WORDS = st.sampled_from(
    ["backoff", "unreachable", "refused", "slow_lane", "outdated", "overloaded", "ride"]
)


@given(rule=RULE_WORDS, attempts=st.integers(0, 12), dials=st.integers(0, 12))
def test_a_failure_that_was_the_incidents_is_given_back(rule, attempts, dials):
    counted = given_back(rule, Counted(attempts, dials))
    assert attempts - 1 <= counted.attempts <= attempts
    assert dials - 1 <= counted.dial_failures <= dials
    assert min(counted.attempts, counted.dial_failures) >= 0
    spent = {"backoff", "refused", "slow_lane"}
    assert counted.attempts == (max(0, attempts - 1) if rule in spent else attempts)


@pytest.mark.parametrize(
    ("usual", "limit", "rate"), [(4, 2, 2), (1, 2, 1), (0, 2, 2), (4, 0, 4), (0, 0, 0)]
)
def test_the_start_budget_of_an_incident_is_the_smaller_one(usual, limit, rate):
    assert slower(usual, limit) == rate
