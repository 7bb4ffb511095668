"""A store made anew from the copy: complete, newest, and never repeating an id."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from sessions.auth.errors import (
    BrokenStore,
)
from sessions.auth.ratchets import STEPS
from sessions.auth.rebuild import PREKEY_LEAP
from sessions.models import BaileysAuth, PhoneLease
from tests.auth.core import SESSION, Core, contents
from tests.auth.files import (
    Killed,
    chain_of,
    killed,
    leftovers,
    prekeys_of,
    root_of,
    session_of,
)


def test_a_lost_file_is_rebuilt(place, paired):
    before = contents(place.path)
    sequence = paired.store.sequence()
    place.die()
    shutil.rmtree(place.path.parent)
    place.path.parent.mkdir()
    place.retake()
    store = place.open()
    after = contents(place.path)
    # These two leap, on which more below.
    rebuilt_prekeys = after.pop("whatsmeow_pre_keys")
    assert set(before.pop("whatsmeow_pre_keys")) < set(rebuilt_prekeys)
    (*address, _), (*address_before, _) = (
        rows.pop("whatsmeow_sessions")[0] for rows in (after, before)
    )
    assert address == address_before
    assert after == before
    assert store.sequence() > sequence
    assert leftovers(place) == [""]


def test_a_takeover_continues_on_another_server_and_comes_back(
    place, paired, elsewhere
):
    place.die()
    there = elsewhere()
    running = there.run(paired.device)
    newest = root_of(running.core.put_session(SESSION))
    assert running.mirror.push()
    there.close()
    # The file of the first server has the older epoch, however many changes it saw.
    with closing(Core(place.path, paired.device)) as core:
        for _ in range(100):
            core.put_session(SESSION)
    place.retake()
    place.open()
    assert session_of(place.path) == newest


def test_a_takeover_that_copied_nothing_yet_makes_the_old_file_old(
    place, paired, elsewhere
):
    copied = session_of(place.path)
    paired.core.put_session(SESSION)
    place.die()
    elsewhere().open()
    place.retake()
    place.open()
    assert session_of(place.path) == copied


def test_a_restored_backup_of_the_file_is_replaced(place, paired, tmp_path):
    paired.store.close()
    paired.core.run("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = shutil.copy(place.path, tmp_path / "backup")
    newest = root_of(paired.core.put_session(SESSION))
    paired.mirror.push()
    place.die()
    shutil.copy(backup, place.path)
    place.retake()
    place.open()
    assert session_of(place.path) == newest


def test_no_prekey_id_is_used_twice_after_a_rebuild(place, paired, elsewhere):
    """What the killed session made and uploaded since the last copy is unknown."""
    paired.core.make_prekeys(50, first=31)
    paired.mirror.push()
    paired.core.mark_uploaded(80)
    paired.core.make_prekeys(812, first=81)
    place.die()
    there = elsewhere()
    there.open()
    prekeys = prekeys_of(there.path)
    leapt = 80 + PREKEY_LEAP
    assert max(prekeys) == leapt > 81 + 812
    assert {number for number, uploaded in prekeys.items() if not uploaded} == {leapt}


def test_rebuilds_in_a_row_never_start_from_the_same_place(place, paired, elsewhere):
    """Killed again before anything was copied: the leap itself must be in the copy."""
    place.die()
    there = elsewhere()
    seen = []
    for server in (there, place, there, place):
        server.retake()
        server.open()
        seen.append((max(prekeys_of(server.path)), chain_of(server.path)))
        server.close()
    assert seen == [
        (30 + turn * PREKEY_LEAP, turn * STEPS) for turn in range(1, len(seen) + 1)
    ]


def test_a_copy_without_prekeys_leaps_over_the_first_login(place, elsewhere):
    running = place.run()
    running.core.pair()
    running.mirror.push()
    running.core.make_prekeys(812)
    place.die()
    there = elsewhere()
    there.open()
    assert list(prekeys_of(there.path)) == [PREKEY_LEAP]


def test_prekey_ids_end_at_24_bits(place, paired, elsewhere):
    paired.core.make_prekeys(1, first=(1 << 24) - 5)
    paired.mirror.push()
    place.die()
    with pytest.raises(BrokenStore, match="used up"):
        elsewhere().open()


def test_what_a_rebuild_changed_is_copied_before_the_session_starts(
    place, paired, elsewhere
):
    place.die()
    before = {row.key: row.value for row in BaileysAuth.objects.all()}
    running = elsewhere().run(paired.device)
    after = {row.key: row.value for row in BaileysAuth.objects.all()}
    assert {key for key in after if after[key] != before.get(key)} == {
        f"pre-key-{30 + PREKEY_LEAP}",
        "session-188877766655000_1.0",
    }
    assert not running.mirror.push()
    assert running.mirror.compare()
    assert running.mirror.refill() == 0


def test_a_crash_before_that_copy_is_repeated(place, paired, elsewhere, monkeypatch):
    place.die()
    there = elsewhere()
    with monkeypatch.context() as patch:
        patch.setattr("sessions.auth.open_store._claimed", killed)
        with pytest.raises(Killed):
            there.open()
    there.retake()
    there.open()
    assert chain_of(there.path) == STEPS
    assert there.lease.auth_sequence == there.open().sequence()


def test_a_crash_between_rebuild_and_rename_is_repeated(
    place, paired, elsewhere, monkeypatch
):
    place.die()
    there = elsewhere()
    with monkeypatch.context() as patch:
        patch.setattr("sessions.auth.rebuild.os.replace", killed)
        patch.setattr("sessions.auth.rebuild.discard", lambda path: None)
        with pytest.raises(Killed):
            there.open()
    assert ".building" in leftovers(there)
    there.open()
    assert leftovers(there) == [""]
    assert session_of(there.path) is not None


def test_a_crash_with_the_old_file_gone_is_repeated(place, paired, monkeypatch):
    place.die()
    place.retake()
    PhoneLease.objects.update(auth_epoch=place.fence.epoch)
    with monkeypatch.context() as patch:
        patch.setattr("sessions.auth.rebuild.os.replace", killed)
        with pytest.raises(Killed):
            place.open()
    assert leftovers(place) == []
    place.open()
    assert session_of(place.path) is not None


def test_a_wal_without_its_file_never_meets_the_rebuilt_one(place, paired):
    place.die()
    place.path.rename(place.path.parent / "away")
    wal = place.path.with_name(place.path.name + "-wal")
    wal.write_bytes(b"\x37\x7f\x06\x82" + bytes(8000))
    place.retake()
    place.open()
    assert session_of(place.path) is not None


def test_an_update_of_the_library_between_two_starts_is_met(place, paired, elsewhere):
    """A column that the copy does not know keeps its default."""
    place.die()
    original = place.create_schema
    there = elsewhere()

    def newer(path, realm):
        original(path, realm)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("ALTER TABLE whatsmeow_device ADD COLUMN born DEFAULT 5")

    there.create_schema = newer
    there.open()
    with closing(sqlite3.connect(there.path)) as connection:
        assert connection.execute("SELECT born FROM whatsmeow_device").fetchone() == (
            5,
        )


def test_a_copy_of_a_newer_library_is_not_forced_into_an_older_one(
    place, paired, elsewhere
):
    paired.core.run("ALTER TABLE whatsmeow_device ADD COLUMN born DEFAULT 5")
    paired.core.run("UPDATE whatsmeow_device SET push_name = 'x'")
    paired.mirror.push()
    place.die()
    with pytest.raises(BrokenStore, match="no table for"):
        elsewhere().open()


def test_a_copy_of_a_newer_schema_is_refused(place, paired, elsewhere):
    paired.core.run("UPDATE whatsmeow_version SET version = 99")
    paired.mirror.push()
    place.die()
    with pytest.raises(BrokenStore, match="newer library"):
        elsewhere().open()
