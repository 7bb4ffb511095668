"""What must be told of a phone: pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from phones.models import Status
from sessions.alerts.troubles import Kind, PhoneSeen, compare, phone_troubles

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATIENCE = timedelta(minutes=5)
LONG_AGO = NOW - timedelta(hours=1)

UP = PhoneSeen(
    phone_id=5,
    organization_id=1,
    status=Status.CONNECTED,
    cause="",
    values={},
    rule="",
    since=LONG_AGO,
    wanted=True,
    linked=True,
    served=True,
)
DOWN = replace(
    UP, status=Status.DISCONNECTED, cause="n2", rule="backoff", down_since=LONG_AGO
)
HELD = replace(DOWN, status=Status.HELD, cause="r1", rule="replaced_twice")
LOGGED_OUT = replace(DOWN, status=Status.LOGGED_OUT, cause="u1", linked=False)
BANNED = replace(DOWN, status=Status.WAITING, cause="b2", rule="ban")
SLOW = replace(DOWN, status=Status.WAITING, cause="n2", rule="slow_lane")


def told(phone, *opened):
    """Kinds that are told of it, while alerts of these kinds are open."""
    keys = [(kind, phone.subject) for kind in opened]
    found = phone_troubles(phone, keys, now=NOW, patience=PATIENCE)
    return [trouble.kind for trouble in found]


@pytest.mark.parametrize(
    ("phone", "kinds"),
    [
        (UP, []),
        (replace(UP, status=Status.UNPROVEN), []),
        (HELD, [Kind.HELD]),
        (LOGGED_OUT, [Kind.LOGGED_OUT]),
        (replace(LOGGED_OUT, cause="keys_lost"), [Kind.LOGGED_OUT]),
        (BANNED, [Kind.BANNED]),
        (SLOW, [Kind.SLOW_LANE]),
        (DOWN, [Kind.DOWN]),
        (replace(UP, served=False, down_since=LONG_AGO), [Kind.DOWN]),
        (replace(DOWN, down_since=NOW - timedelta(minutes=4)), []),
        (replace(DOWN, waits_for=7), []),
        (replace(DOWN, status=Status.NEW, linked=False), []),
        (replace(DOWN, linked=False), []),
    ],
)
def test_each_trouble_is_told_once(phone, kinds):
    assert told(phone) == kinds
    assert told(phone, *kinds) == kinds


@pytest.mark.parametrize("phone", [HELD, LOGGED_OUT, BANNED, SLOW, DOWN])
def test_what_a_person_took_out_of_service_is_no_trouble(phone):
    assert told(replace(phone, wanted=False), Kind.DOWN, Kind.HELD) == []


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (Status.HELD, "held_by_person"),
        (Status.LOGGED_OUT, "l1"),
        (Status.LOGGED_OUT, "cleared_by_person"),
        (Status.LOGGED_OUT, "keys_cleared"),
    ],
)
def test_what_a_person_did_is_not_told(status, cause):
    phone = replace(LOGGED_OUT, status=status, cause=cause)
    assert told(phone) == []


def test_a_scan_that_fails_does_not_end_the_alert_of_a_logged_out_phone():
    """It would be told as over, and as new again."""
    for phone in (
        replace(LOGGED_OUT, status=Status.PAIRING, cause=""),
        replace(LOGGED_OUT, cause="q1"),
    ):
        assert told(phone, Kind.LOGGED_OUT) == [Kind.LOGGED_OUT]
        assert told(phone) == []
    linked = replace(UP, status=Status.CONNECTING, down_since=NOW)
    assert told(linked, Kind.LOGGED_OUT) == []


@pytest.mark.parametrize("kind", [Kind.SLOW_LANE, Kind.BANNED, Kind.DOWN])
def test_a_phone_on_its_way_up_is_not_well_yet(kind):
    trying = replace(UP, status=Status.CONNECTING, cause="started", down_since=NOW)
    assert told(trying, kind) == [kind]
    assert told(UP, kind) == []


def test_a_phone_that_was_down_and_is_held_then_stays_down():
    """“Over: not connected” would be a lie."""
    assert told(HELD, Kind.DOWN) == [Kind.HELD, Kind.DOWN]


def test_a_phone_without_any_server_says_so():
    (trouble,) = phone_troubles(
        replace(UP, served=False, down_since=LONG_AGO, any_host=False),
        (),
        now=NOW,
        patience=PATIENCE,
    )
    assert trouble.cause == "no_host"
    assert trouble.since == LONG_AGO


def test_an_incident_tells_of_its_phones():
    for phone in (HELD, LOGGED_OUT, BANNED):
        (trouble,) = phone_troubles(
            replace(phone, told_by=7), (), now=NOW, patience=PATIENCE
        )
        assert trouble.incident_id == 7


def test_warnings_are_told_of_stopped_phones_too_and_an_alarm_once_more():
    since = (NOW - timedelta(days=1)).isoformat()
    warned = replace(
        UP,
        wanted=False,
        warnings={"p1": {"since": since, "level": "warning"}, "d1": {}},
    )
    alarmed = replace(warned, warnings={"p1": {"since": since, "level": "alarm"}})

    def subjects(phone):
        found = phone_troubles(phone, (), now=NOW, patience=PATIENCE)
        return [trouble.subject for trouble in found]

    assert subjects(warned) == ["phone:5:p1", "phone:5:d1"]
    assert subjects(alarmed) == ["phone:5:p1", "phone:5:p1:alarm"]
    (first, _) = phone_troubles(warned, (), now=NOW, patience=PATIENCE)
    assert first.since == NOW - timedelta(days=1)


def test_a_comparison_raises_changes_and_ends():
    trouble = phone_troubles(HELD, (), now=NOW, patience=PATIENCE)[0]
    other = replace(trouble, subject="phone:6", cause="f1")

    found = compare(
        [trouble, other],
        {
            ("held", "phone:6"): (1, "r1", {}),
            ("down", "phone:6"): (2, "n2", {}),
        },
    )

    assert found.new == [trouble]
    assert found.changed == [(1, other)]
    assert found.over == [2]
    assert not compare([trouble], {trouble.key: (1, "r1", {})})
