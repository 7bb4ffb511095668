"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from metrics.models import ConnectionMetrics
from metrics.web import probes, readiness
from metrics.web.event_counts import EventCounts
from metrics.web.exposition import Exposition
from metrics.web.readiness import Readiness
from phones.models import Status
from sessions.models import (
    Alert,
    Host,
    Incident,
    Pairing,
    PairingState,
    PhoneLease,
)
from tests.factories import make_organization, make_phone

HERE = {"headers": {"host": "127.0.0.1:8000"}, "REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing that another test's probes kept."""
    monkeypatch.setattr(probes, "readiness", Readiness())
    monkeypatch.setattr(probes, "exposition", Exposition())


def broken_database(monkeypatch):
    def refuse(*arguments, **options):
        raise OperationalError("connection to 10.1.2.3 refused")

    monkeypatch.setattr(connection, "cursor", refuse)


def test_health_asks_neither_the_database_nor_for_a_name(client):
    """No database mark: a query would fail this test."""
    answer = client.get("/healthz", headers={"host": "10.0.0.7:8000"})

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer.cookies == {}


def test_ready_when_database_migrations_and_keys_are_right(client, host):
    answer = client.get("/readyz", headers={"host": "10.0.0.7:8000"})

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": {"database": "ok", "migrations": "ok", "keys": "ok"},
        "hosts": 1,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_fleet_without_hosts_is_ready_to_serve_pages(client, db):
    assert client.get("/readyz").json()["hosts"] == 0
    assert client.get("/readyz").status_code == 200


def test_keys_of_another_database_are_not_ready(client, db, settings):
    settings.AUTH_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["keys"] == "do not fit the database"


def test_a_missing_migration_is_not_ready(client, db, monkeypatch):
    monkeypatch.setattr(
        readiness, "_migrations", lambda: frozenset({("phones", "9999_later")})
    )

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "missing"


def test_a_database_that_is_away_is_named_and_nothing_else_is_told(
    client, db, monkeypatch
):
    with monkeypatch.context() as patch:
        broken_database(patch)
        answer = client.get("/readyz")
        figures = client.get("/metrics", **HERE)

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "not reachable"
    assert answer.json()["hosts"] is None
    assert "10.1.2.3" not in answer.content.decode()
    assert figures.status_code == 503


def test_many_probes_ask_the_database_once(db, django_assert_max_num_queries):
    now = 100.0
    asked = Readiness(clock=lambda: now)
    with django_assert_max_num_queries(6):
        assert len({id(asked.report()) for _ in range(50)}) == 1
    first = asked.report()
    now += readiness.KEPT_SECONDS
    assert asked.report() is not first


def test_a_check_that_hangs_does_not_hold_the_other_probes(monkeypatch):
    monkeypatch.setattr(readiness, "PATIENCE", 0.01)
    asked = Readiness()
    with asked._lock:
        thread = threading.Thread(target=lambda: found.append(asked.report()))
        found = []
        thread.start()
        thread.join(5)

    assert found[0].checks["database"] == "slow"
    assert not found[0].ready


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1", "headers": {"host": "[::1]:8000"}}, 200),
        ({"REMOTE_ADDR": "10.0.0.9"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"headers": {"host": "switchboard.example.org"}}, 403),
        ({"headers": {"host": "127.0.0.1", "x-forwarded-for": "1.2.3.4"}}, 403),
        ({"headers": {"host": "127.0.0.1", "via": "1.1 proxy"}}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads_metrics(client, db, extra, status):
    assert client.get("/metrics", **{**HERE, **extra}).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("Bearer wrong", 401),
        ("Basic s3cret", 401),
        ("s3cret", 401),
        ("Bearer schlüssel", 401),
        ("", 401),
    ],
)
def test_with_a_token_everybody_needs_it(client, db, settings, given, status):
    settings.WHATSAPP_METRICS_TOKEN = "s3cret"

    answer = client.get("/metrics", **{**HERE, "headers": {"authorization": given}})

    assert answer.status_code == status
    assert answer.cookies == {}
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def figures(client):
    """{(sample name, label values…): value} of what /metrics says."""
    answer = client.get("/metrics", **HERE)
    assert answer.status_code == 200
    return {
        (
            sample.name.removeprefix("switchboard_"),
            *sample.labels.values(),
        ): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_the_figures_are_those_of_the_database(client, host):
    organization = make_organization(name="Zzyzx")
    up = make_phone(organization, status=Status.CONNECTED, phone_number="4917655500123")
    make_phone(organization, status=Status.CONNECTED)
    make_phone(organization, status=Status.HELD)
    PhoneLease.objects.create(
        phone=up,
        host=host.row,
        session_pid=7,
        expires_at=timezone.now() + timedelta(seconds=20),
    )
    Host.objects.create(name="gone", beat_at=timezone.now() - timedelta(seconds=90))
    Host.objects.create(name="ended", beat_at=timezone.now(), stopped_at=timezone.now())
    ConnectionMetrics.objects.create(phone=up, event="disconnected", cause="n2")
    ConnectionMetrics.objects.create(phone=up, event="connected")
    Incident.objects.create(kind="unreachable", cause="n3")
    Alert.objects.create(kind="held", subject="phone:1")
    Alert.objects.create(kind="held", subject="phone:2", next_try_at=None)
    Pairing.objects.create(
        phone=up,
        state=PairingState.QR,
        expires_at=timezone.now() + timedelta(seconds=9),
    )

    found = figures(client)

    assert found["phones", "connected"] == 2
    assert found["phones", "held"] == 1
    assert found["phones", "new"] == 0
    assert found["phones_unserved",] == 1
    assert found["hosts", "alive"] == 1
    assert found["hosts", "silent"] == 1
    assert found["hosts", "draining"] == 0
    assert found["host_sessions", "server-1"] == 1
    assert 85 < found["host_heartbeat_age_seconds", "gone"] < 200
    assert 5 < found["host_lease_age_seconds", "server-1"] < 100
    assert ("host_sessions", "ended") not in found
    assert found["events_total", "n2", "disconnected"] == 1
    assert found["events_total", "", "connected"] == 1
    assert found["incidents", "unreachable"] == 1
    assert found["alerts", "held"] == 2
    assert found["alerts_undelivered",] == 1
    assert found["pairings", "qr"] == 1


def test_a_draining_host_is_named_so(client, host):
    Host.objects.filter(pk=host.row.pk).update(draining=True)

    assert figures(client)["hosts", "draining"] == 1


def test_no_person_no_number_and_no_organization_is_in_them(client, host):
    organization = make_organization(name="Zzyzx")
    phone = make_phone(
        organization,
        phone_number="4917655500123",
        phone_jid="4917655500123:3@s.whatsapp.net",
    )
    ConnectionMetrics.objects.create(
        phone=phone, event="disconnected", cause="made up by 4917655500123"
    )
    ConnectionMetrics.objects.create(phone=phone, event="odd", cause="n2")

    text = client.get("/metrics", **HERE).content.decode()

    assert "Zzyzx" not in text
    assert "4917655500123" not in text
    assert 'switchboard_events_total{cause="other",event="disconnected"} 1.0' in text
    assert 'switchboard_events_total{cause="n2",event="other"} 1.0' in text


def test_the_text_is_kept_for_some_seconds(db, django_assert_num_queries):
    now = 100.0
    kept = Exposition(clock=lambda: now)
    first = kept.text()
    with django_assert_num_queries(0):
        assert kept.text() is first
    make_phone()
    now += 5.0
    assert kept.text() != first


def test_counters_count_each_row_once_and_never_go_back(phone):
    now = timezone.now()
    counter = EventCounts()

    def lose(at):
        return ConnectionMetrics.objects.create(
            phone=phone, event="disconnected", cause="n2", timestamp=at
        )

    def count(at):
        return counter.counts(at)["disconnected", "n2"]

    for minutes in range(5):
        lose(now - timedelta(minutes=minutes))
    assert count(now) == 5
    assert count(now) == 5
    last = lose(now + timedelta(seconds=10))
    lose(now - timedelta(seconds=20))  # committed late
    assert count(now + timedelta(seconds=15)) == 7
    assert count(now + timedelta(minutes=2)) == 7
    last.delete()
    assert count(now + timedelta(minutes=2)) == 7
    lose(now + timedelta(minutes=3))
    assert count(now + timedelta(minutes=10)) == 8


def test_a_later_scrape_reads_only_what_is_new(phone, django_assert_num_queries):
    counter = EventCounts()
    counter.counts(timezone.now())
    with django_assert_num_queries(1) as captured:
        counter.counts(timezone.now())
    assert '"timestamp" >= ' in captured[0]["sql"]
