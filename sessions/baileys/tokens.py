"""Privacy tokens of contacts, which Baileys 7 keeps; 6.7 has none."""

from __future__ import annotations

import re
from typing import Any

from sessions.auth.rows import Row, Text
from sessions.baileys.fields import Malformed, binary, mapping, whole

CATEGORY = "tctoken"
TABLE = "whatsmeow_privacy_tokens"
CONTACT = re.compile(r"\d{1,20}@(s\.whatsapp\.net|lid)", re.ASCII)
MAX_INT64 = (1 << 63) - 1


def to_row(jid: Text, name: str, value: Any) -> Row:
    """Raises Malformed for what is no token of a contact."""
    fields = mapping(value, "token")
    if not CONTACT.fullmatch(name):
        raise Malformed("token of nobody")
    return {
        "our_jid": jid,
        "their_jid": Text(name.encode("ascii")),
        "token": binary(fields.get("token"), "token"),
        "timestamp": whole(fields.get("timestamp") or 0, "timestamp", 0, MAX_INT64),
        "sender_timestamp": None,
    }


def from_row(row: Row) -> tuple[str, dict[str, Any]]:
    """(JID, Baileys' value)."""
    jid = row.get("their_jid")
    if not isinstance(jid, Text):
        raise Malformed("token of nobody")
    timestamp = whole(row.get("timestamp"), "timestamp", 0, MAX_INT64)
    token = binary(row.get("token"), "token")
    return jid.decode("utf-8", "replace"), {"token": token, "timestamp": str(timestamp)}
