"""Checks of the device row: whose it is, and that its keys fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from phones.numbers import bare_key, mask_number
from sessions.auth.rows import Row, Text, Value
from sessions.auth.signatures import wrong_signatures
from sessions.policy.auth_checks import found
from sessions.policy.auth_findings import Finding
from sessions.policy.number_aliases import same_number

DEVICE_JID = re.compile(rb"[1-9]\d{6,14}(\.\d+)?:\d{1,3}@s\.whatsapp\.net")
# The library reads the column when it opens the store, and fails on any other text.
LID = re.compile(rb"\d{5,20}(\.\d+)?(:\d{1,3})?@lid")
LENGTHS = {
    "noise_key": 32,
    "identity_key": 32,
    "signed_pre_key": 32,
    "signed_pre_key_sig": 64,
    "adv_key": 32,
    "adv_account_sig": 64,
    "adv_account_sig_key": 32,
    "adv_device_sig": 64,
}
# whatsmeow draws a whole uint32, Baileys 14 bits of it.
NUMBERS = {"registration_id": 1 << 32, "signed_pre_key_id": 1 << 24}


def device_findings(devices: Sequence[Row], number: str) -> list[Finding]:
    """What keeps these device rows from being started as this number's; all fatal.

    No row at all is a store that was never paired: nothing is wrong with it.
    """
    if len(devices) > 1:
        return [found("w07", count=len(devices))]
    return [finding for device in devices for finding in _of_one(device, number)]


def has_lid(device: Row) -> bool:
    """It learnt its LID, which the first connect tells."""
    lid = device.get("lid")
    return isinstance(lid, Text) and LID.fullmatch(lid) is not None


def whole_keys(device: Row) -> dict[str, bytes] | None:
    """Its keys and signatures by column; None when one has a wrong length."""
    if next(_wrong_columns(device), None) is not None:
        return None
    columns = (*LENGTHS, "adv_details")
    return {c: v for c in columns if is_blob(v := device[c])}


def _of_one(device: Row, number: str) -> Iterator[Finding]:
    yield from _of_owner(device.get("jid"), number)
    if device.get("lid") and not has_lid(device):
        yield found("w10")
    wrong = ", ".join(_wrong_columns(device))
    if wrong:
        yield found("w11", column=wrong)
    keys = whole_keys(device)
    if keys is not None:
        yield from map(found, wrong_signatures(keys))


def _of_owner(jid: object, number: str) -> Iterator[Finding]:
    if not isinstance(jid, Text) or not DEVICE_JID.fullmatch(jid):
        yield found("w08")
        return
    owner = bare_key(jid.decode("ascii")).split(".")[0]
    if not same_number(number, owner):
        yield found("w09", number=mask_number(owner))


def is_blob(value: Value) -> TypeGuard[bytes]:
    """Text is a kind of bytes here, and no key."""
    return isinstance(value, bytes) and not isinstance(value, Text)


def _wrong_columns(device: Row) -> Iterator[str]:
    for column, length in LENGTHS.items():
        value = device.get(column)
        if not is_blob(value) or len(value) != length:
            yield column
    details = device.get("adv_details")
    if not is_blob(details) or not details:
        yield "adv_details"
    for column, limit in NUMBERS.items():
        number = device.get(column)
        if not isinstance(number, int) or not 0 <= number < limit:
            yield column
