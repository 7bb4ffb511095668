"""Each alert is told once when it begins and once when it is over."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.utils import timezone

from sessions.alerts.channel import NotDelivered
from sessions.alerts.delivery import MOST_TRIES, deliver, retry_at
from sessions.models import Alert
from tests.factories import make_organization, make_phone

RNG = random.Random(1)


class Channel:
    """Keeps what it is given; fails while `broken`."""

    def __init__(self):
        self.messages = []
        self.broken = False
        self.meanwhile = None

    def __call__(self, message):
        if self.meanwhile:
            self.meanwhile()
        if self.broken:
            raise NotDelivered("HTTP 500")
        self.messages.append(message)

    @property
    def events(self):
        return [(m.payload["event"], m.payload["count"]) for m in self.messages]


@pytest.fixture
def channel():
    return Channel()


def raised(kind="held", **fields):
    phone = make_phone(make_organization())
    fields.setdefault("cause", "r1")
    return Alert.objects.create(
        kind=kind,
        subject=f"phone:{phone.pk}",
        phone=phone,
        organization=phone.organization,
        **fields,
    )


def end(*alerts):
    now = timezone.now()
    for alert in alerts:
        Alert.objects.filter(pk=alert.pk).update(over_at=now, next_try_at=now)


def test_a_beginning_and_an_end_are_told_once_each(db, channel):
    alert = raised()

    assert deliver(channel, rng=RNG) == 1
    assert deliver(channel, rng=RNG) == 0
    alert.refresh_from_db()
    assert alert.told_at is not None
    end(alert)
    assert deliver(channel, rng=RNG) == 1
    assert deliver(channel, rng=RNG) == 0
    alert.refresh_from_db()
    assert alert.told_over_at is not None
    assert channel.events == [("begins", 1), ("over", 1)]


def test_many_of_a_kind_are_one_message(db, channel):
    many = [raised() for _ in range(100)]
    raised("banned", cause="b1")

    deliver(channel, rng=RNG)

    assert sorted(channel.events) == [("begins", 1), ("begins", 100)]
    end(*many)
    deliver(channel, rng=RNG)
    assert channel.events[2:] == [("over", 100)]


def test_a_few_are_told_one_by_one(db, channel):
    for _ in range(3):
        raised()
    deliver(channel, rng=RNG)
    assert channel.events == [("begins", 1)] * 3


def test_a_failure_is_kept_and_tried_again_later(db, channel):
    first, second = raised(), raised("banned", cause="b1")
    channel.broken = True

    assert deliver(channel, rng=RNG) == 0

    tried = Alert.objects.get(tries=1)
    assert tried.last_error == "HTTP 500"
    assert tried.next_try_at > timezone.now() + timedelta(seconds=20)
    assert Alert.objects.filter(tries=0).count() == 1  # the round ended with the first
    channel.broken = False
    Alert.objects.update(next_try_at=timezone.now())
    assert deliver(channel, rng=RNG) == 2
    for alert in (first, second):
        alert.refresh_from_db()
        assert (alert.tries, alert.last_error, alert.next_try_at) == (0, "", None)


def test_what_ends_while_it_is_told_is_told_over_then(db, channel):
    alert = raised()
    channel.meanwhile = lambda: Alert.objects.filter(pk=alert.pk).update(
        over_at=timezone.now(), next_try_at=None
    )

    deliver(channel, rng=RNG)
    channel.meanwhile = None
    deliver(channel, rng=RNG)

    assert channel.events == [("begins", 1), ("over", 1)]


def test_what_ends_while_it_could_not_be_told_ends_in_silence(db, channel):
    alert = raised()
    channel.broken = True
    channel.meanwhile = lambda: Alert.objects.filter(pk=alert.pk).update(
        over_at=timezone.now(), next_try_at=None
    )

    deliver(channel, rng=RNG)

    alert.refresh_from_db()
    assert alert.next_try_at is None


def test_a_sender_that_died_is_given_up_after_a_minute(db, channel):
    alert = raised()
    assert Alert.objects.due(timezone.now()).get().take(timezone.now())

    assert deliver(channel, rng=RNG) == 0
    alert.refresh_from_db()
    wait = alert.next_try_at - timezone.now()
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_two_processes_tell_it_once(channel):
    for _ in range(4):
        raised()
    together = threading.Barrier(3)

    def process():
        together.wait(10)
        deliver(channel, rng=random.Random())
        connections.close_all()

    threads = [threading.Thread(target=process) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sum(count for _, count in channel.events) == 4
    assert not Alert.objects.filter(told_at=None).exists()


def test_retries_grow_to_an_hour_and_last_about_a_day():
    now = datetime(2026, 11, 22, tzinfo=UTC)
    rng = random.Random(3)
    waits = []
    for tries in range(1, MOST_TRIES):
        at = retry_at(tries, now=now, rng=rng)
        waits.append((at - now).total_seconds())

    assert 22 <= waits[0] <= 30
    assert all(2700 <= wait <= 3600 for wait in waits[8:])
    assert 20 * 3600 < sum(waits) < 28 * 3600
    assert len(set(waits)) == len(waits)  # jitter
    assert retry_at(MOST_TRIES, now=now, rng=rng) is None
