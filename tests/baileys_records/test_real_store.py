"""Records that the real library wrote, as Baileys' rows and back, and used again."""

from __future__ import annotations

import json
import os
from contextlib import closing

import pytest

from sessions.baileys.from_whatsmeow import convert_back
from sessions.baileys.source import SourcePhone
from sessions.baileys.to_whatsmeow import convert
from sessions.client import forkserver
from sessions.client.store_schema import create_schema
from tests.baileys_records.stores import faults, fill, read
from tests.client.session_driver import SessionDriver, sandbox_environment
from tests.processes import wait_until

OURS, PEER = "77054830001", "77054830002"
NOT_BAILEYS = {"lid_migration_ts", "companion_meta_nonce", "business_name"}


@pytest.fixture
def sandbox_forkserver(sandbox):
    forkserver.start(os.environ, sandbox_environment(sandbox.description))
    yield sandbox
    forkserver.stop()


def received(driver):
    return len([line for line in driver.seen("message") if not line["from_me"]])


def greet(one, number, other):
    before = received(other)
    assert one.send(number, "hello")["ok"]
    wait_until(lambda: received(other) > before, "the message")


def by_key(rows, table, *columns):
    return {
        tuple(row[column] for column in columns): row
        for name, row in rows
        if name == f"whatsmeow_{table}"
    }


def test_real_records_come_back_byte_for_byte_and_go_on(sandbox_forkserver, tmp_path):
    description = sandbox_forkserver.description
    with (
        closing(SessionDriver.create(tmp_path / "ours", description)) as ours,
        closing(SessionDriver.create(tmp_path / "peer", description)) as peer,
    ):
        jid = ours.pair(sandbox_forkserver, OURS)
        peer.pair(sandbox_forkserver, PEER)
        for _ in range(2):
            greet(ours, PEER, peer)
            greet(peer, OURS, ours)
        assert ours.stop() == 0
        was = read(tmp_path / "ours" / "store.db")

        back = convert_back(was, base=None)
        assert not back.lost
        phone = SourcePhone("1", OURS, jid, back.rows)
        conversion = convert(phone, lid_map={})
        assert not conversion.lost
        assert conversion.missing_lids == []
        compare(was, conversion.rows)

        again_at = tmp_path / "again"
        again_at.mkdir()
        create_schema(again_at / "store.db", "sandbox")
        fill(again_at / "store.db", conversion.rows)
        assert faults(again_at / "store.db", OURS) == []
        assert peer.send(OURS, "while you were away")["ok"]
        with closing(SessionDriver.create(again_at, description, jid=jid)) as again:
            again.wait_for("connected")
            wait_until(lambda: received(again) == 1, "the message that waited")
            greet(again, PEER, peer)
            greet(peer, OURS, again)
            assert again.seen("qr") == []
            assert again.seen("undecryptable") == peer.seen("undecryptable") == []


def compare(was, became):
    (device,), (carried,) = (
        by_key(rows, "device", "jid").values() for rows in (was, became)
    )
    assert {c: v for c, v in device.items() if c not in NOT_BAILEYS} == {
        c: v for c, v in carried.items() if c not in NOT_BAILEYS
    }
    for table, columns in (
        ("pre_keys", ["key_id"]),
        ("app_state_sync_keys", ["key_id"]),
        ("lid_map", ["lid"]),
    ):
        assert by_key(became, table, *columns) == by_key(was, table, *columns)
    assert sessions(became) == sessions(was)
    assert any(b'"PendingPreKey":null' in record for record in sessions(was).values())
    identities = by_key(became, "identity_keys", "their_id")
    assert identities.items() <= by_key(was, "identity_keys", "their_id").items()


def sessions(rows):
    """Those that were answered as they are; of the others all but one idle chain.

    Until the first answer the library keeps a chain on the contact's signed prekey,
    which nobody ever sends on and Baileys has not.
    """
    found = {}
    for key, row in by_key(rows, "sessions", "their_id").items():
        record = json.loads(row["session"])
        if record["SessionState"]["PendingPreKey"] is not None:
            record["SessionState"]["ReceiverChains"] = []
            found[key] = json.dumps(record).encode()
        else:
            found[key] = row["session"]
    return found
