"""The fleet as Prometheus families, each computed by one query.

Labels are words of ours and names of servers; never a number, a JID, an organization
or a phone's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Exists, Min, OuterRef, Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from metrics.web.event_counts import EventCounts
from phones.admin.story import SERVED
from phones.models import OrganizationPhone, Status
from sessions.models import (
    ACTIVE,
    Alert,
    Host,
    Incident,
    Pairing,
)

PREFIX = "switchboard_"


def families(now: datetime, events: EventCounts) -> Iterator[Metric]:
    yield from _phones()
    yield from _hosts(now)
    yield from _events(now, events)
    yield from _open_troubles()


def _phones() -> Iterator[Metric]:
    alive = Host.objects.alive().filter(pk=OuterRef("lease__host_id"))
    rows = (
        OrganizationPhone.objects.order_by()
        .annotate(is_served=Exists(alive))
        .values_list("status", "is_served")
        .annotate(n=Count("pk"))
    )
    counts = dict.fromkeys(Status.values, 0)
    unserved = 0
    for status, served, count in rows:
        counts[status] += count
        if not served and status in SERVED:
            unserved += count
    yield _gauge("phones", "Phones by status.", "status", counts)
    yield GaugeMetricFamily(
        PREFIX + "phones_unserved",
        "Phones whose status is only the last known one: no living server has them.",
        value=unserved,
    )
    yield _gauge(
        "pairings",
        "Pairings under way by state.",
        "state",
        {state.value: 0 for state in ACTIVE}
        | _counted(Pairing.objects.active(), "state"),
    )


def _hosts(now: datetime) -> Iterator[Metric]:
    alive = Exists(Host.objects.alive().filter(pk=OuterRef("pk")))
    hosts = list(
        Host.objects.filter(stopped_at=None)
        .annotate(
            is_alive=alive,
            sessions=Count("leases", filter=Q(leases__session_pid__isnull=False)),
            oldest=Min("leases__expires_at"),
        )
        .exclude(beat_at=None)
        .values()
    )
    states = {"alive": 0, "draining": 0, "silent": 0}
    for host in hosts:
        state = (
            ("draining" if host["draining"] else "alive")
            if host["is_alive"]
            else "silent"
        )
        states[state] += 1
    yield _gauge("hosts", "Servers that were not stopped, by state.", "state", states)
    sessions = _by_host("host_sessions", "Session processes of the server.")
    capacity = _by_host("host_capacity", "Phones that the server takes at most.")
    beat = _by_host("host_heartbeat_age_seconds", "Since the server's last heartbeat.")
    lease = _by_host(
        "host_lease_age_seconds", "Since the renewal of the server's oldest lease."
    )
    memory = _by_host("host_memory_bytes", "Memory of the server's session processes.")
    load = _by_host("host_load", "Load of the server's machine over one minute.")
    for host in hosts:
        names = [host["name"]]
        sessions.add_metric(names, host["sessions"])
        capacity.add_metric(names, host["capacity"])
        beat.add_metric(names, _age(now, host["beat_at"]))
        if host["oldest"] is not None:
            renewed_at = host["oldest"] - settings.WHATSAPP_LEASE_TTL
            lease.add_metric(names, _age(now, renewed_at))
        if host["memory"] is not None:
            memory.add_metric(names, host["memory"] * 1024)
        if host["load"] is not None:
            load.add_metric(names, host["load"])
    yield from (sessions, capacity, beat, lease, memory, load)


def _events(now: datetime, events: EventCounts) -> Iterator[Metric]:
    family = CounterMetricFamily(
        PREFIX + "events",
        "Connects, losses and QR codes of the history; causes as in docs/causes.md.",
        labels=("event", "cause"),
    )
    for (event, cause), count in sorted(events.counts(now).items()):
        family.add_metric([event, cause], count)
    yield family


def _open_troubles() -> Iterator[Metric]:
    incidents = dict.fromkeys(Incident.Kind.values, 0)
    incidents |= _counted(Incident.objects.active(), "kind")
    yield _gauge("incidents", "Active incidents by kind.", "kind", incidents)
    alerts = dict.fromkeys(Alert.Kind.values, 0)
    alerts |= _counted(Alert.objects.open(), "kind")
    yield _gauge("alerts", "Open alerts by kind.", "kind", alerts)
    untold = Alert.objects.untold().count()
    yield GaugeMetricFamily(
        PREFIX + "alerts_undelivered",
        "Alerts, and ends of alerts, that still have to be told.",
        value=untold,
    )


def _counted(rows: object, column: str) -> dict[str, int]:
    return dict(
        rows.order_by().values_list(column).annotate(n=Count("pk"))  # type: ignore[attr-defined]
    )


def _gauge(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=(label,))
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _by_host(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=("host",))


def _age(now: datetime, then: datetime | None) -> float:
    return 0.0 if then is None else max(0.0, (now - then).total_seconds())
