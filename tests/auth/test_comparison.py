"""The comparison of each minute: what a person deleted by hand comes back."""

from __future__ import annotations

from sessions.auth.keys import fernet
from sessions.models import BaileysAuth


def copied(place):
    return {row.key: row.value for row in BaileysAuth.objects.of(place.phone)}


def test_rows_deleted_by_hand_are_refilled_with_a_warning(place, paired, caplog):
    assert paired.mirror.compare()
    whole = paired.store.snapshot().rows
    BaileysAuth.objects.filter(key__startswith="pre-key-").delete()
    assert not paired.mirror.compare()
    assert paired.mirror.refill() == 30
    assert "refilled=30" in caplog.text
    assert paired.mirror.compare()
    assert {k: fernet().decrypt(v) for k, v in copied(place).items()} == whole
    assert paired.mirror.refill() == 0


def test_rows_that_the_file_has_not_are_removed(place, paired):
    row = BaileysAuth.objects.of(place.phone).get(key="pre-key-1")
    row.pk, row.key = None, "pre-key-999"
    row.save()
    assert not paired.mirror.compare()
    assert paired.mirror.refill() == 1
    assert "pre-key-999" not in copied(place)


def test_a_change_in_that_moment_is_not_taken_for_a_difference(place, paired):
    paired.core.remove_prekey(7)
    assert paired.mirror.compare()
    assert "pre-key-7" not in copied(place)
