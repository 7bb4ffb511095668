"""How often each event has happened, without counting the history again and again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Case, Count, IntegerField, Value, When

from metrics.models import ConnectionMetrics, Event
from sessions.policy.causes import CAUSES

# A row carries the time at which its host began to write it, and is seen later.
SETTLED_AFTER = timedelta(seconds=30)
OTHER = "other"  # a word of a former program: labels are bounded

Counts = Counter[tuple[str, str]]  # by event and cause


@dataclass
class EventCounts:
    """Rows of the history by event and cause, as counters that never go back.

    The first call counts them all. After that only what is younger than SETTLED_AFTER
    at the last call is counted: its older part is added for good, the rest anew each
    time.
    """

    _settled: Counts = field(default_factory=Counter)
    _settled_until: datetime | None = None
    _last: Counts = field(default_factory=Counter)

    def counts(self, now: datetime) -> Counts:
        until = now - SETTLED_AFTER
        rows = ConnectionMetrics.objects.order_by()
        if self._settled_until is not None:
            until = max(until, self._settled_until)
            rows = rows.filter(timestamp__gte=self._settled_until)
        recent: Counts = Counter()
        young = Case(
            When(timestamp__gte=until, then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        )
        grouped = rows.annotate(young=young).values_list("young", "event", "cause")
        for is_young, event, cause, count in grouped.annotate(n=Count("pk")):
            part = recent if is_young else self._settled
            part[_known(event, cause)] += count
        self._settled_until = until
        # A deleted phone takes its rows along; a counter that falls would be a restart.
        self._last |= self._settled + recent
        return self._last


def _known(event: str, cause: str) -> tuple[str, str]:
    return (
        event if event in Event.values else OTHER,
        cause if not cause or cause in CAUSES else OTHER,
    )
