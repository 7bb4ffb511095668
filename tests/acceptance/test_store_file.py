"""The store file is only a working copy: BaileysAuth brings a phone back without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from metrics.models import ConnectionMetrics
from phones.models import Status
from sessions import verbs
from sessions.models import BaileysAuth, PhoneLease, SessionFacts
from tests.acceptance.fleet import Fleet, HostProcess, is_alive

# The store file and the session process know nothing of the database.
pytestmark = pytest.mark.sqlite


def store_of(host: HostProcess, phone) -> Path:
    return host.directory / "stores" / f"phone-{phone.pk}.sqlite3"


def befriend(fleet: Fleet, phone, peer) -> None:
    """One text each way, so that both have a Signal session."""
    assert peer.send(phone.phone_number, "good morning")["ok"]
    fleet.wait(lambda: received(phone) == 1, "the first text")
    write(fleet, phone, peer)


def write(fleet: Fleet, phone, peer) -> None:
    request = verbs.send(phone, to=str(peer.jid).partition(":")[0], text="good night")

    def done() -> bool:
        request.refresh_from_db()
        return request.result == "done"

    fleet.wait(done, "the answer to a send")
    peer.wait_for("message", id=request.answer["message_id"])


def received(phone) -> int:
    return SessionFacts.objects.get(phone=phone).received


@pytest.mark.parametrize("fate", ["deleted", "moved"])
def test_without_its_file_it_goes_on_with_no_scan(fleet: Fleet, phone, peer, fate):
    host = fleet.start_host()
    jid = fleet.link(phone)
    befriend(fleet, phone, peer)
    assert host.terminate() == 0
    assert peer.send(phone.phone_number, "while you were away")["ok"]
    if fate == "deleted":
        shutil.rmtree(host.directory / "stores")
        fleet.start_host(directory=host.directory)
    else:
        fleet.start_host("two")
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
    fleet.wait(lambda: received(phone) == 2, "the text on the old session")
    write(fleet, phone, peer)
    assert SessionFacts.objects.get(phone=phone).undecryptable == 0
    assert peer.seen("undecryptable") == []
    assert not ConnectionMetrics.objects.filter(
        phone=phone, event="qr_generated", id__gt=first_login(phone)
    ).exists()
    keys = fleet.sandbox.prekeys(phone.phone_number, 1)["uploaded"]
    assert len(keys) == len(set(keys))


def first_login(phone) -> int:
    return ConnectionMetrics.objects.filter(phone=phone, event="connected").first().pk


DELETE_DEVICE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=10)
connection.execute("PRAGMA foreign_keys = ON")
connection.execute("DELETE FROM whatsmeow_device")
connection.commit()
connection.close()
"""


def keys_of(phone) -> set[str]:
    return set(BaileysAuth.objects.of(phone).values_list("key", flat=True))


def test_a_device_row_that_vanished_holds_the_phone_and_keeps_its_keys(
    fleet: Fleet, phone
):
    host = fleet.start_host()
    jid = fleet.link(phone)
    pid = fleet.session_pid(phone)
    lease = PhoneLease.objects.filter(phone=phone)
    fleet.wait(lambda: lease.get().auth_sequence > 800, "the copy of the prekeys")
    rows = keys_of(phone)
    # Another process than ours: closing it here would drop locks of this one.
    subprocess.run(
        [sys.executable, "-c", DELETE_DEVICE, str(store_of(host, phone))], check=True
    )
    fleet.wait_status(phone, Status.HELD)
    assert SessionFacts.objects.get(phone=phone).cause == "vanished"
    assert not is_alive(pid)
    # The last prekeys may have been copied a moment later.
    assert rows <= keys_of(phone)
    assert phone.phone_jid == jid

    verbs.start(phone)
    fleet.wait_status(phone, Status.CONNECTED)
    device = fleet.device(jid)
    assert (device["logins"], device["double_logins"]) == (2, 0)
    assert BaileysAuth.objects.of(phone).filter(key="creds").exists()


def test_a_file_of_the_wrong_bytes_is_replaced(fleet: Fleet, phone):
    host = fleet.start_host()
    jid = fleet.link(phone)
    assert host.terminate() == 0
    store_of(host, phone).write_bytes(b"SQLite format 3\0" + bytes(4096))
    fleet.start_host(directory=host.directory)
    fleet.wait_logins([jid], 2)
    fleet.wait_status(phone, Status.CONNECTED)
