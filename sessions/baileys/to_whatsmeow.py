"""Baileys' auth rows → rows of whatsmeow's store file: the same linked device.

Broken rows of single contacts are left out and counted: those heal by a retry. Nothing
is read or written here.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from sessions.auth.rows import DEVICE, Row, Text
from sessions.baileys import app_state, prekeys, sender_key, tokens
from sessions.baileys.addresses import NUMBER, Address
from sessions.baileys.conversion import (
    CLOSED_STATE,
    MESSAGE_KEY,
    Conversion,
    NotConvertible,
)
from sessions.baileys.device import Device, read_device
from sessions.baileys.fields import Malformed
from sessions.baileys.lid_map import CATEGORY as LID_MAPPING
from sessions.baileys.lid_map import TABLE as LID_MAP
from sessions.baileys.lid_map import LidMap
from sessions.baileys.read_rows import BaileysRows, read_rows
from sessions.baileys.signal_session import OpenSession, merged
from sessions.baileys.source import CREDS, SourcePhone

__all__ = ["Conversion", "NotConvertible", "convert"]

SESSIONS = "whatsmeow_sessions"
IDENTITIES = "whatsmeow_identity_keys"


def convert(
    phone: SourcePhone,
    *,
    lid_map: Mapping[str, str],
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Conversion:
    """The rows of a new store file; `lid_map` has numbers → LIDs, digits both.

    Raises NotConvertible, and nothing else, when the device's own keys are not whole.
    """
    device = read_device(phone.rows.get(CREDS))
    rows = read_rows(phone, device)
    conversion = _Conversion(device, rows, filled_lid_map(device, rows, lid_map))
    return conversion.run(random_bytes)


def filled_lid_map(
    device: Device, rows: BaileysRows, given: Mapping[str, str]
) -> LidMap:
    """In order of trust: our own, what a person gave, what Baileys and keys tell."""
    lids = LidMap()
    lids.add(device.number, device.lid)
    users = rows.users
    for number, lid in given.items():
        if number in users or lid in users:
            lids.add(number, lid)
    lids.add_rows(rows.found[LID_MAPPING])
    lids.add_from_identities(
        [(address, session.remote_identity) for address, session in rows.sessions]
        + rows.identities
    )
    return lids


class _Conversion:
    def __init__(self, device: Device, rows: BaileysRows, lids: LidMap) -> None:
        self.device, self.rows, self.lids = device, rows, lids
        self.done = Conversion(rows=[(DEVICE, device.row)], lost=rows.lost)

    def run(self, random_bytes: Callable[[int], bytes]) -> Conversion:
        self._prekeys(random_bytes)
        self._app_state_keys()
        self._sessions()
        self._sender_keys()
        self._lid_map()
        self._tokens()
        self.done.lost = +self.done.lost
        return self.done

    def _add(self, category: str, table: str, row: Row) -> None:
        self.done.rows.append((table, row))
        self.done.carried[category] += 1

    def _prekeys(self, random_bytes: Callable[[int], bytes]) -> None:
        rows, lost = prekeys.to_rows(
            self.device.jid,
            self.rows.found[prekeys.CATEGORY],
            self.device.prekey_counters,
            random_bytes,
        )
        for row in rows:
            self._add(prekeys.CATEGORY, prekeys.TABLE, row)
        self.done.lost += lost

    def _app_state_keys(self) -> None:
        for name, value in self.rows.found[app_state.CATEGORY].items():
            try:
                row = app_state.to_row(self.device.jid, name, value)
            except Malformed:
                self.done.lost[app_state.CATEGORY] += 1
                continue
            self._add(app_state.CATEGORY, app_state.TABLE, row)

    def _tokens(self) -> None:
        for name, value in self.rows.found[tokens.CATEGORY].items():
            try:
                row = tokens.to_row(self.device.jid, name, value)
            except Malformed:
                self.done.lost[tokens.CATEGORY] += 1
                continue
            self._add(tokens.CATEGORY, tokens.TABLE, row)

    def _sessions(self) -> None:
        """With an identity each: one that is not the session's blocks every message."""
        together: dict[Address, list[OpenSession]] = defaultdict(list)
        for address, session in self.rows.sessions:
            together[self.lids.resolved(address)].append(session)
        identities = {self.lids.resolved(one): key for one, key in self.rows.identities}
        phone = self.lids.resolved(Address(self.device.number, NUMBER, 0))
        phone_identity = self.device.phone_identity
        for address, sessions in sorted(together.items()):
            session = merged(sessions)
            if address == phone and session.remote_identity != phone_identity:
                # Of the phone before WhatsApp was installed anew.
                self.done.lost["session"] += 1
                continue
            self._session(address, session)
            identities[address] = session.remote_identity
        identities[phone] = phone_identity
        for address, identity in sorted(identities.items()):
            row = self._of_contact(address, identity=identity)
            self._add("identity-key", IDENTITIES, row)

    def _session(self, address: Address, session: OpenSession) -> None:
        record = json.dumps(session.record, separators=(",", ":")).encode("ascii")
        self._add("session", SESSIONS, self._of_contact(address, session=record))
        self.done.lost[CLOSED_STATE] += session.closed_states
        self.done.lost[MESSAGE_KEY] += session.message_keys
        missing = self.done.missing_lids
        if address.domain == NUMBER and address.user not in missing[-1:]:
            missing.append(address.user)

    def _of_contact(self, address: Address, **columns: bytes) -> Row:
        return {
            "our_jid": self.device.jid,
            "their_id": Text(address.whatsmeow.encode("ascii")),
            **columns,
        }

    def _sender_keys(self) -> None:
        """The LID's states before the number's: the network speaks LID."""
        together: dict[tuple[str, Address], list[tuple[bool, list[Any]]]]
        together = defaultdict(list)
        for group, address, states in self.rows.sender_keys:
            sender = self.lids.resolved(address)
            by_number = address.user != sender.user
            together[group, sender].append((by_number, states))
        for (group, sender), found in sorted(together.items()):
            found.sort(key=lambda one: one[0])
            row: Row = {
                "our_jid": self.device.jid,
                "chat_id": Text(group.encode("utf-8", "replace")),
                "sender_id": Text(sender.whatsmeow.encode("ascii")),
                "sender_key": sender_key.record([states for _, states in found]),
            }
            self._add(sender_key.CATEGORY, sender_key.TABLE, row)

    def _lid_map(self) -> None:
        for number, lid in self.lids.lids.items():
            row: Row = {"lid": Text(lid.encode()), "pn": Text(number.encode())}
            self._add(LID_MAPPING, LID_MAP, row)
