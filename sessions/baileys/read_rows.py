"""Baileys' rows of one linked device, sorted by category and read."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sessions.baileys import addresses, sender_key
from sessions.baileys.addresses import Address
from sessions.baileys.conversion import LEFTOVER
from sessions.baileys.device import Device
from sessions.baileys.fields import bare_public_key
from sessions.baileys.signal_session import OpenSession, read_open_session
from sessions.baileys.source import CATEGORIES, SourcePhone

# Not carried, and not missed: both clients make them anew.
MADE_ANEW = {"app-state-sync-version", "device-list", "sender-key-memory"}
# The phone's clock tells when it linked us, the server's when a row was written. A row
# too many heals by a retry; one that is left out by mistake may not come again.
CLOCKS_APART = timedelta(hours=1)


@dataclass
class BaileysRows:
    """found: category → name → value. The lists: (address, …) of what was whole."""

    found: dict[str, dict[str, Any]]
    sessions: list[tuple[Address, OpenSession]] = field(default_factory=list)
    identities: list[tuple[Address, bytes]] = field(default_factory=list)
    sender_keys: list[tuple[str, Address, list[dict[str, Any]]]] = field(
        default_factory=list
    )
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def users(self) -> set[str]:
        """Everybody whom an address names."""
        users = {address.user for address, _ in self.sessions}
        users |= {address.user for address, _ in self.identities}
        return users | {address.user for _, address, _ in self.sender_keys}


def split_key(key: str) -> tuple[str, str]:
    """(category, name) of a row; no category for `creds` and what is unknown."""
    for category in CATEGORIES:
        if key.startswith(category + "-"):
            return category, key[len(category) + 1 :]
    return "", key


def read_rows(phone: SourcePhone, device: Device) -> BaileysRows:
    """Broken rows and those of an earlier link are counted as lost."""
    rows = _sorted(phone, device.linked_at)
    _read_sessions(rows, device)
    _read_identities(rows)
    _read_sender_keys(rows, device)
    return rows


def _sorted(phone: SourcePhone, linked_at: int) -> BaileysRows:
    rows = BaileysRows(found=defaultdict(dict))
    for key, value in phone.rows.items():
        category, name = split_key(key)
        if not category or value is None:
            continue
        if written_before(phone.updated.get(key), linked_at):
            rows.lost[LEFTOVER] += 1
        else:
            rows.found[category][name] = value
    for key in phone.unreadable:
        category, _ = split_key(key)
        if category and category not in MADE_ANEW:
            rows.lost[category] += 1
    return rows


def written_before(updated: datetime | None, linked_at: int) -> bool:
    if updated is None or not linked_at:
        return False
    aware = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    return aware.timestamp() + CLOCKS_APART.total_seconds() < linked_at


def _read_sessions(rows: BaileysRows, device: Device) -> None:
    for name, value in rows.found["session"].items():
        try:
            address = addresses.from_baileys(name)
            rows.sessions.append((address, read_open_session(value, device.local)))
        except ValueError:
            rows.lost["session"] += 1


def _read_identities(rows: BaileysRows) -> None:
    for name, value in rows.found["identity-key"].items():
        try:
            address = addresses.from_baileys(name)
            identity = bare_public_key(value, "identity key")
        except ValueError:
            rows.lost["identity-key"] += 1
            continue
        rows.identities.append((address, identity))


def _read_sender_keys(rows: BaileysRows, device: Device) -> None:
    """Our own are left: each client makes one anew and hands it out to the group."""
    own = {device.number, device.lid}
    for name, value in rows.found[sender_key.CATEGORY].items():
        try:
            group, address = addresses.from_sender_name(name)
            if address.user in own and address.device == device.device:
                continue
            states = sender_key.read_states(value)
        except ValueError:
            rows.lost[sender_key.CATEGORY] += 1
            continue
        if not sender_key.is_ours(states):
            rows.sender_keys.append((group, address, states))
