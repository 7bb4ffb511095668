"""Which keys a phone starts with: its local file, after every kind of crash."""

from __future__ import annotations

from contextlib import closing

import pytest

from sessions.auth.errors import (
    KeysExist,
)
from sessions.auth.open_store import open_for_pairing, open_for_start
from sessions.auth.store_file import StoreFile
from sessions.client.store_realm import read_realm
from sessions.models import BaileysAuth, LeaseLost
from tests.auth.conftest import take
from tests.auth.core import SESSION, Device, contents
from tests.auth.files import (
    Killed,
    killed,
    root_of,
    session_of,
)


def test_a_phone_without_keys_gets_an_empty_store(place):
    store = place.open()
    assert store.device_jid() is None
    meta = store.stamp()
    assert (meta.realm, meta.phone_id) == ("whatsapp", place.phone.pk)
    assert meta.epoch == place.fence.epoch
    assert read_realm(place.path) == "whatsapp"
    # No copy to lose: a later file of another server must not look old.
    assert place.lease.auth_epoch == 0


def test_the_newest_local_file_is_used_as_it_is(place, paired):
    newest = root_of(paired.core.put_session(SESSION))
    place.die()
    before = contents(place.path)
    place.retake()
    store = place.open()
    assert contents(place.path) == before
    assert session_of(place.path) == newest
    assert store.stamp().epoch == place.fence.epoch == place.lease.auth_epoch


def test_a_start_without_any_change_claims_the_epoch_too(place, paired):
    place.die()
    place.retake()
    place.open()
    assert place.lease.auth_epoch == place.fence.epoch


def test_a_start_waits_for_no_disk_and_a_power_cut_then_costs_no_key(place, paired):
    """The stamp of the epoch stays in the WAL until the session's own first write."""
    newest = root_of(paired.core.put_session(SESSION))
    paired.mirror.push()
    place.die()
    before = place.path.read_bytes()
    place.retake()
    place.open()
    assert place.path.read_bytes() == before
    place.die()
    # The machine dies: what was never synced is gone, the lease's epoch is not.
    place.path.write_bytes(before)
    place.path.with_name(place.path.name + "-wal").unlink(missing_ok=True)
    place.retake()
    store = place.open()
    assert store.device_jid() == paired.core.device.jid
    assert session_of(place.path) == newest
    assert store.stamp().epoch == place.lease.auth_epoch == place.fence.epoch


def test_a_start_empties_a_wal_that_has_grown_long(place, paired, monkeypatch):
    monkeypatch.setattr("sessions.auth.store_file.LONG_WAL", 4096)
    wal = place.path.with_name(place.path.name + "-wal")
    assert wal.stat().st_size > 4096
    place.die()
    place.retake()
    place.open()
    assert not wal.exists() or wal.stat().st_size == 0


def test_what_was_not_copied_before_the_crash_is_copied_after_it(place, paired):
    paired_sequence = place.lease.auth_sequence
    paired.core.put_session("77010000009:1")
    place.die()
    place.retake()
    place.open()
    assert BaileysAuth.objects.filter(key="session-77010000009.1").exists()
    assert place.lease.auth_sequence == 1 + paired_sequence


def test_a_crash_between_pairing_and_the_first_copy_keeps_the_link(place):
    running = place.run()
    running.core.pair()
    place.die()
    place.retake()
    store = place.open()
    assert store.device_jid() == running.core.device.jid
    assert BaileysAuth.objects.filter(key="creds").exists()


def test_that_file_wins_also_after_another_server_looked_at_the_phone(
    place, host, elsewhere
):
    running = place.run()
    running.core.pair()
    place.die()
    assert elsewhere().open().device_jid() is None
    place.retake()
    assert place.open().device_jid() == running.core.device.jid


def test_a_crash_between_the_epoch_of_file_and_database_costs_nothing(
    place, paired, monkeypatch
):
    newest = root_of(paired.core.put_session(SESSION))
    place.die()
    place.retake()
    with monkeypatch.context() as patch:
        patch.setattr("sessions.auth.open_store._claimed", killed)
        with pytest.raises(Killed):
            place.open()
    with closing(StoreFile(place.path)) as store:
        assert store.stamp().epoch == place.fence.epoch > place.lease.auth_epoch
    place.retake()
    place.open()
    assert session_of(place.path) == newest


def test_after_such_a_crash_another_server_still_rebuilds(
    place, paired, elsewhere, monkeypatch
):
    copied = session_of(place.path)
    paired.core.put_session(SESSION)
    place.die()
    place.retake()
    with monkeypatch.context() as patch:
        patch.setattr("sessions.auth.open_store._claimed", killed)
        with pytest.raises(Killed):
            place.open()
    there = elsewhere()
    there.open()
    assert session_of(there.path) == copied
    # And the first server's file is an old one from now on.
    place.retake()
    place.open()
    assert session_of(place.path) == copied


def test_the_copy_is_as_it_was_when_the_lease_is_lost_meanwhile(
    place, paired, other_host
):
    place.die()
    place.retake()
    stale = place.lease
    take(place.phone, other_host)
    with pytest.raises(LeaseLost):
        open_for_start(place.phone, stale, place.fence, place.path, place.create_schema)


# -- pairing ------------------------------------------------------------------


def test_a_pairing_starts_with_an_empty_store(place):
    store = place.open(open_for_pairing)
    assert store.device_jid() is None


def test_a_pairing_does_not_throw_keys_away(place, paired):
    place.die()
    place.retake()
    with pytest.raises(KeysExist):
        place.open(open_for_pairing)


def test_a_pairing_whose_copy_was_not_made_is_finished_not_repeated(place):
    running = place.run()
    running.core.pair()
    place.die()
    place.retake()
    assert place.open(open_for_pairing).device_jid() == running.core.device.jid


def test_after_clearing_by_hand_a_pairing_starts_anew(place, paired):
    place.die()
    BaileysAuth.objects.all().delete()
    place.retake()
    assert place.open(open_for_pairing).device_jid() is None
    assert place.lease.auth_sequence == 0
    assert session_of(place.path) is None


def test_rows_of_an_expired_pairing_do_not_stay(place):
    running = place.run()
    running.core.insert("whatsmeow_lid_map", lid="1888", pn="7701")
    place.die()
    place.retake()
    place.open()
    assert contents(place.path)["whatsmeow_lid_map"] == []


def test_an_existing_phone_is_started_with_its_second_device(place):
    running = place.run(Device(place.phone.phone_number, device=99))
    running.core.pair()
    running.mirror.push()
    place.die()
    place.retake()
    assert place.open().device_jid() == f"{place.phone.phone_number}:99@s.whatsapp.net"
