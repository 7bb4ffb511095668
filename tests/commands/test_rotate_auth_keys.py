from __future__ import annotations

import json
from datetime import timedelta

from cryptography.fernet import Fernet
from django.utils import timezone

from sessions.auth.keys import fernet
from sessions.models import BaileysAuth, Quarantine


def row(phone, **fields):
    return BaileysAuth.objects.create(
        organization_id=phone.organization_id, phone_jid=phone.auth_key, **fields
    )


def test_it_encrypts_with_the_newest_key_so_that_the_old_one_can_go(
    run, phone, settings
):
    creds = row(phone, key="creds", value=fernet().encrypt(b"secret").decode())
    new = Fernet.generate_key().decode()
    settings.AUTH_KEYS = [new, *settings.AUTH_KEYS]

    done = run("rotate_auth_keys", "--json")

    creds.refresh_from_db()
    assert done.status == 0
    assert done.lines[0]["count"] >= 1
    assert Fernet(new).decrypt(creds.value) == b"secret"


def test_a_value_of_another_key_is_one_sentence(run, phone):
    stranger = Fernet(Fernet.generate_key())
    row(phone, key="creds", value=stranger.encrypt(b"secret").decode())

    done = run("rotate_auth_keys")

    assert done.status == 1
    assert "AUTH_KEYS does not fit" in done.stderr
    assert done.stderr.count("\n") == 1


def keep(phone, cipher):
    value = cipher.encrypt(b"secret").decode()
    return Quarantine.objects.create(
        organization_id=phone.organization_id,
        phone=phone,
        phone_jid=phone.auth_key,
        reason="cleared_by_person",
        logged_out=False,
        purge_at=timezone.now() + timedelta(days=7),
        rows=cipher.encrypt(json.dumps({"creds": value}).encode()).decode(),
    )


def test_quarantined_keys_are_encrypted_again_inside_and_out(run, phone, settings):
    kept = keep(phone, fernet())
    new = Fernet.generate_key().decode()
    settings.AUTH_KEYS = [new, *settings.AUTH_KEYS]

    assert run("rotate_auth_keys").status == 0

    kept.refresh_from_db()
    tokens = json.loads(Fernet(new).decrypt(kept.rows))
    assert Fernet(new).decrypt(tokens["creds"]) == b"secret"
    settings.AUTH_KEYS = [new]
    assert run("rotate_auth_keys").status == 0


def test_quarantined_keys_of_a_lost_key_are_one_sentence(run, phone):
    keep(phone, Fernet(Fernet.generate_key()))

    done = run("rotate_auth_keys")

    assert done.status == 1
    assert "AUTH_KEYS does not fit" in done.stderr
    assert "Traceback" not in done.stderr
