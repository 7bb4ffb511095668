"""Files and copies that are broken, foreign or missing."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing

import pytest

from sessions.auth.errors import (
    BrokenStore,
    NoKeys,
    StoreInUse,
    WrongRealm,
)
from sessions.models import BaileysAuth, PhoneLease
from tests.auth.files import (
    leftovers,
    session_of,
)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:20000])


def damage_page(path):
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 40] = bytes(4096 * 38)
    path.write_bytes(content)


def damage_text(path):
    path.write_text("not a database at all\n" * 500)


def damage_empty(path):
    path.write_bytes(b"")


def damage_other_app(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cookies (host TEXT)")


def damage_device_row(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE whatsmeow_device SET noise_key = x'00'")


DAMAGES = [
    damage_truncate,
    damage_page,
    damage_text,
    damage_empty,
    damage_other_app,
    damage_device_row,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_rebuilt_from_the_copy(place, paired, damage, caplog):
    session = session_of(place.path)
    place.die()
    damage(place.path)
    place.retake()
    store = place.open()
    assert session_of(place.path) == session
    assert store.device_jid() == paired.device.jid
    assert "store file broken" in caplog.text
    assert leftovers(place) == [""]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_without_a_copy_is_left_for_a_person(place, damage):
    running = place.run()
    running.core.pair()
    place.die()
    damage(place.path)
    broken = place.path.read_bytes()
    place.retake()
    with pytest.raises(BrokenStore, match=r"\w+ .*\."):
        place.open()
    assert place.path.read_bytes() == broken


def test_a_broken_row_of_one_contact_costs_only_that_contact(place, paired, caplog):
    paired.core.put_session("77010000009:1", b'{"SessionState":{"SenderChain":null}}')
    paired.mirror.push()
    place.die()
    place.retake()
    running = place.run(paired.device)
    assert session_of(place.path, "77010000009:1") is None
    assert session_of(place.path) is not None
    assert "broken row dropped" in caplog.text
    running.mirror.push()
    assert not BaileysAuth.objects.filter(key="session-77010000009.1").exists()


def test_a_file_of_another_number_is_not_used(place, paired, another_phone):
    """A DATA_DIR that was kept while the database was made anew."""
    place.die()
    BaileysAuth.objects.all().delete()
    PhoneLease.objects.update(auth_sequence=0, auth_epoch=0)
    place.phone.phone_number = "4915112345678"
    place.retake()
    with pytest.raises(BrokenStore, match=r"another number \(77\*\*\*62\)"):
        place.open()
    assert session_of(place.path) is not None


def test_a_file_of_another_phone_is_not_used(place, paired):
    place.die()
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("UPDATE switchboard_meta SET phone_id = 999")
        connection.execute("DELETE FROM whatsmeow_sessions")
    place.retake()
    place.open()
    assert session_of(place.path) is not None


def test_a_file_of_the_other_realm_is_refused(place, paired, settings):
    place.die()
    place.retake()
    settings.WHATSAPP_REALM = "sandbox"
    with pytest.raises(WrongRealm, match="'whatsapp'"):
        place.open()
    assert session_of(place.path) is not None


def test_the_realm_in_the_header_counts_too(place, paired):
    place.die()
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("PRAGMA application_id = 0x53625378")  # "SbSx"
    place.retake()
    with pytest.raises(WrongRealm, match="'sandbox'"):
        place.open()


def test_a_copy_that_a_person_cleared_means_a_new_scan(place, paired):
    place.die()
    BaileysAuth.objects.all().delete()
    place.retake()
    with pytest.raises(NoKeys, match="link it again"):
        place.open()


def test_a_copy_without_its_device_row_is_not_used(place, paired, elsewhere):
    place.die()
    BaileysAuth.objects.filter(key="creds").delete()
    there = elsewhere()
    with pytest.raises(BrokenStore, match="lost their device row"):
        there.open()
    assert leftovers(there) == []
    # Where the file is, it still is good, and puts the copy right.
    place.retake()
    running = place.run(paired.device)
    assert running.mirror.refill() == 1


def test_a_copy_that_was_changed_by_hand_is_not_used(place, paired, elsewhere):
    BaileysAuth.objects.filter(key="pre-key-3").update(value="gAAAAAB-not-a-token")
    place.die()
    there = elsewhere()
    with pytest.raises(BrokenStore, match=r"cannot be decrypted \(pre\)"):
        there.open()
    assert leftovers(there) == []


def test_a_session_process_that_still_lives_keeps_its_file(place, paired):
    place.die()
    place.retake()
    with open(place.path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreInUse):
            place.open()
    place.open()
