"""What is said while a session runs, or rests: pure functions over what was seen.

A warning is a mapping of JSON values that its cause's sentence names; None: there is
nothing to warn of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sessions.policy.auth_findings import Severity
from sessions.policy.rules import Rules

Warned = dict[str, Any]

# WhatsApp logs out all linked devices when the phone itself was away for so long, and
# a linked device that was away for so long.
PRIMARY_LIMIT = timedelta(days=14)
DEVICE_LIMIT = timedelta(days=30)
REFILL_TOLD = timedelta(days=1)


def primary_unseen(
    seen_at: datetime | None, paired_at: datetime | None, *, now: datetime, rules: Rules
) -> Warned | None:
    """p1: the phone itself was not online; pairing was a sighting, too.

    Keys: days (whole), date (when WhatsApp logs out), level (warning, alarm).
    """
    sightings = [at for at in (seen_at, paired_at) if at is not None]
    if not sightings:
        return None
    last = max(sightings)
    away = now - last
    if away < rules.primary_warning:
        return None
    return {
        "days": away.days,
        "date": _written(last + PRIMARY_LIMIT),
        "level": "alarm" if away >= rules.primary_alarm else "warning",
    }


def rested_too_long(
    since: datetime | None, *, now: datetime, rules: Rules
) -> Warned | None:
    """stopped_long: linked, but stopped or held since; it never connects by itself."""
    if since is None or now - since < rules.stopped_warning:
        return None
    return {"days": (now - since).days, "date": _written(since + DEVICE_LIMIT)}


def records_broken(findings: Iterable[Mapping[str, Any]]) -> Warned | None:
    """records_broken: the last check of the saved keys found what is fatal.

    findings: as AuthReport has them, the worst first. Keys: check, check_values.
    """
    for found in findings:
        if found.get("severity") == Severity.FATAL:
            return {"check": found["check"], "check_values": found.get("values") or {}}
    return None


def copy_refilled(rows: int, *, now: datetime) -> Warned:
    """copy_refilled: so many rows of the saved keys were put right; told for a day."""
    return {"rows": rows, "time": _written(now + REFILL_TOLD)}


def new_chats_refused(*, now: datetime, rules: Rules) -> Warned:
    """i2: WhatsApp answered 463, and does not say until when; we assume `time`."""
    return {"time": _written(now + rules.timelock)}


def too_many_sent(*, now: datetime, rules: Rules) -> Warned:
    """sending_paused: WhatsApp answered 429; nothing is sent until `time`."""
    return {"time": _written(now + rules.send_pause)}


def in_force(
    warnings: Mapping[str, Warned], cause: str, *, now: datetime
) -> Warned | None:
    """The warning of this cause, unless its time is over."""
    warned = warnings.get(cause)
    return None if warned is None or is_over(warned, now=now) else warned


def is_over(warned: Warned, *, now: datetime) -> bool:
    """A warning with a `time` ends then."""
    time = warned.get("time")
    return isinstance(time, str) and datetime.fromisoformat(time) <= now


def undecryptable_share(
    arrivals: Iterable[tuple[datetime, bool]], *, now: datetime, rules: Rules
) -> Warned | None:
    """d1: too many of the messages that arrived could not be read.

    arrivals: (when, could it be read). Keys: percent and messages, of the window.
    """
    recent = [read for at, read in arrivals if now - at < rules.undecryptable_window]
    total, lost = len(recent), recent.count(False)
    allowed = rules.undecryptable_share * total
    if total < rules.undecryptable_messages or lost <= allowed:
        return None
    return {"percent": round(100 * lost / total), "messages": total}


def merged(
    before: dict[str, Warned], cause: str, warned: Warned | None, *, now: datetime
) -> dict[str, Warned]:
    """`before` with this cause's warning put in or taken out; `since` stays."""
    after = {name: value for name, value in before.items() if name != cause}
    if warned is not None:
        since = before.get(cause, {}).get("since", _written(now))
        after[cause] = {"since": since, **warned}
    return after


def _written(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
