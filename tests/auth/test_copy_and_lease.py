"""A session keeps its lease while its keys are being copied, however long that takes.

A renewal leaves out rows that are locked (see PhoneLeaseQuerySet.renew), so a copy that
began with the lease's row cost sessions their lease on a busy machine: twenty phones
linked at once with leases of 6 s lost 1 to 10 of them.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from sessions.auth import central_copy
from sessions.host.inbox import Inbox
from sessions.host.journal import Entry, Journal
from sessions.host.key_copy import KeyCopy
from sessions.host.scribe import Scribe
from sessions.host.threads import DatabaseThreads
from sessions.models import BaileysAuth, PhoneLease, SessionFacts
from tests.auth.core import Core, Device

write = central_copy.write


class Renewals:
    """Renews the host's leases in the middle of each batch, as the host's loop does."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.renewed: list[set[int]] = []

    def write(self, rows: list[BaileysAuth]) -> None:
        write(rows)
        thread = threading.Thread(target=self._renew)
        thread.start()
        thread.join(20)

    def _renew(self) -> None:
        try:
            renewal = PhoneLease.objects.renew(host_id=self.host.pk)
            self.renewed.append(renewal.renewed)
        finally:
            connection.close()


@pytest.fixture
def renewals(place, monkeypatch):
    renewals = Renewals(place.host)
    monkeypatch.setattr(central_copy, "write", renewals.write)
    return renewals


def copy_with_entry(place: Any, mirror: Any) -> None:
    """As at the end of a pairing: what happened, and the keys, in one transaction."""
    facts = SessionFacts.objects.create(phone=place.phone)
    house: Any = SimpleNamespace(threads=DatabaseThreads(writers=1))
    scribe = Scribe(house, Journal(place.fence, place.phone, facts, "one"))
    keys = KeyCopy(scribe, Inbox(), mirror)
    try:
        asyncio.run(keys.write(Entry(facts={"linked": True})))
    finally:
        house.threads.close(5)


@pytest.mark.postgresql
def test_a_lease_is_renewed_while_keys_are_copied(place, renewals):
    running = place.run()
    running.core.pair()
    running.core.make_prekeys(812)
    assert running.mirror.push()
    assert renewals.renewed == [{place.phone.pk}]


@pytest.mark.postgresql
def test_a_lease_is_renewed_while_keys_are_refilled(place, paired, renewals):
    BaileysAuth.objects.all().delete()
    assert paired.mirror.refill() > 30
    assert renewals.renewed == [{place.phone.pk}]


@pytest.mark.postgresql
def test_a_lease_is_renewed_while_a_pairing_is_written_with_its_keys(place, renewals):
    running = place.run()
    running.core.pair()
    copy_with_entry(place, running.mirror)
    assert renewals.renewed == [{place.phone.pk}]
    assert BaileysAuth.objects.of(place.phone).filter(key="creds").exists()


def test_an_entry_does_not_wait_for_a_session_that_goes_on_writing_keys(
    place, monkeypatch
):
    device = Device(place.phone.phone_number)
    running = place.run(device)
    running.core.pair()
    batches = []

    def write_on(rows):
        write(rows)
        batches.append(len(rows))
        if len(batches) < 5:
            with closing(Core(place.path, device)) as core:
                core.put_session(f"77010000009:{len(batches)}")

    monkeypatch.setattr(central_copy, "write", write_on)
    copy_with_entry(place, running.mirror)
    assert len(batches) == 1
    assert SessionFacts.objects.get(phone=place.phone).linked
    assert running.mirror.push()  # the rest, in transactions of its own
    assert place.lease.auth_sequence == running.store.sequence()
