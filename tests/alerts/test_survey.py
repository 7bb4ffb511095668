"""Alerts are raised and ended by what the database says."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from metrics.models import ConnectionMetrics
from phones.models import OrganizationPhone, Status
from sessions.alerts import survey
from sessions.models import Alert, Host, Incident, PhoneLease, SessionFacts, Wish
from tests.factories import make_phone

LONG = timedelta(hours=1)


def seen(status, *, host=None, wanted=True, age=LONG, **facts):
    """A linked phone in this state since `age`."""
    at = timezone.now() - age
    phone = make_phone(status=status, last_connected_at=at - LONG)
    facts.setdefault("since", at)
    facts.setdefault("linked", True)
    SessionFacts.objects.create(phone=phone, **facts)
    Wish.objects.create(
        phone=phone, desired="run" if wanted else "stop", changed_at=at - 2 * LONG
    )
    PhoneLease.objects.create(
        phone=phone,
        host=host.row if host else None,
        taken_at=at - LONG,
        expires_at=timezone.now() + LONG,
    )
    return phone


def opened():
    alerts = Alert.objects.open().values_list("kind", "subject")
    return sorted((kind, subject) for kind, subject in alerts)


def change(phone, status, **facts):
    OrganizationPhone.objects.filter(pk=phone.pk).update(status=status)
    if facts:
        SessionFacts.objects.filter(phone=phone).update(**facts)


def test_a_fleet_that_is_well_has_no_alerts(host):
    seen(Status.CONNECTED, host=host)
    seen(Status.STOPPED, wanted=False)
    make_phone()

    assert survey(timezone.now()) == 0
    assert opened() == []


def test_every_trouble_of_a_phone_is_raised_once(host):
    held = seen(Status.HELD, host=host, cause="r1", rule="replaced_twice")
    out = seen(Status.LOGGED_OUT, linked=False, cause="u1", cause_values={"code": 401})
    banned = seen(Status.WAITING, host=host, cause="b2", rule="ban")
    slow = seen(Status.WAITING, host=host, cause="n2", rule="slow_lane")
    warned = seen(Status.CONNECTED, host=host, warnings={"p1": {"days": 11}})
    orphan = seen(Status.CONNECTED)
    raised = [
        ("banned", f"phone:{banned.pk}"),
        ("down", f"phone:{orphan.pk}"),
        ("held", f"phone:{held.pk}"),
        ("logged_out", f"phone:{out.pk}"),
        ("slow_lane", f"phone:{slow.pk}"),
        ("warning", f"phone:{warned.pk}:p1"),
    ]

    assert survey(timezone.now()) == len(raised)
    assert opened() == raised
    assert survey(timezone.now()) == 0
    assert Alert.objects.count() == len(raised)
    alert = Alert.objects.get(kind="logged_out")
    assert (alert.phone, alert.organization) == (out, out.organization)
    assert (alert.cause, alert.values) == ("u1", {"code": 401})
    assert alert.next_try_at is not None


def test_it_ends_when_the_phone_is_well_and_may_come_again(host):
    phone = seen(Status.HELD, host=host, cause="r1")
    survey(timezone.now())
    change(phone, Status.CONNECTED, cause="")

    assert survey(timezone.now()) == 1
    assert opened() == []
    change(phone, Status.HELD, cause="r1")
    survey(timezone.now())
    assert opened() == [("held", f"phone:{phone.pk}")]
    assert Alert.objects.count() == 2


def test_what_was_told_is_told_over_and_what_was_not_ends_in_silence(host):
    told = seen(Status.HELD, host=host, cause="r1")
    untold = seen(Status.HELD, host=host, cause="r1")
    survey(timezone.now())
    Alert.objects.filter(phone=told).update(
        told_at=timezone.now(), next_try_at=None, tries=3, last_error="x"
    )
    for phone in (told, untold):
        change(phone, Status.CONNECTED)

    survey(timezone.now())

    alert = Alert.objects.get(phone=told)
    assert alert.next_try_at is not None
    assert (alert.tries, alert.last_error) == (0, "")
    assert Alert.objects.get(phone=untold).next_try_at is None


def test_down_counts_from_the_first_loss_after_the_last_connect(host):
    phone = seen(Status.CONNECTING, host=host, age=timedelta(seconds=5), cause="n2")
    now = timezone.now()
    OrganizationPhone.objects.filter(pk=phone.pk).update(
        last_connected_at=now - timedelta(minutes=20)
    )
    for minutes in (40, 4, 2):
        ConnectionMetrics.objects.create(
            phone=phone,
            event="disconnected",
            cause="n2",
            timestamp=now - timedelta(minutes=minutes),
        )

    survey(now)
    assert opened() == []
    survey(now + timedelta(minutes=2))
    assert opened() == [("down", f"phone:{phone.pk}")]
    age = now - Alert.objects.get().raised_at
    assert timedelta(minutes=4) <= age < timedelta(minutes=5)


@pytest.mark.parametrize("who", ["host", "lease", "incident", "wish"])
def test_who_can_bring_it_back_since_a_moment_is_given_time(host, who):
    phone = seen(Status.DISCONNECTED, host=host, cause="n2")
    now = timezone.now()
    if who == "host":
        Host.objects.filter(pk=host.row.pk).update(started_at=now)
    elif who == "lease":
        PhoneLease.objects.filter(phone=phone).update(taken_at=now)
    elif who == "wish":
        Wish.objects.filter(phone=phone).update(changed_at=now)
    else:
        Incident.objects.create(kind="unreachable", cause="n3", ended_at=now)

    survey(now)
    assert opened() == []
    survey(now + timedelta(minutes=6))
    assert opened() == [("down", f"phone:{phone.pk}")]


def test_a_silent_server_is_told_and_a_stopped_one_is_not(db):
    long_ago = timezone.now() - timedelta(minutes=2)
    silent = Host.objects.create(name="silent", beat_at=long_ago)
    Host.objects.create(name="stopped", beat_at=long_ago, stopped_at=long_ago)
    Host.objects.create(name="caretaker")
    Host.objects.create(name="gone", beat_at=timezone.now() - timedelta(days=8))

    survey(timezone.now())
    assert opened() == [("host_silent", f"host:{silent.pk}")]

    silent.beat()
    survey(timezone.now())
    assert opened() == []


def test_an_incident_is_one_alert_and_its_phones_are_none(host):
    incident = Incident.objects.create(kind="unreachable", cause="n3", phone_count=3)
    phones = [
        seen(Status.WAITING, host=host, cause="n3", rule="incident", incident=incident)
        for _ in range(3)
    ]

    survey(timezone.now())
    assert opened() == [("incident", f"incident:{incident.pk}")]

    Incident.objects.filter(pk=incident.pk).update(ended_at=timezone.now())
    survey(timezone.now())
    assert opened() == []
    survey(timezone.now() + timedelta(minutes=6))
    assert len(opened()) == len(phones)


def test_phones_that_an_incident_tells_of_are_shown_and_not_told(host):
    Incident.objects.create(kind="logged_out", cause="u1")
    out = seen(Status.LOGGED_OUT, linked=False, cause="u1")
    other = seen(Status.HELD, host=host, cause="r1")

    survey(timezone.now())

    assert Alert.objects.get(phone=out).next_try_at is None
    assert Alert.objects.get(phone=out).incident is not None
    assert Alert.objects.get(phone=other).next_try_at is not None


def test_an_open_alert_shows_the_cause_of_today(host):
    phone = seen(Status.HELD, host=host, cause="r1")
    survey(timezone.now())
    change(phone, Status.HELD, cause="f1", cause_values={"code": 400})

    assert survey(timezone.now()) == 1

    alert = Alert.objects.get()
    assert (alert.cause, alert.values) == ("f1", {"code": 400})


def test_old_alerts_are_dropped_with_the_next_end(host):
    past = timezone.now() - timedelta(days=91)
    Alert.objects.create(kind="held", subject="phone:1", over_at=past)
    phone = seen(Status.HELD, host=host, cause="r1")
    survey(timezone.now())
    change(phone, Status.CONNECTED)

    survey(timezone.now())

    assert Alert.objects.count() == 1


def test_a_quiet_survey_writes_nothing(host, django_assert_num_queries):
    for _ in range(20):
        seen(Status.CONNECTED, host=host)
    with django_assert_num_queries(6) as captured:
        survey(timezone.now())
    assert all(query["sql"].startswith("SELECT") for query in captured)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_processes_that_survey_at_once_raise_each_alert_once(host):
    phones = [seen(Status.HELD, host=host, cause="r1") for _ in range(5)]
    together = threading.Barrier(4)
    failures = []

    def process():
        try:
            together.wait(10)
            for _ in range(3):
                survey(timezone.now())
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=process) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert Alert.objects.count() == len(phones)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_survey_leaves_it_to_the_one_that_writes(host):
    seen(Status.HELD, host=host, cause="r1")
    changed = []

    def other():
        changed.append(survey(timezone.now()))
        connections.close_all()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [0x5357_414C])
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    assert changed == [0]
    assert survey(timezone.now()) == 1
