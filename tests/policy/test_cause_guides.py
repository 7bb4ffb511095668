"""The guides: complete, in both languages, with the numbers of the settings."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils.translation import override

from sessions.policy.cause_groups import GROUPS, GUIDES, PARTS, advice
from sessions.policy.causes import CAUSES
from sessions.policy.rule_texts import (
    ACTIONS,
    CREDENTIALS,
    RULES,
    held_sentence,
    rule_in_words,
)
from sessions.policy.spelled_numbers import span, spelled


def test_every_cause_has_a_guide_and_belongs_to_one_group():
    assert sum(len(group.guides) for group in GROUPS) == len(GUIDES)
    assert set(GUIDES) == set(CAUSES)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("cause_id", CAUSES)
def test_a_guide_has_four_parts_of_whole_sentences(cause_id, language):
    with override(language):
        parts = advice(cause_id)
    assert list(parts) == [part for part, _title in PARTS]
    for text in parts.values():
        assert text.endswith(".") and "%(" not in text
        assert len(re.findall(r"[.!?](?:\s|$)", text)) <= 4, text


def test_an_unknown_cause_has_no_guide():
    assert advice("zz") == {}


def test_a_number_is_the_one_of_the_setting(settings):
    settings.WHATSAPP_LINK_SHUT = timedelta(hours=5)
    settings.WHATSAPP_FLAPS = 77
    settings.WHATSAPP_REFUSED_RETRIES = (timedelta(seconds=7), timedelta(minutes=3))
    assert "5 h" in advice("u5")["we_do"]
    assert "77 times" in advice("flapping")["meaning"]
    assert "after 7 s, 3 min, then" in rule_in_words("refused")


def test_no_guide_types_a_number_that_is_a_setting():
    for guide in GUIDES.values():
        for part, _title in PARTS:
            text = str(getattr(guide, part))
            found = re.findall(r"\d+ ?(?:s|min|h|days?|seconds|minutes|hours)\b", text)
            assert found == [], text


def test_every_number_is_used_and_none_is_missing():
    texts = [str(getattr(g, part)) for g in GUIDES.values() for part, _title in PARTS]
    texts += map(str, RULES.values())
    named = set(re.findall(r"%\((\w+)\)s", " ".join(texts)))
    assert named == set(spelled())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "0.5 s"),
        (60, "60 s"),
        (160, "160 s"),
        (300, "5 min"),
        (3600, "60 min"),
        (86400, "24 h"),
        (10 * 86400, "10 days"),
    ],
)
def test_a_span_is_said_in_the_unit_that_fits(seconds, said):
    assert span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize("word", RULES)
def test_every_rule_is_said_in_words(word):
    said = rule_in_words(word)
    assert said and "%(" not in said


def test_a_new_rule_is_shown_by_its_name():
    assert rule_in_words("brand_new") == "brand_new"


def test_every_action_and_state_of_the_keys_has_words():
    assert {cause.action for cause in CAUSES.values()} == set(ACTIONS)
    assert {cause.credentials for cause in CAUSES.values()} == set(CREDENTIALS)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("l2", "Held after “process crashed”; press Start to try again."),
        ("f1", "Held after “connection refused”; press Start to try again."),
        ("r1", "Another program is using the same session"),
        ("vanished", "The session's keys vanished"),
        ("zz", "The session ended for a reason we do not know."),
    ],
)
def test_a_held_phone_is_not_said_to_come_back(cause, said):
    assert held_sentence(cause, {}).startswith(said)
