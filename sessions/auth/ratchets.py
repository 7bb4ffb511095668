"""Sending chains that cannot fall behind: what a rebuilt store does to Signal records.

A copy that is a second old would encrypt with message numbers that the killed session
has used. The recipient takes such a message for a repetition and drops it without a
retry: lost in silence. So every sending chain is moved on before its first use; the
recipient skips the gap, of which Signal allows 2000.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3

from sessions.auth.tables import all_rows, delete_row, read_tables

# Sessions send one message at a time with a gap of 20 ms: two seconds to one contact.
STEPS = 100
NEXT_CHAIN_KEY = b"\x02"


def leap(connection: sqlite3.Connection) -> None:
    """Move every pairwise sending chain on; forget our own sender keys of groups.

    The library makes a new sender key and hands it out with the next group message.
    """
    tables = read_tables(connection)
    sessions = tables["whatsmeow_sessions"]
    for row in all_rows(connection, sessions):
        record = row["session"]
        if isinstance(record, bytes):
            connection.execute(
                "UPDATE whatsmeow_sessions SET session = ? "
                "WHERE our_jid = CAST(? AS TEXT) AND their_id = CAST(? AS TEXT)",
                (leapt_session(record), row["our_jid"], row["their_id"]),
            )
    sender_keys = tables["whatsmeow_sender_keys"]
    for row in all_rows(connection, sender_keys):
        record = row["sender_key"]
        if isinstance(record, bytes) and is_our_sender_key(record):
            delete_row(connection, sender_keys, sender_keys.key_of(row))


def leapt_session(record: bytes, steps: int = STEPS) -> bytes:
    """The record with its sending chain so many messages further."""
    document = json.loads(record)
    chain_key = document["SessionState"]["SenderChain"]["ChainKey"]
    key = base64.b64decode(chain_key["Key"])
    for _ in range(steps):
        key = hmac.digest(key, NEXT_CHAIN_KEY, hashlib.sha256)
    chain_key["Key"] = base64.b64encode(key).decode("ascii")
    chain_key["Index"] += steps
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def is_our_sender_key(record: bytes) -> bool:
    """Only ours has a private signing key; the library writes zeros for the others'."""
    for state in json.loads(record)["SenderKeyStates"] or []:
        if any(base64.b64decode(state.get("SigningKeyPrivate") or "")):
            return True
    return False
