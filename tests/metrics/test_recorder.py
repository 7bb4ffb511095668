from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from metrics.models import ConnectionMetrics, Event
from metrics.recorder import record

NOW = datetime(2026, 11, 22, 14, 0, 5, tzinfo=UTC)
LOSSES = [Event.DISCONNECTED, Event.LOGGED_OUT, Event.CRASHED]
OTHERS = [event for event in Event if event not in LOSSES]


def lose(phone, event=Event.LOGGED_OUT, **fields):
    return record(
        **{
            "phone_id": phone.pk,
            "event": event,
            "cause": "u1",
            "code": 401,
            "message": "device_removed",
            "connected_at": NOW - timedelta(seconds=90),
            "last_action": "sent text",
            "library_version": "neonize 0.5.2",
            "host": "alpha",
            "now": NOW,
            **fields,
        }
    )


@pytest.mark.django_db
def test_a_row_holds_what_was_given(phone):
    evidence = {"fields": {"reason": "LOGGED_OUT"}, "log": ["x"]}
    lose(phone, pairing=7, evidence=evidence)

    row = ConnectionMetrics.objects.get()
    assert (row.phone_id, row.event, row.cause) == (phone.pk, "logged_out", "u1")
    assert (row.error_code, row.error_message) == (401, "device_removed")
    assert (row.timestamp, row.connected_seconds) == (NOW, 90.0)
    assert (row.last_action, row.library_version) == ("sent text", "neonize 0.5.2")
    assert (row.host, row.pairing, row.evidence) == ("alpha", 7, evidence)


@pytest.mark.django_db
def test_a_row_with_nothing_but_an_event(phone):
    record(phone_id=phone.pk, event=Event.QR_GENERATED, now=NOW)

    row = ConnectionMetrics.objects.get()
    assert (row.error_code, row.error_message, row.connected_seconds) == (None,) * 3
    assert (row.cause, row.pairing, row.evidence) == ("", None, None)


@pytest.mark.django_db
@pytest.mark.parametrize("event", [Event.CONNECTED, Event.PAIRED, Event.QR_EXPIRED])
def test_only_a_loss_or_an_error_has_a_time_since_connect(phone, event):
    assert lose(phone, event).connected_seconds is None


@pytest.mark.django_db
def test_a_clock_that_went_back_gives_no_negative_time(phone):
    row = lose(phone, connected_at=NOW + timedelta(seconds=3))
    assert row.connected_seconds == 0


@pytest.mark.django_db
def test_numbers_keys_and_qr_texts_are_not_kept(phone):
    row = lose(
        phone,
        message="from 77054810862@s.whatsapp.net",
        last_action="sent to 77054810862",
        evidence={"log": ["for 77054810862"], "qr": "2@abc", "noise_key": "x"},
    )
    row.refresh_from_db()
    kept = json.dumps([row.error_message, row.last_action, row.evidence])
    assert "77054810862" not in kept
    assert row.evidence == {"log": ["for 77***62"]}


@pytest.mark.django_db
def test_long_values_fit_their_columns(phone):
    row = lose(
        phone,
        cause="c" * 99,
        message="m " * 999,
        last_action="a " * 99,
        library_version="v" * 99,
        host="h" * 199,
    )
    row.full_clean(exclude=["phone", "pairing", "evidence"])


@pytest.mark.django_db
@pytest.mark.parametrize("event", LOSSES)
def test_a_loss_is_logged_as_one_record_with_the_number_masked(
    phone, event, caplog, django_capture_on_commit_callbacks
):
    phone.phone_jid = "77054810862:12@s.whatsapp.net"
    phone.save()
    with (
        caplog.at_level(logging.INFO, "metrics"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        lose(phone, event)

    (said,) = [r.getMessage() for r in caplog.records if r.name == "metrics.recorder"]
    assert said.startswith(f"session lost phone={phone.pk} event={event}\n")
    assert "=== DISCONNECT EVENT ===\nTime: 2026-11-22 14:00:05+00:00\n" in said
    assert "Number: 77***62\nError code: 401\n" in said
    assert "Time since the last connect: 0:01:30\n" in said
    assert "Library version: neonize 0.5.2\n" in said
    assert "77054810862" not in said


@pytest.mark.django_db
@pytest.mark.parametrize("event", OTHERS)
def test_what_is_no_loss_is_not_logged(
    phone, event, caplog, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        lose(phone, event)
    assert callbacks == []
    assert caplog.records == []


@pytest.mark.django_db(transaction=True)
def test_a_loss_that_is_rolled_back_is_not_logged(phone, caplog):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        lose(phone)
        raise ZeroDivisionError

    assert not ConnectionMetrics.objects.exists()
    assert "DISCONNECT EVENT" not in caplog.text
