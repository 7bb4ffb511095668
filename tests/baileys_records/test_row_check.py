"""Each check of Baileys' rows: sound rows, exactly that damaged, exactly that id."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.row_check import check_rows
from sessions.baileys.to_whatsmeow import convert
from sessions.policy.auth_findings import Severity, Verdict, verdict_of
from sessions.policy.baileys_check_texts import ADVICE, LOOKS_AT, SENTENCES, sentence
from sessions.policy.baileys_checks import SEVERITIES, found
from tests.baileys_records.damages import (
    DAMAGE,
    SESSION,
    another,
    creds_of,
    few_prekeys,
    halves_of_two_writes,
    no_open_state,
    open_state,
    sound,
)
from tests.baileys_records.made_up import (
    LINKED_AT,
    NUMBER,
    made_up_phone,
)


@pytest.mark.parametrize("lid", ["", "188877766655544"])
@pytest.mark.parametrize("hosted", [False, True])
def test_sound_rows_are_healthy(lid, hosted):
    phone = made_up_phone(
        sessions=40, sender_keys=6, app_state_versions=3, lid=lid, hosted=hosted
    )
    assert check_rows(phone) == []


@pytest.mark.parametrize(
    ("check", "damage"),
    [(check, damage) for check, them in DAMAGE.items() for damage in them],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_exactly_that_damage_is_found(check, damage):
    phone = sound()
    assert check_rows(phone) == []
    damage(phone)
    (finding,) = check_rows(phone)
    assert (finding.check, finding.severity) == (check, SEVERITIES[check])
    told = sentence(finding)
    assert "…" not in told and NUMBER not in told and "7701" not in told


def test_an_account_block_of_another_link_breaks_both_signatures():
    phone = sound()
    creds_of(phone)["account"] = creds_of(another())["account"]
    assert [finding.check for finding in check_rows(phone)] == ["b07", "b08"]


def test_every_check_has_its_damage_and_its_words():
    assert set(DAMAGE) == set(SEVERITIES)
    assert set(SENTENCES) == set(LOOKS_AT) == set(ADVICE) == set(SEVERITIES)


def test_a_row_written_while_clocks_differ_is_kept():
    phone = sound()
    phone.updated[SESSION] = LINKED_AT - timedelta(minutes=5)
    assert check_rows(phone) == []


def test_a_phone_that_never_sent_its_app_state_lacks_nothing():
    phone = made_up_phone(app_state_keys=0)
    assert "myAppStateKeyId" not in creds_of(phone)
    assert check_rows(phone) == []


@pytest.mark.parametrize("with_base", [False, True])
def test_what_is_given_back_to_baileys_is_healthy(with_base):
    phone = sound()
    rows = convert(phone, lid_map={}).rows
    back = convert_back(rows, base=phone.rows if with_base else None)
    phone.rows, phone.updated = back.rows, {}
    assert check_rows(phone) == []


def test_the_worst_comes_first_and_decides():
    phone = sound()
    few_prekeys(phone)
    no_open_state(phone)
    assert [finding.check for finding in check_rows(phone)] == ["b20", "b31"]
    assert verdict_of(check_rows(phone)) is Verdict.SUSPICIOUS
    halves_of_two_writes(phone)
    assert [finding.severity for finding in check_rows(phone)] == [Severity.FATAL]


def test_damage_is_counted_and_told_by_its_kinds():
    phone = sound()
    for key in [key for key in phone.rows if re.match(r"session-7701", key)][:3]:
        open_state(phone, key)["indexInfo"]["closed"] = 1
    (finding,) = check_rows(phone)
    assert finding == found("b20", count=3, wrong="0 open states")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["_sessions", "me", "id", "account", "version", "hash"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(sorted(sound().rows)) | st.text(max_size=20)


@given(changes=st.dictionaries(KEYS, ANYTHING, max_size=6))
def test_no_rows_make_the_check_raise(changes):
    phone = sound()
    phone.rows |= changes
    assert all(sentence(finding) for finding in check_rows(phone))


@given(field=st.sampled_from(sorted(sound().rows["creds"])), value=ANYTHING)
def test_no_creds_make_the_check_raise(field, value):
    phone = sound()
    creds_of(phone)[field] = value
    assert all(sentence(finding) for finding in check_rows(phone))
