from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from metrics.models import ConnectionMetrics, Event
from metrics.record_text import disconnect_record, duration

ROW = ConnectionMetrics(
    event=Event.LOGGED_OUT,
    cause="u1",
    error_code=401,
    error_message="device_removed",
    timestamp=datetime(2026, 11, 22, 14, 0, 5, tzinfo=UTC),
    connected_seconds=3 * 3600 + 4 * 60 + 5.4,
    last_action="sent text",
    library_version="neonize 0.5.2",
)


def test_the_record_names_all_that_the_seed_asked_for():
    assert disconnect_record(ROW, number="77054810862:12@s.whatsapp.net") == (
        "=== DISCONNECT EVENT ===\n"
        "Time: 2026-11-22 14:00:05+00:00\n"
        "Number: 77054810862:12@s.whatsapp.net\n"
        "Error code: 401\n"
        "Error message: device_removed\n"
        "Time since the last connect: 3:04:05\n"
        "Last action: sent text\n"
        "Library version: neonize 0.5.2\n"
        "Cause: u1\n"
        "========================"
    )


def test_the_time_is_the_readers():
    with timezone.override("Asia/Almaty"):
        assert "Time: 2026-11-22 19:00:05+05:00" in disconnect_record(ROW, number="-")


def test_what_is_not_known_is_a_dash():
    row = ConnectionMetrics(event=Event.CRASHED, timestamp=ROW.timestamp)
    text = disconnect_record(row, number="-")
    assert "Error code: —\nError message: —\n" in text
    assert "Time since the last connect: never connected\nLast action: —\n" in text
    assert "Library version: —\nCause: —\n" in text


def test_a_message_cannot_forge_a_line():
    row = ConnectionMetrics(
        event=Event.ERROR,
        timestamp=ROW.timestamp,
        error_message="x\nNumber: 1\r\n========================\n",
    )
    text = disconnect_record(row, number="-")
    assert len(text.splitlines()) == 10
    assert text.count("\nNumber: ") == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00"),
        (59.6, "0:01:00"),
        (3599, "0:59:59"),
        (86399, "23:59:59"),
        (86400, "1 d 0:00:00"),
        (200000, "2 d 7:33:20"),
    ],
)
def test_a_duration(seconds, text):
    assert duration(seconds) == text
