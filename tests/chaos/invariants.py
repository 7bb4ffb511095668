"""What must be true of a run whatever went wrong in it; pure.

The sandbox's log and the database's rows are the witnesses, never our own logs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.evidence import Applied, Evidence
from tests.chaos.matching import Match, Record, match
from tests.chaos.sandbox_log import (
    Life,
    lives_of,
    logins_refused,
    pairings_started,
    unlinked_by_themselves,
)

# The client's Connected, and our row of it, come this much after the sandbox's answer.
FRESH = 3.0
WIRE = 5.0  # from a fault on the wire to the end of the connection
PROMPT = 20.0  # a record of an end that nothing delayed, on a busy machine
# The library restarts its connection by itself: not a loss.
NO_LOSS = {"stream_error_515"}
CAUSES: dict[str, frozenset[str]] = {
    "kill_session": frozenset({"l2"}),
    "corrupt_store": frozenset({"l2"}),
    "full_disk": frozenset({"l3"}),
    "kill_host": frozenset({"host_lost"}),
    "freeze_host": frozenset({"host_lost", "lease_lost"}),
    "stop_host": frozenset({"host_stopped"}),
    "kill_postgres": frozenset({"lease_lost", "host_lost"}),
    "reset": frozenset({"n1"}),
    "close": frozenset({"n1"}),
    "mute_keepalive": frozenset({"n2"}),
    "stream_error_500": frozenset({"s3"}),
    "stream_error_503": frozenset({"s2"}),
    "stream_error_515": frozenset({"s1"}),
    "stream_error_516": frozenset({"s3"}),
    "unlink": frozenset({"u1", "u2", "u5"}),
}
# Hosts move phones between them when one comes or goes.
ALWAYS = frozenset({"host_stopped", "moved"})
LOGGED_OUT = "401"


@dataclass(frozen=True)
class Violation:
    invariant: str
    what: str


def check(evidence: Evidence) -> list[Violation]:
    """Every invariant that does not hold, with what was seen."""
    judges = (_logins, _pairings, _keys, _connected, _records, _processes)
    return [violation for judge in judges for violation in judge(evidence)]


def _logins(evidence: Evidence) -> Iterator[Violation]:
    if evidence.double_logins:
        yield Violation("no double login", f"{evidence.double_logins} counted")
    for event in evidence.events:
        if event["kind"] == "replaced" and event["at"] >= evidence.began:
            yield Violation("no double login", f"{_masked(event)} was replaced")


def _pairings(evidence: Evidence) -> Iterator[Violation]:
    started = [e for e in pairings_started(evidence.events) if _in(evidence, e)]
    if started or evidence.pairings:
        what = f"{len(started)} in the sandbox, {evidence.pairings} rows"
        yield Violation("no pairing without a person", what)
    for phone in evidence.phones:
        if phone.qr_code:
            yield Violation("no pairing without a person", f"{phone.number} has a QR")


def _keys(evidence: Evidence) -> Iterator[Violation]:
    kept = {phone.number for phone in evidence.phones if not phone.unlinked}
    for event in logins_refused(evidence.events):
        if _in(evidence, event) and event["number"] in kept:
            yield Violation("no keys lost", f"{_masked(event)} was refused")
    for event in unlinked_by_themselves(evidence.events):
        if _in(evidence, event):
            yield Violation("no keys lost", f"{_masked(event)} logged out")
    for phone in evidence.phones:
        whole = phone.linked and phone.has_keys and phone.device is not None
        if not phone.unlinked and not whole:
            yield Violation("no keys lost", str(phone))
        if phone.unlinked and (phone.linked or phone.has_keys):
            yield Violation("unlinked phones are logged out", str(phone))


def _connected(evidence: Evidence) -> Iterator[Violation]:
    for phone in evidence.phones:
        if phone.unlinked:
            continue
        if not phone.connected or phone.status != "connected":
            yield Violation("connected at the end", str(phone))


def _processes(evidence: Evidence) -> Iterator[Violation]:
    if not evidence.web_answers:
        yield Violation("the web is back", "it does not answer")
    for number in evidence.undetected:
        yield Violation("a full disk stops its session", number)
    for text in evidence.tracebacks:
        yield Violation("nothing unexpected in the hosts", text)


# -- records ---------------------------------------------------------------------------


def matches(evidence: Evidence) -> dict[str, Match]:
    """By number: the ended connections of the clock's time, and the loss records."""
    records: dict[str, list[Record]] = defaultdict(list)
    for record in evidence.records:
        records[record.number].append(record)
    lives = lives_of(evidence.events)
    return {
        number: match(
            [life for life in lives.get(number, ()) if _ended(life, evidence)],
            records[number],
        )
        for number in lives.keys() | records.keys()
    }


