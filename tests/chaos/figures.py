"""The figures of a run, from the same evidence that the invariants judge; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.acceptance.logins import percentile
from tests.chaos.evidence import Applied, Evidence
from tests.chaos.invariants import WIRE, Violation, late, matches
from tests.chaos.sandbox_log import Life, lives_of


def figures_of(evidence: Evidence, violations: list[Violation]) -> dict[str, Any]:
    lives = lives_of(evidence.events)
    found = matches(evidence)
    pairs = [pair for one in found.values() for pair in one.pairs]
    carried_out = [one for one in evidence.applied if not one.skipped]
    return {
        "faults": dict(sorted(Counter(o.fault.kind for o in carried_out).items())),
        "faults_not_carried_out": len(evidence.applied) - len(carried_out),
        "logins": sum(
            life.success_at >= evidence.began for own in lives.values() for life in own
        ),
        "connections_ended": sum(
            life.ended_at is not None and life.ended_at >= evidence.began
            for own in lives.values()
            for life in own
        ),
        "ends_with_their_record": len(pairs),
        "ends_never_announced_or_merged": sum(len(o.ends) for o in found.values()),
        "records_by_cause": dict(
            sorted(Counter(record.cause for _, record in pairs).items())
        ),
        "record_after_end_s": spread([max(0.0, late(*pair)) for pair in pairs]),
        "takeover_s": takeovers(evidence),
        # By SIGTERM or a move.
        "hand_over_s": spread(gaps(lives, {"host_stopped", "moved"}, pairs)),
        "recovery_s": recoveries(evidence, lives),
        "double_logins": evidence.double_logins,
        "all_connected_after_s": evidence.settled,
        "phones_unlinked": sum(phone.unlinked for phone in evidence.phones),
        "violations": [f"{one.invariant}: {one.what}" for one in violations],
    }


def spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"count": 0}
    return {
        "count": len(values),
        "p50": round(percentile(values, 0.5), 2),
        "p95": round(percentile(values, 0.95), 2),
        "max": round(max(values), 2),
    }


def next_login(lives: list[Life], after: float) -> float | None:
    return next((one.success_at for one in lives if one.success_at > after), None)


def gaps(
    lives: dict[str, list[Life]], causes: set[str], pairs: list[Any]
) -> list[float]:
    """Seconds without a connection after the losses of these causes."""
    found = []
    for life, record in pairs:
        if record.cause in causes:
            back = next_login(lives[life.number], life.ended_at)
            if back is not None:
                found.append(back - life.ended_at)
    return found


def recoveries(
    evidence: Evidence, lives: dict[str, list[Life]]
) -> dict[str, dict[str, float]]:
    """By kind of fault: from an end to the next login, where nothing else disturbed."""
    took: dict[str, list[float]] = defaultdict(list)
    for number, own in lives.items():
        for life in own:
            if life.ended_at is None or life.ended_at < evidence.began:
                continue
            back = next_login(own, life.ended_at)
            if back is None:
                continue
            kinds = {
                one.fault.kind
                for one in evidence.applied
                if _in_force(one, number, life.ended_at, back)
            }
            if len(kinds) == 1:
                took[kinds.pop()].append(back - life.ended_at)
    return {kind: spread(values) for kind, values in sorted(took.items())}


def _in_force(one: Applied, number: str, ended_at: float, back: float) -> bool:
    last = one.seen_again if one.blinds else one.ended + WIRE
    meanwhile = one.began <= back and ended_at <= last
    return one.fault.kind != "kill_web" and one.could_hit(number) and meanwhile


def takeovers(evidence: Evidence) -> dict[str, float]:
    """From the kill -9 of a host to each of its phones' next login.

    Only kills that nothing else disturbed: no other host down, no outage meanwhile.
    """
    lives = lives_of(evidence.events)
    took: list[float] = []
    for one in evidence.applied:
        if one.fault.kind != "kill_host" or one.skipped or one.numbers is None:
            continue
        if any(_disturbs(other, one) for other in evidence.applied if other is not one):
            continue
        for number in one.numbers:
            cut = [
                life
                for life in lives.get(number, ())
                if life.success_at < one.began
                and (life.ended_at is None or life.ended_at >= one.began)
            ]
            back = next_login(lives.get(number, []), one.began)
            if cut and back is not None:
                took.append(back - one.began)
    return spread(took)


def _disturbs(other: Applied, one: Applied) -> bool:
    serious = other.blinds or other.fault.kind == "refuse_connections"
    overlap = other.began <= one.seen_again and one.began <= other.seen_again
    return serious and overlap and not other.skipped


def table(figures: dict[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            if set(value) <= {"count", "p50", "p95", "max"}:
                words = "  ".join(f"{word} {number}" for word, number in value.items())
                lines.append(f"{prefix + name:<44} {words}")
            else:
                lines += table(value, f"{prefix}{name} ")
        elif name != "violations":
            lines.append(f"{prefix + name:<44} {value}")
    return lines
