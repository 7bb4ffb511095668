"""The comparison of each minute: what a person deleted by hand comes back."""

from __future__ import annotations

from sessions.auth.central_copy import Extent, extents_of
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


def extent(place) -> Extent:
    return extents_of([place.phone])[place.phone.pk]


def test_what_all_copies_hold_is_read_at_once_and_compared_without_a_query(
    place, paired, django_assert_num_queries
):
    rows = paired.store.snapshot().rows
    copied = extent(place)
    assert copied == Extent(len(rows), paired.store.sequence())
    with django_assert_num_queries(0):
        assert paired.mirror.holds(copied)


def test_a_row_too_few_or_too_many_and_a_later_change_are_seen(place, paired):
    copied = extent(place)
    one = BaileysAuth.objects.of(place.phone).get(key="pre-key-1")
    one.delete()
    assert not paired.mirror.holds(extent(place))
    for key in ("pre-key-1", "pre-key-999"):
        one.pk, one.key = None, key
        one.save()
    assert not paired.mirror.holds(extent(place))
    assert paired.mirror.holds(copied)
    paired.core.remove_prekey(7)
    assert not paired.mirror.holds(copied)


def test_a_phone_without_any_copied_row_is_told_apart(place, paired):
    BaileysAuth.objects.all().delete()
    assert extent(place).rows == 0
    assert not paired.mirror.holds(extent(place))
