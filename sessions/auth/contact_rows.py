"""Checks of rows that cost one contact or group: sessions, identities, sender keys.

Such a row is dropped before a start: the contact's next message repairs it by a retry,
while the row itself could end the whole session process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sessions.auth.device_checks import is_blob, whole_keys
from sessions.auth.records import (
    SessionKeys,
    Unsound,
    read_sender_key,
    read_session,
)
from sessions.auth.rows import Row, Text, Value
from sessions.auth.signatures import KEY_TYPE, public_key

SESSIONS = "whatsmeow_sessions"
IDENTITIES = "whatsmeow_identity_keys"
SENDER_KEYS = "whatsmeow_sender_keys"
KEYS: dict[str, tuple[str, ...]] = {
    SESSIONS: ("our_jid", "their_id"),
    IDENTITIES: ("our_jid", "their_id"),
    SENDER_KEYS: ("our_jid", "chat_id", "sender_id"),
    "whatsmeow_pre_keys": ("jid", "key_id"),
    "whatsmeow_app_state_version": ("jid", "name"),
    "whatsmeow_app_state_mutation_macs": ("jid", "name", "version", "index_mac"),
}
LENGTHS: dict[str, dict[str, int]] = {
    IDENTITIES: {"identity": 32},
    "whatsmeow_pre_keys": {"key": 32},
    "whatsmeow_app_state_version": {"hash": 128},
    "whatsmeow_app_state_mutation_macs": {"index_mac": 32, "value_mac": 32},
}


@dataclass(frozen=True)
class Fault:
    """A row to be dropped: the check it fails, its table and key, what is wrong."""

    check: str
    table: str
    key: Row
    wrong: str = ""


@dataclass
class ContactRows:
    """Takes rows in any order; judges them when the device is known."""

    _broken: list[Fault] = field(default_factory=list)
    _sessions: dict[Value, tuple[Row, SessionKeys]] = field(default_factory=dict)
    _identities: dict[Value, tuple[Row, Value]] = field(default_factory=dict)

    def take(self, table: str, row: Row) -> None:
        """Rows of other tables are none of ours."""
        wrong = wrong_length(table, row)
        if wrong:
            self._broken.append(Fault("w26", table, _key(table, row), wrong))
        elif table == SESSIONS and row["session"] is not None:
            keys = self._read("w20", table, row, read_session, row["session"])
            if isinstance(keys, SessionKeys):
                self._sessions[row["their_id"]] = _key(table, row), keys
        elif table == SENDER_KEYS:
            self._read("w23", table, row, read_sender_key, row["sender_key"])
        elif table == IDENTITIES:
            self._identities[row["their_id"]] = _key(table, row), row["identity"]

    def _read(
        self,
        check: str,
        table: str,
        row: Row,
        read: Callable[[object], object],
        record: Value,
    ) -> object:
        try:
            return read(record)
        except Unsound as unsound:
            self._broken.append(Fault(check, table, _key(table, row), str(unsound)))
            return None

    def faults(self, device: Row | None) -> Iterator[Fault]:
        """What is to be dropped; without a sound device only what nobody can read."""
        yield from self._broken
        keys = whole_keys(device) if device is not None else None
        if device is None or keys is None:
            return
        own_phone = set(own_addresses(device))
        account = keys["adv_account_sig_key"]
        yield from self._of_sessions(
            KEY_TYPE + public_key(keys["identity_key"]), own_phone, KEY_TYPE + account
        )
        for address, (key, identity) in self._identities.items():
            if address in own_phone:
                if identity != account:
                    yield Fault("w25", IDENTITIES, key)
            elif address in self._sessions:
                _, session = self._sessions[address]
                if session.remote[1:] != identity:
                    yield Fault("w24", IDENTITIES, key)

    def _of_sessions(
        self, own: bytes, own_phone: set[Value], account: bytes
    ) -> Iterator[Fault]:
        for address, (key, session) in self._sessions.items():
            if session.local != own:
                yield Fault("w21", SESSIONS, key, "session of another identity")
            elif address in own_phone and session.remote != account:
                yield Fault("w22", SESSIONS, key)


def own_addresses(device: Row) -> Iterator[Value]:
    """Signal addresses of the phone itself: by its LID first, and by its number."""
    for column, mark in (("lid", b"_1"), ("jid", b"")):
        jid = device.get(column)
        if isinstance(jid, Text) and jid:
            user = jid.partition(b"@")[0].partition(b":")[0].partition(b".")[0]
            yield Text(user + mark + b":0")


def wrong_length(table: str, row: Row) -> str:
    """Which key of the row has a length that it cannot have; empty for none."""
    for column, length in LENGTHS.get(table, {}).items():
        value = row.get(column)
        if not is_blob(value) or len(value) != length:
            return f"{table.removeprefix('whatsmeow_')}: {column}"
    return ""


def _key(table: str, row: Row) -> Row:
    """Enough to find the row again; whole rows of a long list would weigh megabytes."""
    return {column: row[column] for column in KEYS[table]}
