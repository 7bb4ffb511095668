"""Wiping keys: all at once, never by accident, and undone while it makes sense."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from sessions.auth.errors import KeysExist, NoKeys
from sessions.auth.keys import fernet
from sessions.auth.quarantine import NotPutBack, purge, put_back, wipe
from sessions.models import BaileysAuth, LeaseLost, PhoneLease, Quarantine
from tests.auth.conftest import take
from tests.auth.core import Core
from tests.factories import make_user


def wipe_at(place, **changes):
    options = {"reason": "cleared_by_person", "logged_out": False, **changes}
    return wipe(place.phone, place.fence, store=place.path, **options)


def test_all_rows_move_and_the_file_goes(place, paired, settings):
    before = {row.key: row.value for row in BaileysAuth.objects.of(place.phone)}
    sequence = place.lease.auth_sequence
    person = make_user(username="steward")
    kept = wipe_at(place, reason="u1", logged_out=True, user_id=person.pk)
    assert not BaileysAuth.objects.exists()
    assert (place.lease.auth_sequence, place.lease.auth_epoch) == (0, place.fence.epoch)
    assert not place.path.exists()
    assert (kept.row_count, kept.auth_sequence) == (len(before), sequence)
    assert (kept.user, kept.reason, kept.logged_out) == (person, "u1", True)
    assert kept.purge_at - kept.at == settings.WHATSAPP_QUARANTINE
    assert all(value not in kept.rows for value in before.values())
    assert b"creds" in fernet().decrypt(kept.rows)


def test_only_this_phone_is_wiped(place, paired, another_phone):
    BaileysAuth.objects.create(
        organization_id=another_phone.organization_id,
        phone_jid=another_phone.auth_key,
        key="creds",
        value="theirs",
    )
    wipe_at(place)
    assert BaileysAuth.objects.get().value == "theirs"


def test_a_phone_without_keys_has_nothing_to_keep(place):
    assert wipe_at(place) is None
    assert not Quarantine.objects.exists()


def test_nothing_is_wiped_after_the_lease_was_lost(place, paired, other_host):
    count = BaileysAuth.objects.count()
    take(place.phone, other_host)
    with pytest.raises(LeaseLost):
        wipe_at(place)
    assert BaileysAuth.objects.count() == count
    assert place.path.exists()


def test_a_wipe_that_is_undone_costs_no_keys(place, paired):
    """The file is gone, the copy is not: the next start rebuilds."""
    place.close()
    with pytest.raises(RuntimeError), transaction.atomic():
        wipe_at(place)
        raise RuntimeError
    assert not Quarantine.objects.exists()
    place.retake()
    assert place.open().device_jid() == paired.device.jid


def test_wiped_keys_do_not_come_back_from_another_servers_disk(
    place, paired, elsewhere
):
    place.close()
    there = elsewhere()
    there.open()
    there.close()
    wipe_at(there)
    place.retake()
    # More changes in the old server's file than the copy ever saw.
    with closing(Core(place.path, paired.device)) as core:
        for _ in range(100):
            core.put_session("77010000009:1")
    assert place.open().device_jid() is None


def test_a_server_that_only_clears_makes_the_others_file_old(place, paired, elsewhere):
    place.close()
    wipe_at(elsewhere())
    place.retake()
    assert place.open().device_jid() is None


def test_a_new_pairing_under_the_same_lease_survives_a_crash(place, paired):
    place.close()
    wipe_at(place)
    running = place.run()
    running.core.pair()
    place.close()
    place.retake()
    assert place.open().device_jid() == running.core.device.jid


# -- put back -----------------------------------------------------------------


def test_keys_that_were_cleared_by_mistake_are_put_back(place, paired):
    before = {row.key: row.value for row in BaileysAuth.objects.of(place.phone)}
    sequence = place.lease.auth_sequence
    place.close()
    put_back(wipe_at(place), place.phone, place.fence)
    assert {r.key: r.value for r in BaileysAuth.objects.of(place.phone)} == before
    assert not Quarantine.objects.exists()
    place.retake()
    store = place.open()
    assert store.device_jid() == paired.device.jid
    assert store.sequence() > sequence


def test_keys_that_whatsapp_ended_are_not_put_back(place, paired):
    kept = wipe_at(place, logged_out=True)
    with pytest.raises(NotPutBack, match="link the phone again"):
        put_back(kept, place.phone, place.fence)


def test_keys_are_not_put_over_others(place, paired):
    place.close()
    kept = wipe_at(place)
    running = place.run()
    running.core.pair()
    running.mirror.push()
    with pytest.raises(KeysExist):
        put_back(kept, place.phone, place.fence)
    assert Quarantine.objects.exists()


def test_keys_are_not_put_into_another_phone(place, paired, another_phone):
    with pytest.raises(NotPutBack, match="another phone"):
        put_back(wipe_at(place), another_phone, place.fence)


def test_keys_are_put_back_once(place, paired):
    kept = wipe_at(place)
    Quarantine.objects.filter(pk=kept.pk).delete()
    with pytest.raises(NotPutBack, match="meanwhile"):
        put_back(kept, place.phone, place.fence)
    assert not BaileysAuth.objects.exists()


# -- purge --------------------------------------------------------------------


def test_the_quarantine_is_purged_after_its_days(place, paired, settings):
    kept = wipe_at(place)
    assert purge(kept.purge_at - timedelta(seconds=1)) == 0
    assert purge(timezone.now() + settings.WHATSAPP_QUARANTINE) == 1
    assert not Quarantine.objects.exists()


def test_rows_deleted_by_hand_leave_nothing_behind_after_a_wipe(place, paired):
    place.close()
    BaileysAuth.objects.all().delete()
    place.retake()
    with pytest.raises(NoKeys):
        place.open()
    wipe_at(place)
    assert place.open().device_jid() is None
    assert PhoneLease.objects.get().auth_sequence == 0
