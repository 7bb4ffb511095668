"""Alerts are derived: what should be open is compared with what is."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from sessions.alerts.observation import Incidents, phones_seen, silent_hosts
from sessions.alerts.troubles import Comparison, Key, Trouble, compare, phone_troubles
from sessions.models import Alert

logger = logging.getLogger(__name__)

SURVEY_LOCK = 0x5357_414C  # any number; the same for every process
KEPT = timedelta(days=90)  # of alerts that are over


def survey(now: datetime) -> int:
    """Raise what is new and end what is over; how many rows that were.

    Any number of processes may do it, at once too: on PostgreSQL one of them writes
    and the others leave it to it, and the database has one open alert of a kind and
    subject. What was seen is looked at again under the lock, so that nobody raises
    what another process has just seen ending.
    """
    if not _compared(now):
        return 0
    with transaction.atomic():
        if not _alone():
            return 0
        found = _compared(now)
        if found:
            _write(found, now)
        return len(found.new) + len(found.changed) + len(found.over)


def _compared(now: datetime) -> Comparison:
    rows = Alert.objects.open().values_list("kind", "subject", "pk", "cause", "values")
    opened = {
        (kind, subject): (alert_id, cause, values)
        for kind, subject, alert_id, cause, values in rows
    }
    return compare(list(_troubles(now, opened)), opened)


def _troubles(now: datetime, opened: Iterable[Key]) -> Iterable[Trouble]:
    incidents = Incidents.now()
    yield from incidents.troubles()
    yield from silent_hosts()
    keys: dict[str, list[Key]] = {}
    for key in opened:
        keys.setdefault(key[1], []).append(key)
    for phone in phones_seen(incidents):
        yield from phone_troubles(
            phone,
            keys.get(phone.subject, ()),
            now=now,
            patience=settings.WHATSAPP_DOWN_ALERT,
        )


def _alone() -> bool:
    """SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SURVEY_LOCK])
        return bool(cursor.fetchone()[0])


def _write(found: Comparison, now: datetime) -> None:
    Alert.objects.bulk_create(
        (_row(trouble, now) for trouble in found.new), ignore_conflicts=True
    )
    for alert_id, trouble in found.changed:
        Alert.objects.open().filter(pk=alert_id).update(
            cause=trouble.cause, values=trouble.values
        )
    if found.over:
        _end(found.over, now)
        Alert.objects.filter(over_at__lt=now - KEPT).delete()
    for trouble in found.new:
        logger.warning(
            "alert raised kind=%s subject=%s cause=%s",
            trouble.kind,
            trouble.subject,
            trouble.cause or "-",
        )


def _row(trouble: Trouble, now: datetime) -> Alert:
    is_told = trouble.phone_id is not None and trouble.incident_id is not None
    return Alert(
        kind=trouble.kind,
        subject=trouble.subject,
        organization_id=trouble.organization_id,
        phone_id=trouble.phone_id,
        host_id=trouble.host_id,
        incident_id=trouble.incident_id,
        cause=trouble.cause,
        values=dict(trouble.values),
        raised_at=trouble.since,
        # The incident's own alert tells of it.
        next_try_at=None if is_told else now,
    )


def _end(alert_ids: list[int], now: datetime) -> None:
    """What nobody was told of ends in silence, too."""
    ending = Alert.objects.open().filter(pk__in=alert_ids)
    ending.filter(told_at=None).update(over_at=now, next_try_at=None)
    ending.update(over_at=now, next_try_at=now, tries=0, last_error="")
    logger.info("alerts over ids=%s", alert_ids)
