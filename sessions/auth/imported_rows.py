"""Rows that come from no store file, as entries of the durable copy."""

from __future__ import annotations

from collections.abc import Iterable

from sessions.auth.rows import Row, auth_key, encode_row

# Primary keys of whatsmeow's tables (schema 15), as its own store file declares them.
PRIMARY_KEYS: dict[str, tuple[str, ...]] = {
    "whatsmeow_device": ("jid",),
    "whatsmeow_pre_keys": ("jid", "key_id"),
    "whatsmeow_sessions": ("our_jid", "their_id"),
    "whatsmeow_identity_keys": ("our_jid", "their_id"),
    "whatsmeow_sender_keys": ("our_jid", "chat_id", "sender_id"),
    "whatsmeow_app_state_sync_keys": ("jid", "key_id"),
    "whatsmeow_app_state_version": ("jid", "name"),
    "whatsmeow_app_state_mutation_macs": ("jid", "name", "version", "index_mac"),
    "whatsmeow_lid_map": ("lid",),
    "whatsmeow_contacts": ("our_jid", "their_jid"),
    "whatsmeow_privacy_tokens": ("our_jid", "their_jid"),
    "whatsmeow_version": ("version", "compat"),
}
# Every store file has this row; without it the copy would count one row less.
VERSION: tuple[str, Row] = ("whatsmeow_version", {"version": 15, "compat": 8})


def entries(rows: Iterable[tuple[str, Row]], device_jid: str) -> dict[str, bytes]:
    """Entry key → encoded row, with the schema's version; as a store file's snapshot.

    Raises KeyError for a table that whatsmeow has not.
    """
    own = device_jid.encode()
    return {
        auth_key(
            table, {name: row[name] for name in PRIMARY_KEYS[table]}, own
        ): encode_row(table, row)
        for table, row in (*rows, VERSION)
    }
