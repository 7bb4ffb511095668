"""What a message says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from sessions.alerts.message import SHOWN, message_of, trial_message
from sessions.alerts.wording import HOSTS_PAGE, INCIDENT_PAGE, PHONE_PAGE
from sessions.models import Alert, Host, Incident, PhoneLease
from tests.factories import make_organization, make_phone

NUMBER = "77054810862"


@pytest.fixture
def held(db):
    phone = make_phone(make_organization(name="Acme"), phone_number=NUMBER)
    return Alert.objects.create(
        kind="held",
        subject=f"phone:{phone.pk}",
        phone=phone,
        organization=phone.organization,
        cause="r1",
        raised_at=timezone.now() - timedelta(minutes=5),
    )


def test_it_says_whose_phone_it_is_and_never_the_whole_number(held, settings):
    settings.WHATSAPP_PORTAL_URL = "https://portal.example.org"

    message = message_of([held], is_over=False)

    assert message.subject == "[Switchboard] Acme 77***62: held until a person acts"
    assert message.text.startswith("Another program")
    link = f"https://portal.example.org{PHONE_PAGE % held.phone_id}"
    assert message.text.endswith(link)
    assert NUMBER not in message.text + message.subject + str(message.as_json())
    (told,) = message.as_json()["alerts"]
    assert told["organization"] == "Acme"
    assert told["phone"] == "77***62"
    assert told["cause"] == "r1"
    assert told["link"] == link
    assert told["over_at"] is None


def test_its_end_says_from_when_to_when(held):
    held.over_at = timezone.now()

    message = message_of([held], is_over=True)

    assert message.subject.startswith("[Switchboard] Over: Acme 77***62")
    assert message.text.count("UTC") == 2
    assert message.as_json()["alerts"][0]["over_at"] is not None
    assert "http" not in message.text  # there is no WHATSAPP_PORTAL_URL


def test_it_speaks_the_language_of_the_server(held, settings):
    settings.LANGUAGE_CODE = "ru"
    with translation.override("en"):
        message = message_of([held], is_over=False)
    assert "программа" in message.text


def test_a_drill_says_that_it_is_one(held, settings):
    settings.SANDBOX = True
    message = message_of([held], is_over=False)
    assert message.subject.startswith("[Switchboard, sandbox]")
    assert message.as_json()["sandbox"] is True


def test_many_are_listed_up_to_a_limit(held):
    message = message_of([held] * (SHOWN + 5), is_over=False)

    assert f"{SHOWN + 5} alerts" in message.subject
    assert message.text.count("77***62") == SHOWN
    assert "5 more" in message.text
    assert message.as_json()["count"] == SHOWN + 5
    assert len(message.as_json()["alerts"]) == SHOWN


def test_a_name_cannot_break_a_mails_subject(held):
    held.organization.name = "Acme\r\nBcc: all@example.org"
    assert "\n" not in message_of([held], is_over=False).subject


def test_a_silent_server_names_its_phones(db):
    host = Host.objects.create(name="server-7", beat_at=timezone.now())
    for _ in range(2):
        PhoneLease.objects.create(phone=make_phone(), host=host)
    alert = Alert.objects.create(
        kind="host_silent",
        subject=f"host:{host.pk}",
        host=host,
        values={"host": "server-7"},
    )

    message = message_of([alert], is_over=False)

    assert message.subject == "[Switchboard] server-7: a server is silent"
    assert "The server server-7 has not been heard of since" in message.text
    assert "2 phones wait" in message.text


def test_an_incident_counts_the_phones_of_now(db):
    incident = Incident.objects.create(kind="unreachable", cause="n3", phone_count=40)
    alert = Alert.objects.create(
        kind="incident", subject="incident:1", incident=incident, cause="n3"
    )
    message = message_of([alert], is_over=False)
    assert "WhatsApp cannot be reached: 40 phones." in message.text


@pytest.mark.parametrize("kind", Alert.Kind.values)
def test_every_kind_has_words(db, kind):
    alert = Alert(kind=kind, subject="x", values={"unserved": True})
    message = message_of([alert], is_over=False)
    assert message.subject.strip()
    assert len(message.text) > 10


def test_the_links_are_those_of_the_admin(db):
    """The host process has no admin to ask."""
    assert reverse("admin:phones_organizationphone_change", args=[7]) == PHONE_PAGE % 7
    incident = reverse("admin:phone_sessions_incident_change", args=[7])
    assert incident == INCIDENT_PAGE % 7
    assert reverse("admin:phone_sessions_host_changelist") == HOSTS_PAGE


def test_the_trial_names_who_sent_it():
    message = trial_message("root")
    assert "root" in message.text
    assert message.as_json()["event"] == "test"
