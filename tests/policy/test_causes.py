from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from sessions.policy.cause_texts import NETWORK_WORDS, SENTENCES, TITLES
from sessions.policy.causes import CAUSES, MISSING, sentence, title

LOGGED_OUT = {"u1", "u2", "u3", "u4", "u5", "l1"}


def test_only_a_logout_kills_the_keys():
    assert {c.id for c in CAUSES.values() if c.credentials == "dead"} == LOGGED_OUT


@pytest.mark.parametrize("code", [408, 428, 440, 500, 503, 515, 405, 402, 463])
def test_no_other_code_asks_for_a_scan(code):
    actions = {c.action for c in CAUSES.values() if c.code == code}
    assert actions
    assert "relink" not in actions


def test_every_cause_has_its_texts_and_no_text_is_left_over():
    assert list(SENTENCES) and set(SENTENCES) == set(TITLES) == set(CAUSES)
    assert all(cause_id == cause.id for cause_id, cause in CAUSES.items())
    assert all(cause_id == cause_id.lower() for cause_id in CAUSES)


def test_titles_are_different():
    assert len({title(cause_id) for cause_id in CAUSES}) == len(CAUSES)


def test_409_holds_at_once_and_other_refusals_restart():
    assert CAUSES["f1"].action_for(409) == "hold"
    assert CAUSES["f1"].action_for(400) == "restart"
    assert CAUSES["f1"].action_for(None) == "restart"


@pytest.mark.parametrize("cause_id", CAUSES)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_sentence_without_its_values_shows_an_ellipsis(cause_id, language):
    named = re.findall(r"%\((\w+)\)s", str(CAUSES[cause_id].sentence))
    with override(language):
        text = sentence(cause_id, {})
    assert text.count(MISSING) == len(named)
    assert "%(" not in text


def test_the_sentence_shows_its_values():
    text = sentence("f1", {"code": 400, "time": "2026-11-22T14:05:00+00:00"})
    assert "(code 400)" in text
    assert re.search(r"at 2026-11-2[123] \d\d:\d5\.$", text)


def test_a_moment_is_shown_in_the_time_of_the_server():
    at = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    shown = at.astimezone().strftime("%Y-%m-%d %H:%M")
    assert shown in sentence("b1", {"time": at})
    assert shown in sentence("b1", {"time": at.isoformat()})


def test_a_network_word_is_said_in_words():
    for word, said in NETWORK_WORDS.items():
        assert f"({said})" in sentence("n3", {"detail": word})
    assert "(EHOSTDOWN)" in sentence("n3", {"detail": "EHOSTDOWN"})


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        {"time": "soon"},
        {"time": None},
        {"time": 5},
        {"time": "0001-01-01T00:00"},
        {"x": object()},
    ],
)
@pytest.mark.parametrize("cause_id", ["b1", "zz", "", "U1"])
def test_a_sentence_never_raises(cause_id, values):
    assert sentence(cause_id, values)


def test_an_unknown_cause_is_its_own_title():
    assert title("zz") == "zz"
