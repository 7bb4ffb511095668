"""What a rebuild does to Signal records, as numbers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import sqlite3
from contextlib import closing

from sessions.auth.ratchets import STEPS, is_our_sender_key, leap, leapt_session
from sessions.auth.rows import Text
from tests.auth.core import Core, Device

NUMBER = "77054810862"


def chain_key(record):
    return json.loads(record)["SessionState"]["SenderChain"]["ChainKey"]


def test_the_sending_chain_moves_on_as_signal_derives_it():
    record = Device(NUMBER).session()
    key = base64.b64decode(chain_key(record)["Key"])
    for _ in range(3):
        key = hmac.new(key, b"\x02", hashlib.sha256).digest()
    leapt = chain_key(leapt_session(record, steps=3))
    assert leapt == {"Key": base64.b64encode(key).decode(), "Index": 3}


def test_two_leaps_are_one_of_both_lengths():
    record = Device(NUMBER).session()
    assert chain_key(leapt_session(leapt_session(record, 40), 2)) == chain_key(
        leapt_session(record, 42)
    )


def test_nothing_but_the_sending_chain_changes():
    before = json.loads(Device(NUMBER).session())
    after = json.loads(leapt_session(json.dumps(before).encode()))
    for document in (before, after):
        del document["SessionState"]["SenderChain"]["ChainKey"]
    assert after == before


def test_recipients_can_skip_the_gap_of_many_rebuilds():
    """Signal refuses a message more than 2000 ahead."""
    assert STEPS * 15 < 2000


def sender_key(private):
    state = {
        "KeyID": 1,
        "SenderChainKey": {"Iteration": 4, "ChainKey": "A" * 43 + "="},
        "SigningKeyPrivate": private and base64.b64encode(private).decode(),
    }
    return json.dumps({"SenderKeyStates": [state]}).encode()


def test_only_a_signing_key_that_is_one_makes_a_sender_key_ours():
    assert is_our_sender_key(sender_key(b"\x01" * 32))
    assert not is_our_sender_key(sender_key(bytes(32)))
    assert not is_our_sender_key(sender_key(None))
    assert not is_our_sender_key(b'{"SenderKeyStates": null}')


def test_a_store_leaps_as_a_whole(schema, tmp_path):
    path = tmp_path / "store.sqlite3"
    shutil.copyfile(schema, path)
    with closing(Core(path, Device(NUMBER))) as core:
        core.pair()
        core.put_session("77010000002:0")
        core.put_session("77010000003:0")
        core.run(
            "INSERT INTO whatsmeow_sessions VALUES (?, '77010000004:0', NULL)",
            core.device.jid,
        )
        for sender, private in (("ours:1", b"\x01" * 32), ("theirs:1", bytes(32))):
            core.run(
                "INSERT INTO whatsmeow_sender_keys VALUES (?, 'g@g.us', ?, ?)",
                core.device.jid,
                sender,
                sender_key(private),
            )
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = Text
        leap(connection)
        records = connection.execute(
            "SELECT session FROM whatsmeow_sessions"
        ).fetchall()
        kept = connection.execute("SELECT sender_id FROM whatsmeow_sender_keys")
        assert kept.fetchall() == [(b"theirs:1",)]
    indexes = [chain_key(record)["Index"] for (record,) in records if record]
    assert indexes == [STEPS, STEPS]
    assert (None,) in records
