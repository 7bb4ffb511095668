"""The linked device itself: `creds` → the row of whatsmeow_device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sessions.auth.rows import Row, Text
from sessions.baileys.addresses import OWN_JID, OWN_LID
from sessions.baileys.conversion import NotConvertible
from sessions.baileys.fields import (
    KEY_SIZE,
    Malformed,
    binary,
    key_pair,
    mapping,
    public_of,
    text,
    whole,
)
from sessions.baileys.protobuf_fields import read_message
from sessions.baileys.signal_session import MAX_PREKEY_ID, LocalDevice
from sessions.policy.baileys_checks import found

SIGNATURE_SIZE = 64
PREKEY_COUNTERS = ("nextPreKeyId", "firstUnuploadedPreKeyId")
DETAILS_TIMESTAMP = 2  # field of ADVDeviceIdentity


@dataclass(frozen=True)
class Device:
    """row: of whatsmeow_device. linked_at: seconds since 1970, 0 if unknown.

    phone_identity: public identity key of the primary phone, 32 bytes. lid: the
    account's, empty if it is not known.
    """

    row: Row
    jid: Text
    number: str
    lid: str
    device: int
    local: LocalDevice
    phone_identity: bytes
    linked_at: int
    prekey_counters: dict[str, Any]


def read_device(creds: Any) -> Device:
    """Raises NotConvertible unless `creds` are those of a device that was linked."""
    try:
        return _device(mapping(creds, "creds"))
    except Malformed as error:
        raise NotConvertible(found("b05", what=str(error))) from error


def _device(creds: Mapping[str, Any]) -> Device:
    me = mapping(creds.get("me"), "me")
    jid = text(me.get("id"), "me.id")
    own = OWN_JID.fullmatch(jid)
    if own is None:
        raise Malformed("me.id names no linked device")
    lid = me.get("lid")
    own_lid = OWN_LID.fullmatch(lid) if isinstance(lid, str) else None
    keys, account = _keys(creds), _account(creds.get("account"))
    registration_id = whole(creds.get("registrationId"), "registrationId")
    row: Row = {
        "jid": Text(jid.encode()),
        "lid": Text(own_lid[0].encode()) if own_lid else None,
        "facebook_uuid": None,
        "registration_id": registration_id,
        **keys,
        **_signed_prekey(creds.get("signedPreKey")),
        **account,
        **_names(creds, me),
    }
    return Device(
        row=row,
        jid=Text(jid.encode()),
        number=own[1],
        lid=own_lid[1] if own_lid else "",
        device=int(own[2]),
        local=LocalDevice(public_of(keys["identity_key"]), registration_id),
        phone_identity=account["adv_account_sig_key"],
        linked_at=_linked_at(account["adv_details"]),
        prekey_counters={name: creds.get(name) for name in PREKEY_COUNTERS},
    )


def _keys(creds: Mapping[str, Any]) -> dict[str, bytes]:
    return {
        "noise_key": key_pair(creds.get("noiseKey"), "noiseKey"),
        "identity_key": key_pair(creds.get("signedIdentityKey"), "signedIdentityKey"),
        "adv_key": binary(creds.get("advSecretKey"), "advSecretKey", KEY_SIZE),
    }


def _names(creds: Mapping[str, Any], me: Mapping[str, Any]) -> Row:
    """What is for display only, and what Baileys does not have."""
    return {
        "platform": _words(creds.get("platform")),
        "business_name": Text(b""),
        "push_name": _words(me.get("name")),
        "lid_migration_ts": 0,
        "companion_meta_nonce": Text(b""),
    }


def _signed_prekey(value: Any) -> Row:
    fields = mapping(value, "signedPreKey")
    return {
        "signed_pre_key": key_pair(fields.get("keyPair"), "signedPreKey"),
        "signed_pre_key_id": whole(
            fields.get("keyId"), "signedPreKey.keyId", 0, MAX_PREKEY_ID
        ),
        "signed_pre_key_sig": binary(
            fields.get("signature"), "signedPreKey.signature", SIGNATURE_SIZE
        ),
    }


def _account(value: Any) -> dict[str, bytes]:
    account = mapping(value, "account")
    sizes = {
        "adv_details": ("details", None),
        "adv_account_sig": ("accountSignature", SIGNATURE_SIZE),
        "adv_account_sig_key": ("accountSignatureKey", KEY_SIZE),
        "adv_device_sig": ("deviceSignature", SIGNATURE_SIZE),
    }
    columns = {
        column: binary(account.get(name), f"account.{name}", size)
        for column, (name, size) in sizes.items()
    }
    if not columns["adv_details"]:
        raise Malformed("account.details is empty")
    return columns


def _words(value: Any) -> Text:
    """Names are for display only; what is no name is left empty."""
    if not isinstance(value, str):
        return Text(b"")
    return Text(value.encode("utf-8", "replace").replace(b"\x00", b""))


def _linked_at(details: bytes) -> int:
    try:
        fields = dict(read_message(details))
    except Malformed:
        return 0
    timestamp = fields.get(DETAILS_TIMESTAMP, 0)
    return timestamp if isinstance(timestamp, int) else 0
