"""Uploads that wait to be taken over, when AUTH_KEYS gets a new key."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from sessions.auth import uploads
from sessions.auth.keys import ensure_stamp
from sessions.auth.rotation import reencrypt
from sessions.models import BaileysImport
from tests.baileys_records.made_up import made_up_phone

pytestmark = pytest.mark.django_db


def test_an_upload_is_taken_over_after_a_rotation(organization, settings, steward):
    ensure_stamp()
    upload = BaileysImport(
        organization=organization, expires_at=uploads.expiry(), file_name="a.json"
    )
    uploads.store(upload, [made_up_phone("77010000101")], {}, 1)
    settings.AUTH_KEYS = [Fernet.generate_key().decode(), *settings.AUTH_KEYS]
    assert reencrypt() >= 1
    assert reencrypt() == 0
    settings.AUTH_KEYS = settings.AUTH_KEYS[:1]
    uploads.step(upload.phones.get(), steward)
    assert upload.phones.get().verdict == "healthy"
