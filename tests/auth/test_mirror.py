"""Copying a running session's store into BaileysAuth, on both databases."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from contextlib import closing

import pytest
from django.db import connection, transaction

from sessions.auth import central_copy
from sessions.auth.keys import fernet
from sessions.auth.mirror import Mirror, Overtaken
from sessions.auth.rows import decode_row
from sessions.auth.store_file import StoreFile
from sessions.models import BaileysAuth, LeaseLost, PhoneLease
from tests.auth.conftest import Place, take
from tests.auth.core import Core, Device
from tests.factories import make_phone


def copied(place):
    return {row.key: row.value for row in BaileysAuth.objects.of(place.phone)}


def test_nothing_is_copied_before_a_device_exists(place):
    running = place.run()
    assert not running.mirror.push()
    assert copied(place) == {}
    assert place.lease.auth_sequence == 0


def test_a_pairing_is_copied_whole(place, paired):
    rows = copied(place)
    assert {"creds", "session-188877766655000_1.0"} <= rows.keys()
    assert {f"pre-key-{n}" for n in range(1, 31)} <= rows.keys()
    lease = place.lease
    assert lease.auth_sequence == paired.store.sequence()
    assert lease.auth_epoch == place.fence.epoch


def test_a_push_without_changes_copies_nothing(place, paired):
    assert not paired.mirror.push()
    assert not paired.mirror.push_all()


def test_only_what_changed_is_written(place, paired):
    before = copied(place)
    paired.core.put_session("188877766655000_1:0")
    paired.core.remove_prekey(7)
    assert paired.mirror.push()
    after = copied(place)
    assert before.keys() - after.keys() == {"pre-key-7"}
    assert {key for key in after if after[key] != before[key]} == {
        "session-188877766655000_1.0"
    }


def test_the_copy_equals_the_file(place, paired):
    paired.core.put_session("77010000009:1")
    paired.core.run("UPDATE whatsmeow_device SET push_name = CAST(x'00FF2C' AS TEXT)")
    paired.mirror.push()
    snapshot = paired.store.snapshot()
    opened = {key: fernet().decrypt(value) for key, value in copied(place).items()}
    assert opened == snapshot.rows
    assert snapshot.last_seq == place.lease.auth_sequence
    assert decode_row(opened["creds"])[1]["push_name"] == b"\x00\xff,"


def test_no_value_contains_key_bytes(place, paired):
    device = paired.device
    secrets = [device.noise, device.identity, device.prekey, device.adv]
    secrets += paired.keys.values()
    everything = "".join(copied(place).values())
    assert len(secrets) == 34
    for secret in secrets:
        for shift in range(3):
            inside = base64.b64encode(bytes(shift) + secret)[4:-4].decode()
            assert inside not in everything
            assert inside.translate(str.maketrans("+/", "-_")) not in everything
        assert secret.hex() not in everything


def test_a_batch_is_copied_in_parts_when_it_is_large(place, monkeypatch):
    running = place.run()
    running.core.pair()
    running.core.make_prekeys(4500)
    assert running.mirror.push()
    assert BaileysAuth.objects.of(place.phone).count() == 4502
    assert place.lease.auth_sequence == running.store.sequence()


# -- the device row -----------------------------------------------------------------


def test_a_vanished_device_row_freezes_the_copy(place, paired, caplog):
    before = copied(place)
    paired.core.delete_device()
    assert not paired.mirror.push()
    assert paired.mirror.frozen
    assert copied(place) == before
    assert "device row vanished" in caplog.text
    assert place.phone.phone_number not in caplog.text
    # Also what comes later, and another device in its place.
    paired.core.device = Device(place.phone.phone_number, 2)
    paired.core.pair()
    assert not paired.mirror.push_all()
    assert paired.mirror.refill() == 0
    assert paired.mirror.compare()
    assert copied(place) == before


def test_it_freezes_also_when_the_deletion_comes_with_other_changes(place, paired):
    before = copied(place)
    paired.core.put_session("77010000009:1")
    paired.core.delete_device()
    assert not paired.mirror.push()
    assert copied(place) == before


def test_a_device_row_written_again_is_an_ordinary_change(place, paired):
    row = paired.device.row()
    paired.core.delete_device()
    paired.core.insert("whatsmeow_device", **row)
    assert paired.mirror.push()
    assert not paired.mirror.frozen
    assert "session-188877766655000_1.0" not in copied(place)


def test_a_failed_first_try_of_a_pairing_does_not_freeze(place):
    running = place.run(Device(place.phone.phone_number, 1))
    running.core.pair()
    running.core.delete_device()
    running.core.device = Device(place.phone.phone_number, 2)
    running.core.pair()
    assert running.mirror.push()
    assert not running.mirror.frozen
    assert "creds" in copied(place)


# -- races --------------------------------------------------------------------------


def test_nothing_is_written_after_the_lease_was_lost(place, paired, other_host):
    before, sequence = copied(place), place.lease.auth_sequence
    paired.core.put_session("188877766655000_1:0")
    take(place.phone, other_host)
    with pytest.raises(LeaseLost):
        paired.mirror.push()
    assert copied(place) == before
    assert place.lease.auth_sequence == sequence


def test_a_push_whose_transaction_is_undone_is_repeated(place, paired):
    before = copied(place)
    paired.core.put_session("188877766655000_1:0")
    with pytest.raises(RuntimeError), transaction.atomic():
        assert paired.mirror.push()
        raise RuntimeError
    assert copied(place) == before
    assert paired.mirror.push()
    assert copied(place) != before
    assert place.lease.auth_sequence == paired.store.sequence()


def test_a_batch_is_copied_whole_or_not_at_all(place, paired, monkeypatch):
    before, sequence = copied(place), place.lease.auth_sequence
    paired.core.put_session("188877766655000_1:0")
    paired.core.remove_prekey(7)

    def lose_the_connection(*arguments):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(central_copy, "delete", lose_the_connection)
        with pytest.raises(ConnectionError):
            paired.mirror.push()
    assert copied(place) == before
    assert place.lease.auth_sequence == sequence
    assert paired.mirror.push()
    assert "pre-key-7" not in copied(place)


def test_two_mirrors_of_one_file_do_not_undo_each_other(place, paired):
    second = Mirror(place.phone, place.fence, paired.store)
    paired.core.put_session("188877766655000_1:0")
    old = paired.store.changes(place.lease.auth_sequence)
    sequence = place.lease.auth_sequence
    paired.core.put_session("188877766655000_1:0")
    assert second.push()
    newest = copied(place)
    with pytest.raises(Overtaken):
        paired.mirror._copy(old, paired.device.jid, expected=sequence)
    assert copied(place) == newest
    assert not paired.mirror.push_all()


def test_a_mirror_never_brings_wiped_keys_back(place, paired):
    BaileysAuth.objects.of(place.phone).delete()
    PhoneLease.objects.filter(phone=place.phone).update(auth_sequence=0)
    paired.core.put_session("188877766655000_1:0")
    assert not paired.mirror.push()
    assert paired.mirror.frozen
    assert copied(place) == {}


def test_several_phones_at_once(host, organization, create_schema, tmp_path):
    places = [
        Place(make_phone(organization), host, tmp_path / "one", create_schema)
        for _ in range(4)
    ]
    errors: list[BaseException] = []

    def live(place):
        running = place.run()
        try:
            running.core.pair()
            running.core.make_prekeys(100)
            for turn in range(10):
                running.core.put_session(f"77010000002:{turn % 3}")
                running.core.remove_prekey(turn + 1)
                running.mirror.push()
        except BaseException as error:
            errors.append(error)
        finally:
            place.close()
            connection.close()

    threads = [threading.Thread(target=live, args=[place]) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    for place in places:
        with closing(StoreFile(place.path)) as store:
            opened = {k: fernet().decrypt(v) for k, v in copied(place).items()}
            assert opened == store.snapshot().rows


def test_a_second_organization_with_the_same_number_is_left_alone(
    place, paired, another_phone
):
    BaileysAuth.objects.create(
        organization_id=place.phone.organization_id + 1000,
        phone_jid=place.phone.phone_number,
        key="pre-key-7",
        value="theirs",
    )
    paired.core.remove_prekey(7)
    paired.mirror.push()
    assert BaileysAuth.objects.filter(key="pre-key-7").count() == 1


def test_the_file_of_a_running_session_stays_readable_when_it_is_deleted(place, paired):
    paired.core.put_session("188877766655000_1:0")
    shutil.rmtree(place.path.parent)
    assert paired.mirror.push()


def test_core_and_mirror_do_not_wait_for_each_other(place, paired):
    """A reader in the middle of its batch does not keep the core from writing."""
    with paired.store.reading() as reader:
        reader.execute("SELECT count(*) FROM whatsmeow_pre_keys").fetchone()
        with closing(Core(place.path, paired.device)) as core:
            core.run("PRAGMA busy_timeout = 0")
            core.put_session("77010000009:1")
    assert paired.mirror.push()


def test_a_first_login_is_copied_well_within_a_second(place):
    """812 prekeys in one transaction: 85 ms on an idle machine. Processor time is
    asserted, because other tests run beside this one."""
    running = place.run()
    running.core.pair()
    running.core.make_prekeys(812)
    durations = []
    for _ in range(3):
        began = time.process_time()
        assert running.mirror.push()
        durations.append(time.process_time() - began)
        running.core.run("UPDATE whatsmeow_pre_keys SET uploaded = NOT uploaded")
    assert min(durations) < 0.3
