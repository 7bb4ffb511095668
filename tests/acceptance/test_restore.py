"""A database that went back in time, and a server whose store files survived."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from phones.models import OrganizationPhone, Status
from sessions.models import BaileysAuth, PhoneLease
from tests.acceptance.conversation import Conversation, Losses
from tests.acceptance.fleet import Fleet


@dataclass
class Backup:
    """What a dump holds of a phone's keys."""

    rows: list[BaileysAuth]
    lease: dict[str, int]

    @classmethod
    def of(cls, phone: OrganizationPhone) -> Backup:
        columns = ("epoch", "auth_epoch", "auth_sequence")
        lease = PhoneLease.objects.filter(phone=phone).values(*columns).get()
        return cls([*BaileysAuth.objects.of(phone)], lease)

    def restore(self, phone: OrganizationPhone) -> None:
        BaileysAuth.objects.of(phone).delete()
        BaileysAuth.objects.bulk_create(self.rows)
        PhoneLease.objects.filter(phone=phone).update(**self.lease)


@pytest.mark.sqlite
def test_store_files_that_survived_win_over_a_restored_copy(fleet: Fleet, phone, peer):
    host = fleet.start_host()
    jid = fleet.link(phone)
    conversation = Conversation(fleet.sandbox, phone, peer)
    conversation.take_turns(4)
    fleet.wait(lambda: BaileysAuth.objects.of(phone).count() > 812, "the copy")
    backup = Backup.of(phone)
    conversation.take_turns(4)
    assert host.terminate() == 0
    assert (
        PhoneLease.objects.get(phone=phone).auth_sequence
        > (backup.lease["auth_sequence"])
    )
    backup.restore(phone)

    host = fleet.start_host(directory=host.directory)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    conversation.take_turns(4)
    assert "store file made" not in host.log
    assert conversation.to_peer() == conversation.to_phone() == Losses(12, 0, 0)
    # What the backup lacked is in the copy again.
    lease = PhoneLease.objects.get(phone=phone)
    assert lease.auth_sequence > backup.lease["auth_sequence"]
