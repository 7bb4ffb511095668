"""Warnings in the facts: of phones nobody keeps, that change hands, and of ours."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from phones.models import Change, Status
from sessions.host.warnings import survey, warn
from sessions.models import (
    Fence,
    Host,
    LeaseLost,
    Pairing,
    PairingState,
    PhoneLease,
    SessionFacts,
)
from sessions.policy.rules import Rules
from tests.factories import make_phone

DAY = timedelta(days=1)
RULES = Rules()


@pytest.fixture(autouse=True)
def several_hosts(settings):
    """SQLite serves one host in the product; the SQL itself is the same."""
    settings.WHATSAPP_SINGLE_HOST = False


def make_linked(status=Status.CONNECTED, **facts):
    phone = make_phone(status=status)
    PhoneLease.objects.create(phone=phone)
    SessionFacts.objects.create(phone=phone, linked=True, **facts)
    return phone


def warnings_of(phone):
    return SessionFacts.objects.get(phone=phone).warnings


def look(now=None):
    return survey(now or timezone.now(), RULES)


def keep(phone) -> Fence:
    host = Host.objects.create(name=str(uuid.uuid4()), pk=uuid.uuid4())
    fence = PhoneLease.objects.acquire(phone=phone, host_id=host.pk)
    assert fence is not None
    return fence


@pytest.mark.django_db
def test_a_phone_that_is_away_is_warned_of_and_the_warning_ends_with_a_sighting():
    now = timezone.now()
    phone = make_linked(primary_seen_at=now - 10 * DAY)
    assert look(now) == 1
    warned = warnings_of(phone)["p1"]
    assert (warned["days"], warned["level"]) == (10, "warning")
    assert look(now) == 0  # nothing changed, nothing was written

    assert look(now + 2 * DAY) == 1
    alarm = warnings_of(phone)["p1"]
    assert (alarm["days"], alarm["level"]) == (12, "alarm")
    assert alarm["since"] == warned["since"]
    assert Change.objects.filter(phone_id=phone.pk, kind=Change.Kind.FACT).count() == 2

    SessionFacts.objects.filter(phone=phone).update(primary_seen_at=now + 2 * DAY)
    assert look(now + 2 * DAY) == 1
    assert warnings_of(phone) == {}


@pytest.mark.django_db
def test_without_a_sighting_the_days_count_from_the_pairing():
    now = timezone.now()
    phone = make_linked()
    assert look(now) == 0
    Pairing.objects.create(
        phone=phone,
        state=PairingState.ONLINE,
        expires_at=now,
        paired_at=now - 11 * DAY,
        ended_at=now - 11 * DAY,
    )
    assert look(now) == 1
    assert warnings_of(phone)["p1"]["days"] == 11


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.STOPPED, Status.HELD])
def test_a_phone_that_rests_for_long_is_warned_of_until_it_runs(status):
    now = timezone.now()
    phone = make_linked(status, since=now - 25 * DAY)
    young = make_linked(status, since=now - 24 * DAY)
    assert look(now) == 1
    assert warnings_of(phone)["stopped_long"]["days"] == 25
    assert warnings_of(young) == {}
    phone.status = Status.CONNECTED
    phone.save()
    assert look(now) == 1
    assert warnings_of(phone) == {}


@pytest.mark.django_db
def test_what_runs_or_has_no_keys_does_not_rest():
    now = timezone.now()
    running = make_linked(Status.CONNECTED, since=now - 90 * DAY)
    gone = make_linked(Status.LOGGED_OUT, since=now - 90 * DAY)
    SessionFacts.objects.filter(phone=gone).update(linked=False)
    assert look(now) == 0
    assert warnings_of(running) == warnings_of(gone) == {}


@pytest.mark.django_db
def test_the_keeper_and_the_survey_do_not_lose_each_others_words():
    now = timezone.now()
    phone = make_linked(primary_seen_at=now - 10 * DAY)
    fence = keep(phone)
    warn(fence, "d1", {"percent": 50, "messages": 20}, now)
    look(now)
    after = warn(fence, "i2", {"time": (now + DAY).isoformat()}, now)
    assert set(after) == set(warnings_of(phone)) == {"p1", "d1", "i2"}
    warn(fence, "d1", None, now)
    assert set(warnings_of(phone)) == {"p1", "i2"}
    look(now + DAY)
    assert set(warnings_of(phone)) == {"p1"}


@pytest.mark.django_db
def test_a_storm_is_over_when_no_session_runs():
    now = timezone.now()
    phone = make_linked()
    warn(keep(phone), "d1", {"percent": 50, "messages": 20}, now)
    assert look(now) == 0
    phone.status = Status.STOPPED
    phone.save()
    assert look(now) == 1
    assert warnings_of(phone) == {}


@pytest.mark.django_db
def test_a_host_that_lost_the_phone_warns_of_nothing():
    phone = make_linked()
    old = keep(phone)
    PhoneLease.objects.filter(phone=phone).update(host=None)
    keep(phone)
    with pytest.raises(LeaseLost):
        warn(old, "d1", {"percent": 50}, timezone.now())
    assert warnings_of(phone) == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_a_survey_waits_for_whoever_is_taking_the_phone():
    """The lease row's lock puts the two one after the other."""
    now = timezone.now()
    phone = make_linked(primary_seen_at=now - 10 * DAY)
    done = threading.Event()

    def survey_in_a_thread():
        try:
            look(now)
        finally:
            connection.close()
            done.set()

    thread = threading.Thread(target=survey_in_a_thread)
    with transaction.atomic():
        fence = keep(phone)
        thread.start()
        assert not done.wait(0.5)
        # What the new keeper writes in the meantime is not overwritten.
        warn(fence, "i2", {"time": (now + DAY).isoformat()}, now)
    assert done.wait(10)
    thread.join()
    assert set(warnings_of(phone)) == {"p1", "i2"}
