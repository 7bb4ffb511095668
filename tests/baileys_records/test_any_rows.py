"""Rows that nobody promised: the converters refuse the phone, or lose one contact."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.auth.checks import check_rows
from sessions.auth.rows import Text
from sessions.baileys.buffer_json import dumps
from sessions.baileys.from_whatsmeow import NotConvertible, convert_back
from sessions.baileys.to_whatsmeow import convert
from sessions.policy.auth_findings import Severity
from tests.baileys_records.made_up import NUMBER, made_up_phone
from tests.baileys_records.strategies import JSON, damaged

PHONE = made_up_phone(sessions=4, prekeys=3, lid="188877766655544")
SOUND = convert(PHONE, lid_map={}, random_bytes=bytes)


def fatal(rows):
    findings = check_rows(rows, number=NUMBER)
    return [finding for finding in findings if finding.severity != Severity.NOTICE]


@settings(deadline=None, max_examples=150)
@given(rows=damaged(PHONE.rows))
def test_damage_ends_in_a_refusal_or_in_a_sound_store(rows):
    try:
        conversion = convert(replace(PHONE, rows=rows), lid_map={})
    except NotConvertible as refusal:
        assert refusal.finding.severity == Severity.FATAL
        return
    assert {finding.check for finding in fatal(conversion.rows)} <= SIGNATURES
    convert_back(SOUND.rows, base=rows)


# The converters leave signatures, and whose number it is, to the checks.
SIGNATURES = {"w09", "w12", "w13", "w14"}


@settings(deadline=None)
@given(
    rows=st.dictionaries(st.text() | st.sampled_from(sorted(PHONE.rows)), JSON),
    lid_map=st.dictionaries(st.text(), st.text()),
)
def test_garbage_beside_the_creds_is_left_out(rows, lid_map):
    garbage = rows | {"creds": PHONE.rows["creds"]}
    conversion = convert(replace(PHONE, rows=garbage), lid_map=lid_map)
    assert fatal(conversion.rows) == []


@settings(deadline=None)
@given(creds=JSON)
def test_garbage_for_creds_is_refused(creds):
    with pytest.raises(NotConvertible):
        convert(replace(PHONE, rows=PHONE.rows | {"creds": creds}), lid_map={})


VALUES = st.none() | st.integers() | st.binary() | st.binary().map(Text)


@settings(deadline=None, max_examples=150)
@given(draw=st.data())
def test_any_row_of_a_store_ends_in_a_refusal_or_is_lost(draw):
    rows = [(table, dict(row)) for table, row in SOUND.rows]
    _, row = draw.draw(st.sampled_from(rows))
    column = draw.draw(st.sampled_from(sorted(row)))
    row[column] = draw.draw(VALUES | records(row[column]))
    try:
        back = convert_back(rows, base=PHONE.rows)
    except NotConvertible as refusal:
        assert refusal.finding.severity == Severity.FATAL
        return
    dumps(back.rows)


def records(value):
    """Damaged ones, where the column holds JSON."""
    try:
        document = json.loads(value)
    except (TypeError, ValueError):
        return st.nothing()
    if not isinstance(document, dict):
        return st.nothing()
    written = damaged(document).map(lambda one: json.dumps(one, default=repr))
    return written.map(str.encode)


@pytest.mark.parametrize(
    "wrong",
    [
        {"SessionState": None},
        {"PreviousStates": 1.5},
        {"PreviousStates": {"0": None}},
        [],
        None,
    ],
)
def test_a_session_that_cannot_go_back_is_lost_alone(wrong):
    rows = [(table, dict(row)) for table, row in SOUND.rows]
    sessions = [row for table, row in rows if table == "whatsmeow_sessions"]
    whole = json.loads(sessions[0]["session"])
    broken = whole | wrong if isinstance(wrong, dict) else wrong
    sessions[0]["session"] = json.dumps(broken).encode()
    assert convert_back(rows, base=PHONE.rows).lost == {"session": 1}
