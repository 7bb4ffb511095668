"""The statements that operators know by heart run unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from phones.models import OrganizationPhone
from sessions.models import BaileysAuth

STATEMENTS = Path(__file__).with_name("seed_statements.sql").read_text().split("\n\n")
AUTH_STATE, PHONE_STATE, CLEAR_ALL = STATEMENTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def auth_row(phone):
    return BaileysAuth.objects.create(
        organization_id=phone.organization_id,
        phone_jid="77054810862",
        key="creds",
        value="0123456789",
    )


def query(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_the_state_of_auth_data(auth_row):
    (row,) = query(AUTH_STATE)

    assert list(row) == [
        "organizationId",
        "phoneJid",
        "key",
        "value_length",
        "createdAt",
        "updatedAt",
    ]
    assert (row["phoneJid"], row["key"], row["value_length"]) == (
        "77054810862",
        "creds",
        10,
    )


def test_the_state_of_all_numbers(phone):
    OrganizationPhone.objects.update(
        status="pairing",
        qr_code="https://wa.me/#code",
        last_connected_at=timezone.now(),
    )

    (row,) = query(PHONE_STATE)

    assert (row["id"], row["phoneNumber"], row["status"]) == (
        phone.pk,
        "77054810862",
        "pairing",
    )
    assert bool(row["has_qr"]) is True
    assert row["lastConnectedAt"] is not None


@pytest.mark.postgresql
def test_truncate_clears_all_auth_rows(auth_row):
    with connection.cursor() as cursor:
        cursor.execute(CLEAR_ALL)

    assert not BaileysAuth.objects.exists()


def test_the_columns_of_the_metrics_table():
    rows = query(
        'SELECT "id", "organizationPhoneId", "event", "errorCode", "errorMessage", '
        '"timestamp" FROM "ConnectionMetrics"'
    )
    assert rows == []
