"""The three signatures that tie a linked device together (Signal's XEdDSA)."""

from __future__ import annotations

from collections.abc import Iterator

import xeddsa

KEY_TYPE = b"\x05"
# Prefixes of what the signatures of a linked device cover; the second of each is of
# hosted accounts, and of what Baileys signed for them.
ACCOUNT_SIGNATURE = (b"\x06\x00", b"\x06\x05")
DEVICE_SIGNATURE = (b"\x06\x01", b"\x06\x06")


def public_key(private: bytes) -> bytes:
    """32 bytes, without the type byte."""
    return xeddsa.priv_to_curve25519_pub(private)


def wrong_signatures(device: dict[str, bytes]) -> Iterator[str]:
    """Ids of the checks that fail; the columns have their lengths."""
    details = device["adv_details"]
    account_key = device["adv_account_sig_key"]
    identity = public_key(device["identity_key"])
    signed_prekey = public_key(device["signed_pre_key"])
    covered = {
        "w12": (
            identity,
            device["signed_pre_key_sig"],
            [KEY_TYPE + signed_prekey],
        ),
        "w13": (
            account_key,
            device["adv_account_sig"],
            [prefix + details + identity for prefix in ACCOUNT_SIGNATURE],
        ),
        "w14": (
            identity,
            device["adv_device_sig"],
            [prefix + details + identity + account_key for prefix in DEVICE_SIGNATURE],
        ),
    }
    for check, (key, signature, messages) in covered.items():
        if not any(signed(key, signature, message) for message in messages):
            yield check


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """The sign of the public key travels in the signature. Never raises."""
    sign = bool(signature[63] & 0x80)
    plain = signature[:63] + bytes([signature[63] & 0x7F])
    try:
        edwards = xeddsa.curve25519_pub_to_ed25519_pub(public, sign)
        return xeddsa.ed25519_verify(plain, edwards, message)
    except xeddsa.XEdDSAException:
        return False
