"""The protobuf wire format: just what the few messages of the handshake need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

VARINT: Final = 0
FIXED_64: Final = 1
LENGTH_DELIMITED: Final = 2
FIXED_32: Final = 5

Value = int | bytes | str


class ProtobufError(ValueError):
    """The bytes are not a protobuf message."""


class Message:
    """A decoded message; a field that stands several times keeps its last value."""

    def __init__(self, fields: dict[int, int | bytes]) -> None:
        self._fields = fields

    def integer(self, number: int, default: int = 0) -> int:
        value = self._fields.get(number, default)
        return value if isinstance(value, int) else default

    def bytes(self, number: int) -> bytes:
        value = self._fields.get(number, b"")
        return value if isinstance(value, bytes) else b""

    def text(self, number: int) -> str:
        return self.bytes(number).decode("utf-8", "replace")

    def message(self, number: int) -> Message:
        """The nested message; an absent one reads as empty."""
        return decode(self.bytes(number))

    def __contains__(self, number: int) -> bool:
        return number in self._fields


def decode(data: bytes) -> Message:
    """Read a message of any kind. Raises ProtobufError for anything malformed."""
    fields: dict[int, int | bytes] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            fields[number], at = _varint(data, at)
            continue
        if kind == LENGTH_DELIMITED:
            size, at = _varint(data, at)
        elif kind in (FIXED_32, FIXED_64):
            size = 4 if kind == FIXED_32 else 8
        else:
            raise ProtobufError(f"wire type {kind} is not supported")
        if at + size > len(data):
            raise ProtobufError("message ends inside a field")
        value = data[at : at + size]
        delimited = kind == LENGTH_DELIMITED
        fields[number] = value if delimited else int.from_bytes(value, "little")
        at += size
    return Message(fields)


def encode(fields: Iterable[tuple[int, Value]]) -> bytes:
    """Write a message: integers as varints, the rest with its length."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _encode_varint(number << 3 | VARINT) + _encode_varint(value)
            continue
        raw = value.encode() if isinstance(value, str) else value
        out += _encode_varint(number << 3 | LENGTH_DELIMITED)
        out += _encode_varint(len(raw)) + raw
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ProtobufError("bad varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
