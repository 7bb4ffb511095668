"""The Alerts page: who sees what, and the test alert."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sessions.models import Alert, Host, Incident
from tests.alerts.receivers import WebServer
from tests.factories import make_phone

PAGE = "/admin/phone_sessions/alert/"
TEST = PAGE + "test/"


@pytest.fixture
def alert(phone):
    return Alert.objects.create(
        kind="held",
        subject=f"phone:{phone.pk}",
        phone=phone,
        organization=phone.organization,
        cause="r1",
    )


@pytest.fixture
def of_the_fleet(db):
    host = Host.objects.create(name="server-7", beat_at=timezone.now())
    incident = Incident.objects.create(kind="overloaded", cause="s2")
    return (
        Alert.objects.create(
            kind="host_silent",
            subject="host:7",
            host=host,
            values={"host": "server-7"},
        ),
        Alert.objects.create(
            kind="incident", subject="incident:1", incident=incident, cause="s2"
        ),
    )


@pytest.fixture
def webhook(settings):
    with WebServer() as server:
        settings.WHATSAPP_ALERT_URL = server.url
        yield server


def text(client, address=PAGE):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_member_sees_the_alerts_of_their_phones_only(
    browse, viewer, alert, of_the_fleet, phone
):
    elsewhere = make_phone()
    Alert.objects.create(
        kind="banned",
        subject="phone:0",
        phone=elsewhere,
        organization=elsewhere.organization,
    )

    page = text(browse(viewer))

    assert "Another program" in page
    assert str(phone) in page
    assert elsewhere.phone_number not in page
    assert "server-7" not in page
    assert "Send a test alert" not in page
    for hidden in of_the_fleet:
        answer = browse(viewer).get(f"{PAGE}{hidden.pk}/change/")
        assert answer.status_code in (302, 404)


def test_a_superuser_sees_all_and_the_open_ones_first(
    browse, superuser, alert, of_the_fleet
):
    Alert.objects.filter(pk=alert.pk).update(over_at=timezone.now())

    page = text(browse(superuser))

    assert page.index("server-7") < page.index("Another program")
    assert "WhatsApp is overloaded" in page
    assert "/admin/phone_sessions/incident/" in page
    assert "/admin/phone_sessions/host/" in page
    assert "Another program" not in text(browse(superuser), PAGE + "?state=open")
    assert "server-7 " not in text(browse(superuser), PAGE + "?state=over")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "not told"),
        ({"told_at": timezone.now(), "next_try_at": None}, "told 20"),
        ({"last_error": "HTTP 503"}, "not told: HTTP 503 · <time"),
        ({"last_error": "HTTP 404", "next_try_at": None}, "not told: HTTP 404"),
    ],
)
def test_the_page_says_whether_it_was_told(browse, superuser, alert, fields, words):
    Alert.objects.filter(pk=alert.pk).update(**fields)

    assert words in text(browse(superuser))
    assert "Another program" in text(browse(superuser), f"{PAGE}{alert.pk}/change/")


def test_no_alert_is_said_in_words(browse, superuser, viewer):
    for person in (superuser, viewer):
        assert "No alerts" in text(browse(person))


def test_the_sidebar_counts_what_is_open(
    browse, superuser, viewer, alert, of_the_fleet
):
    for person, count in ((superuser, 3), (viewer, 1)):
        answer = browse(person).get("/admin/")
        groups = answer.context["sidebar_navigation"]
        (item,) = [
            item for group in groups for item in group["items"] if item["link"] == PAGE
        ]
        assert item["badge"] == count
    Alert.objects.update(over_at=timezone.now())
    assert "notifications" in text(browse(viewer), "/admin/")


def test_a_test_alert_is_sent_by_a_superuser(browse, superuser, webhook):
    page = text(browse(superuser))
    assert f"http://127.0.0.1:{webhook.port}" in page
    assert "s3cret" not in page

    answer = browse(superuser).post(TEST, follow=True)

    (message,) = webhook.received
    assert message["event"] == "test"
    assert "root" in message["text"]
    assert "was sent to" in answer.content.decode()


def test_a_test_alert_that_fails_says_why(browse, superuser, webhook):
    webhook.answer = 500
    answer = browse(superuser).post(TEST, follow=True)
    assert "HTTP 500" in answer.content.decode()
    assert "s3cret" not in answer.content.decode()


def test_without_an_address_the_page_says_how_to_set_one(browse, superuser):
    page = text(browse(superuser))
    assert "WHATSAPP_ALERT_URL" in page
    assert "Send a test alert" not in page
    answer = browse(superuser).post(TEST, follow=True)
    assert "is not set" in answer.content.decode()


def test_nobody_else_sends_one_and_a_link_does_not(browse, steward, superuser, webhook):
    assert browse(steward).post(TEST).status_code == 403
    assert browse(superuser).get(TEST).status_code == 405
    assert webhook.received == []


def test_nobody_writes_alerts_by_hand(browse, superuser, alert):
    assert browse(superuser).get(PAGE + "add/").status_code == 403
    assert browse(superuser).post(f"{PAGE}{alert.pk}/change/").status_code == 403
    assert browse(superuser).post(f"{PAGE}{alert.pk}/delete/").status_code == 403
