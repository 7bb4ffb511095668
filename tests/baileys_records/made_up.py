"""Sound auth rows of Baileys 6.7.21 that no phone ever had.

The linked device's own keys and signatures are real and its own; keys of contacts,
prekeys and chains come from one pool, so that thousands of phones take seconds.
"""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import xeddsa

from sessions.baileys.source import SourcePhone
from sessions.sandbox.keys import SIGNAL_TYPE, KeyPair
from sessions.sandbox.protobuf import encode
from tests.baileys_records.made_up_signal import (
    app_state_key,
    app_state_key_id,
    empty_app_state,
    pair_row,
    pooled,
    sender_key_record,
    session_record,
)

LINKED_AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
NUMBER = "77054810862"


def made_up_phone(
    number: str = NUMBER,
    *,
    organization: str = "1",
    device: int = 12,
    updated_at: datetime = LINKED_AT + timedelta(hours=1),
    **counts: Any,
) -> SourcePhone:
    """A linked phone as a source yields it; `counts` as in `made_up_rows`."""
    rows = made_up_rows(number, device=device, **counts)
    return SourcePhone(
        organization=organization,
        number=number,
        jid=rows["creds"]["me"]["id"],
        rows=rows,
        updated=dict.fromkeys(rows, updated_at),
    )


def made_up_rows(
    number: str = NUMBER,
    *,
    device: int = 12,
    sessions: int = 5,
    prekeys: int = 30,
    sender_keys: int = 2,
    app_state_keys: int = 1,
    app_state_versions: int = 0,
    lid: str = "",
    hosted: bool = False,
    linked_at: datetime = LINKED_AT,
) -> dict[str, Any]:
    """Decoded rows of one linked device, the same ones for the same arguments.

    `sessions` counts records besides the one with our own phone; a third of them is
    addressed by LID. `prekeys` are the uploaded ones that are left.
    """
    rng = random.Random(f"{number}:{device}")
    creds = _creds(number, device, lid, hosted, linked_at, prekeys, rng)
    rows: dict[str, Any] = {"creds": creds}
    for at in range(prekeys):
        rows[f"pre-key-{at + 1}"] = pair_row(pooled(at))
    own = SIGNAL_TYPE + base64.b64decode(creds["account"]["accountSignatureKey"])
    rows[f"session-{number}.0"] = session_record(rng, remote_identity=own)
    for at in range(sessions):
        rows[f"session-{peer_address(at)}"] = session_record(
            rng, pending=at % 7 == 3, closed=at % 5 == 4
        )
    for at in range(sender_keys):
        name = f"12036304{at // 3:010d}@g.us::{peer_address(at % 3).replace('.', '::')}"
        rows[f"sender-key-{name}"] = sender_key_record(rng)
    if sender_keys:
        own_name = f"120363040000000000@g.us::{number}::{device}"
        rows[f"sender-key-{own_name}"] = sender_key_record(rng, own=True)
        rows["sender-key-memory-120363040000000000@g.us"] = {f"{number}:0": True}
    for at in range(app_state_keys):
        key_id = app_state_key_id(at)
        rows[f"app-state-sync-key-{key_id}"] = app_state_key(rng, linked_at)
    if app_state_keys:
        creds["myAppStateKeyId"] = app_state_key_id(app_state_keys - 1)
    for name in ("critical_block", "regular", "regular_low")[:app_state_versions]:
        rows[f"app-state-sync-version-{name}"] = empty_app_state()
    return rows


def peer_address(at: int) -> str:
    """Address of the contact at this place: by number or, each third, by LID."""
    user = f"1888777{at:08d}" if at % 3 == 2 else f"7701{at:07d}"
    return f"{user}.{(0, 0, 0, 5)[at % 4]}"


# -- the device -----------------------------------------------------------------------


def _creds(
    number: str,
    device: int,
    lid: str,
    hosted: bool,
    linked_at: datetime,
    prekeys: int,
    rng: random.Random,
) -> dict[str, Any]:
    identity, phone = own_pair(rng), own_pair(rng)
    me = {"id": f"{number}:{device}@s.whatsapp.net", "name": f"Shop {number[-4:]}"}
    if lid:
        me["lid"] = f"{lid}:{device}@lid"
    return {
        "noiseKey": pair_row(own_pair(rng)),
        "pairingEphemeralKeyPair": pair_row(own_pair(rng)),
        "signedIdentityKey": pair_row(identity),
        "signedPreKey": signed_prekey(identity, own_pair(rng)),
        "registrationId": rng.randrange(1, 16384),
        "advSecretKey": base64.b64encode(rng.randbytes(32)).decode(),
        "processedHistoryMessages": [],
        "nextPreKeyId": prekeys + 1,
        "firstUnuploadedPreKeyId": prekeys + 1,
        "accountSyncCounter": 1,
        "accountSettings": {"unarchiveChats": False},
        "registered": False,
        "account": account(identity, phone, linked_at, device, hosted=hosted),
        "me": me,
        "signalIdentities": [
            {
                "identifier": {"name": me["id"], "deviceId": 0},
                "identifierKey": SIGNAL_TYPE + phone.public,
            }
        ],
        "platform": "android",
        "routingInfo": b"\x08\x02\x08\x05",
        "lastAccountSyncTimestamp": int(linked_at.timestamp()) + 60,
        "lastPropHash": "3JOKqb",
    }


def own_pair(rng: random.Random) -> KeyPair:
    return KeyPair.from_private(rng.randbytes(32))


def signed_prekey(identity: KeyPair, pair: KeyPair, key_id: int = 1) -> dict[str, Any]:
    return {
        "keyPair": pair_row(pair),
        "signature": signature(identity, SIGNAL_TYPE + pair.public),
        "keyId": key_id,
    }


def signature(pair: KeyPair, message: bytes) -> bytes:
    """The pair's XEdDSA signature, the same one each time."""
    private = xeddsa.priv_force_sign(pair.private, False)
    return xeddsa.ed25519_priv_sign(private, message, hashlib.sha512(message).digest())


def account(
    identity: KeyPair,
    phone: KeyPair,
    linked_at: datetime,
    key_index: int,
    *,
    hosted: bool = False,
) -> dict[str, str]:
    """ADVSignedDeviceIdentity as protobufjs writes it: bare base64 text."""
    details = encode(
        [
            (1, 1_712_345_678),
            (2, int(linked_at.timestamp())),
            (3, key_index),
            *([(5, 1)] if hosted else []),
        ]
    )
    covered = details + identity.public
    device_prefix = b"\x06\x06" if hosted else b"\x06\x01"
    signed = {
        "details": details,
        "accountSignatureKey": phone.public,
        "accountSignature": signature(phone, b"\x06\x00" + covered),
        "deviceSignature": signature(identity, device_prefix + covered + phone.public),
    }
    return {name: base64.b64encode(value).decode() for name, value in signed.items()}
