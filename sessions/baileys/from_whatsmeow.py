"""Rows of whatsmeow's store file → Baileys 6.7's auth rows: the same linked device.

A contact's records stand under its number and its LID, both: Baileys 6.7 sends by
number and receives by LID.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sessions.auth.app_state import MACS, VERSION
from sessions.auth.rows import DEVICE, Row
from sessions.baileys import (
    addresses,
    app_state,
    lid_map,
    node_session,
    prekeys,
    sender_key,
    tokens,
)
from sessions.baileys.addresses import LID, NUMBER, OWN_JID, OWN_LID, Address
from sessions.baileys.conversion import (
    CLOSED_STATE,
    MESSAGE_KEY,
    MESSAGE_SECRET,
    BackConversion,
    NotConvertible,
)
from sessions.baileys.creds import blob, creds_of, matching_base, only_device, words
from sessions.baileys.fields import KEY_SIZE, public_of
from sessions.baileys.lid_map import LidMap
from sessions.baileys.source import CREDS

__all__ = ["BackConversion", "NotConvertible", "convert_back"]


def convert_back(
    rows: Iterable[tuple[str, Row]],
    *,
    base: Mapping[str, Any] | None,
    now: datetime | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> BackConversion:
    """Baileys' rows of the store's device, `creds` first; complete ones.

    base: the decoded rows that were imported; without them messages that were skipped
    before the import cannot be read any more when they arrive late. Raises
    NotConvertible unless there is one sound device.
    """
    tables: dict[str, list[Row]] = defaultdict(list)
    for table, row in rows:
        tables[table].append(row)
    device = only_device(tables[DEVICE])
    moment = now or datetime.now(UTC)
    return _BackConversion(tables, device, base).run(moment, random_bytes)


class _BackConversion:
    def __init__(
        self,
        tables: Mapping[str, list[Row]],
        device: Row,
        base: Mapping[str, Any] | None,
    ) -> None:
        self.tables, self.device = tables, device
        self.base = matching_base(device, base)
        self.lids = _lid_map(tables[lid_map.TABLE], device)
        self.done = BackConversion(rows={CREDS: {}})

    def run(
        self, now: datetime, random_bytes: Callable[[int], bytes]
    ) -> BackConversion:
        pairs, counters = prekeys.from_rows(self.tables[prekeys.TABLE])
        self.done.rows |= pairs
        self._app_state()
        self._sessions(int(now.timestamp() * 1000))
        self._sender_keys()
        self._lid_map_and_tokens()
        self.done.rows[CREDS] = creds_of(
            self.device,
            self.base,
            prekey_counters=counters,
            app_state_key_id=app_state.newest_key_id(self.tables[app_state.TABLE]),
            pairing_key=random_bytes(KEY_SIZE),
        )
        secrets = len(self.tables["whatsmeow_message_secrets"])
        self.done.lost[MESSAGE_SECRET] += secrets
        self.done.lost = +self.done.lost
        return self.done

    def _app_state(self) -> None:
        for row in self.tables[app_state.TABLE]:
            with self._losing(app_state.CATEGORY):
                key_id, value = app_state.from_row(row)
                self.done.rows[f"{app_state.CATEGORY}-{key_id}"] = value
        found, wrong = app_state.collections(self.tables[VERSION], self.tables[MACS])
        for name, state in found.items():
            self.done.rows[f"app-state-sync-version-{name}"] = state
        self.done.lost["app-state-sync-version"] += wrong

    def _sessions(self, now_ms: int) -> None:
        identity = public_of(blob(self.device["identity_key"]))
        for row in self._by_domain("whatsmeow_sessions", "their_id"):
            if row.get("session") is None:
                continue
            with self._losing("session"):
                address = addresses.from_whatsmeow(words(row.get("their_id")))
                keys = [f"session-{one.baileys}" for one in self._both(address)]
                bases = [self.base[key] for key in keys if key in self.base]
                back = node_session.to_node(
                    row["session"], identity, bases, now_ms=now_ms
                )
                self.done.rows |= dict.fromkeys(keys, back.record)
                self.done.lost[CLOSED_STATE] += back.closed_states
                self.done.lost[MESSAGE_KEY] += back.message_keys

    def _sender_keys(self) -> None:
        own = _own_addresses(self.device)
        for row in self._by_domain(sender_key.TABLE, "sender_id"):
            with self._losing(sender_key.CATEGORY):
                sender = addresses.from_whatsmeow(words(row.get("sender_id")))
                states = sender_key.states_of(row.get("sender_key"))
                if sender in own or sender_key.has_private_key(states):
                    continue  # each client makes its own anew and hands it out
                record = sender_key.to_node(states)
                for one in self._both(sender):
                    name = f"{words(row.get('chat_id'))}::{one.user}::{one.device}"
                    self.done.rows[f"{sender_key.CATEGORY}-{name}"] = record

    def _lid_map_and_tokens(self) -> None:
        for number, lid in self.lids.lids.items():
            self.done.rows[f"{lid_map.CATEGORY}-{number}"] = lid
            reverse = f"{lid_map.CATEGORY}-{lid}{lid_map.REVERSE}"
            self.done.rows[reverse] = number
        for row in self.tables[tokens.TABLE]:
            with self._losing(tokens.CATEGORY):
                jid, value = tokens.from_row(row)
                self.done.rows[f"{tokens.CATEGORY}-{jid}"] = value

    def _by_domain(self, table: str, column: str) -> list[Row]:
        """Numbers before LIDs: of two records of one contact, that of the LID stays."""
        return sorted(self.tables[table], key=lambda row: b"_" in blob(row.get(column)))

    def _both(self, address: Address) -> Iterator[Address]:
        """The addresses under which Baileys looks for this contact's device."""
        number, lid = address.user, address.user
        if address.domain == NUMBER:
            lid = self.lids.lids.get(number, number)
        elif address.domain == LID:
            number = self.lids.numbers.get(lid, lid)
        for user in sorted({number, lid}):
            yield Address(user, address.domain, address.device)

    @contextmanager
    def _losing(self, category: str) -> Iterator[None]:
        try:
            yield
        except ValueError:
            self.done.lost[category] += 1


def _lid_map(rows: Iterable[Row], device: Row) -> LidMap:
    lids = LidMap()
    number, lid = (OWN_JID.fullmatch(words(device["jid"])), _own_lid(device))
    if number is not None and lid is not None:
        lids.add(number[1], lid[1])
    for row in rows:
        lids.add(words(row.get("pn")), words(row.get("lid")))
    return lids


def _own_lid(device: Row) -> re.Match[str] | None:
    return OWN_LID.fullmatch(words(device.get("lid")))


def _own_addresses(device: Row) -> set[Address]:
    number, lid = OWN_JID.fullmatch(words(device["jid"])), _own_lid(device)
    if number is None:
        return set()
    own = {Address(number[1], NUMBER, int(number[2]))}
    return own | ({Address(lid[1], LID, int(number[2]))} if lid else set())
