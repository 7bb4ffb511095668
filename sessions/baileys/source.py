"""A phone as a Baileys server stored it, whichever place it was read from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sessions.baileys import buffer_json

CREDS = "creds"
# Of Baileys' keys, with those of Baileys 7; whole names before those they begin with.
CATEGORIES = (
    "app-state-sync-key",
    "app-state-sync-version",
    "device-list",
    "identity-key",
    "lid-mapping",
    "pre-key",
    "sender-key-memory",
    "sender-key",
    "session",
    "tctoken",
)


class SourceRefused(Exception):
    """The source holds no auth records that could be read; the message says why."""


@dataclass
class SourcePhone:
    """All auth rows of one phone, decoded; nothing in the source is ever changed.

    `rows` maps Baileys' keys ("creds", "pre-key-5", "session-77054810862.0", …) to
    values with bytes for Buffers; `updated` tells for the same keys when the row was
    last written, where the source knows; `unreadable` maps keys to why their value
    could not be decoded.
    """

    # Id of the organization in the source; empty where it has none (a folder).
    organization: str
    # Digits the source files the rows under, else those of `jid`.
    number: str
    # The linked device's JID as creds name it (`77054810862:12@s.whatsapp.net`); empty
    # for a phone that never finished pairing.
    jid: str
    rows: dict[str, Any] = field(repr=False)
    updated: dict[str, datetime] = field(default_factory=dict, repr=False)
    unreadable: dict[str, str] = field(default_factory=dict)


class StoredRow(NamedTuple):
    """One row as the source holds it; `text` is JSON, bytes where it is from a file."""

    key: str
    text: str | bytes
    updated: datetime | None


def gather(
    organization: str, filed_under: str, rows: Iterable[StoredRow]
) -> SourcePhone:
    """Decode the rows of one phone; of two rows with one key the later one counts."""
    phone = SourcePhone(organization, "", "", {})
    for key, text, updated in rows:
        phone.unreadable.pop(key, None)
        phone.rows.pop(key, None)
        try:
            value = decoded(text)
        except ValueError as error:
            phone.unreadable[key] = _why(error)
            continue
        if value is None:  # Baileys reads null as "no such row"
            continue
        phone.rows[key] = value
        if updated is not None:
            phone.updated[key] = updated
    phone.jid = device_jid(phone.rows)
    phone.number = _digits(filed_under) or _digits(phone.jid) or filed_under
    return phone


def decoded(text: str | bytes) -> Any:
    """The value of a stored text; raises ValueError.

    A text inside of the JSON is read once more: a column of the type json that was
    written as text holds that.
    """
    value = buffer_json.loads(text)
    if isinstance(value, str) and value.startswith(("{", "[")):
        return buffer_json.loads(value)
    return value


def is_baileys_key(key: str) -> bool:
    return key == CREDS or key.startswith(tuple(f"{name}-" for name in CATEGORIES))


def device_jid(rows: Mapping[str, Any]) -> str:
    """`creds.me.id`; empty if there is none."""
    creds = rows.get(CREDS)
    me = creds.get("me") if isinstance(creds, dict) else None
    jid = me.get("id") if isinstance(me, dict) else None
    return jid if isinstance(jid, str) else ""


def bare(jid: str) -> str:
    """The key the old server files rows under: a JID up to `@` and `:`."""
    return jid.partition("@")[0].partition(":")[0]


def _digits(jid: str) -> str:
    digits = bare(jid).removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else ""


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON, or cut off"
    return str(error)
