from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from metrics.models import ConnectionMetrics, Event
from metrics.paging import MOST_ROWS, BoundedPaginator
from phones.models import OrganizationPhone
from tests.factories import make_phone

LIST = reverse("admin:metrics_connectionmetrics_changelist")


def make_row(phone, event=Event.DISCONNECTED, **fields):
    return ConnectionMetrics.objects.create(phone=phone, event=event, **fields)


def page_of(row):
    return reverse("admin:metrics_connectionmetrics_change", args=[row.pk])


def shown(client, **query):
    return list(client.get(LIST, query).context["cl"].result_list)


@pytest.fixture
def loss(phone):
    phone.phone_jid = "77054810862:12@s.whatsapp.net"
    phone.save()
    return make_row(
        phone,
        Event.LOGGED_OUT,
        cause="u1",
        error_code=401,
        error_message="device_removed",
        connected_seconds=90,
        library_version="neonize 0.5.2",
        evidence={"log": ["<script>alert(1)</script>"]},
    )


def test_a_viewer_sees_the_rows_of_the_organization_only(
    client, viewer, stranger, loss
):
    foreign = make_row(OrganizationPhone.objects.get(phone_number="4915112345678"))
    client.force_login(viewer)

    assert shown(client) == [loss]
    assert client.get(page_of(loss)).status_code == 200
    assert client.get(page_of(foreign)).status_code == 302


def test_a_superuser_sees_all(client, superuser, stranger, loss):
    make_row(OrganizationPhone.objects.get(phone_number="4915112345678"))
    client.force_login(superuser)
    assert len(shown(client)) == 2


def test_nobody_writes_history(client, superuser, loss):
    client.force_login(superuser)
    add = reverse("admin:metrics_connectionmetrics_add")
    delete = reverse("admin:metrics_connectionmetrics_delete", args=[loss.pk])

    assert client.get(add).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert client.post(page_of(loss), {"error_code": 1}).status_code == 403
    loss.refresh_from_db()
    assert loss.error_code == 401


def test_the_page_of_a_loss_shows_the_record_whole_and_escaped(client, viewer, loss):
    client.force_login(viewer)
    html = client.get(page_of(loss)).content.decode()

    assert "=== DISCONNECT EVENT ===" in html
    assert "Number: 77054810862:12@s.whatsapp.net" in html
    assert "Error message: device_removed" in html
    assert "scan a new QR code" in html
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_moments_are_shown_to_the_second(client, superuser, phone):
    row = make_row(phone, timestamp=datetime(2026, 11, 20, 9, 30, 7, tzinfo=UTC))
    client.force_login(superuser)
    for url in (LIST, page_of(row)):
        assert "2026-11-20 09:30:07" in client.get(url).content.decode()


def test_the_page_of_a_connect_has_no_record(client, viewer, phone):
    row = make_row(phone, Event.CONNECTED)
    client.force_login(viewer)
    assert "DISCONNECT EVENT" not in client.get(page_of(row)).content.decode()


def test_search_finds_numbers_and_codes(client, superuser, loss, organization):
    other = make_row(make_phone(organization, phone_number="79161234567"), cause="n1")
    client.force_login(superuser)

    assert shown(client, q="+7 705 481") == [loss]
    assert shown(client, q="9161") == [other]
    assert shown(client, q="401") == [loss]
    assert shown(client, q="hello") == []


def test_search_does_not_tell_of_foreign_numbers(client, viewer, stranger, loss):
    make_row(OrganizationPhone.objects.get(phone_number="4915112345678"))
    client.force_login(viewer)
    assert shown(client, q="4915112345678") == []


def test_filters_by_event_and_cause(client, superuser, loss, phone):
    lost = make_row(phone, cause="n1")
    client.force_login(superuser)

    assert shown(client, event__exact="logged_out") == [loss]
    assert shown(client, cause="n1") == [lost]


@pytest.mark.parametrize(
    ("language", "day", "clock"),
    [
        ("en", "2026-11-20", "15:00:00"),
        ("ru", "20.11.2026", "15:00:00"),
        ("en", "11/20/2026", "15:00"),
    ],
)
def test_filters_by_moments_as_the_reader_writes_them(
    client, superuser, phone, settings, language, day, clock
):
    settings.LANGUAGE_CODE = language
    settings.TIME_ZONE = "Asia/Almaty"  # UTC+5
    before, within = (
        make_row(phone, timestamp=datetime(2026, 11, 20, hour, 30, tzinfo=UTC))
        for hour in (9, 10)
    )
    client.force_login(superuser)

    assert shown(client, timestamp_from_0=day, timestamp_from_1=clock) == [within]
    assert shown(client, timestamp_to_0=day, timestamp_to_1=clock) == [before]


def test_a_day_without_a_time_is_the_whole_day(client, superuser, phone):
    first, last, _after = (
        make_row(phone, timestamp=datetime(2026, 11, *day_hour, tzinfo=UTC))
        for day_hour in ((20, 0), (20, 23), (21, 0))
    )
    client.force_login(superuser)
    day = {"timestamp_from_0": "2026-11-20", "timestamp_to_0": "2026-11-20"}
    assert shown(client, **day) == [last, first]


def test_a_moment_that_is_none_filters_nothing(client, superuser, loss):
    client.force_login(superuser)
    assert shown(client, timestamp_from_0="soon", timestamp_from_1="x") == [loss]


def test_every_page_is_answered_by_few_cheap_queries(client, superuser, loss, phone):
    for _ in range(60):
        make_row(phone)
    client.force_login(superuser)
    client.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(LIST)

    asked = [q["sql"] for q in queries if "ConnectionMetrics" in q["sql"]]
    assert len(asked) == 2  # the bounded count and the page
    assert not any("DISTINCT" in sql for sql in asked)
    assert f"LIMIT {MOST_ROWS}" in asked[0]
    assert 'ORDER BY "ConnectionMetrics"."timestamp" DESC' in asked[1]


def test_it_cannot_be_ordered_by_what_has_no_index():
    page = admin.site.get_model_admin(ConnectionMetrics)
    assert page.sortable_by == ("at",)
    assert page.date_hierarchy is None


@pytest.mark.django_db
def test_the_count_ends(phone, monkeypatch):
    monkeypatch.setattr("metrics.paging.MOST_ROWS", 3)
    for _ in range(5):
        make_row(phone)
    assert BoundedPaginator(ConnectionMetrics.objects.all(), 2).num_pages == 2
    assert BoundedPaginator([1, 2, 3, 4, 5], 2).count == 5
