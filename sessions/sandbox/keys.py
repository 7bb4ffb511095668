"""Curve25519 key pairs that agree on secrets and sign (XEdDSA)."""

from __future__ import annotations

import os
from dataclasses import dataclass

import xeddsa
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)

SIGNAL_TYPE = b"\x05"  # Signal puts this byte before every Curve25519 public key


@dataclass(frozen=True, slots=True)
class KeyPair:
    private: bytes
    public: bytes

    @classmethod
    def generate(cls) -> KeyPair:
        return cls.from_private(os.urandom(32))

    @classmethod
    def from_private(cls, private: bytes) -> KeyPair:
        key = X25519PrivateKey.from_private_bytes(_clamp(private))
        return cls(key.private_bytes_raw(), key.public_key().public_bytes_raw())

    def agree(self, public: bytes) -> bytes:
        """The shared secret. Raises ValueError for a bad public key."""
        key = X25519PrivateKey.from_private_bytes(self.private)
        return key.exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, message: bytes) -> bytes:
        # Verifiers turn the Curve25519 key into the Ed25519 key with sign bit 0.
        private = xeddsa.priv_force_sign(self.private, False)
        return xeddsa.ed25519_priv_sign(private, message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """True if the owner of this Curve25519 key signed the message."""
    key = xeddsa.curve25519_pub_to_ed25519_pub(public, bool(signature[63] & 0x80))
    plain = signature[:63] + bytes((signature[63] & 0x7F,))
    return xeddsa.ed25519_verify(plain, key, message)


def _clamp(private: bytes) -> bytes:
    first, last = private[0] & 248, private[31] & 127 | 64
    return bytes((first,)) + private[1:31] + bytes((last,))
