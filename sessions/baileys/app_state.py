"""Keys of the app state: a phone sends them once, so they are kept in both directions.

The state itself (chats, contacts) is not carried to whatsmeow, which then asks for a
snapshot and fills its contacts from it.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sessions.auth.app_state import MACS, VERSION, AppState
from sessions.auth.rows import Row, Text
from sessions.baileys.fields import (
    Malformed,
    base64_text,
    binary,
    mapping,
    sequence,
    whole,
)
from sessions.baileys.protobuf_fields import (
    read_message,
    read_packed,
    write_number,
    write_packed,
)

CATEGORY = "app-state-sync-key"
TABLE = "whatsmeow_app_state_sync_keys"
# Fields of AppStateSyncKeyFingerprint.
NAMES = {1: "rawId", 2: "currentIndex"}
DEVICE_INDEXES = 3
MAX_INT64 = (1 << 63) - 1
MAX_KEY_ID = 64  # bytes; six are usual


def to_row(jid: Text, key_id: str, value: Any) -> Row:
    """Raises Malformed for what is no key."""
    fields = mapping(value, "app state key")
    return {
        "jid": jid,
        "key_id": _key_id(key_id),
        "key_data": binary(fields.get("keyData"), "app state key"),
        "timestamp": whole(fields.get("timestamp") or 0, "timestamp", 0, MAX_INT64),
        "fingerprint": _fingerprint(fields.get("fingerprint")),
    }


def _key_id(text: str) -> bytes:
    """Multi-file stores write two underscores for a slash."""
    try:
        key_id = base64.b64decode(text.replace("__", "/"), validate=True)
    except ValueError as error:
        raise Malformed("app state key without an id") from error
    if not 0 < len(key_id) <= MAX_KEY_ID:
        raise Malformed("app state key without an id")
    return key_id


def _fingerprint(value: Any) -> bytes:
    if value is None:
        return b""
    fields = mapping(value, "fingerprint")
    numbers = b"".join(
        write_number(number, whole(fields[name], name))
        for number, name in NAMES.items()
        if fields.get(name) is not None
    )
    indexes = sequence(fields.get("deviceIndexes") or [], "deviceIndexes")
    return numbers + write_packed(
        DEVICE_INDEXES, [whole(index, "device index") for index in indexes]
    )


# -- back ------------------------------------------------------------------------------


def from_row(row: Row) -> tuple[str, dict[str, Any]]:
    """(Baileys' id of the key, its value)."""
    key_id = binary(row.get("key_id"), "key id")
    value = {
        "keyData": binary(row.get("key_data"), "app state key"),
        "fingerprint": _fields_of(binary(row.get("fingerprint"), "fingerprint")),
        "timestamp": whole(row.get("timestamp"), "timestamp", 0, MAX_INT64),
    }
    return base64_text(key_id), value


def newest_key_id(rows: Iterable[Row]) -> str:
    """The key that whatsmeow would encrypt with; empty when there is none."""
    dated = [
        (timestamp, base64_text(key_id))
        for row in rows
        if isinstance(timestamp := row.get("timestamp"), int)
        and isinstance(key_id := row.get("key_id"), bytes)
    ]
    return max(dated)[1] if dated else ""


def collections(
    versions: Sequence[Row], macs: Iterable[Row]
) -> tuple[dict[str, dict[str, Any]], int]:
    """(Baileys' rows by collection, how many did not add up).

    whatsmeow keeps older versions of a record; the newest one counts.
    """
    state = AppState()
    newest: dict[str, dict[str, tuple[int, bytes]]] = defaultdict(dict)
    for row in versions:
        state.take(VERSION, row)
    for row in macs:
        state.take(MACS, row)
        index, value, version = row["index_mac"], row["value_mac"], row["version"]
        if isinstance(index, bytes) and isinstance(value, bytes):
            known = newest[_name(row)]
            place = base64_text(index), (version if isinstance(version, int) else 0)
            if place[0] not in known or known[place[0]][0] < place[1]:
                known[place[0]] = place[1], value
    wrong = set(state.wrong())
    found = {
        _name(row): {
            "version": row["version"],
            "hash": bytes(row["hash"]),
            "indexValueMap": {
                index: {"valueMac": value}
                for index, (_, value) in newest[_name(row)].items()
            },
        }
        for row in versions
        if _name(row) not in wrong and row["version"] and isinstance(row["hash"], bytes)
    }
    return found, len(wrong)


def _name(row: Row) -> str:
    name = row["name"]
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else ""


def _fields_of(fingerprint: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {"deviceIndexes": []}
    for number, value in read_message(fingerprint):
        if number == DEVICE_INDEXES:
            indexes = read_packed(value) if isinstance(value, bytes) else [value]
            fields["deviceIndexes"] += indexes
        elif number in NAMES and isinstance(value, int):
            fields[NAMES[number]] = value
    return fields
