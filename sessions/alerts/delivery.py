"""Telling what is due: each alert once when it begins and once when it is over."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from django.utils import timezone

from sessions.alerts.channel import Channel, NotDelivered
from sessions.alerts.message import message_of
from sessions.models import Alert

logger = logging.getLogger(__name__)

MOST = 500  # alerts of one round
BUNDLE = 3  # more than this many of a kind are one message
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
JITTER = 0.25  # a delay is shortened by up to this share
MOST_TRIES = 32  # about a day


def retry_at(tries: int, *, now: datetime, rng: random.Random) -> datetime | None:
    """When the try after `tries` failed ones is due; None: it has lasted a day."""
    if tries >= MOST_TRIES:
        return None
    delay: timedelta = min(FIRST_RETRY * 2 ** min(tries - 1, 16), LONGEST_RETRY)
    return now + delay * (1 - JITTER * rng.random())


def deliver(channel: Channel, *, rng: random.Random) -> int:
    """Send what is due; how many messages arrived.

    A failure ends the round: what is still due would fail alike, each with a timeout.
    """
    sent = 0
    for is_over, alerts in _bundles(Alert.objects.due(timezone.now())[:MOST]):
        taken = [alert for alert in alerts if alert.take(timezone.now())]
        if not taken:
            continue  # another process tells of them
        try:
            channel(message_of(taken, is_over=is_over))
        except NotDelivered as error:
            _put_off(taken, str(error), rng)
            break
        Alert.objects.note_told([alert.pk for alert in taken], timezone.now(), is_over)
        sent += 1
    return sent


def _bundles(alerts: Iterable[Alert]) -> Iterator[tuple[bool, list[Alert]]]:
    """(is it their end, alerts that share a message)."""

    def sort(alert: Alert) -> tuple[bool, str]:
        return alert.over_at is not None, alert.kind

    for (is_over, _), group in groupby(sorted(alerts, key=sort), key=sort):
        same = list(group)
        size = len(same) if len(same) > BUNDLE else 1
        for first in range(0, len(same), size):
            yield is_over, same[first : first + size]


def _put_off(alerts: list[Alert], reason: str, rng: random.Random) -> None:
    now = timezone.now()
    for alert in alerts:
        at = retry_at(alert.tries, now=now, rng=rng)
        alert.note_failure(reason, at)
        logger.warning(
            "alert not delivered alert=%s tries=%s next=%s error=%s",
            alert.pk,
            alert.tries,
            at.isoformat(timespec="seconds") if at else "never",
            reason,
        )
