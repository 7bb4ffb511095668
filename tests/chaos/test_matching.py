"""Ended connections and loss records find each other, whatever is missing."""

from __future__ import annotations

from tests.chaos.matching import Record, match
from tests.chaos.sandbox_log import Life, lives_of

NUMBER = "77010000001"


def life(active_at: float | None, ended_at: float) -> Life:
    made = ended_at - 1 if active_at is None else active_at
    return Life(NUMBER, 1, made - 0.1, active_at, ended_at, "end of stream")


def record(at: float, cause: str, connected_at: float | None = None) -> Record:
    seconds = None if connected_at is None else at - connected_at
    return Record(NUMBER, at, "disconnected", cause, connected_seconds=seconds)


def causes(found) -> list[str]:
    return [one.cause for _, one in found.pairs]


def test_each_end_has_its_record():
    ends = [life(0, 10), life(12, 20)]
    records = [record(10.1, "n1", 0.2), record(20.3, "l2", 12.1)]
    found = match(ends, records)
    assert found.pairs == list(zip(ends, records, strict=True))
    assert not found.ends and not found.records


def test_a_record_may_come_as_late_as_the_next_owner():
    found = match([life(0, 10)], [record(24, "host_lost", 0.1)])
    assert causes(found) == ["host_lost"]


def test_the_time_of_the_connect_says_which_end_is_meant():
    first, second = life(0, 10), life(11, 13)
    found = match([first, second], [record(26, "host_lost", 11.1)])
    assert found.pairs[0][0] is second
    assert found.ends == [first]


def test_an_end_without_a_record_stays_alone():
    lost = life(12, 20)
    records = [record(10, "n1", 0), record(31, "n1", 22)]
    found = match([life(0, 10), lost, life(22, 31)], records)
    assert found.ends == [lost] and not found.records


def test_two_records_of_one_end_leave_one_alone():
    twice = record(10.4, "n1", 0.1)
    found = match([life(0, 10)], [record(10.1, "n1", 0.1), twice])
    assert len(found.pairs) == 1 and len(found.records) == 1


def test_a_record_from_before_the_end_does_not_tell_of_it():
    early = record(5, "n1", 0)
    found = match([life(0, 10)], [early])
    assert found.records == [early] and len(found.ends) == 1


def test_the_crash_of_a_process_that_was_not_connected_is_none_of_a_connection():
    crash = record(11, "l2")
    found = match([life(0, 10)], [record(10.1, "n1", 0), crash])
    assert causes(found) == ["n1"] and found.records == [crash]


def test_a_login_that_never_became_a_connection_needs_no_record():
    half = life(None, 12)
    found = match([life(0, 10), half], [record(10.1, "n1", 0)])
    assert found.ends == [half]


def test_nothing_matches_nothing():
    found = match([], [])
    assert (found.pairs, found.ends, found.records) == ([], [], [])


def test_the_log_is_read_as_lives():
    device = {"number": NUMBER, "device": 3}
    events = [
        {"kind": "connected_socket", "at": 1.0, "connection": 5},
        {"kind": "success_sent", "at": 1.2, "connection": 5, **device},
        {"kind": "active", "at": 1.3, "connection": 5, **device},
        {"kind": "replaced", "at": 8.0, "connection": 5, **device},
        {"kind": "closed", "at": 9.0, "connection": 5, "reason": "end of stream"},
        {"kind": "closed", "at": 9.5, "connection": 6, "reason": "a pairing"},
        {"kind": "success_sent", "at": 10.0, "connection": 7, **device},
    ]
    ended, lives_on = lives_of(events)[NUMBER]
    assert (ended.device, ended.active_at, ended.ended_at) == (3, 1.3, 9.0)
    assert (ended.reason, ended.said) == ("end of stream", ("replaced",))
    assert (lives_on.active_at, lives_on.ended_at) == (None, None)
