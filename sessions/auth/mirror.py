"""The host's copying of a store file into BaileysAuth, while its session runs.

lease.auth_sequence is the number of the last change-log entry the copy holds. It moves
in the same transaction as the rows, so a copy is never half of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from django.db import transaction

from phones.models import OrganizationPhone
from sessions.auth import central_copy
from sessions.auth.store_file import ChangeBatch, StoreFile
from sessions.models import Fence, PhoneLease, fenced_write

logger = logging.getLogger(__name__)


class Overtaken(Exception):
    """Somebody else copied or wiped meanwhile; nothing was written."""


class Mirror:
    """Copies one phone's changes; used by one thread at a time.

    A batch in which the device row is gone is never copied: whatsmeow deletes its keys
    by itself on 401, 403 and 406, and only a LoggedOut or a person may empty the copy.
    `frozen` is True from then on.
    """

    def __init__(
        self, phone: OrganizationPhone, fence: Fence, store: StoreFile
    ) -> None:
        self.phone = phone
        self.fence = fence
        self.store = store
        self.frozen = False
        # Known to be committed; the database is asked before each batch.
        self._copied = 0
        self._seen_version: int | None = None
        self._counted: tuple[int, central_copy.Extent] | None = None  # version, counts

    def push(self) -> bool:
        """Copy what changed since the last time; True when anything was copied.

        Costs microseconds when the file did not change. Raises LeaseLost, BrokenStore
        or StoreUnavailable.
        """
        version = self.store.data_version()
        if version == self._seen_version:
            return False
        copied = self.push_all()
        if not self.frozen:
            transaction.on_commit(lambda: setattr(self, "_seen_version", version))
        return copied

    def push_all(self) -> bool:
        """The same, without asking SQLite whether the file changed at all."""
        copied = False
        while not self.frozen and self.push_batch():
            copied = True
        return copied

    def push_batch(self) -> bool:
        """One batch, for a transaction of the caller's.

        A session that has just paired writes 800 prekeys one by one; a loop behind it
        would keep the lease's row locked from the first batch to the last.
        """
        lease = PhoneLease.objects.get(pk=self.phone.pk)
        if lease.auth_sequence < self._copied:
            self._freeze("keys were wiped under it")
            return False
        batch = self.store.changes(lease.auth_sequence)
        if batch.device_row_deleted and lease.auth_sequence > 0:
            self._freeze("device row vanished")
            return False
        if batch.last_seq == lease.auth_sequence or batch.device_jid is None:
            return False
        try:
            self._copy(batch, batch.device_jid, expected=lease.auth_sequence)
        except Overtaken:
            logger.info("copy of keys overtaken phone=%s", self.phone.masked)
        return True

    def _copy(self, batch: ChangeBatch, jid: str, *, expected: int) -> None:
        write = self._writing(jid, batch.upserts, batch.deletes)
        with fenced_write(self.fence, write):
            moved = PhoneLease.objects.filter(
                pk=self.phone.pk, auth_sequence=expected
            ).update(auth_sequence=batch.last_seq, auth_epoch=self.fence.epoch)
            if moved != 1:
                raise Overtaken
            transaction.on_commit(lambda: self._remember(batch.last_seq))

    def _writing(
        self, jid: str, upserts: Mapping[str, bytes], deletes: Collection[str]
    ) -> Callable[[], None]:
        """Encrypts, which is slow, and returns what writes."""
        organization_id = self.phone.organization_id
        rows = central_copy.encrypted(organization_id, jid, upserts)

        def write() -> None:
            central_copy.write(rows)
            central_copy.delete(central_copy.rows_of(organization_id, jid), deletes)

        return write

    def _remember(self, sequence: int) -> None:
        self._copied = max(self._copied, sequence)

    def _freeze(self, why: str) -> None:
        self.frozen = True
        logger.warning("copy of keys frozen phone=%s why=%s", self.phone.masked, why)

    # -- the comparison of each minute ------------------------------------------------

    def holds(self, copied: central_copy.Extent) -> bool:
        """True when the copy, as it was a moment ago, is as large as the file is now.

        Costs microseconds when the file did not change since the last time.
        """
        version = self.store.data_version()
        if self._counted is None or self._counted[0] != version:
            self._counted = version, central_copy.Extent(*self.store.counts())
        return self._counted[1] == copied

    def compare(self) -> bool:
        """True when the copy has as many rows as the file, or cannot be judged now."""
        self.push()
        jid = self.store.device_jid()
        total, sequence = self.store.counts()
        lease = PhoneLease.objects.get(pk=self.phone.pk)
        if self.frozen or jid is None or lease.auth_sequence != sequence:
            return True
        return central_copy.rows_of(self.phone.organization_id, jid).count() == total

    def refill(self) -> int:
        """Make the copy hold the file's rows again; how many rows were put right.

        Nothing is read back from the copy while a session runs: the file is newer.
        """
        snapshot = self.store.snapshot()
        if self.frozen or snapshot.device_jid is None:
            return 0
        there = central_copy.rows_of(self.phone.organization_id, snapshot.device_jid)
        keys = set(there.values_list("key", flat=True))
        missing = {k: row for k, row in snapshot.rows.items() if k not in keys}
        strange = keys - snapshot.rows.keys()
        with fenced_write(
            self.fence, self._writing(snapshot.device_jid, missing, strange)
        ):
            pass  # the rows are all there is to write
        if missing or strange:
            logger.warning(
                "auth rows put right phone=%s refilled=%d removed=%d",
                self.phone.masked,
                len(missing),
                len(strange),
            )
        return len(missing) + len(strange)
