"""Uploads whose time is over, whose keys are lost, and faults of the checks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from sessions.auth import uploads
from sessions.host.health_check import tidy
from sessions.models import BaileysImport, BaileysImportPhone
from tests.baileys_records.made_up import made_up_phone
from tests.web.uploading import FIRST, START, page, row, steps, take, upload_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_steward(browse, steward):
    return browse(steward)


def test_the_keys_of_an_expired_upload_are_gone(as_steward, organization, settings):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, upload)
    lifetime = upload.expires_at - upload.created_at
    assert abs(lifetime - settings.WHATSAPP_IMPORT_KEPT) < timedelta(seconds=5)
    assert BaileysImport.objects.purge(timezone.now()) == 0
    assert BaileysImport.objects.purge(upload.expires_at) == 1
    assert row(upload, FIRST).rows == ""
    body = as_steward.get(page(upload)).content.decode()
    assert "upload the file again" in body
    take(as_steward, upload, FIRST, stopped="yes")
    assert row(upload, FIRST).outcome == "waiting"
    BaileysImport.objects.purge(upload.expires_at + settings.WHATSAPP_QUARANTINE)
    assert not BaileysImportPhone.objects.exists()


def test_nothing_of_an_expired_upload_is_used_while_nobody_tidies(
    as_steward, organization
):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    steps(as_steward, upload)
    BaileysImport.objects.update(expires_at=timezone.now())
    take(as_steward, upload, FIRST, stopped="yes")
    assert row(upload, FIRST).outcome == "waiting"
    assert "Take over…" not in as_steward.get(page(upload)).content.decode()


def test_a_server_deletes_them(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    tidy()
    assert row(upload, FIRST).rows
    BaileysImport.objects.update(expires_at=timezone.now())
    tidy()
    assert row(upload, FIRST).rows == ""


def test_an_upload_can_be_deleted_at_once(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    assert as_steward.post(f"{page(upload)}discard/").url == START
    assert not BaileysImportPhone.objects.exists()
    assert as_steward.get(page(upload)).status_code == 404


def test_a_lost_key_is_told_and_not_a_crash(as_steward, organization):
    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    upload.phones.update(rows="gAAAAABm" + "x" * 100)
    steps(as_steward, upload)
    assert "AUTH_KEYS" in row(upload, FIRST).reason


def test_a_fault_of_the_check_is_told_without_the_rows(
    as_steward, organization, monkeypatch, caplog
):
    def fails(source, lids):
        raise KeyError("session-77051234567.0")

    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    monkeypatch.setattr(uploads, "plan", fails)
    steps(as_steward, upload)
    assert "could not be read" in row(upload, FIRST).reason
    assert "error=KeyError at=" in caplog.text
    assert "77051234567" not in caplog.text
    assert FIRST not in caplog.text


def test_a_fault_of_the_database_costs_no_rows(as_steward, organization, monkeypatch):
    def fails(source, lids):
        raise OperationalError("database is locked")

    upload = upload_of(as_steward, organization, made_up_phone(FIRST))
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(uploads, "plan", fails)
        steps(as_steward, upload)
    steps(as_steward, upload)
    assert row(upload, FIRST).verdict == "healthy"
