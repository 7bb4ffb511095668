"""Warnings into the facts: p1, stopped_long and records_broken of every phone, d1 and
i2 of ours.

The column has several writers, and none loses the other's words: each changes its own
keys only, reads them in the transaction that writes them, and that transaction begins
with an UPDATE of the phone's lease row, whose lock it keeps to the commit. Taking the
phone, and every other write of its facts, begins with an UPDATE of the same row. So a
pass of one host and another host that takes the phone, or keeps it, come one after the
other; the journal never writes the column from memory, except to empty it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from phones.live import publish
from phones.models import Change, Status
from sessions.models import Fence, Pairing, PhoneLease, SessionFacts, fenced_write
from sessions.policy.rules import Rules
from sessions.policy.warnings import (
    Warned,
    is_over,
    merged,
    primary_unseen,
    records_broken,
    rested_too_long,
)

logger = logging.getLogger(__name__)

AT_REST = (Status.STOPPED, Status.HELD)
UP = (Status.CONNECTED, Status.UNPROVEN, Status.DISCONNECTED, Status.CONNECTING)

Warnings = dict[str, Warned]


def survey(now: datetime, rules: Rules) -> int:
    """One pass over all linked phones, whoever keeps them; how many changed."""
    changed = 0
    for facts in _linked():
        if _due(facts, facts.warnings, now=now, rules=rules) != facts.warnings:
            change = partial(_due, facts, now=now, rules=rules)
            changed += _rewrite(facts.phone_id, change)
    return changed


def warn(fence: Fence, cause: str, warned: Warned | None, now: datetime) -> Warnings:
    """Put the warning of a phone that we keep in or out; all warnings as written.

    Raises LeaseLost, with nothing written, when the phone is another host's.
    """
    with fenced_write(fence):
        return _change(fence.phone_id, lambda was: merged(was, cause, warned, now=now))


def _linked() -> list[Any]:
    paired_at = (
        Pairing.objects.filter(phone=OuterRef("pk"))
        .exclude(paired_at=None)
        .order_by("-paired_at")
        .values("paired_at")[:1]
    )
    return [
        *SessionFacts.objects.filter(linked=True)
        .only("since", "primary_seen_at", "warnings", "phone")
        .annotate(
            status=F("phone__status"),
            paired_at=Subquery(paired_at),
            checked=F("phone__auth_report__findings"),
        )
    ]


def _due(facts: Any, was: Warnings, *, now: datetime, rules: Rules) -> Warnings:
    """What the phone's warnings should be, `was` being what they are."""
    since = facts.since if facts.status in AT_REST else None
    due = merged(
        was,
        "p1",
        primary_unseen(facts.primary_seen_at, facts.paired_at, now=now, rules=rules),
        now=now,
    )
    rested = rested_too_long(since, now=now, rules=rules)
    due = merged(due, "stopped_long", rested, now=now)
    # A phone that is held for it says so already.
    broken = facts.status != Status.HELD and records_broken(facts.checked or ())
    due = merged(due, "records_broken", broken or None, now=now)
    if facts.status not in UP:
        due.pop("d1", None)  # no session is there to take it back
    return {name: value for name, value in due.items() if not is_over(value, now=now)}


def _rewrite(phone_id: int, change: Callable[[Warnings], Warnings]) -> bool:
    """Under the lock of the lease row; a phone that never had a lease has no keys."""
    with transaction.atomic():
        lease = PhoneLease.objects.filter(phone_id=phone_id)
        if not lease.update(epoch=F("epoch")):
            return False
        _change(phone_id, change)
    return True


def _change(phone_id: int, change: Callable[[Warnings], Warnings]) -> Warnings:
    rows = SessionFacts.objects.filter(phone_id=phone_id)
    was = rows.values_list("warnings", flat=True).first()
    if was is None:
        return {}
    after = change(was)
    if after != was:
        rows.filter(linked=True).update(warnings=after)
        publish(Change.Kind.FACT, phone_id)
        new = sorted(set(after) - set(was))
        logger.info("warnings phone=%s are=%s new=%s", phone_id, sorted(after), new)
    return after
