"""The linked device itself: the row of whatsmeow_device → `creds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sessions.auth.device_checks import device_findings
from sessions.auth.rows import Row
from sessions.baileys.addresses import OWN_JID
from sessions.baileys.conversion import NotConvertible
from sessions.baileys.fields import KEY_TYPE, base64_text, public_of
from sessions.policy.auth_checks import fatal, found

# What whatsmeow does not keep, and Baileys' value for a device that is linked already.
# `registered` is of pairing codes; a server that looks at it would ask for a new code,
# which overwrites `me`.
DEFAULTS: dict[str, Any] = {
    "processedHistoryMessages": [],
    "accountSyncCounter": 1,
    "accountSettings": {"unarchiveChats": False},
    "registered": True,
}
KEPT_BY_BASE = (
    *DEFAULTS,
    "pairingEphemeralKeyPair",
    "pairingCode",
    "lastPropHash",
    "routingInfo",
    "lastAccountSyncTimestamp",
)


def only_device(rows: Sequence[Row]) -> Row:
    """Raises NotConvertible unless it is one, and a sound one."""
    if not rows:
        raise NotConvertible(found("w06"))
    own = OWN_JID.fullmatch(words(rows[0].get("jid")))
    wrong = fatal(device_findings(rows, own[1] if own else ""))
    if wrong is not None:
        raise NotConvertible(wrong)
    return rows[0]


def matching_base(device: Row, base: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The base if it is of this very link, else an empty one."""
    creds = base.get("creds") if base else None
    if base is None or not isinstance(creds, dict):
        return {}
    identity, me = creds.get("signedIdentityKey"), creds.get("me")
    same = (
        isinstance(identity, dict)
        and identity.get("private") == device["identity_key"]
        and isinstance(me, dict)
        and me.get("id") == words(device["jid"])
    )
    return base if same else {}


def creds_of(
    device: Row,
    base: Mapping[str, Any],
    *,
    prekey_counters: Mapping[str, int],
    app_state_key_id: str,
    pairing_key: bytes,
) -> dict[str, Any]:
    """`pairing_key` stands where the base has none; it is used in pairing only."""
    before = base.get("creds") or {}
    creds: dict[str, Any] = {
        "pairingEphemeralKeyPair": pair(pairing_key),
        **DEFAULTS,
        **{name: before[name] for name in KEPT_BY_BASE if name in before},
        **_keys(device),
        **prekey_counters,
        "me": _me(device, before),
        **_account(device),
    }
    if platform := words(device.get("platform")):
        creds["platform"] = platform
    if app_state_key_id:
        creds["myAppStateKeyId"] = app_state_key_id
    return creds


def _keys(device: Row) -> dict[str, Any]:
    return {
        "noiseKey": pair(blob(device["noise_key"])),
        "signedIdentityKey": pair(blob(device["identity_key"])),
        "signedPreKey": {
            "keyPair": pair(blob(device["signed_pre_key"])),
            "signature": blob(device["signed_pre_key_sig"]),
            "keyId": device["signed_pre_key_id"],
        },
        "registrationId": device["registration_id"],
        "advSecretKey": base64_text(blob(device["adv_key"])),
    }


def _account(device: Row) -> dict[str, Any]:
    """What the phone signed, and the phone itself as the first known identity."""
    phone_identity = blob(device["adv_account_sig_key"])
    return {
        "account": {
            "details": blob(device["adv_details"]),
            "accountSignatureKey": phone_identity,
            "accountSignature": blob(device["adv_account_sig"]),
            "deviceSignature": blob(device["adv_device_sig"]),
        },
        "signalIdentities": [
            {
                "identifier": {"name": words(device["jid"]), "deviceId": 0},
                "identifierKey": KEY_TYPE + phone_identity,
            }
        ],
    }


def _me(device: Row, before: Mapping[str, Any]) -> dict[str, Any]:
    me = dict(before.get("me") or {})
    me["id"] = words(device["jid"])
    if lid := words(device.get("lid")):
        me["lid"] = lid
    if name := words(device.get("push_name")):
        me["name"] = name
    return me


def pair(private: bytes) -> dict[str, bytes]:
    return {"private": private, "public": public_of(private)}


def blob(value: object) -> bytes:
    """Checked by `only_device`: the column holds bytes."""
    return bytes(value) if isinstance(value, bytes) else b""


def words(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
