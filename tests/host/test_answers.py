"""What WhatsApp's answers to texts and queries do: warn, pause, or end the session."""

from __future__ import annotations

from datetime import timedelta

import pytest

from phones.models import Status
from sessions.host.errands import Errands
from tests.host.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def stage(tmp_path) -> Stage:
    stage = Stage.open(tmp_path)
    stage.connect()
    return stage


def unanswered(stage: Stage):
    return stage.line("result", id="x", ok=False, error="info query timed out")


def test_three_missing_answers_restart_the_session(stage: Stage):
    assert unanswered(stage) is None
    assert stage.log("Failed to upload prekeys: info query timed out") is None
    stage.settle(unanswered(stage))
    facts = stage.facts
    assert (stage.status, facts.cause) == (Status.DISCONNECTED, "i1")
    assert [row for row in stage.rows if row[1] == "i1"] == [
        ("error", "i1", 408),
        ("error", "i1", 408),
        ("disconnected", "i1", 408),
    ]


def test_missing_answers_of_an_earlier_time_do_not_count(tmp_path):
    stage = Stage.open(tmp_path, slow_answers_window=timedelta())
    stage.connect()
    assert [unanswered(stage) for _ in range(9)] == [None] * 9


def test_a_refused_new_chat_warns_and_the_session_goes_on(stage: Stage):
    error = "server returned error 463"
    assert stage.line("result", id="x", ok=False, error=error) is None
    assert stage.rows[-1] == ("error", "i2", 463)
    assert set(stage.facts.warnings["i2"]) == {"since", "time"}
    assert stage.status == Status.CONNECTED


def test_a_refused_text_in_a_chat_that_exists_limits_nothing(stage: Stage):
    """whatsmeow#1074: the token of this one chat is old."""
    stage.acquaintances = ("77010000002",)
    stage.episode.errands = Errands(stage.episode)
    stage.episode.errands.sending[7] = "77010000002"
    error = "server returned error 463"
    assert stage.line("result", id="7", ok=False, error=error) is None
    assert stage.rows[-1] == ("error", "i2", 463)
    assert stage.facts.warnings == {}


def test_too_many_sends_pause_what_is_sent(stage: Stage):
    error = "server returned error 429"
    assert stage.line("result", id="x", ok=False, error=error) is None
    assert stage.rows[-1] == ("error", "i3", 429)
    assert set(stage.facts.warnings) == {"sending_paused"}
    assert stage.status == Status.CONNECTED


def test_a_wrong_message_pauses_nothing(stage: Stage):
    error = "server returned error 479"
    assert stage.line("result", id="x", ok=False, error=error) is None
    assert stage.rows[-1] == ("error", "i3", 479)
    assert stage.facts.warnings == {}
