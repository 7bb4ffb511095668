"""AUTH_KEYS: generated once, checked at the start, replaced without losing a row."""

from __future__ import annotations

import stat

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from sessions.auth.keys import check_stamp, ensure_stamp, fernet
from sessions.auth.rotation import reencrypt
from sessions.models import BaileysAuth, Quarantine, Stamp


@pytest.fixture
def fresh(db, settings, tmp_path):
    """A database without a stamp, and a DATA_DIR of its own."""
    Stamp.objects.all().delete()
    settings.DATA_DIR = tmp_path
    return settings


@pytest.fixture
def embedded(fresh):
    fresh.EMBEDDED, fresh.AUTH_KEYS = True, []
    return fresh


def add_row(key="creds", text=b"row"):
    return BaileysAuth.objects.create(
        organization_id=1,
        phone_jid="77054810862",
        key=key,
        value=fernet().encrypt(text).decode(),
    )


def test_a_migrated_database_is_stamped(fresh):
    ensure_stamp()
    ensure_stamp()
    stamp = Stamp.objects.get()
    assert stamp.realm == "whatsapp"
    assert fernet().decrypt(stamp.key_check) == b"switchboard"
    check_stamp()


def test_an_embedded_database_gets_a_key_of_its_own(embedded):
    ensure_stamp()
    path = embedded.DATA_DIR / "auth_keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Fernet(path.read_text().strip())
    check_stamp()
    kept = path.read_text()
    Stamp.objects.all().delete()
    ensure_stamp()
    assert path.read_text() == kept


def test_no_key_is_generated_for_a_fleet(fresh):
    fresh.EMBEDDED, fresh.AUTH_KEYS = False, []
    with pytest.raises(ImproperlyConfigured, match="AUTH_KEYS is not set"):
        ensure_stamp()
    assert not (fresh.DATA_DIR / "auth_keys").exists()


def test_no_key_is_generated_beside_encrypted_rows(embedded):
    embedded.AUTH_KEYS = [Fernet.generate_key().decode()]
    add_row()
    embedded.AUTH_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="Put the file back"):
        ensure_stamp()
    assert not (embedded.DATA_DIR / "auth_keys").exists()


def test_a_lost_key_file_does_not_start(embedded):
    ensure_stamp()
    (embedded.DATA_DIR / "auth_keys").unlink()
    with pytest.raises(ImproperlyConfigured, match="auth_keys does not exist"):
        check_stamp()


def test_a_wrong_key_does_not_start(fresh):
    ensure_stamp()
    fresh.AUTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ImproperlyConfigured, match="another key"):
        check_stamp()


def test_a_wrong_key_does_not_stamp_a_database_that_has_rows(fresh):
    add_row()
    fresh.AUTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ImproperlyConfigured, match="another key"):
        ensure_stamp()
    assert not Stamp.objects.exists()


def test_the_other_realm_does_not_start(fresh):
    ensure_stamp()
    fresh.WHATSAPP_REALM = "sandbox"
    with pytest.raises(ImproperlyConfigured, match="realm 'whatsapp'"):
        check_stamp()


def test_a_database_without_a_stamp_does_not_start(fresh):
    with pytest.raises(ImproperlyConfigured, match="migrate"):
        check_stamp()


# -- a new key ----------------------------------------------------------------


@pytest.fixture
def rotated(fresh):
    """Rows under an old key, and settings with a new key before it."""
    ensure_stamp()
    add_row("creds", b"one")
    add_row("pre-key-1", b"two")
    token = fernet().encrypt(b'{"creds": "%s"}' % fernet().encrypt(b"three"))
    Quarantine.objects.create(
        organization_id=1,
        phone_jid="77054810862",
        reason="u1",
        logged_out=False,
        purge_at=timezone.now(),
        rows=token.decode(),
    )
    fresh.AUTH_KEYS = [Fernet.generate_key().decode(), *fresh.AUTH_KEYS]
    return fresh


def opened():
    return {row.key: fernet().decrypt(row.value) for row in BaileysAuth.objects.all()}


def test_old_rows_are_read_and_new_ones_use_the_new_key(rotated):
    check_stamp()
    assert opened() == {"creds": b"one", "pre-key-1": b"two"}
    row = add_row("pre-key-2", b"new")
    newest = Fernet(rotated.AUTH_KEYS[0])
    assert newest.decrypt(row.value) == b"new"
    with pytest.raises(InvalidToken):
        newest.decrypt(BaileysAuth.objects.get(key="creds").value)


def test_after_reencryption_the_old_key_can_go(rotated):
    assert reencrypt() == 4
    assert reencrypt() == 0
    rotated.AUTH_KEYS = rotated.AUTH_KEYS[:1]
    check_stamp()
    assert opened() == {"creds": b"one", "pre-key-1": b"two"}
    rows = fernet().decrypt(Quarantine.objects.get().rows)
    inside = rows.decode().split('"')[3]
    assert fernet().decrypt(inside) == b"three"


def test_reencryption_stops_at_a_value_of_an_unknown_key(rotated):
    rotated.AUTH_KEYS = rotated.AUTH_KEYS[:1]
    with pytest.raises(ImproperlyConfigured, match="another key"):
        reencrypt()
