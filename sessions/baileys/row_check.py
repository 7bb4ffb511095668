"""All checks of a Baileys phone's rows, before anything is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sessions.auth.app_state import MACS, VERSION, AppState
from sessions.auth.rows import Row, Text
from sessions.baileys import addresses, app_state, prekeys, sender_key
from sessions.baileys.creds_check import check_creds
from sessions.baileys.device import Device
from sessions.baileys.fields import Malformed, bare_public_key, key_pair, whole
from sessions.baileys.read_rows import split_key, written_before
from sessions.baileys.signal_session import MAX_PREKEY_ID, read_open_session
from sessions.baileys.source import CREDS, SourcePhone
from sessions.policy.auth_findings import Finding
from sessions.policy.baileys_checks import found

FEW_PREKEYS = 5  # WhatsApp gives one to each new contact; below it Baileys makes more
SHOWN = 3  # kinds of damage that a finding names
# The check of each category whose rows are read.
BROKEN = {
    "session": "b20",
    sender_key.CATEGORY: "b21",
    prekeys.CATEGORY: "b22",
    app_state.CATEGORY: "b25",
}


def check_rows(phone: SourcePhone) -> list[Finding]:
    """What does not hold, the worst first; of each check one finding. Never raises.

    A fatal finding means that the phone has to be scanned anew; everything else is left
    out, or heals after it is taken over.
    """
    device, findings = check_creds(phone)
    if device is None:
        return findings
    rows = _Rows(device)
    for key, value in phone.rows.items():
        if key == CREDS:
            continue
        if written_before(phone.updated.get(key), device.linked_at):
            rows.leftovers += 1
        else:
            rows.take(key, value)
    found_in = (
        rows.findings(),
        _of_prekeys(rows.prekeys, device.prekey_counters),
        _of_unreadable(phone),
        _of_app_state(rows, phone.rows[CREDS]),
        _of_creds(phone.rows[CREDS], device),
    )
    return sorted(chain.from_iterable(found_in), key=lambda finding: finding.check)


@dataclass
class _Rows:
    """Takes row by row, and counts what is wrong by its check."""

    device: Device
    leftovers: int = 0
    unknown: int = 0
    prekeys: set[int] = field(default_factory=set)
    app_state_keys: list[str] = field(default_factory=list)
    app_state: AppState = field(default_factory=AppState)
    older_phone: bool = False
    _broken: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, key: str, value: Any) -> None:
        category, name = split_key(key)
        if not category:
            self.unknown += 1
        try:
            self._read(category, name, value)
        except ValueError as error:
            kinds = self._broken.setdefault(BROKEN[category], Counter())
            kinds[str(error)] += 1

    def findings(self) -> Iterator[Finding]:
        for check, kinds in self._broken.items():
            wrong = ", ".join(kind for kind, _ in kinds.most_common(SHOWN))
            yield found(check, count=kinds.total(), wrong=wrong)
        if self.older_phone:
            yield found("b24")
        if self.leftovers:
            yield found("b30", count=self.leftovers)
        if self.unknown:
            yield found("b34", count=self.unknown)

    def _read(self, category: str, name: str, value: Any) -> None:
        match category:
            case "session":
                self._session(name, value)
            case prekeys.CATEGORY:
                self.prekeys.add(whole(name, "prekey id", 1, MAX_PREKEY_ID))
                key_pair(value, "prekey")
            case sender_key.CATEGORY:
                addresses.from_sender_name(name)
                sender_key.read_states(value)
            case app_state.CATEGORY:
                app_state.to_row(self.device.jid, name, value)
                self.app_state_keys.append(name)
            case "app-state-sync-version":
                for table, row in _collection(name, value):
                    self.app_state.take(table, row)

    def _session(self, name: str, value: Any) -> None:
        address = addresses.from_baileys(name)
        session = read_open_session(value, self.device.local)
        is_phone = address.device == 0 and address.user in {
            self.device.number,
            self.device.lid,
        }
        if is_phone and session.remote_identity != self.device.phone_identity:
            self.older_phone = True


def _collection(name: str, value: Any) -> Iterator[tuple[str, Row]]:
    """A collection of the app state as whatsmeow's rows; none for what is no state."""
    if not isinstance(value, dict) or not value.get("version"):
        return
    collection = Text(name.encode("utf-8", "replace"))
    yield VERSION, {"name": collection, "hash": value.get("hash")}
    macs = value.get("indexValueMap")
    for index, entry in macs.items() if isinstance(macs, dict) else ():
        mac = entry.get("valueMac") if isinstance(entry, dict) else None
        yield (
            MACS,
            {
                "name": collection,
                "index_mac": index.encode("utf-8", "replace"),
                "version": 1,
                "value_mac": mac if isinstance(mac, bytes) else b"",
            },
        )


def _of_prekeys(there: set[int], counters: Mapping[str, Any]) -> Iterator[Finding]:
    """Keys from `first` on were made and not uploaded, `following` is the next id."""
    highest = max(there, default=0)
    try:
        first = whole(counters.get("firstUnuploadedPreKeyId"), "", 1, MAX_PREKEY_ID)
        following = whole(counters.get("nextPreKeyId"), "", 1, MAX_PREKEY_ID)
    except Malformed:
        first = following = 0
    if first > following or highest >= following:
        yield found("b26", highest=highest, next=following)
        return
    missing = set(range(first, following)) - there
    if missing:
        yield found("b23", count=len(missing))
    uploaded = sum(key_id < first for key_id in there)
    if uploaded < FEW_PREKEYS:
        yield found("b31", count=uploaded)


def _of_unreadable(phone: SourcePhone) -> Iterator[Finding]:
    """Keys hold numbers of contacts, so the finding names categories."""
    categories = Counter(split_key(key)[0] or "?" for key in phone.unreadable)
    if categories:
        wrong = ", ".join(category for category, _ in categories.most_common(SHOWN))
        yield found("b27", count=categories.total(), wrong=wrong)


def _of_app_state(rows: _Rows, creds: Mapping[str, Any]) -> Iterator[Finding]:
    current = creds.get("myAppStateKeyId")
    if current is not None and current not in rows.app_state_keys:
        yield found("b32")
    wrong = ", ".join(rows.app_state.wrong())
    if wrong:
        yield found("b33", name=wrong)


def _of_creds(creds: Mapping[str, Any], device: Device) -> Iterator[Finding]:
    """What is only kept for Baileys itself."""
    try:
        key_pair(creds.get("pairingEphemeralKeyPair"), "")
    except Malformed:
        yield found("b36")
    identities = creds.get("signalIdentities")
    for identity in identities if isinstance(identities, list) else ():
        if not isinstance(identity, dict):
            continue
        try:
            key = bare_public_key(identity.get("identifierKey"), "")
        except Malformed:
            continue
        if key == device.phone_identity:
            return
    yield found("b35")
