"""Who has written to a phone: read from its Signal sessions.

A session that we began carries its prekey with every message until the other side has
answered; one that they began never does (libsignal's PendingPreKey).
"""

from __future__ import annotations

import json
import sqlite3

from sessions.auth.records import UNREADABLE
from sessions.policy.number_aliases import number_in, spellings

LID_AGENT = "_1"  # whatsmeow keeps sessions of LIDs as user_1:device


def has_written(connection: sqlite3.Connection, recipient: str) -> bool:
    """True when a device of this user ever wrote to ours, in a chat or in a group.

    recipient: a number, or a JID of a user.
    """
    user = number_in(recipient)
    if recipient.endswith("@lid"):
        lids, numbers = {user}, _other_side(connection, "pn", "lid", {user})
    else:
        numbers = spellings(user)
        lids = _other_side(connection, "lid", "pn", numbers)
    names = numbers | {lid + LID_AGENT for lid in lids}
    return any(_has_answered(row) for row in _sessions(connection, names))


def _other_side(
    connection: sqlite3.Connection, wanted: str, known: str, users: set[str]
) -> set[str]:
    found = set()
    for user in users:
        rows = connection.execute(
            f"SELECT {wanted} FROM whatsmeow_lid_map "  # noqa: S608
            f"WHERE {known} = CAST(? AS TEXT)",
            (user.encode(),),
        )
        found |= {str(other, "utf-8", "replace") for (other,) in rows}
    return found


def _sessions(connection: sqlite3.Connection, names: set[str]) -> list[object]:
    found: list[object] = []
    for name in names:
        start = f"{name}:".encode()
        rows = connection.execute(
            "SELECT session FROM whatsmeow_sessions "
            "WHERE substr(their_id, 1, ?) = CAST(? AS TEXT)",
            (len(start), start),
        )
        found += [session for (session,) in rows]
    return found


def _has_answered(record: object) -> bool:
    try:
        state = json.loads(record)["SessionState"]  # type: ignore[arg-type]
        return state.get("PendingPreKey") is None
    except UNREADABLE:
        return False
