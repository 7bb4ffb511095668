"""All checks of a phone's records, wherever they lie: pure functions over rows.

The rows of a store file, of the decrypted central copy or of a conversion are alike:
(table, row). What only a file has (its schema, SQLite's own words) is in store_check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sessions.auth.app_state import AppState
from sessions.auth.contact_rows import ContactRows, Fault, own_addresses
from sessions.auth.device_checks import device_findings, has_lid, is_blob
from sessions.auth.rows import DEVICE, Row, Value
from sessions.policy.auth_checks import found, worst_first
from sessions.policy.auth_findings import Finding

PREKEYS = "whatsmeow_pre_keys"
IDENTITIES = "whatsmeow_identity_keys"
APP_STATE_KEYS = "whatsmeow_app_state_sync_keys"
# Tables whose rows belong to the device, and the column that says so.
OWNED = {
    **dict.fromkeys((PREKEYS, APP_STATE_KEYS, "whatsmeow_app_state_version"), "jid"),
    **dict.fromkeys(
        (
            IDENTITIES,
            "whatsmeow_sessions",
            "whatsmeow_sender_keys",
            "whatsmeow_contacts",
            "whatsmeow_chat_settings",
            "whatsmeow_message_secrets",
            "whatsmeow_nct_salt",
            "whatsmeow_event_buffer",
            "whatsmeow_retry_buffer",
        ),
        "our_jid",
    ),
}
FEW_PREKEYS = 5  # below it the library uploads new ones
# A contact takes a prekey and the row goes, the newest one too: so many missing at the
# end are no old backup yet.
USED_AT_THE_END = 20
APP_STATE_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Examined:
    """findings, the worst first; counts: {category: {"rows", "bytes"}}."""

    findings: list[Finding]
    counts: dict[str, dict[str, int]]
    highest_prekey: int


def check_rows(
    rows: Iterable[tuple[str, Row]],
    *,
    number: str,
    seen_prekey: int = 0,
    now: datetime | None = None,
) -> list[Finding]:
    """What does not hold, the worst first; of each check one finding.

    number: the digits that the phone is registered with. seen_prekey: the highest id
    that was ever seen, 0 when none was. now: without it nothing is said of what should
    have come with time.
    """
    return examine(rows, number=number, seen_prekey=seen_prekey, now=now).findings


def examine(
    rows: Iterable[tuple[str, Row]],
    *,
    number: str,
    seen_prekey: int = 0,
    now: datetime | None = None,
) -> Examined:
    """The same, with counts and sizes of what is there."""
    stock = _Stock()
    for table, row in rows:
        stock.take(table, row)
    findings = [*stock.judged(number), *stock.noticed(seen_prekey, now)]
    return Examined(worst_first(findings), stock.counts, stock.highest_prekey)


@dataclass
class _Stock:
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    highest_prekey: int = 0
    _devices: list[Row] = field(default_factory=list)
    _contacts: ContactRows = field(default_factory=ContactRows)
    _app_state: AppState = field(default_factory=AppState)
    _owners: dict[Value, str] = field(default_factory=dict)
    _addresses: set[Value] = field(default_factory=set)
    _odd: set[str] = field(default_factory=set)  # categories of rows that lack a column

    def take(self, table: str, row: Row) -> None:
        try:
            self._take(table, row)
        except KeyError:
            self._odd.add(category_of(table))

    def _take(self, table: str, row: Row) -> None:
        counted = self.counts.setdefault(category_of(table), {"rows": 0, "bytes": 0})
        counted["rows"] += 1
        counted["bytes"] += sum(len(v) for v in row.values() if isinstance(v, bytes))
        if table in OWNED:
            self._owners.setdefault(row[OWNED[table]], table)
        if table == DEVICE:
            self._devices.append(row)
        elif table == PREKEYS and isinstance(row["key_id"], int):
            self.highest_prekey = max(self.highest_prekey, row["key_id"])
        elif table == IDENTITIES:
            self._addresses.add(row["their_id"])
        self._contacts.take(table, row)
        self._app_state.take(table, row)

    @property
    def _device(self) -> Row | None:
        return self._devices[0] if len(self._devices) == 1 else None

    def judged(self, number: str) -> Iterator[Finding]:
        """Of the device, and of rows of single contacts."""
        for category in sorted(self._odd)[:1]:
            yield found("w16", row=category)
        yield from device_findings(self._devices, number)
        if not self._devices and self._owners:
            yield found("w06")
        jids = {device.get("jid") for device in self._devices}
        orphans = [table for jid, table in self._owners.items() if jid not in jids]
        if self._devices and (orphans or self._app_state.orphans()):
            yield found("w02", table=(orphans or ["app_state"])[0])
        yield from gathered(self._contacts.faults(self._device))

    def noticed(self, seen_prekey: int, now: datetime | None) -> Iterator[Finding]:
        """What works all the same."""
        if self._device is None:
            return
        prekeys = self.counts.get(category_of(PREKEYS), {"rows": 0})["rows"]
        if prekeys < FEW_PREKEYS:
            yield found("w30", count=prekeys)
        elif self.highest_prekey < seen_prekey - USED_AT_THE_END:
            yield found("w27", highest=self.highest_prekey, seen=seen_prekey)
        if has_lid(self._device) and not self._addresses.intersection(
            [next(own_addresses(self._device))]
        ):
            yield found("w31")
        linked_at = link_time(self._device)
        late = now and linked_at and now - linked_at >= APP_STATE_PATIENCE
        if late and category_of(APP_STATE_KEYS) not in self.counts:
            yield found("w32")
        wrong = sorted(self._app_state.wrong())
        if wrong:
            yield found("w34", name=", ".join(wrong))


def gathered(faults: Iterable[Fault]) -> Iterator[Finding]:
    """One finding for all rows that fail the same check."""
    by_check: dict[str, list[Fault]] = {}
    for fault in faults:
        by_check.setdefault(fault.check, []).append(fault)
    for check, same in by_check.items():
        yield found(check, count=len(same), wrong=same[0].wrong)


def category_of(table: str) -> str:
    """Baileys' word for the rows of this table, as in the keys of the central copy."""
    name = table.removeprefix("whatsmeow_")
    return CATEGORIES.get(name, name)


CATEGORIES = {
    "device": "creds",
    "pre_keys": "pre-key",
    "sessions": "session",
    "identity_keys": "identity-key",
    "sender_keys": "sender-key",
    "app_state_sync_keys": "app-state-sync-key",
    "app_state_version": "app-state-sync-version",
    "lid_map": "lid-mapping",
    "contacts": "contact",
    "privacy_tokens": "tctoken",
}


def link_time(device: Row) -> datetime | None:
    """When the phone signed the device: field 2 of its ADVDeviceIdentity, seconds."""
    details = device.get("adv_details")
    if not is_blob(details):
        return None
    try:
        return datetime.fromtimestamp(_varint_field(details, 2), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _varint_field(message: bytes, wanted: int) -> int:
    """Raises ValueError when the message has no such number before other fields."""
    numbers = _varints(message)
    for tag in numbers:
        if tag & 7:
            break
        value = next(numbers, None)
        if tag >> 3 == wanted and value is not None:
            return value
    raise ValueError("no such field")


def _varints(message: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in message:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield value
            value = shift = 0
