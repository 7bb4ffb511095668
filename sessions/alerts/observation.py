"""What the database says of phones, servers and incidents: one query each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    Count,
    Exists,
    F,
    FilteredRelation,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
)

from metrics.models import Event
from phones.models import OrganizationPhone, Status
from sessions.alerts.troubles import UP, Kind, PhoneSeen, Trouble
from sessions.models import Alert, Host, Incident, Wish
from sessions.models.clock import clock_plus
from sessions.policy.incidents import kind_of

LOSSES = (Event.DISCONNECTED, Event.LOGGED_OUT, Event.CRASHED)
GONE = timedelta(days=7)  # a server that is silent for longer is not missed any more
COLUMNS = (
    "pk",
    "organization_id",
    "status",
    "last_connected_at",
    "created_at",
    "is_served",
    "facts__cause",
    "facts__cause_values",
    "facts__rule",
    "facts__since",
    "facts__linked",
    "facts__warnings",
    "facts__incident",
    "wish__desired",
    "wish__changed_at",
    "lease__host",
    "lease__host__beat_at",
    "lease__taken_at",
)


@dataclass(frozen=True)
class Incidents:
    """The active ones, and when another one ended last."""

    rows: list[Incident]
    ended_at: datetime | None = None

    @classmethod
    def now(cls) -> Incidents:
        return cls(
            list(Incident.objects.active().select_related("host")),
            Incident.objects.aggregate(last=Max("ended_at"))["last"],
        )

    def waited_for(self, incident_id: int | None) -> int | None:
        active = {row.pk for row in self.rows}
        return incident_id if incident_id in active else None

    def telling(self, cause: str, host_id: Any) -> int | None:
        """The one that tells of all phones with this cause."""
        kind = kind_of(cause)
        for row in self.rows:
            if row.kind == kind and row.host_id in (None, host_id):
                return row.pk
        return None

    def troubles(self) -> Iterator[Trouble]:
        for row in self.rows:
            yield Trouble(
                kind=Kind.INCIDENT,
                subject=f"incident:{row.pk}",
                since=row.started_at,
                cause=row.cause,
                values={"host": row.host.name if row.host else ""},
                host_id=row.host_id,
                incident_id=row.pk,
            )


def silent_hosts() -> Iterator[Trouble]:
    """Servers that should run and do not say so."""
    rows = Host.objects.filter(
        stopped_at=None,
        beat_at__lt=clock_plus(-settings.WHATSAPP_HOST_SILENT),
        beat_at__gt=clock_plus(-GONE),
    ).values("pk", "name", "beat_at")
    for host in rows:
        assert host["beat_at"] is not None  # noqa: S101 - the filter says so
        yield Trouble(
            kind=Kind.HOST_SILENT,
            subject=f"host:{host['pk']}",
            since=host["beat_at"],
            values={"host": host["name"]},
            host_id=host["pk"],
        )


def phones_seen(incidents: Incidents) -> list[PhoneSeen]:
    """Phones that are not simply well, or of which an alert is open."""
    rows = list(_rows().values(*COLUMNS))
    lost = _lost_at([row["pk"] for row in rows if not _is_up(row)])
    hosts = Host.objects.alive().aggregate(count=Count("pk"), last=Max("started_at"))
    seen = []
    for row in rows:
        # Whoever has just become able to bring it back is given the time to do so.
        chances = [hosts["last"], row["lease__taken_at"] if row["is_served"] else None]
        chances.append(incidents.ended_at)
        seen.append(
            _seen(
                row,
                incidents,
                _down_since(row, lost, [at for at in chances if at is not None]),
                any_host=hosts["count"] > 0,
            )
        )
    return seen


def _rows() -> QuerySet[OrganizationPhone]:
    alive = Exists(Host.objects.alive().filter(pk=OuterRef("lease__host_id")))
    told = Alert.objects.open().exclude(phone=None)
    return (
        OrganizationPhone.objects.order_by("pk")
        .annotate(is_served=alive)
        .filter(
            Q(is_served=False)
            | ~Q(status__in=UP)
            | ~Q(facts__warnings={})
            | Q(pk__in=told.values("phone"))
        )
        .exclude(status=Status.NEW)
    )


def _is_up(row: dict[str, Any]) -> bool:
    return row["is_served"] and row["status"] in UP


def _lost_at(phone_ids: list[int]) -> dict[int, datetime]:
    """{phone id: its first loss after it was connected last}."""
    after = FilteredRelation(
        "metrics",
        condition=Q(
            metrics__timestamp__gt=F("last_connected_at"), metrics__event__in=LOSSES
        ),
    )
    rows = OrganizationPhone.objects.filter(pk__in=phone_ids).order_by()
    first = rows.annotate(loss=after).annotate(lost_at=Min("loss__timestamp"))
    return dict(first.exclude(lost_at=None).values_list("pk", "lost_at"))


def _seen(
    row: dict[str, Any],
    incidents: Incidents,
    down_since: datetime | None,
    *,
    any_host: bool,
) -> PhoneSeen:
    cause = row["facts__cause"] or ""
    return PhoneSeen(
        phone_id=row["pk"],
        organization_id=row["organization_id"],
        status=row["status"],
        cause=cause,
        values=row["facts__cause_values"] or {},
        rule=row["facts__rule"] or "",
        since=_since(row),
        wanted=row["wish__desired"] == Wish.Desired.RUN,
        linked=bool(row["facts__linked"]),
        served=row["is_served"],
        down_since=down_since,
        any_host=any_host,
        waits_for=incidents.waited_for(row["facts__incident"]),
        told_by=incidents.telling(cause, row["lease__host"]),
        warnings=row["facts__warnings"] or {},
    )


def _since(row: dict[str, Any]) -> datetime:
    found: datetime = (
        row["facts__since"] or row["wish__changed_at"] or row["created_at"]
    )
    return found


def _down_since(
    row: dict[str, Any], lost: dict[int, datetime], chances: list[datetime]
) -> datetime | None:
    """The loss, or the death of its server when nobody wrote one; None while up.

    Not before a person wanted it to run, nor before the last of `chances`.
    """
    if _is_up(row):
        return None
    at = lost.get(row["pk"])
    if at is None and row["status"] in UP:
        at = row["lease__host__beat_at"]
    wished = row["wish__changed_at"] or row["created_at"]
    found: datetime = max(at or _since(row), wished, *chances)
    return found
