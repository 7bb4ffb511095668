"""What a finding tells beside its cause."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions.policy.causes import sentence
from sessions.policy.classify import classify
from tests.policy.signals import (
    AT,
    JID,
    NOTHING,
    NOW,
    NUMBER,
    ONLINE,
    context,
    line,
    log,
    raised,
)


def test_a_ban_ends_at_its_date():
    found = classify(line("temporary_ban", code=104, expire=7200), NOTHING)
    assert found.values["time"] == "2026-11-22T16:00:00+00:00"
    assert found.values["ban_code"] == 104
    assert "same text" in sentence(found.cause, found.values)


def test_a_ban_without_a_date_lasts_a_day():
    found = classify(line("temporary_ban", code=101, expire=0), NOTHING)
    assert found.values["time"] == "2026-11-23T14:00:00+00:00"


@pytest.mark.parametrize("space", [" ", "\u00a0"])
def test_an_unknown_ban_is_read_from_the_log(space):
    node = '<failure code="199" expire="3600" location="frc" reason="402"/>'
    known = context(log("old"), log(f"Temporary ban connect failure: {node}"))
    text = f"proto:{space}required field neonize.TemporaryBan.Code not set"

    found = classify(raised(text), known)

    assert (found.cause, found.code) == ("b6", 402)
    assert found.values == {
        "code": 402,
        "ban_code": 199,
        "time": "2026-11-22T15:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("expire", "seconds"),
    # Longer numbers are masked in the log: the least that it can have been.
    [("3600", 3600), ("999999", 999999), ("2592000", 2592000), ("25***00", 2500000)],
)
def test_an_expiry_is_read_from_the_log_masked_or_not(expire, seconds):
    node = f'<failure code="199" expire="{expire}" reason="402"/>'
    known = context(log(f"Temporary ban connect failure: {node}"))
    found = classify(raised("required field neonize.TemporaryBan.Code not set"), known)
    assert found.values["time"] == (NOW + timedelta(seconds=seconds)).isoformat()


def test_a_ban_of_an_earlier_start_is_not_taken_from_the_log():
    node = '<failure code="199" expire="60" reason="402"/>'
    known = context(log(f"Temporary ban connect failure: {node}", age=3600))
    found = classify(raised("required field neonize.TemporaryBan.Code not set"), known)
    assert "ban_code" not in found.values


def test_an_unknown_refusal_is_read_from_the_log():
    known = context(log('Unknown connect failure: <failure reason="415"/>'))
    text = "proto:\u00a0required field neonize.ConnectFailure.Reason not set"
    found = classify(raised(text), known)
    assert (found.cause, found.code, found.message) == (
        "f2",
        415,
        "connect failure 415",
    )


def test_silence_is_counted_in_seconds():
    event = line("keepalive_timeout", error_count=3, last_success=AT - 91)
    found = classify(event, ONLINE)
    assert found.values["seconds"] == 91
    assert "for 91 s" in sentence(found.cause, found.values)


def test_silence_since_ever_names_no_seconds():
    event = line("keepalive_timeout", error_count=1, last_success=0)
    assert "seconds" not in classify(event, ONLINE).values


def test_the_wrong_number_is_named_to_people_and_masked_in_the_evidence():
    event = line("pair_status", status="SUCCESS", jid=JID)
    found = classify(event, context(expected_number="77010000000"))

    assert found.values["actual"] == NUMBER
    assert f"Number {NUMBER} was linked" in sentence(found.cause, found.values)
    assert NUMBER not in str(found.evidence) + found.message


def test_the_evidence_has_the_fields_and_the_last_20_log_lines_masked():
    logs = [log(f"line {n} of {NUMBER}", age=30 - n) for n in range(25)]
    found = classify(line("stream_error", code="516", tag="x"), context(*logs))

    assert found.evidence["fields"]["code"] == "516"
    assert len(found.evidence["log"]) == 20
    assert (
        "13:59:35 WARNING whatsmeow.Client line 5 of 77***62" in found.evidence["log"]
    )


def test_the_text_of_a_connect_error_is_kept_as_evidence():
    found = classify(raised(f"failed to dial for {NUMBER}"), NOTHING)
    assert found.evidence["fields"]["error"] == "failed to dial for 77***62"
    assert found.message == "failed to dial for 77***62"
