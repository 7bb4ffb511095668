"""Guards and watchdogs over recorded lines: what the facts say, and what follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from phones.models import Status
from sessions.host import wishes
from sessions.models import SessionFacts, Wish
from tests.host.stage import Stage, at_once

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
HOUR = timedelta(hours=1)


@pytest.fixture
def stage(tmp_path) -> Stage:
    stage = Stage.open(tmp_path)
    stage.connect()
    return stage


def flap(stage: Stage, times: int) -> None:
    for _ in range(times):
        assert stage.lose() is None
        stage.connect()


def test_the_first_login_is_no_reconnect(stage: Stage):
    assert stage.facts.reconnects == []


def test_the_seventh_loss_within_an_hour_pauses_the_phone(stage: Stage):
    flap(stage, 6)
    assert len(stage.facts.reconnects) == 6
    stage.settle(stage.lose())
    facts = stage.facts
    assert (stage.status, facts.cause, facts.rule) == (
        Status.WAITING,
        "flapping",
        "flapping",
    )
    pause = facts.next_at - timezone.now()
    assert timedelta(minutes=29) < pause <= timedelta(minutes=30)
    assert facts.cause_values == {"time": facts.next_at.isoformat()}
    assert (facts.reconnects, facts.losses, facts.attempts) == ([], [], 0)


def test_after_the_pause_counting_begins_anew(stage: Stage):
    flap(stage, 6)
    stage.settle(stage.lose())
    stage.connect()
    assert stage.facts.reconnects == []
    flap(stage, 6)
    assert stage.status == Status.CONNECTED


def test_reconnects_of_an_hour_ago_are_forgotten(stage: Stage):
    flap(stage, 6)
    stage.let_pass(HOUR)
    stage.connect()
    flap(stage, 1)
    assert len(stage.facts.reconnects) == 1


def test_returns_by_a_new_process_count_too(stage: Stage):
    for _ in range(6):
        stage.settle(stage.dies())
        stage.let_pass(timedelta(minutes=6))
        stage.connect()
    assert len(stage.facts.reconnects) == 6
    stage.settle(stage.dies())
    assert stage.facts.rule == "flapping"


@pytest.mark.parametrize(
    "cause", ["stopped_by_person", "restarted_by_person", "host_stopped", "lease_lost"]
)
def test_what_people_and_our_own_servers_end_is_no_flapping(stage: Stage, cause):
    for _ in range(9):
        SessionFacts.objects.filter(phone=stage.phone).update(cause=cause)
        stage.begin().connect()
    assert stage.facts.reconnects == []


@pytest.mark.parametrize("status", [Status.HELD, Status.WAITING, Status.STOPPED])
def test_a_persons_start_counts_from_zero(stage: Stage, status):
    now = timezone.now()
    flap(stage, 5)
    SessionFacts.objects.filter(phone=stage.phone).update(
        attempts=7, dial_failures=7, replaced_at=now, cause="n1", held_generation=1
    )
    stage.phone.status = status
    stage.phone.save()
    stage.begin()
    wish = Wish(phone=stage.phone, generation=2, desired=Wish.Desired.RUN)
    at_once(wishes.note(stage.scribe, wish))
    facts = stage.facts
    assert (facts.attempts, facts.dial_failures, facts.replaced_at) == (0, 0, None)
    assert (facts.losses, facts.reconnects) == ([], [])
    assert facts.held_generation is None
    stage.connect()
    assert stage.facts.reconnects == []  # it was no loss that it came back from


def test_a_connection_that_holds_for_a_while_resets_the_attempts(stage: Stage):
    stage.settle(stage.dies())
    SessionFacts.objects.filter(phone=stage.phone).update(dial_failures=3)
    stage.begin().connect()
    assert stage.facts.attempts == 1
    stage.rings("settled")
    facts = stage.facts
    assert (facts.attempts, facts.dial_failures) == (0, 0)
    assert len(facts.reconnects) == 1  # those have an hour


def test_a_third_stream_error_within_ten_minutes_holds(stage: Stage):
    for _ in range(2):
        stage.line("stream_error", code="516", tag="")
        assert stage.lose() is None
        stage.connect()
    stage.line("stream_error", code="516", tag="")
    stage.settle(stage.lose())
    facts = stage.facts
    assert (stage.status, facts.cause, facts.rule) == (
        Status.HELD,
        "s3",
        "stream_errors",
    )
    assert facts.held_generation == 1
    assert facts.next_at is None


def test_a_third_broken_stanza_restarts_the_process(stage: Stage):
    for _ in range(2):
        stage.line("stream_error", code="", tag="xml-not-well-formed")
        assert stage.lose() is None
        stage.connect()
    stage.line("stream_error", code="", tag="xml-not-well-formed")
    stage.settle(stage.lose())
    facts = stage.facts
    assert (stage.status, facts.rule) == (Status.DISCONNECTED, "stream_errors")
    assert facts.next_at is not None


def test_five_crashes_within_ten_minutes_hold_and_show_the_stack(stage: Stage):
    said = "noise\nfatal error: concurrent map writes\ngoroutine 7 [running]:\n"
    for n in range(4):
        stage.settle(stage.dies(-6, said))
        assert (stage.facts.rule, stage.facts.attempts) == ("backoff", n + 1)
    stage.settle(stage.dies(-6, said))
    facts = stage.facts
    assert (stage.status, facts.cause, facts.rule) == (Status.HELD, "l2", "crashing")
    assert facts.cause_values["reason"] == "fatal error: concurrent map writes"


def test_a_second_store_error_within_ten_minutes_holds(stage: Stage):
    def error():
        return stage.log("disk I/O error", level="ERROR", logger="Whatsmeow.Database")

    stage.settle(error())
    assert (stage.status, stage.facts.rule) == (Status.DISCONNECTED, "backoff")
    stage.connect()
    stage.settle(error())
    facts = stage.facts
    assert (stage.status, facts.cause, facts.rule) == (Status.HELD, "l3", "store")
    assert facts.cause_values["reason"] == "disk I/O error"


def test_an_overloaded_server_is_ridden_for_long_and_then_asked_rarely(stage: Stage):
    refusal = "Got 503 connect failure, assuming automatic reconnect"
    stage.lose()
    stage.log(refusal)
    stage.lose()
    facts = stage.facts
    assert (facts.cause, facts.rule) == ("f3", "overloaded")
    ride = facts.next_at - timezone.now()
    assert timedelta(minutes=9) < ride <= timedelta(minutes=10)
    stage.settle(stage.rings("ride"))
    facts = stage.facts
    assert (stage.status, facts.rule) == (Status.WAITING, "overloaded")
    pause = facts.next_at - timezone.now()
    assert timedelta(minutes=14) < pause <= timedelta(minutes=15)
    # The next process asks, and does not ride for ten minutes again.
    stage.log(refusal)
    stage.lose()
    assert stage.facts.next_at - timezone.now() <= timedelta(seconds=20)
    stage.settle(stage.rings("ride"))
    assert (stage.facts.rule, stage.facts.attempts) == ("overloaded", 0)


def test_many_unreadable_messages_warn_until_they_are_over(stage: Stage):
    for _ in range(7):
        stage.line("message", from_me=False, kind="text")
    for _ in range(3):
        stage.line("undecryptable")
    at_once(stage.episode.check_health(None))
    storm = stage.facts.warnings["d1"]
    assert (storm["percent"], storm["messages"]) == (30, 10)
    for _ in range(10):
        stage.line("message", from_me=False, kind="text")
    at_once(stage.episode.check_health(None))
    assert stage.facts.warnings == {}


def alive(stage: Stage, age: float | None):
    return stage.line("alive", recv_age_ms=None if age is None else age * 1000)


def test_proof_of_life_ages_even_when_nothing_tells_its_age(stage: Stage):
    """No socket is left: the library dials again and has told nobody."""
    assert alive(stage, 1.0) is None
    stage.episode.connection.proof_at -= timedelta(seconds=200)
    assert alive(stage, None) is None
    assert stage.status == Status.UNPROVEN
    assert alive(stage, 0.1) is None
    assert (stage.status, stage.facts.cause) == (Status.CONNECTED, "")
    stage.episode.connection.proof_at -= timedelta(seconds=250)
    ending = alive(stage, None)
    assert ending.said.cause == "n2"
    assert 250 <= ending.said.values["seconds"] < 260


def test_the_health_check_asks_for_the_proof_itself(stage: Stage):
    stage.episode.connection.proof_at -= timedelta(seconds=250)
    at_once(stage.episode.check_health(None))
    ending = at_once(stage.episode.react(stage.inbox.queue.get_nowait()))
    assert ending.said.cause == "n2"


def test_a_keepalive_that_stays_unanswered_ends_the_session(stage: Stage):
    stage.line("keepalive_timeout", error_count=1, last_success=0)
    stage.line("keepalive_restored")
    assert not stage.inbox.has_timer("keepalive")
    stage.line("keepalive_timeout", error_count=1, last_success=0)
    stage.settle(stage.rings("keepalive"))
    assert stage.facts.cause == "n2"


def test_rejected_right_after_linking_says_that_link_is_shut(stage: Stage, monkeypatch):
    monkeypatch.setattr("sessions.host.journal.wipe", lambda *_, **__: None)
    stage.episode.diagnosis.paired_at = timezone.now()
    ending = stage.line("logged_out", on_connect=False, reason="LOGGED_OUT")
    stage.settle(ending)
    assert (stage.facts.cause, stage.facts.rule) == ("u5", "link_shut")
    at_once(wishes.rest(stage.scribe, Wish(phone=stage.phone)))
    assert stage.facts.rule == "link_shut"
    shut = stage.facts.link_shut_until - timezone.now()
    assert timedelta(minutes=29) < shut <= timedelta(minutes=30)
