"""A row of the store file ↔ an entry of the durable copy.

The entry's key follows Baileys' categories, so that people who know the seed's table
find their way; its value is the whole row with the table's name, without loss: SQLite
promises neither UTF-8 in a TEXT column nor one type per column.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

MAX_KEY = 255  # characters, the width of the column
KEPT = 180  # of a longer key; its hash follows
SAFE = re.compile(rb"[A-Za-z0-9@._+/=, -]")
DEVICE = "whatsmeow_device"
OWN_JID = ("jid", "our_jid")


class Text(bytes):
    """The bytes of a TEXT value, as they are."""


Value = Text | bytes | int | float | None
Row = dict[str, Value]


# -- values -------------------------------------------------------------------------


def encode_row(table: str, row: Row) -> bytes:
    """JSON: {"table": …, "row": {column: value}}; ASCII only."""
    fields = {column: _to_json(value) for column, value in row.items()}
    return json.dumps({"table": table, "row": fields}, separators=(",", ":")).encode(
        "ascii"
    )


def decode_row(entry: bytes) -> tuple[str, Row]:
    """The reverse of encode_row; raises ValueError for anything else."""
    try:
        document = json.loads(entry)
        fields = document["row"]
        row = {str(column): _from_json(value) for column, value in fields.items()}
        return str(document["table"]), row
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a row of a store file") from error


def _to_json(value: Value) -> Any:
    if isinstance(value, Text):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"text": base64.b64encode(value).decode("ascii")}
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode("ascii")}
    if isinstance(value, float):
        return {"real": value.hex()}
    return value


def _from_json(value: Any) -> Value:
    if isinstance(value, str):
        return Text(value.encode("utf-8"))
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "real":
            return float.fromhex(content)
        raw = base64.b64decode(content, validate=True)
        return Text(raw) if kind == "text" else {"blob": raw}[kind]
    if value is None or isinstance(value, int):
        return value
    raise ValueError("not a value of a store file")


# -- keys ---------------------------------------------------------------------------


def auth_key(table: str, key: Row, device_jid: bytes) -> str:
    """The entry's key for a primary key: one to one, at most 255 characters.

    Our own JID is left out where it is `device_jid`, as in Baileys.
    """
    parts = dict(key)
    suffix = ""
    for column in OWN_JID:
        if column in parts and (table != DEVICE):
            jid = parts.pop(column)
            if jid != device_jid or not isinstance(jid, Text):
                suffix = "%@" + _part(jid)
            break
    name = _named(table, list(parts.values()), device_jid)
    if name is None:
        name = f"{table}-" + "::".join(_part(value) for value in parts.values())
    return _shortened(name + suffix)


def _named(table: str, values: list[Value], device_jid: bytes) -> str | None:
    """The key in Baileys' words; None for tables and types that Baileys has not."""
    match table, values:
        case "whatsmeow_device", [Text() as jid] if jid == device_jid:
            return "creds"
        case "whatsmeow_pre_keys", [int() as number]:
            return f"pre-key-{number}"
        case "whatsmeow_sessions", [Text() as address]:
            return "session-" + _address(address, ".")
        case "whatsmeow_identity_keys", [Text() as address]:
            return "identity-key-" + _address(address, ".")
        case "whatsmeow_sender_keys", [Text() as group, Text() as sender]:
            return f"sender-key-{_part(group)}::{_address(sender, '::')}"
        case "whatsmeow_app_state_sync_keys", [bytes() as key_id] if not isinstance(
            key_id, Text
        ):
            return "app-state-sync-key-" + base64.b64encode(key_id).decode("ascii")
        case "whatsmeow_app_state_version", [Text() as name]:
            return "app-state-sync-version-" + _part(name)
        case "whatsmeow_lid_map", [Text() as lid]:
            return f"lid-mapping-{_part(lid)}_reverse"
        case "whatsmeow_contacts", [Text() as jid]:
            return "contact-" + _part(jid)
        case "whatsmeow_privacy_tokens", [Text() as jid]:
            return "tctoken-" + _part(jid)
    return None


def _address(address: Text, separator: str) -> str:
    """whatsmeow's `user:device` as Baileys writes it; dots of the user are escaped."""
    user, colon, device = address.rpartition(b":")
    if not colon:
        return _escaped(address, but=b".")
    return _escaped(user, but=b".") + separator + _escaped(device, but=b".")


def _part(value: Value) -> str:
    """One to one: an escape is `%` and two capitals or digits, a type a small one."""
    if isinstance(value, Text):
        return _escaped(value)
    if isinstance(value, bytes):
        return "%b" + base64.urlsafe_b64encode(value).decode("ascii")
    if value is None:
        return "%n"
    return f"%r{value.hex()}" if isinstance(value, float) else f"%i{value}"


def _escaped(text: bytes, but: bytes = b"") -> str:
    return "".join(
        chr(byte)
        if SAFE.match(bytes([byte])) and bytes([byte]) != but
        else f"%{byte:02X}"
        for byte in text
    )


def _shortened(name: str) -> str:
    if len(name) <= MAX_KEY:
        return name
    # `#` is escaped everywhere else, so no short key looks like a shortened one.
    return name[:KEPT] + "#" + hashlib.sha256(name.encode("ascii")).hexdigest()
