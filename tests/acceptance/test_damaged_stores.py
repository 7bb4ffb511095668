"""A store file that is broken: the copy replaces it, or a person decides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, PhoneLease, Quarantine
from tests.acceptance.fleet import Fleet, HostProcess
from tests.acceptance.lives import facts_of, record, wait_given_back
from tests.sandbox.clients import Watch

# The store file and the session process know nothing of the database.
pytestmark = pytest.mark.sqlite


def garbage(store: Path) -> None:
    store.write_bytes(b"not a database, but as long as one " * 500)


def torn(store: Path) -> None:
    """As after a crash of the disk: pages in the middle are zeros."""
    with store.open("r+b") as file:
        file.seek(store.stat().st_size // 4)
        file.write(bytes(store.stat().st_size // 2))


def empty(store: Path) -> None:
    store.write_bytes(b"")


def short_key(store: Path) -> None:
    """The Go core would abort over it."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE whatsmeow_device SET noise_key = x'0102'")
        connection.commit()


def foreign_signature(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE whatsmeow_device SET adv_device_sig = zeroblob(64)")
        connection.commit()


DAMAGES = (garbage, torn, empty, short_key, foreign_signature)


def stop(fleet: Fleet, phone) -> None:
    verbs.stop(phone)
    fleet.wait_status(phone, Status.STOPPED)
    wait_given_back(fleet, phone)


def store_of(host: HostProcess, phone) -> Path:
    """The phone's store file, with everything that was written to it inside."""
    path = host.directory / "stores" / f"phone-{phone.pk}.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def test_a_damaged_store_is_replaced_by_the_copy_without_a_scan(fleet: Fleet, phone):
    host = fleet.start_host()
    jid = fleet.link(phone)
    for damage in DAMAGES:
        stop(fleet, phone)
        damage(store_of(host, phone))
        watch = Watch(fleet.sandbox)
        verbs.start(phone)
        fleet.wait_status(phone, Status.CONNECTED)
        assert watch.events("pairing_started") == []
    assert "using the copy" in host.log
    assert "crashed" not in {event for event, *_ in record(phone)}
    assert fleet.device(jid)["logins"] == 1 + len(DAMAGES)


@pytest.mark.parametrize("damage", [garbage, short_key])
def test_without_a_copy_a_damaged_store_is_kept_for_a_person(
    fleet: Fleet, phone, damage: Callable[[Path], None]
):
    host = fleet.start_host()
    fleet.link(phone)
    stop(fleet, phone)
    store = store_of(host, phone)
    damage(store)
    before = store.read_bytes()
    # As after a crash between the scan and the first copy.
    BaileysAuth.objects.all().delete()
    PhoneLease.objects.filter(phone=phone).update(auth_sequence=0)
    watch = Watch(fleet.sandbox)
    verbs.start(phone)
    fleet.wait_status(phone, Status.HELD)
    facts = facts_of(phone)
    assert (facts.cause, facts.rule) == ("broken_store", "hold")
    assert facts.cause_values["reason"].endswith(".")
    assert record(phone)[-1] == ("error", "broken_store", None)
    wait_given_back(fleet, phone)
    assert watch.events("connected_socket") == []
    assert store.read_bytes() == before
    assert not Quarantine.objects.exists()
    verbs.clear(phone)
    fleet.wait_status(phone, Status.LOGGED_OUT)
    fleet.link(phone)