def _ended(life: Life, evidence: Evidence) -> bool:
    return life.ended_at is not None and life.ended_at >= evidence.began


def _records(evidence: Evidence) -> Iterator[Violation]:
    for number, found in sorted(matches(evidence).items()):
        faults = [one for one in evidence.applied if one.could_hit(number)]
        for life in found.ends:
            if not may_lack_a_record(life, faults):
                what = f"{number} {_when(life, evidence)}: no record"
                yield Violation("one record for each end", what)
        for record in found.records:
            if record.connected_seconds is not None:
                at = record.at - evidence.began
                what = f"{number} {at:.1f} s {record.cause}: no connection ended"
                yield Violation("one record for each end", what)
        for life, record in found.pairs:
            allowed = fitting(life, record, faults)
            if record.cause not in allowed:
                words = f"{record.cause}, not {'/'.join(sorted(allowed))}"
                what = f"{number} {_when(life, evidence)}: {words}"
                yield Violation("the right cause", what)
            elif not in_time(life, record, faults):
                words = f"recorded {late(life, record):.1f} s late"
                what = f"{number} {_when(life, evidence)}: {words}"
                yield Violation("recorded in time", what)


def may_lack_a_record(life: Life, faults: Iterable[Applied]) -> bool:
    """It was hardly there, was restarted by a 515, or nobody could write it down."""
    assert life.ended_at is not None
    if life.active_at is None or life.ended_at - life.active_at < FRESH:
        return True
    faults = list(faults)
    if any(f.fault.kind in NO_LOSS and _hit(f, life) for f in faults):
        return True
    # Not written before the blinding fault, or connected while it lasted: the next
    # record of the phone tells of both.
    return any(
        f.blinds
        and f.began - FRESH <= life.ended_at <= f.seen_again
        and not (f.began - FRESH > life.active_at and _was_last(life, f))
        for f in faults
    )


def _was_last(life: Life, fault: Applied) -> bool:
    """Ended by the death of its host: exactly this must be recorded by the next."""
    assert life.ended_at is not None
    return fault.fault.kind != "kill_postgres" and life.ended_at >= fault.began


def fitting(life: Life, record: Record, faults: Iterable[Applied]) -> frozenset[str]:
    """The causes that the faults of that time may have had."""
    assert life.ended_at is not None
    allowed = ALWAYS
    for one in faults:
        meanwhile = one.began <= record.at and life.ended_at <= one.seen_again
        if _hit(one, life) or (one.blinds and meanwhile):
            allowed |= CAUSES.get(one.fault.kind, frozenset())
    return allowed


def _hit(one: Applied, life: Life) -> bool:
    assert life.ended_at is not None
    last = one.seen_again if one.blinds else one.ended + WIRE
    return one.began - 1 <= life.ended_at <= last


def late(life: Life, record: Record) -> float:
    assert life.ended_at is not None
    return record.at - life.ended_at


def in_time(life: Life, record: Record, faults: Iterable[Applied]) -> bool:
    assert life.ended_at is not None
    if late(life, record) <= PROMPT:
        return True
    return any(
        f.blinds and f.began - FRESH <= record.at and life.ended_at <= f.seen_again
        for f in faults
    )


def _in(evidence: Evidence, event: dict[str, object]) -> bool:
    return float(str(event["at"])) >= evidence.began


def _when(life: Life, evidence: Evidence) -> str:
    assert life.ended_at is not None
    ended = life.ended_at - evidence.began
    active = (life.active_at or life.success_at) - evidence.began
    return f"{active:.1f}–{ended:.1f} s ({life.reason})"


def _masked(event: dict[str, object]) -> str:
    return f"{event.get('number')} at id {event.get('id')}"
