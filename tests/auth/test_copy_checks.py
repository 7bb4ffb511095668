"""What is wrong with a copy or a file is known by its check's id, before a start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection

from sessions.auth import central_copy, report
from sessions.auth.errors import BrokenStore
from sessions.auth.keys import fernet
from sessions.auth.open_store import forget_copy
from sessions.auth.rows import decode_row, encode_row
from sessions.auth.store_file import StoreFile
from sessions.models import AuthReport, BaileysAuth, SessionFacts
from tests.auth.core import Device


def rewrite(key, **columns):
    """Change columns of one row of the copy."""
    row = BaileysAuth.objects.get(key=key)
    table, fields = decode_row(fernet().decrypt(row.value))
    entry = encode_row(columns.pop("table", table), {**fields, **columns})
    row.value = fernet().encrypt(entry).decode()
    row.save()


def version_key():
    return BaileysAuth.objects.get(key__startswith="whatsmeow_version").key


def broken_value(key, value):
    BaileysAuth.objects.filter(key=key).update(value=value)


COPY_DAMAGES = {
    "w04": lambda: rewrite(version_key(), version=99),
    "w06": lambda: BaileysAuth.objects.filter(key="creds").delete(),
    "w12": lambda: rewrite("creds", signed_pre_key_sig=bytes(64)),
    "w15": lambda: broken_value("pre-key-3", "gAAAAAB-not-a-token"),
    "w16": lambda: broken_value("pre-key-3", fernet().encrypt(b"[]").decode()),
    "w17": lambda: rewrite("pre-key-3", table="whatsmeow_of_tomorrow"),
    "w18": lambda: rewrite("pre-key-30", key_id=(1 << 24) - 1),
}


@pytest.mark.sqlite
@pytest.mark.parametrize("check", COPY_DAMAGES)
def test_a_damaged_copy_is_not_started_from(place, paired, elsewhere, check):
    COPY_DAMAGES[check]()
    place.die()
    with pytest.raises(BrokenStore) as refused:
        elsewhere().open()
    assert refused.value.finding.check == check


# What only a start can see: the library's own schema, and the leap of the prekey ids.
@pytest.mark.sqlite
@pytest.mark.parametrize("check", ["w06", "w12", "w15", "w16"])
def test_the_same_is_seen_without_a_start(place, paired, check):
    COPY_DAMAGES[check]()
    kept = report.check_phone(place.phone)
    assert [found["check"] for found in kept.findings if found["check"] < "w30"] == [
        check
    ]
    assert kept.verdict == "broken"


def test_a_file_of_another_phone_is_w05(place, paired):
    place.die()
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("UPDATE switchboard_meta SET phone_id = 999")
    with closing(StoreFile(place.path)) as store, pytest.raises(BrokenStore) as refused:
        store.verify(place.phone, "whatsapp")
    assert refused.value.finding.check == "w05"


def checks_of(kept):
    return [found["check"] for found in kept.findings]


def test_the_live_file_is_read_beside_its_writer(place, paired):
    with paired.core.connection:
        paired.core.run("BEGIN IMMEDIATE")
        kept = report.check_store(place.phone, paired.store, "one")
    assert (kept.verdict, checks_of(kept)) == ("suspicious", ["w31", "w32"])
    assert (kept.host_name, kept.highest_prekey) == ("one", 30)
    assert kept.auth_sequence == place.lease.auth_sequence


def test_keys_that_vanished_from_the_file_of_a_linked_phone_are_w06(place, paired):
    SessionFacts.objects.create(phone=place.phone, linked=True)
    paired.core.delete_device()
    kept = report.check_store(place.phone, paired.store, "one")
    assert (kept.verdict, checks_of(kept)) == ("broken", ["w06"])


def test_at_rest_the_file_counts_only_if_a_start_would_take_it(place, paired):
    place.die()
    kept = report.check_resting(place.phone, place.path, "one")
    assert kept.host_name == "one"
    place.retake()
    store = place.open()
    store.close()
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("UPDATE switchboard_meta SET epoch = 0")
    kept = report.check_resting(place.phone, place.path, "one")
    assert (kept.host_name, kept.verdict) == ("", "suspicious")
    place.path.unlink()
    assert report.check_resting(place.phone, place.path, "one").host_name == ""


def test_what_was_seen_of_keys_goes_with_them(place, paired):
    report.check_phone(place.phone)
    assert AuthReport.objects.get().highest_prekey == 30
    forget_copy(place.fence)
    assert not AuthReport.objects.exists()


def test_an_older_copy_is_w27(place, paired):
    paired.core.make_prekeys(100, first=31)
    paired.mirror.push()
    assert report.check_phone(place.phone).highest_prekey == 130
    BaileysAuth.objects.filter(
        key__in=[f"pre-key-{n}" for n in range(31, 131)]
    ).delete()
    kept = report.check_phone(place.phone)
    assert "w27" in checks_of(kept)
    assert kept.highest_prekey == 130


def test_the_sandbox_misses_no_app_state(place, paired, settings):
    assert "w32" in checks_of(report.check_phone(place.phone))
    settings.SANDBOX = True
    assert "w32" not in checks_of(report.check_phone(place.phone))


def test_a_wrong_device_in_the_copy_is_seen(place, paired):
    jid, other = paired.device.jid, Device(place.phone.phone_number, 2)
    row = central_copy.encrypted(
        place.phone.organization_id,
        jid,
        {"creds-2": encode_row("whatsmeow_device", decoded_device(other))},
    )
    central_copy.write(row)
    assert checks_of(report.check_phone(place.phone))[0] == "w07"


def decoded_device(device):
    _, row = decode_row(fernet().decrypt(BaileysAuth.objects.get(key="creds").value))
    return {**row, "identity_key": device.identity}


def test_a_refused_start_is_the_report_until_the_next_check(place, paired):
    finding = BrokenStore.of("w11", column="noise_key").finding
    report.note_refusal(place.phone, finding, "one")
    kept = AuthReport.objects.get()
    assert (kept.verdict, kept.findings[0]["values"]) == (
        "broken",
        {"column": "noise_key"},
    )
    assert kept.checked_at - report.check_phone(place.phone).checked_at < timedelta(0)
    assert AuthReport.objects.get().verdict == "suspicious"


def test_a_reader_that_gives_up_leaves_no_cursor(place, paired, monkeypatch):
    """One would be closed when its memory is freed, perhaps within another query."""
    monkeypatch.setattr(central_copy, "PAGE", 7)
    rows = BaileysAuth.objects.of(place.phone)
    assert len(list(central_copy.readable(rows))) == rows.count() > 30
    given_up = central_copy.readable(rows)
    next(given_up)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (0,)
    assert len(list(given_up)) == rows.count() - 1
