"""Typed reading of decoded JSON whose form nobody promises."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sessions.baileys.buffer_json import octets

KEY_TYPE = b"\x05"  # of Curve25519, before public keys in Signal records
KEY_SIZE = 32
MAX_UINT32 = (1 << 32) - 1


class Malformed(ValueError):
    """A value has not the form that its program writes; no key is in the message."""


def mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def sequence(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return value


def text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise Malformed(f"{what} is no text")
    return value


def whole(value: Any, what: str, lowest: int = 0, highest: int = MAX_UINT32) -> int:
    """An integer in the range; protobufjs writes 64 bits as text or as two halves."""
    if isinstance(value, dict) and "low" in value and "high" in value:
        low, high = value["low"], value["high"]
        if isinstance(low, int) and isinstance(high, int):
            value = (high << 32) | (low & MAX_UINT32)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) <= 20 else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{what} is no number")
    if not lowest <= value <= highest:
        raise Malformed(f"{what} is out of range")
    return value


def binary(value: Any, what: str, size: int | None = None) -> bytes:
    """Bytes, their base64, or a typed array that was written as an object."""
    try:
        content = _typed_array(value) if isinstance(value, dict) else octets(value)
    except ValueError as error:
        raise Malformed(f"{what} is no bytes") from error
    if size is not None and len(content) != size:
        raise Malformed(f"{what} has {len(content)} bytes, not {size}")
    return content


def public_key(value: Any, what: str) -> bytes:
    """The 33 bytes of a public key in a Signal record."""
    content = binary(value, what, KEY_SIZE + 1)
    if content[:1] != KEY_TYPE:
        raise Malformed(f"{what} is of an unknown type")
    return content


def bare_public_key(value: Any, what: str) -> bytes:
    """The 32 bytes of a public key, with its type before them or without."""
    content = binary(value, what)
    return public_key(
        KEY_TYPE + content if len(content) == KEY_SIZE else content, what
    )[1:]


def key_pair(value: Any, what: str) -> bytes:
    """The private key of {private, public}, whose halves fit."""
    pair = mapping(value, what)
    private = binary(pair.get("private"), f"{what}, private", KEY_SIZE)
    if bare_public_key(pair.get("public"), f"{what}, public") != public_of(private):
        raise Malformed(f"{what}: the public key does not fit the private one")
    return private


def public_of(private: bytes) -> bytes:
    """The 32 bytes of the public key; clamping is part of the multiplication."""
    pair = X25519PrivateKey.from_private_bytes(private)
    return pair.public_key().public_bytes_raw()


def base64_text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _typed_array(value: dict[str, Any]) -> bytes:
    if list(value) != [str(place) for place in range(len(value))]:
        raise ValueError("no typed array")
    try:
        return bytes(value.values())
    except TypeError as error:
        raise ValueError("no typed array") from error
