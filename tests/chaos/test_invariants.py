"""Each invariant is broken once, in a log that is otherwise in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.evidence import Applied, Evidence, PhoneAtEnd
from tests.chaos.figures import figures_of, spread, table
from tests.chaos.invariants import check
from tests.chaos.matching import Record
from tests.chaos.plan import Fault

KEPT, GONE = "77010000001", "77010000002"
BEGAN = 1000.0


def login(number: str, connection: int, at: float, ended: float | None = None):
    device = {"number": number, "device": 1, "connection": connection}
    events = [
        {"id": 0, "kind": "success_sent", "at": at, **device},
        {"id": 0, "kind": "active", "at": at + 0.1, **device},
    ]
    if ended is not None:
        closed = {"kind": "closed", "at": ended, "reason": "end of stream"}
        events.append({"id": 0, "connection": connection, **closed})
    return events


def loss(number: str, at: float, cause: str, connected_at: float, event="disconnected"):
    return Record(number, at, event, cause, connected_seconds=at - connected_at)


def hit(kind: str, at: float, *numbers: str, seconds: float = 0.0, host=None):
    fault = Fault(at - BEGAN, kind, (0,), host=host, seconds=seconds)
    return Applied(fault, at, at + seconds, frozenset(numbers))


@pytest.fixture
def evidence() -> Evidence:
    """One phone was reset and is back, another was unlinked; both were recorded."""
    events = [
        *login(KEPT, 1, 900.0, ended=1010.0),
        *login(GONE, 2, 900.0, ended=1020.0),
        *login(KEPT, 3, 1011.0),
        {"id": 0, "kind": "unlinked", "at": 1020.0, "number": GONE, "by_itself": False},
        {"id": 0, "kind": "login_refused", "at": 1021.0, "number": GONE},
    ]
    return Evidence(
        began=BEGAN,
        ended=1100.0,
        events=sorted(events, key=lambda event: event["at"]),
        records=[
            loss(KEPT, 1010.1, "n1", 900.1),
            loss(GONE, 1020.1, "u1", 900.1, "logged_out"),
        ],
        applied=[hit("reset", 1010.0, KEPT), hit("unlink", 1020.0, GONE)],
        phones=[
            PhoneAtEnd(KEPT, False, "connected", True, True, 1, True),
            PhoneAtEnd(GONE, True, "logged_out", False, False, None, False),
        ],
        double_logins=0,
        settled=2.0,
    )


def violated(evidence: Evidence, **changes) -> set[str]:
    return {one.invariant for one in check(replace(evidence, **changes))}


def and_event(evidence: Evidence, kind: str, at: float = 1030.0, **fields):
    return [*evidence.events, {"id": 9, "kind": kind, "at": at, **fields}]


def with_phone(evidence: Evidence, **changes):
    return [replace(evidence.phones[0], **changes), evidence.phones[1]]


def test_all_hold(evidence: Evidence):
    assert check(evidence) == []


def test_a_double_login(evidence: Evidence):
    assert violated(evidence, double_logins=1) == {"no double login"}
    events = and_event(evidence, "replaced", number=KEPT, connection=3, device=1)
    assert violated(evidence, events=events) == {"no double login"}


def test_a_pairing_without_a_person(evidence: Evidence):
    what = {"no pairing without a person"}
    assert violated(evidence, events=and_event(evidence, "pairing_started")) == what
    assert violated(evidence, pairings=1) == what
    assert violated(evidence, phones=with_phone(evidence, qr_code=True)) == what
    before = and_event(evidence, "pairing_started", at=900.0)
    assert violated(evidence, events=before) == set()


def test_keys_lost_without_a_logged_out(evidence: Evidence):
    what = {"no keys lost"}
    for lost in ({"linked": False}, {"has_keys": False}, {"device": None}):
        assert violated(evidence, phones=with_phone(evidence, **lost)) == what
    refused = and_event(evidence, "login_refused", number=KEPT, reason="401")
    assert violated(evidence, events=refused) == what
    left = and_event(evidence, "unlinked", number=KEPT, by_itself=True)
    assert violated(evidence, events=left) == what


def test_keys_of_an_unlinked_phone_that_stayed(evidence: Evidence):
    stayed = [evidence.phones[0], replace(evidence.phones[1], has_keys=True)]
    assert violated(evidence, phones=stayed) == {"unlinked phones are logged out"}


def test_a_phone_that_is_not_back(evidence: Evidence):
    for state in ({"connected": False}, {"status": "held"}):
        phones = with_phone(evidence, **state)
        assert violated(evidence, phones=phones) == {"connected at the end"}


def test_processes_that_are_not_well(evidence: Evidence):
    assert violated(evidence, web_answers=False) == {"the web is back"}
    assert violated(evidence, undetected=[KEPT]) == {"a full disk stops its session"}
    unexpected = {"nothing unexpected in the hosts"}
    assert violated(evidence, tracebacks=["KeyError: 1"]) == unexpected


def test_an_end_without_a_record(evidence: Evidence):
    what = {"one record for each end"}
    assert violated(evidence, records=evidence.records[1:]) == what


def test_an_end_with_two_records(evidence: Evidence):
    twice = [*evidence.records, loss(KEPT, 1010.2, "n1", 900.1)]
    assert violated(evidence, records=twice) == {"one record for each end"}


def test_a_record_of_a_loss_that_was_not_one(evidence: Evidence):
    made_up = [*evidence.records, loss(KEPT, 1050.0, "n1", 1011.1)]
    assert violated(evidence, records=made_up) == {"one record for each end"}


def test_a_cause_that_does_not_fit_the_fault(evidence: Evidence):
    wrong = [loss(KEPT, 1010.1, "l2", 900.1), evidence.records[1]]
    assert violated(evidence, records=wrong) == {"the right cause"}


def test_a_loss_that_nothing_explains(evidence: Evidence):
    assert violated(evidence, applied=evidence.applied[1:]) == {"the right cause"}


def test_a_record_that_comes_late_for_no_reason(evidence: Evidence):
    late = [loss(KEPT, 1040.0, "n1", 900.1), evidence.records[1]]
    assert violated(evidence, records=late) == {"recorded in time"}


def test_a_host_that_died_explains_what_the_next_one_writes(evidence: Evidence):
    records = [loss(KEPT, 1023.0, "host_lost", 900.1), evidence.records[1]]
    killed = hit("kill_host", 1009.0, KEPT, seconds=4.0, host=0)
    applied = [killed, evidence.applied[1]]
    assert violated(evidence, records=records, applied=applied) == set()


def test_the_death_of_a_host_is_recorded_for_each_of_its_phones(evidence: Evidence):
    killed = hit("kill_host", 1009.0, KEPT, seconds=4.0, host=0)
    applied = [killed, evidence.applied[1]]
    missing = violated(evidence, records=evidence.records[1:], applied=applied)
    assert missing == {"one record for each end"}


def test_an_outage_of_the_database_may_swallow_an_end(evidence: Evidence):
    """Nobody could write that it was connected, nor that it was not any more."""
    outage = hit("kill_postgres", 1000.0, KEPT, GONE, seconds=30.0)
    applied = [*evidence.applied, outage]
    records = evidence.records[1:]
    assert violated(evidence, records=records, applied=applied) == set()


def test_a_restart_that_whatsapp_asked_for_is_no_loss(evidence: Evidence):
    applied = [hit("stream_error_515", 1010.0, KEPT), evidence.applied[1]]
    records = evidence.records[1:]
    assert violated(evidence, records=records, applied=applied) == set()


def test_a_fault_that_was_skipped_explains_nothing(evidence: Evidence):
    applied = [replace(evidence.applied[0], skipped="away"), evidence.applied[1]]
    assert violated(evidence, applied=applied) == {"the right cause"}


def test_figures(evidence: Evidence):
    killed = hit("kill_host", 1009.0, KEPT, seconds=4.0, host=0)
    found = figures_of(replace(evidence, applied=[killed]), [])
    assert found["faults"] == {"kill_host": 1}
    assert (found["connections_ended"], found["ends_with_their_record"]) == (2, 2)
    assert found["takeover_s"]["p95"] == 2.0
    assert found["recovery_s"]["kill_host"]["max"] == 1.0
    assert spread([]) == {"count": 0}
    lines = table(found)
    assert any(line.startswith("takeover_s") and "p95 2.0" in line for line in lines)
